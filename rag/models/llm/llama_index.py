"""Adapters between Sanad's ``Generator`` and llama-index's ``LLM``, in both directions.

``GeneratorLLM`` makes a generator usable in llama-index's chains, chat engines and evaluators;
``LlamaIndexGenerator`` makes any llama-index ``LLM`` usable as a generator.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, cast

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

from rag.errors import SanadError
from rag.models.llm import protocol
from rag.models.llm.protocol import LogProbabilities, Message, Role, check_limits, failed

LOG_PROBABILITIES = "log_probabilities"
"""Key under which the last response of a llama-index model holds the reply's ``LogProbabilities``."""


class GeneratorLLM(CustomLLM):
    """A generator as a llama-index ``LLM``; greedy decoding, one reply at a time."""

    max_new_tokens: int = 160
    """Longest reply in tokens, unless a call passes ``max_tokens``."""

    _generator: protocol.Generator = PrivateAttr()

    def __init__(self, generator: protocol.Generator, **options: Any) -> None:
        """Wrap a generator.

        Args:
            generator: Generates the replies.
            **options: Fields of the class, for example ``max_new_tokens``.
        """
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
        return CompletionResponse(text="".join(self._pieces([Message("user", prompt)], kwargs)))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The reply piece by piece; closing the generator stops the model."""
        text = ""
        with contextlib.closing(self._pieces([Message("user", prompt)], kwargs)) as pieces:
            for piece in pieces:
                text += piece
                yield CompletionResponse(text=text, delta=piece)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The complete reply to a chat."""
        text = "".join(self._pieces(_messages(messages), kwargs))
        return ChatResponse(message=ChatMessage(role="assistant", content=text))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply to a chat piece by piece; closing the generator stops the model."""
        text = ""
        with contextlib.closing(self._pieces(_messages(messages), kwargs)) as pieces:
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    log_probabilities: LogProbabilities | None = end.value
                    break
                text += piece
                yield ChatResponse(message=ChatMessage(role="assistant", content=text), delta=piece)
        if log_probabilities is not None:
            last = ChatMessage(role="assistant", content=text)
            extra = {LOG_PROBABILITIES: log_probabilities}
            yield ChatResponse(message=last, delta="", additional_kwargs=extra)

    def _pieces(
        self, messages: Sequence[Message], options: dict[str, Any]
    ) -> Generator[str, None, LogProbabilities | None]:
        longest = int(options.get("max_tokens", self.max_new_tokens))
        return self._generator.stream(messages, max_tokens=longest)


def _messages(messages: Sequence[ChatMessage]) -> list[Message]:
    return [Message(cast(Role, message.role.value), message.content or "") for message in messages]


class LlamaIndexGenerator:
    """A llama-index ``LLM`` as a ``Generator``. The types of llama-index stay inside this class."""

    def __init__(self, llm: LLM, *, identity: str, count: Callable[[str], int]) -> None:
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

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
    ) -> Generator[str, None, LogProbabilities | None]:
        """See ``protocol.Generator``; the limits are checked between two pieces only."""
        chat = [ChatMessage(role=message.role, content=message.content) for message in messages]
        replies: Iterator[ChatResponse] = iter(())
        log_probabilities: LogProbabilities | None = None
        try:
            replies = self._llm.stream_chat(
                chat, max_tokens=max_tokens
            )  # some integrations send their request here
            for reply in replies:
                check_limits(cancel, deadline)
                if reply.delta:
                    yield reply.delta
                log_probabilities = reply.additional_kwargs.get(LOG_PROBABILITIES, log_probabilities)
            return log_probabilities
        except SanadError:
            raise
        except Exception as error:  # every integration raises exception types of its own
            raise failed(self.identity, error) from error
        finally:
            # Closing the outer generator must reach the backend, which stops the model.
            close = getattr(replies, "close", None)
            if close is not None:
                close()
