"""Hints for a translation: the words of a sentence with their meanings, its names, numbers and dates.

The packaged model lacks Arabic vocabulary, a lexicon has it. ``Hints.of`` looks a sentence's words up, in
either direction, and ``render`` writes what was found as the line that prompts/translate.txt contains:

    أعلنت=announced; declared | الأمم المتحدة=United Nations | الثلاثاء=Tuesday

Nothing here is decided by a model. Lexicon and names are read from the folders that are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from rag.language.text import fold
from train import hint_tables as tables

Kind = Literal["word", "name", "value"]
Entry = tuple[str, tuple[str, ...]]
"""A folded Arabic word and its English equivalents."""
Span = tuple[int, int]

MOST_MEANINGS = 3
"""Equivalents of a word at most: with more, none of them helps."""
LONGEST = 8
"""Words of a name at most."""
LEAST = 3
"""Letters that stripping may leave of an Arabic word."""
MEANINGS, NONE = " | ", "none"
"""Between two hints, and what the prompt says without any."""

_WORD = re.compile(r"[\w\u064b-\u0652\u0670\u0640]+(?:['’.-][\w\u064b-\u0652\u0670\u0640]+)*")
_ARABIC = re.compile(r"[\u0621-\u064a]")
_DOTTED = re.compile(r"(?:[a-z]\.)+[a-z]\.?")
"""Letters with points between them, as in U.S."""
_LOWER_KINDS = ("title", "nationality")
"""Kinds of names that English may write without a capital."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of one word or phrase."""

    source: str
    """As in the sentence."""
    targets: tuple[str, ...]
    """Equivalents in the other language, best first."""
    kind: Kind
    start: int
    """Its first character in the sentence."""


