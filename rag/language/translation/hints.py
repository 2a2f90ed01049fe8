"""Hints for a translation: a sentence's words with their meanings, its names, numbers and dates.

The packaged model lacks Arabic vocabulary, a lexicon has it. ``hints_for`` looks a sentence's words up, in
either direction, and ``render`` writes what was found as the line that prompts/translate.txt contains:

    أعلنت=announced; declared | الأمم المتحدة=United Nations | الثلاثاء=Tuesday

Nothing here is decided by a model of language; names that no table has are spelled by letter.
"""

from __future__ import annotations

from collections.abc import Iterable

from rag.language.translation.arabic import ArabicReader
from rag.language.translation.gazetteer import LOWER_KINDS, Match
from rag.language.translation.reader import (
    MOST_MEANINGS,
    Found,
    Hint,
    Reader,
    Tables,
    shipped,
    usual_forms,
)
from rag.language.translation.words import is_stop, longest
from rag.records import Language

__all__ = [
    "MEANINGS",
    "NONE",
    "EnglishReader",
    "Hint",
    "Tables",
    "hints_for",
    "in_arabic",
    "render",
    "shipped",
]

_MARKS = str.maketrans(",;?", "،؛؟")

MEANINGS, NONE = " | ", "none"
"""Between two hints, and what the prompt says without any."""


def hints_for(sentence: str, language: Language, tables: Tables | None = None) -> tuple[Hint, ...]:
    """The hints for a sentence, in its order.

    Args:
        sentence: One sentence.
        language: Its own language; the hints are in the other one.
        tables: Lexicon and names; those that ship with the package if not given.
    """
    reader = ArabicReader if language == "ar" else EnglishReader
    return tuple(reader(sentence, tables or shipped()).hints())


def render(hints: Iterable[Hint]) -> str:
    """The hints as the prompt contains them; ``none`` where there are none."""
    shown = MEANINGS.join(f"{hint.source}={'; '.join(hint.targets)}" for hint in hints)
    return shown or NONE


def in_arabic(phrase: str, tables: Tables | None = None) -> str:
    """An English phrase of names and values alone in Arabic; empty where it has other words.

    Args:
        phrase: A short answer, such as ``Salma Idris`` or ``38 million dinars``.
        tables: As for ``hints_for``.
    """
    reader, pieces, at, end = EnglishReader(phrase, tables or shipped()), [], 0, 0
    while at < len(reader.words):
        word = reader.words[at]
        hint, used = reader.at(at)
        before, end = phrase[end : word.start], reader.words[at + used - 1].end
        if word.key == "the" and used == 1:
            pieces.append(before)
        elif word.key == "and" and used == 1:
            pieces.append(f"{before}و")
        elif hint and (hint.kind == "value" or (word.text[0].isupper() and _is_thing(reader, hint, at))):
            pieces.append((before if pieces[-1:] != [" و"] else before.lstrip()) + hint.targets[0])
        elif not hint and word.key[0].isdigit():
            pieces.append(before + phrase[word.start : end])
        else:
            return ""
        at += used
    return " ".join("".join(pieces).translate(_MARKS).split())


def _is_thing(reader: Reader, hint: Hint, at: int) -> bool:
    """Whether a word with a capital is a name that stands in Arabic where it stands in English."""
    if hint.kind == "name":
        match = reader.gazetteer.match(reader.words, at, "en")
        return not match or all(name.kind not in LOWER_KINDS for name in match.names)
    return reader.lexicon.entry(hint.targets[0]).is_name


class EnglishReader(Reader):
    """Goes through an English sentence, whose names have capitals."""

    language = "en"

    def at(self, at: int) -> Found:
        """The hint at a word, if any, and how many words it takes."""
        return self._name(at) or self.value(at) or self._phrase(at) or self._part(at) or (None, 1)

    def _name(self, at: int) -> Found | None:
        match = self.gazetteer.match(self.words, at, "en")
        if not match or not self._is_meant(at, match):
            return None
        key = tuple(word.key for word in self.words[at : at + match.used])
        lower = self.words[at].text[0].islower()
        ordinary = self.lexicon.arabic(key)[:1] if match.used == 1 and (lower or at == 0) else ()
        targets = [*ordinary, *usual_forms(match, self.words[at].text, "ar")]
        return self.hint(at, match.used, targets, "name"), match.used

    def _is_meant(self, at: int, match: Match) -> bool:
        """Whether words that may be a name are one here, by their capitals."""
        word = self.words[at]
        if match.used == 1 and is_stop(word.key, "en"):
            return len(word.key) > 1 and word.text.replace(".", "").isupper()
        if word.text[0].isupper():
            return True
        inner = self.words[at : at + match.used]
        joined = word.key == "al" and match.used > 1 and inner[1].text[0].isupper()
        return joined or any(name.kind in LOWER_KINDS for name in match.names)

    def _phrase(self, at: int) -> Found | None:
        for size in longest(self.words, at, 3):
            keys = tuple(word.key for word in self.words[at : at + size])
            if size == 1 and is_stop(keys[0], "en"):
                return None
            if targets := self.lexicon.arabic(keys)[:MOST_MEANINGS]:
                return self.hint(at, size, targets, "word"), size
        return None

    def _part(self, at: int) -> Found | None:
        """A part of a person's name."""
        word = self.words[at]
        named = word.text[0].isupper() and not is_stop(word.key, "en")
        spelling = self.gazetteer.part(word.key, "en") if named else ""
        return (self.hint(at, 1, [spelling], "name"), 1) if spelling else None
