"""Currencies, units, percent and rough numbers in both languages, as newspapers write them.

Months, weekdays, units of time and number words are in ``calendar_words`` and ``number_words``. All of it is
general knowledge; no article is its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from rag.language.calendar_words import (
    DAY_NAMES,
    DECADES,
    HIJRI_MONTHS,
    LESS_COMMON_MONTHS,
    MONTH_ABBREVIATIONS,
    MONTH_NAMES,
    MONTHS,
    TIME_UNITS,
    plural_of_unit,
)
from rag.language.translation.words import Word, keys_of, longest, unprefixed
from rag.records import Language

CURRENCIES = (
    ("dollar", "dollars", "$", "دولار", "دولارات دولارا", "دولاران دولارين"),
    ("euro", "euros", "€", "يورو", "", ""),
    ("pound", "pounds", "£", "جنيه", "جنيهات جنيها", "جنيهان جنيهين"),
    ("lira", "liras", "", "ليرة", "ليرات", "ليرتين ليرتان"),
    ("dinar", "dinars", "", "دينار", "دنانير دينارا", "ديناران دينارين"),
    ("dirham", "dirhams", "", "درهم", "دراهم درهما", "درهمان درهمين"),
    ("riyal", "riyals", "", "ريال", "ريالات ريالا", "ريالان ريالين"),
    ("rial", "rials", "", "ريال", "", ""),
    ("shekel", "shekels", "₪", "شيكل", "شواكل شيكلا", "شيقل شواقل"),
    ("yen", "yen", "¥", "ين", "", ""),
    ("yuan", "yuan", "", "يوان", "يوانات يوانا", ""),
    ("rouble", "roubles", "", "روبل", "روبلات روبلا", ""),
    ("ruble", "rubles", "", "روبل", "", ""),
    ("rupee", "rupees", "", "روبية", "روبيات", ""),
    ("rupiah", "rupiah", "", "روبية", "", ""),
    ("reais", "reais", "", "ريال", "", ""),
    ("franc", "francs", "", "فرنك", "فرنكات فرنكا", ""),
    ("toman", "tomans", "", "تومان", "تومانات تومانا", ""),
    ("peso", "pesos", "", "بيزو", "", ""),
    ("won", "won", "", "وون", "", ""),
    ("cent", "cents", "", "سنت", "سنتات سنتا", ""),
)
"""English singular and plural, sign, Arabic singular, its forms after 3 to 10 and after 11 to 99 where they
differ from it, and its other forms."""

UNITS = (
    (
        "kilometre",
        "kilometres",
        "كيلومتر",
        "كيلومترات كيلومترا",
        "كلم",
        "كيلومترين كيلومتران",
        "km kilometer kilometers",
    ),
    (
        "square kilometre",
        "square kilometres",
        "كيلومتر مربع",
        "كيلومترات_مربعة كيلومترا_مربعا",
        "",
        "",
        "square_kilometers",
    ),
    ("metre", "metres", "متر", "أمتار مترا", "", "مترين متران", "meter meters"),
    (
        "square metre",
        "square metres",
        "متر مربع",
        "أمتار_مربعة مترا_مربعا",
        "",
        "",
        "square_meters square_meter",
    ),
    (
        "cubic metre",
        "cubic metres",
        "متر مكعب",
        "أمتار_مكعبة مترا_مكعبا",
        "",
        "",
        "cubic_meters cubic_meter",
    ),
    (
        "centimetre",
        "centimetres",
        "سنتيمتر",
        "سنتيمترات سنتيمترا",
        "سنتم",
        "سنتيمترين",
        "cm centimeters centimeter",
    ),
    ("mile", "miles", "ميل", "أميال ميلا", "", "ميلين ميلان", ""),
    ("foot", "feet", "قدم", "أقدام قدما", "", "قدمين قدمان", ""),
    ("tonne", "tonnes", "طن", "أطنان طنا", "", "طنين طنان", "ton tons"),
    (
        "kilogram",
        "kilograms",
        "كيلوغرام",
        "كيلوغرامات كيلوغراما",
        "كيلوجرام كيلوجرامات كغ كغم كجم كلغ",
        "كيلوغرامين",
        "kg kilo kilos",
    ),
    ("gram", "grams", "غرام", "غرامات غراما", "جرام جرامات", "غرامين", ""),
    ("litre", "litres", "لتر", "لترات لترا", "ليتر", "لترين لتران", "liter liters"),
    ("barrel", "barrels", "برميل", "براميل برميلا", "", "برميلين", ""),
    (
        "barrel per day",
        "barrels per day",
        "برميل يوميا",
        "براميل_يوميا برميلا_يوميا",
        "",
        "",
        "barrels_a_day bpd",
    ),
    ("hectare", "hectares", "هكتار", "هكتارات هكتارا", "", "هكتارين", ""),
    ("acre", "acres", "فدان", "أفدنة فدانا", "", "فدانين", ""),
    ("megawatt", "megawatts", "ميغاوات", "", "ميجاوات ميغاواط", "", "mw"),
    ("degree", "degrees", "درجة", "درجات", "", "درجتين درجتان", ""),
    ("degree Celsius", "degrees Celsius", "درجة مئوية", "درجات_مئوية", "", "", ""),
    (
        "kilometre per hour",
        "kilometres per hour",
        "كيلومتر في الساعة",
        "كيلومترات_في_الساعة كيلومترا_في_الساعة",
        "كم_في_الساعة كم_الساعة كم_ساعة كم_س كلم_في_الساعة كلم_ساعة",
        "",
        "kmh kph",
    ),
    ("mile per hour", "miles per hour", "ميل في الساعة", "أميال_في_الساعة ميلا_في_الساعة", "", "", "mph"),
)
"""English singular and plural, Arabic singular, its forms after 3 to 10 and after 11 to 99 where they differ
from it, its other forms, its duals, and other English forms. An underscore represents a space."""

PERCENT = {
    "en": ("percent", "per cent", "%", "pct"),
    "ar": ("في المئة", "في المائة", "بالمئة", "بالمائة", "%"),
}
"""What follows the number of a percentage."""

ROUGH = (
    ("dozens", "عشرات", "العشرات"),
    ("hundreds", "مئات", "المئات"),
    ("thousands", "آلاف", "الآلاف"),
    ("millions", "ملايين", "الملايين"),
    ("billions", "مليارات", "المليارات"),
    ("trillions", "تريليونات", "التريليونات"),
    ("tens of thousands", "عشرات الآلاف", ""),
    ("hundreds of thousands", "مئات الآلاف", ""),
    ("tens of millions", "عشرات الملايين", ""),
    ("hundreds of millions", "مئات الملايين", ""),
    ("tens of billions", "عشرات المليارات", ""),
    ("hundreds of billions", "مئات المليارات", ""),
)
"""Approximate numbers: English, Arabic, and another Arabic form."""

TWICE = (("twice", "مرتين", "مرتان"), ("twofold", "ضعفين", "ضعفان"))

Phrase = tuple[str, ...]


_MOST_WORDS = 4
"""Most words of a phrase."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table's entry for a word or phrase."""

    key: str
    """The same for all forms in both languages: ``month 9``, ``weekday 2``, ``currency dollar``."""
    targets: tuple[str, ...]
    """Equivalents in the other language, best first."""


