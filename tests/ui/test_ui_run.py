"""Questions in line, as the page runs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from conftest import FakeAssistant
from ui_stand_in import StandIn

from rag.models.llm.fake import FakeLLM
from rag.server.fair_queue import FairQueue
from rag.server.worker import QuestionRunner
from ui.exchange import Exchange
from ui.run import Run


@pytest.fixture
def assistant() -> Iterator[StandIn]:
    assistant = StandIn()
    yield assistant
    assistant.freely = True  # lets threads end


@pytest.fixture
def line() -> FairQueue:
    return FairQueue(16)


@pytest.fixture(autouse=True)
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is drawn anew twenty times a second, so that no test waits for a second."""
    monkeypatch.setattr("ui.run.TICK", 0.05)


def run(
    assistant: StandIn, line: FairQueue, question: str = "number 1", number: int = 1, client: str = "tab"
) -> Run:
    return Run(QuestionRunner(assistant, line), client, Exchange(number, question), ())  # type: ignore[arg-type]


def until(grown: Iterator[Exchange], stage: str) -> Exchange:
    """The first exchange at a stage."""
    return next(one for one in grown if one.stage == stage)


def answered() -> None:
    """Wait until all questions have been answered."""
    for thread in threading.enumerate():
        if thread.name == "answer":
            thread.join(10)
            assert not thread.is_alive()


def test_a_question_goes_through_its_stages_and_ends_with_the_answer(
    assistant: StandIn, line: FairQueue
) -> None:
    assistant.freely = True
    seen = list(run(assistant, line).grow())
    assert seen[0].stage in ("waiting", "searching") and seen[-1].stage == "done"
    assert seen[-1].answer is not None and "number 1" in seen[-1].answer.text
    order = ["waiting", "searching", "reading", "checking", "translating", "done"]
    places = [order.index(one.stage) for one in seen]
    assert places == sorted(places)


def test_the_queue_is_kept_and_shows_how_many_are_ahead(assistant: StandIn, line: FairQueue) -> None:
    grown = [run(assistant, line, f"number {n}").grow() for n in range(3)]
    assert [next(one).ahead for one in grown] == [0, 1, 2]
    assistant.freely = True
    assert [until(one, "done").question for one in reversed(grown)] == ["number 2", "number 1", "number 0"]
    assert assistant.asked == ["number 0", "number 1", "number 2"]


def test_as_many_are_asked_at_once_as_the_model_answers_together(assistant: StandIn) -> None:
    together = FairQueue(16, at_once=2)
    grown = [run(assistant, together, f"number {n}").grow() for n in range(4)]
    assert [next(one).ahead for one in grown] == [0, 0, 2, 3]
    deadline = time.monotonic() + 10
    while len(assistant.asked) < 2 and time.monotonic() < deadline:
        threading.Event().wait(0.001)
    assert sorted(assistant.asked) == ["number 0", "number 1"]
    assistant.freely = True
    assert [until(one, "done").question for one in grown] == [f"number {n}" for n in range(4)]


def test_one_that_is_stopped_while_it_waits_is_never_asked(assistant: StandIn, line: FairQueue) -> None:
    first, second, third = (run(assistant, line, f"number {n}") for n in range(3))
    grown = [one.grow() for one in (first, second, third)]
    for one in grown:
        next(one)
    second.stop()
    assert list(grown[1])[-1].stage == "stopped"
    assert next(grown[2]).ahead == 1, "its place is free at once"
    assistant.freely = True
    assert until(grown[2], "done").question == "number 2"
    assert assistant.asked == ["number 0", "number 2"]


def test_one_that_is_stopped_while_the_model_reads_ends_at_once_and_keeps_its_place_until_it_lets_go(
    assistant: StandIn, line: FairQueue
) -> None:
    first, second = run(assistant, line), run(assistant, line, "number 2")
    grown = first.grow()
    next(grown)
    waiting = second.grow()
    next(waiting)
    first.stop()
    assert list(grown)[-1].stage == "stopped"
    assert next(waiting).ahead == 1, "the model is still busy with the first"
    assistant.step()
    assert assistant.closed.wait(10)
    assistant.freely = True
    assert until(waiting, "done").answer


