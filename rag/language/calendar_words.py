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

UNITS_OF_TIME = closed(
    "year years month months week weeks days hour hours minute minutes seconds decade decades century "
    "centuries nights سنه سنوات سنين عام عاما اعوام شهر شهرا اشهر شهور اسبوع اسبوعا اسابيع يوم يوما ايام "
    "ساعه ساعات دقيقه دقايق ثانيه ثوان عقد عقود قرن قرنا قرون ليله ليال سنتين سنتان عامين عامان شهرين شهران "
    "اسبوعين اسبوعان يومين يومان ساعتين ساعتان دقيقتين دقيقتان عقدين عقدان قرنين قرنان"
)
"""Units of time, folded. Arabic duals are included; they contain their own number. Words that often mean
something else are not ("second-hand", "night clubs", "day labourers", twelve عقدا, which are contracts)."""
