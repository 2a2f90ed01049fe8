"""Baselines: what an earlier run scored on every item, to compare with.

A baseline is a report.json whose answers are cut down to what is compared and shown; any report.json will do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.dataset import BadQuestions, Question
from evals.provenance import question_digest
from evals.turns import DIALOGUES

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "baselines"
"""Committed baselines, called as ``own_name`` calls the questions."""

_KEPT = ("question", "text", "language", "outcome", "claims", "citations", "model")
"""What is kept of an answer: passages and evidence are nine tenths of it."""

_CLAIM = ("text", "verdict", "reason")
_CITATION = (
    "number", "article_id", "outlet", "published", "source", "line", "start", "end", "quote", "also",
)  # fmt: skip
"""What is used of a baseline's citations."""

_SETTINGS_LEFT_OUT = ("cache", "indexes", "articles", "threads")
"""Settings that say where files are on one machine."""


@dataclass(frozen=True, slots=True)
class Before:
    """One item of a baseline."""

    scores: Mapping[str, float | None]
    """By name, as in report.json."""
    answer: Mapping[str, Any] | None
    """What was answered."""
    error: str | None
    """Why there was no answer."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run."""

    path: Path
    """Where it was read from."""
    run: Mapping[str, Any]
    """Model, commit, date and so on, as in report.json."""
    items: Mapping[str, Before]
    """By the question's id."""
    latency: Mapping[str, Any]
    """Seconds by stage."""

    def of(self, question: Question) -> Before | None:
        """What it did on a question; None where it was not asked, or its words or gold were others."""
        same = self.run["question_digests"].get(question.id) == question_digest(question)
        return self.items.get(question.id) if same else None


def own_name(questions: Path, split: str | None = None) -> str | None:
    """What baselines and floors call a committed set of questions; None for your own.

    Args:
        questions: The question file.
        split: The part of it, where it is one of dialogues.
    """
    if questions.resolve().parent == HERE / "questions":
        return questions.stem
    return f"{questions.stem}-{split}" if split and questions.resolve() == DIALOGUES else None


def default_path(questions: Path, split: str | None = None) -> Path | None:
    """The committed baseline of a committed question file, whether it exists or not; None for your own.

    Args:
        questions: The question file.
        split: As for ``own_name``.
    """
    name = own_name(questions, split)
    return None if name is None else FOLDER / f"{name}.json"


def read(path: Path, questions: Sequence[Question]) -> Baseline:
    """Read a baseline, before an hour is spent on what cannot be compared.

    Args:
        path: A baseline or a report.json.
        questions: What is to be asked.

    Raises:
        BadQuestions: It cannot be read, is no report, or shares no question with those.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        items = {item["id"]: _before(item) for item in data["items"]}
        run = {**data["run"], "date": str(data["run"]["date"])}
        latency = {name: {"median": float(one["median"])} for name, one in data["latency"].items()}
        baseline = Baseline(path, run, items, latency)
        shared = any(baseline.of(question) for question in questions)
    except OSError as error:
        mend = "name a report.json with --baseline, or write one with --update-baseline"
        raise BadQuestions(f"{path}: {error.strerror}; {mend}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        mend = "name a report.json that this version of evals/run.py wrote"
        raise BadQuestions(f"{path}: is no baseline; {mend}.") from None
    if not shared:
        raise BadQuestions(
            f"{path}: holds none of these questions in these words; name another --baseline, or write a "
            "new one with --update-baseline."
        )
    return baseline


def _before(item: Mapping[str, Any]) -> Before:
    """One item with all that is used of it, so that what lacks something shows before anything is asked."""
    answer = item["answer"]
    if answer is not None:
        answer = {
            "text": answer["text"],
            "outcome": answer["outcome"],
            "claims": [{name: claim[name] for name in _CLAIM} for claim in answer.get("claims", ())],
            "citations": [{name: cited[name] for name in _CITATION} for cited in answer["citations"]],
        }
    scores = {name: None if value is None else float(value) for name, value in item["scores"].items()}
    return Before(scores, answer, item["error"])


def slim(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as it is committed: without the places of one machine and most of each answer's search.

    Args:
        report: A whole report.json.
    """
    run = dict(report["run"])
    run["settings"] = {
        name: value for name, value in run["settings"].items() if name not in _SETTINGS_LEFT_OUT
    }
    items = [
        {
            **item,
            "answer": None
            if item["answer"] is None
            else {name: value for name, value in item["answer"].items() if name in _KEPT},
        }
        for item in report["items"]
    ]
    return {**report, "run": run, "items": items}
