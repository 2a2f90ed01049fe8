"""What a reader sees of the statements that stay: quotations, and the sides of a disagreement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from rag.answering import quotation
from rag.answering.context import Context
from rag.answering.decision import REASONS
from rag.answering.draft import Draft, Statement
from rag.conversation.answer_type import fits
from rag.language.text import is_arabic
from rag.records import Evidence, Language

DONE: dict[Language, str] = {"en": "Reported as done: {text}", "ar": "ما أُعلن أنه تم: {text}"}
PLANNED: dict[Language, str] = {"en": "Planned: {text}", "ar": "المخطط له: {text}"}
"""How something done and the plan for it are labelled."""


def label_sides(draft: Draft, context: Context) -> Draft:
    """Label what was done and what was planned, as the sentences may be in another language."""
    if draft.relation != "plan and outcome" or draft.outcome != "conflict":
        return draft
    labels = DONE[context.language], PLANNED[context.language]
    labelled = []
    for statement, label in zip(draft.statements, labels, strict=True):
        supported = draft.trusts_words and statement.verdict == "supported"
        if statement.quoted or not supported or not fits(draft.question, statement.text, statement.words):
            words = statement.words or statement.text
            statement = quotation.whole(statement, context.language, words=words, frame=quotation.QUOTED)
        labelled.append(dataclasses.replace(statement, text=label.format(text=seen(statement))))
    return dataclasses.replace(draft, statements=tuple(labelled))


def mark_doubtful(draft: Draft, context: Context) -> Draft:
    """Replace doubtful words by the sentences that they are taken from, and mark doubtful translations.

    A translation keeps the model's words, as its sentence says nothing to who does not know its language.
    """
    if draft.outcome not in ("answered", "partial") and not _is_sided(draft):
        return draft
    if draft.trusts_words:
        return draft
    quoted: dict[tuple[str, tuple[Evidence, ...]], Statement] = {}
    for statement in draft.statements:
        marked = _marked(statement, context.language)
        quoted.setdefault(("" if marked.quoted else marked.text, marked.cited), marked)
    return dataclasses.replace(draft, statements=tuple(quoted.values()))


def quote_beside(draft: Draft, context: Context) -> Draft:
    """Show the cited sentence after a phrase that is taken from it."""
    if not draft.phrases or draft.outcome not in ("answered", "partial"):
        return draft
    if any(one.added for one in draft.statements):
        return draft
    return _each(draft, lambda one: quotation.in_place(one, context.language))


def sides_by_date(draft: Draft, context: Context) -> Draft:
    """Order the sides of a disagreement by date, the latest first, each with outlet and date where known."""
    if draft.outcome != "conflict":
        return draft
    comma = REASONS[context.language]["comma"]
    ordered = sorted(draft.statements, key=lambda one: one.cited[0].published or "", reverse=True)
    return dataclasses.replace(draft, statements=tuple(_with_source(one, comma) for one in ordered))


STEPS = (label_sides, mark_doubtful, quote_beside, sides_by_date)
"""In order."""


def seen(statement: Statement) -> str:
    """What the reader sees of a statement, without markers."""
    return f"{statement.text}: {statement.beside}" if statement.beside else statement.text


def before_stop(text: str, added: str) -> str:
    """A text with ``added`` before its final punctuation."""
    bare = text.rstrip(".!?؟…")
    return f"{bare}{added}{text[len(bare) :]}"


def _each(draft: Draft, change: Callable[[Statement], Statement]) -> Draft:
    return dataclasses.replace(draft, statements=tuple(change(one) for one in draft.statements))


def _is_sided(draft: Draft) -> bool:
    return draft.outcome == "conflict" and draft.relation == "sides"


def _marked(statement: Statement, language: Language) -> Statement:
    if not statement.cited or statement.quoted or statement.quotation:
        return statement
    if is_arabic(statement.cited[0].text) == (language == "ar"):
        return quotation.whole(statement, language, "", statement.words or statement.text)
    reason = statement.reason or REASONS[language]["doubtful"]
    return dataclasses.replace(statement, verdict="partial", reason=reason)


def _with_source(statement: Statement, comma: str) -> Statement:
    source = statement.cited[0]
    of = comma.join(part for part in (source.outlet, source.published) if part)
    bare = seen(statement).rstrip(".؟!؛ ")
    text = f"{bare} ({of})." if of else f"{bare}."
    return dataclasses.replace(statement, text=text, beside="")
