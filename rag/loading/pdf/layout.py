"""Glyphs → lines in reading order: columns are found by the white space between them.

A page is cut into columns where a strip of white space separates several rows, and the rows on both sides
are as long as lines of prose (a recursive XY cut). Cells of tables and labels are shorter: their rows stay
rows, with a mark between the cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from rag.loading.pdf.direction import is_rtl
from rag.loading.pdf.glyphs import Glyph, Page

_SAME_BASELINE = 0.15
"""Share of the type size by which the baselines of a word's glyphs may differ."""

_WORD_GAP = 0.6
"""Share of the type size. A wider gap may belong to the white space between columns."""

_GUTTER = 0.8
"""Share of the type size. Narrower strips of white space occur between the words of a paragraph."""

_ROWS = 3
"""Fewest rows on each side of a gutter; with two, words may lie below each other by chance."""

_PROSE = 18
"""Characters of the average line of a column; cells of tables and labels are shorter."""

_FILLED = 0.55
"""Share of its width that the average line of a column fills; cells are ragged."""

_WORD = 3
"""Letters. A larger type size of fewer letters is that of an initial."""

_EDGE = 0.17
"""Share of the page's height at its top and bottom in which running heads and feet are."""

_ASCENT = 0.7
"""Share of the type size that letters rise above the baseline."""

_INITIAL = 1.8
"""Times the usual type size from which a letter is a large initial."""

_SAME_LINE, _SAME_LINE_RAISED = 0.5, 0.1
"""Share of the height of the smaller of two runs beside each other which they have in common on one line.

The second is that of raised and lowered runs, which are smaller.
"""

_RAISED = 1.2
"""The larger of two type sizes by the smaller one from which that may be raised or lowered."""

