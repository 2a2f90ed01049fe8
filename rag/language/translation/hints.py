"""Hints for a translation: a sentence's words with their meanings, its names, numbers and dates.

The packaged model lacks Arabic vocabulary, which a lexicon has. ``hints_for`` looks up a sentence's words in
either direction, and ``render`` writes the hints as the line that the prompts for translation contain:

    أعلنت=announced; declared | الأمم المتحدة=United Nations | الثلاثاء=Tuesday

No language model is used here; names that are in no table are transliterated letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rag.language.calendar_words import DAY_NAMES, LAST_DAY, MONTH_ABBREVIATIONS, MONTH_NAMES, MONTHS
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
from rag.language.translation.values import value_at
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

_MONTH = "|".join(
    [
        *(name for english, _ in MONTHS for name in english.split()),
        *map(str.title, sorted(MONTH_ABBREVIATIONS)),
    ]
)
_BEFORE_DATES = {
    "on": "", "in": "", "by": "بحلول", "until": "حتى", "till": "حتى", "since": "منذ", "before": "قبل",
    "after": "بعد",
}  # fmt: skip
"""Prepositions before a date, in Arabic; empty for those that an answer omits."""
_BEFORE = rf"(?:(?P<before>(?i:{'|'.join(_BEFORE_DATES)})) )"
_WEEKDAY = rf"(?P<weekday>{'|'.join(DAY_NAMES['en'])})"
_DATES = (
    re.compile(
        rf"{_BEFORE}?(?:{_WEEKDAY},? )?(?:(?P<first>\d{{1,2}}) )?(?P<month>{_MONTH})\b\.?"
        r"(?: (?P<second>\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:,? (?P<year>\d{4}))?"
    ),
    re.compile(rf"{_BEFORE}{_WEEKDAY}"),
    re.compile(rf"{_BEFORE}(?P<year>\d{{4}})"),
)
"""Dates with their day or their month first, weekdays and years: Tuesday 3 May 2024, May 3, 2024, by 2024."""
_NAMES = re.compile(r"[^\W\d_]+(?:(?:,? |-)[^\W\d_]+)*")

MEANINGS, NONE = " | ", "none"
"""The separator of hints, and the text of the prompt if there are none."""


def hints_for(sentence: str, language: Language, tables: Tables | None = None) -> tuple[Hint, ...]:
    """The hints for a sentence, in its order.

    Args:
        sentence: One sentence.
        language: The language of the sentence; the hints are in the other one.
        tables: Lexicon and names; by default those that ship with the package.
    """
    reader = ArabicReader if language == "ar" else EnglishReader
    return tuple(reader(sentence, tables or shipped()).hints())


def render(hints: Iterable[Hint]) -> str:
    """The hints as the prompt contains them; ``none`` if there are none."""
    text = MEANINGS.join(f"{hint.source}={'; '.join(hint.targets)}" for hint in hints)
    return text or NONE


def in_arabic(phrase: str) -> str:
    """The Arabic of a short English answer that consists of names, or is a value or a date.

    Args:
        phrase: Such as ``Riyadh and Cairo``, ``38 million dinars`` or ``Tuesday, May 3, 2024``.

    Returns:
        Empty for any other phrase, for a word that may not be a name (Rice, Star), and for digits, which
        are the same in both languages.
    """
    reader = EnglishReader(phrase, shipped())
    if not reader.words:
        return ""
    if date := next(filter(None, (pattern.fullmatch(phrase) for pattern in _DATES)), None):
        return _date(date.groupdict())
    value = value_at(reader.words, 0, phrase, "en")
    if value and value.used == len(reader.words):
        counts = value.kind == "number" and phrase.isalpha() and value.keys != {"1"}  # four, not "one"
        return next(iter(value.targets), next(iter(value.keys)) if counts else "")
    if not _NAMES.fullmatch(phrase):
        return ""
    names: list[str] = []
    at = end = 0
    while at < len(reader.words):
        word = reader.words[at]
        listed = "," in phrase[end : word.start]
        joined = "و" if word.key == "and" and names else ""
        at += bool(joined)
        name, used = reader.name(at) if at < len(reader.words) else ("", 0)
        if not name and at + 1 < len(reader.words) and reader.words[at].key == "the":
            at += 1
            name, used = reader.name(at)
        if not name:
            return ""
        if names:
            names.append(f" {joined}" if joined else "، " if listed else " ")
        names.append(name)
        at += used
        end = reader.words[at - 1].end
    return "".join(names)


def _date(date: Mapping[str, str | None]) -> str:
    """A date as Arabic newspapers write it: the day first."""
    days = [day for day in (date.get("first"), date.get("second")) if day]
    if len(days) > 1:
        return ""
    weekday, month, year = (date.get(part) or "" for part in ("weekday", "month", "year"))
    if days and not 0 < int(days[0]) <= LAST_DAY:
        return ""
    months = zip(MONTH_NAMES["en"], MONTH_NAMES["ar"], strict=True)
    parts = (
        _BEFORE_DATES[(date["before"] or "on").lower()],
        DAY_NAMES["ar"][DAY_NAMES["en"].index(weekday)] if weekday else "",
        *days,
        next((arabic for name, arabic in months if name[:3] == month[:3]), "عام" if year else ""),
        year,
    )
    return " ".join(filter(None, parts))


class EnglishReader(Reader):
    """Reads the hints of an English sentence, whose names are capitalised."""

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

    def is_ordinary(self, key: str) -> bool:
        """Whether the lexicon has a word that is not a name."""
        meanings = map(self.lexicon.entry, self.lexicon.arabic((key,)))
        return any(entry.meanings and not entry.is_name for entry in meanings)

    def name(self, at: int) -> tuple[str, int]:
        """The Arabic of a name at a word and how many words it takes; empty if no name begins there.

        Titles and nationalities do not count: in Arabic they have another position.
        """
        match, word = self.gazetteer.match(self.words, at, "en"), self.words[at]
        ordinary = self.is_ordinary(word.key)
        if match and self._is_meant(at, match):
            excluded = any(name.kind in LOWER_KINDS for name in match.names)
            excluded |= match.used == 1 and ordinary and all(name.kind != "place" for name in match.names)
            return ("", 0) if excluded else (usual_forms(match, word.text, "ar")[0], match.used)
        if not word.text[0].isupper() or ordinary:
            return "", 0
        known = [self.gazetteer.part(word.key, "en"), *self.lexicon.arabic((word.key,))[:1]]
        for arabic in filter(None, known):
            entry = self.lexicon.entry(arabic)
            if arabic == known[0] or (entry.is_name and entry.meanings[0].casefold() == word.text.casefold()):
                return arabic, 1
        return "", 0

    def _is_meant(self, at: int, match: Match) -> bool:
        """Whether words that may be a name are one here, judging by their capitals."""
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
