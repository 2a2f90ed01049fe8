"""The routes for clients of OpenAI's API: chats, and the one model.

A streamed chat sends the verified answer, not the model's draft: a client of that API cannot take back words
that verification removes. Until the answer is ready, comments keep the connection open.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rag.errors import BadQuestion, SanadError
from rag.records import Answer, Event, Finished
from rag.server.guard import openai_error, refusal, status_of
from rag.server.logs import request_id
from rag.server.openai import tasks
from rag.server.openai.schema import UNREAD, ChatBody, responses
from rag.server.schema import as_text

if TYPE_CHECKING:
    from rag.server.api import Asker

MODEL = "sanad"
"""The assistant's name in the chat API. A server with several indexes has ``sanad/NAME`` for each, too."""

ALIVE_SECONDS = 5.0
"""Time between two comments of a stream: proxies close connections that stay silent."""

CHUNKS = "text/event-stream"
"""Media type of a streamed answer."""

_DONE = "data: [DONE]\n\n"


def add_routes(app: FastAPI, asker: Asker, engine: Callable[[], str], *, page: bool) -> None:
    """Add the routes to an application.

    Args:
        app: The application.
        asker: Puts the questions.
        engine: Returns the identity of the generator.
        page: Whether the server has the page, which links open at a sentence.
    """
    models = _models(asker.indexes)

    def no_model(name: str) -> Response:
        known = " or ".join(map(repr, models))
        return refusal(404, f"There is no model {name!r}; use {known}.", "model_not_found", param="model")

    @app.post("/v1/chat/completions", responses=responses(CHUNKS))
    async def chat(body: ChatBody, request: Request) -> Response:
        """Answer the user's last message. Sources follow the text; ``sanad`` contains the answer as data."""
        if body.model not in models:
            return no_model(body.model)
        if task := tasks.task_of(body.messages):
            return _task_response(body, tasks.reply(task, body))
        if refused := body.refused():
            field, message = refused
            return refusal(400, message, "unsupported_value", param=field)
        if body.has_unread() and not body.question().strip():
            raise BadQuestion("The message has no text, and images and files are not read. Write a question.")
        where, index = body.filter.where() if body.filter else None, models[body.model]
        events = asker.events(request, body.question(), body.turns(), where, index=index)

        def linked(answer: Answer) -> list[dict[str, Any]]:
            named = index or next(iter(asker.indexes), None)  # the page may be at another one
            return _annotations(answer, str(request.base_url), named) if page else []

        if body.stream:
            # Until the first event, an error (a bad question, a full queue) can still set the HTTP status.
            await asker.first(request, events)
            return StreamingResponse(_chunks(events, body, linked), media_type=CHUNKS)
        answer = await asker.answer(request, events)
        completion = _completion(body, _content(answer, body), linked(answer))
        return JSONResponse(completion | {"sanad": answer.to_dict()})

    @app.get("/v1/models")
    async def listed() -> dict[str, Any]:
        """List the models: one, or one for each of several indexes."""
        return {"object": "list", "data": [_model(name, engine()) for name in models]}

    @app.get("/v1/models/{model:path}", responses=responses("application/json"))
    async def model(model: str) -> Response:
        """Describe a model."""
        return JSONResponse(_model(model, engine())) if model in models else no_model(model)


def _models(indexes: Sequence[str]) -> dict[str, str | None]:
    """The index of each model; None for the one that is asked if none is named."""
    return {MODEL: None, **{f"{MODEL}/{index}": index for index in indexes}}


