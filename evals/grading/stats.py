"""Scores with their uncertainty, and the summary of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from evals.dataset import Question
from evals.grading.intervals import interval
from evals.grading.score import Scores

RECALL_AT = (1, 5, 10)
"""Depths at which recall is reported."""

OVERLAP = ("exact_match", "token_f1", "mlqa_exact_match", "mlqa_f1")
"""Scores beside those of report.json, for comparison with papers."""

Score = dict[str, float | int | None]
"""``{"value", "low", "high", "n"}``; the first three are None where n is 0."""


@dataclass(frozen=True, slots=True)
class Result:
    """One item after it was asked."""

    question: Question
    """The question."""
    scores: Scores
    """All None where there is an error."""
    answer: dict[str, Any] | None
    """``Answer.to_dict()``; None where only retrieval ran or the item failed."""
    seconds: dict[str, float]
    """Seconds by stage."""
    error: str | None
    """Why the item could not be graded."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Length of the evidence and of the answer, in tokens of o200k_base."""
    searched: str = ""
    """The text that a turn of a dialogue was searched for; empty for single questions."""


def score(values: Sequence[float], clusters: Sequence[str]) -> Score:
    """The mean with its 95 % interval, see ``evals.grading.intervals.interval``.

    Args:
        values: 0.0 to 1.0, one for each item.
        clusters: What each item depends on, in the same order.
    """
    if not values:
        return {"value": None, "low": None, "high": None, "n": 0}
    mean, low, high = interval(values, clusters)
    return {"value": mean, "low": low, "high": high, "n": len(values)}


def summarise(results: Sequence[Result], *, retrieval_only: bool = False) -> dict[str, Any]:
    """Everything of the report but ``run`` and ``items``.

    Args:
        results: The items asked.
        retrieval_only: No answers were asked for: all scores but retrieval's are None (not measured).
    """
    labels = sorted({label for r in results for label in (*r.question.tags, r.question.lang)})
    answerable = [r for r in results if r.question.answerable]
    unanswerable = [r for r in results if not r.question.answerable]

    def mean(name: str, among: Iterable[Result] = results) -> Score | None:
        return None if retrieval_only else _mean(among, lambda r: _value(r, name))

    def by_tag(name: str) -> dict[str, Score] | None:
        if retrieval_only:
            return None
        return {label: _mean(_labelled(results, label), partial(_value, name=name)) for label in labels}

    return {
        "n": len(results),
        "unscored": sum(_is_unscored(r) for r in results),
        "accuracy": mean("correct"),
        "accuracy_by_tag": by_tag("correct"),
        "accuracy_in_own_words": mean("own_correct"),
        "accuracy_in_own_words_by_tag": by_tag("own_correct"),
        "unanswerable_refused": mean("refused", unanswerable),
        "answerable_refused": mean("refused", answerable),
        "citation_precision": mean("citation_precision"),
        "citation_recall": mean("citation_recall"),
        "groundedness": mean("groundedness"),
        "language": mean("language"),
        "language_share": mean("language_share"),
        "conflict_covered": mean("conflict_covered"),
        "retrieval": {
            "passage": _retrieval(results, "passage_rr"),
            "evidence": _retrieval(results, "evidence_rr"),
        },
        "latency": _latency(results),
    }


def _is_unscored(result: Result) -> bool:
    ungraded = result.answer is not None and result.question.answerable and result.scores.correct is None
    return result.error is not None or ungraded


def _value(result: Result, name: str) -> float | None:
    value: float | None = getattr(result.scores, name)
    return value


def _mean(results: Iterable[Result], value: Callable[[Result], float | None]) -> Score:
    pairs = [(v, r.question.cluster) for r in results if (v := value(r)) is not None]
    return score([v for v, _ in pairs], [cluster for _, cluster in pairs])


def _labelled(results: Iterable[Result], label: str) -> list[Result]:
    return [r for r in results if label in (*r.question.tags, r.question.lang)]


def ranking(group: Iterable[Result], name: str) -> dict[str, Score]:
    """Recall at each depth and mean reciprocal rank.

    Args:
        group: The items.
        name: The score that holds their reciprocal ranks.
    """
    group = list(group)
    return {f"recall@{k}": _mean(group, partial(_within, name, k)) for k in RECALL_AT} | {
        "mrr": _mean(group, lambda r: _value(r, name))
    }


def _retrieval(results: Sequence[Result], name: str) -> dict[str, dict[str, Score]]:
    tags = sorted({tag for r in results for tag in r.question.tags if _value(r, name) is not None})
    groups = {"all": list(results)} | {tag: [r for r in results if tag in r.question.tags] for tag in tags}
    return {tag: ranking(group, name) for tag, group in groups.items()}


def _within(name: str, k: int, result: Result) -> float | None:
    reciprocal = _value(result, name)
    # 1/k is the same float whether it comes from a rank or from here.
    return None if reciprocal is None else float(reciprocal >= 1 / k)


def _latency(results: Iterable[Result]) -> dict[str, dict[str, float | int]]:
    return _spread(results, lambda r: r.seconds)


def beside(results: Sequence[Result]) -> dict[str, Any]:
    """Scores for which report.json has no key: precision and recall of refusals, overlap, and tokens.

    Args:
        results: The items asked, answers included.
    """
    refused = [r for r in results if r.scores.refused == 1.0]
    return {
        "abstention": {
            "precision": _mean(refused, lambda r: float(not r.question.answerable)),
            "recall": _mean((r for r in results if not r.question.answerable), lambda r: r.scores.refused),
        },
        "overlap": {name: _mean(results, partial(_value, name=name)) for name in OVERLAP},
        "tokens": _spread(results, lambda r: r.tokens),
    }


def _spread(
    results: Iterable[Result], values: Callable[[Result], Mapping[str, float]]
) -> dict[str, dict[str, float | int]]:
    """Median and 95th percentile by name."""
    named: dict[str, list[float]] = {}
    for result in results:
        for name, value in values(result).items():
            named.setdefault(name, []).append(value)
    return {
        name: {"median": float(np.median(of)), "p95": float(np.quantile(of, 0.95)), "n": len(of)}
        for name, of in named.items()
    }
