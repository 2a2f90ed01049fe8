"""Generations of an index on disk: written once, checked, switched to atomically, never edited.

    indexes/NAME/CURRENT                  the generation that readers open, and its manifest's sha256
    indexes/NAME/generation-0003/         see layout.py
    indexes/NAME/generation-0002/         the last good one, kept
    indexes/NAME/.staging, .lock          a build in progress; one writer at a time

A change of any article makes a new generation, to which what is unchanged is copied. Every file of a
generation is covered by a digest in its manifest, and the manifest by the one in CURRENT: what was damaged
is refused, never answered from, and never mistaken for an older generation. Readers take no lock.
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
from rag.index.layout import CURRENT, FORMAT, MANIFEST, Contents, Damaged, Manifest, entry, read_current
from rag.index.neighbours import ChromaFailed
from rag.index.snapshot import Generation
from rag.models.disk import fsync
from rag.models.embedding.embedder import Embedder
from rag.records import Article, Progress
from rag.settings import DEFAULT_INDEX

LOCK_SECONDS = 1.0
"""How long a second writer waits before it gives up and names the holder."""

MAX_SHRINK = 0.2
"""The share of its articles that an index may lose in one update without being told that this is meant: a
folder that is not mounted, or half copied, must not empty an index."""

_NAME = re.compile(rb"generation-\d{4,}")


@dataclass(frozen=True, slots=True)
class Written:
    """What an update did."""

    generation: str
    """The generation that is current now."""
    articles: int
    """Articles in it."""
    chunks: int
    """Chunks in it."""
    embedded: int
    """Chunks whose vectors were computed now; the rest were kept."""
    added: tuple[str, ...]
    """Ids of articles that are new."""
    changed: tuple[str, ...]
    """Ids of articles whose text or catalogue entry changed."""
    removed: tuple[str, ...]
    """Ids of articles that are gone."""


GRAPH_FROM = 10_000
"""Chunks from which the graph is worth opening for questions. To compare with every vector takes 2.4 ms at
10,000, the graph 1.1 ms; but importing Chroma takes 0.8 s of processor time, and its tables are copied."""


def open_generation(
    index: Path,
    embedder: str | None = None,
    chunker: str | None = None,
    *,
    search: bool = True,
    graph_from: int = 0,
) -> Generation:
    """The current generation of an index, every file of it checked.

    Args:
        index: The folder of the index (``indexes/NAME``).
        embedder: Identity of the embedder that will search it; None when nothing is searched.
        chunker: How chunks are to have been cut; None when that does not matter.
        search: Whether many searches will follow; without it opening is quicker and searching slower.
        graph_from: Fewer chunks than this are searched without the graph.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, of another format, or made by another embedder.
        NoSpace: The temporary folder has no room for the working copy that Chroma needs.
    """
    while True:
        current = read_current(index)
        try:
            folder, manifest = _manifest(index, current)
            told = Manifest.from_json(manifest)
            _check_made_alike(index, told, embedder, chunker)
            return Generation(folder, manifest, search=search and told.chunks >= graph_from)
        except Damaged as error:
            # Otherwise two updates were made meanwhile, and the second removed what was being opened.
            if read_current(index) == current:
                raise IndexUnusable(
                    f"The index {index.name!r} is damaged: {error}. Build it anew: {_command(index)}"
                ) from error


def write_generation(
    index: Path, contents: Contents, embedder: Embedder, progress: Progress, *, allow_shrink: bool = False
) -> Written:
    """Make ``contents`` the current generation; nothing is written when it is already.

    Args:
        index: The folder of the index (``indexes/NAME``).
        contents: Everything that the index is to hold.
        embedder: Computes the vectors of what the last generation does not hold.
        progress: Told how it goes.
        allow_shrink: Whether more than ``MAX_SHRINK`` of the articles may go.

    Raises:
        BadArticles: Too many articles would go.
        IndexUnusable: Another process is writing this index, or wrote it since ``contents`` was derived
            from it; or the new files failed their check. The last generation stays current.
        NoSpace: The disk is full or cannot be written to; the last generation stays current.
    """
    embedder.identity  # noqa: B018 - a model that cannot be loaded is told before anything is written
    with _disk_errors(index):
        index.mkdir(parents=True, exist_ok=True)
        with _writer_lock(index):
            _sweep(index)
            current = read_current(index)
            if contents.base and contents.base != current:
                raise IndexUnusable(
                    f"The index {index.name!r} was updated meanwhile; nothing was changed. Try again."
                )
            old = _fingerprints(index, current)
            new = {article.id: _fingerprint(article) for article in contents.articles}
            removed = tuple(sorted(old.keys() - new.keys()))
            if len(removed) > MAX_SHRINK * len(old) and not allow_shrink:
                raise BadArticles(
                    f"This update would remove {len(removed)} of the {len(old)} articles in the index "
                    f"{index.name!r}; nothing was changed. Say --allow-shrink if that is meant."
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
            if before and _holds(before, contents, new):
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
    """The new manifest as it is on the disk, if all that it tells of opens and answers as it should."""
    manifest = (staging / MANIFEST).read_bytes()
    try:
        with contextlib.closing(Generation(staging, manifest)) as generation:
            if generation.articles.keys() != {article.id for article in contents.articles}:
                raise Damaged("articles are missing")
            build.check(generation)
    except build.Blind:
        build.without_graph(staging)
        return _checked(index, staging, contents)  # there is no graph now that could be blind
    except (Damaged, ChromaFailed) as error:
        raise IndexUnusable(
            f"The new files of the index {index.name!r} failed their check: {error}. They were dropped, and "
            "the last good index stands. Try again."
        ) from error
    return manifest


def _switch(index: Path, staging: Path, manifest: bytes) -> str:
    """Make the checked staging folder the current generation; the two renames need no room on the disk."""
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
    """Remove what no reader is sent to, but for the last good generation: also what killed writers left."""
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
    """The current generation if its vectors may be kept: sound, same embedder, chunks cut the same way."""
    try:
        return open_generation(index, embedder.identity, chunker, search=False)
    except (IndexMissing, IndexUnusable):
        return None


def _holds(before: Generation, contents: Contents, fingerprints: dict[str, str]) -> bool:
    return (
        before.fingerprints == fingerprints
        and before.source == contents.source
        and before.has_lexical == (contents.lexical is not None)
        and before.terms == contents.terms
        and all(before.group(article.id) == contents.group(article.id) for article in contents.articles)
    )


def _manifest(index: Path, current: bytes | None) -> tuple[Path, bytes]:
    """The current generation's folder, and the bytes of its manifest, checked.

    Raises:
        IndexMissing: There is none.
        IndexUnusable: It has another format.
        Damaged: CURRENT or the manifest is not as it was written.
    """
    if current is None and not any(index.glob("generation-*")):
        raise IndexMissing(
            f"There is no index {index.name!r} in {index.parent} yet. Build it: {_command(index)}"
        )
    name = _NAME.match(current or b"")
    if name is None:
        raise Damaged(f"{CURRENT} is missing" if current is None else f"{CURRENT} changed on disk")
    folder = index / name.group().decode()
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise Damaged(f"{folder.name} cannot be read ({error})") from error
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if (found := json.loads(manifest)["format"]) != FORMAT:
            raise IndexUnusable(
                f"The index {index.name!r} has format {found}; this version reads {FORMAT}. "
                f"Build it anew: {_command(index)}"
            )
    if current != entry(folder.name, manifest):
        raise Damaged(f"{CURRENT} and {folder.name}/{MANIFEST} do not match")
    return folder, manifest


def _check_made_alike(index: Path, manifest: Manifest, embedder: str | None, chunker: str | None) -> None:
    if embedder is not None and manifest.embedder != embedder:
        raise IndexUnusable(
            f"The index {index.name!r} was made with the embedder {manifest.embedder}, not {embedder}. "
            f"Name that embedder, or build the index anew with the same --embedder: {_command(index)}"
        )
    if chunker is not None and manifest.chunker != chunker:
        raise IndexUnusable(
            f"The passages of the index {index.name!r} were cut as {manifest.chunker}, not {chunker} "
            f"(version:tokens). Set SANAD_CHUNK_TOKENS back, or build the index anew: {_command(index)}"
        )


def _fingerprints(index: Path, current: bytes | None) -> dict[str, str]:
    """The articles that the index holds, even one that cannot be searched; none where no one can tell."""
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
        told = holder.read_text(encoding="utf-8") if holder.is_file() else "pid unknown"
        raise IndexUnusable(
            f"Another process ({told}) is writing the index {index.name!r}. "
            "Wait until it ends, then try again."
        ) from None


@contextlib.contextmanager
def _disk_errors(index: Path) -> Iterator[None]:
    try:
        yield
    except SanadError:
        raise
    except OSError as error:
        short = error.errno is None and "requested and" in str(error)  # NumPy's words for a full disk
        why = os.strerror(errno.ENOSPC) if short else error.strerror or str(error)
        raise NoSpace(
            f"Cannot write the index {index.name!r} in {index.parent}: {why}. Make room "
            "or name another folder: SANAD_INDEXES=/path. The last good index was not touched."
        ) from error
    except ChromaFailed as error:
        raise IndexUnusable(
            f"Chroma could not write the index {index.name!r} ({error}). The last good index stands. "
            "Try again."
        ) from error
