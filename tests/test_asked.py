"""When wants a time, how many a quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.asked import fits, kind


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("When do forces leave?", "time"), ("And when?", "time"), ("By when are they to go?", "time"),
        ("In what year was it built?", "time"), ("متى تغادر القوات؟", "time"), ("ومتى؟", "time"),
        ("في أي عام بني البرج؟", "time"), ("How many soldiers are there?", "quantity"),
        ("كم عدد الجنود؟", "quantity"), ("وكم بقي؟", "quantity"), ("What percentage?", "quantity"),
        ("Who left when it rained?", None), ("من غادر؟", None), ("What time zone is it?", None),
        ("كم مرة؟", None), ("Whenever did it start?", None), ("", None),
    ],
)  # fmt: skip
def test_the_first_words_tell_what_is_asked_for(question: str, wanted: str | None) -> None:
    assert kind(question) == wanted


@pytest.mark.parametrize(
    ("question", "answer", "right"),
    [
        ("When do they leave?", "in the western part of Iraq", False),
        ("When do they leave?", "by next September", True),
        ("When do they leave?", "after the talks", True),
        ("When do they leave?", "on Sunday", True),
        ("متى تغادر؟", "غرب العراق", False),
        ("متى تغادر؟", "بعد المحادثات", True),
        ("متى تغادر؟", "في سبتمبر المقبل", True),
        ("How many left?", "the ministry", False),
        ("How many left?", "twenty-five", True),
        ("How many left?", "most of them", True),
        ("كم غادر؟", "المئات", True),
        ("كم غادر؟", "الوزارة", False),
        ("Who left?", "the ministry", True),
    ],
)
def test_an_answer_is_of_the_kind_that_is_asked_for(question: str, answer: str, right: bool) -> None:
    assert fits(question, answer) == right
    assert fits(question, "no kind of anything", answer) or not right


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_asked(question: str, answer: str) -> None:
    assert isinstance(fits(question, answer), bool)
