"""Numbers, scripts and the language of a text.

Folding, sentences and ``closed`` can be imported from here too, as most callers need several of them.
"""

from __future__ import annotations

import re

from rag.language.folding import Folded, ascii_digits, fold, fold_with_map
from rag.language.number_words import MULTIPLIERS
from rag.language.sentences import sentences
from rag.language.word_classes import closed
from rag.records import Language

__all__ = [
    "Folded",
    "ascii_digits",
    "closed",
    "decimal_points",
    "detect_language",
    "fold",
    "fold_with_map",
    "grouped_by_points",
    "is_arabic",
    "numbers",
    "sentences",
]

_POWER_OF = {word: power for power, words in MULTIPLIERS.items() for word in words.split()}

_NUMBER = re.compile(
    rf"(?P<number>\d+(?:\.\d+)*)(?: ?(?P<word>{'|'.join(sorted(_POWER_OF, key=len, reverse=True))})(?!\w))?",
    re.UNICODE,
)

_SHORT_MONEY = re.compile(r"(?<=[$€£¥₪])(\d+(?:[.,]\d+)*)([mMbB])(?!\w)")
"""Millions and billions of money: behind a currency sign a single "m" does not mean metres."""

_DECIMAL_COMMA = re.compile(r"(?<!\d)(?<!\d[.,٫٬،])(\d{1,3})[,،](?=\d{1,2}(?!\d|[.,٫٬،]\d))")
"""A comma before one or two digits, as many Arabic newspapers write decimals: 1,8 مليار; not in 1,2,3."""


_GROUPED_BY_POINTS = re.compile(
    r"(?<![\d.,:/٫٬%٪])(?![0٠۰])\d{1,3}(?:\.\d{3}){0,2}\.[0٠۰]{3}(?!\d|[.,٫٬]\d)"
    r"(?!\W{0,3}(?:(?:في|فى|ب) ?ال(?:مئ|مائ|مي|ألف)|[أا]لف|[آا]لاف|ملي[وا]|ملاي|بلي|بلاي|تريلي|ترلي"
    r"|[mb]n|[mb]illion|[%٪]))",
    re.IGNORECASE,
)
"""A number with points between its thousands, as many Arabic newspapers write it: 76.000 هكتار. Only where
its last three digits are zeros, which nobody writes behind a decimal point: 1.500 may be either."""


def grouped_by_points(text: str) -> list[tuple[int, int]]:
    """Where numbers with points between their thousands are in an Arabic text; none in an English one."""
    return [match.span() for match in _GROUPED_BY_POINTS.finditer(text)] if is_arabic(text) else []


def _without_grouping(text: str) -> str:
    if not is_arabic(text):
        return text
    return _GROUPED_BY_POINTS.sub(lambda match: match.group().replace(".", ""), text)


def decimal_points(text: str) -> str:
    """A text with points for decimal commas: ``1,8`` becomes ``1.8``, and ``1, 8`` stays as it is."""
    return _DECIMAL_COMMA.sub(r"\1.", text)


def numbers(text: str, *, decimal_commas: bool = True, grouping_points: bool = True) -> list[str]:
    """The numbers in digits in a text, in order, each in its canonical spelling.

    ``2.5 ألف``, ``2,5 ألف``, ``2,500``, ``٢٥٠٠`` and ``2.5k`` are all ``2500``; ``3 آلاف و500`` is ``3500``;
    ``5%`` is ``5``; ``$5m`` is ``5000000``; ``20.9.2024`` is three numbers. ``2.000`` is 2000 in Arabic text
    (``grouped_by_points``), and 2 elsewhere. Numbers in words are not included.

    Args:
        text: In either language.
        decimal_commas: A comma before one or two digits is a decimal point; otherwise it separates two
            numbers, as in the terms of an index.
        grouping_points: Points may separate thousands; otherwise each is a decimal point.
    """
    short = _SHORT_MONEY.sub(r"\1\2n", _without_grouping(text) if grouping_points else text)
    folded = fold(decimal_points(short) if decimal_commas else short)
    numbers_so_far: list[str] = []
    last_end, last_power = -1, 0
    for match in _NUMBER.finditer(folded):
        digits, power = match["number"], _POWER_OF.get(match["word"], 0)
        parts = [digits] if digits.count(".") < 2 else digits.split(".")
        values = [_canonical(part, power) for part in parts]
        joined = last_power > 0 and folded[last_end : match.start()] in (" و", " و ")
        if joined and len(values) == 1 and _fits_under(numbers_so_far[-1], values[0], last_power):
            numbers_so_far[-1] = str(int(numbers_so_far[-1]) + int(values[0]))
        else:
            numbers_so_far.extend(values)
        last_end, last_power = match.end(), power
    return numbers_so_far


