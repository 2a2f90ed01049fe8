"""Reads a Word file as an article, as Word shows it with all tracked changes accepted.

Paragraphs, tables, text boxes, footnotes and endnotes are read; headers, comments and hidden text are not.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rag.language.text import fold
from rag.loading.formats.word_package import WordPackage, attribute, name
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, body, one_line

_TEMPLATE_YEARS = 2014
"""An earlier creation date is ignored: it is that of a program's template (python-docx: 2013-12-23, others
1970 or 1601). Word and LibreOffice write the actual date."""

_CELL = 300
"""Characters. A cell with several paragraphs and more text is a part of the page, not of a table's row."""

_WRITTEN = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_UNREAD = frozenset(
    ("Fallback", "del", "moveFrom", "delText", "instrText", "delInstrText", "pPr", "rPr", "sectPr")
)
"""Copies for older programs, what was deleted or moved away, the codes of fields, and properties."""

_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes"}


def read_docx(data: bytes) -> ParsedFile:
    """The article in a Word file; each paragraph and each row of a table is a line, notes come last.

    Raises:
        Unusable: The file is encrypted, damaged, too large when unpacked, or contains no text.
    """
    package = WordPackage(data)
    reader = _Reader(_hidden_styles(package.part("styles")))
    lines_of_text = list(reader.lines(package.document()))
    losses = [Note("contains another file, whose text was not read; copy the text into it")] * reader.inserted
    for kind in _NOTES.values():
        numbers = [number for of, number in reader.notes if of == kind]
        texts = {attribute(note, "id"): note for note in _children(package.part(kind))}
        missing = [number for number in numbers if number not in texts]
        for number in dict.fromkeys(numbers):
            if number in texts:
                lines_of_text += reader.lines(texts[number])
        if missing:
            losses.append(
                Note(f"{len(missing)} of its {kind} could not be read; open it in Word and save it again")
            )
    text, lines = body("\n".join(lines_of_text))
    title, published = _properties(package.properties())
    # A file that was made from an older article may still have the title of that one.
    if not (fold(title) and fold(title) in fold(" ".join(text.split("\n", 3)[:3]))):
        title = ""
    return ParsedFile((ParsedArticle(text, lines, title=title, published=published),), tuple(losses))


def _properties(root: Any | None) -> tuple[str, str | None]:
    """Title and date of creation; empty and None where they are absent."""
    fields = {str(child.tag).rpartition("}")[2]: child.text or "" for child in _children(root)}
    created = re.match(r"\d{4}-\d\d-\d\d", fields.get("created", "").strip())
    try:
        date = datetime.date.fromisoformat(created[0]) if created else None
    except ValueError:
        date = None
    published = date.isoformat() if date and date.year >= _TEMPLATE_YEARS else None
    return one_line(fields.get("title", "")), published


def _hidden_styles(root: Any | None) -> frozenset[str]:
    """The ids of the styles whose text is hidden, by themselves or by the style on which they are based."""
    stated: dict[str, bool | None] = {}
    base: dict[str, str] = {}
    for style in _children(root):
        if name(style) == "style" and (style_id := attribute(style, "styleId")):
            for child in style:
                if name(child) == "rPr":
                    stated[style_id] = _vanish(child)
                elif name(child) == "basedOn":
                    base[style_id] = attribute(child, "val") or ""

    def hidden(style_id: str, depth: int = 0) -> bool:
        value = stated.get(style_id)
        if value is None and style_id in base and depth < len(base):
            return hidden(base[style_id], depth + 1)
        return bool(value)

    return frozenset(style_id for style_id in {*stated, *base} if hidden(style_id))


def _vanish(properties: Any) -> bool | None:
    """Whether properties hide a text; None if they do not say so."""
    for child in properties:
        if name(child) == "vanish":
            return attribute(child, "val") not in ("0", "false", "off")
    return None


def _children(element: Any | None) -> Iterator[Any]:
    return iter(()) if element is None else iter(element)


