"""An article's own words in an answer: a sentence in place of a statement, or beside one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from rag.answering.draft import MARKER, Statement
from rag.language import quantities
from rag.language.calendar_words import DAY_NAMES, MONTH_NAMES, WEEKDAYS
from rag.language.quantities import MONTH_WORDS, months
from rag.language.text import ascii_digits, fold, is_arabic, numbers
from rag.records import Evidence, Language, Verdict

OWN_WORDS: dict[Language, str] = {"en": "The article says: “{words}”", "ar": "جاء في المقال: «{words}»"}
"""How a quotation is introduced in an answer in another language."""

QUOTED: dict[Language, str] = {"en": "“{words}”", "ar": "«{words}»"}
"""How a quotation is printed after words of the answer."""

VALUES: dict[Language, str] = {"en": "(in it: {values})", "ar": "(وفيه: {values})"}
"""How the dates and numbers of a quotation in another language are added to it."""

MOST_VALUES = 6
"""At most this many dates and numbers are printed after one sentence."""

CLAUSE = 6
"""Fewest words of a clause that is quoted alone; a shorter one is quoted with its sentence."""

MOST = 0.5
"""A phrase of more than this share of its sentence's words is shown as the sentence."""

_APART = re.compile(r"\s[–—-]\s|[;؛]\s")
_JOINED = "[وف]?[بكل]?(?:ال)?"
"""What Arabic joins to the following word: and, so; in, as, to; the."""
_ENDS = " \t.,:;،؛!؟?"

_DOUBTFUL = {"march": 3, "may": 5, "اب": 8}
"""Words that are months only next to a date, which ``months`` decides."""
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


def whole(
    statement: Statement,
    language: Language,
    reason: str = "",
    words: str = "",
    frame: Mapping[Language, str] = OWN_WORDS,
) -> Statement:
    """A statement that quotes the sentence it cites, so that it says only what the article says.

    Args:
        statement: Its first cited sentence is quoted.
        language: Of the answer.
        reason: Why it is not fully supported; empty where it is.
        words: The part of the sentence that matters; only the clause with it is quoted from a long sentence.
        frame: What is printed around the quotation.
    """
    item = statement.cited[0]
    # A reference mark in the article, such as [7], would be read as a citation.
    sentence = MARKER.sub("", _clause(item.text, words))
    text = _with_values(frame[language].format(words=sentence.strip()), sentence, language)
    verdict: Verdict = "partial" if reason else "supported"
    return Statement(
        text,
        (item,),
        quoted=True,
        added=statement.added,
        verdict=verdict,
        reason=reason,
        quotation=sentence,
    )


def in_place(statement: Statement, language: Language) -> Statement:
    """A statement whose words are a phrase of the cited sentence, followed by that sentence.

    "900" is shown as "900: «… و900 في سوريا …»": the reader sees at once whether it is what was asked for,
    and a phrase that the model cut too short appears in full. A phrase in another language than the answer's
    is replaced by its sentence. A statement in other words than its sentence's stays as it is.

    Args:
        statement: One that stays in the answer.
        language: Of the answer.
    """
    if statement.quotation and not statement.quoted:
        return whole(statement, language, statement.reason, statement.quotation)
    if statement.quoted or not statement.cited:
        return statement
    item, words = statement.cited[0], statement.text.strip(_ENDS)
    if is_arabic(item.text) != (language == "ar") or not contains(item.text, words):
        return statement
    most = len(words.split()) > MOST * len(item.text.split())
    quoted = whole(statement, language, words=words, frame=OWN_WORDS if most else QUOTED)
    if most:
        return dataclasses.replace(statement, text=quoted.text, quoted=True, quotation=quoted.quotation)
    return dataclasses.replace(statement, text=words, quotation=quoted.quotation, beside=quoted.text)


def phrase(statement: Statement, words: str, source: Evidence, language: Language, reason: str) -> Statement:
    """A statement made of some words of an article, in another language than the answer's.

    Args:
        statement: What it replaces.
        words: Of the sentence.
        source: The sentence.
        language: Of the answer.
        reason: Why they are not given in its language.
    """
    bare = words.strip(' .،؛:!؟«»“”"')
    text = _with_values(OWN_WORDS[language].format(words=bare), words, language)
    return Statement(text, (source,), added=statement.added, verdict="partial", reason=reason, quotation=bare)


def holding(words: str, cited: Sequence[Evidence]) -> Evidence | None:
    """The first sentence that contains exactly these words."""
    return next((item for item in cited if contains(item.text, words)), None)


def contains(text: str, words: str) -> bool:
    """Whether a text contains exactly these words, folded; an Arabic particle may be joined to the first."""
    found = re.search(rf"(?:^| ){_JOINED}{re.escape(fold(words))}(?: |$)", fold(text))
    return found is not None


def _clause(sentence: str, words: str) -> str:
    """The clause of a sentence, between dashes or semicolons, that contains the words that matter.

    Text that follows it (a link, an instruction addressed to a language model) is not needed to see what the
    article says.
    """
    cuts = [0, *(end for match in _APART.finditer(sentence) for end in match.span()), len(sentence)]
    pieces = [sentence[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    own = [piece for piece in pieces if words and _holds(piece, words)]
    if len(pieces) == 1 or len(own) != 1 or len(own[0].split()) < CLAUSE:
        return sentence
    before, after = ("" if own[0] is pieces[0] else "… "), ("" if own[0] is pieces[-1] else " …")
    return f"{before}{own[0].strip()}{after}"


def _holds(piece: str, words: str) -> bool:
    """Whether it contains these words or, if they are in another language, their numbers and months."""
    values = quantities.claimed(words)
    return contains(piece, words) or bool(values and values <= quantities.held(piece))


def values(sentence: str, language: Language) -> list[str]:
    """Weekdays, dates, and numbers that are written with a word (170 ألف), in order and each once.

    They need no translation, so they help a reader who cannot read the sentence.

    Args:
        sentence: In the words of an article; none are returned for the same language.
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
    return list(dict.fromkeys([*(text for _, text in sorted(found)), *large]))[:MOST_VALUES]


def _with_values(quotation: str, sentence: str, language: Language) -> str:
    """A quotation, followed by the dates and numbers of a sentence in another language."""
    found = values(sentence, language)
    separator = "، " if language == "ar" else "; "
    return f"{quotation} {VALUES[language].format(values=separator.join(found))}" if found else quotation
