"""Llama-index's LLM interface in both directions.

``GeneratorLLM`` puts it around a generator of Sanad's, for its chains, chat engines and evaluators;
``LlamaIndexGenerator`` makes a generator of any llama-index ``LLM``.
"""

from __future__ import annotations

import contextlib
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
from rag.models.llm.protocol import Likelihood, Message, Role, failed

LOG_PROBABILITIES = "log_probabilities"
"""Under this name a llama-index model's last response holds the reply's ``Likelihood``."""


class GeneratorLLM(CustomLLM):
    """Sanad's generator as a llama-index ``LLM``; greedy decoding, one reply at a time."""

    max_new_tokens: int = 160
    """Longest reply unless ``max_tokens`` is passed with the call."""

    _generator: protocol.Generator = PrivateAttr()

    def __init__(self, generator: protocol.Generator, **options: Any) -> None:
        """Wrap a generator.

        Args:
            generator: What replies.
            **options: As llama-index's own, for example ``max_new_tokens``.
        """
        super().__init__(**options)
        self._generator = generator

    @property
    def metadata(self) -> LLMMetadata:
        """What llama-index asks of a model."""
        return LLMMetadata(
            context_window=self._generator.context,
            num_output=self.max_new_tokens,
            model_name=self._generator.identity,
            is_chat_model=True,
        )

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The whole reply at once."""
        return CompletionResponse(text="".join(self._pieces([Message("user", prompt)], kwargs)))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The reply piece by piece; closing the generator stops the model."""
        text = ""
        with contextlib.closing(self._pieces([Message("user", prompt)], kwargs)) as pieces:
            for piece in pieces:
                text += piece
                yield CompletionResponse(text=text, delta=piece)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole reply to a chat at once."""
        text = "".join(self._pieces(_own(messages), kwargs))
        return ChatResponse(message=ChatMessage(role="assistant", content=text))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply to a chat piece by piece; closing the generator stops the model."""
        text = ""
        with contextlib.closing(self._pieces(_own(messages), kwargs)) as pieces:
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    likely: Likelihood | None = end.value
                    break
                text += piece
                yield ChatResponse(message=ChatMessage(role="assistant", content=text), delta=piece)
        if likely is not None:
            last, told = ChatMessage(role="assistant", content=text), {LOG_PROBABILITIES: likely}
            yield ChatResponse(message=last, delta="", additional_kwargs=told)

    def _pieces(
        self, messages: Sequence[Message], options: dict[str, Any]
    ) -> Generator[str, None, Likelihood | None]:
        longest = int(options.get("max_tokens", self.max_new_tokens))
        return self._generator.stream(messages, max_tokens=longest)


def _own(messages: Sequence[ChatMessage]) -> list[Message]:
    return [Message(cast(Role, message.role.value), message.content or "") for message in messages]


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
    ) -> Generator[str, None, Likelihood | None]:
        """The model's reply, piece by piece; closing the generator stops the model."""
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
