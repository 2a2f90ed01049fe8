"""Asks thousands of questions while the index changes: does anything fail, grow or stay behind?

    python scripts/soak.py [--questions 2000] [--real N] [--minutes 10]

The fake generator answers over a real server, a real index and real sockets; ``--real N`` asks the packaged
models N questions instead, over the seed articles. Prints a table; ends with 1 if a row fails.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import write_articles

from rag import Assistant, Settings, build_index
from rag.models.embedding.embedder import FakeEmbedder, open_embedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.server.serve import Server

WARM = 0.25
"""Share of the questions after which memory is compared."""

FIRST_UPDATES = 40
"""Updates of the index before the measurement: they use 40 MB, which the allocator keeps for later updates
(memory then stayed at 327 to 328 MB over 4,000 questions and 62 updates)."""

GROWTH = 0.02
"""The most that memory may grow after that."""

CLIENTS = 4
"""Clients that ask at the same time."""

QUESTIONS = (
    "When did the harbour of Marsa reopen?",
    "كم بلغت تكلفة المكتبة؟",
    "How much did the olive harvest fall?",
    "Who is the port director?",
)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument(
        "--real", type=int, default=0, metavar="N", help="ask the packaged models, N questions"
    )
    parser.add_argument("--minutes", type=float, default=10, help="at most")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sanad-soak-"))
    tempfile.tempdir = str(folder / "tmp")  # no other program's
    Path(tempfile.tempdir).mkdir()
    try:
        rows = soak(folder, options.real or options.questions, options.minutes * 60, real=bool(options.real))
        gc.collect()
        stayed = sorted(path.name for path in Path(tempfile.tempdir).iterdir())
    finally:
        shutil.rmtree(folder)
    rows.append(("temporary folders", "0 left", f"{len(stayed)} left {' '.join(stayed)}", not stayed))
    width = max(len(row[0]) for row in rows)
    for name, wanted, seen, fine in rows:
        sys.stdout.write(
            f"{name:<{width}}  wanted {wanted:<22} seen {seen:<34} {'ok' if fine else 'FAILED'}\n"
        )
    return 0 if all(row[3] for row in rows) else 1


def soak(folder: Path, questions: int, seconds: float, *, real: bool) -> list[tuple[str, str, str, bool]]:
    """Ask and index; the rows of the table."""
    articles = write_articles(folder / "articles")
    models = {} if real else {"embedder": "fake", "backend": "fake"}
    cache = {} if real else {"cache": folder / "cache"}
    settings = Settings.load(indexes=folder / "indexes", articles=articles, waiting=64, **models, **cache)
    embedder = open_embedder(settings) if real else FakeEmbedder()
    build_index(articles, "soak", settings=settings, embedder=embedder)
    llm = FakeLLM()
    generator = None if real else fake_generator(llm)
    assistant = Assistant.open("soak", settings=settings, embedder=embedder, generator=generator)
    server = Server(assistant).start()
    statuses: Counter[int] = Counter()
    asked = iter(range(questions))
    memory: list[tuple[int, int]] = []
    lock, over = threading.Lock(), threading.Event()
    end = time.monotonic() + seconds
    updates, failures = 0, []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        while time.monotonic() < end:
            with lock:
                number = next(asked, None)
            if number is None:
                break
            question = QUESTIONS[number % len(QUESTIONS)]
            body, kind = json.dumps({"question": question}).encode(), {"Content-Type": "application/json"}
            connection.request("POST", "/api/ask", body, kind)
            response = connection.getresponse()
            reply = json.loads(response.read())
            with lock:
                crossed = response.status == 200 and reply["question"] != question
                statuses[-1 if crossed else response.status] += 1
                if number % max(1, questions // 40) == 0:
                    memory.append((number, resident()))
        connection.close()

    def update() -> None:
        nonlocal updates
        try:
            (articles / "news.txt").write_text(
                f"Bulletin {updates % 50}\nThe bell rang {updates % 50} times.\n"
            )
            build_index(articles, "soak", settings=settings, embedder=embedder)
            updates += 1
        except Exception as error:
            failures.append(repr(error))

    def index() -> None:
        while not over.wait(0.2):
            update()

    for _ in range(1 if real else FIRST_UPDATES):
        update()
        assistant.ask(QUESTIONS[0])
    indexing = threading.Thread(target=index)
    indexing.start()
    first = open_things()
    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    over.set()
    indexing.join()
    last = open_things()
    server.close()
    assistant.close()
    warm = [size for number, size in memory if number >= WARM * questions]
    quarter = max(1, len(warm) // 4)
    grown = sum(warm[-quarter:]) / sum(warm[:quarter]) - 1 if len(warm) >= 8 else 0.0
    sizes = [round(size / 1e6) for _, size in sorted(memory)]
    sys.stdout.write(f"memory in MB, forty times over the run: {' '.join(map(str, sizes))}\n")
    updated = f"{updates}, {len(failures)} failed"
    answered, total = statuses[200], sum(statuses.values())
    summary = f"{answered} of {total} {dict(statuses)}"
    wrong, base = statuses[-1], warm[0] / 1e6 if warm else 0
    return [
        ("questions answered", f"{questions} of {questions}", summary, answered == questions),
        ("answers to another question", "0", str(wrong), not wrong),
        ("updates of the index", "2, 0 failed", updated, updates > 1 and not failures),
        ("memory growth once warm", f"under {GROWTH:.0%}", f"{grown:+.1%} of {base:.0f} MB", grown < GROWTH),
        ("threads", f"at most {first[0] + 2}", str(last[0]), last[0] <= first[0] + 2),
        ("open files", f"at most {first[1] + 12}", str(last[1]), last[1] <= first[1] + 12),
    ]  # fmt: skip


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_things() -> tuple[int, int]:
    """Threads and open files."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    sys.exit(main())
