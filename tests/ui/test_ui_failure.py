"""The page while its server is away: nothing is lost, and nothing that failed looks as if it had worked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ui_browser import ask, free_port, watched

pytestmark = pytest.mark.browser

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

TESTS = Path(__file__).resolve().parent.parent

SERVE = """
import sys, threading
from ui_stand_in import StandIn
from ui.app import start
assistant = StandIn()
assistant.freely = sys.argv[2] == "freely"
start(assistant, port=int(sys.argv[1]))
threading.Event().wait()
"""


class Killable:
    """A server in a process of its own, which can be killed and started again at the same address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self, how: str = "freely") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.port), how],
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(f"{self.address}/healthz", timeout=5)
                return
            except httpx.TransportError:
                assert self._process.poll() is None, "the server runs"
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def server() -> Iterator[Killable]:
    server = Killable()
    yield server
    server.kill()


def no_undefined(page: Any) -> None:
    assert "undefined" not in page.evaluate("document.body.innerText")


def test_a_server_that_is_killed_while_it_answers_is_reported_and_the_question_returns_to_the_box(
    chromium: playwright_api.Browser, server: Killable
) -> None:
    server.start("by steps")
    with watched(chromium, server.address) as page:
        ask(page, "When did they leave?")
        expect(page.locator("#sanad-live [role=status]")).to_have_text("Searching the articles")
        server.kill()
        expect(page.locator("#sanad-said")).to_contain_text("Sanad cannot be reached. Wait if it is busy")
        expect(page.locator("#sanad-question textarea")).to_have_value("When did they leave?")
        expect(page.locator("#sanad-ask")).to_be_visible()
        no_undefined(page)
        server.start()
        expect(page.locator("#sanad-said")).to_be_empty()
        expect(page.locator("#sanad-past [data-stage=stopped]")).to_be_visible()
        expect(page.locator("#sanad-question textarea")).to_have_value("When did they leave?")
        page.locator("#sanad-past [data-act=retry]").click()
        expect(page.locator("#sanad-live [data-stage=done] .claims")).to_contain_text("Ain al-Asad")
        expect(page.locator(".turn")).to_have_count(1)
        no_undefined(page)


def test_everything_that_is_tried_without_a_server_says_so(
    chromium: playwright_api.Browser, server: Killable
) -> None:
    server.start()
    with watched(chromium, server.address) as page:
        ask(page, "When did they leave?")
        page.locator("#sanad-live [data-stage=done]").wait_for()
        page.evaluate("navigator.clipboard.writeText('before')")
        server.kill()
        said = page.locator("#sanad-said")
        page.locator("[data-act=copy]").click()
        expect(said).to_contain_text("Sanad cannot be reached")
        assert page.evaluate("navigator.clipboard.readText()") == "before"
        page.locator("#sanad-live .chip").first.click()
        expect(page.locator("#sanad-panel .failure")).to_contain_text("could not be loaded")
        page.keyboard.press("Escape")
        page.locator("[data-act=good]").click()
        page.locator(".rating textarea").fill("the year")
        page.locator(".rating button").click()
        expect(page.locator(".rating textarea")).to_have_value("the year")
        page.locator("#sanad-show-articles").click()
        no_undefined(page)
        page.locator("#sanad-show-ask").click()
        page.locator("#sanad-language").click()
        expect(page.locator("#sanad-live .claims")).to_be_visible()
        no_undefined(page)
        page.locator("#sanad-question textarea").fill("And then?")
        page.keyboard.press("Enter")
        expect(page.locator("#sanad-ask")).to_be_visible()
        expect(page.locator("#sanad-question textarea")).to_have_value("And then?")
        no_undefined(page)


def test_a_call_that_fails_at_a_healthy_server_is_not_called_unreachable(
    chromium: playwright_api.Browser, server: Killable
) -> None:
    server.start()
    with watched(chromium, server.address) as page:
        ask(page, "When did they leave?")
        page.locator("#sanad-live [data-stage=done]").wait_for()
        page.route("**/run/copy", lambda route: route.fulfill(status=500))
        page.locator("[data-act=copy]").click()
        expect(page.locator("#sanad-said")).to_contain_text("That did not work")
        page.locator("[data-act=copy_markdown]").click()
        expect(page.locator("#sanad-said")).not_to_contain_text("undefined")
