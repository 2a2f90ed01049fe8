"""Compares two reports of the same questions, item by item, both graded by today's rules.

    python -m evals.compare old/report.json new/report.json --questions FILE [--corpus DIR] [--json OUT]

The stored answers of both are graded again (evals/regrade.py), so that a change of the grader does not look
like a change of the product. Prints Markdown: for every score n, both values, the difference with its 95 %
interval and the p value of the paired test, unadjusted and adjusted for multiple tests; for every stage both
medians in seconds and their ratio with its interval. Compare times only of runs on the same machine.

Exit status: 0 done, whatever the difference; 2 could not run. Whether a run may pass is decided by
reporting/gate.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evals import run
from evals.command import exit_status
from evals.dataset import LANGUAGES, BadQuestions, Question
from evals.files import write_json
from evals.grading import intervals
from evals.grading.differences import MEASURES, Difference, ItemScores, Measure, Pair, compare
from evals.grading.stats import Result
from evals.harness.provenance import commit
from evals.regrade import Opener, Regraded, add_options, check, read_asked, read_report, regrade

_STAGES_LAST = ("total",)
"""Stages that are printed after the others."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How long a stage took in both runs, over the items that have it in both."""

    stage: str
    """As in the answers' timings."""
    n: int
    """Items compared; where a run lacks the stage, those of the other one."""
    before: float | None
    """The median in seconds; None where the stage is not in that run."""
    now: float | None
    """The same in the new run."""
    ratio: float | None
    """Now by before; below 1 is faster. None where the items do not allow one."""
    low: float | None
    """Lower end of its 95 % interval, articles resampled."""
    high: float | None
    """Upper end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports, side by side."""

    paired: tuple[tuple[Result, Result], ...]
    """The items of both, before and now."""
    unpaired: tuple[str, ...]
    """Ids that only one report has, in today's words."""
    scores: tuple[Difference, ...]
    """Every score that both have."""
    latency: tuple[Timing, ...]
    """Every stage; empty where a report keeps no seconds of single answers."""

    def failed(self, now: bool) -> list[str]:
        """Ids of the items that failed in one of the runs.

        Args:
            now: In the new one.
        """
        return [pair[now].question.id for pair in self.paired if pair[now].error is not None]

    def inexact(self, now: bool) -> list[str]:
        """Ids of the items with a citation that was not exact.

        Args:
            now: In the new run.
        """
        return [pair[now].question.id for pair in self.paired if pair[now].scores.citations_exact == 0.0]


def _accuracy(name: str, lang: str, question: Question, scores: ItemScores) -> float | None:
    return scores.get(name) if question.lang == lang else None


_BY_LANGUAGE = [
    *(Measure(f"accuracy, {lang}", partial(_accuracy, "correct", lang)) for lang in LANGUAGES),
    *(
        Measure(f"accuracy in own words, {lang}", partial(_accuracy, "own_correct", lang))
        for lang in LANGUAGES
    ),
    *(Measure(f"language, {lang}", partial(_accuracy, "language", lang)) for lang in LANGUAGES),
]


def compare_reports(before: Regraded, now: Regraded) -> Comparison:
    """Compare two reports that were graded by the same rules.

    Args:
        before: The older one.
        now: The newer one.

    Raises:
        BadQuestions: They share no item.
    """
    old = {result.question.id: result for result in before.results}
    new = {result.question.id: result for result in now.results}
    paired = tuple((old[id_], result) for id_, result in new.items() if id_ in old)
    if not paired:
        raise BadQuestions("The two reports share no question in today's words; name two runs of one set.")
    pairs = [Pair(b.question, dataclasses.asdict(b.scores), dataclasses.asdict(n.scores)) for b, n in paired]
    measures = [*MEASURES[:2], *_BY_LANGUAGE, *MEASURES[2:]]
    return Comparison(
        paired=paired,
        unpaired=tuple(sorted(old.keys() ^ new.keys())),
        scores=tuple(compare(pairs, retrieval_only=now.retrieval_only, measures=measures)),
        latency=tuple(timings(paired)),
    )


def timings(paired: Sequence[tuple[Result, Result]]) -> list[Timing]:
    """The seconds of every stage.

    Args:
        paired: The items of both runs, before and now.
    """
    stages = list(dict.fromkeys(stage for pair in paired for result in pair for stage in result.seconds))
    stages.sort(key=lambda stage: stage in _STAGES_LAST)
    return [_timing(stage, paired) for stage in stages]


