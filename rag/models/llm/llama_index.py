"""Adapters between Sanad's ``Generator`` and llama-index's ``LLM``, in both directions.

``GeneratorLLM`` makes a generator usable in llama-index's chains, chat engines and evaluators;
``LlamaIndexGenerator`` makes any llama-index ``LLM`` usable as a generator.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, cast

from llama_index.core.base.llms.generic_utils import (
    chat_to_completion_decorator,
    stream_chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import LLM, CustomLLM
from pydantic import PrivateAttr

from rag.models.llm import protocol
from rag.models.llm.base import StreamedLLM
from rag.models.llm.protocol import LogProbabilities, Message, ReplyReader, Role
from rag.models.llm.thoughts import spoken

LOG_PROBABILITIES = "log_probabilities"
"""Key under which the last response of a llama-index model holds the reply's ``LogProbabilities``."""


class GeneratorLLM(CustomLLM):
    """A generator as a llama-index ``LLM``; greedy decoding, one reply at a time."""

    max_new_tokens: int = 160
    """Longest reply in tokens, unless a call passes ``max_tokens``."""

    _generator: protocol.Generator = PrivateAttr()

    def __init__(self, generator: protocol.Generator, **options: Any) -> None:
        """Wrap a generator; ``options`` are fields of the class, for example ``max_new_tokens``."""
        super().__init__(**options)
        self._generator = generator

    @property
    def metadata(self) -> LLMMetadata:
        """The description of the model that llama-index asks for."""
        return LLMMetadata(
            context_window=self._generator.context,
            num_output=self.max_new_tokens,
            model_name=self._generator.identity,
            is_chat_model=True,
        )

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The complete reply."""
        return chat_to_completion_decorator(self.chat)(prompt, **kwargs)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The reply piece by piece; closing the generator stops the model."""
        return stream_chat_to_completion_decorator(self.stream_chat)(prompt, **kwargs)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The complete reply to a chat."""
        return ChatResponse(message=_assistant("".join(self._stream(messages, kwargs))))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply to a chat piece by piece; closing the generator stops the model."""
        text = ""
        with contextlib.closing(self._stream(messages, kwargs)) as stream:
            reply = ReplyReader(stream)
            for piece in reply:
                text += piece
                yield ChatResponse(message=_assistant(text), delta=piece)
        if reply.log_probabilities is not None:
            extra = {LOG_PROBABILITIES: reply.log_probabilities}
            yield ChatResponse(message=_assistant(text), delta="", additional_kwargs=extra)

    def _stream(
        self, messages: Sequence[ChatMessage], options: dict[str, Any]
    ) -> Generator[str, None, LogProbabilities | None]:
        plain = [Message(cast(Role, message.role.value), message.content or "") for message in messages]
        return self._generator.stream(plain, max_tokens=int(options.get("max_tokens", self.max_new_tokens)))


def _assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


REQUESTS = 16
"""Replies that a ``LlamaIndexGenerator`` asks for at the same time; most integrations are clients of a
server, which has a queue of its own."""


class LlamaIndexGenerator(StreamedLLM):
    """A llama-index ``LLM`` as a ``Generator``. The types of llama-index stay inside this class."""

    def __init__(self, llm: LLM, *, identity: str, count: Callable[[str], int]) -> None:
        super().__init__(REQUESTS)
        self._llm = llm
        self._count = count
        self.identity = identity

    @property
    def context(self) -> int:
        """Longest prompt and reply together, in the model's tokens."""
        return int(self._llm.metadata.context_window)

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._count(text)

    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """Empty pieces, then the reply without thoughts; closing the generator stops the model."""
        return spoken(self._pieces(messages, max_tokens))

    def _pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        chat = [ChatMessage(role=message.role, content=message.content) for message in messages]
        replies = self._llm.stream_chat(chat, max_tokens=max_tokens)
        log_probabilities: LogProbabilities | None = None
        try:
            for reply in replies:
                yield reply.delta or ""
                log_probabilities = reply.additional_kwargs.get(LOG_PROBABILITIES, log_probabilities)
            return log_probabilities
        finally:
            # Closing the outer generator must reach the backend, which stops the model.
            close = getattr(replies, "close", None)
            if close is not None:
                close()
