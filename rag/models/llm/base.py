"""The common part of the backends.

No backend is a llama-index class itself: importing llama-index takes longer than everything else that a
question needs before its model is loaded. ``llama_index.py`` adapts any of them to llama-index's interface.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Generator, Sequence

from rag.errors import SanadError
from rag.models.llm.protocol import LogProbabilities, Message, check_limits, failed


class StreamedLLM(abc.ABC):
    """A ``Generator`` of which a backend defines ``context``, ``count`` and the pieces of a reply."""

    identity: str
    """Names the model, its weights and the backend."""
    survives = False
    """Whether the next reply may come from this backend after one that failed; if not, it is loaded again."""

    def __init__(self, at_once: int = 1) -> None:
        """Create a backend without loading its model.

        Args:
            at_once: How many replies may be generated at the same time; further ones wait. Use 1 unless the
                engine batches them: separate runs would compete for the same cores.
        """
        self._turn = threading.BoundedSemaphore(at_once)
        # Held while the model is loaded, so that two questions that arrive first do not load it twice.
        self._loading = threading.Lock()

    @abc.abstractmethod
    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """``stream`` without limits; an exception of any type ends the reply with ``GenerationFailed``."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
    ) -> Generator[str, None, LogProbabilities | None]:
        """See ``protocol.Generator``; the limits are checked between two pieces only."""
        try:
            with self._turn, contextlib.closing(self.pieces(messages, max_tokens)) as pieces:
                while True:
                    check_limits(cancel, deadline)
                    try:
                        piece = next(pieces)
                    except StopIteration as end:
                        log_probabilities: LogProbabilities | None = end.value
                        return log_probabilities
                    yield piece
        except SanadError:
            raise
        except Exception as error:  # each engine raises exception types of its own
            raise failed(error, self.identity) from error
