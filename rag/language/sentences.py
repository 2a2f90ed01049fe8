"""Splits Arabic and English articles into sentences.

Rules are used instead of a model: their offsets are exact, they are fast enough to run at every build, and
the reason for each decision can be read here.
"""

from __future__ import annotations

import re

from rag.language.calendar_words import MONTH_ABBREVIATIONS, WEEKDAY_ABBREVIATIONS
from rag.language.word_classes import closed

SEMICOLON_AFTER = 200
"""Characters. ؛ separates clauses and ends a sentence only if the sentence is already this long: evidence
should be short, but a clause of a short sentence means little on its own."""

QUOTE_UP_TO = 400
"""Characters. A quotation of several sentences up to this length is kept together with its introduction; the
sentences of a longer one are split."""

LONGEST = 600
"""Characters. A longer sentence is cut at a comma or semicolon near its middle."""

LONGEST_UNBROKEN = 1200
"""Characters. A longer sentence without a comma is cut at white space."""

_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")

_INVISIBLE = "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"

_TERMINATOR = re.compile(rf"[.!?؟…؛۔]+[{_INVISIBLE}]*")

_MARKS = '"“”„‟'
"""Double quotation marks, treated as the same sign: articles contain “…”, ”…“ and ”…”, so only an odd count
shows that a quotation is open."""

_CLOSER = re.compile(rf"[»)\]}}’'›{_MARKS}.!?؟…{_INVISIBLE}]|\[\d+\]")

_BEFORE_NEXT = re.compile(rf"[\s«(\[{{‘'‹{_MARKS}{_INVISIBLE}–—-]*")

_PRECEDING = re.compile(r"(?:\w\.)*\w+$")

_ERA = re.compile(r"\d\s*(?:م|هـ?)$")
"""``2003 م.`` and ``1445 هـ.``: a letter after a year is an era, and may end a sentence."""


_TITLES = closed(
    "mr mrs ms dr prof st gen col lt sgt capt maj cpl adm rep sen gov pres rev hon vs no nos fig vol"
)
"""Never at the end of a sentence; ``no`` counts as an abbreviation only before a digit."""

_ABBREVIATIONS = (
    closed("jr sr inc ltd co corp dept est approx ca etc al") | MONTH_ABBREVIATIONS | WEEKDAY_ABBREVIATIONS
)
"""May end a sentence, as may dotted letters (U.S., p.m.); the next word decides."""

_STARTERS = closed(
    "the a an he she it they we you i this that these those there but and in on at for from after before "
    "when while if as his her its their our my your however meanwhile also another some many most both"
)
"""English words that begin a new sentence if they are capitalised after an abbreviation."""

_CUT = re.compile(r"[؛;](?=\s)|(?<!\d)[،,]|[،,](?!\d)")
"""Positions where a sentence that is too long may be cut, but not inside 1,000."""

