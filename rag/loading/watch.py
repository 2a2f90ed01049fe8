"""Follows a folder: calls back when its files have changed and then been still for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from rag.errors import BadArticles

SETTLE = 0.5
"""Seconds without a change before an update: files that are copied together are indexed together."""

PATIENCE = 20
"""So many times the settling time an update is put off at most, where files never stop changing."""

RETRY = 30.0
"""Seconds until an update that failed is tried again though no file changed: that a disk has room again
or another writer has ended does not show in the folder."""


def follow(folder: Path, update: Callable[[], bool], *, settle: float = SETTLE, retry: float = RETRY) -> None:
    """Call ``update`` at once, and again after every change in a folder, until it is interrupted.

    A change that happens while ``update`` runs is not lost. The folder may be taken away and come back.

    Args:
        folder: Followed with its subfolders, but for hidden files.
        update: Tells whether it succeeded.
        settle: Seconds without a change that are waited for.
        retry: Seconds until an update that failed is tried again.

    Raises:
        BadArticles: The system cannot watch this folder.
        KeyboardInterrupt: How it ends.
    """
    due = 0.0
    with closing(ticks(folder, settle)) as seen:
        for changed in seen:
            if changed or time.monotonic() >= due:
                due = math.inf if update() else time.monotonic() + retry


def ticks(folder: Path, settle: float) -> Generator[bool]:
    """Watch a folder: after a change that has settled yields True, after every moment without one False.

    The first one is True, and means that no later change can be missed.

    Args:
        folder: Watched with its subfolders, but for hidden files.
        settle: Seconds.

    Raises:
        BadArticles: The system cannot watch this folder.
    """
    gone = False
    while True:
        try:
            # Of a folder put in its place the first tick is the change, and is settled like any other: looked
            # at sooner, a file that is just being copied into it would be read half.
            with closing(_of_one(folder, _place(folder), settle)) as one:
                for changed in one:
                    gone = False
                    yield changed
        except FileNotFoundError:
            yield not gone
            gone = True
            time.sleep(settle)
        except (OSError, RuntimeError) as error:  # no watches left, or a fault of the library
            raise BadArticles(
                f"Cannot watch the folder {str(folder)!r}: {error}. Leave out --watch, and run sanad index "
                "when files change."
            ) from error


def _of_one(folder: Path, place: tuple[int, int], settle: float) -> Generator[bool]:
    """The same while one folder stands at ``place``; the first tick means that it is followed from now on."""
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
            if (Change.deleted, str(real)) in changes or _place(folder) != place:
                return


def _place(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
