"""Asking a server on this machine: ``sanad ask`` finds one of the same index, models and version here.

    CACHE/serve/KEY.sock    mode 0600; KEY is made of all that an answer depends on
    CACHE/serve/KEY.lock    held by the server that listens there for as long as it lives

Nothing here loads a model or a library, so that asking takes no longer than the answer.
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

from rag import errors
from rag._version import __version__
from rag.errors import Busy, GenerationFailed, SanadError
from rag.records import (
    Answer,
    Chunk,
    Citation,
    Claim,
    Event,
    Evidence,
    Filter,
    Finished,
    Passage,
    Reprint,
    Retrieved,
    Token,
)
from rag.settings import Settings

CONNECT_SECONDS = 1.0
"""In which a server on the same machine takes a connection."""

LONGEST_PATH = 100
"""Bytes of a socket's path; Linux takes 107, macOS 103."""

_OF_THE_SERVER = frozenset(
    {"answer_seconds", "at_once", "waiting", "passwords", "hosts", "proxy", "log_questions"}
)
"""Settings that no answer depends on."""


def socket_path(index: Path, settings: Settings) -> Path | None:
    """Where a server of this index, these settings and this version listens; None where it cannot.

    Args:
        index: The folder of the index.
        settings: Of who asks, or serves.
    """
    told = {
        key: str(value) for key, value in dataclasses.asdict(settings).items() if key not in _OF_THE_SERVER
    }
    told |= {"index": str(index.resolve()), "version": __version__}
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    path = (settings.cache / "serve" / f"{key}.sock").absolute()
    usable = hasattr(socket, "AF_UNIX") and len(os.fsencode(path)) <= LONGEST_PATH
    return path if usable else None


class NoServer(Exception):
    """No server listens there that may be trusted."""


def ask(path: Path, question: str, where: Filter | None) -> Iterator[Event]:
    """Ask a server; its events as ``Assistant.stream`` yields them.

    Args:
        path: As ``socket_path`` gave it.
        question: The question.
        where: Which articles may be searched.

    Raises:
        NoServer: None listens, or none of this user's.
        SanadError: What the server's assistant raised, or it was lost while it answered.
    """
    body: dict[str, Any] = {"question": question, "stream": True}
    if where is not None:
        body["filter"] = dataclasses.asdict(where)
    connection = _Connection(path)
    try:
        try:
            connection.request(
                "POST",
                "/api/ask",
                json.dumps(body),
                {"Content-Type": "application/json", "Host": "localhost"},
            )
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise NoServer(str(error)) from None
        if response.status != http.client.OK:
            raise _error(response.read(), response.getheader("Retry-After"))
        yield from _events(response)
    finally:
        connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[Event]:
    lost = GenerationFailed("The server ended while it answered. Ask again.")
    try:
        for line in response:
            told = json.loads(line)
            match told["event"]:
                case "retrieved":
                    # Of the sentences only their number is sent: that is all that is shown of them.
                    yield Retrieved((), (_UNSENT,) * told["sentences"], told["understood"])
                case "token":
                    yield Token(told["text"])
                case "finished":
                    yield Finished(answer_from(told["answer"]))
                    return
                case _:
                    raise _error(line, None)
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        raise lost from None
    raise lost


_UNSENT = Evidence(0, "", 0, 0, "", "", None, None, "", 0, 0.0)


def answer_from(told: dict[str, Any]) -> Answer:
    """The answer of which ``Answer.to_dict`` made this.

    Raises:
        KeyError, TypeError: Of none.
    """

    def also(item: dict[str, Any]) -> dict[str, Any]:
        return item | {"also": tuple(Reprint(**reprint) for reprint in item["also"])}

    where = told["where"]
    return Answer(
        **told
        | {
            "claims": tuple(Claim(**c | {"citations": tuple(c["citations"])}) for c in told["claims"]),
            "citations": tuple(Citation(**also(item)) for item in told["citations"]),
            "evidence": tuple(Evidence(**also(item)) for item in told["evidence"]),
            "passages": tuple(
                Passage(**also(item) | {"chunk": Chunk(**item["chunk"])}) for item in told["passages"]
            ),
            "where": None if where is None else Filter(**where | {"outlets": tuple(where["outlets"])}),
        }
    )


def _error(body: bytes, retry: str | None) -> SanadError:
    try:
        told = json.loads(body)["error"]
        kind, message = getattr(errors, told["type"], SanadError), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return GenerationFailed("The server could not answer; its log tells why. Ask again with --no-serve.")
    if kind is Busy:
        return Busy(f"{message} Or load the models once more beside it: --no-serve", seconds=int(retry or 1))
    known = isinstance(kind, type) and issubclass(kind, SanadError)
    return kind(message) if known else SanadError(message)


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket of this user's own."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CONNECT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the connection."""
        found = self._path.lstat()
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            raise OSError("no socket of this user")  # another's could make up the answers
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(CONNECT_SECONDS)
            self.sock.connect(str(self._path))
            self.sock.settimeout(None)  # an answer takes as long as it takes; the server has a limit
        except OSError:
            self.sock.close()
            raise


class Listener:
    """The socket file of a server, from start to end."""

    def __init__(self, path: Path) -> None:
        """Listen there, unless another living server does.

        Args:
            path: As ``socket_path`` gave it.

        Raises:
            OSError: Another server listens, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"), timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise OSError("another server of the same index listens there already") from None
        try:
            path.unlink(missing_ok=True)  # of one that was killed: who holds the lock is the only one
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))  # nobody else can reach it even now: the folder is closed to them
            path.chmod(0o600)
            self.socket.listen(64)
        except OSError:
            self._lock.release()
            raise

    def close(self) -> None:
        """Take the file away."""
        self.socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._lock.release()
