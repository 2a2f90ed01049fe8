"""Reads a saved web page as an article: trafilatura extracts its text, headline and outlet.

Only the bytes of the page are read; nothing that it refers to is fetched or opened.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from rag.language.text import fold
from rag.loading.encodings import declared_encoding, decode
from rag.loading.formats.page_date import published
from rag.loading.formats.page_updates import is_live, spread
from rag.loading.mojibake import repaired
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body, headed, one_line

_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_RULE = re.compile(r"^\|(?:-+\|)+ *\n?", re.MULTILINE)
"""The line that trafilatura writes below the header of a table."""

_ROW = re.compile(r"^\| ?(.*?) ?\| ?$", re.MULTILINE)
"""A row of a table between the bars that trafilatura writes at its ends."""

_SEPARATOR = re.compile(r"\s+[|\-–—:•»]+\s+")
"""What separates the headline from the name of the outlet in the title of a page."""


def read_html(data: bytes) -> ParsedFile:
    """The article on a web page.

    Line numbers are those of the article's text, since lines of the HTML mean nothing to a reader. The
    characters are those of the page except for invisible ones, which trafilatura drops.

    Raises:
        Unusable: The file is not a web page, or the page has no text.
    """
    from lxml import etree, html

    written, loss = decode(data, declared=declared_encoding(data), repair=False)
    text, misread = repaired(written)
    # libxml2 gets UTF-8 and an explicit encoding, since it refuses a str that declares another encoding.
    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        page = html.document_fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        raise Unusable("contains no web page") from None
    notes = [Note(loss, added=True)] if loss else []
    live = is_live(page)
    name = one_line("".join(page.xpath("string(//title)")))
    page, heads, dates = spread(page, lambda copied: getattr(_extracted(copied), "text", None) or "")
    date, changed = published(page, name, many=len(dates) > 1)
    document = _extracted(page)
    if document is None:
        raise Unusable("contains no article text; save the page of the article itself")
    article_text, lines = body(_ROW.sub(r"\1", _TRAILING.sub("", _RULE.sub("", document.text or ""))))
    if misread and not _contains(written, article_text):
        notes.append(Note(misread, added=True))
    outlet = one_line(document.sitename or "")
    title = _headline(one_line(document.title or ""), outlet)
    article_text, lines = headed(title, article_text, lines)
    if date is None and len(dates) == 1:
        date = dates.pop()
    notes += _remarks(article_text, live, heads, dates, date, changed)
    article = ParsedArticle(article_text, lines, title=title, outlet=outlet or None, published=date)
    return ParsedFile((article,), tuple(notes))


def _contains(page: str, text: str) -> bool:
    """Whether a page as written contains the words of a text that are not ASCII: none was repaired."""
    plain = unescape(page)
    return all(word in plain for word in re.findall(r"[^\s\x00-\x7f]+", text))


def _extracted(page: Any) -> Any:
    """What trafilatura finds on a page, which it may change; None if that is nothing."""
    import trafilatura

    return trafilatura.bare_extraction(
        page,
        with_metadata=True,
        include_comments=False,  # readers' comments are not part of the article
        # The quickest way of a search whose result is not used.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )


def _remarks(
    text: str, live: bool, heads: list[str], dates: set[str], date: str | None, changed: str | None
) -> list[Note]:
    """What is to be said of a page that was added."""
    reasons = []
    folded = fold(text)
    lost = sum(fold(head) not in folded for head in heads)
    if lost:
        reasons.append(f"heading or time of {lost} of its {len(heads)} updates was not read")
    elif live and not heads:
        reasons.append("is a live blog; headings and times of its updates may be missing")
    if date is None and dates:
        span = f"{min(dates)} to {max(dates)}"
        reasons.append(f"contains {len(heads)} stories of different dates ({span}) and has none of its own")
    elif date is None and changed:
        fix = "give the one of publication in articles.toml"
        reasons.append(f"has only the date of its last change, {changed}, which was not used; {fix}")
    return [Note(reason, added=True) for reason in reasons]


def _headline(title: str, outlet: str) -> str:
    """The title without the name of the outlet, which most pages append to it."""
    parts = _SEPARATOR.split(title)
    if outlet and len(parts) > 1 and fold(parts[-1]) == fold(outlet):
        return title[: title.rindex(parts[-1])].rstrip(" |-–—:•»")
    return title
