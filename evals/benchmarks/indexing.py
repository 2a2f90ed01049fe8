"""Measures how fast articles are indexed and how long a search takes as the index grows.

    python evals/benchmarks/indexing.py --corpus DIR --questions FILE --sizes 1000,10000,100000 --out DIR
    … --sizes 100000 --lend 2000       measure the search of an index that is built in minutes
    … --updates --sizes 1000,20000     measure adding one article to an index of each size
    … --sizes 1000 --reuse             keep the index, and measure only the search next time

Articles and questions are mixed from the given ones (resample.py), so that no two are alike. Every size is
built in one new process and searched in another. Writes bench.json and bench.png.

Exit status: 0 done; 2 could not run; 130 interrupted (results of completed sizes are kept).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import itertools
import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]

if not __package__:
    # Run as a file: Python put evals/ first on the path, where `import evals` finds nothing.
    sys.path[0] = str(ROOT)

import rag  # noqa: E402
from evals.benchmarks import resample, updates  # noqa: E402
from evals.benchmarks.lending import Lending  # noqa: E402
from evals.benchmarks.report import TARGETS, draw, table  # noqa: E402
from evals.command import exit_status  # noqa: E402
from evals.dataset import BadQuestions  # noqa: E402
from evals.files import write_json  # noqa: E402
from rag import Assistant, Settings, build_index  # noqa: E402
from rag.errors import IndexUnusable  # noqa: E402
from rag.models.embedding.embedder import open_embedder  # noqa: E402
from rag.settings import install_command  # noqa: E402

QUESTIONS = Path(__file__).resolve().parents[1] / "questions" / "seeds.jsonl"
OUT = Path(__file__).resolve().parents[1] / "out" / "bench"
INDEX = "bench"

SAMPLE = 100
"""Articles from which the chunks per article are estimated before the others are made."""

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Built:
    """Time, memory and disk that building an index took."""

    articles: int
    """Articles in it."""
    chunks: int
    """Chunks in it."""
    seconds: float
    """From the folder of files to the index on disk, models' loading included."""
    stages: dict[str, float]
    """Seconds by stage, as ``build_index`` reports them; ``writing`` after its last report."""
    peak_mb: float
    """Largest memory of the process, in 10^6 bytes."""
    disk_mb: float
    """Size of the index on disk, in 10^6 bytes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Searched:
    """Time and memory that searching an index took."""

    questions: int
    """How many were asked after the first."""
    open_seconds: float
    """``Assistant.open``: from the index on disk to the first question."""
    first_ms: float
    """The first search, which loads the embedder."""
    median_ms: float
    """Milliseconds of a search for passages and evidence, median."""
    p95_ms: float
    """The same, 95th percentile."""
    worst_ms: float
    """The same, the longest."""
    peak_mb: float
    """Largest memory of the process, in 10^6 bytes, the index's memory-mapped pages included."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: Arguments; None takes the process's.
    """
    args = _arguments().parse_args(argv)
    return exit_status(lambda: _run(args))


def _updates(args: argparse.Namespace) -> None:
    """Build an index of each size, add articles one by one, and write ``report.json``."""
    settings = Settings.load(embedder="fake")
    pool = resample.read_pool(args.corpus or [settings.articles])
    rows: list[dict[str, Any]] = []
    for size in args.sizes:
        home = args.out / f"updates-{size}"
        own = dataclasses.replace(settings, indexes=home / "indexes", articles=home / "articles")
        try:
            _say(f"{size:,} chunks: building …")
            built = _build(home, size, pool, own, args.seed, 0)
            _say(f"{built.chunks:,} chunks: adding one article, {updates.UPDATES} times …")
            new = list(itertools.islice(resample.articles(pool, args.seed + 1), updates.UPDATES))
            rows.append(updates.row(built.chunks, _fresh(updates.update, own, INDEX, new)))
        finally:
            shutil.rmtree(home, ignore_errors=True)
        write_json(args.out / "report.json", {"updates": rows})
    print(updates.table(rows))
    print(f"\n{args.out / 'report.json'}")


def _run(args: argparse.Namespace) -> None:
    if args.updates:
        _updates(args)
        return
    settings = Settings.load(embedder=args.embedder)
    corpora = args.corpus or [settings.articles]
    pool = resample.read_pool(corpora)
    asked = resample.questions(
        resample.read_questions(args.questions or [QUESTIONS]), args.queries, args.seed
    )
    key = _key(pool, settings, args.seed)
    rows: list[dict[str, Any]] = []
    for size in args.sizes:
        home = args.out / f"{size}-{key}"
        own = dataclasses.replace(settings, indexes=home / "indexes", articles=home / "articles")
        try:
            built = kept(home) if args.reuse else None
            if built is None:
                _say(f"{size:,} chunks: building …")
                built = _build(home, size, pool, own, args.seed, args.lend)
            _say(f"{size:,} chunks: searching …")
            searched = _fresh(search, own, asked)
        except IndexUnusable as error:
            raise BadQuestions(f"{error} Or remove {home} and run again.") from None
        finally:
            if not args.reuse:
                shutil.rmtree(home, ignore_errors=True)
        rows.append(
            {"size": size, "built": dataclasses.asdict(built), "searched": dataclasses.asdict(searched)}
        )
        # Written after every size, because the largest takes most of an hour and may be interrupted.
        report = {"run": _describe(settings, corpora, args), "targets": TARGETS, "sizes": rows}
        write_json(args.out / "bench.json", report)
    print(table(rows))
    print(f"\n{args.out / 'bench.json'}")
    if draw(rows, args.out / "bench.png"):
        print(args.out / "bench.png")
    else:
        print(f"No plot: matplotlib is missing. Install it: {install_command('dev')}", file=sys.stderr)


def _key(pool: resample.Pool, settings: Settings, seed: int) -> str:
    """A key of everything that an index was made from, so that it is never confused with another."""
    made = json.dumps([pool, seed, settings.embedder, settings.chunk_tokens], sort_keys=True, default=str)
    return hashlib.sha256(made.encode()).hexdigest()[:8]


def kept(home: Path) -> Built | None:
    """The figures of an index that an earlier run kept; None where there is none."""
    try:
        return Built(**json.loads((home / "built.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _build(home: Path, size: int, pool: resample.Pool, settings: Settings, seed: int, lend: int) -> Built:
    try:
        shutil.rmtree(home, ignore_errors=True)
        settings.articles.mkdir(parents=True)
        source = resample.articles(pool, seed)
        made = _write_articles(settings.articles, itertools.islice(source, SAMPLE))
        # The sample's chunks are counted with the fake embedder, in a second; its index is not kept.
        rough = dataclasses.replace(settings, embedder="fake", indexes=home / "sample")
        per_article = build(rough).chunks / SAMPLE
        shutil.rmtree(rough.indexes)
        missing = max(1, round(size / per_article)) - SAMPLE
        if missing < 0:
            for path in made[missing:]:
                path.unlink()
        _write_articles(settings.articles, itertools.islice(source, max(0, missing)), first=SAMPLE)
        built = _fresh(build, settings, lend)
        (home / "built.json").write_text(json.dumps(dataclasses.asdict(built)), encoding="utf-8")
    except OSError as error:
        raise BadQuestions(f"Cannot write {home}: {error.strerror}; give another --out.") from None
    return built


def _write_articles(folder: Path, texts: Any, first: int = 0) -> list[Path]:
    paths = []
    for number, text in enumerate(texts, start=first):
        paths.append(folder / f"{number:06}.txt")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def _fresh(measure: Callable[..., T], *arguments: Any) -> T:
    """The result of ``measure``, run in a process of its own so that its memory contains nothing else."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as one:
        try:
            return one.submit(measure, *arguments).result()
        except BrokenProcessPool:
            raise BadQuestions(
                "The measuring process was killed, most likely for lack of memory; give smaller --sizes."
            ) from None


