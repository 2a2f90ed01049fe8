"""Distinguishes a name from other Arabic words by its letters, and transliterates it as newspapers do.

A joint n-gram model: an Arabic letter and its Latin letters are one unit (ش and ``sha``), and a unit depends
on the two before it. train/translation/transliteration.py learns data/letters.tsv from known names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from rag.language.names import likeness
from rag.language.translation import data_folder
from rag.language.translation.words import LEAST

BEAM = 10
"""Hypotheses that are kept after each letter. With 30, no more of the held-out names are spelled right."""
MOST_UNITS = 24
"""Most units that are tried for a letter, the most frequent first."""
SPELLINGS = 2
"""Most spellings that are returned."""
NEAR = 1.5
"""Largest difference in score, in nats, between the best spelling and the second."""
KNOWN, KNOWN_LIKE = 1.5, 0.8
"""Bonus of a spelling in the list of frequent names, in nats per letter, and its least similarity of sounds.
Of 656 names in translated news and encyclopaedia sentences the first spelling is right for .21, without the
list for .11; with 8,000 names instead of 16,000 for .19, with 24,000 for no more."""
EDGE = ("", "")
"""The unit before the first letter and after the last."""

Unit = tuple[str, str]
"""An Arabic letter and its Latin letters."""

PLAIN = {
    "ا": "a", "ب": "b", "ت": "t", "ث": "th", "ج": "j", "ح": "h", "خ": "kh", "د": "d", "ذ": "dh", "ر": "r",
    "ز": "z", "س": "s", "ش": "sh", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "a", "غ": "gh", "ف": "f",
    "ق": "q", "ك": "k", "ل": "l", "م": "m", "ن": "n", "ه": "h", "و": "w", "ي": "i", "ء": "a", "پ": "p",
    "چ": "ch", "گ": "g", "ڤ": "v",
}  # fmt: skip
"""One spelling of each letter, for letters that the model has not seen."""


class Model:
    """Counts of units in their contexts.

    Args:
        file: Lines of three units, ``letter:latin`` separated by spaces, TAB, and how often the third follows
            the two before it.
    """

    def __init__(self, file: Path) -> None:
        self._counts: dict[tuple[Unit, ...], dict[Unit, int]] = defaultdict(lambda: defaultdict(int))
        units: dict[str, dict[Unit, int]] = defaultdict(lambda: defaultdict(int))
        for line in file.read_text(encoding="utf-8").splitlines():
            text, _, count = line.partition("\t")
            first, second, third = (_unit(part) for part in text.split(" "))
            for context in ((first, second), (second,), ()):
                self._counts[context][third] += int(count)
            units[third[0]][third] += int(count)
        self._totals = {context: sum(after.values()) for context, after in self._counts.items()}
        self._units = {
            letter: sorted(counts, key=lambda unit: -counts[unit])[:MOST_UNITS]
            for letter, counts in units.items()
        }

    def probability(self, before: tuple[Unit, Unit], unit: Unit) -> float:
        """The probability of a unit after two others, by Witten-Bell interpolation."""
        value = 1e-5
        for context in ((), before[1:], before):
            after = self._counts.get(context)
            if after:
                total, kinds = self._totals[context], len(after)
                value = (after.get(unit, 0) + kinds * value) / (total + kinds)
        return value

    def spellings(self, letters: str, beginnings: frozenset[str] | None = None) -> list[tuple[float, str]]:
        """Log probabilities and spellings, the best first, in lower case.

        Args:
            letters: A folded Arabic word.
            beginnings: The allowed beginnings of a spelling, of every length; by default all.
        """
        beam: list[tuple[float, str, tuple[Unit, Unit]]] = [(0.0, "", (EDGE, EDGE))]
        for letter in (*letters, ""):
            scores: dict[tuple[str, tuple[Unit, Unit]], float] = {}
            for score, text, before in beam:
                for unit in self._units.get(letter, [(letter, PLAIN.get(letter, ""))]):
                    key = (text + unit[1], (before[1], unit))
                    if beginnings is not None and key[0] not in beginnings:
                        continue
                    value = score + math.log(self.probability(before, unit))
                    scores[key] = max(scores.get(key, -math.inf), value)
            kept = sorted(((value, *key) for key, value in scores.items()), key=lambda item: -item[0])[:BEAM]
            beam = kept
        best: dict[str, float] = {}
        for score, text, _ in beam:
            best.setdefault(text, score)
        return sorted(((score, text) for text, score in best.items()), reverse=True)


def _unit(text: str) -> Unit:
    letter, _, latin = text.partition(":")
    return letter, latin


@lru_cache(maxsize=1)
def model() -> Model:
    """The model that ships with the package."""
    return Model(data_folder() / "letters.tsv")


@lru_cache(maxsize=1)
def latin_names() -> tuple[frozenset[str], frozenset[str]]:
    """Given names and surnames that are frequent in English, in lower case, and their beginnings."""
    names = frozenset((data_folder() / "latin.txt").read_text(encoding="utf-8").split())
    return names, frozenset(name[:size] for name in names for size in range(len(name) + 1))


def ranked(letters: Model, word: str) -> list[tuple[float, str]]:
    """Spellings of a folded Arabic word in lower case, the best first; frequent names are preferred.

    Args:
        letters: The model.
        word: Without particles and article.
    """
    names, beginnings = latin_names()
    scores = {text: score for score, text in (*letters.spellings(word), *letters.spellings(word, beginnings))}

    def weighed(text: str) -> float:
        known = text in names and likeness(text, word) >= KNOWN_LIKE
        return scores[text] + KNOWN * len(text) * known

    return sorted(((weighed(text), text) for text in scores), reverse=True)


@lru_cache(maxsize=20_000)
def spellings_of(word: str, *, article: bool = True) -> tuple[str, ...]:
    """One or two Latin spellings of a folded Arabic name without particles, the best first.

    Args:
        word: Folded.
        article: Whether ال at its beginning may be the article.
    """
    bare = word.removeprefix("ال") if len(word) > 4 and article else word
    spellings = ranked(model(), bare)
    near = [text for score, text in spellings if text and score > spellings[0][0] - NEAR]
    return tuple(_capitalised(text) for text in near[:SPELLINGS]) or (plain_spelling(word) or word,)


def _capitalised(text: str) -> str:
    return f"Mc{text[2:].capitalize()}" if text.startswith("mc") and len(text) > LEAST else text.capitalize()


def plain_spelling(word: str) -> str:
    """A folded Arabic word transliterated letter by letter, without the vowels that Arabic does not write."""
    bare = word.removeprefix("ال") if len(word) > 4 else word
    return "".join(PLAIN.get(letter, letter) for letter in bare).capitalize()


def trigrams(word: str) -> list[str]:
    """The trigrams of a word's letters, including its edges."""
    padded = f"^^{word}$"
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


@lru_cache(maxsize=1)
def _shapes() -> dict[str, float]:
    lines = (data_folder() / "shapes.tsv").read_text(encoding="utf-8").splitlines()
    return {key: float(value) for key, _, value in (line.partition("\t") for line in lines)}


def likeness_to_names(word: str) -> float:
    """The log likelihood ratio of a folded word's letters, name to other word, in nats; 0 is even."""
    shapes = _shapes()
    return sum(shapes.get(key, 0.0) for key in trigrams(word))
