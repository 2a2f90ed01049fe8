"""The values of a sentence by rule: numbers, percentages, money, measures, dates, weekdays, ordinals.

Each value has keys that are the same in both languages, so that a translation can be compared with its
source. A value that is more than digits also has its equivalents in the other language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from rag.language.calendar_words import LAST_DAY, MONTHS, TIME_UNITS, plural_of_unit
from rag.language.folding import fold
from rag.language.number_words import CARDINALS
from rag.language.quantities import claimed, held
from rag.language.text import is_arabic, numbers
from rag.language.translation import tables
from rag.language.translation.months import AMBIGUOUS, beside_number, is_date, other_name
from rag.language.translation.numerals import (
    Read,
    counted_in_arabic,
    decade_in_arabic,
    is_dual,
    ordinal_in_arabic,
    ordinal_in_english,
    plain,
    read_at,
    read_number,
    written,
)
from rag.language.translation.words import Word, unbroken, unprefixed, words_of
from rag.records import Language

Kind = Literal["number", "percent", "money", "measure", "date", "weekday", "ordinal", "amount"]

LARGEST_SMALL = 12
"""Numbers up to this one are words as often as digits, and good translators omit them ("one of")."""

_SIGNS = {"dollar": "$", "euro": "€"}
_HUNDRED = re.compile("(?:^|[وبلف])مي(?:ه|تا|تي|تان|تين)$")
"""Folded forms of مئة, which are other words if they are written without the hamza."""
_HALF = re.compile("(?:^half|نصف)$")
_HALF_A_MILLION: dict[Language, str] = {"en": "نصف مليون", "ar": "half a million"}
"""The equivalent of half a million in the other language, which has no digits either."""
_FIRST = {"اول", "الاول", "واول", "والاول", "باول", "لاول"}

TIME_UNIT_KEYS = {
    fold(form): f"unit {unit}"
    for unit, *arabic in TIME_UNITS
    for form in (unit, plural_of_unit(unit), *" ".join(arabic).split())
}
"""Keys of units of time by their folded forms in both languages."""

_LANGUAGES: tuple[Language, ...] = ("ar", "en")
_CHECKABLE = re.compile(r"\d+(?:\.\d+)?|month \d+")

_ENGLISH_MONTH = "|".join(name for english, _ in MONTHS for name in english.split())

_ALSO_STATED = {
    re.compile(rf"(?<!-)\bfirst (?:day )?of (?:{_ENGLISH_MONTH})\b|\b(?:{_ENGLISH_MONTH}) first\b"): "1",
    re.compile(r"ه والنصف(?!\w)|half past"): "30",
    re.compile(r"ه والربع(?!\w)|quarter past"): "15",
    re.compile(r"(?<!\w)[وفبل]?الفا(?!\w)"): "2000",
    re.compile(r"(?<!\w)[وفبل]?مليونا(?!\w)"): "2000000",
    re.compile(r"(?<!\w)[وفبل]?مليارا(?!\w)"): "2000000000",
}
"""The first of a month in English, fractions of an hour, and words that may be the dual of a multiplier
before a noun (ألفا ميل) but are its singular elsewhere; the Arabic ones are folded."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a sentence states."""

    kind: Kind
    start: int
    """Index of its first word."""
    used: int
    """How many words it takes."""
    keys: frozenset[str]
    """The same in both languages: ``3500000`` and ``currency dollar``, ``month 9``."""
    targets: tuple[str, ...]
    """Equivalents in the other language, best first; empty if its digits are the same in both."""
    sure: bool
    """Whether a translation must contain it; false for small and approximate numbers in words."""


def values_of(sentence: str, language: Language) -> list[Value]:
    """The values of a sentence, in order."""
    words = words_of(sentence)
    values: list[Value] = []
    at = 0
    while at < len(words):
        value = value_at(words, at, sentence, language)
        if value:
            values.append(value)
        at += value.used if value else 1
    return values


def value_at(words: list[Word], at: int, sentence: str, language: Language) -> Value | None:
    """The value that begins at a word; None if there is none.

    Args:
        words: Of the sentence.
        at: Index of the word.
        sentence: Its text decides whether ``May`` and آب are months.
        language: Of the sentence.
    """
    return (
        _day(words, at, sentence, language)
        or _date(words, at, sentence, language)
        or _decade(words, at, language)
        or _amount(words, at, language)
        or _signed(words, at, language)
        or _number(words, at, language)
    )


