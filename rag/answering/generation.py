"""The one place that calls the language model: evidence and a question → a draft of an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answering import confidence
from rag.answering import draft as drafts
from rag.answering.context import Context
from rag.answering.draft import Draft
from rag.language.glossing.gloss import gloss
from rag.language.text import is_arabic
from rag.models.llm import prompt
from rag.models.llm.protocol import LogProbabilities, Message, check_limits
from rag.records import Evidence, Language

UNSURE = 0.6
"""Probability of a refusal below which the evidence is read again in another order. Thresholds from .6 to .9
did equally well on the questions that they were chosen on, and the lowest of them reads the fewest questions
twice (docs/research/decisions.md)."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply."""

    text: str
    """All of it."""
    likelihood: LogProbabilities | None
    """Log probabilities of its tokens; None where the backend does not give them."""


def complete(
    messages: Sequence[Message],
    max_tokens: int,
    context: Context,
) -> Completion:
    """The model's reply to a prompt.

    Args:
        messages: The prompt.
        max_tokens: Longest reply, in the model's tokens.
        context: Holds the model, and whether the answer is still wanted.

    Raises:
        Cancelled: The answer is no longer wanted.
        DeadlinePassed: The answer was not complete in time.
        GenerationFailed: The model failed.
    """
    text = ""
    stream_of = context.model.stream(
        messages, max_tokens=max_tokens, cancel=context.cancel, deadline=context.deadline
    )
    # closing() stops the model when the answer is no longer wanted.
    with contextlib.closing(stream_of) as stream:
        while True:
            check_limits(context.cancel, context.deadline)
            try:
                piece = next(stream)
            except StopIteration as end:
                return Completion(text, end.value)
            text += piece


def glossed(text: str) -> str:
    """A text of an article, an Arabic one word for word in English."""
    return gloss(text) if is_arabic(text) else text


def wording_for(question: str, language: Language, *, adapted: bool) -> prompt.Wording:
    """The words in which a model is shown the sentences of articles.

    The adapted model reads glosses where question and answer are in English: it is trained to, and knows far
    more of English than of Arabic (docs/research/decisions.md). Otherwise they are the article's.

    Args:
        question: As it is put to the model.
        language: Of the answer.
        adapted: Whether the model is asked as the adapter was trained to be.
    """
    return glossed if adapted and language == "en" and not is_arabic(question) else prompt.as_written


def has_headlines(wording: prompt.Wording) -> bool:
    """Whether the model reads the headlines of articles: above glosses, where they gain.

    Above Arabic sentences the same adapter names wrong ones more often (docs/research/decisions.md).
    """
    return wording is glossed


def generate(
    question: str,
    evidence: Sequence[Evidence],
    context: Context,
    *,
    order: prompt.Order = tuple,
) -> Draft:
    """What the model answers from evidence.

    Args:
        question: As it is put to the model.
        evidence: Numbered from 1, most useful first; without any the model is not asked.
        context: Holds model, prompt and language.
        order: Puts the evidence into the order in which the model reads it.

    Raises:
        PromptBroken: Not even the first sentence fits into the model's context.
        Cancelled: The answer is no longer wanted.
        GenerationFailed: The model failed.
    """
    if not evidence:
        return Draft(question, (), refused=True)
    settings = context.settings
    wording = wording_for(question, context.language, adapted=context.adapted)
    headlines = has_headlines(wording)

    def read(items: Sequence[Evidence]) -> tuple[Evidence, ...]:
        return prompt.by_article(order(items)) if headlines else order(items)

    messages, fitting = prompt.build(
        context.template,
        question=question,
        evidence=evidence,
        language=context.language,
        count=context.model.count,
        budget=context.model.context - settings.max_new_tokens,
        order=read,
        wording=wording,
        headlines=headlines,
    )
    completion = complete(messages, settings.max_new_tokens, context)
    draft = drafts.parse(completion.text, question, fitting, read(fitting))
    return confidence.rated(draft, completion.likelihood, context.model.identity)


def read_again(draft: Draft, context: Context) -> Draft:
    """Step: where the model refuses with low confidence, ask again with the evidence in another order.

    Whether a small model finds the answer among similar sentences depends on their positions.
    """
    first = draft.confidence
    if not draft.refused or first is None or first.choice >= UNSURE or len(draft.evidence) < 2:
        return draft
    other = generate(draft.question, draft.evidence, context, order=prompt.rotated)
    context.clock.mark("reread")
    return draft if other.refused or other.confidence is None or not other.statements else other
