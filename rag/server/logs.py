"""A server's log: one JSON object per line on standard error, written by a background thread."""

from __future__ import annotations

import contextlib
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
the server: further lines are dropped."""

FLUSH_SECONDS = 1.0
"""How long the process waits for the last lines when it ends."""

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""Id of the current request; every line that is logged during the request contains it."""

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
