"""The server: one process with the page and the API of one assistant.

    TCP           Observed → Hosts → Origins → Login, if there are passwords → Bodies → API or page
    Unix socket   Observed → Bodies → API, for this user's own commands

Other machines are served only if there are passwords. Importing this module loads no web framework.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.assistant import Assistant
from rag.errors import BadSettings
from rag.server.fair_queue import FairQueue
from rag.server.worker import QuestionRunner
from rag.settings import LOCAL, Settings

if TYPE_CHECKING:
    from rag.server.local_socket import Listener

ROUTES = (
    "/api/ask",
    "/v1/chat/completions",
    "/v1/models",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
)
"""Paths of the API; all other paths belong to the page."""

UPLOADS = "/sanad/upload/"
"""Path under which the page receives files; their size is limited while they are written."""

CONNECTIONS = 500
"""Connections that may be open at once; a tab of the page uses two. Further ones receive 503."""

DRAIN_SECONDS = 2
"""Time that open requests have to end when the server stops."""

CLOSE_SECONDS = 4.0
"""Time after which the server stops in any case: service managers kill after 5 to 90 s."""

Page = Callable[[Assistant, QuestionRunner], Any]
"""Creates the page of an assistant as an ASGI application; the runner answers its questions."""

_TAKEN = "Port {port} is in use or not permitted. Choose another one with --port."

_log = logging.getLogger(__name__)


class Server:
    """A server that runs in background threads, from ``start`` to ``close``."""

    def __init__(
        self,
        assistant: Assistant,
        *,
        page: Page | None = None,
        api: bool = True,
        host: str = LOCAL,
        port: int = 0,
        local: Path | None = None,
    ) -> None:
        """Open the sockets; requests are answered after ``start``.

        Args:
            assistant: Answers the questions.
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
        settings = assistant.settings
        passwords = _passwords(settings, host)
        self._socket = _bound(host, port)
        self.host = host
        self.port = int(self._socket.getsockname()[1])
        self._local = _listener(local)
        self._page = page
        self._api = api
        self._passwords = passwords
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[Any] = []
        self._stop_answers: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

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
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise RuntimeError("the server could not be started") from self._failed
        return self

    def close(self) -> None:
        """Cancel all questions and stop, within ``CLOSE_SECONDS``."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end)
        self._thread.join(CLOSE_SECONDS)
        self._socket.close()
        if self._local is not None:
            self._local.close()

    def _end(self) -> None:
        self._stop_answers()
        for server in self._servers:
            server.should_exit = True

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failed = error
            _log.exception("server failed")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        import uvicorn

        self._loop = asyncio.get_running_loop()
        over_tcp, over_socket = self._applications()
        proxy = self._assistant.settings.proxy
        common: dict[str, Any] = {
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "date_header": False,
            "ws": "none",
            "limit_concurrency": CONNECTIONS,
            "timeout_graceful_shutdown": DRAIN_SECONDS,
            "proxy_headers": bool(proxy),
            "forwarded_allow_ips": proxy or None,
        }
        lifespan: Literal["on", "off"] = "on" if self._page else "off"
        self._servers = [uvicorn.Server(uvicorn.Config(over_tcp, lifespan=lifespan, **common))]
        sockets = [self._socket]
        if self._local is not None:
            self._servers.append(uvicorn.Server(uvicorn.Config(over_socket, lifespan="off", **common)))
            sockets.append(self._local.socket)
        serving = [
            asyncio.create_task(server.serve(sockets=[one]))
            for server, one in zip(self._servers, sockets, strict=True)
        ]
        while not all(server.started for server in self._servers):
            if any(task.done() for task in serving):
                break
            await asyncio.sleep(0.02)
        self._ready.set()
        await asyncio.gather(*serving)

    def _applications(self) -> tuple[Any, Any]:
        """The applications for TCP and for the Unix socket."""
        from rag.server.api import build_api
        from rag.server.guard import Bodies, Hosts, Origins
        from rag.server.login import Login, Users
        from rag.server.metrics import Metrics
        from rag.server.request_log import Observed

        metrics = Metrics()
        settings = self._assistant.settings
        queue = FairQueue(settings.waiting, self._assistant.at_once)
        runner = QuestionRunner(self._assistant, queue)
        self._stop_answers = runner.stop
        metrics.gauge("waiting", "Questions waiting in the queue", lambda: queue.waiting)
        metrics.gauge("running", "Questions being answered", lambda: runner.running)
        metrics.gauge("engine_reloads", "Times the model was reloaded", lambda: self._assistant.reloads)
        api = build_api(self._assistant, runner, metrics)
        page = self._page(self._assistant, runner) if self._page else None
        app: Any = Bodies(_Faces(api, page, ROUTES if self._api else ("/healthz",)), streamed=UPLOADS)
        if self._passwords:
            app = Login(app, Users(self._passwords))
        names = [*settings.hosts.split(","), *([] if _is_address(self.host) else [self.host])]
        app = Hosts(Origins(app), names)
        return Observed(app, metrics, ROUTES), Observed(Bodies(api), metrics, ROUTES)


class _Faces:
    """Routes the API's paths to the API and everything else to the page."""

    def __init__(self, api: Any, page: Any, routes: tuple[str, ...]) -> None:
        self._api = api
        self._page = page
        self._routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on."""
        own = scope["type"] == "http" and (scope["path"] in self._routes or self._page is None)
        await (self._api if own else self._page)(scope, receive, send)


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
        ended.wait()
    finally:
        server.close()
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _passwords(settings: Settings, host: str) -> dict[str, str]:
    if settings.passwords:
        from rag.server.login import read_passwords

        return read_passwords(Path(settings.passwords).expanduser())
    if not _is_loopback(host):
        raise BadSettings(
            f"Other machines can reach {host}, so the server needs passwords. Create a file of them with "
            "(umask 77; sanad serve --make-password NAME > FILE) and set SANAD_PASSWORDS=FILE"
        )
    return {}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno in (errno.EADDRNOTAVAIL,):
            raise BadSettings(f"{host} is not an address of this machine. Choose one with --host.") from None
        raise BadSettings(_TAKEN.format(port=port)) from None
    return bound


def _listener(path: Path | None) -> Listener | None:
    if path is None:
        return None
    from rag.server.local_socket import Listener

    try:
        return Listener(path)
    except OSError as error:
        _log.warning("no socket for sanad ask", extra={"reason": str(error)})
        return None
