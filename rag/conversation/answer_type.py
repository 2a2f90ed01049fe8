"""What a question asks for, where its first words show it, and whether an answer is of that kind.

"When" asks for a time, "how many" for a quantity and "what is the name of" for a name: a small model answers
with a place or with the question's own words when the sentence contains nothing better. Only what closed word
classes show is checked.
"""

from __future__ import annotations

import re
from typing import Literal

from rag.language import quantities
from rag.language.calendar_words import UNITS_OF_TIME
from rag.language.durations import of_time, untimed
from rag.language.terms import terms
from rag.language.text import fold, is_arabic
from rag.language.translation.values import stated, values_of
from rag.language.translation.words import words_of
from rag.language.word_classes import QUESTION_WORDS

Kind = Literal["time", "quantity", "name", "person"]

_AUXILIARIES = "is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must"

_ASKING: dict[Kind, re.Pattern[str]] = {
    "time": re.compile(
        r"(?:(?:and|but|so) )?(?:(?:in|on|by|since|until|from) )?"
        r"(?:when|(?:what|which) (?:year|month)(?! (?:long|old|end)\b)"
        r"|(?:what|which) (?:date|day)(?! (?:care|palms?|trips?|schools?|jobs?|labou?rers?)\b))\b"
        r"|(?:[وف]?(?:متي|(?:منذ|حتي|الي) متي|(?:في )?اي (?:عام|سنه|شهر|يوم|تاريخ)))(?!\w)"
    ),
    "quantity": re.compile(
        r"(?:(?:and|but|so) )?(?:how (?:many|much)|what (?:percentage|share|number))\b"
        r"|(?:(?:and|but|so) )?what (?:is|was|are|were) the (?:\w+ ){0,2}(?:percentage|share|number) of\b"
        r"|[وف]?(?:(?:(?:من|في) )?كم"
        r"|ما (?:(?:هو|هي|كان|كانت) )?(?:(?:اعلي|ادني|اقصي|اكبر|اصغر|اقل|اجمالي) )?(?:عدد|نسبه))"
        r"(?!\w)(?! مره)"
    ),
    "name": re.compile(
        r"(?:(?:and|but|so) )?what (?:is|was|are|were) the names?\b|[وف]?ما (?:هو |هي )?(?:اسم|اسماء)(?!\w)"
    ),
    "person": re.compile(
        r"(?:(?:and|but|so) )?(?:(?:to|by|from|with|for) )?(?:who|whom)\b"
        r"|[وف]?(?:من|بمن|لمن|مع من)(?!\w)(?! (?:بين|اين|اي|متي|كم|ماذا))"
    ),
}
"""By the first words, folded: there ئ is ي and ة is ه, as in the tables below."""

