"""Plans and deeds are distinguished by grammar, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.plans import asked, asks_about_future, events, fulfils

PLANS = [
    "The troops will leave the base by September.",
    "The troops are to be withdrawn from the base.",
    "The ministry plans to evacuate the base.",
    "ستغادر القوات القاعدة بحلول سبتمبر المقبل.",
    "وافقت الحكومة على انسحاب القوات من القاعدة.",
    "تعتزم القوات الانسحاب من القاعدة قريبا.",
    "ومن المقرر أن تنسحب القوات من القاعدة.",
]
DEEDS = [
    "The last troops left the base on Sunday.",
    "The troops have already been withdrawn from the base.",
    "The army completed its withdrawal from the base.",
    "غادرت آخر دفعة من الجنود القاعدة.",
    "أتمت القوات انسحابها من القاعدة.",
    "وانسحب التحالف من القاعدة.",
    "انتهى خروج القوات من القاعدة.",
]
QUESTIONS = [
    "When do forces leave the base?",
    "Have they withdrawn?",
    "متى تغادر القوات القاعدة؟",
    "متى الانسحاب؟",
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_is_not_reported_as_done(plan: str) -> None:
    assert "leave" in events(plan).planned
    assert "leave" not in events(plan).done


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_is_not_reported_as_planned(deed: str) -> None:
    assert "leave" in events(deed).done
    assert "leave" not in events(deed).planned


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_event_of_a_question_is_recognised(question: str) -> None:
    assert "leave" in asked(question)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_fulfils_a_plan_in_any_wording(plan: str, deed: str) -> None:
    about = asked(QUESTIONS[0])
    assert fulfils(deed, plan, about)
    assert not fulfils(plan, deed, about)
    assert not fulfils(plan, plan, about)
    assert not fulfils(deed, deed, about)


def test_an_event_that_the_question_is_not_about_does_not_count() -> None:
    assert not fulfils(DEEDS[0], PLANS[0], asked("When was the base built?"))


@pytest.mark.parametrize(
    ("deed", "fulfilled"),
    [
        ("The troops left the base in 2011.", False),
        ("The troops left the base in 2025.", True),
        ("The troops left the base in 2026.", True),
        ("The troops left the base.", True),
    ],
)
def test_a_deed_before_the_year_of_the_plan_does_not_fulfil_it(deed: str, fulfilled: bool) -> None:
    assert fulfils(deed, "The troops will leave the base in 2025.", asked("When do they leave?")) is fulfilled


def test_a_deed_with_a_year_does_not_fulfil_a_plan_without_one() -> None:
    assert not fulfils("The troops left the base in 2011.", PLANS[0], asked("When do they leave?"))


def test_a_word_that_is_in_no_list_is_compared_by_its_stem() -> None:
    plan, deed = "The council will rename the square.", "The square has been renamed."
    assert fulfils(deed, plan, asked("When do they rename the square?"))


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_can_be_compared(deed: str, plan: str) -> None:
    assert not (fulfils(deed, plan, asked(deed)) and not events(deed).done)


@pytest.mark.parametrize(
    ("question", "ahead"),
    [
        ("When will the troops leave?", True),
        ("Is the bridge going to open?", True),
        ("When did the troops leave?", False),
        ("Who is the minister of goodwill?", False),
        ("متى ستغادر القوات؟", True),
        ("من الوزير الذي سيزور دمشق؟", False),
        ("When was the deal going to be made public?", False),
        ("هل سوف يفتح الجسر؟", True),
        ("متى غادرت القوات؟", False),
        ("متى التقى كيم وترامب في سنغافورة؟", False),
        ("متى انسحبت إسرائيل من سيناء؟", False),
        ("متى سيطر الجيش على المدينة؟", False),
        ("هل سيسيطر الجيش على المدينة؟", True),
        ("ومتى ستغادر القوات؟", True),
        ("كم سيارة احترقت؟", False),
        ("When did Will Smith win the prize?", False),
        ("Who contested the will of the king?", False),
        ("How many refugees are going to Germany?", False),
        ("Who won’t sign the deal?", True),
        ("من سائق السيارة؟", False),
    ],
)
def test_a_question_about_the_future_is_recognised(question: str, ahead: bool) -> None:
    assert asks_about_future(question) == ahead
