"""What a reader sees of the statements that stay: quotations, and the sides of a disagreement."""

from __future__ import annotations

import dataclasses

from rag.answering import quotation
from rag.answering.context import Context
from rag.answering.decision import REASONS
from rag.answering.draft import Draft, Span, Statement, span
from rag.conversation.answer_type import fits
from rag.records import Language

DONE: dict[Language, str] = {"en": "Reported as done: {text}", "ar": "ما أُعلن أنه تم: {text}"}
PLANNED: dict[Language, str] = {"en": "Planned: {text}", "ar": "المخطط له: {text}"}
"""How something done and the plan for it are labelled."""


def quote_sentences(draft: Draft, context: Context) -> Draft:
    """Show the cited sentence, or its translation, in place of doubtful words and after a phrase."""
    if draft.relation == "plan and outcome" and draft.outcome == "conflict":
        return draft
    quoted: dict[tuple[str, tuple[Span, ...]], Statement] = {}
    for statement in draft.statements:
        shown = _shown(statement, draft, context.language)
        key = "" if shown.quoted else shown.text, tuple(map(span, shown.cited))
        quoted.setdefault(key, shown)
    return dataclasses.replace(draft, statements=tuple(quoted.values()))


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
            statement = quotation.whole(statement, context.language, words=words, frame=quotation.BESIDE)
        labelled.append(dataclasses.replace(statement, text=label.format(text=seen(statement))))
    return dataclasses.replace(draft, statements=tuple(labelled))


def sides_by_date(draft: Draft, context: Context) -> Draft:
    """Order the sides of a disagreement by date, the latest first, each with outlet and date where known."""
    if draft.outcome != "conflict":
        return draft
    comma = REASONS[context.language]["comma"]
    ordered = sorted(draft.statements, key=lambda one: one.cited[0].published or "", reverse=True)
    return dataclasses.replace(draft, statements=tuple(_with_source(one, comma) for one in ordered))


STEPS = (quote_sentences, label_sides, sides_by_date)
"""In order."""


def seen(statement: Statement) -> str:
    """What the reader sees of a statement, without markers."""
    return f"{statement.text}: {statement.beside}" if statement.beside else statement.text


def before_stop(text: str, added: str) -> str:
    """A text with ``added`` before its final punctuation."""
    bare = text.rstrip(".!?؟…")
    return f"{bare}{added}{text[len(bare) :]}"


def _shown(statement: Statement, draft: Draft, language: Language) -> Statement:
    words = statement.words or statement.text
    if not statement.cited:
        return statement
    if statement.quoted:
        return quotation.whole(statement, language, statement.reason, words)
    foreign = quotation.is_foreign(statement.cited[0], language)
    if not draft.trusts_words:
        if not foreign:
            return quotation.whole(statement, language, words=words)
        reason = statement.reason or REASONS[language]["doubtful"]
        statement = dataclasses.replace(statement, verdict="partial", reason=reason)
    sided = draft.outcome == "conflict" or any(one.added for one in draft.statements)
    return statement if sided or not (foreign or draft.phrases) else quotation.in_place(statement, language)


def _with_source(statement: Statement, comma: str) -> Statement:
    source = statement.cited[0]
    of = comma.join(part for part in (source.outlet, source.published) if part)
    bare = seen(statement).rstrip(".؟!؛ ")
    text = f"{bare} ({of})." if of else f"{bare}."
    return dataclasses.replace(statement, text=text, beside="")
