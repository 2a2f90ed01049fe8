"""PDFs as programs write them: Arabic glyphs from left to right, in the shapes of their positions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

SIZE, LEADING, WIDTH, RIGHT, TOP = 12, 18, 6, 560, 780  # points
BOX = b"/MediaBox [0 0 612 842]"  # points
CLUSTER = re.compile("ل[اأإآ]|.")
SHAPES = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFE80, 0xFEFD)}
LTR = re.compile("([0-9A-Za-z٠-٩]+(?:[.,٫][0-9٠-٩]+)*)")


def glyphs(line: str) -> list[str]:
    """The glyphs of a line from left to right, each as the text that it stands for."""
    if not any(unicodedata.bidirectional(char) == "AL" for char in line):
        return list(line)
    placed: list[str] = []
    for part in reversed(LTR.split(line)):
        if LTR.fullmatch(part):
            placed += list(part)
        else:  # a ligature is one glyph that stands for two letters
            placed += reversed(CLUSTER.findall(part))
    return placed


class Placed(NamedTuple):
    """A line of text and where its left end is, in points from the lower left corner of the page."""

    text: str
    x: float
    y: float
    size: float = SIZE
    base14: bool = False
    """Whether its font is Courier, which is not in the file; its glyphs are 0.6 times as wide as high."""


def make_pdf(
    pages: Sequence[Sequence[str]], *, shapes: bool = False, extra: bytes = b"", box: bytes = BOX
) -> bytes:
    """A PDF with one text line for each string; a page without lines is an empty page.

    Args:
        pages: The lines of each page, in logical order; Arabic ones end at the right margin.
        shapes: Whether the font maps glyphs to Arabic presentation forms instead of letters, as many do.
        extra: Put into the trailer.
        box: Put into each page; by default the size of the page. What lies outside it is not printed.
    """
    placed = []
    for page in pages:
        lines = []
        for number, line in enumerate(page):
            row = glyphs(line)
            left = RIGHT - WIDTH * len(row) if row != list(line) else 60
            lines.append(Placed(line, left, TOP - LEADING * number))
        placed.append(lines)
    return place_pdf(placed, shapes=shapes, extra=extra, box=box)


def place_pdf(
    pages: Sequence[Sequence[Placed]],
    *,
    shapes: bool = False,
    extra: bytes = b"",
    box: bytes = BOX,
    wrong: Mapping[str, str] | None = None,
    begin: str = "",
) -> bytes:
    """A PDF with lines anywhere.

    Args:
        pages: The lines of each page, in the order in which they are drawn. Glyphs are half as wide as high.
        shapes: As in ``make_pdf``.
        extra: As in ``make_pdf``.
        box: As in ``make_pdf``.
        wrong: What the font's map says instead of the letter that a glyph shows.
        begin: What each page draws first, such as a clipping path.
    """
    codes: dict[str, int] = {}
    contents = []
    for page in pages:
        drawn = [begin]
        for line in page:
            if line.base14:
                text, font = line.text.encode("latin-1").hex(), "C"
            else:
                row = glyphs(line.text)
                text, font = "".join(f"{codes.setdefault(glyph, len(codes) + 1):04X}" for glyph in row), "F"
            drawn.append(f"BT /{font} {line.size} Tf 1 0 0 1 {line.x} {line.y} Tm <{text}> Tj ET")
        contents.append("\n".join(drawn).encode())
    mapped = {glyph: (wrong or {}).get(glyph, glyph) for glyph in codes}
    mappings = "\n".join(f"<{code:04X}> <{_utf16(mapped[glyph], shapes)}>" for glyph, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{mappings}\nendbfchar endcmap end end"
    ).encode()
    first = 8  # the objects before the pages'
    kids = " ".join(f"{first + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Made /Encoding /Identity-H /DescendantFonts [4 0 R] "
        b"/ToUnicode 6 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Made /FontDescriptor 5 0 R /DW 500 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        b"/CIDToGIDMap /Identity >>",
        b"<< /Type /FontDescriptor /FontName /Made /Flags 4 /FontBBox [0 -200 1000 800] /ItalicAngle 0 "
        b"/Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
        stream(cmap),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    for number, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 3 0 R /C 7 0 R >> >> "
            + box
            + f" /Contents {first + 2 * number + 1} 0 R >>".encode()
        )
        objects.append(stream(content))
    return write_pdf(objects, extra)


def write_pdf(objects: Sequence[bytes], extra: bytes = b"") -> bytes:
    """A PDF of objects, the first of which is the catalog; ``extra`` is put into the trailer."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode() + table
    start = len(out)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R ".encode() + extra + b" >>\n"
    return bytes(out) + end + trailer + f"startxref\n{start}\n%%EOF\n".encode()


def stream(data: bytes, fields: bytes = b"") -> bytes:
    """A stream object with its data; ``fields`` are put into its dictionary."""
    return f"<< /Length {len(data)} ".encode() + fields + b" >>\nstream\n" + data + b"\nendstream"


def _utf16(glyph: str, shapes: bool) -> str:
    shape = SHAPES.get(glyph, glyph) if shapes else glyph
    return shape.encode("utf-16-be").hex().upper()
