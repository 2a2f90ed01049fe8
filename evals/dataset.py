"""Reads question files: JSON Lines, one question a line, in the format of evals/README.md.

A file is read whole before anything is asked: a mistake on line 200 must not show after an hour.
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

_REQUIRED = ("id", "question", "lang", "answerable")
_KEYS = (*_REQUIRED, "must", "must_not", "evidence", "tags")


class BadQuestions(SanadError):
    """A question file cannot be used; the message names the file, the line and the key."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Where the answer stands: a verbatim piece of an article."""

    article: str
    """The article's id, which is its file's stem."""
    text: str
    """Stands character for character in the article; empty where only the article is known."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question with what a right answer must hold."""

    id: str
    """Unique within the file."""
    text: str
    """The question as it is asked."""
    lang: str
    """``en`` or ``ar``: the language of the question, which the answer must share."""
    answerable: bool
    """False where the right outcome is that the articles do not say."""
    must: tuple[tuple[str, ...], ...]
    """Groups of alternatives; the answer must hold at least one alternative of every group."""
    must_not: tuple[str, ...]
    """None of these may stand in the answer."""
    evidence: tuple[Quote, ...]
    """Every place that holds the answer; empty where the question is not answerable."""
    tags: tuple[str, ...]
    """For the break-down: ``en-ar``, ``date``, ``conflict``, …"""
    line: int
    """1-based line in the question file, for messages."""

    @property
    def cluster(self) -> str:
        """What the statistics resample: questions on one article share its luck, so they move together."""
        return f"article {self.evidence[0].article}" if self.evidence else f"item {self.id}"


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
    """Every question of a file, in order, and in place of one that breaks the format what is wrong with it.

    Args:
        path: A JSON Lines file in UTF-8.

    Raises:
        BadQuestions: The file cannot be read, or holds no line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadQuestions(f"{path}: not UTF-8 (byte {error.start}); save the file as UTF-8.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadQuestions(f"{path}: {reason}; give the path of a question file.") from None
    found: list[Question | BadQuestions] = []
    lines: dict[str, int] = {}
    # Not splitlines(): a JSON string may hold U+2028 unescaped, and that does not end the line.
    for number, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            question = _parse(raw, path, number)
            if question.id in lines:
                seen = f"{question.id!r} was used on line {lines[question.id]}"
                raise _wrong(path, number, "id", seen, "give every question an id of its own")
        except BadQuestions as error:
            found.append(error)
            continue
        lines[question.id] = number
        found.append(question)
    if not found:
        raise BadQuestions(f"{path}: holds no question; write one JSON object a line (evals/README.md).")
    return found


def check_quotes(questions: Sequence[Question], texts: Mapping[str, str], path: Path) -> None:
    """Make sure that every evidence quote stands verbatim in its article.

    A quote that stands nowhere could never be cited, and would count silently against the assistant.

    Args:
        questions: The questions of ``path``.
        texts: Article text by article id.
        path: The question file, for messages.

    Raises:
        BadQuestions: An article is unknown, or a quote does not stand in it.
    """
    for question in questions:
        for at, quote in enumerate(question.evidence):
            if quote.article not in texts:
                raise _wrong(
                    path,
                    question.line,
                    f"evidence[{at}].article",
                    f"no article {quote.article!r} in the corpus",
                    "name an article by its file's stem, or give the right --corpus",
                )
            if quote.text not in texts[quote.article]:
                raise _wrong(
                    path,
                    question.line,
                    f"evidence[{at}].quote",
                    f"{_short(quote.text)} does not stand in article {quote.article!r}",
                    "copy the quote character for character from the article",
                )


def select(
    questions: Sequence[Question], *, tags: Sequence[str] = (), limit: int | None = None, seed: int = 0
) -> list[Question]:
    """The questions to ask, in the order of the file.

    Args:
        questions: All questions.
        tags: Keep those that carry one of these tags or are in one of these languages; empty keeps all.
        limit: Keep a random sample of this many; None keeps all.
        seed: What the sample depends on: the same seed draws the same questions.

    Raises:
        BadQuestions: A tag is carried by no question.
    """
    known = sorted({tag for q in questions for tag in (*q.tags, q.lang)})
    for tag in tags:
        if tag not in known:
            raise BadQuestions(f"No question has the tag {tag!r}; there are {', '.join(known)}.")
    chosen = [q for q in questions if not tags or set(tags) & {*q.tags, q.lang}]
    if limit is None or limit >= len(chosen):
        return chosen
    keep = np.random.default_rng(seed).choice(len(chosen), size=limit, replace=False)
    return [chosen[i] for i in sorted(keep)]


def _parse(raw: str, path: Path, line: int) -> Question:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadQuestions(f"{path}, line {line}: not JSON ({error}); write one object a line.") from None
    # Half a surrogate pair is JSON, but no text: nothing that holds it could be printed or written.
    if _SURROGATE.search(json.dumps(data, ensure_ascii=False)):
        raise BadQuestions(
            f"{path}, line {line}: holds half of a surrogate pair; write the character itself."
        )
    if not isinstance(data, dict):
        raise BadQuestions(f'{path}, line {line}: {_short(data)} is not an object; write {{"id": …}}.')
    for key in data:
        if key not in _KEYS:
            raise _wrong(path, line, key, "unknown key", f"known are {', '.join(_KEYS)}")
    for key in _REQUIRED:
        if key not in data:
            raise _wrong(path, line, key, "missing", "add it")

    def need(ok: bool, key: str, value: Any, mend: str) -> None:
        if not ok:
            raise _wrong(path, line, key, _short(value), mend)

    def strings(key: str, value: Any, mend: str) -> tuple[str, ...]:
        need(isinstance(value, list), key, value, mend)
        for at, entry in enumerate(value):
            need(isinstance(entry, str) and bool(entry.strip()), f"{key}[{at}]", entry, mend)
        return tuple(value)

    mend = "must be a list of texts that are not empty"
    for key in ("id", "question"):
        need(isinstance(data[key], str) and bool(data[key].strip()), key, data[key], "must be a text")
    need(data["lang"] in LANGUAGES, "lang", data["lang"], f"must be one of {', '.join(LANGUAGES)}")
    need(isinstance(data["answerable"], bool), "answerable", data["answerable"], "must be true or false")
    groups = data.get("must", [])
    need(isinstance(groups, list), "must", groups, "must be a list of groups of alternatives")
    must = tuple(strings(f"must[{at}]", group, mend) for at, group in enumerate(groups))
    for at, group in enumerate(must):
        need(bool(group), f"must[{at}]", [], "must hold at least one alternative")
    if data["answerable"]:
        need(bool(must), "must", groups, "must hold a group, as the question is answerable")
    return Question(
        id=data["id"],
        text=data["question"],
        lang=data["lang"],
        answerable=data["answerable"],
        must=must,
        must_not=strings("must_not", data.get("must_not", []), mend),
        evidence=_evidence(data.get("evidence", []), path, line),
        tags=strings("tags", data.get("tags", []), mend),
        line=line,
    )


def _evidence(value: Any, path: Path, line: int) -> tuple[Quote, ...]:
    if not isinstance(value, list):
        raise _wrong(path, line, "evidence", _short(value), "must be a list of {article, quote}")
    for at, entry in enumerate(value):
        if not isinstance(entry, dict) or set(entry) != {"article", "quote"}:
            raise _wrong(path, line, f"evidence[{at}]", _short(entry), "must be {article, quote}")
        for key, text in entry.items():
            # An empty quote occurs in public sets: it names the article but no place in it.
            if not isinstance(text, str) or (key == "article" and not text.strip()):
                raise _wrong(path, line, f"evidence[{at}].{key}", _short(text), "must be a text")
    return tuple(Quote(entry["article"], entry["quote"]) for entry in value)


def _wrong(path: Path, line: int, key: str, seen: str, mend: str) -> BadQuestions:
    return BadQuestions(f"{path}, line {line}, key {key!r}: {seen}; {mend}.")


def _short(value: Any) -> str:
    """The value seen, as JSON on one line, cut to what a terminal line can hold."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
