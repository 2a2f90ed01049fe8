"""Does a reply in prose refuse to answer?"""

from __future__ import annotations

import re

from evals.grading.matching import strip_markers
from rag.language.sentences import sentences
from rag.language.text import fold

# All patterns are for folded text: no case, no punctuation ("don t"), one form of each Arabic letter.

_SOURCE = (
    r"(?:(?:the|these|this|any of the) )?(?:(?:given|provided|available) )*"
    r"(?:passages?|articles?|texts?|context(?: information)?|documents?|sources?|sentences?|information"
    r"|evidence|excerpts?|content)(?: (?:provided|given|above|here|itself))*\b(?! of\b)"
)
"""What the reply was to be written from; "the text of the agreement" is something else."""

_NOT = r"(?: not|n t)"
_GIVEN = r"(?:mentioned|stated|specified|provided|given|available)"
_FOUND = r"(?:answered|determined|found|identified|known)"

_LEAD = (
    r"(?:(?:answer|unfortunately|sorry|i m sorry|i am sorry|i apologi[sz]e|but|however"
    rf"|(?:based on|according to|from|in) {_SOURCE}) )*"
)
"""Words before a refusal."""

_ENGLISH = (
    # I don't know; I am unable to find this.
    r"i (?:(?:do|did|can|could)(?: not|not|n t| t)|(?:am|m|was) (?:not able|unable) to) (?:really )?"
    r"(?:know|say|tell|answer|find|determine|provide|identify|confirm|have|see)\b",
    # The passages do not mention it; none of the articles say so; the text has no information.
    rf"{_SOURCE} (?:do|does|did){_NOT} (?:\w+ ){{0,2}}(?:mention|state|specify|provide|contain|indicate|say"
    r"|tell|give|include|name|identify|answer|address|discuss|disclose|explain|describe|have)\b",
    rf"{_SOURCE} (?:contains?|provides?|gives?|ha(?:s|ve)|offers?|includes?) no\b",
    rf"(?:none of|no) {_SOURCE} (?:mentions?|says?|states?|specif(?:y|ies)|contains?|provides?|gives?)\b",
    rf"(?:it|they) do(?:es)?{_NOT} (?:\w+ )?(?:mention|state|specify|say)\b",
    rf"(?:it|they) do(?:es)?{_NOT} (?:contain|provide|give) (?:the|an) answer\b",
    # It is not specified who it was.
    rf"it is{_NOT} (?:\w+ )?(?:mentioned|stated|specified) (?:wh\w+|how)\b",
    # The name is not mentioned; the price was not given in the articles.
    rf".*\b(?:is|are|was|were|been){_NOT} (?:\w+ )?(?:{_GIVEN}|named|included|indicated|clear|{_FOUND})"
    rf" (?:\w+ )?(?:in|from|by|within) {_SOURCE}",
    rf".*\b(?:is|are){_NOT} (?:\w+ )?{_GIVEN}\Z",
    rf".*\b(?:was|were){_NOT} (?:\w+ )?(?:mentioned|stated|specified)\Z",
    rf"(?:it|this|that|the (?:answer|information)) (?:(?:is|was){_NOT} (?:known|clear)|is unknown)\Z",
    rf"(?:it|this|that|the answer|the question) c(?:an|ould)(?: not|not| t|n t) be {_FOUND}\b",
    rf"(?:it|this|that) (?:is|s) (?:not clear|unclear|not possible|impossible)\b.* (?:from|in|on) {_SOURCE}",
    # Not stated. Unknown. No information. There is no mention of this.
    rf"not (?:\w+ )?(?:{_GIVEN}|found|known)(?: (?:in|by|from) {_SOURCE})?\Z",
    r"unknown\Z",
    r"there (?:is|s) no (?:\w+ )?(?:information|mention|answer)\b",
    r"no (?:\w+ )?(?:information|mention|answer)"
    r"(?: (?:is )?(?:available|provided|given|about|on|regarding|in)\b|\Z)",
    r"(?:unable to|can(?: ?not| t)) (?:be )?(?:answer|determine|find|say|tell)(?:ed|d)?\b",
)

