"""Names that are known in both languages: people, places, organisations, titles, nationalities and others.

From data/names.tsv and data/cldr.tsv. The longest run of folded words that is a name matches, so hamzas,
hyphens, accents and apostrophes make no difference; an Arabic name also matches behind attached particles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rag.language.translation import data_folder
from rag.language.translation.words import LEAST, Word, keys_of, longest, name_readings
from rag.records import Language

LONGEST = 8
"""Most words of a name."""
LOWER_KINDS = frozenset(["title", "nationality"])
"""Kinds of names that do not name a single thing; English writes titles in lower case."""
PEOPLE, NATIONALITY = "person", "nationality"

PARTS = ("given", "surname")
"""Kinds of names that are only parts of people's names."""
BODIES = ("organisation", "armed_group", "base", "company")
"""Kinds of names whose Arabic ends with their nationality."""

_SOUNDS = str.maketrans("غقگچڤپ", "ججججفب")
"""Letters for g, ch, v and p, which Arabic lacks, as another letter that newspapers write for them."""

_CLDR_KINDS = {"territory": "place", "city": "place", "language": "language"}
_ARTICLES = ("al-", "Al-", "el-", "El-", "al ", "Al ", "ash-", "as-", "an-", "ar-", "at-")
_NO_NAMES = ("XA", "XB", "UN")
"""CLDR codes that are test data, or that names.tsv contains with another kind."""
_LANGUAGE = "اللغة"
_WORLD = "world.tsv"


@dataclass(frozen=True, slots=True)
class Name:
    """A name in both languages."""

    kind: str
    english: tuple[str, ...]
    """Its spellings, the usual one first."""
    arabic: tuple[str, ...]
    parts: bool = True
    """Whether the words of a person's name are names by themselves too."""

    def forms(self, language: Language) -> tuple[str, ...]:
        """Its spellings in a language, the usual one first."""
        return self.english if language == "en" else self.arabic


@dataclass(frozen=True, slots=True)
class Match:
    """A name found in a sentence."""

    used: int
    """How many words of the sentence it covers."""
    names: tuple[Name, ...]
    """The names with this spelling; several where spellings coincide."""
    bare: bool
    """Whether no particle is attached to it."""


class Gazetteer:
    """The tables of names, for look-ups in both directions.

    Args:
        rows: Names; of those that share a form, the first is the usual one.
    """

    def __init__(self, rows: Iterable[Name]) -> None:
        self.names = tuple(rows)
        self._by: dict[Language, dict[tuple[str, ...], list[Name]]] = {}
        self._parts: dict[Language, dict[str, str]] = {}
        self._loose: dict[tuple[str, ...], list[Name]] = {}

    def _index(self, language: Language) -> dict[tuple[str, ...], list[Name]]:
        """The names by their folded words in a language; built at its first use."""
        if language not in self._by:
            table: dict[tuple[str, ...], list[Name]] = {}
            for name in self.names:
                for form in name.forms(language) if name.kind not in PARTS else ():
                    keys = keys_of(form)
                    # "The National" is as often an article and an adjective.
                    if not keys or (name.kind == "media" and language == "en" and keys[0] == "the"):
                        continue
                    known = table.setdefault(keys, [])
                    if not known or known[-1] is not name:
                        known.append(name)
            if language == "ar":
                for keys, short in self._without_nationality().items():
                    table.setdefault(keys, short)
            self._by[language] = table
        return self._by[language]

    def _foreign(self, *keys: str) -> list[Name]:
        """The names of folded Arabic words that newspapers spell with other letters for foreign sounds."""
        if not self._loose:
            for known, names in self._index("ar").items():
                self._loose.setdefault(_foreign(known), names)
        return self._loose.get(_foreign(keys), []) if len("".join(keys)) > LEAST + 1 else []

    def _without_nationality(self) -> dict[tuple[str, ...], list[Name]]:
        """Names of bodies by their Arabic words without the nationality at the end: القيادة المركزية.

        Only where all names with the shorter form have one English name; many countries have وزارة الخارجية.
        """
        adjectives: dict[str, set[str]] = {}
        for name in self.names:
            for english in name.english if name.kind == NATIONALITY else ():
                adjectives.setdefault(english, set()).update(
                    key for form in name.arabic for key in keys_of(form)
                )
        adjectives["US"] = adjectives.get("American", set())
        shorter: dict[tuple[str, ...], list[Name]] = {}
        for name in self.names:
            people, _, rest = name.english[0].partition(" ")
            keys = keys_of(name.arabic[0])
            if (
                name.kind in BODIES
                and len(keys) > 2
                and keys[-1].removeprefix("ال") in adjectives.get(people, ())
            ):
                shorter.setdefault(keys[:-1], []).append(Name(name.kind, (rest,), (" ".join(keys[:-1]),)))
        return {keys: names for keys, names in shorter.items() if len({n.english[0] for n in names}) == 1}

    def match(self, words: Sequence[Word], at: int, language: Language, most: int = LONGEST) -> Match | None:
        """The longest name that begins at a word; None if none does.

        Args:
            words: Of the sentence.
            at: Index of the word.
            language: Of the sentence.
            most: Most words of the name.
        """
        first, table = words[at].key, self._index(language)
        firsts = name_readings(words[at].text, first) if language == "ar" else (first,)
        # وبي بي سي: a short first word may lose its particle, unless it is the whole name.
        shorter = (first[1:],) if language == "ar" and len(first) <= LEAST and first[0] in "وفبلك" else ()
        for size in longest(words, at, most):
            rest = tuple(word.key for word in words[at + 1 : at + size])
            for form in (*firsts, *shorter) if size > 1 else firsts:
                names = table.get((form, *rest))
                if not names and language == "ar" and (foreign := self._foreign(form, *rest)):
                    return Match(size, tuple(foreign), bare=False)
                if names and (form == first or size > 1 or len(form) > LEAST):
                    return Match(size, _ordered(names, first != form), form == first)
        return None

    def part(self, key: str, language: Language) -> str:
        """The usual spelling in the other language of a part of people's names; empty where unknown.

        Args:
            key: A folded given name or surname, an Arabic one without its article.
            language: Its own.
        """
        if not self._parts:
            self._parts = _parts_of_people(self.names)
        return self._parts[language].get(key, "")


