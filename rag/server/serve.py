"""The server: one process with the page and the API of one assistant, or of several that share the models.

    TCP           Observed → Hosts → Origins → Login, if there are passwords → Bodies → API, /mcp or page
    Unix socket   Observed → Bodies → API, for this user's own commands

Other machines are served only if there are passwords.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal

import uvicorn

from rag.assistant import Assistant
from rag.errors import BadSettings
from rag.server.api import DOCS, Asker, build_api
from rag.server.fair_queue import FairQueue
from rag.server.guard import PREFIXES, Bodies, Hosts, Origins, parsed_address, refusal
from rag.server.local_socket import Listener
from rag.server.login import Login, Users, read_passwords
from rag.server.logs import Observed, Questions
from rag.server.metrics import Metrics
from rag.server.worker import QuestionRunner
from rag.settings import LOCAL, Settings, expanded, install_command

MCP = "/mcp"
"""Path for clients of the Model Context Protocol."""

ROUTES = (
    "/api/ask",
    "/api/articles",
    "/api/search",
    "/v1/chat/completions",
    "/v1/models",
    "/healthz",
    "/readyz",
    "/metrics",
    DOCS,
    "/openapi.json",
    MCP,
)
"""Paths of the API, besides those that begin like ``PREFIXES``; all other paths belong to the page."""

CONNECTIONS = 500
"""Connections that may be open at once; a tab of the page uses two. Further ones receive 503."""

DRAIN_SECONDS = 2
"""Time that open requests have to end when the server stops."""

CLOSE_SECONDS = 4.0
"""Time after which the server stops in any case: service managers kill after 5 to 90 s."""

Page = Callable[[Mapping[str, QuestionRunner]], Any]
"""Creates the page as an ASGI application from what answers its questions, by the name of the index; the
first index is the default."""

_log = logging.getLogger(__name__)


class Server:
    """A server that runs in background threads, from ``start`` to ``close``."""

    def __init__(
        self,
        assistant: Assistant,
        *,
        indexes: Mapping[str, Assistant] | None = None,
        page: Page | None = None,
        api: bool = True,
        host: str = LOCAL,
        port: int = 0,
        local: Path | None = None,
    ) -> None:
        """Open the sockets; requests are answered after ``start``.

        Args:
            assistant: Answers the questions.
            indexes: Assistants by the name of their index, the first one's first. The page switches between
                them, clients of OpenAI's API choose one by the model ``sanad/NAME``, and all others ask
                ``assistant``. They have its models.
            page: Creates the page; None serves no page.
            api: Whether the API is served over TCP.
            host: Address to listen on.
            port: TCP port to listen on; 0 chooses a free one.
            local: Path of the socket for this user's commands; None opens none.

        Raises:
            BadSettings: The address or port cannot be used, or other machines can reach it and there are no
                passwords.
        """
        self._assistant = assistant
        queue = FairQueue(assistant.settings.waiting, assistant.at_once)
        self._metrics = Metrics()
        log = Questions(self._metrics, with_text=assistant.settings.log_questions)
        # The page alone, sanad ui, has neither a log nor metrics.
        self._runner = QuestionRunner(assistant, queue, log if api else None)
        self._named = {name: self._runner.beside(each) for name, each in (indexes or {}).items()}
        self._page = page
        self._api = api
        self._passwords = _passwords(assistant.settings, host)
        self._socket = _bound(host, port)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self._local = _listener(local)
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []

    @property
    def address(self) -> str:
        """The server's web address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def start(self) -> Server:
        """Start the threads, and return once requests are answered.

        Raises:
            RuntimeError: The application could not be started.
        """
        metrics = self._measured()
        asker = Asker(self._runner, self._named if len(self._named) > 1 else None)
        api = build_api(self._assistant, asker, metrics, page=self._page is not None)
        self._run(lambda: Observed(self._guarded(api, asker), metrics, ROUTES), self._socket, lifespan="on")
        if self._local is not None:
            self._run(lambda: Observed(Bodies(api), metrics, ROUTES), self._local.socket, lifespan="off")
        return self

    def close(self) -> None:
        """Cancel all questions and stop, within ``CLOSE_SECONDS``."""
        self._runner.stop()
        for server, _ in self._running:
            server.should_exit = True
        end = time.monotonic() + CLOSE_SECONDS
        for _, thread in self._running:
            thread.join(max(0.0, end - time.monotonic()))
        self._socket.close()
        if self._local is not None:
            self._local.close()

    def _measured(self) -> Metrics:
        """The metrics, and what is read at every request for them."""
        metrics, queue = self._metrics, self._runner.queue
        metrics.gauge("waiting", "Questions waiting in the queue", lambda: queue.waiting)
        metrics.gauge("running", "Questions being answered", lambda: queue.answering)
        metrics.gauge("engine_reloads", "Times the model was reloaded", lambda: self._assistant.reloads)
        return metrics

    def _guarded(self, api: Any, asker: Asker) -> Any:
        """The application for TCP: API and page behind everything that protects them."""
        page = self._page(self._named or {"": self._runner}) if self._page else api
        mcp: Any = None

        async def face(scope: Any, receive: Any, send: Any) -> None:
            nonlocal mcp
            if scope["type"] == "lifespan":
                opening = OnDemand(lambda: _mcp_app(self._assistant, asker))
                async with opening if self._api else contextlib.nullcontext() as mcp:
                    await page(scope, receive, send)
                return
            path = scope["path"] if scope["type"] == "http" else ""
            is_ours = path in ROUTES or path.startswith(PREFIXES) if self._api else path == "/healthz"
            app = mcp if path == MCP else api
            await (app if is_ours else page)(scope, receive, send)

        app: Any = Bodies(face)
        if self._passwords:
            app = Login(app, Users(self._passwords))
        names = [
            *self._assistant.settings.hosts.split(","),
            *([] if parsed_address(self.host) else [self.host]),
        ]
        return Hosts(Origins(app), names)

    def _run(
        self, make_app: Callable[[], Any], listening: socket.socket, *, lifespan: Literal["on", "off"]
    ) -> None:
        """Serve an application in a thread of its own, and return once it answers.

        The application is made in that thread: Gradio expects the event loop that will run it.
        """
        proxy = self._assistant.settings.proxy
        config = uvicorn.Config(
            make_app,
            factory=True,
            loop="asyncio",
            lifespan=lifespan,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            ws="none",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            proxy_headers=bool(proxy),
            forwarded_allow_ips=proxy or None,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), name="server", daemon=True)
        thread.start()
        self._running.append((server, thread))
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server could not be started; its log says why")
            time.sleep(0.02)


