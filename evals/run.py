"""Asks a set of questions whose answers are known, prints the scores and writes report.json.

    python evals/run.py                                        the seeds and the hand-written questions
    python evals/run.py --questions mine.jsonl --corpus mine   your own
    python evals/run.py --retrieval-only --limit 50 --seed 1   no language model, a sample

Exit status: 0 done; 1 a citation was not exact; 2 could not run; 130 interrupted (what was asked is kept).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

import rag  # noqa: E402
from evals.dataset import LANGUAGES, BadQuestions, Question, check_quotes, read_questions, select  # noqa: E402
from evals.score import DEPTH, Scores, grade_answer, grade_retrieval  # noqa: E402
from evals.stats import Result, summarise  # noqa: E402
from rag import DEFAULT_INDEX, Assistant, SanadError, Settings, build_index  # noqa: E402

QUESTIONS = Path(__file__).resolve().parent / "questions" / "seeds.jsonl"
OUT = Path(__file__).resolve().parent / "out"


def open_fresh(index: str, settings: Settings) -> Assistant:
    """The assistant over an index that holds what the folder of articles holds now.

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
    argv: Sequence[str] | None = None, *, open_assistant: Callable[[str, Settings], Assistant] = open_fresh
) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
        open_assistant: Index name and settings → assistant.
    """
    args = _arguments().parse_args(argv)
    try:
        return _run(args, open_assistant)
    except SanadError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace, open_assistant: Callable[[str, Settings], Assistant]) -> int:
    all_questions = read_questions(args.questions)
    questions = select(all_questions, tags=args.tags, limit=args.limit, seed=args.seed)
    settings = Settings.load(llm=args.llm, embedder=args.embedder, backend=args.backend, adapter=args.adapter)
    index = DEFAULT_INDEX
    if args.corpus is not None:
        index, settings = _own_index(args.corpus, settings)
    _make(args.out)
    assistant = open_assistant(index, settings)
    results: list[Result] = []
    complete = False
    try:
        texts = {article.id: article.text for article in assistant.articles()}
        check_quotes(all_questions, texts, args.questions)
        if not args.retrieval_only:
            # A missing model ends the run here; one answer loads it, so that no item's latency holds that.
            _tell(assistant.model, 1.0)
            with contextlib.suppress(SanadError):  # what fails here fails again as an item, and is told there
                assistant.ask(questions[0].text)
        try:
            for question in questions:
                _progress(len(results), len(questions), question)
                results.append(_ask(assistant, question, texts, retrieval_only=args.retrieval_only))
            complete = True
        except KeyboardInterrupt:
            print(f"Interrupted after {len(results)} of {len(questions)} questions.", file=sys.stderr)
        finally:
            # In a finally: a defect in item 90 must not cost the 89 before it.
            _progress_done()
            report = {
                "run": _describe(assistant, args, results, complete=complete),
                **summarise(results, retrieval_only=args.retrieval_only),
                "items": [_item(result) for result in results],
            }
            _write(args.out / "report.json", report)
    finally:
        assistant.close()
    broken = [r.question.id for r in results if r.scores.citations_exact == 0.0]
    print(_table(report))
    if not args.retrieval_only:
        print(f"citations not exact        {len(broken)} {' '.join(broken)}".rstrip())
    print(f"report                     {args.out / 'report.json'}")
    if not complete:
        return 130
    if results and all(r.error is not None for r in results):
        raise BadQuestions(f"No question could be graded; the last error: {results[-1].error}")
    return 1 if broken else 0


def _ask(
    assistant: Assistant, question: Question, texts: Mapping[str, str], *, retrieval_only: bool
) -> Result:
    """Ask one question and grade what comes back. An error of the assistant is recorded, not raised."""
    answer = None
    scores = Scores()
    try:
        if not retrieval_only:
            answer = assistant.ask(question.text)
            scores = grade_answer(question, answer, texts)
        # Searched in both modes and to the same depth, so that their retrieval scores can be compared;
        # after asking, so that a warm search does not flatter the answer's latency.
        started = time.perf_counter()
        found = assistant.search(question.text, k=DEPTH)
        searched = time.perf_counter() - started
    except SanadError as error:
        return Result(question=question, scores=Scores(), answer=None, seconds={}, error=str(error))
    passage_rr, evidence_rr = grade_retrieval(question, found, texts)
    return Result(
        question=question,
        scores=dataclasses.replace(scores, passage_rr=passage_rr, evidence_rr=evidence_rr),
        answer=None if answer is None else answer.to_dict(),
        seconds={"retrieve": searched} if answer is None else dict(answer.timings),
        error=None,
    )


def _own_index(corpus: Path, settings: Settings) -> tuple[str, Settings]:
    """The name and place of a corpus's own index, in the cache: eval data stays out of the user's indexes.

    The embedder and the chunk size are part of the name, so that runs which compare them do not collide.
    """
    folder = corpus.resolve()
    if not folder.is_dir():
        raise BadQuestions(f"{corpus}: not a folder; give --corpus a folder of articles.")
    key = f"{folder}\n{settings.embedder}\n{settings.chunk_tokens}"
    name = "corpus-" + hashlib.sha256(key.encode()).hexdigest()[:12]
    return name, dataclasses.replace(settings, articles=folder, indexes=settings.cache / "evals")


def _describe(
    assistant: Assistant, args: argparse.Namespace, results: Sequence[Result], *, complete: bool
) -> dict[str, Any]:
    settings = dataclasses.asdict(assistant.settings)
    return {
        "settings": {name: str(v) if isinstance(v, Path) else v for name, v in settings.items()},
        "model": next((r.answer["model"] for r in results if r.answer is not None), None),
        "embedder": assistant.embedder,
        "prompts": _prompt_versions(),
        "generation": assistant.generation,
        "version": rag.__version__,
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": args.seed,
        "limit": args.limit,
        "tags": args.tags,
        "questions": str(args.questions),
        "questions_sha256": hashlib.sha256(args.questions.read_bytes()).hexdigest(),
        "corpus": str(args.corpus or assistant.settings.articles),
        "complete": complete,
    }


def _prompt_versions() -> dict[str, str]:
    """A short digest of every prompt template: a prompt's text is its version."""
    folder = ROOT / "prompts"
    if not folder.is_dir():
        folder = Path(rag.__file__).resolve().parent / "prompts"
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest()[:12] for f in files if f.is_file()}


