"""Keeps a mapped file's pages out of this process's memory while a library reads it once.

OpenVINO maps a model's weights from their file and rewrites them, matrix by matrix, into the layout that
its kernels multiply by; the pages that were read then stay in the process beside the copies, twice the
model. Pages of a file that is mapped to be read only can be let go of at any time: what is read again comes
back from the file.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from pathlib import Path

EVERY_SECONDS = 0.05
"""Between two times of letting go: rewriting reads about 1 GB/s, so some 50 MB are held at most."""

_DONTNEED = 4
"""MADV_DONTNEED of Linux."""


@contextlib.contextmanager
def passing(path: Path) -> Iterator[None]:
    """Within it, and at its end, the pages of a file that this process has mapped are let go of.

    Does nothing where the system does not tell its mappings as Linux does.

    Args:
        path: The file.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_SECONDS):
            let_go(path)

    thread = threading.Thread(target=watch, name="mapped file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        let_go(path)


def let_go(path: Path) -> None:
    """Let go of a mapped file's pages, where it is mapped to be read only: a written page would be lost.

    Args:
        path: The file.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no such list, or no such call
        name = str(path.resolve())
        advise = ctypes.CDLL(None, use_errno=True).madvise
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            # 7f3566200000-7f3587e5a000 r--s 00000000 fe:00 3604495    /path/of/the/file
            span, rights, *_, last = line.split(maxsplit=5)
            if last == name and "w" not in rights:
                start, end = (int(edge, 16) for edge in span.split("-"))
                advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)
