"""The articles of the page in headless Chromium, over a real index: browse, search, add, remove."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FakeAssistant
from ui_browser import ask, serving, watched

from rag import Assistant
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from ui.html import library

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_disk")]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

TOWER = "Tower bell rings again\nThe bell of the old tower rang on Friday for the first time since 1952.\n"


class Held(FakeEmbedder):
    """An embedder that waits within an update until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()

    def passages(self, texts: list[str]) -> Vectors:
        self.go.wait(20)
        return super().passages(texts)


@pytest.fixture
def embedder() -> Held:
    return Held()


@pytest.fixture
def assistant(fake_assistant: FakeAssistant, embedder: Held) -> Assistant:
    return fake_assistant(embedder=embedder, max_file_bytes=2000)


@pytest.fixture
def page(chromium: playwright_api.Browser, assistant: Assistant) -> Iterator[playwright_api.Page]:
    with serving(assistant) as address, watched(chromium, address) as page:
        page.locator("#sanad-show-articles").click()
        expect(page.locator(".found")).to_have_text("3 articles")
        yield page


def upload(page: playwright_api.Page, *files: Path) -> None:
    page.locator("#sanad-articles input[type=file]").set_input_files(list(files))


def titles(page: playwright_api.Page) -> playwright_api.Locator:
    return page.locator(".listed .title")


@pytest.mark.parametrize(
    ("link", "marked", "shown"),
    [
        (
            "article=harbour&start={start}&end={end}",
            "12 million dollars",
            "The repairs cost 12 million dollars",
        ),
        ("article=harbour", "", "The repairs cost 12 million dollars"),
        ("article=harbour&start=5&end=99999", "", "The repairs cost 12 million dollars"),
        ("article=harbour&start=x&end=-1", "", "The repairs cost 12 million dollars"),
        ("article=nothing&start=0&end=5", "", "no article 'nothing'"),
    ],
)
def test_a_link_opens_the_page_at_a_sentence(
    page: playwright_api.Page, assistant: Assistant, link: str, marked: str, shown: str
) -> None:
    start = assistant.article("harbour").text.index("12 million dollars")
    address = page.url.partition("?")[0].partition("#")[0]
    page.goto(f"{address}?{link.format(start=start, end=start + len('12 million dollars'))}")
    expect(page.locator("#sanad-panel .panel-body")).to_contain_text(shown)
    expect(page.locator("#sanad-panel mark")).to_have_text([marked] if marked else [])
    page.locator("#sanad-panel .panel-close").click()
    expect(page.locator("#sanad-panel")).to_be_hidden()


