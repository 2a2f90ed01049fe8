"""What of a text is left without its dates and durations: "for more than two decades" counts no advisers.

Tables of general knowledge: units of time, months, and the words that stand before a year. A number that may
be either stays: a right answer must not be refused for looking like a date.
"""

from __future__ import annotations

import re

from rag.language import quantities
from rag.language.text import ascii_digits, closed, fold

_UNITS = closed(
    "year years month months week weeks days hour hours minute minutes seconds decade decades century "
    "centuries nights سنه سنوات سنين عام عاما اعوام شهر شهرا اشهر شهور اسبوع اسبوعا اسابيع يوم يوما ايام "
    "ساعه ساعات دقيقه دقايق ثانيه ثوان عقد عقود قرن قرنا قرون ليله ليال سنتين سنتان عامين عامان شهرين شهران "
    "اسبوعين اسبوعان يومين يومان ساعتين ساعتان دقيقتين دقيقتان عقدين عقدان قرنين قرنان"
)
"""Arabic duals among them, which are their own number; not what is as often another word ("second-hand",
"night clubs", "day labourers", twelve عقدا, which are contracts)."""

_HEADS = closed("عام سنه شهر يوم ليله ساعه")
"""Units that head a date: the number before "عام 2022" or "يوم الأحد" counts something else."""

_LASTING = closed("long old age ago time later earlier often عمر عمره عمرها وقت وقتا زمن زمنا مده مره مرات")
"""Words of a question that asks for a time though it asks "how many", beside the units."""

_MAY_LAST = re.compile(r"(?:(?:and|but|so) )?how much\b|[وف]?كم (?!عدد(?!\w))(?!\S+[اه](?!\w))")
"""Questions, folded, that name nothing that could be counted: how much, and كم before a verb, which does not
end as what is counted does."""

_ABOUT = closed("more less than over about around nearly almost some اكثر اقل من نحو حوالي قرابه زهاء يقارب")
"""Words that may stand before a number."""

_BEFORE_YEAR = closed(
    "in since by until till from during late early mid year عام سنه في منذ حتي بحلول مطلع نهايه اواخر اوايل "
    "منتصف خلال بدايه صيف شتاء خريف ربيع"
)

_JOINING = closed("of and to و الي")
"""Between a time and a year that belongs to it."""

_OF = closed("of من the")
"""Between a day and its month."""

_DOUBTFUL = {"march": 3, "mar": 3, "may": 5, "اب": 8}
"""Words of other meanings too; ``facts.doubtful_months`` tells them apart."""

_TWO_WORDS = closed("كانون تشرين")
_WHICH = closed("الاول الثاني")
"""Second words of months' names, which alone are ordinals."""

LAST_DAY = 31
"""Of a month."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_COMMA = re.compile(r"(?<=[^\W\d_])[,،]\s+")
"""Behind a word: the number behind it begins something new."""
_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:[,٬]\d{3})+(?!\d)")
"""No year is written so."""


def of_time(question: str) -> bool:
    """Whether a question for a number asks, or may ask, for a length of time.

    Args:
        question: As put to the model: "how many ...", "how much ...", كم.
    """
    folded = fold(question)
    return bool(_MAY_LAST.match(folded)) or any(
        _bare(word) & (_UNITS | _LASTING) for word in _TOKEN.findall(folded)
    )


def untimed(text: str) -> str:
    """A text, folded, without its dates and lengths of time.

    Args:
        text: A sentence or an answer.
    """
    words: list[str] = []
    for part in _COMMA.split(text):
        words += [*_TOKEN.findall(fold(part)), ""]
    months = _months(words, text)
    counted = {re.sub(r"\D", "", number) for number in _THOUSANDS.findall(ascii_digits(text))}
    timed = [False] * len(words)
    for at, word in enumerate(words):
        if months[at]:
            _mark_day(words, months, timed, at)
        elif _bare(word) & _UNITS:
            _mark_before(words, timed, at)
    for at in range(1, len(words)):
        if _value(words[at]) in quantities.YEARS and words[at] not in counted:
            before = words[at - 1]
            timed[at] |= timed[at - 1] or bool(_bare(before) & _BEFORE_YEAR)
            timed[at] |= before in _JOINING and at > 1 and timed[at - 2]
    return " ".join(word for word, gone in zip(words, timed, strict=True) if word and not gone)


def _bare(word: str) -> set[str]:
    """The word with and without particles and article."""
    found = {word}
    for prefix in ("و", "ف", "ب", "ل", "ك"):
        found |= {form[1:] for form in list(found) if form.startswith(prefix) and len(form) > 3}
    return found | {form[2:] for form in found if form.startswith("ال") and len(form) > 4}


def _value(word: str) -> int:
    """A number of at most four digits; 0 for anything else."""
    return int(word) if word.isdecimal() and len(word) <= 4 else 0


def _is_number(word: str) -> bool:
    return any(not value.startswith("month") for value in quantities.held(word))


def _months(words: list[str], text: str) -> list[bool]:
    """For each word whether it is a month's name or a part of it."""
    doubtful = quantities.doubtful_months(text)
    found = [
        bool(_bare(word) & quantities.MONTH_STARTS)
        or any(_DOUBTFUL.get(form) in doubtful for form in _bare(word))
        for word in words
    ]
    for at in range(1, len(words)):
        found[at] |= words[at] in _WHICH and bool(_bare(words[at - 1]) & _TWO_WORDS)
    return found


def _mark_before(words: list[str], timed: list[bool], unit: int) -> None:
    """Leave out a unit and the number before it: "more than two decades", "25 عاما"."""
    timed[unit] = True
    following = words[unit + 1] if unit + 1 < len(words) else ""
    if words[unit] in _HEADS and (_value(following) or following.startswith("ال") or following == "امس"):
        return
    at = unit - 1
    while at >= 0 and _is_number(words[at]):
        timed[at] = True
        at -= 1
    while at >= 0 and _bare(words[at]) & _ABOUT:
        timed[at] = True
        at -= 1


def _mark_day(words: list[str], months: list[bool], timed: list[bool], month: int) -> None:
    """Leave out a month and the day before or behind it: "25 من كانون الثاني", "March 20"."""
    timed[month] = True
    at = month - 1
    while at >= 0 and (words[at] in _OF or months[at]):
        at -= 1
    for day in (at, month + 1):
        if 0 <= day < len(words) and 0 < _value(words[day]) <= LAST_DAY:
            timed[day] = True
