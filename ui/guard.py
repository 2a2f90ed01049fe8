"""Middleware before the page: the Content-Security-Policy, and the routes of Gradio that are closed.

Host names, origins and sizes of requests to page and API are checked earlier, in rag/server/guard.py.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.front import policy


class Guard:
    """Middleware: the browser loads nothing from other hosts; routes that Sanad does not use are closed."""

    # file= would fetch any public address for the caller; the others are other ways to upload and to run
    # events, which no part of the page uses.
    CLOSED = tuple(
        f"/gradio_api/{name}"
        for name in ("file=http", "proxy=", "upload", "openapi.json", "api/", "call/", "mcp")
    )

    def __init__(self, app: ASGIApp, receives: ASGIApp, path: str) -> None:
        """Guard an application.

        Args:
            app: The page.
            receives: Receives uploaded files and limits their size.
            path: Prefix of the paths of uploads.
        """
        self._app = app
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
        if path.lower().startswith(self.CLOSED):
            await PlainTextResponse("Not found.", status_code=404)(scope, receive, guarded)
        elif scope["method"] == "PUT" and path.startswith(self._path):
            await self._receives(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)
