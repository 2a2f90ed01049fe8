"""The page's states under axe, hostile articles, and ten browsers at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest
from ui_browser import ask, free_port, serious, watched
from ui_stand_in import StandIn
from ui_states import DESKTOP, PHONE, STATES, State, shown

pytestmark = pytest.mark.browser

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

SESSIONS = 10

GROWTH = 30e6
"""Bytes that the server may grow by over 50 questions; a leak of one answer each would be less than 1 MB, one
of a tab's state, threads or connections much more."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIn, str]]:
    from ui.app import start

    assistant, port = StandIn(tmp_path_factory.mktemp("uploads")), free_port()
    app = start(assistant, port=port)  # type: ignore[arg-type]
    yield assistant, f"http://127.0.0.1:{port}"
    assistant.freely = True
    assistant.indexed.set()
    app.close()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_axe_finds_nothing_serious(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], state: State
) -> None:
    assistant, address = served
    with shown(chromium, address, assistant, state) as page:
        found = serious(page)
        width = page.evaluate("document.documentElement.scrollWidth")
    assert found == []
    assert width <= (PHONE if state.phone else DESKTOP)["width"], "nothing stands out of the window"


def test_ten_browsers_at_once_get_their_own_answers_in_order_and_see_how_many_are_before(
    chromium: playwright_api.Browser, served: tuple[StandIn, str]
) -> None:
    assistant, address = served
    assistant.freely = False
    assistant.asked.clear()
    with ExitStack() as stack:
        small = {"viewport": {"width": 500, "height": 500}}
        pages = [stack.enter_context(watched(chromium, address, **small)) for _ in range(SESSIONS)]
        for number, page in enumerate(pages):
            ask(page, f"number {number}")
            expected = (
                "Searching the articles"
                if number == 0
                else f"Waiting: {number} question{'s' * (number > 1)} ahead"
            )
            expect(page.locator("#sanad-live [role=status]")).to_have_text(expected)
        pages[3].locator("#sanad-stop").click()
        expect(pages[3].locator("#sanad-live [role=status]")).to_have_text("Stopped.")
        assistant.freely = True
        for number, page in enumerate(pages):
            if number != 3:
                expect(page.locator("#sanad-live .claims")).to_contain_text(f"The answer to number {number}")
                expect(page.locator("#sanad-ask")).to_be_visible()
        assert assistant.asked == [f"number {n}" for n in range(SESSIONS) if n != 3]
        before = memory()
        for turn in range(1, 6):
            for number, page in enumerate(pages):
                page.locator("#sanad-question textarea").fill(f"number {100 * turn + number}")
                page.keyboard.press("Enter")
            for number, page in enumerate(pages):
                answer = f"The answer to number {100 * turn + number}"
                expect(page.locator("#sanad-live .claims")).to_contain_text(answer)
                expect(page.locator("#sanad-ask")).to_be_visible()
        assert memory() - before < GROWTH


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def test_hostile_articles_cannot_leave_their_place(
    chromium: playwright_api.Browser, served: tuple[StandIn, str]
) -> None:
    assistant, address = served
    assistant.freely = True
    with watched(chromium, address, viewport={"width": 390, "height": 844}) as page:
        ask(page, "trap: ![x](https://elsewhere.example/x.png) <img src=x onerror=alert(1)>")
        page.locator("#sanad-live .turn[data-stage=done]").wait_for()
        page.locator("#sanad-live .chip").first.click()
        page.locator("#sanad-panel mark").first.wait_for()
        page.keyboard.press("Escape")
        page.locator("#sanad-show-articles").click()
        page.locator(".listing").wait_for()
        page.locator("[name=query]").fill("javascript")
        expect(page.locator(".listed")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        links = page.eval_on_selector_all(".sanad a[href]", "all => all.map(one => one.getAttribute('href'))")
        assert not [link for link in links if not link.startswith(("#", "https://", "http://"))]
        assert page.locator(".sanad :is(img, script, iframe, object)").count() == 0
        page.reload()
        page.locator("#sanad-past .turn").wait_for()
        assert page.locator(".sanad :is(img, script, iframe, object)").count() == 0
