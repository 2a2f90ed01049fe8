"""The chat page: ``launch(assistant)`` serves it on this machine alone until it is interrupted.

``page_app`` is the page as an application, for ``sanad serve``, which serves the API beside it.

    question → begin (the turn is on the page at once) → reply (searching, reading, writing, answer) → settle

The page is a few ``gr.HTML``: the shell with the earlier turns, the current turn, which is redrawn with every
token, and the question box. Everything else is done by the scripts in ui/assets, which keep conversations in
the browser and call the functions of ``Page``. ``gr.Chatbot`` lost against this: it sanitises away ``dir``,
ids and data attributes, renders model output as Markdown, and has one direction for all. Gradio's own text
box and buttons take their words from the browser's language once, and know no switch.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.types import ASGIApp

from rag import Assistant, BadSettings, Server, serve
from ui import words
from ui.guard import Guard
from ui.page import Page
from ui.run import WAITING
from ui.work import PATH

ASSETS = Path(__file__).resolve().parent / "assets"

STYLES = ("page.css", "turns.css", "articles.css", "composer.css")
"""In the order in which they count."""

SCRIPTS = ("base.js", "store.js", "citations.js", "filter.js", "conversation.js", "articles.js")
"""In the order in which they are run."""

_FONTS = ["Noto Sans", "Segoe UI", "Noto Sans Arabic", "Tahoma", "system-ui", "sans-serif"]

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
        _html("shell", _asset("shell.html"), server_functions=page.servers)
        live = _html("live")
        composer = _html("composer", _asset("composer.html"))
        kept = _html("kept", html_template="")  # a value for the script; nothing of it is shown

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        begun = composer.submit(page.begin, None, [asked, live], queue=False, **quiet)
        replied = begun.then(page.reply, [asked], [asked, live], concurrency_limit=None, **quiet)
        replied.then(page.settle, [asked], [asked, live, kept], queue=False, **quiet)
        composer.stop(page.stop, None, None, queue=False, **quiet)
        app.unload(page.leave)
    # Questions wait in a line of their own, which can tell their place; api_open=False: nothing comes by
    # another way than the queue.
    app.queue(max_size=2 * WAITING, default_concurrency_limit=2 * WAITING, api_open=False)
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


def page_app(assistant: Assistant) -> ASGIApp:
    """The page as an ASGI application, whose lifespan must be run.

    Args:
        assistant: What answers the questions.
    """
    page = Page(assistant)
    blocks = build_app(page)
    blocks.state_session_capacity = SESSIONS
    app = gr.mount_gradio_app(
        FastAPI(openapi_url=None), blocks, path="/",
        show_error=False, max_file_size="1mb", footer_links=[], run_history=False, enable_monitoring=False,
        mcp_server=False, pwa=False, ssr_mode=False, app_kwargs={"openapi_url": None},
        theme=_theme(), head=_head(),
    )  # fmt: skip
    return Guard(app, receives=page.work.receive, path=PATH)


def _server(assistant: Assistant, port: int) -> Server:
    if port == 0:
        raise BadSettings("Port 0 is no TCP port; name one from 1 to 65535 with --port.")
    return Server(assistant, page=page_app, api=False, port=port)


def _html(name: str, value: str = "", **more: Any) -> gr.HTML:
    """A part of the page, which the script ``sanad.mount.NAME`` takes over when it is there."""
    return gr.HTML(
        value, elem_id=f"sanad-{name}", apply_default_css=False,
        js_on_load=f"sanad.mount('{name}', {{ element, props, trigger, watch, server }});",
        **more,
    )  # fmt: skip


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _head() -> str:
    """Styles, words and scripts for the page's head.

    Not ``css_paths``, which would rewrite the styles, and break ``:is(a, b)``; nor a script for each
    component, as they are mounted in no certain order.
    """
    scripts = "".join(f"<script>{_asset(name)}</script>" for name in SCRIPTS)
    table = f"<script>window.sanadWords = {words.table()};</script>"
    styles = "".join(f"<style>{_asset(name)}</style>" for name in STYLES)
    return f"{styles}{table}{scripts}"


def _theme() -> gr.themes.Base:
    """System fonts only: a web font would be fetched from another host."""
    return gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=_FONTS, font_mono=["ui-monospace", "monospace"]
    )
