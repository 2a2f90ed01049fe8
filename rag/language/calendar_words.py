"""Months, weekdays, seasons and units of time in English and Arabic.

Arabic news writes two families of month names, often side by side (سبتمبر/أيلول), and North African papers
write a third one. All of these tables are general knowledge; no article or question set is a source of them.
"""

from __future__ import annotations

from rag.language.folding import fold
from rag.language.word_classes import closed
from rag.records import Language

MONTHS = (
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
"""For each month its English names and abbreviations and its Arabic names of all families, as written. An
underscore represents the space in a name of two words."""

MONTH_NAMES: dict[Language, list[str]] = {
    "en": [english.split()[0] for english, _ in MONTHS],
    "ar": [arabic.split()[0] for _, arabic in MONTHS],
}
"""The name of each month that answers use, as written."""

AMBIGUOUS_MONTHS = {"march": 3, "mar": 3, "may": 5, "اب": 8}
"""Folded names that are also other words (a verb; أب, a father). ``quantities.doubtful_months`` decides which
of them a text uses as months."""

MONTH_WORDS = {
    fold(word.replace("_", " ")): number
    for number, (english, arabic) in enumerate(MONTHS, start=1)
    for word in [*english.split(), *arabic.split()]
    if fold(word) not in (*AMBIGUOUS_MONTHS, "ماي", "جوان")
}
"""Number of the month (1 to 12) by its folded name of one or two words, without the ambiguous names."""

LESS_COMMON_MONTHS = {
    6: "يونية", 7: "يولية يوليوز", 8: "آب غشت", 9: "شتنبر",
    11: "نونبر", 12: "دجنبر",
}  # fmt: skip
"""Rarer Arabic names of months, most of them Moroccan, as written. Only translation reads them, as some are
ambiguous."""

HIJRI_MONTHS = (
    ("Muharram", "محرم المحرم"),
    ("Safar", "صفر"),
    ("Rabi al-Awwal", "ربيع_الأول"),
    ("Rabi al-Thani", "ربيع_الثاني ربيع_الآخر"),
    ("Jumada al-Awwal", "جمادى_الأولى"),
    ("Jumada al-Thani", "جمادى_الآخرة جمادى_الثانية"),
    ("Rajab", "رجب"),
    ("Shaban", "شعبان"),
    ("Ramadan", "رمضان"),
    ("Shawwal", "شوال"),
    ("Dhu al-Qadah", "ذو_القعدة ذي_القعدة"),
    ("Dhu al-Hijjah", "ذو_الحجة ذي_الحجة"),
)
"""Months of the Hijri calendar, transliterated, and in Arabic; they have no month of the other calendar. An
underscore represents a space."""

MONTH_STARTS = frozenset(name.split()[0] for name in MONTH_WORDS)
"""First words of the names of months. Two of them, تشرين and كانون, need their second word."""

TWO_WORD_MONTHS = closed("كانون تشرين")
"""First words of month names that consist of two words."""

SECOND_WORDS_OF_MONTHS = closed("الاول الثاني")
"""Second words of month names, which alone are ordinals."""

MONTH_ABBREVIATIONS = closed("jan feb mar apr jun jul aug sep sept oct nov dec")
"""Abbreviations that are written with a full stop."""

LAST_DAY = 31
"""The largest number of a day in a month."""

DAY_NAMES: dict[Language, list[str]] = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "ar": ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
}
"""The name of each weekday that answers use, as written."""

WEEKDAYS = {
    fold(name): day for day, names in enumerate(zip(*DAY_NAMES.values(), strict=True)) for name in names
}
"""Number of the weekday by its folded name: 0 for Monday to 6 for Sunday."""

WEEKDAY_ABBREVIATIONS = closed("mon tue tues wed thu thur thurs fri")
"""Abbreviations that are written with a full stop; "sat" and "sun" are other words too."""

SEASONS = closed("صيف شتاء خريف ربيع")
"""Arabic seasons, folded."""

DECADES = {
    20: "عشرينيات عشرينات", 30: "ثلاثينيات ثلاثينات", 40: "أربعينيات أربعينات", 50: "خمسينيات خمسينات",
    60: "ستينيات ستينات", 70: "سبعينيات سبعينات", 80: "ثمانينيات ثمانينات", 90: "تسعينيات تسعينات",
}  # fmt: skip
"""Arabic names of the decades of a century, as written, by their first year."""

TIME_UNITS = (
    ("second", "ثانية", "ثانيتان ثانيتين", "ثوان ثواني", ""),
    ("minute", "دقيقة", "دقيقتان دقيقتين", "دقائق", ""),
    ("hour", "ساعة", "ساعتان ساعتين", "ساعات", ""),
    ("day", "يوم", "يومان يومين", "أيام", "يوما"),
    ("night", "ليلة", "ليلتان ليلتين", "ليال ليالي", ""),
    ("week", "أسبوع", "أسبوعان أسبوعين", "أسابيع", "أسبوعا"),
    ("month", "شهر", "شهران شهرين", "أشهر شهور", "شهرا"),
    ("year", "عام", "عامان عامين", "أعوام", "عاما"),
    ("year", "سنة", "سنتان سنتين", "سنوات سنين", ""),
    ("decade", "عقد", "عقدان عقدين", "عقود", "عقدا"),
    ("century", "قرن", "قرنان قرنين", "قرون", "قرنا"),
)
"""Units of time, as written: English, then the Arabic singular, duals, plurals, and the form after 11 to 99
if it differs from the singular."""

_PLURALS = {"century": "centuries"}

_OFTEN_OTHER = closed("second day night ثانيتان ثانيتين ثواني ليلتان ليلتين ليالي عقدا")
"""Folded units that often mean something else ("second-hand", "night clubs", "day labourers", twelve عقدا,
which are contracts), and rarer forms."""


def plural_of_unit(unit: str) -> str:
    """The English plural of a unit of time."""
    return _PLURALS.get(unit, f"{unit}s")


UNITS_OF_TIME = (
    frozenset(
        fold(form)
        for unit, *arabic in TIME_UNITS
        for form in (unit, plural_of_unit(unit), *" ".join(arabic).split())
    )
    - _OFTEN_OTHER
)
"""Units of time in both languages, folded. Arabic duals are included; they contain a number."""
