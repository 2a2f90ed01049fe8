"""Votes on answers, kept on this machine: appended to one file, and written out as questions to be graded by.

A line of the file is a JSON object, the fields of ``Feedback`` and ``format``; lines are only ever added.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rag.answering.reply import MARKER
from rag.errors import BadSettings, NoSpace
from rag.records import Answer, Language, Outcome
from rag.settings import Settings

FORMAT = 1
"""Version of the lines below."""

MAX_COMMENT = 2000
"""Characters of a comment that are kept: as long as a question may be."""

Vote = Literal["good", "bad"]
"""What a reader thinks of an answer."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One vote, with what is needed to understand it later."""

    at: str
    """When, ISO 8601 in UTC."""
    vote: Vote
    """Good or bad."""
    comment: str
    """What the reader added: of a bad answer, what would be right. May be empty."""
    question: str
    """As asked."""
    language: Language
    """Of the answer."""
    outcome: Outcome
    """How the question ended."""
    claims: tuple[str, ...]
    """The answer's sentences, without markers."""
    quotes: tuple[tuple[str, str], ...]
    """What it cited: article id and quote."""
    model: str
    """Identity of the generator."""
    generation: str
    """Identity of the index generation."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What ``export_feedback`` did."""

    written: int
    """Questions written, one for each that was voted on."""
    left_out: int
    """Questions left out, as nobody has said what the right answer is."""
    unreadable: tuple[int, ...]
    """1-based lines of the file of votes that are none, as when a disk was full; they were passed over."""


def add_feedback(answer: Answer, vote: Vote, comment: str = "", *, settings: Settings | None = None) -> None:
    """Keep a vote on an answer.

    Args:
        answer: What was voted on.
        vote: Good or bad.
        comment: At most ``MAX_COMMENT`` characters are kept.
        settings: Defaults to ``Settings.load()``; ``feedback`` is the file.

    Raises:
        BadSettings: The vote is none.
        NoSpace: The file cannot be written.
    """
    if vote not in get_args(Vote):
        raise BadSettings(f"The vote is {vote!r}; it must be one of {', '.join(get_args(Vote))}.")
    kept = Feedback(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        vote=vote,
        comment=comment.strip()[:MAX_COMMENT],
        question=answer.question,
        language=answer.language,
        outcome=answer.outcome,
        claims=tuple(_bare(claim.text) for claim in answer.claims),
        quotes=tuple((cited.article_id, cited.quote) for cited in answer.citations),
        model=answer.model,
        generation=answer.generation,
    )
    line = json.dumps({"format": FORMAT, **dataclasses.asdict(kept)}, ensure_ascii=False) + "\n"
    _append((settings or Settings.load()).feedback, line.encode("utf-8", "replace"))


def export_feedback(file: Path, *, settings: Settings | None = None) -> Exported:
    """Write the votes as candidates for a question file, in the format of evals/README.md.

    Of several votes on one question the last counts. A good answer becomes what the answer must hold, a bad
    one's comment likewise; a good refusal becomes an unanswerable question.

    Args:
        file: To be written; must not exist, as it may hold someone's edits.
        settings: Defaults to ``Settings.load()``.

    Raises:
        BadSettings: The file exists or cannot be written, or there is no vote to write.
    """
    source = (settings or Settings.load()).feedback
    votes, unreadable = _read(source)
    latest = {" ".join(vote.question.split()): vote for vote in votes}
    candidates = [_candidate(vote) for vote in latest.values()]
    questions = [question for question in candidates if question is not None]
    if not questions:
        why = "no bad answer's comment says what would be right" if votes else "nobody has voted on an answer"
        raise BadSettings(f"Nothing to export from {str(source)!r}: {why} yet. Vote on the page: sanad ui")
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(lines)
    except FileExistsError:
        raise BadSettings(f"{str(file)!r} exists and may hold your edits. Name another file.") from None
    except OSError as error:
        raise BadSettings(f"Cannot write {str(file)!r}: {error.strerror}. Name another file.") from None
    return Exported(len(questions), len(candidates) - len(questions), unreadable)


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write of a whole line at the end: two processes cannot tear each other's.
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
            torn = size and os.read(descriptor, 1) != b"\n"  # by a disk that was full
            os.write(descriptor, b"\n" + line if torn else line)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NoSpace(
            f"Cannot keep the vote in {str(path)!r}: {error.strerror}. Make room or name another folder: "
            "SANAD_CACHE=/path"
        ) from None


def _read(path: Path) -> tuple[list[Feedback], tuple[int, ...]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], ()
    except OSError as error:
        raise BadSettings(f"Cannot read {str(path)!r}: {error.strerror}. Check its permissions.") from None
    votes, unreadable = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            votes.append(_parse(json.loads(line)))
        except (ValueError, TypeError, KeyError):
            unreadable.append(number)
    return votes, tuple(unreadable)


def _parse(told: dict[str, Any]) -> Feedback:
    if told.pop("format") != FORMAT:
        raise ValueError
    claims, quotes = told.pop("claims"), told.pop("quotes")
    vote = Feedback(**told, claims=tuple(claims), quotes=tuple((str(a), str(q)) for a, q in quotes))
    if not isinstance(vote.question, str) or vote.vote not in get_args(Vote):
        raise ValueError
    return vote


def _candidate(vote: Feedback) -> dict[str, Any] | None:
    """A question in the format of evals/question.schema.json; None where the right answer is not known."""
    good, refused = vote.vote == "good", vote.outcome == "not_found"
    question = {
        "id": "feedback-" + hashlib.sha256(vote.question.encode()).hexdigest()[:12],
        "question": vote.question,
        "lang": vote.language,
        "answerable": not (good and refused),
        "tags": ["feedback", vote.vote],
    }
    if good and refused:
        return question
    right = vote.claims if good else _texts([vote.comment])
    if not right:
        return None
    question["must"] = [[text] for text in right]
    if good:
        question["evidence"] = [{"article": article, "quote": quote} for article, quote in vote.quotes]
    return question


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text.strip())


def _bare(claim: str) -> str:
    """A claim without its markers."""
    return MARKER.sub("", claim).strip()
