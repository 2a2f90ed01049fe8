"""What other frameworks are given of a passage or citation beside its text: plain values only."""

from __future__ import annotations

from typing import Any

from rag.records import Article, Citation, Passage

PLACE = ("article_id", "start", "end", "line", "source", "rank", "number")
"""Keys that locate a text; of no use to a language model or an embedder."""

ALWAYS = ("title", "outlet", "published")
"""Keys that are there for every text, empty where nothing is known."""


def of_article(article: Article) -> dict[str, Any]:
    """What is known of an article beside its text and id."""
    return _known(
        {
            "title": article.title,
            "outlet": article.outlet,
            "published": article.published,
            "language": article.language,
            "source": article.source,
        }
    )


def of_passage(passage: Passage) -> dict[str, Any]:
    """Where a passage comes from; ``article.text[start:end]`` is its text.

    Unknown values are left out, but for those of ``ALWAYS``.
    """
    return _known(
        {
            "article_id": passage.chunk.article_id,
            "title": passage.title,
            "outlet": passage.outlet,
            "published": passage.published,
            "start": passage.chunk.start,
            "end": passage.chunk.end,
            "rank": passage.rank,
        }
    )


def of_citation(citation: Citation) -> dict[str, Any]:
    """Where a quote comes from; ``article.text[start:end]`` is the quote.

    Unknown values are left out, but for those of ``ALWAYS``.
    """
    return _known(
        {
            "article_id": citation.article_id,
            "title": citation.title,
            "outlet": citation.outlet,
            "published": citation.published,
            "start": citation.start,
            "end": citation.end,
            "source": citation.source,
            "line": citation.line,
            "number": citation.number,
            "translation": citation.translation,
            "certain": citation.certain if citation.translation else None,
            "literal": citation.literal if citation.translation else None,
        }
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    # Stores of vectors, Chroma's among them, refuse None.
    known = {name: value for name, value in values.items() if value not in (None, "")}
    return dict.fromkeys(ALWAYS, "") | known
