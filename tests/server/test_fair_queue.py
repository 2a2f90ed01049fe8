"""The queue of a server: bounded, fair, and shared by page and API; and the runner of its questions."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from conftest import FakeAssistant
from hypothesis import given
from hypothesis import strategies as st

from rag import Finished, GenerationFailed
from rag.errors import Busy
from rag.server.fair_queue import FairQueue, Place
from rag.server.serve import Server
from rag.server.worker import QuestionRunner, RunningQuestion
from ui.exchange import Exchange
from ui.run import Run

QUESTION = "When did the harbour of Marsa reopen?"


def test_each_client_has_its_turn_however_many_questions_others_send() -> None:
    line, order = FairQueue(16), []
    places = [line.enter(client, lambda place: order.append(place.client)) for client in "aaaabbc"]
    assert [line.ahead(place) for place in places] == [0, 1, 4, 6, 2, 5, 3]
    while len(order) < 7:
        line.leave(next(one for one in places if one in line._answering))
    assert "".join(order) == "aabcaba"


def test_one_address_may_not_take_all_places() -> None:
    line = FairQueue(4)
    for _ in range(3):
        line.enter("a", lambda _: None)
    with pytest.raises(Busy, match="2 questions are already waiting") as raised:
        line.enter("a", lambda _: None)
    assert raised.value.seconds == 60
    line.enter("b", lambda _: None)
    assert line.waiting == 3


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "withdraw"]), st.integers(0, 5)), min_size=20, max_size=120
)


@given(ACTIONS, st.integers(1, 3), st.integers(1, 6))
def test_whatever_happens_none_is_lost_called_twice_or_kept_waiting_beside_a_free_turn(
    actions: list[tuple[str, int]], at_once: int, places: int
) -> None:
    line = FairQueue(places, at_once)
    called: list[Place] = []
    waiting: list[Place] = []
    answering: list[Place] = []

    def call(place: Place) -> None:
        called.append(place)
        answering.append(place)

    for what, number in actions:
        if what == "enter":
            with contextlib.suppress(Busy):
                place = line.enter(str(number), call)
                if place not in called:
                    waiting.append(place)
        elif what == "leave" and answering:
            line.leave(answering.pop(number % len(answering)), 1.0)
        elif what == "withdraw" and waiting:
            place = waiting.pop(number % len(waiting))
            assert line.withdraw(place) and not line.withdraw(place)
        waiting = [place for place in waiting if place not in called]
        assert line.waiting == len(waiting) <= places
        assert len(answering) == at_once or (len(answering) < at_once and not waiting)
        assert len(called) == len(set(called))
        if waiting:
            assert sorted(map(line.ahead, waiting)) == list(range(at_once, at_once + len(waiting)))


def test_a_question_that_is_cancelled_when_its_turn_comes_passes_the_turn_on(
    fake_assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant, line = fake_assistant(), FairQueue(4)
    runner, reported = QuestionRunner(assistant, line), []
    ahead = line.enter("a", lambda _: None)
    question = RunningQuestion(runner, "b", QUESTION, reported.append)
    question.start()
    real = threading.Thread.start

    def cancelled_first(thread: threading.Thread) -> None:
        question.cancel()
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", cancelled_first)
    line.leave(ahead)
    free = threading.Event()
    line.enter("c", lambda _: free.set())
    assert free.wait(20)
    assert [item for item in reported if item is not None] == []
    assert (line.waiting, line.answering) == (0, 1)


def test_questions_without_an_answer_do_not_change_the_time_to_try_again(
    fake_assistant: FakeAssistant,
) -> None:
    runner = QuestionRunner(fake_assistant(), FairQueue(1))

    def seconds() -> int:
        first, second = (runner.queue.enter(client, lambda _: None) for client in "ab")
        with pytest.raises(Busy) as raised:
            runner.queue.enter("c", lambda _: None)
        assert runner.queue.withdraw(second)
        runner.queue.leave(first)
        return raised.value.seconds

    def ask(question: str, *, cancel: bool = False) -> None:
        ended = threading.Semaphore(0)

        def report(item: object) -> None:
            if item is None or isinstance(item, BaseException):
                ended.release()
            elif cancel:
                asked.cancel()

        asked = RunningQuestion(runner, "a", question, report)
        asked.start()
        for _ in range(1 + cancel):  # cancel reports an end, too
            assert ended.acquire(timeout=20)

    before = seconds()
    for _ in range(5):
        ask("")
        ask(QUESTION, cancel=True)
    assert seconds() == before
    ask(QUESTION)
    assert seconds() < before


def test_a_stopped_runner_ends_the_questions_that_wait(fake_assistant: FakeAssistant) -> None:
    line = FairQueue(4)
    runner, reported = QuestionRunner(fake_assistant(), line), []
    line.enter("a", lambda _: None)
    RunningQuestion(runner, "b", QUESTION, reported.append).start()
    runner.stop()
    assert (reported, line.waiting) == ([None], 0)


def test_an_event_loop_gets_an_error_when_the_server_stops_before_the_answer(
    fake_assistant: FakeAssistant,
) -> None:
    line = FairQueue(4)
    runner = QuestionRunner(fake_assistant(), line)
    line.enter("a", lambda _: None)

    async def scene() -> None:
        events = runner.events("b", QUESTION)
        asyncio.get_running_loop().call_later(0.05, runner.stop)
        with pytest.raises(GenerationFailed, match="server was stopped"):
            await anext(events)

    asyncio.run(asyncio.wait_for(scene(), 20))
    assert line.waiting == 0


@pytest.mark.slow
def test_threads_and_an_event_loop_share_one_queue(fake_assistant: FakeAssistant) -> None:
    runner, ended = QuestionRunner(fake_assistant(), FairQueue(100)), threading.Semaphore(0)

    def report(item: object) -> None:
        if item is None:
            ended.release()

    async def task() -> None:
        *_, last = [event async for event in runner.events("loop", QUESTION)]
        assert isinstance(last, Finished)

    async def scene() -> None:
        tasks = [asyncio.create_task(task()) for _ in range(10)]
        for _ in range(10):
            RunningQuestion(runner, "threads", QUESTION, report).start()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(scene(), 60))
    for _ in range(10):
        assert ended.acquire(timeout=20)
    assert (runner.queue.waiting, runner.queue.answering) == (0, 0)


@pytest.mark.slow
def test_page_and_api_of_a_server_share_one_bound(fake_assistant: FakeAssistant) -> None:
    lines: list[FairQueue] = []

    def page(runners: Mapping[str, QuestionRunner]) -> Any:
        from fastapi import FastAPI

        lines.extend(runner.queue for runner in runners.values())
        return FastAPI()

    server = Server(fake_assistant(waiting=2), page=page).start()
    try:
        places = [lines[0].enter(f"tab {n}", lambda _: None) for n in range(3)]  # one is answered, two wait
        asked = {"question": QUESTION}
        refused = httpx.post(f"{server.address}/api/ask", json=asked)
        assert (refused.status_code, refused.json()["error"]["type"]) == (503, "Busy")
        assert "sanad_waiting 2.0" in httpx.get(f"{server.address}/metrics").text
        for place in places:
            lines[0].leave(place)
        assert httpx.post(f"{server.address}/api/ask", json=asked).status_code == 200
    finally:
        server.close()


def test_where_no_thread_is_to_be_had_the_turn_is_handed_on(
    fake_assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant, line, none = fake_assistant(), FairQueue(4), []
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "answer" and not none:
            none.append(thread)
            raise RuntimeError("can't start new thread")
        real(thread)

    async def ask() -> list[Any]:
        return [event async for event in QuestionRunner(assistant, line).events("a", QUESTION)]

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"):
        asyncio.run(ask())
    assert asyncio.run(ask())
    none.clear()
    broke = list(Run(QuestionRunner(assistant, line), "tab", Exchange(1, QUESTION), ()).grow())[-1]
    assert broke.fault is not None and broke.fault.word == "fault_broke"
    assert (
        list(Run(QuestionRunner(assistant, line), "tab", Exchange(1, QUESTION), ()).grow())[-1].stage
        == "done"
    )
