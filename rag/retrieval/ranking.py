"""Ranks the sentences of the passages that are read: which of them probably answers the question?

A sentence that is about the same as the question is not always the one that answers it. Besides the signals
of search, the score counts how many of the question's words and names a sentence contains in either
language, alone and with its title and the sentence before it, as articles rarely repeat in a sentence what
it is about. The weights (data/sentences.json) are fitted by train/sentences.py and hold for the packaged
embedder alone.
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

from rag.retrieval.overlap import content_words, names_in, words_in

FILE = Path(__file__).resolve().parent / "data" / "sentences.json"
"""The weight of each feature, and the embedder that they were fitted for."""

FEATURES = (
    "passage",
    "cosine",
    "late",
    "share",
    "words",
    "names",
    "context",
    "context_names",
    "before",
    "after",
    "title",
    "length",
    "other",
    "other_share",
    "other_words",
)
"""The score of the sentence's passage; its cosine with the question and its late interaction; the share of
the question's terms in it, weighted by rarity (``bm25.Lexicon.overlaps``). Shares of the question's content
words and names: in it, with title and the sentence before it, in the sentence before, in the one after and
in the title. The logarithm of its number of words. Whether it is in the other language, alone and with two
of the others."""

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
    """What is known of each sentence, shape (sentences, ``FEATURES``).

    Args:
        question: In English or Arabic.
        read: The passage.
    """
    content, names = content_words(question), names_in(question)
    held = [words_in(question, text) for text in read.texts]
    title = words_in(question, read.title)
    words, named = 1 / max(1, len(content)), 1 / max(1, len(names))
    rows = []
    for at, own in enumerate(held):
        before = held[at - 1] if at else frozenset()
        after = held[at + 1] if at + 1 < len(held) else frozenset()
        context = own | title | before
        rows.append(
            (
                read.passage,
                read.cosine[at],
                read.late[at],
                read.share[at],
                len(own) * words,
                len(own & names) * named,
                len(context) * words,
                len(context & names) * named,
                len(before) * words,
                len(after) * words,
                len(title) * words,
                math.log(max(1, len(read.texts[at].split()))),
                read.other,
                read.other * read.share[at],
                read.other * len(own) * words,
            )
        )
    return np.array(rows, np.float32).reshape(-1, len(FEATURES))


def load_ranker(embedder: str, path: Path = FILE) -> Floats | None:
    """The weights of ``FEATURES``; None if they were fitted for another embedder."""
    fitted: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if fitted["embedder"] != embedder:
        return None
    return np.array([fitted["weights"][name] for name in FEATURES], np.float32)
