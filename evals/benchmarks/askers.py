"""Measures the answers per minute of one assistant with 1, 2, 4 and 8 clients that ask again once answered.

    python evals/benchmarks/askers.py --askers 1,2,4,8 --limit 16 --rounds 2 --out DIR
    python evals/benchmarks/askers.py --at-once 1            the same with one answer at a time

Every number of clients in every round has a new process, whose engine has read no prompt before. Each round
has another order, so that other work of the machine affects all alike. Writes bench-askers.json and
bench-askers.png.

Exit status: 0 done; 2 could not run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

from evals.benchmarks.answers import mixed  # noqa: E402
from evals.benchmarks.indexing import OUT, QUESTIONS  # noqa: E402
from evals.benchmarks.report import plotter  # noqa: E402
from evals.command import exit_status, positive  # noqa: E402
from evals.dataset import read_questions  # noqa: E402
from evals.files import write_json  # noqa: E402
from rag import Assistant, Finished, SanadError, Settings  # noqa: E402
from rag.settings import quiet_libraries  # noqa: E402

WARM = "Which country is meant?"
"""Asked first and not measured: it loads the models and caches the constant beginning of the prompt."""


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """One question in a round."""

    total: float
    """Seconds from the question to the whole answer."""
    text: str
    """The answer; empty where it failed."""
    failed: str = ""
    """Why it failed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """All questions, asked by several clients at once."""

    askers: int
    """How many."""
    seconds: float
    """From the first question to the last answer."""
    processor: float
    """Processor seconds of all cores together, which depend less on other work of the machine."""
    taken: tuple[Taken, ...]
    """The questions, in order."""

    @property
    def rate(self) -> float:
        """Answers a minute."""
        return 60 * len(self.taken) / self.seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    args = _arguments().parse_args(argv)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> None:
    settings = Settings.load(backend=args.backend, embedder=args.embedder, at_once=args.at_once)
    texts = [question.text for question in mixed(read_questions(args.questions))[: args.limit]]
    Assistant.open(settings=settings).close()  # the index is built before anything is measured
    rounds: list[Round] = []
    for number in range(args.rounds):
        for askers in args.askers if number % 2 == 0 else args.askers[::-1]:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                rounds.append(process.submit(measure, settings, texts, askers).result())
            progress = f"round {number + 1}, {askers} askers: {rounds[-1].rate:.1f} answers a minute"
            print(progress, file=sys.stderr, flush=True)
    figures = [figures_of(rounds, askers) for askers in sorted(args.askers)]
    report = {"at_once": settings.at_once, "figures": figures, "rounds": rounds}
    write_json(args.out / "bench-askers.json", report)
    print(table(figures, settings.at_once))
    if draw(figures, args.out / "bench-askers.png"):
        print(f"\n{args.out / 'bench-askers.png'}")


def measure(settings: Settings, questions: Sequence[str], askers: int) -> Round:
    """Let several clients ask one assistant all questions; each takes the next one that is left.

    Args:
        settings: Of the assistant.
        questions: In the order in which they are taken.
        askers: How many ask at the same time.
    """
    quiet_libraries(settings)
    assistant = Assistant.open(settings=settings)
    assistant.ask(WARM)
    taken: dict[int, Taken] = {}
    left = iter(enumerate(questions))
    turn = threading.Lock()

    def ask() -> None:
        while True:
            with turn:
                at, question = next(left, (-1, ""))
            if at < 0:
                return
            taken[at] = _asked(assistant, question)

    threads = [threading.Thread(target=ask) for _ in range(askers)]
    started, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, used = time.perf_counter() - started, time.process_time() - used
    assistant.close()
    return Round(askers, seconds, used, tuple(taken[at] for at in range(len(questions))))


def _asked(assistant: Assistant, question: str) -> Taken:
    started, text, failed = time.perf_counter(), "", ""
    try:
        for event in assistant.stream(question):
            if isinstance(event, Finished):
                text = event.answer.text
    except SanadError as error:
        failed = str(error)
    total = time.perf_counter() - started
    return Taken(total, text, failed)


