"""An Arabic question word for word in English: its question words from here, all else as ``gloss`` has it.

A gloss takes ما for "what" and من for "from" wherever they stand; at the beginning of a question, or of its
second part, they ask.

    من النحات صاحب تمثال كرومويل؟           who is sculptor owner/holder statue of Cromwell?
    متى وصلت الرسالة، ومتى تسربت؟           when arrived/reached letter/message, and when leaked?
"""

from __future__ import annotations

import re

from rag.language.glossing.gloss import by_folded, gloss
from rag.language.text import fold
from rag.language.translation.reader import Tables

_ASKING = """
أي=which أية=which بأي=by_which لأي=for_which كم=how_many بكم=for_how_much من=who لمن=whose بمن=with_whom
عمن=about_whom هل=is_it_true_that ما=what_is ماذا=what بماذا=with_what لماذا=why كيف=how أين=where متى=when
عم=about_what
"""
"""Question words at the beginning."""

_TOGETHER = {
    "ما الذي": "what", "ما التي": "what", "ما هو": "what is", "ما هي": "what is", "من الذي": "who",
    "من التي": "who", "من الذين": "who", "من هو": "who is", "من هي": "who is", "من كان": "who was",
    "من كانت": "who was", "في اي": "in which", "الي اي": "to which", "من اي": "from which",
    "علي اي": "on which", "مع اي": "with which", "عن اي": "about which", "ضد اي": "against which",
    "منذ اي": "since which",
    "مع من": "with whom", "علي من": "on whom", "الي من": "to whom", "من اين": "from where",
    "الي اين": "to where", "منذ متي": "since when", "حتي متي": "until when", "الي متي": "until when",
    "كم عدد": "how many", "كم مره": "how many times",
}  # fmt: skip
"""Two folded words that ask together."""

_BEGINNING = re.compile(r"(?:^|[،,]\s*)(?P<and>و?)(?P<first>\w+)(?P<second>\s+\w+)?")
_YEAR = re.compile(r"\s*عام(?!\w)")
"""Behind a question word it is no adjective: في أي عام, in which year."""
_ENDS = " ؟?.!"


def gloss_question(question: str, tables: Tables | None = None) -> str:
    """The meanings of an Arabic question's words, in the order of ``gloss``.

    Args:
        question: In Arabic.
        tables: As for ``gloss``.
    """
    text, parts, at = question.strip(_ENDS), [], 0
    for match in _BEGINNING.finditer(text):
        asking, end = _asking(match)
        if asking:
            if before := text[at : match.start()].strip():
                parts.append(f"{gloss(before, tables)},")
            parts.append(f"and {asking}" if match["and"] else asking)
            at = end
            if year := _YEAR.match(text, at):
                parts.append("year")
                at = year.end()
    parts.append(gloss(text[at:].strip(), tables))
    return f"{' '.join(parts).rstrip(_ENDS)}?"


def _asking(match: re.Match[str]) -> tuple[str, int]:
    """The English of what asks at the beginning of a part, and where it ends; empty where nothing does."""
    first = fold(match["first"])
    if match["second"]:
        second = fold(match["second"].strip())
        if both := _TOGETHER.get(f"{first} {second}"):
            return both, match.end("second")
        if first == "من" and second.startswith("ال"):
            return "who is", match.end("first")
    return _WORDS.get(first, ""), match.end("first")


_WORDS = by_folded(_ASKING)
