"""HTML for articles: one article with its quote highlighted, and the list of all.

    Article + span → article, with the quoted span in ``<mark>``
    Articles + query → listing

Pure functions of records; Gradio and the model are not involved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag import Article
from rag.index.indexing import Built
from rag.language.text import fold
from rag.loading.articles import ARTICLE_FILES, Skipped
from rag.loading.uploads import PREFIX as UPLOADED
from rag.records import Language
from ui import filters, pdf_files
from ui.html import sources
from ui.html.render import lines
from ui.wording.faults import failure
from ui.wording.text import attribute, direction, flow, safe, spoken
from ui.wording.words import LANGUAGES, WORDS, counted
from ui.work import State

PAGE = 30
"""Articles listed at first, and added by each "Show more"."""

SHOWN_SKIPPED = 50
"""Files and rows that are named with a reason; a file in which every row lacks a field has thousands."""


def article(item: Article, span: tuple[int, int, str] | None, language: Language) -> str:
    """A whole article, with ``item.text[start:end]`` highlighted.

    Args:
        item: The article.
        span: Start, end and quote of the citation; None highlights nothing. If the text at the span is not
            exactly
            the quote, the article has changed: nothing is highlighted, and a note says so.
        language: Language of the page.
    """
    start, end, quote = span or (0, 0, "")
    is_there = 0 <= start < end <= len(item.text) and item.text[start:end] == quote
    lost = "" if is_there or span is None else f'<p class="note">{WORDS[language]["lost"]}</p>'
    marked = (start, end) if is_there else (0, 0)
    # Many articles begin with their own headline: it is shown once, above if the quote is further below.
    at = item.text.find(item.title)
    repeated = item.title and not item.text[: max(at, 0)].strip() and at >= 0 and start < at + len(item.title)
    body = "".join(
        _marked(item.text, first, last, *marked)
        for first, last in lines(item.text)
        if repeated or item.text[first:last].strip() != item.title or first > at
    )
    name = sources.headline(item)
    title = "" if repeated else f"<h2 {flow(name)}>{safe(name)}</h2>"
    pdf = f' data-pdf="{attribute(item.id)}"' if pdf_files.is_pdf(item) else ""
    return (
        f"<header {spoken(language)}{pdf}>{title}{sources.provenance(item.outlet, item.published, language)}"
        f'<p class="where">{sources.place(item.source)}</p>{lost}</header>'
        f'<div class="text">{body}</div>'
    )


def listing(articles: Sequence[Article], total: int, shown: int, language: Language) -> str:
    """The first ``shown`` of these articles, with buttons to open, correct and remove them.

    Args:
        articles: The articles that match the search.
        total: Number of articles in the index.
        shown: Number of articles to list.
        language: Language of the page.
    """
    words = WORDS[language]
    if not articles:
        return f'<p class="found" role="status" {spoken(language)}>{words["found_none"]}</p>'
    count = counted("articles", total, language)
    if len(articles) != total:
        whole = counted("articles", total, language, genitive=True)
        count = words["found"].format(n=f"{len(articles):,}", all=whole)
    items = "".join(_listed(item, language) for item in articles[:shown])
    more = (
        f'<button type="button" class="more" data-shown="{shown + PAGE}">{words["page_more"]}</button>'
        if shown < len(articles)
        else ""
    )
    return (
        f'<div {spoken(language)}><p class="found" role="status">{count}</p>'
        f'<ul class="listing">{items}</ul>{more}</div>'
    )


def searched(articles: Iterable[Article], query: str) -> list[Article]:
    """The articles whose headline, outlet or file name contains every word of a query, latest first."""
    wanted = fold(query).split()
    matches = [
        item
        for item in articles
        if all(word in fold(f"{item.title}\n{item.outlet or ''}\n{item.source}") for word in wanted)
    ]
    return sorted(matches, key=lambda item: (item.published or "", item.id), reverse=True)


def adding(language: Language, limit: int) -> str:
    """The part above the list: the area to drop files on, and the search form.

    Args:
        language: Language of the page.
        limit: Largest file, in bytes.
    """
    words = WORDS[language]
    kinds = words["upload_kinds"].format(mb=f"{limit / 1e6:g}")
    return (
        f'<div {spoken(language)}><div class="drop"><h2>{words["upload"]}</h2>'
        f'<label class="choose"><input type="file" multiple accept="{",".join(ARTICLE_FILES)}">'
        f"<span>{words['upload_choose']}</span></label> <span>{words['upload_drop']}</span>"
        f'<p class="kinds">{kinds}</p><div class="sent" aria-live="polite"></div></div>'
        f'<form class="search fields" role="search" autocomplete="off"><label class="field query">'
        f'{words["search"]}<input type="search" name="query" placeholder="{words["search_hint"]}" dir="auto">'
        f"</label>{filters.outlet_field(language)}{filters.fields(language)}</form>"
        f'<datalist id="sanad-outlets"></datalist></div>'
    )


def work(state: State, language: Language) -> str:
    """The progress of a change of the index, or the result of the last one.

    Args:
        state: State of the work.
        language: Language of the page.
    """
    words = WORDS[language]
    if state.running:
        doing = words.get(f"work_{state.doing.replace(' ', '_')}", "")
        label = f"{words['indexing']}: {doing}" if doing else words["indexing"]
        return (
            f'<div class="sanad work" {spoken(language)}><label>{label}'
            f'<progress max="1" value="{state.share:.3f}"></progress></label></div>'
        )
    if state.fault is not None:
        return f'<div class="sanad work">{failure(state.fault, language)}</div>'
    if state.word:
        return f'<div class="sanad work" {spoken(language)}><p>{words[state.word]}</p></div>'
    return _built(state.built, language) if state.built is not None else ""


def _built(built: Built, language: Language) -> str:
    words, done = WORDS[language], built.written
    parts = [
        words[name].format(n=counted("articles", len(ids), language, genitive=True))
        for name, ids in (("indexed_added", done.added), ("indexed_changed", done.changed))
        if ids
    ]
    summary = f"{words['listed'].join(parts)}." if parts else words["indexed_nothing"]
    skipped = _reasons(words["skipped"], [item for item in built.skipped if not item.added])
    noted = _reasons(words["noted"], [item for item in built.skipped if item.added])
    return f'<div class="sanad work" {spoken(language)}><p>{summary}</p>{skipped}{noted}</div>'


def _reasons(title: str, items: Sequence[Skipped]) -> str:
    """A list of files and rows with a reason each; empty without any."""
    listed = "".join(
        f'<li><bdi class="file" dir="ltr">{safe(item.source.removeprefix(UPLOADED))}</bdi> '
        f'<span dir="ltr" lang="en">{safe(item.reason)}</span></li>'
        for item in items[:SHOWN_SKIPPED]
    )
    return f'<p>{title}</p><ul class="skipped">{listed}</ul>' if listed else ""


def _listed(item: Article, language: Language) -> str:
    words = WORDS[language]
    name = sources.headline(item)
    which = attribute(words["remove_which"].format(title=name))
    correct = attribute(words["correct_which"].format(title=name))
    after = "remove_comes_back"
    if item.id.startswith(UPLOADED):
        after = "remove_row" if re.search(":[0-9]+$", item.source) else "remove_uploaded"
    return (
        f'<li class="listed" data-article="{attribute(item.id)}" data-title="{attribute(name)}"'
        f' data-after="{after}">'
        f'<button type="button" class="title" {flow(name)}>{safe(name)}</button>'
        f"{sources.provenance(item.outlet, item.published, language)}"
        f'<p class="where"><span lang="{item.language}">{LANGUAGES[item.language]}</span> '
        f"{sources.place(item.source)}</p>"
        f'<div class="acts"><button type="button" class="correct" aria-label="{correct}"'
        f' aria-expanded="false">{words["correct"]}</button>'
        f'<button type="button" class="remove" aria-label="{which}">{words["remove"]}</button></div>'
        f"{_correction(item, language)}</li>"
    )


def _correction(item: Article, language: Language) -> str:
    """The form for outlet and date of an article."""
    words, outlet = WORDS[language], item.outlet or ""
    way = direction(outlet) if outlet else "auto"
    return (
        f'<form class="correction fields" autocomplete="off" hidden><label class="field">'
        f'{words["filter_outlets"]}<input type="text" name="outlet" value="{attribute(outlet)}" dir="{way}"'
        f' maxlength="{filters.MAX_SENT}" placeholder="{words["outlet_unknown"]}"'
        f' list="sanad-outlets"></label><label class="field">'
        f'{words["published"]}<input type="text" name="published" value="{attribute(item.published or "")}"'
        f' dir="ltr" maxlength="10" placeholder="2024-09-06"></label>'
        f'<button type="submit">{words["correct_save"]}</button>'
        f'<button type="button" class="plain cancel">{words["cancel"]}</button>'
        f'<p class="kept">{words["correct_kept"]}</p><div class="wrong"></div></form>'
    )


def _marked(text: str, first: int, last: int, start: int, end: int) -> str:
    """The line ``[first, last)`` as a paragraph, with its part of ``[start, end)`` in ``<mark>``."""
    begin, stop = max(first, start), min(last, end)
    if begin >= stop:
        inside = safe(text[first:last])
    else:
        inside = f"{safe(text[first:begin])}<mark>{safe(text[begin:stop])}</mark>{safe(text[stop:last])}"
    return f"<p {flow(text[first:last])}>{inside}</p>"
