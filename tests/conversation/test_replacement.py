"""What a follow-up names takes the place of what the question before it has of the same form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.conversation.replacement import Named, named, names_something, replaced


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("No, I meant the school.", Named("the school", True)),
        ("Sorry, I was asking about Sidon", Named("Sidon", True)),
        ("I mean in 2019", Named("in 2019", True)),
        ("No, Sidon.", Named("Sidon", True)),
        ("Not the theatre, the school.", Named("the school", True, "the theatre")),
        ("No, not the theatre but the school", Named("the school", True, "the theatre")),
        ("The school, not the theatre.", Named("The school", True, "the theatre")),
        ("And the school?", Named("the school")),
        ("what about in Sidon", Named("in Sidon")),
        ("The school?", Named("The school")),
        ("From Sidon?", Named("From Sidon")),
        ("لا، أقصد المدرسة.", Named("المدرسة", True)),
        ("عفوا، كنت أعني صيدا", Named("صيدا", True)),
        ("لا، المدرسة", Named("المدرسة", True)),
        ("ليس المسرح بل المدرسة", Named("المدرسة", True, "المسرح")),
        ("المدرسة لا المسرح", Named("المدرسة", True, "المسرح")),
        ("والمدرسة؟", Named("المدرسة")),
        ("وماذا عن صيدا؟", Named("صيدا")),
        ("وفي صيدا؟", Named("في صيدا")),
    ],
)
def test_corrections_and_short_follow_ups_name_something(question: str, name: Named) -> None:
    assert named(question) == name


@pytest.mark.parametrize(
    "question",
    [
        "And when?",
        "And who paid for it?",
        "Tell me more.",
        "Explain",
        "In short?",
        "Why not?",
        "Not the theatre.",
        "No, not the theatre",
        "Any of them in hospital?",
        "No ferries sailed to Marsa in May: why?",
        "And the number of all the people who came to the theatre in May",
        "ومتى؟",
        "ولماذا لا تعمل يوم الجمعة؟",
        "واشرح السبب",
        "",
        "?",
    ],
)
def test_questions_of_their_own_and_requests_name_nothing(question: str) -> None:
    assert named(question) is None


THEATRE = "How much did the new theatre in Tyre cost?"


@pytest.mark.parametrize(
    ("before", "follow_up", "question"),
    [
        (THEATRE, "And the school?", "How much did the school cost?"),
        (THEATRE, "No, I meant the school in Sidon.", "How much did the school in Sidon cost?"),
        (THEATRE, "Not the theatre, the school", "How much did the school cost?"),
        (THEATRE, "And in Sidon?", "How much did the new theatre in Sidon cost?"),
        ("When was the bridge closed?", "what about the road", "When was the road closed?"),
        ("When did the mayor open the theatre?", "And the school?", "When did the mayor open the school?"),
        ("When did the mayor open the theatre?", "No, not the mayor but the king",
         "When did the king open the theatre?"),
        ("Who leads the talks?", "I meant the earlier talks.", "Who leads the earlier talks?"),
        ("Who is the head of the port?", "And of the airport?", "Who is the head of the airport?"),
        ("How many British soldiers are there in Mali?", "And Chad?",
         "How many British soldiers are there in Chad?"),
        ("How many nurses work at the clinic?", "And at the school?", "How many nurses work at the school?"),
        ("How many people drowned in the flood of 2019?", "And in 2020?",
         "How many people drowned in the flood of 2020?"),
        ("How many nurses were hurt in the flood?", "And the teachers?",
         "How many teachers were hurt in the flood?"),
        ("What is the price of oil?", "And the price of gas?", "What is the price of gas?"),
        ("What is the price of oil?", "Not the price of oil, the price of gas", "What is the price of gas?"),
        ("When did the price of oil rise in Mali?", "And the price of gas?",
         "When did the price of gas rise in Mali?"),
        ("Who is the minister of defence?", "What about the minister of health?",
         "Who is the minister of health?"),
        ("Who is the head of the port?", "And the mayor of Sidon?", "Who is the mayor of Sidon?"),
        ("When was the head of the port elected?", "And the head of the union?",
         "When was the head of the union elected?"),
        ("When does Line 3 open?", "And Line 4?", "When does Line 4 open?"),
        ("متى افتتح المسرح الجديد في صور؟", "والمدرسة؟", "متى افتتح المدرسة؟"),
        ("من هو مدير الميناء؟", "لا، أقصد المطار", "من هو مدير المطار؟"),
        ("كم جنديا في مالي؟", "وماذا عن تشاد؟", "كم جنديا في تشاد؟"),
        ("كم جنديا في مالي؟", "وفي تشاد؟", "كم جنديا في تشاد؟"),
        ("من التقى بالوزير؟", "والملك؟", "من التقى بالملك؟"),
        ("ماذا قدم الوزير للمدرسة؟", "ليس المدرسة بل المسرح", "ماذا قدم الوزير للمسرح؟"),
        ("متى تغادر القوات العراق؟", "وسوريا؟", "متى تغادر القوات سوريا؟"),
        ("متى تغادر القوات الأجنبية العراق؟", "والقوات البريطانية؟", "متى تغادر القوات البريطانية العراق؟"),
        ("متى زار الوزير الضفة الغربية؟", "والمنطقة الشرقية؟", "متى زار الوزير المنطقة الشرقية؟"),
        ("من رئيس العراق؟", "وسوريا؟", "من رئيس سوريا؟"),
        ("متى يفتتح الخط 3؟", "والخط 4؟", "متى يفتتح الخط 4؟"),
        ("ماذا حدث في أيار 2011؟", "أقصد 2017", "ماذا حدث في أيار 2017؟"),
    ],
)  # fmt: skip
def test_a_follow_up_replaces_what_has_the_same_form(before: str, follow_up: str, question: str) -> None:
    name = named(follow_up)
    assert name and replaced(before, name) == question


@pytest.mark.parametrize(
    ("before", "follow_up"),
    [
        ("How many nurses were owed money?", "And the lighthouse?"),
        ("When do schools open again?", "No, I meant the lighthouse."),
        ("When did the president of the bank resign?", "What about the chairman?"),
        ("When was the president of the bank elected?", "What about the chairman?"),
        ("Which members of the council voted?", "And the party?"),
        ("كم ممرضا عاد؟", "والمنارة؟"),
        ("When did the theatre open?", "والمدرسة؟"),
        ("When did the theatre open?", "No, I mean when it closed."),
        ("", "And the school?"),
    ],
)
def test_there_is_no_result_where_the_question_has_nothing_of_that_form(before: str, follow_up: str) -> None:
    name = named(follow_up)
    assert name and replaced(before, name) == ""


def test_times_relations_and_owners_need_not_be_mentioned() -> None:
    assert names_something(Named("the school")) and names_something(Named("صيدا"))
    for text in ("in Sidon", "2019", "the women's", "في صيدا", "when it closed"):
        assert not names_something(Named(text))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_texts_give_a_question_or_none(before: str, follow_up: str) -> None:
    name = named(follow_up)
    if name:
        again = replaced(before, name)
        assert again == "" or again.endswith(("?", "؟"))
