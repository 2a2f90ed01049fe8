"""The claims of an answer: what was asked for comes first and large, then the card of its source.

    claim → its words without what its card shows → value, verdict, the cards that no claim before it has

A claim often quotes the sentence that it cites, or its translation, as the command line has to. On the page
the card below shows that sentence, with outlet and date, so that nothing is said twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rag import Answer, Citation, Claim
from rag.answering.decision import REASONS
from rag.answering.presentation import ANOTHER_SAYS, ARTICLE_SAYS, is_marked
from rag.records import Language
from ui.html import sources
from ui.wording.text import QUOTATION, flow, framed, safe, spoken
from ui.wording.words import WORDS

VALUE = 60
"""Longest words of a claim, in characters, that are printed large: a name, a date, a number."""

GLYPHS = {"partial": "◐", "unsupported": "○", "contradicted": "✗"}
"""A sign for each verdict but ``supported``: text, which is printed where a background is not."""

_MARKER = re.compile(r"\s*\[[0-9]{1,4}\]")
_AFTER = re.compile(r"\s*(?:\([^()]*\))?[\s.!?؟…]*")
"""What may follow a quotation within its claim: the mark of a translation."""


def claims(answer: Answer, number: int, language: Language) -> str:
    """The claims with their verdicts and sources; the text between them as it is.

    Args:
        answer: The answer.
        number: Number of its turn.
        language: Language of the page.
    """
    left = {citation.number: citation for citation in answer.citations}
    blocks = []
    for claim, text in _cut(answer):
        if claim is None:
            blocks += [
                _paragraph(answer, line, number, language) for line in text.splitlines() if line.strip()
            ]
            continue
        new = [left.pop(n) for n in claim.citations if n in left]
        blocks.append(_claim(answer, claim, new, number, language))
    kind = "claims sides" if answer.outcome == "conflict" and len(answer.claims) > 1 else "claims"
    rest = sources.sources(list(left.values()), answer, number, language)
    return f'<div class="{kind}">{"".join(blocks)}</div>{rest}'


def shown(claim: Claim, answer: Answer) -> str:
    """The words of a claim without its markers, and without what the card of its first citation shows."""
    of_claim = [one for one in answer.citations if one.number in claim.citations]
    text = claim.text
    for citation in of_claim:
        text = re.sub(rf"\s*\[{citation.number}\]", "", text)
    text = text.strip()
    if not of_claim:
        return text
    cited = of_claim[0]
    if answer.outcome == "conflict":
        text = _without_source(text, cited, answer.language)
    quoted = QUOTATION.search(text)
    if quoted is None or not _is_in_card(quoted[0], cited):
        return text
    if not _AFTER.fullmatch(text[quoted.end() + 1 :]):
        return text
    lead = text[: quoted.start() - 1].strip().removesuffix(":")
    return "" if lead == _label(ARTICLE_SAYS, answer.language) else lead


def _label(frame: Mapping[Language, str], language: Language) -> str:
    """What a quotation is introduced by, without its colon."""
    return frame[language].format(words="").strip().removesuffix(":")


def _is_in_card(quoted: str, cited: Citation) -> bool:
    words = _plain(quoted)
    return words in _plain(cited.quote) or words == _plain(cited.translation or "")


def _plain(text: str) -> str:
    return " ".join(_MARKER.sub("", text).split()).strip("… .")


def _without_source(text: str, cited: Citation, language: Language) -> str:
    """A side of a disagreement without the outlet and date at its end, which its card shows."""
    of = REASONS[language]["comma"].join(part for part in (cited.outlet, cited.published) if part)
    return text.rstrip(".").removesuffix(f"({of})").strip() if of else text


def _cut(answer: Answer) -> Iterator[tuple[Claim | None, str]]:
    """The answer's text in pieces: its claims and what is between them."""
    at = 0
    for claim in answer.claims:
        if claim.end <= at:
            continue
        yield None, answer.text[at : claim.start]
        yield claim, claim.text
        at = claim.end
    yield None, answer.text[at:]


def _paragraph(answer: Answer, line: str, number: int, language: Language) -> str:
    return f"<p {framed(line, answer.language)}>{sources.linked(answer, line, number, language)}</p>"


def _claim(answer: Answer, claim: Claim, citations: list[Citation], number: int, language: Language) -> str:
    words = shown(claim, answer)
    cards = sources.sources(citations, answer, number, language, bold=(claim.words, words.rstrip(".")))
    # The mark of a doubtful translation is in its card.
    said_below = is_marked(claim, citations, answer.language)
    verdict = "" if said_below or answer.outcome == "not_found" else _verdict(claim, language)
    said = ""
    if words:
        is_value = len(words) <= VALUE and words != _label(ANOTHER_SAYS, answer.language)
        kind = ' class="value"' if is_value else ""
        way = spoken(answer.language) if answer.outcome == "conflict" else framed(words, answer.language)
        chips = "".join(f" {chip}" for chip in sources.chips(answer, claim, number, language))
        said = f"<p{kind} {way}>{sources.linked(answer, words, number, language)}{chips}</p>"
    bare = "" if words else " bare"
    return f'<div class="claim{bare}" data-verdict="{claim.verdict}">{said}{verdict}{cards}</div>'


def _verdict(claim: Claim, language: Language) -> str:
    """What a reader must know about a claim that its sources do not fully support."""
    if claim.verdict == "supported":
        return ""
    reason = f": <bdi {flow(claim.reason)}>{safe(claim.reason)}</bdi>" if claim.reason else ""
    return (
        f'<p class="verdict" data-verdict="{claim.verdict}" {spoken(language)}>'
        f'<span aria-hidden="true">{GLYPHS[claim.verdict]}</span> '
        f"{WORDS[language][f'claim_{claim.verdict}']}{reason}</p>"
    )
