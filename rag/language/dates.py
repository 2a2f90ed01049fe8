"""Dates as far as they are known: a year, a month or a day, and the days that it spans."""

from __future__ import annotations

import calendar
import datetime
import re

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def span(text: str) -> tuple[datetime.date, datetime.date]:
    """The first and the last day of ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, in any decimal digits.

    Raises:
        ValueError: It is none of these, or no day of the calendar.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = found.groups()
    first = datetime.date(int(year), int(month or 1), int(day or 1))
    last_month = int(month or 12)
    last_day = int(day or calendar.monthrange(first.year, last_month)[1])
    return first, datetime.date(first.year, last_month, last_day)
