"""HTML for an answer's evidence: citation chips, the cards of its sources, and further passages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from rag import Answer, Citation, Claim, Passage
from rag.language.glossing.gloss import meanings
from rag.loading.uploads import PREFIX as UPLOADED
from rag.records import Language, Reprint
from ui.wording.text import QUOTATION, attribute, direction, flow, language_of, safe
from ui.wording.words import WORDS, counted, date

NEAREST = 3
"""Passages shown if the articles do not contain the answer: more would look like an answer."""

SHOWN_REPRINTS = 5
"""Other outlets of the same text that are named; dozens can print one agency's story."""

LONGEST_QUOTE = 2000
"""Characters of a quotation whose words are shown with their meanings, at most."""

_DAY = r"(?<![0-9-])[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?(?![0-9-])"

_MARKER = re.compile(r"\[([0-9]{1,4})\]")


class Titled(Protocol):
    """An article or a citation."""

    @property
    def title(self) -> str:
        """Headline; may be empty."""

    @property
    def source(self) -> str:
        """The file or web address."""


def linked(answer: Answer, text: str, number: int, language: Language) -> str:
    """``text`` with each citation marker turned into a link to its source."""
    cited = {citation.number: citation for citation in answer.citations}
    parts: list[str] = []
    at = 0
    for marker in _MARKER.finditer(text):
        citation = cited.get(int(marker[1]))
        if citation is not None:
            parts += [_isolated(answer, text[at : marker.start()]), _chip(citation, number, language)]
            at = marker.end()
    return "".join([*parts, _isolated(answer, text[at:])])


def chips(answer: Answer, claim: Claim, number: int, language: Language) -> list[str]:
    """Links from a claim to its sources."""
    return [_chip(one, number, language) for one in answer.citations if one.number in claim.citations]


def words_label(claim: Claim, language: Language) -> str:
    """The label for the article's own words for a claim, with the numbers of its sources."""
    marks = "".join(f"[{n}]" for n in claim.citations)
    return f"{WORDS[language]['words']} {marks}".rstrip()


def sources(
    citations: Sequence[Citation],
    answer: Answer,
    number: int,
    language: Language,
    bold: Sequence[str] = (),
) -> str:
    """A card for each citation; the page's scripts can open each.

    Args:
        citations: Some of the answer's citations.
        answer: The answer.
        number: Number of its turn.
        language: Language of the page.
        bold: The first of these texts that a quote contains is printed bold in it.
    """
    if not citations:
        return ""
    items = "".join(_source(citation, answer, number, language, bold) for citation in citations)
    return f'<ol class="sources" aria-label="{WORDS[language]["sources"]}">{items}</ol>'


def passages(answer: Answer, number: int, language: Language) -> str:
    """Further passages: the nearest ones if nothing was found, else those that are not cited."""
    words = WORDS[language]
    if answer.outcome == "not_found":
        items = "".join(_passage(item, number, language) for item in answer.passages[:NEAREST])
        return f'<h3>{words["nearest"]}</h3><ul class="sources nearest">{items}</ul>' if items else ""
    others = [item for item in answer.passages if not _cited(item, answer.citations)]
    items = "".join(_passage(item, number, language) for item in others)
    label = words["others"].format(n=len(others))
    return (
        f'<details id="t{number}-others"><summary>{label}</summary><ul class="sources">{items}</ul></details>'
        if items
        else ""
    )


def provenance(outlet: str | None, published: str | None, language: Language) -> str:
    """The outlet and the publication date."""
    name = f"<bdi>{safe(outlet)}</bdi>" if outlet else WORDS[language]["outlet_unknown"]
    day = date(published, language)
    when = f' · <time datetime="{attribute(published or "")}"><bdi>{safe(day)}</bdi></time>' if day else ""
    return f'<p class="provenance">{name}{when}</p>'


def headline(item: Titled) -> str:
    """The headline of an article; its file if it has none."""
    return item.title or item.source


