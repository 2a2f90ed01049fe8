"""Records → safe HTML, by pure functions. Nothing here knows Gradio, the model or the clock.

    Exchange → turn → question, status or draft or answer, sources
    Article + span → article, the quoted span in ``<mark>``

Every text that comes from outside (question, draft, answer, article, title, file name, error) passes
through ``safe`` or ``attribute``; every piece of it stands in an element with its own ``dir``.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rag import Answer, Article, Citation, Claim, Filter, Language, Passage, Reprint
from ui.words import LANGUAGES, WORDS, date

Stage = Literal["waiting", "searching", "reading", "writing", "stopped", "failed", "done"]
"""Where an exchange stands; the last three are final."""

SHOWN_QUESTION = 2000
"""Longest question shown in full, in characters: a page of pasted text must not bury its own error."""

NEAREST = 3
"""Passages shown when the articles do not hold the answer: more would read like an answer."""

SHOWN_REPRINTS = 5
"""Other outlets of the same text that are named; an agency's story can stand in dozens."""

_MARKER = re.compile(r"\[([0-9]{1,4})\]")

# Embeddings, overrides and isolates. A stray one can turn a whole line round, so that "100" reads "001".
_BIDI_CONTROL = re.compile("([\u202a-\u202e\u2066-\u2069])")

_OTHER_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what has become of it so far: what one turn of the conversation shows."""

    number: int
    """1-based within the conversation; every id in the turn's HTML starts with it."""
    question: str
    """As typed."""
    stage: Stage = "waiting"
    """Where it stands."""
    sentences: int = 0
    """How many sentences the model is reading."""
    seconds: float = 0.0
    """Time since the question was taken up."""
    draft: str = ""
    """What the model has written so far, not yet checked."""
    answer: Answer | None = None
    """The checked answer, once there is one."""
    error: str = ""
    """Why it failed, in one line."""
    where: Filter | None = None
    """What the search is limited to."""

    @property
    def open(self) -> bool:
        """Whether it is still being answered."""
        return self.stage not in ("stopped", "failed", "done")


def safe(text: str) -> str:
    """``text`` as HTML text: no markup, no effect on the direction of what is around it.

    Bidirectional controls are kept, so that the text copied from the page equals the article's, but in
    an element that is not displayed: there they take no part in the ordering of the line.
    """
    escaped = html.escape(_OTHER_CONTROL.sub("\ufffd", text)).replace("\r", "&#13;")
    return _BIDI_CONTROL.sub(r'<span class="control" hidden>\1</span>', escaped)


def attribute(text: str) -> str:
    """``text`` for use between the double quotes of an attribute, without bidirectional controls."""
    return html.escape(_OTHER_CONTROL.sub("\ufffd", _BIDI_CONTROL.sub("", text)))


def direction(text: str) -> Literal["rtl", "ltr"]:
    """The way a paragraph runs: that of most of its letters.

    Not ``dir="auto"``, which goes by the first letter and turns «CNN تقول …» round.
    """
    classes = [unicodedata.bidirectional(character) for character in text]
    right = sum(kind in ("R", "AL") for kind in classes)
    return "rtl" if right > classes.count("L") else "ltr"


def language_of(text: str) -> Language:
    """The language whose words the page uses around ``text``."""
    return "ar" if direction(text) == "rtl" else "en"


def flow(text: str) -> str:
    """The ``dir`` and ``lang`` attributes for an element that holds ``text``."""
    return f'dir="{direction(text)}" lang="{language_of(text)}"'


def turn(exchange: Exchange) -> str:
    """One turn of the conversation: the question and all there is below it."""
    return (
        f'<article class="sanad turn" id="t{exchange.number}" data-stage="{exchange.stage}">'
        f"{_question(exchange)}{_reply(exchange)}</article>"
    )


def conversation(exchanges: Sequence[Exchange]) -> str:
    """Several turns, oldest first."""
    return "".join(turn(exchange) for exchange in exchanges)


