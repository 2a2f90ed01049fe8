"""Middleware before the page: the Content-Security-Policy, and the few routes of Gradio that are open.

Host names, origins and sizes of requests to page and API are checked earlier, in rag/server/guard.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import originals
from ui.front import policy

ANSWER = "answer"
"""Name of the endpoint that answers the page's questions."""

_CLIENT = ("info", "app_id", "startup-events", "queue/join", "queue/data", "cancel", "reset")
"""Routes under /gradio_api for Gradio's own clients, besides /config and the heartbeat; by app_id the page
notices that the server was restarted."""


class Guard:
    """Middleware: the browser loads nothing from other hosts; routes that Sanad does not use are closed.

    Gradio has routes that serve files, fetch any public address for the caller, and receive uploads.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str], *, receives: ASGIApp, path: str) -> None:
        """Guard an application.

        Args:
            app: The page.
            names: The endpoints that its scripts call, besides ``ANSWER``.
            receives: Receives uploaded files and limits their size.
            path: Prefix of the paths of uploads.
        """
        self._app = app
        api = "/gradio_api/"
        self._open = {
            "/",
            "/config",
            *originals.PATHS,
            f"{api}call/{ANSWER}",
            *(api + name for name in _CLIENT),
        }
        self._open.update(f"{api}run/{name}" for name in names)
        self._beginnings = (f"{api}call/{ANSWER}/", f"{api}heartbeat/")
        self._receives = receives
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close unused routes, pass uploads to their receiver, and add the headers to every response."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", policy())  # the page has its own
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope.get("path", ""))
        if scope["method"] == "PUT" and path.startswith(self._path):
            await self._receives(scope, receive, guarded)
        elif path in self._open or path.startswith(self._beginnings):
            await self._app(scope, receive, guarded)
        else:
            await PlainTextResponse("Not found.", status_code=404)(scope, receive, guarded)
