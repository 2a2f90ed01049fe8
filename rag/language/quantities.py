"""The values in a sentence that can be checked without understanding it: numbers and months.

Tables of general knowledge: number words and month names, English and Arabic. Arabic news writes both
month families, often side by side (سبتمبر/أيلول), and North African papers a third.
"""

from __future__ import annotations

import re

from rag.language.text import fold, numbers

YEARS = range(1900, 2101)
"""Numbers that may be years."""

_MONTHS = (
    ("January", "يناير كانون_الثاني جانفي"),
    ("February Feb", "فبراير شباط فيفري"),
    ("March", "مارس آذار"),
    ("April Apr", "أبريل إبريل نيسان أفريل"),
    ("May", "مايو أيار ماي"),
    ("June Jun", "يونيو حزيران جوان"),
    ("July Jul", "يوليو تموز جويلية"),
    ("August Aug", "أغسطس أوت"),
    ("September Sept Sep", "سبتمبر أيلول"),
    ("October Oct", "أكتوبر تشرين_الأول"),
    ("November Nov", "نوفمبر تشرين_الثاني"),
    ("December Dec", "ديسمبر كانون_الأول"),
)

_NUMBER_WORDS = {
    "0": "zero صفر",
    "1": "one once single واحد واحدة مرة",
    "2": "two twice both second اثنان اثنين اثنتان اثنتين مرتين الثاني الثانية عامين عامان شهرين شهران يومين "
    "يومان ساعتين ساعتان سنتين سنتان أسبوعين أسبوعان",
    "3": "three third ثلاث ثلاثة الثالث الثالثة",
    "4": "four fourth أربع أربعة الرابع الرابعة",
    "5": "five fifth خمس خمسة الخامس الخامسة",
    "6": "six sixth ست ستة السادس السادسة",
    "7": "seven seventh سبع سبعة السابع السابعة",
    "8": "eight eighth ثمان ثماني ثمانية الثامن الثامنة",
    "9": "nine ninth تسع تسعة التاسع التاسعة",
    "10": "ten tenth decade عشر عشرة عقد العقد العاشر العاشرة",
    "11": "eleven eleventh",
    "12": "twelve twelfth dozen",
    "13": "thirteen",
    "14": "fourteen",
    "15": "fifteen",
    "16": "sixteen",
    "17": "seventeen",
    "18": "eighteen",
    "19": "nineteen",
    "20": "twenty twentieth عشرون عشرين عقدين عقدان",
    "30": "thirty ثلاثون ثلاثين",
    "40": "forty أربعون أربعين",
    "50": "fifty خمسون خمسين",
    "60": "sixty ستون ستين",
    "70": "seventy سبعون سبعين",
    "80": "eighty ثمانون ثمانين",
    "90": "ninety تسعون تسعين",
    "100": "hundred century مئة مائة قرن",
    "200": "مئتان مئتين مائتان مائتين",
    "1000": "thousand ألف",
    "2000": "ألفان ألفين",
    "1000000": "million مليون",
}
"""Words that stand for a number, with the duals and rounded spans that news writes instead of a digit."""

# Arabic joins the conjunctions and prepositions و ف ب ل ك and the article ال to the word behind them.
_PARTICLES = r"(?<!\w)(?:[وف]?(?:ال|ب|ل|ك|بال|كال|لل)?)"


def _arabic(words: list[str]) -> str:
    return rf"{_PARTICLES}(?:{'|'.join(fold(w.replace('_', ' ')) for w in words)})(?!\w)"


_ARABIC_MONTH = [re.compile(_arabic(arabic.split())) for _, arabic in _MONTHS]
_ENGLISH_MONTH = [re.compile(rf"\b(?:{'|'.join(english.split())})\b") for english, _ in _MONTHS]
_NUMBER_WORD = {
    value: re.compile(
        rf"(?<!\w)(?:{'|'.join(w for w in words.split() if w.isascii()) or 'x^'})s?(?!\w)"
        rf"|{_arabic([w for w in words.split() if not w.isascii()] or ['x^'])}"
    )
    for value, words in _NUMBER_WORDS.items()
}