def _foreign(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Folded words with one letter for each foreign sound that newspapers write with several: غوغل, جوجل."""
    return tuple(key.translate(_SOUNDS) for key in keys)


def _ordered(names: list[Name], attached: bool) -> tuple[Name, ...]:
    """Names that share a form, the country before its people (تشيلي) unless an article precedes (التشيلي)."""
    return tuple(names if attached else sorted(names, key=lambda name: name.kind == NATIONALITY))


def _parts_of_people(names: Iterable[Name]) -> dict[Language, dict[str, str]]:
    """Given names and surnames with their most frequent equivalent, from names of equal length in both."""
    seen: dict[Language, dict[str, Counter[str]]] = {"en": {}, "ar": {}}
    for name in names:
        if name.kind not in (PEOPLE, *PARTS) or not name.parts:
            continue
        for form in name.arabic if name.kind in PARTS else name.arabic[:1]:
            for english, arabic in aligned(Name(name.kind, name.english, (form,))):
                key = "".join(keys_of(arabic))
                bare = key.removeprefix("ال") if arabic.startswith("ال") else key
                seen["ar"].setdefault(bare, Counter())[english] += 1
                seen["en"].setdefault(keys_of(english)[-1], Counter())[arabic] += 1
    return {
        language: {key: counts.most_common(1)[0][0] for key, counts in table.items()}
        for language, table in seen.items()
    }


def aligned(name: Name) -> Iterator[tuple[str, str]]:
    """Pairs of words of a name that correspond, English without its article: Sinwar and السنوار."""
    english, arabic = name.english[0].split(), name.arabic[0].split()
    if len(english) != len(arabic):
        return
    for word, equivalent in zip(english, arabic, strict=True):
        bare = next((word[len(article) :] for article in _ARTICLES if word.startswith(article)), word)
        if bare and "-" not in bare and keys_of(bare) and keys_of(equivalent):
            yield bare, equivalent


def _rows(folder: Path) -> Iterator[Name]:
    """The names of all tables; of names that share a form, the first is the usual one."""
    for file, header in (("spellings.tsv", 0), ("names.tsv", 1), ("english.tsv", 0), (_WORLD, 0)):
        for line in (folder / file).read_text(encoding="utf-8").splitlines()[header:]:
            kind, english, arabic, more_english, more_arabic = [*line.split("\t"), "", ""][:5]
            spellings = (english, *filter(None, more_english.split("|")))
            forms = (arabic, *filter(None, more_arabic.split("|")))
            # Curry and Korean are one word in Arabic; parts of these names that occur alone have rows.
            yield Name(kind, spellings, forms, parts=file != _WORLD or kind != PEOPLE)
    for line in (folder / "cldr.tsv").read_text(encoding="utf-8").splitlines():
        kind, code, english, arabic = line.split("\t")
        plain = english[0].isupper() and not set(english) & set("(&") and " SAR " not in english
        if kind in _CLDR_KINDS and plain and code not in _NO_NAMES:
            forms = (arabic, f"{_LANGUAGE} {arabic}") if kind == "language" else (arabic,)
            yield Name(_CLDR_KINDS[kind], (english,), forms)


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """The names that ship with the package."""
    return Gazetteer(_rows(data_folder()))
