"""Several indexes in headless Chromium: choosing one, conversations that keep theirs, one that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FakeAssistant
from ui_browser import ask, free_port, serious, serving, until, watched

from rag import Assistant
from rag.index.indexing import build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM
from rag.server.serve import Server

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_disk")]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

TOWER = "Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n"
COST = "How much did the repairs of the harbour cost?"
BELL = "When did the bell of the old tower ring?"


@pytest.fixture
def assistant(fake_assistant: FakeAssistant) -> Assistant:
    return fake_assistant(llm=FakeLLM())


@pytest.fixture
def indexes(assistant: Assistant, tmp_path: Path) -> Iterator[dict[str, Assistant]]:
    folder = tmp_path / "bells"
    folder.mkdir()
    (folder / "bell.txt").write_text(TOWER, encoding="utf-8")
    build_index(folder, "أجراس", settings=assistant.settings, embedder=FakeEmbedder())
    second = assistant.beside("أجراس")
    yield {"small": assistant, "أجراس": second}
    second.close()


def served(indexes: dict[str, Assistant], port: int) -> Server:
    from ui.app import start

    return start(next(iter(indexes.values())), indexes=indexes, port=port)


@pytest.fixture
def address(indexes: dict[str, Assistant]) -> Iterator[str]:
    with serving(next(iter(indexes.values())), indexes=indexes) as address:
        yield address


@pytest.fixture
def page(chromium: playwright_api.Browser, address: str) -> Iterator[playwright_api.Page]:
    with watched(chromium, address) as page:
        yield page


def choose(page: playwright_api.Page, name: str) -> None:
    page.locator("#sanad-index").select_option(name)


def answered(page: playwright_api.Page, question: str) -> None:
    ask(page, question)
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    expect(page.locator("#sanad-ask")).to_be_visible()


def test_the_welcome_the_articles_and_the_answers_are_those_of_the_chosen_index(
    page: playwright_api.Page,
) -> None:
    select, heading = page.get_by_label("Index"), page.locator(".welcome h2")
    expect(select).to_have_value("small")
    expect(heading).to_have_text("Ask about 3 articles")
    choose(page, "أجراس")
    expect(heading).to_have_text("Ask about 1 article")
    page.locator("#sanad-show-articles").click()
    titles = page.locator(".listed .title")
    expect(titles).to_have_text(["Tower bell rings again"])
    choose(page, "small")
    expect(titles).to_have_count(3)
    expect(page.locator("#sanad-articles select[name=outlet] option")).to_contain_text(["all", "Coast Daily"])
    choose(page, "أجراس")
    expect(titles).to_have_text(["Tower bell rings again"])
    expect(page.locator("#sanad-articles")).to_be_visible()
    page.locator("#sanad-show-ask").click()
    answered(page, BELL)
    expect(page.locator("#sanad-live .source .title").first).to_have_text("Tower bell rings again")
    page.locator("#sanad-live .claims .chip").first.click()
    expect(page.locator("#sanad-panel mark")).to_have_text("Tower bell rings again")


def test_a_conversation_keeps_its_index(page: playwright_api.Page) -> None:
    answered(page, COST)
    page.locator("#sanad-index").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".welcome h2")).to_have_text("Ask about 1 article")
    expect(page.locator("#sanad-index")).to_be_focused()
    answered(page, BELL)
    page.reload()
    expect(page.locator("#sanad-index")).to_have_value("أجراس")
    expect(page.locator("#sanad-past .question")).to_contain_text(BELL)
    page.locator("#sanad-show-conversations").click()
    rows = page.locator("#sanad-conversations .when bdi")
    expect(rows).to_have_text(["أجراس", "small"])
    page.locator("#sanad-conversations .title").nth(1).click()
    expect(page.locator("#sanad-past .question")).to_contain_text(COST)
    expect(page.locator("#sanad-index")).to_have_value("small")
    answered(page, "How many boats are in the harbour of Marsa?")
    sources = page.locator("#sanad-live .source .title").all_text_contents()
    assert "Tower bell rings again" not in sources
    page.go_back()
    expect(page.locator("#sanad-past .question")).to_contain_text(BELL)
    expect(page.locator("#sanad-index")).to_have_value("أجراس")


def test_two_tabs_have_their_own_index_and_the_last_choice_is_that_of_the_next_tab(
    page: playwright_api.Page, address: str
) -> None:
    other = page.context.new_page()
    other.goto(address)
    choose(other, "أجراس")
    expect(other.locator(".welcome h2")).to_have_text("Ask about 1 article")
    page.locator("#sanad-show-articles").click()
    expect(page.locator(".listed")).to_have_count(3)
    choose(page, "small")
    page.evaluate("localStorage.setItem('sanad/index', 'small')")
    other.reload()
    expect(other.locator(".welcome h2")).to_have_text("Ask about 1 article")
    choose(other, "small")
    choose(other, "أجراس")
    third = page.context.new_page()
    third.goto(address)
    expect(third.locator("#sanad-index")).to_have_value("أجراس")
    page.reload()
    expect(page.locator("#sanad-index")).to_have_value("small")
    page.evaluate("localStorage.setItem('sanad/index', 'gone')")
    fourth = page.context.new_page()
    fourth.goto(address)
    expect(fourth.locator("#sanad-index")).to_have_value("small")


def test_a_link_opens_the_article_of_its_index(page: playwright_api.Page, address: str) -> None:
    start = TOWER.index("The bell")
    page.goto(f"{address}/?article=bell&start={start}&end={start + 8}&index=أجراس")
    expect(page.locator("#sanad-panel mark")).to_have_text("The bell")
    expect(page.locator("#sanad-index")).to_have_value("أجراس")
    page.goto(f"{address}/?article=bell&index=gone")
    expect(page.locator("#sanad-panel [role=alert]")).to_contain_text("no index “gone”")


def test_a_file_is_added_to_the_chosen_index(page: playwright_api.Page, tmp_path: Path) -> None:
    file = tmp_path / "mill.txt"
    file.write_text("Mill opens\nThe old mill on the hill opened on Sunday.\n", encoding="utf-8")
    choose(page, "أجراس")
    page.locator("#sanad-show-articles").click()
    expect(page.locator(".listed")).to_have_count(1)
    page.locator("#sanad-articles input[type=file]").set_input_files(file)
    expect(page.locator(".listed")).to_have_count(2)
    expect(page.locator("#sanad-work")).to_contain_text("1 article added")
    choose(page, "small")
    expect(page.locator(".listed")).to_have_count(3)
    expect(page.locator("#sanad-work")).to_be_hidden()


def test_a_conversation_whose_index_is_gone_is_shown_and_refuses_questions(
    chromium: playwright_api.Browser, indexes: dict[str, Assistant]
) -> None:
    port = free_port()
    server = served(indexes, port)
    with watched(chromium, f"http://127.0.0.1:{port}") as page:
        choose(page, "أجراس")
        answered(page, BELL)
        server.close()
        server = served({"small": indexes["small"]}, port)
        page.reload()
        expect(page.locator("#sanad-past .question")).to_contain_text(BELL)
        expect(page.locator(".composer .gone")).to_have_text(
            "There is no index “أجراس” on this server any more. Start a new conversation to ask."
        )
        ask(page, "And then?")
        expect(page.locator("#sanad-live [role=alert]")).to_contain_text("There is no index “أجراس”")
        page.locator("#sanad-show-articles").click()
        expect(page.locator("#sanad-articles [role=alert]")).to_contain_text("There is no index “أجراس”")
        page.locator("#sanad-new").click()
        expect(page.locator(".welcome h2")).to_have_text("Ask about 3 articles")
        expect(page.locator(".composer .gone")).to_have_count(0)
    server.close()


def test_with_one_index_nothing_is_chosen_and_no_request_names_it(
    chromium: playwright_api.Browser, indexes: dict[str, Assistant]
) -> None:
    port = free_port()
    server = served({"small": indexes["small"]}, port)
    with watched(chromium, f"http://127.0.0.1:{port}") as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.post_data or ""))
        answered(page, COST)
        page.locator("#sanad-show-conversations").click()
        expect(page.locator("#sanad-conversations .when")).to_have_count(1)
        expect(page.locator("#sanad-conversations .when bdi")).to_have_count(0)
        expect(page.locator(".bar select")).to_have_count(0)
        assert sent and not [body for body in sent if '"index"' in body]
        assert "index" not in page.evaluate("Object.values(localStorage).map(JSON.parse)[0]")
    server.close()


@pytest.mark.parametrize(
    ("width", "tallest"), [(320, 200), (390, 156), (600, 112), (920, 64), (1280, 64), (1600, 64)]
)
@pytest.mark.parametrize("locale", ["en-GB", "ar"])
def test_the_choice_fits_into_every_window_and_axe_finds_nothing_serious(
    chromium: playwright_api.Browser, address: str, locale: str, width: int, tallest: int
) -> None:
    with watched(chromium, address, locale=locale, viewport={"width": width, "height": 844}) as page:
        expect(page.get_by_label({"ar": "الفهرس"}.get(locale, "Index"))).to_be_visible()
        choose(page, "أجراس")
        until(page, "document.querySelector('.welcome h2')")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        height = page.locator(".bar").bounding_box()["height"]
        assert height <= tallest, "as much as the drawer and scrolling count on"
        assert serious(page) == []
