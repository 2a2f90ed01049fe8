"""How probable it is that a reply's own words are right, told by the probabilities of its tokens.

A small model that does not know which words of a sentence answer still finds the sentence: nine times of
ten on development questions, while its words are right six times of ten. It is unsure of wrong words: their
tokens are less probable. So the words are told where they are probably right, and else the sentence itself.

The weights are a logistic regression's, fitted by train/certainty.py to replies of the adapted model, and
hold for no other.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rag.models import logistic
from rag.models.llm.protocol import Likelihood

FILE = Path(__file__).resolve().parent / "data" / "certainty.json"

FEATURES = ("mean", "least", "choice", "length")
"""Of a reply's words the mean and the least log probability of their tokens, of the sentence that it names
the log odds, of the words' tokens the logarithm of one more than their count."""

CHOICE, WORDS = 1, 3
"""Where a reply like "[2] 308" names its sentence, and where its words begin, in tokens."""

CHOSEN = 0.7
"""Probability from which the sentence that a reply names is taken for the right one although its words failed
a check. Of the failed replies to development questions those above it named it three times of four."""

ASIDE = 0.5
"""The same for another article's sentence that is told beside an answer, from which it takes nothing: of
what the hand-written questions find between this and ``CHOSEN``, four disagreements are real, two are not."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression."""

    generator: str
    """What the identity of a generator begins with that they hold for."""
    bias: float
    factors: tuple[float, ...]
    """One for each feature."""
    threshold: float
    """Least probability of words that are told."""

    def probability(self, likelihood: Likelihood) -> float:
        """The probability that a reply's words are right.

        Args:
            likelihood: Of a reply that names a sentence and says something.
        """
        return logistic.probability(self.bias, self.factors, features(likelihood))


def known(likelihood: Likelihood, generator: str) -> bool:
    """Whether anything can be told of a reply.

    Args:
        likelihood: As the generator told it.
        generator: Its identity.
    """
    return len(likelihood) > WORDS and generator.startswith(load().generator)


def words_are_likely(likelihood: Likelihood) -> bool:
    """Whether a reply's own words are probably right; its argument is as for ``Weights.probability``."""
    weights = load()
    return weights.probability(likelihood) >= weights.threshold


def choice(likelihood: Likelihood) -> float:
    """Probability of the sentence that it names; its argument is as for ``Weights.probability``."""
    return math.exp(likelihood[CHOICE])


def features(likelihood: Likelihood) -> tuple[float, ...]:
    """What is measured of a reply, by ``FEATURES``; arguments as for ``Weights.probability``."""
    words = likelihood[WORDS:]
    odds = logistic.log_odds(likelihood[CHOICE])
    return sum(words) / len(words), min(words), odds, math.log1p(len(words))


@lru_cache(maxsize=1)
def load() -> Weights:
    """The fitted weights."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    factors = tuple(told["factors"][name] for name in FEATURES)
    return Weights(told["generator"], told["bias"], factors, told["threshold"])
