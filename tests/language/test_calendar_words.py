"""The tables of months, weekdays and numbers: complete, folded where they are compared, without overlaps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rag.language import calendar_words, number_words
from rag.language.calendar_words import AMBIGUOUS_MONTHS, DAY_NAMES, MONTH_NAMES, MONTH_WORDS, WEEKDAYS
from rag.language.folding import fold


def test_every_month_and_weekday_has_a_name_in_both_languages() -> None:
    assert {language: len(names) for language, names in MONTH_NAMES.items()} == {"en": 12, "ar": 12}
    assert {language: len(names) for language, names in DAY_NAMES.items()} == {"en": 7, "ar": 7}
    assert sorted(set(MONTH_WORDS.values()) | set(AMBIGUOUS_MONTHS.values())) == [*range(1, 13)]
    assert sorted(set(WEEKDAYS.values())) == [*range(7)]


@pytest.mark.parametrize(
    ("name", "month"),
    [("سبتمبر", 9), ("أيلول", 9), ("كانون الثاني", 1), ("كانون الأول", 12), ("جويلية", 7), ("Sept", 9)],
)
def test_the_names_of_every_arabic_family_and_abbreviations_are_found(name: str, month: int) -> None:
    assert MONTH_WORDS[fold(name)] == month


def test_a_name_that_is_another_word_too_is_only_in_the_ambiguous_table() -> None:
    assert not set(MONTH_WORDS) & set(AMBIGUOUS_MONTHS)


@pytest.mark.parametrize(
    "words",
    [
        calendar_words.MONTH_WORDS,
        calendar_words.AMBIGUOUS_MONTHS,
        calendar_words.WEEKDAYS,
        calendar_words.SEASONS,
        calendar_words.UNITS_OF_TIME,
        calendar_words.TWO_WORD_MONTHS,
        calendar_words.SECOND_WORDS_OF_MONTHS,
        [word for words in number_words.MULTIPLIERS.values() for word in words.split()],
    ],
)
def test_words_that_are_compared_with_folded_text_are_folded(words: Iterable[str]) -> None:
    assert [word for word in words if fold(word) != word] == []


def test_no_word_means_two_numbers() -> None:
    words = [word for words in number_words.NUMBER_WORDS.values() for word in words.split()]
    assert len(words) == len(set(words))