def article(item: Article, start: int, end: int, quote: str) -> str:
    """A whole article with ``item.text[start:end]`` highlighted.

    Args:
        item: The article.
        start: First character of the span.
        end: One past its last character.
        quote: What the citation quoted. If the span does not hold exactly this, the article has changed
            since: nothing is highlighted, and a line says so.
    """
    words = WORDS[item.language]
    found = 0 <= start < end <= len(item.text) and item.text[start:end] == quote
    lost = "" if found else f'<p class="note" {flow(words["lost"])}>{words["lost"]}</p>'
    span = (start, end) if found else (0, 0)
    body = "".join(_marked(item.text, first, last, *span) for first, last in _lines(item.text))
    # Many articles begin with their own headline, and it need not stand there twice.
    repeated = item.title and item.text.lstrip().startswith(item.title)
    title = "" if repeated else f"<h2 {flow(_title(item))}>{safe(_title(item))}</h2>"
    return (
        f"<header>{title}{_provenance(item.outlet, item.published, item.language)}"
        f'<p class="where">{_source_place(item.source)}</p>{lost}</header>'
        f'<div class="text">{body}</div>'
    )


def failure(message: str) -> str:
    """A line of words where something could not be shown."""
    return f'<p class="failure" role="alert" {flow(message)}>{safe(message)}</p>'


def _question(exchange: Exchange) -> str:
    text = exchange.question.strip()
    if not text:
        return ""
    shown = text if len(text) <= SHOWN_QUESTION else text[:SHOWN_QUESTION] + "…"
    label = WORDS[language_of(shown)]["question"]
    return (
        f'<h2 class="question" {flow(shown)}><span class="unseen">{label}: </span>{safe(shown)}</h2>'
        f"{_where_asked(exchange.where, language_of(shown))}"
    )


def _where_asked(where: Filter | None, language: Language) -> str:
    """The filter of a question, in words; nothing without one."""
    if where is None:
        return ""
    words = WORDS[language]
    parts = [f"<bdi>{safe(outlet)}</bdi>" for outlet in where.outlets]
    for name, value in (("since", where.since), ("until", where.until)):
        if value:
            parts.append(words[name].format(date=f"<bdi>{safe(date(value, language))}</bdi>"))
    if where.language:
        parts.append(f"<bdi>{LANGUAGES[where.language]}</bdi>")
    return f'<p class="only" {flow(words["only"])}>{words["only"]}: {" · ".join(parts)}</p>'


def _reply(exchange: Exchange) -> str:
    if exchange.answer is not None:
        return _answer(exchange.answer, exchange.number)
    if exchange.stage == "failed":
        return failure(exchange.error)
    language = language_of(exchange.draft or exchange.question)
    return f"{_draft(exchange)}{_status(exchange, language)}"


def _draft(exchange: Exchange) -> str:
    lines = [line for line in exchange.draft.splitlines() if line.strip()]
    body = "".join(f"<p {flow(line)}>{safe(line)}</p>" for line in lines)
    return f'<div class="draft">{body}</div>'


def _status(exchange: Exchange, language: Language) -> str:
    words = WORDS[language]
    text = words[exchange.stage].format(n=exchange.sentences)
    clock = ""
    if exchange.open:
        elapsed = words["elapsed"].format(s=int(exchange.seconds))
        # Outside the live region's text: a screen reader must not read out every second.
        clock = f' <span class="clock" aria-hidden="true"><bdi>{elapsed}</bdi></span>'
    kind = "busy" if exchange.open else "ended"
    return f'<p class="status {kind}" {flow(text)}><span role="status">{text}</span>{clock}</p>'


def _answer(answer: Answer, number: int) -> str:
    words = WORDS[answer.language]
    way = "rtl" if answer.language == "ar" else "ltr"
    return (
        f'<section class="answer" dir="{way}" lang="{answer.language}" data-outcome="{answer.outcome}"'
        f' aria-label="{words["answer"]}">'
        f"{_outcome(answer)}{_claims(answer, number)}{_sources(answer, number)}"
        f"{_passages(answer, number)}{_timing(answer)}</section>"
    )