def _fits_under(high: str, low: str, power: int) -> bool:
    """Whether ``low`` can be added to ``high``, which is a multiple of 10**power: 3 thousand and 500."""
    whole = low.isdigit() and high.isdigit()
    return whole and len(low) <= power and high.endswith("0" * power)


def _canonical(digits: str, power: int) -> str:
    # Every multiplier is a power of ten, so moving the point in the text is exact at any length.
    whole, _, fraction = digits.partition(".")
    fraction = fraction.ljust(power, "0")
    whole, fraction = whole + fraction[:power], fraction[power:].rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def is_arabic(text: str) -> bool:
    """Whether most letters of ``text`` are Arabic."""
    letters = [char for char in text if char.isalpha()]
    return 2 * sum("\u0600" <= char <= "\u06ff" for char in letters) > len(letters)


_ASKING_WORDS: dict[Language, str] = {
    "en": "who whom whose what when where why which how is are was were do does did has have had can could "
    "will would should tell give list describe explain summarize summarise show name compare define",
    "ar": "من متي كم هل ما ماذا لماذا لم اين كيف اي ايه ايهما مما مم بكم بماذا لمن اذكر اشرح لخص اخبرني "
    "حدثني عرف قارن صف عدد اعط اعطني",
}
_ASKING = {word: language for language, words in _ASKING_WORDS.items() for word in words.split()}
"""Folded words that begin a question or a request."""

_QUESTION_WORDS = 30
"""A text of more words is treated as an article, a shorter one as a question."""

_WORD = re.compile(r"\w+")

_ARABIC_WORD = re.compile(r"(?<!\w)\d*[\u0600-\u06ff]")
_OTHER_WORD = re.compile(r"(?<!\w)\d*[^\W\d_\u0600-\u06ff]")


def detect_language(text: str) -> Language:
    """The language of a question or an article, Arabic or English.

    The language of an article, or of any text of more than 30 words, is that of the script of most words. In
    a short text a name in the other script can outweigh the question around it ("when do forces leave قاعدة
    عين الأسد الجوية في الأنبار?"), so the first question word decides: when, how many, tell / متى, كم, هل,
    اذكر. Without a question word, the words and then the letters are counted. "WHO" in capitals is a name.
    A text without letters is "en".
    """
    if len(text.split()) > 2 * _QUESTION_WORDS:
        # Gives the same result as below for long texts, ten times as fast; it runs on every article.
        plain = fold(text)
        return "ar" if len(_ARABIC_WORD.findall(plain)) > len(_OTHER_WORD.findall(plain)) else "en"
    folded = fold_with_map(text)
    words: dict[Language, int] = {"ar": 0, "en": 0}
    letters: dict[Language, int] = {"ar": 0, "en": 0}
    asking: Language | None = None
    shouted = text.isupper()  # in "WHO LEFT?" capitals do not mark names
    for match in _WORD.finditer(folded.text):
        word = match.group()
        arabic = sum("\u0600" <= char <= "\u06ff" for char in word)
        other = sum(char.isalpha() for char in word) - arabic
        if not arabic and not other:
            continue
        language: Language = "ar" if arabic >= other else "en"
        words[language] += 1
        letters["ar"] += arabic
        letters["en"] += other
        if asking is None:
            start, end = folded.span(*match.span())
            if shouted or not (len(word) > 1 and text[start:end].isupper()):
                asking = _ASKING.get(word) or (_ASKING.get(word[1:]) if word[0] in "وف" else None)
    if asking and sum(words.values()) <= _QUESTION_WORDS:
        return asking
    return "ar" if (words["ar"], letters["ar"]) > (words["en"], letters["en"]) else "en"
