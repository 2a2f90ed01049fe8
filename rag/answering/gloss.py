"""The dates and large numbers of a sentence, as another language writes them.

Who is shown a sentence in a language that he does not read has at least these: they need no translation.
"""

from __future__ import annotations

import re

from rag.language.quantities import MONTH_WORDS, months
from rag.language.relative_dates import DAY_NAMES, MONTH_NAMES, WEEKDAYS
from rag.language.text import ascii_digits, fold, is_arabic, numbers
from rag.records import Language

GLOSS: dict[Language, str] = {"en": "(in it: {values})", "ar": "(وفيه: {values})"}
"""How they are added to a quotation."""

MOST = 6
"""Values that are worth reading behind one sentence."""

_DOUBTFUL = {"march": 3, "may": 5, "اب": 8}
"""Words that are months only beside a date, which ``months`` tells."""
_MONTH_OF = MONTH_WORDS | _DOUBTFUL
_MONTH = "|".join(sorted(map(re.escape, _MONTH_OF), key=len, reverse=True))
_LATIN = "|".join(word for word in _MONTH_OF if word.isascii())
_DATES = re.compile(
    # August 11, 2025
    rf"(?<!\w)(?P<m1>{_LATIN}) (?P<d1>[0-3]?\d)(?!\d)(?:,? (?P<y1>(?:19|20)\d\d))?(?!\w)"
    # 11 أغسطس/آب 2025, 11 من آب عام 2025, September 2025, 11 August 2025
    rf"|(?<!\w)(?:(?P<d2>[0-3]?\d) (?:من |of )?)?[وفبلك]{{0,2}}(?P<m2>{_MONTH})(?: (?:{_MONTH}))?"
    r"(?:,? (?:من |في |of )?(?:عام |سنه )?(?P<y2>(?:19|20)\d\d))?(?!\w)"
)
_DAYS = re.compile(rf"(?<!\w)[وفبلك]?(?P<name>{'|'.join(WEEKDAYS)})(?!\w)")


def values(sentence: str, language: Language) -> list[str]:
    """Weekdays, dates, and numbers that are told with a word (170 ألف), in order and each once.

    Args:
        sentence: In words of an article; of the same language nothing is told.
        language: How they are to be written.
    """
    if is_arabic(sentence) == (language == "ar"):
        return []
    folded = fold(sentence)
    found = [
        (match.start(), DAY_NAMES[language][WEEKDAYS[match["name"]]]) for match in _DAYS.finditer(folded)
    ]
    known = months(sentence)
    for match in _DATES.finditer(folded):
        month = _MONTH_OF[match["m1"] or match["m2"]]
        if month in known:
            parts = (match["d1"] or match["d2"], MONTH_NAMES[language][month - 1], match["y1"] or match["y2"])
            found.append((match.start(), " ".join(part for part in parts if part)))
    plain = {digits.replace(",", "") for digits in re.findall(r"\d+(?:[.,]\d+)*", ascii_digits(sentence))}
    large = [f"{int(number):,}" for number in numbers(sentence) if number not in plain and number.isdigit()]
    return list(dict.fromkeys([*(text for _, text in sorted(found)), *large]))[:MOST]


def glossed(quotation: str, sentence: str, language: Language) -> str:
    """A quotation with the values of the sentence behind it, where that has any and is in another language.

    Args:
        quotation: As it is told.
        sentence: What it quotes.
        language: Of the answer.
    """
    found = values(sentence, language)
    separator = "، " if language == "ar" else "; "
    return f"{quotation} {GLOSS[language].format(values=separator.join(found))}" if found else quotation
