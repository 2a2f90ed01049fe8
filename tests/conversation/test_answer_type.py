"""The type of answer that a question asks for: a time, a quantity, a name or a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.conversation.answer_type import fits, kind, repeats


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("When do forces leave?", "time"), ("And when?", "time"), ("By when are they to go?", "time"),
        ("In what year was it built?", "time"), ("متى تغادر القوات؟", "time"), ("ومتى؟", "time"),
        ("في أي عام بني البرج؟", "time"), ("How many soldiers are there?", "quantity"),
        ("كم عدد الجنود؟", "quantity"), ("وكم بقي؟", "quantity"), ("What percentage?", "quantity"),
        ("What was the highest number of ships?", "quantity"), ("ما هو أكبر عدد للسفن؟", "quantity"),
        ("What is the number plate?", None), ("ما زال عدد السفن كبيرا؟", None),
        ("What is the name of the ship?", "name"), ("ما اسم السفينة؟", "name"),
        ("وما هو اسم السفينة؟", "name"),
        ("What is the nameless ship?", None), ("ما اسمنت السفينة؟", None),
        ("Who left when it rained?", "person"), ("من غادر؟", "person"), ("من أين جاء؟", None),
        ("What time zone is it?", None),
        ("When the war began, who was president?", "person"), ("When the war began, did he leave?", None),
        ("When the war began who was president?", None), ("When exactly did it open?", "time"),
        ("When in the Middle Ages did it happen?", "time"), ("When the minister died?", "time"),
        ("When and where was the deal signed?", "time"), ("When and by whom was it signed?", "time"),
        ("When in May did the minister who resigned leave?", "time"),
        ("When this year will the coalition, which is led by the US, leave?", "time"),
        ("What day last week did it open?", "time"),
        ("What date palm disease spread?", None), ("What day care centre closed?", None),
        ("Which year-long siege ended?", None), ("What year saw the flood?", "time"),
        ("On which day of May did they leave?", "time"), ("What day?", "time"),
        ("من كم عضوا يتألف المجلس؟", "quantity"), ("وفي كم دولة يعمل؟", "quantity"),
        ("من كم مرة؟", None), ("من ماذا يتألف المجلس؟", None),
        ("كم مرة؟", None), ("Whenever did it start?", None), ("", None),
    ],
)  # fmt: skip
def test_the_first_words_give_the_answer_type(question: str, wanted: str | None) -> None:
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
        ("What is the name of the captain?", "one of the sailors", False),
        ("ما اسم القبطان؟", "أحد البحارة", False),
        ("ما اسم القبطان؟", "أحمد", True),
        ("How many sailors left?", "for more than two decades", False),
        ("How many sailors left?", "in March 2003", False),
        ("What was the highest number of sailors?", "many more from 2003 to 2011", True),
        ("What was the highest number of sailors?", "larger from 2003 to 2011", False),
        ("How many years did they wait?", "two decades", True),
        ("How many sailors came?", "up to 2,000 sailors", True),
        ("How much longer do they wait?", "two weeks", True),
        ("من كم عضوا يتألف المجلس؟", "من 12 عضوا", True),
        ("من كم عضوا يتألف المجلس؟", "عضوين", True),
        ("When the war began, who was president?", "Salma Idris", True),
        ("What is the name of the film?", "A Separation", True),
        ("What is the name of the pilot?", "an Iraqi pilot named Ali Hassan", True),
        ("ما اسم القبطان؟", "أحد قادة السفن سامي قاسم حداد", True),
        ("In which month of 2011 did they leave?", "Under the 2008 agreement they left in December", True),
        ("On which day of May 2011 did they leave?", "the last 2,000 left on 18 May", True),
        ("كم عدد سكان المدينة؟", "سكان المدينة القديمة", False),
        ("كم ميدانا أغلق؟", "في ميدان التحرير", False),
        ("كم بحارا غادر؟", "في يناير 2020", False),
        ("كم بحارا غادر؟", "غادر بحاران في يناير 2020", True),
        ("كم مستشارا غادر؟", "آخر دفعة من المستشارين منذ عقدين", False),
        ("كم مستشارا غادر؟", "آخر الزوار منذ عامين", False),
        ("كم بحارا غادر؟", "خمسة بحارة في يناير 2020", True),
        ("كم بحارا غادر؟", "اثنا عشر بحارا", True),
        ("كم طائرة استأجرت الشركة؟", "طائرتين", True),
        ("كم طائرة استأجرت الشركة؟", "طائرة الشركة", False),
        ("كم المهلة التي منحت للشركة؟", "72 ساعة", True),
        ("كم ستدوم فترة التعليق؟", "شهرا", True),
        ("On which day of December 2011 did they leave?", "20 March 2003", False),
        ("On which day of December 2011 did they leave?", "on the 18th of December", True),
        ("On which day of December 2011 did they leave?", "on Sunday", True),
        ("في أي يوم من شهر كانون الأول 2011 غادروا؟", "في آذار 2003", False),
        ("في أي يوم من شهر كانون الأول 2011 غادروا؟", "18 ديسمبر", True),
    ],
)
def test_an_answer_is_of_the_kind_that_is_asked_for(question: str, answer: str, right: bool) -> None:
    assert fits(question, answer) == right
    assert fits(question, "no kind of anything", answer) or not right


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_asked(question: str, answer: str) -> None:
    assert isinstance(fits(question, answer), bool)


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
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
def test_the_questions_own_words_answer_only_a_choice(question: str, answer: str, expected: bool) -> None:
    assert repeats(question, answer) == expected
