"""Step: check what other articles say about a question that one article has answered.

The first answer comes from the sentences that fit the question best, which often belong to one article.
Where it is a number or a date, or a sentence of another article fits nearly as well, the other articles are
searched with the question and the cited sentence together, because a later report may name a base where an
earlier plan names its region. The model answers the same question from what is found. Two different values
are a disagreement, and both are shown; the same answer of two articles is cited from both. What cannot be
compared is quoted beside the first answer. A plan and its outcome in another article are shown together too
(plans.py); the model is not asked about these, as it rightly refuses to answer a question about the base from
a sentence about the region.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Set

from rag.answering import confidence
from rag.answering.context import Context
from rag.answering.draft import Draft, Relation, Statement, in_place_of
from rag.answering.generation import generate
from rag.answering.support import agree
from rag.conversation.answer_type import is_choice, kind
from rag.language import quantities
from rag.language.names import latin_keys
from rag.language.plans import asked, fulfils
from rag.language.terms import arabic_keys
from rag.language.text import fold
from rag.language.translation.values import values_in
from rag.records import Evidence, date_span

DEEP = 10, 30
"""Passages and sentences that are searched for a plan and its outcome. On the development questions the right
sentence was among the first 25, and no wrong one was found (docs/research/decisions.md)."""

NEAR = 2.5
"""How far below the best sentence of the cited article one of another article may score and still be put to
the model, whatever the question asks for. On news-dev, where it was chosen, five of seven disagreements are
that near, and 17 of 91 other questions. Other embedders rank by cosines, which are always that near."""

QUOTED_FROM = 0.6
"""Least probability of a cited sentence of another article that is quoted beside the first answer. Set on
news-dev, where it lets two sentences through, both right (docs/research/decisions.md)."""


def cross_check(draft: Draft, context: Context) -> Draft:
    """Step: add what other articles say to the same question.

    What is added counts only if it can be supported; the first answer stays as it is.
    """
    if len(draft.statements) != 1 or not draft.statements[0].cited:
        return draft
    (statement,) = draft.statements
    wanted = kind(draft.question)
    # Only the adapted model has calibrated confidence; any other is not trained to refuse, and would find an
    # answer in every article.
    chosen = confidence.chose(draft)
    may_be_plan = (draft.trusts_words or chosen) and (wanted == "time" or is_choice(draft.question))
    has_value = draft.sure and (wanted in ("time", "quantity") or bool(values_in(statement.text)))
    asks = has_value or (chosen and _another_is_near(draft))
    others = context.articles - statement.articles if may_be_plan or asks else frozenset()
    if not others:
        return draft
    searched = " ".join([draft.question, *(item.text for item in statement.cited)])
    added = None
    if may_be_plan:
        added = _with_rival(draft, searched, frozenset(others), context)
    if added is None and asks:
        added = _with_other_answer(draft, searched, frozenset(others), context)
    context.clock.mark("cross_check")
    return added or draft


def _with_rival(draft: Draft, searched: str, others: frozenset[str], context: Context) -> Draft | None:
    """The draft with a sentence that reports as done what the cited one plans, or the other way round."""
    passages, sentences = DEEP
    deeper = context.search(searched, others, passages=passages, sentences=sentences).evidence
    (statement,) = draft.statements
    rival = find_rival(draft.question, statement.cited, deeper)
    if rival is None:
        return None
    added = Statement("", (rival,), quoted=True, added=True)
    about = asked(draft.question)
    done_first = any(became(item, rival, about) for item in statement.cited)
    statements = (added, statement) if done_first else (statement, added)
    return dataclasses.replace(
        draft,
        statements=statements,
        evidence=(*draft.evidence, rival),
        relation="plan and outcome",
    )


def find_rival(question: str, cited: Sequence[Evidence], others: Sequence[Evidence]) -> Evidence | None:
    """The first sentence that reports as done what a cited one plans, or the other way round.

    Args:
        question: As put to the model.
        cited: The sentences that the first answer cites.
        others: Sentences of other articles, best first.
    """
    about = asked(question)
    return next(
        (
            other
            for other in others
            for item in cited
            if (became(item, other, about) and not _elsewhere(question, item, other))
            or became(other, item, about)
        ),
        None,
    )


def became(plan: Evidence, deed: Evidence, about: Set[str]) -> bool:
    """Whether one sentence reports the outcome of another's plan; one published before the plan cannot."""
    return not _is_before(deed.published, plan.published) and fulfils(deed.text, plan.text, about)


