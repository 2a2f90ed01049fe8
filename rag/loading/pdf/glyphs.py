"""The glyphs that a PDF shows, with their letters and places: what pdfminer.six interprets.

A glyph is left out where the page does not show it (outside of the page or of a clipping path, as browsers
draw parts of the next page's first line) and where it is drawn twice to look bold.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdfdocument import PDFDocument
from pdfminer.pdffont import PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage
from pdfminer.pdfparser import PDFParser
from pdfminer.psparser import PSException
from pdfminer.utils import apply_matrix_pt, mult_matrix

from rag.loading.pdf.fonts import Fonts

UNKNOWN = "\ufffd"
"""The text of a glyph that the font maps to no letter."""

_TWICE = 0.15
"""Share of the type size. The same letters at a smaller distance are one glyph, drawn again to look bold."""

_STEP = 15
"""Degrees. Text that is turned by less than half of it is upright: a scan may be a little askew."""

_PRESENTATION = re.compile(r"[\ufb00-\ufb06\ufb1d-\ufdff\ufe70-\ufefc]+")
"""Shapes of letters: Latin ligatures, Hebrew and Arabic presentation forms."""

_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Controls and marks of direction, which are not seen."""

_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
"""Characters of private use: letters, bullets or pictures that only the font knows."""


class Glyph(NamedTuple):
    """A glyph in points, from the lower left corner of the page as it is turned for reading."""

    text: str
    """Its letters in logical order: several for a ligature, none for a part of one."""
    x0: float
    x1: float
    y: float
    """Its baseline."""
    size: float
    """Type size."""
    font: int
    """Number of its font within the file."""


@dataclass(slots=True)
class Page:
    """The glyphs of a page, in the order in which they are drawn."""

    number: int
    """1-based."""
    width: float
    height: float
    glyphs: list[Glyph] = field(default_factory=list)
    """The upright glyphs."""
    turned: list[list[Glyph]] = field(default_factory=list)
    """Turned glyphs, those of each angle in the coordinates of a page that is turned with them."""
    pictures: bool = False
    """Whether the page shows a picture, which may be a picture of text."""


class Locked(Exception):
    """A password is needed to read the file."""


class Damaged(Exception):
    """The file is no PDF, or too damaged to be read."""


def read_pages(data: bytes) -> Iterator[Page]:
    """The pages of a PDF.

    Raises:
        Locked: A password is needed.
        Damaged: The file cannot be read.
    """
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect

    try:
        document = PDFDocument(PDFParser(io.BytesIO(data)))
        resources = Fonts()
        device = _Device(resources)
        interpreter = _Interpreter(resources, device)
        for number, page in enumerate(PDFPage.create_pages(document), 1):
            device.number = number
            interpreter.process_page(page)
            yield device.finished()
    except (PDFPasswordIncorrect, PDFEncryptionError):
        raise Locked from None
    except PSException:  # the base of pdfminer's exceptions
        raise Damaged from None


Box = tuple[float, float, float, float]
_EVERYWHERE: Box = (-math.inf, -math.inf, math.inf, math.inf)


class _Device(PDFTextDevice):
    """Collects what is drawn."""

    def __init__(self, resources: PDFResourceManager) -> None:
        super().__init__(resources)
        self.number = 0
        self.clip = _EVERYWHERE
        self._page = Page(0, 0, 0)
        self._drawn: dict[int, list[Glyph]] = defaultdict(list)
        self._places: dict[tuple[str, int, int], list[tuple[float, float]]] = {}
        self._fonts: dict[Any, int] = {}
        self._letters: dict[tuple[Any, int], str] = {}

    def begin_page(self, page: Any, ctm: Any) -> None:
        x0, y0, x1, y1 = _box(page.mediabox, ctm)
        self._page = Page(self.number, x1 - x0, y1 - y0)
        self._drawn, self._places = defaultdict(list), defaultdict(list)
        self.clip = _common(_box(page.mediabox, ctm), _box(page.cropbox, ctm))

    def finished(self) -> Page:
        self._page.glyphs = _with_marks(self._drawn.pop(0, []))
        self._page.turned = list(map(_with_marks, self._drawn.values()))
        return self._page

    @property
    def _matrix(self) -> Any:
        return self.ctm

    def render_image(self, name: str, stream: Any) -> None:
        self._page.pictures = True

    def begin_figure(self, name: str, bbox: Any, matrix: Any) -> None:
        self.clip = _common(self.clip, _box(bbox, mult_matrix(matrix, self._matrix)))

    def clip_to(self, path: list[Any]) -> None:
        points = [point for _, *numbers in path for point in zip(numbers[::2], numbers[1::2], strict=False)]
        if points:
            xs, ys = zip(*(apply_matrix_pt(self._matrix, point) for point in points), strict=True)
            self.clip = _common(self.clip, (min(xs), min(ys), max(xs), max(ys)))

    def render_char(
        self,
        matrix: Any,
        font: Any,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: Any,
        graphicstate: Any,
    ) -> float:
        advance: float = font.char_width(cid) * fontsize * scaling
        a, b, c, d, e, f = matrix
        across, up = advance / 2, 0.3 * fontsize + rise
        x, y = e + a * across + c * up, f + b * across + d * up
        low_x, low_y, high_x, high_y = self.clip
        if low_x <= x <= high_x and low_y <= y <= high_y and fontsize:
            turn, cosine, sine, length, height = _turn(a, b, c, d)
            if height:
                if (letters := self._letters.get((font, cid))) is None:
                    letters = self._letters[font, cid] = _letters(font, cid)
                e, f = e + c * rise, f + d * rise
                if turn:
                    e, f = e * cosine + f * sine, f * cosine - e * sine
                self._add(turn, letters, e, e + length * advance, f, abs(fontsize) * height, font)
        return advance

    def _add(self, turn: int, text: str, x0: float, x1: float, y: float, size: float, font: Any) -> None:
        if x1 < x0:
            x0, x1 = x1, x0
        if text and text != " ":
            near, row = _TWICE * size, int(y / size)
            for step in (-1, 0, 1):
                for x, other in self._places.get((text, turn, row + step), ()):
                    if abs(x0 - x) < near and abs(y - other) < near:
                        return
            self._places[text, turn, row].append((x0, y))
        number = self._fonts.setdefault(font, len(self._fonts))
        self._drawn[turn].append(Glyph(text, x0, x1, y, size, number))


