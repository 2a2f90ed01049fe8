"""Generations of an index on disk: each is written once, checked, made current atomically and never edited.

    indexes/NAME/CURRENT                  the generation that readers open, and its manifest's sha256
    indexes/NAME/generation-0003/         its manifest, and the segment that was written with it (layout.py)
    indexes/NAME/generation-0002/         the previous one, and older ones whose segments are in use
    indexes/NAME/.staging, .lock          a build in progress; one writer at a time

An update writes a segment that contains the new and changed articles alone, and a manifest that lists it
beside the segments that stay. Articles that were replaced or removed are marked in the manifest. From time to
time an update copies small segments into its own too (``update.chosen_items``), so that there are never many.

The manifest contains a digest of every file, and CURRENT the digest of the manifest: damaged files are
refused, so that no answer is based on them and no older generation is mistaken for the current one. Readers
take no lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import BadArticles, IndexMissing, IndexUnusable, NoSpace, SanadError
from rag.index import bm25, build, chroma_store
from rag.index.chroma_store import ChromaFailed
from rag.index.layout import (
    CURRENT,
    FORMAT,
    MANIFEST,
    Contents,
    Damaged,
    Manifest,
    Part,
    check_compatible,
    current_name,
    damage,
    entry,
    read_current,
    read_manifest,
)
from rag.index.segments.ledger import Ledger, add_checked, forget_checked
from rag.index.segments.segment import Segment
from rag.index.segments.update import Update, chosen_items, compared, groups_of, known_rows
from rag.index.snapshot import GRAPH_ROWS, Generation
from rag.models.disk import fsync, replace
from rag.models.embedding.embedder import Embedder
from rag.records import Progress

LOCK_SECONDS = 1.0
"""How long a second writer waits before it fails with the name of the process that holds the lock."""

MAX_SHRINK = 0.2
"""Largest share of its articles that an index may lose in one update unless the caller allows more: a folder
that is not mounted, or only half copied, must not empty an index."""

GRAPH_FROM = 10_000
"""Number of chunks from which opening the graph pays off for questions. Comparing all vectors takes 2.4 ms at
10,000, the graph 1.1 ms; but importing Chroma takes 0.8 s of processor time, and its tables are copied."""


@dataclass(frozen=True, slots=True)
class Written:
    """The result of an update."""

    generation: str
    """Name of the generation that is current now."""
    articles: int
    """Number of articles in it."""
    chunks: int
    """Number of chunks in it."""
    embedded: int
    """Number of chunks that were embedded now; the vectors of the others were reused."""
    added: tuple[str, ...]
    """Ids of the new articles."""
    changed: tuple[str, ...]
    """Ids of the articles whose text or metadata changed."""
    removed: tuple[str, ...]
    """Ids of the articles that are no longer in the index."""
    moved: tuple[str, ...] = ()
    """Ids now of the articles whose file was renamed or moved; they are neither added nor changed, and their
    former ids not removed."""


def open_generation(
    index: Path,
    embedder: str | None = None,
    chunker: str | None = None,
    *,
    search: bool = True,
    graph_from: int = 0,
    reuse: Generation | None = None,
) -> Generation:
    """Open the current generation of an index, after checking every file of it.

    Args:
        index: The folder of the index (``indexes/NAME``).
        embedder: Identity of the embedder that will search it; None when nothing is searched.
        chunker: The way articles must have been split; None when that does not matter.
        search: Whether many searches will follow; if not, opening is faster and searching slower.
        graph_from: With fewer chunks no graph is opened.
        reuse: An open generation of this index, whose segments need not be opened again.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, has another format, or was built with another embedder.
        NoSpace: The temporary folder has no room for the working copy that Chroma needs.
    """
    while True:
        current = read_current(index)
        try:
            name, manifest = read_manifest(index, current)
            check_compatible(index, manifest, embedder, chunker)
            graph = search and manifest.chunks >= graph_from
            return Generation(index, name, manifest, current or b"", search=graph, reuse=reuse)
        except Damaged as error:
            # If CURRENT has changed, the second of two updates removed the generation that was being opened.
            if read_current(index) == current:
                forget_checked(index)
                raise damage(index, error) from error


def open_ledger(index: Path, embedder: str, chunker: str) -> Ledger | None:
    """The articles of the current generation; None if none of its vectors can be used again."""
    try:
        ledger = Ledger(index)
        check_compatible(index, ledger.manifest, embedder, chunker)
        return ledger
    except (IndexMissing, IndexUnusable, Damaged):
        return None


def whole_ledger(index: Path, embedder: str) -> Ledger:
    """The articles of the current generation, all of whose files are as they were written.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, has another format, or was built with another embedder.
    """
    try:
        ledger = Ledger(index)
        check_compatible(index, ledger.manifest, embedder, None)
        if len(ledger.sound) < len(ledger.manifest.segments):
            raise Damaged("; ".join(map(str, ledger.damage))) from ledger.damage[0]
        return ledger
    except Damaged as error:
        raise damage(index, error) from error


def write_generation(
    index: Path,
    contents: Contents,
    embedder: Embedder,
    progress: Progress,
    *,
    allow_shrink: bool = False,
    ledger: Ledger | None = None,
) -> Written:
    """Make ``contents`` the current generation of an index; nothing is written if it already is.

    Only text that the current generation does not contain is embedded.

    Args:
        index: The folder of the index.
        contents: What it is to contain.
        embedder: Embeds new text.
        progress: Called with the current step and the share of it that is done.
        allow_shrink: Whether more than ``MAX_SHRINK`` of the articles may be removed.
        ledger: The articles of the index if they are known; it is read again if they are those of before.

    Raises:
        BadArticles: Too many articles would be removed.
        IndexUnusable: Another process is writing this index, or wrote it after ``contents`` was derived
            from it; or the new files failed their check. The current generation stays current.
        NoSpace: The disk is full or cannot be written to; the current generation stays current.
    """
    embedder.identity  # noqa: B018 - a model that cannot be loaded fails here, before anything is written
    with _disk_errors(index):
        index.mkdir(parents=True, exist_ok=True)
        with writer_lock(index):
            _sweep(index)
            current = read_current(index)
            if contents.base and contents.base != current:
                raise IndexUnusable(
                    f"Another process updated the index {index.name!r} meanwhile; nothing was changed. "
                    "Try again."
                )
            if ledger and ledger.current != current:
                ledger = None
            update = compared(index, contents, embedder, ledger)
            old = update.old.places if update.old else {}
            if len(update.removed) > MAX_SHRINK * len(old) and not allow_shrink:
                raise BadArticles(
                    f"This update would remove {len(update.removed)} of the {len(old)} articles in the index "
                    f"{index.name!r}; nothing was changed. If this is intended, add --allow-shrink."
                )
            groups = groups_of(update, contents)
            if update.before and _is_up_to_date(update, update.before.manifest, contents, groups):
                name, chunks, embedded = update.before.name, update.before.manifest.chunks, 0
            else:
                name, chunks, embedded = _write(index, update, groups, contents, embedder, progress)
            return Written(
                generation=name,
                articles=len(update.kept) + len(update.fresh),
                chunks=chunks,
                embedded=embedded,
                added=tuple(sorted(update.fresh.keys() - old.keys() - update.moved.keys())),
                changed=tuple(
                    sorted(
                        i
                        for i in update.fresh.keys() & old.keys() - update.moved.keys()
                        if update.fresh[i].fingerprint != old[i].fingerprint
                    )
                ),
                removed=tuple(update.removed),
                moved=tuple(sorted(update.moved)),
            )


def _is_up_to_date(update: Update, manifest: Manifest, contents: Contents, groups: dict[str, str]) -> bool:
    return (
        not update.fresh
        and not update.gone
        and manifest.source == contents.source
        and manifest.terms == bm25.TERMS
        and manifest.groups == groups
    )


def _write(
    index: Path,
    update: Update,
    groups: dict[str, str],
    contents: Contents,
    embedder: Embedder,
    progress: Progress,
) -> tuple[str, int, int]:
    """Write, check and switch to a generation: its name, its chunks, and how many of them were embedded."""
    staging = index / ".staging"
    name = f"generation-{max(map(_number, index.glob('generation-*')), default=0) + 1:04}"
    try:
        staging.mkdir()
        stay, items = chosen_items(index, update)
        embedded, parts = 0, stay
        manifest = Manifest(
            format=FORMAT,
            embedder=embedder.identity,
            dimension=embedder.dimension,
            token_size=embedder.token_size,
            chunker=contents.chunker,
            chunks=0,
            source=contents.source,
            terms=bm25.TERMS,
            groups=groups,
            segments=(),
        )
        if items:
            merge = any(item.origin for item in items) and update.has_terms(bm25.TERMS)
            graph_from = GRAPH_ROWS if stay or merge else chroma_store.MIN_ROWS
            known = known_rows(update)
            part, embedded = build.fill(
                staging, name, items, contents, embedder, known, progress, graph_from=graph_from
            )
            progress("checking", 0)
            parts = [*stay, _checked(index, staging, part, manifest)]
        progress("checking", 1)
        chunks = sum(part.chunks - part.dead_chunks for part in parts)
        data = dataclasses.replace(manifest, chunks=chunks, segments=tuple(parts)).to_json()
        (staging / MANIFEST).write_bytes(data)
        fsync(staging / MANIFEST)
        fsync(staging)
        _switch(index, staging, name, data)
        return name, chunks, embedded
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _checked(index: Path, staging: Path, part: Part, manifest: Manifest) -> Part:
    """The new segment, after its files were read back and searched successfully."""
    try:
        with contextlib.closing(Segment(staging, part, manifest, graph=True)) as segment:
            build.check(segment)
            return part
    except build.PoorRecall:
        # Without a graph this cannot happen again.
        return _checked(index, staging, build.remove_graph(staging, part), manifest)
    except (Damaged, ChromaFailed) as error:
        raise IndexUnusable(
            f"The new files of the index {index.name!r} failed their check: {error}. They were deleted; the "
            "index is unchanged. Try again."
        ) from error


def _switch(index: Path, staging: Path, name: str, manifest: bytes) -> None:
    """Make the checked staging folder the current generation; the two renames need no disk space."""
    new = index / f"{CURRENT}.new"
    try:
        new.write_bytes(entry(name, manifest))
        fsync(new)
        replace(staging, index / name)
        fsync(index)
        replace(new, index / CURRENT)
    except OSError:
        new.unlink(missing_ok=True)
        shutil.rmtree(index / name, ignore_errors=True)
        raise
    fsync(index)
    add_checked(index, Manifest.from_json(manifest))
    _sweep(index)


def _sweep(index: Path) -> None:
    """Remove what neither the current nor the previous generation uses, and what killed writers left."""
    shutil.rmtree(index / ".staging", ignore_errors=True)
    current = current_name(read_current(index))
    if current is None:
        return
    folders = {path.name: path for path in index.glob("generation-*")}
    manifests = [path for path in folders.values() if (path / MANIFEST).is_file()]
    earlier = [path for path in manifests if _number(path) < _number(index / current)]
    previous = max(earlier, key=_number, default=None)
    used = {current}
    try:
        used.update(_segments(index / current))
        if previous:
            used.update({previous.name, *_segments(previous)})
    except Damaged:
        return
    for name, path in folders.items():
        if name not in used:
            shutil.rmtree(path, ignore_errors=True)
        elif name != current and path != previous:
            with contextlib.suppress(OSError):
                (path / MANIFEST).unlink(missing_ok=True)


def _segments(folder: Path) -> set[str]:
    """The folders that a generation's segments are in; none for one of another format."""
    try:
        data = (folder / MANIFEST).read_bytes()
        if json.loads(data)["format"] != FORMAT:
            return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{folder.name}/{MANIFEST} cannot be read ({error})") from error
    return {part.folder for part in Manifest.from_json(data).segments}