def _forms(text: str) -> list[str]:
    return [form.replace("_", " ") for form in text.split()]


def _add(table: dict[Phrase, Entry], forms: list[str], key: str, targets: list[str]) -> None:
    """Add the forms of an entry; a form that has an entry already gets the equivalents of both."""
    for form in forms:
        phrase = keys_of(form)
        before = table.get(phrase)
        kept = (*(before.targets if before else ()), *targets)
        if phrase:
            table[phrase] = Entry(before.key if before else key, tuple(dict.fromkeys(kept)))


@lru_cache(maxsize=1)
def dates() -> dict[Language, dict[Phrase, Entry]]:
    """Months of all Arabic families of names, and weekdays."""
    tables: dict[Language, dict[Phrase, Entry]] = {"en": {}, "ar": {}}
    for number, (english, arabic) in enumerate(MONTHS, start=1):
        names = [*_forms(arabic), *LESS_COMMON_MONTHS.get(number, "").split()]
        second = {8: "آب"}.get(number) or next(iter(_forms(arabic)[1:]), "")
        _add(tables["ar"], names, f"month {number}", [MONTH_NAMES["en"][number - 1]])
        short = [word for word in MONTH_ABBREVIATIONS if english.lower().startswith(word)]
        _add(tables["en"], [*english.split(), *short], f"month {number}", [names[0], second])
    for day, (english, arabic) in enumerate(zip(DAY_NAMES["en"], DAY_NAMES["ar"], strict=True)):
        _add(tables["ar"], [arabic], f"weekday {day}", [english])
        _add(tables["en"], [english, f"{english}s"], f"weekday {day}", [arabic])
    return tables


@lru_cache(maxsize=1)
def hijri() -> dict[Language, dict[Phrase, Entry]]:
    """Months of the Hijri calendar; their English is a transliteration."""
    tables: dict[Language, dict[Phrase, Entry]] = {"en": {}, "ar": {}}
    for number, (english, arabic) in enumerate(HIJRI_MONTHS, start=1):
        _add(tables["ar"], _forms(arabic), f"hijri {number}", [english])
        _add(tables["en"], [english], f"hijri {number}", _forms(arabic)[:1])
    return tables


