"""Ratios of paired times with their spread, and whether they got worse (pure functions).

Only ratios are compared with earlier runs: seconds depend on the machine and its other work, which the
systems of one round share.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DRAWS = 4000
"""Bootstrap samples: the ends of a 95 % interval move by a hundredth of its width."""

LEVEL = 0.05
"""Error rate of the intervals."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times longer one system took than another, over the same questions."""

    median: float
    """The median over questions of each question's ratio; above 1 the other one is slower."""
    low: float
    """Lower end of the 95 % interval, questions resampled."""
    high: float
    """Upper end."""
    n: int
    """Questions that both answered."""


def ratio(others: Mapping[str, Sequence[float]], own: Mapping[str, Sequence[float]]) -> Ratio | None:
    """How many times longer the others took.

    Args:
        others: Seconds by question, one for each round.
        own: The same of the system that they are compared with.

    Returns:
        None where no question was answered by both.
    """
    shared = sorted(name for name in others.keys() & own.keys() if others[name] and own[name])
    if not shared:
        return None
    logs = np.array([math.log(statistics.median(others[q]) / statistics.median(own[q])) for q in shared])
    chance = np.random.default_rng(0)
    drawn = np.median(chance.choice(logs, (DRAWS, len(logs))), axis=1)
    low, high = np.quantile(drawn, (LEVEL / 2, 1 - LEVEL / 2))
    median = float(np.median(logs))
    return Ratio(math.exp(median), math.exp(float(low)), math.exp(float(high)), len(shared))


def worse(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """A line for each ratio that is smaller than it was, beyond the noise of both.

    Args:
        now: ``ratios`` of a report, by system and measure.
        before: The same of a committed one.
    """
    reasons = []
    for system, measures in before.items():
        for measure, old in measures.items():
            new = now.get(system, {}).get(measure)
            if old is None:
                continue
            if new is None:
                reasons.append(f"{system}, {measure}: was {_spread(old)}, is not measured now")
            elif new["high"] < old["low"]:
                reasons.append(
                    f"{system}, {measure}: {_spread(old)} times as long as sanad, now {_spread(new)}"
                )
    return reasons


def _spread(one: Mapping[str, Any]) -> str:
    return f"{one['median']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def table(report: Mapping[str, Any]) -> str:
    """A report in Markdown: the systems, their ratios to the first one, and the ceilings.

    Args:
        report: As evals/benchmarks/answers.py writes it.
    """
    lines = [
        "| system | first words, s | whole answer, s | cold start, s | peak memory, GB | tokens read, "
        "written | right | read/s | of the products | written/s | of the bandwidth |",
        "|" + "---|" * 11,
    ]
    for name, one in report["systems"].items():
        if "error" in one:
            lines.append(f"| {name} | not measured: {one['error']} |" + " |" * 9)
            continue
        lines.append(
            f"| {name} | {_quartiles(one['first'])} | {_quartiles(one['total'])} | {one['cold']:.1f} | "
            f"{one['peak'] / 1e9:.1f} | {one['prompt_tokens']:.0f}, {one['reply_tokens']:.0f} | "
            f"{one['right']} of {one['graded']} | {one['reading']:.0f} | {_share(one['of_products'])} | "
            f"{one['rate']:.1f} | {_share(one['of_bandwidth'])} |"
        )
    lines += [
        "",
        "| times as long as sanad | first words | whole answer | lost, won, p |",
        "|---|---|---|---|",
    ]
    for name, measures in report["ratios"].items():
        cells = [_spread(measures[m]) if measures[m] else "–" for m in ("first", "total")]
        against = report["accuracy"][name]
        cells.append(f"{against['lost']}, {against['won']}, {against['p']:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    bounds = report["ceilings"]
    lines += [
        "",
        f"n = {report['run']['questions']} questions, {report['run']['rounds']} rounds; medians with "
        "quartiles or 95 % intervals (questions resampled).",
        f"Ceilings (medians of rounds): {bounds['read'] / 1e9:.1f} GB/s read, "
        f"{bounds['copy'] / 1e9:.1f} GB/s copied, {bounds['products'] / 1e9:,.0f} billion operations/s.",
    ]
    return "\n".join(lines)


def _quartiles(one: Sequence[float]) -> str:
    low, middle, high = one
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