def test_a_stop_wins_over_an_answer_that_is_complete_but_not_yet_shown(
    assistant: StandIn, line: FairQueue
) -> None:
    assistant.freely = True
    stopped = run(assistant, line)
    grown = stopped.grow()
    next(grown)
    answered()
    stopped.stop()
    (last,) = grown
    assert (last.stage, last.answer) == ("stopped", None)


def test_a_stop_wins_over_an_answer_whose_end_is_being_shown(assistant: StandIn, line: FairQueue) -> None:
    assistant.freely = True
    stopped = run(assistant, line)
    grown = stopped.grow()
    until(grown, "done")
    stopped.stop()
    assert [(one.stage, one.answer) for one in grown] == [("stopped", None)]


def test_a_stop_wins_over_an_error(assistant: StandIn, line: FairQueue) -> None:
    stopped = run(assistant, line, "a broken model")
    grown = stopped.grow()
    next(grown)
    answered()
    stopped.stop()
    assert [one.stage for one in grown] == ["stopped"]


def test_too_many_are_asked_to_come_back(assistant: StandIn) -> None:
    line = FairQueue(4)
    grown = [run(assistant, line, number=n, client=f"tab {n % 3}").grow() for n in range(5)]
    for one in grown:
        next(one)
    (refused,) = run(assistant, line, client="tab 4").grow()
    assert refused.fault is not None and refused.fault.word == "fault_crowded"


def test_a_browser_that_asks_much_waits_behind_others(assistant: StandIn, line: FairQueue) -> None:
    asked = [("number 0", "tab"), ("number 1", "tab"), ("number 2", "tab"), ("number 3", "API")]
    grown = [run(assistant, line, question, client=client).grow() for question, client in asked]
    for one in grown:
        next(one)
    assert [next(one).ahead for one in grown] == [0, 1, 3, 2]
    assistant.freely = True
    assert [until(grown[n], "done").question for n in (2, 3)] == ["number 2", "number 3"]
    assert assistant.asked == ["number 0", "number 1", "number 3", "number 2"]


def test_an_error_ends_the_turn_and_the_next_one_is_answered(assistant: StandIn, line: FairQueue) -> None:
    assistant.freely = True
    failed = list(run(assistant, line, "a broken model").grow())[-1]
    assert failed.fault is not None and failed.fault.word == "fault_generation"
    assistant.stream = None  # type: ignore[assignment, method-assign]
    broke = list(run(assistant, line).grow())[-1]
    assert broke.fault is not None and broke.fault.word == "fault_broke"
    del assistant.stream
    assert list(run(assistant, line).grow())[-1].stage == "done"


def test_who_leaves_stops_the_model(assistant: StandIn, line: FairQueue) -> None:
    asked = run(assistant, line)
    grown = asked.grow()
    next(grown)
    assistant.step()
    until(grown, "reading")
    asked.stop()
    assistant.step()
    assert assistant.closed.wait(10)


def test_a_model_that_reads_is_stopped_before_its_first_word(
    fake_assistant: FakeAssistant, line: FairQueue
) -> None:
    reading, wanted = threading.Event(), threading.Event()

    def hold(_piece: int) -> None:
        reading.set()
        wanted.wait(10)

    assistant = fake_assistant(llm=FakeLLM.scripted(["Never told [1]."], hold))
    first = Run(QuestionRunner(assistant, line), "tab", Exchange(1, "What did the repairs cost?"), ())
    grown = first.grow()
    until(grown, "reading")
    assert reading.wait(10)
    first.stop()
    assert list(grown)[-1].stage == "stopped"
    wanted.set()
    second = list(
        Run(QuestionRunner(assistant, line), "tab", Exchange(2, "What did the repairs cost?"), ()).grow()
    )
    assert second[-1].stage == "done"


def test_threads_end_with_their_questions(assistant: StandIn, line: FairQueue) -> None:
    assistant.freely = True
    for _ in range(5):
        list(run(assistant, line).grow())
    answered()
