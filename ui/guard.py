"""What stands before the page: which requests are let in, and what a browser may load."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 8_000_000
"""Bytes of a request that carries no file: a conversation of 500 turns has about 7 MB."""

_POLICY = "; ".join(
    [
        "default-src 'none'",
        # Gradio's page starts by inline scripts, and compiles its templates with new Function.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
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


class Guard:
    """Middleware: the browser loads nothing from elsewhere; what Sanad does not use is closed."""

    # file= would fetch any public address for the caller; the others describe the API or take uploads.
    CLOSED = tuple(
        f"/gradio_api/{name}"
        for name in ("file=http", "proxy=", "upload", "info", "openapi.json", "api/", "call/", "mcp")
    )

    def __init__(self, app: ASGIApp, receives: ASGIApp, path: str) -> None:
        """Guard an application.

        Args:
            app: The page.
            receives: Takes uploaded files, which are not limited here.
            path: What the addresses of those begin with.
        """
        self._app = app
        self._receives = receives
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what has no business here, and add the headers to everything else."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = scope["method"] == "PUT" and str(scope.get("path", "")).startswith(self._path)
        refusal = _refusal(scope, limited=not upload)
        if refusal is not None:
            await refusal(scope, receive, guarded)
        elif upload:
            await self._receives(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)


def _refusal(scope: Scope, *, limited: bool) -> PlainTextResponse | None:
    path, headers = str(scope.get("path", "")), Headers(scope=scope)
    if path.lower().startswith(Guard.CLOSED):
        return PlainTextResponse("Not here.", status_code=404)
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    # Another site's page may send a request here, though it cannot read what comes back.
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return PlainTextResponse("Not from there.", status_code=403)
    length = headers.get("content-length", "0")
    if limited and (not length.isdecimal() or int(length) > MAX_BODY):
        return PlainTextResponse("Too much.", status_code=413)
    return None
