"""Taking answers away and finding them again, in headless Chromium: files, paper, history, keyboard."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from ui_browser import ask, finish, until
from ui_stand_in import LEFT, StandIn

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect


@pytest.mark.parametrize(
    ("act", "ending"), [("save_markdown", ".md"), ("save_html", ".html"), ("save_csl", ".json")]
)
def test_an_answer_is_saved_as_a_file(
    page: playwright_api.Page, assistant: StandIn, act: str, ending: str
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#t1-save summary").click()
    with page.expect_download() as saved:
        page.locator(f"[data-act={act}]").click()
    assert saved.value.suggested_filename == f"When-did-they-leave{ending}"
    text = Path(saved.value.path()).read_text("utf-8").replace("\\", "")
    assert LEFT in text
    if act == "save_csl":
        assert json.loads(text)[0]["container-title"] == "CNN"
    else:
        assert "◐ partly supported" in text


def test_paper_has_the_answer_with_its_warnings_and_nothing_to_click(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    from pdfminer.high_level import extract_text

    ask(page, "When did they leave?")
    finish(page, assistant)
    page.emulate_media(media="print", color_scheme="dark")
    for css in (".bar", "#sanad-composer", ".actions", ".opener", ".how"):
        assert page.locator(css).locator("visible=true").count() == 0, css
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = extract_text(io.BytesIO(page.pdf()))
    for text in (
        "When did they leave?",
        "The last advisers left Ain al-Asad",
        "partly supported",
        "003_base.txt:61",
        "Printed from Sanad on ",
        "1 / 1",
    ):
        assert text in printed
    assert "◐" in printed and "○" not in printed and "Ask again" not in printed


def test_conversations_are_searched_renamed_and_saved(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#sanad-new").click()
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    page.locator("#sanad-show-conversations").click()
    names = page.locator("#sanad-conversations .title")
    search = page.locator("#sanad-conversations input[type=search]")
    search.fill("advisers LEFT")  # words of the answer
    expect(names).to_have_text(["When did they leave?"])
    search.fill("nothing of the kind")
    expect(names).to_have_count(0)
    expect(page.locator("#sanad-conversations .kept")).to_have_text("No conversation matches.")
    search.fill("")
    page.locator("#sanad-conversations summary").first.click()
    page.locator("#sanad-conversations .rename").first.click()
    page.keyboard.type("القاعدة")
    page.keyboard.press("Enter")
    expect(names).to_have_text(["القاعدة", "When did they leave?"])
    expect(page).to_have_title("القاعدة · Sanad")
    page.locator("#sanad-conversations summary").nth(1).click()
    with page.expect_download() as saved:
        page.locator("#sanad-conversations li").nth(1).locator("[data-format=html]").click()
    assert saved.value.suggested_filename == "When-did-they-leave.html"
    page.keyboard.press("Escape")
    expect(page.locator("#sanad-conversations")).to_be_hidden()
    ask(page, "And then?")  # the name outlasts another question and a reload
    finish(page, assistant)
    page.reload()
    expect(page).to_have_title("القاعدة · Sanad")


def test_escape_means_no_to_a_question_and_nothing_else(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-conversations summary").click()
    delete, dialog = page.locator("#sanad-conversations .remove"), page.locator("#sanad-sure")
    delete.click()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden(timeout=5_000)
    expect(page.locator("#sanad-conversations")).to_be_visible()
    page.locator("#sanad-live .opener").first.press("Enter")
    expect(page.locator("#sanad-panel mark")).to_have_text(LEFT)
    delete.press("Enter")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden(timeout=5_000)
    expect(page.locator("#sanad-panel")).to_be_visible()
    expect(page.locator("#sanad-conversations .title")).to_have_count(1)


def test_the_keyboard_leads_to_the_box_and_stops_an_answer(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    box = page.locator("#sanad-question textarea")
    page.locator("#sanad-show-articles").click()
    page.locator(".listing").wait_for()
    page.locator("#sanad-show-articles").focus()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    page.keyboard.type("a/b")
    expect(box).to_have_value("a/b")
    page.locator("#sanad-language").focus()
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    ask(page, "When did they leave?")
    assistant.step()
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Reading 2 sentences")
    page.keyboard.press("Escape")
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Stopped.")
    assistant.step(2)


def test_the_bar_stays_in_sight_and_covers_no_question(page: playwright_api.Page, assistant: StandIn) -> None:
    for question in ("When did they leave?", "متى غادرت القوات؟"):
        ask(page, question)
        finish(page, assistant)
    expect(page.locator(".bar")).to_be_in_viewport()
    bar = page.locator(".bar").bounding_box()
    until(page, "document.querySelector('#t2 .question').getBoundingClientRect().top < 200")
    assert page.locator("#t2 .question").bounding_box()["y"] >= bar["y"] + bar["height"] - 1
