"""An embedder that embeds some of its texts and reuses their vectors for the others.

Embedding an index of 100,000 chunks takes an hour, but the time of a search does not depend on whether every
vector is genuine. So only the first texts are embedded, and every later text gets slightly changed vectors of
an earlier one. The build time of such an index says nothing about throughput.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.models.embedding.embedder import Embedder, Vectors
from rag.models.embedding.late_interaction import Question, Tokens

NOISE = 0.35
"""Length of the change that is added to a reused vector of length 1: the distance of two passages on one
subject."""


class Lending:
    """Reads the first ``read`` passages and sentences by the embedder that it stands for."""

    def __init__(self, embedder: Embedder, read: int) -> None:
        """Stand for an embedder.

        Args:
            embedder: Reads the first texts, and every question.
            read: How many passages it reads, and as many sentences.
        """
        self._embedder = embedder
        self._read = read
        self._random = np.random.default_rng(0)
        self._vectors = np.empty((0, embedder.dimension), np.float32)
        self._tokens: list[Tokens] = []
        self.identity, self.dimension = embedder.identity, embedder.dimension
        self.token_size = embedder.token_size

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts; lent ones as soon as enough were read."""
        if len(self._vectors) < self._read:
            own = self._embedder.passages(texts)
            self._vectors = np.concatenate([self._vectors, own])
            return own
        return self._moved(self._vectors[self._random.integers(len(self._vectors), size=len(texts))])

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        """Vectors of texts and of their tokens, as ``passages``."""
        if len(self._tokens) < self._read:
            vectors, tokens = self._embedder.with_tokens(texts)
            self._tokens += tokens
            return vectors, tokens
        lent = [self._tokens[n] for n in self._random.integers(len(self._tokens), size=len(texts))]
        return self.passages(texts), [_spread(one, len(text)) for one, text in zip(lent, texts, strict=True)]

    def question(self, text: str) -> Question:
        """A text that is searched for."""
        return self._embedder.question(text)

    def _moved(self, vectors: Vectors) -> Vectors:
        noise = self._random.standard_normal(vectors.shape, dtype=np.float32)
        moved = vectors + NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)


def _spread(tokens: Tokens, length: int) -> Tokens:
    """Tokens of another text, laid over a text of this length."""
    edges = np.linspace(0, length, len(tokens.vectors) + 1).astype(np.int32)
    return Tokens(tokens.vectors, np.stack([edges[:-1], edges[1:]], axis=1))
