"""Bytes become text: the encodings that Arabic and English news is stored in, told apart.

Unicode is recognised by its own rules, never by statistics: a mark at the start, valid UTF-8, or the zero
bytes of UTF-16. Only what is none of these is guessed, among three.
"""

from __future__ import annotations

import re

from rag.loading.parsed import Unusable

LEGACY = ("cp1256", "cp1252", "iso8859_6")
"""What is not Unicode among Arabic and English news is one of these; left to guess among all it knows,
charset-normalizer takes short Arabic for Greek or Cyrillic."""

SAMPLE = 64_000
"""Bytes that are looked at where an encoding is guessed: two dozen pages tell it as well as a whole book,
and charset-normalizer takes seconds for each further megabyte."""

MOSTLY_UTF8 = 2
"""Characters beyond ASCII that are sound UTF-8 for each one that is not, from which a file counts as
damaged UTF-8. Arabic in another encoding has about one in a hundred; damaged UTF-8 that is read as
windows-1256 is all Arabic letters, and gibberish."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, whose mark it begins with
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NEWS = re.compile(
    r"[\t\n\r\x0c -~\xa0-\xff\u0600-\u06ff\u0750-\u077f\u2000-\u206f\ufb50-\ufdff\ufe70-\ufefc]"
)
"""The characters that Arabic and English news is written in, almost alone."""

_NEWS_SHARE = 0.9
"""Share of such characters from which bytes are taken for UTF-16: read with its bytes swapped, or with no
such text in it at all, it is Chinese characters and symbols."""

_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w-]+)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096  # bytes; HTML asks for the first 1,024, real pages are later than that
_DECLARABLE = re.compile(r"(?:windows-|cp)125\d|iso-?8859-\d{1,2}|utf-?16(?:-?[lb]e)?", re.IGNORECASE)


def decode(data: bytes, *, declared: str = "") -> tuple[str, str]:
    """The text of a file, and what was lost in reading it (empty: nothing).

    Args:
        data: The whole file.
        declared: The encoding that a web page names; used where the bytes are not Unicode, since pages are
            often saved in another one than they declare.

    Raises:
        Unusable: It is a binary file, or in no encoding that can be told.
    """
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
    if text:  # a stray control character, as texts copied from elsewhere have
        return text, ""
    if (mended := _damaged_utf8(data)) is not None:
        return mended
    return _legacy(data, declared), ""


def declared_encoding(data: bytes) -> str:
    """The encoding that a web page says it is in; empty where it names none, or none that is plausible."""
    found = _DECLARED.search(data[:_DECLARED_WITHIN])
    name = (found[1] or found[2]).decode("ascii", "replace") if found else ""
    return name if _DECLARABLE.fullmatch(name) else ""


def _utf16(data: bytes) -> str | None:
    """The text of UTF-16 without a mark, or None if the bytes are something else."""
    if len(data) % 2:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        sample = data[:SAMPLE].decode(encoding, "replace")
        if len(_NEWS.findall(sample)) >= _NEWS_SHARE * len(sample) > 0:
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                return None
    return None


def _damaged_utf8(data: bytes) -> tuple[str, str] | None:
    """UTF-8 of which a few bytes are broken or cut off, as a truncated download has."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd") - data.count("\ufffd".encode())
    sound = sum(not char.isascii() for char in text) - broken
    if sound < MOSTLY_UTF8 * broken:
        return None
    line = text.count("\n", 0, text.index("\ufffd")) + 1
    place = "place is" if broken == 1 else "places are"
    return text, f"{broken} {place} not UTF-8 (line {line}) and shown as \ufffd; save it as UTF-8 again"


def _legacy(data: bytes, declared: str) -> str:
    if declared:
        try:
            return data.decode(declared)
        except (UnicodeDecodeError, LookupError):
            pass  # the page says what it is not
    import charset_normalizer

    foreign = re.search(rb"[\x80-\xff]", data)
    start = max(0, foreign.start() - SAMPLE // 2) if foreign else 0
    sample = data[start : start + SAMPLE]
    best = charset_normalizer.from_bytes(sample, cp_isolation=list(LEGACY)).best()
    text = data.decode(best.encoding, "replace") if best else ""
    if best is None or _CONTROL.search(text) or "\ufffd" in text:
        raise Unusable("is in no known encoding, or no text; save it as UTF-8")
    return text
