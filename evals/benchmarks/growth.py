"""Measures how much longer a whole question takes over a large index than over a small one.

    python evals/benchmarks/indexing.py --corpus DIR --sizes 1000,10000,100000 --lend 2000 --reuse --out RUN
    python evals/benchmarks/growth.py RUN --questions FILE --limit 20

RUN contains the indexes that evals/benchmarks/indexing.py kept. Every question is asked of each index in
turn, with one model, so that other work of the machine affects all alike. Prints medians and the ratios to
the smallest index, with intervals (questions resampled). The indexes return different evidence, whose length
is printed too.

Exit status: 0 done; 2 could not run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

from evals.benchmarks import indexing, resample  # noqa: E402
from evals.benchmarks.indexing import INDEX, QUESTIONS  # noqa: E402
from evals.benchmarks.ratios import ratio  # noqa: E402
from evals.command import exit_status  # noqa: E402
from evals.dataset import BadQuestions  # noqa: E402
from rag import Assistant, Settings  # noqa: E402
from rag.models.llm.factory import open_generator  # noqa: E402
from rag.models.llm.protocol import Generator  # noqa: E402

SECONDS = defaultdict[str, list[float]]
"""By question, one for each time that it was asked."""


@dataclasses.dataclass(slots=True)
class Grown:
    """One index, and the times of its questions."""

    chunks: int
    """Chunks in it."""
    assistant: Assistant
    """Over it."""
    whole: SECONDS = dataclasses.field(default_factory=lambda: defaultdict(list))
    """Seconds from question to answer."""
    search: SECONDS = dataclasses.field(default_factory=lambda: defaultdict(list))
    """Seconds until the evidence was found."""
    shown: list[int] = dataclasses.field(default_factory=list)
    """Characters of evidence."""

    def ask(self, question: str) -> None:
        """Ask, and record the times."""
        started = time.perf_counter()
        answer = self.assistant.ask(question)
        self.whole[question].append(time.perf_counter() - started)
        self.search[question].append(answer.timings["retrieve"])
        self.shown.append(sum(len(item.text) for item in answer.evidence))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    args = _arguments().parse_args(argv)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    settings = Settings.load()
    kept = {home: built.chunks for home in sorted(args.indexes.glob("*")) if (built := indexing.kept(home))}
    if len(kept) < 2:
        raise BadQuestions(
            f"{args.indexes} contains {len(kept)} indexes, but two or more are needed. Make them: "
            "python evals/benchmarks/indexing.py --sizes 1000,100000 --lend 2000 --reuse "
            f"--out {args.indexes}"
        )
    asked = resample.questions(
        resample.read_questions(args.questions or [QUESTIONS]), args.limit + 1, args.seed
    )
    print(table(measured(kept, asked, open_generator(settings), settings)))


def measured(
    kept: Mapping[Path, int], questions: Sequence[str], generator: Generator, settings: Settings
) -> list[Grown]:
    """Ask each index every question in turn; the smallest index comes first.

    Args:
        kept: Folders that evals/benchmarks/indexing.py kept, with the chunks in each.
        questions: The first one, which loads what is loaded once, is not counted.
        generator: Serves all of them.
        settings: For everything but the place of the index.
    """
    grown = []
    for home, chunks in sorted(kept.items(), key=lambda one: one[1]):
        own = dataclasses.replace(settings, indexes=home / "indexes")
        grown.append(Grown(chunks, Assistant.open(INDEX, settings=own, generator=generator)))
    for one in grown:
        one.assistant.ask(questions[0])
    for turn, question in enumerate(questions[1:]):
        # The first one finds colder caches, so each index is first in turn.
        for at in range(len(grown)):
            grown[(turn + at) % len(grown)].ask(question)
    return grown


def table(grown: Sequence[Grown]) -> str:
    """The times in Markdown.

    Args:
        grown: The smallest index first.
    """
    lines = [
        "| chunks | whole question, s | search, ms | evidence, characters | times the smallest | n |",
        "|---|---|---|---|---|---|",
    ]
    for one in grown:
        against = ratio(one.whole, grown[0].whole)
        spread = f"{against.median:.3f} [{against.low:.3f}, {against.high:.3f}]" if against else "–"
        lines.append(
            f"| {one.chunks:,} | {_median(one.whole):.2f} | {1000 * _median(one.search):.0f} | "
            f"{statistics.median(one.shown):.0f} | {spread} | {len(one.whole)} |"
        )
    return "\n".join(lines)


def _median(seconds: SECONDS) -> float:
    return statistics.median(value for values in seconds.values() for value in values)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals/benchmarks/growth.py", description="Measure whole questions over small and large indexes."
    )
    parser.add_argument("indexes", type=Path, metavar="RUN", help="the --out of indexing.py --reuse")
    parser.add_argument(
        "--questions",
        type=Path,
        action="append",
        metavar="FILE",
        help="question file, JSON Lines; may be given several times; default: the hand-written set",
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="questions; default: 20")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="random seed; default: 0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
