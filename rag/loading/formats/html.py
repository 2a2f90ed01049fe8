"""A saved web page becomes an article: trafilatura finds the article on it, headline, outlet and date.

Only the page's own bytes are read: nothing that it refers to is fetched or opened.
"""

from __future__ import annotations

import re
from typing import Any

from rag.language.text import fold
from rag.loading.encodings import declared_encoding, decode
from rag.loading.parsed import Draft, Note, Read, Unusable, body, headed, one_line

_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_RULE = re.compile(r"^\|(?:-+\|)+ *\n?", re.MULTILINE)
"""The line that trafilatura draws under the head of a table."""

_ROW = re.compile(r"^\| ?(.*?) ?\| ?$", re.MULTILINE)
"""A row of a table, between the bars that trafilatura draws at its ends."""

_SEPARATOR = re.compile(r"\s+[|\-–—:•»]+\s+")
"""What stands between a headline and the outlet's name in a page's title."""


def read_html(data: bytes) -> Read:
    """The article on a web page.

    Lines are counted in the article, since where a tag stands in the file means nothing to a reader.
    Characters are as in the page, but for invisible ones, which trafilatura drops.

    Raises:
        Unusable: The page has no text, or is no page.
    """
    from lxml import etree, html

    text, loss = decode(data, declared=declared_encoding(data))
    # libxml2 is given UTF-8 and told so: it refuses text that declares another encoding.
    parser = html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        page = html.document_fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        raise Unusable("holds no web page") from None
    found = _extract(page)
    if found is None:
        raise Unusable("holds no article text; save the page of the article itself")
    shown, lines = body(_ROW.sub(r"\1", _TRAILING.sub("", _RULE.sub("", found.text or ""))))
    outlet = one_line(found.sitename or "")
    title = _headline(one_line(found.title or ""), outlet)
    shown, lines = headed(title, shown, lines)
    draft = Draft(shown, lines, title=title, outlet=outlet or None, published=found.date or None)
    return Read((draft,), (Note(loss),) if loss else ())


def _extract(page: Any) -> Any:
    import trafilatura

    return trafilatura.bare_extraction(
        page,
        with_metadata=True,
        include_comments=False,  # readers' comments are not the article
        # No search through the text for something that looks like a date: a wrong one is worse than none.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )


def _headline(title: str, outlet: str) -> str:
    """The title without the outlet's name, which most pages add to it."""
    parts = _SEPARATOR.split(title)
    if outlet and len(parts) > 1 and fold(parts[-1]) == fold(outlet):
        return title[: title.rindex(parts[-1])].rstrip(" |-–—:•»")
    return title
