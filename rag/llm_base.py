"""What the backends share: a llama-index ``LLM`` made of a prompt template and a stream of pieces."""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Generator, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
)
from llama_index.core.llms import CustomLLM
from pydantic import PrivateAttr

from rag.generate import LOG_PROBABILITY


class StreamedLLM(CustomLLM, abc.ABC):
    """A backend says how messages become a prompt and how a prompt becomes pieces of a reply."""

    max_new_tokens: int = 160
    """Longest reply unless ``max_tokens`` is passed with the call."""

    # One reply at a time: an engine keeps one KV cache, and two runs would share the same cores anyway.
    _turn: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    # Held while the model is loaded at first use, so that two first questions do not load it twice.
    _loading: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @abc.abstractmethod
    def template(self, messages: Sequence[ChatMessage]) -> str:
        """The model's own chat template around the messages."""

    @abc.abstractmethod
    def pieces(self, prompt: str, max_tokens: int) -> Generator[str, None, float | None]:
        """The reply to a prompt, piece by piece; closing the generator stops the model.

        Returns:
            The logarithm of the reply's probability; None where the engine does not tell it.
        """

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The whole reply at once."""
        return CompletionResponse(text="".join(self._run(prompt, kwargs)))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The reply piece by piece; closing the generator stops the model."""
        text = ""
        for piece in self._run(prompt, kwargs):
            text += piece
            yield CompletionResponse(text=text, delta=piece)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole reply to a chat at once."""
        text = "".join(self._run(self.template(messages), kwargs))
        return ChatResponse(message=ChatMessage(role="assistant", content=text))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply to a chat piece by piece; closing the generator stops the model."""
        text = ""
        pieces = self._run(self.template(messages), kwargs)
        with contextlib.closing(pieces):
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    likely: float | None = end.value
                    break
                text += piece
                yield ChatResponse(message=ChatMessage(role="assistant", content=text), delta=piece)
        if likely is not None:
            told = {LOG_PROBABILITY: likely}
            last = ChatMessage(role="assistant", content=text)
            yield ChatResponse(message=last, delta="", additional_kwargs=told)

    def _run(self, prompt: str, options: dict[str, Any]) -> Generator[str, None, float | None]:
        with self._turn:
            return (yield from self.pieces(prompt, int(options.get("max_tokens", self.max_new_tokens))))


def plain(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    """Messages as the dictionaries that chat templates take."""
    return [{"role": message.role.value, "content": message.content or ""} for message in messages]
