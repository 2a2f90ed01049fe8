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
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from rag import __version__
from rag.errors import BadArticles, BadQuestion, BadSettings, Busy, GenerationFailed, SanadError
from rag.records import Answer, Event, Filter, Finished, Language, Retrieved, Token, Turn
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
    asker = _Asker(assistant, runner, metrics)

    @app.post("/api/ask", responses=responses(LINES))
    async def ask(body: AskBody, request: Request) -> Response:
        """Answer a question, with citations that quote articles exactly."""
        where = body.filter.where() if body.filter else None
        events = asker.events(request, body.question, body.turns(), where, body.answer_language)
        return await (asker.lines(request, events) if body.stream else asker.whole(request, events))

    @app.post("/v1/chat/completions", responses=responses(CHUNKS))
    async def chat(body: ChatBody, request: Request) -> Response:
        """Answer the last message. Sources follow the text; ``sanad`` contains the whole answer as data."""
        if body.model != MODEL:
            return _error(404, "model_not_found", f"There is no model {body.model!r}; use {MODEL!r}.")
        return await asker.chat(request, body)

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
        try:
            state = {"status": "ready", "generation": assistant.generation, "version": __version__}
        except SanadError as error:
            return _response(error)
        if assistant.stuck:
            return _error(
                503, "stuck", "The language model no longer responds. Restart the server: sanad serve"
            )
        return JSONResponse(state)

    @app.get("/metrics", response_class=PlainTextResponse)
    def counted() -> Response:
        """All metrics, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(SanadError)
    async def failed(_: Request, error: SanadError) -> Response:
        return _response(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _error(422, "invalid_request_error", f"{place}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, "refused", f"{error.detail}.", headers=error.headers)

    @app.exception_handler(Exception)
    async def broke(_: Request, error: Exception) -> Response:
        return _error(
            500, "defect", "Internal error in Sanad. The server's log has the details for this request."
        )


class _Asker:
    """Answers questions in every form that the API offers."""

    def __init__(self, assistant: Assistant, runner: QuestionRunner, metrics: Metrics) -> None:
        self._assistant = assistant
        self._runner = runner
        self._metrics = metrics

    async def whole(self, request: Request, events: AsyncGenerator[Event, None]) -> Response:
        """The Answer as one JSON object."""
        answer = await self._answer(request, events)
        return Response(status_code=LEFT) if answer is None else JSONResponse(answer.to_dict())

    async def lines(self, request: Request, events: AsyncGenerator[Event, None]) -> Response:
        """One line of JSON for each event: ``retrieved``, ``token``…, ``finished``; or ``error``."""
        # Until the first event, an error (a bad question, a full queue) can still set the HTTP status.
        first = await _unless_left(request, anext(events))
        if first is None:
            return Response(status_code=LEFT)

        async def lines() -> AsyncIterator[str]:
            try:
                yield _line(first)
                async for event in events:
                    yield _line(event)
            except SanadError as error:
                yield json.dumps({"event": "error", **_body(error)}, ensure_ascii=False) + "\n"
            finally:
                await events.aclose()

        return StreamingResponse(lines(), media_type=LINES)

    async def chat(self, request: Request, body: ChatBody) -> Response:
        """The answer in the form of OpenAI's API."""
        events = self.events(request, body.question(), body.turns())
        head: dict[str, Any] = {
            "id": f"chatcmpl-{request_id.get() or 'sanad'}",
            "created": int(time.time()),
            "model": MODEL,
        }
        if body.stream:
            first = await _unless_left(request, anext(events))
            if first is None:
                return Response(status_code=LEFT)
            return StreamingResponse(self._chunks(first, events, head), media_type=CHUNKS)
        answer = await self._answer(request, events)
        if answer is None:
            return Response(status_code=LEFT)
        message = {"role": "assistant", "content": as_text(answer)}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        head |= {"object": "chat.completion", "choices": [choice], "sanad": answer.to_dict()}
        return JSONResponse(head)

    async def _chunks(
        self, first: Event, events: AsyncGenerator[Event, None], head: dict[str, Any]
    ) -> AsyncIterator[str]:
        def chunk(delta: dict[str, str], why: str | None = None, **more: Any) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": why, "logprobs": None}
            data = head | {"object": "chat.completion.chunk", "choices": [choice]} | more
            return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"

        event = first
        try:
            yield chunk({"role": "assistant", "content": ""})
            while not isinstance(event, Finished):
                following = asyncio.ensure_future(anext(events))
                while not (await asyncio.wait({following}, timeout=ALIVE_SECONDS))[0]:
                    yield ": still working\n\n"
                event = following.result()
            yield chunk({"content": as_text(event.answer)})
            yield chunk({}, "stop", sanad=event.answer.to_dict())
        except SanadError as error:
            yield f"data: {json.dumps(_body(error), ensure_ascii=False)}\n\n"
        finally:
            await events.aclose()
        yield "data: [DONE]\n\n"

    async def _answer(self, request: Request, events: AsyncGenerator[Event, None]) -> Answer | None:
        """The answer; None if the client has disconnected, of which a route is not notified."""

        async def answered() -> Answer:
            async for event in events:
                if isinstance(event, Finished):
                    return event.answer
            raise AssertionError("stream ends with Finished")

        return await _unless_left(request, answered())

    async def events(
        self,
        request: Request,
        question: str,
        history: list[Turn],
        where: Filter | None = None,
        answer_language: Language | None = None,
    ) -> AsyncGenerator[Event, None]:
        """The events of an answer, counted and logged.

        Args:
            request: Names the client.
            question: The question.
            history: Earlier turns, oldest first.
            where: Which articles may be searched.
            answer_language: The language of the answer; None takes that of the question.
        """
        client, finished = request.client.host if request.client else "socket", False
        if self._assistant.settings.log_questions:
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


async def _unless_left(request: Request, work: Coroutine[Any, Any, Result]) -> Result | None:
    """The result of the work; None if the client disconnects first, which cancels the work."""

    async def leaving() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    tasks: tuple[asyncio.Task[Result], asyncio.Task[None]]
    tasks = asyncio.create_task(work), asyncio.create_task(leaving())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _line(event: Event) -> str:
    match event:
        case Retrieved(evidence=evidence, understood=understood):
            fields: dict[str, Any] = {
                "event": "retrieved",
                "sentences": len(evidence),
                "understood": understood,
            }
        case Token(text=text):
            fields = {"event": "token", "text": text}
        case Finished(answer=answer):
            fields = {"event": "finished", "answer": answer.to_dict()}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _body(error: SanadError) -> dict[str, Any]:
    status = _STATUS.get(type(error), 503)
    return {"error": {"message": str(error), "type": type(error).__name__, "code": status}}


def _response(error: SanadError) -> Response:
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, Busy) else None
    body = _body(error)
    return JSONResponse(body, body["error"]["code"], headers)


def _error(status: int, kind: str, message: str, headers: Any = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": kind, "code": status}}, status, headers)
