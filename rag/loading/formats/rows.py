"""Turns the rows of a collection (JSON Lines, CSV, TSV) into articles.

A row that cannot be used is reported with its line; the other rows are kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.loading.columns import (
    Columns,
    columns_by_field,
    is_missing,
    is_summary,
    language_named,
    name,
    no_text_column,
    outlet_of,
    shown,
    strings,
)
from rag.loading.dates import iso_date
from rag.loading.formats.markup import plain
from rag.loading.mojibake import repaired
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body, headed, one_line

_PLAIN_KEY = re.compile(r"[\w.:@-]{1,80}")

_CUT = re.compile(r"\[\+\d{1,9} chars\]\Z")
"""What NewsAPI puts in the place of the rest of a text."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a collection."""

    line: int
    """1-based line of the file on which it begins."""
    values: Mapping[str, Any]
    """The values by the name of their column."""
    offsets: Mapping[str, int]
    """By column the number of lines between ``line`` and its value; empty if all are on one line."""
    raw: bytes
    """The content that its digest is computed from."""


@dataclass(slots=True)
class _Remarks:
    """What is to be said of rows that were added, by kind of remark: line and value of each."""

    undated: list[tuple[int, str]] = field(default_factory=list)
    cut: list[tuple[int, str]] = field(default_factory=list)
    misread: list[tuple[int, str]] = field(default_factory=list)
    summaries: list[tuple[int, str]] = field(default_factory=list)

    def notes(self) -> list[Note]:
        """One note for each kind, which names the first row."""
        kinds = (
            (self.undated, "{n} not read, first {value} on line {line}; write YYYY-MM-DD", "date"),
            (self.cut, "{n} cut off by the source, first {value} on line {line}", "text"),
            (self.misread, "{n} repaired, first on line {line}: {value}", "text"),
            (self.summaries, "{n} taken from {value}, which may be a summary, first on line {line}", "text"),
        )
        notes = []
        for remarks, wording, what in kinds:
            if remarks:
                line, value = remarks[0]
                number = f"a {what} was" if len(remarks) == 1 else f"{len(remarks)} {what}s were"
                notes.append(Note(wording.format(n=number, value=value, line=line), added=True))
        return notes


def parse_rows(rows: Sequence[Row], chosen: Mapping[str, str], notes: list[Note]) -> ParsedFile:
    """The articles of rows; notes on what cannot be used are added to ``notes``.

    Raises:
        Unusable: There is no row, or no row has a column with the text.
    """
    articles: list[ParsedArticle] = []
    remarks = _Remarks()
    columns: dict[tuple[str, ...], Columns] = {}
    for row in rows:
        if (names := tuple(row.values)) not in columns:
            columns[names] = columns_by_field(names, chosen, summaries=True)
        try:
            if "text" not in columns[names]:
                raise Unusable(no_text_column(names, chosen))
            articles.append(_article(row, columns[names], chosen, remarks))
        except Unusable as error:
            notes.append(Note(str(error), row.line))
    if not articles and not any("text" in fields for fields in columns.values()):
        raise Unusable(no_text_column(tuple(rows[0].values), chosen) if rows else "contains no row")
    for wanted, column in chosen.items():
        if not any(wanted in fields for fields in columns.values()):
            reason = f"has no column {column!r}, which the setting columns assigns to {wanted}"
            notes.append(Note(reason, added=True))
    notes += remarks.notes()
    return ParsedFile(tuple(articles), tuple(sorted(notes, key=lambda note: note.line)))


def _article(row: Row, columns: Columns, chosen: Mapping[str, str], remarks: _Remarks) -> ParsedArticle:
    """The article of a row; what is to be said of it is added to ``remarks``."""

    def first(wanted: str) -> str:
        values = (name(row.values[column]) for column in columns.get(wanted, ()))
        return next(filter(None, values), "")

    column, text, lines = _text(row, columns["text"], remarks)
    if is_summary(column, chosen):
        remarks.summaries.append((row.line, shown(column)))
    title, url, outlet = repaired(first("title"))[0], first("url"), first("outlet")
    text, lines = headed(title, text, lines)
    date = first("published")
    published = iso_date(date)
    if date and published is None:
        remarks.undated.append((row.line, shown(date)))
    return ParsedArticle(
        text,
        lines,
        title=title,
        outlet=outlet_of(outlet, url),
        published=published,
        language=language_named(first("language")),
        key=_key(first("id"), url, title, text),
        line=row.line,
        sha256=hashlib.sha256(row.raw).hexdigest(),
    )


def _text(row: Row, columns: Sequence[str], remarks: _Remarks) -> tuple[str, str, tuple[int, ...]]:
    """The first column that contains a text, the text, and for each of its lines the line of the file.

    Raises:
        Unusable: No column contains text.
    """
    for column in columns:
        value = "\n".join(strings(row.values[column]))
        text, numbers = plain(value)
        if cut := _CUT.search(text.rstrip()[-30:]):
            remarks.cut.append((row.line, shown(text.rstrip()[-30:])))
            text = text.rstrip().removesuffix(cut.group()).rstrip()
        if any(char.isalnum() for char in text) and not is_missing(text):
            text, loss = repaired(text)
            if loss:
                remarks.misread.append((row.line, loss))
            text, kept = body(text)
            start = row.line + row.offsets.get(column, 0)
            by_line = (start + numbers[line - 1] - 1 if row.offsets else row.line for line in kept)
            return column, text, tuple(by_line)
    value = row.values[columns[0]]
    if value in ("", None, [], {}) or isinstance(value, str):
        raise Unusable("contains no text")
    raise Unusable(f"has {shown(one_line(str(value)))} in the column {columns[0]!r}, which is no text")


def _key(given: str, url: str, title: str, text: str) -> str:
    """Identifies a row independently of its position: its id, else a hash of its URL, else of its content.

    The number of the row would not do: a row inserted at the top would change the id of every row below, and
    all of them would be embedded again.
    """
    if _PLAIN_KEY.fullmatch(given):
        return given
    named = given or url or f"{title}\0{text}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]
