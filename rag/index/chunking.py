"""Split an article into chunks: consecutive whole sentences within a token budget."""

from __future__ import annotations

import hashlib

from rag.language import tokens
from rag.language.text import sentences
from rag.records import Article, Chunk

VERSION = 1
"""Increased whenever articles are split differently: indexes that were built before are rebuilt."""

SCRAP = 8
"""A last chunk of less than an eighth of the budget, such as a credit line, is merged into the chunk before
it if it fits: on its own its vector would be meaningless."""


def chunks(article: Article, *, budget: int) -> list[Chunk]:
    """The chunks of ``article``, in order; every sentence is in exactly one of them.

    Sentences are packed greedily. A chunk that is already more than half full ends with its paragraph, so
    that the next one starts where the author starts a new thought. Sentences are never split: one that is
    longer than the budget is a chunk of its own.

    Args:
        article: The article; ``article.text[chunk.start:chunk.end]`` is a chunk's text.
        budget: Longest chunk in o200k_base tokens, at least 1.
    """
    if budget < 1:
        raise ValueError(f"a chunk budget must be at least 1 token, not {budget}")
    text = article.text
    done: list[Chunk] = []
    current: tuple[int, int, int] | None = None  # start, end, tokens
    for start, end in sentences(text):
        if current is not None:
            # The joined text is counted, not the sum: a token may span the space between two sentences.
            size = tokens.count(text[current[0] : end])
            new_paragraph = "\n" in text[current[1] : start]
            if size <= budget and not (new_paragraph and current[2] * 2 > budget):
                current = (current[0], end, size)
                continue
            done.append(_chunk(article, *current))
        current = (start, end, tokens.count(text[start:end]))
    if current is not None:
        done.append(_chunk(article, *current))
    if len(done) > 1 and done[-1].tokens * SCRAP < budget:
        whole = done[-2].start, done[-1].end
        if (size := tokens.count(text[slice(*whole)])) <= budget:
            done[-2:] = [_chunk(article, *whole, size)]
    return done


def _chunk(article: Article, start: int, end: int, size: int) -> Chunk:
    # The article and the position are hashed too: two outlets may publish the same sentence.
    content = f"{article.id}\0{start}\0{end}\0{article.text[start:end]}"
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Chunk(id=digest, article_id=article.id, start=start, end=end, tokens=size)
