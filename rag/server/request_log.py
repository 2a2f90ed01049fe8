"""Gives every request an id, counts it and logs it. Neither contains the text of a question."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.server.guard import PREFIXES
from rag.server.logs import request_id
from rag.server.metrics import Metrics

HEADER = "X-Request-ID"

_OWN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id that a proxy has set is kept if it has this form."""

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_log = logging.getLogger(__name__)


class Observed:
    """Middleware, the outermost one: request ids, counts and log lines."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Collection[str]) -> None:
        """Observe an application.

        Args:
            app: The application.
            metrics: Counts the requests.
            routes: Paths that are counted and logged separately; all others count as the page's.
        """
        self._app = app
        self._metrics = metrics
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then count and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _OWN.fullmatch(given) else secrets.token_hex(8)
        token, begun, status = request_id.set(name), time.perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        try:
            await self._app(scope, receive, marked)
        except Exception:
            _log.exception("internal error")
            raise
        finally:
            # Arbitrary paths and methods of clients would each create a time series.
            path = scope["path"]
            start = next((prefix for prefix in PREFIXES if path.startswith(prefix)), "")
            route = path if path in self._routes else f"{start}…" if start else "page"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
            if route != "page" or status >= 400:
                client = scope["client"][0] if scope.get("client") else "socket"
                took = round((time.perf_counter() - begun) * 1000, 1)
                fields = {
                    "method": method,
                    "path": scope["path"],
                    "status": status,
                    "ms": took,
                    "client": client,
                }
                _log.info("request", extra=fields)
            request_id.reset(token)
