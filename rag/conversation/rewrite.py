"""A follow-up made to stand alone: what is searched for and what the model is asked.

Rules of grammar and closed word classes of both languages, no model: "And in Syria?" takes the place of
"in Iraq" in the question before it, "he" becomes the name that was asked for, "متى؟" takes the earlier
question's matter. Where no rule applies and the question leans on the one before it, both are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.conversation import followup_arabic, followup_english, grammar_arabic, grammar_english
from rag.conversation.followup import Earlier, Mention, opened
from rag.language.text import detect_language
from rag.records import Turn

MOST_TURNS = 6
"""Turns that are looked back on: each is understood by the one before it, and older ones are rarely meant."""

LEAST_ASKED = {"en": 4, "ar": 3}
"""Words of a question that can be asked over evidence alone: "by whom" is about nothing. Arabic writes
prepositions, the article and pronouns in one with a word."""

_GRAMMAR = {"en": grammar_english, "ar": grammar_arabic}
_RULES = {"en": followup_english, "ar": followup_arabic}


@dataclass(frozen=True, slots=True)
class _Understood:
    """A question of the conversation."""

    text: str
    """As it stands alone."""
    own: str
    """Without the question before it, where both are asked."""
    wording: str
    """What a later gap is filled from: not "why?", but the question before that."""
    base: str
    """The last question that stood alone."""
    mentions: tuple[Mention, ...] = ()
    """What the question before it spoke of, where both are asked."""
    person: str = ""
    """Whom the conversation calls he or she."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A question as it is understood."""

    text: str
    """As it stands alone, with the questions that it leans on where no rule makes it stand without them."""
    leans: str = ""
    """What of that can be put to the model, where it leans on others: itself, or all of them where it is too
    short to be about anything; empty where it stands alone."""


def standalone(question: str, history: Sequence[Turn], *, longest: int) -> Standing:
    """A question that can be understood without the conversation; unchanged where it can be already.

    Args:
        question: As asked, trimmed.
        history: Earlier turns, oldest first.
        longest: Most characters of the result; one that would be longer is left as it was asked.
    """
    earlier, answer = _Understood("", "", "", ""), ""
    for turn in history[-MOST_TURNS:]:
        earlier, answer = _understood(turn.question.strip(), earlier, answer, longest), turn.answer
    found = _understood(question, earlier, answer, longest)
    if found.text == found.own:
        return Standing(found.text)
    language = detect_language(question)
    own, _ = opened(found.own, _RULES[language].LEAD)
    return Standing(found.text, found.own if len(own.split()) >= LEAST_ASKED[language] else found.text)


def _understood(question: str, earlier: _Understood, answer: str, longest: int) -> _Understood:
    alone = _Understood(question, question, question, question)
    if not earlier.own or question.startswith(earlier.base):
        return alone
    language, before = detect_language(question), detect_language(earlier.own)
    spoken = (*_GRAMMAR[before].mentions(earlier.own, answer), *earlier.mentions)
    if earlier.person and earlier.person in earlier.text:
        spoken = (Mention(earlier.person, "asked", person=True), *spoken)
    wording = earlier.wording if language == detect_language(earlier.wording) else ""
    reading = _RULES[language].read(question, Earlier(wording, spoken))
    person = reading.person or earlier.person
    if reading.complete:
        found = _Understood(reading.text, reading.text, reading.text, reading.text, person=person)
    else:
        # Of a row of such questions the first, which says what it is about, and the one before this.
        asked = dict.fromkeys((earlier.base, earlier.own, reading.text))
        wording = earlier.wording if reading.fragment else reading.text
        found = _Understood(" ".join(asked), reading.text, wording, earlier.base, spoken, person)
    return found if len(found.text) <= longest else alone
