"""When wants a time, how many a quantity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.asked import fits, kind, repeats


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("When do forces leave?", "time"), ("And when?", "time"), ("By when are they to go?", "time"),
        ("In what year was it built?", "time"), ("متى تغادر القوات؟", "time"), ("ومتى؟", "time"),
        ("في أي عام بني البرج؟", "time"), ("How many soldiers are there?", "quantity"),
        ("كم عدد الجنود؟", "quantity"), ("وكم بقي؟", "quantity"), ("What percentage?", "quantity"),
        ("What is the name of the ship?", "name"), ("ما اسم السفينة؟", "name"),
        ("وما هو اسم السفينة؟", "name"),
        ("What is the nameless ship?", None), ("ما اسمنت السفينة؟", None),
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
        ("What is the name of the new minister?", "the minister", False),
        ("What is the name of the new minister?", "Sami Haddad", True),
        ("ما اسم وزير النقل الجديد؟", "وزير النقل", False),
        ("ما اسم وزير النقل الجديد؟", "الوزير سامي حداد", True),
    ],
)
def test_an_answer_is_of_the_kind_that_is_asked_for(question: str, answer: str, right: bool) -> None:
    assert fits(question, answer) == right
    assert fits(question, "no kind of anything", answer) or not right


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_asked(question: str, answer: str) -> None:
    assert isinstance(fits(question, answer), bool)


@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("Who presses the army to leave?", "the army", True),
        ("Who presses the army to leave?", "the army's generals", False),
        ("من يضغط على القوات العراقية؟", "القوات", True),
        ("من يضغط على القوات العراقية؟", "الميليشيات", False),
        ("Is the bridge open or closed?", "closed", False),
        ("هل الجسر مفتوح؟", "مفتوح", False),
        ("أيهما أكبر: الجسر أم البرج؟", "البرج", False),
        ("Who left?", "...", False),
        ("Who left?", "", False),
    ],
)
def test_the_questions_own_words_are_no_answer_but_to_a_choice(
    question: str, answer: str, told: bool
) -> None:
    assert repeats(question, answer) == told
