"""Turns the rows of a collection (JSON Lines, CSV, TSV) into articles.

A row that cannot be used is reported with its line; the other rows are kept.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rag.errors import BadSettings
from rag.language.text import ascii_digits, fold
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body, headed, one_line
from rag.records import Language

KNOWN: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("text", "body", "content", "article", "article text", "full text", "articleBody", "story"),
        *("نص", "النص", "نص الخبر", "المتن", "المحتوى", "محتوى"),
    ),
    "title": ("title", "headline", "heading", "عنوان", "العنوان", "عنوان الخبر"),
    "outlet": (
        *("outlet", "source", "publisher", "newspaper", "agency", "site name", "source name"),
        *("المصدر", "مصدر", "الناشر", "الصحيفة", "الوكالة"),
    ),
    "published": (
        *("published", "date", "published at", "publishedAt", "publish date", "publication date"),
        *("date published", "datePublished", "pub date", "pubDate", "تاريخ", "التاريخ", "تاريخ النشر"),
    ),
    "language": ("language", "lang", "اللغة", "لغة"),
    "url": ("url", "link", "href", "رابط", "الرابط"),
    "id": ("id", "article id", "guid", "uuid", "معرف", "المعرف"),
}
"""Common names of each field's column, best first; case, underscores and Arabic spelling do not matter."""

EARLIEST = 1900
"""Year. Earlier dates are placeholders for a missing date (0001-01-01, 1601)."""

_LANGUAGES: Mapping[str, Language] = {
    **dict.fromkeys(("en", "eng", "english", "انجليزي", "الانجليزيه", "انجليزيه"), "en"),
    **dict.fromkeys(("ar", "ara", "arabic", "عربي", "العربيه", "عربيه"), "ar"),
}
"""By folded name."""

_NO_VALUE = frozenset({"nan", "null", "none", "n a", "na"})
"""Folded words that tables contain instead of a missing value."""

_PLAIN_KEY = re.compile(r"[\w.:@-]{1,80}")
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/])(\d{1,2})(?:\2(\d{1,2}))?|(\d{2})(\d{2}))(?:[T ]\d{1,2}[:.]\d{2}.*)?"
)
_FIRST_COLUMNS = 8  # columns that a message lists
_LONGEST_SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a collection."""

    line: int
    """1-based line of the file on which it begins."""
    values: Mapping[str, Any]
    """The values by the name of their column."""
    offsets: tuple[int, ...]
    """For each value the number of lines between ``line`` and its beginning; empty if all are on one line."""
    raw: bytes
    """The content that its digest is computed from."""


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


def iso_date(value: Any) -> str | None:
    """A date as ISO 8601 (``2024-09-06`` or ``2024-09``), or None if it is not a date or ambiguous.

    Accepted are dates that begin with the year, with or without a time (which is dropped, with its zone), and
    dates of mail and RSS (``Fri, 06 Sep 2024 10:00:00 GMT``). ``06/09/2024`` is ambiguous: it is in June in
    some countries and in September in others.
    """
    text = ascii_digits(str(value)).strip()
    match = _YEAR_FIRST.fullmatch(text)
    if match:
        year, month, day = match[1], match[3] or match[5], match[4] or match[6]
    else:
        try:
            mailed = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        year, month, day = f"{mailed:%Y}", f"{mailed:%m}", f"{mailed:%d}"
    try:
        date = datetime.date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    return date.isoformat()[: 10 if day else 7] if date.year >= EARLIEST else None


def parse_rows(rows: Sequence[Row], chosen: Mapping[str, str], notes: list[Note]) -> ParsedFile:
    """The articles of rows; notes on what cannot be used are added to ``notes``.

    Raises:
        Unusable: There is no row, or no row has a column with the text.
    """
    articles: list[ParsedArticle] = []
    undated: list[tuple[int, str]] = []
    columns: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        if (names := tuple(row.values)) not in columns:
            columns[names] = columns_by_field(names, chosen)
        try:
            articles.append(_article(row, columns[names], undated))
        except Unusable as error:
            notes.append(Note(str(error), row.line))
    if not articles and not any("text" in fields for fields in columns.values()):
        raise Unusable(no_text_column(tuple(rows[0].values), chosen) if rows else "contains no row")
    for field, column in chosen.items():
        if not any(field in fields for fields in columns.values()):
            notes.append(Note(f"has no column {column!r}, which the setting columns assigns to {field}"))
    if undated:
        line, value = undated[0]
        subject = "a date was" if len(undated) == 1 else f"{len(undated)} dates were"
        notes.append(Note(f"{subject} not read, first {value} on line {line}; write YYYY-MM-DD"))
    return ParsedFile(tuple(articles), tuple(sorted(notes, key=lambda note: note.line)))


def _article(row: Row, columns: Mapping[str, str], undated: list[tuple[int, str]]) -> ParsedArticle:
    """The article of a row; a date that cannot be read is added to ``undated`` with its line."""
    if "text" not in columns:
        raise Unusable("contains no text")
    names = list(row.values)
    values = {field: row.values[column] for field, column in columns.items()}
    text, text_lines = body(_text(values["text"]))
    start = row.line + (row.offsets[names.index(columns["text"])] if row.offsets else 0)
    lines = tuple(start + line - 1 if row.offsets else row.line for line in text_lines)
    title, url = _name(values.get("title")), _name(values.get("url"))
    text, lines = headed(title, text, lines)
    date = _name(values.get("published"))
    published = iso_date(date)
    if date and published is None:
        undated.append((row.line, shown(date)))
    return ParsedArticle(
        text,
        lines,
        title=title,
        outlet=_name(values.get("outlet")) or _host(url),
        published=published,
        language=_language(_name(values.get("language"))),
        key=_key(_name(values.get("id")), url, title, text),
        line=row.line,
        sha256=hashlib.sha256(row.raw).hexdigest(),
    )


def _key(given: str, url: str, title: str, text: str) -> str:
    """Identifies a row independently of its position: its id, else a hash of its URL, else of its content.

    The number of the row would not do: a row inserted at the top would change the id of every row below, and
    all of them would be embedded again.
    """
    if _PLAIN_KEY.fullmatch(given):
        return given
    named = given or url or f"{title}\0{text}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def columns_by_field(names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Those of the columns ``names`` that contain a field, by field; ``chosen`` columns come first."""
    by_fold = {fold(name): name for name in reversed(names)}  # of two equal names the first
    columns: dict[str, str] = {}
    for field, known in KNOWN.items():
        candidates = (chosen[field], *known) if field in chosen else known
        name = next((by_fold[fold(name)] for name in candidates if fold(name) in by_fold), None)
        if name is not None and name not in columns.values():
            columns[field] = name
    return columns


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


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)  # paragraphs
    if not isinstance(value, str):
        raise Unusable("contains no text")
    return value


def _name(value: Any) -> str:
    """A value as one line; empty if it is missing."""
    if isinstance(value, dict):  # {"id": "bbc", "name": "BBC News"}
        value = value.get("name")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = one_line(str(value))
    return "" if fold(text) in _NO_VALUE else text


def _language(name: str) -> Language | None:
    words = fold(name).split()  # "ar-EG" folds to two words
    return _LANGUAGES.get(words[0]) if words else None


def _host(url: str) -> str | None:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def shown(value: str) -> str:
    """A value as a message shows it: on one line, shortened and in quotes."""
    value = one_line(value)
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