def _day(words: list[Word], at: int, sentence: str, language: Language) -> Value | None:
    """A day of a month that is an Arabic ordinal: الأول من أكتوبر."""
    if language == "en":
        return None
    keys = [word.key for word in words[at : at + 6]]
    read = Read(1, Decimal(1)) if keys[0] in _FIRST else read_at(words, at, language)
    day = int(read.value) if read.used and (read.ordinal or keys[0] in _FIRST) else 0
    rest = keys[read.used :]
    joined = (rest[:1] == ["من"]) + ("شهر" in rest[:2])
    month = at + read.used + joined
    if not 0 < day <= LAST_DAY or (day > 1 and not joined) or month >= len(words):
        return None
    date = _date(words, month, sentence, language)
    if not date or not any(key.startswith("month") for key in date.keys):
        return None
    targets = tuple(f"{day} {name}" for name in date.targets[:1])
    return Value("date", at, month - at + date.used, date.keys | {str(day)}, targets, sure=True)


def _date(words: list[Word], at: int, sentence: str, language: Language) -> Value | None:
    if hijri := tables.phrase_at(tables.hijri()[language], words, at, language):
        entry, size, first = hijri
        if first not in AMBIGUOUS or beside_number(words, at, size):
            return Value("date", at, size, frozenset([entry.key]), entry.targets, sure=False)
    match = tables.phrase_at(tables.dates()[language], words, at, language)
    if not match or not is_date(match[0].key, match[2], words, at, match[1], sentence, language):
        return None
    entry, size, _ = match
    kind: Kind = "weekday" if entry.key.startswith("weekday") else "date"
    size += other_name(entry, words, at + size, sentence, language)
    sure = words[at].key != "الاثنين"  # also "the two"
    return Value(kind, at, size, frozenset([entry.key]), entry.targets, sure)


def _decade(words: list[Word], at: int, language: Language) -> Value | None:
    """``1990s`` and تسعينيات القرن الماضي."""
    key, following = words[at].key, words[at + 1].key if at + 1 < len(words) else ""
    if language == "en":
        year = int(key) if re.fullmatch(r"\d{2}|\d{4}", key) else 1
        if following != "s" or year % 10 or words[at + 1].start != words[at].end:
            return None
        arabic = decade_in_arabic(year) if year > 99 else ""
        return Value(
            "date", at, 2, frozenset([f"decade {year % 100}"]), (arabic,) if arabic else (), sure=False
        )
    decade = next((tables.decades()[f] for f in unprefixed(key) if f in tables.decades()), None)
    if decade is None:
        return None
    keys = frozenset([f"decade {decade}"])
    if following != "القرن":
        return Value("date", at, 1, keys, (f"{1900 + decade}s", f"{decade}s"), sure=False)
    century = (
        read_number([word.key for word in words[at + 2 : at + 4]], "ar") if at + 2 < len(words) else None
    )
    if century and century.used and 5 < century.value < 22:
        start = 100 * (int(century.value) - 1)
        return Value("date", at, 2 + century.used, keys, (f"{start + decade}s",), sure=False)
    last = at + 2 < len(words) and words[at + 2].key == "الماضي"
    return Value("date", at, 2 + last, keys, (f"{1900 + decade}s",), sure=False)


def _amount(words: list[Word], at: int, language: Language) -> Value | None:
    match = tables.phrase_at(tables.amounts()[language], words, at, language)
    if not match:
        return None
    entry, size, _ = match
    return Value("amount", at, size, frozenset([entry.key]), entry.targets, sure=False)


def _signed(words: list[Word], at: int, language: Language) -> Value | None:
    """Money with its sign first: ``$3.5 million``, ``€5m``."""
    entry = tables.units()[language].get((words[at].key,)) or tables.units()["en"].get((words[at].key,))
    if not entry or words[at].key.isalpha() or not entry.key.startswith("currency") or at + 1 == len(words):
        return None
    keys = [word.key for word in words[at + 1 : at + 1 + unbroken(words, at + 1, 8)]]
    if keys[1:] and keys[1] in ("m", "b", "k", "bn") and words[at + 2].start == words[at + 1].end:
        keys[1] = {"m": "mn", "b": "bn", "k": "thousand"}.get(keys[1], keys[1])
    read = read_number(keys, language)
    if not read.used:
        return None
    unit = tables.units()[language].get((words[at].key,), entry)
    return _counted(read, at, read.used + 1, unit, language)


