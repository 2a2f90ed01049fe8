"""A model's draft → claims with citations and verdicts; decides how the question ended.

What is checked here, outside the model: every marker names evidence that the model was shown; every
number and month of a claim stand in the sentences that it cites, and so does every name that stands in the
evidence at all, across scripts; a claim without a marker is given the
evidence that it is nearest to, or dropped; where every claim is dropped, a source is quoted instead.
Citations are renumbered by first use, and each is an exact span.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import facts
from rag.embed import Embedder
from rag.lexical import arabic_keys
from rag.names import latin_keys
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

_REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "missing": "not in the evidence: {values}",
        "apart": "its names, numbers and dates stand in no one sentence together",
        "month": "month {n}",
        "comma": ", ",
        "lacking": "the cited sentence lacks its name, number or date; the nearest is shown",
        "unnamed": "no sentence was named; the nearest is shown",
        "dropped": "the model's draft was dropped, {reason}",
    },
    "ar": {
        "missing": "ليس في الجمل المعروضة: {values}",
        "apart": "لا تجتمع أسماؤها وأرقامها وتواريخها في جملة واحدة",
        "month": "الشهر {n}",
        "comma": "، ",
        "lacking": "لا تتضمن الجملة المستشهد بها الاسم أو الرقم أو التاريخ؛ وهذه أقرب جملة",
        "unnamed": "لم تُذكر جملة مصدر؛ وهذه أقرب جملة",
        "dropped": "حُذفت مسودة النموذج؛ {reason}",
    },
}
"""Why a claim is not supported, in the language of the answer."""

_SIDES = re.compile(r"((?:\[\s*\d+(?:\s*[,،]\s*\d+)*\s*\]\s*)+)([^\[]*)")
"""In a draft that names sentences first: markers, and what is said by them."""

_REFUSAL = re.compile(
    r"^\s*\[\s*0\s*\]|NOT[ _]FOUND|^\W*(?i:not[ _]found)\b"
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
        The claims that stand, with exact citations; or ``not_found`` when none does, with the sentence that
        is nearest where the draft named or leant on one.
    """
    sides = len(_sides(draft))
    draft = markers_last(draft)
    refused = is_refusal(draft) or not evidence
    judged = [] if refused else [_judge(*part, evidence, language, embedder) for part in split(draft)]
    if judged and all(claim.verdict == "unsupported" for claim in judged):
        # The reader is told that the articles do not say it; a quoted sentence does not make that an answer.
        return _assemble([_nearest(judged[0], evidence, language)], "not_found")
    standing = [claim for claim in judged if claim.verdict in ("supported", "partial")]
    if not standing:
        return Checked(text=NOT_FOUND[language], claims=(), citations=(), outcome="not_found")
    if 1 < sides == len(standing) == len(judged) and _disagree(standing):
        return _assemble(_newest_first(standing, language), "conflict")
    partial = len(standing) < len(judged) or any(claim.verdict == "partial" for claim in standing)
    return _assemble(standing, "partial" if partial else "answered")


def is_refusal(draft: str) -> bool:
    """Whether a draft says that the evidence does not hold the answer."""
    return bool(_REFUSAL.search(draft))


def markers_last(draft: str) -> str:
    """A draft that names its sentences first, in the form in which they are named last.

    ``[2] 308`` becomes ``308 [2]``; ``[1] 308 [4] 318``, two values, becomes two sentences, a line each. Any
    other draft, and one that says nothing of a marker, is left as it is.

    Args:
        draft: What the model wrote.
    """
    told = _sides(draft)
    if not told:
        return draft
    if len(told) == 1:
        return f"{told[0][1]} {told[0][0]}"
    return "\n".join(f"{said.rstrip('.؛;،,')} {marks}." for marks, said in told)


def _sides(draft: str) -> list[tuple[str, str]]:
    """Markers and what is said by them, of a draft that names its sentences first; empty for any other."""
    found = _SIDES.findall(draft) if draft.lstrip().startswith("[") else []
    told = [(marks.strip(), said.strip()) for marks, said in found]
    return told if all(any(char.isalnum() for char in said) for _, said in told) else []


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


def _judge(
    text: str, marks: tuple[int, ...], evidence: Sequence[Evidence], language: Language, embedder: Embedder
) -> _Draft:
    words = _REASONS[language]
    by_number = {item.number: item for item in evidence}
    cited = tuple(by_number[n] for n in marks if n in by_number)
    names = _names(text, evidence)
    if cited and not _missing(text, cited) and all(any(item in name for item in cited) for name in names):
        return _Draft(text, cited, "supported", "")
    # The model named no sentence, or the wrong one: look for the nearest that holds the claim's values.
    able = [i for i in evidence if not _missing(text, (i,)) and all(i in name for name in names)]
    if not able:
        absent = _missing(text, tuple(evidence))
        values = (re.sub(r"month (\d+)", lambda month: words["month"].format(n=month[1]), v) for v in absent)
        told = words["missing"].format(values=words["comma"].join(values)) if absent else words["apart"]
        # What is shown instead should at least be about what the claim names.
        about = max(evidence, key=lambda item: (sum(item in name for name in names), item in cited))
        return _Draft(text, (about,) if names else cited, "unsupported", told)
    vectors = embedder.passages([text, *(item.text for item in able)])
    best = able[int((vectors[1:] @ vectors[0]).argmax())]
    return _Draft(text, (best,), "partial", words["lacking" if cited else "unnamed"])


def _disagree(claims: Sequence[_Draft]) -> bool:
    """Whether supported answers to one question, from different sentences, differ in numbers or months."""
    values = [facts.claimed(claim.text) for claim in claims]
    return (
        all(claim.verdict == "supported" for claim in claims)
        and all(values)
        and len({frozenset(own) for own in values}) == len(claims)
        and len({claim.cited for claim in claims}) == len(claims)
    )


def _newest_first(claims: Sequence[_Draft], language: Language) -> list[_Draft]:
    """Sides of a disagreement, the latest publication first, each with its outlet and date where known."""
    told = []
    for claim in sorted(claims, key=lambda c: c.cited[0].published or "", reverse=True):
        source = claim.cited[0]
        of = _REASONS[language]["comma"].join(part for part in (source.outlet, source.published) if part)
        bare = claim.text.rstrip(".؟!؛ ")
        told.append(dataclasses.replace(claim, text=f"{bare} ({of})." if of else f"{bare}."))
    return told


def _nearest(failed: _Draft, evidence: Sequence[Evidence], language: Language) -> _Draft:
    """In place of a claim that failed: the sentence that it cited, else the one nearest to the question."""
    item = failed.cited[0] if failed.cited else evidence[0]
    reason = _REASONS[language]["dropped"].format(reason=failed.reason)
    return _Draft(NEAREST[language], (item,), "partial", reason)


def _names(text: str, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """For each name of a claim in Latin letters the Arabic evidence that it stands in, if in any.

    A name that stands nowhere may be spelt too freely to be told, and is passed over.
    """
    wanted = latin_keys(text)
    held = [(item, arabic_keys(item.text)) for item in evidence] if wanted else []
    found = ([item for item, keys in held if keys & name] for name in wanted)
    return [items for items in found if items]


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
            also=item.also,
        )
        for item, number in order.items()
    )
    return Checked(text=text, claims=tuple(finished), citations=citations, outcome=outcome)


def _with_markers(text: str, numbers_: Sequence[int]) -> str:
    markers = "".join(f" [{n}]" for n in numbers_)
    end = re.search(r"[.!?؟…]+$", text)
    return f"{text[: end.start()]}{markers}{end[0]}" if end else f"{text}{markers}"
