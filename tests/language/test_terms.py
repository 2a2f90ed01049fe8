"""Terms: the units of lexical search; words of two scripts that are glued together are two words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.terms import terms


@pytest.mark.parametrize(
    ("glued", "apart"),
    [
        ("Pythonميزات", "Python ميزات"),
        ("ميزاتPython", "ميزات Python"),
        ("نحو2500جندي", "نحو 2500 جندي"),
        ("عام2024م", "عام 2024 م"),
        ("قناةBBCالعربية", "قناة BBC العربية"),
        ("بلغت٤٠مليون", "بلغت 40 مليون"),
        ("و2.5مليون", "و 2.5 مليون"),
        ("الـCIA", "الـ CIA"),
    ],
)
def test_words_of_two_scripts_are_two_words(glued: str, apart: str) -> None:
    assert terms(glued) == terms(apart)


@pytest.mark.parametrize("word", ["F16", "covid19", "3rd", "2.5", "b2b"])
def test_letters_and_figures_of_one_script_stay_together(word: str) -> None:
    assert terms(word)[0] == word.lower()


def test_a_decimal_comma_gives_the_terms_that_indexes_contain() -> None:
    assert terms("1,5 مليون")[-1] == "5000000"


@given(st.text(alphabet="abcABC", min_size=1, max_size=5), st.text(alphabet="بتسمقك", min_size=3, max_size=6))
def test_a_search_for_either_half_finds_the_glued_word(latin: str, arabic: str) -> None:
    for glued in (latin + arabic, arabic + latin):
        assert set(terms(latin)) <= set(terms(glued))
        assert set(terms(arabic)) <= set(terms(glued))