def place(source: str, line: int | None = None, language: Language = "en") -> str:
    """The source as a path with a line number, for a PDF with its page; as a link if it is a web address."""
    if re.match(r"https?://", source, re.IGNORECASE):
        return (
            f'<a class="file" dir="ltr" href="{attribute(source)}" target="_blank"'
            f' rel="noopener noreferrer">{safe(source)}</a>'
        )
    if line is not None and source.lower().endswith(".pdf"):
        page = WORDS[language]["page"].format(n=line)
        between = WORDS[language]["listed"]
        return f'<span>{place(source)}{between}<span class="page" data-page="{line}">{page}</span></span>'
    suffix = "" if line is None else f":{line}"
    return f'<bdi class="file" dir="ltr">{safe(source.removeprefix(UPLOADED))}{suffix}</bdi>'


def _isolated(answer: Answer, text: str) -> str:
    """``text`` with everything of the other direction isolated: a quotation, outlets, dates."""
    quoted = QUOTATION.search(text)
    if quoted is None or language_of(quoted[0]) == answer.language:
        return _apart(answer, text)
    inside = f"<bdi {flow(quoted[0])}>{safe(quoted[0])}</bdi>"
    return f"{_apart(answer, text[: quoted.start()])}{inside}{_apart(answer, text[quoted.end() :])}"


def _apart(answer: Answer, text: str) -> str:
    """``text`` with outlets and dates isolated, as their parts would change places: (عنب بلدي, 2024-03)."""
    outlets = {citation.outlet for citation in answer.citations if citation.outlet}
    names = "|".join(map(re.escape, sorted(outlets, key=len, reverse=True)))
    pieces = re.split(rf"({names}|{_DAY})" if names else f"({_DAY})", text)
    return "".join(
        f'<bdi dir="{direction(piece)}">{safe(piece)}</bdi>' if at % 2 else safe(piece)
        for at, piece in enumerate(pieces)
    )


def _chip(citation: Citation, number: int, language: Language) -> str:
    n = citation.number
    origin = [citation.outlet or "", date(citation.published, language), citation.title]
    label = WORDS[language]["listed"].join([WORDS[language]["source"].format(n=n), *filter(None, origin)])
    return f'<a class="chip" dir="ltr" href="#t{number}-s{n}" aria-label="{attribute(label)}">[{n}]</a>'


def _source(citation: Citation, answer: Answer, number: int, language: Language, bold: Sequence[str]) -> str:
    badge = f'<span class="number" aria-hidden="true">{citation.number}</span>'
    where = place(citation.source, citation.line, language)
    return (
        f"{_entry(f't{number}-s{citation.number}', citation.article_id, citation.start, citation.end)}{badge}"
        f"{provenance(citation.outlet, citation.published, language)}{_also(citation.also, language)}"
        f"{_title(citation)}{_wording(citation, answer, language, bold)}"
        f'<p class="where">{_opener(language)} {where}</p></li>'
    )


def _title(citation: Citation) -> str:
    """The headline, unless it is only the beginning of the quote, as in an article without one."""
    name = headline(citation)
    if citation.quote.startswith(name.rstrip("… ")):
        return ""
    return f'<p class="title" {flow(name)}>{safe(name)}</p>'


def _wording(citation: Citation, answer: Answer, language: Language, bold: Sequence[str]) -> str:
    """The quote, and beside it its translation with a mark; what is in the answer's language comes first."""
    words, translation = WORDS[language], citation.translation
    look = 'class="quote glossed" tabindex="0"' if citation.literal else 'class="quote"'
    shown = _emphasised(citation.quote, bold, citation.literal)
    quote = f"<blockquote {look} {flow(citation.quote)}>{shown}</blockquote>"
    if not translation:
        return quote
    kind = "literal" if citation.literal else "certain" if citation.certain else "doubtful"
    mark = words["translated" if kind == "certain" else f"translated_{kind}"]
    sides = [
        f'<div class="side"><p class="mark">{words["original"]}</p>{quote}</div>',
        f'<div class="side"><p class="mark {kind}">{mark}</p>'
        f'<blockquote class="translation" {flow(translation)}>{safe(translation)}</blockquote></div>',
    ]
    if language_of(citation.quote) != answer.language:
        sides.reverse()
    return f'<div class="wording">{"".join(sides)}</div>'


