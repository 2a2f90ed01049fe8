"""Votes on answers: kept in one file on this machine, and exported as questions for evals.

Each line of the file is a JSON object with the fields of ``Feedback`` and ``format``. Lines are only
appended.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rag.answering.draft import MARKER
from rag.errors import BadSettings, NoSpace
from rag.records import Answer, Language, Outcome, from_plain
from rag.settings import Settings

FORMAT = 1
"""Version of the format of a line."""

MAX_COMMENT = 2000
"""Longest comment in characters, the same as the longest question; the rest is cut off."""

Vote = Literal["good", "bad"]
"""A reader's opinion of an answer."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One vote, with all that is needed to understand it later."""

    at: str
    """Time of the vote, ISO 8601 in UTC."""
    vote: Vote
    """Good or bad."""
    comment: str
    """The reader's comment; for a bad answer, the correct one. May be empty."""
    question: str
    """The question as the reader typed it."""
    language: Language
    """Language of the answer."""
    outcome: Outcome
    """Outcome of the answer."""
    claims: tuple[str, ...]
    """The answer's sentences, without citation markers."""
    quotes: tuple[tuple[str, str], ...]
    """The cited sentences: article id and quote."""
    model: str
    """Identity of the generator."""
    generation: str
    """Identity of the index generation."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of ``export_feedback``."""

    written: int
    """Number of questions written, at most one for each question that has a vote."""
    left_out: int
    """Number of questions left out because the correct answer is not known."""
    unreadable: tuple[int, ...]
    """1-based numbers of lines that could not be read, for example after the disk was full; they were
    skipped."""


def add_feedback(answer: Answer, vote: Vote, comment: str = "", *, settings: Settings | None = None) -> None:
    """Keep a vote on an answer.

    Args:
        answer: The answer.
        vote: Good or bad.
        comment: At most ``MAX_COMMENT`` characters are kept.
        settings: Defaults to ``Settings.load()``; the file is ``settings.feedback``.

    Raises:
        BadSettings: The vote is neither good nor bad.
        NoSpace: The file cannot be written.
    """
    if vote not in get_args(Vote):
        raise BadSettings(f"The vote is {vote!r}; it must be {' or '.join(get_args(Vote))}.")
    kept = Feedback(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        vote=vote,
        comment=comment.strip()[:MAX_COMMENT],
        question=answer.question,
        language=answer.language,
        outcome=answer.outcome,
        claims=tuple(MARKER.sub("", claim.text).strip() for claim in answer.claims),
        quotes=tuple((cited.article_id, cited.quote) for cited in answer.citations),
        model=answer.model,
        generation=answer.generation,
    )
    line = json.dumps({"format": FORMAT, **dataclasses.asdict(kept)}, ensure_ascii=False) + "\n"
    _append((settings or Settings.load()).feedback, line.encode("utf-8", "replace"))


def export_feedback(file: Path, *, settings: Settings | None = None) -> Exported:
    """Write the votes as candidate questions, in the format of evals/README.md.

    If a question has several votes, the last one counts. The claims of a good answer, and the comment on a
    bad one, become the text that the answer must contain; a good refusal becomes an unanswerable question.

    Args:
        file: The file to write. It must not exist, as it may contain someone's edits.
        settings: Defaults to ``Settings.load()``.

    Raises:
        BadSettings: The file exists or cannot be written, or there is no vote to export.
    """
    source = (settings or Settings.load()).feedback
    votes, unreadable = _read(source)
    latest = {" ".join(vote.question.split()): vote for vote in votes}
    candidates = [_candidate(vote) for vote in latest.values()]
    questions = [question for question in candidates if question is not None]
    if not questions:
        why = (
            "no comment on a bad answer gives the correct one"
            if votes
            else "there are no votes on answers yet"
        )
        raise BadSettings(f"Nothing to export from {str(source)!r}: {why}. To vote, open the page: sanad ui")
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(lines)
    except FileExistsError:
        raise BadSettings(f"{str(file)!r} exists and may contain your edits. Choose another file.") from None
    except OSError as error:
        raise BadSettings(f"Cannot write {str(file)!r}: {error.strerror}. Choose another file.") from None
    return Exported(len(questions), len(candidates) - len(questions), unreadable)


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that a line is a single write at the end: those of two processes cannot mix.
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # the disk was full during an earlier write
                    line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise NoSpace(
            f"Cannot save the vote in {str(path)!r}: {error.strerror}. Free some space, or choose another "
            "folder with SANAD_CACHE=/path"
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
            fields = json.loads(line)
            if fields["format"] != FORMAT or any(len(quote) != 2 for quote in fields["quotes"]):
                raise ValueError
            votes.append(from_plain(Feedback, fields))
        except (ValueError, TypeError, KeyError):
            unreadable.append(number)
    return votes, tuple(unreadable)


def _candidate(vote: Feedback) -> dict[str, Any] | None:
    """A question in the format of evals/question.schema.json; None if the correct answer is not known."""
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
    right = vote.claims if good else tuple(filter(str.strip, [vote.comment]))
    if not right:
        return None
    question["must"] = [[text] for text in right]
    if good:
        question["evidence"] = [{"article": article, "quote": quote} for article, quote in vote.quotes]
    return question