class OnDemand:
    """An ASGI application that is opened at its first request: importing what it needs may take a second.

    An asynchronous context manager, which closes the application at its end.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        """Prepare; nothing is opened yet.

        Args:
            opening: Returns a context that opens the application; called in a thread of its own.
        """
        self._opening = opening

    async def __aenter__(self) -> OnDemand:
        """Get ready for the first request."""
        self._wanted = asyncio.Event()
        self._app: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # What opens the application must close it too, in the same task.
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close the application if it is open."""
        self._task.cancel()
        # The server's last act is to cancel what still runs, which may be this task.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(self._task, return_exceptions=True)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        self._wanted.set()
        app = await asyncio.shield(self._app)
        await app(scope, receive, send)

    async def _run(self) -> None:
        await self._wanted.wait()
        try:
            async with await asyncio.to_thread(self._opening) as app:
                self._app.set_result(app)
                await asyncio.Event().wait()
        except Exception as error:
            if self._app.done():
                raise
            self._app.set_exception(error)


def print_address(address: str) -> None:
    """Print where the server listens."""
    sys.stdout.write(f"Sanad is running at {address} (press Ctrl+C to stop)\n")
    sys.stdout.flush()


def serve(server: Server, started: Callable[[str], None]) -> None:
    """Serve until Ctrl+C, SIGTERM, or until the terminal is closed (SIGHUP).

    Args:
        server: A server that has not been started.
        started: Called with the server's address once requests are answered.
    """
    ended = threading.Event()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), lambda *_: ended.set()) for name in names}
    try:
        server.start()
        started(server.address)
        while not ended.wait(1):  # on Windows a signal is handled only between two waits
            pass
    finally:
        server.close()
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _mcp_app(assistant: Assistant, asker: Asker) -> AbstractAsyncContextManager[Any]:
    """The application for clients of the Model Context Protocol; without its package, one that says so."""
    try:
        from rag.integrations.mcp_server import over_http
    except ModuleNotFoundError as error:
        command = install_command("mcp")
        missing = f"{MCP} needs {error.name}, which is not installed. Install it on the server: {command}"
        return contextlib.nullcontext(refusal(404, missing))
    return over_http(
        assistant,
        lambda request, question, where, language: asker.events(request, question, [], where, language),
        MCP,
    )


def _passwords(settings: Settings, host: str) -> dict[str, str]:
    if settings.passwords:
        return read_passwords(expanded(settings.passwords))
    address = parsed_address(host)
    if not (address.is_loopback if address else host == "localhost"):
        raise BadSettings(
            f"Other machines can reach {host}, so the server needs passwords. Create a file of them with "
            "(umask 77; sanad serve --make-password NAME > FILE) and set SANAD_PASSWORDS=FILE"
        )
    return {}


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise BadSettings(f"{port} is not a TCP port. Choose one from 1 to 65535 with --port.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise BadSettings(
            f"Cannot listen on {host!r}: {error.strerror}. Choose an address of this machine with --host."
        ) from None
    bound = socket.socket(family, kind, protocol)
    # With Windows' SO_REUSEADDR any other process could take over the port.
    bound.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
    try:
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadSettings(f"{host} is not an address of this machine. Choose one with --host.") from None
        taken = f"Port {port} is in use or not permitted. Choose another one with --port."
        raise BadSettings(taken) from None
    return bound


def _listener(path: Path | None) -> Listener | None:
    try:
        return None if path is None else Listener(path)
    except OSError as error:
        _log.warning("no socket for sanad ask", extra={"reason": str(error)})
        return None