def _outcome(answer: Answer) -> str:
    # Where nothing was found, the answer itself is these words; the note stands in for an empty one.
    if answer.outcome == "answered" or (answer.outcome == "not_found" and answer.text.strip()):
        return ""
    return f'<p class="note">{WORDS[answer.language][answer.outcome]}</p>'


def _claims(answer: Answer, number: int) -> str:
    paragraphs = []
    for start, end in _lines(answer.text):
        cut = _cut(answer, start, end)
        pieces = "".join(_piece(answer, claim, first, last, number) for claim, first, last in cut)
        paragraphs.append(f"<p {flow(answer.text[start:end])}>{pieces}</p>")
    return f'<div class="claims">{"".join(paragraphs)}</div>'


def _cut(answer: Answer, start: int, end: int) -> Iterator[tuple[Claim | None, int, int]]:
    """The line ``[start, end)`` of the answer, cut where claims begin and end, nothing left out."""
    at = start
    for claim in answer.claims:
        first, last = max(claim.start, at), min(claim.end, end)
        if first >= last:
            continue
        if at < first:
            yield None, at, first
        yield claim, first, last
        at = last
    if at < end:
        yield None, at, end


def _piece(answer: Answer, claim: Claim | None, start: int, end: int, number: int) -> str:
    text = _linked(answer, answer.text[start:end], number)
    if claim is None:
        return text
    note = _verdict(claim, answer.language) if end == claim.end else ""
    return f'<span class="claim" data-verdict="{claim.verdict}">{text}{note}</span>'


def _verdict(claim: Claim, language: Language) -> str:
    if claim.verdict == "supported":
        return ""
    word = WORDS[language][f"claim_{claim.verdict}"]
    reason = f": <bdi {flow(claim.reason)}>{safe(claim.reason)}</bdi>" if claim.reason else ""
    return f' <span class="verdict">{word}{reason}</span>'


def _linked(answer: Answer, text: str, number: int) -> str:
    """``text`` with each marker that names a citation turned into a link to that source."""
    sources = {citation.number: citation for citation in answer.citations}
    parts: list[str] = []
    at = 0
    for marker in _MARKER.finditer(text):
        citation = sources.get(int(marker[1]))
        if citation is not None:
            parts += [safe(text[at : marker.start()]), _chip(citation, number, answer.language)]
            at = marker.end()
    return "".join([*parts, safe(text[at:])])


def _chip(citation: Citation, number: int, language: Language) -> str:
    n = citation.number
    told = [citation.outlet or "", date(citation.published, language), citation.title]
    label = ", ".join([WORDS[language]["source"].format(n=n), *filter(None, told)])
    return (
        f'<a class="chip" dir="ltr" href="#t{number}-s{n}" aria-label="{attribute(label)}"'
        f' title="{attribute(label)}">[{n}]</a>'
    )


def _sources(answer: Answer, number: int) -> str:
    if not answer.citations:
        return ""
    words = WORDS[answer.language]
    items = "".join(_source(citation, number, answer.language) for citation in answer.citations)
    return f'<h3>{words["sources"]}</h3><ol class="sources">{items}</ol>'


def _source(citation: Citation, number: int, language: Language) -> str:
    badge = f'<span class="number" aria-hidden="true">{citation.number}</span>'
    where = _source_place(citation.source, citation.line)
    return (
        f"{_place(f't{number}-s{citation.number}', citation.article_id, citation.start, citation.end)}{badge}"
        f"{_provenance(citation.outlet, citation.published, language)}{_also(citation.also, language)}"
        f'<p class="title" {flow(_title(citation))}>{safe(_title(citation))}</p>'
        f'<blockquote class="quote" {flow(citation.quote)}>{safe(citation.quote)}</blockquote>'
        f'<p class="where">{_opener(language)} {where}</p></li>'
    )


def _passages(answer: Answer, number: int) -> str:
    """Passages beside the citations: the nearest ones where nothing was found, else the uncited ones."""
    words = WORDS[answer.language]
    if answer.outcome == "not_found":
        items = "".join(_passage(item, number, answer.language) for item in answer.passages[:NEAREST])
        return f'<h3>{words["nearest"]}</h3><ul class="sources nearest">{items}</ul>' if items else ""
    others = [item for item in answer.passages if not _cited(item, answer.citations)]
    items = "".join(_passage(item, number, answer.language) for item in others)
    label = words["others"].format(n=len(others))
    return (
        f'<details id="t{number}-others"><summary>{label}</summary><ul class="sources">{items}</ul></details>'
        if items
        else ""
    )


