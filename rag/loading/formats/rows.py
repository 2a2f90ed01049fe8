"""A collection becomes articles: each line of a JSON Lines file, each row of a CSV or TSV file, is one.

A row that cannot be used is named with its line, and the others stay.
"""

from __future__ import annotations

import csv
import datetime
import email.utils
import hashlib
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.errors import BadSettings
from rag.language.text import ascii_digits, fold
from rag.loading.encodings import decode
from rag.loading.parsed import Draft, Note, Read, Unusable, body, headed, one_line
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
"""What a column may be called, best first; case, underscores and Arabic spelling do not matter."""

EARLIEST = 1900
"""Year. Dates before it stand for a missing one (0001-01-01, 1601)."""

_LANGUAGES: Mapping[str, Language] = {
    **dict.fromkeys(("en", "eng", "english", "انجليزي", "الانجليزيه", "انجليزيه"), "en"),
    **dict.fromkeys(("ar", "ara", "arabic", "عربي", "العربيه", "عربيه"), "ar"),
}
"""By folded name."""

_DELIMITERS = (",", ";", "\t", "|")
_BREAK = re.compile(r"\r\n|\r|\n")
_SAMPLE = 1000  # lines that the delimiter is told by
_CSV_LIMIT = 2**31 - 1  # characters a cell; the most that csv takes on every system
_PLAIN_KEY = re.compile(r"[\w.:@-]{1,80}")
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/])(\d{1,2})(?:\2(\d{1,2}))?|(\d{2})(\d{2}))(?:[T ]\d{1,2}[:.]\d{2}.*)?"
)
_FIRST_COLUMNS = 8  # that a message names


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    values: Mapping[str, Any]
    spans: tuple[int, ...]  # how many lines of the file below ``line`` each value begins; empty: all on it
    raw: bytes


def parse_columns(setting: str) -> dict[str, str]:
    """The setting ``columns`` as a mapping from field to column.

    Args:
        setting: For example ``text=body,title=headline``; empty for none.

    Raises:
        BadSettings: A part is not ``field=column``, or the field is unknown.
    """
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in setting.split(","))):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or field not in KNOWN:
            raise BadSettings(
                f"Setting columns holds {part!r}; write field=column, for example text=body,title=headline. "
                f"Fields are {', '.join(KNOWN)}."
            )
        chosen[field] = column
    return chosen


