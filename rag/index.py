"""Generations of an index on disk: written once, checked, switched to atomically, never edited.

    indexes/NAME/CURRENT                  the name of the generation that readers open
    indexes/NAME/generation-0003/         articles.jsonl, manifest.json, chroma/
    indexes/NAME/generation-0002/         the last good one, kept
    indexes/NAME/.staging, .lock          a build in progress; one writer at a time

A change of any article makes a new generation, in which unchanged chunks keep their vectors by content
hash. Chroma's files are never repaired or appended to: two writers corrupt them silently, and a killed
one can leave an index that answers stale. Chroma's own types stay in this module.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.disk import Progress, fsync, sha256
from rag.embed import Embedder, Vectors
from rag.errors import BadArticles, IndexMissing, IndexUnusable, NoSpace
from rag.records import Article, Chunk

FORMAT = 1
"""Version of the layout above; a generation of another one is refused."""

LOCK_SECONDS = 2.0
"""How long a second writer waits before it gives up and names the holder."""

COLLECTION = "chunks"
EMBED_BATCH = 64  # chunks between two progress reports
ADD_BATCH = 5000  # Chroma's own limit is 5,461 rows a call
SYNC_ROWS = 1000  # Chroma's own default
MIN_SYNC = 2  # Chroma refuses less


@dataclass(frozen=True, slots=True)
class Contents:
    """All that an index holds."""

    articles: tuple[Article, ...]
    """Every article."""
    lines: Mapping[str, tuple[int, ...]]
    """For each article id the 1-based line of the source file for each line of its text."""
    chunks: tuple[Chunk, ...]
    """Every article's chunks."""
    chunker: str
    """Names how the chunks were cut; another one cuts them anew."""


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


