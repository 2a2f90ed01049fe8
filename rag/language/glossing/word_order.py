"""Arabic nouns before English ones: adjectives move before their noun, and "of" joins two nouns.

    weapons nuclear        nuclear weapons         الأسلحة النووية
    capital the country    capital of country      عاصمة البلاد

An Arabic adjective follows its noun and has the article where the noun has it; of two nouns in a row the
second one owns the first, which has no article. The word classes of English are in data/classes.txt.
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
"""The ending of most Arabic adjectives derived from nouns, folded: أمريكي, نووية."""
_PRESENT = re.compile(r"[وف]?س?[يت]\w\w")
"""The beginning of a folded verb in the present."""
_OWNED = re.compile(r"\w{3}(?:ها|هم|هما|نا|كم)$")
"""A folded word with a pronoun, which makes it definite: حياتهم, their life."""
_THEIR = re.compile(r"^(?![يت])\w{3,}(?:هم|هما|هن)$")
"""A folded noun with a plural pronoun; a word that begins with ي or ت may be a verb, or تفاهم."""
_COUNTING = re.compile(r"(?:\d[1-9]|[1-9]0|00|hundreds|thousands?|millions?|billions?)$(?<!\b10)")
"""The end of a number after which the counted noun is singular in Arabic and owns nothing: 200 شخص."""
WILL = "will "
"""The beginning of the meaning of a verb in the future."""
_DIRECTIONS = frozenset(["north", "south"])
"""In English too they precede the other direction: north eastern Syria."""
_PEOPLE = re.compile(r"(?<=[nim])s(?=/|$)")
"""The plural ending of many peoples, which adjectives lack: Americans, Iraqis, Muslims."""
_SPACE = " "


@dataclass(frozen=True, slots=True)
class Gloss:
    """The English of one or several words of a sentence."""

    before: str
    """The text between it and the word before it."""
    particles: str
    """Meanings of the particles attached to its first word, each followed by a space."""
    text: str
    """Its meanings."""
    key: str = ""
    """Its last word, folded; empty if it is unknown, so that it keeps its place."""
    name: bool = False
    """Whether it is a name."""
    span: tuple[int, int] = (0, 0)
    """Its half-open range of characters in the sentence."""

    @property
    def first(self) -> str:
        """The first of its meanings."""
        return self.text.partition("/")[0]

    @property
    def adjective(self) -> str:
        """Its meanings as an adjective before a noun: American advisers."""
        return _PEOPLE.sub("", self.text) if self.text[:1].isupper() else self.text

    @property
    def definite(self) -> bool:
        """Whether its last word has the article or a pronoun."""
        return bool(_ARTICLE.match(self.key) or _OWNED.search(self.key))

    @property
    def kind(self) -> str:
        """The class of its last English word: adjective, either, verb, other; empty for a noun."""
        return _kind(self.first)

    @property
    def is_adjective(self) -> bool:
        """Whether it is an adjective if a noun with the same article precedes it."""
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
        """Whether it looks like a future verb in English, or a present one in both: تصدر, issues."""
        return self.first.startswith(WILL) or (bool(_PRESENT.match(self.key)) and self.first.endswith("s"))


def in_english_order(glosses: Sequence[Gloss]) -> Iterator[str]:
    """The glosses in English order, with the text between them.

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


def _describes(following: Gloss, head: Gloss) -> bool:
    return (
        following.before == _SPACE
        and not following.particles
        and bool(following.key)
        and following.is_adjective
        and following.definite == head.definite
    )


def _owns(following: Gloss, head: Gloss) -> bool:
    if (
        not head.is_noun
        or head.may_be_verb
        or head.definite
        or following.before != _SPACE
        or following.particles
    ):
        return False
    return following.name or (following.definite and following.is_noun)


def _kind(meaning: str) -> str:
    return classes().get(meaning.rpartition(_SPACE)[2].lower(), "")


@lru_cache(maxsize=1)
def classes() -> dict[str, str]:
    """The class of each English word: adjective, either (also a noun), verb, other; nouns are omitted."""
    lines = (data_folder() / FILE).read_text(encoding="utf-8").splitlines()
    rows = (line.partition("\t") for line in lines)
    return {word: kind for kind, _, words in rows for word in words.split()}
