"""The values that a claim states and its sources do not: numbers, months, weekdays, and what numbers count.

Every value that a source may mean counts as stated (``values.stated``): an invented value that is overlooked
costs less than a right answer that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rag.language.calendar_words import DAY_NAMES, WEEKDAY_ABBREVIATIONS
from rag.language.quantities import claimed
from rag.language.terms import terms
from rag.language.text import closed, is_arabic
from rag.language.translation import tables
from rag.language.translation.values import TIME_UNIT_KEYS, Value, stated, values_of
from rag.language.translation.words import Word, is_stop, words_of
from rag.records import Language

LEAST_COUNTED = 3
"""Numbers in words below are not looked for in other words: Arabic has a dual for two, and "one" is also
somebody."""

LEAST_ROUND = 100
"""From here on a number in words may be a rounded one of the source. Not tuned."""

ROUNDED = 0.1
"""By how much of itself a rounded number may differ from that of the source. Not tuned."""

_COUNTS = ("number", "percent", "money", "measure")
_SEPARATORS = re.compile(r"[,،;؛]|\band\b|(?<!\w)و(?=\w)")
"""What separates the members of a list, which a claim may have counted."""
_ABBREVIATED_DAYS = WEEKDAY_ABBREVIATIONS | closed("sat sun")
_QUALIFIED = re.compile(r"\b(?:unit|square|celsius|per hour|per day)\b|(?<=\w)s\b")
"""What is left out of the keys of units, so that square metres are compared as metres."""


def missing(claim: str, sources: Sequence[str]) -> list[str]:
    """The values of the claim that none of the sources supports, sorted; empty if all are supported.

    An amount of money or a measure is missing, as it is written ("38 million dinars", "300 miles"), where the
    sources have the same number with other currencies or units alone. What they write in a way that is not
    known, as in ``Dh38 million``, is not compared, and neither are the dollars of two countries.
    """
    known = frozenset().union(*map(stated, sources))
    wrong = {
        *_with_other_currencies(claim, sources),
        *_with_other_units(claim, sources),
        *_other_weekdays(claim, sources),
        *_other_numbers(claim, sources, known),
    }
    return sorted((claimed(claim) - known) | wrong)


def _with_other_currencies(claim: str, sources: Sequence[str]) -> Iterator[str]:
    theirs = [amount for source in sources for amount in _amounts(source)]
    for number, currency, shown in _amounts(claim):
        others = {other for n, other, _ in theirs if n == number}
        if currency and others and not others & {currency, ""}:
            yield shown


def _with_other_units(claim: str, sources: Sequence[str]) -> Iterator[str]:
    theirs = [measure for source in sources for measure in _measures(source)]
    for number, unit, shown in _measures(claim):
        others = {other for n, other, _ in theirs if n == number}
        if unit and others and not others & {unit, ""}:
            yield shown


def _other_weekdays(claim: str, sources: Sequence[str]) -> Iterator[str]:
    """Weekdays that no source has; in another language "Wednesday" may be a part of a name."""
    language = _language(claim)
    words, known = words_of(claim), frozenset().union(*map(_weekdays, sources))
    if not known and all(_language(source) != language for source in sources):
        return
    for value in values_of(claim, language):
        if value.kind == "weekday" and value.sure and not value.keys & known:
            yield _shown(claim, words, value)


def _other_numbers(claim: str, sources: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """Numbers in words that sources in the same language do not state; rounded ones and lists pass."""
    language, words = _language(claim), words_of(claim)
    own = [source for source in sources if _language(source) == language]
    for value, number in _in_words(claim, words, language):
        if not own or number in known:
            continue
        noun = _noun(words, value)
        others = {other for source in own for other in _counting(noun, source, language)}
        listed = any(len(_SEPARATORS.findall(source)) >= float(number) - 1 for source in own)
        rounded = float(number) >= LEAST_ROUND and any(_is_near(number, other) for other in known)
        if others or (float(number) >= LEAST_COUNTED and not listed and not rounded):
            yield _shown(claim, words, value)


def _in_words(text: str, words: list[Word], language: Language) -> Iterator[tuple[Value, str]]:
    """The counts of a text that are more than one and have no digit, each with its number."""
    for value in values_of(text, language):
        shown = _shown(text, words, value)
        number = next((key for key in value.keys if key[0].isdigit()), "")
        many = number in ("1000", "1000000", "1000000000")  # ألف, and مليون of a number that was cut
        in_words = not many and not any(map(str.isdigit, shown))
        if value.kind in _COUNTS and in_words and number and float(number) > 1:
            yield value, number


def _noun(words: list[Word], value: Value) -> frozenset[str]:
    """The terms of the noun behind a number; none at the end of a text and before a function word."""
    behind = words[value.start + value.used :][:1]
    function = any(is_stop(word.key, "ar" if is_arabic(word.text) else "en") for word in behind)
    return frozenset(term for word in behind for term in terms(word.text) if not function)


def _counting(noun: frozenset[str], source: str, language: Language) -> Iterator[str]:
    """The numbers that a source has before a noun."""
    words = words_of(source)
    for value in values_of(source, language):
        if value.kind in _COUNTS and noun & _noun(words, value):
            yield from (key for key in value.keys if key[0].isdigit())


def _is_near(number: str, other: str) -> bool:
    return other[0].isdigit() and abs(float(number) - float(other)) <= ROUNDED * float(number)


@lru_cache(maxsize=1024)
def _weekdays(text: str) -> frozenset[str]:
    """Every weekday that a text may mean, also abbreviated ("Fri"), by the tables' keys."""
    language, words = _language(text), words_of(text)
    found = {f"weekday {day}" for word in words for day in _abbreviated(word.key)}
    entries = (tables.phrase_at(tables.dates()[language], words, at, language) for at in range(len(words)))
    return frozenset(found | {entry[0].key for entry in entries if entry and "weekday" in entry[0].key})


