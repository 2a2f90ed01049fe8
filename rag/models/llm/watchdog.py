"""A generator that is watched: a few replies at a time, each within its time, by an engine that works.

    stream → wait for the turn → each reply is made in a thread of its own, by one engine → pieces

An engine is foreign code, which can raise, run out of memory or never come back. What it does so ends the
replies that it was making; the next one finds an engine that works. A thread cannot be ended from outside: an
engine that hangs is left behind with its memory, and after ``MAX_STUCK`` of them nothing new is loaded.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PieceGenerator
from contextvars import ContextVar

from rag.errors import GenerationFailed, SanadError
from rag.models.llm.protocol import Generator, Likelihood, Message

POLL_SECONDS = 0.2
"""How often who waits looks whether anyone still wants the reply: a tenth of what a client is promised."""

GRACE_SECONDS = 30.0
"""How long an engine may take to let go after it was told to stop. It can do so between two tokens only, and
reading the longest prompt takes 8 s on two cores."""

LATE_SECONDS = 1.0
"""How long a reply that is too late already still waits for its engine to let go."""

MAX_STUCK = 2
"""Engines that may hang at once, each of which keeps up to 2 GB."""

_MEMORY = re.compile(
    r"bad_alloc|out of memory|not enough memory|(can.?not|can't|failed to|unable to) allocate", re.IGNORECASE
)

_unwanted: ContextVar[threading.Event | None] = ContextVar("unwanted", default=None)

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def unless(unwanted: threading.Event) -> Iterator[None]:
    """Within it replies that this thread waits for end when the event is set, also before their first token.

    Args:
        unwanted: Set, from any thread, when nobody waits for the reply any more.
    """
    before = _unwanted.set(unwanted)
    try:
        yield
    finally:
        _unwanted.reset(before)


class SupervisedGenerator:
    """A ``Generator`` around those that ``open_engine`` opens."""

    def __init__(
        self,
        open_engine: Callable[[], Generator],
        *,
        seconds: float,
        grace: float = GRACE_SECONDS,
        at_once: int = 1,
    ) -> None:
        """Open the first engine.

        Args:
            open_engine: Opens one; called again after a failure. What it raises is passed on.
            seconds: Longest time for one reply, from the moment at which the engine starts on it.
            grace: Seconds in which an engine that was told to stop must have let go.
            at_once: Replies that are made at the same time; further ones wait in line.
        """
        self._open_engine = open_engine
        self._seconds = seconds
        self._grace = grace
        self._engine: Generator | None = open_engine()
        self._opening = threading.Lock()
        self._moved = threading.Condition()
        self._line: deque[object] = deque()
        self._running: list[_Run] = []
        self._stuck: list[_Run] = []
        self.identity = self._engine.identity
        self.at_once = at_once
        """Replies that are made at the same time."""
        self.reloads = 0
        """How often an engine was given up."""

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""
        return self._opened().context

    @property
    def stuck(self) -> bool:
        """Whether so many engines hang that no further one is loaded."""
        return self._hanging() >= MAX_STUCK

    def _hanging(self) -> int:
        return len({id(run.engine) for run in self._stuck if not run.done.is_set()})

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._opened().count(text)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> PieceGenerator[str, None, Likelihood | None]:
        """The model's reply, piece by piece; closing the generator stops the model.

        Args:
            messages: The prompt.
            max_tokens: Longest reply.

        Returns:
            How probable the reply was; None where the engine does not tell it.

        Raises:
            GenerationFailed: The engine failed, took too long, or nobody waits for the reply (``unless``).
        """
        unwanted, patience = _unwanted.get(), self._grace
        run = self._begin(messages, max_tokens, unwanted)
        try:
            while True:
                if unwanted is not None and unwanted.is_set():
                    raise _nobody_waits()
                if time.monotonic() - run.begun > self._seconds:
                    patience = LATE_SECONDS
                    raise GenerationFailed(
                        f"The answer took longer than {self._seconds:g} s and was given up. Ask for less, or "
                        "allow more time: SANAD_ANSWER_SECONDS"
                    )
                try:  # a queue's own wait cannot be woken by the event as well
                    item = run.arrived.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    return item.likely
                if isinstance(item, SanadError):
                    raise item
                yield item
        finally:
            run.stop()
            # As long as an engine runs its process cannot end cleanly.
            run.done.wait(LATE_SECONDS if run.abandoned else patience)

    def _begin(self, messages: Sequence[Message], max_tokens: int, unwanted: threading.Event | None) -> _Run:
        """Wait for the turn, and start the engine."""
        ticket = object()
        with self._moved:
            self._line.append(ticket)
            try:
                while self._line[0] is not ticket or not self._room():
                    self._moved.wait(POLL_SECONDS)
                    if unwanted is not None and unwanted.is_set():
                        raise _nobody_waits()
                run = _Run(self._opened(), messages, max_tokens, failed=self._give_up, ended=self._told)
                self._running.append(run)
            finally:
                self._line.remove(ticket)
                self._moved.notify_all()
        run.start()
        return run

    def _room(self) -> bool:
        """Whether the next reply may begin: in an engine that works, with as few others as are allowed."""
        now = time.monotonic()
        self._running = [run for run in self._running if not run.done.is_set()]
        hung = [run for run in self._running if run.stopped_at and now - run.stopped_at >= self._grace]
        for run in hung:
            self._abandon(run.engine)
        if len(self._running) >= self.at_once:
            return False
        # An engine that was given up leaves before another one comes: two would not fit into memory.
        return all(run.engine is self._engine for run in self._running)

    def _abandon(self, engine: Generator) -> None:
        """An engine does not come back: nor do the replies that it was making."""
        left = [run for run in self._running if run.engine is engine]
        self._running = [run for run in self._running if run.engine is not engine]
        self._stuck += left
        why = GenerationFailed("The language model does not come back. Ask again.")
        for run in left:
            run.abandoned = True
            run.arrived.put(why)
            self._give_up(run, why)

    def _give_up(self, run: _Run, why: SanadError) -> None:
        """Let the next reply find another engine."""
        with self._opening:
            if self._engine is not run.engine:
                return
            self._engine = None
            self.reloads += 1
        _log.warning("engine given up", extra={"why": str(why)})

    def _opened(self) -> Generator:
        with self._opening:
            if self._engine is None:
                self._stuck = [run for run in self._stuck if not run.done.is_set()]
                if self.stuck:
                    raise GenerationFailed(
                        f"The language model hung {self._hanging()} times and cannot be loaded once more. "
                        "Start sanad again."
                    )
                self._engine = self._open_engine()
            return self._engine

    def _told(self) -> None:
        with self._moved:
            self._moved.notify_all()


class _End:
    """The reply is complete."""

    def __init__(self, likely: Likelihood | None) -> None:
        self.likely = likely


class _Run:
    """One reply, made in a thread."""

    def __init__(
        self,
        engine: Generator,
        messages: Sequence[Message],
        max_tokens: int,
        *,
        failed: Callable[[_Run, SanadError], None],
        ended: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.arrived: queue.SimpleQueue[str | _End | SanadError] = queue.SimpleQueue()
        self.done = threading.Event()
        self.begun = time.monotonic()
        self.stopped_at: float | None = None
        self.abandoned = False
        self._pieces = engine.stream(messages, max_tokens=max_tokens)
        self._failed = failed
        self._ended = ended

    def start(self) -> None:
        threading.Thread(target=self._work, name="engine", daemon=True).start()

    def stop(self) -> None:
        if self.stopped_at is None:
            self.stopped_at = time.monotonic()

    def _work(self) -> None:
        try:
            with contextlib.closing(self._pieces):
                while self.stopped_at is None:
                    self.arrived.put(next(self._pieces))
        except StopIteration as end:
            self.arrived.put(_End(end.value))
        except Exception as error:
            why = _failure(error)
            # Before its place is free: who waits for it would be given the engine that has just failed.
            self._failed(self, why)
            self.arrived.put(why)
        finally:
            self.done.set()
            self._ended()


def _failure(error: Exception) -> SanadError:
    """What to tell of an engine's failure."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or _MEMORY.search(str(cause)):
            return GenerationFailed(
                "There is not enough memory for the language model. Close other programs, or name a smaller "
                "model (--llm), then ask again."
            )
        cause = cause.__cause__
    if isinstance(error, SanadError):
        return error
    _log.error("The engine failed", exc_info=error)
    return GenerationFailed(f"The language model failed: {' '.join(str(error).split())}. Ask again.")


def _nobody_waits() -> GenerationFailed:
    return GenerationFailed("Nobody waits for the answer any more; it was given up.")
