"""Whether a run is better or worse than an earlier one, and the smallest difference that could be detected.

Runs are compared question by question. Scores that are right or wrong are compared by McNemar's exact test,
the others by a bootstrap of the paired differences over articles. The p values are adjusted for multiple
tests (Benjamini and Hochberg), so that a neutral change fails the gate in one run of twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from evals.dataset import Question
from evals.grading import intervals
from evals.grading.score import headline
from evals.grading.stats import RECALL_AT

Verdict = Literal["better", "worse", "no detectable difference"]
ItemScores = Mapping[str, float | None]

_WHOLE = 1e-9
"""Scores that differ by less are the same: sums of floats differ in their last digits."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A score that two runs are compared by."""

    name: str
    """As the summary prints it; in pyproject.toml, floors are given by this name."""
    value: Callable[[Question, ItemScores], float | None]
    """The score of one item; None where it does not apply."""
    binary: bool = True
    """Every item is right or wrong."""
    lower_is_better: bool = False
    """A lower value is better, as for refused answerable questions."""
    gate: Literal["answers", "retrieval", ""] = ""
    """The kind of run that is gated by it."""


def _plain(name: str, _: Question, scores: ItemScores) -> float | None:
    return scores.get(name)


def _refused(answerable: bool, question: Question, scores: ItemScores) -> float | None:
    return scores.get("refused") if question.answerable == answerable else None


def _later_turn(question: Question, scores: ItemScores) -> float | None:
    later = question.turn is not None and question.turn.number > 1
    return scores.get(headline(question)) if later else None


def _within(name: str, k: int, _: Question, scores: ItemScores) -> float | None:
    reciprocal = scores.get(name)
    return None if reciprocal is None else float(reciprocal >= 1 / k)


def _ranks(stage: str) -> list[Measure]:
    gate: Literal["retrieval"] = "retrieval"
    return [
        *(Measure(f"{stage} recall@{k}", partial(_within, f"{stage}_rr", k)) for k in RECALL_AT[:-1]),
        Measure(f"{stage} recall@{RECALL_AT[-1]}", partial(_within, f"{stage}_rr", RECALL_AT[-1]), gate=gate),
        Measure(f"{stage} mrr", partial(_plain, f"{stage}_rr"), binary=False, gate=gate),
    ]


MEASURES: Sequence[Measure] = (
    Measure("accuracy", partial(_plain, "correct"), gate="answers"),
    # Not gated: whether a phrase or its sentence is shown is the product's choice.
    Measure("accuracy in own words", partial(_plain, "own_correct")),
    Measure("unanswerable refused", partial(_refused, False), gate="answers"),
    # Not gated: a refusal of what could be answered is a wrong answer already.
    Measure("answerable refused", partial(_refused, True), lower_is_better=True),
    # Not gated: these items are among those of the first two already.
    Measure("later turns right", _later_turn),
    Measure("citation precision", partial(_plain, "citation_precision"), binary=False, gate="answers"),
    Measure("citation recall", partial(_plain, "citation_recall"), gate="answers"),
    Measure("groundedness", partial(_plain, "groundedness"), binary=False),
    Measure("language", partial(_plain, "language"), gate="answers"),
    Measure("language share", partial(_plain, "language_share"), binary=False),
    Measure("conflict covered", partial(_plain, "conflict_covered")),
    *_ranks("passage"),
    *_ranks("evidence"),
    Measure("exact match", partial(_plain, "exact_match")),
    Measure("token F1", partial(_plain, "token_f1"), binary=False),
    Measure("MLQA exact match", partial(_plain, "mlqa_exact_match")),
    Measure("MLQA F1", partial(_plain, "mlqa_f1"), binary=False),
)
"""All scores that are compared. A run with answers is gated by five scores of answers and by evidence recall;
with more gated scores each test would be less sensitive."""

