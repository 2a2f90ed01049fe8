"""Texts are counted in tokens, and those that fit a budget are chosen."""

from __future__ import annotations

from rag.language.tokens import count, fitting

SHORT, OTHER, LONG = "The port opened.", "The road closed.", "The bridge was closed " + "again " * 20


def test_a_text_that_is_too_long_is_skipped_unless_it_is_the_first() -> None:
    tokens = count(SHORT) + count(OTHER)
    assert fitting([SHORT, LONG, OTHER], str, most=3, tokens=tokens) == [SHORT, OTHER]
    assert fitting([LONG, SHORT], str, most=3, tokens=1) == [LONG]


def test_each_text_is_chosen_once_and_no_more_are_taken_than_are_needed() -> None:
    items = iter([SHORT, SHORT.upper(), OTHER, LONG])
    assert fitting(items, str, most=2, tokens=100) == [SHORT, OTHER]
    assert next(items) == LONG
