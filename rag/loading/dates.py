"""Reads dates as files and web pages write them. A date that could be either of two days is not read."""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Iterator
from typing import Any

from rag.language.calendar_words import AMBIGUOUS_MONTHS, LESS_COMMON_MONTHS, MONTHS
from rag.language.text import ascii_digits, fold

EARLIEST = 1900
"""Year. Earlier dates are placeholders for a missing date (0001-01-01), or of another calendar."""

LONGEST = 80
"""Characters. A longer text is prose, whose dates are not those of its publication."""

_TIME = r"(?:[T ,]+\d{1,2}[:.]?\d{2}(?!\d*[-/.]\d).*)?"
_SIGNS = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})(?:\2(\d{{1,2}}))?{_TIME}")
_DIGITS = re.compile(rf"(\d{{4}})(\d{{2}})(\d{{2}})(?:\d{{6}})?{_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}")
_WITHIN = re.compile(r"(?<![\d/.-])(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})(?![\d/-])")
"""A date in figures within a text."""

_MONTHS = {
    fold(name.replace("_", " ")): number
    for number, names in enumerate(MONTHS, start=1)
    for name in [*" ".join(names).split(), *LESS_COMMON_MONTHS.get(number, "").split()]
} | AMBIGUOUS_MONTHS
"""Months by folded name. Beside a day and a year even a name that is another word too is a month's."""

_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_WORDED = re.compile(
    rf"(?<!\w)(?:{_DAY} (?:of |من )?({_NAME})(?: ({_NAME}))?|({_NAME}) {_DAY}) (\d{{4}})(?!\w)"
)
_MONTH_AND_YEAR = re.compile(rf"({_NAME}) (\d{{4}})")

_CHANGED = re.compile(r"updated|modified|last (?:change|edit)|تحديث|تعديل|حدث", re.IGNORECASE)
"""Words beside a date that is not the one of publication."""


def iso_date(value: Any) -> str | None:
    """A date as ISO 8601 (``2024-09-06`` or ``2024-09``), or None if it is not a date or ambiguous.

    A time after the date is dropped, with its zone. ``06/09/2024`` is ambiguous: it is in June in some
    countries and in September in others. ``18/02/2025`` can only be in February, and ``6 أيلول 2024`` and
    ``Fri, 06 Sep 2024 10:00:00 GMT`` name their month.
    """
    text = ascii_digits(str(value)[: LONGEST + 1]).strip()
    if len(text) > LONGEST:
        return None
    if match := _SIGNS.fullmatch(text):
        return _iso(match[1], match[3], match[4])
    if match := _DIGITS.fullmatch(text):
        return _iso(*match.groups())
    if match := _YEAR_LAST.fullmatch(text):
        return _year_last(match)
    if match := _MONTH_AND_YEAR.fullmatch(fold(text)):
        return _iso(match[2], str(_MONTHS[match[1]]), None)
    if named := _single(_worded(text)):
        return named
    try:
        return f"{email.utils.parsedate_to_datetime(text):%Y-%m-%d}"
    except (ValueError, TypeError, IndexError):
        return None


def date_in(text: str) -> str | None:
    """The date of publication that a short text contains (``Friday 6 أيلول 2024, 10:00``), else None.

    None is returned if it contains two dates, an ambiguous one, or says that something was changed then.
    """
    plain = ascii_digits(text)
    if len(plain) > LONGEST or _CHANGED.search(plain):
        return None
    figures = [match.group() for match in _WITHIN.finditer(plain)]
    this_calendar = (date for date in figures if max(map(int, re.findall(r"\d+", date))) >= EARLIEST)
    return _single([*map(iso_date, this_calendar), *_worded(plain)])


def _single(dates: list[str | None]) -> str | None:
    distinct = set(dates)
    return distinct.pop() if len(distinct) == 1 else None


def _worded(text: str) -> list[str | None]:
    if len(text) > LONGEST or _CHANGED.search(text):
        return []
    return list(_named(fold(text)))


def _named(folded: str) -> Iterator[str | None]:
    for match in _WORDED.finditer(folded):
        first, second = match[2] or match[4], match[3]
        if not second or _MONTHS[first] == _MONTHS[second]:  # أيلول (سبتمبر)
            yield _iso(match[6], str(_MONTHS[first]), match[1] or match[5])


def _year_last(match: re.Match[str]) -> str | None:
    one, other, year = int(match[1]), int(match[3]), match[4]
    if one > 12 or one == other:
        return _iso(year, match[3], match[1])
    return _iso(year, match[1], match[3]) if other > 12 else None


def _iso(year: str, month: str, day: str | None) -> str | None:
    try:
        date = datetime.date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    return date.isoformat()[: 10 if day else 7] if date.year >= EARLIEST else None
