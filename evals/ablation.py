"""What each step of the answer is worth, and what a naive chain gets: the same questions to all of them.

    python evals/ablation.py                                        each step off in turn, over the seeds
    python evals/ablation.py --systems naive                        the assistant beside the naive chain
    python evals/ablation.py --systems read_again,decompose --resume   go on with a run that was killed

All other options are those of evals/run.py. Every system gets a folder of its own in --out, with the report
of a run, compared question by question with that of the whole assistant. A model is asked once for each
prompt (replies.jsonl): systems that send the same prompt share its reply, and are charged its seconds.

Exit status: 0 done; 2 could not run; 130 interrupted (--resume goes on).
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

from evals import run  # noqa: E402
from evals.command import exit_status  # noqa: E402
from evals.dataset import BadQuestions  # noqa: E402
from evals.files import make_folder  # noqa: E402
from evals.harness import options  # noqa: E402
from evals.harness.recording import Replies  # noqa: E402
from evals.harness.systems import ADAPTER, NAIVE, STEPS, SYSTEMS, WHOLE, System  # noqa: E402
from rag import Assistant, Settings  # noqa: E402

Opener = Callable[[System, str, Settings, Replies], Assistant]
"""System, index, settings and replies → what is asked."""

_COLUMNS = {
    "accuracy": "accuracy",
    "accuracy in own words": "own words",
    "unanswerable refused": "unans. refused",
    "answerable refused": "ans. refused",
    "citation precision": "cit. precision",
    "citation recall": "cit. recall",
    "language": "language",
}
"""Scores as report.json's keys have them, but for the blanks, and as the table is headed."""

_UNSUPPORTED = "unsupported/answer"
_SECONDS = "seconds"


def opened(system: System, index: str, settings: Settings, replies: Replies) -> Assistant:
    """A system over an index that holds what the folder of articles holds now."""
    run.open_fresh(index, settings).close()
    return system.open(index, settings, replies)


