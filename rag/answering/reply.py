"""The text of a model's reply → statements, each with the sentences that it cites.

The adapted model cites its sentence first (prompts/adapted.txt asks for this form, train/ teaches it):

    [2] 308                              the number of the sentence, then the answer
    [2] إريك كوريلا = Erik Kurilla        for a sentence in another language, its own words come first
    [1] 308 [4] 318                      two sentences that differ
    [0]                                  no sentence contains the answer

Any other model puts markers after its sentences, and says in words that the evidence does not contain the
answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answering.draft import Draft, Statement
from rag.language.sentences import sentences
from rag.language.text import is_arabic
from rag.records import Evidence, Language

TRANSLATES = " = "
"""Separates a sentence's own words from their translation."""

MARKER = re.compile(r"\s*\[\s*(\d+(?:\s*[,،]\s*\d+)*)\s*\]")
"""A citation marker in a reply: [2], [2,3] or [2، 3], with the white space before it."""

_SIDES = re.compile(r"((?:\[\s*\d+(?:\s*[,،]\s*\d+)*\s*\]\s*)+)([^\[]*)")
"""In a reply that cites sentences first: markers, and the text that follows them."""

_REFUSAL = re.compile(
    r"^\s*\[\s*0\s*\]|NOT[ _]FOUND|^\W*(?i:not[ _]found)\b"
    r"|(?i:\bnot (?:\w+ )?(?:mentioned|stated|specified|given|provided|named) in the "
    r"(?:evidence|sentences|articles|text)\b)"
    r"|(?:لا|لم) (?:تذكر|يذكر|تذكره|تذكرها) (?:الجمل|المقالات|الأدلة|النصوص)"
)
"""NOT FOUND in capitals anywhere; other phrases only where they speak of the evidence, as an article may
itself report that something was not found."""

_LEADING = re.compile(r"\s*(\[|$)")
_MARKERS = re.compile(r"\[[\d\s,،]*(?:\]\s*|$)")
"""Markers, the last of which may be incomplete, and the white space after them."""

_LETTER = re.compile(r"[^\W\d_]")


def put(words: str, answer: str) -> str:
    """The words of the sentence and then the answer, or the answer alone where they are the same."""
    return answer if not words or words == answer else f"{words}{TRANSLATES}{answer}"


def parse(text: str, question: str, evidence: Sequence[Evidence], shown: Sequence[Evidence]) -> Draft:
    """A draft of a reply.

    Args:
        text: What the model wrote, complete.
        question: As it was put to the model.
        evidence: What the model was shown, most useful first.
        shown: The same in the order in which the model read it: its markers are places in it.
    """
    if _REFUSAL.search(text):
        return Draft(question, tuple(evidence), refused=True)
    sides = _sides(text)
    if not sides:
        statements = tuple(Statement(said, _cited(places, shown)) for said, places in _sentences(text))
        return Draft(question, tuple(evidence), statements)
    statements = tuple(_translated(said, _cited(_places(markers), shown)) for markers, said in sides)
    relation = "sides" if len(statements) > 1 else "sentences"
    return Draft(question, tuple(evidence), statements, relation=relation, phrases=True)  # type: ignore[arg-type]


def readable(text: str, language: Language) -> str:
    """The part of an unfinished reply that can be shown while it grows: no leading markers, no quoted words.

    A longer reply only adds to it, except where the reply turns out to have begun with a quotation.

    Args:
        text: What the model has written so far.
        language: Of the answer: text that begins in another script may be a quotation, and is held back.
    """
    if not _LEADING.match(text):
        return text
    shown = ""
    for side in _MARKERS.split(text.lstrip()):
        words, equals, said = side.partition(TRANSLATES)
        first = _LETTER.search(words)
        own = first is not None and is_arabic(first[0]) == (language == "ar")
        piece = (said if equals else words if own else "").lstrip()
        shown += (" " if shown and piece and not shown[-1].isspace() else "") + piece
    return shown


def _translated(said: str, cited: tuple[Evidence, ...]) -> Statement:
    words, equals, text = said.partition(TRANSLATES)
    if not equals or not any(char.isalnum() for char in text):
        words, text = "", words
    return Statement(text.strip(), cited, words.strip())


def _cited(places: Sequence[int], shown: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(shown[place - 1] for place in places if 0 < place <= len(shown))


def _sides(text: str) -> list[tuple[str, str]]:
    """Markers, each with the text that follows, of a reply that cites first; empty for any other reply."""
    found = _SIDES.findall(text) if text.lstrip().startswith("[") else []
    sides = [(markers.strip(), said.strip()) for markers, said in found]
    return sides if all(any(char.isalnum() for char in said) for _, said in sides) else []


def _places(markers: str) -> tuple[int, ...]:
    # No evidence has a number of four digits, and int() refuses very long ones.
    return tuple(dict.fromkeys(int(n) for n in re.findall(r"\d+", markers) if len(n) < 4))


def _sentences(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """The reply's sentences without markers, each with the places of the markers that belong to it."""
    bare, markers = text, []
    while match := MARKER.search(bare):  # one at a time: removing [1] from [[1]2] leaves another marker
        markers.append((match.start(), _places(match[1])))
        bare = bare[: match.start()] + bare[match.end() :]
    spans = [found for found in sentences(bare) if any(c.isalnum() for c in bare[found[0] : found[1]])]
    named: list[list[int]] = [[] for _ in spans]
    for at, places in markers:
        owner = max((i for i, (start, _) in enumerate(spans) if start < at), default=0)
        if spans:
            named[owner].extend(place for place in places if place not in named[owner])
    return [(bare[start:end], tuple(places)) for (start, end), places in zip(spans, named, strict=True)]
