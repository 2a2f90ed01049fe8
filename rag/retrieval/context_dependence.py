"""Whether a sentence leans on the one before it: who speaks or what is meant stands there.

News names its source once, and then goes on: "وأضاف أن ...", "He also said ...". Only what the first words
tell counts: a pronoun or demonstrative for a subject, or an Arabic verb of saying without one.
"""

from __future__ import annotations

import re

from rag.language.speakers import SAYING
from rag.language.text import fold

_ARABIC = re.compile(
    r"[وف]?(?:"
    r"(?:هو|هي|هم|هما|هذا|هذه|ذلك|تلك|هولاء)(?!\w)(?! (?:العام|السنه|الشهر|الاسبوع|المره|الليله|اليوم)(?!\w))"
    rf"|(?:{SAYING})(?:\s+ايضا|\s+كذلك)?\s+(?:(?:الي|علي|من|في)\s+)?(?:ب?ان|بانه|انه|انها|انهم)(?!\w)"
    r")"
)

_ENGLISH = re.compile(
    r"(?:(?:and|but|so|then|however|moreover|also|meanwhile),?\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their)\b"
    r"(?! (?:is|was) (?:not )?(?:clear|unclear|likely)| (?:week|weekend|month|year|morning|evening|time)\b)"
)
"""Not "it is unclear", and not "this week"."""

_OPENING = re.compile(r"^[^\w]+")
"""Quotation marks and bullets before the first word."""


def leans(sentence: str) -> bool:
    """Whether a sentence's first words stand for something that the sentence before it names.

    Args:
        sentence: As written, in either language.
    """
    folded = _OPENING.sub("", fold(sentence))
    return bool(_ARABIC.match(folded) or _ENGLISH.match(folded))
