"""Reads the number at a word of a sentence, in digits or words, and writes numbers as newspapers do.

Newspapers of both languages mix digits and words: ``3.5 مليون``, ``مئة وخمسة وعشرون``, ``مليوني``, ``two and
a half million``, ``half a million``, ``3.5 bn``. Values are exact decimals. Ordinals, decades and counted
units are written too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from rag.language.calendar_words import DECADES, TIME_UNITS, plural_of_unit
from rag.language.number_words import (
    CARDINALS,
    COUNTED,
    DUALS_BEFORE_NOUNS,
    FRACTIONS,
    HUNDRED_ENDINGS,
    HUNDRED_STEMS,
    MULTIPLIER_DUALS,
    MULTIPLIERS,
    ORDINALS,
    THREE_QUARTERS,
    WITHIN_NUMBERS,
)
from rag.language.quantities import YEARS
from rag.language.text import fold
from rag.language.translation.words import TANWIN, Word, unbroken, unprefixed
from rag.language.word_classes import closed
from rag.records import Language

_DIGITS = re.compile(r"\d{1,15}(?:\.\d{1,6})?")
_LETTER = "k"
"""A multiplier that is also other things, such as the end of a name."""
_ORDINAL_ENDINGS = ("st", "nd", "rd", "th")
_COUNTED_TIMES = frozenset(fold(singular) for _, singular, *_ in TIME_UNITS)
_RELATING = re.compile(r"(?!ال)\w{3,}ي")
"""Folded adjectives that are people too: سوري, عسكري."""
_NOT_COUNTED = closed("حوالي بحوالي بالتالي اجمالي باجمالي يعني يساوي تساوي يكفي تكفي يوازي توازي")


@dataclass(frozen=True, slots=True)
class Read:
    """A number that was read."""

    used: int
    """How many words it takes; 0 if no number begins there."""
    value: Decimal
    ordinal: bool = False
    in_words: bool = False
    """Whether a word, and not only digits, states it."""


NOTHING = Read(0, Decimal(0))


@lru_cache(maxsize=1)
def _words() -> tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, int]]:
    """Folded words: cardinals, ordinals, multipliers by power of ten, duals of multipliers likewise."""
    powers = {word: power for power, words in MULTIPLIERS.items() for word in words.split()}
    duals = {fold(word): power for power, words in MULTIPLIER_DUALS.items() for word in words.split()}
    cardinals = {
        fold(word): value
        for value, words in CARDINALS.items()
        for word in " ".join((*words, WITHIN_NUMBERS.get(value, ""))).split()
    }
    cardinals |= {
        fold(start + ending): 100 * value
        for value, starts in HUNDRED_STEMS.items()
        for start in starts.split()
        for ending in HUNDRED_ENDINGS
    }
    ordinals = {fold(word): value for value, words in ORDINALS.items() for word in " ".join(words).split()}
    ordinals |= {
        f"{word.removesuffix('y')}ieth": value for value, (word, _) in CARDINALS.items() if value > 19
    }
    ordinals |= {
        f"{word}th": value for value, (word, _) in CARDINALS.items() if 12 < value < 20 or value == 100
    }
    ordinals |= {fold(f"ال{w}"): v for v, (_, a) in CARDINALS.items() if 19 < v < 100 for w in a.split()}
    ordinals |= {"الحادي": 1, "الحاديه": 1}
    return {w: v for w, v in cardinals.items() if w not in powers and w not in duals}, ordinals, powers, duals


def read_number(keys: list[str], language: Language) -> Read:
    """The number that a sentence's folded words begin with.

    Args:
        keys: From the number's first word on.
        language: Of the sentence.
    """
    if not keys:
        return NOTHING
    if _DIGITS.fullmatch(keys[0]):
        return _after_digits(keys)
    fraction = _fraction(keys)
    if fraction.used:
        return fraction
    return _arabic(keys) if language == "ar" else _english(keys)


def read_at(words: list[Word], at: int, language: Language) -> Read:
    """The number that begins at a word of a sentence, also behind an Arabic particle: بثلاثة آلاف.

    Args:
        words: Of the sentence; no number crosses punctuation.
        at: Index of the word.
        language: Of the sentence.
    """
    keys = [word.key for word in words[at : at + unbroken(words, at, 12)]]
    read = read_number(keys, language)
    if read.used or language == "en" or keys[0][0] not in "وفبل":
        return read
    for first in unprefixed(keys[0])[1:]:
        read = read_number([first, *keys[1:]], language)
        if read.used and (len(first) > 3 or read.value >= 100 or read.used > 1):
            return read
    return NOTHING


def is_dual(read: Read, words: list[Word], at: int, *, unit: bool) -> bool:
    """Whether ألفا, مليونا or مليارا is a dual, as it is directly before the counted noun: ألفا دولار.

    Args:
        read: The number that was read.
        words: Of the sentence.
        at: Index of the number's word.
        unit: Whether a currency or another unit follows.
    """
    text, key = words[at].text, words[at].key
    if read.used > 1 or key.removeprefix("و") not in DUALS_BEFORE_NOUNS or TANWIN in text:
        return False
    if unit or unbroken(words, at, 2) < 2:
        return unit
    noun, following = words[at + 1].key, words[at + 2].key if at + 2 < len(words) else ""
    if noun in _COUNTED_TIMES:  # بلغ مليونا عام 2020, reached a million in 2020
        return not following[:1].isdigit() and not following.startswith("ال")
    return noun in COUNTED or (bool(_RELATING.fullmatch(noun)) and noun not in _NOT_COUNTED)


def _fraction(keys: list[str]) -> Read:
    """A fraction of a multiplier: نصف مليون, ثلاثة أرباع المليون, half a million, a quarter of a million."""
    at = 1 if keys[0] == "a" else 0
    if tuple(keys[at : at + 2]) in THREE_QUARTERS:
        part, at = Decimal("0.75"), at + 2
    else:
        word = "".join(keys[at : at + 1]).removeprefix("و").removeprefix("ال")
        part, at = Decimal(FRACTIONS.get(word, 0)), at + 1
    while keys[at : at + 1] and keys[at] in ("of", "a"):
        at += 1
    word = "".join(keys[at : at + 1])
    power = _words()[2].get(word.removeprefix("ال"), 0)
    return Read(at + 1, part.scaleb(power), in_words=True) if part and power and word != _LETTER else NOTHING


def _joined_fraction(keys: list[str], at: int) -> Read:
    """The fraction that words add to the number before them: ونصف, ونصف المليون, and a half."""
    if keys[at : at + 2] == ["and", "a"]:
        part = Decimal(FRACTIONS.get("".join(keys[at + 2 : at + 3]), 0))
        return Read(3, part) if part else NOTHING
    word = "".join(keys[at : at + 1])
    part = Decimal(FRACTIONS.get(word.removeprefix("و"), 0)) if word.startswith("و") else Decimal(0)
    repeats = "".join(keys[at + 1 : at + 2]).removeprefix("ال") in _words()[2]
    return Read(1 + repeats, part) if part else NOTHING


def _after_digits(keys: list[str]) -> Read:
    value = Decimal(keys[0])
    following = keys[1] if len(keys) > 1 else ""
    if following in _ORDINAL_ENDINGS:
        return Read(2, value, ordinal=True)
    power = _words()[2].get(following, 0)
    if not power or following == _LETTER:
        return Read(1, value)
    if (part := _joined_fraction(keys, 2)).used:
        return Read(2 + part.used, (value + part.value).scaleb(power), in_words=True)
    value = value.scaleb(power)
    rest = read_number(keys[3:], "ar") if keys[2:3] == ["و"] else NOTHING  # 3 آلاف و500
    if rest.used and rest.value < Decimal(10) ** power and value == value.to_integral():
        return Read(3 + rest.used, value + rest.value, in_words=True)
    return Read(2, value, in_words=True)


def _arabic(keys: list[str]) -> Read:
    """A number that begins with an Arabic word."""
    ordinal = _arabic_ordinal(keys)
    return ordinal if ordinal.used else _arabic_cardinal(keys)


def _arabic_ordinal(keys: list[str]) -> Read:
    """الثاني, الثاني عشر, الحادي والعشرين."""
    ordinals = _words()[1]
    value = ordinals.get(keys[0], 0) if not keys[0].isascii() else 0
    if not value:
        return NOTHING
    following = keys[1] if len(keys) > 1 else ""
    if value < 10 and following in ("عشر", "عشره"):
        return Read(2, Decimal(value + 10), ordinal=True, in_words=True)
    tens = ordinals.get(following.removeprefix("و"), 0) if following.startswith("و") else 0
    if value < 10 and tens > 19:
        return Read(2, Decimal(value + tens), ordinal=True, in_words=True)
    alone = keys[0] in ("الحادي", "الحاديه")
    return NOTHING if alone else Read(1, Decimal(value), ordinal=True, in_words=True)


def _arabic_cardinal(keys: list[str]) -> Read:
    """مئة وخمسة وعشرون, ثلاثة آلاف وخمسمئة, مليون ونصف المليون."""
    cardinals, _, powers, duals = _words()
    total, current, used = Decimal(0), 0, 0
    whole, last = NOTHING, 99
    """The number up to the last multiplier, and its power: "one thousand and five thousand" are two."""
    at = 0
    while at < len(keys):
        word = keys[at]
        bare = word if at == 0 or not word.startswith("و") or word in cardinals else word[1:]
        joined = bare != word
        power = 0 if bare.isascii() else powers.get(bare, 0) or duals.get(bare, 0)
        if power and power >= last:
            return whole
        if bare in duals and (joined or at == 0):
            total, last = total + 2 * Decimal(10) ** power, power
        elif power and bare in powers and (current or joined or at == 0):
            total, current, last = total + max(current, 1) * Decimal(10) ** power, 0, power
        elif joined and total and not current and (rest := _rest(keys, at, bare, total)).used:
            return Read(at + rest.used, total + rest.value, in_words=True)
        elif not bare.isascii() and _continues(current, cardinals.get(bare, -1), joined and at > 0):
            value = cardinals[bare]
            current = current * 100 if value == 100 and 3 <= current <= 9 else current + value
        elif tens := _tens_in_digits(keys, at, current):
            current, at = current + tens, at + 1
        else:
            break
        at = used = at + 1
        whole = Read(used, total, in_words=True) if power else whole
    return Read(used, total + current, in_words=True) if used else NOTHING


def _rest(keys: list[str], at: int, bare: str, total: Decimal) -> Read:
    """What follows a multiplier as a fraction (ونصف المليون) or in digits (و 300 ألف), from ``at`` on."""
    if (part := _joined_fraction(keys, at)).used:
        return Read(part.used, _last_power(total) * part.value)
    if bare == "" and keys[at + 1 : at + 2] and _DIGITS.fullmatch(keys[at + 1]):
        rest = _after_digits(keys[at + 1 :])
        return Read(1 + rest.used, rest.value) if rest.value < _last_power(total) else NOTHING
    return NOTHING


def _tens_in_digits(keys: list[str], at: int, current: int) -> int:
    """The digits that follow hundreds in words from ``at`` on (مئة و20 ألفا); 0 if there are none."""
    digits = "".join(keys[at + 1 : at + 2])
    follows = keys[at] == "و" and current and current % 100 == 0
    return int(digits) if follows and digits.isdecimal() and 0 < int(digits) < 100 else 0


def _last_power(total: Decimal) -> Decimal:
    return next(Decimal(10) ** p for p in (12, 9, 6, 3) if total >= Decimal(10) ** p)


def _continues(current: int, value: int, joined: bool) -> bool:
    """Whether an Arabic number that is ``current`` so far continues with a value.

    Args:
        current: Below a thousand; 0 at the beginning.
        value: Of the next word; negative if it is no number.
        joined: Whether "and" is before it.
    """
    below_hundred = current % 100
    if value < 0:
        return False
    if value >= 100:
        return current == 0 or (value == 100 and 3 <= current <= 9 and not joined)
    if below_hundred == 0:
        return current == 0 or joined
    return 1 <= below_hundred <= 9 and ((value == 10 and not joined) or (value >= 20 and joined))


def _english(keys: list[str]) -> Read:
    cardinals, ordinals, powers, _ = _words()
    total, current, used = Decimal(0), Decimal(0), 0
    article = keys[0] in ("a", "one") and len(keys) > 1 and (keys[1] == "hundred" or keys[1] in powers)
    if article and keys[1] != _LETTER:
        current, used = Decimal(1), 1
    at = used
    while at < len(keys):
        word = keys[at]
        if word in powers and current and word != _LETTER:
            total, current = total + current * Decimal(10) ** powers[word], Decimal(0)
        elif word in ("hundred", "dozen") and 0 < current < 100:
            current *= 100 if word == "hundred" else 12
        elif (current or total) and (part := _joined_fraction(keys, at)).used:
            if current:
                current += part.value
            else:
                total += _last_power(total) * part.value
            at += part.used - 1
        elif word in cardinals and word.isascii() and _adds(current, cardinals[word]) and word != "hundred":
            current += cardinals[word]
        elif word in ordinals and word.isascii() and _adds(current, ordinals[word]):
            return Read(at + 1, total + current + ordinals[word], ordinal=True, in_words=True)
        elif word == "and" and current % 100 == 0 and current and keys[at + 1 : at + 2] and used:
            following = cardinals.get(keys[at + 1], 100) if keys[at + 1].isascii() else 100
            if following >= 100 or current < 100:
                break
            at += 1
            continue
        else:
            break
        at += 1
        used = at
    return Read(used, total + current, in_words=True) if used else NOTHING


def _adds(current: Decimal, value: int) -> bool:
    rest = current % 100
    return (current == 0 or (rest == 0 and value < 100)) or (rest >= 20 and rest % 10 == 0 and value < 10)


_ARABIC = {3: "ألف", 6: "مليون", 9: "مليار", 12: "تريليون"}
_ARABIC_PLURALS = {3: "آلاف", 6: "ملايين", 9: "مليارات", 12: "تريليونات"}
_ENGLISH_POWERS = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}


def written(value: Decimal, language: Language, *, counts: bool = False) -> str:
    """A number as newspapers print it: ``3.5 million``, ``3,500``, ``3.5 مليون``, ``3 آلاف``; years plain.

    Args:
        value: The number.
        language: In which to write it.
        counts: Whether it counts something, and so cannot be a year.
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
    """A number in digits only, for comparison: 3500000, 2.5."""
    return f"{value.normalize():f}"


def ordinal_in_english(value: int) -> str:
    """``first`` to ``tenth``, then ``11th``, ``21st``."""
    if value in range(1, 11):
        return ORDINALS[value][0]
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def decade_in_arabic(year: int) -> str:
    """تسعينيات القرن الماضي for 1990, ثلاثينيات القرن الـ19 for 1830; empty if it has no name."""
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
