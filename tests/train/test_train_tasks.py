"""Replies and sentences of training examples match the data."""

from __future__ import annotations

import pytest

from train.tasks import examples, sources
from train.tasks.reading_lessons import sides


def test_the_text_of_an_answer_is_as_neutral_as_the_evidence_and_its_markers_stay() -> None:
    assert examples.neutral_answer("[1][2] a [b]") == "[1][2] a (b)"
    assert examples.sorted_marks("[3] x = y [1][2] z") == "[1][2] z [3] x = y"


@pytest.mark.parametrize(
    ("values", "outcome", "languages", "expected"),
    [
        ([(1, "27", "27"), (2, "31", "31")], "conflict", ("en", "ar"), "[1] 27 [2] 31"),
        ([(1, "six", "ستة"), (2, "four", "أربعة")], "update", ("en", "ar"), "[1] ستة = six [2] أربعة = four"),
        ([(1, "six", "ستة"), (2, "6", "ستة")], "same", ("ar", "ar"), "[1][2] ستة"),
        ([(1, "six", "ستة"), (2, "Six", "ستة"), (3, "two", "أربعة")], "conflict", ("en", "ar"),
         "[1][2] ستة = six [3] أربعة = two"),
        ([(2, "six", "أربعة")], "different", ("en", "ar"), "[2] أربعة = six"),
        ([], "refuse", ("en", "ar"), "[0]"),
    ],
)  # fmt: skip
def test_differing_values_are_listed_side_by_side(values, outcome, languages, expected) -> None:
    texts = ["قتل ستة أو 27", "قتل أربعة أو ستة أو 31", "قتل أربعة"]
    assert sides(values, texts, *languages, outcome) == expected


def test_thousands_that_the_united_nations_write_in_reverse_are_put_in_order() -> None:
    assert sources.in_order("عددهم 000 110 نسمة", "counts 110,000 inhabitants") == "عددهم 110,000 نسمة"
    assert sources.in_order("عام 000 110", "no such number") == "عام 000 110"
