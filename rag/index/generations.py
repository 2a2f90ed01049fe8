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
from rag.index import build
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
            parsed = Manifest.from_json(manifest)
            _check_compatible(index, parsed, embedder, chunker)
            return Generation(folder, manifest, search=search and parsed.chunks >= graph_from)
        except Damaged as error:
            # If CURRENT has changed, the second of two updates removed the generation that was being opened.
            if read_current(index) == current:
                raise IndexUnusable(
                    f"The index {index.name!r} is damaged: {error}. Rebuild it: {_command(index)}"
                ) from error


def write_generation(
    index: Path, contents: Contents, embedder: Embedder, progress: Progress, *, allow_shrink: bool = False
) -> Written:
    """Make ``contents`` the current generation; nothing is written if it already is.

    Args:
        index: The folder of the index (``indexes/NAME``).
        contents: Everything that the index is to contain.
        embedder: Computes the vectors of text that the current generation does not contain.
        progress: Called with the current step and the share of it that is done.
        allow_shrink: Whether more than ``MAX_SHRINK`` of the articles may be removed.

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
            old = _fingerprints(index, current)
            new = {article.id: _fingerprint(article) for article in contents.articles}
            removed = tuple(sorted(old.keys() - new.keys()))
            if len(removed) > MAX_SHRINK * len(old) and not allow_shrink:
                raise BadArticles(
                    f"This update would remove {len(removed)} of the {len(old)} articles in the index "
                    f"{index.name!r}; nothing was changed. If this is intended, add --allow-shrink."
                )
            written = Written(
                generation="",
                articles=len(new),
                chunks=0,
                embedded=0,
                added=tuple(sorted(new.keys() - old.keys())),
                changed=tuple(sorted(i for i in new.keys() & old.keys() if new[i] != old[i])),
                removed=removed,
            )
            before = _reusable(index, embedder, contents.chunker)
            if before and _is_up_to_date(before, contents, new):
                return dataclasses.replace(written, generation=before.id, chunks=before.count)
            return _write(index, contents, new, embedder, before, progress, written)


def _write(
    index: Path,
    contents: Contents,
    fingerprints: dict[str, str],
    embedder: Embedder,
    before: Generation | None,
    progress: Progress,
    written: Written,
) -> Written:
    staging = index / ".staging"
    try:
        staging.mkdir()
        embedded = build.fill(staging, contents, fingerprints, embedder, before, progress)
        progress("checking", 0)
        manifest = _checked(index, staging, contents)
        progress("checking", 1)
        name = _switch(index, staging, manifest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    chunks = Manifest.from_json(manifest).chunks
    return dataclasses.replace(written, generation=name, chunks=chunks, embedded=embedded)


def _checked(index: Path, staging: Path, contents: Contents) -> bytes:
    """The bytes of the new manifest, after its files were read back and searched successfully."""
    manifest = (staging / MANIFEST).read_bytes()
    try:
        with contextlib.closing(Generation(staging, manifest)) as generation:
            if generation.articles.keys() != {article.id for article in contents.articles}:
                raise Damaged("articles are missing")
            build.check(generation)
    except build.PoorRecall:
        build.remove_graph(staging)
        return _checked(index, staging, contents)  # without a graph this cannot happen again
    except (Damaged, ChromaFailed) as error:
        raise IndexUnusable(
            f"The new files of the index {index.name!r} failed their check: {error}. They were deleted; the "
            "index is unchanged. Try again."
        ) from error
    return manifest


def _switch(index: Path, staging: Path, manifest: bytes) -> str:
    """Make the checked staging folder the current generation; the two renames need no disk space."""
    name, new = _next_name(index), index / f"{CURRENT}.new"
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
    current = _NAME.match(read_current(index) or b"")
    if current is None:
        return
    name = current.group().decode()
    others = sorted((path for path in index.glob("generation-*") if path.name != name), key=_number)
    kept = [path for path in others if _number(path) < _number(index / name)][-1:]
    for path in others:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _reusable(index: Path, embedder: Embedder, chunker: str) -> Generation | None:
    """The current generation if its vectors can be reused: undamaged, same embedder, same splitting."""
    try:
        return open_generation(index, embedder.identity, chunker, search=False)
    except (IndexMissing, IndexUnusable):
        return None


def _is_up_to_date(before: Generation, contents: Contents, fingerprints: dict[str, str]) -> bool:
    return (
        before.fingerprints == fingerprints
        and before.source == contents.source
        and before.has_lexical == (contents.lexical is not None)
        and before.terms == contents.terms
        and all(before.group(article.id) == contents.group(article.id) for article in contents.articles)
    )


def _manifest(index: Path, current: bytes | None) -> tuple[Path, bytes]:
    """The current generation's folder, and the bytes of its manifest, whose digest has been checked.

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
        manifest = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Damaged(f"{folder.name} cannot be read ({error})") from error
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if (version := json.loads(manifest)["format"]) != FORMAT:
            raise IndexUnusable(
                f"The index {index.name!r} has format {version}, but this version of sanad reads {FORMAT}. "
                f"Rebuild it: {_command(index)}"
            )
    if current != entry(folder.name, manifest):
        raise Damaged(f"{CURRENT} and {folder.name}/{MANIFEST} do not match")
    return folder, manifest


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


def _fingerprints(index: Path, current: bytes | None) -> dict[str, str]:
    """The digests of the index's articles, even if it cannot be searched; empty if they cannot be read."""
    try:
        return Manifest.from_json(_manifest(index, current)[1]).articles
    except (IndexMissing, IndexUnusable, Damaged):
        return {}


def _fingerprint(article: Article) -> str:
    return hashlib.sha256(json.dumps(dataclasses.asdict(article), sort_keys=True).encode()).hexdigest()


def _next_name(index: Path) -> str:
    return f"generation-{max(map(_number, index.glob('generation-*')), default=0) + 1:04}"


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
