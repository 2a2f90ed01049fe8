"""Tables of general knowledge behind hints: particles, function words, months, weekdays, spans, numbers."""

from __future__ import annotations

import re

from rag.language.quantities import YEARS
from rag.language.text import fold

_STOP = """
في من على إلى الى عن أن إن ان التي الذي الذين اللذين اللواتي هذا هذه ذلك تلك هؤلاء كان كانت كانوا يكون تكون ما
لا لم لن قد كما هو هي هم هن أنا نحن أنت مع كل أو أي ثم حتى إذا لكن ولكن بل به بها له لها لهم فيه فيها منه منها
عنه عنها عليه عليها إليه إليها وهو وهي وفي ومن وعلى وأن وإن وقد وكان وكانت ولم ولا بأن لأن كأن أنه أنها وأنه
أيضا غير هناك هنا عند عندما حيث بعض بعد قبل بين خلال منذ نحو لدى دون
"""
ARABIC_STOP = frozenset(fold(word) for word in _STOP.split())
"""Folded function words that the model knows; a hint for each would only lengthen the prompt."""

_ENGLISH_STOP = """
a an the of in on at to for from by with and or but nor so as is are was were be been being am do does did has
have had will would can could may might must shall should not no it its he his him she her they their them we
our us you your i my me this that these those there here who whom whose which what when where why how if then
than into over under about after before between during while also very more most much many some any each such
only own same other up down out off again once too just both all i'm it's don't he's that's
"""
ENGLISH_STOP = frozenset(_ENGLISH_STOP.split())

_JOINED = ("و", "ف", "ب", "ل", "ك", "وب", "ول", "وك", "فب", "فل")
PREFIXES = (
    *((particle, "") for particle in _JOINED),
    ("لل", "ال"), ("ولل", "ال"), ("لل", ""), ("ولل", ""),
    *((f"{particle}ال", "") for particle in ("", *_JOINED)),
    ("س", ""), ("وس", ""), ("فس", ""),
)  # fmt: skip
"""Attached particles, folded, and what is to be put back: للولايات is ل and الولايات."""

_PRONOUNS = ("ه", "ها", "هم", "هن", "هما", "نا", "ك", "كم", "ي", "ني")
SUFFIXES = (
    *((pronoun, ("", "ه")) for pronoun in _PRONOUNS),
    *((f"ت{pronoun}", ("ه",)) for pronoun in _PRONOUNS),
    ("ا", ("", "ه")), ("ات", ("ه", "")), ("اتها", ("ه", "ات")), ("اتهم", ("ه", "ات")), ("اته", ("ه", "ات")),
    ("ين", ("", "ه")), ("ون", ("",)), ("ان", ("", "ه")), ("تين", ("ه",)), ("تان", ("ه",)), ("وا", ("",)),
    ("ت", ("", "ه")), ("يه", ("ي", "")), ("ه", ("",)),
)  # fmt: skip
"""Folded endings, and what may have been in their place."""

_MONTHS = (
    ("January", "يناير", "كانون الثاني"), ("February", "فبراير", "شباط"), ("March", "مارس", "آذار"),
    ("April", "أبريل", "نيسان"), ("May", "مايو", "أيار"), ("June", "يونيو", "حزيران"),
    ("July", "يوليو", "تموز"), ("August", "أغسطس", "آب"), ("September", "سبتمبر", "أيلول"),
    ("October", "أكتوبر", "تشرين الأول"), ("November", "نوفمبر", "تشرين الثاني"),
    ("December", "ديسمبر", "كانون الأول"),
)  # fmt: skip
_MORE_MONTHS = {
    "إبريل": "April", "أفريل": "April", "يونية": "June", "يولية": "July", "جانفي": "January",
    "فيفري": "February", "جويلية": "July", "أوت": "August", "اكتوبر": "October", "يوليوز": "July",
    "شتنبر": "September", "نونبر": "November", "دجنبر": "December", "غشت": "August",
}  # fmt: skip
_WEEKDAYS = {
    "Monday": "الاثنين الإثنين", "Tuesday": "الثلاثاء", "Wednesday": "الأربعاء", "Thursday": "الخميس",
    "Friday": "الجمعة", "Saturday": "السبت", "Sunday": "الأحد",
}  # fmt: skip
_SPANS = {
    "ساعتين ساعتان": "two hours", "يومين يومان": "two days", "أسبوعين أسبوعان": "two weeks",
    "شهرين شهران": "two months", "عامين عامان سنتين سنتان": "two years", "دقيقتين دقيقتان": "two minutes",
    "عقدين عقدان": "two decades", "قرنين قرنان": "two centuries", "مرتين مرتان": "twice",
    "ثانيتين ثانيتان": "two seconds", "ليلتين ليلتان": "two nights",
}  # fmt: skip
_PHRASES = {
    "في المئة": "percent", "في المائة": "percent", "بالمئة": "percent", "بالمائة": "percent",
    "مئات": "hundreds", "عشرات": "dozens", "آلاف": "thousands",
}  # fmt: skip

