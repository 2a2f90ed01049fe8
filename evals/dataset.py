"""Reads question files: JSON Lines, one question a line, in the format of evals/README.md.

A file is read completely before any question is asked, so that a mistake on line 200 is reported at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag import SanadError

LANGUAGES = ("en", "ar")
"""Languages that a question may be in."""

_SURROGATE = re.compile("[\ud800-\udfff]")

REQUIRED = ("id", "question", "lang", "answerable")
"""Keys that a question must have."""

KEYS = (*REQUIRED, "must", "must_not", "evidence", "tags")
"""All keys that a question may have."""


class BadQuestions(SanadError):
    """A question file cannot be used; the message names the file, the line and the key."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The place of the answer: a verbatim piece of an article."""

    article: str
    """The article's id, which is its file's stem."""
    text: str
    """Text that is in the article, character for character; empty where only the article is known."""


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    """The place of a question in a dialogue."""

    dialogue: str
    """The dialogue's id."""
    number: int
    """1 for the turn that opens it."""
    of: int
    """Turns of the dialogue."""
    standalone: str
    """The same question, rewritten by hand as a standalone question; empty where there is none."""
    earlier: tuple[str, ...]
    """The questions of the turns before, oldest first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question with what a right answer must contain."""

    id: str
    """Unique within the file."""
    text: str
    """The question as it is asked."""
    lang: str
    """``en`` or ``ar``: the language of the question, which the answer must share."""
    answerable: bool
    """False where the right outcome is that the articles do not say."""
    must: tuple[tuple[str, ...], ...]
    """Groups of alternatives; the answer must contain at least one alternative of every group."""
    must_not: tuple[str, ...]
    """The answer must contain none of these."""
    evidence: tuple[Quote, ...]
    """Every place that contains the answer; empty where the question is not answerable."""
    tags: tuple[str, ...]
    """For the break-down: ``en-ar``, ``date``, ``conflict``, …"""
    line: int
    """1-based line in the question file, for messages."""
    turn: DialogueTurn | None = None
    """Its place in a dialogue; None for a question that is asked alone."""

    @property
    def cluster(self) -> str:
        """The unit that statistics resample: questions on one article are not independent."""
        if self.turn is not None:
            return self.unit
        return f"article {self.evidence[0].article}" if self.evidence else f"item {self.id}"

    @property
    def unit(self) -> str:
        """The unit that is asked completely or not at all: a dialogue, or a single question."""
        return f"item {self.id}" if self.turn is None else f"dialogue {self.turn.dialogue}"

    @property
    def key(self) -> str:
        """Text before its keys in messages about its line."""
        return "" if self.turn is None else f"turns[{self.turn.number - 1}]."


def read_questions(path: Path) -> list[Question]:
    """Every question of a file, in order.

    Blank lines are skipped.

    Args:
        path: A JSON Lines file in UTF-8.

    Raises:
        BadQuestions: The file cannot be read, holds no question, or a line breaks the format.
    """
    questions = []
    for line in read_lines(path):
        if isinstance(line, BadQuestions):
            raise line
        questions.append(line)
    return questions


def read_lines(path: Path) -> list[Question | BadQuestions]:
    """Every question of a file, in order; a line that breaks the format is replaced by its error.

    Args:
        path: A JSON Lines file in UTF-8.

    Raises:
        BadQuestions: The file cannot be read, or holds no line.
    """
    entries: list[Question | BadQuestions] = []
    lines: dict[str, int] = {}
    for number, raw in raw_lines(path):
        try:
            data = json_object(raw, path, number)
            check_keys(data, KEYS, REQUIRED, path, number)
            question = parse_question(data, path, number)
            check_id(question.id, lines, path, number)
        except BadQuestions as error:
            entries.append(error)
            continue
        entries.append(question)
    return entries


