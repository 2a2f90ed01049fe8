"""Reads a CSV or TSV file: the first row names the columns, and each further row is an article."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rag.loading.columns import columns_by_field, no_text_column
from rag.loading.encodings import decode
from rag.loading.formats.rows import Row, parse_rows
from rag.loading.parsed import Note, ParsedFile, Unusable, one_line

_DELIMITERS = (",", ";", "\t", "|")

_LINE_BREAK = re.compile(r"\r\n|\r|\n")

_SAMPLE = 1000
"""Lines from which the delimiter is determined."""

_MAX_CELL = 2**31 - 1
"""Characters. The largest cell that the csv module accepts on every system."""


_NAMED = re.compile(r"\"?sep=(.)\"?[\r\n]*", re.IGNORECASE)
"""The first line of a file that Excel is to open: it names the delimiter."""

_ESCAPED_QUOTE = re.compile(r"(?<!\\)((?:\\\\)*)\\\"")
"""A quote behind a backslash, as MySQL writes it, unless that backslash is itself behind one."""


def read_csv(data: bytes, chosen: Mapping[str, str], *, tabs: bool = False) -> ParsedFile:
    """The articles of a CSV or TSV file; ``chosen`` are columns by field, for those without a common name.

    ``tabs`` says that tabs separate the cells; otherwise the delimiter is detected.
    """
    text, loss = decode(data)
    notes = [Note(loss, added=True)] if loss else []
    lines = list(io.StringIO(text, newline=""))
    delimiter = "\t" if tabs else ""
    if lines and (named := _NAMED.fullmatch(lines[0])):
        delimiter, lines[0] = named[1], "\n"
    limit_before = csv.field_size_limit(_MAX_CELL)
    try:
        delimiter, quoted = _dialect(lines[:_SAMPLE], chosen, delimiter)
        records = list(_records(lines, delimiter, quoted))
        if quoted and '\\"' in text:
            unescaped = [_ESCAPED_QUOTE.sub(r'\1""', line) for line in lines]
            records = max(records, list(_records(unescaped, delimiter, quoted)), key=_complete)
        rows = _rows(records, delimiter, chosen, notes)
    finally:
        csv.field_size_limit(limit_before)
    return parse_rows(rows, chosen, notes)


_Record = tuple[int, list[str] | str]
"""The line on which a row begins, and its cells, or why it is not valid."""


def _header(records: Iterable[_Record]) -> list[str]:
    return next((cells for _, cells in records if isinstance(cells, list) and any(cells)), [])


def _complete(records: Sequence[_Record]) -> int:
    """How many records are as long as the first one."""
    length = len(_header(records))
    return sum(isinstance(cells, list) and len(cells) == length for _, cells in records)


def _rows(
    records: Sequence[_Record], delimiter: str, chosen: Mapping[str, str], notes: list[Note]
) -> list[Row]:
    """The rows below the header; notes on those that are not valid are added to ``notes``.

    Raises:
        Unusable: There is no header, or it names no column for the text.
    """
    header = _header(records)
    names = [one_line(cell) for cell in header]
    if not names:
        raise Unusable("contains no row")
    if "text" not in columns_by_field(names, chosen, summaries=True):
        raise Unusable(no_text_column(names, chosen))
    rows = []
    below = itertools.dropwhile(lambda record: record[1] is not header, records)
    for line, cells in itertools.islice(below, 1, None):
        if isinstance(cells, str):
            notes.append(Note(cells, line))
        elif len(cells) != len(names):
            count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
            fix = f"put cells that contain {delimiter!r} in quotes"
            notes.append(Note(f"has {count} but the first row has {len(names)}; {fix}", line))
        else:
            breaks = (len(_LINE_BREAK.findall(cell)) for cell in cells)
            offsets = itertools.accumulate(breaks, initial=0)
            # Of two columns of one name the last that is not empty counts.
            filled = [item for item in zip(names, cells, offsets, strict=False) if item[1].strip()]
            values = dict.fromkeys(names, "") | {name: cell for name, cell, _ in filled}
            raw = "\0".join(cells).encode("utf-8", "replace")
            rows.append(Row(line, values, {name: offset for name, _, offset in filled}, raw))
    return rows


def _dialect(lines: Sequence[str], chosen: Mapping[str, str], delimiter: str) -> tuple[str, bool]:
    """The delimiter, and whether quotes have their usual meaning, which they often lack in files with tabs.

    The best dialect is the one with known columns and with rows as long as the first one. csv.Sniffer counts
    how often each character occurs and takes letters of Arabic text for delimiters.
    """

    def score(candidate: tuple[str, bool]) -> tuple[bool, float, int]:
        records = list(_records(lines, *candidate))
        header = _header(records)
        names = [one_line(cell) for cell in header]
        has_text = "text" in columns_by_field(names, chosen, summaries=True)
        return has_text, _complete(records) / max(1, len(records)), len(header)

    candidates = [(each, True) for each in ([delimiter] if delimiter else _DELIMITERS)]
    return max([*candidates, ("\t", False)], key=score)


def _records(lines: Sequence[str], delimiter: str, quoted: bool) -> Iterator[_Record]:
    """The rows that are not empty, each with the line on which it begins."""
    start = 0
    while start < len(lines):
        rest = (lines[index] for index in range(start, len(lines)))
        reader = csv.reader(
            rest, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
        )
        done = 0
        try:
            for cells in reader:
                if cells:
                    yield start + done + 1, cells
                done = reader.line_num
            return
        except csv.Error as error:
            why = "a quote is opened and never closed" if "end of data" in str(error) else str(error)
            yield start + done + 1, f"is not a valid row ({why}); write a quote inside quotes twice"
            # Continue with the next line, since the open quote has swallowed rows that are valid.
            start += done + 1
