"""Reads a CSV or TSV file: the first row names the columns, and each further row is an article."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from rag.loading.encodings import decode
from rag.loading.formats.rows import Row, columns_by_field, no_text_column, parse_rows
from rag.loading.parsed import Note, ParsedFile, Unusable, one_line

_DELIMITERS = (",", ";", "\t", "|")

_LINE_BREAK = re.compile(r"\r\n|\r|\n")

_SAMPLE = 1000
"""Lines from which the delimiter is determined."""

_MAX_CELL = 2**31 - 1
"""Characters. The largest cell that the csv module accepts on every system."""


def read_csv(data: bytes, chosen: Mapping[str, str], *, tabs: bool = False) -> ParsedFile:
    """The articles of a CSV or TSV file; ``chosen`` are columns by field, for those without a common name.

    ``tabs`` says that tabs separate the cells; otherwise the delimiter is detected.
    """
    text, loss = decode(data)
    notes = [Note(loss)] if loss else []
    lines = list(io.StringIO(text, newline=""))
    limit_before = csv.field_size_limit(_MAX_CELL)
    try:
        delimiter, quoted = _dialect(lines[:_SAMPLE], chosen, "\t" if tabs else "")
        records = _records(lines, delimiter, quoted)
        header = next((cells for _, cells in records if isinstance(cells, list) and any(cells)), [])
        names = [one_line(cell) for cell in header]
        if not names:
            raise Unusable("contains no row")
        if "text" not in columns_by_field(names, chosen):
            raise Unusable(no_text_column(names, chosen))
        rows = []
        for line, cells in records:
            if isinstance(cells, str):
                notes.append(Note(cells, line))
            elif len(cells) != len(names):
                count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                fix = f"put cells that contain {delimiter!r} in quotes"
                notes.append(Note(f"has {count} but the first row has {len(names)}; {fix}", line))
            else:
                breaks = (len(_LINE_BREAK.findall(cell)) for cell in cells)
                raw = "\0".join(cells).encode("utf-8", "replace")
                values = dict(zip(names, cells, strict=True))
                rows.append(Row(line, values, tuple(itertools.accumulate(breaks, initial=0)), raw))
    finally:
        csv.field_size_limit(limit_before)
    return parse_rows(rows, chosen, notes)


def _dialect(lines: Sequence[str], chosen: Mapping[str, str], delimiter: str) -> tuple[str, bool]:
    """The delimiter, and whether quotes have their usual meaning, which they often lack in files with tabs.

    The best dialect is the one with known columns and with rows as long as the first one. csv.Sniffer counts
    how often each character occurs and takes letters of Arabic text for delimiters.
    """

    def score(candidate: tuple[str, bool]) -> tuple[bool, float, int]:
        records = list(_records(lines, *candidate))
        header = next((cells for _, cells in records if isinstance(cells, list)), [])
        complete = sum(isinstance(cells, list) and len(cells) == len(header) for _, cells in records)
        has_text = "text" in columns_by_field([one_line(cell) for cell in header], chosen)
        return has_text, complete / max(1, len(records)), len(header)

    candidates = [(each, True) for each in _DELIMITERS if delimiter in ("", each)]
    return max([*candidates, ("\t", False)], key=score)


def _records(lines: Sequence[str], delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line on which it begins; a string instead of cells is the reason for an error."""
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