@dataclass(slots=True)
class Hints:
    """Lexicon, names and tables, ready to be asked."""

    words: dict[str, list[str]] = field(default_factory=dict)
    """Folded Arabic word → English equivalents."""
    stems: dict[str, list[Entry]] = field(default_factory=dict)
    """Snowball's stem → its entries."""
    arabic_names: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    english_names: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    lower_names: set[tuple[str, ...]] = field(default_factory=set)
    """English names that need no capital."""
    exact: dict[tuple[str, ...], list[tuple[int, str]]] = field(default_factory=dict)
    """English words → Arabic words with their cost, least first."""
    loose: dict[tuple[str, ...], list[tuple[int, str]]] = field(default_factory=dict)
    """The same by English stems."""

    def of(self, sentence: str, language: str) -> list[Hint]:
        """The hints for a sentence, in its order.

        Args:
            sentence: One sentence.
            language: Its own, ``ar`` or ``en``.
        """
        return self._arabic(sentence) if language == "ar" else self._english(sentence)

    # Arabic to English

    def _arabic(self, sentence: str) -> list[Hint]:
        spans = [(m.start(), m.end()) for m in _WORD.finditer(sentence)]
        words = [fold(sentence[a:b]) for a, b in spans]
        hints: list[Hint] = []
        at = 0
        while at < len(words):
            for look in (self._arabic_name, self._arabic_value, self._arabic_word):
                found = look(sentence, spans, words, at)
                if found:
                    hint, used = found
                    if hint:
                        hints.append(hint)
                    at += used
                    break
            else:
                at += 1
        return hints

    def _arabic_name(
        self, sentence: str, spans: list[Span], words: list[str], at: int
    ) -> tuple[Hint | None, int] | None:
        for size in range(min(LONGEST, len(words) - at), 0, -1):
            rest = words[at + 1 : at + size]
            for first in _unprefixed(words[at]):
                names = self.arabic_names.get((first, *rest))
                if not names:
                    continue
                start, end = spans[at][0], spans[at + size - 1][1]
                if size > 1:
                    return Hint(sentence[start:end], tuple(names[:2]), "name", start), size
                ordinary = () if first != words[at] else tuple(self._meanings(words[at]))
                if first != words[at] and (len(first) < LEAST + 1 or self._meanings(words[at])):
                    continue
                if words[at] in tables.ARABIC_VALUES or words[at] in tables.ARABIC_STOP:
                    continue
                targets = tuple(dict.fromkeys((*ordinary, names[0])))[: MOST_MEANINGS + 1]
                return Hint(sentence[start:end], targets, "word" if ordinary else "name", start), 1
        return None

    def _arabic_value(
        self, sentence: str, spans: list[Span], words: list[str], at: int
    ) -> tuple[Hint | None, int] | None:
        pair = words[at : at + 2]
        for size in (2, 1):
            for first in _unprefixed(pair[0]):
                key = " ".join((first, *pair[1:size]))
                value = tables.ARABIC_VALUES.get(key) if len(pair) >= size else None
                start, end = spans[at][0], spans[at + size - 1][1] if len(pair) >= size else spans[at][1]
                if value and tables.is_meant(key, sentence[start:end]):
                    return Hint(sentence[start:end], (value,), "value", start), size
        size, text = tables.arabic_number(words[at:])
        if size:
            start, end = spans[at][0], spans[at + size - 1][1]
            return Hint(sentence[start:end], (text,), "value", start), size
        return None

    def _arabic_word(
        self, sentence: str, spans: list[Span], words: list[str], at: int
    ) -> tuple[Hint | None, int] | None:
        word = words[at]
        if not _ARABIC.search(word) or word in tables.ARABIC_STOP or len(word) < 2:
            return None, 1
        meanings = self._meanings(word)
        if not meanings:
            return None, 1
        start, end = spans[at]
        return Hint(sentence[start:end], tuple(meanings[:MOST_MEANINGS]), "word", start), 1

    def meanings(self, word: str) -> list[str]:
        """English equivalents of an Arabic word; empty where there is no entry."""
        return self._meanings(fold(word))

    def _meanings(self, word: str) -> list[str]:
        if word in self.words:
            return self.words[word]
        bare = _unprefixed(word)
        for first in bare:
            if first in self.words:
                return self.words[first]
        for first in bare:
            for last in _unsuffixed(first):
                if last in self.words:
                    return self.words[last]
        return self._by_stem(bare)

    def _by_stem(self, forms: list[str]) -> list[str]:
        best: tuple[float, list[str]] = (0.0, [])
        for form in forms:
            for entry, meanings in self.stems.get(stem(form), ()):
                likeness = SequenceMatcher(None, form, entry).ratio()
                if likeness > best[0]:
                    best = (likeness, list(meanings))
        return best[1]

    # English to Arabic

    def _english(self, sentence: str) -> list[Hint]:
        spans = [(m.start(), m.end()) for m in _WORD.finditer(sentence)]
        words = [_english_key(sentence[a:b]) for a, b in spans]
        hints: list[Hint] = []
        at = 0
        while at < len(words):
            hint, used = self._english_at(sentence, spans, words, at)
            if hint:
                hints.append(hint)
            at += used
        return hints

    def _english_at(
        self, sentence: str, spans: list[Span], words: list[str], at: int
    ) -> tuple[Hint | None, int]:
        start = spans[at][0]
        for size in range(min(LONGEST, len(words) - at), 0, -1):
            key = tuple(words[at : at + size])
            names = self.english_names.get(key)
            shown = sentence[start : spans[at + size - 1][1]]
            if names and self._is_name(key, shown):
                ordinary = [arabic for _, arabic in self.exact.get(key, ())[:1]] if size == 1 else []
                return Hint(shown, tuple(dict.fromkeys((*ordinary, *names[:2]))), "name", start), size
        value = tables.ENGLISH_VALUES.get(words[at])
        if value and (sentence[start].isupper() or words[at] not in tables.CAPITALS):
            return Hint(sentence[slice(*spans[at])], value, "value", start), 1
        for size in range(min(3, len(words) - at), 0, -1):
            key = tuple(words[at : at + size])
            if size == 1 and key[0] in tables.ENGLISH_STOP:
                break
            found = self.exact.get(key, ())
            if len(found) < MOST_MEANINGS and size == 1:
                found = [*found, *self.loose.get((english_stem(key[0]),), ())]
            targets = tuple(dict.fromkeys(arabic for _, arabic in found))[:MOST_MEANINGS]
            if targets:
                return Hint(sentence[start : spans[at + size - 1][1]], targets, "word", start), size
        return None, 1

    def _is_name(self, key: tuple[str, ...], shown: str) -> bool:
        if len(key) == 1 and key[0] in tables.ENGLISH_STOP:
            return len(shown) > 1 and shown.replace(".", "").isupper()
        return shown[0].isupper() or key in self.lower_names


def render(hints: Iterable[Hint]) -> str:
    """The hints as the prompt contains them; ``none`` where there are none."""
    shown = MEANINGS.join(f"{hint.source}={'; '.join(hint.targets)}" for hint in hints)
    return shown or NONE


def load(lexicon: Path, names: Path) -> Hints:
    """Read lexicon and names.

    Args:
        lexicon: A folder of ``*.tsv``: stem, TAB, ``word=meaning; meaning | word=…``; ``^`` before a name.
        names: A folder with names.tsv (kind, English, Arabic, variants of both), cldr.tsv and countries.tsv.
    """
    found = Hints()
    _read_lexicon(found, sorted(lexicon.glob("*.tsv")))
    for kind, english, arabic in name_rows(names):
        _add_name(found, kind, english, arabic)
    for ranked in (found.exact, found.loose):
        for options in ranked.values():
            options.sort(key=lambda option: option[0])
    return found


