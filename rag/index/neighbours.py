"""The nearest-neighbour graph over a generation's chunk vectors. Chroma's types stay in this module.

Chroma holds no truth here, only the graph: its ids are row numbers, and whoever asks computes the cosines
again from the vectors themselves.

Chroma 1.5.9 writes to its SQLite file at every opening, even for reading. A reader therefore never opens
the files of a generation: it opens a working copy, a temporary folder with a copy of the SQLite file (small)
and a link to the graph (large, only read, and read as a whole when it is opened).
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
"""Chroma's SQLite file, the one that it writes to."""

MIN_ROWS = 2
"""Chroma writes no graph to disk for a single row, so fewer rows are searched without it."""

MAX_NEIGHBORS = 16
EF_CONSTRUCTION = 100
EF_SEARCH = 200
"""HNSW's parameters: links a node, and candidates that are kept while building and while searching."""

WRITE_ROOM = 3  # times the vectors' bytes, while writing: Chroma's log 1.4, its graph 1.1 (measured)
EMPTY_ROOM = 2_000_000  # bytes that Chroma takes for no rows at all: 0.2 MB, and its journal

COLLECTION = "chunks"
ADD_BATCH = 5000  # rows; Chroma's own limit is 5,461 a call
WRITE_BATCH = 100  # rows; Chroma's own default


class ChromaFailed(Exception):
    """Chroma could not do what it was asked; it raises several kinds itself, its Rust core RuntimeError."""


def write(folder: Path, vectors: NDArray[np.float32], progress: Progress) -> None:
    """Build the graph over ``vectors``, whose rows become the ids.

    Args:
        folder: Is made; holds ``TABLES`` and the graph's own folder afterwards.
        vectors: Shape (rows, dimension), ``MIN_ROWS`` or more.
        progress: Told how it goes.

    Raises:
        ChromaFailed: Chroma failed.
        OSError: The disk is full.
    """
    folder.mkdir()
    rows = len(vectors)
    progress("building the graph", 0)
    with _full_disk_told(folder, vectors.nbytes), _errors():
        client = _client(folder)
        try:
            hnsw = {
                "space": "cosine",
                "max_neighbors": MAX_NEIGHBORS,
                "ef_construction": EF_CONSTRUCTION,
                "ef_search": EF_SEARCH,
                # Rows that are added after the last sync are not in the graph's files: Chroma adds them
                # again at each opening. So there is one sync, after the last row.
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
        # The log of added rows is purged but its pages stay in the file, which every reader copies.
        with contextlib.closing(sqlite3.connect(folder / TABLES, isolation_level=None)) as tables:
            tables.execute("VACUUM")


class Neighbours:
    """The graph, open for searching. Safe to use from several threads."""

    def __init__(self, files: Path, working: Path, rows: int) -> None:
        """Open the graph; all of it is read now, so that ``files`` may be deleted afterwards.

        Args:
            files: What ``write`` made.
            working: An empty folder but for a copy of ``TABLES``; the caller removes it after ``close``.
            rows: How many rows were written.

        Raises:
            ChromaFailed: Chroma cannot read its files.
            OSError: The graph can neither be linked nor copied.
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
                self.nearest(np.asarray(some[0], np.float32), 1)  # loads the graph
            except BaseException:
                self._client.close()
                raise

    def nearest(self, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The rows whose vectors are nearest to ``vector``, best first; approximately.

        Args:
            vector: Shape (dimension,).
            k: How many at most, 1 or more.

        Raises:
            ChromaFailed: Chroma cannot answer.
        """
        with _errors():
            found = self._collection.query(
                query_embeddings=vector[None, :], n_results=min(k, self._rows), include=[]
            )
            return np.array([int(row) for row in found["ids"][0]], np.int64)

    def count(self) -> int:
        """How many rows Chroma holds; slow, 0.4 s for 100,000.

        Raises:
            ChromaFailed: Chroma cannot answer.
        """
        with _errors():
            return int(self._collection.count())

    def close(self) -> None:
        """Let go of Chroma's files."""
        self._client.close()


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:  # a file system, or a Windows account, that knows no links
        shutil.copytree(source, target)


def _client(folder: Path) -> Any:
    import chromadb

    # A copy, as the client writes its folder into it.
    return chromadb.PersistentClient(str(folder), settings=_chroma_settings().model_copy())


@functools.lru_cache(maxsize=1)
def _chroma_settings() -> Any:
    """Chroma's settings, made once: to look every one of them up in the environment takes 3 ms."""
    from chromadb.config import Settings as ChromaSettings

    return ChromaSettings(anonymized_telemetry=False)


@contextlib.contextmanager
def _full_disk_told(folder: Path, size: int) -> Iterator[None]:
    """Tell a full disk, of which Chroma says only that its logs cannot be applied, from other failures."""
    try:
        yield
    except ChromaFailed as error:
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if shutil.disk_usage(folder).free + written < WRITE_ROOM * size + EMPTY_ROOM:
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
