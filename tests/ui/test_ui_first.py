"""The first screen in headless Chromium: the question box in the middle until the first question."""

from __future__ import annotations

import pytest
from ui_browser import ask, finish, held, until, watched
from ui_stand_in import StandIn
from ui_states import DESKTOP, PHONE

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

WATCH = """window.moved = window.since = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries())
    if (!one.hadRecentInput && one.startTime > window.since) window.moved += one.value;
}).observe({ type: "layout-shift", buffered: true });"""
"""Adds up the layout shifts that no input explains, of those since `window.since`."""

FROM_NOW = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  window.moved = 0;
  done(window.since = performance.now());
})))"""
"""Forgets them once what moved until now has been painted: the browser reports a shift later."""

MOST_MOVED = 0.02
"""Of these: below it a page counts as one in which nothing jumps; 0.1 is the usual limit."""

PLACES = """() => ["#sanad-welcome", "#sanad-form", ".examples"].map((css) => {
    const { top, bottom } = document.querySelector(css).getBoundingClientRect();
    return [top, bottom];
})"""


BOX = "document.getElementById('sanad-composer')"


def is_at_the_bottom(page: playwright_api.Page) -> None:
    """Wait until the question box is at the lower edge, with nothing below it."""
    until(page, f"Math.abs({BOX}.getBoundingClientRect().bottom - innerHeight) < 1")
    expect(page.locator("#sanad-offers")).to_be_hidden()


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_box_is_in_the_middle_until_the_first_question_and_then_at_the_lower_edge(
    chromium: playwright_api.Browser,
    served: tuple[StandIn, str],
    assistant: StandIn,
    window: dict[str, int],
    locale: str,
) -> None:
    with watched(chromium, served[1], locale=locale, viewport=window) as page:
        page.evaluate(WATCH)
        page.locator(".example").first.wait_for()
        welcome, box, examples = page.evaluate(PLACES)
        assert welcome[1] <= box[0] < box[1] <= examples[0], "one below the other"
        assert 0.35 < sum(box) / 2 / window["height"] < 0.6
        assert page.evaluate("window.moved") < MOST_MOVED
        ask(page, "When did they leave?")
        is_at_the_bottom(page)
        page.evaluate(FROM_NOW)  # the question moved the box, on a busy machine after .5 s
        for _ in range(4):
            assistant.step()
            page.wait_for_timeout(200)
        finish(page, assistant)
        is_at_the_bottom(page)
        assert page.evaluate("window.moved") < MOST_MOVED
        page.reload()
        expect(page.locator("#sanad-past .turn")).to_be_visible()
        is_at_the_bottom(page)
        page.locator("#sanad-new").click()
        expect(page.locator(".examples")).to_be_visible()
        assert page.evaluate(PLACES) == [welcome, box, examples], "as it was"


def test_the_welcome_leaves_with_the_middle_of_the_window_before_an_earlier_conversation_is_drawn(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    expect(page.locator(".welcome")).to_be_hidden()
    finish(page, assistant)
    page.locator("#sanad-new").click()
    expect(page.locator(".welcome")).to_be_visible()
    with held(page, "**/run/show"):
        page.locator("#sanad-show-conversations").click()
        page.locator("#sanad-conversations .title").click()
        expect(page.locator(".welcome")).to_be_hidden(timeout=2000)
        expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#sanad-past .turn")).to_be_visible()
    expect(page.locator(".welcome")).to_be_hidden()


def test_the_examples_belong_to_the_questions_and_not_to_the_articles(page: playwright_api.Page) -> None:
    page.locator("#sanad-offers [data-view=articles]").click()
    expect(page.locator(".listing")).to_be_visible()
    expect(page.locator("#sanad-offers")).to_be_hidden()
    top = page.locator("#sanad-articles").bounding_box()["y"]
    assert top < 100, "the list is below the bar, not in the middle"
    page.locator("#sanad-show-ask").click()
    expect(page.locator(".example").first).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("#sanad-offers")).to_be_hidden()


def test_an_article_that_covers_the_first_screen_keeps_the_keyboard(
    chromium: playwright_api.Browser, served: tuple[StandIn, str]
) -> None:
    with watched(chromium, served[1], viewport=PHONE) as page:
        page.goto("/?article=later")
        expect(page.locator("#sanad-panel")).to_be_visible()
        page.locator("#sanad-show-conversations").evaluate("one => one.click()")  # below the article
        assert not page.locator("#sanad-conversations").evaluate("one => one.hidden")
        for _ in range(8):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.matches('body, #sanad-panel *')")
        for css in ("#sanad-offers", "#sanad-work"):
            assert page.locator(css).evaluate("one => one.inert"), css
