"""An engine that fails, hangs or runs out of memory costs its own reply, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from conftest import FakeAssistant

from rag import GenerationFailed
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Cancelled, DeadlinePassed, LogProbabilities, Message
from rag.models.llm.watchdog import MAX_STUCK, WatchedGenerator

PROMPT = [Message("user", "[1] The harbour reopened on Sunday.")]


class Engine:
    """An engine that runs the test's function."""

    identity, context = "engine", 8192

    def __init__(self, act: Callable[[], Iterator[str]]) -> None:
        self.act = act
        self.closed = threading.Event()

    def count(self, text: str) -> int:
        return len(text)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        try:
            yield from self.act()
        finally:
            self.closed.set()
        return (-1.5,)


class Opened:
    """Opens the given engines one after the other."""

    def __init__(self, *acts: Callable[[], Iterator[str]]) -> None:
        self.engines = [Engine(act) for act in acts]
        self.count = 0

    def __call__(self) -> Engine:
        self.count += 1
        return self.engines[self.count - 1]


def well() -> Iterator[str]:
    yield from ("all", " is", " well")


def raises(error: Exception) -> Callable[[], Iterator[str]]:
    def act() -> Iterator[str]:
        yield "a"
        raise error

    return act


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Lets engines that hang end with the test."""
    event = threading.Event()
    yield event
    event.set()


def hangs(release: threading.Event) -> Callable[[], Iterator[str]]:
    def act() -> Iterator[str]:
        yield "a"
        release.wait(60)
        yield "b"

    return act


def supervised(opened: Opened, seconds: float = 30, grace: float = 30) -> WatchedGenerator:
    return WatchedGenerator(opened, seconds=seconds, grace=grace)


def reply(generator: WatchedGenerator) -> str:
    return "".join(generator.stream(PROMPT, max_tokens=10))


def test_pieces_and_the_replys_probability_are_passed_on() -> None:
    stream = supervised(Opened(well)).stream(PROMPT, max_tokens=10)
    pieces = []
    with pytest.raises(StopIteration) as end:
        while True:
            pieces.append(next(stream))
    assert pieces == ["all", " is", " well"]
    assert end.value.value == (-1.5,)


def test_a_healthy_engine_is_kept() -> None:
    opened = Opened(well)
    generator = supervised(opened)
    assert [reply(generator) for _ in range(3)] == ["all is well"] * 3
    assert (opened.count, generator.reloads) == (1, 0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("node\n broke"), "The language model failed: node broke. Ask again."),
        (GenerationFailed("Its own words."), "Its own words."),
        (MemoryError(), "not enough memory"),
        (RuntimeError("Failed to allocate 8589934592 bytes"), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough memory"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_engine_that_raises_ends_its_own_reply_and_the_next_finds_another(
    error: Exception, expected: str
) -> None:
    opened = Opened(raises(error), well)
    generator = supervised(opened)
    with pytest.raises(GenerationFailed) as raised:
        reply(generator)
    assert expected in str(raised.value)
    assert reply(generator) == "all is well"
    assert (opened.count, generator.reloads) == (2, 1)


def test_a_waiting_reply_never_gets_the_engine_that_has_just_failed() -> None:
    opened = Opened(raises(RuntimeError("node broke")), well)
    generator = supervised(opened)
    failing = generator.stream(PROMPT, max_tokens=10)
    assert next(failing) == "a"
    # The failure has not been read yet, only its place is free.
    assert reply(generator) == "all is well"
    with pytest.raises(GenerationFailed, match="node broke"):
        next(failing)
    assert (opened.count, generator.reloads) == (2, 1)


def test_memory_that_runs_out_below_other_layers_is_reported_too() -> None:
    def out_of_memory(_: int) -> None:
        raise MemoryError

    llm = FakeLLM.scripted(["never said"], out_of_memory)
    generator = WatchedGenerator(lambda: fake_generator(llm), seconds=30)
    with pytest.raises(GenerationFailed, match="not enough memory"):
        list(generator.stream(PROMPT, max_tokens=10))


@pytest.mark.slow
def test_an_engine_that_hangs_is_late_for_its_own_reply_and_replaced_for_the_next(
    release: threading.Event,
) -> None:
    opened = Opened(hangs(release), well)
    generator = supervised(opened, seconds=0.3, grace=0.1)
    start = time.monotonic()
    with pytest.raises(GenerationFailed, match=r"limit of 0\.3 s .*set SANAD_ANSWER_SECONDS to a larger"):
        reply(generator)
    assert time.monotonic() - start < 5
    assert reply(generator) == "all is well"
    assert (opened.count, generator.reloads) == (2, 1)


def test_the_limit_also_holds_for_an_engine_that_never_stops() -> None:
    def talks() -> Iterator[str]:
        while True:
            yield "a"

    with pytest.raises(GenerationFailed, match="took longer"):
        reply(supervised(Opened(talks), seconds=0.2))


@pytest.mark.slow
def test_engines_that_hang_again_and_again_are_not_loaded_for_ever(release: threading.Event) -> None:
    opened = Opened(*[hangs(release)] * MAX_STUCK, well)
    generator = supervised(opened, seconds=0.1, grace=0.05)
    for _ in range(MAX_STUCK):
        with pytest.raises(GenerationFailed, match="took longer"):
            reply(generator)
    with pytest.raises(GenerationFailed, match="Restart sanad"):
        reply(generator)
    assert generator.stuck
    release.set()
    for engine in opened.engines[:MAX_STUCK]:
        assert engine.closed.wait(10)
    deadline = time.monotonic() + 10
    while generator.stuck and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert reply(generator) == "all is well"


def test_a_slow_engine_that_stops_in_time_is_kept() -> None:
    steps = threading.Event()

    def slowly() -> Iterator[str]:
        while True:
            steps.wait(0.01)
            yield "a"

    opened = Opened(slowly)
    generator = supervised(opened)
    stream = generator.stream(PROMPT, max_tokens=10)
    with closing(stream):
        assert next(stream) == "a"
    assert opened.engines[0].closed.is_set(), "closing waits until the engine has stopped"
    opened.engines[0].act = well
    assert reply(generator) == "all is well"
    assert (opened.count, generator.reloads) == (1, 0)


def test_a_reply_cancelled_before_its_first_token_does_not_wait_for_it(release: threading.Event) -> None:
    def reads() -> Iterator[str]:
        release.wait(60)
        yield "a"

    generator = supervised(Opened(reads), grace=0.1)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    start = time.monotonic()
    with pytest.raises(Cancelled, match="cancelled"):
        list(generator.stream(PROMPT, max_tokens=10, cancel=cancel))
    assert time.monotonic() - start < 2


def test_a_reply_cancelled_while_another_runs_leaves_the_queue(release: threading.Event) -> None:
    opened = Opened(hangs(release))
    generator = supervised(opened)
    first = generator.stream(PROMPT, max_tokens=10)
    assert next(first) == "a"
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        list(generator.stream(PROMPT, max_tokens=10, cancel=cancel))
    release.set()
    assert list(first) == ["b"]


@pytest.mark.slow
def test_a_deadline_limits_the_reply_instead_of_the_generators_own_seconds(release: threading.Event) -> None:
    generator = supervised(Opened(hangs(release), well), seconds=60, grace=30)
    start = time.monotonic()
    with pytest.raises(DeadlinePassed, match="SANAD_ANSWER_SECONDS"):
        list(generator.stream(PROMPT, max_tokens=10, deadline=start + 0.3))
    assert time.monotonic() - start < 5, "a late reply does not wait out the engine's grace"


def test_a_deadline_may_be_later_than_the_generators_own_limit() -> None:
    def slowly() -> Iterator[str]:
        for piece in ("slow", "ly"):
            threading.Event().wait(0.2)
            yield piece

    generator = supervised(Opened(slowly), seconds=0.1)
    stream = generator.stream(PROMPT, max_tokens=10, deadline=time.monotonic() + 30)
    assert "".join(stream) == "slowly"


def test_a_deadline_holds_while_another_reply_is_generated(release: threading.Event) -> None:
    generator = supervised(Opened(hangs(release)))
    first = generator.stream(PROMPT, max_tokens=10)
    assert next(first) == "a"
    with pytest.raises(DeadlinePassed):
        list(generator.stream(PROMPT, max_tokens=10, deadline=time.monotonic() + 0.1))
    release.set()
    assert list(first) == ["b"]


def test_replies_are_generated_one_at_a_time_in_the_order_of_their_requests() -> None:
    at_once, most, order = 0, 0, []
    lock, go = threading.Lock(), threading.Semaphore(0)

    def counted() -> Iterator[str]:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        yield "a"
        go.acquire(timeout=60)
        with lock:
            at_once -= 1

    generator = supervised(Opened(counted))

    def ask(number: int) -> None:
        for _ in generator.stream(PROMPT, max_tokens=10):
            order.append(number)
            go.release()

    threads = []
    first = generator.stream(PROMPT, max_tokens=10)
    next(first)
    for number in range(6):
        thread = threading.Thread(target=ask, args=(number,))
        thread.start()
        threads.append(thread)
        while len(generator._waiting) <= number:
            threading.Event().wait(0.001)
    go.release()
    assert list(first) == []
    for thread in threads:
        thread.join(10)
    assert most == 1
    assert order == list(range(6))


def test_as_many_replies_as_are_allowed_run_at_the_same_time_and_no_more() -> None:
    both, go, running, most = threading.Barrier(2), threading.Event(), 0, 0
    lock = threading.Lock()

    def meets() -> Iterator[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        yield "a"
        both.wait(10)  # broken, and an error, unless two are made at the same time
        with lock:
            running -= 1

    generator = WatchedGenerator(Opened(meets), seconds=30, at_once=2)
    replies: list[str] = []

    def ask() -> None:
        go.wait(10)
        replies.append(reply(generator))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert replies == ["a"] * 6
    assert most == 2
    assert generator.reloads == 0


@pytest.mark.slow
def test_an_engine_that_hangs_ends_the_replies_beside_it_and_counts_once(release: threading.Event) -> None:
    opened = Opened(hangs(release), well)
    generator = WatchedGenerator(opened, seconds=30, grace=0.05, at_once=2)
    closed, beside = (generator.stream(PROMPT, max_tokens=10) for _ in range(2))
    assert next(closed) == next(beside) == "a"
    closed.close()
    assert reply(generator) == "all is well"
    with pytest.raises(GenerationFailed, match="no longer responds"):
        next(beside)
    assert (opened.count, generator.reloads, generator.stuck) == (2, 1, False)


def test_another_engine_is_loaded_only_when_the_one_that_failed_has_no_reply_left(
    release: threading.Event,
) -> None:
    acts = [hangs(release), raises(RuntimeError("broke"))]

    class Mixed(Engine):
        def stream(
            self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
        ) -> Generator[str, None, LogProbabilities | None]:
            yield from acts.pop(0)()
            return None

    opened = Opened(well, well)
    opened.engines[0] = Mixed(well)
    generator = WatchedGenerator(opened, seconds=30, at_once=2)
    slow = generator.stream(PROMPT, max_tokens=10)
    assert next(slow) == "a"
    with pytest.raises(GenerationFailed, match="broke"):
        reply(generator)
    replies: list[str] = []
    thread = threading.Thread(target=lambda: replies.append(reply(generator)))
    thread.start()
    thread.join(0.05)
    assert (opened.count, replies) == (1, []), "two engines would not fit into memory"
    release.set()
    assert list(slow) == ["b"]
    thread.join(10)
    assert (opened.count, replies) == (2, ["all is well"])


def test_an_assistant_answers_again_after_its_engine_broke(
    fake_assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag import Assistant, assistant
    from rag.models.embedding.embedder import FakeEmbedder

    def broken(_: int) -> None:
        raise RuntimeError("the device is gone")

    engines = [FakeLLM.scripted(["never said"], broken), FakeLLM.scripted(["It reopened on Sunday [1]."])]
    monkeypatch.setattr(assistant, "open_generator", lambda *_: fake_generator(engines.pop(0)))
    settings = fake_assistant().settings
    opened = Assistant.open("small", settings=settings, embedder=FakeEmbedder())
    with pytest.raises(GenerationFailed, match="the device is gone"):
        opened.ask("When did the harbour of Marsa reopen?")
    assert opened.ask("When did the harbour of Marsa reopen?").text.startswith("It reopened on Sunday")
    opened.close()
