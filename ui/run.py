"""One question being answered, and the line that questions stand in.

Each runs in a thread of its own, so that Stop and the clock need not wait for the model. As many are answered
at a time as the model answers together, in the order in which they were asked.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import cast

from rag import Assistant, Event, Finished, Retrieved, SanadError, Token, Turn, unless
from ui.exchange import Exchange
from ui.faults import Refused, fault

TICK = 1.0
"""Seconds between two redrawings while nothing arrives: how fine the clock on the page is."""

PACE = 0.2
"""Least seconds between two redrawings while the model writes: each goes through server and browser, on cores
that the model wants for itself, and five a second read as a stream."""

WAITING = 16
"""Questions that may wait at once, of all browser tabs together; a further one is told to come back."""

_log = logging.getLogger(__name__)


class Line:
    """Whose turn it is: first come, first served."""

    def __init__(self, at_once: int = 1) -> None:
        """Nobody waits yet.

        Args:
            at_once: How many are answered at the same time; they stay in the line meanwhile.
        """
        self._at_once = at_once
        self._waiting: deque[object] = deque()
        self._moved = threading.Condition()

    def join(self, who: object) -> None:
        """Stand at the end.

        Raises:
            Refused: The line is too long.
        """
        with self._moved:
            if len(self._waiting) >= WAITING + self._at_once:
                raise Refused("fault_crowded")
            self._waiting.append(who)

    def wait(self, who: object) -> None:
        """Come back when it is the turn of ``who``."""
        with self._moved:
            self._moved.wait_for(lambda: self._waiting.index(who) < self._at_once)

    def leave(self, who: object) -> None:
        """Make room for the next."""
        with self._moved:
            self._waiting.remove(who)
            self._moved.notify_all()

    def ahead(self, who: object) -> int:
        """How many must leave before it is the turn of ``who``; 0 also for one who has left."""
        with self._moved:
            place = self._waiting.index(who) if who in self._waiting else 0
            return max(0, place + 1 - self._at_once)


class Run:
    """One question being answered."""

    def __init__(self, assistant: Assistant, line: Line, exchange: Exchange, history: Sequence[Turn]) -> None:
        """Nothing is started yet.

        Args:
            assistant: Answers it.
            line: The line to stand in.
            exchange: The question.
            history: Earlier turns, oldest first.
        """
        self._assistant = assistant
        self._line = line
        self._exchange = exchange
        self._history = history
        self._arrived: queue.SimpleQueue[Event | SanadError | None] = queue.SimpleQueue()
        self.stopped = threading.Event()

    def stop(self) -> None:
        """Let the model stop at its next step, and ``grow`` end now."""
        self.stopped.set()
        self._arrived.put(None)

    def grow(self) -> Iterator[Exchange]:
        """The exchange as it grows; the last one is final."""
        begun = time.monotonic()
        exchange = self._exchange
        try:
            for events in self._events():
                for event in events:
                    exchange = _grown(exchange, event)
                ahead = self._line.ahead(self)
                if exchange.stage == "waiting" and not ahead:
                    exchange = dataclasses.replace(exchange, stage="searching")
                exchange = dataclasses.replace(exchange, ahead=ahead, seconds=time.monotonic() - begun)
                yield exchange
        except SanadError as error:
            yield dataclasses.replace(exchange, stage="failed", fault=fault(error))
            return
        if exchange.open:
            yield dataclasses.replace(exchange, stage="stopped")

    def _events(self) -> Iterator[list[Event]]:
        """What has arrived since the last time: several events where they came fast, none after a TICK.

        Raises:
            SanadError: The assistant could not answer.
        """
        self._line.join(self)
        threading.Thread(target=self._work, name="answer", daemon=True).start()
        yield []
        while True:
            batch: list[Event] = []
            drawn = time.monotonic()
            try:
                item = self._arrived.get(timeout=TICK)
                while item is not None and not isinstance(item, SanadError):
                    batch.append(item)
                    item = self._arrived.get(timeout=max(0.0, drawn + PACE - time.monotonic()))
            except queue.Empty:
                yield batch
                continue
            if batch:
                yield batch
            if item is not None:
                raise item
            return

    def _work(self) -> None:
        # A stopped run keeps its place until the model lets go.
        self._line.wait(self)
        try:
            self._pump()
        except SanadError as error:
            if not self.stopped.is_set():  # else it says that nobody waits
                self._arrived.put(error)
        except Exception:
            _log.exception("The question could not be answered")
            self._arrived.put(Refused("fault_broke"))
        finally:
            self._line.leave(self)
            self._arrived.put(None)

    def _pump(self) -> None:
        if self.stopped.is_set():
            return
        asked = self._exchange
        stream = self._assistant.stream(asked.question, history=self._history, where=asked.where)
        with unless(self.stopped), closing(cast("Generator[Event, None, None]", stream)):
            for event in stream:
                if self.stopped.is_set():
                    return
                self._arrived.put(event)


def _grown(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case Retrieved(evidence=evidence, understood=understood):
            return dataclasses.replace(
                exchange, stage="reading", sentences=len(evidence), understood=understood
            )
        case Token(text=text):
            return dataclasses.replace(exchange, stage="writing", draft=exchange.draft + text)
        case Finished(answer=answer):
            return dataclasses.replace(exchange, stage="done", answer=answer)
