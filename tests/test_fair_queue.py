"""Several questions at once: as many as are allowed, the others in turn, nobody's place lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Busy
from rag.fair_queue import FIRST_GUESS, FairQueue


def ran(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_as_many_are_answered_at_once_as_are_allowed_and_the_others_in_turn() -> None:
    async def asked() -> None:
        line, answered = FairQueue(16, at_once=2), list[str]()

        async def ask(client: str) -> None:
            await line.join(client)
            answered.append(client)

        tasks = [asyncio.create_task(ask(client)) for client in ("a", "a", "a", "a", "b")]
        await settled()
        assert (answered, line.waiting) == (["a", "a"], 3)
        line.leave(1.0)
        await settled()
        assert (answered, line.waiting) == (["a", "a", "a"], 2)
        line.leave(1.0)
        await settled()
        assert answered == ["a", "a", "a", "b"], "who sends many questions does not hold up the others"
        line.leave(1.0)
        await asyncio.gather(*tasks)
        for _ in range(2):
            line.leave(1.0)
        await line.join("c")
        await line.join("d")

    ran(asked())


def test_who_is_turned_away_is_told_a_time_that_counts_with_all_that_are_answered_at_once() -> None:
    async def asked(at_once: int) -> int:
        line = FairQueue(0, at_once)
        for _ in range(at_once):
            await line.join("a")
        with pytest.raises(Busy) as turned_away:
            await line.join("b")
        return turned_away.value.seconds

    assert asyncio.run(asked(1)) == FIRST_GUESS
    assert asyncio.run(asked(4)) == FIRST_GUESS / 4


@given(st.integers(1, 4), st.lists(st.sampled_from(["join", "leave", "cancel"]), max_size=40))
def test_never_more_than_are_allowed_and_nobody_waits_beside_a_free_place(
    at_once: int, steps: list[str]
) -> None:
    async def asked() -> None:
        line, tasks, answering = FairQueue(100, at_once), list[asyncio.Task[None]](), 0
        for number, step in enumerate(steps):
            waiting = [task for task in tasks if not task.done()]
            if step == "join":
                tasks.append(asyncio.create_task(line.join(str(number % 3))))
            elif step == "cancel" and waiting:
                waiting[-1].cancel()
            elif step == "leave" and answering:
                line.leave(1.0)
                answering -= 1
            await settled()
            answering += sum(task.done() and not task.cancelled() for task in tasks)
            tasks = [task for task in tasks if not task.done()]
            assert line.waiting == len(tasks)
            assert answering <= at_once
            assert answering == at_once or not tasks
        for task in tasks:
            task.cancel()
        await settled()

    ran(asked())
