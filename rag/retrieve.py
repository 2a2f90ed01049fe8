"""Question → ranked passages → the few sentences in them that bear on the question."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rag.embed import Embedder
from rag.index import Generation
from rag.records import Evidence, Passage
from rag.sentence import sentences
from rag.tokens import count

MIN_SENTENCE_CHARS = 15
"""A shorter sentence is a heading or a fragment, which says nothing that could be cited."""


def passages(vector: NDArray[np.float32], generation: Generation, *, k: int) -> tuple[Passage, ...]:
    """The passages nearest to a question.

    Args:
        vector: The question's vector, shape (dimension,).
        generation: What is searched.
        k: How many at most.

    Returns:
        Best first, ranks from 1.
    """
    found = []
    for rank, (chunk, cosine) in enumerate(generation.nearest(vector, k), start=1):
        article = generation.articles[chunk.article_id]
        found.append(
            Passage(
                chunk=chunk,
                text=article.text[chunk.start : chunk.end],
                title=article.title,
                outlet=article.outlet,
                published=article.published,
                score=cosine,
                dense=cosine,
                lexical=None,
                rank=rank,
            )
        )
    return tuple(found)


def evidence(
    vector: NDArray[np.float32],
    found: tuple[Passage, ...],
    generation: Generation,
    embedder: Embedder,
    *,
    limit: int,
    tokens: int,
) -> tuple[Evidence, ...]:
    """The sentences of the passages that are nearest to the question.

    Args:
        vector: The question's vector, shape (dimension,).
        found: Where to look.
        generation: What the passages come from.
        embedder: The embedder that made ``vector``.
        limit: How many sentences at most.
        tokens: Longest evidence in all, in o200k_base tokens; the best sentence is kept whatever it takes.

    Returns:
        Numbered from 1, nearest first: a small model reads the beginning best.
    """
    spans: list[tuple[str, int, int, str]] = []
    seen: set[str] = set()
    for passage in found:
        chunk = passage.chunk
        for start, end in sentences(passage.text):
            text = passage.text[start:end]
            if len(text) >= MIN_SENTENCE_CHARS and text not in seen:
                seen.add(text)
                spans.append((chunk.article_id, chunk.start + start, chunk.start + end, text))
    if not spans:
        return ()
    scores = embedder.passages([text for *_, text in spans]) @ vector
    chosen: list[Evidence] = []
    left = tokens
    for at in np.argsort(-scores, kind="stable"):
        article_id, start, end, text = spans[at]
        cost = count(text)
        if chosen and cost > left:
            continue
        left -= cost
        article = generation.articles[article_id]
        chosen.append(
            Evidence(
                number=len(chosen) + 1,
                article_id=article_id,
                start=start,
                end=end,
                text=text,
                title=article.title,
                outlet=article.outlet,
                published=article.published,
                source=article.source,
                line=generation.line(article_id, start),
                score=float(scores[at]),
            )
        )
        if len(chosen) == limit:
            break
    return tuple(chosen)