class Generation:
    """One generation, open for reading: it never changes; ``is_current`` tells when there is a newer one."""

    def __init__(self, folder: Path, manifest: dict[str, Any], articles: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.id = folder.name
        self.embedder: str = manifest["embedder"]
        self.chunker: str = manifest["chunker"]
        self.count: int = manifest["chunks"]
        self.articles = {entry["article"]["id"]: Article(**entry["article"]) for entry in articles}
        self._lines = {entry["article"]["id"]: tuple(entry["lines"]) for entry in articles}
        self._fingerprints: dict[str, str] = manifest["articles"]
        self._store: tuple[Any, Any] | None = None

    @property
    def is_current(self) -> bool:
        """Whether readers would still be sent to this generation."""
        return _current_name(self.folder.parent) == self.id

    def line(self, article_id: str, start: int) -> int:
        """The 1-based line of the article's source file on which the character ``start`` stands."""
        lines = self._lines[article_id]
        at = self.articles[article_id].text.count("\n", 0, start)
        return lines[min(at, len(lines) - 1)] if lines else at + 1

    def nearest(self, vector: NDArray[np.float32], k: int) -> list[tuple[Chunk, float]]:
        """The chunks nearest to a vector, best first, each with its cosine (−1 to 1).

        Args:
            vector: Shape (dimension,), length 1.
            k: How many at most, 1 or more.

        Raises:
            IndexUnusable: Chroma cannot answer from its files.
        """
        with _chroma_errors(self.folder.parent):
            found = self._collection().query(
                query_embeddings=vector[None, :],
                n_results=min(k, self.count),
                include=["metadatas", "distances"],
            )
            rows = zip(found["ids"][0], found["metadatas"][0], found["distances"][0], strict=True)
            return [(_chunk(name, meta), 1.0 - float(distance)) for name, meta, distance in rows]

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The stored vectors of those of ``ids`` that this generation holds."""
        held: dict[str, NDArray[np.float32]] = {}
        with _chroma_errors(self.folder.parent):
            for at in range(0, len(ids), ADD_BATCH):
                rows = self._collection().get(ids=list(ids[at : at + ADD_BATCH]), include=["embeddings"])
                held.update(zip(rows["ids"], np.asarray(rows["embeddings"], np.float32), strict=True))
        return held

    def is_readable(self) -> bool:
        """Whether Chroma gives back every chunk with its place and vector; reads all of them."""
        try:
            with _chroma_errors(self.folder.parent):
                rows = self._collection().get(include=["metadatas"])
                for name, meta in zip(rows["ids"], rows["metadatas"], strict=True):
                    _chunk(name, meta)
            return len(self.vectors(rows["ids"])) == self.count
        except IndexUnusable:
            return False

    def fingerprints(self) -> dict[str, str]:
        """A digest of each article with its catalogue entry, by id."""
        return dict(self._fingerprints)

    def close(self) -> None:
        """Let go of Chroma's files."""
        if self._store is not None:
            self._store[0].close()
            self._store = None

    def _collection(self) -> Any:
        if self._store is None:
            client = _client(self.folder / "chroma")
            self._store = client, client.get_collection(COLLECTION, embedding_function=None)
        return self._store[1]


def open_generation(index: Path, embedder: str | None = None, chunker: str | None = None) -> Generation:
    """The current generation of an index, its files checked.

    Args:
        index: The folder of the index (``indexes/NAME``).
        embedder: Identity of the embedder that will search it; None when nothing is searched.
        chunker: How chunks are to have been cut; None when that does not matter.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, of another format, or made by another embedder.
    """
    name = _current_name(index)
    if name is None:
        raise IndexMissing(
            f"There is no index {index.name!r} in {index.parent} yet. Build it: {_command(index)}"
        )
    folder = index / name
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise IndexUnusable(
                f"The index {index.name!r} has format {manifest['format']}; this version "
                f"reads {FORMAT}. Build it anew: {_command(index)}"
            )
        for file, expected in manifest["files"].items():
            if sha256(folder / file) != expected:
                raise IndexUnusable(
                    f"The index {index.name!r} is damaged: {name}/{file} changed on disk. "
                    f"Build it anew: {_command(index)}"
                )
        lines = (folder / "articles.jsonl").read_text(encoding="utf-8").splitlines()
        generation = Generation(folder, manifest, [json.loads(line) for line in lines])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexUnusable(
            f"The index {index.name!r} is damaged: {name} cannot be read ({error}). "
            f"Build it anew: {_command(index)}"
        ) from error
    if embedder is not None and generation.embedder != embedder:
        raise IndexUnusable(
            f"The index {index.name!r} was made with the embedder {generation.embedder}, not {embedder}. "
            f"Name that embedder, or build the index anew with the same --embedder: {_command(index)}"
        )
    if chunker is not None and generation.chunker != chunker:
        raise IndexUnusable(
            f"The passages of the index {index.name!r} were cut as {generation.chunker}, not {chunker} "
            f"(version:tokens). Set SANAD_CHUNK_TOKENS back, or build the index anew: {_command(index)}"
        )
    with _chroma_errors(index):
        count = generation._collection().count()
    if count != generation.count:
        generation.close()
        raise IndexUnusable(
            f"The index {index.name!r} holds {count} chunks where its manifest says "
            f"{generation.count}. Build it anew: {_command(index)}"
        )
    return generation


def write_generation(index: Path, contents: Contents, embedder: Embedder, progress: Progress) -> Written:
    """Make ``contents`` the current generation; nothing is written when it is already.

    Args:
        index: The folder of the index (``indexes/NAME``).
        contents: Everything that the index is to hold.
        embedder: Computes the vectors of chunks that the last generation does not hold.
        progress: Told how it goes.

    Raises:
        IndexUnusable: Another process is writing this index.
        NoSpace: The disk is full or cannot be written to; the last generation stays current.
    """
    embedder.identity  # noqa: B018 - a model that cannot be loaded is told before anything is written
    with _disk_errors(index):
        index.mkdir(parents=True, exist_ok=True)
        with _writer_lock(index):
            before = _reusable(index, embedder, contents.chunker)
            try:
                return _write(index, contents, embedder, before, progress)
            finally:
                if before is not None:
                    before.close()


def _write(
    index: Path, contents: Contents, embedder: Embedder, before: Generation | None, progress: Progress
) -> Written:
    new = {article.id: _fingerprint(article) for article in contents.articles}
    old = before.fingerprints() if before else {}
    written = Written(
        generation=before.id if before else "",
        articles=len(new),
        chunks=len(contents.chunks),
        embedded=0,
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(i for i in new.keys() & old.keys() if new[i] != old[i])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )
    if before and not (written.added or written.changed or written.removed):
        return written
    kept = before.vectors([chunk.id for chunk in contents.chunks]) if before else {}
    staging = index / ".staging"
    shutil.rmtree(staging, ignore_errors=True)  # what a killed writer left; the lock is ours
    try:
        staging.mkdir()
        vectors = _embed(contents, embedder, kept, progress)
        _write_chroma(staging / "chroma", contents.chunks, vectors)
        _write_files(staging, contents, embedder, new)
        name, last = _next_name(index), _current_name(index) or ""
        staging.replace(index / name)
        fsync(index)
        _switch(index, name)
        _drop_old(index, keep={name, last})
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return dataclasses.replace(written, generation=name, embedded=len(contents.chunks) - len(kept))


def _reusable(index: Path, embedder: Embedder, chunker: str) -> Generation | None:
    """The current generation, if its vectors may be kept: sound, same embedder, chunks cut the same way."""
    try:
        generation = open_generation(index, embedder.identity)
    except (IndexMissing, IndexUnusable):
        return None
    if generation.chunker == chunker and generation.is_readable():
        return generation
    generation.close()
    return None


def _embed(
    contents: Contents, embedder: Embedder, kept: Mapping[str, NDArray[np.float32]], progress: Progress
) -> Vectors:
    texts = {article.id: article.text for article in contents.articles}
    vectors = np.empty((len(contents.chunks), embedder.dimension), np.float32)
    missing = []
    for row, chunk in enumerate(contents.chunks):
        if chunk.id in kept:
            vectors[row] = kept[chunk.id]
        else:
            missing.append(row)
    for at in range(0, len(missing), EMBED_BATCH):
        rows = missing[at : at + EMBED_BATCH]
        chunks = [contents.chunks[row] for row in rows]
        vectors[rows] = embedder.passages([texts[c.article_id][c.start : c.end] for c in chunks])
        progress("embedding", min(at + EMBED_BATCH, len(missing)) / len(missing))
    return vectors


def _write_chroma(folder: Path, chunks: Sequence[Chunk], vectors: Vectors) -> None:
    folder.mkdir()
    client = _client(folder)
    try:
        # Chroma writes its graph to disk once every sync_threshold rows, and rebuilds the rest at each
        # opening; with the threshold at most the number of rows all of it is on disk, and stays as it is.
        threshold = max(MIN_SYNC, min(SYNC_ROWS, len(chunks)))
        hnsw = {
            "space": "cosine",
            "ef_search": 200,
            "sync_threshold": threshold,
            "batch_size": min(100, threshold),
        }
        collection = client.create_collection(
            COLLECTION, configuration={"hnsw": hnsw}, embedding_function=None
        )
        for at in range(0, len(chunks), ADD_BATCH):
            part = chunks[at : at + ADD_BATCH]
            collection.add(
                ids=[chunk.id for chunk in part],
                embeddings=vectors[at : at + ADD_BATCH],
                metadatas=[
                    {"article_id": c.article_id, "start": c.start, "end": c.end, "tokens": c.tokens}
                    for c in part
                ],
            )
        if collection.count() != len(chunks):
            raise IndexUnusable(
                f"Chroma kept {collection.count()} of {len(chunks)} chunks; the index was not "
                "changed. Try again."
            )
    finally:
        client.close()


def _write_files(staging: Path, contents: Contents, embedder: Embedder, fingerprints: dict[str, str]) -> None:
    with (staging / "articles.jsonl").open("w", encoding="utf-8") as file:
        for article in contents.articles:
            entry = {"article": dataclasses.asdict(article), "lines": contents.lines[article.id]}
            # ASCII: the characters that str.splitlines takes for line ends stay out of the file.
            file.write(json.dumps(entry) + "\n")
    # Chroma touches its SQLite file whenever it opens it, so that one is checked by its row count instead.
    # The graph of a single row never reaches the disk (MIN_SYNC), so there is nothing to hash either.
    stable = len(contents.chunks) >= MIN_SYNC
    files = [
        p
        for p in sorted(staging.rglob("*"))
        if p.is_file() and p.name != "chroma.sqlite3" and (stable or p.parent == staging)
    ]
    manifest = {
        "format": FORMAT,
        "embedder": embedder.identity,
        "dimension": embedder.dimension,
        "chunker": contents.chunker,
        "chunks": len(contents.chunks),
        "articles": fingerprints,
        "files": {str(p.relative_to(staging)): sha256(p) for p in files},
    }
    (staging / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for path in [*staging.rglob("*"), staging]:
        fsync(path)


def _switch(index: Path, name: str) -> None:
    new = index / "CURRENT.new"
    new.write_text(name + "\n", encoding="utf-8")
    fsync(new)
    new.replace(index / "CURRENT")
    fsync(index)


def _drop_old(index: Path, keep: set[str]) -> None:
    for folder in index.glob("generation-*"):
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)


def _next_name(index: Path) -> str:
    numbers = [int(p.name.rpartition("-")[2]) for p in index.glob("generation-*") if p.name[-1].isdigit()]
    return f"generation-{max(numbers, default=0) + 1:04}"


def _current_name(index: Path) -> str | None:
    try:
        return (index / "CURRENT").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _fingerprint(article: Article) -> str:
    return hashlib.sha256(json.dumps(dataclasses.asdict(article), sort_keys=True).encode()).hexdigest()


def _chunk(name: str, meta: Mapping[str, Any]) -> Chunk:
    return Chunk(
        id=name,
        article_id=str(meta["article_id"]),
        start=int(meta["start"]),
        end=int(meta["end"]),
        tokens=int(meta["tokens"]),
    )


def _client(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    return chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))


