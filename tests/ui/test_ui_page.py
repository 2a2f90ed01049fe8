"""What the page does with what a browser sends, without a browser. Importing Gradio alone takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_ui_render import answer, citation
from ui_stand_in import BASE, LEFT, StandIn

from rag import Settings
from rag.server.fair_queue import FairQueue
from rag.server.worker import QuestionRunner
from ui import exchange
from ui.exchange import Exchange, pack
from ui.page import Page

pytestmark = pytest.mark.slow


@pytest.fixture
def assistant() -> Iterator[StandIn]:
    assistant = StandIn()
    yield assistant
    assistant.freely = True  # lets threads end


def page_of(assistant: StandIn) -> Page:
    return Page(assistant, QuestionRunner(assistant, FairQueue(16)))  # type: ignore[arg-type]


class Request:
    """What Gradio tells of a question."""

    def __init__(self, session_hash: str = "q1") -> None:
        self.session_hash = session_hash


def test_the_page_answers_and_hands_over_what_the_browser_keeps(assistant: StandIn) -> None:
    assistant.freely = True
    page = page_of(assistant)
    sent = {"question": "number 7", "number": 2, "history": [], "filter": [[], "", "", ""], "language": "ar"}
    begun = page.begin(sent)["turn"]
    assert 'id="t2"' in begun and "number 7" in begun and 'data-stage="waiting"' in begun
    *growing, last = page.answer(sent, Request())  # type: ignore[arg-type]
    assert growing and not [event for event in growing if "kept" in event]
    assert 'data-stage="done"' in last["turn"] and "المصادر" in last["turn"]
    assert exchange.unpack(last["kept"]).answer is not None
    assert page.show({"turns": [last["kept"]], "language": "ar"}) == last["turn"]


def test_each_question_is_stopped_by_its_own_id(assistant: StandIn) -> None:
    page = page_of(assistant)
    sent = {"question": "number 7", "filter": [[], "", "", ""]}
    earlier, following = (page.answer(sent, Request(each)) for each in ("q1", "q2"))  # type: ignore[arg-type]
    for answers in (earlier, following):
        next(answers)
    earlier.close()  # type: ignore[attr-defined]
    assert page.stop({"asked": "q1"}) is False, "it has ended"
    assert page.stop({"asked": "q2"}) is True
    *_, last = following
    assert last["kept"]["stage"] == "stopped"
    assert page.stop({"asked": "q2"}) is False


def test_tabs_take_turns(assistant: StandIn) -> None:
    page = page_of(assistant)
    asked = [("number 0", "a"), ("number 1", "a"), ("number 2", "a"), ("number 3", "b"), ("number 4", None)]
    answers = [
        page.answer({"question": question, "tab": tab, "filter": [[], "", "", ""]}, Request(question))  # type: ignore[arg-type]
        for question, tab in asked
    ]
    for each in answers:
        next(each)
    assistant.freely = True
    for n in (2, 4, 3):
        assert list(answers[n])[-1]["kept"]["stage"] == "done"
    assert assistant.asked.index("number 2") > assistant.asked.index("number 3")
    assert assistant.asked.index("number 2") > assistant.asked.index("number 4")


def test_a_question_that_cannot_be_asked_ends_at_once(assistant: StandIn) -> None:
    page = page_of(assistant)
    (last,) = page.answer({"question": " "}, Request())  # type: ignore[arg-type]
    assert last["turn"] == page.begin({"question": " "})["turn"]
    assert last["kept"]["fault"]["word"] == "fault_empty" and 'role="alert"' in last["turn"]


@pytest.mark.parametrize("sent", [None, [], "x", {}, {"article": 5}, {"article": "base", "span": [0, "x"]}])
def test_whatever_the_script_sends_every_function_answers(
    assistant: StandIn, sent: Any, tmp_path: Path
) -> None:
    assistant.settings = Settings(cache=tmp_path)
    page = page_of(assistant)
    for serve in page.functions:
        if serve.__name__ not in ("index", "remove"):
            assert serve(sent) is not None
    assert 'role="alert"' in page.read_article(sent)
    assert page.copy(sent) == ""
    assert 'role="alert"' in page.rate(sent)


def test_an_article_is_shown_with_its_quote_or_without_or_reported_missing(assistant: StandIn) -> None:
    page = page_of(assistant)
    start = BASE.text.index(LEFT)
    span = [start, start + len(LEFT), LEFT]
    assert f"<mark>{LEFT}</mark>" in page.read_article({"article": "base", "span": span})
    assert "<mark>" not in page.read_article({"article": "base", "span": None})
    gone = page.read_article({"article": "gone", "span": None, "language": "ar"})
    assert "يتعذر استخدام المقالات" in gone and "no article" in gone


def test_turns_without_an_answer_are_left_out_of_a_file() -> None:
    page = Page(SimpleNamespace(settings=None, articles=list), None)  # type: ignore[arg-type]
    stopped = pack(Exchange(1, "q", "stopped"))
    done = pack(Exchange(2, "q", "done", answer=answer("A [1].", citations=(citation(),))))
    assert page.save({"turns": [stopped], "form": "html"}) == {}
    assert page.save({"turns": [stopped, done, "?"], "form": "exe"}) == {}
    assert page.save({"turns": [stopped, done, "?"], "form": "markdown"})["name"] == "q.md"
