"""The figures of a benchmark as a table, a verdict and a plot (pure functions, except for the plot)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
"""One size: ``built`` and ``searched`` as in bench.json."""

TARGETS = {"chunks_per_second": 30.0, "median_ms": 60.0, "p95_ms": 150.0}
"""On two cores: lowest throughput from files to index, and longest search among 100,000 chunks."""

QUESTION_MS = 2000.0
"""Median time of a whole answer on two cores (docs/research/results.md). Only the search depends on the size
of the collection; the model and the checks read a fixed amount of text."""

GROWTH = 0.10
"""Share by which a question may take longer at the largest size than at the smallest."""

_COLUMNS: Sequence[tuple[str, Callable[[Row, Row], str]]] = (
    ("chunks", lambda built, _: f"{built['chunks']:,}"),
    ("articles", lambda built, _: f"{built['articles']:,}"),
    ("build, s", lambda built, _: f"{built['seconds']:,.1f}"),
    ("chunks/s", lambda built, _: f"{_throughput(built):,.1f}"),
    ("build memory, MB", lambda built, _: f"{built['peak_mb']:,.0f}"),
    ("on disk, MB", lambda built, _: f"{built['disk_mb']:,.1f}"),
    ("open, s", lambda _, searched: f"{searched['open_seconds']:.2f}"),
    ("first search, ms", lambda _, searched: f"{searched['first_ms']:,.0f}"),
    ("search median, ms", lambda _, searched: f"{searched['median_ms']:.1f}"),
    ("95th percentile, ms", lambda _, searched: f"{searched['p95_ms']:.1f}"),
    ("reader memory, MB", lambda _, searched: f"{searched['peak_mb']:,.0f}"),
)


def table(rows: Sequence[Row]) -> str:
    """The figures in Markdown: a table, the stages of each build, and the comparison with the targets.

    Args:
        rows: One or more, smallest first.
    """
    lines = [
        "| " + " | ".join(name for name, _ in _COLUMNS) + " |",
        "|" + "---|" * len(_COLUMNS),
        *("| " + " | ".join(cell(r["built"], r["searched"]) for _, cell in _COLUMNS) + " |" for r in rows),
        "",
        f"n = {rows[0]['searched']['questions']} searches at each size, after the first.",
    ]
    for row in rows:
        stages = sorted(row["built"]["stages"].items(), key=lambda stage: -stage[1])
        listed = ", ".join(f"{name} {seconds:,.1f}" for name, seconds in stages if seconds >= 0.05)
        lines.append(f"Seconds by stage at {row['built']['chunks']:,} chunks: {listed}.")
    return "\n".join([*lines, *verdicts(rows)])


def verdicts(rows: Sequence[Row]) -> list[str]:
    """A line for each target: throughput at the slowest size, search at the largest, growth between them."""
    slowest = min(_throughput(row["built"]) for row in rows)
    last = rows[-1]["searched"]
    at = f"at {rows[-1]['built']['chunks']:,} chunks"
    lines = [
        f"Throughput {slowest:.1f} chunks/s at least, target {TARGETS['chunks_per_second']:.0f}: "
        f"{_met(slowest >= TARGETS['chunks_per_second'])}."
    ]
    for key, name in (("median_ms", "median"), ("p95_ms", "95th percentile")):
        met = _met(last[key] < TARGETS[key])
        lines.append(f"Search {at}, {name} {last[key]:.1f} ms, target under {TARGETS[key]:.0f}: {met}.")
    if len(rows) > 1:
        first = rows[0]["searched"]["median_ms"]
        # The smallest size's search is part of the answer's time already.
        growth = (last["median_ms"] - first) / QUESTION_MS
        lines.append(
            f"An answer of {QUESTION_MS / 1000:.1f} s takes {growth:.1%} longer {at} than at "
            f"{rows[0]['built']['chunks']:,}, {2 * growth:.1%} with a second search, target under "
            f"{GROWTH:.0%}: {_met(2 * growth < GROWTH)}."
        )
    return lines


def plotter() -> Any:
    """Matplotlib's pyplot, set to draw to files; None where it is not installed."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def draw(rows: Sequence[Row], path: Path) -> bool:
    """Draw throughput and latency against the number of chunks.

    Args:
        rows: As for ``table``.
        path: The PNG file to write.

    Returns:
        False where matplotlib is not installed.
    """
    pyplot = plotter()
    if pyplot is None:
        return False
    chunks = [row["built"]["chunks"] for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    least = TARGETS["chunks_per_second"]
    left.plot(chunks, [_throughput(row["built"]) for row in rows], "o-")
    left.axhline(least, color="grey", linestyle=":", label=f"target: at least {least:.0f}")
    left.set(title="Indexing, from files to index", ylabel="chunks a second")
    for key, name, colour in (("median_ms", "median", "C0"), ("p95_ms", "95th percentile", "C1")):
        right.plot(chunks, [row["searched"][key] for row in rows], "o-", color=colour, label=name)
        label = f"target: {name} under {TARGETS[key]:.0f}"
        right.axhline(TARGETS[key], color=colour, linestyle=":", label=label)
    right.set(title=f"Search, n = {rows[0]['searched']['questions']}", ylabel="milliseconds")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="chunks in the index")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _throughput(built: Row) -> float:
    return float(built["chunks"] / built["seconds"])


def _met(met: bool) -> str:
    return "met" if met else "missed"
