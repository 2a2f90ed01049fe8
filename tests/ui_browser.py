"""What the tests in headless Chromium share."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright. Where there is none, tests are skipped, and fail in CI."""
    api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine; apt-get install chromium")
        pytest.skip("no chromium on this machine; apt-get install chromium")
    api.expect.set_options(timeout=60_000)  # milliseconds; a busy machine may take long over the first page
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def watched(browser: Any, address: str, **more: Any) -> Iterator[Any]:
    """A fresh tab on the page. At the end it checks that no other host was contacted and nothing broke.

    Args:
        browser: Chromium.
        address: Of the page.
        **more: For the context, as Playwright has them.
    """
    from playwright.sync_api import expect

    settings = {
        "viewport": {"width": 1280, "height": 800},
        "base_url": address,
        "locale": "en-GB",
        "permissions": ["clipboard-read", "clipboard-write"],
    }

    def dismiss(dialog: Any) -> None:
        faults.append(dialog.message)
        dialog.dismiss()

    context = browser.new_context(**{**settings, **more})
    page = context.new_page()
    page.set_default_timeout(60_000)
    requested: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", dismiss)
    page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
    page.goto(address)
    expect(page.locator(".welcome")).to_be_visible()
    yield page
    context.close()
    foreign = [url for url in requested if not url.startswith((address, "data:", "blob:"))]
    assert foreign == []
    assert faults == []


@contextlib.contextmanager
def serving(assistant: Any, **how: Any) -> Iterator[str]:
    """The address of an assistant's page, which is served meanwhile.

    Args:
        assistant: Answers the questions.
        how: Further arguments of ``ui.app.start``.
    """
    from ui.app import start

    port = free_port()
    server = start(assistant, port=port, **how)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


def serious(page: Any) -> list[tuple[str, str, list[str]]]:
    """What axe finds on a page that is serious or critical: rules with some elements; skips without axe."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    violations = axe.run(page).response["violations"]
    return [
        (violation["id"], violation["help"], [node["html"][:150] for node in violation["nodes"]][:3])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]


def free_port() -> int:
    """A free port below those that systems give to connections, so that none takes it before the server."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def ask(page: Any, question: str) -> None:
    """Ask, and wait until the question's own turn is the live one."""
    from playwright.sync_api import expect

    turns = page.locator(".turn").count()
    page.locator("#sanad-question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(f"#sanad-live #t{turns + 1}")).to_be_attached()
    expect(page.locator(".turn")).to_have_count(turns + 1)


def finish(page: Any, assistant: Any) -> None:
    """Let the answer come to its end, and wait for it."""
    from playwright.sync_api import expect

    assistant.freely = True
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    expect(page.locator("#sanad-ask")).to_be_visible()
    assistant.freely = False


@contextlib.contextmanager
def held(page: Any, pattern: str) -> Iterator[None]:
    """Requests to such addresses wait until the block ends, as with a server that has too much to do."""
    routes: list[Any] = []
    page.route(pattern, lambda route: routes.append(route))
    yield
    for route in routes:
        route.continue_()
    page.unroute(pattern)


def stop(page: Any) -> float:
    """Click Stop; milliseconds until "Stopped." was painted, by the browser's own clock."""
    page.evaluate(
        """() => document.addEventListener("click", ({ timeStamp }) => {
            const look = () => {
                const status = document.querySelector("#sanad-live [role=status]").textContent;
                if (status === "Stopped.") window.stoppedIn = performance.now() - timeStamp;
                else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        }, { once: true })"""
    )
    page.locator("#sanad-stop").click()
    return float(until(page, "window.stoppedIn"))


_IN_VIEW = """css => {
    const shown = document.querySelector(css);
    const box = shown.getClientRects()[0];
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return shown === top || shown.contains(top);
}"""


def in_view(page: Any, css: str) -> bool:
    """Whether the middle of the element is what the reader sees at that point."""
    return bool(page.evaluate(_IN_VIEW, css))


def until_in_view(page: Any, css: str) -> None:
    """Wait until it is in view: scrolling is animated and may begin late."""
    until(page, _IN_VIEW, css)


def until(page: Any, script: str, arg: object = None, *, seconds: float = 60) -> Any:
    """Wait until a script's value is true, and return it.

    Playwright's own ``wait_for_function`` evaluates text within the page, which the page's policy forbids.
    """
    end = time.monotonic() + seconds
    while not (value := page.evaluate(script, arg)):
        assert time.monotonic() < end, script
        page.wait_for_timeout(20)
    return value