@lru_cache(maxsize=1)
def units() -> dict[Language, dict[Phrase, Entry]]:
    """Currencies, units and percent, which numbers count; their keys begin with these words."""
    tables: dict[Language, dict[Phrase, Entry]] = {"en": {}, "ar": {}}
    for singular, plural, sign, arabic, after_numbers, more in CURRENCIES:
        shared = {
            "rial": "riyal",
            "ruble": "rouble",
            "lira": "pound",
            "rupiah": "rupee",
            "reais": "riyal",
        }.get(singular, singular)
        _add(tables["ar"], [arabic, *_forms(f"{after_numbers} {more}")], f"currency {shared}", [plural])
        _add(tables["en"], [singular, plural, *([sign] if sign else [])], f"currency {shared}", [arabic])
    _add(tables["en"], ["pound", "pounds"], "currency pound", ["ليرة", "رطل"])
    _add(tables["ar"], ["رطل", "رطلا", "أرطال"], "currency pound", ["pounds"])  # a weight
    for singular, plural, arabic, after_numbers, more, _, english in UNITS:
        _add(tables["ar"], [arabic, *_forms(f"{after_numbers} {more}")], f"unit {singular}", [plural])
        _add(
            tables["en"],
            list(dict.fromkeys([singular, plural, *_forms(english)])),
            f"unit {singular}",
            [arabic],
        )
    _add(tables["ar"], list(PERCENT["ar"]), "percent", ["percent"])
    _add(tables["en"], list(PERCENT["en"]), "percent", ["في المئة"])
    return tables


_SINGULARS = {row[1]: row[0] for row in (*CURRENCIES, *UNITS)}
"""English singulars by their plurals."""
_COUNTED = {
    arabic: _forms(after_numbers)
    for *_, arabic, after_numbers in (*(row[:5] for row in CURRENCIES), *(row[:4] for row in UNITS))
    if after_numbers
}
"""Arabic forms after 3 to 10 and, where it differs from the singular, after 11 to 99, by the singular."""


def counted(unit: str, value: Decimal) -> str:
    """A unit as it is written after a number in its language.

    >>> counted("دولار", Decimal(5)), counted("دولار", Decimal(25)), counted("kilometres", Decimal(1))
    ('دولارات', 'دولارا', 'kilometre')

    Args:
        unit: The tables' equivalent: the Arabic singular or the English plural.
        value: The number; in Arabic its last two digits decide, and the singular follows a fraction.
    """
    if unit in _SINGULARS:
        return _SINGULARS[unit] if value == 1 else unit
    forms, rest = _COUNTED.get(unit, []), value % 100
    if value != value.to_integral() or rest < 3 or not forms:
        return unit
    return forms[0] if rest <= 10 else (*forms, unit)[1]


@lru_cache(maxsize=1)
def amounts() -> dict[Language, dict[Phrase, Entry]]:
    """Phrases that contain a number: duals of units, approximate numbers, twice."""
    tables: dict[Language, dict[Phrase, Entry]] = {"en": {}, "ar": {}}
    for unit, _, duals, _, _ in TIME_UNITS:
        two_units = f"two {plural_of_unit(unit)}"
        _add(tables["ar"], duals.split(), f"2 {unit}", [two_units])
        _add(tables["en"], [two_units], f"2 {unit}", [duals.split()[1]])
    for singular, plural, _, _, _, duals, _ in UNITS:
        if duals:
            _add(tables["ar"], duals.split(), f"2 {singular}", [f"two {plural}"])
            _add(tables["en"], [f"two {plural}"], f"2 {singular}", duals.split()[:1])
    for english, arabic, more in (*ROUGH, *TWICE):
        _add(tables["ar"], [form for form in (arabic, more) if form], f"about {english}", [english])
        _add(tables["en"], [english], f"about {english}", [arabic])
    return tables


@lru_cache(maxsize=1)
def decades() -> dict[str, int]:
    """The first year within its century of each Arabic decade, by its folded name, also with article."""
    forms = {word: year for year, words in DECADES.items() for word in words.split()}
    return {keys_of(f"{article}{word}")[0]: year for word, year in forms.items() for article in ("", "ال")}


def phrase_at(
    table: dict[Phrase, Entry], words: Sequence[Word], at: int, language: Language
) -> tuple[Entry, int, str] | None:
    """The longest phrase at a word: its entry, its length in words, and its first word in the table."""
    if at >= len(words):
        return None
    firsts = unprefixed(words[at].key) if language == "ar" else (words[at].key,)
    for size in longest(words, at, _MOST_WORDS):
        rest = tuple(word.key for word in words[at + 1 : at + size])
        for first in firsts:
            if entry := table.get((first, *rest)):
                return entry, size, first
    return None
