"""What a question asks for, where its first words tell, and whether an answer is of that kind.

"When" wants a time, "how many" a quantity and "what is the name of" a name: a small model answers with a
place or with the question's own words when the sentence holds nothing better. Only what can be told from
closed word classes is checked.
"""

from __future__ import annotations

import re
from typing import Literal

from rag import facts
from rag.lexical import terms
from rag.text import fold

Kind = Literal["time", "quantity", "name"]

_ASKING: dict[Kind, re.Pattern[str]] = {
    "time": re.compile(
        r"(?:(?:and|but|so) )?(?:(?:in|on|by|since|until|from) )?"
        r"(?:when|(?:what|which) (?:year|month|date|day))\b"
        r"|(?:[وف]?(?:متي|(?:منذ|حتي|الي) متي|(?:في )?اي (?:عام|سنه|شهر|يوم|تاريخ)))(?!\w)"
    ),
    "quantity": re.compile(
        r"(?:(?:and|but|so) )?(?:how (?:many|much)|what (?:percentage|share|number))\b"
        r"|[وف]?(?:كم|ما عدد|ما نسبه)(?!\w)(?! مره)"
    ),
    "name": re.compile(
        r"(?:(?:and|but|so) )?what (?:is|was|are|were) the names?\b|[وف]?ما (?:هو |هي )?(?:اسم|اسماء)(?!\w)"
    ),
}
"""By the first words, folded: there ئ is ي and ة is ه, as in the tables below."""

_TIMES = re.compile(
    r"\b(?:years?|months?|weeks?|days?|hours?|today|yesterday|tomorrow|now|soon|ago|before|after|during|since|until|"
    r"end|beginning|start|early|late|later|century|decades?|spring|summer|autumn|winter|morning|evening|night|never|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|immediately|once|still|already|when|while)\b"
    r"|(?<!\w)[وفبلك]{0,2}(?:ال)?(?:عام|عامين|اعوام|سنه|سنوات|سنتين|شهر|شهرين|اشهر|اسبوع|اسابيع|يوم|يومين|ايام|ساعه|"
    r"ساعات|امس|اليوم|غدا|الان|قريبا|قبل|بعد|خلال|اثناء|منذ|حتي|نهايه|بدايه|مطلع|منتصف|اواخر|اوائل|قرن|عقد|عقود|ربيع|صيف|"
    r"خريف|شتاء|صباح|مساء|ليل|فجر|ظهر|احد|اثنين|ثلاثاء|اربعاء|خميس|جمعه|سبت|عندما|حين|حينما|ابدا|لاحقا|فورا)(?!\w)"
)
_QUANTITIES = re.compile(
    r"\b(?:none|no|all|most|many|several|few|some|half|third|quarter|dozens?|hundreds|thousands|millions|billions|"
    r"majority|minority|more|less|enough|nothing|double|twice)\b"
    r"|(?<!\w)[وفبلك]{0,2}(?:ال)?(?:كل|جميع|معظم|اغلب|كثير|بعض|عده|عدد|نصف|ثلث|ربع|عشرات|ميات|الاف|ملايين|مليارات|"
    r"اكثر|اقل|ضعف|لا شيء|واحد|واحده|اثنان|اثنين|بضعه)(?!\w)"
)


_EITHER = re.compile(
    r"(?:(?:and|but|so) )?"
    r"(?:is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b"
    r"|[وف]?هل(?!\w)|.* or |.* (?:ام|او) "
)
"""By the first words, folded."""


def kind(question: str) -> Kind | None:
    """What a question asks for; None where its first words do not tell.

    Args:
        question: In either language, as put to the model.
    """
    folded = fold(question)
    return next((kind for kind, pattern in _ASKING.items() if pattern.match(folded)), None)


def is_choice(question: str) -> bool:
    """Whether a question is answered by yes, no or a choice among its own words.

    Args:
        question: As put to the model.
    """
    return _EITHER.match(fold(question)) is not None


def fits(question: str, *answer: str) -> bool:
    """Whether an answer is of the kind that its question asks for.

    Args:
        question: As put to the model.
        *answer: What is said, in any of its wordings; one that fits is enough.
    """
    wanted = kind(question)
    if wanted is None:
        return True
    if wanted == "name":
        return any(not repeats(question, text) for text in answer if text)
    words = _TIMES if wanted == "time" else _QUANTITIES
    return any(bool(facts.held(text)) or bool(words.search(fold(text))) for text in answer if text)


def repeats(question: str, answer: str) -> bool:
    """Whether an answer holds nothing but words of its question, where these do not make one.

    Args:
        question: As put to the model.
        answer: What is said, in the question's language.
    """
    if is_choice(question):
        return False
    held = set(terms(question))
    said = [set(terms(word)) for word in fold(answer).split()]
    return any(said) and all(word & held for word in said if word)
