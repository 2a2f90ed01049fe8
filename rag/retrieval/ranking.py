"""Ranks the sentences of the passages that are read: which of them probably answers the question?

A sentence that answers a question seldom repeats what its article is about. So besides the signals of search
the score counts how many of the question's words, in either language, a sentence contains together with its
title and the sentence before it. The weights (data/sentences.json) are fitted by train/retrieval/sentences.py
and hold for the packaged embedder alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.retrieval.overlap import content_words, words_in

FILE = Path(__file__).resolve().parent / "data" / "sentences.json"
"""The weight of each feature, and the embedder that they were fitted for."""

FEATURES = ("passage", "cosine", "late", "context", "length", "other", "other_share", "other_words")
"""The score of the sentence's passage; its cosine with the question and its late interaction; the share of
the question's content words in it, its title and the sentence before it; the logarithm of its number of
words. Whether it is in the other language than the question: alone, with the share of the question's terms in
it, weighted by rarity (``bm25.Lexicon.overlaps``), and with the share of the content words."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Read:
    """The sentences of a passage, with the signals of search."""

    title: str
    """Of the article."""
    texts: Sequence[str]
    """The sentences that can be cited, in order."""
    passage: float
    """The passage's score."""
    cosine: Floats
    """Of each sentence and the question, shape (sentences,)."""
    late: Floats
    """The late interaction of each with the question, shape (sentences,)."""
    share: Floats
    """Of the question's terms in each, shape (sentences,)."""
    other: bool
    """Whether the article is in the other language than the question."""


def features(question: str, read: Read) -> Floats:
    """The features of each sentence, shape (sentences, ``FEATURES``).

    Args:
        question: In English or Arabic.
        read: The passage.
    """
    parts = 1 / max(1, len(content_words(question)))
    title, before = words_in(question, read.title), frozenset[str]()
    rows = []
    for at, text in enumerate(read.texts):
        words = words_in(question, text)
        rows.append(
            (
                read.passage,
                read.cosine[at],
                read.late[at],
                len(words | title | before) * parts,
                math.log(max(1, len(text.split()))),
                read.other,
                read.other * read.share[at],
                read.other * len(words) * parts,
            )
        )
        before = words
    return np.array(rows, np.float32).reshape(-1, len(FEATURES))


def load_ranker(embedder: str, path: Path = FILE) -> Floats | None:
    """The weights of ``FEATURES``; None if they were fitted for another embedder."""
    fitted: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if fitted["embedder"] != embedder:
        return None
    return np.array([fitted["weights"][name] for name in FEATURES], np.float32)
