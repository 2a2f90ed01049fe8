"""The chat page: ``launch(assistant)`` serves it on this machine alone until it is interrupted.

    question → begin (the turn is on the page at once) → reply (searching, reading, writing, answer) → settle

The page is a few ``gr.HTML``: the shell with the earlier turns, the current turn, which is redrawn with every
token, and the question box. Everything else is done by the scripts in ui/assets, which keep conversations in
the browser and call the functions of ``Page``. ``gr.Chatbot`` lost against this: it sanitises away ``dir``,
ids and data attributes, renders model output as Markdown, and has one direction for all. Gradio's own text
box and buttons take their words from the browser's language once, and know no switch.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import ServerFailedToStartError
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from rag import Assistant, BadSettings
from ui import words
from ui.guard import Guard
from ui.page import Page
from ui.run import WAITING
from ui.work import PATH

HOST = "127.0.0.1"
"""The only address that is listened on: the page has no login."""

ASSETS = Path(__file__).resolve().parent / "assets"

STYLES = ("page.css", "turns.css", "articles.css", "composer.css")
"""In the order in which they count."""

SCRIPTS = ("base.js", "store.js", "citations.js", "filter.js", "conversation.js", "articles.js")
"""In the order in which they are run."""

_FONTS = ["Noto Sans", "Segoe UI", "Noto Sans Arabic", "Tahoma", "system-ui", "sans-serif"]

_TAKEN = "Port {port} is taken or may not be used; name another with --port."


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
    """Serve the page on 127.0.0.1 until interrupted.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    app = start(assistant, port=port)
    sys.stdout.write(f"Sanad is at http://{HOST}:{port} (Ctrl+C ends it)\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        app.close(verbose=False)


def start(assistant: Assistant, *, port: int) -> gr.Blocks:
    """Serve the page in a background thread; ``close`` of what is returned ends it.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    _check_port(port)
    page = Page(assistant)
    app = build_app(page)
    guards = [
        Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
        Middleware(Guard, receives=page.work.receive, path=PATH),
    ]
    try:
        app.launch(
            server_name=HOST, server_port=port, share=False, inbrowser=False, quiet=True,
            prevent_thread_lock=True, show_error=False, strict_cors=True, max_file_size="1mb",
            state_session_capacity=100, footer_links=[], run_history=False, enable_monitoring=False,
            mcp_server=False, pwa=False, ssr_mode=False,
            app_kwargs={"middleware": guards, "openapi_url": None},
            theme=_theme(), head=_head(),
        )  # fmt: skip
    except (OSError, ServerFailedToStartError):  # taken since it was checked
        raise BadSettings(_TAKEN.format(port=port)) from None
    return app


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


def _check_port(port: int) -> None:
    """Refuse a port before anything is built: Gradio itself would leave its probing socket open."""
    if not 1 <= port <= 65535:
        raise BadSettings(f"Port {port} is no TCP port; name one from 1 to 65535 with --port.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise BadSettings(_TAKEN.format(port=port)) from None


def _theme() -> gr.themes.Base:
    """System fonts only: a web font would be fetched from another host."""
    return gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=_FONTS, font_mono=["ui-monospace", "monospace"]
    )
