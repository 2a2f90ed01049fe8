"""Reads HTML in the field of a row as text: tags become line breaks, entities their characters.

Tables and feeds carry fragments of pages. They are read here with two patterns and no parser, as a row is not
parsed in the sandbox.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|"
    "header|hr|html|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = (
    "a|abbr|acronym|b|big|bdi|bdo|button|cite|code|del|dfn|em|embed|font|i|img|input|ins|kbd|label|mark|meta|"
    "picture|q|s|small|source|span|strike|strong|sub|sup|time|tt|u|var|wbr|link|video|audio|object|param"
)
_UNSEEN = "script|style|noscript|template|iframe|svg|head|title|textarea|select"

_TAG = re.compile(
    rf"<(/?)({_BLOCKS}|{_INLINE}|{_UNSEEN})(?=[\s/>])[^<>]*>|<!--|<!doctype[^<>]*>|<!\[CDATA\[|\]\]>",
    re.IGNORECASE,
)
_BLOCK = re.compile(_BLOCKS, re.IGNORECASE)
_CELL = re.compile("t[dh]", re.IGNORECASE)
_SKIPPED = re.compile(_UNSEEN, re.IGNORECASE)

_IS_MARKUP = re.compile(
    rf"<(?:{_BLOCKS})(?=[\s/>])[^<>]*>|</(?:{_INLINE}|{_UNSEEN})\s*>|<(?:img|a)\s[^<>]*>", re.IGNORECASE
)
"""What text that only speaks of tags ("the <b> tag") hardly contains."""

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
"""With its semicolon: without it, ``?a=1&copy=2`` would contain a copyright sign."""

_LITERAL_BREAK = re.compile(
    r"(?<!\b[A-Za-z]:)(?:(?<=[.!?؟»”\")\],،؛;\s])(?:\\r)?\\n|(?:\\r)?\\n(?=\\[nr]|[^a-z]|$))"
)
"""A line break written as a backslash and a letter, but not the beginning of a name in ``C:\\data\\news``."""

_SPACE = re.compile(r"\s+")
ROUNDS = 2
"""Entities may be escaped twice: ``&amp;#8211;`` and ``&lt;p&gt;``."""


def plain(value: str) -> tuple[str, tuple[int, ...]]:
    """A field as text, and for each line of the text its 1-based line in ``value``.

    A field without markup, entities and written-out line breaks is returned unchanged.
    """
    lines = [(line, number) for number, line in enumerate(re.split("\r\n?|\n", value), 1)]
    if _IS_MARKUP.search(value):
        lines = list(_unmarked(value))
    elif len(lines) == 1 and "\\n" in value:
        lines = [(line, 1) for line in _LITERAL_BREAK.split(value)]
    elif not _ENTITY.search(value):
        return value, tuple(number for _, number in lines)
    lines = [(_unescaped(line), number) for line, number in lines]
    again = "\n".join(line for line, _ in lines)
    if _IS_MARKUP.search(again) and not _IS_MARKUP.search(value):  # the markup itself was escaped
        lines = [(_unescaped(line), lines[number - 1][1]) for line, number in _unmarked(again)]
    return "\n".join(line for line, _ in lines), tuple(number for _, number in lines)


def _unescaped(text: str) -> str:
    for _ in range(ROUNDS):
        text = _ENTITY.sub(lambda match: html.unescape(match.group()).replace("\xa0", " "), text)
    return text


def _unmarked(source: str) -> Iterator[tuple[str, int]]:
    """The lines of a fragment of HTML, each with the line of the source on which it begins."""
    line, begun, number, at, unseen = "", 1, 1, 0, ""
    for match in _TAG.finditer(source):
        if match.start() < at:  # within a comment
            continue
        if not unseen:
            line, begun = _joined(line, source[at : match.start()], begun, number)
        number += source.count("\n", at, match.end())
        at = match.end()
        if match.group() == "<!--":
            end = source.find("-->", at)
            number += source.count("\n", at, max(at, end))
            at = len(source) if end < 0 else end + 3
        closing, tag = match[1], (match[2] or "").lower()
        if unseen:
            unseen = "" if closing and tag == unseen else unseen
        elif _SKIPPED.fullmatch(tag):
            unseen = "" if closing else tag
        elif _CELL.fullmatch(tag):
            line += " " if line.strip() and line[-1] != " " else ""
        elif _BLOCK.fullmatch(tag) and line.strip():
            yield line.strip(), begun
            line = ""
    if not unseen:
        line, begun = _joined(line, source[at:], begun, number)
    if line.strip():
        yield line.strip(), begun


def _joined(line: str, piece: str, begun: int, number: int) -> tuple[str, int]:
    """A line with a piece of text added, and the source line on which it begins."""
    if not line.strip() and piece.strip():
        begun = number + piece.count("\n", 0, len(piece) - len(piece.lstrip()))
    return line + _SPACE.sub(" ", piece), begun
