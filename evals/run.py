"""Asks a set of questions whose answers are known, scores the answers and compares them with a baseline.

    python evals/run.py                                        the seeds and the hand-written questions
    python evals/run.py --questions mine.jsonl --corpus mine   your own
    python evals/run.py --retrieval-only --limit 50 --seed 1   no language model, a sample
    python evals/run.py --resume                               continue a run that was killed

``sanad eval`` takes the same arguments.

Exit status: 0 no regression; 1 a regression (significantly worse than the baseline, below a floor, or a
citation that is not exact); 2 could not run; 130 interrupted (completed items are kept).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

import rag  # noqa: E402
from evals.command import exit_status  # noqa: E402
from evals.dataset import BadQuestions, Question, check_quotes, read_questions, select  # noqa: E402
from evals.files import make_folder, write_json  # noqa: E402
from evals.grading.stats import Result, beside, summarise  # noqa: E402
from evals.harness import options, provenance, turns  # noqa: E402
from evals.harness.asking import ask_all  # noqa: E402
from evals.harness.journal import Journal  # noqa: E402
from evals.reporting import baseline as baselines  # noqa: E402
from evals.reporting import gate, page, table  # noqa: E402
from evals.reporting.baseline import Baseline  # noqa: E402
from evals.reporting.gate import Judgement  # noqa: E402
from rag import Assistant, Settings, build_index  # noqa: E402
from rag.settings import DEFAULT_INDEX  # noqa: E402


def open_fresh(index: str, settings: Settings) -> Assistant:
    """The assistant over an up-to-date index of the folder of articles.

    Args:
        index: Its name.
        settings: ``articles`` is the folder.
    """
    # Embeds nothing when nothing changed; scores over last week's articles would say nothing.
    for skipped in build_index(settings.articles, index, settings=settings, progress=_tell).skipped:
        print(f"Skipped {skipped.source}: {skipped.reason}", file=sys.stderr)
    _progress_done()
    assistant = Assistant.open(index, settings=settings, progress=_tell)
    _progress_done()
    return assistant


def main(
    argv: Sequence[str] | None = None,
    *,
    open_assistant: Callable[[str, Settings], Assistant] = open_fresh,
    prog: str = "evals/run.py",
) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        open_assistant: Index name and settings → assistant.
        prog: What the help calls it.
    """
    args = options.parse(argv, prog)
    return exit_status(lambda: _run(args, open_assistant))


def _run(args: argparse.Namespace, open_assistant: Callable[[str, Settings], Assistant]) -> int:
    if args.dialogues is None:
        all_questions = read_questions(args.questions)
    else:
        args.questions = args.dialogues
        all_questions, args.split = turns.read_dialogues(args.dialogues, args.split)
    questions = select(all_questions, tags=args.tags, limit=args.limit, seed=args.seed)
    whole = len(questions) == len(all_questions)
    kept = _baseline_path(args, whole=whole)
    before = _compared_with(args, kept, questions)
    floors = gate.read_floors(ROOT / "pyproject.toml", args.questions, args.split) if whole else {}
    settings = Settings.load(llm=args.llm, embedder=args.embedder, backend=args.backend, adapter=args.adapter)
    index = DEFAULT_INDEX
    if args.corpus is not None:
        index, settings = own_index(args.corpus, settings)
    make_folder(args.out)
    assistant = open_assistant(index, settings)
    try:
        texts = {article.id: article.text for article in assistant.articles()}
        check_quotes(all_questions, texts, args.questions)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        header = provenance.header(assistant, questions, retrieval_only=args.retrieval_only, date=now)
        with Journal.open(args.out, header, questions, resume=args.resume) as journal:
            results, complete = ask_all(
                assistant, questions, texts, journal, retrieval_only=args.retrieval_only
            )
        report = {
            "run": _describe(assistant, args, results, journal.header, complete=complete),
            **summarise(results, retrieval_only=args.retrieval_only),
            **_of_dialogues(args, results),
            "items": [_item(result) for result in results],
        }
    finally:
        assistant.close()
    aside = beside(results)
    scores = [item["scores"] for item in report["items"]]
    judgement = gate.judge(
        results, scores, baseline=before, floors=floors, retrieval_only=args.retrieval_only
    )
    write_json(args.out / "report.json", report)
    write_json(args.out / "verdict.json", gate.to_dict(judgement) | aside)
    page.write(args.out / "report.html", page.data(report, aside, judgement, results, texts, before))
    print(table.summary(report, aside))
    if before is not None:
        print(table.comparison(judgement, before))
    print(f"{'report':<26} {args.out / 'report.html'}, report.json, verdict.json")
    return _status(args, report, judgement, before, kept)


