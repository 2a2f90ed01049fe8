"""What the steps of one answer share: search, model, settings, progress and cancellation."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence, Set
from collections.abc import Generator as EventGenerator
from dataclasses import dataclass, field
from typing import Protocol

from rag.conversation.decompose import Part
from rag.conversation.replacement import mentioning
from rag.models.llm.protocol import Generator, Message
from rag.records import Answer, Event, Language, Retrieved
from rag.settings import ADAPTED, Settings


class Search(Protocol):
    """Searches the index."""

    def __call__(
        self,
        question: str,
        articles: frozenset[str] | None = None,
        *,
        passages: int | None = None,
        sentences: int | None = None,
        follow_up: str = "",
    ) -> Retrieved:
        """Passages and evidence for a question.

        Args:
            question: What is searched for.
            articles: Ids of the articles that are searched; None searches all that the user's filter allows.
            passages: How many passages at most; the settings' number by default.
            sentences: How many sentences at most; the settings' number by default.
            follow_up: A follow-up as it is put to the model, where ``question`` also contains the question
                before it: sentences are ranked by both. Empty for any other question.
        """


class Clock:
    """Seconds by stage: ``total`` from the question, the others from the last mark."""

    def __init__(self) -> None:
        """Start now."""
        self._start = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        """A stage ends now; the seconds of a stage that is marked again are added up."""
        now = time.perf_counter()
        self._stages[stage] = self._stages.get(stage, 0.0) + now - self._last
        self._last = now

    def finish(self) -> dict[str, float]:
        """The seconds of all stages; the answer is complete now."""
        self._stages["total"] = time.perf_counter() - self._start
        return self._stages


@dataclass(frozen=True, slots=True)
class Context:
    """What the steps of one answer share."""

    search: Search
    """Searches the index, within the user's filter."""
    model: Generator
    """The language model."""
    template: Sequence[Message]
    """The prompt for reading evidence."""
    settings: Settings
    """The user's."""
    articles: Set[str]
    """Ids of the articles that may be searched."""
    language: Language
    """The language of the answer."""
    emit: Callable[[Event], None] = lambda _event: None
    """Called with each event as it happens."""
    cancel: threading.Event | None = None
    """Set by whoever no longer wants the answer."""
    deadline: float | None = None
    """When the whole answer must be complete, as ``time.monotonic()`` counts, in seconds."""
    clock: Clock = field(default_factory=Clock)
    """Seconds by stage."""

    @property
    def adapted(self) -> bool:
        """Whether the prompt has the form that the adapter was trained on."""
        return self.settings.template == ADAPTED


def find(
    part: Part, search: Search, *, passages: int | None = None, sentences: int | None = None
) -> Retrieved:
    """What is retrieved for a part of a question.

    Args:
        part: The part.
        search: Searches the index.
        passages: How many passages at most; the settings' number by default.
        sentences: How many sentences at most; the settings' number by default.
    """
    retrieved = search(part.searched, passages=passages, sentences=sentences, follow_up=part.follow_up)
    return mentioning(part.about, retrieved)


def events_of(
    run: Callable[[Callable[[Event], None]], Answer], stop: threading.Event
) -> EventGenerator[Event, None, Answer]:
    """The events that a function emits, as an iterator.

    Args:
        run: Called in a thread of its own with a function that takes its events. Its errors are raised here.
        stop: Set when the iterator is closed before its end; ``run`` must return soon then.

    Yields:
        The events, as they come.

    Returns:
        What ``run`` returned.
    """
    events: queue.SimpleQueue[Event | BaseException | Answer] = queue.SimpleQueue()

    def work() -> None:
        try:
            events.put(run(events.put))
        except BaseException as error:
            events.put(error)

    thread = threading.Thread(target=work, name="answer", daemon=True)
    thread.start()
    ended = False
    try:
        while True:
            event = events.get()
            ended = isinstance(event, (Answer, BaseException))
            if isinstance(event, Answer):
                return event
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        if not ended:  # the event is the caller's, who may want to use it again
            stop.set()
        thread.join()