_AR_SOURCE = (
    r"(?:ال|لل)(?:نص|نصوص|مقال|مقالات|مقاله|مقطع|مقاطع|فقره|فقرات|سياق|جمل|مصادر|وثائق|مستندات|ادله|معلومات)\b"
    r"(?: ال(?:مقدم|متاح|معطي|مذكور|مرفق|سابق|تالي)\w*| اعلاه)*"
)

_AR_LEAD = rf"(?:(?:عذرا|للاسف|اسف|الاجابه|(?:بناء علي|استنادا الي|وفقا|طبقا|حسب|بحسب|من|في) {_AR_SOURCE}) )*"

_AR_NOT = (
    r"(?:لا|لم) [يت](?:ذكر|حتوي?|حدد|وضح|شير|شر|ورد|قدم|جيب|جب|رد|تضمن|تطرق|قول|قل|تحدث|توفر|كشف|بين|نص)\b"
)

_ARABIC = (
    # لا أعرف؛ لا يمكن تحديد ذلك.
    r"(?:لا|لم|لست|لن) (?:اعرف|اعلم|ادري|نعرف|استطيع|استطع|يمكنني|اجد|اتمكن|اقدر|متاكدا?)\b",
    r"(?:لا يمكن|يتعذر|تعذر) (?:تحديد|الاجابه|معرفه|استنتاج)\b",
    # لا تحتوي المقالات على الإجابة؛ النص لا يذكره.
    rf"{_AR_NOT} (?:\w+ )?(?:{_AR_SOURCE}|(?:ال)?اجابه\b)",
    rf"{_AR_SOURCE} {_AR_NOT}",
    # لم يُذكر ذلك؛ لم يُذكر اسمه في النص.
    r"(?:لا|لم) [يت](?:ذكر|رد|حدد)(?: (?:ذلك|هذا))?\Z",
    rf"(?:لا|لم) (?:[يت]تم (?:ذكر|تحديد|توضيح|الاشاره)|[يت](?:ذكر|رد|حدد|وضح|شر))\b.*\bفي {_AR_SOURCE}",
    # لا توجد معلومات.
    r"(?:(?:لا|لم) (?:توجد|يوجد|تتوفر|يتوفر|تتوافر)|ليس(?:ت)? هناك) (?:ايه? )?(?:معلومات|معلومه|ذكر|اجابه)\b",
    # الاسم غير مذكور؛ السبب غير محدد في النص؛ غير معروف.
    rf"(?:\w+ )*غير مذكور\w*(?:\Z| في {_AR_SOURCE})",
    rf"(?:\w+ )*غير (?:معروف|محدد|متوفر|متاح|موجود|واضح)ه? (?:\w+ )?في {_AR_SOURCE}",
    r"(?:(?:ذلك|هذا|هذه|الاجابه|المعلومات|المعلومه) )?غير (?:معروف|محدد|متوفر|متاح|موجود|واضح)ه?\Z",
)

_REFUSAL = re.compile(rf"{_LEAD}(?:{'|'.join(_ENGLISH)})|{_AR_LEAD}(?:{'|'.join(_ARABIC)})")


def refuses(text: str) -> bool:
    """Whether a reply says in its own words that it cannot answer.

    It is used for the systems that Sanad is compared with, which report no outcome; Sanad's own answers have
    one (``Answer.outcome``). Only the first sentence counts: a reply that answers first and then says what
    the articles do not mention is an answer. A reply that begins with a quotation is one too.

    Args:
        text: A reply in English or Arabic, with or without markers.
    """
    plain = strip_markers(text).strip()
    if not plain or plain[0] in "\"“«'‘":
        return False
    start, end = sentences(plain)[0]
    return _REFUSAL.match(fold(plain[start:end])) is not None
