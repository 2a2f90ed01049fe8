"""Measures what it takes to add one article to an index that is there (``indexing.py --updates``).

The fake embedder is used, as embedding an article takes as long in a small index as in a large one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

from rag import Settings, build_index

UPDATES = 20
"""Articles that are added, one by one."""


def update(settings: Settings, index: str, articles: Sequence[str]) -> list[float]:
    """Seconds that it takes to add each article to an index.

    Args:
        settings: Names the folder of articles and the place of the index, which was built from it.
        index: Its name.
        articles: Texts of the new articles.
    """
    seconds = []
    for number, text in enumerate(articles):
        (settings.articles / f"added-{number:03}.txt").write_text(text, encoding="utf-8")
        started = time.perf_counter()
        written = build_index(settings.articles, index, settings=settings).written
        seconds.append(time.perf_counter() - started)
        if len(written.added) != 1:
            raise AssertionError(f"One article was added, and the index counts {len(written.added)}.")
    return seconds


def row(chunks: int, seconds: Sequence[float]) -> dict[str, Any]:
    """The figures of one size, as the report contains them.

    Args:
        chunks: In the index before.
        seconds: Of each update; two or more.
    """
    return {
        "chunks": chunks,
        "median_s": round(statistics.median(seconds), 4),
        "p95_s": round(statistics.quantiles(seconds, n=20, method="inclusive")[-1], 4),
        "n": len(seconds),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The figures of all sizes as Markdown; the ratio is to the smallest size."""
    first = rows[0]["median_s"]
    lines = ["| chunks | one article, median s | 95th percentile, s | ratio | n |", "|---|---|---|---|---|"]
    lines += [
        f"| {one['chunks']:,} | {one['median_s']:.2f} | {one['p95_s']:.2f} | {one['median_s'] / first:.1f} "
        f"| {one['n']} |"
        for one in rows
    ]
    return "\n".join(lines)
