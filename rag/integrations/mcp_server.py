"""Sanad for clients of the Model Context Protocol: over standard streams (``sanad mcp``) and HTTP.

ask             answers a question, with citations that quote articles exactly
search          finds passages; no language model runs
list_articles   lists the articles, by outlet, date and language
article://ID    the text of an article, which every offset refers to
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Annotated, TypeVar
from urllib.parse import quote

import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.types import ASGIApp

from rag import __version__
from rag.assistant import Assistant
from rag.errors import BadArticles, SanadError
from rag.records import (
    Answer,
    Article,
    Citation,
    Event,
    Filter,
    Finished,
    Language,
    Outcome,
    Passage,
    Retrieved,
    Verdict,
)

INSTRUCTIONS = (
    "Answers questions about the user's own news articles, in English and Arabic. When you repeat an answer, "
    "keep its [numbers] and name the outlet and date of each citation. Do not add facts that no citation "
    "contains. An outcome of not_found means that the articles do not say it."
)
"""What a client tells its model about this server."""

MOST_PASSAGES = 50
"""Passages of one search, at most."""

MOST_LISTED = 500
"""Articles of one list, at most; each takes about 60 tokens of a model's context."""

SESSIONS = 1000
"""Sessions over HTTP that are open at once, at most; one that is idle for half an hour ends."""

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)

Result = TypeVar("Result")

Ask = Callable[[Request | None, str, Filter | None, Language | None], AsyncGenerator[Event, None]]
"""Answers a question: the request that it came with over HTTP, its text, filter and answer language."""

Outlets = Annotated[list[str] | None, Field(description="Only articles of these publishers.")]
Since = Annotated[str | None, Field(description="Only articles from this YYYY, YYYY-MM or YYYY-MM-DD on.")]
Until = Annotated[str | None, Field(description="Only articles up to this YYYY, YYYY-MM or YYYY-MM-DD.")]
Written = Annotated[Language | None, Field(description="Only articles in this language.")]


class Source(BaseModel):
    """The exact place in an article that a text comes from."""

    article: str
    """URI of the article's text."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    title: str
    outlet: str | None
    published: str | None
    """ISO 8601."""


class Cited(Source):
    """A citation."""

    number: int
    """By which the answer's text names it."""
    quote: str
    """The article's own words."""
    translation: str | None
    """By machine, where the article is in another language than the answer."""
    certain: bool
    """Whether the checks of the translation found no fault."""
    literal: bool
    """Whether the translation is word for word, a slash between two meanings of a word."""
    line: int
    """Of the source file."""
    source: str
    """The file."""


class Said(BaseModel):
    """One sentence of an answer."""

    text: str
    verdict: Verdict
    """How far its citations support it."""
    reason: str
    """Why it is not fully supported."""
    citations: list[int]


class Answered(BaseModel):
    """An answer."""

    text: str
    """Each sentence ends in the [number] of its citation."""
    outcome: Outcome
    """answered, conflict (sources disagree), partial (some claims lack support) or not_found."""
    language: Language
    understood: str
    """The question as it was searched for, where that is not as asked."""
    claims: list[Said]
    citations: list[Cited]


class Hit(Source):
    """A passage."""

    text: str
    score: float
    """Higher is better; comparable within one search."""


class Hits(BaseModel):
    """What a search found, best first."""

    passages: list[Hit]


class Listed(BaseModel):
    """An article of the index."""

    article: str
    """URI of its text."""
    title: str
    outlet: str | None
    published: str | None
    language: Language
    characters: int


class Listing(BaseModel):
    """A part of the list of articles."""

    total: int
    """Articles that the filter allows."""
    articles: list[Listed]


def serve(assistant: Assistant, ask: Ask) -> None:
    """Serve an assistant over standard input and output, until the client closes them.

    What libraries print to standard output meanwhile goes to standard error. The arguments are those of
    ``build``.
    """
    build(assistant, ask).run("stdio")


