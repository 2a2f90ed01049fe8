"""Glyphs from left to right → text as it is read: the Unicode Bidirectional Algorithm, backwards.

A line shows Arabic from right to left, and Latin words and numbers in it from left to right. The order that
was written is not stored, so it is found from the order that is seen and the direction of the paragraph.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import median_low

from rag.loading.pdf.glyphs import Glyph

_GAP = 0.12
"""Share of the type size. A wider gap is a space, if it is so much wider than the usual gap of its line; the
space of a text font is 0.2 or more."""

_SPACE = 0.05
"""The same where a space is drawn, which may also lie below letters that are drawn over it."""

_CELL_GAP = 1.2
"""Share of the type size. A wider gap divides cells."""

_LONE_GAP = 4.0
"""The same for the only gap of a line."""

_STRETCHED = 3.2
"""The widest gap of a justified line by its narrowest."""

_EVEN = 1.1
"""The same for a line of few words, which has only wide gaps."""

_RAISED = 0.15
"""Share of the type size. A digit that is so much higher than the one beside it is a note's or a power."""

CELL = " | "
"""Written between the cells of a table's row."""

_SPACES = frozenset((" ", CELL))

_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_OPENING = frozenset("([{«‹")
_BRACKETS = _OPENING | frozenset(")]}»›")

_WITHIN_NUMBER = frozenset(".,:/٫٬")

_GLUED = re.compile(r"(?<=[A-Za-z])(?=[\u0620-\u064a\u0671-\u06d3])")
"""Where an Arabic word follows a Latin one: programs put the space between them at the wrong end."""


class Mirroring:
    """How the fonts of a file name the brackets of Arabic text: by what is seen, or by what was written."""

    def __init__(self, lines: Iterable[Sequence[Glyph]]) -> None:
        """Compare all brackets of lines with Arabic letters: one that opens has its space on the right."""
        votes = 0
        for line in lines:
            if any(_kind(char) == "R" for glyph in line for char in glyph.text):
                items = [" ", *spaced(line), " "]
                for left, item, right in zip(items, items[1:], items[2:], strict=False):
                    if item in _BRACKETS and (left in _SPACES) != (right in _SPACES):
                        votes += 1 if (item in _OPENING) == (left in _SPACES) else -1
        self.as_seen = votes >= 0
        """Whether the left one of a pair is an opening bracket."""


def is_rtl(text: str) -> bool:
    """Whether more letters of ``text`` are read from right to left than from left to right."""
    kinds = [_kind(char) for char in text]
    return kinds.count("R") > kinds.count("L")


def line_text(glyphs: Sequence[Glyph], *, rtl: bool, mirroring: Mirroring) -> str:
    """The text of a line as it is read.

    Args:
        glyphs: The glyphs of the line in any order.
        rtl: Whether the paragraph is read from right to left.
        mirroring: How the file's fonts name brackets.
    """
    items = spaced(glyphs)
    kinds = [_kind_of(item) for item in items]
    if "R" in kinds:
        if rtl or "L" not in kinds:
            items = _read_rtl(items, kinds, mirroring)
        else:
            items = _read_ltr(items, kinds, mirroring)
    return " ".join(_GLUED.sub(" ", "".join(items)).split())


def _place(glyph: Glyph) -> tuple[float, float]:
    return glyph.x0, glyph.x1


