"""The page with the real models over the seed articles."""

from __future__ import annotations

import re
import time

import pytest
from ui_browser import ask, free_port, watched

from rag import Assistant

pytestmark = [pytest.mark.browser, pytest.mark.model]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

STOPPED_WITHIN = 6.0
"""Seconds. One is wanted; but while the prompt is read the engine takes both cores of a small machine,
browser and server share what is left, and 2.6 were seen there."""

MINUTES = 180_000
"""Milliseconds: the first question prepares the model where that was not done."""


def test_questions_in_both_languages_are_answered_cited_and_stopped(chromium: playwright_api.Browser) -> None:
    from ui.app import start

    assistant, port = Assistant.open(), free_port()
    app = start(assistant, port=port)
    with watched(chromium, f"http://127.0.0.1:{port}") as page:
        for question in ("when do forces leave Ain al-Asad?", "كم عدد الجنود الأمريكيين في سوريا؟"):
            ask(page, question)
            expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done", timeout=MINUTES)
            chips = page.locator("#sanad-live .claims .chip")
            assert chips.count() > 0
            for number in range(chips.count()):
                source = page.locator(f"#sanad-live {chips.nth(number).get_attribute('href')}")
                chips.nth(number).click()
                expect(page.locator("#sanad-panel mark")).to_have_text(source.locator(".quote").inner_text())
                expect(page.locator("#sanad-panel mark").first).to_be_in_viewport()
                page.keyboard.press("Escape")
        ask(page, "Who leads the talks, and what do they want?")
        # Not only "writing": a whole answer may be written in less time than a click takes.
        running = re.compile("reading|writing")
        expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", running, timeout=MINUTES)
        begun = time.monotonic()
        page.locator("#sanad-stop").click()
        expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "stopped")
        assert time.monotonic() - begun < STOPPED_WITHIN
    app.close()
    assistant.close()
