"""Finds when a web page was published: in JSON-LD, meta elements, its address, or beside its headline.

Dates of the last change, of related articles, of comments and of today at the top of the page are no dates of
publication. Where several are left that differ, none is taken: a wrong date is worse than none. (htmldate,
which trafilatura calls, takes the date of the last change before JSON-LD, and any date of the page in need.)
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

from rag.language.text import fold
from rag.loading.dates import date_in, iso_date

_META = (
    *("article:published_time", "article:published", "og:article:published_time", "og:published_time"),
    *("datepublished", "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime", "bt:pubdate"),
    *(
        "citation_publication_date",
        "dcterms.issued",
        "dc.date.issued",
        "dc.date.published",
        "dcterms.created",
    ),
    *("publish-date", "publish_date", "publishdate", "publication_date", "published_date", "published_time"),
    *("pubdate", "published", "date_published", "originalpublicationdate", "article_date_original"),
    *(
        "displaydate",
        "dc.date.created",
        "dc.created",
        "dc.date",
        "dcterms.date",
        "date",
        "datecreated",
        "created",
    ),
)
"""Names of meta elements with a date of publication, best first."""

_META_CHANGED = (
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "last-modified",
    "lastmod",
    "dcterms.modified",
)
"""Names of meta elements with the date of the last change."""

_NOT_THE_ARTICLE = frozenset(
    (
        *(
            "comment",
            "comments",
            "itemlistelement",
            "haspart",
            "ispartof",
            "relatedlink",
            "citation",
            "mentions",
        ),
        *("review", "about", "liveblogupdate", "video", "image", "author", "publisher", "creator", "logo"),
        *("subjectof", "breadcrumb"),
    )
)
"""Keys of JSON-LD whose values are other things than the page's article, in lower case."""

_IN_ADDRESS = re.compile(r"(?:^|[/_=-])((?:19|20)\d\d)([/_-])(\d{1,2})\2(\d{1,2})(?=[/_.?&-]|$)")
_COMPACT_IN_ADDRESS = re.compile(r"(?:^|[/_=-])((?:19|20)\d\d)(\d\d)(\d\d)(?=[/_.?&-]|$)")

_DATED = re.compile(
    r"(?:^|[-_ ])(?:date|datum|time|timestamp|pubdate|published|publish|posted|byline|dateline|"
    r"postdate|tarikh|meta|info|details)",
    re.IGNORECASE,
)
"""Class names and ids of elements that show a date."""

ASIDE = re.compile(
    r"(?:^|[-_ ])(?:sidebar|related|recommend\w*|comments?|commentlist|popular|trending|most|latest|teasers?|"
    r"promo|breaking|ticker|newsletter|read-?more|see-?also|more-?(?:news|stories|articles)|also|next|"
    r"prev\w*)(?:[-_ ]|$)",
    re.IGNORECASE,
)
"""Class names and ids of what is beside an article."""

_ASIDE_HEADING = re.compile(
    r"(?:\d+ )?(?:related|most (?:read|popular)|read (?:also|more|next)|see also|"
    r"more (?:from|on|news|stories)|comments?|latest|recommended|you may also like|"
    r"اقرا ايضا|اقرا المزيد|طالع ايضا|شاهد ايضا|الاكثر قراءه|اخر الاخبار|احدث الاخبار|ذات صله|"
    r"(?:مقالات|اخبار|مواضيع|موضوعات|تقارير|مواد) (?:متعلقه|ذات صله|مشابهه|مرتبطه|اخري)|"
    r"(?:ال)?تعليقات|المزيد من|قد يعجبك)\b.{0,30}"
)
"""Headings of what is beside an article, folded."""

_ASIDE_TAGS = frozenset({"aside", "nav", "footer", "form", "script", "style"})
_CDATA = re.compile(r"^(?://)? ?<!\[CDATA\[|(?://)? ?\]\]>$")
_SECTIONS = frozenset({"section", "div", "ul", "ol"})
PARAGRAPH = 80
"""Characters from which a paragraph is prose: the date is shown before it."""

SHORT = 60
"""Characters of the longest line that is a date, with the place or the author beside it."""


def published(page: Any, title: str, *, many: bool = False) -> tuple[str | None, str | None]:
    """The date of publication of a page, and that of its last change, each as ISO 8601 or None.

    Args:
        page: The parsed page, an lxml element.
        title: The headline, which tells the article from others in JSON-LD.
        many: Whether the page has stories of several dates, so that a date on it may be that of one of them.
    """
    address = _address(page)
    data = list(json_ld(page))
    metas = _metas(page)
    in_metas = [date for name in _META if (date := iso_date(metas.get(name, "")))]
    stated = _stated(data, "datepublished", title, address)
    stated = stated or next(iter(sorted(in_metas, key=lambda date: len(date) < len("2024-09-06"))), None)
    in_address = _in_address(address)
    if stated and in_address and abs(_day(stated) - _day(in_address)) == 1:
        stated = in_address  # the day at the outlet; the time beside the other is often that of Greenwich
    chosen = stated or in_address
    if not many:
        chosen = stated or _marked(page) or in_address or _beside_headline(page)
    changed = _stated(data, "datemodified", title, address) or next(
        (date for name in _META_CHANGED if (date := iso_date(metas.get(name, "")))), None
    )
    return chosen, changed


def _day(date: str) -> int:
    return datetime.date.fromisoformat(date if len(date) > 7 else f"{date}-15").toordinal()


