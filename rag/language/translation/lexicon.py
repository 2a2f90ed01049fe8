"""Arabic words with their English meanings, and the reverse, from data/lexicon.tsv.

A word is looked up as written, then without particles, without pronouns and endings, and last by its stem.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

from rag.language.terms import stem
from rag.language.text import fold
from rag.language.translation import data_folder
from rag.language.translation.words import HAMZAS, LEAST, MARKS, TANWIN, keys_of, readings, unsuffixed

LEAST_LIKE = 0.7
"""Least similarity to a word of the same stem for its meanings to be used; 0 to 1."""
LONGEST = 3
"""Most words of an English meaning that an Arabic word is indexed by."""
_NAME = "^"
"""Begins a meaning that is a name."""
_LEADING = ("to", "the", "a", "an", "be")

_COUNT = re.compile(r"#\d+")
_UNSEEN = 100_000
"""More than there are entries: meanings never seen in translations come last, in the lexicon's order."""
_MARKS = re.compile(f"[{MARKS}]")
_ALEFS = frozenset("اأإآ")
_DUALS = ("تين", "تان")
_SUBJECTS = ("ي", "ت", "ن")
"""First letters of verbs in the present; ن is "we"."""
_ELATIVES = ("most ", "more ")
"""Beginnings of the meanings of words such as أنجح, which are not verbs."""
_WITH_ALEF = re.compile("ا(?:ن|\\wت|ت|د|ط|زد|صط|ضط)\\w\\w")
"""The beginning of a folded past verb of form VII, VIII or X; its present form lacks the alef."""

_IRREGULAR = {
    "was": "is", "were": "are", "had": "has", "could": "can", "became": "becomes", "bought": "buys",
    "broke": "breaks", "caught": "catches", "chose": "chooses", "cut": "cuts", "drew": "draws",
    "fell": "falls", "gave": "gives", "heard": "hears", "hid": "hides", "kept": "keeps", "met": "meets",
    "rose": "rises", "said": "says", "set": "sets", "sought": "seeks", "split": "splits",
    "spread": "spreads", "swept": "sweeps", "thought": "thinks", "threw": "throws", "took": "takes",
    "understood": "understands", "undertook": "undertakes", "withdrew": "withdraws", "woke": "wakes",
    "won": "wins", "wore": "wears", "convened": "convenes",
}  # fmt: skip
"""Present by past form, of English verbs that translate Arabic verbs of the forms VII and VIII."""
_SILENT_E = re.compile("(?:[cgsuvz]|[^aeiou][aiou]d)$")
"""The end of a verb before "ed" whose infinitive ends in "e": organised, exploded."""
_THIRD_PERSON = re.compile(
    "(?<=[^aeiou])ies\\b|(?<=ss|sh|ch|zz)es\\b|(?<=cus)es\\b|(?<=[xo])es\\b|(?<=[^sui])s\\b"
)
"""The ending of the third person."""
_INFINITIVES = {"is": "be", "are": "be", "has": "have"}

Options = list[tuple[int, str]]
"""Arabic words with their cost, the lowest first."""
Sense = tuple[str, tuple[str, ...], bool]
"""A word as written, its meanings, and whether it is a name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The lexicon's entry for a word."""

    meanings: tuple[str, ...]
    """The usual one first."""
    is_name: bool
    is_dual: bool
    """Whether the word is the dual of the lexicon's word."""
    exact: bool
    """Whether the word itself has an entry, not only its form without particles or endings."""
    guessed: bool
    """Whether its meanings are those of another word with the same stem or another ending."""


NO_ENTRY = Entry((), is_name=False, is_dual=False, exact=False, guessed=False)


def _merged(senses: Sequence[Sense], form: str, first: str, key: str) -> Entry:
    """One entry for senses that are spelled alike.

    Args:
        senses: At least one.
        form: Their folded word.
        first: The word before its ending was removed; empty if none was.
        key: The whole word, folded.
    """
    if form != key:
        senses = sorted(senses, key=lambda sense: sense[2])
    meanings = tuple(dict.fromkeys(meaning for _, targets, _ in senses for meaning in targets))
    ending = first[len(form.rstrip("ه")) :] if first else ""
    is_dual = ending in _DUALS or (ending == "ان" and first == f"{form}ان" and len(form) > LEAST)
    is_dual = is_dual and first[0] not in "يت"
    return Entry(meanings, senses[0][2], is_dual, exact=form == key, guessed=not key or bool(first))


def _agree(text: str, written: str) -> bool:
    """Whether a text may mean a word of the lexicon, by letters that folding makes alike: الأم is not آلام.

    A text without the hamza may mean any of them; with the hamza, only a word that is written with it.
    """
    for letter, lexicon_letter in zip(text, written, strict=False):
        if letter != lexicon_letter:
            if letter in HAMZAS and lexicon_letter in _ALEFS:
                return False
            if (letter, lexicon_letter) in (("ي", "ى"), ("ة", "ه")):
                return False
    return True