def build(settings: Settings, lend: int = 0) -> Built:
    """Index ``settings.articles``, and measure it.

    Args:
        settings: Names articles, index and embedder.
        lend: So many passages are read by the embedder, see lending.py; 0 reads all.
    """
    embedder = Lending(open_embedder(settings), lend) if lend else None
    started = last = time.perf_counter()
    doing = "reading"
    stages: dict[str, float] = {}

    def progress(what: str, share: float) -> None:
        nonlocal doing, last
        now = time.perf_counter()
        # A report is about work that is done, except the one at the beginning of a stage.
        done = what if share else doing
        stages[done] = stages.get(done, 0.0) + now - last
        doing, last = what, now

    written = build_index(
        settings.articles, INDEX, settings=settings, embedder=embedder, progress=progress
    ).written
    progress("writing", 1.0)
    seconds = time.perf_counter() - started
    files = [path for path in (settings.indexes / INDEX).rglob("*") if path.is_file()]
    return Built(
        articles=written.articles,
        chunks=written.chunks,
        seconds=seconds,
        stages=stages,
        peak_mb=peak_memory() / 1e6,
        disk_mb=sum(path.stat().st_size for path in files) / 1e6,
    )


def search(settings: Settings, questions: Sequence[str]) -> Searched:
    """Search the index for each question, and measure it.

    Args:
        settings: Those that the index was built with.
        questions: Two or more.
    """
    started = time.perf_counter()
    assistant = Assistant.open(INDEX, settings=settings)
    opened = time.perf_counter() - started
    taken = []
    for question in questions:
        started = time.perf_counter()
        assistant.search(question)
        taken.append((time.perf_counter() - started) * 1000)
    assistant.close()
    first, *rest = taken
    return Searched(
        questions=len(rest),
        open_seconds=opened,
        first_ms=first,
        median_ms=statistics.median(rest),
        p95_ms=statistics.quantiles(rest, n=20, method="inclusive")[-1] if len(rest) > 1 else rest[0],
        worst_ms=max(rest),
        peak_mb=peak_memory() / 1e6,
    )


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    try:
        # Preferred to ru_maxrss, because a child's ru_maxrss starts with its parent's memory.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        unit = 1 if platform.system() == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _describe(settings: Settings, corpora: Sequence[Path], args: argparse.Namespace) -> dict[str, Any]:
    return {
        "version": rag.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "embedder": settings.embedder,
        "chunk_tokens": settings.chunk_tokens,
        "corpora": [path.name for path in corpora],
        "seed": args.seed,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evals/benchmarks/indexing.py",
        description="Measure indexing throughput and search latency as an index grows.",
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        action="append",
        metavar="DIR",
        help="folder of .txt articles to mix; may be given several times; default: the seeds",
    )
    parser.add_argument(
        "--questions",
        type=Path,
        action="append",
        metavar="FILE",
        help="question file, JSON Lines; may be given several times; default: the hand-written set",
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default=[1000, 10_000, 100_000],
        metavar="N,N",
        help="approximate chunks in the index; default: 1000,10000,100000",
    )
    parser.add_argument(
        "--queries", type=_queries, default=301, metavar="N", help="questions at each size; default: 301"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="random seed; default: 0")
    parser.add_argument(
        "--lend",
        type=int,
        default=0,
        metavar="N",
        help="embed N passages and reuse their vectors, to measure only the search; default: 0, embed all",
    )
    parser.add_argument("--embedder", help="'packaged', 'fake', a hub model id or a local folder")
    parser.add_argument(
        "--updates", action="store_true", help="measure adding one article, with the fake embedder"
    )
    parser.add_argument(
        "--reuse", action="store_true", help="keep the indexes in --out, and search those kept before"
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="where results go; default: evals/out/bench"
    )
    return parser


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text}: a size is below 1")
    return sorted(set(sizes))


def _queries(text: str) -> int:
    if (value := int(text)) < 2:
        raise argparse.ArgumentTypeError(f"{text} is below 2: the first search is reported separately")
    return value


if __name__ == "__main__":
    sys.exit(main())
