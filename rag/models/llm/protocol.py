"""The protocol of language models: messages in, a streamed reply out, stoppable at any piece.

A backend implements ``Generator``; ``factory.open_generator`` picks one. Backends load their model at its
first use, not when they are made.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PieceGenerator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from rag.errors import GenerationFailed

Result = TypeVar("Result")

Role = Literal["system", "user", "assistant"]
"""Who speaks in a chat prompt."""

Likelihood = tuple[float, ...]
"""Natural logarithms of the probabilities of a reply's tokens, in order; the end may be among them."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat prompt."""

    role: Role
    """Who speaks."""
    content: str
    """What is said."""


class Generator(Protocol):
    """What the assistant asks of a language model."""

    @property
    def identity(self) -> str:
        """Names model, weights and backend."""

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> PieceGenerator[str, None, Likelihood | None]:
        """The model's reply, piece by piece; closing the generator stops the model.

        Args:
            messages: The prompt.
            max_tokens: Longest reply.

        Yields:
            Pieces; empty ones while the prompt is read, at which the model can be stopped too.

        Returns:
            How probable the reply was; None where the backend does not tell it.

        Raises:
            GenerationFailed: The model failed.
        """


class Heard:
    """A stream's pieces, and how probable they were once it has ended."""

    def __init__(self, stream: PieceGenerator[str, None, Likelihood | None]) -> None:
        self._stream = stream
        self.likelihood: Likelihood | None = None
        """None before the end, or where the backend does not tell it."""

    def __iter__(self) -> Iterator[str]:
        """The pieces that are not empty."""
        while True:
            try:
                piece = next(self._stream)
            except StopIteration as end:
                self.likelihood = end.value
                return
            if piece:
                yield piece


def failed(identity: str, error: Exception) -> GenerationFailed:
    """What is raised where a model raised an error that is none of ours.

    Args:
        identity: Names the model.
        error: What it raised.
    """
    told = " ".join(str(error).split())
    return GenerationFailed(f"The language model {identity} failed: {told}. Ask again.")


def stream_from_thread(
    run: Callable[[Callable[[str], bool]], Result],
) -> PieceGenerator[str, None, Result]:
    """Turn an engine that calls back with each piece into an iterator that stops it when closed.

    Args:
        run: Runs the engine to its end. It is given ``emit``, which it calls with each piece and which
            returns True when the engine is to stop. An exception it raises is raised by the iterator.

    Yields:
        The pieces, as they come.

    Returns:
        What ``run`` returned.
    """
    results: list[Result] = []
    pieces: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def emit(piece: str) -> bool:
        pieces.put(piece)
        return stopped.is_set()

    def work() -> None:
        try:
            results.append(run(emit))
        except BaseException as error:
            pieces.put(error)
        else:
            pieces.put(None)

    thread = threading.Thread(target=work, name="generator", daemon=True)
    thread.start()
    try:
        while (piece := pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        stopped.set()
        thread.join()
    return results[0]
