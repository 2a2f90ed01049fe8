"""Whether a reply's own words are probably right, judged by the probabilities of its tokens.

A small model that does not know which words of a sentence answer the question still finds the sentence: in
nine of ten development questions, while its words are right in six of ten. Its wrong words have less probable
tokens. So the words are shown where they are probably right, and the sentence itself otherwise.

The weights are those of a logistic regression, fitted by train/reader/certainty.py to replies of the adapted
model; they hold for no other model.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from pathlib import Path

from rag.answering.draft import Confidence, Draft
from rag.models import logistic
from rag.models.llm.protocol import LogProbabilities
from rag.models.logistic import LogisticModel

FILE = Path(__file__).resolve().parent / "data" / "certainty.json"

FEATURES = ("mean", "least", "choice", "length")
"""The mean and the lowest log probability of the tokens of a reply's words, the log odds of the cited
sentence's number, and the logarithm of one more than the number of those tokens."""

CHOICE, WORDS = 1, 3
"""Positions, in tokens, of the cited sentence's number and of the first word in a reply like "[2] 308"."""

CHOSEN = 0.5
"""Least probability at which the sentence that a reply cites counts as the right one, although the words of
the reply failed a check: it is more probable than all others and a refusal together."""


def chose(draft: Draft) -> bool:
    """Whether the sentence that a reply cites is probably the right one."""
    return draft.confidence is not None and draft.confidence.choice >= CHOSEN


def rated(draft: Draft, likelihood: LogProbabilities | None, generator: str) -> Draft:
    """A draft with the confidence that its tokens' probabilities give.

    Args:
        draft: Of the reply.
        likelihood: Log probabilities of the reply's tokens; None where the backend does not give them.
        generator: Identity of the model.
    """
    model = load()
    if likelihood is None or len(likelihood) <= WORDS or not model.holds_for(generator):
        return draft
    words = model.accepts(features(likelihood))
    return dataclasses.replace(draft, confidence=Confidence(math.exp(likelihood[CHOICE]), words))


def features(likelihood: LogProbabilities) -> dict[str, float]:
    """The features of a reply, by the names in ``FEATURES``.

    Args:
        likelihood: Log probabilities of a reply that cites a sentence and has words of its own.
    """
    words = likelihood[WORDS:]
    odds = logistic.log_odds(likelihood[CHOICE])
    values = (sum(words) / len(words), min(words), odds, math.log1p(len(words)))
    return dict(zip(FEATURES, values, strict=True))


@lru_cache(maxsize=1)
def load() -> LogisticModel:
    """The fitted model."""
    return LogisticModel.load(FILE)
