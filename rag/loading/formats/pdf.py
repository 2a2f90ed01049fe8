"""Reads a PDF as an article.

A PDF stores glyphs and their places, not text: ``rag.loading.pdf`` finds their letters, order, lines and
paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body

if TYPE_CHECKING:
    from rag.loading.pdf.lines import Line

_MAX_UNREADABLE = 0.05
"""Share of characters. A PDF with more characters that map to no letter is refused: some letters of the
alphabet are missing from all of its words."""

_MAX_WRONG = 0.2
"""Share of the characters that are read. A PDF with more in fonts that name wrong letters is refused."""

_WAY_OUT = "print it to PDF again, or run text recognition (OCR) on it"

_ARABIC = r"[\u0620-\u06d3]"
_KASHIDA = re.compile(rf"(?<={_ARABIC})\ufffd+(?={_ARABIC})")
"""LibreOffice justifies Arabic lines with strokes that have no character in the PDF's fonts."""


def read_pdf(data: bytes) -> ParsedFile:
    """The article in a PDF. The line number of a line is the page on which its sentences begin.

    Raises:
        Unusable: The PDF is encrypted or damaged, or contains only pictures of text.
    """
    from rag.loading.pdf import glyphs, layout
    from rag.loading.pdf.lines import by_legibility, read_lines, without_running_heads
    from rag.loading.pdf.paragraphs import paragraphs

    try:
        pages = list(glyphs.read_pages(data))
    except glyphs.Locked:
        raise Unusable("is encrypted; print it to a PDF without a password") from None
    except glyphs.Damaged:
        raise Unusable("is not a PDF, or damaged; open it and print it to PDF again") from None
    if not pages:
        raise Unusable("has no page")
    lines, wrong = by_legibility(read_lines(list(layout.rows(pages))))
    letters = sum(len(line.text) for line in lines)
    if sum(len(line.text) for line in wrong) > _MAX_WRONG * letters:
        raise Unusable(f"has fonts that name wrong letters, as in {_sample(wrong)}; {_WAY_OUT}")
    numbered = list(paragraphs(without_running_heads(lines)))
    raw = _without_strokes("\n".join(text for text, _ in numbered))
    unread = [page.number for page in pages if page.pictures and not page.glyphs]
    if not raw.strip() and unread:
        raise Unusable("contains only pictures of text; run text recognition (OCR) on it")
    if raw.count(glyphs.UNKNOWN) > _MAX_UNREADABLE * len(raw):
        raise Unusable(f"has fonts that do not say which letters they show; {_WAY_OUT}")
    text, numbers = body(raw)
    article = ParsedArticle(text, tuple(numbered[number - 1][1] for number in numbers))
    notes: list[Note] = []
    if unread:
        notes.append(
            Note(
                f"page {_listed(unread)} contains no text that can be read; run text recognition (OCR) on it"
            )
        )
    if wrong:
        pages_lost = sorted({line.page for line in wrong})
        notes.append(
            Note(
                f"page {_listed(pages_lost)}: lines whose font names wrong letters were not read, as "
                f"{_sample(wrong)}; {_WAY_OUT}"
            )
        )
    return ParsedFile((article,), tuple(notes))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")


def _sample(lines: Sequence[Line]) -> str:
    text = max(lines, key=lambda line: len(line.text)).text
    return repr(" ".join(text.split()[:4]))


def _without_strokes(text: str) -> str:
    """``text`` without the strokes of justified lines, if these are its only unknown characters.

    Strokes occur only inside words. An unknown character at the end of a word is an unknown letter, and
    removing those would make other words.
    """
    without = _KASHIDA.sub("", text)
    return text if "\ufffd" in without else without
