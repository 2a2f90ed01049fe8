"""Lines in reading order → paragraphs, each sentence with its page."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from statistics import median

from rag.language.sentences import sentences
from rag.loading.pdf.direction import CELL
from rag.loading.pdf.lines import Line

_END_OF_SENTENCE = re.compile(r"[.!?؟…:؛][”“\"»)\]]*$")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})[-\u2010]$|\u00ad$")
"""A word broken at the end of a line."""

_UNBROKEN = re.compile(r"://(?:\S*[/.-])?$|(?<=\d)[-\u2010\u2011\u2013/]$")
"""An address or a number like 2018–23 that goes on in the next line."""

_SAME_SIZE = 0.6
"""Points. A smaller difference between two type sizes is rounding."""

_SHORTEST_FULL = 20
"""Characters. The lines of a newspaper's column are longer; table cells and labels are shorter."""

_LEADING = 1.3
"""Times the usual distance of two lines. A larger distance divides paragraphs."""

_ROUNDING = 0.5
"""Type sizes by which the width of a word may be wrong, which is estimated."""

_RAGGED = 3.0
"""Type sizes. A line that ends within a sentence may have so much more space left than a word needs."""

_DOUBLE = 2.5
"""Distance of double-spaced lines in type sizes."""

_INDENT = 0.8
"""Share of the type size. A line that begins further in than the one before begins a paragraph."""

_BULLETS = "•●▪◦‣○■–*\ufffd"

_INTERRUPTIONS = 6
"""Paragraphs: notes, headings and captions, that may interrupt one that goes on in the next column."""


def paragraphs(lines: Sequence[Line]) -> Iterator[tuple[str, int]]:
    """The paragraphs of a file, each with its page; one that goes on over a page is divided there.

    It is divided before the first sentence that begins on the new page, so that the page of each sentence
    is the one on which it begins.
    """
    paragraphs_so_far: list[list[Line]] = []
    current: list[Line] = []
    leading = _usual_leading(lines)
    for line in lines:
        if not current or not _continues(current, line, leading):
            current = _interrupted(paragraphs_so_far, line) or []
            if not current:
                paragraphs_so_far.append(current)
        current.append(line)
    for paragraph in paragraphs_so_far:
        yield from _by_page(paragraph)


def _interrupted(before: Sequence[list[Line]], line: Line) -> list[Line] | None:
    """The paragraph that a line continues after notes or a heading in another type size, None for none."""
    if not (line.text[0].islower() or line.rtl):
        return None
    for paragraph in reversed(before[-_INTERRUPTIONS:]):
        last = paragraph[-1]
        if abs(last.size - line.size) <= _SAME_SIZE:
            goes_on = last.column != line.column and not _END_OF_SENTENCE.search(last.text)
            interrupted = paragraph is not before[-1] and goes_on and not _ended_on_purpose(last, line)
            return paragraph if interrupted else None
    return None


def _usual_leading(lines: Sequence[Line]) -> float:
    """The usual distance of two lines of a column, in type sizes; at most that of double spacing."""
    steps = [
        (last.y - line.y) / line.size
        for last, line in itertools.pairwise(lines)
        if last.column == line.column and last.y > line.y
    ]
    return min(median(steps), _DOUBLE) if steps else _DOUBLE / 2


def _continues(parts: Sequence[Line], line: Line, leading: float) -> bool:
    """Whether a line continues the paragraph of the lines before it."""
    last = parts[-1]
    if CELL in last.text or CELL in line.text or abs(last.size - line.size) > _SAME_SIZE:
        return False
    if len(last.text) < _SHORTEST_FULL or line.text[0] in _BULLETS:
        return False
    if _ended_on_purpose(last, line):
        return False
    if last.column != line.column:
        return not _END_OF_SENTENCE.search(last.text)
    if last.y - line.y > _LEADING * leading * line.size:
        return False
    # The second line of a list's item is further in than its first.
    return len(parts) == 1 or line.indent <= last.indent + _INDENT * line.size


def _ended_on_purpose(last: Line, line: Line) -> bool:
    """Whether a line has enough space left for the next line's first word."""
    free = last.room - line.first_word
    if _END_OF_SENTENCE.search(last.text):
        return free > _ROUNDING * line.size
    # A program breaks lines where a word may be divided, or leaves some space to avoid a single last line.
    return free > _RAGGED * line.size and not line.text[0].islower()


def _by_page(parts: Sequence[Line]) -> Iterator[tuple[str, int]]:
    """A paragraph, divided before the first sentence that begins on a new page."""
    text = ""
    begins: list[tuple[int, int]] = []  # where the text of each page begins
    for line in parts:
        if not begins or begins[-1][1] != line.page:
            begins.append((len(text), line.page))
        text = _joined(text, line.text)
    starts = [start for start, _ in sentences(text)]
    cuts = [next((start for start in starts if start >= begin), len(text)) for begin, _ in begins]
    for (_, page), start, stop in zip(begins, cuts, [*cuts[1:], len(text)], strict=True):
        if start < stop:
            yield text[start:stop].strip(), page


def _joined(text: str, more: str) -> str:
    if not text:
        return more
    if more[:1].islower() and _HYPHEN.search(text):
        return _HYPHEN.sub("", text) + more
    if _UNBROKEN.search(text) and more[0].isalnum():
        return text + more
    return f"{text.rstrip(chr(0xAD))} {more}"