def json_ld(page: Any) -> Iterator[dict[str, Any]]:
    """The objects of the page's JSON-LD that can describe its article, outer ones first."""
    for script in page.xpath(".//script[contains(@type, 'ld+json')]"):
        try:
            yield from _objects(json.loads(_CDATA.sub("", (script.text or "").strip()), strict=False))
        except (ValueError, RecursionError):
            dates = set(re.findall(r'"datePublished"\s*:\s*"([^"]{8,40})"', script.text or ""))
            if len(dates) == 1:
                yield {"@type": "Article", "datePublished": dates.pop()}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
    elif isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key.lower() not in _NOT_THE_ARTICLE:
                yield from _objects(inner)


def types(item: dict[str, Any]) -> set[str]:
    """The schema.org types of an object, in lower case."""
    named = item.get("@type")
    return {str(one).lower() for one in (named if isinstance(named, list) else [named])}


def _is_article(item: dict[str, Any]) -> bool:
    return any(kind.endswith(("article", "posting", "report", "statement")) for kind in types(item))


def _stated(data: list[dict[str, Any]], key: str, title: str, address: str) -> str | None:
    """The date of the article in JSON-LD; of several articles that of the one with this title or address."""
    articles = [item for item in data if _is_article(item)]
    pages = [item for item in data if types(item) & {"webpage", "itempage", "videoobject", "podcastepisode"}]
    for items in (articles, pages):
        dates = [(item, date) for item in items if (date := _date_of(item, key))]
        if len({date for _, date in dates}) > 1:
            dates = [(item, date) for item, date in dates if _is_of(item, title, address)]
        if dates:
            return dates[0][1]
    return None


def _date_of(item: dict[str, Any], key: str) -> str | None:
    return next((iso_date(value) for name, value in item.items() if name.lower() == key), None)


def _is_of(item: dict[str, Any], title: str, address: str) -> bool:
    named = {fold(str(item.get(key) or "")) for key in ("headline", "name")} - {""}
    wanted = fold(title)
    if any(name in wanted or wanted in name for name in named):
        return True
    at = [item.get("url"), item.get("@id"), item.get("mainEntityOfPage")]
    at += [one.get("@id") for one in at if isinstance(one, dict)]
    return bool(address) and any(isinstance(one, str) and one.split("#")[0] == address for one in at)


def _metas(page: Any) -> dict[str, str]:
    """The content of the first meta element of each name, in lower case."""
    contents: dict[str, str] = {}
    for element in page.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        content = element.get("content") or element.get("datetime")
        if name and content:
            contents.setdefault(name.lower(), content.strip())
    return contents


def _address(page: Any) -> str:
    links = page.xpath("//link[@rel='canonical']/@href | //meta[@property='og:url']/@content")
    return str(links[0]).strip() if links else ""


def _in_address(address: str) -> str | None:
    if match := _IN_ADDRESS.search(address):
        return iso_date(f"{match[1]}-{match[3]}-{match[4]}")
    if match := _COMPACT_IN_ADDRESS.search(address):
        return iso_date(match[1] + match[2] + match[3])
    return None


def _marked(page: Any) -> str | None:
    """The date that microdata in the article's body states."""
    headline = _headline(page)
    marked = page.xpath("//*[@itemprop='datePublished' or @pubdate or contains(@class, 'dt-published')]")
    values = (_date_shown(item) for item in marked if item.tag != "meta" and not is_aside(item, headline))
    dates = {date for date in values if date}
    return dates.pop() if len(dates) == 1 else None


def _beside_headline(page: Any) -> str | None:
    """The only date between the headline and the first paragraph, else the only one marked in the article."""
    headline = _headline(page)
    near: set[str] = set()
    marked: set[str] = set()
    above, before_prose = headline is not None, True
    for element in page.iter("*"):
        if element is headline:
            above = False
            continue
        text = _own_text(element)
        before_prose = before_prose and (above or element.tag not in ("p", "div") or len(text) < PARAGRAPH)
        named = element.tag == "time" or _DATED.search(f"{element.get('class', '')} {element.get('id', '')}")
        short = not above and before_prose and 0 < len(text) <= SHORT
        if above or not (named or short) or is_aside(element, headline):
            continue
        if date := (_date_shown(element) if named else date_in(text)):
            marked |= {date} if named else set()
            near |= {date} if before_prose else set()
    dates = near or marked
    return dates.pop() if len(dates) == 1 else None


def _date_shown(element: Any) -> str | None:
    text = " ".join(element.text_content().split())
    written = element.get("datetime") or element.get("content")
    if written and not re.search(
        r"updated|modified|تحديث|تعديل", f"{text} {element.get('class', '')}", re.IGNORECASE
    ):
        return iso_date(written)
    return date_in(text)


def _headline(page: Any) -> Any:
    """The element of the headline: the only h1, or the first."""
    return next(iter(page.xpath("//h1[normalize-space()]")), None)


def is_aside(element: Any, headline: Any) -> bool:
    """Whether an element is beside the article: in a side bar, a list of other articles, or comments.

    What contains the headline is the article itself, whatever its name.
    """
    containing = set(headline.iterancestors()) if headline is not None else set()
    for each in (element, *element.iterancestors()):
        if each in containing or each.tag in ("body", "html"):
            return False
        if each.tag in _ASIDE_TAGS or ASIDE.search(f"{each.get('class', '')} {each.get('id', '')}"):
            return True
        heading = next(each.iter("h2", "h3", "h4", "h5", "h6"), None) if each.tag in _SECTIONS else None
        if heading is not None and _ASIDE_HEADING.fullmatch(fold("".join(heading.itertext()))):
            return True
        if each.tag == "header" and headline is not None:  # of the site, as it is not that of the article
            return True
    return False


def _own_text(element: Any) -> str:
    return " ".join(part for part in (element.text, *(child.tail for child in element)) if part).strip()
