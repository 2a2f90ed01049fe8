"""What is kept in Chroma: the nearest-neighbour graph of a segment, and the collection of an index.

The graph serves questions. It contains nothing else: its ids are row numbers, and callers compute the cosines
from the vectors themselves. The collection serves other programs: it has the text and metadata of every chunk
(collection.py). Chroma's types stay in this module.

Chroma 1.5.9 writes to its SQLite file whenever it opens it, even for reading. A reader therefore opens a
working copy: a temporary folder with a copy of the SQLite file, which is small, and a link to the graph,
which is large, never written to, and read as a whole when it is opened.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from rag.records import Progress

TABLES = "chroma.sqlite3"
"""Chroma's SQLite file."""

MIN_ROWS = 2
"""Chroma writes no graph to disk for a single row; fewer rows than this are searched without a graph."""

MAX_NEIGHBORS = 16
EF_CONSTRUCTION = 100
EF_SEARCH = 200
"""HNSW's parameters: links of a node, and candidates that are kept while building and while searching."""

HNSW = {
    "space": "cosine",
    "max_neighbors": MAX_NEIGHBORS,
    "ef_construction": EF_CONSTRUCTION,
    "ef_search": EF_SEARCH,
}

WRITE_FACTOR = 3
"""Disk space that writing needs, in multiples of the vectors' bytes: 1.4 for Chroma's log, 1.1 for its graph
(measured)."""

WRITE_BASE = 2_000_000
"""Bytes that writing needs in addition: 0.2 MB for an empty collection, and SQLite's journal."""

COLLECTION = "chunks"
ADD_BATCH = 5000  # rows; Chroma accepts at most 5,461 in one call
WRITE_BATCH = 100  # rows; Chroma's own default

SYNC_ROWS = 100
"""Rows after which Chroma writes a collection's graph to disk. Whoever opens the collection to search it adds
those since then to the graph, at 1 ms a row."""

ROWS = 1000
"""Chunks that are sent to a collection at a time: about 8 MB for a server, which accepts 40."""

SERVER_SECONDS = 10.0
"""How long a server may take to say its version."""

MAX_VERSION = 1000  # bytes

MAX_IDS = 500  # of articles whose chunks are deleted with one call


class ChromaFailed(Exception):
    """Chroma failed. It raises several exception types itself, and its Rust core raises RuntimeError."""


def write(folder: Path, vectors: NDArray[np.float32], progress: Progress) -> None:
    """Build the graph over ``vectors``, at least ``MIN_ROWS``, whose row numbers become the ids.

    The folder is created; it contains ``TABLES`` and the folder of the graph afterwards.

    Raises:
        ChromaFailed: Chroma failed.
        OSError: The disk is full.
    """
    folder.mkdir()
    rows = len(vectors)
    progress("building the graph", 0)
    with _detecting_full_disk(folder, vectors.nbytes), _errors():
        client = _client(folder)
        try:
            hnsw = HNSW | {
                # Rows that are added after the last sync are missing from the graph's files, and Chroma adds
                # them again whenever it opens them. Hence one sync, after the last row.
                "sync_threshold": rows,
                "batch_size": min(WRITE_BATCH, rows),
            }
            collection = client.create_collection(
                COLLECTION, configuration={"hnsw": hnsw}, embedding_function=None
            )
            for at in range(0, rows, ADD_BATCH):
                part = vectors[at : at + ADD_BATCH]
                collection.add(ids=[str(row) for row in range(at, at + len(part))], embeddings=part)
                progress("building the graph", (at + len(part)) / rows)
        finally:
            client.close()
        # Chroma purges its log of added rows but keeps the pages in the file, which every reader copies.
        with contextlib.closing(sqlite3.connect(folder / TABLES, isolation_level=None)) as tables:
            tables.execute("VACUUM")


