"""The values in a sentence that can be checked without understanding it: numbers and months.

The words for them are in ``number_words`` and ``calendar_words``.
"""

from __future__ import annotations

import re

from rag.language.calendar_words import MONTH_STARTS, MONTH_WORDS, MONTHS
from rag.language.folding import fold
from rag.language.number_words import HUNDRED_ENDINGS, HUNDRED_STEMS, NUMBER_WORDS
from rag.language.text import numbers
from rag.language.word_classes import PARTICLES

__all__ = [
    "MONTH_STARTS",
    "MONTH_WORDS",
    "YEARS",
    "claimed",
    "doubtful_months",
    "held",
    "months",
    "years",
]

YEARS = range(1900, 2101)
"""Numbers that may be years."""

# Arabic attaches the conjunctions and prepositions و ف ب ل ك and the article ال to the next word.
_PARTICLES = r"(?<!\w)(?:[وف]?(?:ال|ب|ل|ك|بال|كال|لل)?)"


def _arabic(words: list[str]) -> str:
    return rf"{_PARTICLES}(?:{'|'.join(fold(w.replace('_', ' ')) for w in words)})(?!\w)"


_ARABIC_MONTH = [re.compile(_arabic(arabic.split())) for _, arabic in MONTHS]
_ENGLISH_MONTH = [re.compile(rf"\b(?:{'|'.join(english.split())})\b") for english, _ in MONTHS]
_NUMBER_WORD = {
    value: re.compile(
        rf"(?<!\w)(?:{'|'.join(w for w in words.split() if w.isascii()) or 'x^'})s?(?!\w)"
        rf"|{_arabic([w for w in words.split() if not w.isascii()] or ['x^'])}"
    )
    for value, words in NUMBER_WORDS.items()
}

_ARABIC_HUNDREDS = {
    n: re.compile(_arabic([f"{stem}{hundred}" for stem in stems.split() for hundred in HUNDRED_ENDINGS]))
    for n, stems in HUNDRED_STEMS.items()
}
"""ثلاثمئة to تسعمائة, which are written as one word."""

MAX_PARTS = 12
"""With more different numbers in a sentence, sums of three can reach almost any value and prove nothing."""

_AB = re.compile(rf"(?<!\w)[{PARTICLES}]?آب(?!\w)")
"""August in the Levant. Only the madda, which folding removes, distinguishes it from أب (father)."""

# "May" and "March" are also other words; as months they are next to a day, a year or a preposition.
_AMBIGUOUS = re.compile(
    r"(?:\b(?:in|of|by|on|until|till|since|from|before|after|during|between|through|throughout|last|next|this|early|"
    r"mid|late|and|to)[ -]|\d\s|^)"
    r"(?:May|March)\b(?!\s+(?:be|not|have|also|still)\b)|\b(?:May|March)\.?,?\s+\d"
)


def doubtful_months(text: str) -> set[int]:
    """Those of March, May and آب (August) that a text uses as months, not as a verb or for "father"."""
    in_context = [match.group() for match in _AMBIGUOUS.finditer(text)]
    dated = {
        month for month, word in ((3, "March"), (5, "May")) if any(word in match for match in in_context)
    }
    return dated | {8} if _AB.search(text) else dated


def months(text: str) -> set[int]:
    """The months in a text, 1 to 12, in English or any of the Arabic families of names."""
    folded = fold(text)
    numbers = {n for n, pattern in enumerate(_ARABIC_MONTH, start=1) if pattern.search(folded)}
    numbers |= {
        n for n, pattern in enumerate(_ENGLISH_MONTH, start=1) if n not in (3, 5) and pattern.search(text)
    }
    return numbers | doubtful_months(text)


def years(text: str) -> set[int]:
    """The numbers in digits that may be years, see ``YEARS``."""
    # Python refuses to read thousands of digits as a number.
    return {int(value) for value in numbers(text) if len(value) == 4 and value.isdigit()} & {*YEARS}


def claimed(text: str) -> set[str]:
    """The values that a claim states: its numbers in digits, and for example ``month 9`` for a month."""
    return {*numbers(text), *(f"month {n}" for n in months(text))}


def _composed(text: str, words: set[str]) -> set[str]:
    """Numbers composed of the number words and digits of a source: twenty-five, 3 thousand."""
    parts = {int(value) for value in words | set(numbers(text)) if value.isdigit() and len(value) <= 7}
    pairs = {a * b for a in parts for b in parts if b >= 100} | {a + b for a in parts for b in parts if a > b}
    triples = {a + b for a in pairs for b in parts if a > b} if len(parts) <= MAX_PARTS else set()
    return {str(value) for value in pairs | triples}


def held(text: str) -> set[str]:
    """The values that a source can support: its numbers in digits or words, and its months.

    The set is lenient on purpose and contains every value that may be meant. A value of a claim that is not
    in it is certainly not in the source.
    """
    folded = fold(text)
    in_words = {value for value, pattern in _NUMBER_WORD.items() if pattern.search(folded)}
    in_words |= {str(100 * n) for n, pattern in _ARABIC_HUNDREDS.items() if pattern.search(folded)}
    # A claim may repeat 76.000 without the words that show it to be 76,000.
    as_decimals = numbers(text, grouping_points=False)
    return claimed(text) | {*as_decimals} | in_words | (_composed(text, in_words) if in_words else set())
