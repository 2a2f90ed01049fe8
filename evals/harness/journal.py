"""Saves every answer at once, so that a run that was killed can be continued.

JSON Lines: a header with questions, articles and settings of the run, then a line for each item.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from evals.dataset import BadQuestions, Question
from evals.grading.score import Scores
from evals.grading.stats import Result

NAME = "items.jsonl"
"""The journal's file name, beside report.json."""


class Journal:
    """The items of one run, on disk. Use as a context manager; one process writes at a time."""

    def __init__(self, path: Path, file: IO[str], header: Mapping[str, Any], done: dict[str, Result]) -> None:
        self.path = path
        self.header = header
        """Questions, settings and date with which the run was started."""
        self.done = done
        """Earlier results, by the question's id, without failed ones, which are asked again."""
        self._file = file

    @classmethod
    def open(
        cls, folder: Path, header: Mapping[str, Any], questions: Sequence[Question], *, resume: bool
    ) -> Journal:
        """Start a journal, or continue an existing one.

        Args:
            folder: It exists.
            header: Values that must be the same for the run to be continued, and ``date``, which is kept.
            questions: All questions of the run.
            resume: Continue; otherwise an existing journal is renamed to ``items.old.jsonl``.

        Raises:
            BadQuestions: It cannot be written, or belongs to another run; the message names what differs.
        """
        path = folder / NAME
        try:
            if resume and path.exists():
                return cls._resumed(path, header, questions)
            if path.exists():
                path.replace(path.with_suffix(".old.jsonl"))
            file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise BadQuestions(f"Cannot write {path}: {error.strerror}; give another --out.") from None
        journal = cls(path, file, dict(header), {})
        journal._write(journal.header)
        return journal

    @classmethod
    def _resumed(cls, path: Path, header: Mapping[str, Any], questions: Sequence[Question]) -> Journal:
        kept, lines = 0, []
        for raw in path.read_bytes().splitlines(keepends=True):
            try:
                lines.append(json.loads(raw))
            except ValueError:
                break
            if not raw.endswith(b"\n"):
                lines.pop()
                break
            kept += len(raw)
        if not lines:
            raise BadQuestions(f"{path}: contains no run to continue; leave --resume away to start one.")
        before, *items = lines
        for name, now in header.items():
            then = before.get(name) if isinstance(before, dict) else None
            if name != "date" and then != now:
                raise BadQuestions(
                    f"{path}: was started with another {name} ({_short(then)}, now {_short(now)}); "
                    "leave --resume away to start over."
                )
        with path.open("r+b") as torn:
            torn.truncate(kept)
        by_id = {question.id: question for question in questions}
        try:
            read = [_result(item, by_id) for item in items]
        except (KeyError, TypeError, AttributeError):
            raise BadQuestions(f"{path}: contains no run to continue; leave --resume away.") from None
        return cls(path, path.open("a", encoding="utf-8"), before, _usable(read, questions))

    def add(self, result: Result) -> None:
        """Keep one item; it is on the disk when this returns.

        Raises:
            BadQuestions: The disk is full or gone; what was kept before stays.
        """
        self._write(
            {
                "id": result.question.id,
                "answer": result.answer,
                "scores": dataclasses.asdict(result.scores),
                "seconds": result.seconds,
                "tokens": dict(result.tokens),
                "searched": result.searched,
                "error": result.error,
            }
        )

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BadQuestions(
                f"Cannot write {self.path}: {error.strerror}; make room, then continue with --resume."
            ) from None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _usable(read: Sequence[Result], questions: Sequence[Question]) -> dict[str, Result]:
    """Results to keep: those without an error, and in dialogues only those before the first error."""
    done: dict[str, Result] = {}
    for result in read:
        turn = result.question.turn
        if turn is not None:
            for other in [r.question for r in done.values() if r.question.unit == result.question.unit]:
                if other.turn is not None and other.turn.number > turn.number:
                    del done[other.id]  # it was answered with another history
        if result.error is None:
            done[result.question.id] = result
    gaps: set[str] = set()
    for question in questions:
        if question.id not in done:
            gaps.add(question.unit)
        elif question.unit in gaps:
            del done[question.id]
    return done


def _result(item: Mapping[str, Any], questions: Mapping[str, Question]) -> Result:
    known = {field.name for field in dataclasses.fields(Scores)}
    return Result(
        question=questions[item["id"]],
        scores=Scores(**{name: value for name, value in item["scores"].items() if name in known}),
        answer=item["answer"],
        seconds=item["seconds"],
        tokens=item["tokens"],
        searched=item.get("searched", ""),
        error=item["error"],
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
