"""What the backends share: a ``Generator`` made of a prompt template and a stream of pieces.

No backend is a llama-index class itself: importing llama-index takes longer than everything else that a
question needs before its model is loaded. ``llama_index.py`` puts its interface around any of them.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Generator, Sequence

from rag.errors import SanadError
from rag.models.llm.protocol import Likelihood, Message, failed


class StreamedLLM(abc.ABC):
    """A backend says how messages become a prompt and how a prompt becomes pieces of a reply."""

    identity: str
    """Names model, weights and backend."""

    def __init__(self, at_once: int = 1) -> None:
        """Nothing is loaded before the first use.

        Args:
            at_once: Replies that may be made at the same time; more wait. One where an engine does not put
                them into one batch: two runs beside each other would share the same cores.
        """
        self._turn = threading.BoundedSemaphore(at_once)
        # Held while the model is loaded at first use, so that two first questions do not load it twice.
        self._loading = threading.Lock()

    @property
    @abc.abstractmethod
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""

    @abc.abstractmethod
    def count(self, text: str) -> int:
        """Length of a text in the model's tokens; loads the model."""

    @abc.abstractmethod
    def template(self, messages: Sequence[Message]) -> str:
        """The model's own chat template around the messages."""

    @abc.abstractmethod
    def pieces(self, prompt: str, max_tokens: int) -> Generator[str, None, Likelihood | None]:
        """The reply to a prompt, piece by piece; closing the generator stops the model.

        Returns:
            How probable the reply was; None where the engine does not tell it.
        """

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> Generator[str, None, Likelihood | None]:
        """The model's reply, piece by piece; closing the generator stops the model."""
        try:
            prompt = self.template(messages)
            with self._turn, contextlib.closing(self.pieces(prompt, max_tokens)) as pieces:
                return (yield from pieces)
        except SanadError:
            raise
        except Exception as error:  # an engine raises kinds of its own
            raise failed(self.identity, error) from error


def plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as the dictionaries that chat templates take."""
    return [{"role": message.role, "content": message.content} for message in messages]
