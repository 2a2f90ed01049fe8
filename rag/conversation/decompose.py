"""A compound question → its parts: "When do they leave, and which bases do they keep?".

A small model answers one part and ignores the other, and one search finds the sentences for one of them. A
question is split only where its own words show the parts: a second question word after "and" or a question
mark. A later part that depends on the one before it is asked together with it: "When do they leave? Which
bases do they keep?".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.conversation.rewrite import Standalone, is_fragment, points_back
from rag.language.text import detect_language
from rag.language.translation.lexicon import infinitive
from rag.language.translation.reader import shipped
from rag.language.translation.tables import phrase_at, units
from rag.language.translation.words import words_of
from rag.language.word_classes import AUXILIARIES, QUESTION_WORDS

MOST = 3
"""Most parts of a question; each takes as long as a question."""

SHORT_PART = 3
"""Most words of a part that is cut off ahead of a longer one only at a comma: in "how many died and how many
were hurt in the attack" both mean the attack."""

_WH = "|".join(sorted(QUESTION_WORDS))
_AUX = "|".join(sorted(AUXILIARIES - {"be", "am", "been", "being", "cannot"}))
_BEFORE = r"(?:(?:in|on|at|by|since|until|from|to|for|with|under|of)\s+)?"
_PRONOUN = r"(?:they|it|he|she|this|that|these|those|there)"

_ENGLISH = re.compile(
    rf"(?:\s*[,;?.]\s*|\s+)(?:and|but|or)\s+(?:also\s+|then\s+)?"
    rf"(?={_BEFORE}(?:who|whom|whose|what|which|how\s+(?:many|much|long|far|often))\b"
    rf"|{_BEFORE}(?:when|where|why|how)\s+(?:{_AUX})\b)"
    rf"|\s*[,;?]\s*(?:and|but|or)\s+(?=(?:{_AUX})\s+{_PRONOUN}\b)"
    rf"|\s*\?\s+(?=(?:{_BEFORE}(?:{_WH})|{_AUX})\b)",
    re.IGNORECASE,
)
"""Where an English question may be cut."""

_OPENING = re.compile(rf"(?:and\s+|but\s+|so\s+)?(?:{_BEFORE}(?:{_WH})|{_AUX})\b", re.IGNORECASE)
_ALREADY = re.compile(r"هل\s+\S+\s+(?:الأمر|بالفعل|فعلا)\s*؟")
"""هل تم بالفعل؟ (have they already?), which is about nothing without the part before it."""
_SUBJECT = re.compile(
    rf"(?:(?:which|what|whose)\s+(?:(?!(?:{_AUX})\b)\w+\s+){{2,3}})(?!(?:{_AUX})\b)", re.IGNORECASE
)
"""A question that asks for its subject: no auxiliary follows what is asked for."""
_EMBEDDED = re.compile(rf"\b(?:{_WH})\b", re.IGNORECASE)
_SAYING = re.compile(
    r"\b(?:say|says|said|tell|tells|told|know|knows|ask|asks|asked|explain\w*|describe\w*|report\w*)\b",
    re.IGNORECASE,
)
"""A question word after one of these may begin an indirect question: "what did he say about who will
pay?"."""

_ASKING = r"(?:متى|متي|[اأ]ين|كم|هل|كيف|(?:[لبمع]|في)?ماذا|مم|بم|فيم|[اأ]يهما|[اأ]يّ?)"
_PREPOSITION = r"(?:(?:في|منذ|[إا]لى|حتى|من|على|بحلول|عن)\s+)?"
_ARABIC = re.compile(
    rf"\s*[،؛,?؟]?\s+و(?={_PREPOSITION}{_ASKING}\s)"
    r"|\s*[،؛,?؟]\s*و?(?=(?:من|ما|ماذا)\s)"
    r"|\s+و(?=ما\s+(?!(?:[إا]ذا|زال|زالت|لم|بعد|يلي|شابه)\s))"
    r"|\s*[?؟]\s+(?=\w)"
)
"""Where an Arabic question may be cut. ومن is "and from" more often than "and who", so it needs a comma
before it, except in a question that itself begins with من."""
_WHO = re.compile(r"\s+و(?=من\s+(?:كان\w*|هو|هي|هم|الذي\w*|[يت]\w{2,}|قال\w*)\s)")

_ARABIC_OPENING = re.compile(rf"[وف]?{_PREPOSITION}(?:{_ASKING}|من|ما|قارن\w*)\s")

_SIDE = r"[^\s,،؟?]+(?:\s+[^\s,،؟?]+){0,7}?"
_EACH = re.compile(
    r"(?P<asks>.+?)\s+(?P<aux>do|did|does|are|were|have|has|had|will|would)\s+"
    rf"(?P<a>{_SIDE})\s+and\s+(?P<b>{_SIDE})\s+each\s+"
    r"(?!(?:day|week|month|season|year|time|other)\b)(?P<rest>[^?]+)",
    re.IGNORECASE,
)
_SINGULAR = {"do": "does", "are": "is", "were": "was", "have": "has"}
_ABOUT = r"(?:عن|في|على|من|[إا]لى|بشأن|حول|لدى|بعد|قبل|منذ|خلال|ضد)\s"
_EACH_ARABIC = re.compile(
    rf"(?P<asks>\S+\s.+?)\s+كل(?:ا|اً)?\s+من\s+(?P<a>{_SIDE})\s+"
    rf"و(?P<b>[^\s،؟?]+(?:\s+(?!{_ABOUT})[^\s،؟?]+)*)(?P<rest>[^؟?]*)"
)
"""A question about two things at once ("each", كل من), up to place, time or topic."""
_PAST = re.compile(
    r"(?:was|were) .+|\w{2,}ed|left|came(?: out)?|went|took .+|fell|won|lost|met|paid|fled|died"
)
"""Meanings of Arabic verbs in the past."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question."""

    own: str
    """The part in its own words."""
    asked: str
    """The part as it is put to the model, with what it depends on."""
    searched: str
    """What its evidence is searched with: the whole question follows it, as a sentence may answer both."""
    about: str = ""
    """What its evidence has to mention; empty where that is not known."""
    follow_up: str = ""
    """A follow-up as it is put to the model, where it is searched for together with the question before it;
    empty otherwise."""


