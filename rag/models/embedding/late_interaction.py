"""Late interaction: how well each word of a question matches some word of a text.

One vector for a whole passage blurs what a single sentence says. Here every token has a small contextual
vector; each token of the question is matched with the nearest token of the text, and the weighted sum over
the question is the score (ColBERT: Khattab and Zaharia 2020). Text vectors are stored with four bits for each
component.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LIMIT_SIGMAS = 3.0
"""Components are clipped at this many standard deviations: at 3/√n in a unit vector of n components."""

LEVELS = 16
"""Values of four bits. Compared with float32, no score on the development sets changed by more than one in
1,000 questions (docs/research/decisions.md)."""


class Tokens(NamedTuple):
    """The tokens of a text."""

    vectors: Floats
    """Shape (tokens, size), rows of length 1."""
    spans: NDArray[np.int32]
    """Shape (tokens, 2): offsets of the first character and one past the last in the text."""


class Question(NamedTuple):
    """The vectors of a question."""

    vector: Floats
    """The vector of the whole question, shape (dimension,)."""
    tokens: Floats
    """Shape (tokens, size), rows of length 1; (0, 0) if the embedder has no token vectors."""
    importance: Floats
    """The weight of each token, shape (tokens,); the sum is 1."""


def pack(vectors: Floats) -> NDArray[np.uint8]:
    """Quantise unit vectors to four bits for each component.

    Args:
        vectors: Shape (n, size), size even.

    Returns:
        Shape (n, size / 2): component 2j in the low half of byte j, component 2j + 1 in its high half.
    """
    limit = LIMIT_SIGMAS / math.sqrt(max(1, vectors.shape[1]))  # the size is 0 without token vectors
    levels = np.rint((vectors / limit + 1) * ((LEVELS - 1) / 2)).clip(0, LEVELS - 1).astype(np.uint8)
    packed: NDArray[np.uint8] = levels[:, 0::2] | (levels[:, 1::2] << 4)
    return packed


def unpack(packed: NDArray[np.uint8]) -> Floats:
    """The vectors that ``pack`` quantised, with rounding errors; rows of length 1."""
    levels = np.empty((len(packed), 2 * packed.shape[1]), np.float32)
    levels[:, 0::2] = packed & 15
    levels[:, 1::2] = packed >> 4
    levels -= np.float32((LEVELS - 1) / 2)
    # No row is zero, as no level is: the nearest ones are half a step away from it.
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    return levels


def similarities(question: Question, vectors: Floats) -> Floats:
    """Cosines between the tokens of a question and those of a text, shape (question tokens, text tokens)."""
    cosines: Floats = question.tokens @ vectors.T
    return cosines


def scores(question: Question, similar: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """How well parts of a text match a question.

    ``similar`` is the result of ``similarities``; ``starts`` has the first of its columns for each part, and
    ``ends`` one past the last.

    Returns:
        For each part, the weighted mean of the best cosine of each question token, −1 to 1; −1 for a part
        without tokens.
    """
    totals = np.full(len(starts), -1, np.float32)
    filled = np.flatnonzero(ends > starts)
    if len(filled) and len(question.tokens):
        # reduceat reduces between all neighbouring bounds: every second result lies between two parts.
        bounds = np.stack([starts[filled], ends[filled]], axis=1).ravel()
        padded = np.concatenate([similar, np.full((len(similar), 1), -1, np.float32)], axis=1)
        best = np.maximum.reduceat(padded, bounds, axis=1)[:, 0::2]
        totals[filled] = question.importance @ best
    return totals


def parts(spans: NDArray[np.int32], tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """Which tokens belong to which part of a text.

    Args:
        spans: First character and one past the last of each part, shape (parts, 2), in order, disjoint.
        tokens: The same for each token, in order.

    Returns:
        First token and one past the last of each part, shape (parts, 2). A token belongs to the part that
        contains its middle, as some tokens begin with the space before their word.
    """
    middles = tokens.sum(axis=1) / 2
    return np.searchsorted(middles, spans).astype(np.int32)
