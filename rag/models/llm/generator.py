"""Messages → tokens, streamed and stoppable: the one seam behind which language models run.

``open_generator`` picks the backend. Any llama-index ``LLM`` can be a ``Generator`` too
(``LlamaIndexGenerator``), and any generator a llama-index ``LLM`` (llama_index.py). Backends load on
first use, not at construction.
"""

from __future__ import annotations

import contextlib
import importlib.util
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PieceGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from rag.errors import GenerationFailed, SanadError
from rag.models.disk import Progress
from rag.settings import PACKAGED, Settings, has_accelerator

if TYPE_CHECKING:
    from llama_index.core.llms import LLM


Result = TypeVar("Result")

Role = Literal["system", "user", "assistant"]
"""Who speaks in a chat prompt."""

Likelihood = tuple[float, ...]
"""Natural logarithms of the probabilities of a reply's tokens, in order; the end may be among them."""

LOG_PROBABILITIES = "log_probabilities"
"""Under this name a llama-index model's last response holds the reply's ``Likelihood``."""


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


class LlamaIndexGenerator:
    """A llama-index ``LLM`` as a ``Generator``. Llama-index's types stay inside it."""

    def __init__(self, llm: LLM, *, identity: str, count: Callable[[str], int]) -> None:
        self._llm = llm
        self._count = count
        self.identity = identity

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""
        return int(self._llm.metadata.context_window)

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._count(text)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> PieceGenerator[str, None, Likelihood | None]:
        """The model's reply, piece by piece; closing the generator stops the model."""
        from llama_index.core.llms import ChatMessage, ChatResponse

        chat = [ChatMessage(role=message.role, content=message.content) for message in messages]
        replies: Iterator[ChatResponse] = iter(())
        likely: Likelihood | None = None
        try:
            replies = self._llm.stream_chat(chat, max_tokens=max_tokens)  # some send their request here
            for reply in replies:
                if reply.delta:
                    yield reply.delta
                likely = reply.additional_kwargs.get(LOG_PROBABILITIES, likely)
            return likely
        except SanadError:
            raise
        except Exception as error:  # every LLM integration raises its own kinds
            raise failed(self.identity, error) from error
        finally:
            # Closing the outer generator must reach the backend, which stops the model.
            close = getattr(replies, "close", None)
            if close is not None:
                close()


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


def open_generator(settings: Settings, progress: Progress | None = None) -> Generator:
    """The generator that the settings name; nothing is loaded before its first use.

    Args:
        settings: ``llm`` and ``backend`` choose it.
        progress: Told how the packaged model's preparation goes.

    Raises:
        ModelMissing: The model cannot be found.
        ModelDamaged: Packaged weights are not the published ones.
        NoSpace: No room to prepare packaged weights.
    """
    backend = choose_backend(settings)
    if backend == "fake":
        from rag.models.llm.fake import fake_generator

        return fake_generator()
    if backend == "openvino":
        from rag.models.llm.openvino import openvino_generator

        return openvino_generator(settings, progress)
    from rag.models.llm.transformers import transformers_generator

    return transformers_generator(settings, progress)


def load_in_background(generator: Generator) -> None:
    """Load a generator in a thread, so that what else a question needs can be loaded meanwhile.

    What keeps it from loading is told at its first use. The process does not end before the thread does:
    an engine that is cut off while it loads can end the process with a signal.

    Args:
        generator: Loads at its first use.
    """

    def load() -> None:
        with contextlib.suppress(Exception):
            generator.count("")

    threading.Thread(target=load, name="generator loading").start()


def choose_backend(settings: Settings) -> str:
    """The backend that runs: the named one, or for ``auto`` what suits the model and the machine."""
    if settings.backend != "auto":
        return settings.backend
    # Without torch a device is of no use, and the packaged model runs well on the processor.
    if settings.llm != PACKAGED or (has_accelerator() and importlib.util.find_spec("torch") is not None):
        return "transformers"
    return "openvino"


def replies_at_once(settings: Settings) -> int:
    """How many replies the backend makes at the same time: of ours only OpenVINO's engine batches them."""
    return settings.at_once if choose_backend(settings) == "openvino" else 1


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
