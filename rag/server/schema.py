"""The request bodies of the HTTP API as pydantic models, and the form of its errors.

The limits are part of the models, so that the server enforces them and the OpenAPI schema documents them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag.answering.presentation import translated
from rag.records import Answer, Citation, Filter, Language, Turn

MAX_TURNS = 50
"""Largest number of earlier turns: a conversation of a whole working day."""

MAX_TEXT = 20_000
"""Longest text of a turn in characters: ten times the longest question."""

MAX_OUTLETS = 100
MAX_NAME = 300

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class Strict(BaseModel):
    """A body that rejects unknown fields: a misspelt one must not be ignored."""

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
        """The filter as a record.

        Raises:
            BadSettings: A value is not valid.
        """
        return Filter(tuple(self.outlets), self.since, self.until, self.language)


class AskBody(Strict):
    """A question."""

    question: Text
    history: list[TurnBody] = Field(default=[], max_length=MAX_TURNS, description="Oldest first.")
    filter: FilterBody | None = None
    answer_language: Language | None = Field(default=None, description="Default: that of the question.")
    stream: bool = Field(default=False, description="Send one line of JSON per event, not one answer.")

    def turns(self) -> list[Turn]:
        """The earlier turns as records."""
        return [Turn(turn.question, turn.answer) for turn in self.history]


def as_text(answer: Answer) -> str:
    """An answer for a client that shows only text: the sources follow the answer."""
    if not answer.citations:
        return answer.text
    return "\n\n".join([answer.text, *(_source(cited, answer.language) for cited in answer.citations)])


def _source(cited: Citation, language: Language) -> str:
    origin = " · ".join(part for part in (cited.outlet, cited.published, cited.title) if part)
    lines = (
        f"[{cited.number}] {origin}",
        cited.quote,
        translated(cited, language),
        f"{cited.source}:{cited.line}",
    )
    return "\n".join(filter(None, lines))


def responses(streamed: str) -> dict[int | str, dict[str, Any]]:
    """The possible responses to a question, for the OpenAPI schema.

    Args:
        streamed: Media type of a streamed answer.
    """
    descriptions = {
        400: "The question or the filter is not valid",
        401: "Name and password are missing or wrong",
        403: "The request comes from a page of another site",
        408: "The request took too long to arrive",
        413: "The request is too large",
        422: "The body does not have the required form",
        429: "Too many wrong passwords",
        500: "The language model failed",
        503: "The server is busy, or the index or the models cannot be used",
    }
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "model": ErrorBody} for status, text in descriptions.items()
    }
    documented[200] = {"description": "The answer", "content": {"application/json": {}, streamed: {}}}
    return documented


class ErrorDetail(BaseModel):
    """The error."""

    message: str
    type: str
    code: int


class ErrorBody(BaseModel):
    """An error."""

    error: ErrorDetail
