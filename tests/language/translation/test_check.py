"""A translation is compared with its source without a model."""

from __future__ import annotations

import pytest

from rag.language.translation.check import compare

SOURCE = "قتل 25 شخصا في هجوم قرب الموصل يوم الثلاثاء، بحسب ما أعلنت الأمم المتحدة."
GOOD = "Twenty-five people were killed in an attack near Mosul on Tuesday, the United Nations announced."


def test_a_right_translation_is_not_flagged_in_either_direction() -> None:
    for comparison in (compare(SOURCE, GOOD, "ar"), compare(GOOD, SOURCE, "en")):
        assert not (comparison.missing_values or comparison.added_values)
        assert not (comparison.missing_names or comparison.added_names)
        assert comparison.licensed > 0.7


@pytest.mark.parametrize(
    ("right", "wrong", "missing", "added"),
    [
        ("Twenty-five people", "Twenty-six people", ("25",), ("Twenty-six",)),
        ("Twenty-five people", "Twenty-five percent", (), ("Twenty-five percent",)),
        ("on Tuesday", "on Monday", ("الثلاثاء",), ("Monday",)),
        ("on Tuesday", "in September", ("الثلاثاء",), ("September",)),
    ],
)
def test_a_changed_value_is_missing_and_added(
    right: str, wrong: str, missing: tuple[str, ...], added: tuple[str, ...]
) -> None:
    comparison = compare(SOURCE, GOOD.replace(right, wrong), "ar")
    assert (comparison.missing_values, comparison.added_values) == (missing, added)


def test_a_changed_name_is_missing_and_added() -> None:
    comparison = compare(SOURCE, GOOD.replace("Mosul", "Baghdad"), "ar")
    assert (comparison.missing_names, comparison.added_names) == (("الموصل",), ("Baghdad",))
    reversed_comparison = compare(GOOD, SOURCE.replace("الموصل", "بغداد"), "en")
    assert (reversed_comparison.missing_names, reversed_comparison.added_names) == (("Mosul",), ("بغداد",))


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("خمسة عشر عاما", "fifteen years"),
        ("إحدى عشرة رحلة", "eleven flights"),
        ("310 آلاف طفل", "310,000 children"),
        ("عشرين حافلة", "twenty buses"),
        ("26 صيادا", "26 fishermen"),
        ("تقريرين", "two reports"),
    ],
)
def test_numbers_plurals_and_duals_of_a_phrase_are_licensed(source: str, translation: str) -> None:
    assert compare(source, translation, "ar").licensed == 1


def test_an_unrelated_sentence_is_hardly_licensed() -> None:
    assert compare(SOURCE, "The weather will remain cold until the weekend.", "ar").licensed < 0.4


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("في سبعينيات القرن العشرين", "in the 1970s"),
        ("نحو ساعة ونصف", "a 1.5 hour drive"),
        ("1,8 مليار دينار", "1.8 billion dinars"),
        ("عند الساعة 23:45", "at 23.45"),
        ("ألفا ميل مربع", "two thousand square miles"),
        ("أيام الجمعة", "on Fridays"),
        ("وكالة أميركية", "an agency in the U.S."),
        ("قال هجليج", "said Heglig"),
        ("", ""),
    ],
)
def test_the_same_value_or_name_may_be_written_otherwise(source: str, translation: str) -> None:
    for comparison in (compare(source, translation, "ar"), compare(translation, source, "en")):
        assert not (comparison.missing_values or comparison.added_values)
        assert not (comparison.missing_names or comparison.added_names)
