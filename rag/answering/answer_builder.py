"""Checked statements → the answer's text, claims and citations; the parts of a question → one answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rag.records import Citation, Claim, Evidence, Language, Outcome, Retrieved, Verdict

NOT_FOUND: dict[Language, str] = {
    "en": "The articles do not say.",
    "ar": "لا تذكر المقالات ذلك.",
}
"""What is answered when nothing else may be."""

UNTOLD: dict[Language, str] = {
    "en": "No answer was found to: “{question}”",
    "ar": "لم يوجد جواب عن: «{question}»",
}
"""What is added where one part of a question has an answer and another has none."""


FEW = 5
"""Words that are no sentence: they are told behind the part of a question that they answer."""

_Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the draft: what it says and cites, verdict, reason, and what it puts in its language."""

    text: str
    cited: tuple[Evidence, ...]
    verdict: Verdict
    reason: str
    words: str = ""
    whole: bool = False
    """A whole sentence of the article, quoted."""
    shown: str = ""
    """What of the article it quotes; empty where it quotes nothing."""
    note: str = ""
    """What is added to ``text`` at its end, before its stop."""
    beside: str = ""
    """The quotation that is told behind both; empty where none is, or ``text`` is one."""

    @property
    def told(self) -> str:
        """What the reader sees, without markers."""
        noted = _before_stop(self.text, f" {self.note}") if self.note else self.text
        return f"{noted}: {self.beside}" if self.beside else noted


@dataclass(frozen=True, slots=True)
class Judged:
    """What of a draft stands; ``together`` makes the answer of it."""

    question: str
    """What was asked."""
    claims: tuple[Statement, ...]
    """In the order in which they are told; with ``not_found`` the nearest sentence, if any."""
    outcome: Outcome
    """How the question ended."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a draft."""

    text: str
    """The answer, with citation numbers."""
    claims: tuple[Claim, ...]
    """Its sentences."""
    citations: tuple[Citation, ...]
    """Numbered by first use."""
    outcome: Outcome
    """How the question ended."""


def together(parts: Sequence[Judged], language: Language) -> Checked:
    """The answer to a question from those to its parts.

    Args:
        parts: In the order in which they are asked, at least one; the only one, where it has no parts.
        language: The language of the answer.
    """
    answered = [part for part in parts if part.outcome != "not_found"]
    if not answered:
        return _assemble(parts[0].claims, "not_found") if parts[0].claims else _nothing(language)
    missed = [part for part in parts if part.outcome == "not_found"]
    ends = {part.outcome for part in answered} | ({"partial"} if missed else set())
    outcome: Outcome = "conflict" if "conflict" in ends else "partial" if "partial" in ends else "answered"
    told = _once(answered, several=len(parts) > 1)
    rest = [UNTOLD[language].format(question=part.question) for part in missed]
    return _assemble(told, outcome, rest, apart=len(parts) > 1)


def found_together(found: Sequence[Retrieved], k: int) -> Retrieved:
    """What was found for the parts of a question: the best passages of each in turn, sentences part by part.

    Args:
        found: In the order in which the parts are asked, at least one.
        k: How many passages at most.
    """
    if len(found) == 1:
        return found[0]
    turns = zip_longest(*(one.passages for one in found))
    passages = {passage.chunk.id: passage for turn in turns for passage in turn if passage}
    ranked = tuple(
        dataclasses.replace(passage, rank=rank)
        for rank, passage in enumerate(list(passages.values())[:k], start=1)
    )
    return Retrieved(ranked, numbered([item for one in found for item in one.evidence]))


def numbered(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Sentences of several prompts, each once, numbered anew.

    Args:
        evidence: In the order in which they were shown.
    """
    once = {(item.article_id, item.start, item.end): item for item in evidence}
    return tuple(dataclasses.replace(item, number=n) for n, item in enumerate(once.values(), start=1))


def _once(parts: Sequence[Judged], *, several: bool) -> list[Statement]:
    """Claims without those that say again what one before them says, and without quotations told before.

    Args:
        parts: Those that are answered.
        several: There are others: of a few bare words nobody could tell which question they answer.
    """
    told: dict[tuple[str, tuple[_Span, ...]], Statement] = {}
    shown: set[tuple[_Span, str]] = set()
    for part, claim in ((one, claim) for one in parts for claim in one.claims):
        said = (claim.text.rstrip("."), tuple(map(_span, claim.cited)))
        quotation = (_span(claim.cited[0]), claim.shown) if claim.shown else None
        if quotation in shown:
            if claim.whole:
                continue
            claim = dataclasses.replace(claim, beside="")
        elif quotation:
            shown.add(quotation)
        bare = not (claim.whole or claim.beside) and len(claim.text.split()) <= FEW
        if several and bare and part.outcome != "conflict":
            claim = dataclasses.replace(claim, text=f"{part.question} {claim.text}")
        told.setdefault(said, claim)
    return list(told.values())


def _nothing(language: Language) -> Checked:
    return Checked(text=NOT_FOUND[language], claims=(), citations=(), outcome="not_found")


def _assemble(
    claims: Sequence[Statement], outcome: Outcome, rest: Sequence[str] = (), *, apart: bool = False
) -> Checked:
    # Two parts of a question number the same sentence each in its own way.
    order: dict[_Span, int] = {}
    sources: list[Evidence] = []
    text, finished, quoted = "", [], False
    for claim in claims:
        for item in claim.cited:
            if _span(item) not in order:
                order[_span(item)] = len(order) + 1
                sources.append(item)
        cited = tuple(dict.fromkeys(order[_span(item)] for item in claim.cited))
        marked = _with_markers(claim.told, cited)
        # A quotation is long, and may be in another direction: what stands before or behind has its own line.
        between = "\n" if apart or quoted or claim.shown else " "
        quoted = bool(claim.shown)
        text += (between if text else "") + marked
        start, end = len(text) - len(marked), len(text)
        finished.append(Claim(marked, start, end, cited, claim.verdict, claim.reason, claim.words))
    citations = tuple(
        Citation(
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
        )
        for number, item in enumerate(sources, start=1)
    )
    return Checked(
        ("\n" if apart or quoted else " ").join([text, *rest]), tuple(finished), citations, outcome
    )


def _span(item: Evidence) -> _Span:
    return item.article_id, item.start, item.end


def _with_markers(text: str, numbers_: Sequence[int]) -> str:
    return _before_stop(text, "".join(f" [{n}]" for n in numbers_))


def _before_stop(text: str, added: str) -> str:
    """A text with something more before the marks that it ends in."""
    end = re.search(r"[.!?؟…]+$", text)
    return f"{text[: end.start()]}{added}{end[0]}" if end else f"{text}{added}"
