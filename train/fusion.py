"""Fusion weights for the ranks that they give: convex, one set for each language of the question.

The rank of the first right passage, or sentence, does not change smoothly with the weights, so they are
searched for at random: over the whole simplex, then around the best. What is kept is the mean of the best few
per cent, the middle of a plateau: the very best point of thousands is best by luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LANGUAGES = ("ar", "en")

SIGNALS = 4
"""Passages: dense, sentence, lexical, late. Sentences: own cosine, passage's score, late, share of words."""

DEPTH = 10
"""A right one that is ranked lower counts as not found."""

WIDE, NEAR = 1500, 1500
"""Weights tried over the whole simplex, and around the best of those."""
SPREAD = 0.35
"""Standard deviation of the logarithm of a weight's change around the best."""
KEPT = 0.03
"""Share of the weights tried nearby whose mean is taken."""

Floats = NDArray[np.float32]
Fitted = dict[str, list[list[float]]]
"""``passage`` and ``sentence``: for each language convex weights."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the signals of its candidates."""

    tag: str
    """Questions of a tag are averaged, then tags: a large set must not outvote a small one."""
    language: int
    """Its place in ``LANGUAGES``."""
    fold: int
    passages: Floats
    """Shape (chunks, ``SIGNALS``)."""
    sentences: Floats
    """Own cosine, late, share of words; shape (sentences, 3)."""
    chunk_of: NDArray[np.int64]
    """For each sentence its place among the chunks."""
    right: NDArray[np.bool_]
    """For each chunk."""
    right_sentences: NDArray[np.bool_]


class _Lists:
    """Lists of candidates of unequal length, filled up to arrays."""

    def __init__(
        self, signals: Sequence[Floats], right: Sequence[NDArray[np.bool_]], tags: Sequence[str]
    ) -> None:
        longest = max(len(own) for own in signals)
        self.signals = np.zeros((len(signals), longest, SIGNALS), np.float32)
        self.right = np.zeros((len(signals), longest), bool)
        self.wrong = np.zeros((len(signals), longest), bool)
        for at, (own, which) in enumerate(zip(signals, right, strict=True)):
            self.signals[at, : len(own)] = own
            self.right[at, : len(own)] = which
            self.wrong[at, : len(own)] = ~which
        _, self._tag = np.unique(np.asarray(tags), return_inverse=True)

    def reciprocal_ranks(self, weights: Floats) -> Floats:
        """1 / rank of the first right candidate of each list; 0 where it is not among the first ``DEPTH``."""
        scores = self.signals @ weights.astype(np.float32)
        best = np.where(self.right, scores, -np.inf).max(1)
        ahead = (np.where(self.wrong, scores, -np.inf) > best[:, None]).sum(1)
        return np.where(np.isfinite(best) & (ahead < DEPTH), 1 / (1 + ahead), 0).astype(np.float32)

    def quality(self, weights: Floats) -> float:
        """Mean of recall@1 and MRR, averaged over tags."""
        ranks = self.reciprocal_ranks(weights)
        value = ((ranks == 1) + ranks) / 2
        return float((np.bincount(self._tag, value) / np.bincount(self._tag)).mean())


def fit(examples: Sequence[Example], read: int) -> Fitted:
    """Weights for each language; equal ones for a language without examples.

    Args:
        examples: Questions with their candidates, of articles that the signals were not trained on.
        read: From so many of the best passages sentences are taken.
    """
    weights: Fitted = {"passage": [], "sentence": []}
    for language in range(len(LANGUAGES)):
        own = [example for example in examples if example.language == language]
        found = [1 / SIGNALS] * SIGNALS
        passage = _search(_passages(own)) if own else found
        weights["passage"].append(passage)
        weights["sentence"].append(_search(_sentences(own, passage, read)) if own else found)
    return weights


def ranks(examples: Sequence[Example], weights: Fitted, read: int) -> dict[str, list[list[float]]]:
    """For each tag and question the reciprocal ranks of the first right passage and sentence.

    Args:
        examples: Questions with their candidates.
        weights: As ``fit`` found them.
        read: From so many of the best passages sentences are taken.
    """
    found: dict[str, list[list[float]]] = {}
    for language in range(len(LANGUAGES)):
        own = [example for example in examples if example.language == language]
        if not own:
            continue
        passage, sentence = weights["passage"][language], weights["sentence"][language]
        one = _passages(own).reciprocal_ranks(np.array(passage))
        two = _sentences(own, passage, read).reciprocal_ranks(np.array(sentence))
        for example, *pair in zip(own, one.tolist(), two.tolist(), strict=True):
            found.setdefault(example.tag, []).append(pair)
    return found


def _passages(examples: Sequence[Example]) -> _Lists:
    return _Lists([e.passages for e in examples], [e.right for e in examples], [e.tag for e in examples])


def _sentences(examples: Sequence[Example], passage: Sequence[float], read: int) -> _Lists:
    """The sentences of the best passages, each with its passage's score as its second signal."""
    signals, right = [], []
    for example in examples:
        totals = example.passages @ np.array(passage, np.float32)
        inside = np.isin(example.chunk_of, np.argsort(-totals, kind="stable")[:read])
        own = example.sentences[inside]
        of = totals[example.chunk_of[inside]]
        signals.append(np.column_stack([own[:, 0], of, own[:, 1], own[:, 2]]).astype(np.float32))
        right.append(example.right_sentences[inside])
    return _Lists(signals, right, [example.tag for example in examples])


def _search(lists: _Lists) -> list[float]:
    rng = np.random.default_rng(0)
    wide = rng.dirichlet(np.ones(SIGNALS), WIDE).astype(np.float32)
    best = wide[int(np.argmax([lists.quality(weights) for weights in wide]))]
    near = best * np.exp(rng.normal(0, SPREAD, (NEAR, SIGNALS))).astype(np.float32)
    near = np.concatenate([best[None], near / near.sum(1, keepdims=True)])
    order = np.argsort([-lists.quality(weights) for weights in near], kind="stable")
    middle = near[order[: round(KEPT * NEAR)]].mean(0)
    return [round(float(weight), 4) for weight in middle / middle.sum()]