def main(argv: Sequence[str] | None = None, *, open_system: Opener = opened) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        open_system: Opens what is asked.
    """
    parser = argparse.ArgumentParser(
        prog="evals/ablation.py",
        description="Compare the assistant with itself without each step, or with a naive chain.",
        epilog="Other options: those of evals/run.py, but for baselines and --retrieval-only.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--systems",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=list(STEPS),
        metavar="S",
        help=f"what to ask, comma-separated: {', '.join((*STEPS, ADAPTER, NAIVE))}; default: every step",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=options.default_out() / "ablation",
        metavar="DIR",
        help="where the reports go, a folder for each system",
    )
    own, rest = parser.parse_known_args(argv)
    asked = options.parse(rest, parser.prog)
    if asked.baseline or asked.update_baseline or asked.retrieval_only:
        parser.error("no baselines and no --retrieval-only: the whole assistant is what is compared with")
    return exit_status(lambda: _run(own, rest, open_system))


def _run(own: argparse.Namespace, rest: Sequence[str], open_system: Opener) -> int:
    for name in own.systems:
        if name not in SYSTEMS or name == WHOLE:
            raise BadQuestions(
                f"There is no system {name!r}; there are {', '.join((*STEPS, ADAPTER, NAIVE))}."
            )
    names = [WHOLE, *dict.fromkeys(own.systems)]
    make_folder(own.out)
    kept = own.out / "replies.jsonl"
    if "--resume" not in rest:
        kept.unlink(missing_ok=True)
    replies = Replies(kept)
    for number, name in enumerate(names, start=1):
        print(f"{number} of {len(names)}: {name} ({SYSTEMS[name].about})", file=sys.stderr, flush=True)
        against = [] if name == WHOLE else ["--baseline", str(own.out / WHOLE / "report.json")]
        opener = partial(_opened, open_system, SYSTEMS[name], replies)
        status = _asked([*rest, "--out", str(own.out / name), *against], opener)
        if status not in (0, 1):  # a worse system is what is looked for
            return status
        gc.collect()  # a system's model may hang in a circle of references, and the next one loads its own
    reports = {name: _read(own.out / name / "report.json") for name in names}
    moved = {name: _read(own.out / name / "verdict.json")["differences"] for name in names[1:]}
    print(overview(reports, moved))
    if NAIVE in names:
        print("\n" + side_by_side(reports[WHOLE], reports[NAIVE], moved[NAIVE]))
    print(f"\nreports: {own.out}/*/report.html, each beside the whole assistant's answers")
    return 0


def _opened(
    open_system: Opener, system: System, replies: Replies, index: str, settings: Settings
) -> Assistant:
    return open_system(system, index, settings, replies)


def _asked(arguments: Sequence[str], opener: Callable[[str, Settings], Assistant]) -> int:
    with contextlib.redirect_stdout(io.StringIO()):
        return run.main(arguments, open_assistant=opener, prog="evals/ablation.py")


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def unsupported(report: Mapping[str, Any]) -> tuple[int, int]:
    """Claims that Sanad's own verifier does not find supported, and answers that make claims.

    Args:
        report: As report.json holds it.
    """
    answers = [item["answer"] for item in report["items"] if item["answer"] is not None]
    answered = [answer for answer in answers if answer["outcome"] != "not_found"]
    verdicts = [claim["verdict"] for answer in answered for claim in answer["claims"]]
    return sum(verdict == "unsupported" for verdict in verdicts), len(answered)


def overview(
    reports: Mapping[str, Mapping[str, Any]], moved: Mapping[str, Sequence[Mapping[str, Any]]]
) -> str:
    """A row for each system; what a question-by-question test tells from chance is marked.

    Args:
        reports: By system, the whole assistant first.
        moved: The differences that verdict.json holds, by system.
    """
    head = ["", *_COLUMNS.values(), _UNSUPPORTED, _SECONDS]
    rows = [head]
    for name, report in reports.items():
        verdicts = {one["name"]: one["verdict"] for one in moved.get(name, ())}
        marks = {"better": "+", "worse": "-"}
        cells = [_value(report, score) + marks.get(verdicts.get(score, ""), " ") for score in _COLUMNS]
        rows.append([name if name in (WHOLE, NAIVE) else f"without {name}", *cells, *_beyond(report)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    n = next(iter(reports.values()))["n"]
    return "\n".join(
        [
            *lines,
            f"n {n} questions; + better, - worse than the whole assistant (paired, adjusted p < .05). "
            "Unsupported by Sanad's own verifier; seconds: median. All systems that send the same "
            "prompt share the model's reply.",
        ]
    )


def side_by_side(
    whole: Mapping[str, Any], naive: Mapping[str, Any], moved: Sequence[Mapping[str, Any]]
) -> str:
    """Two systems, score by score, with the paired difference.

    Args:
        whole: The report of the assistant.
        naive: That of the naive chain.
        moved: What verdict.json of the naive chain says of each score.
    """
    differences = {one["name"]: one for one in moved}
    lines = [f"{'':<22}{'Sanad':>8}{'naive':>8}   naive against Sanad, on the same items"]
    for score in _COLUMNS:
        row = f"{score:<22}{_value(whole, score):>8}{_value(naive, score):>8}"
        if one := differences.get(score):
            change = f"{one['now'] - one['before']:+.2f} [{one['low']:+.2f}, {one['high']:+.2f}]"
            row += f"   {change}  n {one['n']}, p {one['p']:.2g}: {one['verdict']}"
        lines.append(row)
    for title, ours, theirs in zip((_UNSUPPORTED, _SECONDS), _beyond(whole), _beyond(naive), strict=True):
        lines.append(f"{title:<22}{ours:>8}{theirs:>8}")
    (count, of), (naive_count, naive_of) = unsupported(whole), unsupported(naive)
    lines.append(f"unsupported claims: {count} in {of} answers; naive {naive_count} in {naive_of}")
    return "\n".join(lines)


def _value(report: Mapping[str, Any], score: str) -> str:
    value = report[score.replace(" ", "_")]["value"]
    return "-" if value is None else f"{value:.2f}"


def _beyond(report: Mapping[str, Any]) -> list[str]:
    count, answers = unsupported(report)
    total = report["latency"].get("total")
    return [f"{count / answers:.2f}" if answers else "-", f"{total['median']:.1f}" if total else "-"]


if __name__ == "__main__":
    sys.exit(main())
