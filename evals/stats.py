"""Scores with their uncertainty, and the summary of a run.

Questions on the same article are not independent: an article that is easy to find makes all of them easy.
So whole articles are resampled, not questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from evals.dataset import Question
from evals.score import Scores

RESAMPLES = 2000
"""Bootstrap resamples: the ends of the interval then move by less than .01 from seed to seed."""

BOOTSTRAP_SEED = 20240906
"""Fixed, and not the seed of the sample of questions: the same items always give the same interval."""

_Z = 1.959964  # two-sided 95 % of the normal distribution
_RECALL_AT = (1, 5, 10)

Score = dict[str, float | int | None]
"""``{"value", "low", "high", "n"}``; the first three are None where n is 0."""


@dataclass(frozen=True, slots=True)
class Result:
    """One item after it was asked."""

    question: Question
    """What was asked."""
    scores: Scores
    """All None where there is an error."""
    answer: dict[str, Any] | None
    """``Answer.to_dict()``; None where only retrieval ran or the item failed."""
    seconds: dict[str, float]
    """Seconds by stage."""
    error: str | None
    """Why the item could not be graded."""


def score(values: Sequence[float], clusters: Sequence[str]) -> Score:
    """The mean with its 95 % interval.

    The interval is the percentile bootstrap over clusters. Where that has no spread (one cluster, or
    every cluster scored the same) it would claim certainty from three right answers; Wilson's interval
    with the number of clusters as its n stands in then.

    Args:
        values: 0.0 to 1.0, one for each item.
        clusters: What each item depends on, in the same order.
    """
    if not values:
        return {"value": None, "low": None, "high": None, "n": 0}
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values but {len(clusters)} clusters")
    data = np.asarray(values, dtype=float)
    _, member = np.unique(np.asarray(clusters), return_inverse=True)
    sizes = np.bincount(member)
    sums = np.bincount(member, weights=data)
    mean = float(data.mean())
    if np.ptp(sums / sizes) < 1e-12:
        low, high = _wilson(mean, len(sizes))
    else:
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        drawn = rng.integers(0, len(sizes), size=(RESAMPLES, len(sizes)))
        means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        low, high = (float(end) for end in np.quantile(means, (0.025, 0.975)))
    return {"value": mean, "low": low, "high": high, "n": len(data)}


def _wilson(mean: float, n: int) -> tuple[float, float]:
    middle = (mean + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * (mean * (1 - mean) / n + _Z**2 / (4 * n**2)) ** 0.5
    return max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


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

    return {
        "n": len(results),
        "unscored": sum(_is_unscored(r) for r in results),
        "accuracy": mean("correct"),
        "accuracy_by_tag": None
        if retrieval_only
        else {label: mean("correct", _labelled(results, label)) for label in labels},
        "unanswerable_refused": mean("refused", unanswerable),
        "answerable_refused": mean("refused", answerable),
        "citation_precision": mean("citation_precision"),
        "citation_recall": mean("citation_recall"),
        "groundedness": None,
        "language": mean("language"),
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


def _retrieval(results: Sequence[Result], name: str) -> dict[str, dict[str, Score]]:
    tags = sorted({tag for r in results for tag in r.question.tags if _value(r, name) is not None})
    groups = {"all": list(results)} | {tag: [r for r in results if tag in r.question.tags] for tag in tags}
    return {
        tag: {f"recall@{k}": _mean(group, partial(_within, name, k)) for k in _RECALL_AT}
        | {"mrr": _mean(group, lambda r: _value(r, name))}
        for tag, group in groups.items()
    }


def _within(name: str, k: int, result: Result) -> float | None:
    reciprocal = _value(result, name)
    # 1/k is the same float whether it comes from a rank or from here.
    return None if reciprocal is None else float(reciprocal >= 1 / k)


def _latency(results: Iterable[Result]) -> dict[str, dict[str, float | int]]:
    stages: dict[str, list[float]] = {}
    for result in results:
        for stage, seconds in result.seconds.items():
            stages.setdefault(stage, []).append(seconds)
    return {
        stage: {
            "median": float(np.median(times)),
            "p95": float(np.quantile(times, 0.95)),
            "n": len(times),
        }
        for stage, times in stages.items()
    }
