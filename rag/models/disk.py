"""The few things that every module which writes files needs: digests, durable writes, progress."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str, float], None]
"""Told what is being done, and the share done, 0 to 1."""


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
