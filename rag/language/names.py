"""Matches names across scripts: Ain al-Asad and عين الأسد have the same key.

A key consists of what both spellings have in common: the consonants, and whether the word begins with a
vowel. Arabic writes few vowels, and Latin letters do not distinguish all of its consonants, so several words
share a key; the rarer a key is, the more a match means. The classes follow the common romanisations of Arabic
(ALA-LC and the simplified forms in newspapers).
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache

LEAST = 3
"""Fewest letters of a key: too many words share shorter ones."""

MOST_READINGS = 8
"""Most readings of a Latin word; each ambiguous letter doubles their number."""

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
    # Longest first; if a letter has several readings, all are tried.
    ("tch", "S"), ("sch", "S"), ("ng", "ng n nj"), ("kh", "x"), ("gh", "g"), ("sh", "S"), ("ch", "S k"),
    ("th", "t z"),
    ("dh", "z d"), ("dj", "j"), ("ph", "f"), ("ck", "k"), ("qu", "k"), ("x", "ks"), ("b", "b"), ("p", "b"),
    ("t", "t"), ("d", "d"), ("j", "j"), ("g", "j g"), ("h", "h"), ("z", "z"), ("r", "r"), ("s", "s"),
    ("c", "k s"), ("f", "f"), ("v", "f"), ("k", "k"), ("q", "k"), ("l", "l"), ("m", "m"), ("n", "n"),
)  # fmt: skip
_LATIN_FIRST = {**dict.fromkeys("aeiou", "A"), "y": "y", "w": "w"}

_WEAK = frozenset("Ahyw")
"""Sounds that only some spellings write; omitting one costs half an edit."""

_NEAR = frozenset(
    frozenset(pair)
    for pair in ("sz", "td", "Sj", "kg", "kx", "gj", "hx", "Ay", "Ah", "Aw", "zd", "tz", "Ss", "gx", "fb")
)
"""Pairs of consonants that romanisations, and Arabic spellings of foreign names, confuse."""

_NEAR_COST = 0.4

_ATTACHED = ("وال", "بال", "ال", "لل", "و", "ب", "ل", "ف", "ك")
"""Arabic article and particles that may be attached to the front of a name."""

_WORD = re.compile(r"[^\W\d_]+(?:['’ʿʾ`-][^\W\d_]+)*")
_ARTICLES = frozenset(["al", "el", "as", "ash", "an", "ar", "at", "ad", "az"])
"""Romanised forms of the Arabic article."""

_SECOND = {"الله": "له", "الدين": "دين"}
"""Folded second words of two-word names that romanisations write as one word (Nasrallah, Ezzeddine), and
their form in it: the l of the article is assimilated to the next letter."""

_SERVANT = "عبد"
"""First word of names such as Abdulrahman, before an attribute of God with the article."""

_SUN_LETTERS = frozenset("تثدذرزسشصضطظلن")
"""Letters to which the l of the article is assimilated, so that some romanisations omit it."""

_MARKS = re.compile(r"['’ʿʾ`]")


@lru_cache(maxsize=200_000)  # the vocabulary of a corpus is limited
def arabic_key(word: str) -> str:
    """The key of an Arabic word; empty if it would be too short.

    Args:
        word: Folded, without article and particles.
    """
    key = _arabic_sounds(word)
    # Folding makes ه of a final ة, which Latin spellings omit or write as h.
    key = key[:-1] if word.endswith("ه") else key
    return key if len(key) >= LEAST else ""


def _arabic_sounds(word: str) -> str:
    return _ARABIC_FIRST.get(word[:1], "") + "".join(_ARABIC.get(letter, "") for letter in word)


def joined(first: str, second: str) -> list[str]:
    """The spellings of a two-word Arabic name that is one word in Latin letters; empty for other words.

    Args:
        first: Folded, without particles.
        second: Folded.
    """
    if second in _SECOND:
        return [first + _SECOND[second]]
    if first != _SERVANT or not second.startswith("ال") or len(second) <= LEAST:
        return []
    return [first + second, *([first + second[2:]] if second[2] in _SUN_LETTERS else [])]


def latin_keys(text: str) -> list[frozenset[str]]:
    """The keys of each name in a text in Latin letters, one for each way to read the name.

    A word is a name if it has a capital letter inside a sentence or an article joined to it. The first word
    of a text is always capitalised, so its capital letter is no evidence.
    """
    names: list[frozenset[str]] = []
    for at, match in enumerate(_WORD.finditer(text)):
        parts = [part for part in _MARKS.sub("", match.group()).split("-") if part]
        joined = len(parts) > 1 and parts[0].casefold() in _ARTICLES
        if joined:
            parts = parts[1:]
        for part in parts:
            if joined or (part[0].isupper() and at > 0):
                names.append(frozenset(key for key in _readings(part) if len(key) >= LEAST))
    return [keys for keys in dict.fromkeys(names) if keys]


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
    return ["".join(choice) for choice in itertools.islice(itertools.product(*choices), MOST_READINGS)]


def likeness(latin: str, arabic: str) -> float:
    """The similarity of a word in Latin letters and one in Arabic letters as spellings of a name, 0 to 1.

    It is 1 minus the edit distance of their sounds divided by the longer length, for the best readings of
    both words. In this Levenshtein distance, similar consonants and weak sounds cost less.

    Args:
        latin: A word as written.
        arabic: A folded word, possibly with article and particles.
    """
    return _likeness(latin.casefold(), arabic)


@lru_cache(maxsize=100_000)  # every check compares the few names of a claim with the words of a sentence
def _likeness(latin: str, arabic: str) -> float:
    bare = [arabic[len(p) :] for p in ("", *_ATTACHED) if arabic.startswith(p) and len(arabic) - len(p) >= 2]
    readings = {_arabic_sounds(form) for form in bare}
    readings |= {_arabic_sounds(form)[:-1] for form in bare if form.endswith("ه")}
    pairs = itertools.product(filter(None, _readings(latin)), filter(None, readings))
    return max((1 - _distance(a, b) / max(len(a), len(b)) for a, b in pairs), default=0.0)


def _distance(latin: str, arabic: str) -> float:
    above = [0.0]
    for sound in arabic:
        above.append(above[-1] + _gap(sound))
    for sound in latin:
        row = [above[0] + _gap(sound)]
        for at, target in enumerate(arabic):
            swapped = 0.0 if sound == target else _NEAR_COST if frozenset((sound, target)) in _NEAR else 1.0
            row.append(min(above[at] + swapped, above[at + 1] + _gap(sound), row[-1] + _gap(target)))
        above = row
    return above[-1]


def _gap(sound: str) -> float:
    return 0.5 if sound in _WEAK else 1.0
