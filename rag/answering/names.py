"""Names in a statement read from glosses: misspelt, or in none of the sentences.

Where the model reads glosses, it copies a name rather than translates it: they contain the tables' spelling,
or one letter by letter. So a name that is not in them mostly comes from what the model remembers: "the
Westmoreland County Arena" for "arena of Wesbanko" (docs/research/decisions.md).
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
"""Least likeness (of difflib) of a name and its misspelling: Kutsayev, Kutrashiev. Not tuned."""

ALIKE = 0.86
"""Least likeness of sounds of a Latin name that is probably an Arabic one. Half of the right pairs of names
are more alike, and nine of ten unrelated ones less than .43 (docs/research/decisions.md)."""

LETTERS = 3
"""Fewest letters of an Arabic word that may be a name."""

STEM, ENDING = 4, 5
"""Letters that names of one country share (Afghan, Afghanistan), and how many more one has at most."""

_NAME = re.compile(r"\b[A-Z]\w*[^\W\d_]")
_NAMES = re.compile(r"\b[A-Z]\w*(?:[ -](?:(?:al|el|bin|ibn|bint|de|van|von|der)[ -])?[A-Z]\w*)+")
"""Words with a capital that follow one another, as in Mustafa al-Kadhimi."""


def respelled(statement: Statement, draft: Draft) -> Statement:
    """A statement with the glosses' spelling of names that the model misspelt.

    Only names that are in no table are spelt letter by letter. So no other word is changed, and no name is
    changed to another word: Tuesday is not a misspelt Thursday.

    Args:
        statement: English, read from glosses of Arabic sentences.
        draft: Its question and evidence; names that they contain are not misspelt.
    """
    if not _is_about_glosses(statement):
        return statement
    glosses = f"{_read(draft.evidence)} {draft.question}"
    gloss_terms, joined = set(terms(glosses)), glosses.casefold().replace(" ", "")
    text = statement.text
    unread = [
        word
        for word in dict.fromkeys(_NAME.findall(text))
        if word.casefold() not in joined and gloss_terms.isdisjoint(terms(word))
        if not (_is_known(word) or _is_ordinary(word))
    ]
    spelled = sorted({name for item in statement.cited for name in _spelled(item)}) if unread else []
    for word in unread:
        alike = [name for name in spelled if name[0] == word[0] and _likeness(name, word) >= SLIP]
        if alike:
            closest = max(alike, key=lambda name: _likeness(name, word))
            text = re.sub(rf"\b{re.escape(word)}\b", closest, text)
    return statement if text == statement.text else dataclasses.replace(statement, text=text)


def misnames(statement: Statement, draft: Draft) -> bool:
    """Whether a statement has a name that is neither in what the model read of its articles nor the question.

    The first name of somebody whose last name is there may be in a sentence of another article. Ordinary
    words with a capital do not count as names: a gloss may have another of their meanings, law for Act.

    Args:
        statement: English, read from glosses of Arabic sentences.
        draft: Its question and evidence.
    """
    if not _is_about_glosses(statement):
        return False
    cited_articles = [item for item in draft.evidence if item.article_id in statement.articles]
    glosses = f"{_read([*cited_articles, *statement.cited])} {draft.question}"
    text = statement.text
    unsupported = {*unknown_names(text, [glosses]), *_only_alike(text, glosses)}
    unknown = {
        word for word in unsupported if not (_is_ordinary(word) or _sounds_like_a_word(word, statement.cited))
    }
    if not unknown:
        return False
    all_glosses, gloss_terms = _read(draft.evidence), set(terms(glosses))
    full = [_NAME.findall(name) for name in _NAMES.findall(text) if contains(all_glosses, name)]
    continued = {word for name in full if not gloss_terms.isdisjoint(terms(" ".join(name))) for word in name}
    return not unknown <= continued


def _is_about_glosses(statement: Statement) -> bool:
    return bool(statement.cited) and all(is_arabic(item.text) for item in statement.cited)


def _only_alike(text: str, glosses: str) -> list[str]:
    """Names of which only the first letters are in the glosses: Westmoreland in "western" and "West"."""
    gloss_terms = set(terms(glosses))
    names = [fold(name) for name in _NAME.findall(glosses)]
    first = next(_NAME.finditer(text), None)
    begins = first is not None and first.start() == 0 and first[0] != text and not _NAMES.match(text)
    return [
        word
        for word in _NAME.findall(text)[begins:]
        if gloss_terms.isdisjoint(terms(word)) and not word.isupper() and not _is_known(word)
        if not any(_are_of_one_stem(fold(word), name) for name in names)
    ]


def _are_of_one_stem(word: str, other: str) -> bool:
    return word[:STEM] == other[:STEM] and abs(len(word) - len(other)) <= ENDING


def _read(evidence: Sequence[Evidence]) -> str:
    """Sentences and their headlines as the model read them; alternative meanings become separate words."""
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
    """Whether a word is not a name: a function word, or in the lexicon and in no table of names."""
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
