"""Dates that only the day of publication makes whole: سبتمبر المقبل, last Sunday, أمس.

Resolved only where the words leave no choice and the publication date is known as finely as it takes. Left as
they stand: a weekday alone (the last one or the next), and "next" before a month or a weekday in English,
which some readers take for the one after.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

from rag.language.quantities import MONTH_WORDS
from rag.language.text import fold
from rag.records import Language

_AHEAD, _BACK, _SAME = 1, -1, 0

_TURNS = {
    "next": _AHEAD, "coming": _AHEAD, "last": _BACK, "past": _BACK, "this": _SAME, "current": _SAME,
    "المقبل": _AHEAD, "المقبله": _AHEAD, "القادم": _AHEAD, "القادمه": _AHEAD,
    "الماضي": _BACK, "الماضيه": _BACK, "الفائت": _BACK, "الفائته": _BACK, "المنصرم": _BACK, "المنصرمه": _BACK,
    "الحالي": _SAME, "الحاليه": _SAME, "الجاري": _SAME, "الجاريه": _SAME,
}  # fmt: skip
"""Folded words that tell the direction."""

WEEKDAYS = {
    fold(name): day
    for day, names in enumerate(
        [
            ["monday", "الاثنين", "الإثنين"],
            ["tuesday", "الثلاثاء"],
            ["wednesday", "الأربعاء"],
            ["thursday", "الخميس"],
            ["friday", "الجمعة"],
            ["saturday", "السبت"],
            ["sunday", "الأحد"],
        ]
    )
    for name in names
}
_DAYS = {"yesterday": -1, "tomorrow": 1, "امس": -1, "غدا": 1}
_YEARS = ("year", "العام", "السنه")
_ATTACHED = r"(?:[وفبلك]{1,2})?"

_ENGLISH_MONTHS = "January February March April May June July August September October November December"
_ARABIC_MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"
MONTH_NAMES: dict[Language, list[str]] = {"en": _ENGLISH_MONTHS.split(), "ar": _ARABIC_MONTHS.split()}
DAY_NAMES: dict[Language, list[str]] = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "ar": ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
}


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONTH = _either([*MONTH_WORDS, "اب"])
_UNIT = rf"{_MONTH}|{_either(WEEKDAYS)}|{_either(_YEARS)}"
_PATTERN = re.compile(
    rf"(?<!\w)(?:(?P<before>next|coming|last|past|this|current) (?P<en>{_UNIT})"
    rf"|[وفبلك]{{0,2}}(?P<ar>{_UNIT})(?: {_MONTH})? (?P<behind>{_either(_TURNS)})"
    rf"|(?P<alone>{_either(_DAYS)}))(?!\w)"
)


def resolved(text: str, published: str | None, language: Language) -> list[str]:
    """The dates that a text's relative ones mean, in order.

    Args:
        text: In the words of an article, of either language.
        published: When it was published: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; None where it is unknown.
        language: How the dates are to be written.
    """
    if not published:
        return []
    of = [int(part) for part in published.split("-")]
    found = (_meant(match, of, language) for match in _PATTERN.finditer(fold(text)))
    return list(dict.fromkeys(date for date in found if date))


def _meant(match: re.Match[str], of: list[int], language: Language) -> str:
    if word := match["alone"]:
        return _written(_date(of), _DAYS[word], language)
    word, turn = match["en"] or match["ar"], _TURNS[match["before"] or match["behind"]]
    if word in _YEARS:
        return str(of[0] + turn)
    if match["before"] == "next" or (turn == _SAME and word in WEEKDAYS):
        return ""
    if word in WEEKDAYS:
        day = _date(of)
        if day is None:
            return ""
        ahead = (WEEKDAYS[word] - day.weekday()) % 7
        return _written(day, (ahead or 7) if turn == _AHEAD else ahead - 7, language)
    if len(of) < 2:
        return ""
    month = MONTH_WORDS.get(word, 8)  # آب is no key of the table, as folding makes a father of it
    year = of[0] + (month <= of[1] if turn == _AHEAD else -(month >= of[1]) if turn == _BACK else 0)
    return f"{MONTH_NAMES[language][month - 1]} {year}"


def _date(of: list[int]) -> datetime.date | None:
    return datetime.date(*of) if len(of) == 3 else None


def _written(day: datetime.date | None, steps: int, language: Language) -> str:
    if day is None:
        return ""
    when = day + datetime.timedelta(days=steps)
    weekday, month = DAY_NAMES[language][when.weekday()], MONTH_NAMES[language][when.month - 1]
    return f"{weekday} {when.day} {month} {when.year}"