ARABIC_VALUES: dict[str, str] = {
    **{fold(word): english for english, *words in _MONTHS for word in words},
    **{fold(word): english for word, english in _MORE_MONTHS.items()},
    **{fold(word): english for english, words in _WEEKDAYS.items() for word in words.split()},
    **{fold(word): english for words, english in _SPANS.items() for word in words.split()},
    **{fold(phrase): english for phrase, english in _PHRASES.items()},
}
"""Folded word or pair of words → English."""

ENGLISH_VALUES: dict[str, tuple[str, ...]] = {
    **{english.lower(): tuple(words) for english, *words in _MONTHS if english != "March"},
    **{english.lower(): (words.split()[0],) for english, words in _WEEKDAYS.items()},
    "percent": ("في المئة",),
    "%": ("في المئة",),
}
CAPITALS = frozenset(english.lower() for english, *_ in _MONTHS) | {day.lower() for day in _WEEKDAYS}
"""English words that are dates only with a capital."""


def is_meant(key: str, shown: str) -> bool:
    """Whether a folded word is a date as it is written: آب is August and أب a father."""
    return key != "اب" or "آ" in shown


_UNITS = {
    1: "واحد واحدة أحد إحدى", 2: "اثنان اثنين اثنتان اثنتين اثنا اثني اثنتا اثنتي", 3: "ثلاث ثلاثة",
    4: "أربع أربعة", 5: "خمس خمسة", 6: "ست ستة", 7: "سبع سبعة", 8: "ثمان ثماني ثمانية", 9: "تسع تسعة",
    10: "عشر عشرة", 20: "عشرون عشرين", 30: "ثلاثون ثلاثين", 40: "أربعون أربعين", 50: "خمسون خمسين",
    60: "ستون ستين", 70: "سبعون سبعين", 80: "ثمانون ثمانين", 90: "تسعون تسعين", 100: "مئة مائة",
    200: "مئتان مئتين مائتان مائتين",
}  # fmt: skip
_HUNDREDS = {3: "ثلاث", 4: "أربع", 5: "خمس", 6: "ست", 7: "سبع", 8: "ثمان ثماني", 9: "تسع"}
_VALUE_OF = {fold(word): value for value, words in _UNITS.items() for word in words.split()}
_VALUE_OF |= {
    fold(start + hundred): 100 * value
    for value, starts in _HUNDREDS.items()
    for start in starts.split()
    for hundred in ("مئة", "مائة")
}
_POWERS = {
    fold(word): power
    for power, words in (
        (1000, "ألف ألفا آلاف"),
        (10**6, "مليون مليونا ملايين"),
        (10**9, "مليار مليارا مليارات بليون بلايين"),
        (10**12, "تريليون تريليونات"),
    )
    for word in words.split()
}
_DUALS = {
    fold(word): power
    for power, words in ((1000, "ألفان ألفين"), (10**6, "مليونان مليونين"), (10**9, "ملياران مليارين"))
    for word in words.split()
}
_NAMES = {1000: "thousand", 10**6: "million", 10**9: "billion", 10**12: "trillion"}
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


def arabic_number(words: list[str]) -> tuple[int, str]:
    """The number that a sentence's folded words begin with.

    Args:
        words: From the number's first word on.

    Returns:
        How many words it takes, and the number in English: ``(2, "3.5 million")``, ``(3, "125")``. (0, "")
        where no number of several words begins, as single ones are in the lexicon.
    """
    if not words:
        return 0, ""
    if _DIGITS.fullmatch(words[0]) and len(words) > 1 and words[1] in _POWERS:
        return 2, f"{words[0]} {_NAMES[_POWERS[words[1]]]}"
    total, current, used = 0, 0, 0
    for at, word in enumerate(words):
        bare = word if at == 0 or word in _VALUE_OF or word in _POWERS else word.removeprefix("و")
        joined = bare != word or at == 0
        if bare in _DUALS and joined:
            total += 2 * _DUALS[bare]
        elif bare in _POWERS and (current or joined):
            total += max(current, 1) * _POWERS[bare]
            current = 0
        elif bare in _VALUE_OF and _continues(current, _VALUE_OF[bare], joined and at > 0):
            value = _VALUE_OF[bare]
            current = current * 100 if value == 100 and 3 <= current <= 9 else current + value
        else:
            break
        used = at + 1
    value = total + current
    simple = used == 1 and (value <= 10 or words[0] in _POWERS)
    return (0, "") if not used or simple else (used, _spelled(value))


def _continues(current: int, value: int, joined: bool) -> bool:
    """Whether a number that is ``current`` so far goes on with a value.

    Args:
        current: Below a thousand; 0 at the beginning.
        value: Of the next word.
        joined: "and" stands before it.
    """
    rest = current % 100
    if value >= 100:
        return current == 0 or (value == 100 and 3 <= current <= 9 and not joined)
    if rest == 0:
        return current == 0 or joined
    return 1 <= rest <= 9 and ((value == 10 and not joined) or (value >= 20 and joined))


def _spelled(value: int) -> str:
    for power in (10**12, 10**9, 10**6):
        if value >= power and value % (power // 10) == 0:
            amount = value / power
            return f"{amount:g} {_NAMES[power]}"
    return str(value) if value in YEARS else f"{value:,}"
