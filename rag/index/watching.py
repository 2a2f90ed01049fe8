"""Keep an index up to date with its folder while files change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rag.errors import SanadError
from rag.index.indexing import Built, build_index, prepared
from rag.loading import watch
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Progress
from rag.settings import DEFAULT_INDEX, Settings


def watch_index(
    folder: Path,
    name: str = DEFAULT_INDEX,
    on_event: Callable[[Built | SanadError], None] = lambda _event: None,
    *,
    allow_shrink: bool = False,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
    settle: float = watch.SETTLE,
) -> None:
    """Index a folder as ``build_index``, then again whenever its files change, until interrupted.

    A failed update is reported once and tried again; the index stays unchanged until one succeeds.
    ``on_event`` is called with the result of the first update, of each later one that changed something, and
    with the error of one that failed. ``settle`` is how many seconds without a change must pass before an
    update.

    Raises:
        SanadError: The first update failed, as for ``build_index``, or the folder cannot be watched.
        KeyboardInterrupt: The first update was interrupted. A later interrupt ends the function normally.
    """
    settings, report = prepared(settings, progress)
    embedder = embedder or open_embedder(settings, report)
    last: Built | SanadError | None = None

    def update() -> bool:
        nonlocal last
        before = last
        try:
            last = build_index(
                folder, name, allow_shrink=allow_shrink, settings=settings, embedder=embedder, progress=report
            )
        except SanadError as error:
            if before is None:
                raise
            last = error
        if _is_worth_reporting(last, before):
            on_event(last)
        return isinstance(last, Built)

    try:
        watch.follow(folder, update, settle=settle)
    except KeyboardInterrupt:
        if last is None:
            raise


def _is_worth_reporting(now: Built | SanadError, before: Built | SanadError | None) -> bool:
    if isinstance(now, Built) and isinstance(before, Built):
        done = now.written
        changed = done.added or done.changed or done.removed or done.moved
        return bool(changed) or now.skipped != before.skipped
    return str(now) != str(before)
