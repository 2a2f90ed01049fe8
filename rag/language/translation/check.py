"""Compares a translation with its source outside the model: values, names, and licensed words.

Values are compared strictly: a number, percentage, currency, month or weekday of one side must be possible in
the other. Names and words are compared leniently, as good translators choose other words than a lexicon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.language.names import likeness
from rag.language.terms import stem
from rag.language.translation import tables
from rag.language.translation.hints import hints_for, shipped
from rag.language.translation.names_check import (
    SAME_NAME,
    arabic_names_lacking,
    english_names_lacking,
    is_there,
    meaning_stems,
)
from rag.language.translation.values import Value, stated, values_of
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
        language: Of the source.
    """
    other: Language = "en" if language == "ar" else "ar"
    names = arabic_names_lacking if language == "ar" else english_names_lacking
    reversed_names = english_names_lacking if language == "ar" else arabic_names_lacking
    licensed, total = _licensed(source, translation, language)
    return Comparison(
        missing_values=tuple(_values_lacking(source, language, translation, other)),
        added_values=tuple(_values_lacking(translation, other, source, language)),
        missing_names=tuple(names(source, translation)),
        added_names=tuple(reversed_names(translation, source)),
        licensed=licensed / total if total else 1.0,
        covered=_covered(source, translation, language),
    )


def _values_lacking(text: str, language: Language, other: str, other_language: Language) -> Iterator[str]:
    """The values of a text that another one cannot mean."""
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
    found = set(stated(text))
    for value in values_of(text, language):
        found |= value.keys | _nearby(value)
    words = [word.key for word in words_of(text)]
    found |= {_HALF} if any(half in words for half in ("half", "نصف", "ونصف")) else set()
    for table in (tables.dates(), tables.units()):
        for at in range(len(words)):
            for size in (1, 2):
                for first in unprefixed(words[at]):
                    entry = table[language].get((first, *words[at + 1 : at + size]))
                    found |= {entry.key} if entry else set()
    return frozenset(found)


def _nearby(value: Value) -> set[str]:
    """Other ways in which a translator may put a value: a century for its years, twelve hours for 24."""
    found: set[str] = set()
    for key in value.keys:
        if key.isdigit() and len(key) <= 4:
            found |= {str(int(key) + 12), str(int(key) - 12)} if 0 < int(key) <= 24 else set()
            found |= {key[2:]} if len(key) == 4 else set()
        found |= set(key.split("."))
    return found


def _covered(source: str, translation: str, language: Language) -> float:
    """The share of a sentence's hints of which a translation has an equivalent."""
    other: Language = "en" if language == "ar" else "ar"
    hints, written = hints_for(source, language), stems_of(translation, other)
    there = sum(any(stems_of(target, other) & written for target in hint.targets) for hint in hints)
    return there / len(hints) if hints else 1.0


def _licensed(source: str, translation: str, language: Language) -> tuple[int, int]:
    """How many different content words of a translation its source licenses, and how many there are."""
    other: Language = "en" if language == "ar" else "ar"
    words = {word.key: word for word in words_of(translation) if not is_stop(word.key, other)}
    possible = _possible(source, language)
    in_values = _words_of_values(translation, other, possible)
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
    given = {key for hint in hints_for(source, "en") for target in hint.targets for key in keys_of(target)}
    capitals = [word.text for word in words_of(source) if word.text[0].isupper()]
    count = sum(
        key in in_values or _is_licensed(word, stems, given, capitals, possible)
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
    word: Word, stems: frozenset[str], given: set[str], capitals: list[str], possible: frozenset[str]
) -> bool:
    """Whether an Arabic word has a meaning, name or value of an English sentence."""
    if word.key in possible or word.key in given or given.intersection(unprefixed(word.key)):
        return True
    meanings = (stems_of(meaning, "en") for meaning in shipped().lexicon.meanings(word.text))
    if any(meaning and meaning <= stems for meaning in meanings):
        return True
    bare = [form for first in unprefixed(word.key) for form in unsuffixed(first)]
    return bool(given.intersection(bare)) or any(
        likeness(capital, word.key) >= SAME_NAME for capital in capitals
    )
