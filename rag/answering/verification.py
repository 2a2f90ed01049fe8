"""A draft's statements → verdicts: does what the statement cites support it?

Checked outside the model: every cited sentence is one that the model was shown; every number and month of a
statement is in the sentences that it cites, and so is every name that is in the evidence at all, across
scripts, and every name in a statement read from glosses. A statement with a wrong citation or none gets the
sentence that supports it, if there is one; where only the model's translation of a phrase is in doubt, its
whole sentence is shown instead.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from rag.answering.confidence import chose
from rag.answering.context import Context
from rag.answering.decision import REASONS
from rag.answering.draft import Draft, Statement, among, in_place_of
from rag.answering.names import ALIKE, misnames, respelled
from rag.answering.support import ENDS, holding, supports, translates
from rag.conversation.answer_type import fits
from rag.language import quantities
from rag.language.names import latin_keys, likeness
from rag.language.terms import arabic_keys, terms
from rag.language.text import closed, fold, is_arabic
from rag.language.translation.check import missing
from rag.language.translation.hints import Hint, hints_for, in_arabic
from rag.language.translation.values import values_in
from rag.language.translation.words import is_stop, keys_of, words_of
from rag.records import Evidence, Language

HALF = 0.5
"""The original words must explain more than this share of a translated phrase's content words: in a phrase of
two words, one wrong word is a wrong answer. Not tuned."""

LATIN_NAME = 4
"""An Arabic answer may be a name of up to this many words in Latin letters, if the tables lack it. Not
tuned."""

_WITHIN_NAMES = closed("al el bin ibn bint de del der di du la le van von of the and")
"""Words of names that have no capital."""

_YES_OR_NO = re.compile(r"(?i)\W*(?:yes|no|نعم|بلى|لا|كلا)\W*")
"""A reply of the adapted model that nothing outside it can check, and that is wrong too often: the reader is
shown its sentence instead (docs/research/decisions.md)."""


def verify(draft: Draft, context: Context) -> Draft:
    """The draft with a verdict and a reason for each of its statements.

    Args:
        draft: After the steps of the pipeline.
        context: Language of the answer.
    """
    statements = tuple(
        _verified(statement, draft, context, first=not place)
        for place, statement in enumerate(draft.statements)
    )
    return dataclasses.replace(draft, statements=statements)


def _verified(statement: Statement, draft: Draft, context: Context, *, first: bool) -> Statement:
    language, evidence = context.language, draft.evidence
    reasons = REASONS[language]
    if statement.quoted and statement.cited:
        return statement
    if context.adapted and statement.cited and _YES_OR_NO.fullmatch(statement.text):
        return in_place_of(statement, statement.cited[0], "")
    if draft.glossed and statement.cited:
        statement = respelled(statement, draft)
        if misnames(statement, draft):
            return in_place_of(statement, statement.cited[0], statement.text, reasons["quoted"])
        if language == "ar" and not _is_said_in_arabic(statement):
            return in_place_of(statement, statement.cited[0], statement.text)
    statement = _worded(statement, draft, language)
    if _is_in_another_language(statement, language) or _is_half_translated(statement, language):
        return _own_words(statement, evidence, language)
    names = _holding_names(statement.text, evidence)
    source = holding(statement.words, statement.cited) if statement.words else None
    if source and not _is_faithful(statement.words, statement.text):
        return in_place_of(statement, source, statement.words, reasons["quoted"])
    if _holds(statement, draft):
        return statement
    if nearest := _nearest(statement, names, draft):
        if first and statement.cited and _is_surer_than_words(statement.cited[0], draft):
            words = statement.words or statement.text
            return in_place_of(statement, statement.cited[0], words, reasons["quoted"])
        reason = reasons["lacking" if statement.cited else "unnamed"]
        return dataclasses.replace(statement, cited=(nearest,), verdict="partial", reason=reason)
    if source:
        return in_place_of(statement, source, statement.words, reasons["quoted"])
    reason = _unsupported_reason(statement, names, evidence, language)
    # The sentence that is shown instead should at least be about what the statement names.
    about = max(
        evidence, key=lambda item: (sum(among(item, name) for name in names), among(item, statement.cited))
    )
    return dataclasses.replace(
        statement, cited=(about,) if names else statement.cited, verdict="unsupported", reason=reason
    )


def _is_surer_than_words(cited: Evidence, draft: Draft) -> bool:
    """Whether the first cited sentence is probably right and may be the answer, while the words are not."""
    return chose(draft) and not draft.sure and (draft.happened or fits(draft.question, cited.text))


def _is_said_in_arabic(statement: Statement) -> bool:
    """Whether a statement read from glosses can be put in Arabic, by tables or in its sentence's words."""
    text = statement.text.strip(ENDS)
    is_readable = (
        is_arabic(text) or not any(map(str.isalpha, text)) or holding(text, statement.cited) is not None
    )
    return is_readable or bool(in_arabic(text))


def _worded(statement: Statement, draft: Draft, language: Language) -> Statement:
    """A statement in the tables' words, if they can write it in the answer's language.

    They can if it is one known name or value or, in an Arabic answer, English names or a value or date.
    """
    if not statement.words:
        arabic = in_arabic(statement.text.strip(ENDS)) if language == "ar" else ""
        source = holding(statement.text.strip(ENDS), statement.cited) if arabic else None
        if source and not is_arabic(source.text):
            return dataclasses.replace(statement, text=arabic, words=statement.text)
        # "5 percent" of "5%", and English words for an Arabic sentence, are checked while they are English.
        held = arabic and not source and any(map(str.isalpha, statement.text)) and _holds(statement, draft)
        return dataclasses.replace(statement, text=arabic) if held else statement
    hints = hints_for(statement.words, "en" if language == "ar" else "ar")
    whole = len(hints) == 1 and hints[0].source.strip() == statement.words.strip(ENDS)
    known = whole and hints[0].kind in ("name", "value") and not hints[0].spelled
    if not known or _is_a_meaning(statement.text, hints[0], language):
        return statement
    return dataclasses.replace(statement, text=hints[0].targets[0])


