"""Whether the cited sentences support a claim: one probability, from features measured outside the model.

A claim has one of three relations to the sentences that it cites, each with weights of its own:

    own       it is in their language: they should contain its words
    quoted    it is in another language and quotes words of theirs: they should contain these, and the
              meaning should be the same
    crossed   it is in another language, and nothing is quoted

The weights are those of a logistic regression, fitted by train/verifier.py to right and corrupted answers and
kept with their thresholds in data/support.json. They hold for the packaged embedder's cosines; with any other
embedder only numbers, months and the presence of quoted words are checked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rag.language import quantities
from rag.language.names import likeness
from rag.language.terms import terms
from rag.language.text import fold, is_arabic
from rag.models import logistic
from rag.models.embedding.embedder import Embedder

Relation = Literal["own", "quoted", "crossed"]

RELATIONS: tuple[Relation, ...] = get_args(Relation)

FILE = Path(__file__).resolve().parent / "data" / "support.json"

FEATURES = (
    "located", "unlocated", "strange", "order", "length", "negation",
    "names", "names_mean", "names_least", "back_mean", "back_least",
    "cosine", "words_mean", "words_least", "words_back_mean", "words_back_least",
)  # fmt: skip
"""In the order of the weights: shares, likenesses and cosines, and logarithms of counts of words."""

WORD_COSINES = 0.80, 0.95
"""Cosines of single words that count as 0 and as 1: multilingual-e5-small gives .75 to 1, and about .80 for
unrelated words."""

_WORD = re.compile(r"[^\W\d_]{2,}")
STEM = 4
"""Letters that a country and its people share: Iraq and Iraqi, Turkey and Turkish."""

_PEOPLE = re.compile(r"(?:ish|nch|tch|wiss|merican)s?$")
"""Endings of peoples' names that do not begin like the names of their countries."""

_ARABIC = re.compile(r"[\u0600-\u06ff]")

_NEGATIONS = {
    "en": re.compile(
        r"(?i)\b(?:no|not|never|none|nor|neither|without|cannot|den(?:y|ies|ied)|refus(?:e|es|ed)|\w+n['’]t)\b"
    ),
    "ar": re.compile(
        r"(?<!\w)[وف]?(?:لا|لم|لن|ليس|ليست|ليسوا|غير|دون|بدون|[بل]?عدم|نفي|نفت|ينفي|تنفي|رفض|رفضت|يرفض|ترفض)(?!\w)"
    ),
}
"""Negations; the Arabic ones folded."""

