"""One question of the page: the events of its answer become an Exchange that grows.

The question itself is run by rag/server/worker.py, like the questions of the API.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import time
from collections.abc import Iterator, Sequence

from rag import Event, Finished, Retrieved, SanadError, Token, Turn
from rag.server.worker import QuestionRunner, RunningQuestion
from ui.exchange import Exchange
from ui.faults import Fault, fault

TICK = 1.0
"""Seconds between two updates while nothing arrives: the resolution of the clock on the page."""

PACE = 0.2
"""Shortest time in seconds between two updates while the model writes. Each update passes through the server
and the browser, on cores that the model needs; five a second are read as a continuous stream."""

_log = logging.getLogger(__name__)


class Run:
    """One question that is being answered."""

    def __init__(
        self, runner: QuestionRunner, client: str, exchange: Exchange, history: Sequence[Turn]
    ) -> None:
        """Prepare the question; ``grow`` puts it into the queue.

        Args:
            runner: Runs it.
            client: Who asks.
            exchange: The question.
            history: Earlier turns, oldest first.
        """
        self._exchange = exchange
        self._stopped = False
        self._arrived: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._question = RunningQuestion(
            runner, client, exchange.question, self._arrived.put, history, exchange.where
        )

    def stop(self) -> None:
        """Stop the model at its next step; ``grow`` ends at once, even if the answer is complete."""
        self._stopped = True
        self._question.cancel()

    def grow(self) -> Iterator[Exchange]:
        """The exchange as it grows; the last one is final."""
        begun = time.monotonic()
        exchange = self._exchange
        try:
            self._question.start()
            for events in self._batches():
                for event in events:
                    exchange = _grown(exchange, event)
                if self._stopped:
                    break
                ahead = self._question.ahead
                if exchange.stage == "waiting" and not ahead:
                    exchange = dataclasses.replace(exchange, stage="searching")
                exchange = dataclasses.replace(exchange, ahead=ahead, seconds=time.monotonic() - begun)
                yield exchange
        except SanadError as error:
            yield dataclasses.replace(exchange, stage="failed", fault=fault(error))
            return
        except Exception:
            _log.exception("A question could not be answered")
            yield dataclasses.replace(exchange, stage="failed", fault=Fault("fault_broke"))
            return
        if exchange.open or self._stopped:
            yield dataclasses.replace(exchange, stage="stopped", answer=None)

    def _batches(self) -> Iterator[list[Event]]:
        """The events since the last batch: several if they arrive quickly, none after a TICK without events.

        Raises:
            SanadError: The assistant could not answer.
        """
        yield []
        while True:
            batch: list[Event] = []
            drawn = time.monotonic()
            try:
                item = self._arrived.get(timeout=TICK)
                while item is not None and not isinstance(item, BaseException):
                    batch.append(item)
                    item = self._arrived.get(timeout=max(0.0, drawn + PACE - time.monotonic()))
            except queue.Empty:
                yield batch
                continue
            if batch:
                yield batch
            if item is not None and not self._stopped:
                raise item
            return


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