def _child(element: Any | None, wanted: str) -> Any | None:
    return next((child for child in _children(element) if name(child) == wanted), None)


@dataclass(slots=True)
class _Reader:
    hidden: frozenset[str]
    """Ids of styles whose text is hidden."""
    notes: list[tuple[str, str | None]] = field(default_factory=list)
    """The part and the id of each note to which the text refers."""
    inserted: int = 0
    """Other files that Word shows within this one."""

    def lines(self, block: Any) -> Iterator[str]:
        """The lines of the body, a cell, or another element with paragraphs, as a content control."""
        started = ""  # of a paragraph whose end was deleted, so that the next one continues it
        for child in block:
            tag = name(child)
            if tag == "p":
                boxes: list[Any] = []
                text = started + self._text(child, boxes)
                started = f"{text.rstrip()} " if text and _ends_deleted(child) else ""
                if not started:
                    yield text.strip(" \t")
                for box in boxes:
                    yield from self.lines(box)
            elif tag == "tbl":
                yield from self._table(child)
            elif tag == "altChunk":
                self.inserted = 1
            elif isinstance(child.tag, str) and tag not in _UNREAD:
                yield from self.lines(child)
        if started:
            yield started.strip(" \t")

    def _table(self, table: Any) -> Iterator[str]:
        for child in table:
            tag = name(child)
            if tag == "tr":
                yield from self._row(child)
            elif tag not in _UNREAD:  # a content control around rows
                yield from self._table(child)

    def _row(self, row: Any) -> Iterator[str]:
        properties = _child(row, "trPr")
        if any(_child(properties, gone) is not None for gone in ("del", "hidden")):
            return
        cells = list(_cells(row))
        texts = [[line for line in self.lines(cell) if line.strip()] for cell in cells]
        page = any(_child(cell, "tbl") is not None for cell in cells) or any(
            len(lines) > 1 and sum(map(len, lines)) > _CELL for lines in texts
        )
        if page:  # a table that only places what is in it
            for lines in texts:
                yield from lines
        else:
            joined = [" ".join(" ".join(lines).split()) for lines in texts]
            yield " | ".join(cell for cell in joined if cell)

    def _text(self, paragraph: Any, boxes: list[Any]) -> str:
        style = _child(_child(paragraph, "pPr"), "pStyle")
        hidden = style is not None and attribute(style, "val") in self.hidden
        out: list[str] = []
        todo = list(reversed(paragraph))
        while todo:  # a stack, since files may be nested more deeply than Python allows calls
            element = todo.pop()
            tag = name(element)
            if tag == "t":
                out.extend(element.itertext())  # an entity that was not resolved divides the text
            elif tag in _WRITTEN:
                out.append(_WRITTEN[tag])
            elif tag in _NOTES:
                self.notes.append((_NOTES[tag], attribute(element, "id")))
            elif tag == "txbxContent":
                boxes.append(element)
            elif tag not in _UNREAD and not (tag == "r" and self._is_hidden(element, hidden)):
                todo.extend(reversed(element))
        return "".join(out)

    def _is_hidden(self, run: Any, by_paragraph: bool) -> bool:
        properties = _child(run, "rPr")
        if properties is None:
            return by_paragraph
        of_run = _vanish(properties)
        style = _child(properties, "rStyle")
        by_style = style is not None and attribute(style, "val") in self.hidden
        return of_run if of_run is not None else by_paragraph or by_style


def _cells(row: Any) -> Iterator[Any]:
    for child in row:
        tag = name(child)
        if tag == "tc":
            yield child
        elif tag not in _UNREAD and tag != "trPr":  # a content control around cells
            yield from _cells(child)


def _ends_deleted(paragraph: Any) -> bool:
    """Whether the end of a paragraph was deleted or moved away."""
    mark = _child(_child(paragraph, "pPr"), "rPr")
    return any(_child(mark, gone) is not None for gone in ("del", "moveFrom"))
