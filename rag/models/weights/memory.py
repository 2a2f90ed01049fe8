"""Release the memory of a mapped file while a library reads it once.

OpenVINO maps a model's weights from their file and copies them, matrix by matrix, into the layout of its
kernels. The pages that were read stay in the process beside the copies, so that the model is in memory twice.
Pages of a file that is mapped read-only can be released at any time: if they are read again, they come from
the file.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from pathlib import Path

MAPS = Path("/proc/self/maps")
"""What this process has mapped; only Linux has it."""

EVERY_SECONDS = 0.05
"""Time between two releases: OpenVINO reads about 1 GB/s, so that at most some 50 MB are held."""

_DONTNEED = 4
"""Linux's MADV_DONTNEED."""


@contextlib.contextmanager
def releasing_pages(path: Path) -> Iterator[None]:
    """Within the context and at its end, release the pages of a file that this process has mapped.

    It does nothing on systems other than Linux.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_SECONDS):
            release_pages(path)

    thread = threading.Thread(target=watch, name="mapped file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        release_pages(path)


def release_pages(path: Path) -> None:
    """Release the pages of a file where it is mapped read-only; elsewhere written pages would be lost."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # not on Linux
        name = str(path.resolve())
        lines = MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
        advise = ctypes.CDLL(None, use_errno=True).madvise  # Windows has no library without a name
        for line in lines:
            # 7f3566200000-7f3587e5a000 r--s 00000000 fe:00 3604495    /path/of/the/file
            span, rights, *_, last = line.split(maxsplit=5)
            if last == name and "w" not in rights:
                start, end = (int(edge, 16) for edge in span.split("-"))
                advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)
