"""A PDF becomes an article: qalam gives lines in reading order, which are joined to paragraphs here.

A PDF stores glyphs at places, Arabic ones from left to right, in shapes of their position. pypdf and PDFium
give them back with figures at the wrong end or reversed (٤٢٠٢ for ٢٠٢٤), or words reversed; qalam is the
one that gives the words as they are read (docs/decisions.md).
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.loading.parsed import Draft, Note, Read, Unusable, body

_END = re.compile(r"[.!?؟…:؛][”“\"»)\]]*$")
_HYPHEN = re.compile(r"(?<=[a-z]{2})-$|\u00ad$")
"""A word broken at the end of a line."""

_ARABIC = "\u0620-\u064a\u064b-\u0652\u0671-\u06d3"
_KASHIDA = re.compile(rf"(?<=[{_ARABIC}])\ufffd+(?=[{_ARABIC}])")
"""The strokes with which LibreOffice justifies Arabic lines have no character in the PDF's fonts."""

_SAME_SIZE = 0.6  # points; less is rounding

_SHORTEST_FULL = 20  # characters; the lines of a newspaper's column are longer, cells and labels shorter
_BULLETS = "•●▪◦‣○■–*"

_UNREADABLE = 0.05
"""Share of characters without a meaning from which a PDF is refused: whole letters are missing then."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    page: int
    block: int  # -1 for a row of a table
    size: float  # of the type, points
    room: float  # left free at the line's end, points
    first_word: float  # its width, points


def read_pdf(data: bytes) -> Read:
    """The article in a PDF; the line of a paragraph is the page on which it begins.

    Raises:
        Unusable: It is encrypted, damaged, or has pictures of text only.
    """
    pages = _pages(data)
    if not pages:
        encrypted = b"/Encrypt" in data
        raise Unusable("is encrypted; print it to a PDF without a password" if encrypted else "has no page")
    paragraphs = list(_paragraphs(pages))
    raw = _without_strokes("\n".join(text for text, _ in paragraphs))
    unread = [page["number"] for page in pages if page["verdict"] == "needs_ocr" and page["blocks"]]
    if not raw.strip() and unread:
        raise Unusable("holds pictures of text only; run text recognition (OCR) over it")
    if raw.count("\ufffd") > _UNREADABLE * len(raw):
        raise Unusable("has fonts that do not tell which letters they show; print it to PDF anew, or run OCR")
    text, lines = body(raw)
    notes = []
    if unread:
        told = ", ".join(map(str, unread[:5])) + (" …" if len(unread) > 5 else "")
        notes.append(Note(f"page {told} holds no text that can be read; run text recognition (OCR) over it"))
    return Read((Draft(text, tuple(paragraphs[line - 1][1] for line in lines)),), tuple(notes))


def _pages(data: bytes) -> list[dict[str, Any]]:
    import qalam

    with tempfile.TemporaryDirectory() as folder:  # qalam opens paths only
        path = Path(folder, "article.pdf")
        path.write_bytes(data)
        try:
            pages: list[dict[str, Any]] = json.loads(qalam.Document(str(path)).to_json())["pages"]
        except qalam.QalamError:
            mend = "open it and print it to PDF anew"
            raise Unusable(f"is no PDF, or damaged; {mend}") from None
    return pages


def _paragraphs(pages: Sequence[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """Each paragraph as one line of text, with the page on which it begins."""
    text, begun, last = "", 0, None
    for line in itertools.chain.from_iterable(_lines(page) for page in pages):
        if last is not None and _continues(last, line, text):
            text = _joined(text, line.text)
        else:
            if text:
                yield text, begun
            text, begun = line.text, line.page
        last = line
    if text:
        yield text, begun


def _lines(page: dict[str, Any]) -> Iterator[_Line]:
    """The page's lines in reading order; qalam gives some twice, at the edges of a page."""
    seen: set[tuple[str, float, float]] = set()
    for number, block in enumerate(page["blocks"]):
        if block["type"] == "table":
            for row in block["rows"]:
                cells = (" ".join(cell["text"].split()) for cell in row)
                told = " | ".join(cell for cell in cells if cell)
                yield _Line(told, page["number"], -1, 0.0, 0.0, 0.0)
        elif block["type"] == "text":
            boxes = [line["bbox"] for line in block["lines"]]
            left, right = min((box[0] for box in boxes), default=0), max((box[2] for box in boxes), default=0)
            for line in block["lines"]:
                x0, y0, x1, _ = line["bbox"]
                written = " ".join(line["text"].split())
                if not written or (written, x0, y0) in seen:
                    continue
                seen.add((written, x0, y0))
                rtl = line["direction"] == "rtl"
                room = x0 - left if rtl else right - x1
                first = (x1 - x0) * len(written.split()[0]) / len(written)
                yield _Line(written, page["number"], number, line["size"], room, first)


def _continues(last: _Line, line: _Line, text: str) -> bool:
    """Whether a line goes on with the paragraph of the line before it."""
    if -1 in (last.block, line.block) or abs(last.size - line.size) > _SAME_SIZE:
        return False
    if len(last.text) < _SHORTEST_FULL or line.text[0] in _BULLETS:
        return False
    # A line that leaves room for the next one's first word was ended on purpose.
    if last.room > line.first_word:
        return False
    return (last.page, last.block) == (line.page, line.block) or (
        last.page != line.page and not _END.search(text)
    )


def _joined(text: str, more: str) -> str:
    broken = _HYPHEN.search(text)
    if broken and more[:1].islower():
        return text[: broken.start()] + more
    return f"{text.rstrip(chr(0xAD))} {more}"


def _without_strokes(text: str) -> str:
    """``text`` without the strokes of justified lines, if that is what its unknown characters are.

    Strokes stand inside words only. Where one stands at the end of a word, letters are unknown too, and
    to take them out would make other words.
    """
    without = _KASHIDA.sub("", text)
    return text if "\ufffd" in without else without
