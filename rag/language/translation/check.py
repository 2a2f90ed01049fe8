"""Compares a translation or a claim with its source without a model: values, names, and licensed words.

Values are compared strictly: each number, percentage, currency, month or weekday of one text must be possible
in the other. For a claim every value that a source may mean counts as stated (``values.stated``): an invented
value that is overlooked costs less than a right answer that is refused. Names and words are compared
leniently, as good translators choose other words than a lexicon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.language.calendar_words import DAY_NAMES, WEEKDAY_ABBREVIATIONS
from rag.language.names import likeness
from rag.language.quantities import claimed
from rag.language.terms import stem, terms
from rag.language.text import closed, is_arabic
from rag.language.translation import tables
from rag.language.translation.hints import hints_for, shipped
from rag.language.translation.names_check import (
    SAME_NAME,
    arabic_names_lacking,
    english_names_lacking,
    is_there,
    meaning_stems,
)
from rag.language.translation.values import TIME_UNIT_KEYS, Value, stated, values_of
from rag.language.translation.words import (
    LEAST,
    Word,
    is_arabic_word,
    is_stop,
    keys_of,
    stems_of,
    unprefixed,
    unsuffixed,
    words_of,
)
from rag.records import Language

LEAST_COUNTED = 3
"""A smaller number in words counts as missing only where the source has another number of the same noun:
Arabic has a dual for two, and "one" also means somebody."""

LEAST_ROUND = 100
"""A number in words from this one on may be a rounded number of the source. Not tuned."""

ROUNDED = 0.1
"""The largest difference from the number of the source, as a share of the rounded number. Not tuned."""

_COUNTS = ("number", "percent", "money", "measure")
_SEPARATORS = re.compile(r"[,،;؛]|\band\b|(?<!\w)و(?=\w)")
"""What separates the members of a list, which a claim may have counted."""
_ABBREVIATED_DAYS = WEEKDAY_ABBREVIATIONS | closed("sat sun")
_QUALIFIED = re.compile(r"\b(?:unit|square|celsius|per hour|per day)\b|(?<=\w)s\b")
"""Removed from the keys of units, so that square metres are compared as metres."""
_HALF = "half"


_DUAL = re.compile(r"\w{3}[اي]ن$")
"""Folded Arabic words that may be duals."""
_PLURALS = (
    (re.compile(r"men$"), "man"),
    (re.compile(r"children$"), "child"),
    (re.compile(r"(?<=s|x|h)es$"), ""),
)
"""Endings of English plurals that a stem keeps, and those of their singulars."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a translation differs from its source."""

    missing_values: tuple[str, ...]
    """Values of the source that the translation lacks, as the source writes them."""
    added_values: tuple[str, ...]
    """Values of the translation that the source lacks, as the translation writes them."""
    missing_names: tuple[str, ...]
    """Names of the source that the translation lacks, as the source writes them."""
    added_names: tuple[str, ...]
    """Names of the translation that the source lacks, as the translation writes them."""
    licensed: float
    """Share of the translation's content words that a meaning, name or value of the source licenses; 0 to 1,
    and 1 where there are none."""
    covered: float
    """Share of the source's words, names and values of which the translation has a known equivalent; 0 to 1,
    and 1 where there are none."""


def compare(source: str, translation: str, language: Language) -> Comparison:
    """Compare a sentence with its translation.

    Args:
        source: A sentence.
        translation: The same in the other language.
        language: The language of the source.
    """
    target_language: Language = "en" if language == "ar" else "ar"
    names = arabic_names_lacking if language == "ar" else english_names_lacking
    reversed_names = english_names_lacking if language == "ar" else arabic_names_lacking
    licensed, total = _licensed(source, translation, language)
    return Comparison(
        missing_values=tuple(_values_lacking(source, language, translation, target_language)),
        added_values=tuple(_values_lacking(translation, target_language, source, language)),
        missing_names=tuple(names(source, translation)),
        added_names=tuple(reversed_names(translation, source)),
        licensed=licensed / total if total else 1.0,
        covered=_covered(source, translation, language),
    )


def _values_lacking(text: str, language: Language, other: str, other_language: Language) -> Iterator[str]:
    """The values of a text that are not possible in the other text."""
    possible = _possible(other, other_language)
    words = words_of(text)
    for value in values_of(text, language):
        if value.sure and not all(_is_possible(key, possible) for key in value.keys):
            yield text[words[value.start].start : words[value.start + value.used - 1].end]


def _is_possible(key: str, possible: frozenset[str]) -> bool:
    if key in possible:
        return True
    whole, point, fraction = key.partition(".")
    if fraction == "5" and _HALF in possible:  # ساعة ونصف
        return whole in possible or whole in ("0", "1")
    return bool(point) and whole in possible and fraction in possible  # 9.30 and 9:30


