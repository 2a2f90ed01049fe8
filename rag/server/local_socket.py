"""Asks a running server on this machine: ``sanad ask`` finds the one with its index, models and version here.

    CACHE/serve/KEY.sock    mode 0600; KEY is a digest of everything that an answer depends on
    CACHE/serve/KEY.lock    held by the listening server for as long as it lives

Nothing here loads a model or a large library, so that a question takes no longer than its answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag import __version__, errors
from rag.errors import Busy, GenerationFailed, SanadError
from rag.records import Answer, Event, Evidence, Filter, Finished, Language, Retrieved, StageStarted
from rag.settings import Settings

CONNECT_SECONDS = 1.0
"""Longest time in which a server on the same machine accepts a connection."""

LONGEST_PATH = 100
"""Longest path of a socket in bytes; Linux allows 107, macOS 103."""

OF_THE_SERVER = frozenset(
    {"answer_seconds", "at_once", "waiting", "passwords", "hosts", "proxy", "log_questions"}
    | {"llm_key", "llm_key_file"}
)
"""Settings of the server that do not affect an answer."""


def socket_path(index: Path, settings: Settings) -> Path | None:
    """The socket on which a server of this index, these settings and this version listens.

    Args:
        index: The folder of the index.
        settings: The settings of the client or of the server.

    Returns:
        None if this system has no Unix sockets, or if the path would be too long.
    """
    parts = {
        key: str(value) for key, value in dataclasses.asdict(settings).items() if key not in OF_THE_SERVER
    }
    parts |= {"index": str(index.resolve()), "version": __version__}
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    path = (settings.cache / "serve" / f"{key}.sock").absolute()
    usable = hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= LONGEST_PATH
    return path if usable else None


def is_there(path: Path) -> bool:
    """Whether there is a file at the path of a socket; in the folder of another user, none can be seen."""
    try:
        return path.exists()
    except PermissionError:
        return False


class NoServer(Exception):
    """No trusted server listens on the socket."""


def ask(
    path: Path, question: str, where: Filter | None, answer_language: Language | None = None
) -> Iterator[Event]:
    """Ask a server, and yield its events as ``Assistant.stream`` does.

    Args:
        path: The path that ``socket_path`` returned.
        question: The question.
        where: Which articles may be searched.
        answer_language: The language of the answer; None takes that of the question.

    Raises:
        NoServer: No server listens there, or it belongs to another user.
        SanadError: The server's assistant raised it, or the connection was lost during the answer.
    """
    body: dict[str, Any] = {"question": question, "stream": True}
    if answer_language is not None:
        body["answer_language"] = answer_language
    if where is not None:
        body["filter"] = dataclasses.asdict(where)
    connection = http.client.HTTPConnection("localhost")
    try:
        try:
            connection.sock = _connected(path)
            connection.request("POST", "/api/ask", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NoServer(str(error)) from None
        if response.status != http.client.OK:
            raise _error(response.read(), response.getheader("Retry-After"))
        yield from _events(response)
    finally:
        connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[Event]:
    try:
        for line in response:
            event = json.loads(line)
            match event["event"]:
                case "retrieved":
                    # The server sends only the number of the sentences: nothing else of them is shown.
                    yield Retrieved((), (_UNSENT,) * event["sentences"], event["understood"])
                case "stage":
                    yield StageStarted(event["stage"])
                case "finished":
                    yield Finished(Answer.from_dict(event["answer"]))
                    return
                case _:
                    raise _error(line, None)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        pass  # the connection was lost
    raise GenerationFailed("The server ended before the answer was complete. Ask again.")


_UNSENT = Evidence(0, "", 0, 0, "", "", None, None, "", 0, 0.0)


def _error(body: bytes, retry: str | None) -> SanadError:
    try:
        error = json.loads(body)["error"]
        kind, message = getattr(errors, error["type"], SanadError), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return GenerationFailed(
            "The running server could not answer; see its log. To answer without it: sanad ask --no-serve"
        )
    if kind is Busy:
        return Busy(f"{message} To answer without the server: sanad ask --no-serve", seconds=int(retry or 1))
    known = isinstance(kind, type) and issubclass(kind, SanadError)
    return kind(message) if known else SanadError(message)


def _connected(path: Path) -> socket.socket:
    """A connection to the socket, if it belongs to this user."""
    status = path.lstat()
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid():
        raise OSError("no socket of this user")  # another user's server could invent answers
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(str(path))
        connection.settimeout(None)  # the server limits the time of an answer
    except OSError:
        connection.close()
        raise
    return connection


class Listener:
    """The socket file of a running server."""

    def __init__(self, path: Path) -> None:
        """Listen on the socket, unless another running server does.

        Args:
            path: The path that ``socket_path`` returned.

        Raises:
            OSError: Another server listens there, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"), timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise OSError("another server of the same index already listens there") from None
        try:
            path.unlink(missing_ok=True)  # left by a killed server: only the holder of the lock listens
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))  # other users cannot reach it: the folder's mode is 0700
            path.chmod(0o600)
            self.socket.listen(64)
        except OSError:
            self._lock.release()
            raise

    def close(self) -> None:
        """Stop listening and delete the file."""
        self.socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._lock.release()