def _command(index: Path) -> str:
    return "sanad index" if index.name == "seeds" else f"sanad index FOLDER --index {index.name}"


@contextlib.contextmanager
def _writer_lock(index: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    holder = index / ".writer"
    try:
        with FileLock(index / ".lock", timeout=LOCK_SECONDS):
            holder.write_text(str(os.getpid()), encoding="utf-8")
            yield
    except Timeout:
        pid = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise IndexUnusable(
            f"Another process (pid {pid}) is writing the index {index.name!r}. "
            "Wait until it ends, then try again."
        ) from None


@contextlib.contextmanager
def _chroma_errors(index: Path) -> Iterator[None]:
    try:
        yield
    except (IndexUnusable, IndexMissing):
        raise
    except Exception as error:  # Chroma raises several kinds, its Rust core plain RuntimeError
        raise IndexUnusable(
            f"The index {index.name!r} is damaged: Chroma cannot read it ({error}). "
            f"Build it anew: {_command(index)}"
        ) from error


@contextlib.contextmanager
def _disk_errors(index: Path) -> Iterator[None]:
    try:
        yield
    except BadArticles:
        raise
    except OSError as error:
        raise _no_space(index, error) from error
    except Exception as error:
        # Chroma's core reports a full disk as its own error with SQLite's words.
        if "disk is full" in str(error) or "No space left" in str(error):
            raise _no_space(index, OSError(errno.ENOSPC, "no space left on device")) from error
        raise


def _no_space(index: Path, error: OSError) -> NoSpace:
    return NoSpace(
        f"Cannot write the index {index.name!r} in {index.parent}: {error.strerror or error}. Make room "
        "or name another folder: SANAD_INDEXES=/path. The last good index was not touched."
    )
