"""Compares how long answers take with other systems on the same weights and with the machine's limits.

    python evals/benchmarks/answers.py --limit 40 --rounds 2 --out DIR
    python evals/benchmarks/answers.py --minutes 15          as many questions as there is time for
    python evals/benchmarks/answers.py --systems sanad,llamacpp --check evals/baselines/bench-answers.json

Each system runs in a process of its own. In every round each question goes to all systems, one after the
other, in a changing order, so that other work of the machine affects all alike. The questions are in a fixed
random order, so that the first few are a fair sample. Writes bench-answers.json.

``--check`` compares only ratios, and only of the questions that both runs asked.

Exit status: 0 done; 1 slower than the ratios of ``--check`` beyond noise; 2 could not run; 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

import rag  # noqa: E402
from evals.benchmarks import ceilings  # noqa: E402
from evals.benchmarks.indexing import OUT, QUESTIONS  # noqa: E402
from evals.benchmarks.peers import SYSTEMS  # noqa: E402
from evals.benchmarks.ratios import Ratio, ratio, table, worse  # noqa: E402
from evals.benchmarks.runner import Runner  # noqa: E402
from evals.benchmarks.systems import PARAMETERS  # noqa: E402
from evals.command import exit_status, positive  # noqa: E402
from evals.dataset import BadQuestions, Question, read_questions  # noqa: E402
from evals.files import write_json  # noqa: E402
from evals.grading.intervals import mcnemar  # noqa: E402
from evals.grading.score import is_right_outcome  # noqa: E402
from evals.run import open_fresh, own_index  # noqa: E402
from rag import Settings  # noqa: E402
from rag.settings import DEFAULT_INDEX  # noqa: E402

OWN = "sanad"

MEASURES = ("first", "total")
"""Fields of a ``Reply`` that ratios are computed for."""

Replies = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
"""``replies`` of a report: by system, then question."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    args = _arguments().parse_args(argv)
    return exit_status(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    before = _read(args.check) if args.check else None
    ends = time.monotonic() + 60 * args.minutes
    questions = mixed(read_questions(args.questions))[: args.limit]
    settings = Settings.load(backend=args.backend, embedder=args.embedder)
    index = DEFAULT_INDEX
    if args.corpus:
        index, settings = own_index(args.corpus, settings)
    open_fresh(index, settings).close()  # built before anything is measured
    runners = [Runner(name, settings, index) for name in args.systems]
    bounds: list[ceilings.Ceilings] = []
    try:
        for runner in runners:
            _say(f"{runner.name}: starting …")
            runner.start(questions[0])
        asked = [runner for runner in runners if not runner.error]
        if not asked:
            raise BadQuestions(runners[0].error)
        turns = [(number, at) for number in range(args.rounds) for at in range(len(questions))]
        begun = time.monotonic()
        for done, (number, at) in enumerate(turns, start=1):
            if number == len(bounds):
                bounds.append(ceilings.measure())
            turn = (number + at) % len(asked)
            for runner in (*asked[turn:], *asked[:turn]):
                runner.ask(questions[at])
            # Written after every question, because a run takes hours and may be interrupted.
            report = report_of(runners, questions, bounds)
            write_json(args.out / "bench-answers.json", report)
            now = time.monotonic()
            left = min((now - begun) / done * (len(turns) - done), max(0.0, ends - now))
            _say(f"round {number + 1}, question {at + 1} of {len(questions)}, {left / 60:.0f} min left")
            if now > ends:
                break
    finally:
        for runner in runners:
            runner.end()
    print(table(report))
    print(f"\n{args.out / 'bench-answers.json'}")
    if before is None:
        return 0
    then, since = compared(before["replies"], report["replies"])
    regressions = worse(since, then)
    for line in regressions:
        print(line, file=sys.stderr)
    if not regressions:
        print(f"No ratio is worse than in {args.check} beyond the noise of both.")
    return 1 if regressions else 0


def mixed(questions: Sequence[Question]) -> list[Question]:
    """Questions in a fixed random order, as files have the unanswerable ones last.

    Args:
        questions: As read.
    """
    order = list(questions)
    random.Random(0).shuffle(order)  # noqa: S311 - no secret
    return order


def compared(before: Replies, now: Replies) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ratios of two reports, of the questions that all systems of both were asked.

    Args:
        before: ``replies`` of the earlier report.
        now: The same of this one.

    Raises:
        BadQuestions: There is none.
    """
    asked = [set(replies) for report in (before, now) for replies in report.values() if replies]
    shared = set.intersection(*asked) if asked else set()
    if not shared or not all(report.get(OWN) for report in (before, now)):
        raise BadQuestions("The two reports share no question; ask as many as then, or more (--limit).")

    def ratios(report: Replies) -> dict[str, Any]:
        seconds = {
            name: {
                measure: {id_: [one[measure] for one in replies[id_]] for id_ in shared}
                for measure in MEASURES
            }
            for name, replies in report.items()
            if replies
        }
        return {
            name: {measure: _ratio(taken[measure], seconds[OWN][measure]) for measure in MEASURES}
            for name, taken in seconds.items()
            if name != OWN
        }

    return ratios(before), ratios(now)


def report_of(
    runners: Sequence[Runner],
    questions: Sequence[Question],
    bounds: Sequence[ceilings.Ceilings],
) -> dict[str, Any]:
    """Everything that was measured, as it is written.

    Args:
        runners: The systems, with what they took.
        questions: What was asked.
        bounds: The ceilings, one for each round.
    """
    ceiling = {
        field.name: statistics.median(getattr(one, field.name) for one in bounds)
        for field in dataclasses.fields(ceilings.Ceilings)
    }
    rights = {runner.name: _rights(runner, questions) for runner in runners}
    own = next((runner for runner in runners if runner.name == OWN), None)
    others = [runner for runner in runners if runner is not own and not runner.error] if own else []
    return {
        "run": {
            "version": rag.__version__,
            "questions": max(len(runner.taken) for runner in runners),
            "rounds": len(bounds),
        },
        "ceilings": ceiling,
        "systems": {
            runner.name: {"error": runner.error}
            if runner.error
            else _figures(runner, rights[runner.name], ceiling)
            for runner in runners
        },
        "ratios": {
            other.name: {name: _ratio(_seconds(other, name), _seconds(own, name)) for name in MEASURES}
            for other in others
            if own
        },
        "accuracy": {other.name: _paired(rights[other.name], rights[OWN]) for other in others},
        "replies": {
            runner.name: {
                id_: [dataclasses.asdict(one) for one in replies] for id_, replies in runner.taken.items()
            }
            for runner in runners
        },
    }


def _figures(runner: Runner, rights: Mapping[str, bool], ceiling: Mapping[str, float]) -> dict[str, Any]:
    replies = [reply for replies in runner.taken.values() for reply in replies]
    # Of the tokens behind the first, which waits for the prompt to be read.
    rates = [(r.reply_tokens - 1) / r.written for r in replies if r.reply_tokens > 4 and r.written > 0]
    rate = statistics.median(rates) if rates else 0.0
    prompted = [reply for reply in replies if reply.prompt_tokens and reply.piece > reply.given]
    readings = [reply.prompt_tokens / (reply.piece - reply.given) for reply in prompted]
    reading = statistics.median(readings) if readings else 0.0
    return {
        "first": _spread([reply.first for reply in replies]),
        "piece": _spread([reply.piece for reply in replies]),
        "total": _spread([reply.total for reply in replies]),
        "cold": runner.cold,
        "peak": runner.peak,
        "prompt_tokens": statistics.median(reply.prompt_tokens for reply in replies),
        "reply_tokens": statistics.median(reply.reply_tokens for reply in replies),
        "right": sum(rights.values()),
        "graded": len(rights),
        "rate": rate,
        "of_bandwidth": rate * runner.weights / ceiling["read"] if rates and runner.weights else None,
        "reading": reading,
        "of_products": reading * 2 * PARAMETERS / ceiling["products"]
        if runner.weights and ceiling["products"]
        else None,
    }


def _spread(values: Sequence[float]) -> list[float]:
    """Quartiles."""
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def _rights(runner: Runner, questions: Sequence[Question]) -> dict[str, bool]:
    """Whether each question's first reply is right, where that can be graded: all of them decode greedily."""
    right_by_id = {}
    for question in questions:
        if replies := runner.taken.get(question.id):
            right = is_right_outcome(question, replies[0].text, replies[0].outcome)
            if right is not None:
                right_by_id[question.id] = right
    return right_by_id


def _seconds(runner: Runner, measure: str) -> dict[str, list[float]]:
    return {id_: [getattr(reply, measure) for reply in replies] for id_, replies in runner.taken.items()}


def _ratio(other: Mapping[str, Sequence[float]], own: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    seconds_ratio: Ratio | None = ratio(other, own)
    return None if seconds_ratio is None else dataclasses.asdict(seconds_ratio)


def _paired(other: Mapping[str, bool], own: Mapping[str, bool]) -> dict[str, float]:
    """Questions that Sanad answers wrong and the other right, the reverse, and McNemar's p."""
    shared = other.keys() & own.keys()
    lost = sum(other[id_] and not own[id_] for id_ in shared)
    won = sum(own[id_] and not other[id_] for id_ in shared)
    return {"lost": lost, "won": won, "p": mcnemar(lost, won)}


def _read(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        report["replies"].items()
    except FileNotFoundError:
        raise BadQuestions(
            f"There is no {path} to compare with: run make bench-answers on an idle machine, and keep its "
            f"{OUT.name}/bench-answers.json there."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadQuestions(
            f"{path}: is not a report of this benchmark ({error}); name one with --check."
        ) from None
    return report


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals/benchmarks/answers.py", description="Compare how long answers take with other systems."
    )
    parser.add_argument(
        "--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: the seeds'"
    )
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="folder of articles; default: the seeds")
    parser.add_argument("--limit", type=positive, default=40, metavar="N", help="questions; default: 40")
    parser.add_argument(
        "--rounds", type=positive, default=2, metavar="N", help="times each question is asked; default: 2"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        metavar="N",
        help="stop after the question during which N minutes are over; default: ask all",
    )
    parser.add_argument(
        "--systems", type=_systems, default=list(SYSTEMS), metavar="A,B", help=f"default: {','.join(SYSTEMS)}"
    )
    parser.add_argument("--backend", help="what runs Sanad's generator, as for sanad ask")
    parser.add_argument("--embedder", help="as for sanad ask")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="fail if a ratio is worse than in this earlier report"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="default: evals/out/bench")
    return parser


def _systems(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(SYSTEMS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
