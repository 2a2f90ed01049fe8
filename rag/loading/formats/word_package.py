"""The parts of a Word file: a zip archive of XML, in which relationships name what each part is for.

Names of elements are compared without their namespaces, which differ between the two forms of Office Open
XML, Transitional and Strict.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from typing import Any

from rag.loading.parsed import Unusable

UNPACKED = 100_000_000
"""Bytes. The largest unpacked size; a novel is about 5 MB of XML, and pictures hardly grow by unpacking."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""First bytes of files that are encrypted or in the format of Word before 2007."""

_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
"""Namespaces of Word's elements, Transitional and Strict."""

_COPY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"

DAMAGED = "is not a Word file, or damaged; open it in Word and save it again"


def name(element: Any) -> str:
    """The name of one of Word's elements; empty for all other elements and for comments.

    "Fallback" is a second copy of the same content for older programs.
    """
    if not isinstance(element.tag, str):
        return ""
    namespace, _, local = element.tag[1:].partition("}")
    return local if namespace in _WORD or element.tag == _COPY else ""


def attribute(element: Any, local: str) -> str | None:
    """The value of one of Word's attributes, None if it is absent."""
    return next((value for value in (element.get(f"{{{word}}}{local}") for word in _WORD) if value), None)


class WordPackage:
    """The parts of a Word file, by the last word of their relationship: styles, footnotes."""

    def __init__(self, data: bytes) -> None:
        """Find the main part.

        Raises:
            Unusable: The file is encrypted, damaged, or too large when unpacked.
        """
        if data.startswith(_OLE):
            raise Unusable(
                "is encrypted or in the format of Word before 2007; save it as .docx without a password"
            )
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError):
            raise Unusable(DAMAGED) from None
        size = sum(part.file_size for part in self._archive.infolist())
        if size > UNPACKED:
            raise Unusable(f"unpacks to {size:,} bytes; the limit is {UNPACKED:,}")
        self._package = self._related("")
        self._main = self._package.get("officeDocument", "")
        self._parts = self._related(self._main)

    def document(self) -> Any:
        """The root of the main part.

        Raises:
            Unusable: It cannot be read.
        """
        root = self._parse(self._main)
        if root is None or name(root) != "document":
            raise Unusable(DAMAGED)
        return root

    def part(self, kind: str) -> Any | None:
        """The root of the styles, footnotes or endnotes of the main part; None if there are none."""
        return self._parse(self._parts.get(kind, ""))

    def properties(self) -> Any | None:
        """The root of the part with the title and the date of creation; None without it."""
        return self._parse(self._package.get("core-properties", ""))

    def _related(self, part: str) -> dict[str, str]:
        """The parts to which a part is related by the last word of the relationship's type."""
        folder, base = posixpath.split(part)
        root = self._parse(posixpath.join(folder, "_rels", f"{base}.rels"))
        paths: dict[str, str] = {}
        for relation in root if root is not None else ():
            kind, target = str(relation.get("Type")), relation.get("Target")
            if target and relation.get("TargetMode") != "External":
                path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                paths.setdefault(kind.rpartition("/")[2], path)
        return paths

    def _parse(self, path: str) -> Any | None:
        from lxml import etree

        # Nothing that a file refers to is opened, and entities are not replaced.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            return etree.fromstring(self._archive.read(path), parser)
        except (
            KeyError,
            etree.XMLSyntaxError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
        ):
            return None
        except RuntimeError:  # an encrypted member
            return None
