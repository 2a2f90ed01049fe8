"""What a reader makes of a file, before it is an Article; and the one way to say that a file is unusable."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.language.text import fold
from rag.loading.boilerplate import shown_lines
from rag.records import Language


class Unusable(Exception):
    """A file or a row that is skipped; the message is the reason, in a few words that tell how to mend it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An article as its file tells it: nothing guessed, nothing from the catalogue."""

    text: str
    """The text that will be shown."""
    lines: tuple[int, ...]
    """For each line of ``text`` the 1-based line of the file, see ``Loaded.lines``."""
    title: str = ""
    """Headline; empty where the file names none, so that the first line has to do."""
    outlet: str | None = None
    """Publisher."""
    published: str | None = None
    """Publication date, ISO 8601 (``2024-09-06`` or ``2024-09``)."""
    language: Language | None = None
    """Only where the file says so."""
    key: str = ""
    """What names a row within its file, whatever its place; empty for a file that is one article."""
    line: int = 0
    """1-based line of the file on which a row starts; 0 for a file that is one article."""
    sha256: str = ""
    """Hex digest of a row's content; empty for a file that is one article, where the file's own is meant."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was left out, or read with a loss."""

    reason: str
    """What and why, in a few words that tell how to mend it."""
    line: int = 0
    """1-based line of the file; 0 where the whole file is meant."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader gives: the articles of a file and what it could not use."""

    drafts: tuple[Draft, ...]
    """One for most files, one a row for collections."""
    notes: tuple[Note, ...] = ()
    """What was left out."""


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and halves of characters (JSON can spell both) cannot be stored as UTF-8 or shown."""


def storable(text: str) -> str:
    """``text`` with U+FFFD for what no file and no page can hold; its length does not change."""
    return _UNSTORABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """``text`` as a title or a name: white space, line breaks included, is one space."""
    return " ".join(storable(text).split())


def body(raw: str) -> tuple[str, tuple[int, ...]]:
    """The text of an article without what surrounds it, and for each line its 1-based line in ``raw``.

    Raises:
        Unusable: Nothing that could be read is left.
    """
    text, lines = shown_lines(storable(raw))
    if not any(char.isalnum() for char in text):
        raise Unusable("holds no text")
    return text, lines


def headed(title: str, text: str, lines: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Text and lines with the headline on top, as in a file of plain text, unless it stands there already.

    A headline often says what the text does not repeat; only what is in the text can be found and cited.

    Args:
        title: The headline, one line; may be empty.
        text: The article, not empty.
        lines: Its lines, one number each; the headline takes the first one's.
    """
    wanted = fold(title)
    if not wanted or fold(text.split("\n", 1)[0]).startswith(wanted):
        return text, lines
    return f"{title}\n{text}", (lines[0], *lines)
