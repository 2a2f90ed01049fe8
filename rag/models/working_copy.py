"""Temporary folders for working copies of an index; those that killed processes left behind are removed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rag.errors import NoSpace

PREFIX = "sanad-index-"

SECONDS_TO_LOCK = 60
"""A folder younger than this may not be locked yet by the process that has just created it."""

ROOM = 1_000_000
"""Bytes. If the temporary folder has less space left, a failure of Chroma is attributed to that, not to the
index."""


class WorkingFolder:
    """A new temporary folder, locked for as long as this process uses it."""

    def __init__(self) -> None:
        """Create the folder, and remove folders of this user that no living process has locked.

        Raises:
            NoSpace: It cannot be created.
        """
        from filelock import FileLock

        with _no_space():
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            # The operating system releases the lock when the process ends, however it ends. Any thread may
            # release it earlier.
            self._lock = FileLock(self.path / ".lock", thread_local=False)
            try:
                self._lock.acquire()
            except OSError:
                shutil.rmtree(self.path, ignore_errors=True)
                raise
        self._sweep()

    def copy(self, file: Path) -> Path:
        """Copy a file into the folder.

        Raises:
            OSError: The file cannot be read.
            NoSpace: The copy cannot be written.
        """
        data, copy = file.read_bytes(), self.path / file.name
        with _no_space():
            copy.write_bytes(data)
        return copy

    def check_room(self) -> None:
        """Raise NoSpace if the disk is full."""
        with _no_space():
            if shutil.disk_usage(self.path).free < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def remove(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)  # Windows keeps the file of a lock while it is held

    def _sweep(self) -> None:
        from filelock import FileLock, Timeout

        user = self.path.stat().st_uid
        for path in self.path.parent.glob(f"{PREFIX}*"):
            try:
                status = path.lstat()  # not stat(): another user may have placed a link there
                young = time.time() - status.st_mtime < SECONDS_TO_LOCK
                if young or status.st_uid != user or not stat.S_ISDIR(status.st_mode):
                    continue
                with FileLock(path / ".lock", timeout=0):
                    shutil.rmtree(path, ignore_errors=True)
                shutil.rmtree(path, ignore_errors=True)
            except (OSError, Timeout):  # removed meanwhile, or in use
                continue


@contextlib.contextmanager
def _no_space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoSpace(
            f"Cannot write a working copy of the index to {tempfile.gettempdir()}: "
            f"{error.strerror or error}. Free some space there, or use another folder: TMPDIR=/path"
        ) from error