_SPACE = re.compile(r"\s+")


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of ``text`` as half-open spans, in order, without the white space around them.

    Spans never overlap and are never empty, and only white space is outside of them. A newline always
    ends a sentence. Not split are: ``2.5 ألف``; ``U.S.``, ``د. أحمد``, ``J. Biden``, ``No. 5``;
    ``cnn.com``; the number of a list item; an ellipsis inside a sentence; a quotation of up to
    ``QUOTE_UP_TO`` characters. Sentences of more than ``LONGEST`` characters are cut at commas.
    """
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        for start, end in _split_line(text, line.start(), line.end()):
            spans.extend(_shortened(text, start, end))
    return spans


def _split_line(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start, stop = _trim(text, start, stop)
    at = start
    has_words, seen = False, start
    while match := _TERMINATOR.search(text, at, stop):
        at = match.end()
        end = _with_closers(text, start, at, stop)
        if not _ends_here(text, start, match, end, stop):
            continue
        at = end
        has_words = has_words or any(char.isalnum() for char in text[seen:end])
        seen = end
        if has_words:
            spans.append(_trim(text, start, end))
            start, _ = _trim(text, end, stop)
            has_words = False
    if start < stop:
        # Remaining punctuation at the end belongs to the sentence before it.
        if spans and not any(char.isalnum() for char in text[start:stop]):
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _open_quote(text: str, start: int, end: int) -> bool:
    return sum(text.count(mark, start, end) for mark in _MARKS) % 2 == 1


def _with_closers(text: str, start: int, at: int, stop: int) -> int:
    """One past the closing quotes, brackets and further terminators that follow a terminator."""
    while match := _CLOSER.match(text, at, stop):
        # A quotation mark right after a terminator opens the next sentence if no quotation is open.
        opens = match.group() in _MARKS and at - start <= LONGEST and not _open_quote(text, start, at)
        if opens and match.end() < stop and not text[match.end()].isspace():
            break
        at = match.end()
    return at


def _ends_here(text: str, start: int, match: re.Match[str], end: int, stop: int) -> bool:
    signs = match.group().rstrip("\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff")
    if end >= stop:
        return True
    following = _BEFORE_NEXT.match(text, end, stop)
    after = following.end() if following else end
    upcoming = text[after : after + 1]
    if upcoming in tuple(",،؛;:"):  # “متى؟”، قال
        return False
    if text[end].isspace():
        if upcoming.islower() and upcoming < "\u0250":
            return False  # e.g. five; “Leave?” he asked; Yahoo! is
    elif not (_arabic(upcoming or " ") and _missing_space(text, match.start(), end, after)):
        return False  # 2.5, cnn.com, ?id=7
    if "؛" in signs and end - start <= SEMICOLON_AFTER and not set(signs) - {"؛"}:
        return False
    if _quote_goes_on(text, start, end, stop):
        return False
    if set(signs) <= {"."} and len(signs) == 1:
        return not _abbreviation(text, start, match.start(), text[after : after + 40])
    if set(signs) <= {".", "…"}:
        # An ellipsis ends a sentence only before a capital letter, and therefore never in Arabic.
        return upcoming.isupper()
    return True


def _missing_space(text: str, dot: int, end: int, after: int) -> bool:
    """Whether a space is missing after a full stop, as often in Arabic papers: ``الانسحاب.وقال``."""
    if dot == 0 or any(char.isspace() for char in text[end:after]):
        return False
    if not text[dot - 1].isalnum() and end - dot == 1:
        return False
    word = _PRECEDING.search(text, max(0, dot - 40), dot)
    return word is None or len(word.group().rsplit(".", 1)[-1]) > 1  # but ص.ب and د.محمد


def _arabic(char: str) -> bool:
    return "\u0600" <= char <= "\u06ff" and char.isalpha()


def _quote_goes_on(text: str, start: int, end: int, stop: int) -> bool:
    """Whether a quotation is open at ``end`` and closes before the sentence is too long."""
    limit = min(stop, start + QUOTE_UP_TO)
    if end >= limit:
        return False
    if _open_quote(text, start, end):
        return any(text.find(mark, end, limit) >= 0 for mark in _MARKS)
    if text.count("«", start, end) > text.count("»", start, end):
        return text.find("»", end, limit) >= 0
    if text.count("(", start, end) > text.count(")", start, end):
        return text.find(")", end, limit) >= 0
    return False


def _abbreviation(text: str, start: int, dot: int, rest: str) -> bool:
    """Whether the single full stop at ``dot`` belongs to the word before it."""
    preceding = _PRECEDING.search(text, max(start, dot - 40), dot)
    if preceding is None:
        return False
    word = preceding.group()
    first = re.match(r"\w+", rest)
    upcoming = first.group() if first else ""
    if preceding.start() == start and ((word.isdigit() and len(word) <= 3) or len(word) == 1):
        return True  # 1. first item, أ. first item
    letters = word.replace(".", "")
    if _arabic(letters[-1]):
        dotted = all(len(part.replace("ـ", "")) == 1 for part in word.split("."))
        return dotted and not _ERA.search(text, max(start, dot - 12), dot)
    low = word.casefold()
    if low in ("no", "nos", "fig", "vol"):
        return upcoming[:1].isdigit()
    if low in _TITLES:
        return True
    dotted = "." in word and all(len(part) == 1 for part in word.split("."))
    initial = len(word) == 1 and word.isupper()
    if dotted or initial or (low in _ABBREVIATIONS):
        return upcoming.casefold() not in _STARTERS and not _arabic(upcoming[:1] or " ")
    return False


def _shortened(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The span, or its parts if it is too long, cut as near the middle as punctuation allows."""
    spans: list[tuple[int, int]] = []
    pending = [(start, end)]
    while pending:
        start, end = pending.pop()
        cut = _cut(text, start, end) if end - start > LONGEST else None
        if cut is None:
            spans.append((start, end))
        else:
            pending += [_trim(text, cut, end), _trim(text, start, cut)]  # the left part is next
    return spans


def _cut(text: str, start: int, end: int) -> int | None:
    # A part of less than a tenth would mean little on its own.
    margin = (end - start) // 10
    middle = (start + end) / 2

    def distance(match: re.Match[str]) -> float:
        off = abs(match.end() - middle)
        return off / 2 if match.group() in "؛;" else off  # a semicolon is the better place

    places = list(_CUT.finditer(text, start + margin, end - margin))
    if not places and end - start > LONGEST_UNBROKEN:
        places = list(_SPACE.finditer(text, start + margin, end - margin))
    return min(places, key=distance).end() if places else None
