"""The chat page: ``launch(assistant)`` serves it on this machine alone until it is interrupted.

    question → begin (the turn is on the page at once) → reply (searching, reading, writing, answer) → settle

What is seen is HTML of our own (ui/front.py, ui/assets), painted before any script of Gradio's has come.
Gradio carries what goes to and fro: events, the queue, the growing answer, and the functions of ``Page`` that
the page's scripts call, all through one ``gr.HTML`` that shows nothing. ``gr.Chatbot`` lost against this: it
sanitises away ``dir``, ids and data attributes, renders model output as Markdown, and has one direction for
all. Gradio's own text box and buttons take their words from the browser's language once, and know no switch.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

import gradio as gr
from gradio.exceptions import ServerFailedToStartError
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from rag import Assistant, BadSettings
from ui.front import Front
from ui.guard import Guard
from ui.page import Page
from ui.run import WAITING
from ui.work import PATH

HOST = "127.0.0.1"
"""The only address that is listened on: the page has no login."""

_FONTS = ["system-ui"]
"""Of what Gradio shows, which is nothing; its own choice would be fetched from another host."""

_TAKEN = "Port {port} is taken or may not be used; name another with --port."


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
        Middleware(Front),
    ]
    try:
        app.launch(
            server_name=HOST, server_port=port, share=False, inbrowser=False, quiet=True,
            prevent_thread_lock=True, show_error=False, strict_cors=True, max_file_size="1mb",
            state_session_capacity=100, footer_links=[], run_history=False, enable_monitoring=False,
            mcp_server=False, pwa=False, ssr_mode=False,
            app_kwargs={"middleware": guards, "openapi_url": None},
            theme=gr.themes.Base(font=_FONTS, font_mono=_FONTS),
        )  # fmt: skip
    except (OSError, ServerFailedToStartError):  # taken since it was checked
        raise BadSettings(_TAKEN.format(port=port)) from None
    return app


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