def test_articles_are_searched_filtered_and_opened(page: playwright_api.Page) -> None:
    page.locator("[name=query]").fill("HARBOUR two")
    expect(titles(page)).to_have_text(["Harbour reopens after two years"])
    expect(page.locator(".found")).to_have_text("1 of 3 articles")
    titles(page).click()
    expect(page.locator("#sanad-panel .text")).to_contain_text("12 million dollars")
    expect(page.locator("#sanad-panel :is(mark, .note)")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(titles(page)).to_be_focused()
    page.locator("[name=query]").fill("")
    page.locator("#sanad-articles [name=language]").select_option("ar")
    expect(titles(page)).to_have_text(["افتتاح مكتبة في حي النخيل"])
    page.locator("#sanad-articles [name=since]").fill("soon")
    expect(page.locator("#sanad-articles [role=alert]")).to_contain_text("“soon” is not a date")
    page.locator("#sanad-articles [name=since]").fill("")
    page.locator("#sanad-articles [name=language]").select_option("")
    page.locator("#sanad-articles [name=outlet]").select_option("Coast Daily")
    expect(titles(page)).to_have_text(["Harbour reopens after two years"])


def test_files_are_added_and_faults_of_others_are_reported(
    page: playwright_api.Page, tmp_path: Path, assistant: Assistant
) -> None:
    files = {"tower.txt": TOWER, "empty.txt": " \n", "big.txt": "x" * 2001, "run.exe": "MZ"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    upload(page, *(tmp_path / name for name in files))
    expect(page.locator(".sent [role=alert]")).to_have_text(
        [
            "“big.txt” is larger than 0.002 MB, the limit for a file.",
            re.compile("^Sanad cannot read files like “run.exe”"),
        ]
    )
    work = page.locator("#sanad-work")
    expect(work).to_contain_text("1 article added.")
    expect(work.locator(".skipped")).to_contain_text("empty.txt")
    expect(page.locator(".found")).to_have_text("4 articles")
    assert [path.name for path in assistant.uploads.iterdir()] == ["tower.txt"]


def test_asking_goes_on_while_files_are_indexed(
    page: playwright_api.Page, tmp_path: Path, embedder: Held
) -> None:
    (tmp_path / "tower.txt").write_text(TOWER, encoding="utf-8")
    embedder.go.clear()
    upload(page, tmp_path / "tower.txt")
    bar = page.locator("#sanad-work progress")
    expect(bar).to_be_visible()
    page.locator("#sanad-show-ask").click()
    ask(page, "Who is the port director of the harbour?")
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    expect(bar).to_be_visible()
    embedder.go.set()
    expect(page.locator("#sanad-work")).to_contain_text("1 article added")
    ask(page, "When did the bell of the tower ring?")
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    expect(page.locator("#sanad-live .sources .title").first).to_have_text("Tower bell rings again")


def test_a_turn_is_there_once_if_the_next_question_is_asked_while_the_past_is_drawn_again(
    page: playwright_api.Page,
) -> None:
    page.locator("#sanad-show-ask").click()
    ask(page, "Who is the port director of the harbour?")
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    held: dict[str, playwright_api.Route] = {}
    page.route(re.compile("/run/(show|begin)$"), lambda route: held.update({route.request.url[-5:]: route}))
    with page.expect_request("**/run/show"):
        page.evaluate("document.dispatchEvent(new Event('sanad:articles'))")
    with page.expect_request("**/run/begin"):
        page.locator("#sanad-question textarea").fill("By how much did the olive harvest fall?")
        page.keyboard.press("Enter")
    with page.expect_response("**/run/show"):
        held["/show"].continue_()
    with page.expect_response("**/run/begin"):
        held["begin"].continue_()
    expect(page.locator("#sanad-live .turn#t2")).to_have_attribute("data-stage", "done")
    expect(page.locator(".turn")).to_have_count(2)


def test_an_article_is_removed_once_that_is_confirmed(page: playwright_api.Page, tmp_path: Path) -> None:
    (tmp_path / "tower.txt").write_text(TOWER, encoding="utf-8")
    upload(page, tmp_path / "tower.txt")
    expect(page.locator(".found")).to_have_text("4 articles")
    remove = page.get_by_label("Remove article: Tower bell rings again")
    remove.click()
    expect(page.locator("#sanad-sure")).to_contain_text("its file is deleted too")
    page.keyboard.press("Escape")
    expect(page.locator(".found")).to_have_text("4 articles")
    remove.click()
    page.locator("#sanad-sure .danger").click()
    expect(page.locator(".found")).to_have_text("3 articles")
    page.get_by_label("Remove article: Harbour").click()
    expect(page.locator("#sanad-sure")).to_contain_text(
        "the next update of its folder adds the article again"
    )
    page.locator("#sanad-sure .danger").click()
    expect(page.locator(".found")).to_have_text("2 articles")
    expect(page.locator("#sanad-filter-slot input[name=outlet]")).to_have_count(1)


def test_a_file_is_dropped_onto_the_page(page: playwright_api.Page) -> None:
    data = page.evaluate_handle(
        """text => { const data = new DataTransfer();
                     data.items.add(new File([text], "برج.txt")); return data; }""",
        TOWER,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    expect(page.locator(".found")).to_have_text("4 articles")
    expect(page.locator(".listed .file").filter(has_text="برج.txt")).to_have_count(1)


def test_a_list_that_is_drawn_again_leaves_the_focus_where_it_is(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    edit, row = (
        page.get_by_label("Edit outlet and date: Harbour"),
        page.locator(".listed[data-article=harbour]"),
    )
    for outlet in ("Coast Daily", "Marsa Post"):  # the same list, and one that differs
        assistant.correct("harbour", outlet=outlet, published="2023-09-06")
        edit.focus()
        with page.expect_response("**/run/articles"):
            page.evaluate("document.dispatchEvent(new Event('sanad:back'))")
        expect(row).to_contain_text(outlet)
        expect(edit).to_be_focused()


def test_the_keyboard_goes_on_where_more_articles_are_shown_and_beside_one_that_is_removed(
    page: playwright_api.Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PAGE", 2)
    (tmp_path / "tower.txt").write_text(TOWER, encoding="utf-8")
    upload(page, tmp_path / "tower.txt")
    expect(titles(page)).to_have_count(2)
    page.locator(".more").press("Enter")
    expect(titles(page)).to_have_count(4)
    expect(titles(page).nth(2)).to_be_focused()
    remove, yes = page.locator(".listed button.remove"), page.locator("#sanad-sure .danger")
    for removed, left in ((1, 3), (2, 2)):  # one with a next one, and the last
        remove.nth(removed).press("Enter")
        yes.press("Enter")
        expect(remove).to_have_count(left)
        expect(remove.nth(1)).to_be_focused()
    page.locator("[name=query]").fill(titles(page).nth(1).inner_text())
    expect(remove).to_have_count(1)
    remove.press("Enter")
    yes.press("Enter")
    expect(remove).to_have_count(0)
    expect(page.locator("[name=query]")).to_be_focused()


def test_outlet_and_date_are_corrected_with_the_keyboard_and_shown_everywhere_at_once(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.locator("#sanad-show-ask").click()
    ask(page, "Who is the port director of the harbour?")
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    page.locator("#sanad-show-articles").click()
    row = page.locator(".listed[data-article=harbour]")
    page.get_by_label("Edit outlet and date: Harbour").focus()
    page.keyboard.press("Enter")
    expect(row.locator("[name=outlet]")).to_be_focused()
    expect(row.locator("[name=outlet]")).to_have_value("Coast Daily")
    page.keyboard.press("Escape")
    expect(row.locator("button.correct")).to_be_focused()
    page.keyboard.press("Enter")
    row.locator("[name=outlet]").fill("Marsa Post")
    row.locator("[name=published]").fill("6/9/2023")
    page.keyboard.press("Enter")
    expect(row.locator("[role=alert]")).to_contain_text("“6/9/2023” is not a date")
    expect(row.locator("[name=published]")).to_be_focused()
    row.locator("[name=published]").fill("٢٠٢٣-٠٩-٠٦")
    page.keyboard.press("Enter")
    expect(page.locator("#sanad-work")).to_have_text("Outlet and date were saved.")
    expect(row.locator(".provenance")).to_have_text("Marsa Post · 6 September 2023")
    expect(row.locator("button.correct")).to_be_focused()
    offered = page.locator("#sanad-articles select[name=outlet] option")
    expect(offered).to_have_text(["all", "Marsa Post", "صحيفة النخيل"])
    page.locator("#sanad-show-ask").click()
    expect(page.locator(".turn .provenance").first).to_have_text("Marsa Post · 6 September 2023")
    expect(page.locator("#sanad-filter-slot input[name=outlet]").first).to_have_value("Marsa Post")
    assert assistant.article("harbour").published == "2023-09-06"


def test_the_list_that_is_there_can_be_used_while_its_successor_is_on_the_way(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    held: list[playwright_api.Route] = []
    page.route("**/run/a*", lambda route: held.append(route))
    page.locator("#sanad-show-ask").click()
    with page.expect_request("**/run/a*"):
        page.locator("#sanad-show-articles").click()
    row = page.locator(".listed[data-article=harbour]")
    row.locator("button.correct").click()
    row.locator("[name=outlet]").fill("Marsa Post")
    page.route("**/run/a*", lambda route: route.continue_())  # the route added last goes first
    with page.expect_response("**/run/articles"):
        for route in held:
            route.continue_()
    page.keyboard.press("Enter")
    expect(row.locator(".provenance")).to_have_text("Marsa Post · 6 September 2024")
    assert assistant.article("harbour").outlet == "Marsa Post"


def test_in_arabic_an_unknown_outlet_is_given_and_the_wrong_date_is_named(page: playwright_api.Page) -> None:
    page.locator("#sanad-language").click()
    row = page.locator(".listed[data-article=olives]")
    expect(row.locator(".provenance")).to_have_text("ناشر غير معروف")
    row.locator("button.correct").click()
    row.locator("[name=published]").fill("2024-13")
    row.locator("[type=submit]").click()
    expect(row.locator("[role=alert]")).to_contain_text("«2024-13» ليس تاريخًا")
    assert row.locator(".correction").evaluate("one => getComputedStyle(one).direction") == "rtl"
    row.locator("[name=outlet]").fill("عنب بلدي")
    row.locator("[name=published]").fill("2024-08")
    row.locator("[type=submit]").click()
    expect(row.locator(".provenance")).to_have_text("عنب بلدي · أغسطس 2024")
