"""Decodes bytes to text by detecting the encodings in which Arabic and English news is stored.

Unicode is recognised by its own rules, never by statistics: a byte order mark, valid UTF-8, or the zero bytes
of UTF-16. Only for other files is the encoding guessed, among three candidates.
"""

from __future__ import annotations

import contextlib
import re

from rag.loading.mojibake import repaired
from rag.loading.parsed import Unusable

LEGACY = ("cp1256", "cp1252", "iso8859_6")
"""Arabic and English news that is not Unicode is in one of these. Allowed to guess among all encodings,
charset-normalizer takes short Arabic texts for Greek or Cyrillic."""

SAMPLE = 64_000
"""Bytes that the guess of an encoding is based on. Two dozen pages are as good a sample as a whole book, and
charset-normalizer takes seconds for each further megabyte."""

MOSTLY_UTF8 = 2
"""Valid non-ASCII UTF-8 characters per invalid one from which a file counts as damaged UTF-8. Arabic text
in another encoding has about one valid character per hundred invalid ones. Damaged UTF-8 must not be decoded
as windows-1256, which would give Arabic letters without meaning."""

MOST_ZEROS = 0.02
"""Share of zero bytes up to which a file is a text that they were left in. Binary files have more."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, because it begins with the mark of UTF-16
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_CONTROL_BYTE = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NEWS = re.compile(
    r"[\t\n\r\x0c -~\xa0-\xff\u0600-\u06ff\u0750-\u077f\u2000-\u206f\ufb50-\ufdff\ufe70-\ufefc]"
)
"""The characters that Arabic and English news almost exclusively consists of."""

_NEWS_SHARE = 0.9
"""Share of these characters from which bytes count as UTF-16. Bytes in the wrong order, or bytes that are
not UTF-16, decode to Chinese characters and symbols."""

_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w-]+)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096  # bytes; HTML requires it in the first 1,024, which real pages exceed
_DECLARABLE = re.compile(r"(?:windows-|cp)125\d|iso-?8859-\d{1,2}|utf-?16(?:-?[lb]e)?", re.IGNORECASE)


def decode(data: bytes, *, declared: str = "", repair: bool = True) -> tuple[str, str]:
    """The text of a file, and a description of what was lost in decoding it (empty if nothing).

    Args:
        data: The whole file.
        declared: The encoding that a web page declares. It is used only if the bytes are not Unicode, since
            pages are often saved in another encoding than they declare.
        repair: Whether text that was read in a wrong encoding before is repaired.

    Raises:
        Unusable: The file is binary, its encoding cannot be determined, or it was damaged by a wrong one.
    """
    data, zeros = _without_zeros(data)
    text, loss = _decoded(data, declared)
    text, misread = repaired(text) if repair else (text, "")
    return text, "; ".join(filter(None, (zeros, loss, misread)))


def _without_zeros(data: bytes) -> tuple[bytes, str]:
    """A text without the zero bytes that a crash or a faulty program left in it, and a description of them.

    A binary file has other control characters too, and so has UTF-16, whose zero bytes have a meaning.
    """
    count = data.count(b"\0")
    rest = data.replace(b"\0", b"") if count else data
    if not count or _CONTROL_BYTE.search(rest) or _utf16(data) is not None:
        return data, ""
    inside = count if not _is_utf8(rest) else data.strip(b"\0").count(b"\0")  # a crash leaves many at the end
    if inside > MOST_ZEROS * len(rest) or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data, ""
    number = "1 zero byte was" if count == 1 else f"{count} zero bytes were"
    return rest, f"{number} left out; text may be missing there"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(data: bytes, declared: str) -> tuple[str, str]:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError:
                raise Unusable(f"is marked as {encoding.upper()} but is not; save it as UTF-8") from None
    try:
        text = data.decode("utf-8")
        if not _CONTROL.search(text):
            return text, ""
    except UnicodeDecodeError:
        text = ""
    if (wide := _utf16(data)) is not None:
        return wide, ""
    if b"\0" in data:
        raise Unusable("is a binary file")
    if text:  # a stray control character, as in texts copied from elsewhere
        return text, ""
    if (repaired := _damaged_utf8(data)) is not None:
        return repaired
    return _legacy(data, declared), ""


def declared_encoding(data: bytes) -> str:
    """The encoding that a web page declares; empty if it declares none or an implausible one."""
    match = _DECLARED.search(data[:_DECLARED_WITHIN])
    name = (match[1] or match[2]).decode("ascii", "replace") if match else ""
    return name if _DECLARABLE.fullmatch(name) else ""


def _utf16(data: bytes) -> str | None:
    """The text of UTF-16 without a byte order mark, or None if the bytes are something else."""
    for encoding in ("utf-16-le", "utf-16-be"):
        sample = data[:SAMPLE].decode(encoding, "replace")
        if len(_NEWS.findall(sample)) >= _NEWS_SHARE * len(sample) > 0:
            with contextlib.suppress(UnicodeDecodeError):
                return data.decode(encoding)
    return None


def _damaged_utf8(data: bytes) -> tuple[str, str] | None:
    """The text and the loss of UTF-8 with a few invalid bytes, such as a truncated download; else None."""
    text = data.decode("utf-8", "replace")
    invalid = text.count("\ufffd") - data.count("\ufffd".encode())
    valid = sum(not char.isascii() for char in text) - invalid
    if valid < MOSTLY_UTF8 * invalid:
        return None
    line = text.count("\n", 0, text.index("\ufffd")) + 1
    place = "place is" if invalid == 1 else "places are"
    return text, f"{invalid} {place} not UTF-8 (line {line}) and shown as \ufffd; save it as UTF-8 again"


def _legacy(data: bytes, declared: str) -> str:
    if declared:  # the page may be in another encoding than it declares
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            return data.decode(declared)
    import charset_normalizer

    non_ascii = re.search(rb"[\x80-\xff]", data)
    start = max(0, non_ascii.start() - SAMPLE // 2) if non_ascii else 0
    sample = data[start : start + SAMPLE]
    best = charset_normalizer.from_bytes(sample, cp_isolation=list(LEGACY)).best()
    text = data.decode(best.encoding, "replace") if best else ""
    if best is None or _CONTROL.search(text) or "\ufffd" in text:
        raise Unusable("is not text, or in an unknown encoding; save it as UTF-8")
    return text
