"""The options of evals/run.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evals.command import natural, positive
from evals.harness.provenance import ROOT, shown_path
from evals.harness.turns import DIALOGUES, SPLITS
from rag.settings import checkout

QUESTIONS = Path(__file__).resolve().parents[1] / "questions" / "seeds.jsonl"
"""The default question file."""


def default_out() -> Path:
    """Folder for reports: ``evals/out`` of a checkout, never a folder of installed packages."""
    return ROOT / "evals" / "out" if checkout() else Path("sanad-eval")


def parse(argv: Sequence[str] | None, prog: str) -> argparse.Namespace:
    """The options of a command line; a wrong one ends the process with status 2 and the usage.

    Args:
        argv: Arguments; None takes the process's.
        prog: What the help calls the command.
    """
    parser = _parser(prog)
    args = parser.parse_args(argv)
    if args.split is not None and args.dialogues is None:
        parser.error("argument --split: only dialogues have splits; name them with --dialogues")
    return args


def _parser(prog: str) -> argparse.ArgumentParser:
    out = default_out()
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Ask questions whose answers are known and score what comes back.",
        epilog="To make and check a question file: sanad eval draft --help, sanad eval check --help",
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--questions",
        type=Path,
        default=QUESTIONS,
        metavar="FILE",
        help="question file, JSON Lines (evals/README.md); default: the hand-written set",
    )
    asked.add_argument(
        "--dialogues",
        nargs="?",
        type=Path,
        const=DIALOGUES,
        metavar="FILE",
        help="ask these dialogues instead, turn by turn; without FILE the hand-written ones",
    )
    parser.add_argument(
        "--split",
        choices=SPLITS,
        help="ask only the dialogues of this split; default: dev, if the file names splits",
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="folder of articles, indexed in the cache; default: the seeds",
    )
    parser.add_argument("--retrieval-only", action="store_true", help="measure the search, run no model")
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="ask a random sample of N questions, or dialogues"
    )
    parser.add_argument(
        "--seed", type=natural, default=0, metavar="S", help="random seed for --limit; default: 0"
    )
    parser.add_argument(
        "--tags",
        type=_tags,
        default=[],
        metavar="T",
        help="ask only questions with one of these tags or languages, comma-separated; and dialogues "
        "with such a turn",
    )
    parser.add_argument(
        "--llm", help="generator: packaged, a hub model id, a folder, or http://HOST:PORT/v1#MODEL"
    )
    parser.add_argument("--embedder", help="embedder: packaged, a hub model id or a folder")
    parser.add_argument("--backend", help="what runs the generator: auto, openvino, transformers or fake")
    parser.add_argument(
        "--no-adapter",
        dest="adapter",
        action="store_false",
        default=None,
        help="use the packaged generator as its makers published it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=out,
        metavar="DIR",
        help=f"where the reports go; default: {shown_path(out)}",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="compare with this report.json; default: the one in evals/baselines, if there is one",
    )
    parser.add_argument(
        "--update-baseline", action="store_true", help="make this run the baseline, and print what changed"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in --out that was killed or interrupted"
    )
    return parser


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]
