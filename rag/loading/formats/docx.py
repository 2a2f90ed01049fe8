"""A Word file becomes an article: its paragraphs and tables in order, as they stand after all changes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from rag.language.text import fold
from rag.loading.parsed import Draft, Read, Unusable, body, one_line

UNPACKED = 100_000_000
"""Bytes that a file may unpack to; a novel is about 5 MB of XML, pictures are stored packed already."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How files begin that are encrypted, or of Word before 2007."""

_TEMPLATE_YEARS = 2014
"""A file that says it was made before then has the date of a program's template (python-docx: 2013-12-23,
others 1970 or 1601), not its own: Word and LibreOffice write the day."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH, _TABLE, _ROW, _CELL = f"{_W}p", f"{_W}tbl", f"{_W}tr", f"{_W}tc"
_WRITTEN = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_COPY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The same content once more, for older programs."""


def read_docx(data: bytes) -> Read:
    """The article in a Word file; each paragraph and each row of a table is a line.

    Text that is marked as deleted is left out, inserted text is read. Headers, footnotes and comments are
    not read.

    Raises:
        Unusable: It is encrypted, damaged, too large when unpacked, or holds no text.
    """
    document = _open(data)
    text, lines = body("\n".join(_lines(document.element.body)))
    known = document.core_properties
    title = one_line(known.title or "")
    # A file that was saved over an older article keeps that one's title.
    borne_out = fold(title) and fold(title) in fold(" ".join(text.split("\n", 3)[:3]))
    made = known.created
    return Read(
        (
            Draft(
                text,
                lines,
                title=title if borne_out else "",
                published=made.date().isoformat() if made and made.year >= _TEMPLATE_YEARS else None,
            ),
        )
    )


def _open(data: bytes) -> Any:
    if data.startswith(_OLE):
        raise Unusable("is encrypted, or of Word before 2007; save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Unusable("is no Word file, or damaged; open it in Word and save it anew") from None
    if size > UNPACKED:
        raise Unusable(f"unpacks to {size:,} bytes; at most {UNPACKED:,} are read")
    import docx

    try:
        return docx.Document(io.BytesIO(data))
    except Exception:  # python-docx passes on whatever zipfile, lxml or a missing part raise
        raise Unusable("is no Word file, or damaged; open it in Word and save it anew") from None


def _lines(block: Any) -> Iterator[str]:
    """The lines of a body, a cell, or whatever wraps paragraphs (content controls, insertions)."""
    for child in block:
        if child.tag == _PARAGRAPH:
            yield _text(child).strip(" \t")
        elif child.tag == _TABLE:
            for row in child.iter(_ROW):
                cells = [" ".join(" ".join(_lines(cell)).split()) for cell in row.iterchildren(_CELL)]
                yield " | ".join(cell for cell in cells if cell)
        elif isinstance(child.tag, str) and child.tag != _COPY:
            yield from _lines(child)


def _text(paragraph: Any) -> str:
    out: list[str] = []
    todo = list(reversed(paragraph))
    while todo:  # a stack, since files may nest deeper than Python does
        element = todo.pop()
        if element.tag == f"{_W}t":
            out.extend(element.itertext())  # more than one text where an entity was not resolved
        elif element.tag in _WRITTEN:
            out.append(_WRITTEN[element.tag])
        elif element.tag != _COPY:
            if element.tag == _PARAGRAPH:  # of a text box
                out.append("\n")
            todo.extend(reversed(element))
    return "".join(out)