def _timing(stage: str, paired: Sequence[tuple[Result, Result]]) -> Timing:
    both = [(b, n) for b, n in paired if stage in b.seconds and stage in n.seconds]
    if not both:
        before, now = (
            [pair[side].seconds[stage] for pair in paired if stage in pair[side].seconds] for side in (0, 1)
        )
        return Timing(stage, len(before or now), _median(before), _median(now), None, None, None)
    before, now = [b.seconds[stage] for b, _ in both], [n.seconds[stage] for _, n in both]
    ratio = intervals.median_ratio(before, now, [b.question.cluster for b, _ in both])
    return Timing(stage, len(both), _median(before), _median(now), *(ratio or (None, None, None)))


def _median(values: Sequence[float]) -> float | None:
    ranked = sorted(values)
    middle = len(ranked) // 2
    return (ranked[middle] + ranked[~middle]) / 2 if ranked else None


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """As plain types, ready for JSON."""
    return {
        "paired": len(comparison.paired),
        "unpaired": list(comparison.unpaired),
        "failed": {"before": comparison.failed(False), "now": comparison.failed(True)},
        "citations_inexact": {"before": comparison.inexact(False), "now": comparison.inexact(True)},
        "scores": [one.to_dict() for one in comparison.scores],
        "latency": [dataclasses.asdict(one) for one in comparison.latency],
    }


def markdown(comparison: Comparison) -> str:
    """The comparison as Markdown."""
    rows = [
        ["score", "n", "before", "after", "difference [95 %]", "p", "adjusted p", "lost, won"],
        *(_score_row(one) for one in comparison.scores),
    ]
    lines = [
        f"{len(comparison.paired)} questions in both reports, both graded by the rules of "
        f"{(commit() or 'this version')[:12]}.",
    ]
    for name, ids in (
        ("in one report alone", comparison.unpaired),
        ("failed before", comparison.failed(False)),
        ("failed after", comparison.failed(True)),
        ("citations not exact before", comparison.inexact(False)),
        ("citations not exact after", comparison.inexact(True)),
    ):
        if ids:
            lines.append(f"{name}: {len(ids)} ({' '.join(ids)})")
    lines += ["", *_table(rows)]
    if comparison.latency:
        heads = ["seconds", "n", "median before", "after", "ratio [95 %]"]
        lines += ["", *_table([heads, *(_timing_row(one) for one in comparison.latency)])]
    return "\n".join(lines)


def _score_row(one: Difference) -> list[str]:
    change = f"{one.now - one.before:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"
    lost_won = f"{len(one.lost)}, {len(one.won)}"
    return [
        one.name, str(one.n), f"{one.before:.3f}", f"{one.now:.3f}", change, f"{one.p_alone:.2g}",
        f"{one.p:.2g}", lost_won,
    ]  # fmt: skip


def _timing_row(one: Timing) -> list[str]:
    medians = ["-" if median is None else f"{median:.3f}" for median in (one.before, one.now)]
    ratio = "-" if one.ratio is None else f"{one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}]"
    return [one.stage, str(one.n), *medians, ratio]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]


def main(argv: Sequence[str] | None = None, *, open_assistant: Opener = run.open_fresh) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        open_assistant: Opens an index of the articles.
    """
    parser = argparse.ArgumentParser(
        prog="python -m evals.compare",
        description="Compare two reports of the same questions, both graded by today's rules.",
    )
    parser.add_argument("before", type=Path, metavar="OLD", help="report.json of the older run")
    parser.add_argument("now", type=Path, metavar="NEW", help="report.json of the newer run")
    add_options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparison here too")
    args = parser.parse_args(argv)
    return exit_status(lambda: _run(args, open_assistant))


def _run(args: argparse.Namespace, open_assistant: Opener) -> None:
    reports = {path: read_report(path) for path in (args.before, args.now)}
    asked = read_asked(args, reports[args.now], open_assistant)
    regraded = {path: regrade(report, *asked) for path, report in reports.items()}
    for path, one in regraded.items():
        check(one, path)
    comparison = compare_reports(regraded[args.before], regraded[args.now])
    heads = "\n".join(
        f"{name}: {_about(path, reports[path])}"
        for name, path in (("before", args.before), ("after", args.now))
    )
    sys.stdout.write(f"{heads}\n{markdown(comparison)}\n")
    if args.json is not None:
        write_json(args.json, to_dict(comparison))


def _about(path: Path, report: Mapping[str, Any]) -> str:
    made = report["run"]
    known = (str(made.get("date") or "")[:10], str(made.get("commit") or "")[:12], made.get("model"))
    return f"{path} ({', '.join(part for part in known if part)})"


if __name__ == "__main__":
    sys.exit(main())
