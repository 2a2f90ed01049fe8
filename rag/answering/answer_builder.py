"""Checked drafts of the parts of a question → one answer; the only place that numbers citations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rag.answering.decision import NOT_FOUND, PART_NOT_FOUND
from rag.answering.draft import Draft, Span, Statement, renumbered, span
from rag.answering.presentation import before_stop, seen
from rag.records import Citation, Claim, Evidence, Language, Outcome, Retrieved

FEW = 5
"""An answer of at most this many words is not a sentence: it is shown after the part of a question that it
answers. Not tuned."""


@dataclass(frozen=True, slots=True)
class Built:
    """The parts of an answer that are made from its drafts."""

    text: str
    """With citation numbers."""
    claims: tuple[Claim, ...]
    """Its sentences."""
    citations: tuple[Citation, ...]
    """Numbered by first use."""
    outcome: Outcome
    """How the question ended."""


def build(drafts: Sequence[Draft], language: Language) -> Built:
    """The answer to a question from the drafts of its parts.

    Args:
        drafts: In the order in which the parts are asked, at least one.
        language: The language of the answer.
    """
    answered = [draft for draft in drafts if draft.outcome != "not_found"]
    if not answered:
        return _nothing(drafts[0].statements, language)
    missed = [draft for draft in drafts if draft.outcome == "not_found"]
    outcomes = {draft.outcome for draft in answered} | ({"partial"} if missed else set())
    outcome: Outcome = next(kind for kind in ("conflict", "partial", "answered") if kind in outcomes)
    notes = [PART_NOT_FOUND[language].format(question=draft.question) for draft in missed]
    statements = _each_once(answered, several=len(drafts) > 1)
    return _assembled(statements, outcome, notes, lines=len(drafts) > 1)


def found_together(retrievals: Sequence[Retrieved], k: int) -> Retrieved:
    """What was found for the parts of a question: the best passages of each in turn, sentences part by part.

    Args:
        retrievals: In the order in which the parts are asked, at least one.
        k: How many passages at most.
    """
    if len(retrievals) == 1:
        return retrievals[0]
    turns = zip_longest(*(retrieval.passages for retrieval in retrievals))
    passages = {passage.chunk.id: passage for turn in turns for passage in turn if passage}
    ranked = tuple(
        dataclasses.replace(passage, rank=rank)
        for rank, passage in enumerate(list(passages.values())[:k], start=1)
    )
    evidence = renumbered(item for retrieval in retrievals for item in retrieval.evidence)
    return Retrieved(ranked, evidence)


def _nothing(nearest: Sequence[Statement], language: Language) -> Built:
    if nearest:
        return _assembled(nearest, "not_found")
    return Built(NOT_FOUND[language], (), (), "not_found")


def _each_once(drafts: Sequence[Draft], *, several: bool) -> list[Statement]:
    """The statements without repetitions of an earlier one and without quotations that were shown before.

    Args:
        drafts: Those that are answered.
        several: There is more than one part: a reader could not see which question a few bare words answer.
    """
    kept: dict[tuple[str, tuple[Span, ...]], Statement] = {}
    quoted: set[tuple[Span, str]] = set()
    for draft, statement in ((of, statement) for of in drafts for statement in of.statements):
        key = (statement.text.rstrip("."), tuple(map(span, statement.cited)))
        quotation = (span(statement.cited[0]), statement.quotation) if statement.quotation else None
        if quotation in quoted:
            if statement.quoted:
                continue
            statement = dataclasses.replace(statement, beside="")
        elif quotation:
            quoted.add(quotation)
        bare = not (statement.quoted or statement.beside) and len(statement.text.split()) <= FEW
        if several and bare and draft.outcome != "conflict":
            statement = dataclasses.replace(statement, text=f"{draft.question} {statement.text}")
        kept.setdefault(key, statement)
    return list(kept.values())


def _assembled(
    statements: Sequence[Statement], outcome: Outcome, notes: Sequence[str] = (), *, lines: bool = False
) -> Built:
    numbers: dict[Span, int] = {}
    sources: list[Evidence] = []
    text, claims, after_quotation = "", [], False
    for statement in statements:
        for item in statement.cited:
            if span(item) not in numbers:
                numbers[span(item)] = len(numbers) + 1
                sources.append(item)
        cited = tuple(dict.fromkeys(numbers[span(item)] for item in statement.cited))
        marked = before_stop(seen(statement), "".join(f" [{n}]" for n in cited))
        # A quotation is long and may run in the other direction: the text before and after it gets its own
        # line.
        between = "\n" if lines or after_quotation or statement.quotation else " "
        after_quotation = bool(statement.quotation)
        text += (between if text else "") + marked
        start, end = len(text) - len(marked), len(text)
        claims.append(Claim(marked, start, end, cited, statement.verdict, statement.reason, statement.words))
    citations = tuple(_citation(number, item) for number, item in enumerate(sources, start=1))
    separator = "\n" if lines or after_quotation else " "
    return Built(separator.join([text, *notes]), tuple(claims), citations, outcome)


def _citation(number: int, item: Evidence) -> Citation:
    return Citation(
        number=number,
        article_id=item.article_id,
        title=item.title,
        outlet=item.outlet,
        published=item.published,
        source=item.source,
        line=item.line,
        start=item.start,
        end=item.end,
        quote=item.text,
        also=item.also,
        translation=item.translation,
        certain=item.certain,
        literal=item.literal,
    )
