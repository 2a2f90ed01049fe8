"""The HTTP API: questions, health and metrics. rag/server/serve.py serves it.

    POST /api/ask               the whole Answer as JSON, or its events as JSON Lines
    GET  /api/search            passages; no language model runs
    GET  /api/articles          the articles, filtered and in parts
    POST /api/articles?name=…   adds a file's
    GET  /api/articles/ID       one of them with its text, which every offset refers to
    DELETE                      removes it
    /v1/…                       for clients of OpenAI's API: rag/server/openai
    GET  /healthz /readyz       whether the process runs; whether it can answer
    GET  /metrics               for Prometheus
    GET  /docs /openapi.json    the reference of all this, for people and for programs

Failures have one form, except below /v1/, where they have OpenAI's (rag/server/guard.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from rag import __version__, records
from rag.errors import BadArticles, BadQuestion, Busy, SanadError
from rag.loading import uploads
from rag.records import Answer, Article, Event, Filter, Finished, Language, Retrieved, StageStarted, Turn
from rag.server import reference
from rag.server.guard import ARTICLES, OPENAI, error_body, file_parts, refusal, status_of
from rag.server.metrics import CONTENT_TYPE, Metrics
from rag.server.openai import chat
from rag.server.schema import (
    FILE,
    MAX_NAME,
    SECURITY,
    Added,
    ArticleList,
    ArticlesQuery,
    AskBody,
    ErrorBody,
    PassageList,
    Removed,
    SearchQuery,
    errors,
    meanings,
    responses,
)
from rag.server.worker import QuestionRunner

if TYPE_CHECKING:
    from rag.assistant import Assistant

FileName = Annotated[
    str, Query(max_length=MAX_NAME, description="Name of the file with its suffix, for example report.pdf.")
]

DOCS = "/docs"
"""Path of the page that describes the API."""

LINES = "application/x-ndjson"
"""Media type of a streamed answer."""

LEFT = 499
"""Status of a request whose client has disconnected, as in nginx; it appears in the log only."""

Result = TypeVar("Result")

Events = AsyncGenerator[Event, None]


class _Described(FastAPI):
    """Describes the login too, which is checked before any route (rag/server/login.py)."""

    login = False
    """Whether it is required."""

    def openapi(self) -> dict[str, Any]:
        """The schema, which is made once."""
        if self.openapi_schema:
            return self.openapi_schema
        schema = super().openapi()
        for name, fields in meanings(records).items():
            described = schema["components"]["schemas"].get(name, {}).get("properties", {})
            for field in described.keys() & fields.keys():
                described[field]["description"] = fields[field]
        schema["components"]["securitySchemes"] = SECURITY
        schema["security"] = [{name: []} for name in SECURITY] if self.login else [{}]
        schema["paths"]["/healthz"]["get"]["security"] = [{}]
        return schema


def build_api(assistant: Assistant, asker: Asker, metrics: Metrics, *, page: bool = False) -> FastAPI:
    """The application with the API's routes.

    Args:
        assistant: Has the articles.
        asker: Puts the questions.
        metrics: What is counted.
        page: Whether the server has the page.
    """
    app = _Described(title="Sanad", version=__version__, docs_url=None, redoc_url=None)
    app.login = bool(assistant.settings.passwords)

    @app.post("/api/ask", responses=responses(LINES))
    async def ask(body: AskBody, request: Request) -> Response:
        """Answer a question, with citations that quote articles exactly."""
        where = body.filter.where() if body.filter else None
        events = asker.events(request, body.question, body.turns(), where, body.answer_language)
        if body.stream:
            # Until the first event, an error (a bad question, a full queue) can still set the HTTP status.
            first = await asker.first(request, events)
            return StreamingResponse(_lines(first, events), media_type=LINES)
        answer = await asker.answer(request, events)
        return JSONResponse(answer.to_dict())

    _add_articles(app, assistant)
    chat.add_routes(app, asker, lambda: assistant.model, page=page)
    _add_health(app, assistant, metrics)
    _add_error_handlers(app)

    @app.get(DOCS, include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(
            reference.page(app.openapi()), headers={"Content-Security-Policy": reference.POLICY}
        )

    return app


def _add_articles(app: FastAPI, assistant: Assistant) -> None:
    # Not coroutines: they run in threads, as a search takes tens of milliseconds.
    @app.get("/api/articles", responses=errors())
    def articles(query: Annotated[ArticlesQuery, Query()]) -> ArticleList:
        """List the articles that a filter allows."""
        return ArticleList.of(assistant.articles(where=query.where()), query)

    @app.get(
        f"{ARTICLES}{{article_id:path}}",
        response_model=Article,
        responses=errors(_404="There is no article with this id"),
    )
    def article(article_id: str) -> Any:
        """One article. Its id is percent-encoded; ``text[start:end]`` is what a citation of it quotes."""
        try:
            return assistant.article(article_id)
        except BadArticles as error:
            return refusal(404, str(error), type(error).__name__)

    @app.post(
        "/api/articles",
        status_code=201,
        responses=errors(_415="Files of this type are not read"),
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": FILE}}},
    )
    async def add(name: FileName, request: Request) -> Added:
        """Add the articles of a file, which is the body, and return once they can be asked about.

        A file of the same name that was uploaded earlier is replaced.
        """
        name = unicodedata.normalize("NFC", name)
        uploads.check_name(name)
        limit = assistant.settings.max_file_bytes
        await uploads.receive(
            assistant.uploads, name, file_parts(request, name), limit, assistant.take_upload
        )
        return await run_in_threadpool(_indexed, assistant, name)

    @app.delete(
        f"{ARTICLES}{{article_id:path}}",
        response_model=Removed,
        responses=errors(_404="There is no article with this id"),
    )
    def remove(article_id: str) -> Any:
        """Remove an article. One from the indexed folder comes back when the folder is indexed again."""
        try:
            assistant.article(article_id)
        except BadArticles as error:
            return refusal(404, str(error), type(error).__name__)
        done = assistant.remove([article_id])
        return Removed(removed=list(done.removed), total=done.articles)

    @app.get("/api/search", responses=errors())
    def search(query: Annotated[SearchQuery, Query()]) -> PassageList:
        """Find the passages that fit a question best, without an answer."""
        return PassageList(passages=assistant.retrieve(query.question, k=query.k, where=query.where()))


def _indexed(assistant: Assistant, name: str) -> Added:
    """What an uploaded file has become, after it has been indexed.

    Raises:
        BadArticles: It contains no article.
    """
    built = assistant.index_uploads()
    skipped = [item for item in built.skipped if uploads.is_from(item.source, name)]
    reasons, articles = [item.reason for item in skipped], assistant.articles()
    ids = [article.id for article in articles if uploads.is_from(article.source, name)]
    if not ids or any(item.kept for item in skipped):
        raise BadArticles(f"“{name}” contains no article: {'; '.join(reasons) or 'it has no text'}.")
    return Added(articles=ids, notes=reasons, total=len(articles))


def _add_health(app: FastAPI, assistant: Assistant, metrics: Metrics) -> None:
    @app.get("/healthz")
    async def alive() -> dict[str, str]:
        """Whether the process runs. It reveals nothing else, as it needs no login."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "Questions cannot be answered", "model": ErrorBody}})
    def ready() -> Response:
        """Whether questions can be answered: the index opens, and the language model responds."""
        state = {"status": "ready", "generation": assistant.generation, "version": __version__}
        if assistant.stuck:
            stuck = "The language model no longer responds. Restart the server: sanad serve"
            return refusal(503, stuck, "stuck")
        return JSONResponse(state)

    @app.get("/metrics", response_class=PlainTextResponse)
    def counted() -> Response:
        """All metrics, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(SanadError)
    async def failed(_: Request, error: SanadError) -> Response:
        headers = {"Retry-After": str(error.seconds)} if isinstance(error, Busy) else None
        param = "messages" if isinstance(error, BadQuestion) else None
        return refusal(status_of(error), str(error), type(error).__name__, headers, param)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        field = place.partition(".")[2] if first["type"] != "json_invalid" else ""
        return refusal(422, f"{place}: {first['msg']}.", "invalid_request_error", param=field or None)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        kind, message = "refused", f"{error.detail}."
        if error.status_code in (404, 405):
            kind = "unknown_url" if error.status_code == 404 else kind
            path = request.url.path
            instead = "there are POST /v1/chat/completions and GET /v1/models."
            if not path.startswith(OPENAI):
                instead = f"GET {DOCS} describes what there is."
            message = f"There is no {request.method} {path} here; {instead}"
        return refusal(error.status_code, message, kind, error.headers)

    @app.exception_handler(Exception)
    async def broke(_: Request, error: Exception) -> Response:
        defect = "Internal error in Sanad. The server's log has the details for this request."
        return refusal(500, defect, "defect")


class Asker:
    """Puts the questions of requests to the runner of the index that they name."""

    def __init__(self, runner: QuestionRunner, named: Mapping[str, QuestionRunner] | None = None) -> None:
        """Make one for a server.

        Args:
            runner: Answers questions that name no index.
            named: Answer from the index of a name.
        """
        self._runner = runner
        self._named = named or {}

    @property
    def indexes(self) -> list[str]:
        """Names of the indexes that can be chosen."""
        return list(self._named)

    def events(
        self,
        request: Request | None,
        question: str,
        history: list[Turn],
        where: Filter | None,
        answer_language: Language | None = None,
        index: str | None = None,
    ) -> Events:
        """The events of an answer, from the index of a name, which is one of ``indexes``."""
        runner = self._runner if index is None else self._named[index]
        client = request.client.host if request and request.client else "socket"
        return runner.events(client, question, history, where, answer_language)

    async def first(self, request: Request, events: Events) -> Event:
        """The first of the events.

        Raises:
            HTTPException: The client has disconnected.
        """
        return await _unless_left(request, anext(events))

    async def answer(self, request: Request, events: Events) -> Answer:
        """The answer that the events end with.

        Raises:
            HTTPException: The client has disconnected.
        """
        return await _unless_left(request, _answer(events))


async def _answer(events: Events) -> Answer:
    async for event in events:
        if isinstance(event, Finished):
            return event.answer
    raise AssertionError("stream ends with Finished")


async def _unless_left(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of the work, which is cancelled if the client disconnects: no route is notified of that.

    Raises:
        HTTPException: The client has disconnected, so that nobody receives the response.
    """

    async def leaving() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks: tuple[asyncio.Task[Result], asyncio.Task[None]]
    tasks = asyncio.create_task(work), asyncio.create_task(leaving())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            return tasks[0].result()
        raise HTTPException(LEFT, "The client has disconnected")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _lines(first: Event, events: Events) -> AsyncIterator[str]:
    """One line of JSON for each event: ``retrieved``, ``stage``…, ``finished``; or ``error``."""

    def line(fields: dict[str, Any]) -> str:
        return json.dumps(fields, ensure_ascii=False) + "\n"

    async with contextlib.aclosing(events):
        yield line(_fields(first))
        try:
            async for event in events:
                yield line(_fields(event))
        except SanadError as error:
            body = error_body(status_of(error), str(error), type(error).__name__)
            yield line({"event": "error", **body})


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case Retrieved(evidence=evidence, understood=understood):
            return {"event": "retrieved", "sentences": len(evidence), "understood": understood}
        case StageStarted(stage=stage):
            return {"event": "stage", "stage": stage}
        case Finished(answer=answer):
            return {"event": "finished", "answer": answer.to_dict()}
