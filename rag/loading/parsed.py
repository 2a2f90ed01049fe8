"""The results of the format readers, and the exception for a file that cannot be used.

A ``ParsedArticle`` becomes an ``Article`` in ``rag.loading.articles``, which adds an id and the
metadata of the catalogue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.language.text import fold
from rag.loading.boilerplate import shown_lines
from rag.records import Language


class Unusable(Exception):
    """A file or a row is skipped. The message is the reason and how to fix it, in a few words."""


@dataclass(frozen=True, slots=True)
class ParsedArticle:
    """An article with what its file says about it: nothing is guessed or taken from the catalogue."""

    text: str
    """The text of the article without boilerplate."""
    lines: tuple[int, ...]
    """For each line of ``text`` its 1-based line number in the file, see ``Loaded.lines``."""
    title: str = ""
    """Headline; empty if the file has none, in which case the first line becomes the title."""
    outlet: str | None = None
    """Publisher; None if the file does not name one."""
    published: str | None = None
    """Publication date, ISO 8601 (``2024-09-06`` or ``2024-09``); None if the file has none."""
    language: Language | None = None
    """Language; None if the file does not name it."""
    key: str = ""
    """Identifies a row within its file independently of its position; empty for a file with one article."""
    line: int = 0
    """1-based line of the file on which a row begins; 0 for a file with one article."""
    sha256: str = ""
    """Hex digest of the content of a row; empty for a file with one article, whose own digest is used."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not read, or read with a loss."""

    reason: str
    """What was lost, why, and how to fix it, in a few words."""
    line: int = 0
    """1-based line of the file; 0 for the file as a whole."""
    added: bool = False
    """Whether the article was added all the same, so that this is a remark on it."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The articles of a file and notes on what could not be read."""

    articles: tuple[ParsedArticle, ...]
    """One for most formats; one for each row of a collection."""
    notes: tuple[Note, ...] = ()
    """What was not read, or read with a loss."""


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates (JSON can encode both) cannot be stored as UTF-8 or shown."""


def storable(text: str) -> str:
    """``text`` with U+FFFD for characters that cannot be stored; its length does not change."""
    return _UNSTORABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """``text`` as a title or a name: each run of white space, including line breaks, becomes one space."""
    return " ".join(storable(text).split())


def body(raw: str) -> tuple[str, tuple[int, ...]]:
    """The text of an article without boilerplate, and for each line its 1-based line number in ``raw``.

    Raises:
        Unusable: No letter or digit is left.
    """
    text, lines = shown_lines(storable(raw))
    if not any(char.isalnum() for char in text):
        raise Unusable("contains no text")
    return text, lines


def headed(title: str, text: str, lines: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """``text`` and ``lines`` with the headline as the first line, unless the text already begins with it.

    A headline often contains facts that the text does not repeat, and only the text can be found and cited.
    It gets the line number of the first line.
    """
    folded = fold(title)
    if not folded or fold(text.split("\n", 1)[0]).startswith(folded):
        return text, lines
    return f"{title}\n{text}", (lines[0], *lines)