def _emphasised(quote: str, bold: Sequence[str], literal: bool) -> str:
    """The quote as HTML, its first part that matters in bold.

    Args:
        quote: As in the article.
        bold: Parts that matter.
        literal: Whether its words are shown with their meanings.
    """
    for part in filter(None, bold):
        match = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", quote)
        if match and match[0] != quote:
            start, end = match.span()
            spans = (0, start), (start, end), (end, len(quote))
            before, middle, after = (_with_meanings(quote, *span, literal) for span in spans)
            return f"{before}<b>{middle}</b>{after}"
    return _with_meanings(quote, 0, len(quote), literal)


@lru_cache(maxsize=512)
def _meanings(quote: str) -> tuple[tuple[int, int, str], ...]:
    """Start, end and meanings of the words of an Arabic sentence; none of a text that is no sentence."""
    return tuple(meanings(quote)) if len(quote) <= LONGEST_QUOTE else ()


def _with_meanings(quote: str, start: int, end: int, literal: bool) -> str:
    """A part of a quote as HTML, each word in an element with its meaning; a phrase may be cut."""
    parts, at = [], start
    for first, last, meaning in _meanings(quote) if literal else ():
        first, last = max(first, start), min(last, end)
        if at <= first < last:
            word = f'<span class="word" data-meaning="{attribute(meaning)}">{safe(quote[first:last])}</span>'
            parts += [safe(quote[at:first]), word]
            at = last
    return "".join([*parts, safe(quote[at:end])])


def _passage(passage: Passage, number: int, language: Language) -> str:
    chunk = passage.chunk
    title = passage.title or chunk.article_id
    return (
        f"{_entry(f't{number}-p{passage.rank}', chunk.article_id, chunk.start, chunk.end)}"
        f"{provenance(passage.outlet, passage.published, language)}{_also(passage.also, language)}"
        f'<p class="title" {flow(title)}>{safe(title)}</p>'
        f'<blockquote class="quote long" {flow(passage.text)}>{safe(passage.text)}</blockquote>'
        f'<p class="where">{_opener(language)}</p></li>'
    )


def _cited(passage: Passage, citations: Sequence[Citation]) -> bool:
    chunk = passage.chunk
    return any(
        citation.article_id == chunk.article_id and citation.start < chunk.end and chunk.start < citation.end
        for citation in citations
    )


def _entry(identity: str, article_id: str, start: int, end: int) -> str:
    """The opening tag of an entry that the page's scripts can open: it has the article and the span."""
    return (
        f'<li id="{identity}" class="source" tabindex="-1" data-article="{attribute(article_id)}"'
        f' data-start="{start}" data-end="{end}">'
    )


def _opener(language: Language) -> str:
    return f'<button type="button" class="opener">{WORDS[language]["open"]}</button>'


def _also(reprints: Sequence[Reprint], language: Language) -> str:
    """The outlets of other articles that carry the same text; each outlet once."""
    if not reprints:
        return ""
    words = WORDS[language]
    names = list(dict.fromkeys(one.outlet or one.article_id for one in reprints))
    named = words["listed"].join(f"<bdi>{safe(name)}</bdi>" for name in names[:SHOWN_REPRINTS])
    left = len(names) - SHOWN_REPRINTS
    more = words["more"].format(n=counted("others", left, language, genitive=True)) if left > 0 else ""
    return f'<p class="provenance also">{words["also"]} {named}{more}</p>'