@lru_cache(maxsize=256)
def _turn(a: float, b: float, c: float, d: float) -> tuple[int, float, float, float, float]:
    """By how many steps of ``_STEP`` degrees text is turned, cosine and sine of that, and two lengths."""
    turn = round(math.degrees(math.atan2(b, a)) / _STEP) % (360 // _STEP)
    angle = math.radians(turn * _STEP)
    return turn, math.cos(angle), math.sin(angle), math.hypot(a, b), math.hypot(c, d)


class _Interpreter(PDFPageInterpreter):
    """Follows clipping paths, which pdfminer ignores."""

    device: _Device

    def init_state(self, ctm: Any) -> None:
        super().init_state(ctm)
        self._clips: list[Box] = []

    def do_q(self) -> None:
        super().do_q()
        self._clips.append(self.device.clip)

    def do_Q(self) -> None:  # noqa: N802
        super().do_Q()
        if self._clips:
            self.device.clip = self._clips.pop()

    def do_W(self) -> None:  # noqa: N802
        self.device.clip_to(self.curpath)

    do_W_a = do_W  # noqa: N815

    def do_Do(self, xobjid_arg: Any) -> None:  # noqa: N802
        outside = self.device.clip
        super().do_Do(xobjid_arg)
        self.device.clip = outside


def _letters(font: Any, cid: int) -> str:
    try:
        text: str = font.to_unichr(cid)
    except PDFUnicodeNotDefined:
        return UNKNOWN
    if text.isascii() and text.isprintable():
        return text
    text = _PRESENTATION.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return " " if text.isspace() else _CONTROL.sub("", _PRIVATE.sub(UNKNOWN, text))


def _with_marks(glyphs: list[Glyph]) -> list[Glyph]:
    """Glyphs in the order of drawing, each vowel sign or accent with its letter.

    A sign is drawn between two letters and its place says little, as many fonts draw it beside its own place.
    It belongs to the letter before it in reading order, so its letter depends on the direction of drawing.
    """
    placed: list[Glyph] = []
    waiting: list[Glyph] = []  # signs of the letter that is drawn next
    for place, glyph in enumerate(glyphs):
        if _is_mark(glyph.text):
            following = next(
                (other for other in glyphs[place + 1 : place + 4] if not _is_mark(other.text)), None
            )
            before = placed[-1] if placed and _near(placed[-1], glyph) else None
            if (
                following is not None
                and _near(following, glyph)
                and _belongs_to_next(before, glyph, following)
            ):
                waiting.append(glyph)
            elif before is not None:
                placed[-1] = before._replace(text=before.text + glyph.text)
            continue
        marks = "".join(mark.text for mark in reversed(waiting))
        placed.append(glyph._replace(text=glyph.text + marks) if marks else glyph)
        waiting = []
    return placed


@lru_cache(maxsize=4096)
def _is_mark(text: str) -> bool:
    return bool(text) and all(unicodedata.category(char) == "Mn" for char in text)


def _near(glyph: Glyph, mark: Glyph) -> bool:
    reach = glyph.size
    return abs(glyph.y - mark.y) < reach and glyph.x0 - reach < mark.x0 < glyph.x1 + reach


def _belongs_to_next(before: Glyph | None, mark: Glyph, following: Glyph) -> bool:
    """Whether the letter that is drawn after a sign is read before it."""
    if before is None or not before.text.strip():
        return True
    leftwards = following.x0 < before.x0
    rtl = unicodedata.bidirectional(following.text[:1] or " ") in ("R", "AL")
    return rtl != leftwards if rtl else False


def _box(corners: Any, ctm: Any) -> Box:
    x0, y0, x1, y1 = corners
    ends = [apply_matrix_pt(ctm, point) for point in ((x0, y0), (x0, y1), (x1, y0), (x1, y1))]
    xs, ys = zip(*ends, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _common(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
