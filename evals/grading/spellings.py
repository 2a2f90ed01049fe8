"""Are two English words spellings of one name? Nevsky and Nevski are; Brooklyn and Brookline are not."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from rag.language.text import fold

LEAST = 0.85
"""Likeness of two spellings of one name, letter by letter: Abdelaziz and Abdulaziz have .89, Karim and Karam
.80."""

SHORT, LONG = 4, 5
"""Fewest letters of the shorter and of the longer spelling: short names differ by a letter (Mali, Malé)."""

_LETTERS = (
    ("tch", "ch"), ("sch", "sh"), ("ph", "f"), ("ck", "k"), ("dj", "j"), ("ou", "u"), ("oo", "u"),
    ("ee", "i"), ("x", "ks"), ("q", "k"), ("o", "u"),
)  # fmt: skip
"""Letters that spellings of one sound differ in. Longest first."""

_VOWELS = "aeiu"


def same_name(one: str, other: str) -> bool:
    """Whether two words may be spellings of one name.

    They are if they are equal, or if their consonants are the same in the same order, they begin and end
    alike, and most of their vowels are the same; doubled letters, y and i, e and its neighbours a and i make
    no difference. So names that differ in vowels alone (Peterson, Petersen) still count as one.

    Args:
        one: A word in Latin letters.
        other: Another one.
    """
    first, second = fold(one), fold(other)
    if first == second:
        return True
    shorter, longer = sorted((len(first), len(second)))
    if shorter < SHORT or longer < LONG:
        return False
    heard = _sounds(first), _sounds(second)
    if len({(_consonants(word), word[:1], word.removesuffix("h")[-1:]) for word in heard}) > 1:
        return False
    return any(_likeness(*(word.replace("e", vowel) for word in heard)) >= LEAST for vowel in "ai")


def _sounds(word: str) -> str:
    """A word with one way of writing for each sound, as far as letters tell it."""
    for letters, sound in _LETTERS:
        word = word.replace(letters, sound)
    word = re.sub(r"c(?=[eiy])", "s", word)
    word = re.sub(r"c(?!h)", "k", word)
    word = word[:1] + word[1:].replace("y", "i")
    return re.sub(r"(.)\1+", r"\1", word)


def _consonants(word: str) -> str:
    return re.sub(rf"[{_VOWELS}]", "", re.sub(rf"(?<=[{_VOWELS}])h$", "", word))


def _likeness(one: str, other: str) -> float:
    one, other = (re.sub(r"(.)\1+", r"\1", word) for word in (one, other))
    return SequenceMatcher(None, one, other).ratio()
