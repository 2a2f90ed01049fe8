"""Middleware before every route of a server: it checks host names, origins and sizes.

request → Hosts → Origins → (rag/server/login.py) → Bodies → route
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import (
    BadArticles,
    BadQuestion,
    BadSettings,
    BadUpload,
    Busy,
    GenerationFailed,
    SanadError,
)
from rag.loading.uploads import refused

MAX_BODY = 8_000_000
"""Largest request in bytes, uploads excepted: a conversation of 500 turns on the page has about 7 MB."""

BODY_SECONDS = 30.0
"""Time in which a body must arrive, and longest pause of an upload."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names by which a browser reaches its own machine."""

OPENAI = "/v1/"
"""Prefix of the paths for clients of OpenAI's API, which expect its form of errors."""

API = "/api/"
"""Prefix of the paths of Sanad's own API."""

ARTICLES = f"{API}articles/"
"""Prefix of the paths of single articles."""

PREFIXES = (OPENAI, ARTICLES, API)
"""Prefixes of the paths of the API that cannot be listed one by one. Unknown paths with these are the API's
too, which refuses them in the form that its clients read."""

UPLOADS = "/sanad/upload/"
"""Path under which the page receives files."""

ADD = ("POST", ARTICLES.rstrip("/"))
"""Method and path by which the API receives a file."""

_READING = ("GET", "HEAD", "OPTIONS")

_STATUS: dict[type[SanadError], int] = {
    BadQuestion: 400,
    BadArticles: 400,
    BadSettings: 400,
    BadUpload: 400,
    Busy: 503,
    GenerationFailed: 500,
}
"""HTTP status of each kind of error. All others have 503, as the operator can fix them."""

_UPLOAD_STATUS = {"size": 413, "kind": 415, "unwritable": 503}
"""HTTP status of a file that is not accepted, by the reason, where it is not 400."""

_OPENAI_CODES = {
    401: "invalid_api_key",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "request_too_large",
    429: "rate_limit_exceeded",
}
"""The code of a refusal that has no other kind, by status."""


def status_of(error: SanadError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, BadUpload) and error.reason in _UPLOAD_STATUS:
        return _UPLOAD_STATUS[error.reason]
    return _STATUS.get(type(error), 503)


def error_body(status: int, message: str, kind: str) -> dict[str, Any]:
    """An error in the form of Sanad's own API."""
    return {"error": {"message": message, "type": kind, "code": status}}


def openai_error(
    status: int, message: str, kind: str = "refused", param: str | None = None
) -> dict[str, Any]:
    """An error in the form of OpenAI's API, whose clients show the message and compare type and code.

    Args:
        status: HTTP status.
        message: One line that says why, and how to fix it.
        kind: Kind of the error; it becomes the code, in OpenAI's spelling.
        param: The field of the body that is wrong.
    """
    known = {403: "permission_error", 429: "rate_limit_error"}
    group = known.get(status, "server_error" if status >= 500 else "invalid_request_error")
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    return {
        "error": {
            "message": message,
            "type": group,
            "param": param,
            "code": _OPENAI_CODES.get(status) if code in ("refused", group) else code,
        }
    }


class Refusal(JSONResponse):
    """The response to a request that is refused, in the form that the clients of its path expect."""

    def __init__(
        self, status: int, message: str, kind: str, headers: Mapping[str, str] | None, param: str | None
    ) -> None:
        super().__init__(error_body(status, message, kind), status, headers)
        self._openai = openai_error(status, message, kind, param)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if not scope["path"].startswith(OPENAI):
            await super().__call__(scope, receive, send)
            return
        headers = {name: value for name, value in self.headers.items() if name != "content-length"}
        status = 400 if self.status_code == 422 else self.status_code
        await JSONResponse(self._openai, status, headers)(scope, receive, send)


def refusal(
    status: int,
    message: str,
    kind: str = "refused",
    headers: Mapping[str, str] | None = None,
    param: str | None = None,
) -> Response:
    """The response to a request that is refused.

    Args:
        status: HTTP status.
        message: One line that says why, and how to fix it.
        kind: Kind of the error, for programs.
        headers: Further headers.
        param: The field of the body that is wrong, for clients of OpenAI's API.
    """
    return Refusal(status, message, kind, headers, param)


def parsed_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address; None if the host is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


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
        if scope["type"] == "lifespan" or self._known(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            message = "This server does not serve that host name. To allow it, start it with SANAD_HOSTS=NAME"
            await refusal(400, message)(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        given = Headers(scope=scope).getlist("host")
        try:
            host = (urlsplit(f"//{given[0]}").hostname or "").rstrip(".") if len(given) == 1 else ""
        except ValueError:
            return False
        if host in self._names:
            return True
        address = parsed_address(str((scope.get("server") or ("", 0))[0]))
        return address is not None and (
            parsed_address(host) == address or (address.is_loopback and host in LOCAL_NAMES)
        )


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

        app = self._app
        if scope["type"] == "http" and scope["method"] not in _READING:
            headers = Headers(scope=scope)
            origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
            foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
            if foreign or site not in ("none", "same-origin"):
                app = refusal(403, "Requests from the pages of other sites are refused.")
        await app(scope, receive, plain if scope["type"] == "http" else send)


class Bodies:
    """Middleware: reads the whole body before any route sees it, within ``MAX_BODY`` and ``BODY_SECONDS``.

    Uploads pass through, as their receivers limit their size while they are written.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and pass it on."""
        app, passed = self._app, receive
        if scope["type"] == "http":
            upload = (scope["method"], scope["path"])
            if upload == ADD or (upload[0] == "PUT" and upload[1].startswith(UPLOADS)):
                passed = _impatient(receive)
            else:
                body = await read_body(Request(scope, receive), MAX_BODY, BODY_SECONDS)
                if isinstance(body, Response):
                    app = body
                else:
                    passed = _again(body, receive)
        await app(scope, passed, send)


async def file_parts(request: Request, name: str) -> AsyncIterator[bytes]:
    """The bytes of a file that is uploaded.

    Raises:
        BadUpload: The client has disconnected, or has sent nothing for ``BODY_SECONDS``.
    """
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise refused("cut", name=name) from None


async def read_body(request: Request, most: int, seconds: float) -> bytes | Response:
    """The body of a request, or the response that refuses it.

    Args:
        request: The request.
        most: Largest body in bytes.
        seconds: Time in which it must arrive.
    """
    large = f"The request is larger than {most / 1e6:g} MB, the limit. Send a smaller one."
    too_large = refusal(413, large, headers={"Connection": "close"})
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        return too_large
    body = b""
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    return too_large
    except (TimeoutError, ClientDisconnect):
        late = f"The request did not arrive within {seconds:g} s. Send it again."
        return refusal(408, late, headers={"Connection": "close"})
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Delivers a body that has been read, and then what follows it."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return read.pop() if read else await receive()

    return again


def _impatient(receive: Receive) -> Receive:
    """Reports a disconnected client if nothing arrives for ``BODY_SECONDS``."""

    async def within() -> Message:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}

    return within
