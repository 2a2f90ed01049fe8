"""The language of an answer, by its letters, the English part of an English answer, and its own words.

A reader of English cannot read an Arabic quotation, even if an English phrase introduces it; such an answer
does not count as English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evals.grading.answers import Gradable
from evals.grading.matching import strip_markers
from rag.language.text import is_arabic

ENOUGH = 0.5
"""An answer is in a language if at least this share of its letters is. This allows names in the other script:
an English answer that gives the originals of two names in brackets is still above."""

QUOTED = 5
"""Words of a quoted sentence, at least."""

_MARKS = {"“": "”", "«": "»"}
"""Quotation marks that open, and what closes them; ``"`` does both."""

_LETTER = "\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff"
"""Arabic letters, without digits and punctuation."""

_TOKEN = re.compile(
    rf"(?P<arabic>[{_LETTER}]+)"
    rf"|(?P<other>[^\W\d_{_LETTER}]+)"
    r"|(?P<number>\d+(?:[.,:/\u066b\u066c-]\d+)*)"
    r"|(?P<end>[.!?;\u061f\u061b\n(){}\[\]«»“”\"])"
)
"""Words of each script, numbers, and what ends a clause."""


class _Span(NamedTuple):
    start: int
    end: int


def language_share(answer: Gradable, wanted: str) -> float | None:
    """The share of an answer's letters that are letters of a language.

    Markers and the names of cited outlets, which label a source, do not count; quotations do.

    Args:
        answer: The answer.
        wanted: ``en`` or ``ar``. What is not Arabic counts as English.

    Returns:
        0.0 to 1.0; None for an answer without a letter, such as ``900 [1]``.
    """
    plain = strip_markers(answer.text)
    for outlet in {citation.outlet for citation in answer.citations if citation.outlet}:
        plain = plain.replace(outlet, " ")
    letters = [char for char in plain if char.isalpha()]
    if not letters:
        return None
    arabic = sum(map(is_arabic, letters))
    return (arabic if wanted == "ar" else len(letters) - arabic) / len(letters)


def in_language(answer: Gradable, wanted: str) -> float | None:
    """Whether an answer is in a language: 1.0 or 0.0, by ``language_share``.

    Args:
        answer: The answer.
        wanted: ``en`` or ``ar``.

    Returns:
        None for an answer without a letter.
    """
    share = language_share(answer, wanted)
    return None if share is None else float(share >= ENOUGH)


def without_arabic(text: str, quotes: Iterable[str] = ()) -> str:
    """The part of an answer that a reader of English can read.

    Markers, quotations that are mostly Arabic, and Arabic words are removed. A number belongs to the words
    next to it in its clause: it is removed if these are all Arabic, and kept next to a word in Latin letters,
    or alone.

    Args:
        text: The answer.
        quotes: What it cites; a quote with quotation marks inside is found by it.

    Returns:
        The rest, normalised to NFKC, to be matched and not to be shown.
    """
    plain = _plain(strip_markers(text))
    for quote in sorted({_plain(quote).strip(" .") for quote in quotes}, key=len, reverse=True):
        if is_arabic(quote):
            plain = plain.replace(quote, "\n")
    return _unmixed(without_quotations(plain))


def own_words(text: str) -> str:
    """What an answer says itself: without the sentences of articles that it quotes, translated or not.

    Args:
        text: The answer. Between “ ” or « » fewer than ``QUOTED`` words are a name or a term, and stay.
    """
    kept, at = [], 0
    for span in sorted(_quotations(text)):
        if span.start < at or text[span.start] not in _MARKS:
            continue
        if len(text[span.start : span.end].split()) >= QUOTED:
            kept.append(text[at : span.start])
            at = span.end
    return "\n".join([*kept, text[at:]])


def without_quotations(text: str) -> str:
    """A text without what is mostly Arabic between quotation marks.

    Args:
        text: Marks may be nested; one without its partner is an ordinary character.
    """
    kept, at = [], 0
    for span in sorted(_quotations(text)):
        if span.start >= at and is_arabic(text[span.start : span.end]):
            kept.append(text[at : span.start])
            at = span.end
    return "\n".join([*kept, text[at:]])


def _quotations(text: str) -> list[_Span]:
    """Every pair of marks, nested ones too."""
    spans: list[_Span] = []
    opened: list[tuple[str, int]] = []
    for at, char in enumerate(text):
        closes = next((n for n in reversed(range(len(opened))) if opened[n][0] == char), None)
        if closes is not None:
            spans.append(_Span(opened[closes][1], at + 1))
            del opened[closes:]
        elif char in _MARKS or char == '"':
            opened.append((_MARKS.get(char, char), at))
    return spans


def _plain(text: str) -> str:
    # Vowel signs and invisible controls would cut an Arabic word in pieces.
    composed = unicodedata.normalize("NFKC", text)
    return "".join(char for char in composed if unicodedata.category(char) not in ("Mn", "Cf"))


def _unmixed(text: str) -> str:
    """A text without Arabic words and the numbers that belong to them."""
    tokens = list(_TOKEN.finditer(text))
    kinds = [token.lastgroup for token in tokens]
    before, after = _neighbours(kinds), _neighbours(kinds[::-1])[::-1]
    kept, at = [], 0
    for token, kind, sides in zip(tokens, kinds, zip(before, after, strict=True), strict=True):
        arabic_number = kind == "number" and "arabic" in sides and "other" not in sides
        if kind == "arabic" or arabic_number:
            kept.append(text[at : token.start()])
            at = token.end()
    return " ".join([*kept, text[at:]])


def _neighbours(kinds: Sequence[str | None]) -> list[str | None]:
    """For each token the kind of the word before it in its clause; None where there is none."""
    neighbours: list[str | None] = []
    last: str | None = None
    for kind in kinds:
        neighbours.append(last)
        if kind != "number":
            last = None if kind == "end" else kind
    return neighbours
