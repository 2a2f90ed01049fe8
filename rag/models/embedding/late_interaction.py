"""Late interaction: how well some word of a text meets each word of a question.

One vector for a whole passage blurs what a single sentence says. Here every token keeps a small vector, in
its context; a token of the question counts by its nearest token of the text, and the sum over the question
is the score (ColBERT: Khattab and Zaharia 2020). Vectors of texts are stored in four bits a number.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LIMIT_SIGMAS = 3.0
"""Numbers beyond so many standard deviations are cut off: in a unit vector of n numbers that is 3/√n."""

LEVELS = 16
"""Values of four bits. Against float32 no score of the development sets moved by more than one in 1,000
questions (docs/decisions.md)."""


class Tokens(NamedTuple):
    """The tokens of a text."""

    vectors: Floats
    """Shape (tokens, size), rows of length 1."""
    spans: NDArray[np.int32]
    """Shape (tokens, 2): first character and one past the last, in the text."""


class Question(NamedTuple):
    """A question, ready to be searched with."""

    vector: Floats
    """Of the whole, shape (dimension,)."""
    tokens: Floats
    """Shape (tokens, size), rows of length 1; (0, 0) where the embedder has no vectors of tokens."""
    importance: Floats
    """How much each token counts, shape (tokens,); sums to 1."""


def pack(vectors: Floats) -> NDArray[np.uint8]:
    """Unit vectors in four bits a number.

    Args:
        vectors: Shape (n, size), size even.

    Returns:
        Shape (n, size / 2): number 2j in the low half of byte j, number 2j + 1 in its high half.
    """
    limit = _limit(vectors.shape[1])
    levels = np.rint((vectors / limit + 1) * ((LEVELS - 1) / 2)).clip(0, LEVELS - 1).astype(np.uint8)
    packed: NDArray[np.uint8] = levels[:, 0::2] | (levels[:, 1::2] << 4)
    return packed


def unpack(packed: NDArray[np.uint8]) -> Floats:
    """What ``pack`` was given, but for rounding; rows of length 1."""
    levels = np.empty((len(packed), 2 * packed.shape[1]), np.float32)
    levels[:, 0::2] = packed & 15
    levels[:, 1::2] = packed >> 4
    levels -= np.float32((LEVELS - 1) / 2)
    # No row is zero: the levels lie half a step beside it.
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    return levels


def _limit(size: int) -> float:
    return LIMIT_SIGMAS / math.sqrt(max(1, size))  # an embedder without vectors of tokens has size 0


def similarities(question: Question, vectors: Floats) -> Floats:
    """Each token of a question against each of the texts: cosines, shape (question's tokens, texts')."""
    found: Floats = question.tokens @ vectors.T
    return found


def scores(question: Question, similar: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """How well parts of texts meet a question.

    Args:
        question: The question.
        similar: What ``similarities`` returned.
        starts: For each part its first column of ``similar``.
        ends: For each part one past its last column.

    Returns:
        For each part the weighted mean over the question's tokens of the best cosine, −1 to 1; −1 for a
        part without tokens.
    """
    found = np.full(len(starts), -1, np.float32)
    filled = np.flatnonzero(ends > starts)
    if len(filled) and len(question.tokens):
        # reduceat takes pairs of bounds: the odd results lie between two parts and are dropped.
        bounds = np.stack([starts[filled], ends[filled]], axis=1).ravel()
        padded = np.concatenate([similar, np.full((len(similar), 1), -1, np.float32)], axis=1)
        best = np.maximum.reduceat(padded, bounds, axis=1)[:, 0::2]
        found[filled] = question.importance @ best
    return found


def parts(spans: NDArray[np.int32], tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """Which tokens stand in which part of a text.

    Args:
        spans: First character and one past the last of each part, shape (parts, 2), in order, disjoint.
        tokens: The same for each token, in order.

    Returns:
        First token and one past the last of each part, shape (parts, 2). A token belongs where its middle
        stands: some begin with the space before their word.
    """
    middles = tokens.sum(axis=1) / 2
    return np.stack(
        [np.searchsorted(middles, spans[:, 0]), np.searchsorted(middles, spans[:, 1])], axis=1
    ).astype(np.int32)