SEARCH_GATE = "evidence recall@10"
"""The score of the search that gates answers too."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One question in both runs."""

    question: Question
    """The question."""
    before: ItemScores
    """Its scores in the baseline."""
    now: ItemScores
    """Its scores in the new run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The change of one score."""

    name: str
    """The score."""
    before: float
    """Its mean over the items that have it in both runs."""
    now: float
    """The same in the new run."""
    low: float
    """Lower end of the 95 % interval of the difference, articles resampled."""
    high: float
    """Upper end."""
    p: float
    """Two-sided, adjusted for several scores: for the gated ones together, and for the others together."""
    p_alone: float
    """The same before it was adjusted."""
    n: int
    """Items compared."""
    clusters: int
    """Articles that they are about; an item without evidence counts as an article of its own."""
    test: Literal["McNemar", "bootstrap"]
    """The test that gave the p value."""
    lost: tuple[str, ...]
    """Ids of items that got worse."""
    won: tuple[str, ...]
    """Ids of items that got better."""
    gated: bool
    """Whether the gate uses it."""
    smallest: float
    """The smallest difference that could have been detected; above 1 where none could."""
    verdict: Verdict
    """Better, worse, or neither."""

    def to_dict(self) -> dict[str, Any]:
        """As plain types, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(
    pairs: Sequence[Pair], *, retrieval_only: bool, measures: Sequence[Measure] = MEASURES
) -> list[Difference]:
    """Every score that both runs have.

    Args:
        pairs: The questions that both runs were asked, in the same words and with the same gold.
        retrieval_only: Whether the new run asked for no answers.
        measures: The scores; all of them where none are named.
    """
    gate = "retrieval" if retrieval_only else "answers"
    compared = [
        (measure, measure.gate == gate or (gate == "answers" and measure.name == SEARCH_GATE), kept)
        for measure in measures
        if (kept := _kept(measure, pairs))
    ]
    sizes = {side: sum(gated == side for _, gated, _ in compared) for side in (True, False)}
    raw = [_difference(measure, gated, kept, sizes[gated]) for measure, gated, kept in compared]
    adjusted = {
        side: iter(intervals.benjamini_hochberg([one.p for one in raw if one.gated == side]))
        for side in (True, False)
    }
    return [
        _judged(one, next(adjusted[one.gated]), measure.lower_is_better)
        for one, (measure, _, _) in zip(raw, compared, strict=True)
    ]


_Kept = list[tuple[Question, float, float]]


def _kept(measure: Measure, pairs: Sequence[Pair]) -> _Kept:
    kept = []
    for pair in pairs:
        before = measure.value(pair.question, pair.before)
        now = measure.value(pair.question, pair.now)
        if before is not None and now is not None:
            kept.append((pair.question, before, now))
    return kept


def _difference(measure: Measure, gated: bool, kept: _Kept, family: int) -> Difference:
    clusters = [question.cluster for question, _, _ in kept]
    _, low, high, p = intervals.difference([now - before for _, before, now in kept], clusters)
    fell = tuple(q.id for q, before, now in kept if now < before - _WHOLE)
    rose = tuple(q.id for q, before, now in kept if now > before + _WHOLE)
    lost, won = (rose, fell) if measure.lower_is_better else (fell, rose)
    n = len(kept)
    # The level that a score must reach alone, when no other score of its family moves.
    level = intervals.LEVEL / family
    sure = smallest_change(len(lost) + len(won), level) / n
    if measure.binary:
        p = intervals.mcnemar(len(lost), len(won))
    elif (lost or won) and len(set(clusters)) > 1:
        # Half the interval, where the items themselves tell how much they scatter, widened to that level.
        df = len(set(clusters)) - 1
        wider = intervals.t_quantile(level / 2, df) / intervals.t_quantile(intervals.LEVEL / 2, df)
        sure = max((high - low) / 2 * wider, 1 / n)
    return Difference(
        name=measure.name,
        before=sum(before for _, before, _ in kept) / n,
        now=sum(now for _, _, now in kept) / n,
        low=low,
        high=high,
        p=p,
        p_alone=p,
        n=n,
        clusters=len(set(clusters)),
        test="McNemar" if measure.binary else "bootstrap",
        lost=lost,
        won=won,
        gated=gated,
        smallest=sure,
        verdict="no detectable difference",
    )


def _judged(one: Difference, p: float, lower_is_better: bool) -> Difference:
    values = one.to_dict() | {"p": p}
    moved = one.before - one.now if lower_is_better else one.now - one.before
    if p < intervals.LEVEL and abs(moved) > _WHOLE:
        values["verdict"] = "better" if moved > 0 else "worse"
    return Difference(**values)


def smallest_change(disagreements: int, level: float) -> int:
    """How many more items must be lost than won, or won than lost, for McNemar's test to be significant.

    Args:
        disagreements: Items that differed between the two runs; where these are too few for any outcome to be
            significant, the smallest sufficient number is used.
        level: The p value to stay below.
    """
    total = max(disagreements, 1)
    while intervals.mcnemar(0, total) >= level:
        total += 1
    lost = total // 2
    while intervals.mcnemar(lost, total - lost) >= level:
        lost -= 1
    return total - 2 * lost


def overall(differences: Sequence[Difference]) -> Verdict | Literal["better in part, worse in part"]:
    """The verdict of the gated scores together."""
    verdicts = {one.verdict for one in differences if one.gated}
    if {"better", "worse"} <= verdicts:
        return "better in part, worse in part"
    return (
        "worse" if "worse" in verdicts else "better" if "better" in verdicts else "no detectable difference"
    )