def figures_of(rounds: Sequence[Round], askers: int) -> dict[str, Any]:
    """The figures of all rounds with this number of clients, compared with the fewest in each round.

    Args:
        rounds: All.
        askers: How many.
    """
    own = [one for one in rounds if one.askers == askers]
    fewest = min(one.askers for one in rounds)
    base = [one for one in rounds if one.askers == fewest]
    every = [taken for one in own for taken in one.taken]
    pairs = list(zip(own, base, strict=True))
    return {
        "askers": askers,
        "rate": [one.rate for one in own],
        "times": [one.rate / other.rate for one, other in pairs],
        "processor": statistics.median(one.processor / len(one.taken) for one in own),
        "total": statistics.median(taken.total for taken in every),
        "longest": max(taken.total for taken in every),
        "changed": sum(
            mine.text != alone.text
            for one, other in pairs
            for mine, alone in zip(one.taken, other.taken, strict=True)
        ),
        "failed": sum(bool(taken.failed) for taken in every),
        "n": len(every),
    }


def table(figures: Sequence[Mapping[str, Any]], at_once: int) -> str:
    """The figures in Markdown.

    Args:
        figures: Fewest askers first.
        at_once: Most answers that were generated at the same time.
    """
    fewest = figures[0]["askers"]
    lines = [
        f"| askers | answers/min | times those of {fewest} | processor, s | "
        "whole answer, s | longest, s | changed | failed | n |",
        "|" + "---|" * 9,
    ]
    lines += [
        f"| {one['askers']} | {_spread(one['rate'], 1)} | {_spread(one['times'], 2)} | "
        f"{one['processor']:.2f} | {one['total']:.1f} | {one['longest']:.1f} | "
        f"{one['changed']} | {one['failed']} | {one['n']} |"
        for one in figures
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"At most {at_once} at once. Medians, with minimum and maximum of {len(figures[0]['rate'])} "
            f"rounds; processor: seconds of all cores for an answer; changed: words differ from {fewest}.",
        ]
    )


def _spread(values: Sequence[float], digits: int) -> str:
    median = f"{statistics.median(values):.{digits}f}"
    return f"{median} ({min(values):.{digits}f}–{max(values):.{digits}f})" if len(values) > 1 else median


def draw(figures: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Draw throughput and waiting against the number of askers.

    Args:
        figures: As for ``table``.
        path: The PNG file to write.

    Returns:
        False where matplotlib is not installed.
    """
    pyplot = plotter()
    if pyplot is None:
        return False
    askers = [one["askers"] for one in figures]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    rates = [statistics.median(one["rate"]) for one in figures]
    below = [rate - min(one["rate"]) for rate, one in zip(rates, figures, strict=True)]
    above = [max(one["rate"]) - rate for rate, one in zip(rates, figures, strict=True)]
    left.errorbar(askers, rates, yerr=[below, above], fmt="o-", capsize=3)
    left.set(title="Throughput, minimum and maximum of the rounds", ylabel="answers a minute")
    for key, name in (("total", "whole answer"), ("longest", "longest answer")):
        right.plot(askers, [one[key] for one in figures], "o-", label=name)
    right.set(title=f"Waiting, median of n = {figures[0]['n']}", ylabel="seconds from the question")
    right.legend(fontsize="small")
    for axes in (left, right):
        axes.set(xlabel="askers at once", xticks=askers)
        axes.set_ylim(bottom=0)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals/benchmarks/askers.py", description="Measure answers a minute for several askers at once."
    )
    parser.add_argument(
        "--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: the seeds'"
    )
    parser.add_argument("--limit", type=positive, default=16, metavar="N", help="questions; default: 16")
    parser.add_argument("--rounds", type=positive, default=2, metavar="N", help="default: 2")
    parser.add_argument(
        "--askers", type=_several, default=[1, 2, 4, 8], metavar="N,N", help="default: 1,2,4,8"
    )
    parser.add_argument("--at-once", type=positive, metavar="N", help="as SANAD_AT_ONCE")
    parser.add_argument("--backend", help="what runs the generator, as for sanad ask")
    parser.add_argument("--embedder", help="as for sanad ask")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: evals/out/bench")
    return parser


def _several(text: str) -> list[int]:
    return sorted({positive(one) for one in text.split(",")})


if __name__ == "__main__":
    sys.exit(main())
