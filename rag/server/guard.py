"""Middleware before every route of a server: it checks host names, origins and sizes.

request → Hosts → Origins → (rag/server/login.py) → Bodies → route
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
"""Largest request in bytes, uploads excepted: a conversation of 500 turns on the page has about 7 MB."""

BODY_SECONDS = 30.0
"""Time in which a body must arrive, and longest pause of an upload."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names by which a browser reaches its own machine."""

_READING = ("GET", "HEAD", "OPTIONS")


def refusal(status: int, message: str, **headers: str) -> JSONResponse:
    """The response to a request that is refused, in the form of OpenAI's errors.

    Args:
        status: HTTP status.
        message: One line that says why, and how to fix it.
        **headers: Further headers, with _ in place of -.
    """
    body = {"error": {"message": message, "type": "refused", "code": status}}
    return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class Hosts:
    """Middleware: accepts only requests whose Host header is a name or address of this server.

    Otherwise a website could let its own name resolve to this machine and read every answer as if it were its
    own (DNS rebinding). The address at which the connection arrived cannot be rebound.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        """Guard an application.

        Args:
            app: The application.
            names: Further names of this server, besides those of the machine itself.
        """
        self._app = app
        self._names = {name.strip().lower() for name in names if name.strip()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an unknown name."""
        if scope["type"] in ("http", "websocket") and not self._known(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            message = "This server does not serve that host name. To allow it, start it with SANAD_HOSTS=NAME"
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
    """Middleware: pages of other sites may neither send requests that change something nor read answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse requests from pages of other sites."""

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
    """Middleware: reads the whole body before any route sees it, within limits of time and size."""

    def __init__(
        self, app: ASGIApp, *, streamed: str = "", most: int = MAX_BODY, seconds: float = BODY_SECONDS
    ) -> None:
        """Guard an application.

        Args:
            app: The application.
            streamed: Prefix of the paths of uploads, whose receiver limits their size.
            most: Largest body in bytes.
            seconds: Time in which it must arrive.
        """
        self._app = app
        self._streamed = streamed
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._streamed and scope["method"] == "PUT" and scope["path"].startswith(self._streamed):
            await self._app(scope, self._impatient(receive), send)
        else:
            await self._whole(scope, receive, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "0")
        body = b""
        if not length.isdecimal() or int(length) > self._most:
            await self._too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return  # the client has disconnected
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._most:
                        await self._too_large(scope, receive, send)
                        return
        except TimeoutError:
            late = f"The request did not arrive within {self._seconds:g} s. Send it again."
            await refusal(408, late)(scope, receive, send)
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
        message = f"The request is larger than {self._most / 1e6:g} MB, the limit. Send a smaller one."
        await refusal(413, message, Connection="close")(scope, receive, send)

    def _impatient(self, receive: Receive) -> Receive:
        async def within() -> Message:
            try:
                async with asyncio.timeout(self._seconds):
                    return await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}

        return within