def _is_before(date: str | None, other: str | None) -> bool:
    """Whether a date is certainly before another; of some only the month or year is known, or nothing."""
    try:
        return date_span(date or "")[1] < date_span(other or "")[0]
    except ValueError:
        return False


def _elsewhere(question: str, plan: Evidence, deed: Evidence) -> bool:
    """Whether an outcome has none of the names that question and plan share: it is about another place.

    The reverse is normal: a plan for a region does not name each base in it. Names are recognised by their
    capital letters, so in English questions only.
    """
    planned, done = ({*arabic_keys(item.text), *_keys(item.text)} for item in (plan, deed))
    shared = [name for name in latin_keys(question) if name & planned]
    return bool(shared) and not any(name & done for name in shared)


def _keys(text: str) -> set[str]:
    return {key for name in latin_keys(text) for key in name}


def _another_is_near(draft: Draft) -> bool:
    """Whether a sentence of another article fits the question nearly as well as the best of the cited one."""
    cited = draft.statements[0].articles
    cited_scores = [item.score for item in draft.evidence if item.article_id in cited]
    others = [item.score for item in draft.evidence if item.article_id not in cited]
    return bool(cited_scores and others) and max(others) >= max(cited_scores) - NEAR


def _with_other_answer(draft: Draft, searched: str, others: frozenset[str], context: Context) -> Draft | None:
    """The draft with what the model answers from other articles; None where that adds nothing."""
    evidence = context.search(searched, others).evidence
    other = generate(draft.question, evidence, context)
    return combined(draft, other) if confidence.chose(other) else None


def combined(draft: Draft, other: Draft) -> Draft | None:
    """Two answers to one question as one draft; None where the second adds nothing.

    The same answer, or a fuller value ("September" and "September 2025"), is cited from both; another value
    becomes a second side. Where the first has no value, or words in doubt, the sentence of the second is
    quoted.

    Args:
        draft: The first answer, of one statement.
        other: The answer from other articles.
    """
    (first,), second = draft.statements, _joined(other.statements)
    if second is None or first.articles & second.articles:
        return None
    values, other_values = values_in(first.text), values_in(second.text)
    evidence = (*draft.evidence, *other.evidence)
    if draft.sure and (fold(first.text) == fold(second.text) or agree(values, other_values)):
        fuller = second if len(other_values) > len(values) else first
        both = dataclasses.replace(fuller, cited=(*first.cited, *second.cited))
        return dataclasses.replace(draft, statements=(both,), evidence=evidence)
    relation: Relation = "sides" if draft.sure and values else "sources"
    if relation == "sides" and (not other_values or _is_date(first) != _is_date(second)):
        return None
    if relation == "sources":
        if other.confidence is None or other.confidence.choice < QUOTED_FROM:
            return None
        second = in_place_of(second, second.cited[0], "")
    added = dataclasses.replace(second, added=True)
    return dataclasses.replace(draft, statements=(first, added), evidence=evidence, relation=relation)


def _joined(statements: Sequence[Statement]) -> Statement | None:
    """Statements with the same values as one that cites all their sentences; None where they differ."""
    values = {values_in(statement.text) for statement in statements}
    if len(values) != 1 or not all(statement.cited for statement in statements):
        return None
    if len(statements) > 1 and not all(values):
        return None
    cited = tuple(item for statement in statements for item in statement.cited)
    return dataclasses.replace(statements[0], cited=cited)


def _is_date(statement: Statement) -> bool:
    return bool(quantities.months(statement.text) or quantities.years(statement.text))