def _read_lexicon(found: Hints, files: Sequence[Path]) -> None:
    rank = 0
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            key, _, entries = line.partition("\t")
            rank += 1
            for entry in entries.split(" | "):
                word, equals, text = entry.partition("=")
                meanings = [m.strip().lstrip("^").strip() for m in text.split(";")] if equals else []
                meanings = [m for m in meanings if m and m != "-"]
                if meanings:
                    _add_word(found, key, word.strip(), meanings, rank)


def _add_word(found: Hints, key: str, word: str, meanings: list[str], rank: int) -> None:
    folded = fold(word)
    known = found.words.setdefault(folded, [])
    known += [m for m in meanings if m not in known]
    found.stems.setdefault(key, []).append((folded, tuple(meanings)))
    for place, meaning in enumerate(meanings):
        english = tuple(w for w in map(_english_key, _WORD.findall(meaning)) if w not in ("to", "the", "a"))
        if english and len(english) <= 3:
            cost = 4000 * place + rank
            found.exact.setdefault(english, []).append((cost, word))
            if len(english) == 1:
                found.loose.setdefault((english_stem(english[0]),), []).append((cost, word))


def name_rows(folder: Path) -> Iterable[tuple[str, list[str], list[str]]]:
    """The rows of the tables of names: kind, English forms and Arabic forms, the usual one first."""
    for line in (folder / "names.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        kind, english, arabic, more_english, more_arabic = [*line.split("\t"), "", ""][:5]
        yield (
            kind,
            [english, *filter(None, more_english.split("|"))],
            [
                arabic,
                *filter(None, more_arabic.split("|")),
            ],
        )
    for line in (folder / "countries.tsv").read_text(encoding="utf-8").splitlines():
        english, arabic, *_ = line.split("\t")
        yield "place", [english], [arabic]
    for line in (folder / "cldr.tsv").read_text(encoding="utf-8").splitlines():
        kind, _, english, arabic = line.split("\t")
        if kind in ("territory", "city"):
            yield "place", [english], [arabic]


def _add_name(found: Hints, kind: str, english: list[str], arabic: list[str]) -> None:
    for form in arabic:
        key = tuple(fold(form).split())
        known = found.arabic_names.setdefault(key, []) if key else []
        if english[0] not in known:
            known.append(english[0])
    for form in english:
        key = tuple(map(_english_key, _WORD.findall(form)))
        if kind == "media" and key[0] == "the":  # The National: as often an article and an adjective
            continue
        known = found.english_names.setdefault(key, []) if key else []
        if arabic[0] not in known:
            known.append(arabic[0])
        if kind in _LOWER_KINDS:
            found.lower_names.add(key)
    if kind == "person":
        _add_surname(found, english[0], arabic[0])


def _add_surname(found: Hints, english: str, arabic: str) -> None:
    """A person's last name alone, where it is no ordinary word."""
    own, other = fold(arabic).split(), english.split()
    if len(own) < 2 or len(other) < 2 or len(own[-1]) < LEAST + 1:
        return
    if own[-1] not in found.words and (own[-1],) not in found.arabic_names:
        found.arabic_names[(own[-1],)] = [other[-1].removeprefix("al-").removeprefix("Al-")]
    key = (_english_key(other[-1]),)
    if key not in found.english_names and key not in found.exact:
        found.english_names[key] = [arabic.split()[-1]]


def _english_key(word: str) -> str:
    folded = word.lower().replace("’", "'").removesuffix("'s")
    return folded.replace(".", "") if _DOTTED.fullmatch(folded) else folded


@lru_cache(maxsize=200_000)
def _unprefixed(word: str) -> list[str]:
    """A folded word, and what is left of it without attached particles, least stripped first."""
    found = [word]
    for prefix, instead in tables.PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= LEAST - len(instead):
            found.append(instead + word[len(prefix) :])
    return list(dict.fromkeys(found))


def _unsuffixed(word: str) -> list[str]:
    """What is left of a folded word without pronouns and endings, and its feminine form."""
    found = []
    for suffix, instead in tables.SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= LEAST - 1:
            found += [word[: -len(suffix)] + form for form in instead]
    return found


@lru_cache(maxsize=1)
def _stemmers() -> tuple[Any, Any]:
    import Stemmer

    return Stemmer.Stemmer("arabic", 0), Stemmer.Stemmer("english", 0)


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Snowball's stem of an Arabic word whose letters are folded."""
    found: str = _stemmers()[0].stemWord(word)
    return found


@lru_cache(maxsize=200_000)
def english_stem(word: str) -> str:
    """Snowball's stem of an English word."""
    found: str = _stemmers()[1].stemWord(word)
    return found
