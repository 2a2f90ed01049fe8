from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Article, Filter
from rag.records import Language
from ui import filters
from ui.exchange import Exchange
from ui.html import render
from ui.wording.faults import Refused, failure
from ui.wording.words import WORDS

HOSTILE = '"><img src=x onerror=alert(1)> \u202eabc'


class Form(HTMLParser):
    """The elements of a form, and the texts in them."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, name: str) -> list[str | None]:
        return [a.get("value") for t, a in self.elements if t == tag and a.get("name") == name]


def articles(*outlets: str | None) -> list[Article]:
    return [Article(f"a{n}", "", "x", "a.txt", outlet=outlet) for n, outlet in enumerate(outlets)]


def test_the_form_offers_the_outlets_of_the_index_once_each() -> None:
    form = Form(filters.form(articles("عنب بلدي", "CNN", None, "CNN"), "en"))
    assert form.values("input", "outlet") == ["CNN", "عنب بلدي"]
    assert re.search(r"CNN\s*2", form.text)
    assert [form.values("input", name) for name in ("since", "until")] == [[None], [None]]
    assert [a["value"] for tag, a in form.elements if tag == "option"] == ["", "ar", "en"] * 2


@pytest.mark.parametrize("language", ["en", "ar"])
def test_its_words_are_those_of_the_page(language: Language) -> None:
    text = Form(filters.form([], language)).text
    for word in ("filter", "since", "until", "language", "all_articles"):
        assert WORDS[language][f"filter_{word}"] in text


def test_without_outlets_none_are_offered() -> None:
    assert not [tag for tag, _ in Form(filters.form(articles(None), "en")).elements if tag == "fieldset"]


def test_of_very_many_outlets_the_most_frequent_are_offered() -> None:
    rare = [f"Rare {n}" for n in range(2 * filters.OUTLETS)]
    offered = Form(filters.form(articles("Common", *rare, "Common"), "ar")).values("input", "outlet")
    assert len(offered) == filters.OUTLETS
    assert "Common" in offered


def test_a_hostile_outlet_stays_text() -> None:
    form = Form(filters.form(articles(HOSTILE), "en"))
    assert not [tag for tag, _ in form.elements if tag in ("img", "script")]
    assert "onerror=alert(1)" in form.text
    shown = render.turn(Exchange(number=1, question="why?", where=Filter((HOSTILE,))), "en")
    assert "<img" not in shown


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ([[], "", "", ""], None),
        ([[], " ", "", ""], None),
        ([["CNN"], "", "", ""], Filter(("CNN",))),
        (
            [["CNN", "عنب بلدي"], " 2024 ", "٢٠٢٤-٠٩", "ar"],
            Filter(("CNN", "عنب بلدي"), "2024", "٢٠٢٤-٠٩", "ar"),
        ),
    ],
)
def test_what_the_form_sends_is_read(sent: object, where: Filter | None) -> None:
    assert filters.read(sent) == where


@pytest.mark.parametrize(
    "sent",
    [
        None, "", "<div>", {}, [], [[], "", ""], [[], "", "", "", ""], ["CNN", "", "", ""], [[5], "", "", ""],
        [[["CNN"]], "", "", ""], [[], 2024, "", ""], [[], "", "", None], [["x" * 301], "", "", ""],
        [["x"] * 1000, "", "", ""], [[], "soon", "", ""], [[], "2024", "2023", ""], [[], "", "", "fr"],
        [["?"], "", "", ""],
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_message(sent: object) -> None:
    with pytest.raises(Refused):
        filters.read(sent)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([[], "2024-31", "", ""], "“2024-31” is not a date. Write it as 2024, 2024-08 or 2024-08-31."),
        ([[], "", "soon", ""], "“soon” is not a date. Write it as 2024, 2024-08 or 2024-08-31."),
        ([[], "2024", "2023", ""], "No article can match: 2024 is after 2023. Swap the dates."),
        ([["?"], "", "", ""], "The outlet “?” contains no letters or digits. Choose another one."),
    ],
)
def test_it_is_said_what_makes_no_sense_and_in_arabic_too(sent: object, expected: str) -> None:
    with pytest.raises(Refused) as raised:
        filters.read(sent)
    assert str(raised.value) == expected
    arabic = Form(failure(raised.value.fault, "ar")).text
    assert all(value in arabic for value in raised.value.fault.values.values())
    assert re.search("[\u0621-\u064a]{3}", arabic)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(JSON | st.tuples(st.lists(st.text()), st.text(), st.text(), st.text()).map(list))
def test_whatever_a_browser_sends_is_a_filter_or_a_message(sent: Any) -> None:
    try:
        where = filters.read(sent)
    except Refused as error:
        assert str(error)
    else:
        assert where is None or isinstance(where, Filter)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Searched only: CNN · عنب بلدي · from 6 September 2024 · until 2025 · العربية"),
        ("ar", "البحث مقصور على: CNN · عنب بلدي · من 6 سبتمبر 2024 · حتى 2025 · العربية"),
    ],
)
def test_a_question_shows_its_filter(language: Language, expected: str) -> None:
    where = Filter(("CNN", "عنب بلدي"), "2024-09-06", "2025", "ar")
    assert expected in Form(render.turn(Exchange(number=1, question="why?", where=where), language)).text
    assert "Only" not in Form(render.turn(Exchange(number=1, question="why?"), "en")).text
