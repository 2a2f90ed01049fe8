"""Arabic nouns before English ones: adjectives move before their noun, and "of" joins two nouns.

    weapons nuclear        nuclear weapons         الأسلحة النووية
    capital the country    capital of country      عاصمة البلاد

An Arabic adjective follows its noun and has the article where the noun has it; of two nouns in a row the
second one owns the first, which has no article. What English words are is looked up in data/classes.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.language.translation import data_folder

FILE = "classes.txt"

_ARTICLE = re.compile(r"[وف]?(?:[بك]?ال|لل)\w\w")
"""The beginning of a folded word with the article."""
_RELATING = re.compile(r"(?:ي|يه|يا)$")
"""The ending of most Arabic adjectives that are made of nouns, folded: أمريكي, نووية."""
_PRESENT = re.compile(r"[وف]?س?[يت]\w\w")
"""The beginning of a folded verb in the present."""
_OWNED = re.compile(r"\w{3}(?:ها|هم|هما|نا|كم)$")
"""A folded word with a pronoun, which makes it definite: حياتهم, their life."""
_THEIR = re.compile(r"^(?![يت])\w{3,}(?:هم|هما|هن)$")
"""A folded noun with a pronoun of several; what begins with ي or ت may be a verb, or تفاهم."""
_COUNTING = re.compile(r"(?:\d[1-9]|[1-9]0|00|hundreds|thousands?|millions?|billions?)$(?<!\b10)")
"""The end of a number after which Arabic has one of what is counted, which owns nothing: 200 شخص."""
WILL = "will "
"""Begins the meaning of a verb in the future."""
_DIRECTIONS = frozenset(["north", "south"])
"""In English too they come before the other one: north eastern Syria."""
_PEOPLE = re.compile(r"(?<=[nim])s(?=/|$)")
"""The ending of many peoples, which no adjective has: Americans, Iraqis, Muslims."""
_SPACE = " "


@dataclass(frozen=True, slots=True)
class Gloss:
    """What is written for one or several words of a sentence."""

    before: str
    """What stands between it and the words before it."""
    particles: str
    """Meanings of what is attached to its first word, each with a space after it."""
    text: str
    """Its meanings."""
    key: str = ""
    """Its last word, folded; empty where nothing is known of it, which keeps it where it is."""
    name: bool = False
    """Whether it is a name."""
    span: tuple[int, int] = (0, 0)
    """Its first character in the sentence, and the one behind its last."""

    @property
    def first(self) -> str:
        """The first of its meanings."""
        return self.text.partition("/")[0]

    @property
    def adjective(self) -> str:
        """Its meanings before a noun: American advisers."""
        return _PEOPLE.sub("", self.text) if self.text[:1].isupper() else self.text

    @property
    def definite(self) -> bool:
        """Whether its last word has the article or a pronoun."""
        return bool(_ARTICLE.match(self.key) or _OWNED.search(self.key))

    @property
    def kind(self) -> str:
        """What its English is, by its last word: adjective, either, verb, other; empty for a noun."""
        return _kind(self.first)

    @property
    def is_adjective(self) -> bool:
        """Whether it is an adjective where a noun with the same article precedes it."""
        if _SPACE in self.first or (self.name and not _RELATING.search(self.key)):
            return False
        if self.definite or _RELATING.search(self.key):
            return self.kind in ("adjective", "either")
        return self.kind == "adjective"

    @property
    def is_noun(self) -> bool:
        """Whether it may be a noun that an adjective or an owner follows."""
        proper = self.name and self.first.rpartition(_SPACE)[2][:1].isupper()
        if self.first in _DIRECTIONS:
            return False
        noun = not self.kind or (self.kind == "either" and not _RELATING.search(self.key))
        return noun and bool(self.key) and not (proper or self._is_verb)

    @property
    def may_be_verb(self) -> bool:
        """Whether one of its meanings is a verb: books/wrote."""
        return any(_kind(meaning) == "verb" for meaning in self.text.split("/"))

    @property
    def _is_verb(self) -> bool:
        """Whether it looks like a verb in English, or in the present in both languages: تصدر, issues."""
        return self.first.startswith(WILL) or (bool(_PRESENT.match(self.key)) and self.first.endswith("s"))


def in_english_order(glosses: Sequence[Gloss]) -> Iterator[str]:
    """The glosses as text, with what stands between them.

    Args:
        glosses: In the order of the sentence.
    """
    at = 0
    while at < len(glosses):
        head, end = glosses[at], at + 1
        if head.is_noun:
            while end < len(glosses) and _describes(glosses[end], head):
                end += 1
        yield head.before + head.particles
        yield _SPACE.join([*(g.adjective for g in reversed(glosses[at + 1 : end])), head.text])
        if end == at + 1 < len(glosses) and _owns(glosses[end], head):
            counted = at > 0 and head.before == _SPACE and _COUNTING.search(glosses[at - 1].text)
            yield " of" if not (counted and _THEIR.search(glosses[end].key)) else " their"
        at = end


def _describes(other: Gloss, head: Gloss) -> bool:
    return (
        other.before == _SPACE
        and not other.particles
        and bool(other.key)
        and other.is_adjective
        and other.definite == head.definite
    )


def _owns(other: Gloss, head: Gloss) -> bool:
    if not head.is_noun or head.may_be_verb or head.definite or other.before != _SPACE or other.particles:
        return False
    return other.name or (other.definite and other.is_noun)


def _kind(meaning: str) -> str:
    return classes().get(meaning.rpartition(_SPACE)[2].lower(), "")


@lru_cache(maxsize=1)
def classes() -> dict[str, str]:
    """English words with what they are: adjective, either (a noun too), verb, other; nouns are left out."""
    lines = (data_folder() / FILE).read_text(encoding="utf-8").splitlines()
    rows = (line.partition("\t") for line in lines)
    return {word: kind for kind, _, words in rows for word in words.split()}
