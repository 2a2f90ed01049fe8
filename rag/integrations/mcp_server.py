"""Sanad for clients of the Model Context Protocol: ``sanad mcp`` serves an index over standard streams.

ask             answers a question, with citations that quote articles exactly
search          finds passages; no language model runs
list_articles   lists the articles, by outlet, date and language
article://ID    the text of an article, which every offset refers to
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import quote

import anyio.from_thread
import anyio.to_thread
from mcp.server.mcpserver import Context, MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

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

READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)

Result = TypeVar("Result")

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


def serve(assistant: Assistant) -> None:
    """Serve an assistant over standard input and output, until the client closes them.

    What libraries print to standard output meanwhile goes to standard error.
    """
    build(assistant).run("stdio")


def build(assistant: Assistant) -> MCPServer[None]:
    """A server with the tools and the resource of an assistant, for any transport of the mcp package."""
    server: MCPServer[None] = MCPServer(
        "sanad",
        title="Sanad",
        instructions=INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",  # the package logs arguments, which are questions
    )
    _add_ask(server, assistant)
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


def _add_ask(server: MCPServer[None], assistant: Assistant) -> None:
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
        cancel = threading.Event()

        def run() -> Answer:
            where = _filter(outlets, since, until, article_language)
            events = assistant.stream(question, where=where, answer_language=answer_language, cancel=cancel)
            with contextlib.closing(events):  # type: ignore[type-var]
                for number, event in enumerate(events, start=1):
                    if isinstance(event, Finished):
                        return event.answer
                    anyio.from_thread.run(context.report_progress, number, None, _stage(event))
            raise AssertionError("stream ends with Finished")

        try:
            return _answered(await _in_thread(run))
        finally:
            cancel.set()  # a client that cancels its call stops the model


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
    """The result of work that blocks; an error of Sanad's becomes one that the client's model reads."""
    try:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
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
