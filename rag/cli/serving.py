"""Commands that keep running until they are stopped: the page, the server, and the one for MCP clients."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rag.assistant import Assistant
from rag.cli import printing
from rag.errors import BadSettings
from rag.server.answer_cache import CachedAssistant
from rag.server.local_socket import socket_path
from rag.settings import DEFAULT_INDEX, Settings, index_folder, install_command

if TYPE_CHECKING:
    from rag.server.serve import Page


def opened(index: str, settings: Settings) -> Assistant:
    """An assistant with prepared models, so that no progress bar appears beside an answer."""
    with printing.progress() as progress:
        assistant = CachedAssistant.open(index, settings=settings, eager=True, progress=progress)
        assistant.model  # noqa: B018 - reading this property prepares the weights
    return assistant


def ui(options: argparse.Namespace, settings: Settings) -> None:
    """Serve the page."""
    from ui.app import launch

    with _all_opened(options.index, settings) as indexes:
        launch(next(iter(indexes.values())), indexes=indexes, port=options.port)


def serve(options: argparse.Namespace, settings: Settings) -> None:
    """Serve page and API."""
    from rag.server.logs import log_to_stderr
    from rag.server.serve import Server, print_address
    from rag.server.serve import serve as serve_until_stopped

    with contextlib.closing(log_to_stderr()), _all_opened(options.index, settings) as indexes:
        first, assistant = next(iter(indexes.items()))
        server = Server(
            assistant,
            indexes=indexes,
            page=None if options.no_page else _page(),
            host=options.host,
            port=options.port,
            local=socket_path(index_folder(settings, first), settings),
        )
        serve_until_stopped(server, print_address)
    _leave()


@contextlib.contextmanager
def _all_opened(names: Sequence[str] | None, settings: Settings) -> Iterator[dict[str, Assistant]]:
    """Assistants over these indexes, by name, with one set of prepared models; the default index if none."""
    first, *others = dict.fromkeys(names or [DEFAULT_INDEX])
    with contextlib.ExitStack() as stack:
        assistant = stack.enter_context(contextlib.closing(opened(first, settings)))
        indexes = {first: assistant}
        for other in others:
            indexes[other] = stack.enter_context(contextlib.closing(assistant.beside(other)))
        yield indexes


def _page() -> Page:
    from ui.app import page_app

    return page_app


def mcp(options: argparse.Namespace, settings: Settings) -> None:
    """Serve an index over standard input and output."""
    from rag.server.fair_queue import FairQueue
    from rag.server.worker import QuestionRunner

    try:
        from rag.integrations.mcp_server import serve as serve_streams
    except ModuleNotFoundError as error:
        raise BadSettings(
            f"sanad mcp needs {error.name}, which is not installed. Install it: {install_command('mcp')}"
        ) from None
    # The language model is not prepared here: a client waits only seconds for a server that it has started.
    with contextlib.closing(
        CachedAssistant.open(options.index, settings=settings, progress=printing.stages())
    ) as assistant:
        runner = QuestionRunner(assistant, FairQueue(settings.waiting, assistant.at_once))
        serve_streams(
            assistant,
            lambda _, question, where, language: runner.events("client", question, (), where, language),
        )
    _leave()


def _leave() -> None:
    """End the process; everything is saved.

    A normal exit would destroy the engine while a thread may still use it, and would take a second to unload
    modules.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


def make_password(name: str) -> None:
    """Ask for a user's password and print the line for the password file."""
    import getpass

    from rag.server.login import hashed

    if not name or ":" in name or not name.isprintable():
        raise BadSettings(
            f"The name {name!r} cannot be used. Choose one of printable characters without a colon."
        )
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Repeat the password: ") != password:
            raise BadSettings("The two passwords differ. Run the command again.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    print(f"{name}:{hashed(password)}")
