"""A model's draft → claims with citations and verdicts; decides how the question ended.

What is checked here, outside the model: every marker names evidence that the model was shown; every
number and month of a claim stand in the sentences that it cites; a claim without a marker is given the
evidence that it is nearest to, or dropped; where every claim is dropped, a source is quoted instead.
Citations are renumbered by first use, and each is an exact span.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import facts
from rag.embed import Embedder
from rag.records import Citation, Claim, Evidence, Language, Outcome, Verdict
from rag.sentence import sentences

MARKER = re.compile(r"\s*\[\s*(\d+(?:\s*[,،]\s*\d+)*)\s*\]")
"""A citation marker in a draft: [2], [2,3] or [2، 3], with the white space before it."""

NOT_FOUND: dict[Language, str] = {
    "en": "The articles do not say.",
    "ar": "لا تذكر المقالات ذلك.",
}
"""What is answered when nothing else may be."""

NEAREST: dict[Language, str] = {
    "en": "The articles do not state this; the nearest sentence is quoted.",
    "ar": "لا تذكر المقالات ذلك صراحة؛ وأقرب جملة إليه مقتبسة.",
}
"""What is answered when the model's words fail every check: the reader is shown a source instead."""

_REFUSAL = re.compile(
    r"NOT[ _]FOUND|^\W*(?i:not[ _]found)\b"
    r"|(?i:\bnot (?:\w+ )?(?:mentioned|stated|specified|given|provided|named) in the "
    r"(?:evidence|sentences|articles|text)\b)"
    r"|(?:لا|لم) (?:تذكر|يذكر|تذكره|تذكرها) (?:الجمل|المقالات|الأدلة|النصوص)"
)
"""In capitals anywhere, else only where it speaks of the evidence: a boat may well be not found."""


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


@dataclass(frozen=True, slots=True)
class _Draft:
    """A sentence of the draft: words, what it cites (evidence numbers), verdict and reason."""

    text: str
    cited: tuple[Evidence, ...]
    verdict: Verdict
    reason: str


def check(draft: str, evidence: Sequence[Evidence], language: Language, embedder: Embedder) -> Checked:
    """Check a draft against the evidence that the model was shown.

    Args:
        draft: What the model wrote.
        evidence: What it was shown, numbered from 1.
        language: The language of the answer.
        embedder: Finds the evidence nearest to a claim that names none.

    Returns:
        The claims that stand, with exact citations; or ``not_found`` when none does.
    """
    refused = _REFUSAL.search(draft) or not evidence
    judged = [] if refused else [_judge(text, marks, evidence, embedder) for text, marks in split(draft)]
    if judged and all(claim.verdict == "unsupported" for claim in judged):
        judged = [_nearest(judged[0], evidence, language)]
    standing = [claim for claim in judged if claim.verdict in ("supported", "partial")]
    if not standing:
        return Checked(text=NOT_FOUND[language], claims=(), citations=(), outcome="not_found")
    partial = len(standing) < len(judged) or any(claim.verdict == "partial" for claim in standing)
    return _assemble(standing, "partial" if partial else "answered")


def split(draft: str) -> list[tuple[str, tuple[int, ...]]]:
    """The draft's sentences without markers, each with the numbers of the markers that belong to it.

    A marker belongs to the sentence that it stands in or directly behind.
    """
    bare, marks = draft, []
    while match := MARKER.search(bare):  # one after the other: without its [1], [[1]2] leaves another
        # No evidence has a number of four digits; a very long one is more than int() takes.
        named_here = tuple(int(n) for n in re.findall(r"\d+", match[1]) if len(n) < 4)
        marks.append((match.start(), named_here))
        bare = bare[: match.start()] + bare[match.end() :]
    spans = [span for span in sentences(bare) if any(c.isalnum() for c in bare[span[0] : span[1]])]
    named: list[list[int]] = [[] for _ in spans]
    for place, found in marks:
        owner = max((i for i, (start, _) in enumerate(spans) if start < place), default=0)
        if spans:
            named[owner].extend(n for n in found if n not in named[owner])
    return [(bare[start:end], tuple(ns)) for (start, end), ns in zip(spans, named, strict=True)]


def _judge(text: str, marks: tuple[int, ...], evidence: Sequence[Evidence], embedder: Embedder) -> _Draft:
    by_number = {item.number: item for item in evidence}
    cited = tuple(by_number[n] for n in marks if n in by_number)
    if cited and not _missing(text, cited):
        return _Draft(text, cited, "supported", "")
    # The model named no sentence, or the wrong one: look for the nearest that holds the claim's values.
    able = [item for item in evidence if not _missing(text, (item,))]
    if not able:
        missing = ", ".join(_missing(text, tuple(evidence))) or "together"
        return _Draft(text, cited, "unsupported", f"not in the evidence: {missing}")
    vectors = embedder.passages([text, *(item.text for item in able)])
    best = able[int((vectors[1:] @ vectors[0]).argmax())]
    reason = "the cited sentence lacks its number or date" if cited else "no sentence was named"
    return _Draft(text, (best,), "partial", f"{reason}; the nearest is shown")


def _nearest(failed: _Draft, evidence: Sequence[Evidence], language: Language) -> _Draft:
    """In place of a claim that failed: the sentence that it cited, else the one nearest to the question."""
    item = failed.cited[0] if failed.cited else evidence[0]
    return _Draft(NEAREST[language], (item,), "partial", f"the model's draft was dropped, {failed.reason}")


def _missing(text: str, cited: Sequence[Evidence]) -> list[str]:
    """The numbers and months of a claim that no cited sentence holds."""
    return facts.missing(text, [item.text for item in cited])


def _assemble(claims: Sequence[_Draft], outcome: Outcome) -> Checked:
    order: dict[Evidence, int] = {}
    text, finished = "", []
    for claim in claims:
        for item in claim.cited:
            order.setdefault(item, len(order) + 1)
        marked = _with_markers(claim.text, [order[item] for item in claim.cited])
        text += (" " if text else "") + marked
        cited = tuple(order[item] for item in claim.cited)
        finished.append(Claim(marked, len(text) - len(marked), len(text), cited, claim.verdict, claim.reason))
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
        )
        for item, number in order.items()
    )
    return Checked(text=text, claims=tuple(finished), citations=citations, outcome=outcome)


def _with_markers(text: str, numbers_: Sequence[int]) -> str:
    markers = "".join(f" [{n}]" for n in numbers_)
    end = re.search(r"[.!?؟…]+$", text)
    return f"{text[: end.start()]}{markers}{end[0]}" if end else f"{text}{markers}"