class Lexicon:
    """The lexicon, for look-ups in both directions.

    Args:
        file: Lines of a Snowball stem, TAB, and ``word=meaning; meaning`` separated by `` | ``; ``^`` begins
            a meaning that is a name, and ``#`` and a number after one says in percent how often the two
            occur together in translations. The most frequent stems come first.
        phrases: Lines of a phrase or word, TAB, and its meanings, which come before those of the first file;
            those of a later file come before those of an earlier one.
    """

    def __init__(self, file: Path, *phrases: Path) -> None:
        self._words: dict[str, list[Sense]] = {}
        self._phrases: dict[tuple[str, ...], tuple[str, tuple[str, ...]]] = {}
        self._stems: dict[str, list[str]] = {}
        self._english: tuple[dict[tuple[str, ...], Options], dict[str, Options]] | None = None
        self._file = file
        for line in _COUNT.sub("", file.read_text(encoding="utf-8")).splitlines():
            key, _, entries = line.partition("\t")
            for entry in entries.split(" | "):
                word, _, text = entry.partition("=")
                folded = fold(word)
                sense = word, tuple(text.replace(_NAME, "").split("; ")), text.startswith(_NAME)
                self._words.setdefault(folded, []).append(sense)
                self._stems.setdefault(key, []).append(folded)
        for path in phrases:
            self._read_phrases(path)

    def extended(self, phrases: Path) -> Lexicon:
        """A lexicon with one more file of phrases, which shares everything else with this one."""
        extended = copy(self)
        extended._words, extended._phrases, extended._english = dict(self._words), dict(self._phrases), None
        extended._read_phrases(phrases)
        return extended

    def _read_phrases(self, path: Path) -> None:
        for line in path.read_text(encoding="utf-8").splitlines():
            phrase, _, text = line.partition("\t")
            keys, meanings = keys_of(phrase), tuple(text.split("; "))
            self._phrases[keys] = phrase, meanings
            if len(keys) == 1:
                self._words[keys[0]] = [(phrase, meanings, False), *self._words.get(keys[0], ())]

    def all_meanings(self) -> Iterator[tuple[str, ...]]:
        """The meanings of every word."""
        return (sense[1] for senses in self._words.values() for sense in senses)

    def phrase(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """English meanings of an Arabic phrase of several folded words; empty where there is no entry."""
        return self._phrases.get(keys, ("", ()))[1] if len(keys) > 1 else ()

    def meanings(self, word: str) -> tuple[str, ...]:
        """English meanings of an Arabic word as written, the usual one first; empty without an entry."""
        return self.entry(word).meanings

    def entry(self, word: str) -> Entry:
        """The lexicon's entry for an Arabic word as written."""
        entry = self._entry(word)
        if not entry.is_name or TANWIN not in word:
            return entry
        bare = _MARKS.sub("", word)
        people = self._entry(bare[:-1]) if bare.endswith("يا") else NO_ENTRY  # سورياً: Syrian, not Syria
        if people.meanings:
            return people
        ordinary = tuple(meaning for meaning in entry.meanings if not meaning[0].isupper())
        return replace(entry, meanings=ordinary, is_name=False) if ordinary else entry

    @lru_cache(maxsize=100_000)  # noqa: B019  (one lexicon lives as long as the process)
    def _entry(self, word: str) -> Entry:
        written = _MARKS.sub("", word)
        key = fold(word)
        bare = readings(written, key)
        forms = [(form, "") for form in bare]
        forms += [(last, first) for first in bare for last in unsuffixed(first)]
        for strict in (True, False):
            for form, first in forms:
                senses = self._words.get(form, ())
                if strict and len(written) == len(key):
                    tail = written[len(key) - len(first or form) :]
                    senses = [sense for sense in senses if _agree(tail, sense[0])]
                if form != key:  # names take no pronouns, and short ones begin with too many letters
                    senses = [sense for sense in senses if not sense[2] or (not first and len(form) > LEAST)]
                if senses:
                    return _merged(senses, form, first, key)
        by_stem = self._by_stem(bare)
        return by_stem if by_stem.meanings else self._in_present([form for form, _ in forms])

    def _in_present(self, forms: Sequence[str]) -> Entry:
        """The entry of a verb in the present whose past has one and begins with an alef: ينسحب, of انسحب."""
        for form in forms:
            past, we = f"ا{form[1:]}", form.startswith("ن")
            if not form.startswith(_SUBJECTS) or not _WITH_ALEF.match(past):
                continue
            senses = (sense for sense in self._words.get(past, ()) if sense[0][0] == "ا" and not sense[2])
            verbs = (meaning.removeprefix("I ") for sense in senses for meaning in sense[1])
            present_verbs = [
                present(verb, self._english_words())
                for verb in verbs
                if not verb.startswith(_ELATIVES) and not (we and verb.startswith("was "))
            ]
            if present_verbs:
                meanings = dict.fromkeys(f"we {infinitive(verb)}" if we else verb for verb in present_verbs)
                return replace(NO_ENTRY, meanings=tuple(meanings))
        return NO_ENTRY

    @lru_cache(maxsize=2)  # noqa: B019  (likewise)
    def _english_words(self) -> frozenset[str]:
        return frozenset(
            word for meanings in self.all_meanings() for meaning in meanings for word in meaning.split()
        )

    def _by_stem(self, forms: Sequence[str]) -> Entry:
        best, likest = "", LEAST_LIKE
        for form in forms:
            for entry in self._stems.get(stem(form, "ar"), ()):
                likeness = SequenceMatcher(None, form, entry).ratio()
                if likeness > likest:
                    best, likest = entry, likeness
        senses = [sense for sense in self._words.get(best, ()) if not sense[2]]
        return _merged(senses, best, "", "") if senses else NO_ENTRY

    def arabic(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Arabic words for an English word or phrase, the usual one first; by stem only for one word."""
        exact, by_stem = self._reversed()
        candidates = exact.get(keys, [])
        if len(keys) == 1 and len(candidates) < LONGEST:
            candidates = [*candidates, *by_stem.get(stem(keys[0], "en"), [])]
        return tuple(dict.fromkeys(arabic for _, arabic in candidates))

    def _reversed(self) -> tuple[dict[tuple[str, ...], Options], dict[str, Options]]:
        """The lexicon by English words, and by stems of single words; built at its first use."""
        if self._english is None:
            exact: dict[tuple[str, ...], Options] = {}
            by_stem: dict[str, Options] = {}
            text = self._file.read_text(encoding="utf-8")
            entries = (entry for line in text.splitlines() for entry in line.partition("\t")[2].split(" | "))
            for rank, entry in enumerate(entries):
                word, _, meanings = entry.partition("=")
                for place, meaning_with_count in enumerate(meanings.split("; ")):
                    meaning, _, percent = meaning_with_count.lstrip(_NAME).partition("#")
                    keys = _english_keys(meaning)
                    cost = _UNSEEN * (place + 1) + rank if not percent else -int(percent)
                    if 0 < len(keys) <= LONGEST:
                        exact.setdefault(keys, []).append((cost, word))
                    if len(keys) == 1:
                        by_stem.setdefault(stem(keys[0], "en"), []).append((cost, word))
            for phrase, equivalents in self._phrases.values():
                for place, equivalent in enumerate(equivalents):
                    if keys := _english_keys(equivalent):
                        exact.setdefault(keys, []).append((place - 50, phrase))
            for options in (*exact.values(), *by_stem.values()):
                options.sort(key=lambda option: option[0])
            self._english = exact, by_stem
        return self._english


def present(meaning: str, known: Container[str]) -> str:
    """The present of a verb: "withdrew from" becomes "withdraws from"; an unrecognised past is unchanged.

    Args:
        meaning: A verb in the past, perhaps with other words after it.
        known: Existing words: the present of "stopped" may be "stopps" or "stops".
    """
    first, space, rest = meaning.partition(" ")
    if meaning == "used to":
        return "is used to"
    verb = _IRREGULAR.get(first, "")
    if not verb and first.endswith("ied"):
        verb = f"{first[:-3]}ies"
    elif not verb and first.endswith("ed"):
        base = first[:-2]
        verb = next((form for form in (f"{base}s", f"{base}es", f"{base[:-1]}s") if form in known), "")
        verb = verb or (f"{base}es" if _SILENT_E.search(base) else "")
    return (verb or first) + space + rest


def infinitive(meaning: str) -> str:
    """A verb without the ending of the third person: "leaves the base" is "leave the base"."""
    first, space, rest = meaning.partition(" ")
    base = _INFINITIVES.get(first) or _THIRD_PERSON.sub(
        lambda end: "y" if end.group() == "ies" else "", first
    )
    return base + space + rest


def _english_keys(meaning: str) -> tuple[str, ...]:
    if meaning.isascii() and meaning.isalpha():  # most meanings are one plain word
        return (meaning.lower(),) if meaning not in _LEADING else ()
    return tuple(key for key in keys_of(meaning) if key not in _LEADING)


@lru_cache(maxsize=2)
def lexicon(*, idioms: bool = False) -> Lexicon:
    """The lexicon that ships with the package.

    Args:
        idioms: Also the expressions that only readers are shown; see ``reader.shown``.
    """
    if idioms:
        return lexicon().extended(data_folder() / "idioms.tsv")
    return Lexicon(data_folder() / "lexicon.tsv", data_folder() / "phrases.tsv")
