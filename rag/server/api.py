"""The HTTP API: questions, health and metrics. rag/server/serve.py serves it.

    POST /api/ask               the whole Answer as JSON, or its events as JSON Lines
    POST /v1/chat/completions   the same for clients of OpenAI's API
    GET  /v1/models
    GET  /healthz /readyz       whether the process runs; whether it can answer
    GET  /metrics               for Prometheus
    GET  /openapi.json

A streamed chat sends the verified answer, not the model's draft: a client of that API cannot take back words
that verification removes. Until the answer is ready, comments keep the connection open.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from rag import __version__
from rag.errors import BadArticles, BadQuestion, BadSettings, Busy, GenerationFailed, SanadError
from rag.records import Answer, Event, Filter, Finished, Language, Retrieved, StageStarted, Turn
from rag.server.guard import error_body, refusal
from rag.server.logs import request_id
from rag.server.metrics import CONTENT_TYPE, Metrics
from rag.server.schema import AskBody, ChatBody, ErrorBody, as_text, responses
from rag.server.worker import QuestionRunner

if TYPE_CHECKING:
    from rag.assistant import Assistant

MODEL = "sanad"
"""The assistant's name in the chat API."""

ALIVE_SECONDS = 5.0
"""Time between two comments of a stream: proxies close connections that stay silent."""

LINES, CHUNKS = "application/x-ndjson", "text/event-stream"
"""Media types of a streamed answer: for /api/ask, and for clients of OpenAI's API."""

LEFT = 499
"""Status of a request whose client has disconnected, as in nginx; it appears in the log only."""

Result = TypeVar("Result")

Events = AsyncGenerator[Event, None]

_STATUS: dict[type[SanadError], int] = {
    BadQuestion: 400,
    BadArticles: 400,
    BadSettings: 400,
    Busy: 503,
    GenerationFailed: 500,
}
"""HTTP status of each kind of error. All others have 503, as the operator can fix them."""

_log = logging.getLogger(__name__)


def build_api(assistant: Assistant, runner: QuestionRunner, metrics: Metrics) -> FastAPI:
    """The application with the API's routes.

    Args:
        assistant: Answers the questions.
        runner: Runs them.
        metrics: Counts them.
    """
    app = FastAPI(title="Sanad", version=__version__, docs_url=None, redoc_url=None)
    asker = _Asker(runner, metrics, log_questions=assistant.settings.log_questions)

    @app.post("/api/ask", responses=responses(LINES))
    async def ask(body: AskBody, request: Request) -> Response:
        """Answer a question, with citations that quote articles exactly."""
        where = body.filter.where() if body.filter else None
        events = asker.events(request, body.question, body.turns(), where, body.answer_language)
        if body.stream:
            return await _streamed(request, events, _lines, LINES)
        answer = await _unless_left(request, _answer(events))
        return JSONResponse(answer.to_dict())

    @app.post("/v1/chat/completions", responses=responses(CHUNKS))
    async def chat(body: ChatBody, request: Request) -> Response:
        """Answer the last message. Sources follow the text; ``sanad`` contains the whole answer as data."""
        if body.model != MODEL:
            return refusal(404, f"There is no model {body.model!r}; use {MODEL!r}.", "model_not_found")
        events = asker.events(request, body.question(), body.turns(), None)
        if body.stream:
            return await _streamed(request, events, _chunks, CHUNKS)
        answer = await _unless_left(request, _answer(events))
        message = {"role": "assistant", "content": as_text(answer)}
        whole = {"object": "chat.completion", "sanad": answer.to_dict()}
        return JSONResponse(_head() | _choice("stop", message=message) | whole)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """List the one model."""
        listed = {
            "id": MODEL,
            "object": "model",
            "created": 0,
            "owned_by": "sanad",
            "engine": assistant.model,
        }
        return {"object": "list", "data": [listed]}

    _add_health(app, assistant, metrics)
    _add_error_handlers(app)
    return app


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
        body = _body(error)
        return JSONResponse(body, body["error"]["code"], headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return refusal(422, f"{place}: {first['msg']}.", "invalid_request_error")

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, f"{error.detail}.", headers=error.headers)

    @app.exception_handler(Exception)
    async def broke(_: Request, error: Exception) -> Response:
        defect = "Internal error in Sanad. The server's log has the details for this request."
        return refusal(500, defect, "defect")


