"""An article's own words in an answer, or their translation: in place of a statement, or beside one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from rag.answering.decision import REASONS
from rag.answering.draft import MARKER, Statement
from rag.language import quantities
from rag.language.text import fold, is_arabic
from rag.records import Evidence, Language

ARTICLE_SAYS: dict[Language, str] = {"en": "The article says: {words}", "ar": "جاء في المقال: {words}"}
"""How a quotation in place of a statement is introduced."""

BESIDE: dict[Language, str] = {"en": "{words}", "ar": "{words}"}
"""How a quotation is printed after a statement."""

QUOTED: dict[Language, str] = {"en": "“{words}”", "ar": "«{words}»"}
"""The article's own words."""

TRANSLATED: dict[Language, str] = {"en": "“{words}” (machine translation)", "ar": "«{words}» (ترجمة آلية)"}
"""Their translation."""

UNCERTAIN: dict[Language, str] = {
    "en": "“{words}” (uncertain machine translation)",
    "ar": "«{words}» (ترجمة آلية غير مؤكدة)",
}
"""Their translation, where a check found a fault."""

CLAUSE = 6
"""Fewest words of a clause that is quoted alone; a shorter one is quoted with its sentence."""

MOST = 0.5
"""A phrase of more than this share of its sentence's words is shown as the sentence."""

_APART = re.compile(r"\s[–—-]\s|[;؛]\s")
_JOINED = "[وف]?[بكل]?(?:ال)?"
"""What Arabic joins to the following word: and, so; in, as, to; the."""
ENDS = " \t.,:;،؛!؟?"
"""Punctuation around a phrase."""


def is_foreign(item: Evidence, language: Language) -> bool:
    """Whether a sentence is not in the language of the answer.

    Args:
        item: The sentence.
        language: Of the answer.
    """
    return is_arabic(item.text) != (language == "ar")


def whole(
    statement: Statement,
    language: Language,
    reason: str = "",
    words: str = "",
    frame: Mapping[Language, str] = ARTICLE_SAYS,
) -> Statement:
    """A statement that quotes the sentence it cites, or its translation, and says nothing else.

    Args:
        statement: Its first cited sentence is quoted. Where that is in another language and has no
            translation, the statement is returned as it is, and partial.
        language: Of the answer.
        reason: Why it is not fully supported; empty where it is.
        words: The part of the sentence that matters; only the clause with it is quoted from a long sentence.
        frame: What is printed around the quotation.
    """
    item = statement.cited[0]
    foreign = is_foreign(item, language)
    if foreign and item.translation is None:
        text = statement.text or statement.words
        reason = reason or REASONS[language]["untranslated"]
        return dataclasses.replace(statement, text=text, verdict="partial", reason=reason)
    # A reference mark in the article, such as [7], would be read as a citation.
    shown = MARKER.sub("", item.translation if foreign and item.translation else _clause(item.text, words))
    if foreign and not item.certain:
        reason = reason or REASONS[language]["doubtful"]
    marks = QUOTED if not foreign else TRANSLATED if item.certain else UNCERTAIN
    return dataclasses.replace(
        statement,
        text=frame[language].format(words=marks[language].format(words=shown.strip())),
        cited=(item,),
        words="",
        quoted=True,
        verdict="partial" if reason else "supported",
        reason=reason,
        quotation=shown,
        beside="",
    )


def in_place(statement: Statement, language: Language) -> Statement:
    """A statement followed by the sentence that it is taken from, or by its translation.

    "900" is shown as "900: «… و900 في سوريا …»": the reader sees at once whether it is what was asked for,
    and a phrase that the model cut too short appears in full. A statement in other words than its sentence's
    stays as it is, unless the sentence is in another language.

    Args:
        statement: One that stays in the answer.
        language: Of the answer.
    """
    if statement.quoted or not statement.cited:
        return statement
    item, words = statement.cited[0], statement.text.strip(ENDS)
    foreign = is_foreign(item, language)
    source = (item.translation or "") if foreign else item.text
    if not source or not (foreign or contains(source, words)):
        return statement
    if contains(source, words) and len(words.split()) > MOST * len(source.split()):
        quoted = whole(statement, language, statement.reason, words)
        return dataclasses.replace(quoted, cited=statement.cited)
    quoted = whole(statement, language, words=words, frame=BESIDE)
    return dataclasses.replace(statement, text=words, quotation=quoted.quotation, beside=quoted.text)


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
