"""Text from outside → HTML that can do no harm, and the way a paragraph runs."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Literal

from rag import Language

# Embeddings, overrides and isolates. A stray one can turn a whole line round, so that "100" reads "001".
_BIDI_CONTROL = re.compile("([\u202a-\u202e\u2066-\u2069])")

_OTHER_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def safe(text: str) -> str:
    """``text`` as HTML text: no markup, no effect on the direction of what is around it.

    Bidirectional controls are kept, so that the text copied from the page equals the article's, but in
    an element that is not displayed: there they take no part in the ordering of the line.
    """
    escaped = html.escape(_OTHER_CONTROL.sub("\ufffd", text)).replace("\r", "&#13;")
    return _BIDI_CONTROL.sub(r'<span class="control" hidden>\1</span>', escaped)


def attribute(text: str) -> str:
    """``text`` for use between the double quotes of an attribute, without bidirectional controls."""
    return html.escape(_OTHER_CONTROL.sub("\ufffd", _BIDI_CONTROL.sub("", text)))


def direction(text: str) -> Literal["rtl", "ltr"]:
    """The way a paragraph runs: that of most of its letters.

    Not ``dir="auto"``, which goes by the first letter and turns «CNN تقول …» round.
    """
    classes = [unicodedata.bidirectional(character) for character in text]
    right = sum(kind in ("R", "AL") for kind in classes)
    return "rtl" if right > classes.count("L") else "ltr"


def language_of(text: str) -> Language:
    """The language that most letters of ``text`` belong to."""
    return "ar" if direction(text) == "rtl" else "en"


def flow(text: str) -> str:
    """The ``dir`` and ``lang`` attributes for an element that holds ``text``."""
    return f'dir="{direction(text)}" lang="{language_of(text)}"'


QUOTATION = re.compile(r"(?<=[“«]).+(?=[”»])", re.DOTALL)
"""What stands between the outermost quotation marks; an article's sentence may hold more of them."""


def framed(text: str, language: Language) -> str:
    """The ``dir`` and ``lang`` attributes for an answer's line: those of what stands round its quotation.

    A long quotation in the other script would turn the line of words that introduce it.

    Args:
        text: The line.
        language: The answer's: of a line that has no letters but those that it quotes.
    """
    frame = QUOTATION.sub("", text)
    return flow(frame) if any(char.isalpha() for char in frame) else spoken(language)


def spoken(language: Language) -> str:
    """The ``dir`` and ``lang`` attributes for words of the page itself."""
    return f'dir="{"rtl" if language == "ar" else "ltr"}" lang="{language}"'
