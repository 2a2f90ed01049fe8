"""The bodies of OpenAI's chat API, as its clients send them, and the form of its errors.

Clients send null for whatever they leave open, parts in place of text, and messages of tools. All of it is
accepted; fields that Sanad does not use are ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from rag.language import tokens
from rag.records import Language, Turn
from rag.server.schema import MAX_NAME, MAX_TEXT, MAX_TURNS, FilterBody

UNREAD: dict[Language, str] = {
    "en": "Note: images and files are not read; only the text of the message was used.",
    "ar": "ملاحظة: لا تُقرأ الصور والملفات؛ استُخدم نص الرسالة وحده.",
}
"""What is added to the answer to a message with parts that are no text."""


class Part(BaseModel):
    """One part of a message: text, or an image, a sound or a file."""

    type: str = "text"
    text: str | None = None
    refusal: str | None = None


class ChatMessageBody(BaseModel):
    """A message. Messages of tools and instructions of a system are accepted, and skipped."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part | str] | None = None

    def text(self) -> str:
        """The message as one text."""
        if isinstance(self.content, list):
            texts = (part if isinstance(part, str) else part.text or part.refusal for part in self.content)
            return "\n".join(filter(None, texts))
        return self.content or ""

    def has_unread(self) -> bool:
        """Whether a part of it is no text."""
        parts = self.content if isinstance(self.content, list) else []
        return any(not isinstance(part, str) and part.text is None and part.refusal is None for part in parts)


class StreamOptions(BaseModel):
    """What a stream contains besides the answer."""

    include_usage: bool | None = None


class ChatBody(BaseModel):
    """A chat. Fields that control sampling, and tools that may be used, are accepted and ignored."""

    model: Annotated[str, StringConstraints(max_length=MAX_NAME)]
    messages: list[ChatMessageBody] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, description="Only 1: a question has one answer.")
    response_format: Any = Field(
        default=None, description="`text`; others only in the background tasks of chat front ends."
    )
    tool_choice: Any = Field(default=None, description="`none` or `auto`: no tools are called.")
    filter: FilterBody | None = Field(default=None, description="Which articles may be searched.")

    def refused(self) -> tuple[str, str] | None:
        """The first field that asks for what an answer cannot be, and why; None where there is none."""
        if self.n not in (None, 1):
            return "n", f"n is {self.n}, but a question has one answer here. Set it to 1, or leave it out."
        kind = self.response_format.get("type") if isinstance(self.response_format, dict) else None
        if kind not in (None, "text"):
            return "response_format", (
                f"response_format is {kind!r}, but answers are text with sources. Leave it out; the answer's "
                "data is in the field 'sanad'."
            )
        if _requires(self.tool_choice):
            return "tool_choice", "tool_choice requires a tool, but no tools are called here. Leave it out."
        return None

    def question(self) -> str:
        """The last message of the user; empty if there is none."""
        return next((message.text() for message in reversed(self.messages) if message.role == "user"), "")

    def has_unread(self) -> bool:
        """Whether a part of the last message of the user is no text."""
        last = next((message for message in reversed(self.messages) if message.role == "user"), None)
        return last is not None and last.has_unread()

    def turns(self) -> list[Turn]:
        """Earlier questions with their answers, oldest first; of a long conversation the latest ones."""
        exchanges: list[tuple[str, list[str]]] = []
        for message in self.messages:
            if message.role == "user":
                exchanges.append((message.text(), []))
            elif message.role == "assistant" and exchanges and (text := message.text()):
                exchanges[-1][1].append(text)
        turns = [Turn(_cut(question), _cut("\n".join(said))) for question, said in exchanges[:-1] if said]
        return turns[-MAX_TURNS:]

    def wants_usage(self) -> bool:
        """Whether a stream ends with the number of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def usage(self, reply: str) -> dict[str, int]:
        """The number of tokens of the messages and the reply, in the encoding o200k_base."""
        sent = sum(tokens.count(message.text()) for message in self.messages)
        written = tokens.count(reply)
        return {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}


def _requires(tool_choice: Any) -> bool:
    """Whether a client's choice of tools leaves no answer without one."""
    if isinstance(tool_choice, dict):
        allowed = tool_choice.get("allowed_tools")
        if isinstance(allowed, dict):
            return allowed.get("mode") == "required"
        return tool_choice.get("type") in ("function", "custom", "tool", "any")
    return tool_choice in ("required", "any")


def _cut(text: str) -> str:
    return text[:MAX_TEXT]


class OpenAIErrorDetail(BaseModel):
    """The error."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    """An error, in the form of OpenAI's API."""

    error: OpenAIErrorDetail


def responses(streamed: str) -> dict[int | str, dict[str, Any]]:
    """The possible responses to a chat, for the OpenAPI schema.

    Args:
        streamed: Media type of a streamed answer.
    """
    return {
        200: {"description": "The answer", "content": {"application/json": {}, streamed: {}}},
        "default": {"description": "Any failure", "model": OpenAIErrorBody},
    }
