from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Article, BadSettings, Filter
from rag.index import filters
from rag.records import Language
from rag.records import date_span as span


def article(
    name: str = "a", outlet: str | None = None, published: str | None = None, language: Language = "ar"
) -> Article:
    return Article(name, "", "x", f"{name}.txt", outlet=outlet, published=published, language=language)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("2024-12", "2024-12-01", "2024-12-31"),
        ("2024-09-06", "2024-09-06", "2024-09-06"),
        ("٢٠٢٤-٠٩", "2024-09-01", "2024-09-30"),
    ],
)
def test_a_date_spans_as_much_as_is_known(text: str, first: str, last: str) -> None:
    assert [day.isoformat() for day in span(text)] == [first, last]


NO_DATES = [
    "",
    "24",
    "2024-9",
    "2024-13",
    "2024-00",
    "2023-02-29",
    "2024/09",
    "0000",
    "2024-09-06T10:00",
    " 2024",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_has_no_span(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY|day|month|year"):
        span(text)


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_day_lies_in_its_month_and_its_month_in_its_year(day: datetime.date) -> None:
    text = day.isoformat()
    assert span(text) == (day, day)
    (year_first, year_last), (month_first, month_last) = span(text[:4]), span(text[:7])
    assert year_first <= month_first <= day <= month_last <= year_last
    assert (month_last + datetime.timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        *(({"since": text}, [repr(text), "since", "YYYY-MM-DD"]) for text in NO_DATES),
        ({"until": "soon"}, ["'soon'", "until", "YYYY-MM-DD"]),
        ({"since": 2024}, ["2024", "since"]),
        ({"since": "2024-09", "until": "2024-08"}, ["'2024-09'", "'2024-08'", "Swap"]),
        ({"since": "2025", "until": "2024"}, ["'2025'", "'2024'"]),
        ({"language": "fr"}, ["'fr'", "en and ar"]),
        ({"language": ""}, ["''", "en and ar"]),
        ({"outlets": "CNN"}, ["'CNN'", "tuple"]),
        ({"outlets": (5,)}, ["(5,)", "tuple"]),
        ({"outlets": ("CNN", " ")}, ["' '", "publisher"]),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(given_: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(BadSettings) as raised:
        Filter(**given_)
    message = str(raised.value)
    assert [part for part in expected if part not in message] == []
    assert "\n" not in message


def test_dates_that_meet_are_no_contradiction() -> None:
    assert Filter(since="2024-09-30", until="2024-09")
    assert Filter(since="2024", until="2024")


@pytest.mark.parametrize(
    ("published", "since", "until", "matches"),
    [
        ("2024-09-06", "2024-09-06", None, True),
        ("2024-09-06", "2024-09-07", None, False),
        ("2024-09-06", None, "2024-09-06", True),
        ("2024-09-06", None, "2024-09-05", False),
        ("2024-09-06", "2024", "2024", True),
        ("2024-09-06", None, "2024-09", True),
        ("2024-09-06", "2024-10", None, False),
        ("2024-09", "2024-09-30", None, True),
        ("2024-09", "2024-10-01", None, False),
        ("2024-09", None, "2024-09-01", True),
        ("2024-09", None, "2024-08-31", False),
        (None, "2024", None, False),
        (None, None, "2024", False),
        (None, None, None, True),
        ("yesterday", "2024", None, False),
        ("yesterday", None, None, True),
    ],
)
def test_an_article_matches_if_some_day_of_its_date_does(
    published: str | None, since: str | None, until: str | None, matches: bool
) -> None:
    found = filters.matching(Filter(since=since, until=until), [article(published=published)])
    assert bool(found) is matches


@pytest.mark.parametrize(
    ("asked", "outlet", "matches"),
    [
        ("cnn", "CNN", True),
        ("الاناضول", "الأناضول", True),
        ("وكاله الانباء", "وكالةُ الأنباء", True),
        ("CNN", "CNN Arabic", False),
        ("CNN", None, False),
    ],
)
def test_outlets_are_compared_folded(asked: str, outlet: str | None, matches: bool) -> None:
    assert bool(filters.matching(Filter((asked,)), [article(outlet=outlet)])) is matches


def test_any_of_several_outlets_will_do_and_every_other_condition_must_hold() -> None:
    all_ = [
        article("a", "CNN", "2024-09-06", "en"),
        article("b", "BBC", "2024-09-06", "en"),
        article("c", "BBC", "2024-09-06", "ar"),
        article("d", "BBC", "2023-09-06", "en"),
        article("e", "AFP", "2024-09-06", "en"),
    ]
    where = Filter(("BBC", "CNN"), since="2024", language="en")
    assert [item.id for item in filters.matching(where, all_)] == ["a", "b"]
    assert filters.allowed(where, all_) == {"a", "b"}


def test_no_filter_and_an_empty_one_allow_all() -> None:
    assert filters.allowed(None, [article()]) is None
    assert filters.allowed(Filter(), [article()]) is None
    assert filters.allowed(Filter(language="en"), [article()]) == frozenset()


HELD = [
    article("a", "عنب بلدي", "2024-08"),
    article("b", "Coast Daily", "2024-09-06", "en"),
    article("c", "Coast Daily"),
    article("d"),
]


def test_where_nothing_matches_the_answer_names_the_filter_and_what_there_is() -> None:
    where = Filter(("CNN", "BBC"), "2023", "2023-05-01", "en")
    assert filters.nothing(where, HELD, "en") == (
        "No article matches the filter (outlet “CNN” or “BBC”; from 2023; to 2023-05-01; language English). "
        "In the index: outlets “Coast Daily”, “عنب بلدي” (without one: 1 of 4 articles); "
        "dates from 2024-08 to 2024-09-06 (without one: 2 of 4 articles); languages Arabic, English."
    )
    assert filters.nothing(where, HELD, "ar") == (
        "لا يوجد مقال يطابق التصفية (الناشر «CNN» أو «BBC»؛ من 2023؛ إلى 2023/05/01؛ اللغة الإنجليزية). "
        "في الفهرس: الناشرون «Coast Daily»، «عنب بلدي» (بلا ناشر: 1 من 4 من المقالات)؛ "
        "التواريخ من 2024/08 إلى 2024/09/06 (بلا تاريخ: 2 من 4 من المقالات)؛ اللغات العربية، الإنجليزية."
    )


def test_an_index_without_outlets_and_dates_says_so() -> None:
    message = filters.nothing(Filter(since="2024"), [article()], "en")
    assert "no article states its outlet; no article has a date; languages Arabic." in message


def test_of_many_outlets_the_most_frequent_are_named() -> None:
    many = [article(f"{n}{m}", f"Outlet {n:02}") for n in range(30) for m in range(30 - n)]
    message = filters.nothing(Filter(("X",)), many, "en")
    assert "outlets “Outlet 00”, “Outlet 01”, " in message
    assert "“Outlet 09” and 20 more;" in message
    assert "Outlet 10" not in message


@given(st.text(max_size=20).filter(lambda text: any(c.isalnum() for c in text)))
def test_an_outlet_matches_itself_and_is_named_to_the_letter(outlet: str) -> None:
    assert filters.matching(Filter((outlet,)), [article(outlet=outlet)])
    assert f"“{outlet}”" in filters.asked(Filter((outlet,)), "en")


def test_both_languages_have_the_same_words() -> None:
    assert filters._WORDS["en"].keys() == filters._WORDS["ar"].keys()