@lru_cache(maxsize=256)
def _possible(text: str, language: Language) -> frozenset[str]:
    """Every value that a text may mean: its numbers and their sums, months, days, units."""
    possible = set(stated(text))
    for value in values_of(text, language):
        possible |= value.keys | _nearby(value)
    words = [word.key for word in words_of(text)]
    possible |= {_HALF} if any(half in words for half in ("half", "نصف", "ونصف")) else set()
    for table in (tables.dates(), tables.units()):
        for at in range(len(words)):
            for size in (1, 2):
                for first in unprefixed(words[at]):
                    entry = table[language].get((first, *words[at + 1 : at + size]))
                    possible |= {entry.key} if entry else set()
    return frozenset(possible)


def _nearby(value: Value) -> set[str]:
    """Other ways in which a translator may write a value: 24 for 2024, or a time on the 12-hour clock."""
    nearby: set[str] = set()
    for key in value.keys:
        if key.isdigit() and len(key) <= 4:
            nearby |= {str(int(key) + 12), str(int(key) - 12)} if 0 < int(key) <= 24 else set()
            nearby |= {key[2:]} if len(key) == 4 else set()
        nearby |= set(key.split("."))
    return nearby


def _covered(source: str, translation: str, language: Language) -> float:
    """The share of a sentence's hints that have an equivalent in the translation."""
    target_language: Language = "en" if language == "ar" else "ar"
    hints, written = hints_for(source, language), stems_of(translation, target_language)
    there = sum(any(stems_of(target, target_language) & written for target in hint.targets) for hint in hints)
    return there / len(hints) if hints else 1.0


def _licensed(source: str, translation: str, language: Language) -> tuple[int, int]:
    """The number of different content words that the source licenses, and the number of all."""
    target_language: Language = "en" if language == "ar" else "ar"
    words = {word.key: word for word in words_of(translation) if not is_stop(word.key, target_language)}
    possible = _possible(source, language)
    in_values = _words_of_values(translation, target_language, possible)
    if language == "ar":
        known = meaning_stems(source)
        sounds = [word.key for word in words_of(source) if len(word.key) >= LEAST]
        latin = {word.key for word in words_of(source) if not is_arabic_word(word.text)}
        in_values |= {"two"} if any(map(_DUAL.search, sounds)) else set()
        count = sum(
            key in possible
            or key in in_values
            or not known.isdisjoint({stem(key, "en"), stem(_singular(key), "en")})
            or (word.text[0].isupper() and is_there(word, known, sounds, latin))
            for key, word in words.items()
        )
        return count, len(words)
    stems = stems_of(source, "en")
    equivalents = {
        key for hint in hints_for(source, "en") for target in hint.targets for key in keys_of(target)
    }
    capitals = [word.text for word in words_of(source) if word.text[0].isupper()]
    count = sum(
        key in in_values or _is_licensed(word, stems, equivalents, capitals, possible)
        for key, word in words.items()
    )
    return count, len(words)


def _singular(key: str) -> str:
    for ending, instead in _PLURALS:
        if ending.search(key):
            return ending.sub(instead, key)
    return key


def _words_of_values(text: str, language: Language, possible: frozenset[str]) -> set[str]:
    """The words of a text that state a possible value: "fifteen" of «خمسة عشر»."""
    words = words_of(text)
    return {
        word.key
        for value in values_of(text, language)
        if all(_is_possible(key, possible) for key in value.keys)
        for word in words[value.start : value.start + value.used]
    }


def _is_licensed(
    word: Word, stems: frozenset[str], equivalents: set[str], capitals: list[str], possible: frozenset[str]
) -> bool:
    """Whether an Arabic word has a meaning, name or value of an English sentence."""
    if word.key in possible or word.key in equivalents or equivalents.intersection(unprefixed(word.key)):
        return True
    meanings = (stems_of(meaning, "en") for meaning in shipped().lexicon.meanings(word.text))
    if any(meaning and meaning <= stems for meaning in meanings):
        return True
    bare = [form for first in unprefixed(word.key) for form in unsuffixed(first)]
    return bool(equivalents.intersection(bare)) or any(
        likeness(capital, word.key) >= SAME_NAME for capital in capitals
    )


def missing(claim: str, sources: Sequence[str]) -> list[str]:
    """The values of the claim that none of the sources supports, sorted; empty if all are supported.

    An amount of money or a measure is listed as written ("38 million dinars", "300 miles") if the sources
    have the same number only with other currencies or units. Unknown spellings such as ``Dh38 million`` are
    not compared, and neither are the dollars of two countries.
    """
    known = frozenset().union(*map(stated, sources))
    wrong = {
        *_with_other_units(_amounts, claim, sources),
        *_with_other_units(_measures, claim, sources),
        *_other_weekdays(claim, sources),
        *_other_numbers(claim, sources, known),
    }
    return sorted((claimed(claim) - known) | wrong)


def _with_other_units(
    read: Callable[[str], tuple[tuple[str, str, str], ...]], claim: str, sources: Sequence[str]
) -> Iterator[str]:
    """Numbers of a claim that the sources have only with other currencies or units.

    Args:
        read: ``_amounts`` or ``_measures``.
        claim: As for ``missing``.
        sources: As for ``missing``.
    """
    readings = [reading for source in sources for reading in read(source)]
    for number, unit, written in read(claim):
        source_units = {source_unit for value, source_unit, _ in readings if value == number}
        if unit and source_units and not source_units & {unit, ""}:
            yield written