def _number(folder: Path) -> int:
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


@contextlib.contextmanager
def writer_lock(index: Path) -> Iterator[None]:
    """Keep other writers of an index out; IndexUnusable names the one that is writing."""
    from filelock import FileLock, Timeout

    holder = index / ".writer"
    try:
        with FileLock(index / ".lock", timeout=LOCK_SECONDS):
            since = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
            holder.write_text(f"pid {os.getpid()}, since {since}", encoding="utf-8")
            yield
    except Timeout:
        process = holder.read_text(encoding="utf-8") if holder.is_file() else "pid unknown"
        raise IndexUnusable(
            f"Another process ({process}) is writing the index {index.name!r}. "
            "Wait until it ends, then try again."
        ) from None


@contextlib.contextmanager
def _disk_errors(index: Path) -> Iterator[None]:
    try:
        yield
    except SanadError:
        raise
    except OSError as error:
        full = error.errno is None and "requested and" in str(error)  # how NumPy reports a full disk
        why = os.strerror(errno.ENOSPC) if full else error.strerror or str(error)
        raise NoSpace(
            f"Cannot write the index {index.name!r} in {index.parent}: {why}. Free some space, or use "
            "another folder: SANAD_INDEXES=/path. The index is unchanged."
        ) from error
    except Damaged as error:
        forget_checked(index)
        raise damage(index, error) from error
    except ChromaFailed as error:
        raise IndexUnusable(
            f"Chroma could not write the index {index.name!r} ({error}). The index is unchanged. Try again."
        ) from error
