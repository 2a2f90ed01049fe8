"""Whether a question asks how many there are now, and whether a sentence tells of a time before.

"At its peak there were 170,000" and "in 2014 some 5,000 were sent" are numbers of the troops in Iraq, and no
answer to how many there are. A small model takes the first of them; what it is shown without them tells more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answering.answer_type import kind
from rag.answering.reply import Part
from rag.language import quantities
from rag.language.quantities import months, years
from rag.language.text import fold
from rag.records import Evidence

_BEFORE = re.compile(
    r"\b(?:was|were|did|had|been|ever|once|before|after|during|since|ago|last|first|former|previously|originally)\b"
    r"|(?<!\w)[وف]?(?:كان|كانت|كانوا|بلغ|بلغت|وصل|وصلت|سابقا|قبل|بعد|منذ|خلال|اثناء|عندما|حين|اول|سابق)(?!\w)"
)
"""In a question, folded: it is about another time."""
_NOW = re.compile(
    r".*\bhow (?:many|much)\b.*\b(?:are|is|do|does|remain|remains|still|now|currently|today)\b"
    r"|.*(?<!\w)(?:حاليا|الان|اليوم|[لم]ا [يت]زال|ما زالت?|[يت]وجد|هناك|[يت]تواجد|[يت]نتشر|[يت]حتفظ|[يت]بقي)"
    r"(?!\w)"
    r"|[وف]?(?:كم(?: عدد)?|ما(?: هو)? عدد) \w+(?: ال\w+)? (?:في|لدي)(?: \w+){1,3}$"
)
"""What shows the present; an Arabic question without a verb is in it: "كم عدد الجنود في سوريا"."""

_PEAK = re.compile(
    r"\bat (?:its|their|the) (?:peak|height)\b|(?<!\w)[وف]?في (?:اوج|ذروه|ذروت)(?:ه|ها|هم)?(?!\w)"
)
_LASTING = re.compile(
    r"\b(?:since|from|is|are|has|have|keeps?|maintains?|remains?|currently|now|still|today)\b"
    r"|(?<!\w)[وف]?(?:منذ|حاليا|الان|اليوم|[لم]ا [يت]زال|ما زالت?)(?!\w)|^[وف]?[يت]\w{2,}(?<!ت)(?<!وا)(?!\w)"
)
"""What a sentence that names a year of the past may tell of now by: what began then may last, and what "the
country keeps" it keeps. An Arabic one by the present form that it begins with: تحتفظ, not تعرضت."""


def asks_for_now(question: str) -> bool:
    """Whether a number is asked for as it is now: in the present, without a year or a month.

    Args:
        question: As put to the model.
    """
    if kind(question) != "quantity" or years(question) or months(question):
        return False
    folded = fold(question)
    if _BEFORE.search(folded):
        return False
    return bool(_NOW.match(folded))


def outdated(evidence: Sequence[Evidence]) -> frozenset[int]:
    """Numbers of the sentences that tell of a time before that of their article.

    Args:
        evidence: An article without a date of its own is taken to be as new as the newest year among all.
    """
    newest = max((year for item in evidence for year in _years(item)), default=0)
    return frozenset(item.number for item in evidence if _is_past(item, newest))


def bearers(part: Part, evidence: Sequence[Evidence]) -> frozenset[int]:
    """Numbers of the sentences that something rests on: those named that hold its values, else any that do.

    Args:
        part: Of a reply.
        evidence: What the model was shown.
    """
    values, named = quantities.claimed(part.text), frozenset(part.marks)
    holding = frozenset(item.number for item in evidence if values and values <= quantities.held(item.text))
    return (holding & named) or holding or named


def _years(item: Evidence) -> set[int]:
    return years(item.text) | ({int(item.published[:4])} if item.published else set())


def _is_past(item: Evidence, newest: int) -> bool:
    folded, named = fold(item.text), years(item.text)
    if _PEAK.search(folded):
        return True
    now = int(item.published[:4]) if item.published else newest
    return bool(named) and max(named) < now and not _LASTING.search(folded)
