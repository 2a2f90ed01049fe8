"""Removes dates and durations from a text, so that "for more than two decades" is not taken for a count.

A number that may or may not belong to a date is kept: a correct answer must not be refused because it looks
like a date. The tables are general knowledge: units of time, months, and the words before a year.
"""

from __future__ import annotations

import re

from rag.language import quantities
from rag.language.calendar_words import (
    AMBIGUOUS_MONTHS,
    LAST_DAY,
    MONTH_STARTS,
    SEASONS,
    SECOND_WORDS_OF_MONTHS,
    TWO_WORD_MONTHS,
    UNITS_OF_TIME,
)
from rag.language.folding import ascii_digits, fold
from rag.language.word_classes import PARTICLES, closed

_HEADS = closed("عام سنه شهر يوم ليله ساعه")
"""Units at the beginning of a date: a number before "عام 2022" or "يوم الأحد" counts something else."""

_LASTING = closed(
    "long old age ago time later earlier often عمر عمره عمرها وقت وقتا زمن زمنا مده مهله فتره مره مرات"
)
"""Other words that show that a "how many" question asks for a length of time."""

_MAY_LAST = re.compile(r"(?:(?:and|but|so) )?how much\b|[وف]?كم (?!عدد(?!\w))(?!\S+[اه](?!\w))")
"""Folded questions without a noun to count: "how much", and كم before a verb, which does not have the ending
of a counted noun."""

_ABOUT = closed("more less than over about around nearly almost some اكثر اقل من نحو حوالي قرابه زهاء يقارب")
"""Words that qualify the number after them."""

_BEFORE_YEAR = SEASONS | closed(
    "in since by until till from during late early mid year عام سنه في منذ حتي بحلول مطلع نهايه اواخر اوايل "
    "منتصف خلال بدايه"
)

_JOINING = closed("of and to و الي")
"""Words between a time and a year that belongs to it."""

_OF = closed("of من the")
"""Words between a day and its month."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_COMMA = re.compile(r"(?<=[^\W\d_])[,،]\s+")
"""A comma after a word; a number after the comma does not belong to the words before it."""
_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:[,٬]\d{3})+(?!\d)")
"""Numbers with thousands separators, which are never years."""


def of_time(question: str) -> bool:
    """Whether a question for a number asks, or may ask, for a length of time.

    Args:
        question: The question for the model: "how many ...", "how much ...", كم.
    """
    folded = fold(question)
    return bool(_MAY_LAST.match(folded)) or any(
        _bare(word) & (UNITS_OF_TIME | _LASTING) for word in _TOKEN.findall(folded)
    )


def untimed(text: str) -> str:
    """The folded text without its dates and durations.

    Args:
        text: A sentence or an answer.
    """
    words: list[str] = []
    for part in _COMMA.split(text):
        words += [*_TOKEN.findall(fold(part)), ""]
    months = _months(words, text)
    counted = {re.sub(r"\D", "", number) for number in _THOUSANDS.findall(ascii_digits(text))}
    timed = [False] * len(words)
    for at, word in enumerate(words):
        if months[at]:
            _mark_day(words, months, timed, at)
        elif _bare(word) & UNITS_OF_TIME:
            _mark_before(words, timed, at)
    for at in range(1, len(words)):
        if _value(words[at]) in quantities.YEARS and words[at] not in counted:
            before = words[at - 1]
            timed[at] |= timed[at - 1] or bool(_bare(before) & _BEFORE_YEAR)
            timed[at] |= before in _JOINING and at > 1 and timed[at - 2]
    return " ".join(word for word, gone in zip(words, timed, strict=True) if word and not gone)


def _bare(word: str) -> set[str]:
    """The word with and without its particles and article."""
    forms = {word}
    for prefix in PARTICLES:
        forms |= {form[1:] for form in list(forms) if form.startswith(prefix) and len(form) > 3}
    return forms | {form[2:] for form in forms if form.startswith("ال") and len(form) > 4}


def _value(word: str) -> int:
    """The value of a number of at most four digits; 0 for anything else."""
    return int(word) if word.isdecimal() and len(word) <= 4 else 0


def _is_number(word: str) -> bool:
    return any(not value.startswith("month") for value in quantities.held(word))


def _months(words: list[str], text: str) -> list[bool]:
    """For each word, whether it is the name of a month or a part of one."""
    doubtful = quantities.doubtful_months(text)
    is_month = [
        bool(_bare(word) & MONTH_STARTS)
        or any(AMBIGUOUS_MONTHS.get(form) in doubtful for form in _bare(word))
        for word in words
    ]
    for at in range(1, len(words)):
        is_month[at] |= words[at] in SECOND_WORDS_OF_MONTHS and bool(_bare(words[at - 1]) & TWO_WORD_MONTHS)
    return is_month


def _mark_before(words: list[str], timed: list[bool], unit: int) -> None:
    """Mark a unit and the number before it: "more than two decades", "25 عاما"."""
    timed[unit] = True
    following = words[unit + 1] if unit + 1 < len(words) else ""
    if words[unit] in _HEADS and (_value(following) or following.startswith("ال") or following == "امس"):
        return
    at = unit - 1
    while at >= 0 and _is_number(words[at]):
        timed[at] = True
        at -= 1
    while at >= 0 and _bare(words[at]) & _ABOUT:
        timed[at] = True
        at -= 1


def _mark_day(words: list[str], months: list[bool], timed: list[bool], month: int) -> None:
    """Mark a month and the day before or after it: "25 من كانون الثاني", "March 20"."""
    timed[month] = True
    at = month - 1
    while at >= 0 and (words[at] in _OF or months[at]):
        at -= 1
    for day in (at, month + 1):
        if 0 <= day < len(words) and 0 < _value(words[day]) <= LAST_DAY:
            timed[day] = True
