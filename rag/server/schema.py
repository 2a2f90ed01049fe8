"""What the HTTP API takes, and what becomes of it: the bodies of its requests as pydantic models.

Limits stand here, so that they hold on the server and are told by the schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag.records import Answer, Citation, Filter, Language, Turn

MAX_TURNS = 50
"""Earlier turns that may be sent; a whole conversation of a working day."""

MAX_MESSAGES = 2 * MAX_TURNS + 2
"""The same as messages, with a system message and the question."""

MAX_TEXT = 20_000
"""Characters of an earlier text: ten times the longest question."""

MAX_OUTLETS = 100
MAX_NAME = 300

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class Strict(BaseModel):
    """A body whose unknown fields are refused: a misspelt one must not be passed over."""

    model_config = ConfigDict(extra="forbid")


class TurnBody(Strict):
    """An earlier question with its answer."""

    question: Text
    answer: Text


class FilterBody(Strict):
    """Which articles may be searched."""

    outlets: list[Annotated[str, StringConstraints(max_length=MAX_NAME)]] = Field(
        default=[], max_length=MAX_OUTLETS
    )
    since: str | None = Field(default=None, max_length=10, description="YYYY, YYYY-MM or YYYY-MM-DD")
    until: str | None = Field(default=None, max_length=10, description="YYYY, YYYY-MM or YYYY-MM-DD")
    language: Language | None = None

    def where(self) -> Filter:
        """The filter.

        Raises:
            BadSettings: A value makes no sense.
        """
        return Filter(tuple(self.outlets), self.since, self.until, self.language)


class AskBody(Strict):
    """A question."""

    question: Text
    history: list[TurnBody] = Field(default=[], max_length=MAX_TURNS, description="Oldest first.")
    filter: FilterBody | None = None
    stream: bool = Field(default=False, description="A line of JSON for each event instead of one answer.")

    def turns(self) -> list[Turn]:
        """The earlier turns."""
        return [Turn(turn.question, turn.answer) for turn in self.history]


class Part(BaseModel):
    """A part of a message's content."""

    type: Literal["text"]
    text: Text


class ChatMessageBody(BaseModel):
    """A message, in the form of OpenAI's API."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[Part] | None = None

    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class ChatBody(BaseModel):
    """A chat, in the form of OpenAI's API. Fields that steer sampling are taken and do nothing."""

    model: Annotated[str, StringConstraints(max_length=MAX_NAME)]
    messages: list[ChatMessageBody] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool = False

    def question(self) -> str:
        """The last message of the user, which must be the last of all; empty where it is not."""
        return self.messages[-1].text() if self.messages[-1].role == "user" else ""

    def turns(self) -> list[Turn]:
        """Earlier questions with their answers. What a system message says is for a model, and left out."""
        turns, question = [], ""
        for message in self.messages[:-1]:
            if message.role == "user":
                question = message.text()
            elif message.role == "assistant" and question:
                turns.append(Turn(question, message.text()))
                question = ""
        return turns


def as_text(answer: Answer) -> str:
    """An answer for a client that shows text alone: the sources stand below it."""
    if not answer.citations:
        return answer.text
    return "\n\n".join([answer.text, *map(_source, answer.citations)])


def _source(cited: Citation) -> str:
    told = " · ".join(part for part in (cited.outlet, cited.published, cited.title) if part)
    return f"[{cited.number}] {told}\n{cited.quote}\n{cited.source}:{cited.line}"


def responses(streamed: str) -> dict[int | str, dict[str, Any]]:
    """What a question may be answered with, for the schema.

    Args:
        streamed: Media type of a streamed answer.
    """
    told = {
        400: "The question or the filter makes no sense",
        401: "No one known",
        403: "From another site's page",
        404: "No such model",
        408: "Too slow",
        413: "Too large",
        422: "No such body",
        429: "Too many wrong passwords",
        500: "The model failed",
        503: "Busy, or the index or the models cannot be used",
    }
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "model": ErrorBody} for status, text in told.items()
    }
    found[200] = {"description": "The answer", "content": {"application/json": {}, streamed: {}}}
    return found


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    type: str
    code: int


class ErrorBody(BaseModel):
    """An error, in the form of OpenAI's API."""

    error: ErrorDetail
