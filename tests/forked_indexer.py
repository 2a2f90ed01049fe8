"""Builds an index in a forked process for each line of standard input, so that a test can kill it.

A line is a JSON list: folder of articles, name of the index, folder of indexes. Printed are the process's
id, each phase of the build, and at the end how the process ended. The libraries are loaded once, before the
forks; nothing of them runs in this process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from pathlib import Path

import chromadb  # noqa: F401 - so that no fork spends half a second on it
from tqdm import tqdm

from rag import Settings, build_index
from rag.index import bm25
from rag.index.chunking import chunks
from rag.loading.articles import load_folder
from rag.settings import quiet_libraries

SWITCH = "switching"
"""The last phase, which begins when all is checked."""


def say(what: object) -> None:
    """Write a line at once: another process may be killed in the middle of its own."""
    os.write(1, f"{what}\n".encode())


_reported: set[str] = set()


def progress(what: str, share: float) -> None:
    """Report each phase once."""
    phase = SWITCH if (what, share) == ("checking", 1) else what
    if phase not in _reported:
        _reported.add(phase)
        say(phase)


def main() -> None:
    """Serve until standard input ends."""
    settings = Settings.load()
    quiet_libraries(settings)
    # tqdm's own lock is shared between forks: one that is killed while it holds it would stop all later ones.
    tqdm.set_lock(threading.RLock())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "warm.txt").write_text("An article that loads what loading needs.", encoding="utf-8")
        for article in load_folder(Path(folder), settings).articles:
            chunks(article, budget=settings.chunk_tokens)
        bm25.write(Path(folder), ["some words", "other words"])
    say("ready")
    for line in sys.stdin:
        folder, name, indexes = json.loads(line)
        pid = os.fork()
        if pid == 0:
            say(os.getpid())
            os.environ["SANAD_INDEXES"] = indexes
            build_index(Path(folder), name, allow_shrink=True, progress=progress)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        say("killed" if os.WIFSIGNALED(status) else f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
