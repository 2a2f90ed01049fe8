"""The letters of fonts whose encoding is only in the font program, as TeX writes them.

pdfminer.six reads that of a Type 1 program if the font has no encoding at all. It takes Adobe's standard
encoding otherwise, which is a guess: right for ASCII, wrong for accents, quotation marks and ligatures.
"""

from __future__ import annotations

import io
from typing import Any

from pdfminer.encodingdb import EncodingDB, name2unicode
from pdfminer.pdffont import PDFSimpleFont, Type1FontHeaderParser
from pdfminer.pdfinterp import PDFResourceManager
from pdfminer.pdftypes import dict_value, resolve1, stream_value
from pdfminer.psparser import PSLiteral

_ASCII = 127


class Fonts(PDFResourceManager):
    """The fonts of a file, with the letters of built-in encodings."""

    def get_font(self, objid: object, spec: Any) -> Any:
        """A font of the file, from its number and its dictionary."""
        known = objid in self._cached_fonts
        font = super().get_font(objid, spec)
        if not known and isinstance(font, PDFSimpleFont) and font.unicode_map is None:
            encoding = resolve1(spec.get("Encoding"))
            fields = encoding if isinstance(encoding, dict) else {}
            if encoding is None or (fields and "BaseEncoding" not in fields):
                builtin = _builtin(dict_value(spec.get("FontDescriptor", {})))
                named = {
                    code: letter
                    for code, letter in font.cid2unicode.items()
                    if not builtin or EncodingDB.std2unicode.get(code) != letter
                }
                font.cid2unicode = {**builtin, **named}
            for code in _unnamed(resolve1(fields.get("Differences")) or []):
                font.cid2unicode.pop(code, None)
        return font


def _builtin(descriptor: Any) -> dict[int, str]:
    """The letters by code that a font program names; empty if it has the standard encoding or is damaged."""
    if "FontFile" in descriptor:
        stream = stream_value(descriptor["FontFile"])
        header = stream.get_data()[: resolve1(stream.get("Length1", 0))]
        return dict(Type1FontHeaderParser(io.BytesIO(header)).get_encoding())
    if "FontFile3" in descriptor:
        from fontTools.cffLib import CFFFontSet

        fonts = CFFFontSet()
        try:
            fonts.decompile(io.BytesIO(stream_value(descriptor["FontFile3"]).get_data()), None)
            names = fonts[0].Encoding
        except Exception:  # fontTools passes on all that damaged data leads to
            return {}
        if isinstance(names, list):
            return {code: letter for code, name in enumerate(names) if (letter := _letter(name))}
    return {}


def _letter(name: str) -> str:
    try:
        return name2unicode(name)
    except (KeyError, ValueError):
        return ""


def _unnamed(differences: list[Any]) -> list[int]:
    """The codes beyond ASCII to which a font gives names that say nothing, such as a225."""
    codes: list[int] = []
    code = 0
    for one in map(resolve1, differences):
        if isinstance(one, PSLiteral):
            if code > _ASCII and not _letter(str(one.name)):
                codes.append(code)
            code += 1
        elif isinstance(one, int):
            code = one
    return codes
