from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from conftest import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from ui_stand_in import BASE, ENGLISH, LATER, LATER_SAYS, LEFT, WORDS, make_answer, make_conflict

from rag import Filter, Turn
from ui import exchange
from ui.exchange import Exchange
from ui.html import copying, render
from ui.wording.faults import Fault, Refused

ANSWERED = Exchange(
    number=3, question="When did they leave?", stage="done", sentences=1, seconds=8.5,
    answer=make_answer("When did they leave?", ENGLISH[:1], [(BASE, LEFT)]),
    where=Filter(("CNN",), "2024", None, "ar"),
)  # fmt: skip

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def sent(question: object = "Why?", **more: object) -> dict[str, object]:
    return {"question": question, "number": 1, "history": [], "filter": [[], "", "", ""], **more}


@pytest.mark.parametrize(
    "kept",
    [
        ANSWERED,
        Exchange(1, "Why?", "stopped", reading=(("CNN", "x"),)),
        Exchange(1, "?", "failed", fault=Fault("fault_empty")),
    ],
)
def test_an_exchange_comes_back_from_the_browser_as_it_was_but_for_what_is_never_shown(
    kept: Exchange,
) -> None:
    back = exchange.unpack(json.loads(json.dumps(exchange.pack(kept))))
    assert render.turn(back, "en") == render.turn(kept, "en")
    if kept.answer and back.answer:
        assert back.answer.evidence == () and back.answer.citations == kept.answer.citations
        assert back.where == kept.where


def test_fields_that_a_later_version_adds_do_no_harm() -> None:
    packed = exchange.pack(ANSWERED)
    packed["answer"]["claims"][0]["sources"] = ["?"]
    assert exchange.unpack(packed).answer is not None


@pytest.mark.parametrize(
    "spoil",
    [
        {"stage": "reading"}, {"stage": "gone"}, {"number": 0}, {"number": "x"}, {"question": None},
        {"answer": {"text": "x"}}, {"where": {"language": "fr"}}, {"where": {"since": "soon"}},
        {"fault": {"word": 5}},
    ],
)  # fmt: skip
def test_what_is_no_exchange_is_replaced_by_a_fault(spoil: dict[str, object]) -> None:
    packed = exchange.pack(ANSWERED) | spoil
    with pytest.raises(Refused):
        exchange.unpack(packed)
    first, second = exchange.unpack_all([packed, exchange.pack(ANSWERED)])
    assert (
        first.fault == Fault("fault_kept")
        and second.answer == exchange.unpack(exchange.pack(ANSWERED)).answer
    )


def test_a_kept_fault_with_a_word_or_a_value_that_is_none_is_still_shown() -> None:
    for fault in (Fault("tagline"), Fault("fault_gone"), Fault("fault_date")):
        assert 'role="alert"' in render.turn(Exchange(1, "?", "failed", fault=fault), "ar")


@examples(40, suppress_health_check=[HealthCheck.too_slow])  # to make JSON is slow
@given(JSON | st.lists(st.fixed_dictionaries({"number": JSON, "question": JSON, "stage": JSON})))
def test_whatever_a_browser_kept_can_be_shown(kept: Any) -> None:
    render.conversation(exchange.unpack_all(kept), "ar")


def test_a_question_comes_with_what_belongs_to_it() -> None:
    history = [[f"q{n}", f"a{n}"] for n in range(9)]
    asked = exchange.read(
        sent(number=4, history=history, filter=[["CNN"], "", "", ""], language="ar"), longest=50
    )
    assert asked.exchange == Exchange(4, "Why?", where=Filter(("CNN",)))
    assert asked.history == tuple(Turn(f"q{n}", f"a{n}") for n in range(3, 9))
    assert asked.language == "ar"


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (sent("   "), "fault_empty"), (sent("؟!"), "fault_empty"), (sent(None), "fault_empty"),
        (sent("x" * 51), "fault_long"), (sent(filter="?"), "fault_filter"), (None, "fault_empty"),
        (sent(filter=[[], "soon", "", ""]), "fault_date"),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_says_why_in_words_of_the_page(wrong: object, word: str) -> None:
    asked = exchange.read(wrong, longest=50)
    assert asked.exchange.stage == "failed"
    assert asked.exchange.fault is not None and asked.exchange.fault.word == word


@examples(60, suppress_health_check=[HealthCheck.too_slow])
@given(JSON | st.fixed_dictionaries({"question": JSON, "history": JSON, "number": JSON, "filter": JSON}))
def test_whatever_a_browser_sends_is_a_question_or_a_fault(wrong: Any) -> None:
    asked = exchange.read(wrong, longest=50)
    assert asked.exchange.open or asked.exchange.fault
    render.turn(asked.exchange, asked.language)


def test_an_answer_is_copied_as_text_with_every_quote_and_its_place() -> None:
    assert ANSWERED.answer is not None
    assert copying.text(ANSWERED.answer, "en") == (
        "When did they leave?\n\nThe last advisers left Ain al-Asad [1].\n\n"
        f"In the article's words [1]: “{WORDS}”\n\nSources:\n\n"
        f"[1] CNN · 18 January 2026 · {BASE.title}\n“{LEFT}”\n003_base.txt:61\n"
    )
    assert "المصادر:" in copying.text(ANSWERED.answer, "ar")


def test_an_answer_is_copied_as_markdown_whose_quotes_are_only_text() -> None:
    assert ANSWERED.answer is not None
    copied = copying.markdown(ANSWERED.answer, "en")
    assert copied.startswith(
        "**When did they leave?**\n\nThe last advisers left Ain al\\-Asad \\[1\\].\n\n"
        f"In the article's words \\[1\\]: “{WORDS}”\n\nSources:\n\n1. CNN"
    )
    assert f"\n\n   > {LEFT}\n\n   003\\_base.txt:61\n" in copied
    hostile = make_answer("![x](https://elsewhere.example)", ["<b> [1]."], [(BASE, LEFT)])
    assert "\\!\\[x\\]\\(https://elsewhere.example\\)" in copying.markdown(hostile, "en")
    assert "\\<b\\>" in copying.markdown(hostile, "en")


@pytest.mark.parametrize("form", [copying.text, copying.markdown])
def test_a_follow_up_is_copied_with_what_it_was_understood_as(form: Any) -> None:
    assert ANSWERED.answer is not None
    followed = dataclasses.replace(ANSWERED.answer, question="And then?", understood="When did they come?")
    assert "\n\nUnderstood as: When did they come?\n\n" in form(followed, "en")
    assert "Understood" not in form(ANSWERED.answer, "en")


def test_both_sides_of_a_conflict_are_copied() -> None:
    copied = copying.text(make_conflict("What is the population?", "en"), "en")
    assert "Coast Daily · 6 September 2024" in copied and "عنب بلدي · March 2024" in copied


def test_a_kept_answer_takes_outlet_and_date_from_its_articles_as_far_as_they_exist() -> None:
    answer = make_answer("When?", ENGLISH, [(BASE, LEFT), (LATER, LATER_SAYS)])
    base = dataclasses.replace(BASE, outlet=None, published="2025-01")
    now = exchange.updated(answer, {BASE.id: base})
    assert [(one.outlet, one.published) for one in now.citations] == [
        (None, "2025-01"),
        ("Coast Daily", "2024-09-06"),
    ]
    assert {(one.outlet, one.published) for one in now.passages} == {(None, "2025-01")}
    assert dataclasses.replace(now, citations=answer.citations, passages=answer.passages) == answer
