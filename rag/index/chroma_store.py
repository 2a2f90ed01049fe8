"""The nearest-neighbour graph over a generation's chunk vectors, kept in Chroma.

Chroma stores nothing but the graph: its ids are row numbers, and callers compute the cosines from the vectors
themselves. Chroma's types stay in this module.

Chroma 1.5.9 writes to its SQLite file whenever it opens it, even for reading. A reader therefore opens a
working copy: a temporary folder with a copy of the SQLite file, which is small, and a link to the graph,
which is large, never written to, and read as a whole when it is opened.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

WRITE_FACTOR = 3
"""Disk space that writing needs, in multiples of the vectors' bytes: 1.4 for Chroma's log, 1.1 for its graph
(measured)."""

WRITE_BASE = 2_000_000
"""Bytes that writing needs in addition: 0.2 MB for an empty collection, and SQLite's journal."""

COLLECTION = "chunks"
ADD_BATCH = 5000  # rows; Chroma accepts at most 5,461 in one call
WRITE_BATCH = 100  # rows; Chroma's own default


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
            hnsw = {
                "space": "cosine",
                "max_neighbors": MAX_NEIGHBORS,
                "ef_construction": EF_CONSTRUCTION,
                "ef_search": EF_SEARCH,
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


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:  # a file system or a Windows account without support for links
        shutil.copytree(source, target)


def _client(folder: Path) -> Any:
    import chromadb

    return chromadb.PersistentClient(str(folder), settings=_settings().model_copy())


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
