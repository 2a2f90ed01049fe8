"""Puts spaces between Arabic words that were written without one, as in texts from PDFs and careless editors.

Three things show where a word ends: ة, ى and اً occur only at the end of a word; an article begins one; and a
long word that is in no table may consist of words that all have an entry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rag.language.text import fold
from rag.language.translation.gazetteer import Gazetteer
from rag.language.translation.lexicon import Lexicon
from rag.language.translation.reader import Tables
from rag.language.translation.words import MARKS, is_stop, words_of
from rag.language.word_classes import ARTICLE

LEAST = 6
"""Fewest letters of a word that may be separated."""
LONG = 18
"""Fewest letters of a word that may be separated without an article to show where."""
_LEAST_KNOWN, _LEAST_DEFINITE = 4, 6
"""Fewest letters of a part that is not a function word, and of one that begins with the article."""
_MOST = 16
"""Most letters of a part."""

_LETTER = "[\u0621-\u064a]"
_CHARACTER = re.compile(rf"{_LETTER}[{MARKS}]*")
_WORD = re.compile(rf"(?:{_LETTER}[{MARKS}]*){{{LEAST},}}")
_END = re.compile(rf"(?:(?<=[ةى])[{MARKS}]*|(?<=\u064bا)|(?<=ا\u064b))(?={_LETTER}{{2}})")


def separated(sentence: str, tables: Tables) -> str:
    """The sentence with spaces between words that were written as one.

    Args:
        sentence: In Arabic.
        tables: Lexicon and names, which decide what is a word.
    """
    return _WORD.sub(lambda match: " ".join(_parts(_END.sub(" ", match.group()), tables)), sentence)


def _parts(words: str, tables: Tables) -> list[str]:
    parts = []
    for word in words.split():
        unknown = len(word) >= LEAST and not _is_known(word, tables)
        parts += (_apart(word, tables) if unknown else None) or [word]
    return parts


def _apart(word: str, tables: Tables) -> list[str] | None:
    """The words that a word consists of; None if they are unknown, or nothing shows where they begin."""
    parts = _fewest(word, tables)
    if parts and (len(word) >= LONG or any(_is_definite(part) for part in parts[1:])):
        return parts
    return None


def _fewest(word: str, tables: Tables) -> list[str] | None:
    """The fewest words that a word consists of; among equally few, those with the most articles."""
    best: list[list[str] | None] = [[], *([None] * len(word))]
    for end in (at.end() for at in _CHARACTER.finditer(word)):
        for start in range(max(end - _MOST, 0), end - 1):
            before, part = best[start], word[start:end]
            if before is None or not _is_part(part, tables):
                continue
            candidate, shortest = [*before, part], best[end]
            if shortest is None or _cost(candidate) < _cost(shortest):
                best[end] = candidate
    return best[-1]


def _cost(parts: Sequence[str]) -> tuple[int, int]:
    return len(parts), -sum(map(_is_definite, parts))


def _is_definite(part: str) -> bool:
    return part.startswith(ARTICLE) and len(part) >= _LEAST_DEFINITE


def _is_part(word: str, tables: Tables) -> bool:
    return is_stop(fold(word), "ar") or (len(word) >= _LEAST_KNOWN and _is_known(word, tables))


def _is_known(word: str, tables: Tables) -> bool:
    return _known(word, tables.lexicon, tables.gazetteer)


@lru_cache(maxsize=100_000)
def _known(word: str, lexicon: Lexicon, gazetteer: Gazetteer) -> bool:
    entry = lexicon.entry(word)
    if entry.meanings and not entry.guessed:
        return True
    key = fold(word)
    return (
        is_stop(key, "ar")
        or not key  # lines of tatweel, an ornament
        or bool(gazetteer.part(key, "ar"))
        or bool(gazetteer.match(words_of(word), 0, "ar"))
    )
