"""Watches a folder and calls back once its files have changed and then stayed the same for a moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from rag.errors import BadArticles

SETTLE = 0.5
"""Seconds without a change before an update, so that files that are copied together are indexed together."""

PATIENCE = 20
"""Longest delay of an update, as a multiple of the settling time, if files never stop changing."""

RETRY = 30.0
"""Seconds until a failed update is tried again without a change in the folder: it may have failed because
the disk was full or another process was writing the index."""


def follow(folder: Path, update: Callable[[], bool], *, settle: float = SETTLE, retry: float = RETRY) -> None:
    """Call ``update`` now and again after every change in a folder, until interrupted.

    A change during ``update`` is not lost. The folder may disappear and come back.

    Args:
        folder: Watched with its subfolders; hidden files are ignored.
        update: Returns whether it succeeded.
        settle: Seconds without a change before ``update`` is called.
        retry: Seconds until a failed update is tried again.

    Raises:
        BadArticles: The system cannot watch this folder.
        KeyboardInterrupt: The user stopped the program.
    """
    due = 0.0
    with closing(ticks(folder, settle)) as seen:
        for changed in seen:
            if changed or time.monotonic() >= due:
                due = math.inf if update() else time.monotonic() + retry


def ticks(folder: Path, settle: float) -> Generator[bool]:
    """Watch a folder: yields True after a change that has settled, and False after each interval without one.

    The first value is True; no change after it can be missed. ``settle`` is the length of an interval too.
    """
    gone = False
    while True:
        try:
            # If another folder takes the place of this one, its first tick reports that change, once it has
            # settled: an earlier look might read a file that is still being copied.
            with closing(_of_one(folder, _identity(folder), settle)) as one:
                for changed in one:
                    gone = False
                    yield changed
        except FileNotFoundError:
            yield not gone
            gone = True
            time.sleep(settle)
        except (OSError, RuntimeError) as error:  # no inotify watches left, or a failure of the library
            raise BadArticles(
                f"Cannot watch the folder {str(folder)!r}: {error}. Leave out --watch, and run sanad index "
                "when files change."
            ) from error


def _of_one(folder: Path, identity: tuple[int, int], settle: float) -> Generator[bool]:
    """``ticks`` until another folder takes the path; from the first tick on no change is missed."""
    from watchfiles import Change, watch

    real, step = folder.resolve(), round(1000 * settle)

    def shown(_change: Change, path: str) -> bool:
        return not any(part.startswith(".") for part in Path(path).relative_to(real).parts)

    changes_of = watch(
        real,
        watch_filter=shown,
        step=step,
        debounce=PATIENCE * step,
        rust_timeout=step,
        yield_on_timeout=True,
    )
    changed = True
    with closing(changes_of):
        for changes in changes_of:
            yield changed or bool(changes)
            changed = False
            if (Change.deleted, str(real)) in changes or _identity(folder) != identity:
                return


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode, which differ for another folder at the same path."""
    status = folder.stat()
    return status.st_dev, status.st_ino
