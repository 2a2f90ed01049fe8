"""Step: the model judges again whether the sentence that it cited answers the question.

A small model sometimes cites a sentence that is close to the question but does not answer it, instead of
refusing. Where it cites a sentence with low confidence, it is asked twice more: the same question with only
that sentence, and whether the sentence contains the answer. A logistic regression over both replies decides.
Its weights are fitted by train/answerability.py to replies of the adapted model; they hold for no other
model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rag.answering.context import Context
from rag.answering.draft import Draft
from rag.answering.generation import complete
from rag.conversation.answer_type import is_choice
from rag.language.sanitize import neutral
from rag.models import logistic
from rag.models.llm import prompt
from rag.models.llm.protocol import Message
from rag.models.logistic import LogisticModel
from rag.records import Evidence
from rag.settings import ADAPTED

FILE = Path(__file__).resolve().parent / "data" / "answerability.json"

FEATURES = ("alone", "says")
"""Log odds that the model cites the sentence where it is shown no other, and that it says yes when it is
asked whether the sentence contains the answer."""

TEMPLATE = "judge"
"""The prompt that asks whether the sentence contains the answer."""

VARIABLES = frozenset({"question", "evidence"})
"""The variables of that prompt."""

SURE = 0.8
"""Probability of a cited sentence from which it is not judged again. On development questions nine of ten
cited sentences above it answer the question and half of those below it; a third of all are below."""

KEPT = 0.3
"""Lowest probability of answering with which a cited sentence is kept. On development questions it refuses
seven unanswerable questions for every three answerable ones (docs/research/decisions.md)."""

LEAST_SAYS = -4.0
"""Lower bound of the log odds of a yes, from the training replies (n 66, lowest -3.93). A sentence that would
be kept even with this value is not asked about a second time, because that prompt is the longest."""


def judge_again(draft: Draft, context: Context) -> Draft:
    """Step: reject a draft whose only sentence was cited with low confidence and does not answer.

    Skipped for yes-or-no questions, for which the judge was not fitted, and for models whose probabilities
    are not calibrated.
    """
    known = context.settings.template == ADAPTED and load().holds_for(context.model.identity)
    if not known or draft.confidence is None or draft.confidence.choice >= SURE:
        return draft
    if len(draft.statements) != 1 or not draft.statements[0].cited or is_choice(draft.question):
        return draft
    probability = answers(draft.question, draft.statements[0].cited[0], context)
    context.clock.mark("judge")
    if probability is None or probability >= KEPT:
        return draft
    return dataclasses.replace(draft, rejected=True)


def answers(question: str, sentence: Evidence, context: Context) -> float | None:
    """The probability that a sentence answers a question, or a lower bound of it that is enough to decide.

    Args:
        question: As put to the model.
        sentence: The sentence.
        context: Holds the model.

    Returns:
        The probability, 0 to 1; None where the model's reply has another form.

    Raises:
        PromptBroken: The sentence does not fit into the model's context.
        GenerationFailed: The model failed.
    """
    alone = odds_alone(question, sentence, context)
    if alone is None:
        return None
    least = _probability(alone, LEAST_SAYS)
    if least >= KEPT:
        return least
    says = odds_says(question, sentence, context)
    return None if says is None else _probability(alone, says)


def odds_alone(question: str, sentence: Evidence, context: Context) -> float | None:
    """Log odds that the model cites a sentence shown alone; None for a reply of another form."""
    messages, _ = prompt.build(
        context.template,
        question=question,
        evidence=[dataclasses.replace(sentence, number=1)],
        language=context.language,
        count=context.model.count,
        budget=context.model.context - 2,
    )
    return _odds(messages, 2, "[1", "[0", context)


def odds_says(question: str, sentence: Evidence, context: Context) -> float | None:
    """Log odds that the model says a sentence contains the answer; None for a reply of another form."""
    name = prompt.LANGUAGE_NAMES[context.language]
    messages = prompt.fill(load_template(), evidence=neutral(sentence.text), question=question, language=name)
    return _odds(messages, 1, "yes", "no", context)


def _odds(messages: Sequence[Message], tokens: int, yes: str, no: str, context: Context) -> float | None:
    """Log odds of ``yes`` against ``no``, by the reply's last token; None where it begins with neither."""
    completion = complete(messages, tokens, context)
    if completion.likelihood is None or len(completion.likelihood) < tokens:
        return None
    odds = logistic.log_odds(completion.likelihood[tokens - 1])
    reply = completion.text.strip().casefold()
    return odds if reply.startswith(yes) else -odds if reply.startswith(no) else None


def load_template() -> tuple[Message, ...]:
    """The judging prompt, variables still in it.

    Raises:
        PromptBroken: It is missing, or its variables or headings are wrong.
    """
    return prompt.load(TEMPLATE, VARIABLES)


def _probability(alone: float, says: float) -> float:
    return load().probability(dict(zip(FEATURES, (alone, says), strict=True)))


@lru_cache(maxsize=1)
def load() -> LogisticModel:
    """The fitted model."""
    return LogisticModel.load(FILE, threshold=KEPT)
