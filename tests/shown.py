"""Sentences as evidence, and what holds for every answer from them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from rag.answering.answer_builder import Built
from rag.answering.decision import NEAREST, NOT_FOUND
from rag.records import Evidence

TEXTS = (
    "The harbour reopened on Sunday after two years of repairs.",
    "The repairs cost 12 million dollars, said the port director.",
    "Ferries will carry 300 passengers a day to the island.",
    "بلغت تكلفة المكتبة 4 ملايين دينار، وفق رئيس البلدية.",
    "تضم المكتبة 25 ألف كتاب بالعربية والإنجليزية.",
)


def source(text: str, number: int = 1, published: str | None = None, start: int | None = None) -> Evidence:
    """One sentence of one article.

    Args:
        text: The sentence.
        number: Its number; its line too.
        published: The article's date.
        start: Its first character; by default one that no other number has.
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


def apart(items: Sequence[Evidence]) -> list[Evidence]:
    """The same sentences, each of an article of its own.

    Args:
        items: Sentences of any articles.
    """
    return [dataclasses.replace(item, article_id=f"a{item.number}") for item in items]


def evidence(texts: Sequence[str] = TEXTS, published: str | None = None) -> list[Evidence]:
    """The sentences of one article, numbered from 1.

    Args:
        texts: One after the other.
        published: The article's date.
    """
    items, at = [], 0
    for number, text in enumerate(texts, start=1):
        items.append(source(text, number, published, at))
        at += len(text) + 1
    return items


def quotes(result: Built) -> list[str]:
    """The sentences that an answer cites."""
    return [citation.quote for citation in result.citations]


def markers(text: str) -> list[int]:
    """The citation markers of a text, in order."""
    return [int(number) for number in re.findall(r"\[\s*(\d+)\s*\]", text)]


def assert_sound(result: Built, items: Sequence[Evidence]) -> None:
    """Check what holds for every answer in English, whatever the model wrote.

    Args:
        result: The answer.
        items: What the model was shown, of one article.
    """
    numbers = [citation.number for citation in result.citations]
    assert numbers == list(range(1, len(numbers) + 1))
    assert list(dict.fromkeys(markers(result.text))) == numbers, "renumbered by first use, one to one"
    by_place = {(item.start, item.end): item for item in items}
    for citation in result.citations:
        assert citation.quote == by_place[citation.start, citation.end].text
    for claim in result.claims:
        assert result.text[claim.start : claim.end] == claim.text
        assert markers(claim.text) == list(claim.citations)
        assert claim.citations
        assert (claim.verdict == "supported") == (claim.reason == "")
    assert bool(result.claims) == bool(result.citations)
    # Where nothing is found the nearest sentence may be quoted all the same.
    assert (result.outcome == "not_found") == (
        result.text == NOT_FOUND["en"] or NEAREST["en"][:-1] in result.text
    )
