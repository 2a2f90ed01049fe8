"""Temporary folders for working copies of an index, and the removal of those that killed processes left."""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from pathlib import Path

from rag.index.layout import no_working_copy

PREFIX = "sanad-index-"

SECONDS_TO_LOCK = 60
"""A younger folder may not be locked yet by the process that has just made it."""


class WorkingFolder:
    """A new temporary folder, locked for as long as this process uses it."""

    def __init__(self) -> None:
        """Make the folder, and remove those of this user that no living process holds.

        Raises:
            NoSpace: It cannot be made.
        """
        from filelock import FileLock

        try:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        except OSError as error:
            raise no_working_copy(error) from error
        # An operating system's lock ends with the process, however that ends; any thread may remove it.
        self._lock = FileLock(self.path / ".lock", thread_local=False)
        try:
            self._lock.acquire()
        except OSError as error:
            shutil.rmtree(self.path, ignore_errors=True)
            raise no_working_copy(error) from error
        self._sweep()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def _sweep(self) -> None:
        from filelock import FileLock, Timeout

        user = self.path.stat().st_uid
        for path in self.path.parent.glob(f"{PREFIX}*"):
            try:
                found = path.lstat()  # another user may have put a link there
                young = time.time() - found.st_mtime < SECONDS_TO_LOCK
                if young or found.st_uid != user or not stat.S_ISDIR(found.st_mode):
                    continue
                with FileLock(path / ".lock", timeout=0):
                    shutil.rmtree(path, ignore_errors=True)
            except (OSError, Timeout):  # gone meanwhile, or in use
                continue
