"""Writes numbers, ordinals, decades and counted units as newspapers of either language print them."""

from __future__ import annotations

from decimal import Decimal

from rag.language.calendar_words import DECADES, TIME_UNITS, plural_of_unit
from rag.language.number_words import CARDINALS, ORDINALS
from rag.language.quantities import YEARS
from rag.records import Language

_ARABIC = {3: "ألف", 6: "مليون", 9: "مليار", 12: "تريليون"}
_ARABIC_PLURALS = {3: "آلاف", 6: "ملايين", 9: "مليارات", 12: "تريليونات"}
_ENGLISH_POWERS = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}


def written(value: Decimal, language: Language, *, counts: bool = False) -> str:
    """A number as a newspaper prints it: ``3.5 million``, ``3,500``, ``3.5 مليون``, ``3 آلاف``; years plain.

    Args:
        value: The number.
        language: In which to write it.
        counts: It counts something, so that it is no year.
    """
    for power in (12, 9, 6):
        if value >= Decimal(10) ** power and (value.scaleb(2 - power)) % 1 == 0:
            amount = f"{value.scaleb(-power).normalize():f}"
            if language == "en":
                return f"{amount} {_ENGLISH_POWERS[power]}"
            if amount == "1":
                return _ARABIC[power]
            plural = amount in map(str, range(3, 11))
            return f"{amount} {(_ARABIC_PLURALS if plural else _ARABIC)[power]}"
    if (value in YEARS and not counts) or value != value.to_integral():
        return f"{value.normalize():f}"
    if language == "ar" and value >= 1000 and value % 1000 == 0:
        amount = f"{value.scaleb(-3).normalize():f}"
        if amount == "1":
            return _ARABIC[3]
        return f"{amount} {_ARABIC_PLURALS[3] if int(amount) in range(3, 11) else _ARABIC[3]}"
    return f"{int(value):,}"


def plain(value: Decimal) -> str:
    """A number in digits alone, for comparing: 3500000, 2.5."""
    return f"{value.normalize():f}"


def ordinal_in_english(value: int) -> str:
    """``first`` to ``tenth``, then ``11th``, ``21st``."""
    if value in range(1, 11):
        return ORDINALS[value][0]
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def decade_in_arabic(year: int) -> str:
    """تسعينيات القرن الماضي for 1990, ثلاثينيات القرن الـ19 for 1830; empty where there is no name."""
    if year % 100 not in DECADES:
        return ""
    century = "القرن الماضي" if 1900 <= year < 2000 else f"القرن الـ{year // 100 + 1}"
    return f"{DECADES[year % 100].split()[0]} {century}"


def counted_in_arabic(count: int, unit: str) -> str:
    """A unit of time after its number: ``3`` year → ثلاثة أعوام, 25 → 25 عاما; empty for other units."""
    row = next((row for row in TIME_UNITS if unit in (row[0], plural_of_unit(row[0]))), None)
    if row is None or count < 2:
        return ""
    _, singular, duals, plurals, accusative = row
    if count == 2:
        return duals.split()[1]
    if count > 10:
        rest = count % 100
        form = plurals.split()[0] if 2 < rest < 11 else (accusative or singular) if rest > 10 else singular
        return f"{count:,} {form}"
    masculine, feminine = CARDINALS[count][1].split()[:2]
    return f"{feminine if singular.endswith('ة') else masculine} {plurals.split()[0]}"


def ordinal_in_arabic(value: int) -> tuple[str, ...]:
    """الثاني and الثانية; above ten with digits, as newspapers print it: الـ21."""
    return tuple(ORDINALS[value][1].split()) if value in range(1, 11) else (f"الـ{value}",)
