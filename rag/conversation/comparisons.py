"""A question that weighs two things → what is asked of each: "Were there more troops in Iraq than in Syria?".

Only forms that name both sides are known, in both languages; what the second side leaves out is taken from
the first: "the number of troops in Iraq … in Syria".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACED = r"(?:in|at|on|from|to|of|for|by|under|with|after|before|during|since)"
_BIGGER = (
    r"(?:more|larger|bigger|greater|higher|smaller|fewer|less|lower|longer|shorter|earlier|later|older|newer|"
    r"stronger|weaker|cheaper|different)"
)

_FORMS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "en": (
        (
            r"compare\s+(?P<a>.+?)\s+(?:with|against)\s+(?P<b>.+)|compare\s+(?P<c>.+?)\s+(?:to|and)\s+(?P<d>.+)",
            "What is {a}?",
            "What is {b}?",
        ),
        (
            r"which\s+(?:one\s+)?(?:came|was|is|happened|occurred)\s+(?:first|earlier|later|last)\s*[,:]\s*"
            r"(?P<a>[^?]+?),?\s+or\s+(?P<b>[^?]+)",
            "When was {a}?",
            "When was {b}?",
        ),
        (
            r"(?:did|was|were)\s+(?P<a>(?:the|an?)\s+[^?]+?)\s+(?:(?:happen|occur|begin|start|come|take\s+place)\s+)?"
            r"before\s+or\s+after\s+(?P<b>(?!noon|midnight|dawn|dusk|\d)[^?]+)",
            "When was {a}?",
            "When was {b}?",
        ),
        (
            r"what\s+(?:is|was)\s+the\s+difference\s+between\s+(?P<a>[^?]+?)\s+and\s+(?P<b>[^?]+)"
            r"|how\s+(?:does|did|is|was)\s+(?P<c>[^?]+?)\s+(?:differ|different)\s+from\s+(?P<d>[^?]+)",
            "What is {a}?",
            "What is {b}?",
        ),
        (
            rf"(?:is|was|are|were)\s+(?P<a>the\s+(?:number|share|percentage|size|price|cost|length|age|rate)\s+of\s+"
            rf"[^?]+?)\s+{_BIGGER}\s+than\s+(?P<b>[^?]+)",
            "What is {a}?",
            "What is {b}?",
        ),
        (
            rf"(?P<aux>are|were|is|was)\s+there\s+(?:more|fewer|less)\s+(?P<n>[^?]+?)\s+(?P<a>{_PLACED}\s+[^?]+?)"
            rf",?\s+(?:or|than)\s+(?P<b>(?:{_PLACED}\s+)?[^?]+)",
            "How many {n} {aux} there {a}?",
            "How many {n} {aux} there {b}?",
        ),
        (
            r"how\s+many\s+(?:more|fewer)\s+(?P<n>[^?]+?)\s+(?P<aux>are|were|is|was)\s+(?:there\s+)?"
            rf"(?P<a>{_PLACED}\s+[^?]+?)\s+than\s+(?P<b>(?:{_PLACED}\s+)?[^?]+)",
            "How many {n} {aux} there {a}?",
            "How many {n} {aux} there {b}?",
        ),
        (
            r"(?:in\s+)?which\s+(?:\w+\s+)?(?P<aux>are|were)\s+there\s+(?:more|fewer|the\s+most)\s+(?P<n>[^?]+?)"
            r"\s*[,:]\s*(?:in\s+)?(?P<a>[^?]+?),?\s+or\s+(?:in\s+)?(?P<b>[^?]+)",
            "How many {n} {aux} there in {a}?",
            "How many {n} {aux} there in {b}?",
        ),
        (
            r"which\s+(?:\w+\s+)?(?:has|had|have)\s+(?:more|fewer|the\s+most)\s+(?P<n>[^?]+?)"
            r"\s*[,:]\s*(?P<a>[^?]+?),?\s+or\s+(?P<b>[^?]+)",
            "How many {n} does {a} have?",
            "How many {n} does {b} have?",
        ),
        (
            r"(?:do|did)\s+(?P<a>[^?,]+?)\s+and\s+(?P<b>[^?,]+?)\s+(?:agree|disagree|differ)\s+"
            r"(?:on|about|over|in)\s+(?P<n>[^?]+)"
            r"|(?:how|where|on\s+what)\s+(?:do|did)\s+(?P<c>[^?,]+?)\s+and\s+(?P<d>[^?,]+?)\s+(?:disagree|differ)\s+"
            r"(?:on|about|over|in)\s+(?P<m>[^?]+)",
            "What does {a} say about {n}?",
            "What does {b} say about {n}?",
        ),
    ),
    "ar": (
        (
            # The second side begins as the first one does: "عدد … وعدد …"; else و may join anything.
            r"(?:قارن\w*|ما\s+(?:هو\s+)?(?:الفرق|الاختلاف))\s+بين\s+(?P<a>(?P<head>\w+)\s.+?)\s+"
            r"و(?:بين\s+)?(?P<b>(?P=head)\s.+)",
            "ما {a}؟",
            "ما {b}؟",
        ),
        (
            r"(?:[أا]يّ?هما|[أا]يّ?هم|ما\s+ال[أا]سبق)\s+(?:كان\s+)?(?:[أا]سبق|[أا]قدم|[أا]حدث|[أا]ولا|قبل)?\s*[:،]?\s*"
            r"(?P<a>(?!(?:[أا]كثر|[أا]كبر|[أا]قل|[أا]على|[أا]صغر)\b)[^؟?]+?)\s+[أا]م\s+(?P<b>[^؟?]+)",
            "متى كان {a}؟",
            "متى كان {b}؟",
        ),
        (
            r"[أا]يّ?هما\s+(?:[أا]كثر|[أا]كبر|[أا]قل|[أا]على|[أا]صغر)\s*[:،]?\s*(?P<a>(?:عدد|نسبة|حجم|تكلفة|سعر)\s[^؟?]+?)"
            r"\s+[أا]م\s+(?P<b>[^؟?]+)",
            "ما {a}؟",
            "ما {b}؟",
        ),
        (
            r"هل\s+(?:كان\s+|كانت\s+)?(?P<a>(?:عدد|نسبة|حجم|تكلفة|سعر)\s[^؟?]+?)\s+(?:[أا]كثر|[أا]كبر|[أا]قل|[أا]على|[أا]صغر)"
            r"\s+من(?:ه|ها|هم)?\s+(?P<b>[^؟?]+)",
            "ما {a}؟",
            "ما {b}؟",
        ),
        (
            r"هل\s+(?:(?:كان|كانت|وقع|وقعت|حدث|حدثت|جاء|جاءت|جرى|جرت|تم|تمت|بد[أا]|بد[أا]ت)\s+)?(?P<a>[^؟?]+?)\s+قبل\s+"
            r"(?P<b>[^؟?]+?)\s+[أا]م\s+بعده[ام]?\s*",
            "متى كان {a}؟",
            "متى كان {b}؟",
        ),
    ),
}
"""How two sides are weighed, and what is asked of each: the whole question but its mark. The sides are a and
b, or c and d of a second wording, where n is m."""

_COMPILED = {
    language: tuple((re.compile(pattern, re.IGNORECASE), (of_a, of_b)) for pattern, of_a, of_b in forms)
    for language, forms in _FORMS.items()
}

_HEAD = re.compile(
    r"(?P<head>(?:the|its|their)\s+(?:\w+\s+)?\w+)\s+"
    r"(?P<of>of\s+.+?)(?=\s+(?:in|on|at|to|from|by|for|with|after|before|since|during|under|that|who|which)\b|$)",
    re.IGNORECASE,
)
"""What is compared, and of what: up to where and when."""

_THAT = re.compile(r"(?:that|those|the\s+ones?|عدده[امن]?|نسبته[امن]?)\s+", re.IGNORECASE)
_BEHIND = re.compile(rf"(?P<preposition>{_PLACED}|في|لدى|عند|من|على|عام|سنة|خلال|بعد|قبل)\s", re.IGNORECASE)


def sides(question: str, language: str) -> list[str]:
    """What is asked of each of the sides that a question weighs; empty where it weighs none.

    Args:
        question: As it stands alone.
        language: Its own, ``en`` or ``ar``.
    """
    for pattern, asked in _COMPILED[language]:
        if match := pattern.match(question.strip()):
            told = {name: _trimmed(text) for name, text in match.groupdict().items() if text}
            told = {_ALIKE.get(name, name): text for name, text in told.items()}
            told["aux"] = told.get("aux", "").lower()
            told["b"] = _with_head(told["a"], told["b"])
            return [_capital(form.format_map(told)) for form in asked]
    return []


_ALIKE: Mapping[str, str] = {"c": "a", "d": "b", "m": "n"}


def _with_head(first: str, second: str) -> str:
    """A side with what it leaves out of the other: "the price in Amman" is that of bread too."""
    bare = _THAT.sub("", second) if _THAT.match(second) else second
    placed = _BEHIND.match(bare)
    if placed and not _BEHIND.match(first):
        # "the number of troops in Iraq … in Syria": up to the last place of the first side.
        before = list(re.finditer(rf"\s{re.escape(placed['preposition'])}\s", first, re.IGNORECASE))
        return f"{first[: before[-1].start()] if before else first} {bare}"
    head = _HEAD.match(first)
    behind = head and re.match(rf"{re.escape(head['head'])}\b(?!\s+of\b)", second, re.IGNORECASE)
    if not head or not behind:
        return _in_place(first, second)
    return f"{second[: behind.end()]} {head['of']}{second[behind.end() :]}"


def _in_place(first: str, second: str) -> str:
    """A bare name behind "than": in the place of the first side's, where that is a place alone."""
    placed = _BEHIND.match(first)
    alone = placed and len(second.split()) <= len(first.split()) and not _BEHIND.match(second)
    return f"{placed['preposition']} {second}" if placed and alone else second


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _trimmed(part: str) -> str:
    return part.strip(" \t\n،؛,;.?؟:")
