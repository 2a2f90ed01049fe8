"""Finds and repairs text that was read in a wrong encoding and saved again: Ø§Ù„Ø£Ø­Ø¯ instead of الأحد.

Such a text is valid Unicode of wrong letters: nobody finds it, and it would be quoted as it is. The library
ftfy repairs more kinds in Western languages, but it leaves UTF-8 that was read as windows-1256 and Arabic in
windows-1256 that was read as Latin-1, which are the usual kinds here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.loading.parsed import Unusable

LEAST_REPAIRED = 0.9
"""Share of the suspicious characters that a repair must explain. In Arabic or French as written it is below a
tenth, and in text whose invisible characters were lost about a half."""

LEAST_LOST = 0.3
"""Share of the suspicious characters that a repair explains where letters were lost; and share of accented
letters from which a text may be Arabic."""

LEAST_BEGUN = 0.5
"""Share of its letters that begin a misread letter, from which a text that cannot be repaired is refused. In
Arabic as written ط and ظ together are one letter in fifty."""

LEAST_STRANGE = 0.7
"""Share of the letters of a word that are accented in no language, and of words that must be Arabic."""

LEAST_WORDS = 3
"""Words of accented letters alone that a text must contain; one or two can be names."""

_PLAUSIBLE = re.compile(
    r"[\x80-\xff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u0600-\u06ff\u0750-\u077f"
    r"\u2000-\u206f\u20ac\u2122\ufb50-\ufdff\ufe70-\ufefc]"
)
"""Characters of Arabic and English news that UTF-8 writes with two bytes or more, and what these become."""

_UTF8 = re.compile(r"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_QUOTE = re.compile(r"\xe2\x80[\x80-\xbf]")
"""A quotation mark, dash or dots: â€™. No language has these three characters in a row."""

_HIGH = re.compile(r"[\x80-\xff]")
_ARABIC = re.compile(r"[\u0621-\u064a]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FREQUENT = re.compile(r"[وفبك]?ال\w|لل\w|(?:في|من|على|إلى|عن|أن|إن|التي|الذي|هذا)$")
_ARABIC_CODES = (("windows-1256", "cp1256"), ("ISO 8859-6", "iso8859_6"))
"""Arabic encodings of one byte a letter, the usual one first: they share some letters."""

_WESTERN = re.compile(r"[\xc0-\xff]")


def _bytes_of(encoding: str) -> Mapping[int, int]:
    """For each character of a one-byte encoding the code point that equals its byte, 128 and more."""
    decoded = (bytes([value]).decode(encoding, "replace") for value in range(0x80, 0x100))
    return {ord(char): value for value, char in enumerate(decoded, 0x80) if char != "\ufffd"}


_WINDOWS_1252 = _bytes_of("cp1252")
_WINDOWS_1256 = _bytes_of("cp1256")
_HIDDEN = dict.fromkeys(range(0x80, 0x100), 0xFFFF)
_TABLES: Mapping[str, Mapping[int, int]] = {
    # Five bytes have no character in windows-1252; programs then keep them as Latin-1 does.
    "windows-1252": _WINDOWS_1252,
    "windows-1256": {**_HIDDEN, **_WINDOWS_1256},
}
"""By the encoding that UTF-8 was read in, what its characters were as bytes."""


def _suspect(table: Mapping[int, int], first: frozenset[int]) -> re.Pattern[str]:
    """What one of the ``first`` bytes and one of 0x80 to 0xBF became."""
    chars = [re.escape(chr(char)) for char, value in table.items() if value in first]
    next_chars = [re.escape(chr(char)) for char, value in table.items() if 0x80 <= value <= 0xBF]
    return re.compile(f"[{''.join(chars)}][{''.join(next_chars)}]")


_SUSPECT = {
    "windows-1252": _suspect(
        {**{value: value for value in range(0x80, 0x100)}, **_WINDOWS_1252}, frozenset(range(0xC2, 0xF0))
    ),
    "windows-1256": _suspect(_WINDOWS_1256, frozenset({0xD8, 0xD9, 0xE2})),
}
"""By encoding two characters as they begin every misread one: almost no text as written contains them."""

_LEADS = {"windows-1252": re.compile("[\xd8-\xdb]"), "windows-1256": re.compile("[طظ]")}
"""The characters that the first byte of an Arabic letter became."""


def repaired(text: str) -> tuple[str, str]:
    """The text as it was meant, and what was done, which is empty if nothing was wrong.

    Raises:
        Unusable: The text was read in a wrong encoding, and letters were lost when it was saved.
    """
    if text.isascii():
        return text, ""
    suspects = [encoding for encoding, pattern in _SUSPECT.items() if pattern.search(text)]
    readings = {encoding: _read_as_utf8(text, _TABLES[encoding], _UTF8) for encoding in suspects}
    for encoding, (_, share) in readings.items():
        if LEAST_LOST < share < LEAST_REPAIRED:
            begun, letters = len(_LEADS[encoding].findall(text)), sum(map(str.isalpha, text))
            if begun > LEAST_BEGUN * letters:
                raise Unusable(
                    f"contains UTF-8 that was read as {encoding}, with letters lost; save the original again"
                )
    if readings:
        encoding, (meant, share) = max(readings.items(), key=lambda item: item[1][1])
        if share < LEAST_REPAIRED:
            meant, share = _read_as_utf8(text, _TABLES[encoding], _QUOTE)
        if share:
            meant, _ = repaired(meant)  # it may have happened twice
            is_arabic = share < 1 and encoding == "windows-1252" and _ARABIC.search(meant)
            left = len(_LEADS[encoding].findall(meant)) if is_arabic else 0
            lost = f"; {left} {'letter was' if left == 1 else 'letters were'} lost" if left else ""
            return (
                meant,
                f"was UTF-8 that was read as {encoding}; repaired, compare it with the original{lost}",
            )
    if len(_WESTERN.findall(text)) > LEAST_LOST * len(text) and _is_western_gibberish(text):
        as_arabic = {name: _as(text, code) for name, code in _ARABIC_CODES}
        name = max(as_arabic, key=lambda name: _like_arabic(as_arabic[name]))
        if _like_arabic(as_arabic[name]):
            return as_arabic[
                name
            ], f"was {name} that was read as Latin-1; repaired, compare it with the original"
    return text, ""


def _read_as_utf8(text: str, table: Mapping[int, int], pattern: re.Pattern[str]) -> tuple[str, float]:
    """The text with its misread characters repaired, and their share of those that can be misread ones."""
    as_bytes = text.translate(table)
    pieces: list[str] = []
    at = explained = 0
    for match in pattern.finditer(as_bytes):
        char = match.group().encode("latin-1").decode("utf-8", "replace")
        if _PLAUSIBLE.fullmatch(char):
            pieces += [text[at : match.start()], char]
            at = match.end()
            explained += len(match.group())
    if not explained:
        return text, 0.0
    return "".join([*pieces, text[at:]]), explained / len(_HIGH.findall(as_bytes))


def _is_western_gibberish(text: str) -> bool:
    """Whether most words consist of accented letters alone, as in no language."""
    words = _WORD.findall(text)
    strange = sum(len(_WESTERN.findall(word)) > LEAST_STRANGE * len(word) for word in words)
    return strange >= LEAST_WORDS and 2 * strange > len(words)


def _as(text: str, encoding: str) -> str:
    """A text that was read as Latin-1 or windows-1252, in another encoding of one byte a letter."""
    return "".join(
        bytes([value]).decode(encoding, "replace")
        if 0x80 <= (value := _WINDOWS_1252.get(ord(char), ord(char))) <= 0xFF
        else char
        for char in text
    )


def _like_arabic(text: str) -> int:
    """How many words are frequent in Arabic or have its article; 0 if most are not in Arabic letters."""
    words = _WORD.findall(text)
    if sum(_ARABIC.match(word) is not None for word in words) <= LEAST_STRANGE * len(words):
        return 0
    return 1 + sum(_FREQUENT.match(word) is not None for word in words)
