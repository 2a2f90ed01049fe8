"""Thanks, greetings and other remarks that ask nothing, and what is replied to them.

They are closed classes of phrases. A message that consists of them alone is answered without a search and
without the model, and a later follow-up does not refer to it.
"""

from __future__ import annotations

import re
from typing import Literal

from rag.language.text import fold
from rag.records import Language

Remark = Literal["thanks", "greeting", "assent"]
"""What a remark does."""

REPLIES: dict[Remark, dict[Language, str]] = {
    "thanks": {"en": "You are welcome.", "ar": "عفوًا."},
    "greeting": {
        "en": "Hello. Ask a question about the articles.",
        "ar": "مرحبًا. اطرح سؤالًا عن المقالات.",
    },
    "assent": {"en": "All right.", "ar": "حسنًا."},
}
"""What is replied. No source is cited, as nothing is claimed."""

_PHRASES: dict[Remark, str] = {
    "thanks": (
        "thanks|thank (?:you|u)|thankyou|thx|ty|cheers|(?:much )?appreciated|(?:i )?appreciate (?:it|that)"
        "|(?:ا?لف )?شكر|(?:ال)?شكرا|مشكور|مشكوره|مشكورين|[ان]شكرك|[ان]شكركم|ممتن|ممتنه|متشكر|متشكره"
        "|جزاك الله(?: كل)? خيرا?|جزاكم الله(?: كل)? خيرا?|بارك الله فيكم?|يعطيك العافيه|تسلم|تسلمين"
    ),
    "greeting": (
        "hello|hi|hey|good (?:morning|afternoon|evening|day|night)|good ?bye|bye|see you(?: later)?"
        "|مرحبا|اهلا(?: وسهلا)?|(?:ال)?سلام عليكم|وعليكم السلام|ورحمه الله|وبركاته|صباح (?:ال)?خير"
        "|مساء (?:ال)?خير|صباح النور|مساء النور|مع السلامه|الي اللقاء|وداعا|تصبح علي خير"
    ),
    "assent": (
        "ok|okay|great|perfect|excellent|got it|i see|understood|all right|alright|fine|good|nice|cool"
        "|that s all|that is all|nothing else|never mind|no thanks"
        "|تمام|حسنا|ممتاز|رائع|جيد|طيب|فهمت|مفهوم|واضح|هذا كل شيء|لا شيء اخر|يكفي"
    ),
}
"""Phrases of each kind, folded. A remark is of the first kind in this order that it has a phrase of."""

_AROUND = (
    "very much|so much|a lot|a million|again|you|all|there|sanad|many|no|yes|my friend"
    "|for (?:that|this|it|everything|(?:the|your) (?:help|answer|reply|information))"
    "|(?:that (?:was|is) )?(?:very )?helpful|that helps?"
    "|لك|لكم|بك|بكم|جزيلا|جزيل|الجزيل|كثيرا|جدا|مره اخري|سند|يا سند|نعم|لا"
    "|علي (?:المساعده|مساعدتك|الاجابه|المعلومات|ذلك|هذا)"
)
"""Phrases that may be beside them."""

_OF_KIND = {kind: re.compile(rf"(?<!\w)(?:{phrases})(?!\w)") for kind, phrases in _PHRASES.items()}
_ANY = "|".join([*_PHRASES.values(), _AROUND])
_ONLY = re.compile(rf"(?:(?>(?:{_ANY})(?: |$)))+")
"""Each phrase is matched once: "no thanks" is also two phrases, and trying both for each of many would take
minutes."""

_CUT = re.compile(r"(?<=[.!?؟،,;؛…])\s+|\n+")


def remark(text: str) -> Remark | None:
    """What a message that asks nothing does; None for all others.

    Args:
        text: In either language.
    """
    folded = fold(text)
    if not _ONLY.fullmatch(folded):
        return None
    return next((kind for kind, pattern in _OF_KIND.items() if pattern.search(folded)), None)


def without_remarks(question: str) -> str:
    """A question without the remarks before and after it: "Thanks! And the bridge?".

    Args:
        question: In either language.
    """
    return " ".join(part for part in _CUT.split(question) if not remark(part)) or question
