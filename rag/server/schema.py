"""The requests and responses of the HTTP API as pydantic models, and the form of its errors.

The limits are part of the models, so that the server enforces them and the OpenAPI schema documents them.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rag.answering.presentation import translated
from rag.records import Answer, Article, Citation, Filter, Language, Passage, Turn
from rag.server.login import COOKIE

MAX_TURNS = 50
"""Largest number of earlier turns: a conversation of a whole working day."""

MAX_TEXT = 20_000
"""Longest text of a turn in characters: ten times the longest question."""

MAX_LISTED = 1_000
"""Articles of one list, at most: about 300 KB."""

MAX_PASSAGES = 100
"""Passages of one search, at most."""

MAX_OUTLETS = 100
MAX_NAME = 300

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


SECURITY: dict[str, dict[str, str]] = {
    "password": {"type": "http", "scheme": "basic", "description": "Name and password."},
    "key": {"type": "http", "scheme": "bearer", "description": "NAME:PASSWORD as the key."},
    "session": {
        "type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Of a browser that has logged in.",
    },
}  # fmt: skip
"""The ways to log in, for the OpenAPI schema; one of them is enough."""


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


class ArticlesQuery(FilterBody):
    """Which articles are listed, in parts."""

    limit: int = Field(default=100, ge=1, le=MAX_LISTED)
    offset: int = Field(default=0, ge=0)


class SearchQuery(FilterBody):
    """What is searched for; no language model runs."""

    question: Text
    k: int = Field(default=10, ge=1, le=MAX_PASSAGES, description="Most passages.")


class ListedArticle(BaseModel):
    """An article without its text."""

    id: str
    title: str
    outlet: str | None
    published: str | None = Field(description="ISO 8601")
    language: Language
    source: str
    characters: int


class ArticleList(BaseModel):
    """A part of the list of articles."""

    total: int = Field(description="Articles that the filter allows.")
    articles: list[ListedArticle]

    @classmethod
    def of(cls, articles: Sequence[Article], query: ArticlesQuery) -> Self:
        """The part of some articles that a query asks for."""
        part = articles[query.offset : query.offset + query.limit]
        return cls(total=len(articles), articles=[_listed(article) for article in part])


def _listed(article: Article) -> ListedArticle:
    return ListedArticle(
        id=article.id,
        title=article.title,
        outlet=article.outlet,
        published=article.published,
        language=article.language,
        source=article.source,
        characters=len(article.text),
    )


FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""A file as a body, for the OpenAPI schema."""


class Added(BaseModel):
    """What an uploaded file has become."""

    articles: list[str] = Field(description="Ids of the articles that it contains.")
    notes: list[str] = Field(description="What of it was not read, and why.")
    total: int = Field(description="Articles of the index now.")


class Removed(BaseModel):
    """What was removed."""

    removed: list[str] = Field(description="Ids of the articles.")
    total: int = Field(description="Articles of the index now.")


class PassageList(BaseModel):
    """What a search found, best first; ``article.text[start:end]`` is a passage's text."""

    passages: list[Passage]


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


def meanings(module: ModuleType) -> dict[str, dict[str, str]]:
    """The docstrings below the fields of a module's classes: class → field → text.

    Args:
        module: Its source must be there.
    """
    by_class: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for field, below in pairwise(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    value = below.value if isinstance(below, ast.Expr) else None
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        text = inspect.cleandoc(value.value).replace("``", "`")
                        by_class.setdefault(node.name, {})[field.target.id] = text
    return by_class


def responses(streamed: str) -> dict[int | str, dict[str, Any]]:
    """The possible responses to a question, for the OpenAPI schema.

    Args:
        streamed: Media type of a streamed answer.
    """
    documented = errors()
    documented[200] = {"description": "The answer", "model": Answer, "content": {streamed: {}}}
    return documented


def errors(**more: str) -> dict[int | str, dict[str, Any]]:
    """The possible errors, for the OpenAPI schema.

    Args:
        **more: Descriptions of further ones, by the status with an underscore before it.
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
    descriptions |= {int(status[1:]): text for status, text in more.items()}
    return {status: {"description": text, "model": ErrorBody} for status, text in descriptions.items()}


class ErrorDetail(BaseModel):
    """The error."""

    message: str
    type: str
    code: int


class ErrorBody(BaseModel):
    """An error."""

    error: ErrorDetail
