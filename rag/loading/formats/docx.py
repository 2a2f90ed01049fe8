"""Reads a Word file as an article: paragraphs and tables in order, with all tracked changes accepted."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from rag.language.text import fold
from rag.loading.parsed import ParsedArticle, ParsedFile, Unusable, body, one_line

UNPACKED = 100_000_000
"""Bytes. The largest unpacked size; a novel is about 5 MB of XML, and pictures hardly grow by unpacking."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of files that are encrypted or in the format of Word before 2007."""

_TEMPLATE_YEARS = 2014
"""An earlier creation date is ignored: it is that of a program's template (python-docx: 2013-12-23, others
1970 or 1601). Word and LibreOffice write the actual date."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARAGRAPH, _TABLE, _ROW, _CELL = f"{_W}p", f"{_W}tbl", f"{_W}tr", f"{_W}tc"
_WRITTEN = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_COPY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""A second copy of the same content for older programs."""


def read_docx(data: bytes) -> ParsedFile:
    """The article in a Word file; each paragraph and each row of a table is a line.

    Of tracked changes, inserted text is read and deleted text is not. Headers, footnotes and comments are
    not read.

    Raises:
        Unusable: The file is encrypted, damaged, too large when unpacked, or contains no text.
    """
    document = _open(data)
    text, lines = body("\n".join(_lines(document.element.body)))
    title, created = one_line(document.core_properties.title or ""), document.core_properties.created
    # A file that was made from an older article may still have the title of that one.
    if not (fold(title) and fold(title) in fold(" ".join(text.split("\n", 3)[:3]))):
        title = ""
    published = created.date().isoformat() if created and created.year >= _TEMPLATE_YEARS else None
    return ParsedFile((ParsedArticle(text, lines, title=title, published=published),))


def _open(data: bytes) -> Any:
    if data.startswith(_OLE):
        raise Unusable(
            "is encrypted or in the format of Word before 2007; save it as .docx without a password"
        )
    import docx

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > UNPACKED:
            raise Unusable(f"unpacks to {size:,} bytes; the limit is {UNPACKED:,}")
        return docx.Document(io.BytesIO(data))
    except Unusable:
        raise
    except Exception:  # python-docx passes on all errors of zipfile, of lxml and of missing parts
        raise Unusable("is not a Word file, or damaged; open it in Word and save it again") from None


def _lines(block: Any) -> Iterator[str]:
    """The lines of the body, a cell, or another element with paragraphs (content controls, insertions)."""
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
    while todo:  # a stack, since files may be nested more deeply than Python allows calls
        element = todo.pop()
        if element.tag == f"{_W}t":
            out.extend(element.itertext())  # an entity that was not resolved divides the text
        elif element.tag in _WRITTEN:
            out.append(_WRITTEN[element.tag])
        elif element.tag != _COPY:
            if element.tag == _PARAGRAPH:  # of a text box
                out.append("\n")
            todo.extend(reversed(element))
    return "".join(out)
