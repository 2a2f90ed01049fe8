"""Names across scripts: Ain al-Asad and عين الأسد have one key.

A key is what both spellings keep: the consonants, and that a word begins with a vowel. Arabic writes few
vowels and Latin letters tell few of its consonants apart, so a key names a handful of words, not one; how
rare it is tells how much it is worth. The classes follow the common romanisations of Arabic (ALA-LC and what
newspapers make of it).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache

LEAST = 3
"""Letters of a key: shorter ones are shared by too many words."""

MOST_READINGS = 8
"""Of a Latin word; each letter that could be two doubles them."""

_ARABIC = {
    **dict.fromkeys("بپ", "b"),
    **dict.fromkeys("تطث", "t"),
    "ج": "j",
    "چ": "S",
    **dict.fromkeys("حه", "h"),
    "خ": "x",
    **dict.fromkeys("دض", "d"),
    **dict.fromkeys("ذزظ", "z"),
    "ر": "r",
    **dict.fromkeys("سص", "s"),
    "ش": "S",
    **dict.fromkeys("غگ", "g"),
    **dict.fromkeys("فڤ", "f"),
    **dict.fromkeys("قك", "k"),
    "ل": "l",
    "م": "m",
    "ن": "n",
}
_ARABIC_FIRST = {**dict.fromkeys("اعءئؤ", "A"), "ي": "y", "و": "w"}

_LATIN = (
    # Longest first; several readings are all tried.
    ("tch", "S"), ("sch", "S"), ("ng", "ng n nj"), ("kh", "x"), ("gh", "g"), ("sh", "S"), ("ch", "S k"),
    ("th", "t z"),
    ("dh", "z d"), ("dj", "j"), ("ph", "f"), ("ck", "k"), ("qu", "k"), ("x", "ks"), ("b", "b"), ("p", "b"),
    ("t", "t"), ("d", "d"), ("j", "j"), ("g", "j g"), ("h", "h"), ("z", "z"), ("r", "r"), ("s", "s"),
    ("c", "k s"), ("f", "f"), ("v", "f"), ("k", "k"), ("q", "k"), ("l", "l"), ("m", "m"), ("n", "n"),
)  # fmt: skip
_LATIN_FIRST = {**dict.fromkeys("aeiou", "A"), "y": "y", "w": "w"}

_WORD = re.compile(r"[^\W\d_]+(?:['’ʿʾ`-][^\W\d_]+)*")
_ARTICLES = frozenset(["al", "el", "as", "ash", "an", "ar", "at", "ad", "az"])
"""The Arabic article before its noun, as it is romanised."""

_MARKS = re.compile(r"['’ʿʾ`]")


@lru_cache(maxsize=200_000)  # the words of a language: a text repeats few
def arabic_key(word: str) -> str:
    """The key of an Arabic word; empty where it is too short.

    Args:
        word: Folded, without article and particles.
    """
    first = _ARABIC_FIRST.get(word[:1], "")
    key = first + "".join(_ARABIC.get(letter, "") for letter in word)
    # A final ه stands for ة as well, which Latin spellings leave out or write as h.
    key = key[:-1] if word.endswith("ه") else key
    return key if len(key) >= LEAST else ""


def latin_keys(text: str) -> list[frozenset[str]]:
    """The keys of each name in a text in Latin letters: one for each way to read it.

    A name is told by its capital letter inside a sentence, or by the article that is joined to it. The first
    word of a text has its capital from there and tells nothing.
    """
    found: list[frozenset[str]] = []
    for at, match in enumerate(_WORD.finditer(text)):
        parts = [part for part in _MARKS.sub("", match.group()).split("-") if part]
        joined = len(parts) > 1 and parts[0].casefold() in _ARTICLES
        if joined:
            parts = parts[1:]
        for part in parts:
            if joined or (part[0].isupper() and at > 0):
                found.append(frozenset(_readings(part)))
    return [keys for keys in dict.fromkeys(found) if keys]


def _readings(word: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if c.isascii() and c.isalpha())
    choices: list[list[str]] = [[_LATIN_FIRST.get(plain[:1], "")]]
    at = 0
    while at < len(plain):
        letters, readings = next(((a, b) for a, b in _LATIN if plain.startswith(a, at)), (plain[at], ""))
        at += len(letters)
        if readings and plain[at - len(letters) - 1 : at - len(letters)] != letters:  # tt is one t
            final = letters == "h" and at == len(plain)
            choices.append(["" if final else reading for reading in readings.split()])
    keys = ("".join(choice) for choice in itertools.islice(itertools.product(*choices), MOST_READINGS))
    return [key for key in keys if len(key) >= LEAST]
