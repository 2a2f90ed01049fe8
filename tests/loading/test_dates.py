"""Dates: read in figures and words where they can be one day only."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.loading.dates import date_in, iso_date


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-09-06", "2024-09-06"),
        ("2024-09", "2024-09"),
        ("2024/9/6", "2024-09-06"),
        ("20240906", "2024-09-06"),
        ("٢٠٢٤-٠٩-٠٦", "2024-09-06"),
        ("2024-09-06T10:00:00Z", "2024-09-06"),
        ("2024-09-06 23:59:59.123+03:00", "2024-09-06"),
        ("20240906T101500Z", "2024-09-06"),
        ("20240906101500", "2024-09-06"),
        ("Fri, 06 Sep 2024 10:00:00 GMT", "2024-09-06"),
        ("25/09/2024", "2024-09-25"),
        ("09/25/2024 10:30", "2024-09-25"),
        ("٢٥/٠٩/٢٠٢٤", "2024-09-25"),
        ("25.9.2024", "2024-09-25"),
        ("07-07-2024", "2024-07-07"),
        ("6 سبتمبر 2024", "2024-09-06"),
        ("الجمعة ٦ أيلول/سبتمبر ٢٠٢٤", "2024-09-06"),
        ("1 كانون الثاني 2024", "2024-01-01"),
        ("September 6, 2024", "2024-09-06"),
        ("6th of May 2024", "2024-05-06"),
        ("Mar 2024", "2024-03"),
        ("06/09/2024", None),
        ("06-09-2024", None),
        ("25/09/24", None),
        ("25/13/2024", None),
        ("2024", None),
        ("2024-13-01", None),
        ("2024-02-30", None),
        ("0001-01-01", None),
        ("1446/03/03", None),
        ("٣ ربيع الأول ١٤٤٦", None),
        ("yesterday", None),
        ("6 September 2024 to 8 September 2024", None),
        (1725616800, None),
        ("", None),
    ],
)
def test_only_dates_that_can_be_read_one_way_are_taken(value: object, date: str | None) -> None:
    assert iso_date(value) == date


@given(st.dates(datetime.date(1900, 1, 1)))
def test_a_day_after_the_twelfth_is_read_in_either_order_and_no_other(day: datetime.date) -> None:
    wanted = day.isoformat() if day.day > 12 or day.day == day.month else None
    assert iso_date(f"{day:%d/%m}/{day.year:04}") == wanted
    assert iso_date(f"{day:%m/%d}/{day.year:04}") == wanted


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Published 25/09/2024 at 10:00", "2024-09-25"),
        ("بغداد - الجمعة 6 أيلول 2024 | 10:00", "2024-09-06"),
        ("1446/3/3 - 2024/9/6", "2024-09-06"),
        ("06/09/2024 Baghdad", None),
        ("آخر تحديث: 25/09/2024", None),
        ("Last updated 6 September 2024", None),
        ("6 Sep 2024, 7 Sep 2024", None),
    ],
)
def test_the_date_in_a_line_is_that_of_publication(text: str, date: str | None) -> None:
    assert date_in(text) == date
