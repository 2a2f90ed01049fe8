"""Conversations in headless Chromium: kept, turned to, bookmarked, in two tabs, stopped, cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from ui_browser import ask, finish, held, stop, until
from ui_stand_in import COUNT, StandIn

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

STOPPED_WITHIN = 1_000
"""Milliseconds in which the reader sees that it has stopped, whatever the server and the model are at."""


@contextlib.contextmanager
def stops_held(page: playwright_api.Page, *, lose: bool = False) -> Iterator[list[playwright_api.Route]]:
    """Requests to stop wait until the block ends, and are then sent, or fail."""
    routes: list[playwright_api.Route] = []
    page.route("**/run/stop", lambda route: routes.append(route))
    yield routes
    for route in routes:
        route.fulfill(status=500) if lose else route.continue_()
    page.unroute("**/run/stop")


def test_conversations_are_kept_named_turned_to_and_deleted(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#sanad-new").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    assert assistant.histories == [[], []], "a new conversation begins without the old one"
    page.reload()
    expect(page.locator("#sanad-past .question")).to_contain_text("متى غادرت القوات؟")
    page.locator("#sanad-past a.chip[href='#t1-s2']").first.click()
    expect(page.locator("#sanad-panel mark")).to_have_text(COUNT)
    page.keyboard.press("Escape")
    page.locator("#sanad-show-conversations").click()
    names = page.locator("#sanad-conversations .title")
    expect(names).to_have_text(["متى غادرت القوات؟", "When did they leave?"])
    names.nth(1).click()
    expect(page.locator("#sanad-past .question")).to_contain_text("When did they leave?")
    ask(page, "And the others?")
    finish(page, assistant)
    assert [turn.question for turn in assistant.histories[-1]] == ["When did they leave?"]
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-conversations summary").first.click()
    page.locator("#sanad-conversations .remove").first.click()
    page.locator("#sanad-sure .danger").click()
    expect(names).to_have_text(["متى غادرت القوات؟"])
    expect(page.locator(".turn")).to_have_count(0)


def test_a_question_outlasts_a_reload_in_the_middle_of_its_answer(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Translating the cited sentences")
    page.locator("#sanad-question textarea").fill("And what is typed")
    page.reload()
    expect(page.locator("#sanad-question textarea")).to_have_value("And what is typed")
    expect(page.locator("#sanad-past .question")).to_contain_text("When did they leave?")
    expect(page.locator("#sanad-past [role=status]")).to_have_text("Stopped.")
    assistant.step()
    page.locator("#sanad-past [data-act=retry]").click()
    expect(page.locator("#sanad-live .turn")).to_be_visible()
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(1)


def test_an_answer_that_comes_after_another_conversation_was_turned_to_is_kept_in_its_own(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Translating the cited sentences")
    page.locator("#sanad-new").click()
    expect(page.locator(".welcome")).to_be_visible()
    assistant.freely = True
    expect(page.locator("#sanad-ask")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-conversations .title").click()
    expect(page.locator("#sanad-past [role=status]")).to_have_text("Stopped.")


def test_the_open_conversation_chosen_in_the_list_goes_on_with_its_answer(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    status = page.locator("#sanad-live [role=status]")
    expect(status).to_have_text("Translating the cited sentences")
    page.locator("#sanad-show-articles").click()
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-conversations .title").click()
    expect(page.locator("#sanad-articles")).to_be_hidden()
    expect(page.locator("#sanad-question textarea")).to_be_focused()
    expect(status).to_have_text("Translating the cited sentences")
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(1)


def test_a_conversation_too_large_for_the_browser_takes_no_other_one_with_it(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    stored = page.evaluate(
        """() => {
            for (let n = 0; n < 30; n++)
                sanad.store.put({ ...sanad.store.fresh(), turns: [{ number: 1, question: `number ${n}` }] });
            sanad.conversation.current().more = "x".repeat(5_400_000);  // Chromium stores 5.2 million
            return { ...localStorage };
        }"""
    )
    assert len(stored) >= 30
    ask(page, "When did they leave?")
    expect(page.locator("#sanad-said")).to_contain_text("has no space for the conversation")
    finish(page, assistant)
    assert page.evaluate("({ ...localStorage })") == stored


def test_a_conversation_takes_the_space_of_the_oldest_ones(page: playwright_api.Page) -> None:
    left = page.evaluate(
        """async () => {
            for (const [title, size] of [["one", 1.5e6], ["two", 1.5e6], ["three", 1.5e6], ["four", 3e6]]) {
                const turns = [{ number: 1, question: title }];
                sanad.store.put({ ...sanad.store.fresh(), turns, more: "x".repeat(size) });
                await new Promise((done) => setTimeout(done, 5));  // the order is that of the clock
            }
            return sanad.store.all().map(({ title }) => title);
        }"""
    )
    assert left == ["four", "three"]


def test_a_question_is_asked_again_in_place(page: playwright_api.Page, assistant: StandIn) -> None:
    for question in ("When did they leave?", "متى غادرت القوات؟"):
        ask(page, question)
        finish(page, assistant)
    page.locator("#sanad-live [data-act=retry]").click()
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "searching")
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(2)
    assert [turn.question for turn in assistant.histories[-1]] == ["When did they leave?"]
    page.reload()
    expect(page.locator("#sanad-past .turn")).to_have_count(2)


def test_what_the_reader_unfolded_stays_unfolded(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#t1-others summary").click()
    expect(page.locator("#t1-others")).to_have_attribute("open", "")
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    expect(page.locator("#sanad-past #t1-others")).to_have_attribute("open", "")


def test_stop_stops_the_model(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Translating the cited sentences")
    page.locator("#sanad-stop").click()
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Stopped.", timeout=1_000)
    expect(page.locator(".turn .reading")).to_have_count(0)
    expect(page.locator("#sanad-ask")).to_be_visible()
    assistant.step()  # the stage that the model was at
    assert assistant.closed.wait(5), "the stream was closed"
    ask(page, "And in Arabic?")
    finish(page, assistant)
    assert assistant.histories[-1] == []


def test_closing_the_tab_stops_the_model(
    page: playwright_api.Page, assistant: StandIn, served: tuple[StandIn, str]
) -> None:
    ask(page, "When did they leave?")
    assistant.step(2)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Checking the answer against its sources")
    page.goto("about:blank")
    for _ in range(200):
        assistant.step()
        if assistant.closed.wait(0.1):
            break
    assert assistant.closed.is_set()
    page.goto(served[1])


def test_the_page_takes_a_question_before_the_server_has_answered_anything_else(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], assistant: StandIn
) -> None:
    context = chromium.new_context(locale="ar-EG", base_url=served[1])
    page = context.new_page()
    with held(page, "**/gradio_api/**"):
        page.goto("/", wait_until="commit")
        expect(page.locator("#sanad-ask")).to_have_text("إرسال")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        page.locator("#sanad-question textarea").fill("متى غادرت القوات؟")
        page.keyboard.press("Enter")
        expect(page.locator("#sanad-stop")).to_be_visible()
    expect(page.locator("#sanad-live .question")).to_contain_text("متى غادرت القوات؟")
    finish(page, assistant)
    context.close()


def test_a_conversation_can_be_bookmarked_and_the_browser_goes_back_to_it(
    page: playwright_api.Page, assistant: StandIn, served: tuple[StandIn, str]
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    bookmark = page.url
    assert "#conversation=" in bookmark
    expect(page).to_have_title("When did they leave? · Sanad")
    page.locator("#sanad-new").click()
    expect(page.locator(".turn")).to_have_count(0)
    assert page.url == f"{served[1]}/"
    page.go_back()
    expect(page.locator("#sanad-past .question")).to_contain_text("When did they leave?")
    other = page.context.new_page()
    other.goto(bookmark)
    expect(other.locator("#sanad-past .question")).to_contain_text("When did they leave?")
    other.goto(f"{served[1]}/#conversation=gone")
    expect(other.locator("#sanad-said")).to_contain_text("not stored in this browser")
    expect(other.locator(".turn")).to_have_count(0)


def test_two_tabs_on_one_conversation_lose_no_turn(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#sanad-past .turn")).to_have_count(1)
    ask(other, "متى غادرت القوات؟")
    expect(page.locator("#sanad-past .question")).to_have_count(2)
    finish(other, assistant)
    expect(page.locator("#t2[data-stage=done]")).to_be_visible()
    ask(page, "When did they leave?")
    finish(page, assistant)
    expect(other.locator("#t3[data-stage=done]")).to_be_visible()
    page.reload()
    expect(page.locator("#sanad-past .turn")).to_have_count(3)


def test_stop_is_seen_at_once_though_the_server_has_not_heard_of_it(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step()
    status = page.locator("#sanad-live [role=status]")
    expect(status).to_have_text("Reading 2 sentences")
    with stops_held(page):
        assert stop(page) < STOPPED_WITHIN
        expect(page.locator("#sanad-ask")).to_be_visible()
        page.locator("#sanad-question textarea").fill("And in Arabic?")
        page.keyboard.press("Enter")
        expect(page.locator("#sanad-question textarea")).to_have_value("")
        expect(status).to_have_text("Stopped.")
    expect(page.locator("#sanad-past #t1[data-stage=stopped]")).to_be_visible()
    expect(page.locator("#sanad-live #t2")).to_be_visible()
    assistant.step()
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(2)


def test_a_stop_wins_over_an_answer_that_is_complete_before_the_server_hears_of_it(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Translating the cited sentences")
    with stops_held(page):
        page.locator("#sanad-stop").click()
        expect(page.locator("#sanad-live [role=status]")).to_have_text("Stopped.")
        page.locator("#sanad-question textarea").fill("And in Arabic?")
        page.keyboard.press("Enter")
        assistant.freely = True
        expect(page.locator("#sanad-live #t2[data-stage=done]")).to_be_visible()
    first = page.locator("#sanad-past #t1[data-stage=stopped]")
    expect(first.locator("[data-act=retry]")).to_be_visible()
    expect(first.locator(".claims")).to_have_count(0)
    assert assistant.histories[-1] == []
    page.reload()
    expect(first).to_be_visible()
    expect(page.locator("#t2[data-stage=done]")).to_be_visible()


def test_a_stop_that_was_lost_on_its_way_is_sent_again(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Translating the cited sentences")
    with stops_held(page, lose=True) as lost:
        page.locator("#sanad-stop").click()
        until(page, "!document.querySelector('#sanad-ask').hidden")
        while not lost:
            page.wait_for_timeout(10)
    assistant.step()
    page.locator("#sanad-question textarea").fill("And in Arabic?")
    page.keyboard.press("Enter")
    expect(page.locator("#t1[data-stage=stopped] [data-act=retry]")).to_be_visible()
    assistant.step()
    assert assistant.closed.wait(5), "the model was stopped"
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(2)


def test_after_a_stop_the_next_question_waits_for_a_server_that_is_silent(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    assistant.step()
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Reading 2 sentences")
    with stops_held(page):
        page.clock.install()
        page.locator("#sanad-stop").click()
        page.locator("#sanad-question textarea").fill("And in Arabic?")
        page.keyboard.press("Enter")
        page.clock.run_for(11_000)
        expect(page.locator("#sanad-question textarea")).to_have_value("")
    assistant.step()
    finish(page, assistant)
    expect(page.locator("#t1[data-stage=stopped]")).to_be_visible()
    expect(page.locator("#t2[data-stage=done]")).to_be_visible()


def test_a_silent_server_that_is_healthy_is_still_working_and_its_late_answer_is_shown(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    with held(page, "**/gradio_api/call/answer/*"):
        ask(page, "When did they leave?")
        page.clock.install()
        page.locator("#sanad-stop").wait_for()
        page.clock.run_for(11_000)
        expect(page.locator("#sanad-live [role=status]")).to_have_text("Still working")
        expect(page.locator("#sanad-said")).to_be_empty()
        expect(page.locator("#sanad-stop")).to_be_visible()
    finish(page, assistant)
    expect(page.locator(".turn")).to_have_count(1)


def test_in_a_wide_window_the_conversations_are_a_rail_that_stays_and_can_be_closed(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    rail, button = page.locator("#sanad-conversations"), page.locator("#sanad-show-conversations")
    expect(rail).to_be_hidden()
    page.set_viewport_size({"width": 1600, "height": 900})
    expect(rail).to_contain_text("No conversations yet.")
    ask(page, "When did they leave?")
    finish(page, assistant)
    names = rail.locator(".title")
    expect(names).to_have_text(["When did they leave?"])
    edges = "one => { const { left, right } = one.getBoundingClientRect(); return [left, right]; }"
    assert rail.evaluate(edges)[1] <= page.locator("#sanad-live .turn").evaluate(edges)[0]
    page.locator("#sanad-new").click()
    names.click()
    expect(page.locator("#sanad-past .turn")).to_be_visible()
    expect(names).to_have_attribute("aria-current", "true")
    rail.locator("summary").click()
    rail.locator(".rename").click()
    page.keyboard.type("Departure")
    page.keyboard.press("Enter")
    expect(names).to_have_text(["Departure"])
    page.locator("#sanad-language").click()
    assert rail.evaluate(edges)[0] >= page.locator("#sanad-past .turn").evaluate(edges)[1]
    button.click()
    expect(rail).to_be_hidden()
    page.reload()
    expect(page.locator("#sanad-past .turn")).to_be_visible()
    expect(rail).to_be_hidden()
