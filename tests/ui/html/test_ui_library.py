from __future__ import annotations

import re

import pytest

from rag import Article
from rag.index.generations import Written
from rag.index.indexing import Built
from rag.loading.articles import Skipped
from ui.html import library
from ui.work import State

LONG = "قالت الحكومة العراقية، الأحد، إن القوات الأمريكية أتمت انسحابها بشكل كامل من المنشآت العسكرية…"


def articles(*titles: str, outlet: str | None = None) -> list[Article]:
    return [Article(f"a{n}", title, "Text.", f"a{n}.txt", outlet) for n, title in enumerate(titles)]


def text(page: str) -> str:
    return re.sub(r"<[^>]*>", "", page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a2", "a1", "a0"]),
        ("harbour", ["a0"]),
        ("REOPENS harbour", ["a0"]),
        ("مكتبه", ["a1"]),
        ("المكتبة", []),
        ("daily", ["a2", "a1", "a0"]),
        ("a1.txt", ["a1"]),
        ("?", ["a2", "a1", "a0"]),
    ],
)
def test_every_word_of_a_query_must_be_in_headline_outlet_or_file(query: str, found: list[str]) -> None:
    held = articles("Harbour reopens", "افتتاح مكتبة", "Olives", outlet="Coast Daily")
    assert [item.id for item in library.searched(held, query)] == found


def test_the_latest_come_first_and_undated_ones_last() -> None:
    held = [
        Article(day, "", "x", "a.txt", published=day or None) for day in ("2024-03", "", "2025", "2024-11")
    ]
    assert [item.id for item in library.searched(held, "")] == ["2025", "2024-11", "2024-03", ""]


def test_so_many_are_listed_and_more_when_they_are_asked_for() -> None:
    held = articles(*(f"Headline {n}" for n in range(40)))
    first = library.listing(held, 40, library.PAGE, "en")
    assert first.count('class="listed"') == library.PAGE
    assert 'data-shown="60"' in first and "40 articles" in first
    assert "Show more" not in library.listing(held, 1_040, 60, "en")
    assert "40 of 1,040 articles" in library.listing(held, 1_040, 60, "en")
    assert "لا مقالات مطابقة" in library.listing([], 3, 30, "ar")


def test_what_becomes_of_a_removed_article_is_reported_by_where_it_came_from() -> None:
    uploaded = Article("uploaded://a", "A", "x", "uploaded://a.txt")
    row = Article("uploaded://b#1", "B", "x", "uploaded://b.csv:12")
    page = library.listing([uploaded, row, *articles("C")], 3, 30, "en")
    removed = re.findall('data-article="([^"]*)".*?data-after="([^"]*)"', page)
    assert removed == [
        ("uploaded://a", "remove_uploaded"), ("uploaded://b#1", "remove_row"), ("a0", "remove_comes_back"),
    ]  # fmt: skip
    assert ">a.txt<" in page and ">uploaded:" not in page


@pytest.mark.parametrize(
    ("language", "skipped", "noted"),
    [("en", "Skipped:", "Added with a note:"), ("ar", "ما لم يُضف:", "أُضيف مع ملاحظة:")],
)
def test_a_row_that_was_added_with_a_note_is_not_called_skipped(
    language: str, skipped: str, noted: str
) -> None:
    written = Written("generation-0002", 5, 9, 1, ("uploaded://news#1",), (), ())
    note = Skipped("uploaded://news.csv", "a date was not read, first '06/09/2024' on line 2", added=True)
    page = text(library.work(State(built=Built(written, (note,))), language))
    assert noted in page and skipped not in page and "news.csv a date was not read" in page
    both = text(library.work(State(built=Built(written, (note, Skipped("a.pdf", "is damaged")))), language))
    assert both.index(skipped) < both.index("a.pdf") < both.index(noted) < both.index("news.csv")
