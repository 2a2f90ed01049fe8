"""A sentence as a model is shown it."""

from __future__ import annotations

from rag.records import Evidence


def source(text: str, number: int = 1, published: str | None = None, start: int | None = None) -> Evidence:
    """One sentence of one article.

    Args:
        text: The sentence.
        number: Its number; its line too.
        published: The article's date.
        start: Where it stands; by default somewhere that no other number stands.
    """
    at = 1000 * number if start is None else start
    return Evidence(
        number=number,
        article_id="a",
        start=at,
        end=at + len(text),
        text=text,
        title="Title",
        outlet="Outlet",
        published=published,
        source="a.txt",
        line=number,
        score=0.5,
    )