def _body(error: SanadError) -> dict[str, Any]:
    return error_body(_STATUS.get(type(error), 503), str(error), type(error).__name__)


class _Asker:
    """Puts questions to the runner, and counts and logs what becomes of them."""

    def __init__(self, runner: QuestionRunner, metrics: Metrics, *, log_questions: bool) -> None:
        self._runner = runner
        self._metrics = metrics
        self._log_questions = log_questions

    async def events(
        self,
        request: Request,
        question: str,
        history: list[Turn],
        where: Filter | None,
        answer_language: Language | None = None,
    ) -> Events:
        """The events of an answer."""
        client, finished = request.client.host if request.client else "socket", False
        if self._log_questions:
            _log.info("asked", extra={"question": question})
        try:
            async for event in self._runner.events(client, question, history, where, answer_language):
                if isinstance(event, Finished):
                    finished = True
                    self._count(event.answer)
                yield event
        except SanadError as error:
            finished = True
            self._metrics.failures.labels(type(error).__name__).inc()
            _log.warning("question failed", extra={"reason": str(error), "error_type": type(error).__name__})
            raise
        finally:
            if not finished:
                self._metrics.left.inc()
                _log.info("client disconnected")

    def _count(self, answer: Answer) -> None:
        self._metrics.answers.labels(answer.outcome).inc()
        for stage, seconds in answer.timings.items():
            self._metrics.seconds.labels(stage).observe(seconds)
        seconds_by_stage = {stage: round(seconds, 3) for stage, seconds in answer.timings.items()}
        _log.info("answered", extra={"outcome": answer.outcome, "seconds": seconds_by_stage})


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


async def _streamed(
    request: Request,
    events: Events,
    write: Callable[[Event, Events], AsyncIterator[str]],
    media_type: str,
) -> Response:
    """The response that ``write`` makes of the first event and the following ones."""
    # Until the first event, an error (a bad question, a full queue) can still set the HTTP status.
    first = await _unless_left(request, anext(events))

    return StreamingResponse(write(first, events), media_type=media_type)


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
            yield line({"event": "error", **_body(error)})


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case Retrieved(evidence=evidence, understood=understood):
            return {"event": "retrieved", "sentences": len(evidence), "understood": understood}
        case StageStarted(stage=stage):
            return {"event": "stage", "stage": stage}
        case Finished(answer=answer):
            return {"event": "finished", "answer": answer.to_dict()}


async def _chunks(_: Event, events: Events) -> AsyncIterator[str]:
    """The answer in the form of OpenAI's streams."""
    head = _head() | {"object": "chat.completion.chunk"}

    def data(fields: dict[str, Any]) -> str:
        return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n"

    following = asyncio.ensure_future(anext(events))
    try:
        yield data(head | _choice(None, delta={"role": "assistant", "content": ""}))
        while True:
            while not (await asyncio.wait({following}, timeout=ALIVE_SECONDS))[0]:
                yield ": still working\n\n"
            if isinstance(event := following.result(), Finished):
                break
            following = asyncio.ensure_future(anext(events))
        yield data(head | _choice(None, delta={"content": as_text(event.answer)}))
        yield data(head | _choice("stop", delta={}) | {"sanad": event.answer.to_dict()})
    except SanadError as error:
        yield data(_body(error))
    finally:
        if following.done():
            await events.aclose()
        else:  # the client has left; events that are being waited for can only be cancelled
            following.cancel()
    yield "data: [DONE]\n\n"


def _head() -> dict[str, Any]:
    """The fields that all parts of a chat's answer have in common."""
    return {"id": f"chatcmpl-{request_id.get() or 'sanad'}", "created": int(time.time()), "model": MODEL}


def _choice(why: str | None, **content: dict[str, str]) -> dict[str, Any]:
    """The one choice; ``why`` says why the text ends, where it does."""
    return {"choices": [{"index": 0, **content, "finish_reason": why, "logprobs": None}]}
