"""Reads the Chroma collection of an index as another program does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chromadb
import numpy as np

from rag import Settings
from rag.index import chroma_store, collection
from rag.index.generations import open_generation

ROWS = ("ids", "documents", "metadatas", "embeddings")


@contextlib.contextmanager
def opened(index: str, url: str = "") -> Iterator[Any]:
    """The collection as another program opens it."""
    folder = Settings.load().indexes / index / "chroma"
    if url:
        client = chromadb.HttpClient(*re.split(r"://|:(?=\d)", url)[1:])
    else:
        client = chromadb.PersistentClient(str(folder))
    try:
        yield client.get_collection(collection.name_of(Path(index)))
    finally:
        chroma_store.close(client)


def check(index: str, url: str = "") -> None:
    """The collection contains the chunks of the index and nothing else."""
    with contextlib.closing(open_generation(Settings.load().indexes / index)) as generation:
        expected = {}
        for row, chunk in enumerate(generation.chunks):
            article = generation.article_of(row)
            known = {"article_id": article.id, "start": chunk.start, "end": chunk.end}
            known |= {"title": article.title, "outlet": article.outlet, "published": article.published}
            known |= {"language": article.language, "source": article.source}
            known = {key: value for key, value in known.items() if value is not None}
            expected[chunk.id] = (article.text[chunk.start : chunk.end], known, generation.vectors[row])
        state = generation.entry.decode().strip()
    with opened(index, url) as found:
        rows = found.get(include=["documents", "metadatas", "embeddings"])
        assert found.metadata["generation"] == state
    assert sorted(rows["ids"]) == sorted(expected)
    for chunk_id, text, known, vector in zip(*(rows[key] for key in ROWS), strict=True):
        known = {key: value for key, value in known.items() if key not in collection.KEYS[-2:]}
        assert (text, known) == expected[chunk_id][:2]
        np.testing.assert_allclose(vector, expected[chunk_id][2], rtol=1e-6)
