"""Text from outside as safe HTML, and the direction of a paragraph."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Literal

from rag.records import Language

# Embeddings, overrides and isolates. A stray one can reverse a whole line, so that "100" reads "001".
_BIDI_CONTROL = re.compile("([\u202a-\u202e\u2066-\u2069])")

_OTHER_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def safe(text: str) -> str:
    """``text`` as HTML text: without markup, and without effect on the direction of its surroundings.

    Bidirectional controls are kept in an element that is not displayed: text copied from the page equals the
    article's, but the controls do not affect the order of the line.
    """
    escaped = html.escape(_OTHER_CONTROL.sub("\ufffd", text)).replace("\r", "&#13;")
    return _BIDI_CONTROL.sub(r'<span class="control" hidden>\1</span>', escaped)


def attribute(text: str) -> str:
    """``text`` for use between the double quotes of an attribute, without bidirectional controls."""
    return html.escape(_OTHER_CONTROL.sub("\ufffd", _BIDI_CONTROL.sub("", text)))


def direction(text: str) -> Literal["rtl", "ltr"]:
    """The direction of a paragraph: that of most of its letters.

    ``dir="auto"`` uses the first letter only, which would reverse «CNN تقول …».
    """
    classes = [unicodedata.bidirectional(character) for character in text]
    right = sum(kind in ("R", "AL") for kind in classes)
    return "rtl" if right > classes.count("L") else "ltr"


def language_of(text: str) -> Language:
    """The language of most letters of ``text``."""
    return "ar" if direction(text) == "rtl" else "en"


def flow(text: str) -> str:
    """The ``dir`` and ``lang`` attributes for an element that contains ``text``."""
    return f'dir="{direction(text)}" lang="{language_of(text)}"'


QUOTATION = re.compile(r"(?<=[“«]).+(?=[”»])", re.DOTALL)
"""The text between the outermost quotation marks; an article's sentence can contain further ones."""


def framed(text: str, language: Language) -> str:
    """The ``dir`` and ``lang`` attributes for a line of an answer: those of the words around its quotation.

    A long quotation in the other script would otherwise reverse the words that introduce it.

    Args:
        text: The line.
        language: Language of the answer, used if all letters of the line are quoted.
    """
    frame = QUOTATION.sub("", text)
    return flow(frame) if any(char.isalpha() for char in frame) else spoken(language)


def spoken(language: Language) -> str:
    """The ``dir`` and ``lang`` attributes for the page's own words."""
    return f'dir="{"rtl" if language == "ar" else "ltr"}" lang="{language}"'
