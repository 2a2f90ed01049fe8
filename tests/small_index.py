"""A small index for tests: three articles whose chunks are their lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import Article
from rag.index.generations import Written, write_generation
from rag.index.layout import Contents
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Tokens
from rag.records import Chunk

TEXTS = {
    "harbour": "The harbour reopened on Sunday.\nRepairs cost 12 million dollars.",
    "library": "افتتحت البلدية مكتبة جديدة.\nبلغت التكلفة 4 ملايين دينار.",
    "olives": "Farmers gathered 900 tonnes of olives.\nThe harvest fell by 33 percent.",
}
"""Each line is one sentence, long enough to be cited."""


class Counting(FakeEmbedder):
    """A fake that records every text that it embedded as a passage."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.embedded: list[str] = []

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        self.embedded += texts
        return super().with_tokens(texts)


def by_line(article: Article) -> list[Chunk]:
    """The lines of an article as its chunks, empty ones left out."""
    chunks, at = [], 0
    for line in article.text.split("\n"):
        if line:
            chunks.append(Chunk(f"{article.id}:{at}", article.id, at, at + len(line), len(line.split())))
        at += len(line) + 1
    return chunks


def contents(texts: dict[str, str], *, chunker: str = "lines:1", **catalogue: Any) -> Contents:
    """Articles with these texts by id; ``catalogue`` is the same for all."""
    articles = [Article(name, name.title(), text, f"{name}.txt", **catalogue) for name, text in texts.items()]
    lines = {name: tuple(range(1, text.count("\n") + 2)) for name, text in texts.items()}
    return Contents(tuple(articles), lines, by_line, chunker, source="/news")


def write(
    folder: Path,
    what: Contents | None = None,
    embedder: FakeEmbedder | None = None,
    *,
    allow_shrink: bool = True,
) -> Written:
    """Write a generation, by default of ``TEXTS``."""
    return write_generation(
        folder,
        what or contents(TEXTS),
        embedder or FakeEmbedder(),
        lambda *_: None,
        allow_shrink=allow_shrink,
    )


def lines_of(texts: dict[str, str]) -> list[str]:
    """All chunks' texts."""
    return [line for text in texts.values() for line in text.split("\n")]


def vector_of(text: str) -> NDArray[np.float32]:
    """The vector that the fake embedder gives a text, and a question alike."""
    vector: NDArray[np.float32] = FakeEmbedder().passages([text])[0]
    return vector
