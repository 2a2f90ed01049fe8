"""What a model's reply becomes on its way to an answer: one record that gains fields step by step.

``reply.parse`` makes statements of the reply's text, the steps of the pipeline change or add some,
verification gives each a verdict, presentation the words around it, and the answer builder turns them into
claims with numbered citations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.records import Evidence, Outcome, Verdict

Span = tuple[str, int, int]
"""Article id, first character and one past the last: what identifies a sentence."""

Relation = Literal["sentences", "sides", "plan and outcome"]
"""How the statements of a draft relate: consecutive sentences of one answer; answers from different
sentences, which may disagree; something that is done, then the plan for it."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Confidence from the probabilities of a reply's tokens, for the model that was calibrated."""

    choice: float
    """Probability of the sentence number that the reply names, or of its refusal, 0 to 1."""
    words: bool
    """Whether the reply's own words are probably right (confidence.py)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a draft."""

    text: str
    """What it says, without markers; empty while it is only a sentence to be quoted."""
    cited: tuple[Evidence, ...] = ()
    """The sentences that it rests on; none where the model named none."""
    words: str = ""
    """The cited sentence's own words, where ``text`` puts them into another language."""
    quoted: bool = False
    """``text`` is a quoted sentence of the article, not the model's words."""
    added: bool = False
    """Found by a cross-check of other articles: it is left out where it cannot be supported."""
    verdict: Verdict = "supported"
    """How far the cited sentences support it."""
    reason: str = ""
    """Why it is not supported, for the reader; empty for a supported one."""
    quotation: str = ""
    """The part of the cited sentence that is shown to the reader; empty where none is."""
    beside: str = ""
    """The quotation as it is printed after ``text``; empty where ``text`` contains it already."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The answer to one question, from the model's reply to what will be printed."""

    question: str
    """As it was put to the model."""
    evidence: tuple[Evidence, ...]
    """The sentences that it rests on: those that the model was shown, and what cross-checks added."""
    statements: tuple[Statement, ...] = ()
    """In order; none where the model refused or said nothing."""
    refused: bool = False
    """The model says that the evidence does not contain the answer."""
    relation: Relation = "sentences"
    """How the statements relate."""
    phrases: bool = False
    """The reply named its sentences first; what it says is usually a phrase of theirs."""
    confidence: Confidence | None = None
    """None for a model whose probabilities are unknown."""
    rejected: bool = False
    """The model, asked about the cited sentence alone, says that it does not answer the question."""
    outcome: Outcome = "not_found"
    """How the question ended; set by the decision."""

    @property
    def sure(self) -> bool:
        """Whether the model's own words are known to be probably right."""
        return self.confidence is not None and self.confidence.words

    @property
    def trusts_words(self) -> bool:
        """Whether there is no reason to doubt the model's own words."""
        return self.confidence is None or self.confidence.words


def span(item: Evidence) -> Span:
    """What identifies a sentence."""
    return item.article_id, item.start, item.end


def renumbered(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Sentences of several prompts, each once, numbered from 1.

    Args:
        evidence: In the order in which they were shown.
    """
    once = {span(item): item for item in evidence}
    return tuple(dataclasses.replace(item, number=n) for n, item in enumerate(once.values(), start=1))


def among(item: Evidence, cited: Sequence[Evidence]) -> bool:
    """Whether a sentence is one of those cited, whichever search brought it."""
    return any(span(item) == span(other) for other in cited)
