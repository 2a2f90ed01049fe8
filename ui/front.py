"""Adds our own HTML, styles and scripts to the page that Gradio serves.

The browser thus paints the page in the reader's language before it fetches Gradio's scripts; Gradio's own
part is hidden. ``launch(head=…)`` was tried and rejected: Gradio's scripts add that head only after they have
run, one or several seconds later on a busy machine.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import words

ASSETS = Path(__file__).resolve().parent / "assets"

STYLES = ("page.css", "bar.css", "turns.css", "articles.css", "composer.css", "print.css")
"""Style sheets in cascade order."""

SCRIPTS = (
    "base.js", "store.js", "citations.js", "filter.js", "conversation.js", "actions.js", "history.js",
    "articles.js",
)  # fmt: skip
"""Scripts in the order in which they run."""

_SCRIPT = re.compile(rb"<script\b([^>]*>)(.*?</script>)", re.DOTALL)
"""A script of the page; the text of one can contain the name of the tag."""

_BEFORE = ((b"</head>", "head"), (b"<gradio-app", "body"))
"""Marks that Gradio's page contains once each; our parts are inserted before them."""


class Front:
    """Middleware: inserts our parts into Gradio's page."""

    def __init__(self, app: ASGIApp) -> None:
        """Read the parts.

        Args:
            app: Serves Gradio's page as "/".
        """
        self._app = app
        self._parts = {"head": _head().encode(), "body": _body().encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the page and pass everything else on."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        pieces: list[bytes] = []

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            pieces.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            page = b"".join(pieces)
            for mark, part in _BEFORE:
                page = page.replace(mark, self._parts[part] + mark, 1)
            nonce = secrets.token_urlsafe(16)
            page = _SCRIPT.sub(rf'<script nonce="{nonce}"\1\2'.encode(), page)
            headers = MutableHeaders(scope=start)
            headers["Content-Length"] = str(len(page))
            headers["Content-Security-Policy"] = policy(nonce)
            await send(start)
            await send({"type": "http.response.body", "body": page})

        # Requested without compression so that it can be changed; an outer layer may compress it.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, changed)


def policy(nonce: str = "") -> str:
    """The Content-Security-Policy: nothing from other hosts, and no script written into the page.

    Args:
        nonce: Marks the scripts that the page itself starts with; empty for a response without any.
    """
    inline = f" 'nonce-{nonce}'" if nonce else ""
    return "; ".join(
        [
            "default-src 'none'",
            # Gradio compiles its templates with new Function.
            f"script-src 'self'{inline} 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _head() -> str:
    return "".join(f"<style>{asset(name)}</style>" for name in STYLES)


def _body() -> str:
    table = f"<script>window.sanadWords = {words.table()};</script>"
    scripts = "".join(f"<script>{asset(name)}</script>" for name in SCRIPTS)
    return f"{asset('page.html')}{table}{scripts}"


def asset(name: str) -> str:
    """The text of a file in ui/assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