def _commit() -> str | None:
    """The checkout's commit, ``-dirty`` where files differ from it; None where this is no checkout."""
    git = shutil.which("git")
    # Looked for here, not left to git: an installed copy may lie inside someone else's checkout.
    if git is None or not (ROOT / ".git").exists():
        return None

    def output(*arguments: str) -> str | None:
        done = subprocess.run(  # noqa: S603 fixed arguments
            [git, "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    head = output("rev-parse", "HEAD")
    return head if head is None else head + ("-dirty" if output("status", "--porcelain") else "")


def _item(result: Result) -> dict[str, Any]:
    return {
        "id": result.question.id,
        "answer": result.answer,
        "scores": dataclasses.asdict(result.scores),
        "error": result.error,
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadQuestions(f"Cannot make {folder}: {error.strerror}; give another --out.") from None


def _write(path: Path, report: Mapping[str, Any]) -> None:
    """Replace the report in one step, so that a reader never sees half of one."""
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise BadQuestions(f"Cannot write {path}: {error.strerror}; give another --out.") from None


def _tell(what: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} {share:.0%}", end="", file=sys.stderr, flush=True)


def _progress(done: int, total: int, question: Question) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{done + 1}/{total} {question.id}", end="", file=sys.stderr, flush=True)


def _progress_done() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _table(report: Mapping[str, Any]) -> str:
    """The report in about thirty lines: each score with its interval and n."""
    lines = [f"{'items':<26} {report['n']} asked, {report['unscored']} unscored"]

    def row(name: str, score: Mapping[str, Any] | None, indent: int = 0) -> None:
        label = " " * indent + name
        if score is None:
            return
        if score["value"] is None:
            lines.append(f"{label:<26} -     n 0")
            return
        span = f"[{score['low']:.2f}, {score['high']:.2f}]"
        lines.append(f"{label:<26} {score['value']:.2f}  {span}  n {score['n']}")

    row("accuracy", report["accuracy"])
    by_tag = report["accuracy_by_tag"] or {}
    for label in sorted(by_tag, key=lambda name: (name not in LANGUAGES, name)):
        if by_tag[label]["n"]:
            row(label, by_tag[label], 2)
    for key in (
        "unanswerable_refused",
        "answerable_refused",
        "citation_precision",
        "citation_recall",
        "groundedness",
        "language",
        "conflict_covered",
    ):
        row(key.replace("_", " "), report[key])
    for stage, by_label in report["retrieval"].items():
        # Tags only where retrieval is all that is asked about: else they drown the answers' scores.
        labels = by_label if report["accuracy"] is None else ["all"]
        for label in sorted(labels, key=lambda name: (name != "all", name)):
            for name, score in by_label[label].items():
                row(f"{stage} {name}" if label == "all" else f"{label} {stage} {name}", score)
    for stage, times in report["latency"].items():
        seconds = f"median {times['median']:.2f} s, p95 {times['p95']:.2f} s  n {times['n']}"
        lines.append(f"{'latency ' + stage:<26} {seconds}")
    return "\n".join(lines)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals/run.py", description="Ask questions whose answers are known and score what comes back."
    )
    parser.add_argument(
        "--questions",
        type=Path,
        default=QUESTIONS,
        metavar="FILE",
        help="question file, JSON Lines (evals/README.md); default: the hand-written set",
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="folder of articles, indexed in the cache; default: the seeds",
    )
    parser.add_argument("--retrieval-only", action="store_true", help="measure the search, run no model")
    parser.add_argument("--limit", type=_positive, metavar="N", help="ask a random sample of N questions")
    parser.add_argument(
        "--seed", type=_natural, default=0, metavar="S", help="draws the sample of --limit; default: 0"
    )
    parser.add_argument(
        "--tags",
        type=_tags,
        default=[],
        metavar="T",
        help="ask only questions with one of these tags or languages, comma-separated",
    )
    parser.add_argument("--llm", help="generator: packaged, a hub model id or a folder")
    parser.add_argument("--embedder", help="embedder: packaged, a hub model id or a folder")
    parser.add_argument("--backend", help="what runs the generator: auto, openvino, transformers or fake")
    parser.add_argument(
        "--no-adapter",
        dest="adapter",
        action="store_false",
        default=None,
        help="the packaged generator as its makers published it",
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="where report.json goes; default: evals/out"
    )
    return parser


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


if __name__ == "__main__":
    sys.exit(main())
