"""The page over a stand-in assistant in headless Chromium: ``pytest_plugins = ["ui_fixtures"]``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ui_browser import free_port, watched
from ui_stand_in import StandIn


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[StandIn, str]]:
    """The stand-in and the address of its page: one server for all tests, as starting one takes seconds."""
    from ui.app import start

    assistant, port = StandIn(), free_port()
    app = start(assistant, port=port)  # type: ignore[arg-type]
    yield assistant, f"http://127.0.0.1:{port}"
    assistant.freely = True
    app.close()


@pytest.fixture
def assistant(served: tuple[StandIn, str]) -> Iterator[StandIn]:
    assistant = served[0]
    assistant.steps, assistant.freely = threading.Semaphore(0), False
    assistant.closed.clear()
    assistant.histories.clear()
    assistant.wheres.clear()
    assistant.languages.clear()
    yield assistant
    assistant.freely = True


@pytest.fixture
def page(chromium: Any, served: tuple[StandIn, str], assistant: StandIn) -> Iterator[Any]:
    """A fresh tab on the page. After the test: no other host was contacted, nothing broke."""
    with watched(chromium, served[1]) as page:
        yield page
        assistant.freely = True
