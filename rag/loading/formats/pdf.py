"""Reads a PDF as an article: qalam returns lines in reading order, and this module joins them to paragraphs.

A PDF stores glyphs and their positions; Arabic glyphs are stored from left to right, in the shapes that they
have inside a word. pypdf and PDFium return them with numbers at the wrong end of the line or reversed (٤٢٠٢
for ٢٠٢٤), or with the words reversed. Of the three, only qalam returns the words as they are read
(docs/research/decisions.md).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body

_END_OF_SENTENCE = re.compile(r"[.!?؟…:؛][”“\"»)\]]*$")
_HYPHEN = re.compile(r"(?<=[a-z]{2})-$|\u00ad$")
"""A word broken at the end of a line."""

_ARABIC = "\u0620-\u064a\u064b-\u0652\u0671-\u06d3"
_KASHIDA = re.compile(rf"(?<=[{_ARABIC}])\ufffd+(?=[{_ARABIC}])")
"""LibreOffice justifies Arabic lines with strokes that have no character in the PDF's fonts."""

_SAME_SIZE = 0.6
"""Points. A smaller difference between two type sizes is rounding."""

_SHORTEST_FULL = 20
"""Characters. The lines of a newspaper's column are longer; table cells and labels are shorter."""

_BULLETS = "•●▪◦‣○■–*"

_MAX_UNREADABLE = 0.05
"""Share of characters. A PDF with more characters that map to no letter is refused: some letters of the
alphabet are missing from all of its words."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    page: int
    block: int  # index of the block on its page; -1 for a row of a table
    size: float  # type size in points
    room: float  # free space at the end of the line in points
    first_word: float  # width of the first word in points
    off_page: bool = False  # whether the whole line lies outside the printed page


def read_pdf(data: bytes) -> ParsedFile:
    """The article in a PDF. The line number of a paragraph is the page on which it begins.

    Raises:
        Unusable: The PDF is encrypted or damaged, or contains only pictures of text.
    """
    pages = _pages(data)
    if not pages:
        encrypted = b"/Encrypt" in data
        raise Unusable("is encrypted; print it to a PDF without a password" if encrypted else "has no page")
    paragraphs = list(_paragraphs(_visible([line for page in pages for line in _lines(page)])))
    raw = _without_strokes("\n".join(text for text, _ in paragraphs))
    unread = [page["number"] for page in pages if page["verdict"] == "needs_ocr" and page["blocks"]]
    if not raw.strip() and unread:
        raise Unusable("contains only pictures of text; run text recognition (OCR) on it")
    if raw.count("\ufffd") > _MAX_UNREADABLE * len(raw):
        raise Unusable(
            "has fonts that do not say which letters they show; print it to PDF again, or run "
            "text recognition (OCR) on it"
        )
    text, lines = body(raw)
    numbers = ", ".join(map(str, unread[:5])) + (" …" if len(unread) > 5 else "")
    note = Note(f"page {numbers} contains no text that can be read; run text recognition (OCR) on it")
    article = ParsedArticle(text, tuple(paragraphs[line - 1][1] for line in lines))
    return ParsedFile((article,), (note,) if unread else ())


def _pages(data: bytes) -> list[dict[str, Any]]:
    import qalam

    with tempfile.TemporaryDirectory() as folder:  # qalam only opens paths
        path = Path(folder, "article.pdf")
        path.write_bytes(data)
        try:
            pages: list[dict[str, Any]] = json.loads(qalam.Document(str(path)).to_json())["pages"]
        except qalam.QalamError:
            raise Unusable("is not a PDF, or damaged; open it and print it to PDF again") from None
    return pages


def _lines(page: dict[str, Any]) -> Iterator[_Line]:
    """The lines of a page in reading order, each once; qalam returns some lines at a page's edges twice."""
    seen: set[tuple[str, float, float]] = set()
    for number, block in enumerate(page["blocks"]):
        if block["type"] == "table":
            for row in block["rows"]:
                cells = (" ".join(cell["text"].split()) for cell in row)
                written = " | ".join(cell for cell in cells if cell)
                yield _Line(written, page["number"], -1, 0.0, 0.0, 0.0)
        elif block["type"] == "text":
            boxes = [line["bbox"] for line in block["lines"]]
            left, right = min((box[0] for box in boxes), default=0), max((box[2] for box in boxes), default=0)
            for line in block["lines"]:
                x0, y0, x1, y1 = line["bbox"]
                written = " ".join(line["text"].split())
                if not written or (written, x0, y0) in seen:
                    continue
                seen.add((written, x0, y0))
                yield _Line(
                    written,
                    page["number"],
                    number,
                    line["size"],
                    room=x0 - left if line["direction"] == "rtl" else right - x1,
                    first_word=(x1 - x0) * len(written.split()[0]) / len(written),
                    off_page=y1 <= 0 or y0 >= page["height"] or x1 <= 0 or x0 >= page["width"],
                )


def _visible(lines: Sequence[_Line]) -> list[_Line]:
    """The lines without the fragments of a neighbouring page that lie beyond a page's edge.

    Where a browser breaks a page, it also writes those glyphs of the next page's first line that reach
    over the edge, such as أ and لأ in a tall font. A line outside the page is dropped only if all of its
    words are part of the visible text too: in a page whose lower left corner is not at (0, 0), which qalam
    does not report, a line may seem to lie outside and yet be printed.
    """
    visible = "\n".join(line.text for line in lines if not line.off_page)
    return [
        line for line in lines if not (line.off_page and all(word in visible for word in line.text.split()))
    ]


def _paragraphs(lines: Iterable[_Line]) -> Iterator[tuple[str, int]]:
    """Each paragraph as one line of text, with the page on which it begins."""
    text, first_page, last = "", 0, None
    for line in lines:
        if last is not None and _continues(last, line, text):
            text = _joined(text, line.text)
        else:
            if text:
                yield text, first_page
            text, first_page = line.text, line.page
        last = line
    if text:
        yield text, first_page


def _continues(last: _Line, line: _Line, text: str) -> bool:
    """Whether a line continues the paragraph of the line before it."""
    if -1 in (last.block, line.block) or abs(last.size - line.size) > _SAME_SIZE:
        return False
    if len(last.text) < _SHORTEST_FULL or line.text[0] in _BULLETS:
        return False
    # A line with enough space left for the next line's first word was ended on purpose.
    if last.room > line.first_word:
        return False
    return (last.page, last.block) == (line.page, line.block) or (
        last.page != line.page and not _END_OF_SENTENCE.search(text)
    )


def _joined(text: str, more: str) -> str:
    if more[:1].islower() and _HYPHEN.search(text):
        return _HYPHEN.sub("", text) + more
    return f"{text.rstrip(chr(0xAD))} {more}"


def _without_strokes(text: str) -> str:
    """``text`` without the strokes of justified lines, if these are its only unknown characters.

    Strokes occur only inside words. An unknown character at the end of a word is an unknown letter, and
    removing those would make other words.
    """
    without = _KASHIDA.sub("", text)
    return text if "\ufffd" in without else without