def _model(name: str, engine: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sanad", "engine": engine}


def _content(answer: Answer, body: ChatBody) -> str:
    text = as_text(answer)
    return f"{text}\n\n{UNREAD[answer.language]}" if body.has_unread() else text


def _annotations(answer: Answer, page: str, index: str | None) -> list[dict[str, Any]]:
    """For each statement a link to each sentence that it cites: the page opens the article there.

    Args:
        answer: Its text is at the beginning of the message, so that offsets are those of its claims.
        page: Address of the page.
        index: The index that answered, if the server has several.
    """
    cited = {citation.number: citation for citation in answer.citations}
    annotations = []
    for claim in answer.claims:
        for citation in (cited[number] for number in claim.citations if number in cited):
            place = {"article": citation.article_id, "start": citation.start, "end": citation.end}
            link = f"{page}?{urlencode(place | ({'index': index} if index else {}))}"
            source = {
                "title": citation.title,
                "url": link,
                "start_index": claim.start,
                "end_index": claim.end,
            }
            annotations.append({"type": "url_citation", "url_citation": source})
    return annotations


def _task_response(body: ChatBody, text: str) -> Response:
    """The response to a task, which no model answers."""
    if not body.stream:
        return JSONResponse(_completion(body, text, []))

    stream = _Stream(body)
    chunks = [stream.begin(), *stream.end(text, [], {}), _DONE]
    return Response("".join(chunks), media_type=CHUNKS)


def _completion(body: ChatBody, text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": annotations}
    head = _head(body) | {"object": "chat.completion"}
    return head | _choice("stop", message=message) | {"usage": body.usage(text)}


async def _chunks(
    events: AsyncGenerator[Event, None], body: ChatBody, linked: Callable[[Answer], list[dict[str, Any]]]
) -> AsyncIterator[str]:
    """The answer in the form of OpenAI's streams."""
    stream = _Stream(body)
    following = asyncio.ensure_future(anext(events))
    try:
        yield stream.begin()
        while True:
            while not (await asyncio.wait({following}, timeout=ALIVE_SECONDS))[0]:
                yield ": still working\n\n"
            if isinstance(event := following.result(), Finished):
                break
            following = asyncio.ensure_future(anext(events))
        answer = event.answer
        for chunk in stream.end(_content(answer, body), linked(answer), {"sanad": answer.to_dict()}):
            yield chunk
    except SanadError as error:
        yield _data(openai_error(status_of(error), str(error), type(error).__name__))
    finally:
        if following.done():
            await events.aclose()
        else:  # the client has left; events that are being waited for can only be cancelled
            following.cancel()
    yield _DONE


class _Stream:
    """The chunks of one reply."""

    def __init__(self, body: ChatBody) -> None:
        self._body = body
        self._head = _head(body) | {"object": "chat.completion.chunk"}
        # As in OpenAI's streams, every chunk has the field if the last one is to contain the usage.
        self._usage = {"usage": None} if body.wants_usage() else {}

    def begin(self) -> str:
        """The first chunk, before the text is known."""
        return self._chunk(_choice(None, delta={"role": "assistant", "content": ""}))

    def end(self, text: str, annotations: list[dict[str, Any]], more: dict[str, Any]) -> Iterator[str]:
        """The chunks from the text on; ``more`` are further fields of the last one with a choice."""
        yield self._chunk(_choice(None, delta={"content": text, "annotations": annotations}))
        yield self._chunk(_choice("stop", delta={}) | more)
        if self._usage:
            yield self._chunk({"choices": [], "usage": self._body.usage(text)})

    def _chunk(self, fields: dict[str, Any]) -> str:
        return _data(self._head | self._usage | fields)


def _data(fields: dict[str, Any]) -> str:
    return f"data: {json.dumps(fields, ensure_ascii=False)}\n\n"


def _head(body: ChatBody) -> dict[str, Any]:
    """The fields that all parts of a chat's answer have in common."""
    return {"id": f"chatcmpl-{request_id.get() or MODEL}", "created": int(time.time()), "model": body.model}


def _choice(why: str | None, **content: dict[str, Any]) -> dict[str, Any]:
    """The one choice; ``why`` says why the text ends, where it does."""
    return {"choices": [{"index": 0, **content, "finish_reason": why, "logprobs": None}]}
