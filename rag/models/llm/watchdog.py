"""A generator that watches engines: a few replies at a time, each with a time limit.

    stream → wait in the queue → an engine generates the reply in a thread of its own → pieces

An engine is foreign code, which can raise, run out of memory or hang. Such a failure ends the replies that
the engine was generating; the next reply gets an engine that works. A thread cannot be killed from outside,
so an engine that hangs is abandoned with its memory, and after ``MAX_STUCK`` of them no other one is loaded.

The cancel event and the deadline of a reply are checked here while it waits in the queue and while its engine
is silent, so that a reply can be stopped before its first token. The engine itself is stopped by closing its
stream, in its own thread.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Generator as PieceGenerator
from dataclasses import dataclass, field

from rag.errors import GenerationFailed, SanadError
from rag.models.llm.protocol import (
    DeadlinePassed,
    Generator,
    LogProbabilities,
    Message,
    check_limits,
    failed,
)

POLL_SECONDS = 0.2
"""How often a waiting reply checks its limits: a tenth of the two seconds that a client is promised."""

GRACE_SECONDS = 30.0
"""How long an engine may take to stop after it was asked to. It can do so between two tokens only, and
reading the longest prompt takes 8 s on two cores."""

LATE_SECONDS = 1.0
"""How long a reply that has already exceeded its deadline waits for its engine to stop."""

MAX_STUCK = 2
"""Engines that may hang at once; each of them keeps up to 2 GB of memory."""

_MEMORY = re.compile(
    r"bad_alloc|out of memory|not enough memory|(can.?not|can't|failed to|unable to) allocate", re.IGNORECASE
)

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Run:
    """One reply that an engine generates in a thread."""

    engine: Generator
    pieces: PieceGenerator[str, None, LogProbabilities | None]
    arrived: queue.SimpleQueue[str | SanadError | None] = field(default_factory=queue.SimpleQueue)
    """Pieces that have not been read yet; after them the error that ended the reply, or None."""
    log_probabilities: LogProbabilities | None = None
    done: threading.Event = field(default_factory=threading.Event)
    """Set when the engine has stopped."""
    begun: float = field(default_factory=time.monotonic)
    stopped_at: float | None = None
    """When the engine was asked to stop."""
    abandoned: bool = False


class WatchedGenerator:
    """A ``Generator`` that runs the engines which ``open_engine`` returns."""

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
            open_engine: Returns an engine; called again after a failure. Its exceptions are passed on.
            seconds: Time limit of a reply without a deadline of its own, from the moment at which an engine
                starts on it.
            grace: Seconds within which an engine must have stopped after it was asked to.
            at_once: How many replies are generated at the same time; further ones wait in a queue.
        """
        self._open_engine = open_engine
        self._seconds = seconds
        self._grace = grace
        self._engine: Generator | None = open_engine()
        self._opening = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._running: list[_Run] = []
        self._stuck: list[_Run] = []
        self.identity = self._engine.identity
        self.at_once = at_once
        """How many replies are generated at the same time."""
        self.reloads = 0
        """How many engines were abandoned so far."""

    @property
    def context(self) -> int:
        """Longest prompt and reply together, in the model's tokens."""
        return self._current_engine().context

    @property
    def stuck(self) -> bool:
        """Whether so many engines hang that no further one is loaded."""
        return self._hanging() >= MAX_STUCK

    def _hanging(self) -> int:
        return len({id(run.engine) for run in self._stuck if not run.done.is_set()})

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._current_engine().count(text)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        """See ``Generator.stream``. Both limits hold before the first token too.

        Without a deadline a reply has the generator's own time limit, in which waiting does not count.
        """
        patience = self._grace
        run = self._begin(messages, max_tokens, cancel, deadline)
        seconds = self._seconds if deadline is None else None
        if deadline is None:
            deadline = run.begun + self._seconds
        try:
            while True:
                check_limits(cancel, deadline, seconds)
                try:  # an event cannot wake a thread that waits for a queue, hence the timeout
                    item = run.arrived.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if item is None:
                    return run.log_probabilities
                if isinstance(item, SanadError):
                    raise item
                yield item
        except DeadlinePassed:
            patience = LATE_SECONDS
            raise
        finally:
            run.stopped_at = time.monotonic()
            # While an engine runs, its process cannot exit cleanly.
            run.done.wait(LATE_SECONDS if run.abandoned else patience)

    def _begin(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        cancel: threading.Event | None,
        deadline: float | None,
    ) -> _Run:
        """Wait in the queue, then start the engine."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or not self._may_start():
                    self._changed.wait(POLL_SECONDS)
                    check_limits(cancel, deadline)
                engine = self._current_engine()
                run = _Run(engine, engine.stream(messages, max_tokens=max_tokens))
                self._running.append(run)
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        threading.Thread(target=self._work, args=(run,), name="engine", daemon=True).start()
        return run

    def _work(self, run: _Run) -> None:
        """Generate a reply, in the engine's thread."""
        try:
            with contextlib.closing(run.pieces):
                while run.stopped_at is None:
                    run.arrived.put(next(run.pieces))
        except StopIteration as end:
            run.log_probabilities = end.value
            run.arrived.put(None)
        except Exception as error:
            failure = _failure(error)
            # Before the place of this reply is free: otherwise the next reply could get the failed engine.
            if not getattr(run.engine, "survives", False):
                self._give_up(run.engine, failure)
            run.arrived.put(failure)
        finally:
            run.done.set()
            with self._changed:
                self._changed.notify_all()

    def _may_start(self) -> bool:
        """Whether the next reply may begin: its engine works, and fewer than ``at_once`` others run."""
        now = time.monotonic()
        self._running = [run for run in self._running if not run.done.is_set()]
        hung = [run for run in self._running if run.stopped_at and now - run.stopped_at >= self._grace]
        for run in hung:
            self._abandon(run.engine)
        if len(self._running) >= self.at_once:
            return False
        # A failed engine must be gone before the next one is loaded: two would not fit into memory.
        return all(run.engine is self._engine for run in self._running)

    def _abandon(self, engine: Generator) -> None:
        """Give up an engine that hangs, and every reply that it was generating."""
        hung = [run for run in self._running if run.engine is engine]
        self._running = [run for run in self._running if run.engine is not engine]
        self._stuck += hung
        failure = GenerationFailed("The language model no longer responds. Ask again.")
        for run in hung:
            run.abandoned = True
            run.arrived.put(failure)
        self._give_up(engine, failure)

    def _give_up(self, engine: Generator, failure: SanadError) -> None:
        """Make the next reply open another engine."""
        with self._opening:
            if self._engine is not engine:
                return
            self._engine = None
            self.reloads += 1
        _log.warning("The engine was given up", extra={"why": str(failure)})

    def _current_engine(self) -> Generator:
        with self._opening:
            if self._engine is None:
                self._stuck = [run for run in self._stuck if not run.done.is_set()]
                if self.stuck:
                    raise GenerationFailed(
                        f"The language model stopped responding {self._hanging()} times and is not loaded "
                        "again, as each time its memory stays occupied. Restart sanad."
                    )
                self._engine = self._open_engine()
            return self._engine


def _failure(error: Exception) -> SanadError:
    """The error that the reader gets for an engine's exception."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or _MEMORY.search(str(cause)):
            return GenerationFailed(
                "There is not enough memory for the language model. Close other programs or choose a smaller "
                "model (--llm), then ask again."
            )
        cause = cause.__cause__
    if isinstance(error, SanadError):
        return error
    _log.error("The engine failed", exc_info=error)
    return failed(error)
