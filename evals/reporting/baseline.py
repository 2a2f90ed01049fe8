"""Baselines: the scores of an earlier run on every item, to compare with.

A baseline is a report.json with only those fields of its answers that are compared or shown; any report.json
can serve as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.dataset import BadQuestions, Question
from evals.harness.provenance import question_digest
from evals.harness.turns import DIALOGUES

HERE = Path(__file__).resolve().parents[1]
FOLDER = HERE / "baselines"
"""Committed baselines, named as ``own_name`` names the questions."""

_KEPT = ("question", "text", "language", "outcome", "claims", "citations", "model")
"""Fields of an answer that are kept; the others, passages and evidence, are nine tenths of its size."""

_CLAIM: Mapping[str, Any] = {"text": "", "verdict": "", "reason": ""}
_CITATION: Mapping[str, Any] = {
    "number": 0, "outlet": None, "published": None, "source": "", "line": 0, "quote": "", "also": (),
}  # fmt: skip
"""Fields of a baseline's claims and citations that are shown, and their defaults where a version lacks
them."""

_PLACE = ("article_id", "start", "end")
"""Fields that every citation must have."""

_GRADE = "own_correct"
"""A score that every report has since own words are graded apart from the sentences that an answer quotes."""

_SETTINGS_LEFT_OUT = ("cache", "indexes", "articles", "threads")
"""Settings that say where files are on one machine."""


@dataclass(frozen=True, slots=True)
class Before:
    """One item of a baseline."""

    scores: Mapping[str, float | None]
    """By name, as in report.json."""
    answer: Mapping[str, Any] | None
    """The answer."""
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
        """Its item for a question; None where it was not asked, or with other words or gold."""
        same = self.run["question_digests"].get(question.id) == question_digest(question)
        return self.items.get(question.id) if same else None


def own_name(questions: Path, split: str | None = None) -> str | None:
    """The name by which baselines and floors know a committed set of questions; None for your own.

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
    """Read a baseline; this is done before any question is asked, so that an unusable one costs no time.

    Args:
        path: A baseline or a report.json.
        questions: The questions that will be asked.

    Raises:
        BadQuestions: It cannot be read, is not a report, was graded by other rules, or shares no question
            with
            those.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        items = {item["id"]: _before(item) for item in data["items"]}
        run = {**data["run"], "date": str(data["run"]["date"])}
        latency = {name: {"median": float(one["median"])} for name, one in data["latency"].items()}
        baseline = Baseline(path, run, items, latency)
        shared = any(baseline.of(question) for question in questions)
    except OSError as error:
        fix = "name a report.json with --baseline, or write one with --update-baseline"
        raise BadQuestions(f"{path}: {error.strerror}; {fix}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        fix = "name a report.json that this version of evals/run.py wrote"
        raise BadQuestions(f"{path}: is not a baseline; {fix}.") from None
    if not all(_GRADE in before.scores for before in items.values()):
        raise BadQuestions(
            f"{path}: was graded by the rules of an earlier version; grade it again with "
            f"python -m evals.regrade {path} --questions FILE --out {path}."
        )
    if not shared:
        raise BadQuestions(
            f"{path}: contains none of these questions in these words; name another --baseline, or write a "
            "new one with --update-baseline."
        )
    return baseline


def _before(item: Mapping[str, Any]) -> Before:
    """One item; every field that is used is read here, so that a missing one is reported before asking."""
    answer = item["answer"]
    if answer is not None:
        answer = {
            "text": answer["text"],
            "outcome": answer["outcome"],
            "claims": [_kept(claim, _CLAIM) for claim in answer.get("claims", ())],
            "citations": [
                {**_kept(cited, _CITATION), **{name: cited[name] for name in _PLACE}}
                for cited in answer["citations"]
            ],
        }
    scores = {name: None if value is None else float(value) for name, value in item["scores"].items()}
    return Before(scores, answer, item["error"])


def _kept(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored.get(name, default) for name, default in defaults.items()}


def slim(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as it is committed: without paths of one machine and without most of the search results.

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
