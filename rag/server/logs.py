"""A server's log: one JSON object per line on standard error, written by a background thread.

Every request has an id, is counted and is logged, and so is every question, whether page or API asked it. No
line contains the text of a question unless the setting ``log_questions`` asks for it.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime
import json
import logging
import queue
import re
import secrets
import sys
import threading
import time
from collections.abc import Collection
from typing import IO

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import SanadError
from rag.records import Answer
from rag.server.guard import PREFIXES
from rag.server.metrics import Metrics

WAITING = 1000
"""Lines that may wait to be written. A stalled reader, such as a terminal stopped by Ctrl-S, must not stall
the server: further lines are dropped."""

FLUSH_SECONDS = 1.0
"""How long the process waits for the last lines when it ends."""

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""Id of the current request; every line that is logged during the request contains it."""

HEADER = "X-Request-ID"

_OWN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id that a proxy has set is kept if it has this form."""

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_log = logging.getLogger(__name__)

_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "request"}


class JsonFormatter(logging.Formatter):
    """A log record as a JSON object: at, level, logger, event, request, and the fields of ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        fields = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request := request_id.get():
            fields["request"] = request
        fields |= {key: value for key, value in vars(record).items() if key not in _USUAL}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


class Log(logging.Handler):
    """Passes lines to a thread that writes them."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        """Start the thread.

        Args:
            stream: Defaults to standard error.
        """
        super().__init__()
        self.setFormatter(JsonFormatter())
        self._stream = stream or sys.stderr
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Accept a record without waiting."""
        try:
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait(self.format(record))
        except Exception:  # a value that cannot be formatted must not break the code that logs it
            self.handleError(record)

    def close(self) -> None:
        """Write the waiting lines, for at most ``FLUSH_SECONDS``."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(FLUSH_SECONDS)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            # The reader or the terminal may be gone, or the disk full.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line + "\n")
                self._stream.flush()


def log_to_stderr() -> Log:
    """Begin to write a server's log to standard error; closing the returned log ends it."""
    log = Log()
    for name in ("rag", "ui", "uvicorn.error", "mcp"):
        logging.getLogger(name).addHandler(log)
    logging.getLogger("rag").setLevel(logging.INFO)
    return log


class Questions:
    """Counts the questions of a server, and logs what becomes of each."""

    def __init__(self, metrics: Metrics, *, with_text: bool) -> None:
        """Begin to count.

        Args:
            metrics: Counts them.
            with_text: Whether the log contains their text.
        """
        self._metrics = metrics
        self._with_text = with_text

    def asked(self, question: str) -> None:
        """A question has arrived."""
        if self._with_text:
            _log.info("asked", extra={"question": question})

    def ended(self, outcome: Answer | BaseException | None) -> None:
        """It was answered, an error ended it, or, without an outcome, its client left or stopped it."""
        if isinstance(outcome, Answer):
            self._metrics.answers.labels(outcome.outcome).inc()
            for stage, seconds in outcome.timings.items():
                self._metrics.seconds.labels(stage).observe(seconds)
            seconds_by_stage = {stage: round(seconds, 3) for stage, seconds in outcome.timings.items()}
            _log.info("answered", extra={"outcome": outcome.outcome, "seconds": seconds_by_stage})
        elif outcome is None:
            self._metrics.left.inc()
            _log.info("client disconnected")
        else:
            self._metrics.failures.labels(type(outcome).__name__).inc()
            if isinstance(outcome, SanadError):  # the message of a defect may contain the question
                fields = {"reason": str(outcome), "error_type": type(outcome).__name__}
                _log.warning("question failed", extra=fields)


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
