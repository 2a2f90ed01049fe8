"""Finds the fields of an article among the columns of a table, the keys of an object or of front matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from rag.errors import BadSettings
from rag.language.text import fold
from rag.loading.parsed import one_line
from rag.records import Language

KNOWN: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("text", "body", "content", "article", "article text", "full text", "articleBody", "article body"),
        *("story", "body text", "bodyText", "maintext", "main text", "plain text", "post content"),
        *("content encoded", "content html", "body html", "content text", "plaintext", "html", "raw text"),
        *("نص", "النص", "نص الخبر", "نص المقال", "المتن", "المحتوى", "محتوى"),
    ),
    "title": (
        *("title", "headline", "heading", "post title", "webTitle", "article title", "page title"),
        *("عنوان", "العنوان", "عنوان الخبر", "عنوان المقال"),
    ),
    "outlet": (
        *("outlet", "source", "publisher", "publication", "newspaper", "agency", "site name", "source name"),
        *("publication name", "media", "media name", "site", "website", "domain", "source domain"),
        *("المصدر", "مصدر", "الناشر", "الصحيفة", "الوكالة", "الموقع"),
    ),
    "published": (
        *("published", "date", "published at", "publishedAt", "publish date", "publication date"),
        *("date published", "datePublished", "pub date", "pubDate", "published on", "published date"),
        *("date publish", "publish time", "published time", "post date", "webPublicationDate", "seendate"),
        *("publicationDate", "publishDate", "publishedDate", "first published", "date gmt"),
        *("تاريخ", "التاريخ", "تاريخ النشر"),
    ),
    "language": ("language", "lang", "inLanguage", "locale", "اللغة", "لغة"),
    "url": ("url", "link", "href", "webUrl", "permalink", "canonical url", "رابط", "الرابط"),
    "id": ("id", "article id", "guid", "uuid", "معرف", "المعرف"),
}
"""Common names of each field's column, best first; case, underscores and Arabic spelling do not matter."""

SUMMARIES = (
    "description",
    "summary",
    "excerpt",
    "abstract",
    "snippet",
    "teaser",
    "lead",
    "الوصف",
    "ملخص",
    "الملخص",
)
"""Names of columns that contain the text if no other does, as in feeds; a note says so."""

WRAPPERS = ("rendered", "value", "name", "text", "plain", "html", "content", "#text", "title", "label")
"""Keys under which a content management system puts a field's value: {"rendered": "<p>…</p>"}."""

DEPTH = 4
"""Levels of objects that may wrap a value."""

_SUMMARIES = frozenset(map(fold, SUMMARIES))

_LANGUAGES: Mapping[str, Language] = {
    **dict.fromkeys(("en", "eng", "english", "انجليزي", "الانجليزيه", "انجليزيه"), "en"),
    **dict.fromkeys(("ar", "ara", "arabic", "عربي", "العربيه", "عربيه"), "ar"),
}
"""By folded name."""

_LONGEST_OBJECT = 200  # characters
_WRITTEN_OBJECT = re.compile(r"""\{[^{}]*['"]name['"]: ?['"]([^'"{}]+)['"][^{}]*\}""")
"""An object as a table has it in a cell: ``{'id': 'bbc-news', 'name': 'BBC News'}``."""

_NO_VALUE = frozenset({"nan", "null", "none", "n a", "na", "n"})
"""Folded words that tables contain instead of a missing value; ``\\N`` is MySQL's."""

_FIRST_COLUMNS = 8  # columns that a message lists
_LONGEST_SHOWN = 40  # characters of a value in a message


def parse_columns(setting: str) -> dict[str, str]:
    """The setting ``columns``, such as ``text=body,title=headline``, as a mapping from field to column.

    Raises:
        BadSettings: A part is not ``field=column``, or the field is unknown.
    """
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or field not in KNOWN:
            raise BadSettings(
                f"The setting columns contains {part!r}; write field=column, for example "
                f"text=body,title=headline. The fields are {', '.join(KNOWN)}."
            )
        chosen[field] = column
    return chosen


