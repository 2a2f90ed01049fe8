"""The protocol of language models: messages in, a streamed reply out, which can be stopped at any piece.

A backend implements ``Generator``; ``factory.open_generator`` picks one. Backends load their model at its
first use, not when they are created.

A reply is stopped in one way: its stream ends. The reader closes it (``contextlib.closing``), or it raises an
error because the caller's cancel event was set or its deadline has passed; either way the model stops.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PieceGenerator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from rag.errors import GenerationFailed

Result = TypeVar("Result")

Role = Literal["system", "user", "assistant"]
"""The author of a message in a chat prompt."""

LogProbabilities = tuple[float, ...]
"""Natural logarithms of the probabilities of a reply's tokens, in order; the end-of-text token may be
last."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat prompt."""

    role: Role
    """Its author."""
    content: str
    """Its text."""


class Cancelled(GenerationFailed):
    """The caller's cancel event was set before the reply was complete."""


class DeadlinePassed(GenerationFailed):
    """The reply was not complete at its deadline."""


class Generator(Protocol):
    """A language model as the assistant uses it."""

    @property
    def identity(self) -> str:
        """Names the model, its weights and the backend."""

    @property
    def context(self) -> int:
        """Longest prompt and reply together, in the model's tokens."""

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        """The model's reply, piece by piece; closing the generator stops the model.

        Args:
            messages: The prompt.
            max_tokens: Longest reply.
            cancel: Stops the reply when it is set, from any thread.
            deadline: Stops the reply when ``time.monotonic()`` exceeds it, in seconds.

        Yields:
            Pieces of the reply; empty ones while the prompt is read, so that the caller can stop there too.

        Returns:
            The log probabilities of the reply's tokens; None if the backend does not report them.

        Raises:
            Cancelled: ``cancel`` was set.
            DeadlinePassed: The reply was not complete at ``deadline``.
            GenerationFailed: The model failed.
        """


class ReplyReader:
    """Iterates over a reply's stream and keeps the log probabilities that it returns at its end."""

    def __init__(self, stream: PieceGenerator[str, None, LogProbabilities | None]) -> None:
        self._stream = stream
        self.log_probabilities: LogProbabilities | None = None
        """None before the end, or if the backend does not report them."""

    def __iter__(self) -> Iterator[str]:
        """The pieces that are not empty."""
        while True:
            try:
                piece = next(self._stream)
            except StopIteration as end:
                self.log_probabilities = end.value
                return
            if piece:
                yield piece


def check_limits(
    cancel: threading.Event | None, deadline: float | None, seconds: float | None = None
) -> None:
    """Raise ``Cancelled`` or ``DeadlinePassed`` if a reply must not go on; see ``Generator.stream``.

    Args:
        cancel: The reader's event.
        deadline: In the seconds of ``time.monotonic()``.
        seconds: The time that the reply was given, for the error message; None if it is not known.
    """
    if cancel is not None and cancel.is_set():
        raise Cancelled("The answer was cancelled because nobody is waiting for it.")
    if deadline is not None and time.monotonic() > deadline:
        limit = "its time limit" if seconds is None else f"its time limit of {seconds:g} s"
        raise DeadlinePassed(
            f"The answer took longer than {limit} and was stopped. Ask a shorter question, or allow more "
            "time: set SANAD_ANSWER_SECONDS to a larger number of seconds."
        )


def failed(error: Exception, identity: str = "") -> GenerationFailed:
    """The error to raise for a library's exception; ``identity`` names the model if there are several."""
    model = f"The language model {identity}".rstrip()
    return GenerationFailed(f"{model} failed: {' '.join(str(error).split())}. Ask again.")


def stream_from_thread(
    run: Callable[[Callable[[str], bool]], Result],
) -> PieceGenerator[str, None, Result]:
    """Turn an engine that calls back with each piece into an iterator; closing it stops the engine.

    Args:
        run: Runs the engine to its end. It receives ``emit``, calls it with each piece, and stops the engine
            when ``emit`` returns True. An exception that it raises is raised by the iterator.

    Yields:
        The pieces, as they arrive.

    Returns:
        The return value of ``run``.
    """
    pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    result: Future[Result] = Future()
    stopped = threading.Event()

    def emit(piece: str) -> bool:
        pieces.put(piece)
        return stopped.is_set()

    def work() -> None:
        try:
            result.set_result(run(emit))
        except BaseException as error:
            result.set_exception(error)
        pieces.put(None)

    # Not a thread of an executor: the interpreter would wait for an engine that hangs before it exits.
    thread = threading.Thread(target=work, name="generator", daemon=True)
    thread.start()
    try:
        yield from iter(pieces.get, None)
    finally:
        stopped.set()
        thread.join()
    return result.result()
