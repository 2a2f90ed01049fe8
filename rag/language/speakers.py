"""Who says something in a sentence: told by verbs of saying, and by "according to".

A small model asked who said something names whoever else the sentence speaks of as readily. Words that do not
stand where a sentence names its speaker are no answer to such a question.
"""

from __future__ import annotations

import re

from rag.language.text import closed, fold, is_arabic

_VERBS = closed(
    "قال قالت قالوا اضاف اضافت اضافوا اكد اكدت اكدوا اوضح اوضحت تابع تابعت اشار اشارت ذكر ذكرت اعتبر "
    "اعتبرت شدد شددت لفت لفتت نوه نوهت راي رات اعلن اعلنت صرح صرحت زعم زعمت حذر حذرت توقع توقعت استطرد "
    "استدرك"
)

SAYING = "|".join(sorted(_VERBS))
"""Arabic verbs of saying in the past, third person, folded, for a pattern."""

_SAID = (
    "said|says|say|told|tells|stated|states|added|adds|announced|declared|claimed|claims|warned|warns|argued|"
    "argues|noted|notes|explained|denied|denies|admitted|insisted|stressed|reported|reports|"
    "called|described|predicted|expects|believes|thinks"
)

_ASKED = re.compile(
    rf"(?:(?:and|but|so) )?(?:who|whom|which \w+(?: \w+)?) (?:(?:has|had|have|did|does|was it that) )?"
    rf"(?:also |first |publicly )?(?:{_SAID}|used the (?:words?|phrase|term|expression))\b"
    rf"(?! responsibility| (?:an?|the) (?:loss|profit))"
    rf"|[وف]?من (?:الذي |التي |هو الذي |هو )?(?:{SAYING}|وصف|وصفت|نفي|نفت|صاحب)(?!\w)(?! (?:ال)?مسوولي)"
)
"""Questions for a speaker, by their first words, folded; who claims responsibility or reports a loss need not
speak in the sentence."""

_OTHERS = "وصف|وصفت|نفي|نفت|نقل|نقلت|ينقل|تنقل|يقول|تقول|يري|تري|كشف|كشفت|وفق|وفقا|بحسب|حسب|حسبما|عن|لسان"
_PLACES = (
    re.compile(
        rf"(?<!\w)[وف]?(?:{SAYING}|{_OTHERS}) "
        r"((?:(?!(?:ب?ان|بانه|انه|انها|انهم|قوله|قولها|قولهم)(?!\w))\S+ ?){1,16})"
    ),
    re.compile(rf"((?:\b\w+ ){{1,14}})(?:{_SAID})\b"),
    re.compile(rf"((?:\b\w+ ){{1,6}})(?:{SAYING}|[يت](?:قول|علن|حذر|وكد|ضيف|توقع|ري|نفي|عتبر)(?:ون)?)(?!\w)"),
    re.compile(
        rf"\b(?:{_SAID}|according to|by) ((?:(?!(?:that|who|whom|whose|which|it|he|she|they)\b)\w+ ?){{1,6}})"
    ),
)
"""Where a folded sentence names a speaker: behind an Arabic verb up to what is said; about an English one."""


def asked(question: str) -> bool:
    """Whether a question asks who said something.

    Args:
        question: As put to the model.
    """
    return _ASKED.match(fold(question)) is not None


def is_speaker(words: str, sentence: str) -> bool:
    """Whether words stand where a sentence may name its speaker.

    Args:
        words: Of the sentence.
        sentence: As written.
    """
    if is_arabic(words) != is_arabic(sentence):
        return True  # a translation: where it stands cannot be told
    folded, wanted = fold(sentence), f" {fold(words)} "
    return any(wanted in f" {match[1].strip()} " for place in _PLACES for match in place.finditer(folded))