def read_jsonl(data: bytes, chosen: Mapping[str, str]) -> Read:
    """The articles of a JSON Lines file, one object a line.

    Args:
        data: The whole file.
        chosen: Columns by field, for those that are not called by a common name.

    Raises:
        Unusable: No line is an object with a text.
    """
    text, loss = decode(data)
    notes = [Note(loss)] if loss else []
    rows: list[_Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = str(error)
            if isinstance(error, json.JSONDecodeError):
                why = f"{error.msg} at character {error.pos + 1}"
            notes.append(Note(f"is no JSON ({why}); one object a line is read", number))
            continue
        if isinstance(value, dict):
            rows.append(_Row(number, value, (), line.encode("utf-8", "replace")))
        else:
            notes.append(Note(f"is no JSON object but {_shown(line)}; one object a line is read", number))
    if _is_array(text):
        raise Unusable("is one JSON array; write one object a line, without brackets and commas around them")
    return _articles(rows, chosen, notes)


def read_csv(data: bytes, chosen: Mapping[str, str], *, tabs: bool = False) -> Read:
    """The articles of a CSV or TSV file whose first row names the columns.

    Args:
        data: The whole file.
        chosen: Columns by field, for those that are not called by a common name.
        tabs: Whether the cells are separated by tabs; otherwise that is found out.

    Raises:
        Unusable: No column holds the text, or no row can be read.
    """
    text, loss = decode(data)
    notes = [Note(loss)] if loss else []
    lines = list(io.StringIO(text, newline=""))
    before = csv.field_size_limit(_CSV_LIMIT)
    try:
        delimiter, quoted = _dialect(lines[:_SAMPLE], chosen, "\t" if tabs else "")
        records = _records(lines, delimiter, quoted)
        header = next((cells for _, cells in records if isinstance(cells, list) and any(cells)), [])
        names = [one_line(cell) for cell in header]
        if not names:
            raise Unusable("holds no row")
        if "text" not in _columns(names, chosen):
            raise Unusable(_no_text_column(names, chosen))
        rows = []
        for line, cells in records:
            if isinstance(cells, str):
                notes.append(Note(cells, line))
            elif len(cells) != len(names):
                few = f"has {len(cells)} cells where the first row has {len(names)}"
                notes.append(Note(f"{few}; put cells that hold {delimiter!r} in quotes", line))
            else:
                spans = tuple(itertools.accumulate((len(_BREAK.findall(cell)) for cell in cells), initial=0))
                raw = "\0".join(cells).encode("utf-8", "replace")
                rows.append(_Row(line, dict(zip(names, cells, strict=True)), spans, raw))
    finally:
        csv.field_size_limit(before)
    return _articles(rows, chosen, notes)


def iso_date(value: Any) -> str | None:
    """A date as ISO 8601 (``2024-09-06``, or ``2024-09``), or None if it is none or could be two.

    Read are dates with the year first, with or without a time (which is dropped, with its zone), and those
    of mail and RSS (``Fri, 06 Sep 2024 10:00:00 GMT``). ``06/09/2024`` is June to some and September to
    others, and is not guessed.
    """
    text = ascii_digits(str(value)).strip()
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        year, month, day = found[1], found[3] or found[5], found[4] or found[6]
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
    if date.year < EARLIEST:
        return None
    return date.isoformat() if day else date.isoformat()[:7]


def _articles(rows: Sequence[_Row], chosen: Mapping[str, str], notes: list[Note]) -> Read:
    drafts: list[Draft] = []
    undated: list[tuple[int, str]] = []
    columns: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        names = tuple(row.values)
        if names not in columns:
            columns[names] = _columns(names, chosen)
        try:
            drafts.append(_draft(row, columns[names], undated))
        except Unusable as error:
            notes.append(Note(str(error), row.line))
    if not drafts and not any("text" in found for found in columns.values()):
        raise Unusable(_no_text_column(tuple(rows[0].values), chosen) if rows else "holds no row")
    for field, column in chosen.items():
        if not any(field in found for found in columns.values()):
            notes.append(Note(f"has no column {column!r}, which the setting columns names for {field}"))
    if undated:
        line, value = undated[0]
        many = "a date was" if len(undated) == 1 else f"{len(undated)} dates were"
        notes.append(Note(f"{many} left out, first {value} on line {line}; write YYYY-MM-DD"))
    return Read(tuple(drafts), tuple(sorted(notes, key=lambda note: note.line)))


def _draft(row: _Row, columns: Mapping[str, str], undated: list[tuple[int, str]]) -> Draft:
    if "text" not in columns:
        raise Unusable("holds no text")
    names = list(row.values)
    values = {field: row.values[column] for field, column in columns.items()}
    text, within = body(_text(values["text"]))
    start = row.line + (row.spans[names.index(columns["text"])] if row.spans else 0)
    lines = tuple(start + line - 1 if row.spans else row.line for line in within)
    title, url = _name(values.get("title")), _name(values.get("url"))
    text, lines = headed(title, text, lines)
    published = None
    if date := _name(values.get("published")):
        published = iso_date(date)
        if published is None:
            undated.append((row.line, _shown(date)))
    return Draft(
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
    """What names a row wherever it stands: its id, else a hash of its address, else of its content.

    Not its number: a row put in at the top would rename, and so embed anew, all that follow.
    """
    if _PLAIN_KEY.fullmatch(given):
        return given
    named = given or url or f"{title}\0{text}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _columns(names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """The column of each field that has one."""
    by_fold = {fold(name): name for name in reversed(names)}  # of two alike the first
    found: dict[str, str] = {}
    for field, known in KNOWN.items():
        wanted = (chosen[field], *known) if field in chosen else known
        name = next((by_fold[fold(name)] for name in wanted if fold(name) in by_fold), None)
        if name is not None and name not in found.values():
            found[field] = name
    return found


def _no_text_column(names: Iterable[str], chosen: Mapping[str, str]) -> str:
    names = list(names)
    told = ", ".join(map(_shown, names[:_FIRST_COLUMNS])) + (" …" if len(names) > _FIRST_COLUMNS else "")
    if "text" in chosen:
        return f"has no column {chosen['text']!r}, nor another that is known to hold the text; it has {told}"
    return f"has no column that is known to hold the text, only {told}; name it: SANAD_COLUMNS='text=NAME'"


def _dialect(lines: Sequence[str], chosen: Mapping[str, str], delimiter: str) -> tuple[str, bool]:
    """The delimiter, and whether quotes have their meaning: in tables of plain tabs they often have none.

    Taken is what gives the known columns and rows as long as the first one; csv.Sniffer goes by how often
    a character comes, and takes letters of Arabic text for delimiters.
    """

    def score(candidate: tuple[str, bool]) -> tuple[bool, float, int]:
        records = list(_records(lines, *candidate))
        header = next((cells for _, cells in records if isinstance(cells, list)), [])
        long = sum(isinstance(cells, list) and len(cells) == len(header) for _, cells in records)
        known = "text" in _columns([one_line(cell) for cell in header], chosen)
        return known, long / max(1, len(records)), len(header)

    candidates = [(each, True) for each in _DELIMITERS if delimiter in ("", each)]
    return max([*candidates, ("\t", False)], key=score)


def _records(lines: Sequence[str], delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line on which it begins; a text instead of cells says why it is no row."""
    at = 0
    while at < len(lines):
        reader = csv.reader(
            (lines[index] for index in range(at, len(lines))),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            strict=True,
        )
        done = 0
        try:
            for cells in reader:
                if cells:
                    yield at + done + 1, cells
                done = reader.line_num
            return
        except csv.Error as error:
            why = "a quote is opened and never closed" if "end of data" in str(error) else str(error)
            yield at + done + 1, f"is no row ({why}); write a quote inside quotes twice"
            # Reading goes on with the next line: an open quote has swallowed rows that are sound.
            at += done + 1


def _is_array(text: str) -> bool:
    """Whether it is a JSON array over several lines, as many tools write."""
    if not text.lstrip().startswith("[") or "\n" not in text.strip():
        return False
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)  # paragraphs
    if not isinstance(value, str):
        raise Unusable("holds no text")
    return value


_NOTHING = frozenset({"nan", "null", "none", "n a", "na"})
"""How tables write that there is no value, folded."""


def _name(value: Any) -> str:
    """A value as one line; empty where there is none."""
    if isinstance(value, dict):  # {"id": "bbc", "name": "BBC News"}
        value = value.get("name")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = one_line(str(value))
    return "" if fold(text) in _NOTHING else text


def _language(name: str) -> Language | None:
    words = fold(name).split()  # "ar-EG" folds to two
    return _LANGUAGES.get(words[0]) if words else None


def _host(url: str) -> str | None:
    from urllib.parse import urlsplit

    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None
    except ValueError:
        return None


def _shown(value: str) -> str:
    value = one_line(value)
    return repr(value if len(value) <= 40 else value[:40] + "…")
