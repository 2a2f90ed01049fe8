"""Decides whether a run may pass: exit status 0, or 1 with the reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.dataset import BadQuestions
from evals.grading.differences import MEASURES, Difference, Pair, compare, overall
from evals.grading.stats import Result
from evals.reporting.baseline import Baseline, own_name


@dataclass(frozen=True, slots=True)
class Floor:
    """A lowest allowed value, and the value of the run."""

    name: str
    """The score's name in ``differences.MEASURES``."""
    least: float
    """From pyproject.toml."""
    value: float | None
    """The mean of the run; None where no item has it."""
    n: int
    """Items that have it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The comparison of a run with its floors and its baseline."""

    regressions: tuple[str, ...]
    """One line each; empty where the run may pass."""
    verdict: str
    """Better, worse or no detectable difference; empty without a baseline."""
    differences: tuple[Difference, ...]
    """Every score that both runs have."""
    paired: int
    """Questions compared."""
    unpaired: int
    """Questions asked that are not in the baseline in these words."""
    floors: tuple[Floor, ...]
    """Those that apply."""


def read_floors(pyproject: Path, questions: Path, split: str | None = None) -> dict[str, float]:
    """The floors of a question file, from ``[tool.sanad.eval.floors.NAME]``.

    Args:
        pyproject: The checkout's; one that does not exist sets no floor.
        questions: The question file; NAME is what ``baseline.own_name`` calls it, and your own has no floors.
        split: The part of it, where it is one of dialogues.

    Raises:
        BadQuestions: A floor is for an unknown score, or not between 0 and 1.
    """
    name = own_name(questions, split)
    if name is None or not pyproject.is_file():
        return {}
    try:
        tables = tomllib.loads(pyproject.read_text(encoding="utf-8"))
        floors = dict(tables.get("tool", {}).get("sanad", {}).get("eval", {}).get("floors", {}))
        chosen = dict(floors.get(name, {}))
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError) as error:
        raise BadQuestions(f"{pyproject}: the floors cannot be read ({error}); correct the file.") from None
    known = [measure.name for measure in MEASURES if not measure.lower_is_better]
    for score, least in chosen.items():
        if score not in known:
            raise BadQuestions(f"{pyproject}: a floor for {score!r}; there are {', '.join(known)}.")
        if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 1:
            raise BadQuestions(f"{pyproject}: the floor {score!r} is {least!r}; give a number from 0 to 1.")
    return chosen


def judge(
    results: Sequence[Result],
    scores: Sequence[Mapping[str, float | None]],
    *,
    baseline: Baseline | None,
    floors: Mapping[str, float],
    retrieval_only: bool,
) -> Judgement:
    """Whether a run may pass.

    Args:
        results: The items asked.
        scores: Their scores by name, in the same order.
        baseline: What to compare with.
        floors: Least values by name of score; give none for a part of a question file.
        retrieval_only: Whether no answers were asked for.
    """
    regressions = []
    broken = [r.question.id for r in results if r.scores.citations_exact == 0.0]
    if broken:
        regressions.append(f"citations not exact: {' '.join(broken)}")
    failed = [r.question.id for r in results if r.error is not None]
    if failed and floors:
        # Failed items drop out of every score, so that the rest could be above every floor.
        regressions.append(f"failed: {' '.join(failed)}")
    held = _floors(results, scores, floors)
    regressions += [
        f"{floor.name} {floor.value:.3f} is below its floor of {floor.least:.3f} (n {floor.n})"
        for floor in held
        if floor.value is not None and floor.value < floor.least
    ]
    pairs, differences = [], []
    if baseline is not None:
        newly_failed = []
        for result, now in zip(results, scores, strict=True):
            before = baseline.of(result.question)
            if before is None:
                continue
            pairs.append(Pair(result.question, before.scores, now))
            if result.error is not None and before.error is None:
                newly_failed.append(result.question.id)
        differences = compare(pairs, retrieval_only=retrieval_only)
        regressions += [described(one) for one in differences if one.gated and one.verdict == "worse"]
        if newly_failed:
            # Not a statistical test: an item that fails now drops out of every score and would go unnoticed.
            regressions.append(f"failed now, and not in the baseline: {' '.join(newly_failed)}")
    return Judgement(
        regressions=tuple(regressions),
        verdict="" if baseline is None else overall(differences),
        differences=tuple(differences),
        paired=len(pairs),
        unpaired=len(results) - len(pairs),
        floors=tuple(held),
    )


def described(one: Difference) -> str:
    """A difference in one line."""
    return (
        f"{one.name} {one.before:.2f} → {one.now:.2f} ({len(one.lost)} lost, {len(one.won)} won of {one.n}; "
        f"p {one.p:.2g}, {one.test})"
    )


def _floors(
    results: Sequence[Result], scores: Sequence[Mapping[str, float | None]], floors: Mapping[str, float]
) -> list[Floor]:
    held = []
    for measure in MEASURES:
        if measure.name not in floors:
            continue
        both = zip(results, scores, strict=True)
        values = [v for result, s in both if (v := measure.value(result.question, s)) is not None]
        mean = sum(values) / len(values) if values else None
        held.append(Floor(measure.name, floors[measure.name], mean, len(values)))
    return held


def to_dict(judgement: Judgement) -> dict[str, Any]:
    """As plain types, ready for JSON."""
    return {
        "regressions": list(judgement.regressions),
        "verdict": judgement.verdict,
        "paired": judgement.paired,
        "unpaired": judgement.unpaired,
        "differences": [one.to_dict() for one in judgement.differences],
        "floors": [{n: getattr(floor, n) for n in floor.__slots__} for floor in judgement.floors],
    }
