"""The choice of theme in headless Chromium: before the first paint, remembered, by keyboard, on paper."""

from __future__ import annotations

import pytest
from ui_browser import ask, finish, serious, until, watched
from ui_stand_in import StandIn

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

PAPER = "getComputedStyle(document.body).backgroundColor"
COLOUR = {"light": "rgb(251, 250, 247)", "dark": "rgb(23, 26, 25)"}

FRAMES = """window.frames_seen = [];
const look = () => {
  if (document.body) window.frames_seen.push(getComputedStyle(document.body).backgroundColor);
  if (window.frames_seen.length < 10) requestAnimationFrame(look);
};
requestAnimationFrame(look);"""
"""Remembers the background of the first frames."""


@pytest.mark.parametrize(("system", "theme", "word"), [("light", "dark", "Dark"), ("dark", "light", "Light")])
def test_a_theme_is_chosen_and_is_there_in_the_first_frame_of_the_next_visit(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], system: str, theme: str, word: str
) -> None:
    with watched(chromium, served[1], color_scheme=system) as page:
        assert page.evaluate(PAPER) == COLOUR[system]
        page.get_by_role("button", name="Settings").click()
        page.get_by_label(word).check()
        assert page.evaluate(PAPER) == COLOUR[theme]
        assert serious(page) == []
        page.add_init_script(FRAMES)
        page.reload()
        until(page, "window.frames_seen.length === 10")
        assert set(page.evaluate("window.frames_seen")) == {COLOUR[theme]}
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_label(word)).to_be_checked()
        page.get_by_label("System").check()
        assert page.evaluate(PAPER) == COLOUR[system]
        page.reload()
        assert page.evaluate(PAPER) == COLOUR[system]


def test_the_settings_are_used_with_the_keyboard_alone(page: playwright_api.Page) -> None:
    settings, button = page.locator("#sanad-settings"), page.locator("#sanad-show-settings")
    button.focus()
    page.keyboard.press("Enter")
    expect(settings).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("System")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Dark")).to_be_checked()
    assert page.evaluate(PAPER) == COLOUR["dark"]
    page.keyboard.press("Escape")
    expect(settings).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(settings).to_be_visible()
    page.keyboard.press("Control+k")
    expect(settings).to_be_hidden()
    expect(page.locator("#sanad-question textarea")).to_be_focused()


def test_escape_closes_the_settings_and_not_the_article_beside_them(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#sanad-live .chip").first.click()
    panel, settings = page.locator("#sanad-panel"), page.locator("#sanad-settings")
    expect(panel).to_be_visible()
    page.locator("#sanad-show-settings").click()
    expect(settings).to_be_visible()
    page.keyboard.press("Escape")
    expect(settings).to_be_hidden()
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_paper_is_light_and_an_unknown_theme_is_that_of_the_system(page: playwright_api.Page) -> None:
    page.evaluate("localStorage.setItem('sanad/theme', 'dark')")
    page.reload()
    assert page.evaluate(PAPER) == COLOUR["dark"]
    page.emulate_media(media="print")
    assert page.evaluate(PAPER) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    page.emulate_media(media="screen")
    page.evaluate("localStorage.setItem('sanad/theme', 'purple')")
    page.reload()
    assert page.evaluate(PAPER) == COLOUR["light"]


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
@pytest.mark.parametrize(("width", "tallest"), [(320, 150), (390, 112), (600, 112), (920, 64), (1280, 64)])
def test_the_settings_fit_into_every_window(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], locale: str, width: int, tallest: int
) -> None:
    with watched(chromium, served[1], locale=locale, viewport={"width": width, "height": 700}) as page:
        assert page.locator(".bar").bounding_box()["height"] <= tallest
        page.locator("#sanad-show-settings").click()
        at, button = (page.locator(f"#sanad-{name}").bounding_box() for name in ("settings", "show-settings"))
        assert at["x"] >= 0 and at["x"] + at["width"] <= width
        assert abs(at["y"] - (button["y"] + button["height"])) < 20, "below its button"