_WHEN_CLAUSE = re.compile(
    rf"\s*(?:(?:and|but|so)\s+)?when\s+(?!(?:{_AUXILIARIES}|exactly|and|or|in|on|this|last|next)\b)"
    rf"(?:[^,]*,\s*(?P<rest>(?:{'|'.join(sorted(QUESTION_WORDS))}|{_AUXILIARIES})\b.*)"
    rf"|(?:(?!\b(?:{_AUXILIARIES})\b).)*\b(?:who|whom|whose|what|which|where|why|how)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""A clause before the question, and the question where a comma shows its beginning: "when the war began, who
…"."""

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


_COUNTED = re.compile(
    rf"(?:(?:and|but|so) )?how many (?:[^\W\d]+ ){{0,2}}?([^\W\d]+) (?:{_AUXILIARIES})\b"
    r"|[وف]?(?:(?:(?:من|في) )?كم(?: عدد)?|ما(?: هو)? عدد) ([^\W\d]+)"
)
"""The noun to be counted: the word before the verb in English, the one after كم or عدد in Arabic, folded."""

_DUAL = re.compile(r"(?<!\w)[وفب]?(?!ال|وال|بال|لل)\w{3,}(?:ان|ين)(?!\w)")
"""Words that may be duals; after the article the same ending may also be a plural's."""

_INDEFINITE = re.compile(
    r"\s*(?:(?:أحد|إحدى|بعض)(?=(?:\s+\S+){1,3}\s*$)|(?:[Aa]n?|[Oo]ne|[Ss]ome|[Aa]nother)\b(?!.*\b[A-Z]))"
)
"""Words that introduce somebody or something without a name ("one of the leaders"), not folded. A capital
letter or many words after them may belong to a name, and are left alone."""

_WITHIN = re.compile(
    r"(?:and |but |so )?(?:on |in )?(?:what|which) (?:day|date|week|month)s? (?:of|in) "
    r"|[وف]?(?:في )?أيّ?ة? (?:يوم|أسبوع|شهر|تاريخ) (?:من|في) ",
    re.IGNORECASE,
)
"""The words before the month or year within which a time is asked for."""

WITHIN_WORDS = 4
"""Longest name of that month or year, in words: "شهر كانون الأول 2011" has four."""

_EITHER = re.compile(
    r"(?:(?:and|but|so) )?"
    rf"(?:am|{_AUXILIARIES})\b"
    r"|[وف]?هل(?!\w)|.* or |.* (?:ام|او) "
)
"""By the first words, folded."""


def kind(question: str) -> Kind | None:
    """What a question asks for; None where its first words do not show it.

    Args:
        question: In either language, as put to the model.
    """
    if clause := _WHEN_CLAUSE.match(question):
        return kind(clause["rest"]) if clause["rest"] else None
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
        *answer: The answer, in any of its wordings; one that fits is enough.
    """
    wanted = kind(question)
    if wanted is None:
        return True
    if wanted == "person":
        return any(not repeats(question, rest) for text in answer if (rest := _besides_values(text)))
    if wanted == "name":
        return any(not repeats(question, text) and not _INDEFINITE.match(text) for text in answer if text)
    if wanted == "time":
        return any(
            (bool(stated(text)) or _names_time(question, text)) and not elsewhen(question, text)
            for text in answer
            if text
        )
    lasting = of_time(question)
    counted = [fold(text) if lasting else untimed(text) for text in answer if text]
    return any(
        bool(stated(text))
        or bool(_QUANTITIES.search(text))
        or _is_dual(_counted(question), text)
        or (lasting and not UNITS_OF_TIME.isdisjoint(text.split()))  # "a month"
        for text in counted
    )


def _names_time(question: str, text: str) -> bool:
    """Whether a text has a word of time that its question lacks: "end" does not say when something ends."""
    question_words = set(fold(question).split())
    return any(not question_words.issuperset(match[0].split()) for match in _TIMES.finditer(fold(text)))


def _besides_values(text: str) -> str:
    """The words of a text that are not part of a number, an amount or a date."""
    words = words_of(text)
    values = values_of(text, "ar" if is_arabic(text) else "en")
    inside = {at for value in values for at in range(value.start, value.start + value.used)}
    return " ".join(word.text for at, word in enumerate(words) if at not in inside)


def _counted(question: str) -> str:
    """The noun that a question wants counted, folded; empty where none is recognised."""
    groups = _COUNTED.match(fold(question))
    return groups[1] or groups[2] if groups else ""


def _is_dual(noun: str, text: str) -> bool:
    """Whether a folded text contains the Arabic dual of what is counted, which means two without a number."""
    wanted, feminine = set(terms(noun)), noun.removesuffix("ه")
    if feminine != noun and re.search(rf"(?<!\w)[وفبل]?(?:ال)?{feminine}ت[اي]ن(?!\w)", text):
        return True
    return any(
        wanted & set(terms(word))
        for word in _DUAL.findall(text)
        # Not nouns whose stem has the same ending (سكان, ميدانا), nor plurals that the question has too.
        if word.removeprefix("و") not in (noun, noun.removesuffix("ا"))
        and not (word.endswith("ين") and noun.endswith(("ين", "ون")))
    )


def elsewhen(question: str, text: str) -> bool:
    """Whether a text names only other months or years than the one that its question asks about.

    Args:
        question: As put to the model: "on which day of December 2011 ...".
        text: A sentence or an answer.
    """
    within = _WITHIN.match(question.strip())
    if not within:
        return False
    period = " ".join(question[within.end() :].split()[:WITHIN_WORDS])
    # A year that is not part of a date belongs to something else: "the 2008 agreement".
    named = quantities.years(text) - quantities.years(untimed(text)), quantities.months(text)
    wanted = quantities.years(period), quantities.months(period)
    return any(a and b and not a & b for a, b in zip(named, wanted, strict=True))


def repeats(question: str, answer: str) -> bool:
    """Whether an answer contains only words of its question, unless the question offers a choice among them.

    Args:
        question: As put to the model.
        answer: The answer, in the question's language.
    """
    if is_choice(question):
        return False
    question_terms = set(terms(question))
    answer_terms = [set(terms(word)) for word in fold(answer).split()]
    return any(answer_terms) and all(word & question_terms for word in answer_terms if word)
