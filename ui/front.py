"""The page as it is first sent: HTML, styles and scripts of our own, in the page that Gradio serves.

So the browser paints it, in the reader's language, before any script of Gradio's has been fetched; Gradio's
own part of the page is not shown. ``launch(head=…)`` lost against this: Gradio's scripts add that head when
they have run, a second or several later on a busy machine.
"""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import words

ASSETS = Path(__file__).resolve().parent / "assets"

STYLES = ("page.css", "turns.css", "articles.css", "composer.css")
"""In the order in which they count."""

SCRIPTS = ("base.js", "store.js", "citations.js", "filter.js", "conversation.js", "articles.js")
"""In the order in which they are run."""

_BEFORE = ((b"</head>", "head"), (b"<gradio-app", "body"))
"""What stands in Gradio's page, once each, behind our parts."""


class Front:
    """Middleware: puts our parts into Gradio's page."""

    def __init__(self, app: ASGIApp) -> None:
        """Read the parts.

        Args:
            app: Serves Gradio's page as "/".
        """
        self._app = app
        self._parts = {"head": _head().encode(), "body": _body().encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the page, and nothing else."""
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
            MutableHeaders(scope=start)["Content-Length"] = str(len(page))
            await send(start)
            await send({"type": "http.response.body", "body": page})

        # Not compressed, or it could not be changed; whatever stands before this may compress it.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, changed)


def _head() -> str:
    return "".join(f"<style>{asset(name)}</style>" for name in STYLES)


def _body() -> str:
    table = f"<script>window.sanadWords = {words.table()};</script>"
    scripts = "".join(f"<script>{asset(name)}</script>" for name in SCRIPTS)
    return f"{asset('page.html')}{table}{scripts}"


def asset(name: str) -> str:
    """The text of a file in ui/assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
