"""Generations of an index on disk: each is written once, checked, made current atomically and never edited.

    indexes/NAME/CURRENT                  the generation that readers open, and its manifest's sha256
    indexes/NAME/generation-0003/         see layout.py
    indexes/NAME/generation-0002/         the previous one, kept
    indexes/NAME/.staging, .lock          a build in progress; one writer at a time

A change to any article produces a new generation, into which the vectors of unchanged text are copied. The
manifest contains a digest of every file, and CURRENT the digest of the manifest: damaged files are refused,
so that no answer is based on them and no older generation is mistaken for the current one. Readers take no
lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import BadArticles, IndexMissing, IndexUnusable, NoSpace, SanadError
from rag.index import bm25, build
from rag.index.chroma_store import ChromaFailed
from rag.index.layout import CURRENT, FORMAT, MANIFEST, Contents, Damaged, Manifest, entry, read_current
from rag.index.snapshot import Generation
from rag.models.disk import fsync
from rag.models.embedding.embedder import Embedder
from rag.records import Article, Progress
from rag.settings import DEFAULT_INDEX

LOCK_SECONDS = 1.0
"""How long a second writer waits before it fails with the name of the process that holds the lock."""

MAX_SHRINK = 0.2
"""Largest share of its articles that an index may lose in one update unless the caller allows more: a folder
that is not mounted, or only half copied, must not empty an index."""

_NAME = re.compile(rb"generation-\d{4,}")


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


GRAPH_FROM = 10_000
"""Number of chunks from which opening the graph pays off for questions. Comparing all vectors takes 2.4 ms at
10,000, the graph 1.1 ms; but importing Chroma takes 0.8 s of processor time, and its tables are copied."""


def open_generation(
    index: Path,
    embedder: str | None = None,
    chunker: str | None = None,
    *,
    search: bool = True,
    graph_from: int = 0,
) -> Generation:
    """Open the current generation of an index, after checking every file of it.

    Args:
        index: The folder of the index (``indexes/NAME``).
        embedder: Identity of the embedder that will search it; None when nothing is searched.
        chunker: The way articles must have been split; None when that does not matter.
        search: Whether many searches will follow; if not, opening is faster and searching slower.
        graph_from: With fewer chunks the graph is not opened.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, has another format, or was built with another embedder.
        NoSpace: The temporary folder has no room for the working copy that Chroma needs.
    """
    while True:
        current = read_current(index)
        try:
            folder, manifest = _manifest(index, current)
            _check_compatible(index, manifest, embedder, chunker)
            graph = search and manifest.chunks >= graph_from
            return Generation(folder, manifest, current or b"", search=graph)
        except Damaged as error:
            # If CURRENT has changed, the second of two updates removed the generation that was being opened.
            if read_current(index) == current:
                raise IndexUnusable(
                    f"The index {index.name!r} is damaged: {error}. Rebuild it: {_command(index)}"
                ) from error


def write_generation(
    index: Path, contents: Contents, embedder: Embedder, progress: Progress, *, allow_shrink: bool = False
) -> Written:
    """Make ``contents`` the current generation of an index; nothing is written if it already is.

    Only text that the current generation does not contain is embedded. ``allow_shrink`` says whether more
    than ``MAX_SHRINK`` of the articles may be removed.

    Raises:
        BadArticles: Too many articles would be removed.
        IndexUnusable: Another process is writing this index, or wrote it after ``contents`` was derived
            from it; or the new files failed their check. The current generation stays current.
        NoSpace: The disk is full or cannot be written to; the current generation stays current.
    """
    embedder.identity  # noqa: B018 - a model that cannot be loaded fails here, before anything is written
    with _disk_errors(index):
        index.mkdir(parents=True, exist_ok=True)
        with _writer_lock(index):
            _sweep(index)
            current = read_current(index)
            if contents.base and contents.base != current:
                raise IndexUnusable(
                    f"Another process updated the index {index.name!r} meanwhile; nothing was changed. "
                    "Try again."
                )
            old: dict[str, str] = {}
            with contextlib.suppress(IndexMissing, IndexUnusable, Damaged):
                old = _manifest(index, current)[1].articles  # even if the index cannot be searched
            known = None
            with contextlib.suppress(IndexMissing, IndexUnusable):
                known = open_generation(index, search=False)
            new = {article.id: _fingerprint(article) for article in contents.articles}
            moved = _moved(known, contents) if known else {}
            removed = sorted(old.keys() - new.keys() - set(moved.values()))
            if len(removed) > MAX_SHRINK * len(old) and not allow_shrink:
                raise BadArticles(
                    f"This update would remove {len(removed)} of the {len(old)} articles in the index "
                    f"{index.name!r}; nothing was changed. If this is intended, add --allow-shrink."
                )
            before = None
            with contextlib.suppress(IndexUnusable):  # another embedder or chunker
                if known:
                    _check_compatible(index, known.manifest, embedder.identity, contents.chunker)
                before = known
            if before and _is_up_to_date(before, contents, new):
                name, chunks, embedded = before.id, before.count, 0
            else:
                name, chunks, embedded = _write(index, contents, new, embedder, before, progress)
            return Written(
                generation=name,
                articles=len(new),
                chunks=chunks,
                embedded=embedded,
                added=tuple(sorted(new.keys() - old.keys() - moved.keys())),
                changed=tuple(sorted(i for i in new.keys() & old.keys() - moved.keys() if new[i] != old[i])),
                removed=tuple(removed),
                moved=tuple(sorted(moved)),
            )


def _moved(before: Generation, contents: Contents) -> dict[str, str]:
    """The former id of each article whose file was renamed or moved, by its id now.

    Its text was that of an article that is gone or has another text now; that one can have moved to one place
    only.
    """
    old = before.articles
    texts = {article.id: article.text for article in contents.articles}
    free: dict[str, list[str]] = {}
    for article_id in sorted(old, reverse=True):
        if texts.get(article_id) != old[article_id].text:
            free.setdefault(old[article_id].text, []).append(article_id)
    placed = (i for i in sorted(texts) if i not in old or old[i].text != texts[i])
    return {i: free[texts[i]].pop() for i in placed if free.get(texts[i])}


def _write(
    index: Path,
    contents: Contents,
    fingerprints: dict[str, str],
    embedder: Embedder,
    before: Generation | None,
    progress: Progress,
) -> tuple[str, int, int]:
    """Write, check and switch to a generation: its name, its chunks, and how many of them were embedded."""
    staging = index / ".staging"
    try:
        staging.mkdir()
        embedded = build.fill(staging, contents, fingerprints, embedder, before, progress)
        progress("checking", 0)
        manifest = _checked(index, staging, contents)
        progress("checking", 1)
        return _switch(index, staging, manifest), Manifest.from_json(manifest).chunks, embedded
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _checked(index: Path, staging: Path, contents: Contents) -> bytes:
    """The bytes of the new manifest, after its files were read back and searched successfully."""
    manifest = (staging / MANIFEST).read_bytes()
    try:
        with contextlib.closing(Generation(staging, Manifest.from_json(manifest))) as generation:
            if generation.articles.keys() != {article.id for article in contents.articles}:
                raise Damaged("articles are missing")
            build.check(generation)
            return manifest
    except build.PoorRecall:
        build.remove_graph(staging)
        return _checked(index, staging, contents)  # without a graph this cannot happen again
    except (Damaged, ChromaFailed) as error:
        raise IndexUnusable(
            f"The new files of the index {index.name!r} failed their check: {error}. They were deleted; the "
            "index is unchanged. Try again."
        ) from error


def _switch(index: Path, staging: Path, manifest: bytes) -> str:
    """Make the checked staging folder the current generation; the two renames need no disk space."""
    name = f"generation-{max(map(_number, index.glob('generation-*')), default=0) + 1:04}"
    new = index / f"{CURRENT}.new"
    try:
        new.write_bytes(entry(name, manifest))
        fsync(new)
        staging.replace(index / name)
        fsync(index)
        new.replace(index / CURRENT)
    except OSError:
        new.unlink(missing_ok=True)
        shutil.rmtree(index / name, ignore_errors=True)
        raise
    fsync(index)
    _sweep(index)
    return name


def _sweep(index: Path) -> None:
    """Remove all but the current and the previous generation, and whatever killed writers left behind."""
    shutil.rmtree(index / ".staging", ignore_errors=True)
    named = _NAME.match(read_current(index) or b"")
    if named is None:
        return
    current = index / named.group().decode()
    others = [path for path in index.glob("generation-*") if path != current]
    before = max((path for path in others if _number(path) < _number(current)), key=_number, default=None)
    for path in others:
        if path != before:
            shutil.rmtree(path, ignore_errors=True)


def _is_up_to_date(before: Generation, contents: Contents, fingerprints: dict[str, str]) -> bool:
    return (
        before.manifest.articles == fingerprints
        and before.manifest.source == contents.source
        and before.manifest.terms == bm25.TERMS
        and all(before.groups[i] == contents.groups.get(i, i) for i in fingerprints)
    )


def _manifest(index: Path, current: bytes | None) -> tuple[Path, Manifest]:
    """The current generation's folder, and its manifest, whose digest has been checked.

    Raises:
        IndexMissing: There is no generation.
        IndexUnusable: It has another format.
        Damaged: CURRENT or the manifest has changed since it was written.
    """
    if current is None and not any(index.glob("generation-*")):
        raise IndexMissing(f"There is no index {index.name!r} in {index.parent}. Build it: {_command(index)}")
    name = _NAME.match(current or b"")
    if name is None:
        raise Damaged(f"{CURRENT} is missing" if current is None else f"{CURRENT} has changed on disk")
    folder = index / name.group().decode()
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Damaged(f"{folder.name} cannot be read ({error})") from error
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if (version := json.loads(data)["format"]) != FORMAT:
            raise IndexUnusable(
                f"The index {index.name!r} has format {version}, but this version of sanad reads {FORMAT}. "
                f"Rebuild it: {_command(index)}"
            )
    if current != entry(folder.name, data):
        raise Damaged(f"{CURRENT} and {folder.name}/{MANIFEST} do not match")
    return folder, Manifest.from_json(data)


def _check_compatible(index: Path, manifest: Manifest, embedder: str | None, chunker: str | None) -> None:
    if embedder is not None and manifest.embedder != embedder:
        raise IndexUnusable(
            f"The index {index.name!r} was built with the embedder {manifest.embedder}, not {embedder}. "
            f"Use that embedder (--embedder), or rebuild the index: {_command(index)}"
        )
    if chunker is not None and manifest.chunker != chunker:
        raise IndexUnusable(
            f"The passages of the index {index.name!r} were split with {manifest.chunker}, not {chunker} "
            f"(version:tokens). Restore SANAD_CHUNK_TOKENS, or rebuild the index: {_command(index)}"
        )


def _fingerprint(article: Article) -> str:
    return hashlib.sha256(json.dumps(dataclasses.asdict(article), sort_keys=True).encode()).hexdigest()


def _number(folder: Path) -> int:
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _command(index: Path) -> str:
    return "sanad index" if index.name == DEFAULT_INDEX else f"sanad index FOLDER --index {index.name}"


@contextlib.contextmanager
def _writer_lock(index: Path) -> Iterator[None]:
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
    except ChromaFailed as error:
        raise IndexUnusable(
            f"Chroma could not write the index {index.name!r} ({error}). The index is unchanged. Try again."
        ) from error
