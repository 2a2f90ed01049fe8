"""What was read in each file of a folder, so that an unchanged file is not read again at the next update.

A file is taken as unchanged if its size, its times of modification and of its last change of state, and its
inode are the same. What was read within two seconds of a change is not remembered, as a further change could
have left the times so. What is remembered counts only for the same folder, catalogue, settings and version of
this code.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rag.loading import catalogue
from rag.settings import Settings

FRESH_SECONDS = 2.0
"""A file whose last change is younger is read again: the times of some file systems have steps of 2 s."""

State = str
"""Size, time of modification and of the last change of state in nanoseconds, and inode of a file."""


class Seen(NamedTuple):
    """What was read in one file."""

    state: State
    """Its state before it was read."""
    ids: Mapping[str, str]
    """The articles in it, each with a digest that the caller has chosen; empty before it has."""
    notes: Sequence[Sequence[Any]] = ()
    """What was reported of it: reason, line, and whether the article was added all the same."""


def state(file: os.DirEntry[str]) -> State | None:
    """The state of a regular file; None for a link and anything else."""
    try:
        status = file.stat(follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def has_settled(file: State) -> bool:
    """Whether a further change of a file would show in its times, as the last one was long enough ago."""
    _, modified, changed, _ = map(int, file.split())
    return max(modified, changed) < (time.time() - FRESH_SECONDS) * 1e9


def key(folder: Path, settings: Settings) -> str:
    """Digest of everything that the articles of a folder depend on beside its files."""
    digest = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape"))
    for name in catalogue.NAMES:
        with contextlib.suppress(OSError):
            digest.update(name.encode() + (folder / name).read_bytes())
    chosen = (settings.columns, settings.max_file_bytes, settings.max_rows_bytes, settings.parse_seconds)
    digest.update(repr(chosen).encode() + _code().encode())
    return digest.hexdigest()


def read(path: Path, key: str) -> dict[str, Seen]:
    """What ``write`` has written under a key, by the path of each file; empty if it cannot be used."""
    try:
        stored = json.loads(path.read_bytes())
        if stored["key"] != key:
            return {}
        return {source: Seen(*one) for source, one in stored["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(path: Path, key: str, files: Mapping[str, Seen]) -> None:
    """Remember what was read. If that fails, the files are read again next time."""
    # A file without notes takes two fields: there may be 100,000.
    stored = {"key": key, "files": {name: one if one.notes else one[:2] for name, one in files.items()}}
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError, ValueError):
        try:
            new.write_text(json.dumps(stored), encoding="utf-8")
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


@functools.cache
def _code() -> str:
    """Digest of the modules that read articles: those of another version may read them differently."""
    digest, rag = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(path for room in ("loading", "language") for path in (rag / room).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
