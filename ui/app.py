"""The chat page: ``launch(assistant)`` serves it on this machine until it is interrupted.

``page_app`` is the page as an application for ``sanad serve``, which serves the API beside it.

The page is our own HTML (ui/front.py, ui/assets). Gradio is used as a server without components: each
function of ``Indexes`` is a named endpoint, and its queue streams the growing answer to the page's scripts
and to Gradio's own client. ``gr.Chatbot`` was tried and rejected: it removes ``dir``, ids and data
attributes, renders the model's output as Markdown, and has one direction for all text. Gradio's own text box
and buttons take their language from the browser once and cannot switch it.
"""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr
from fastapi import FastAPI
from gradio.events import api
from starlette.routing import Route
from starlette.types import ASGIApp

from rag import Assistant, BadSettings
from rag.server.guard import UPLOADS
from rag.server.serve import Server, print_address, serve
from rag.server.worker import QuestionRunner
from ui import originals
from ui.front import Front
from ui.guard import ANSWER, Guard
from ui.indexes import Indexes

EVENTS = 32
"""Events that Gradio queues and processes at once; replies run beside them."""

SESSIONS = 100
"""Sessions of Gradio's clients whose state it keeps."""


def build_app(indexes: Indexes) -> gr.Blocks:
    """The page's functions as endpoints: ``ask`` for programs, the others for its scripts.

    Args:
        indexes: The functions.
    """
    app = gr.Blocks(title="Sanad", mode="server", analytics_enabled=False)
    with app:
        for function in indexes.functions:
            api(function, api_name=function.__name__, queue=False, api_visibility="private")
        api(indexes.answer, api_name=ANSWER, concurrency_limit=None, api_visibility="private")
        api(indexes.ask, api_name="ask", concurrency_limit=None)
    # Questions wait in the server's own queue, which knows their place. api_open=False: every event passes
    # through Gradio's queue.
    app.queue(max_size=EVENTS, default_concurrency_limit=EVENTS, api_open=False)
    return app


def launch(assistant: Assistant, *, indexes: Mapping[str, Assistant] | None = None, port: int = 7860) -> None:
    """Serve the page on this machine until interrupted.

    Args:
        assistant: Answers the questions.
        indexes: Assistants by the name of their index, as ``Server`` takes them; the page switches between
            them.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is in use or not valid.
    """
    serve(_server(assistant, indexes, port), print_address)


def start(assistant: Assistant, *, indexes: Mapping[str, Assistant] | None = None, port: int) -> Server:
    """Serve the page in background threads until the returned server is closed.

    Args:
        assistant: Answers the questions.
        indexes: As for ``launch``.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is in use or not valid.
    """
    return _server(assistant, indexes, port).start()


def page_app(runners: Mapping[str, QuestionRunner]) -> ASGIApp:
    """The page as an ASGI application, whose lifespan must be run.

    Args:
        runners: Answer the questions, by the name of their index; the first one's index is the default.
    """
    indexes = Indexes(runners)
    blocks = build_app(indexes)
    blocks.state_session_capacity = SESSIONS
    front = Front(blocks.app_id, indexes.names)
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None, routes=[Route("/", front), *originals.routes(indexes.assistant)]),
        blocks, path="/", show_error=False, max_file_size="1mb", footer_links=[], run_history=False,
        enable_monitoring=False, mcp_server=False, pwa=False, ssr_mode=False,
        app_kwargs={"openapi_url": None},
    )  # fmt: skip
    names = [function.__name__ for function in indexes.functions]
    return Guard(app, names, receives=indexes.receive, path=UPLOADS)


def _server(assistant: Assistant, indexes: Mapping[str, Assistant] | None, port: int) -> Server:
    if port == 0:
        raise BadSettings("0 is not a TCP port. Choose one from 1 to 65535 with --port.")
    return Server(assistant, indexes=indexes, page=page_app, api=False, port=port)
