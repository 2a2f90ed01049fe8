"""In headless Chromium: what a question was understood as goes into the question box, to be changed."""

from __future__ import annotations

import pytest
from ui_browser import ask, finish
from ui_stand_in import StandIn

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

FIRST, FOLLOW_UP = "When did they leave?", "And the others?"
UNDERSTOOD = f"{FOLLOW_UP} ({FIRST})"


@pytest.fixture
def followed(page: playwright_api.Page, assistant: StandIn) -> playwright_api.Page:
    """The page with a question and a follow-up."""
    for question in (FIRST, FOLLOW_UP):
        ask(page, question)
        finish(page, assistant)
    expect(page.locator("#t2 .understood")).to_contain_text(UNDERSTOOD)
    return page


def test_a_question_is_edited_as_it_was_understood_and_asked_by_the_reader_alone(
    followed: playwright_api.Page, assistant: StandIn
) -> None:
    box = followed.locator("#sanad-question textarea")
    assistant.asked.clear()
    followed.locator("#t2 .understood").get_by_role("button", name="Edit").click()
    expect(box).to_have_value(UNDERSTOOD)
    expect(box).to_be_focused()
    assert assistant.asked == []
    followed.keyboard.type(" In 2026?")  # at the end
    expect(box).to_have_value(f"{UNDERSTOOD} In 2026?")
    followed.reload()
    expect(box).to_have_value(f"{UNDERSTOOD} In 2026?")
    box.press("Enter")
    expect(followed.locator("#t3 .question")).to_contain_text("In 2026?")
    finish(followed, assistant)
    assert assistant.asked == [f"{UNDERSTOOD} In 2026?"]


def test_what_was_searched_for_is_edited_also_where_it_is_the_question_itself(
    followed: playwright_api.Page,
) -> None:
    box = followed.locator("#sanad-question textarea")
    followed.locator("#sanad-language").click()
    for number, question in (
        (1, FIRST),
        (2, UNDERSTOOD),
    ):  # the second takes the place of the untouched first
        followed.locator(f"#t{number}-how summary").click()
        followed.locator(f"#t{number}-how").get_by_role("button", name="تعديل").click()
        expect(box).to_have_value(question)
        expect(box).to_be_focused()


def test_a_question_that_was_not_sent_stays_in_the_box(followed: playwright_api.Page) -> None:
    box, edit = followed.locator("#sanad-question textarea"), followed.locator("#t2 .understood .edit")
    box.fill("Half a question")
    edit.click()
    expect(box).to_have_value("Half a question")
    expect(box).to_be_focused()
    expect(followed.locator("#sanad-said")).to_contain_text("not sent. Send or clear it first.")
    box.fill(" ")
    edit.click()
    expect(box).to_have_value(UNDERSTOOD)


def test_while_the_answer_is_on_its_way_the_next_question_is_prepared(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, FIRST)
    finish(page, assistant)
    ask(page, FOLLOW_UP)
    assistant.step()
    page.locator("#sanad-live .understood .edit").click()
    finish(page, assistant)
    expect(page.locator("#sanad-question textarea")).to_have_value(UNDERSTOOD)
    expect(page.locator(".turn")).to_have_count(2)
    page.emulate_media(media="print")
    expect(page.locator("#sanad-live .understood .edit")).to_be_hidden()
