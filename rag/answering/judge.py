"""Step: the model judges whether the sentence that it cited answers the question.

A small model sometimes cites a sentence that is close to the question but does not answer it, instead of
refusing. It is asked whether the sentence contains the answer, and a logistic regression over this reply and
the probability of the citation decides. Its weights are fitted by train/answerability.py to replies of the
adapted model; they hold for no other model.
"""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from pathlib import Path

from rag.answering.context import Context
from rag.answering.draft import Draft
from rag.answering.generation import as_read, complete
from rag.conversation.answer_type import is_choice
from rag.language.sanitize import neutral
from rag.models import logistic
from rag.models.llm import prompt
from rag.models.llm.protocol import Message
from rag.models.logistic import LogisticModel
from rag.records import Evidence

FILE = Path(__file__).resolve().parent / "data" / "answerability.json"

FEATURES = ("choice", "says")
"""Log odds of the cited sentence's number in the model's reply, and that it says yes when it is asked whether
that sentence contains the answer."""

TEMPLATE = "judge"
"""The prompt that asks whether the sentence contains the answer."""

VARIABLES = frozenset({"question", "evidence"})
"""The variables of that prompt."""

LEAST_SAYS = -4.0
"""Lower bound of the log odds of a yes, from the training replies. A sentence that would be kept even with
this value is not asked about."""


def judge_again(draft: Draft, context: Context) -> Draft:
    """Step: reject a draft whose only sentence does not answer the question.

    Skipped for yes-or-no questions, for which the judge was not fitted, and for models whose probabilities
    are not calibrated.
    """
    model = load()
    known = context.adapted and model.holds_for(context.model.identity)
    if not known or draft.confidence is None or is_choice(draft.question):
        return draft
    if len(draft.statements) != 1 or not draft.statements[0].cited:
        return draft
    choice = logistic.log_odds(math.log(draft.confidence.choice))
    if model.accepts({"choice": choice, "says": LEAST_SAYS}):
        return draft
    says = odds_says(draft.question, draft.statements[0].cited[0], context)
    context.clock.mark("judge")
    if says is None or model.accepts({"choice": choice, "says": says}):
        return draft
    return dataclasses.replace(draft, rejected=True)


def odds_says(question: str, sentence: Evidence, context: Context) -> float | None:
    """Log odds that the model says a sentence contains the answer; None for a reply of another form.

    Args:
        question: As put to the model.
        sentence: The sentence.
        context: Holds the model.

    Raises:
        PromptBroken: The judging prompt is missing or wrong.
        GenerationFailed: The model failed.
    """
    read = as_read(question, context.language)
    shown = {"evidence": neutral(read(sentence)), "question": neutral(question)}
    messages = prompt.fill(load_template(), **shown)
    completion = complete(messages, 1, context)
    if not completion.likelihood:
        return None
    odds = logistic.log_odds(completion.likelihood[0])
    reply = completion.text.strip().casefold()
    return odds if reply.startswith("yes") else -odds if reply.startswith("no") else None


def load_template() -> tuple[Message, ...]:
    """The judging prompt, variables still in it.

    Raises:
        PromptBroken: It is missing, or its variables or headings are wrong.
    """
    return prompt.load(TEMPLATE, VARIABLES)


@lru_cache(maxsize=1)
def load() -> LogisticModel:
    """The fitted model."""
    return LogisticModel.load(FILE)
