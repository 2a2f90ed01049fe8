"""What stands before every route of a server: which host names, origins and sizes are let in.

a request → Hosts → Origins → Bodies → (rag/server/login.py) → a route
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 8_000_000
"""Bytes of a request that carries no file: a conversation of 500 turns on the page has about 7 MB."""

BODY_SECONDS = 30.0
"""In which a body must have arrived, and an upload must have sent something more."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""What a browser calls this machine."""

_READING = ("GET", "HEAD", "OPTIONS")


def refusal(status: int, message: str, **headers: str) -> JSONResponse:
    """What is answered to a request that is refused, in the form of OpenAI's errors.

    Args:
        status: HTTP status.
        message: One line with the mend.
        **headers: Further headers, with _ for -.
    """
    told = {"error": {"message": message, "type": "refused", "code": status}}
    return JSONResponse(told, status, {name.replace("_", "-"): value for name, value in headers.items()})


class Hosts:
    """Middleware: a request names this server by an address or name that is known to be its own.

    Without it a page on the web could have its own name resolve to this machine, and read every answer as
    one of its own (DNS rebinding). An address that the connection itself came in by cannot be rebound.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        """Guard an application.

        Args:
            app: The application.
            names: Names besides those of the machine itself.
        """
        self._app = app
        self._names = {name.strip().lower() for name in names if name.strip()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a foreign name."""
        if scope["type"] in ("http", "websocket") and not self._known(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            message = "This server is not known by that name. Name it when it is started: SANAD_HOSTS=NAME"
            await refusal(400, message)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            return False
        try:
            host = (urlsplit(f"//{given[0].decode('ascii')}").hostname or "").rstrip(".")
        except (UnicodeDecodeError, ValueError):
            return False
        own = str((scope.get("server") or ("", 0))[0])
        return host in self._names or _same_address(host, own) or (host in LOCAL_NAMES and _is_local(own))


def _same_address(host: str, own: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(own)
    except ValueError:
        return False


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Origins:
    """Middleware: pages of other sites change nothing here, and no site is told that it may read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what another site's page sends."""

        async def plain(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                for name in [name for name in headers if name.lower().startswith("access-control-")]:
                    del headers[name]
            await send(message)

        if scope["type"] == "http" and scope["method"] not in _READING:
            headers = Headers(scope=scope)
            origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
            foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
            if foreign or site not in ("none", "same-origin"):
                await refusal(403, "Requests from the pages of other sites are refused.")(
                    scope, receive, plain
                )
                return
        await self._app(scope, receive, plain if scope["type"] == "http" else send)


class Bodies:
    """Middleware: a body is whole, in time and not too large before anything looks at it."""

    def __init__(
        self, app: ASGIApp, *, streamed: str = "", most: int = MAX_BODY, seconds: float = BODY_SECONDS
    ) -> None:
        """Guard an application.

        Args:
            app: The application.
            streamed: What the addresses of files begin with, which are counted by who receives them.
            most: Largest body in bytes.
            seconds: In which it must arrive.
        """
        self._app = app
        self._streamed = streamed
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._streamed and scope["method"] == "PUT" and scope["path"].startswith(self._streamed):
            await self._app(scope, self._impatient(receive), send)
        else:
            await self._whole(scope, receive, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = Headers(scope=scope).get("content-length", "0")
        body = b""
        if not told.isdecimal() or int(told) > self._most:
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return  # the client has gone
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._most:
                        await self._too_large(scope, receive, send)
                        return
        except TimeoutError:
            await refusal(408, "The request took too long to arrive.")(scope, receive, send)
            return
        first = True

        async def again() -> Message:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, again, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"A request may have {self._most / 1e6:g} MB at most. Send less."
        await refusal(413, message, Connection="close")(scope, receive, send)

    def _impatient(self, receive: Receive) -> Receive:
        async def within() -> Message:
            try:
                async with asyncio.timeout(self._seconds):
                    return await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}

        return within
