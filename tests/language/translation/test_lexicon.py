"""The lexicon puts English verbs into the present and the infinitive."""

from __future__ import annotations

import pytest

from rag.language.translation.lexicon import infinitive, present

KNOWN = {"arrests", "moves", "stops", "passes", "focuses"}


@pytest.mark.parametrize(
    ("past", "expected", "bare"),
    [
        ("withdrew from", "withdraws from", "withdraw from"),
        ("arrested", "arrests", "arrest"),
        ("was arrested", "is arrested", "be arrested"),
        ("moved away", "moves away", "move away"),
        ("stopped", "stops", "stop"),
        ("passed", "passes", "pass"),
        ("relied", "relies", "rely"),
        ("exploded", "explodes", "explode"),
        ("criticized", "criticizes", "criticize"),
        ("used to", "is used to", "be used to"),
        ("had", "has", "have"),
        ("focused on", "focuses on", "focus on"),
    ],
)
def test_a_verb_has_its_present_and_infinitive(past: str, expected: str, bare: str) -> None:
    assert present(past, KNOWN) == expected
    assert infinitive(expected) == bare


@pytest.mark.parametrize("meaning", ["blorted", "stay away", "can"])
def test_an_unrecognised_verb_is_unchanged(meaning: str) -> None:
    assert present(meaning, KNOWN) == meaning