@contextlib.asynccontextmanager
async def over_http(assistant: Assistant, ask: Ask, path: str) -> AsyncIterator[ASGIApp]:
    """The application that serves an assistant over HTTP, for as long as the context is open.

    The package's own checks of host and origin are left to the server around it. The arguments are those of
    ``build``.

    Args:
        assistant: Finds passages and articles.
        ask: Answers questions.
        path: Path of the application.
    """
    server = build(assistant, ask)
    app = server.streamable_http_app(
        streamable_http_path=path,
        max_sessions=SESSIONS,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    async with server.session_manager.run():
        yield app


def build(assistant: Assistant, ask: Ask) -> MCPServer[None]:
    """A server with the tools and the resource of an assistant, for any transport of the mcp package.

    Args:
        assistant: Finds passages and articles.
        ask: Answers questions. Closing its iterator stops the model.
    """
    with _logging_kept():
        server: MCPServer[None] = MCPServer(
            "sanad", title="Sanad", instructions=INSTRUCTIONS, version=__version__
        )
    _add_ask(server, ask)
    _add_search(server, assistant)

    # An id is looked up among the articles of the index and never used as a path.
    @server.resource(
        "article://{id}", mime_type="text/plain", security=ResourceSecurity(exempt_params={"id"})
    )
    def article(id: str) -> str:  # noqa: A002 - the URI names it
        """The text of an article, which every start and end refers to; its id is percent-encoded."""
        try:
            return assistant.article(id).text
        except BadArticles as error:
            raise ResourceNotFoundError(f"{error} The tool list_articles gives the URIs.") from None

    return server


@contextlib.contextmanager
def _logging_kept() -> Iterator[None]:
    """Undoes what the package does to the process's log, and silences its messages below a warning.

    It logs arguments, which are questions.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("mcp").setLevel(logging.WARNING)


def _add_ask(server: MCPServer[None], answer: Ask) -> None:
    @server.tool(annotations=READ_ONLY)
    async def ask(
        question: Annotated[str, Field(description="A question that stands alone, in English or Arabic.")],
        context: Context,
        answer_language: Annotated[
            Language | None, Field(description="Language of the answer; by default the question's.")
        ] = None,
        outlets: Outlets = None,
        since: Since = None,
        until: Until = None,
        article_language: Written = None,
    ) -> Answered:
        """Answer a question from the articles, with citations that quote them exactly. Takes seconds."""
        request = context.request_context.request
        with _readable_errors():
            where = _filter(outlets, since, until, article_language)
            # Closed if the client cancels its call, which stops the model.
            async with contextlib.aclosing(answer(request, question, where, answer_language)) as events:
                number = 0
                async for event in events:
                    if isinstance(event, Finished):
                        return _answered(event.answer)
                    number += 1
                    await context.report_progress(number, None, _stage(event))
        raise AssertionError("the events end with Finished")


def _add_search(server: MCPServer[None], assistant: Assistant) -> None:
    @server.tool(annotations=READ_ONLY)
    async def search(
        question: Annotated[str, Field(description="A question or words, in English or Arabic.")],
        k: Annotated[int, Field(description="Most passages.", ge=1, le=MOST_PASSAGES)] = 5,
        outlets: Outlets = None,
        since: Since = None,
        until: Until = None,
        article_language: Written = None,
    ) -> Hits:
        """Find the passages of articles that fit a question best, word for word, without an answer."""

        def run() -> list[Passage]:
            where = _filter(outlets, since, until, article_language)
            return assistant.retrieve(question, k=k, where=where)

        return Hits(passages=[_hit(passage) for passage in await _in_thread(run)])

    @server.tool(annotations=READ_ONLY)
    async def list_articles(
        outlets: Outlets = None,
        since: Since = None,
        until: Until = None,
        article_language: Written = None,
        limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = 50,
        offset: Annotated[int, Field(ge=0)] = 0,
    ) -> Listing:
        """List the articles, with the URI of each one's text."""

        def run() -> list[Article]:
            return assistant.articles(where=_filter(outlets, since, until, article_language))

        articles = await _in_thread(run)
        return Listing(
            total=len(articles), articles=[_listed(article) for article in articles[offset : offset + limit]]
        )


async def _in_thread(work: Callable[[], Result]) -> Result:
    """The result of work that blocks."""
    with _readable_errors():
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """Turns an error of Sanad's into one that the client's model reads."""
    try:
        yield
    except SanadError as error:
        raise ToolError(str(error)) from None


def _filter(
    outlets: list[str] | None, since: str | None, until: str | None, language: Language | None
) -> Filter | None:
    where = Filter(tuple(outlets or ()), since, until, language)
    return None if where == Filter() else where


def _stage(event: Event) -> str:
    if isinstance(event, Retrieved):
        return f"reading {len(event.evidence)} sentences"
    return "" if isinstance(event, Finished) else event.stage


def _uri(article_id: str) -> str:
    return f"article://{quote(article_id, safe='')}"


def _answered(answer: Answer) -> Answered:
    return Answered(
        text=answer.text,
        outcome=answer.outcome,
        language=answer.language,
        understood=answer.understood,
        claims=[
            Said(text=one.text, verdict=one.verdict, reason=one.reason, citations=list(one.citations))
            for one in answer.claims
        ],
        citations=[_cited(citation) for citation in answer.citations],
    )


def _cited(citation: Citation) -> Cited:
    return Cited(
        article=_uri(citation.article_id),
        start=citation.start,
        end=citation.end,
        title=citation.title,
        outlet=citation.outlet,
        published=citation.published,
        number=citation.number,
        quote=citation.quote,
        translation=citation.translation,
        certain=citation.certain,
        literal=citation.literal,
        line=citation.line,
        source=citation.source,
    )


def _hit(passage: Passage) -> Hit:
    return Hit(
        article=_uri(passage.chunk.article_id),
        start=passage.chunk.start,
        end=passage.chunk.end,
        title=passage.title,
        outlet=passage.outlet,
        published=passage.published,
        text=passage.text,
        score=passage.score,
    )


def _listed(article: Article) -> Listed:
    return Listed(
        article=_uri(article.id),
        title=article.title,
        outlet=article.outlet,
        published=article.published,
        language=article.language,
        characters=len(article.text),
    )
