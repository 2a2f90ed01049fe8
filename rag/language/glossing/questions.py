"""An Arabic question word for word in English: question words from this file, everything else by ``gloss``.

A gloss always translates ما as "what" and من as "from"; at the beginning of a question or of a part of it,
they are question words.

    من النحات صاحب تمثال كرومويل؟           who is sculptor owner/holder statue of Cromwell?
    متى وصلت الرسالة، ومتى تسربت؟           when arrived/reached letter/message, and when leaked?
"""

from __future__ import annotations

import re

from rag.language.glossing.gloss import by_folded, gloss
from rag.language.text import closed, fold
from rag.language.translation.words import MARKS

_ASKING = by_folded("""
أي=which أية=which بأي=by_which لأي=for_which كم=how_many بكم=for_how_much من=who لمن=whose بمن=with_whom
عمن=about_whom هل=is_it_true_that ما=what_is ماذا=what بماذا=with_what لماذا=why كيف=how أين=where متى=when
عم=about_what
""")
"""Question words by folded Arabic ones."""

_TOGETHER = {
    "ما الذي": "what", "ما التي": "what", "ما هو": "what is", "ما هي": "what is", "ما هما": "what are",
    "من الذي": "who", "من التي": "who", "من الذين": "who", "من هو": "who is", "من هي": "who is",
    "من هم": "who are", "من هما": "who are", "من كان": "who was", "من كانت": "who was", "ما كان": "what was",
    "ما كانت": "what was", "ما حدث": "what happened", "ما حصل": "what happened", "ما جري": "what happened",
    "في اي": "in which", "الي اي": "to which", "من اي": "from which", "علي اي": "on which",
    "مع اي": "with which", "عن اي": "about which", "ضد اي": "against which", "منذ اي": "since which",
    "قبل اي": "before which", "بعد اي": "after which", "قرب اي": "near which", "مع من": "with whom",
    "علي من": "on whom", "الي من": "to whom", "عن من": "about whom", "ضد من": "against whom",
    "من اين": "from where", "الي اين": "to where", "منذ متي": "since when", "حتي متي": "until when",
    "الي متي": "until when", "كم عدد": "how many", "كم مره": "how many times", "في كم": "in how many",
    "منذ كم": "since how many", "قبل كم": "how many before", "بعد كم": "how many after",
}  # fmt: skip
"""Pairs of folded words that are one question phrase."""

_NOT_ASKING = {
    "من": closed("بين قبل خلال بعد اجل ضمن حيث جانب المتوقع المقرر الممكن المرجح المحتمل المنتظر جديد"),
    "ما": closed("اذا زال زالت لم لن دام دامت بعد يلي بين لا يزال تزال"),
}
"""Folded words before which من is "from" and ما is not a question word."""

_SURE = closed("متي كيف اين لماذا ماذا كم هل")
"""Folded words that always ask a question behind "and"."""

_VOWELS = re.compile(f"[{MARKS}]")
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"\s*عام(?!\w)")
"""Behind a question word it is "year", not an adjective: في أي عام, in which year."""
_OR = re.compile(r"(?<=\s)أم(?=\s)")
_ENDS = " ؟?.!\"“”«»'،,؛:"
_BREAKS = "،,؛:؟?.!"


def gloss_question(question: str) -> str:
    """The meanings of an Arabic question's words, in the order of ``gloss``.

    Args:
        question: In Arabic.
    """
    text = _OR.sub("أو", _VOWELS.sub("", question)).strip(_ENDS)
    parts, at = [], 0
    for match in _WORD.finditer(text):
        if match.start() < at:
            continue
        asking, end = _asking(text, match)
        if not asking:
            continue
        if before := text[at : match.start()].strip(_ENDS):
            parts.append(f"{gloss(before)},")
        parts.append(asking)
        at = end
        if year := _YEAR.match(text, at):
            parts.append("year")
            at = year.end()
    parts.append(gloss(text[at:].strip()))
    return f"{' '.join(parts).strip(_ENDS)}?"


def _asking(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The English of the question words at a word, and where they end; empty if there are none."""
    word, before = fold(match[0]), text[: match.start()].rstrip(" \"“«'")
    begins = not before or before[-1] in _BREAKS
    joined = (
        word[:1] in "وف" and word[1:] in {*_ASKING, "الي", "منذ", "حتي", "في", "مع", "علي"} and bool(before)
    )
    bare = word[1:] if joined else word
    following = _WORD.match(text, match.end() + 1)
    second = fold(following[0]) if following else ""
    if not (begins or (joined and (bare in _SURE or before[-1] in _BREAKS))):
        return "", 0
    if before and begins and not joined and bare in ("من", "ما") and before[-1] in "،,":
        return "", 0  # a list: من مصر، من لبنان
    conjunction = "and " if joined else ""
    if following and (both := _TOGETHER.get(f"{bare} {second}")):
        return f"{conjunction}{both}", following.end()
    if bare not in _ASKING or second in _NOT_ASKING.get(bare, ()):
        return "", 0
    if bare == "من" and not before and any(fold(word) in _SURE for word in text[match.end() :].split()):
        return "", 0  # from Baghdad to Damascus, how many …
    if bare == "من" and second.startswith("ال"):
        return f"{conjunction}who is", match.end()
    return f"{conjunction}{_ASKING[bare]}", match.end()