def _is_a_meaning(text: str, hint: Hint, language: Language) -> bool:
    """Whether a text is one of a phrase's meanings, or sounds like a name that has several: عمان, Amman."""
    written, *meanings = (
        [key for key in keys_of(words) if not is_stop(key, language)] for words in (text, *hint.targets)
    )
    if written in meanings:
        return True
    latin, arabic = (hint.source, text) if language == "ar" else (text, hint.source)
    return hint.kind == "name" and len(meanings) > 1 and likeness(latin, fold(arabic)) >= ALIKE


def _holds(statement: Statement, draft: Draft) -> bool:
    """Whether what a statement cites supports it and has its names."""
    names = _holding_names(statement.text, draft.evidence)
    texts = [item.text for item in statement.cited]
    named = all(_any_among(statement.cited, name) for name in names)
    return named and supports(texts, statement.text, statement.words, draft.question)


def _is_faithful(words: str, text: str) -> bool:
    """Whether a translated phrase has the same names and values, and mostly known meanings of its words."""
    comparison = translates(words, text)
    return comparison is not None and comparison.licensed > HALF


def _is_in_another_language(statement: Statement, language: Language) -> bool:
    """Whether a statement is not in the answer's language.

    Numbers and names of neither language are accepted, and so are Latin letters of an Arabic sentence.
    """
    text = statement.text
    letters = sum(char.isalpha() for char in text)
    in_language = sum(char.isalpha() and is_arabic(char) == (language == "ar") for char in text)
    if in_language or not letters:
        return False
    source = holding(text.strip(ENDS), statement.cited)
    return language == "en" or not (_is_latin_name(text) or (source and is_arabic(source.text)))


def _is_latin_name(text: str) -> bool:
    """Whether a text in Latin letters is a short name that has no known Arabic: Mount Borasi, F-16."""
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    marks = [(any(map(str.isupper, word)), any(map(str.isdigit, word))) for word in words]
    named = (any(has) or word.casefold() in _WITHIN_NAMES for word, has in zip(words, marks, strict=True))
    dated = any(value.startswith(("month", "weekday")) for value in values_in(text))
    capital = any(has_capital for has_capital, _ in marks)
    if dated or not capital or len(words) > LATIN_NAME or not all(named):
        return False
    known = sum(len(words_of(hint.source)) for hint in hints_for(text, "en"))
    return (True, True) in marks or known < sum(not is_stop(word.key, "en") for word in words_of(text))


def _is_half_translated(statement: Statement, language: Language) -> bool:
    """Whether an English statement about an Arabic sentence has Arabic words: "الرئيس Trump"."""
    return (
        language == "en"
        and any(map(is_arabic, statement.text))
        and any(is_arabic(item.text) for item in statement.cited)
    )


def _own_words(statement: Statement, evidence: Sequence[Evidence], language: Language) -> Statement:
    """A statement in the evidence's language: replaced by its sentence, or unsupported if none has it."""
    words = statement.words or statement.text
    if source := holding(words, statement.cited or evidence):
        return in_place_of(statement, source, words)
    return dataclasses.replace(
        statement, text=words, verdict="unsupported", reason=REASONS[language]["language"]
    )


def _nearest(statement: Statement, names: Sequence[Sequence[Evidence]], draft: Draft) -> Evidence | None:
    """The sentence that supports a statement with a wrong citation or none; None where no sentence does."""
    statement_terms = set(terms(statement.text))
    fitting = [
        item
        for item in draft.evidence
        if all(among(item, name) for name in names)
        and supports([item.text], statement.text, statement.words, draft.question)
    ]
    if not (names or statement.words or values_in(statement.text)):
        sharing = [item for item in fitting if statement_terms & set(terms(item.text))]
        fitting = [] if statement.cited else sharing
    return max(fitting, key=lambda item: len(statement_terms & set(terms(item.text))), default=None)


def _unsupported_reason(
    statement: Statement,
    names: Sequence[Sequence[Evidence]],
    evidence: Sequence[Evidence],
    language: Language,
) -> str:
    reasons = REASONS[language]
    absent = missing(statement.text, [item.text for item in evidence])
    if absent:
        values = (
            re.sub(r"month (\d+)", lambda month: reasons["month"].format(n=month[1]), v) for v in absent
        )
        return reasons["missing"].format(values=reasons["comma"].join(values))
    apart = not statement.cited or names or quantities.claimed(statement.text)
    return reasons["apart" if apart else "unsupported"]


def _holding_names(text: str, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """For each name in Latin letters in a statement, the Arabic evidence that contains it, if any does.

    A name that no evidence contains may be spelt in another way, and is skipped.
    """
    names = latin_keys(text)
    keyed = [(item, arabic_keys(item.text)) for item in evidence] if names else []
    sentences_by_name = ([item for item, keys in keyed if keys & name] for name in names)
    return [items for items in sentences_by_name if items]


def _any_among(items: Sequence[Evidence], cited: Sequence[Evidence]) -> bool:
    return any(among(item, cited) for item in items)
