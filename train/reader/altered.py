"""Near misses: a question that the evidence answers, with one number, month or name in it changed.

The evidence then contains nearly every word of the question, but not the answer, so the right reply is a
refusal.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.language.quantities import MONTH_WORDS
from rag.language.text import fold

DIGITS = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)?(?![\d.,]*\d)")

_MONTHS = {
    language: sorted(
        word
        for word in MONTH_WORDS
        if word.isascii() == (language == "en") and " " not in word and len(word) > 3
    )
    for language in ("en", "ar")
}
_NAMED = set.intersection(*({MONTH_WORDS[word] for word in words} for words in _MONTHS.values()))
"""Months whose names in both languages have no other meaning."""
_ARABIC_ASKING = re.compile(r"(?:من|أين)\b")
_ENGLISH_ASKING = re.compile(r"(?i)(?:who|where|(?:what|which) \w+)\b")
_LONGEST_NAME = 4
"""Most words of a name; longer answers are descriptions."""


_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for one in a sentence; ``old`` and ``new`` are digits or numbers of months."""

    old: str
    new: str
    month: bool = False

    def __call__(self, text: str) -> str:
        """The text with the new value in place of the old one, in either language."""
        if not self.month:
            return DIGITS.sub(lambda match: self.new if match[0] == self.old else match[0], text)
        return _WORD.sub(lambda match: self._month(match[0]), text)

    def _month(self, word: str) -> str:
        if _month_of(word) != int(self.old):
            return word
        language = "en" if word.isascii() else "ar"
        return next(w for w in _MONTHS[language] if MONTH_WORDS[w] == int(self.new)).title()

    @classmethod
    def between(cls, sentence: str, answers: Iterable[str], rng: random.Random) -> Change | None:
        """A change of a value that is in the sentence once and in every answer; None where there is none."""
        sentence_numbers = DIGITS.findall(sentence)
        for old in sorted(set.intersection(*(set(DIGITS.findall(answer)) for answer in answers))):
            if sentence_numbers.count(old) == 1:
                return cls(old, other_number(old, rng))
        months = [m for word in _WORD.findall(sentence) if (m := _month_of(word))]
        for month in sorted(
            set.intersection(*({_month_of(w) for w in _WORD.findall(a)} for a in answers)) - {0}
        ):
            if months.count(month) == 1:
                return cls(str(month), str(rng.choice(sorted(_NAMED - {month}))), month=True)
        return None


def _month_of(word: str) -> int:
    """The number of a month's name, capitalised where its script has capitals; 0 for any other word."""
    folded = fold(word)
    fits = word[0].isupper() if word.isascii() else len(folded) > 3
    return MONTH_WORDS.get(folded, 0) if fits else 0


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a question can be about."""

    forms: tuple[tuple[str, str], ...]
    """By language."""
    sort: str
    """The question words that ask for it (who, which city), so that a city does not replace a person."""
    document: str

    def form(self, language: str) -> str:
        """As written in a language; empty where that is not known."""
        return dict(self.forms).get(language, "")


def find_names(facts: Iterable[tuple[str, Mapping[str, str], Mapping[str, str]]]) -> list[Name]:
    """The names among answers: capitalised in English; in Arabic, answers to who or where.

    Args:
        facts: Document, questions by language and answers by language.
    """
    names = {}
    for document, questions, answers in facts:
        question, answer = questions.get("en"), answers.get("en", "")
        if question is not None:
            match = _ENGLISH_ASKING.search(question)
            fits = all(word[0].isupper() for word in answer.split())
        else:
            match, answer = _ARABIC_ASKING.match(questions["ar"]), answers["ar"]
            fits = True
        if (
            match
            and fits
            and len(answer) > 3
            and len(answer.split()) <= _LONGEST_NAME
            and not DIGITS.search(answer)
        ):
            name = Name(tuple(sorted(answers.items())), match.group().lower(), document)
            names[name.forms] = name
    return list(names.values())


def altered(
    question: str,
    language: str,
    *,
    evidence: Sequence[str],
    evidence_language: str,
    names: Sequence[Name],
    rng: random.Random,
) -> str | None:
    """The question about something else; None where nothing in it can be changed with certainty.

    Args:
        question: One that the evidence answers.
        language: The question's.
        evidence: All sentences shown.
        evidence_language: Of most of them.
        names: The names to choose from.
        rng: Makes the random choices.
    """
    shown = fold(" ".join(evidence))
    changes = []
    for match in DIGITS.finditer(question):
        if match[0] in DIGITS.findall(shown):
            new = other_number(match[0], rng)
            if new not in DIGITS.findall(shown):
                changes.append((match.start(), match.end(), new))
    for match in _WORD.finditer(question):
        if month := _month_of(match[0]):
            others = [w for w in _MONTHS[language] if MONTH_WORDS[w] != month and w not in shown]
            changes.append((match.start(), match.end(), rng.choice(others).title()))
    by_sort: dict[str, list[Name]] = defaultdict(list)
    for name in names:
        evidence_form = fold(name.form(evidence_language))
        if (
            evidence_form
            and evidence_form not in shown
            and name.form(language)
            and name.form(language) not in question
        ):
            by_sort[name.sort].append(name)
    for name in names:
        form, evidence_form = name.form(language), fold(name.form(evidence_language))
        mention = re.search(rf"(?<!\w){re.escape(form)}(?!\w)", question) if form else None
        if mention and evidence_form and evidence_form in shown and by_sort[name.sort]:
            near = [one for one in by_sort[name.sort] if one.document == name.document] or by_sort[name.sort]
            changes.append((mention.start(), mention.end(), rng.choice(near).form(language)))
    if not changes:
        return None
    start, end, new = rng.choice(changes)
    return question[:start] + new + question[end:]


def other_number(text: str, rng: random.Random) -> str:
    """A number like the one in ``text`` but not the same: a year stays a year, decimals keep their places."""
    mark = next((char for char in ".," if char in text), "")
    whole, _, places = text.partition(mark) if mark else (text, "", "")
    value = int(whole + places)
    if not mark and len(whole) == 4 and 1000 <= value <= 2100:
        return str(value + rng.choice([-1, 1]) * rng.randint(1, 12))
    new = value
    while new == value:
        new = max(0, round(value * rng.uniform(0.5, 1.9)) + rng.randint(-2, 2))
    digits = str(new).zfill(len(places) + 1)
    return f"{digits[: -len(places)]}{mark}{digits[-len(places) :]}" if mark else digits
