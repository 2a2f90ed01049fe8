"""What a model wrote → parts: what is said, by which sentences, and in which words of theirs.

The adapted model (prompts/adapted.txt asks for it, train/ teaches it) names its sentence first:

    [2] 308                              the sentence that says it, then the answer
    [2] إريك كوريلا = Erik Kurilla        from a sentence in another language first its own words
    [1] 308 [4] 318                      two sentences that differ
    [0]                                  no sentence says it

Any other model sets markers behind what it says, and says in words that the evidence does not hold it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.language.sentences import sentences
from rag.language.text import is_arabic
from rag.records import Language

QUOTED = " = "
"""Between a sentence's own words and the answer that they make in another language."""

MARKER = re.compile(r"\s*\[\s*(\d+(?:\s*[,،]\s*\d+)*)\s*\]")
"""A citation marker in a draft: [2], [2,3] or [2، 3], with the white space before it."""

_SIDES = re.compile(r"((?:\[\s*\d+(?:\s*[,،]\s*\d+)*\s*\]\s*)+)([^\[]*)")
"""In a draft that names sentences first: markers, and what is said by them."""

_REFUSAL = re.compile(
    r"^\s*\[\s*0\s*\]|NOT[ _]FOUND|^\W*(?i:not[ _]found)\b"
    r"|(?i:\bnot (?:\w+ )?(?:mentioned|stated|specified|given|provided|named) in the "
    r"(?:evidence|sentences|articles|text)\b)"
    r"|(?:لا|لم) (?:تذكر|يذكر|تذكره|تذكرها) (?:الجمل|المقالات|الأدلة|النصوص)"
)
"""In capitals anywhere, else only where it speaks of the evidence: a boat may well be not found."""

_LEADING = re.compile(r"\s*(\[|$)")
_MARKS = re.compile(r"\[[\d\s,،]*(?:\]\s*|$)")
"""Markers, the last one perhaps not complete yet, and the white space behind them."""

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of a reply."""

    text: str
    """What is said, without markers."""
    marks: tuple[int, ...]
    """Numbers of the sentences that it names, in order; empty where it names none."""
    words: str = ""
    """The sentence's own words that ``text`` puts into another language; empty where none are told."""
    whole: bool = False
    """Not the model's: the named sentence is to be quoted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply, taken apart."""

    parts: tuple[Part, ...]
    """In order; empty where nothing is said."""
    refused: bool
    """It says that the evidence does not hold the answer."""
    sides: bool = False
    """The parts are answers from sentences that differ, not sentences of one answer."""
    phrases: bool = False
    """Sentences are named first: what is said by them is as a rule a phrase of theirs."""
    opposed: bool = False
    """One of two such sentences tells as planned what the other tells as done."""


def put(words: str, answer: str) -> str:
    """An answer behind the words of the sentence that it is taken from, or alone where they are the same."""
    return answer if not words or words == answer else f"{words}{QUOTED}{answer}"


def parse(draft: str) -> Reply:
    """Take a reply apart.

    Args:
        draft: What the model wrote, complete.
    """
    if _REFUSAL.search(draft):
        return Reply((), refused=True)
    told = _sides(draft)
    if not told:
        return Reply(tuple(Part(text, marks) for text, marks in _split(draft)), refused=False)
    parts = []
    for marks, said in told:
        words, equals, text = said.partition(QUOTED)
        if not equals or not any(char.isalnum() for char in text):
            words, text = "", words
        parts.append(Part(text.strip(), _numbers(marks), words.strip()))
    return Reply(tuple(parts), refused=False, sides=len(parts) > 1, phrases=True)


def renumbered(reply: Reply, numbers: Sequence[int]) -> Reply:
    """A reply whose markers are other numbers of the same sentences.

    Args:
        reply: Over sentences numbered by their places.
        numbers: Of the sentence at each place, from 1 to as many; a marker beyond them stays what it is.
    """
    parts = (
        dataclasses.replace(
            part, marks=tuple(numbers[n - 1] if 0 < n <= len(numbers) else n for n in part.marks)
        )
        for part in reply.parts
    )
    return dataclasses.replace(reply, parts=tuple(parts))


def readable(draft: str, language: Language) -> str:
    """What of an unfinished reply can be shown while it grows: no markers set first, no quoted words.

    A longer reply adds to what is shown, but where it turns out to have begun with words that it quotes.

    Args:
        draft: What the model has written so far.
        language: Of the answer: what begins in another script may be quoted, and waits.
    """
    if not _LEADING.match(draft):
        return draft
    shown = ""
    for side in _MARKS.split(draft.lstrip()):
        words, equals, text = side.partition(QUOTED)
        first = _LETTER.search(words)
        own = first is not None and is_arabic(first[0]) == (language == "ar")
        piece = (text if equals else words if own else "").lstrip()
        shown += (" " if shown and piece and not shown[-1].isspace() else "") + piece
    return shown


def _sides(draft: str) -> list[tuple[str, str]]:
    """Markers and what is said by them, of a draft that names its sentences first; empty for any other."""
    found = _SIDES.findall(draft) if draft.lstrip().startswith("[") else []
    told = [(marks.strip(), said.strip()) for marks, said in found]
    return told if all(any(char.isalnum() for char in said) for _, said in told) else []


def _numbers(marks: str) -> tuple[int, ...]:
    # No evidence has a number of four digits; a very long one is more than int() takes.
    return tuple(dict.fromkeys(int(n) for n in re.findall(r"\d+", marks) if len(n) < 4))


def _split(draft: str) -> list[tuple[str, tuple[int, ...]]]:
    """The draft's sentences without markers, each with the numbers of the markers that belong to it.

    A marker belongs to the sentence that it stands in or directly behind.
    """
    bare, marks = draft, []
    while match := MARKER.search(bare):  # one after the other: without its [1], [[1]2] leaves another
        marks.append((match.start(), _numbers(match[1])))
        bare = bare[: match.start()] + bare[match.end() :]
    spans = [span for span in sentences(bare) if any(c.isalnum() for c in bare[span[0] : span[1]])]
    named: list[list[int]] = [[] for _ in spans]
    for place, found in marks:
        owner = max((i for i, (start, _) in enumerate(spans) if start < place), default=0)
        if spans:
            named[owner].extend(n for n in found if n not in named[owner])
    return [(bare[start:end], tuple(ns)) for (start, end), ns in zip(spans, named, strict=True)]
