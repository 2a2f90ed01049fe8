"""Temporary folders for working copies of an index; those that killed processes left behind are removed."""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from pathlib import Path

from rag.index.layout import no_working_copy

PREFIX = "sanad-index-"

SECONDS_TO_LOCK = 60
"""A folder younger than this may not be locked yet by the process that has just created it."""


class WorkingFolder:
    """A new temporary folder, locked for as long as this process uses it."""

    def __init__(self) -> None:
        """Create the folder, and remove folders of this user that no living process has locked.

        Raises:
            NoSpace: It cannot be created.
        """
        from filelock import FileLock

        try:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        except OSError as error:
            raise no_working_copy(error) from error
        # The operating system releases the lock when the process ends, however it ends. Any thread may
        # release it earlier.
        self._lock = FileLock(self.path / ".lock", thread_local=False)
        try:
            self._lock.acquire()
        except OSError as error:
            shutil.rmtree(self.path, ignore_errors=True)
            raise no_working_copy(error) from error
        self._sweep()

    def remove(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

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
            except (OSError, Timeout):  # removed meanwhile, or in use
                continue
