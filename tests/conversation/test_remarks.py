"""Thanks, greetings and assent ask nothing; a question beside them does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.conversation.remarks import REPLIES, Remark, remark, without_remarks


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks!", "thanks"),
        ("thank you so much", "thanks"),
        ("OK, great. Many thanks for your help!", "thanks"),
        ("that's all, thank you", "thanks"),
        ("شكرًا جزيلًا", "thanks"),
        ("تمام، أشكرك", "thanks"),
        ("ألف شكر على المساعدة", "thanks"),
        ("بارك الله فيكم", "thanks"),
        ("Hello", "greeting"),
        ("Good morning!", "greeting"),
        ("السلام عليكم ورحمة الله وبركاته", "greeting"),
        ("مساء الخير", "greeting"),
        ("Got it.", "assent"),
        ("حسنًا، فهمت", "assent"),
    ],
)
def test_a_remark_is_recognised_by_its_phrases(text: str, kind: Remark) -> None:
    assert remark(text) == kind
    assert set(REPLIES[kind]) == {"en", "ar"}


@pytest.mark.parametrize(
    "text",
    [
        "Who was thanked by the minister?",
        "Thank you note",
        "Great Britain",
        "Good Friday",
        "Hello Kitty",
        "Thanks, when did the theatre open?",
        "no",
        "نعم",
        "سلام",
        "من هو تمام سلام؟",
        "شكرا، ومتى افتتح؟",
        "هل شكر الوزير الوفد؟",
        "",
        "؟",
    ],
)
def test_what_asks_or_names_something_is_not_a_remark(text: str) -> None:
    assert remark(text) is None


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Thanks! And the school?", "And the school?"),
        ("And the school? Thank you.", "And the school?"),
        ("شكرا، والمدرسة؟", "والمدرسة؟"),
        ("Thanks!", "Thanks!"),
        ("When, and where, did it open?", "When, and where, did it open?"),
    ],
)
def test_remarks_beside_a_question_are_left_out(text: str, question: str) -> None:
    assert without_remarks(text) == question


def test_many_phrases_before_another_word_take_no_time() -> None:
    started = time.process_time()
    assert remark("no thanks " * 199 + "bridge") is None
    assert time.process_time() - started < 1


@given(st.text(max_size=60))
def test_any_text_keeps_something_to_ask(text: str) -> None:
    assert without_remarks(text) or not text
