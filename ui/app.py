"""The chat page: ``launch(assistant)`` serves it on this machine alone until it is interrupted.

``page_app`` is the page as an application, for ``sanad serve``, which serves the API beside it.

    question → begin (the turn is on the page at once) → reply (searching, reading, writing, answer) → settle

What is seen is HTML of our own (ui/front.py, ui/assets), painted before any script of Gradio's has come.
Gradio carries what goes to and fro: events, the queue, the growing answer, and the functions of ``Page`` that
the page's scripts call, all through one ``gr.HTML`` that shows nothing. ``gr.Chatbot`` lost against this: it
sanitises away ``dir``, ids and data attributes, renders model output as Markdown, and has one direction for
all. Gradio's own text box and buttons take their words from the browser's language once, and know no switch.
"""

from __future__ import annotations

import sys
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from rag import Assistant, BadSettings, FairQueue, Server, serve
from ui.front import Front
from ui.guard import Guard
from ui.page import Page
from ui.work import PATH

_FONTS = ["system-ui"]
"""Of what Gradio shows, which is nothing; its own choice would be fetched from another host."""

EVENTS = 32
"""That Gradio keeps in its own queue, and works on at once; a reply works on beside them."""

SESSIONS = 100
"""Tabs whose running question is remembered."""


def build_app(page: Page) -> gr.Blocks:
    """The page as Gradio blocks, not yet served.

    Args:
        page: What its events do.
    """
    app = gr.Blocks(title="Sanad", analytics_enabled=False, fill_width=True)
    with app:
        asked = gr.State(None)
        wire = gr.HTML(
            html_template="", apply_default_css=False, server_functions=page.servers,
            js_on_load="sanad.connect({ props, trigger, watch, server });",
        )  # fmt: skip
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        begun = wire.submit(page.begin, None, [asked, wire], queue=False, **quiet)
        replied = begun.then(page.reply, [asked], [asked, wire], concurrency_limit=None, **quiet)
        replied.then(page.settle, [asked], [asked, wire], queue=False, **quiet)
        wire.stop(page.stop, None, None, queue=False, **quiet)
        app.unload(page.leave)
    # Questions wait in the line of the server, which can tell their place; api_open=False: nothing comes by
    # another way than the queue.
    app.queue(max_size=EVENTS, default_concurrency_limit=EVENTS, api_open=False)
    return app


def launch(assistant: Assistant, *, port: int = 7860) -> None:
    """Serve the page on this machine until interrupted.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    serve(_server(assistant, port), print_address)


def print_address(address: str) -> None:
    """Tell where the page is."""
    sys.stdout.write(f"Sanad is at {address} (Ctrl+C ends it)\n")
    sys.stdout.flush()


def start(assistant: Assistant, *, port: int) -> Server:
    """Serve the page in background threads; ``close`` of what is returned ends it.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    return _server(assistant, port).start()


def page_app(assistant: Assistant, line: FairQueue) -> ASGIApp:
    """The page as an ASGI application, whose lifespan must be run.

    Args:
        assistant: What answers the questions.
        line: The line that they stand in.
    """
    page = Page(assistant, line)
    blocks = build_app(page)
    blocks.state_session_capacity = SESSIONS
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None), blocks, path="/",
        show_error=False, max_file_size="1mb", footer_links=[], run_history=False, enable_monitoring=False,
        mcp_server=False, pwa=False, ssr_mode=False,
        app_kwargs={"middleware": [Middleware(Front)], "openapi_url": None},
        theme=gr.themes.Base(font=_FONTS, font_mono=_FONTS),
    )  # fmt: skip
    return Guard(app, receives=page.work.receive, path=PATH)


def _server(assistant: Assistant, port: int) -> Server:
    if port == 0:
        raise BadSettings("Port 0 is no TCP port; name one from 1 to 65535 with --port.")
    return Server(assistant, page=page_app, api=False, port=port)