def _other_weekdays(claim: str, sources: Sequence[str]) -> Iterator[str]:
    """Weekdays that no source names, if one names another: a weekday may also follow from a date."""
    words, known = words_of(claim), frozenset().union(*map(_weekdays, sources))
    if not known:
        return
    for value in values_of(claim, _language(claim)):
        if value.kind == "weekday" and value.sure and not value.keys & known:
            yield _written(claim, words, value)


def _other_numbers(claim: str, sources: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """Numbers in words that sources in the same language do not state; rounded ones and lists pass."""
    language, words = _language(claim), words_of(claim)
    in_language = [source for source in sources if _language(source) == language]
    for value, number in _in_words(claim, words, language):
        if not in_language or number in known:
            continue
        noun = _noun(words, value)
        source_counts = {count for source in in_language for count in _counting(noun, source, language)}
        listed = any(len(_SEPARATORS.findall(source)) >= float(number) - 1 for source in in_language)
        rounded = float(number) >= LEAST_ROUND and any(_is_near(number, candidate) for candidate in known)
        if not listed and not rounded and (source_counts or float(number) >= LEAST_COUNTED):
            yield _written(claim, words, value)


def _in_words(text: str, words: list[Word], language: Language) -> Iterator[tuple[Value, str]]:
    """The counts above one that a text states without a digit, each with its number."""
    for value in values_of(text, language):
        written = _written(text, words, value)
        number = next((key for key in value.keys if key[0].isdigit()), "")
        many = number in ("1000", "1000000", "1000000000")  # ألف, and مليون of a number that was cut
        in_words = not many and not any(map(str.isdigit, written))
        if value.kind in _COUNTS and in_words and number and float(number) > 1:
            yield value, number


def _noun(words: list[Word], value: Value) -> frozenset[str]:
    """The terms of the noun behind a number; empty at the end of a text and before a function word."""
    behind = words[value.start + value.used :][:1]
    function = any(is_stop(word.key, "ar" if is_arabic(word.text) else "en") for word in behind)
    return frozenset(term for word in behind for term in terms(word.text) if not function)


def _counting(noun: frozenset[str], source: str, language: Language) -> Iterator[str]:
    """The numbers before a noun in a source."""
    words = words_of(source)
    for value in values_of(source, language):
        if value.kind in _COUNTS and noun & _noun(words, value):
            yield from (key for key in value.keys if key[0].isdigit())


def _is_near(number: str, candidate: str) -> bool:
    return candidate[0].isdigit() and abs(float(number) - float(candidate)) <= ROUNDED * float(number)


@lru_cache(maxsize=1024)
def _weekdays(text: str) -> frozenset[str]:
    """Every weekday that a text may mean, also abbreviated ("Fri"), by the tables' keys."""
    language, words = _language(text), words_of(text)
    weekdays = {f"weekday {day}" for word in words for day in _abbreviated(word.key)}
    entries = (tables.phrase_at(tables.dates()[language], words, at, language) for at in range(len(words)))
    return frozenset(weekdays | {entry[0].key for entry in entries if entry and "weekday" in entry[0].key})


def _abbreviated(key: str) -> list[int]:
    """The weekdays that an abbreviation is short for."""
    days = enumerate(DAY_NAMES["en"]) if key in _ABBREVIATED_DAYS else ()
    return [day for day, name in days if name.lower().startswith(key)]


@lru_cache(maxsize=1024)
def _amounts(text: str) -> tuple[tuple[str, str, str], ...]:
    """The numbers of a text: digits, currency (empty if there is none), and the amount as written."""
    words = words_of(text)
    amounts = []
    for value in values_of(text, _language(text)):
        currency = next((key for key in value.keys if key.startswith("currency ")), "")
        currency = "" if words[value.start].key == "¥" else currency  # yen and yuan
        written = _written(text, words, value)
        amounts += [(key, currency, written) for key in value.keys if key[0].isdigit()]
    return tuple(amounts)


@lru_cache(maxsize=1024)
def _measures(text: str) -> tuple[tuple[str, str, str], ...]:
    """The numbers of a text: digits, unit of measure or time, and both as written.

    The unit is empty if none follows the number directly.
    """
    language, words = _language(text), words_of(text)
    measures = []
    for value in values_of(text, language):
        unit, end = _unit(words, value, language)
        written = text[words[value.start].start : words[end - 1].end]
        measures += [(key, unit, written) for key in value.keys if key[0].isdigit()]
    return tuple(measures)


def _unit(words: list[Word], value: Value, language: Language) -> tuple[str, int]:
    """The unit of a number (empty if there is none) and the index after the words of both."""
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


def _written(text: str, words: list[Word], value: Value) -> str:
    return text[words[value.start].start : words[value.start + value.used - 1].end]


def _language(text: str) -> Language:
    return "ar" if is_arabic(text) else "en"
