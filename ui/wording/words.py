"""All words of the page itself, in both languages. Texts of answers and articles are not here."""

from __future__ import annotations

import json
import re

from rag.records import Language
from ui.wording.words_ar import ARABIC
from ui.wording.words_en import ENGLISH

WORDS: dict[Language, dict[str, str]] = {"en": ENGLISH, "ar": ARABIC}
"""By language."""

LANGUAGES: dict[Language, str] = {"ar": "العربية", "en": "English"}
"""Each language by its own name."""

_ENGLISH_NOUNS = {
    "articles": ("article", "articles"),
    "sentences": ("sentence", "sentences"),
    "questions": ("question", "questions"),
    "others": ("other", "others"),
}
"""One, and any other number."""

_ARABIC_NOUNS = {
    "articles": ("مقال واحد", "مقالان", "مقالين", "مقالات", "مقالًا", "مقال"),
    "sentences": ("جملة واحدة", "جملتان", "جملتين", "جمل", "جملة", "جملة"),
    "questions": ("سؤال واحد", "سؤالان", "سؤالين", "أسئلة", "سؤالًا", "سؤال"),
    "others": ("ناشر آخر", "ناشران آخران", "ناشرين آخرين", "ناشرين آخرين", "ناشرًا آخر", "ناشر آخر"),
}
"""One; two as a subject; two after a preposition or noun; 3 to 10; 11 to 99; whole hundreds and the one or
two after them."""

_MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}


def table() -> str:
    """The words as JSON for the page's scripts, safe within a script element."""
    return json.dumps({"words": WORDS, "names": LANGUAGES}, ensure_ascii=False).replace("<", "\\u003c")


def counted(noun: str, n: int, language: Language, *, genitive: bool = False) -> str:
    """A number with its noun: ``3 articles``, ``مقالان``, ``11 مقالًا``.

    Args:
        noun: A key of the tables above.
        n: The number.
        language: Language of the page.
        genitive: Whether an Arabic preposition or noun precedes it, which changes the dual.
    """
    if language == "en":
        one, many = _ENGLISH_NOUNS[noun]
        return f"{n:,} {one if n == 1 else many}"
    single, dual, dual_genitive, few, tens, hundreds = _ARABIC_NOUNS[noun]
    if n == 1:
        return single
    if n == 2:
        return dual_genitive if genitive else dual
    rest = n % 100
    return f"{n:,} {few if 3 <= rest <= 10 else tens if rest >= 11 else hundreds}"


def date(published: str | None, language: Language) -> str:
    """An ISO date in words, as digits with hyphens change places within Arabic; "" if there is none."""
    parts = re.fullmatch(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", published or "")
    if not parts or not 1 <= int(parts[2]) <= 12:
        return published or ""
    month = _MONTHS[language].split()[int(parts[2]) - 1]
    day = f"{int(parts[3])} " if parts[3] else ""
    return f"{day}{month} {parts[1]}"
