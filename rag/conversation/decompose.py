"""A question that asks two things, taken apart: "When do they leave, and which bases do they keep?".

A small model answers one of them and passes over the other, and one search finds the sentences of one. Split
only where the words of questions themselves show it: a second question word behind "and" or a question mark,
or two sides that are weighed (comparisons.py). What a later part leaves out is taken from the one before it,
as in a conversation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.conversation import comparisons, rewrite
from rag.conversation.grammar_english import AUXILIARIES, WH
from rag.language.text import detect_language
from rag.records import Turn

MOST = 3
"""Parts that are asked; each takes as long as a question."""

LEAST_WORDS = 3
"""Words of a part that stands alone, ahead of a longer one only behind a comma."""

_WH = "|".join(sorted(WH))
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
_BARE = re.compile(rf"(?:{_AUX})\s+{_PRONOUN}(?:\s+\w+)?\?", re.IGNORECASE)
_BARE_ARABIC = re.compile(
    r"هل\s+(?:تمّ?|حدث|حصل|جرى|وقع|تحقق|نفّ?ذ)\s+(?:ذلك|هذا|الأمر|بالفعل|ذلك\s+بالفعل|ذلك\s+فعلا)\s*؟"
)
_SUBJECT = re.compile(
    rf"(?:(?:which|what|whose)\s+(?:(?!(?:{_AUX})\b)\w+\s+){{2,3}})(?!(?:{_AUX})\b)", re.IGNORECASE
)
"""A question that asks for its subject: no auxiliary behind what is asked for."""
_EMBEDDED = re.compile(rf"\b(?:{_WH})\b", re.IGNORECASE)
_SAYING = re.compile(
    r"\b(?:say|says|said|tell|tells|told|know|knows|ask|asks|asked|explain\w*|describe\w*|report\w*)\b",
    re.IGNORECASE,
)
"""A question word behind one of these may begin what is said: "what did he say about who will pay?"."""

_ASKING = r"(?:متى|متي|[اأ]ين|كم|هل|كيف|(?:[لبمع]|في)?ماذا|مم|بم|فيم|[اأ]يهما|[اأ]يّ?)"
_PREPOSITION = r"(?:(?:في|منذ|[إا]لى|حتى|من|على|بحلول|عن)\s+)?"
_ARABIC = re.compile(
    rf"\s*[،؛,?؟]?\s+و(?={_PREPOSITION}{_ASKING}\s)"
    r"|\s*[،؛,?؟]\s*و?(?=(?:من|ما|ماذا)\s)"
    r"|\s+و(?=ما\s+(?!(?:[إا]ذا|زال|زالت|لم|بعد|يلي|شابه)\s))"
    r"|\s*[?؟]\s+(?=\w)"
)
"""Where an Arabic question may be cut. ومن is "and from" more often than "and who", and needs a comma, but in
a question that begins with من too."""
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
"""What is asked of two at once, of each alone: up to where, when or about what."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the questions that a question holds."""

    own: str
    """In its own words."""
    asked: str
    """As it stands alone: put to the model."""
    searched: str
    """What its evidence is searched with: the whole question behind it, which it leans on, as a sentence may
    answer both."""


def whole(question: str) -> Part:
    """A question that is not taken apart."""
    return Part(question, question, question)


def leaning(question: str, searched: str) -> Part:
    """A question that is not taken apart, searched for with those of the conversation that it leans on.

    Args:
        question: In its own words.
        searched: Behind the others.
    """
    return Part(question, question, searched)


def parts(question: str, *, longest: int) -> tuple[Part, ...]:
    """The questions that a question holds; itself where it is one.

    Args:
        question: As it stands alone, in either language.
        longest: Most characters of a part.
    """
    arabic = detect_language(question) == "ar"
    if weighed := comparisons.sides(question, "ar" if arabic else "en"):
        return tuple(Part(side, side, f"{side} {question}") for side in weighed)
    found = _each(question, arabic) or _cut(question, arabic)
    if not 1 < len(found) <= MOST:
        return (whole(question),)
    told: list[Turn] = []
    for part in found:
        told.append(Turn(_alone(part, told, longest), ""))
    return tuple(
        Part(own, turn.question, f"{turn.question} {question}") for own, turn in zip(found, told, strict=True)
    )


def _each(question: str, arabic: bool) -> list[str]:
    """A question that is asked of two, asked of each; empty where it is not."""
    match = (_EACH_ARABIC if arabic else _EACH).match(question.strip())
    if not match or not (_ARABIC_OPENING if arabic else _OPENING).match(question.strip()):
        return []
    sides = [match["a"], match["b"]]
    if arabic:
        return [f"{match['asks']} {side} {match['rest'].strip()}".strip() + "؟" for side in sides]
    aux = _SINGULAR.get(match["aux"].lower(), match["aux"])
    return [f"{match['asks']} {aux} {side} {match['rest'].strip()}?" for side in sides]


def _cut(question: str, arabic: bool) -> list[str]:
    opening = (_ARABIC_OPENING if arabic else _OPENING).match(question.strip())
    if not opening:
        return [question]
    cuts = list((_ARABIC if arabic else _ENGLISH).finditer(question))
    if arabic and question.strip().startswith("من "):
        cuts = sorted([*cuts, *_WHO.finditer(question)], key=lambda cut: cut.start())
    found, start = [], 0
    for cut in cuts:
        left, right = question[start : cut.start()], question[cut.end() :]
        if cut.start() < start or not _stands(left, arabic):
            continue
        # "How many died and how many were hurt in the attack": both mean the attack.
        if not re.search(r"[,،;؛?؟.]", cut[0]) and len(left.split()) <= LEAST_WORDS < len(right.split()):
            continue
        found.append(left)
        start = cut.end()
    found.append(question[start:])
    if found[1:] and not _stands(found[-1], arabic):
        found[-2:] = [question[question.index(found[-2]) :]]
    mark = "؟" if arabic else "?"
    told = [_trimmed(part) for part in found]
    return [f"{part[:1].upper()}{part[1:]}{mark}" for part in told]


def _alone(part: str, before: list[Turn], longest: int) -> str:
    """A part with what it leaves out; of "and have they?" nothing is left without the part before it."""
    if not before:
        return part
    if _BARE.fullmatch(part) or _BARE_ARABIC.fullmatch(part):
        both = f"{before[-1].question} {part}"
        return both if len(both) <= longest else part
    # "Which body said it would not go": "it" is the body.
    return part if _SUBJECT.match(part) else rewrite.standalone(part, before[-1:], longest=longest).text


def _stands(part: str, arabic: bool) -> bool:
    """Whether a piece can be a question of its own."""
    words = part.split()
    if len(words) < 2:  # "when and where did it happen" is one question
        return False
    return arabic or not (_SAYING.search(part) and _EMBEDDED.search(" ".join(words[1:])))


def _trimmed(part: str) -> str:
    return part.strip(" \t\n،؛,;.?؟")
