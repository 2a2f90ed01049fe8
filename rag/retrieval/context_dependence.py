"""Detect context-dependent sentences, whose subject is named only in the sentence before them.

News names its source once and then continues: "وأضاف أن ...", "He also said ...". Only the first words are
examined: a pronoun or demonstrative as the subject, or an Arabic verb of saying without a subject.
"""

from __future__ import annotations

import re

from rag.language.text import fold
from rag.language.word_classes import SPEECH_VERBS

_SAID = "|".join(sorted(SPEECH_VERBS))

_ARABIC = re.compile(
    r"[وف]?(?:"
    r"(?:هو|هي|هم|هما|هذا|هذه|ذلك|تلك|هولاء)(?!\w)(?! (?:العام|السنه|الشهر|الاسبوع|المره|الليله|اليوم)(?!\w))"
    rf"|(?:{_SAID})(?:\s+ايضا|\s+كذلك)?\s+(?:(?:الي|علي|من|في)\s+)?(?:ب?ان|بانه|انه|انها|انهم)(?!\w)"
    r")"
)

_ENGLISH = re.compile(
    r"(?:(?:and|but|so|then|however|moreover|also|meanwhile),?\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|its|their)\b"
    r"(?! (?:is|was) (?:not )?(?:clear|unclear|likely)| (?:week|weekend|month|year|morning|evening|time)\b)"
)
"""Excludes "it is unclear" and "this week"."""

_OPENING = re.compile(r"^[^\w]+")
"""Quotation marks and bullets before the first word."""


def is_context_dependent(sentence: str) -> bool:
    """Whether the first words of a sentence refer to something that the sentence before it names."""
    folded = _OPENING.sub("", fold(sentence))
    return bool(_ARABIC.match(folded) or _ENGLISH.match(folded))