def _abbreviated(key: str) -> list[int]:
    """The weekdays that an abbreviation is short for."""
    days = enumerate(DAY_NAMES["en"]) if key in _ABBREVIATED_DAYS else ()
    return [day for day, name in days if name.lower().startswith(key)]


@lru_cache(maxsize=1024)
def _amounts(text: str) -> tuple[tuple[str, str, str], ...]:
    """The numbers of a text, each with its currency, empty where it has none, and as it is written."""
    words = words_of(text)
    found = []
    for value in values_of(text, _language(text)):
        currency = next((key for key in value.keys if key.startswith("currency ")), "")
        currency = "" if words[value.start].key == "¥" else currency  # yen and yuan
        shown = _shown(text, words, value)
        found += [(key, currency, shown) for key in value.keys if key[0].isdigit()]
    return tuple(found)


@lru_cache(maxsize=1024)
def _measures(text: str) -> tuple[tuple[str, str, str], ...]:
    """The numbers of a text, each with its unit of measure or time, and as it is written with it.

    The unit is empty where there is none right behind the number.
    """
    language, words = _language(text), words_of(text)
    found = []
    for value in values_of(text, language):
        unit, end = _unit(words, value, language)
        shown = text[words[value.start].start : words[end - 1].end]
        found += [(key, unit, shown) for key in value.keys if key[0].isdigit()]
    return tuple(found)


def _unit(words: list[Word], value: Value, language: Language) -> tuple[str, int]:
    """The unit of a number, empty without one, and the index behind the words of both."""
    end = value.start + value.used
    for at in range(value.start + 1, min(end + 1, len(words))):
        if words[at].start - words[at - 1].end > 1:
            break
        entry = tables.phrase_at(tables.units()[language], words, at, "en")  # no particles
        key = entry[0].key if entry else TIME_UNIT_KEYS.get(words[at].key, "")
        if key.startswith("unit"):
            unit = " ".join(_QUALIFIED.sub("", key.lower()).split()).replace("night", "day")
            return unit, max(end, at + (entry[1] if entry else 1))
    return "", end


def _shown(text: str, words: list[Word], value: Value) -> str:
    return text[words[value.start].start : words[value.start + value.used - 1].end]


def _language(text: str) -> Language:
    return "ar" if is_arabic(text) else "en"