_HUNDRED_STEMS = {3: "ثلاث", 4: "أربع", 5: "خمس", 6: "ست", 7: "سبع", 8: "ثمان ثماني", 9: "تسع"}
_ARABIC_HUNDREDS = {
    n: re.compile(_arabic([f"{stem}{hundred}" for stem in stems.split() for hundred in ("مئة", "مائة")]))
    for n, stems in _HUNDRED_STEMS.items()
}
"""ثلاثمئة to تسعمائة, which are written as one word."""

MAX_PARTS = 12
"""So many different numbers in one sentence and sums of three are no evidence of anything."""

MONTH_WORDS = {
    fold(word.replace("_", " ")): number
    for number, (english, arabic) in enumerate(_MONTHS, start=1)
    for word in [*english.split(), *arabic.split()]
    # Words of other meanings too; ``doubtful_months`` tells some apart by what stands beside them.
    if fold(word) not in ("may", "march", "mar", "ماي", "جوان")
}
"""Folded name of a month, of one word or two → 1 to 12."""

MONTH_STARTS = frozenset(name.split()[0] for name in MONTH_WORDS)
"""First words of months' names: two of them (تشرين, كانون) need their second."""

_AB = re.compile(r"(?<!\w)[وفبلك]?آب(?!\w)")
"""August in the Levant, told from أب (father) by its madda, which folding takes away."""

# "May" and "March" are also words; as months they stand beside a day, a year or a preposition.
_AMBIGUOUS = re.compile(
    r"(?:\b(?:in|of|by|on|until|since|from|before|after|last|next|this|early|mid|late|and|to)[ -]|\d\s|^)"
    r"(?:May|March)\b(?!\s+(?:be|not|have|also|still)\b)|\b(?:May|March)\.?,?\s+\d"
)


def doubtful_months(text: str) -> set[int]:
    """Of March, May and آب (August) those that a text means as months, and not as a verb or a father."""
    beside = [match.group() for match in _AMBIGUOUS.finditer(text)]
    found = {month for month, word in ((3, "March"), (5, "May")) if any(word in match for match in beside)}
    return found | {8} if _AB.search(text) else found


def months(text: str) -> set[int]:
    """The months that a text names, 1 to 12, in English or in any of the Arabic families."""
    folded = fold(text)
    found = {n for n, pattern in enumerate(_ARABIC_MONTH, start=1) if pattern.search(folded)}
    found |= {
        n for n, pattern in enumerate(_ENGLISH_MONTH, start=1) if n not in (3, 5) and pattern.search(text)
    }
    return found | doubtful_months(text)


def years(text: str) -> set[int]:
    """The numbers in digits that may be years of our time."""
    # Python refuses to read thousands of digits as a number.
    return {int(value) for value in numbers(text) if len(value) == 4 and value.isdigit()} & {*YEARS}


def claimed(text: str) -> set[str]:
    """What a claim commits itself to: its numbers in digits, and ``month 9`` for a month that it names."""
    return {*numbers(text), *(f"month {n}" for n in months(text))}


def _composed(text: str, words: set[str]) -> set[str]:
    """Numbers that the number words and digits of a source can make together: twenty-five, 3 thousand."""
    parts = {int(value) for value in words | set(numbers(text)) if value.isdigit() and len(value) <= 7}
    pairs = {a * b for a in parts for b in parts if b >= 100} | {a + b for a in parts for b in parts if a > b}
    triples = {a + b for a in pairs for b in parts if a > b} if len(parts) <= MAX_PARTS else set()
    return {str(value) for value in pairs | triples}


def held(text: str) -> set[str]:
    """What a source can bear out: its numbers in digits or words, and the months that it names.

    Lenient on purpose: it says what could be meant, and a claim's value that is not even among these is
    certainly not in the source.
    """
    folded = fold(text)
    in_words = {value for value, pattern in _NUMBER_WORD.items() if pattern.search(folded)}
    in_words |= {str(100 * n) for n, pattern in _ARABIC_HUNDREDS.items() if pattern.search(folded)}
    return claimed(text) | in_words | (_composed(text, in_words) if in_words else set())


def missing(claim: str, sources: list[str]) -> list[str]:
    """The claim's values that none of the sources holds, sorted; empty when all are borne out."""
    known = set().union(*(held(source) for source in sources)) if sources else set()
    return sorted(claimed(claim) - known)