def spaced(glyphs: Sequence[Glyph]) -> list[str]:
    """The texts of the glyphs from left to right, with spaces and cell marks in the gaps between them."""
    glyphs = sorted(glyphs, key=_place)
    shown = [glyph for glyph in glyphs if glyph.text != " "]
    spaces = [glyph.x0 for glyph in glyphs if glyph.text == " "]
    pairs = list(itertools.pairwise(shown))
    # The usual gap is that of letters: positive where a line is letter-spaced.
    within = [a.x0 - b.x1 for b, a in pairs if b.text[-1:].isalpha() and a.text[:1].isalpha()]
    usual = max(median_low(within), 0.0) if within else 0.0
    gaps: list[float] = []  # in type sizes; 0 for none
    for before, after in pairs:
        size, gap = max(before.size, after.size), after.x0 - before.x1
        spaced_by_glyph = gap > _SPACE * size and any(before.x0 < space <= after.x0 for space in spaces)
        divided = gap - usual > _GAP * size or spaced_by_glyph or _is_exponent(before, after)
        gaps.append(max(gap / size, 0.01) if divided else 0.0)
    words = [gap for gap in gaps if gap]
    narrowest = min(words, default=0.0)
    cell = _LONE_GAP if len(words) == 1 else _CELL_GAP
    if narrowest <= _CELL_GAP and len(words) > 1:
        cell = max(cell, _STRETCHED * narrowest)
    elif len(words) > 1 and max(words) <= _EVEN * narrowest and not _is_of_numbers(shown):
        cell = _LONE_GAP  # a line of few words, justified
    items = [glyph.text for glyph in shown[:1]]
    for gap, glyph in zip(gaps, shown[1:], strict=False):
        if gap:
            items.append(CELL if gap > cell else " ")
        items.append(glyph.text)
    return items


def _is_of_numbers(glyphs: Sequence[Glyph]) -> bool:
    """Whether a line has as many digits as letters: a row of a table may have gaps of one width."""
    text = "".join([glyph.text for glyph in glyphs])
    return sum(map(str.isdigit, text)) >= sum(map(str.isalpha, text))


def _is_exponent(before: Glyph, after: Glyph) -> bool:
    """Whether one digit is raised above another: 750¹ is not 7501, nor 10² 102."""
    raised = abs(after.y - before.y) > _RAISED * max(before.size, after.size)
    return raised and before.text[-1:].isdigit() and after.text[:1].isdigit()


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """L or R for a letter, N for a digit, and "" for all else."""
    if char.isascii():
        return "L" if char.isalpha() else "N" if char.isdigit() else ""
    bidi = unicodedata.bidirectional(char)
    return {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}.get(bidi, "")


@lru_cache(maxsize=4096)
def _kind_of(item: str) -> str:
    kinds = {_kind(char) for char in item}
    return next((kind for kind in ("L", "R", "N") if kind in kinds), "")


def _read_rtl(items: list[str], kinds: list[str], mirroring: Mirroring) -> list[str]:
    read: list[str] = []
    end = len(items)
    while end:
        if kinds[end - 1] in ("L", "N"):
            start = _start_of_ltr(items, kinds, end)
            read += items[start:end]
            end = start
        else:
            end -= 1
            read.append(items[end].translate(_MIRRORED) if mirroring.as_seen else items[end])
    return read


def _start_of_ltr(items: list[str], kinds: list[str], end: int) -> int:
    """Where the Latin words or the number begin that end before ``end``."""
    edge = end - 1
    while edge and kinds[edge - 1] != "R" and items[edge - 1] != CELL:
        edge -= 1
    start = next((place for place in range(edge, end) if kinds[place] == "L"), end - 1)
    joins = {" "} if kinds[start] == "L" else _WITHIN_NUMBER
    while start > edge:
        if kinds[start - 1] == "N":
            start -= 1
        elif start - 1 > edge and items[start - 1] in joins and kinds[start - 2] == "N":
            start -= 2
        else:
            break
        joins = _WITHIN_NUMBER
    return start


def _read_ltr(items: list[str], kinds: list[str], mirroring: Mirroring) -> list[str]:
    read: list[str] = []
    place = 0
    while place < len(items):
        if kinds[place] != "R":
            read.append(items[place])
            place += 1
            continue
        end = last = place + 1
        while end < len(items) and kinds[end] != "L" and items[end] != CELL:
            end += 1
            if kinds[end - 1] == "R":
                last = end
        read += _read_rtl(items[place:last], kinds[place:last], mirroring)
        place = last
    return read