class NeighbourGraph:
    """The graph, open for searching. Safe to use from several threads."""

    def __init__(self, files: Path, working: Path, rows: int) -> None:
        """Open the graph of ``rows`` rows that ``write`` created in ``files``, which may then be deleted.

        ``working`` is a folder with a copy of ``TABLES``, which the caller removes after ``close``.

        Raises:
            ChromaFailed: Chroma cannot read its files.
            OSError: The graph can be neither linked nor copied.
        """
        for graph in files.iterdir():
            if graph.is_dir():
                _link(graph.resolve(), working / graph.name)
        self._rows = rows
        with _errors():
            self._client = _client(working)
            try:
                self._collection = self._client.get_collection(COLLECTION, embedding_function=None)
                some = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
                self.nearest(np.asarray(some[0], np.float32), 1)  # makes Chroma load the graph
            except BaseException:
                self._client.close()
                raise

    def nearest(self, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The at most ``k`` rows whose vectors are nearest to ``vector``, best first; approximate.

        Raises:
            ChromaFailed: Chroma failed.
        """
        with _errors():
            result = self._collection.query(
                query_embeddings=vector[None, :], n_results=min(k, self._rows), include=[]
            )
            return np.array([int(row) for row in result["ids"][0]], np.int64)

    def count(self) -> int:
        """The number of rows in Chroma; takes 0.4 s for 100,000 rows.

        Raises:
            ChromaFailed: Chroma failed.
        """
        with _errors():
            return int(self._collection.count())

    def close(self) -> None:
        """Close Chroma's files."""
        self._client.close()


class Rows(NamedTuple):
    """Chunks of a collection."""

    ids: list[str]
    texts: list[str]
    metadata: list[dict[str, str | int]]
    """With ``ARTICLE``, the id of the article."""
    vectors: list[NDArray[np.float32]]


ARTICLE = "article_id"


class Collection:
    """The chunks of an index, as any client of Chroma reads them; open for writing.

    Args:
        place: The folder, or the address of a server.
        name: The collection, which need not exist.

    Raises:
        ChromaFailed: Chroma cannot read its files, or the server does not answer.
    """

    def __init__(self, place: Path | str, name: str) -> None:
        self.name = name
        with _errors():
            self._client = _client(place)
            try:
                self._open = self._existing(name)
            except BaseException:
                close(self._client)
                raise

    def _existing(self, name: str) -> Any:
        from chromadb.errors import NotFoundError

        with contextlib.suppress(NotFoundError):
            return self._client.get_collection(name, embedding_function=None)
        return None

    @property
    def generation(self) -> str:
        """What was recorded when all rows of an update were there; empty if there is no collection."""
        return str((self._open.metadata or {}).get("generation", "")) if self._open else ""

    def update(self, gone: Sequence[str], rows: Iterable[Rows], generation: str) -> None:
        """Remove the chunks of some articles, then add ``rows``. It may be repeated if it was interrupted."""
        for at in range(0, len(gone), MAX_IDS):
            with _errors():
                self._open.delete(where={ARTICLE: {"$in": gone[at : at + MAX_IDS]}})
        self._add(self._open, rows)
        with _errors():
            self._open.modify(metadata={"generation": generation})

    def rebuild(self, rows: Iterable[Rows], generation: str) -> None:
        """Write all rows. The collection before stays until the new one is complete."""
        unfinished = f"{self.name}.new"
        hnsw = HNSW | {"sync_threshold": SYNC_ROWS, "batch_size": WRITE_BATCH}
        with _errors():
            if self._existing(unfinished):
                self._client.delete_collection(unfinished)
            new = self._client.create_collection(
                unfinished, configuration={"hnsw": hnsw}, embedding_function=None
            )
        self._add(new, rows)
        with _errors():
            if self._open:
                self._client.delete_collection(self.name)
            new.modify(name=self.name, metadata={"generation": generation})
        self._open = new

    def _add(self, collection: Any, rows: Iterable[Rows]) -> None:
        for some in rows:
            with _errors():
                collection.upsert(
                    ids=some.ids, documents=some.texts, metadatas=some.metadata, embeddings=some.vectors
                )

    def count(self) -> int:
        """The number of chunks in it; 0 if there is no collection."""
        with _errors():
            return int(self._open.count()) if self._open else 0

    def close(self) -> None:
        """Close Chroma's files, or the connection."""
        close(self._client)


def close(client: Any) -> None:
    """Close a client of Chroma.

    Chroma 1.5.9 leaves the connections to a server open: its own, and those by which it checks the database.
    """
    client.close()
    for one in (client, client._admin_client):
        if session := getattr(one._server, "_session", None):
            session.close()


def server_version(address: str) -> str:
    """The version of the API of a Chroma server; 1.0.0 for every server of Chroma 1.

    Raises:
        OSError: It does not answer, or is no Chroma server.
    """
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    with contextlib.closing(kind(url.hostname or "", url.port, timeout=SERVER_SECONDS)) as connection:
        try:
            connection.request("GET", "/api/v2/version")
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise OSError(f"it answers with status {response.status}, not as a Chroma server")
            return str(json.loads(response.read(MAX_VERSION)))
        except (http.client.HTTPException, ValueError) as error:
            raise OSError("it does not answer as a Chroma server") from error


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:  # a file system or a Windows account without support for links
        shutil.copytree(source, target)


def _client(place: Path | str) -> Any:
    import chromadb

    settings = _settings().model_copy()
    if isinstance(place, Path):
        try:
            return chromadb.PersistentClient(str(place), settings=settings)
        except Exception:
            # Chroma 1.5.9 keeps a client that did not start, and drops it when it fails again.
            with contextlib.suppress(Exception):
                chromadb.PersistentClient(str(place), settings=settings)
            raise
    url = urlsplit(place)
    return chromadb.HttpClient(
        url.hostname or "", url.port or 0, ssl=url.scheme == "https", settings=settings
    )


@functools.lru_cache(maxsize=1)
def _settings() -> Any:
    """Chroma's settings, read once: reading them takes half the time of opening a graph."""
    from chromadb.config import Settings as ChromaSettings

    return ChromaSettings(anonymized_telemetry=False)


@contextlib.contextmanager
def _detecting_full_disk(folder: Path, size: int) -> Iterator[None]:
    """Raise OSError for a full disk, which Chroma reports only as logs that cannot be applied."""
    try:
        yield
    except ChromaFailed as error:
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if shutil.disk_usage(folder).free + written < WRITE_FACTOR * size + WRITE_BASE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (OSError, ChromaFailed):
        raise
    except Exception as error:
        raise ChromaFailed(str(error)) from error
