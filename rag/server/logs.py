"""A server's log: one JSON object a line on standard error, written by a thread that nothing waits for."""

from __future__ import annotations

import contextvars
import datetime
import json
import logging
import queue
import sys
import threading
from typing import IO

WAITING = 1000
"""Lines that may wait to be written. A reader that has stalled, as a terminal held by Ctrl-S, must not stall
the server: further lines are dropped and counted."""

FLUSH_SECONDS = 1.0
"""How long the end of the process waits for the last lines."""

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""Of the request that is being answered; it stands in every line that is logged meanwhile."""

_USUAL = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as a JSON object: at, level, logger, event, request, and whatever ``extra`` brought."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "at": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if asked := getattr(record, "request", ""):
            told["request"] = asked
        told |= {key: value for key, value in vars(record).items() if key not in {*_USUAL, "request"}}
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


class Log(logging.Handler):
    """Hands lines to a thread that writes them."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        """Start the thread.

        Args:
            stream: Defaults to standard error.
        """
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.dropped = 0
        """Lines that were not written."""
        self._stream = stream or sys.stderr
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; never waits."""
        if not hasattr(record, "request"):
            record.request = request_id.get()
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1
        except Exception:  # a value that cannot be written must not break what it tells of
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, as far as that takes no longer than ``FLUSH_SECONDS``."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            self.dropped += 1
        else:
            self._thread.join(FLUSH_SECONDS)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # the reader has gone, the disk is full, the terminal unplugged
                self.dropped += 1
