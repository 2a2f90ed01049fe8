"""Relative dates are resolved where the publication date and the words leave no choice."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.relative_dates import resolved


@pytest.mark.parametrize(
    ("text", "published", "language", "dates"),
    [
        ("بحلول سبتمبر المقبل", "2024-09-06", "en", ["September 2025"]),
        ("بحلول سبتمبر المقبل", "2024-08", "ar", ["سبتمبر 2024"]),
        ("في سبتمبر/أيلول المقبل", "2024-08", "ar", ["سبتمبر 2024"]),
        ("وسبتمبر الماضي", "2024-09", "en", ["September 2023"]),
        ("في 21 من آب الحالي", "2024-08", "en", ["August 2024"]),
        ("تشرين الأول الماضي", "2024-01", "en", ["October 2023"]),
        ("last September", "2024-10", "en", ["September 2024"]),
        ("this coming March", "2024-10", "en", []),  # a march may be coming
        ("العام المقبل", "2024", "en", ["2025"]),
        ("this year and last year", "2024-05-01", "ar", ["2024", "2023"]),
        ("next year", "2024-05-01", "en", ["2025"]),
        ("الأحد المقبل", "2024-09-06", "en", ["Sunday 8 September 2024"]),
        ("الأحد الماضي", "2024-09-06", "ar", ["الأحد 1 سبتمبر 2024"]),
        ("last Friday", "2024-09-06", "en", ["Friday 30 August 2024"]),  # a Friday itself
        ("قال أمس", "2024-03-01", "en", ["Thursday 29 February 2024"]),
        ("tomorrow", "2024-12-31", "en", ["Wednesday 1 January 2025"]),
        ("next September", "2024-08", "en", []),  # this year's or the one after
        ("next Sunday", "2024-09-06", "en", []),
        ("on Sunday", "2024-09-06", "en", []),
        ("قالت الحكومة، الأحد، إن", "2024-09-06", "en", []),
        ("الأحد المقبل", "2024-09", "en", []),
        ("بحلول سبتمبر المقبل", "2024", "en", []),
        ("بحلول سبتمبر المقبل", None, "en", []),
        ("this may be so", "2024-09-06", "en", []),
        ("في سبتمبر 2024", "2024-09-06", "en", []),
    ],
)
def test_a_relative_date_is_resolved(
    text: str, published: str | None, language: str, dates: list[str]
) -> None:
    assert resolved(text, published, language) == dates  # type: ignore[arg-type]


@given(st.dates(datetime.date(1990, 1, 1), datetime.date(2060, 1, 1)), st.integers(0, 6))
def test_a_weekday_ahead_lies_within_a_week_ahead_and_one_behind_within_a_week_behind(
    published: datetime.date, day: int
) -> None:
    name = ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"][day]
    for turn, least, most in (("المقبل", 1, 7), ("الماضي", -7, -1)):
        (told,) = resolved(f"{name} {turn}", published.isoformat(), "en")
        when = datetime.datetime.strptime(told, "%A %d %B %Y").date()
        assert when.weekday() == day
        assert least <= (when - published).days <= most


@given(st.text(max_size=80), st.sampled_from([None, "2024", "2024-02", "2024-02-29"]))
def test_any_text_can_be_asked(text: str, published: str | None) -> None:
    assert isinstance(resolved(text, published, "ar"), list)
