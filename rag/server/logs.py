"""A server's log: one JSON object per line on standard error, written by a background thread."""

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
"""Lines that may wait to be written. A stalled reader, such as a terminal stopped by Ctrl-S, must not stall
the server: further lines are dropped and counted."""

FLUSH_SECONDS = 1.0
"""How long the process waits for the last lines when it ends."""

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""Id of the current request; every line that is logged during the request contains it."""

_USUAL = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A log record as a JSON object: at, level, logger, event, request, and the fields of ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        fields = {
            "at": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request := getattr(record, "request", ""):
            fields["request"] = request
        fields |= {key: value for key, value in vars(record).items() if key not in {*_USUAL, "request"}}
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
        self.dropped = 0
        """Number of lines that were not written."""
        self._stream = stream or sys.stderr
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Accept a record without waiting."""
        if not hasattr(record, "request"):
            record.request = request_id.get()
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1
        except Exception:  # a value that cannot be formatted must not break the code that logs it
            self.handleError(record)

    def close(self) -> None:
        """Write the waiting lines, for at most ``FLUSH_SECONDS``."""
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
            except (OSError, ValueError):  # the reader or the terminal is gone, or the disk is full
                self.dropped += 1
