"""Names in words that the model read from glosses: copied with a slip, or in none of its sentences.

A name is copied, not translated, where the model reads glosses: they have the tables' spelling of it, or one
by letter. So a name that is not there comes from what the model remembers, and is mostly wrong: "the
Westmoreland County Arena" for "arena of Wesbanko" (docs/research/results.md).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from rag.answering.draft import Draft, Statement
from rag.answering.generation import glossed
from rag.answering.support import contains, unknown_names
from rag.language.names import likeness
from rag.language.terms import terms
from rag.language.text import fold
from rag.language.translation.hints import EnglishReader, shipped
from rag.language.translation.words import words_of
from rag.records import Evidence

SLIP = 0.65
"""Likeness (of difflib) from which one spelling is a slip of another: Kutsayev, Kutrashiev. Not
tuned."""

ALIKE = 0.86
"""Likeness of sounds from which a Latin name is probably an Arabic one. Half of the right pairs of names are
more alike, and nine of ten unrelated ones less than .43 (docs/research/decisions.md)."""

_CAPITALISED = re.compile(r"\b[A-Z][\w’']*[^\W\d_]")
_NAMES = re.compile(r"\b[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)+")
"""Words with a capital that follow one another."""


def respelled(statement: Statement, question: str) -> Statement:
    """A statement with the glosses' spelling of names that the model copied with a slip.

    Names that the tables know are left alone: Iraq is no slip of Iraqi.

    Args:
        statement: English, read from glosses.
        question: As it was put to the model; its names may be repeated.
    """
    text, read = statement.text, _read(statement.cited)
    held = set(terms(f"{read} {question}"))
    there = sorted(set(_CAPITALISED.findall(read)))
    for word in dict.fromkeys(_CAPITALISED.findall(text)):
        joined = word.casefold() in read.casefold().replace(" ", "")
        if not joined and held.isdisjoint(terms(word)) and not _is_known(word):
            alike = [name for name in there if name[0] == word[0] and _likeness(name, word) >= SLIP]
            if alike:
                meant = max(alike, key=lambda name: _likeness(name, word))
                text = re.sub(rf"\b{re.escape(word)}\b", meant, text)
    return statement if text == statement.text else dataclasses.replace(statement, text=text)


def misnames(statement: Statement, draft: Draft) -> bool:
    """Whether a statement has a name that neither its sentences, their headlines nor the question have.

    The first name of somebody whose last name they have may be in another sentence that the model was shown.
    Ordinary words with a capital are no names here: a gloss may have another meaning of theirs, an Act a law.

    Args:
        statement: English, read from glosses.
        draft: Its question and evidence.
    """
    found = unknown_names(statement.text, [_read(statement.cited)], draft.question)
    unknown = [
        word for word in found if not (_is_ordinary(word) or _sounds_like_a_word(word, statement.cited))
    ]
    if not unknown:
        return False
    shown = _read(draft.evidence)
    full = [name for name in _NAMES.findall(statement.text) if contains(shown, name)]
    continued = {word for name in full if set(name.split()) - set(unknown) for word in name.split()}
    return not set(unknown) <= continued


def _read(evidence: Sequence[Evidence]) -> str:
    """What the model read of sentences and their headlines, each of several meanings as a word."""
    return " ".join(_words(item) for item in evidence)


def _words(item: Evidence) -> str:
    return " ".join(glossed(text).replace("/", " ") for text in (item.title, item.text))


def _is_known(word: str) -> bool:
    reader = EnglishReader(word, shipped())
    return reader.gazetteer.match(reader.words, 0, "en") is not None


def _is_ordinary(word: str) -> bool:
    reader = EnglishReader(word, shipped())
    entries = map(reader.lexicon.entry, reader.lexicon.arabic((reader.words[0].key,)))
    return any(entry.meanings and not entry.is_name for entry in entries)


def _sounds_like_a_word(name: str, evidence: Sequence[Evidence]) -> bool:
    """Whether Arabic words of some sentences may be a name that their gloss has in another spelling."""
    words = (word for item in evidence for word in words_of(item.text))
    return any(likeness(name, fold(word.text)) >= ALIKE for word in words)


def _likeness(word: str, other: str) -> float:
    return SequenceMatcher(None, word.casefold(), other.casefold()).ratio()
