"""HTML for an answer's evidence: citation chips, sources, passages, and the sides of a disagreement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from rag import Answer, Citation, Claim, Passage
from rag.answering.presentation import translated
from rag.loading.uploads import PREFIX as UPLOADED
from rag.records import Language, Reprint
from ui.text import QUOTATION, attribute, direction, flow, language_of, safe
from ui.words import WORDS, counted, date

NEAREST = 3
"""Passages shown if the articles do not contain the answer: more would look like an answer."""

SHOWN_REPRINTS = 5
"""Other outlets of the same text that are named; dozens can print one agency's story."""

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


def words_label(claim: Claim, language: Language) -> str:
    """The label for the article's own words for a claim, with the numbers of its sources."""
    marks = "".join(f"[{n}]" for n in claim.citations)
    return f"{WORDS[language]['words']} {marks}".rstrip()


def sources(answer: Answer, number: int, language: Language) -> str:
    """The list of citations; the page's scripts can open each entry."""
    if not answer.citations:
        return ""
    items = "".join(_source(citation, number, language) for citation in answer.citations)
    return f'<h3>{WORDS[language]["sources"]}</h3><ol class="sources">{items}</ol>'


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


def timeline(answer: Answer, number: int, language: Language) -> str:
    """The sides of a disagreement, earliest first: date, outlet and quote. Undated ones come last."""
    if answer.outcome != "conflict":
        return ""
    words = WORDS[language]
    cited = {citation.number: citation for citation in answer.citations}
    sides = [cited[n] for claim in answer.claims for n in claim.citations[:1] if n in cited]
    sides = sorted(dict.fromkeys(sides), key=lambda side: side.published or "9999")
    items = "".join(_side(side, number, language) for side in sides)
    return f'<ol class="timeline" aria-label="{words["timeline"]}">{items}</ol>' if len(sides) > 1 else ""


def provenance(outlet: str | None, published: str | None, language: Language) -> str:
    """The outlet and the publication date."""
    name = f"<bdi>{safe(outlet)}</bdi>" if outlet else WORDS[language]["outlet_unknown"]
    day = date(published, language)
    when = f' · <time datetime="{attribute(published or "")}"><bdi>{safe(day)}</bdi></time>' if day else ""
    return f'<p class="provenance">{name}{when}</p>'


def headline(item: Titled) -> str:
    """The headline of an article; its file if it has none."""
    return item.title or item.source


def place(source: str, line: int | None = None) -> str:
    """The source as a path with a line number, or as a link if it is a web address."""
    if re.match(r"https?://", source, re.IGNORECASE):
        return (
            f'<a class="file" dir="ltr" href="{attribute(source)}" target="_blank"'
            f' rel="noopener noreferrer">{safe(source)}</a>'
        )
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
    return (
        f'<a class="chip" dir="ltr" href="#t{number}-s{n}" aria-label="{attribute(label)}"'
        f' aria-describedby="sanad-card">[{n}]</a>'
    )


def _source(citation: Citation, number: int, language: Language) -> str:
    badge = f'<span class="number" aria-hidden="true">{citation.number}</span>'
    where = place(citation.source, citation.line)
    return (
        f"{_entry(f't{number}-s{citation.number}', citation.article_id, citation.start, citation.end)}{badge}"
        f"{provenance(citation.outlet, citation.published, language)}{_also(citation.also, language)}"
        f'<p class="title" {flow(headline(citation))}>{safe(headline(citation))}</p>'
        f'<blockquote class="quote" {flow(citation.quote)}>{safe(citation.quote)}</blockquote>'
        f"{_translation(citation)}"
        f'<p class="where">{_opener(language)} {where}</p></li>'
    )


def _side(citation: Citation, number: int, language: Language) -> str:
    day = date(citation.published, language) or WORDS[language]["undated"]
    outlet = f"<bdi>{safe(citation.outlet)}</bdi>" if citation.outlet else WORDS[language]["outlet_unknown"]
    when = f'<time datetime="{attribute(citation.published or "")}"><bdi>{safe(day)}</bdi></time>'
    return (
        f'<li class="side"><p class="when">{when}</p><p class="who">{outlet}'
        f" {_chip(citation, number, language)}</p>"
        f'<blockquote class="said" {flow(citation.quote)}>{safe(citation.quote)}</blockquote>'
        f"{_translation(citation)}</li>"
    )


def _translation(citation: Citation) -> str:
    """The quote in the language of the answer, with the mark that a machine translated it."""
    language: Language = "ar" if language_of(citation.quote) == "en" else "en"
    text = translated(citation, language)
    return f'<p class="translation" {flow(text)}>{safe(text)}</p>' if text else ""


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
