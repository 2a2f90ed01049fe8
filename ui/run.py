"""One question of the page being answered.

Each runs in a thread of its own, so that Stop and the clock need not wait for the model. The line is that of
the whole server: questions of its API stand in it too.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, cast

from rag import Assistant, Event, FairQueue, Finished, Retrieved, SanadError, Token, Turn, unless
from ui.exchange import Exchange
from ui.faults import Refused, fault

TICK = 1.0
"""Seconds between two redrawings while nothing arrives: how fine the clock on the page is."""

PACE = 0.2
"""Least seconds between two redrawings while the model writes: each goes through server and browser, on cores
that the model wants for itself, and five a second read as a stream."""

_log = logging.getLogger(__name__)


class Run:
    """One question being answered."""

    def __init__(
        self, assistant: Assistant, line: FairQueue, client: str, exchange: Exchange, history: Sequence[Turn]
    ) -> None:
        """Nothing is started yet.

        Args:
            assistant: Answers it.
            line: The line to stand in.
            client: Who asks.
            exchange: The question.
            history: Earlier turns, oldest first.
        """
        self._assistant = assistant
        self._line = line
        self._client = client
        self._withdraw: Callable[[], object] = lambda: None
        self._ahead: Callable[[], int] = lambda: 0
        self._exchange = exchange
        self._history = history
        self._arrived: queue.SimpleQueue[Event | SanadError | None] = queue.SimpleQueue()
        self.stopped = threading.Event()

    def stop(self) -> None:
        """Let the model stop at its next step, and ``grow`` end now."""
        self.stopped.set()
        self._withdraw()  # who is being answered keeps the place until the model lets go
        self._arrived.put(None)

    def grow(self) -> Iterator[Exchange]:
        """The exchange as it grows; the last one is final."""
        begun = time.monotonic()
        exchange = self._exchange
        try:
            for events in self._events():
                for event in events:
                    exchange = _grown(exchange, event)
                ahead = self._ahead()
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
        place = self._line.enter(self._client, self._called)
        self._withdraw, self._ahead = partial(self._line.withdraw, place), partial(self._line.ahead, place)
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

    def _called(self, place: Any) -> None:
        try:
            threading.Thread(target=self._work, args=(place,), name="answer", daemon=True).start()
        except RuntimeError:  # the system has no thread to give
            _log.exception("The question could not be answered")
            self._arrived.put(Refused("fault_broke"))
            self._line.leave(place)

    def _work(self, place: Any) -> None:
        begun = time.monotonic()
        try:
            self._pump()
        except SanadError as error:
            if not self.stopped.is_set():  # else it says that nobody waits
                self._arrived.put(error)
        except Exception:
            _log.exception("The question could not be answered")
            self._arrived.put(Refused("fault_broke"))
        finally:
            self._line.leave(place, time.monotonic() - begun)
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
