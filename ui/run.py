"""One question of the page: the events of its answer become an Exchange that grows.

The question itself is run by rag/server/worker.py, like the questions of the API.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import time
from collections.abc import Iterator, Sequence

from rag import Event, Finished, Retrieved, SanadError, StageStarted, Turn
from rag.server.worker import QuestionRunner, RunningQuestion
from ui.exchange import Exchange
from ui.wording.faults import Fault, fault

TICK = 1.0
"""Seconds between two updates while nothing arrives: the resolution of the clock on the page."""

SHOWN = 3
"""Number of the sentences being read that are shown while the model works."""

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
            runner,
            client,
            exchange.question,
            self._arrived.put,
            history,
            exchange.where,
            exchange.answer_language,
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
            for event in self._events():
                if event is not None:
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

    def _events(self) -> Iterator[Event | None]:
        """The events as they come; None at the beginning and after each TICK without an event.

        Raises:
            SanadError: The assistant could not answer.
        """
        item: Event | BaseException | None = None
        yield None
        while True:
            try:
                item = self._arrived.get(timeout=TICK)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, BaseException) and not self._stopped:
                raise item
            if item is None or isinstance(item, BaseException):
                return
            yield item


def _grown(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case Retrieved(evidence=evidence, understood=understood):
            return dataclasses.replace(
                exchange,
                stage="reading",
                sentences=len(evidence),
                reading=tuple((item.outlet or "", item.text) for item in evidence[:SHOWN]),
                understood=understood,
            )
        case StageStarted(stage=stage):
            return dataclasses.replace(exchange, stage=stage)
        case Finished(answer=answer):
            return dataclasses.replace(exchange, stage="done", answer=answer)
