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
    """Check that the collection contains the chunks of the index and nothing else."""
    with contextlib.closing(open_generation(Settings.load().indexes / index)) as generation:
        expected = {}
        for row, chunk in enumerate(generation.chunks):
            article = generation.article_of(row)
            metadata = {"article_id": article.id, "start": chunk.start, "end": chunk.end}
            metadata |= {"title": article.title, "outlet": article.outlet, "published": article.published}
            metadata |= {"language": article.language, "source": article.source}
            metadata = {key: value for key, value in metadata.items() if value is not None}
            expected[chunk.id] = (article.text[chunk.start : chunk.end], metadata, generation.vectors[row])
        state = generation.entry.decode().strip()
    with opened(index, url) as stored:
        rows = stored.get(include=["documents", "metadatas", "embeddings"])
        assert stored.metadata["generation"] == state
    assert sorted(rows["ids"]) == sorted(expected)
    for chunk_id, text, metadata, vector in zip(*(rows[key] for key in ROWS), strict=True):
        metadata = {key: value for key, value in metadata.items() if key not in collection.KEYS[-2:]}
        assert (text, metadata) == expected[chunk_id][:2]
        np.testing.assert_allclose(vector, expected[chunk_id][2], rtol=1e-6)
