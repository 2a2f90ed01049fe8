"""Names in words that the model read from glosses: copied with a slip, or in none of its sentences.

A name is copied, not translated, where the model reads glosses: they have the tables' spelling of it, or one
by letter. So a name that is not there mostly comes from what the model remembers: "the Westmoreland County
Arena" for "arena of Wesbanko" (docs/research/decisions.md).
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
from rag.language.text import fold, is_arabic
from rag.language.translation.hints import EnglishReader, hints_for, shipped
from rag.language.translation.words import is_stop, words_of
from rag.records import Evidence

SLIP = 0.65
"""Likeness (of difflib) from which one spelling is a slip of another: Kutsayev, Kutrashiev. Not tuned."""

ALIKE = 0.86
"""Likeness of sounds from which a Latin name is probably an Arabic one. Half of the right pairs of names are
more alike, and nine of ten unrelated ones less than .43 (docs/research/decisions.md)."""

LETTERS = 3
"""Letters of an Arabic word that may be a name, at least."""

STEM, ENDING = 4, 5
"""Letters that names of one country share (Afghan, Afghanistan), and how many more one has at most."""

_NAME = re.compile(r"\b[A-Z]\w*[^\W\d_]")
_NAMES = re.compile(r"\b[A-Z]\w*(?:[ -](?:(?:al|el|bin|ibn|bint|de|van|von|der)[ -])?[A-Z]\w*)+")
"""Words with a capital that follow one another, as in Mustafa al-Kadhimi."""


def respelled(statement: Statement, draft: Draft) -> Statement:
    """A statement with the glosses' spelling of names that the model copied with a slip.

    Only names that no table has are copied letter by letter, so that no other word is changed, nor towards
    any other word: Tuesday is no slip of Thursday.

    Args:
        statement: English, read from glosses of Arabic sentences.
        draft: Its question and evidence, whose names are none either.
    """
    if not _is_about_glosses(statement):
        return statement
    read = f"{_read(draft.evidence)} {draft.question}"
    held, joined = set(terms(read)), read.casefold().replace(" ", "")
    text = statement.text
    unread = [
        word
        for word in dict.fromkeys(_NAME.findall(text))
        if word.casefold() not in joined and held.isdisjoint(terms(word))
        if not (_is_known(word) or _is_ordinary(word))
    ]
    spelled = sorted({name for item in statement.cited for name in _spelled(item)}) if unread else []
    for word in unread:
        alike = [name for name in spelled if name[0] == word[0] and _likeness(name, word) >= SLIP]
        if alike:
            meant = max(alike, key=lambda name: _likeness(name, word))
            text = re.sub(rf"\b{re.escape(word)}\b", meant, text)
    return statement if text == statement.text else dataclasses.replace(statement, text=text)


def misnames(statement: Statement, draft: Draft) -> bool:
    """Whether a statement has a name that nothing has which the model read of its articles, nor the question.

    The first name of somebody whose last name is there may be in a sentence of another article. Ordinary
    words with a capital are no names here: a gloss may have another meaning of theirs, an Act a law.

    Args:
        statement: English, read from glosses of Arabic sentences.
        draft: Its question and evidence.
    """
    if not _is_about_glosses(statement):
        return False
    cited_articles = [item for item in draft.evidence if item.article_id in statement.articles]
    read = f"{_read([*cited_articles, *statement.cited])} {draft.question}"
    text = statement.text
    unsupported = {*unknown_names(text, [read]), *_only_alike(text, read)}
    unknown = {
        word for word in unsupported if not (_is_ordinary(word) or _sounds_like_a_word(word, statement.cited))
    }
    if not unknown:
        return False
    shown, held = _read(draft.evidence), set(terms(read))
    full = [_NAME.findall(name) for name in _NAMES.findall(text) if contains(shown, name)]
    continued = {word for name in full if not held.isdisjoint(terms(" ".join(name))) for word in name}
    return not unknown <= continued


def _is_about_glosses(statement: Statement) -> bool:
    return bool(statement.cited) and all(is_arabic(item.text) for item in statement.cited)


def _only_alike(text: str, read: str) -> list[str]:
    """Names of which only the first letters are in what was read: Westmoreland in "western" and "West"."""
    held = set(terms(read))
    names = [fold(name) for name in _NAME.findall(read)]
    first = next(_NAME.finditer(text), None)
    begins = first is not None and first.start() == 0 and first[0] != text and not _NAMES.match(text)
    return [
        word
        for word in _NAME.findall(text)[begins:]
        if held.isdisjoint(terms(word)) and not word.isupper() and not _is_known(word)
        if not any(_are_of_one_stem(fold(word), name) for name in names)
    ]


def _are_of_one_stem(word: str, other: str) -> bool:
    return word[:STEM] == other[:STEM] and abs(len(word) - len(other)) <= ENDING


def _read(evidence: Sequence[Evidence]) -> str:
    """What the model read of sentences and their headlines, each of several meanings as a word."""
    return " ".join(glossed(text).replace("/", " ") for item in evidence for text in (item.title, item.text))


def _spelled(item: Evidence) -> list[str]:
    """The names of a sentence and its headline that are spelled by letter, or are in Latin letters there."""
    names = []
    for text in (item.title, item.text):
        names += _NAME.findall(text)
        for hint in hints_for(text, "ar") if is_arabic(text) else ():
            names += _NAME.findall(hint.targets[0]) if hint.spelled else []
    return names


def _is_known(word: str) -> bool:
    reader = EnglishReader(word, shipped())
    return reader.gazetteer.match(reader.words, 0, "en") is not None


def _is_ordinary(word: str) -> bool:
    """Whether a word is no name: a function word, or one of the lexicon that no table of names has."""
    reader = EnglishReader(word, shipped())
    if not reader.words or is_stop(reader.words[0].key, "en"):
        return True
    return reader.is_ordinary(reader.words[0].key) and not _is_known(word)


def _sounds_like_a_word(name: str, evidence: Sequence[Evidence]) -> bool:
    """Whether Arabic words of some sentences may be a name that their gloss has in another spelling."""
    words = (word for item in evidence for word in words_of(item.text))
    return any(
        len(word.key) >= LETTERS and not is_stop(word.key, "ar") and likeness(name, fold(word.text)) >= ALIKE
        for word in words
    )


def _likeness(word: str, other: str) -> float:
    return SequenceMatcher(None, word.casefold(), other.casefold()).ratio()