_fold = lru_cache(maxsize=4096)(fold)
"""Names of columns are folded again for every object of a file."""

Columns = Mapping[str, Sequence[str]]
"""By field the columns that may contain it, best first."""


def columns_by_field(
    names: Sequence[str], chosen: Mapping[str, str], *, summaries: bool = False
) -> dict[str, list[str]]:
    """Those of the columns ``names`` that may contain each field, best first; ``chosen`` columns come first.

    A column belongs to one field only. ``summaries`` says whether a summary may be the text, if need be.
    """
    by_fold = {_fold(name): name for name in reversed(names)}  # of two equal names the first
    columns: dict[str, list[str]] = {}
    taken: set[str] = set()
    for field, known in KNOWN.items():
        candidates = (chosen[field], *known) if field in chosen else known
        candidates += SUMMARIES if summaries and field == "text" else ()
        present = [by_fold[_fold(name)] for name in candidates if _fold(name) in by_fold]
        if mine := [name for name in dict.fromkeys(present) if name not in taken]:
            columns[field] = mine
            taken |= set(mine)
    return columns


def is_summary(column: str, chosen: Mapping[str, str]) -> bool:
    """Whether a column is one of ``SUMMARIES`` and was not chosen."""
    folded = fold(column)
    return folded in _SUMMARIES and folded != fold(chosen.get("text", ""))


def no_text_column(names: Iterable[str], chosen: Mapping[str, str]) -> str:
    """The message for a file of which no column is known to contain the text."""
    names = list(names)
    listed = ", ".join(map(shown, names[:_FIRST_COLUMNS])) + (" …" if len(names) > _FIRST_COLUMNS else "")
    if "text" in chosen:
        return f"has no column {chosen['text']!r} or another with a known name for the text; it has {listed}"
    return (
        f"has no column with a known name for the text, only {listed}; name the column: "
        "SANAD_COLUMNS='text=NAME'"
    )


def strings(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """The strings of a value, without the objects and arrays that wrap them.

    A paragraph a line is an array, WordPress writes {"rendered": "…"}, Drupal [{"value": "…"}].
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for part in value:
            yield from strings(part, depth - 1)
    elif isinstance(value, dict) and depth:
        inner = (texts for key in WRAPPERS if (texts := list(strings(value.get(key), depth - 1))))
        # Drupal wraps by language: {"und": [{"value": "…"}]}.
        yield from next(inner, strings(next(iter(value.values())), depth - 1) if len(value) == 1 else [])


def name(value: Any) -> str:
    """A value as one line, without markup; empty if it is missing."""
    from rag.loading.formats.markup import plain

    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    first = next((text for text in strings(value) if text.strip()), "")
    if len(first) <= _LONGEST_OBJECT and (written := _WRITTEN_OBJECT.fullmatch(first.strip())):
        first = written[1]
    text = one_line(plain(first)[0])
    return "" if is_missing(text) else text


def is_missing(text: str) -> bool:
    """Whether a text only says that there is none, such as ``nan``."""
    return fold(text) in _NO_VALUE


def language_named(text: str) -> Language | None:
    """The language that a value such as ``ar-EG`` or ``English`` names; None for others."""
    words = fold(text).split()  # "ar-EG" folds to two words
    return _LANGUAGES.get(words[0]) if words else None


def host(url: str) -> str | None:
    """The host of an address without ``www.``; None if it has none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def outlet_of(outlet: str, url: str) -> str | None:
    """The outlet that a field names, by its host where it is an address; else the host of the article.

    Args:
        outlet: The field of the outlet; may be empty.
        url: The article's address; may be empty.
    """
    return (host(outlet) if "://" in outlet else outlet) or host(url)


def shown(value: str) -> str:
    """A value as a message shows it: on one line, shortened and in quotes."""
    value = one_line(value)
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
