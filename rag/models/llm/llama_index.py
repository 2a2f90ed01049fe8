"""A ``Generator`` behind llama-index's LLM interface, for its chains, chat engines and evaluators.

The other way round, a llama-index ``LLM`` becomes a ``Generator`` by ``generator.LlamaIndexGenerator``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from pydantic import PrivateAttr

from rag.models.llm import generator
from rag.models.llm.generator import LOG_PROBABILITIES, Likelihood, Message, Role


class GeneratorLLM(CustomLLM):
    """Sanad's generator as a llama-index ``LLM``; greedy decoding, one reply at a time."""

    max_new_tokens: int = 160
    """Longest reply unless ``max_tokens`` is passed with the call."""

    _generator: generator.Generator = PrivateAttr()

    def __init__(self, generator: generator.Generator, **options: Any) -> None:
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
