"""Questions over HTTP reach the assistant here: in line, one thread each, stopped when the client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, cast

from rag.models.llm.watchdog import unless
from rag.records import Event, Filter, Turn
from rag.server.fair_queue import FairQueue

if TYPE_CHECKING:
    from rag.assistant import Assistant

REMEMBERED = 6
"""Earlier turns handed to the model: older ones would crowd the evidence out of its prompt."""


class Answering:
    """Answers the questions of all clients of a server."""

    def __init__(self, assistant: Assistant, queue: FairQueue) -> None:
        """Nothing is asked yet.

        Args:
            assistant: Answers.
            queue: The line to stand in.
        """
        self._assistant = assistant
        self.queue = queue
        self._running: set[threading.Event] = set()

    async def events(
        self, client: str, question: str, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> AsyncGenerator[Event, None]:
        """The events of an answer; closing the iterator, or cancelling who waits for it, stops the model.

        Args:
            client: Who asks.
            question: The question.
            history: Earlier turns, oldest first.
            where: Which articles may be searched.

        Raises:
            Busy: Too many questions wait.
            SanadError: As ``Assistant.stream``.
        """
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        unwanted = threading.Event()

        def tell(what: Callable[..., None], *about: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(what, *about)

        def work() -> None:
            begun = time.monotonic()
            try:
                with unless(unwanted), contextlib.closing(self._stream(question, history, where)) as stream:
                    for event in stream:
                        if unwanted.is_set():
                            break
                        tell(arrived.put_nowait, event)
                tell(arrived.put_nowait, None)
            except BaseException as error:
                tell(arrived.put_nowait, error)
            finally:
                self._running.discard(unwanted)
                self.queue.leave(place, time.monotonic() - begun)

        place = await self.queue.join(client)
        # From here on the place is the thread's: it is kept until the model lets go, whoever leaves.
        self._running.add(unwanted)
        try:
            threading.Thread(target=work, name="answer", daemon=True).start()
        except RuntimeError:  # the system has no thread to give
            self._running.discard(unwanted)
            self.queue.leave(place)
            raise
        try:
            while (item := await arrived.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            unwanted.set()

    @property
    def running(self) -> int:
        """How many answers are being made."""
        return len(self._running)

    def stop(self) -> None:
        """Stop every answer that is being made."""
        for unwanted in list(self._running):  # whose threads take them out meanwhile
            unwanted.set()

    def _stream(
        self, question: str, history: Sequence[Turn], where: Filter | None
    ) -> Generator[Event, None, None]:
        stream = self._assistant.stream(question, history=list(history)[-REMEMBERED:], where=where)
        return cast("Generator[Event, None, None]", stream)
