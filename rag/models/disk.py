"""Digests of files, and writes that survive a power failure."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rag.errors import NoSpace

WAITS = (0.05, 0.1, 0.2, 0.4)
"""Seconds between the tries of a rename. On Windows a file that a reader or a virus scanner has open for a
moment can be neither renamed nor replaced."""


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    flags = os.O_RDWR  # Windows flushes only what may be written
    if path.is_dir():
        if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folder, and its file system logs the entries
            return
        flags = os.O_RDONLY
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """Rename a file or folder, and replace a file; waits for a process that has one of them open.

    Raises:
        OSError: It is not possible.
    """
    for wait in WAITS:
        try:
            source.replace(target)
            return
        except PermissionError:
            time.sleep(wait)
    source.replace(target)


@contextlib.contextmanager
def writing_to_cache(task: str) -> Iterator[None]:
    """Raises NoSpace for any error of the disk, with what could not be done ("write NAME to FOLDER")."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk filled up" if full else f"{error.strerror} ({error.filename})"
        raise NoSpace(
            f"Cannot {task}: {reason}. Free some space, or use another folder that you can write to: "
            "SANAD_CACHE=/path"
        ) from error