def whole(question: str) -> Part:
    """A question that is not split, as its only part."""
    return Part(question, question, question)


def decompose(question: Standalone, *, longest: int, entire: bool = False) -> tuple[Part, ...]:
    """The parts of a question; the question itself where it has only one.

    Args:
        question: As ``rewrite`` returned it.
        longest: Most characters of a part.
        entire: Never split it.
    """
    if question.asked:
        # Splitting it would answer the earlier question again.
        return (Part(question.asked, question.asked, question.text, question.about, question.asked),)
    if question.about:
        return (Part(question.text, question.text, question.text, question.about),)
    if entire:
        return (whole(question.text),)
    return parts(question.text, longest=longest)


def parts(question: str, *, longest: int) -> tuple[Part, ...]:
    """The parts of a question; the question itself where it has only one.

    Args:
        question: A standalone question, in either language.
        longest: Most characters of a part.
    """
    arabic = detect_language(question) == "ar"
    spaced = " ".join(question.split())  # patterns with optional spaces are slow where there are thousands
    if sides := _each(spaced, arabic):
        return tuple(Part(side, side, f"{side} {question}") for side in sides)
    pieces = _cut(spaced, arabic)
    if not 1 < len(pieces) <= MOST:
        return (whole(question),)
    prompted = pieces[:1]
    for part in pieces[1:]:
        prompted.append(_with_context(prompted[-1], part, longest))
    return tuple(
        Part(piece, standalone, f"{standalone} {question}")
        for piece, standalone in zip(pieces, prompted, strict=True)
    )


def _each(question: str, arabic: bool) -> list[str]:
    """A question about two things, as a question about each; empty where it is not such a question."""
    match = (_EACH_ARABIC if arabic else _EACH).match(question)
    if not match or not (_ARABIC_OPENING if arabic else _OPENING).match(question):
        return []
    sides = [match["a"], match["b"]]
    if arabic and _is_clause(*sides):
        return []
    if arabic:
        return [f"{match['asks']} {side} {match['rest'].strip()}".strip() + "؟" for side in sides]
    aux = _SINGULAR.get(match["aux"].lower(), match["aux"])
    return [f"{match['asks']} {aux} {side} {match['rest'].strip()}?" for side in sides]


def _is_clause(first: str, second: str) -> bool:
    """Whether the sides after كل من are what everyone did: «كل من حضر الاجتماع وصوّت عليه».

    They are if the first begins with a verb, or both have unknown words where names and nouns would have an
    article or be in the tables.
    """
    word = first.split()[0]
    if _is_named(first) or phrase_at(units()["ar"], words_of(first), 0, "ar"):
        return False
    meanings = shipped().lexicon.meanings(word)
    present = word.startswith("ي") and any(infinitive(meaning) != meaning for meaning in meanings)
    verb = present or any(map(_PAST.fullmatch, meanings))
    return verb or (not meanings and len(first.split()) > 1 and not _is_named(second))


def _is_named(side: str) -> bool:
    """Whether an Arabic phrase begins with an article or a known name."""
    words, gazetteer = words_of(side), shipped().gazetteer
    known = words and (gazetteer.match(words, 0, "ar") or gazetteer.part(words[0].key, "ar"))
    return side.startswith("ال") or bool(known)


def _cut(question: str, arabic: bool) -> list[str]:
    opening = (_ARABIC_OPENING if arabic else _OPENING).match(question)
    if not opening:
        return [question]
    cuts = list((_ARABIC if arabic else _ENGLISH).finditer(question))
    if arabic and question.startswith("من "):
        cuts = sorted([*cuts, *_WHO.finditer(question)], key=lambda cut: cut.start())
    pieces, start = [], 0
    for cut in cuts:
        left, right = question[start : cut.start()], question[cut.end() :]
        if cut.start() < start or not _is_question(left, arabic):
            continue
        if not re.search(r"[,،;؛?؟.]", cut[0]) and len(left.split()) <= SHORT_PART < len(right.split()):
            continue
        pieces.append(left)
        start = cut.end()
    pieces.append(question[start:])
    if pieces[1:] and not _is_question(pieces[-1], arabic):
        pieces[-2:] = [question[question.index(pieces[-2]) :]]
    mark = "؟" if arabic else "?"
    return [f"{part[:1].upper()}{part[1:]}{mark}" for part in map(_trimmed, pieces)]


def _with_context(before: str, part: str, longest: int) -> str:
    """A part as it is put to the model: after the one before it, where it depends on that."""
    # "Which body said it would not go": "it" is the body.
    if _SUBJECT.match(part) or not (points_back(part) or is_fragment(part) or _ALREADY.fullmatch(part)):
        return part
    both = f"{before} {part}"
    return both if len(both) <= longest else part


def _is_question(part: str, arabic: bool) -> bool:
    """Whether a piece can be a question of its own."""
    words = part.split()
    if len(words) < 2:  # "when and where did it happen" is one question
        return False
    return arabic or not (_SAYING.search(part) and _EMBEDDED.search(" ".join(words[1:])))


def _trimmed(part: str) -> str:
    return part.strip(" \t\n،؛,;.?؟")
