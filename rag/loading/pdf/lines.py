"""Rows of glyphs → lines of text, without running heads, feet and page numbers."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rag.loading.pdf.direction import Mirroring, is_rtl, line_text
from rag.loading.pdf.layout import Row
from rag.loading.pdf.legibility import is_legible

_OUTERMOST = 4
"""Lines of a running head or foot at most. Where more are repeated, the page is a copy of another one."""

_SAME_PLACE = 4.0
"""Points by which the place of a running head may differ from page to page."""

_LARGER = 1.15
"""Times the usual type size of the page. A line in larger type is a headline, and no running head."""

_NUMBER = re.compile(
    r"[\s\-–—|/.()\[\]]*(?:page|p\.|صفحة|ص)?[\s\-–—|/.:()\[\]]*(?:\d{1,6}|[ivxlc]{1,6})"
    r"(?:\s*(?:of|/|من)\s*\d{1,6})?[\s\-–—|/.()\[\]]*",
    re.IGNORECASE,
)
"""A page number by itself."""

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and where it is."""

    text: str
    page: int
    column: int
    """Number of its column within the file."""
    font: int
    """Number of the font of most of its letters."""
    rtl: bool
    size: float
    """Type size in points."""
    y: float
    """Its baseline in points from the bottom of the page."""
    at_edge: bool
    """Whether it is at the top or bottom of its page, where running heads and feet are."""
    room: float
    """Free space at its end in points."""
    indent: float
    """Free space at its beginning in points."""
    first_word: float
    """Width of its first word in points."""


def read_lines(rows: Sequence[Row]) -> list[Line]:
    """The lines of a file in reading order; rows without any text are left out."""
    mirroring = Mirroring(row.glyphs for row in rows)
    letters: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        letters[row.column] += [glyph.text for glyph in row.glyphs]
    rtl = {column: is_rtl("".join(texts)) for column, texts in letters.items()}
    lines: list[Line] = []
    for row in rows:
        # An Arabic column may have a line of Latin names, and an English one an Arabic line.
        from_right = rtl[row.column] or is_rtl("".join([glyph.text for glyph in row.glyphs]))
        if text := line_text(row.glyphs, rtl=from_right, mirroring=mirroring):
            lines.append(_line(row, text, rtl=from_right))
    return lines


def _line(row: Row, text: str, *, rtl: bool) -> Line:
    before, after = row.x0 - row.left, row.right - row.x1
    return Line(
        text,
        row.page,
        row.column,
        Counter(glyph.font for glyph in row.glyphs).most_common(1)[0][0],
        rtl,
        row.size,
        row.y,
        row.at_edge,
        room=before if rtl else after,
        indent=after if rtl else before,
        first_word=(row.x1 - row.x0) * len(text.split()[0]) / len(text),
    )


def without_running_heads(lines: Sequence[Line]) -> list[Line]:
    """The lines without running heads and feet, which are repeated from page to page, and page numbers."""
    pages: dict[int, list[Line]] = defaultdict(list)
    repeated: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        pages[line.page].append(line)
        repeated[_DIGITS.sub("0", line.text)].append(line)
    gone: set[int] = set()
    for on_page in pages.values():
        usual = median(line.size for line in on_page)
        downwards = sorted(on_page, key=lambda line: -line.y)
        for outside_in in (downwards, downwards[::-1]):
            running = list(
                itertools.takewhile(
                    lambda line: _is_running(line, repeated[_DIGITS.sub("0", line.text)], usual),  # noqa: B023
                    outside_in,
                )
            )
            if len(running) <= _OUTERMOST and len(running) < len(on_page):
                gone |= set(map(id, running))
    return [line for line in lines if id(line) not in gone]


def _is_running(line: Line, same: Sequence[Line], usual: float) -> bool:
    """Whether a line is a page number, or other pages, and only they, have it in the same place."""
    if not line.at_edge:
        return False
    return bool(_NUMBER.fullmatch(line.text)) or (
        sum(other.page == line.page for other in same) == 1
        and line.size <= _LARGER * usual
        and any(other.page != line.page and abs(other.y - line.y) <= _SAME_PLACE for other in same)
    )


def by_legibility(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines whose font maps its glyphs to the right letters, and those whose words are no words."""
    texts: dict[int, list[str]] = defaultdict(list)
    for line in lines:
        texts[line.font].append(line.text)
    wrong = {font for font, texts_of_font in texts.items() if not is_legible("\n".join(texts_of_font))}
    return [line for line in lines if line.font not in wrong], [line for line in lines if line.font in wrong]
