"""Names that are in no table are spelled as newspapers would, and distinguished from other words."""

from __future__ import annotations

import pytest

from rag.language.translation.transliteration import likeness_to_names, plain_spelling, spellings_of


@pytest.mark.parametrize(
    ("arabic", "latin"),
    [("دحلان", "Dahlan"), ("السنوار", "Sinwar"), ("سيلفان", "Silvan")],
)
def test_a_name_is_spelled(arabic: str, latin: str) -> None:
    assert latin in spellings_of(arabic)


@pytest.mark.parametrize(
    ("arabic", "latin"), [("هاميلتون", "Hamilton"), ("ماكدونالد", "McDonald"), ("هندرسون", "Henderson")]
)
def test_a_frequent_name_of_people_is_preferred(arabic: str, latin: str) -> None:
    assert spellings_of(arabic)[0] == latin


def test_the_first_letters_of_a_foreign_name_are_no_article() -> None:
    assert spellings_of("الدون", article=False) != spellings_of("الدون")


def test_any_word_has_one_or_two_spellings() -> None:
    for word in ("أوبتيكور", "محمد", "ژ", "الء"):
        spellings = spellings_of(word)
        assert 1 <= len(spellings) <= 2
        assert all(spellings)
    assert spellings_of("محمد")[0][0].isupper()


def test_the_plain_table_writes_letter_by_letter() -> None:
    assert plain_spelling("خشب") == "Khshb"


def test_names_look_like_names() -> None:
    assert min(map(likeness_to_names, ("سيلفان", "اوبتيكور", "غونزاليز"))) > 1
    assert max(map(likeness_to_names, ("استحضار", "متسرب", "تجوب"))) < -1
