"""Hints, and the base class of the readers that find them; the readers are in ``arabic`` and ``hints``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.language.translation.gazetteer import Gazetteer, Match, gazetteer
from rag.language.translation.lexicon import Lexicon, lexicon
from rag.language.translation.values import value_at
from rag.language.translation.words import keys_of, words_of
from rag.records import Language

Kind = Literal["word", "name", "value"]

MOST_MEANINGS = 3
"""Most equivalents of a word: with more, none of them helps."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The equivalents of one word or phrase."""

    source: str
    """As in the sentence."""
    targets: tuple[str, ...]
    """Equivalents in the other language, best first."""
    kind: Kind
    start: int
    """Its first character in the sentence."""
    spelled: bool = False
    """Whether it is a name that is in no table, transliterated letter by letter."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Lexicon and names that hints are made from."""

    lexicon: Lexicon
    gazetteer: Gazetteer


@lru_cache(maxsize=1)
def shipped() -> Tables:
    """The tables that ship with the package."""
    return Tables(lexicon(), gazetteer())


@lru_cache(maxsize=1)
def shown() -> Tables:
    """The tables for readers: also fixed expressions and more usual meanings (data/idioms.tsv).

    The packaged model was trained to read glosses without these, and answers no better with them
    (docs/research/decisions.md).
    """
    return Tables(lexicon(idioms=True), gazetteer())


Found = tuple[Hint | None, int]
"""A hint, if there is one, and how many words were read."""


class Reader:
    """Reads a sentence from word to word, and takes the longest known name, value or phrase at each."""

    language: Language

    def __init__(self, sentence: str, tables: Tables) -> None:
        self.sentence = sentence
        self.words = words_of(sentence)
        self.lexicon, self.gazetteer = tables.lexicon, tables.gazetteer

    def hints(self) -> Iterable[Hint]:
        """The hints of the sentence, in its order."""
        at = 0
        while at < len(self.words):
            hint, used = self.at(at)
            if hint:
                yield hint
            at += used

    def at(self, at: int) -> tuple[Hint | None, int]:
        """The hint at a word, if any, and how many words it takes."""
        raise NotImplementedError

    def hint(self, at: int, used: int, targets: Iterable[str], kind: Kind, *, spelled: bool = False) -> Hint:
        """A hint for ``used`` words from ``at`` on, with the bracket that closes them, each target once."""
        start, end = self.words[at].start, self.words[at + used - 1].end
        end += self.sentence[start:end].count("(") > 0 and self.sentence.startswith(")", end)
        return Hint(self.sentence[start:end], tuple(dict.fromkeys(targets)), kind, start, spelled)

    def value(self, at: int) -> tuple[Hint | None, int] | None:
        """A value at a word; without a hint where its digits are the same in both languages."""
        value = value_at(self.words, at, self.sentence, self.language)
        if not value or (not value.targets and not self.words[at].key[0].isdigit()):
            return None
        return (self.hint(at, value.used, value.targets, "value") if value.targets else None), value.used


def usual_forms(match: Match, shown: str, language: Language) -> list[str]:
    """The usual equivalents of a matched name.

    A shorter form of a name, such as "Red Cross", also gets the equivalent of the nearest length; a form that
    lacks a single word, such as الكونغرس without "US", gets the equivalent that is one word shorter.

    Args:
        match: The matched name.
        shown: The name as the sentence has it.
        language: Of the equivalents.
    """
    usual = [name.forms(language)[0] for name in match.names[:2]]
    name = match.names[0]
    first = name.forms("ar" if language == "en" else "en")[0]
    left_out = len(keys_of(first)) - match.used
    if left_out > 0:
        wanted = len(usual[0].split()) - 1 if left_out == 1 else match.used
        nearest = min(name.forms(language), key=lambda form: abs(len(form.split()) - wanted))
        return list(dict.fromkeys([nearest, *usual]))[:2]
    return list(dict.fromkeys(usual))