def _cited(passage: Passage, citations: Sequence[Citation]) -> bool:
    chunk = passage.chunk
    return any(
        citation.article_id == chunk.article_id and citation.start < chunk.end and chunk.start < citation.end
        for citation in citations
    )


def _passage(passage: Passage, number: int, language: Language) -> str:
    chunk = passage.chunk
    title = passage.title or chunk.article_id
    return (
        f"{_place(f't{number}-p{passage.rank}', chunk.article_id, chunk.start, chunk.end)}"
        f"{_provenance(passage.outlet, passage.published, language)}{_also(passage.also, language)}"
        f'<p class="title" {flow(title)}>{safe(title)}</p>'
        f'<blockquote class="quote long" {flow(passage.text)}>{safe(passage.text)}</blockquote>'
        f'<p class="where">{_opener(language)}</p></li>'
    )


def _place(identity: str, article_id: str, start: int, end: int) -> str:
    """The opening tag of an entry that page.js can open: it names the span and holds its text."""
    return (
        f'<li id="{identity}" class="source" tabindex="-1" data-article="{attribute(article_id)}"'
        f' data-start="{start}" data-end="{end}">'
    )


def _opener(language: Language) -> str:
    return f'<button type="button" class="opener">{WORDS[language]["open"]}</button>'


def _timing(answer: Answer) -> str:
    total = answer.timings.get("total")
    if total is None:
        return ""
    return f'<p class="timing">{WORDS[answer.language]["answered_in"].format(s=f"{total:.1f}")}</p>'


def _provenance(outlet: str | None, published: str | None, language: Language) -> str:
    name = f"<bdi>{safe(outlet)}</bdi>" if outlet else WORDS[language]["untold"]
    day = date(published, language)
    when = f' · <time datetime="{attribute(published or "")}"><bdi>{safe(day)}</bdi></time>' if day else ""
    return f'<p class="provenance">{name}{when}</p>'


def _also(reprints: Sequence[Reprint], language: Language) -> str:
    """The outlets of other articles that carry the same text; each outlet once."""
    if not reprints:
        return ""
    words = WORDS[language]
    names = list(dict.fromkeys(one.outlet or one.article_id for one in reprints))
    told = words["listed"].join(f"<bdi>{safe(name)}</bdi>" for name in names[:SHOWN_REPRINTS])
    more = words["more"].format(n=len(names) - SHOWN_REPRINTS) if len(names) > SHOWN_REPRINTS else ""
    return f'<p class="provenance also">{words["also"]} {told}{more}</p>'


def _title(item: Article | Citation) -> str:
    return item.title or item.source


def _source_place(source: str, line: int | None = None) -> str:
    """The source as a path with its line, or as a link where it is a web address."""
    if re.match(r"https?://", source, re.IGNORECASE):
        return (
            f'<a class="file" dir="ltr" href="{attribute(source)}" target="_blank"'
            f' rel="noopener noreferrer">{safe(source)}</a>'
        )
    suffix = "" if line is None else f":{line}"
    return f'<bdi class="file" dir="ltr">{safe(source)}{suffix}</bdi>'


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line of ``text`` that is not blank."""
    for line in re.finditer(r"[^\n]*\S[^\n]*", text):
        yield line.span()


def _marked(text: str, first: int, last: int, start: int, end: int) -> str:
    """The line ``[first, last)`` as a paragraph, what ``[start, end)`` covers of it in ``<mark>``."""
    begin, stop = max(first, start), min(last, end)
    if begin >= stop:
        inside = safe(text[first:last])
    else:
        inside = f"{safe(text[first:begin])}<mark>{safe(text[begin:stop])}</mark>{safe(text[stop:last])}"
    return f"<p {flow(text[first:last])}>{inside}</p>"