def _status(
    args: argparse.Namespace,
    report: Mapping[str, Any],
    judgement: Judgement,
    before: Baseline | None,
    kept: Path | None,
) -> int:
    """Print how the run ended, and write it as the baseline if that was asked for."""
    items = report["items"]
    if not report["run"]["complete"]:
        return 130
    if items and all(item["error"] is not None for item in items):
        raise BadQuestions(f"No question could be graded; the last error: {items[-1]['error']}")
    if not args.update_baseline:
        print(table.verdict(judgement, before))
        return 1 if judgement.regressions else 0
    if any(item["error"] is not None for item in items):
        raise BadQuestions("No baseline was written, as questions failed: see report.html. Fix them first.")
    if any(item["scores"]["citations_exact"] == 0.0 for item in items):
        print(table.verdict(judgement, before))
        return 1
    assert kept is not None  # noqa: S101 - _baseline_path made sure of it
    write_json(kept, baselines.slim(report))
    if before is not None:
        print(table.changes(judgement))
    print(f"new baseline               {provenance.shown_path(kept)}")
    name = baselines.own_name(args.questions, args.split)
    if name is not None:
        print(f"floors that fit it, for pyproject.toml:\n{table.floors(report, name)}")
    return 0


def _baseline_path(args: argparse.Namespace, *, whole: bool) -> Path | None:
    """Where the baseline is read from, and written to with ``--update-baseline``."""
    path: Path | None = args.baseline or baselines.default_path(args.questions, args.split)
    if not args.update_baseline:
        return path
    if not whole or args.retrieval_only:
        raise BadQuestions(
            "--update-baseline needs a whole run with answers; leave --limit, --tags and --retrieval-only "
            "away."
        )
    if path is None:
        raise BadQuestions("--update-baseline: name the file for these questions with --baseline FILE.")
    make_folder(path.parent)
    return path


def _compared_with(
    args: argparse.Namespace, path: Path | None, questions: Sequence[Question]
) -> Baseline | None:
    if path is None or (args.baseline is None and not path.exists()):
        return None
    try:
        return baselines.read(path, questions)
    except BadQuestions:
        if not args.update_baseline:
            raise
        return None  # what this run is to replace need not be there, nor hold these questions


def own_index(corpus: Path, settings: Settings) -> tuple[str, Settings]:
    """The name and place of a corpus's own index, in the cache: eval data stays out of the user's indexes.

    The embedder and the chunk size are part of the name, so that runs which compare them do not collide.

    Args:
        corpus: A folder of articles.
        settings: ``embedder`` and ``chunk_tokens`` tell one index from another.

    Raises:
        BadQuestions: It is not a folder.
    """
    folder = corpus.resolve()
    if not folder.is_dir():
        raise BadQuestions(f"{corpus}: not a folder; give --corpus a folder of articles.")
    key = f"{folder}\n{settings.embedder}\n{settings.chunk_tokens}"
    name = "corpus-" + hashlib.sha256(key.encode()).hexdigest()[:12]
    return name, dataclasses.replace(settings, articles=folder, indexes=settings.cache / "evals")


def _describe(
    assistant: Assistant,
    args: argparse.Namespace,
    results: Sequence[Result],
    started: Mapping[str, Any],
    *,
    complete: bool,
) -> dict[str, Any]:
    settings = dataclasses.asdict(assistant.settings)
    return {
        "settings": {name: str(v) if isinstance(v, Path) else v for name, v in settings.items()},
        "model": next((r.answer["model"] for r in results if r.answer is not None), None),
        "embedder": assistant.embedder,
        "prompts": provenance.prompt_versions(),
        "generation": assistant.generation,
        "version": rag.__version__,
        "commit": started["commit"],
        "date": started["date"],
        "seed": args.seed,
        "limit": args.limit,
        "tags": args.tags,
        "questions": provenance.shown_path(args.questions),
        **({} if args.dialogues is None else {"split": args.split}),
        "questions_sha256": hashlib.sha256(args.questions.read_bytes()).hexdigest(),
        "question_digests": provenance.question_digests([r.question for r in results]),
        "corpus": provenance.shown_path(args.corpus or assistant.settings.articles),
        "complete": complete,
    }


def _of_dialogues(args: argparse.Namespace, results: Sequence[Result]) -> dict[str, Any]:
    if args.dialogues is None:
        return {}
    return {"dialogues": turns.summarise(results, retrieval_only=args.retrieval_only)}


def _item(result: Result) -> dict[str, Any]:
    turn = result.question.turn
    place = {"dialogue": turn.dialogue, "turn": turn.number, "searched": result.searched} if turn else {}
    return {
        "id": result.question.id,
        **place,
        "answer": result.answer,
        "scores": dataclasses.asdict(result.scores),
        "error": result.error,
    }


def _tell(what: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} {share:.0%}", end="", file=sys.stderr, flush=True)


def _progress_done() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