def raw_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not blank, each with its number, from 1.

    Args:
        path: A file in UTF-8.

    Raises:
        BadQuestions: It cannot be read, or holds no such line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadQuestions(f"{path}: not UTF-8 (byte {error.start}); save the file as UTF-8.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadQuestions(f"{path}: {reason}; give the path of a question file.") from None
    # Not splitlines(): a JSON string may hold U+2028 unescaped, and that does not end the line.
    numbered = [(number, raw) for number, raw in enumerate(text.split("\n"), start=1) if raw.strip()]
    if not numbered:
        raise BadQuestions(f"{path}: contains no question; write one JSON object per line (evals/README.md).")
    return numbered


def check_quotes(questions: Sequence[Question], texts: Mapping[str, str], path: Path) -> None:
    """Make sure that every evidence quote is in its article, verbatim.

    A quote that is in no article could never be cited, and would silently count against the assistant.

    Args:
        questions: The questions of ``path``.
        texts: Article text by article id.
        path: The question file, for messages.

    Raises:
        BadQuestions: An article is unknown, or a quote is not in it.
    """
    for question in questions:
        for at, quote in enumerate(question.evidence):
            if quote.article not in texts:
                raise wrong(
                    path,
                    question.line,
                    f"{question.key}evidence[{at}].article",
                    f"no article {quote.article!r} in the corpus",
                    "name an article by its file's stem, or give the right --corpus",
                )
            if quote.text not in texts[quote.article]:
                raise wrong(
                    path,
                    question.line,
                    f"{question.key}evidence[{at}].quote",
                    f"{short(quote.text)} is not in article {quote.article!r}",
                    "copy the quote character for character from the article",
                )


def select(
    questions: Sequence[Question], *, tags: Sequence[str] = (), limit: int | None = None, seed: int = 0
) -> list[Question]:
    """The questions to ask, in the order of the file; of a dialogue all turns or none.

    Args:
        questions: All questions.
        tags: Keep those that carry one of these tags or are in one of these languages, and dialogues with a
            turn that does; empty keeps all.
        limit: Keep a random sample of this many questions or dialogues; None keeps all.
        seed: Seed of the sample: the same seed draws the same questions.

    Raises:
        BadQuestions: A tag is carried by no question.
    """
    known = sorted({tag for q in questions for tag in (*q.tags, q.lang)})
    for tag in tags:
        if tag not in known:
            raise BadQuestions(f"No question has the tag {tag!r}; there are {', '.join(known)}.")
    units = list(dict.fromkeys(q.unit for q in questions if not tags or set(tags) & {*q.tags, q.lang}))
    if limit is not None and limit < len(units):
        keep = np.random.default_rng(seed).choice(len(units), size=limit, replace=False)
        units = [units[i] for i in keep]
    chosen = set(units)
    return [q for q in questions if q.unit in chosen]


def json_object(raw: str, path: Path, line: int) -> dict[str, Any]:
    """The JSON object in a line.

    Args:
        raw: The line.
        path: Its file, for messages.
        line: Its number.

    Raises:
        BadQuestions: It is not JSON, not an object, or not text that could be printed.
    """
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadQuestions(f"{path}, line {line}: not JSON ({error}); write one object per line.") from None
    # Half a surrogate pair is JSON, but no text: nothing that holds it could be printed or written.
    if _SURROGATE.search(json.dumps(data, ensure_ascii=False)):
        raise BadQuestions(
            f"{path}, line {line}: contains half of a surrogate pair; write the character itself."
        )
    if not isinstance(data, dict):
        raise BadQuestions(f'{path}, line {line}: {short(data)} is not an object; write {{"id": …}}.')
    return data


def check_id(id_: str, lines: dict[str, int], path: Path, line: int) -> None:
    """Make sure that an id is used once, and remember it.

    Args:
        id_: The id.
        lines: Ids so far with their lines; it is added.
        path: Its file, for messages.
        line: Its line.

    Raises:
        BadQuestions: It was used before.
    """
    if id_ in lines:
        seen = f"{id_!r} was used on line {lines[id_]}"
        raise wrong(path, line, "id", seen, "give every one an id of its own")
    lines[id_] = line


def check_keys(
    data: Mapping[str, Any],
    known: Sequence[str],
    required: Sequence[str],
    path: Path,
    line: int,
    at: str = "",
) -> None:
    """Make sure that an object has the keys that it must have, and no others.

    Args:
        data: The object.
        known: Keys that it may have.
        required: Keys that it must have.
        path: Its file, for messages.
        line: Its line.
        at: Text before its keys in messages.

    Raises:
        BadQuestions: A key is unknown or missing.
    """
    for key in data:
        if key not in known:
            raise wrong(path, line, at + key, "unknown key", f"known are {', '.join(known)}")
    for key in required:
        if key not in data:
            raise wrong(path, line, at + key, "missing", "add it")


def parse_question(
    data: Mapping[str, Any], path: Path, line: int, turn: DialogueTurn | None = None
) -> Question:
    """A question from its keys, which ``check_keys`` has seen.

    Args:
        data: The object of its line, or one of its line's turns with an ``id``.
        path: Its file, for messages.
        line: Its line.
        turn: Where it stands in its dialogue.

    Raises:
        BadQuestions: It breaks the format.
    """
    at = "" if turn is None else f"turns[{turn.number - 1}]."

    def need(ok: bool, key: str, value: Any, mend: str) -> None:
        if not ok:
            raise wrong(path, line, at + key, short(value), mend)

    def strings(key: str, value: Any, mend: str) -> tuple[str, ...]:
        need(isinstance(value, list), key, value, mend)
        for n, entry in enumerate(value):
            need(isinstance(entry, str) and bool(entry.strip()), f"{key}[{n}]", entry, mend)
        return tuple(value)

    mend = "must be a list of texts that are not empty"
    for key in ("id", "question"):
        need(isinstance(data[key], str) and bool(data[key].strip()), key, data[key], "must be a text")
    need(data["lang"] in LANGUAGES, "lang", data["lang"], f"must be one of {', '.join(LANGUAGES)}")
    need(isinstance(data["answerable"], bool), "answerable", data["answerable"], "must be true or false")
    groups = data.get("must", [])
    need(isinstance(groups, list), "must", groups, "must be a list of groups of alternatives")
    must = tuple(strings(f"must[{n}]", group, mend) for n, group in enumerate(groups))
    for n, group in enumerate(must):
        need(bool(group), f"must[{n}]", [], "must contain at least one alternative")
    if data["answerable"]:
        need(bool(must), "must", groups, "must contain a group, as the question is answerable")
    return Question(
        id=data["id"],
        text=data["question"],
        lang=data["lang"],
        answerable=data["answerable"],
        must=must,
        must_not=strings("must_not", data.get("must_not", []), mend),
        evidence=_evidence(data.get("evidence", []), path, line, at),
        tags=strings("tags", data.get("tags", []), mend),
        line=line,
        turn=turn,
    )


def _evidence(value: Any, path: Path, line: int, at: str) -> tuple[Quote, ...]:
    if not isinstance(value, list):
        raise wrong(path, line, f"{at}evidence", short(value), "must be a list of {article, quote}")
    for n, entry in enumerate(value):
        if not isinstance(entry, dict) or set(entry) != {"article", "quote"}:
            raise wrong(path, line, f"{at}evidence[{n}]", short(entry), "must be {article, quote}")
        for key, text in entry.items():
            # An empty quote occurs in public sets: it names the article but no place in it.
            if not isinstance(text, str) or (key == "article" and not text.strip()):
                raise wrong(path, line, f"{at}evidence[{n}].{key}", short(text), "must be a text")
    return tuple(Quote(entry["article"], entry["quote"]) for entry in value)


def wrong(path: Path, line: int, key: str, seen: str, mend: str) -> BadQuestions:
    """An error about a key of a line.

    Args:
        path: The file.
        line: The line's number.
        key: The key.
        seen: The value or problem that was found.
        mend: How to fix it.
    """
    return BadQuestions(f"{path}, line {line}, key {key!r}: {seen}; {mend}.")


def short(value: Any) -> str:
    """The value seen, as JSON on one line, cut to what a terminal line can hold.

    Args:
        value: Plain types.
    """
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