def _number(words: list[Word], at: int, language: Language) -> Value | None:
    read = read_at(words, at, language)
    if not read.used or (_HUNDRED.search(words[at].key) and "ئ" not in words[at].text):  # ميتا, dead
        return None
    end = at + read.used
    beside = end < len(words) and words[end].start - words[end - 1].end <= 1  # not 38 million ($10m)
    after = tables.phrase_at(tables.units()[language], words, end, "en") if beside else None  # no particles
    if (
        beside
        and not after
        and language == "en"
        and words[end].text[0].isupper()
        and unbroken(words, end, 2) > 1
    ):
        whose = tables.phrase_at(tables.units()[language], words, end + 1, "en")
        if whose and whose[0].key.startswith("currency"):  # US dollars
            after = whose[0], whose[1] + 1, whose[2]
    if dual := is_dual(read, words, at, unit=bool(after)):
        read = replace(read, value=2 * read.value)
    # Arabic has a dual for two things; "m2" and "F-16" are not numbers.
    attached = at > 0 and words[at - 1].end == words[at].start and words[at - 1].key.isalpha()
    small = read.value <= (LARGEST_SMALL if read.in_words else 2) or attached
    if after and not read.ordinal:
        return _counted(read, at, read.used + after[1], after[0], language)
    keys = frozenset([plain(read.value)])
    if read.ordinal:
        ordinals = _ordinal(read, words, at, language)
        return Value("ordinal", at, read.used, keys, ordinals, not small and read.value > 12)
    targets: tuple[str, ...] = ()
    if read.in_words and not (small and read.used == 1) and not _lone_power(read, words[at].key):
        half = read.value == 500_000 and any(map(_HALF.search, (word.key for word in words[at : at + 2])))
        number = written(read.value, "ar" if language == "en" else "en", counts=dual)
        targets = (_HALF_A_MILLION[language] if half else number,)
    elif not read.in_words and not words[at].text.isascii():
        targets = (words[at].key,)
    if language == "en":
        unit = words[at + read.used].key if at + read.used < len(words) else ""
        whole = int(read.value) if read.value == read.value.to_integral() else 0
        if counted := counted_in_arabic(whole, unit):
            return Value("measure", at, read.used + 1, keys, (counted,), sure=not small)
    sure = not small and not _lone_power(read, words[at].key)
    return Value("number", at, read.used, keys, targets, sure)


def _lone_power(read: Read, key: str) -> bool:
    """Whether a number is a single word such as ألف, which is in the lexicon and often means "many"."""
    return read.used == 1 and read.value in (1000, 10**6, 10**9, 10**12) and not key[0].isdigit()


def _ordinal(read: Read, words: list[Word], at: int, language: Language) -> tuple[str, ...]:
    value = int(read.value)
    if language == "en":
        return ordinal_in_arabic(value)
    if at and words[at - 1].key.endswith("الساعه") and value in range(1, 13):
        return (f"{CARDINALS[value][0]} o'clock",)
    return (ordinal_in_english(value), str(value)) if value > 12 else (ordinal_in_english(value),)


def _counted(read: Read, at: int, used: int, unit: tables.Entry, language: Language) -> Value:
    """A number with its unit: a percentage, money or a measure."""
    kind: Kind = (
        "percent" if unit.key == "percent" else "money" if unit.key.startswith("currency") else "measure"
    )
    keys = frozenset([plain(read.value), *([unit.key] if kind != "measure" else [])])
    if language == "ar":
        sign = _SIGNS.get(unit.key.removeprefix("currency ")) if kind == "money" else None
        number = written(read.value, "en", counts=True)
        names = [tables.counted(name, read.value) for name in unit.targets[:2]]
        targets = tuple(f"{sign}{number}" if sign else f"{number} {name}" for name in names)
    else:
        name = tables.counted(unit.targets[0], read.value)
        targets = (f"{written(read.value, 'ar')} {name}",)
    return Value(kind, at, used, keys, targets, sure=read.value > (LARGEST_SMALL if read.in_words else 2))


@lru_cache(maxsize=1024)
def stated(text: str) -> frozenset[str]:
    """The values that a source can support: numbers in digits, and for example ``month 9`` for a month.

    The set is lenient on purpose and contains every value that may be meant. A value of a claim that is not
    in it is certainly not in the source.
    """
    folded = fold(text)
    keys = set(held(text))
    for value in (value for language in _LANGUAGES for value in values_of(text, language)):
        keys |= _checkable(value)
    keys |= {
        number for pattern, number in _ALSO_STATED.items() if pattern.search(folded) or pattern.search(text)
    }
    return frozenset(keys)


def values_in(text: str) -> frozenset[str]:
    """The values in a short answer, so that two answers can be compared.

    Besides numbers and months, these are numbers in words, weekdays and units of time: "five days" differs
    from "five weeks", and Tuesday from Thursday.
    """
    language: Language = "ar" if is_arabic(text) else "en"
    value_keys = {key for value in values_of(text, language) for key in value.keys}
    units = (
        {TIME_UNIT_KEYS[word.key] for word in words_of(text) if word.key in TIME_UNIT_KEYS}
        if value_keys
        else set()
    )
    return frozenset(claimed(text) | value_keys | units)


def _checkable(value: Value) -> set[str]:
    if value.keys == {"1"}:  # "first" and أحد are not counts
        return set()
    checkable = {key for key in value.keys if _CHECKABLE.fullmatch(key)}
    if value.kind in ("date", "amount"):  # 1980s; two hours
        checkable |= {number for target in value.targets for number in numbers(target)}
    if value.kind == "amount":
        checkable |= {key.split()[0] for key in value.keys if key.split()[0].isdigit()}
    return checkable