Gap = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs on one baseline without a wide gap."""

    glyphs: tuple[Glyph, ...]
    x0: float
    x1: float
    y: float
    size: float
    length: int
    """Characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a column."""

    glyphs: tuple[Glyph, ...]
    page: int
    column: int
    """Number of its column within the file."""
    x0: float
    x1: float
    y: float
    size: float
    left: float
    """Left edge of its column."""
    right: float
    """Right edge of its column."""
    at_edge: bool
    """Whether it is at the top or bottom of its page, where running heads and feet are."""


def rows(pages: Sequence[Page]) -> Iterator[Row]:
    """The lines of all pages in reading order."""
    column = 0
    known: list[float] = []
    for page in pages:
        for glyphs in (page.glyphs, *page.turned):
            runs = _runs(glyphs)
            rtl = is_rtl("".join([glyph.text for glyph in glyphs]))
            for region in _columns(runs, known if glyphs is page.glyphs else [], rtl=rtl):
                column += 1
                left, right = min(run.x0 for run in region), max(run.x1 for run in region)
                for line in _lines(region):
                    shown = tuple(glyph for run in line for glyph in run.glyphs)
                    size = _size(shown)
                    y = max(line, key=lambda run: run.length * run.size).y
                    yield Row(
                        shown,
                        page.number,
                        column,
                        min(run.x0 for run in line),
                        max(run.x1 for run in line),
                        y,
                        size,
                        left,
                        right,
                        glyphs is page.glyphs and not _EDGE < y / page.height < 1 - _EDGE,
                    )


def _size(glyphs: Sequence[Glyph]) -> float:
    """The type size of a line: the largest of a word, since capitals may be small ones."""
    counts = Counter(round(glyph.size, 1) for glyph in glyphs if glyph.text != " ")
    return max((size for size, count in counts.items() if count >= _WORD), default=max(counts))


def _runs(glyphs: Sequence[Glyph]) -> list[Run]:
    """The glyphs of a page in runs, from top to bottom and from left to right."""
    baselines: list[list[Glyph]] = []
    for glyph in sorted(glyphs, key=lambda glyph: -glyph.y):
        if baselines and baselines[-1][0].y - glyph.y <= _SAME_BASELINE * glyph.size:
            baselines[-1].append(glyph)
        else:
            baselines.append([glyph])
    runs: list[Run] = []
    for baseline in baselines:
        part: list[Glyph] = []
        end = 0.0
        for glyph in sorted(baseline, key=lambda glyph: glyph.x0):
            if part and (glyph.x0 - end > _WORD_GAP * glyph.size or part[-1].size > _INITIAL * glyph.size):
                runs += _run(part)
                part = []
            end = max(end, glyph.x1) if part else glyph.x1
            part.append(glyph)
        runs += _run(part)
    return runs


def _run(glyphs: Sequence[Glyph]) -> list[Run]:
    """One run, without the spaces at its ends; none if there is nothing else."""
    shown = [glyph for glyph in glyphs if not glyph.text.isspace()]
    if not any(glyph.text for glyph in shown):
        return []
    x0, x1 = min(glyph.x0 for glyph in shown), max(glyph.x1 for glyph in shown)
    size = median(glyph.size for glyph in shown)
    return [Run(tuple(glyphs), x0, x1, shown[0].y, size, sum(len(glyph.text) for glyph in glyphs))]


def _columns(runs: list[Run], known: list[float], *, rtl: bool) -> Iterator[list[Run]]:
    """The runs of each column, in reading order.

    Args:
        runs: Of a page or a part of it.
        known: The middles of the gutters that were found in the file so far; new ones are added.
        rtl: Whether the columns are read from right to left.
    """
    if not runs:
        return
    gutter = _GUTTER * median(run.size for run in runs)
    parts, gutters = _prose_columns(runs, gutter, known)
    if gutters:
        known += [(low + high) / 2 for low, high in gutters]
        for part in reversed(parts) if rtl else parts:
            yield from _columns(part, known, rtl=rtl)
        return
    lines = _baselines(runs)
    start, stop = _longest_band(lines, gutter, known)
    if (start, stop) in ((0, 0), (0, len(lines))):
        yield runs
        return
    for some in (lines[:start], lines[start:stop], lines[stop:]):
        yield from _columns([run for line in some for run in line], known, rtl=rtl)


def _baselines(runs: list[Run]) -> list[list[Run]]:
    lines: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: -run.y):
        if lines and lines[-1][0].y - run.y <= _SAME_BASELINE * run.size:
            lines[-1].append(run)
        else:
            lines.append([run])
    return lines


def _gaps(runs: Sequence[Run]) -> list[Gap]:
    """The strips without any run, from left to right, those at both sides excluded."""
    gaps: list[Gap] = []
    end = inf
    for x0, x1 in sorted([(run.x0, run.x1) for run in runs]):
        if x0 > end:
            gaps.append((end, x0))
        end = x1 if end == inf else max(end, x1)
    return gaps


def _gutters(runs: Sequence[Run], width: float) -> list[Gap]:
    return [gap for gap in _gaps(runs) if gap[1] - gap[0] >= width]


def _split(runs: Sequence[Run], gutters: Sequence[Gap]) -> list[list[Run]]:
    parts: list[list[Run]] = [[] for _ in range(len(gutters) + 1)]
    for run in runs:
        parts[sum(run.x0 >= gap[1] for gap in gutters)].append(run)
    return parts


def _prose_columns(
    runs: Sequence[Run], width: float, known: Sequence[float]
) -> tuple[list[list[Run]], list[Gap]]:
    """The columns of prose and the gutters between them; what is none is joined to the nearer one."""
    gutters = _gutters(runs, width)
    parts = _split(runs, gutters)
    while gutters:
        odd = next(
            (place for place in range(len(parts)) if not _is_column(place, parts, gutters, known)), None
        )
        if odd is None:
            break
        before = gutters[odd - 1][1] - gutters[odd - 1][0] if odd else inf
        after = gutters[odd][1] - gutters[odd][0] if odd < len(gutters) else inf
        first = odd - 1 if before <= after else odd
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
        del gutters[first]
    return parts, gutters


def _is_column(place: int, parts: list[list[Run]], gutters: list[Gap], known: Sequence[float]) -> bool:
    """Whether a part has the lines of a column; between gutters that were found before, one is enough."""
    runs, beside = parts[place], gutters[max(place - 1, 0) : place + 1]
    found_before = all(any(low < middle < high for middle in known) for low, high in beside)
    lines = _baselines(runs)
    if len(lines) < _ROWS and not found_before:
        return False
    width = _end(runs) - min(run.x0 for run in runs)
    widths = [sum(run.x1 - run.x0 for run in line) for line in lines]
    lengths = [sum(run.length for run in line) for line in lines]
    return sum(lengths) >= _PROSE * len(lines) and sum(widths) >= _FILLED * width * len(lines)


def _longest_band(lines: list[list[Run]], gutter: float, known: Sequence[float]) -> tuple[int, int]:
    """The longest sequence of lines with columns of prose in it, as a half-open range; (0, 0) if none has."""
    spans = [(min(run.x1 for run in line), max(run.x0 for run in line)) for line in lines]
    if max(begin for _, begin in spans) < min(end for end, _ in spans):
        return 0, 0  # all lines lie below each other
    free = [[(-inf, min(run.x0 for run in line)), *_gaps(line), (_end(line), inf)] for line in lines]
    best = (0, 0)
    for start in range(len(lines)):
        if len(lines) - start <= best[1] - best[0]:
            break
        stop = _end_of_band(free, spans, start, gutter)
        if stop - start > best[1] - best[0]:
            runs = [run for line in lines[start:stop] for run in line]
            if _prose_columns(runs, gutter, known)[1]:
                best = (start, stop)
    return best


def _end_of_band(free: list[list[Gap]], spans: Sequence[Gap], start: int, gutter: float) -> int:
    """Where the lines from ``start`` on end that have a gutter in common.

    Args:
        free: The strips without any run, for each line.
        spans: The end of the first run and the beginning of the last one, for each line.
        start: The first line.
        gutter: Width of a gutter at least.
    """
    common, (first, last) = free[start], spans[start]
    for stop in range(start + 1, len(free)):
        common = _common(common, free[stop], gutter)
        first, last = min(first, spans[stop][0]), max(last, spans[stop][1])
        # The first lines may all be those of one column.
        if stop - start >= _ROWS and not any(first <= low and high <= last for low, high in common):
            return stop
    return len(free)


def _end(runs: Sequence[Run]) -> float:
    return max(run.x1 for run in runs)


def _common(some: Sequence[Gap], others: Sequence[Gap], width: float) -> list[Gap]:
    """What two sorted lists of strips have in common, if it is at least so wide."""
    gaps: list[Gap] = []
    one = other = 0
    while one < len(some) and other < len(others):
        low, high = max(some[one][0], others[other][0]), min(some[one][1], others[other][1])
        if high - low >= width:
            gaps.append((low, high))
        if some[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return gaps


def _lines(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs of a column as its lines: raised and lowered ones belong to the line beside them."""
    usual = median(run.size for run in runs)

    def baseline(run: Run) -> float:
        # A large initial stands beside several lines and belongs to the first of them.
        initial = run.length < _WORD and run.size > _INITIAL * usual
        return run.y + _ASCENT * (run.size - usual) if initial else run.y

    line: list[Run] = []
    top = bottom = 0.0
    for run in sorted(runs, key=lambda run: -baseline(run)):
        low = baseline(run)
        high = low + _ASCENT * min(run.size, _INITIAL * usual)
        overlap = min(top, high) - max(bottom, low)
        share = _SAME_LINE if max(run.size, usual) < _RAISED * min(run.size, usual) else _SAME_LINE_RAISED
        if line and overlap > share * min(top - bottom, high - low) and _is_beside(run, line, 0.2 * usual):
            top, bottom = max(top, high), min(bottom, low)
            line.append(run)
        else:
            if line:
                yield line
            line, top, bottom = [run], high, low
    if line:
        yield line


def _is_beside(run: Run, line: Sequence[Run], tolerance: float) -> bool:
    """Whether a run, but for its edges, is above or below no glyph of a line."""
    return not any(
        glyph.x0 < run.x1 - tolerance and run.x0 + tolerance < glyph.x1 and glyph.text != " "
        for other in line
        if other.x0 < run.x1 and run.x0 < other.x1
        for glyph in other.glyphs
    )
