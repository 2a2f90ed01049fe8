"""Decides whether a word is a month or a weekday in a sentence, and whether a month is named twice."""

from __future__ import annotations

import re

from rag.language.calendar_words import MONTH_STARTS, MONTH_WORDS
from rag.language.quantities import doubtful_months
from rag.language.translation import tables
from rag.language.translation.words import Word, is_arabic_word, is_stop, unprefixed
from rag.language.word_classes import closed
from rag.records import Language

_LONGEST_SHORT = 4
"""Most letters of an abbreviated month, which counts only beside a number."""
AMBIGUOUS = {"ماي", "جوان", "اوت", "صفر", "محرم", "رجب", "شعبان", "المحرم", "شوال"}
"""Arabic months that are also other words or names: they count only beside a day or a year."""
_YEAR_OR_DAY = re.compile(r"\d{1,2}|\d{4}")
_AND_MONTH = {"شهر", "بشهر", "لشهر", "من"}
"""Folded words that show beside a word that it is a month, as a number does."""
_BEFORE_MONTH = closed(
    "في منذ حتي الي من قبل بعد خلال بين شهر مطلع نهايه بدايه منتصف اواخر اوائل اول اخر طوال حلول غايه ختام"
)
_AFTER_MONTH = closed("الماضي المقبل القادم الجاري الحالي المنصرم الفائت الماضيين المقبلين عام العام سنه")
"""Folded words that show that مارس beside them is the month."""
_BETWEEN_NAMES = ("", "/", "-", "–", "—", "\\")
"""What separates two names of one month."""


def other_name(entry: tables.Entry, words: list[Word], at: int, sentence: str, language: Language) -> int:
    """The number of words that repeat a month by its other name, or 0: سبتمبر/أيلول, كانون الثاني (يناير).

    Args:
        entry: The entry of the month.
        words: Of the sentence.
        at: Index of the word after the month's name.
        sentence: The text, which contains the separator of the names.
        language: Of the sentence.
    """
    repeated = tables.phrase_at(tables.dates()[language], words, at, language)
    if not repeated or repeated[0].key != entry.key:
        return 0
    between = sentence[words[at - 1].end : words[at].start].strip()
    ends = sentence[words[at + repeated[1] - 1].end :].startswith(")")
    return repeated[1] if between in _BETWEEN_NAMES or (between == "(" and ends) else 0


def is_date(
    key: str, first: str, words: list[Word], at: int, size: int, sentence: str, language: Language
) -> bool:
    """Whether a word that may be a month or a weekday is one here.

    Args:
        key: Of its entry.
        first: Its first word as the table has it.
        words: Of the sentence.
        at: Index of the word.
        size: How many words the name takes.
        sentence: Its text decides whether ``May`` and آب are months.
        language: Of the sentence.
    """
    written = words[at].text
    if language == "en":
        if key in ("month 3", "month 5") and first in ("march", "may"):
            return written[0].isupper() and int(key[6:]) in doubtful_months(sentence)
        full = len(first) > _LONGEST_SHORT or first in ("june", "july")
        return written[0].isupper() and (full or beside_number(words, at, size))
    if first == "اب":
        return "آ" in written
    if first == "مارس" and _is_verb(words, at, sentence):
        return False
    return first not in AMBIGUOUS or beside_number(words, at, size)


def beside_number(words: list[Word], at: int, size: int) -> bool:
    """Whether a day, a year, شهر or من is beside some words."""
    beside = [*words[max(at - 1, 0) : at], *words[at + size : at + size + 1]]
    return any(_YEAR_OR_DAY.fullmatch(word.key) or word.key in _AND_MONTH for word in beside)


def _is_verb(words: list[Word], at: int, sentence: str) -> bool:
    """Whether مارس is "exerted": before a noun, with nothing of a date around it: مارس الرئيس ضغوطا."""
    if at + 1 == len(words) or sentence[words[at].end : words[at + 1].start] != " ":
        return False
    before = {*unprefixed(words[at - 1].key)} if at else set()
    after = words[at + 1].key
    if before & _BEFORE_MONTH or after in _AFTER_MONTH or is_stop(after, "ar") or not is_arabic_word(after):
        return False
    if beside_number(words, at, 1) or words[at].key[0] in "بل":
        return False
    months = (words[side].key for side in (at - 1, at + 1) if side >= 0)
    return not any(form in MONTH_WORDS or form in MONTH_STARTS for key in months for form in unprefixed(key))
