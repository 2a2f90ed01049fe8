"""A server with OpenAI's API on loopback, which replies from a script and records its requests."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[["Handler"], None]
"""One scripted reply."""

PATIENCE = 20.0
"""Longest wait of a reply that is silent until its client leaves, in seconds."""


class Server(ThreadingHTTPServer):
    """Replies to each chat with the next act of its script, and lists its models."""

    daemon_threads = True

    def __init__(self, *acts: Act, models: Sequence[dict[str, Any]] | None = ({"id": "small"},)) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts = list(acts)
        self.models = models
        """None: the server has no list."""
        self.key = ""
        """If it is set, requests without it are refused."""
        self.asked: list[dict[str, Any]] = []
        """The bodies of all chats."""
        self.paths: list[str] = []
        self.keys: list[str] = []
        """The header with the key of each request."""
        self.left = threading.Event()
        """Set when a client has left a silent reply."""
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a client that resets its connection: that is not an error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def llm(self) -> str:
        return f"{self.base}#small"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if not self._allowed():
            return
        if self.path == "/v1/models" and self.server.models is not None:
            self.answer(200, {"object": "list", "data": list(self.server.models)})
        elif self.path == "/props":
            self.answer(200, {"default_generation_settings": {"n_ctx": 1536}})
        else:
            self.answer(404, {"error": {"message": f"no {self.path} here"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed():
            return
        with self.server.lock:
            self.server.asked.append(body)
            act = self.server.acts.pop(0) if self.server.acts else says("…")
        with contextlib.suppress(OSError):  # the client has left
            act(self)

    def _allowed(self) -> bool:
        self.server.keys.append(self.headers.get("Authorization", ""))
        allowed = not self.server.key or self.headers.get("Authorization") == f"Bearer {self.server.key}"
        if not allowed:
            self.answer(401, {"error": {"message": "Invalid API key"}})
        return allowed

    def answer(self, status: int, body: Any, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, text: str) -> None:
        data = f"data: {text}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def delta(self, ended: str | None = None, **delta: str) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "small"}
        self.send(json.dumps(chunk | {"choices": [choice]}))

    def end(self) -> None:
        self.send("[DONE]")
        self.wfile.write(b"0\r\n\r\n")


def says(*pieces: str, ended: str = "stop", thoughts: Sequence[str] = ()) -> Act:
    """Streams pieces; thoughts come in the field that servers which parse them use."""

    def act(handler: Handler) -> None:
        handler.begin()
        handler.delta(role="assistant", content="")
        for thought in thoughts:
            handler.delta(reasoning_content=thought)
        for piece in pieces:
            handler.delta(content=piece)
        handler.delta(ended)
        handler.end()

    return act


def refuses(status: int, message: str, **headers: str) -> Act:
    """Refuses the request in OpenAI's form."""
    return lambda handler: handler.answer(status, {"error": {"message": message}}, **headers)


def dies(*pieces: str, politely: bool = False) -> Act:
    """Streams pieces and closes the connection; politely, the reply only lacks its end."""

    def act(handler: Handler) -> None:
        handler.begin()
        for piece in pieces:
            handler.delta(content=piece)
        if politely:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return act


def is_silent(handler: Handler) -> None:
    """Accepts the request and sends nothing until the client leaves."""
    handler.begin()
    handler.connection.settimeout(PATIENCE)
    if not handler.connection.recv(1):
        handler.server.left.set()
    handler.close_connection = True


@contextlib.contextmanager
def serving(*acts: Act, **options: Any) -> Iterator[Server]:
    """A server that runs in a thread."""
    server = Server(*acts, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