_EMPTY_WORDS = (
    "the of in to and for by on at from with an was were is are his her its their that which who this as did "
    "do does what how when where why many much it they he she "
    "في من علي الي عن مع ان التي الذي كان كانت ما هو هي هذا هذه"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
"""Function words, folded."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression."""

    bias: float
    factors: tuple[float, ...]
    """One for each feature."""
    threshold: float
    """Lowest probability of a claim that counts as supported."""

    def probability(self, values: Sequence[float]) -> float:
        """The probability that belongs to features."""
        return logistic.probability(self.bias, self.factors, values)


@dataclass(frozen=True, slots=True)
class Support:
    """How far sources support a claim."""

    probability: float
    """By the fitted weights; 0 where a number or month of the claim is in none of the sources."""
    stands: bool
    """The probability reaches the threshold."""


def support(text: str, words: str, sources: Sequence[str], embedder: Embedder, known: str = "") -> Support:
    """How far sources support a claim.

    Args:
        text: The claim, without markers.
        words: What it quotes of its sources; may be empty.
        sources: The cited sentences; at least one.
        embedder: Compares meanings across languages.
        known: The question, whose names a claim may repeat.
    """
    # Not left to weights: a wrong number or name is never a matter of degree.
    if tells_other_values(text, words, sources) or strangers(text, words, sources, known):
        return Support(0.0, stands=False)
    fitted = load(embedder.identity)
    if fitted is None or not _WORD.search(text):  # a number alone was judged by its value
        held = not words or fold(words) in fold(" ".join(sources))
        return Support(float(held), held)
    own = fitted[relation(text, words, sources)]
    texts = compared(text, words, sources)
    vectors = dict(zip(texts, embedder.passages(texts), strict=True))
    found = own.probability(features(text, words, sources, vectors))
    return Support(found, found >= own.threshold)


def tells_other_values(text: str, words: str, sources: Sequence[str]) -> bool:
    """Whether a number or month of a claim is in none of its sources, or not in what it quotes of them.

    Args:
        text: As for ``support``.
        words: As for ``support``.
        sources: As for ``support``.
    """
    return bool(quantities.missing(text, list(sources)) or (words and quantities.missing(text, [words])))


def strangers(text: str, words: str, sources: Sequence[str], known: str = "") -> list[str]:
    """The names of a claim that neither its sources nor the question contain.

    Only English claims about English sources are checked. A name is a word with a capital letter within a
    sentence. Names are not paraphrased, except those of peoples (French, American) and abbreviations, which
    are skipped.

    Args:
        text: As for ``support``.
        words: As for ``support``.
        sources: As for ``support``.
        known: The question, which may contain names too.
    """
    if is_arabic(text) or relation(text, words, sources) != "own":
        return []
    there = " ".join([*sources, known])
    held, starts = set(terms(there)), {word[:STEM] for word in fold(there).split()}
    inside = (match[0] for match in _WORD.finditer(text) if match.start())
    names = [word for word in inside if word[0].isupper() and not word.isupper() and not _PEOPLE.search(word)]
    return [name for name in names if not held & set(terms(name)) and fold(name)[:STEM] not in starts]


def relation(text: str, words: str, sources: Sequence[str]) -> Relation:
    """The relation of a claim to its sources, by the scripts of both; arguments as for ``support``."""
    if words:
        return "quoted"
    own = any(is_arabic(source) == is_arabic(text) for source in sources)
    return "own" if own or not _WORD.search(text) else "crossed"


def compared(text: str, words: str, sources: Sequence[str]) -> list[str]:
    """The texts whose vectors ``features`` needs; arguments as for ``support``."""
    single = [*_content(text), *_content(words)] if words else []
    return list(dict.fromkeys([text, words or " ".join(sources), *single]))


def features(
    text: str, words: str, sources: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[float, ...]:
    """The features of a claim, in the order of ``FEATURES``.

    Args:
        text: As for ``support``.
        words: As for ``support``.
        sources: As for ``support``.
        vectors: Of the texts that ``compared`` names; of unit length.
    """
    whole = " ".join(sources)
    against = words or whole
    names, back = _named(text, against, both=bool(words))
    one, other = _matched(_content(text), _content(words), vectors)
    spoken = fold(words or text).split()
    absent = _unlocated(spoken, whole)
    capitals = {fold(word) for word in _WORD.findall(words or text) if word[0].isupper()}
    return (
        1 - len(absent) / len(spoken) if spoken else 0.0,
        math.log1p(sum(word not in _EMPTY for word in absent)),
        math.log1p(sum(word in capitals for word in absent)),
        float(fold(words or text) in fold(whole)),
        math.log1p(len(text.split())),
        float(_denies(text) == _denies(against)),
        float(bool(names)),
        *_mean_and_least(names),
        *_mean_and_least(back),
        float(vectors[text] @ vectors[against]),
        *_mean_and_least(one),
        *_mean_and_least(other),
    )


def _matched(
    one: list[str], other: list[str], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[list[float], list[float]]:
    """For each word the likeness of the nearest word of the other side, by meaning or by spelling."""
    if not one or not other:
        return [], []
    low, high = WORD_COSINES
    meant = np.array([[vectors[a] @ vectors[b] for b in other] for a in one])
    spelt = np.array([[_spelt(a, b) for b in other] for a in one])
    best = np.maximum(np.clip((meant - low) / (high - low), 0, 1), spelt)
    return best.max(1).tolist(), best.max(0).tolist()


@lru_cache(maxsize=8)
def load(embedder: str) -> dict[Relation, Weights] | None:
    """The fitted weights by relation; None where they were fitted for another embedder.

    Args:
        embedder: Identity of the embedder that gives the cosines.
    """
    told = json.loads(FILE.read_text(encoding="utf-8"))
    if told["embedder"] != embedder:
        return None
    return {
        kind: Weights(own["bias"], tuple(own["factors"][name] for name in FEATURES), own["threshold"])
        for kind, own in ((kind, told[kind]) for kind in RELATIONS)
    }


def _unlocated(spoken: Sequence[str], whole: str) -> list[str]:
    """The folded words that the sources do not contain, compared by stem."""
    held = set(terms(whole))
    return [word for word in spoken if not held & set(terms(word))]


def _named(text: str, against: str, *, both: bool) -> tuple[list[float], list[float]]:
    """For names in Latin letters the likeness of the nearest word in Arabic letters, and the other way round.

    Args:
        text: The claim.
        against: The text that should support it.
        both: Whether both sides should contain the same names; otherwise ``against`` may contain more, and
            only the names of ``text`` are looked for.
    """
    arabic = is_arabic(text)
    if arabic == is_arabic(against) or (arabic and not both):
        return [], []
    latin, other = (against, text) if arabic else (text, against)
    names = [w for w in _WORD.findall(latin) if w[0].isupper() and w.isascii() and fold(w) not in _EMPTY]
    words = [w for w in fold(other).split() if _ARABIC.match(w) and w not in _EMPTY]
    if not names or not words:
        return [], []
    table = [[likeness(name, word) for word in words] for name in names]
    forth = [max(row) for row in table]
    return forth, [max(column) for column in zip(*table, strict=True)] if both else []


def _spelt(one: str, other: str) -> float:
    latin, arabic = (one, other) if one.isascii() else (other, one)
    return likeness(latin, fold(arabic)) if latin[0].isupper() and not arabic.isascii() else 0.0


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if fold(word) not in _EMPTY]


def _mean_and_least(values: Sequence[float]) -> tuple[float, float]:
    return (float(sum(values) / len(values)), float(min(values))) if values else (0.0, 0.0)


def _denies(text: str) -> bool:
    return bool(_NEGATIONS["ar"].search(fold(text)) if is_arabic(text) else _NEGATIONS["en"].search(text))
