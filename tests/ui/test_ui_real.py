"""The page with the real models over the seed articles."""

from __future__ import annotations

import pytest
from ui_browser import ask, free_port, stop, watched

from rag import Assistant

pytestmark = [pytest.mark.browser, pytest.mark.model]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

STOPPED_WITHIN = 1_000
"""Milliseconds until the reader sees it, also while the prompt is read, when the engine takes both cores of a
small machine."""

MINUTES = 180_000
"""Milliseconds: the first question prepares the model where that was not done."""


def test_an_example_of_the_first_screen_is_answered_with_more_than_a_headline(
    chromium: playwright_api.Browser,
) -> None:
    from ui.app import start

    assistant, port = Assistant.open(), free_port()
    app = start(assistant, port=port)
    for locale in ("ar", "en-GB"):
        with watched(chromium, f"http://127.0.0.1:{port}", locale=locale) as page:
            examples = page.locator(".example")
            assert examples.count() == 3
            examples.first.click()
            expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done", timeout=MINUTES)
            answer = page.locator("#sanad-live .answer")
            expect(answer).to_contain_text("900")
            assert answer.get_attribute("data-outcome") != "not_found"
    app.close()
    assistant.close()


def test_questions_in_both_languages_are_answered_cited_and_stopped(chromium: playwright_api.Browser) -> None:
    from ui.app import start

    assistant, port = Assistant.open(), free_port()
    app = start(assistant, port=port)
    with watched(chromium, f"http://127.0.0.1:{port}") as page:
        for question in ("when do forces leave Ain al-Asad?", "كم عدد الجنود الأمريكيين في سوريا؟"):
            ask(page, question)
            expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done", timeout=MINUTES)
            cards = page.locator("#sanad-live .claims .source")
            assert cards.count() > 0
            for number in range(cards.count()):
                source = cards.nth(number)
                source.locator(".opener").click()
                expect(page.locator("#sanad-panel mark")).to_have_text(source.locator(".quote").inner_text())
                expect(page.locator("#sanad-panel mark").first).to_be_in_viewport()
                page.keyboard.press("Escape")
        ask(page, "Who leads the talks, and what do they want?")
        expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "reading", timeout=MINUTES)
        assert stop(page) < STOPPED_WITHIN
        # The next one goes at once, and waits for the model to let go of the one before.
        page.locator("#sanad-question textarea").fill("How many soldiers are in Syria?")
        page.keyboard.press("Enter")
        expect(page.locator("#t4[data-stage=done]")).to_be_visible(timeout=MINUTES)
        expect(page.locator("#t4 .claims")).to_contain_text("900")
        expect(page.locator("#t3")).to_have_attribute("data-stage", "stopped")
        expect(page.locator("#t3 .answer")).to_have_count(0)
    app.close()
    assistant.close()
