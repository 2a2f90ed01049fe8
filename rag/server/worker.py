"""The one runner of questions: page and API both use it.

    RunningQuestion.start → the fair queue → a thread of its own → report(event), …, report(None)

``report`` is called from other threads. ``RunningQuestion.cancel`` works at any time: a question that still
waits leaves the queue, and one that is being answered keeps its place until the model has stopped. Whoever
asks, what becomes of a question is counted and logged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from rag.errors import GenerationFailed
from rag.records import Answer, Event, Filter, Finished, Language, Turn
from rag.server.fair_queue import FairQueue, Place

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.server.logs import Questions

REMEMBERED = 6
"""Earlier turns that are passed to the assistant: older ones would crowd the evidence out of the prompt."""

Report = Callable[[Event | BaseException | None], None]
"""Receives each event of an answer; at the end None, or the exception that ended it."""


class QuestionRunner:
    """Answers the questions of all clients of one server."""

    def __init__(self, assistant: Assistant, queue: FairQueue, log: Questions | None = None) -> None:
        """Create a runner without questions.

        Args:
            assistant: Answers the questions.
            queue: The queue in which they wait.
            log: Counts and logs them; None does neither.
        """
        self.assistant = assistant
        self.queue = queue
        self.log = log
        self.questions: set[RunningQuestion] = set()
        """Those that wait or are being answered."""

    async def events(
        self,
        client: str,
        question: str,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
    ) -> AsyncGenerator[Event, None]:
        """The events of an answer, for an event loop. Closing the iterator stops the model.

        Args:
            client: As for ``RunningQuestion``, like all others.
            question: The question.
            history: Earlier turns.
            where: Which articles may be searched.
            answer_language: The language of the answer; None takes that of the question.

        Raises:
            Busy: Too many questions are waiting.
            GenerationFailed: The server was stopped before the answer was complete.
            SanadError: As for ``Assistant.stream``.
        """
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()

        def report(item: Event | BaseException | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
                loop.call_soon_threadsafe(arrived.put_nowait, item)

        running = RunningQuestion(self, client, question, report, history, where, answer_language)
        running.start()
        finished = False
        try:
            while (item := await arrived.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                finished = isinstance(item, Finished)
                yield item
        finally:
            running.cancel()
        if not finished:
            raise GenerationFailed("The server was stopped while it was answering. Ask again.")

    def beside(self, assistant: Assistant) -> QuestionRunner:
        """A runner for another assistant, in the same queue and stopped with this one."""
        other = QuestionRunner(assistant, self.queue, self.log)
        other.questions = self.questions
        return other

    def stop(self) -> None:
        """Cancel every question, whether it waits or is being answered."""
        for question in list(self.questions):  # a copy: their threads remove them in the meantime
            question.cancel()


class RunningQuestion:
    """One question, from the queue to the end of its answer."""

    def __init__(
        self,
        runner: QuestionRunner,
        client: str,
        question: str,
        report: Report,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
    ) -> None:
        """Prepare a question; ``start`` puts it into the queue.

        Args:
            runner: Has the assistant and the queue.
            client: Who asks; the queue is fair between clients.
            question: The question.
            report: Receives the events.
            history: Earlier turns, oldest first; the last ``REMEMBERED`` are used.
            where: Which articles may be searched.
            answer_language: The language of the answer; None takes that of the question.
        """
        self._runner = runner
        self._client = client
        self._report = report
        self._cancelled = threading.Event()
        self._place: Place | None = None
        self._question = question
        self._context = contextvars.copy_context()  # has the id of the request, for the log
        self._counting, self._uncounted = threading.Lock(), False
        remembered = tuple(history)[-REMEMBERED:]

        def stream() -> Iterator[Event]:
            return runner.assistant.stream(
                question,
                history=remembered,
                where=where,
                answer_language=answer_language,
                cancel=self._cancelled,
            )

        self._stream = stream

    def start(self) -> None:
        """Join the queue.

        Raises:
            Busy: Too many questions are waiting.
        """
        self._runner.questions.add(self)
        self._uncounted = True
        if self._runner.log:
            self._runner.log.asked(self._question)
        try:
            self._place = self._runner.queue.enter(self._client, self._called)
        except BaseException as error:
            self._runner.questions.discard(self)
            self._count(error)
            raise
        if self._cancelled.is_set():
            self._count(None)
            self._withdraw()

    @property
    def ahead(self) -> int:
        """How many questions will be answered before this one; 0 once its turn has come."""
        return 0 if self._place is None else self._runner.queue.ahead(self._place)

    def cancel(self) -> None:
        """Stop the model at its next step, or leave the queue. No event is reported from now on."""
        self._cancelled.set()
        self._count(None)
        self._withdraw()
        self._report(None)

    def _count(self, outcome: Answer | BaseException | None) -> None:
        """Count and log how the question ended: once, as its client may leave while it is answered."""
        with self._counting:
            first, self._uncounted = self._uncounted, False
        if first and self._runner.log:
            self._context.copy().run(self._runner.log.ended, outcome)

    def _withdraw(self) -> None:
        if self._place is not None and self._runner.queue.withdraw(self._place):
            self._runner.questions.discard(self)

    def _called(self, place: Place) -> None:
        """Start the thread that answers; the place is the thread's from here on."""
        try:
            threading.Thread(target=self._answer, args=(place,), name="answer", daemon=True).start()
        except RuntimeError as error:  # the system cannot start another thread
            self._end(place, error, None)

    def _answer(self, place: Place) -> None:
        begun, seconds, failure = time.monotonic(), None, None
        try:
            with contextlib.closing(cast("Generator[Event, None, None]", self._stream())) as events:
                if self._cancelled.is_set():
                    return
                for event in events:
                    if self._cancelled.is_set():
                        return
                    if isinstance(event, Finished):
                        seconds = time.monotonic() - begun
                        self._count(event.answer)
                    self._report(event)
        except BaseException as error:
            failure = error
        finally:
            self._end(place, failure, seconds)

    def _end(self, place: Place, failure: BaseException | None, seconds: float | None) -> None:
        self._runner.questions.discard(self)
        self._runner.queue.leave(place, seconds)
        self._count(failure)
        self._report(failure)
