"""A text → its terms, the units of lexical search: stemmed words, months, numbers and keys of names.

Words that mean the same to a reader become one term: spellings (folding), inflections (two kinds of stem for
an Arabic word, as each misses what the other finds), months of both Arabic families and of English, numbers
in any script, and the sounds of names, which Arabic and Latin spellings share.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache

from rag.language.names import arabic_key, joined
from rag.language.quantities import MONTH_STARTS, MONTH_WORDS, doubtful_months
from rag.language.text import fold, is_arabic, numbers
from rag.records import Language

VERSION = 4
"""Increased when the same text would give other terms: an index of an older version is refused."""

_ARABIC = "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff"
_WORD = re.compile(rf"(?:(?=[{_ARABIC}])[^\W\d_])+|(?:(?![{_ARABIC}])[^\W_])+(?:\.\d+)*")
"""A word in one script: text from PDFs and hasty typing joins words of two (Pythonميزات, نحو2500جندي)."""

_PREFIXES = ("وال", "فال", "بال", "كال", "ولل", "لل", "ال")
_SUFFIXES = ("ها", "ات", "ون", "ين", "يه", "يا", "ان", "ه", "ي", "ا")
"""Those of light10 (Larkey, Ballesteros, Connell 2007), folded, and يا and ا of countries, so that سوريا
matches سورية and فرنسا matches الفرنسي."""

_LEAST = 3
"""Fewest letters of a light stem."""

NAME = "~"
"""The first character of a term that is the key of a name across scripts."""


def terms(text: str) -> list[str]:
    """The terms of a text, in order; a word may give several.

    Args:
        text: A passage or a question, as written.
    """
    words = _WORD.findall(fold(text))
    keys: list[str] = []
    for at, word in enumerate(words):
        keys += _terms_of(word)
        keys += _terms_of_two(word, words[at + 1]) if at + 1 < len(words) else ()
        if start := _month_start(word):
            month = MONTH_WORDS.get(start) or MONTH_WORDS.get(" ".join([start, *words[at + 1 : at + 2]]))
            keys += [f"month {month}"] if month else []
    keys += [f"month {month}" for month in sorted(doubtful_months(text))]
    # A number with a multiplier also has its value as a term: 2.5 ألف and 2500 match.
    plain = set(words)
    values = numbers(text, decimal_commas=False, grouping_points=False)
    return keys + [number for number in values if number not in plain]


def arabic_keys(text: str) -> set[str]:
    """The keys (``rag.language.names``) of the Arabic words of a text."""
    return {term[len(NAME) :] for term in terms(text) if term.startswith(NAME)}


@lru_cache(maxsize=200_000)  # the words of a language: a text repeats few
def _terms_of(word: str) -> tuple[str, ...]:
    if not is_arabic(word[0]):
        return (_stemmers().english.stemWord(word),)
    stems = [*_light(word), _stemmers().arabic.stemWord(word)]
    keys = [f"{NAME}{key}" for reading in _readings(word) if (key := arabic_key(reading))]
    return tuple(dict.fromkeys([*stems, *keys]))


def _terms_of_two(word: str, following: str) -> tuple[str, ...]:
    """The keys of a name that is two words in Arabic letters and one in Latin ones."""
    if not is_arabic(following[0]):
        return ()
    # Short words (عز, نصر) are also read without a particle: the second word shows that they are a name.
    readings = dict.fromkeys([*_readings(word), *([word[1:]] if word[0] in "وبلف" else [])])
    names = (name for reading in readings for name in joined(reading, following))
    return tuple(f"{NAME}{key}" for name in names if (key := arabic_key(name)))


@lru_cache(maxsize=200_000)
def _month_start(word: str) -> str:
    """The word without particles if it is the first word of a month's name (بسبتمبر, وتشرين), else empty."""
    for cut in range(min(3, len(word))):
        if word[cut:] in MONTH_STARTS and set(word[:cut]) <= set("وفبكل"):
            return word[cut:]
    return ""


def _light(word: str) -> list[str]:
    return [_without_suffix(reading) for reading in _readings(word)]


def _readings(word: str) -> list[str]:
    """The word without article and particles; if those are uncertain, with them as well."""
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= _LEAST:
            return [word[len(prefix) :]]
    # Whether the first letter is a particle (وبغداد) or the name's own (بغداد, لبنان, وزير) is not certain
    # from the word: both readings are kept, or a name would not match itself behind a particle.
    readings = [word]
    if (word[0] == "و" and len(word) > _LEAST) or (word[0] in "بلف" and len(word) > _LEAST + 1):
        readings.append(word[1:])
    return readings


def _without_suffix(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _LEAST:
            return word[: -len(suffix)]
    return word


@lru_cache(maxsize=200_000)
def stem(word: str, language: Language) -> str:
    """Snowball's stem of a folded word."""
    stemmers = _stemmers()
    stemmed: str = (stemmers.arabic if language == "ar" else stemmers.english).stemWord(word)
    return stemmed


class _Stemmers(threading.local):
    """A stemmer of PyStemmer must not be used by two threads at once."""

    def __init__(self) -> None:
        import Stemmer

        self.arabic = Stemmer.Stemmer("arabic", 0)  # _terms_of has the cache
        self.english = Stemmer.Stemmer("english", 0)


@lru_cache(maxsize=1)
def _stemmers() -> _Stemmers:
    return _Stemmers()
