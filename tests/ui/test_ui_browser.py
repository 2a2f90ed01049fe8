"""The page in headless Chromium, over a stand-in assistant whose every token waits for the test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ui_browser import ask, finish, in_view, until, until_in_view
from ui_stand_in import BASE, COUNT, EARLIER_SAYS, HOSTILE, LATER_SAYS, LEFT, StandIn

from rag import BadSettings, Filter, Settings

pytestmark = pytest.mark.browser
pytest_plugins = ["ui_fixtures"]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect


@pytest.mark.parametrize(
    ("question", "first", "way", "reading"),
    [
        ("When did they leave?", LEFT, "ltr", "Reading 2 sentences"),
        ("متى غادرت القوات؟", LEFT, "rtl", "Reading 2 sentences"),
    ],
)
def test_the_sentences_being_read_are_shown_and_each_citation_opens_on_its_sentence(
    page: playwright_api.Page, assistant: StandIn, question: str, first: str, way: str, reading: str
) -> None:
    ask(page, question)
    live = page.locator("#sanad-live")
    expect(live.locator(".question")).to_have_text(re.compile(re.escape(question)))
    expect(live.locator(".turn")).to_have_attribute("data-stage", "searching")
    assistant.step()
    expect(live.locator("[role=status]")).to_have_text(reading)
    expect(live.locator(".turn .reading q").first).to_have_text(first)
    expect(live.locator(".turn .reading li").first).to_have_attribute("dir", "rtl")
    finish(page, assistant)

    expect(live.locator(".turn .reading")).to_have_count(0)
    expect(live.locator(".claims p").first).to_have_attribute("dir", way)
    for number, quote in ((1, LEFT), (2, COUNT)):
        live.locator(f"a.chip[href='#t1-s{number}']").click()
        mark = page.locator("#sanad-panel mark")
        expect(mark).to_have_text(quote, use_inner_text=False)
        expect(mark).to_be_in_viewport()
        assert in_view(page, "#sanad-panel mark")
        expect(page.locator(f"#t1-s{number} .quote")).to_have_text(quote)
        expect(page.locator(f"#t1-s{number}")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#sanad-panel")).to_be_hidden()
    expect(live.locator("a.chip[href='#t1-s2']")).to_be_focused()


def test_the_panel_steps_through_the_sources_and_names_the_page_of_a_pdf(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "What does the report say?")
    finish(page, assistant)
    page.locator("#sanad-live a.chip[href='#t1-s1']").click()
    panel = page.locator("#sanad-panel")
    expect(panel.locator("mark")).to_have_text(LEFT)
    expect(panel.locator(".at")).to_have_text("Source 1 of 2")
    expect(panel.locator(".previous")).to_be_disabled()
    expect(panel.locator("h2")).to_have_text(BASE.title)
    assert in_view(page, "#sanad-panel h2"), "though the sentence is far below it"
    panel.locator(".next").focus()
    page.keyboard.press("Enter")
    expect(panel.locator("mark")).to_have_text(COUNT)
    expect(panel.locator(".at")).to_have_text("Source 2 of 2 · page 3")
    expect(page.locator("#t1-s2")).to_have_attribute("aria-current", "true")
    expect(panel.locator(".previous")).to_be_focused()
    page.locator("#sanad-language").click()
    expect(panel.locator(".at")).to_have_text("المصدر 2 من 2 · صفحة 3")
    panel.get_by_label("المصدر السابق").click()
    expect(panel.locator("mark")).to_have_text(LEFT)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_earlier_turns_keep_their_own_sources_and_are_the_history(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    for question in ("When did they leave?", "متى غادرت القوات؟"):
        ask(page, question)
        finish(page, assistant)
    page.locator("#sanad-past a.chip[href='#t1-s2']").click()
    expect(page.locator("#sanad-panel mark")).to_have_text(COUNT)
    expect(page.locator("#t1-s2")).to_have_attribute("aria-current", "true")
    assert [turn.question for turn in assistant.histories[1]] == ["When did they leave?"]
    identities = page.eval_on_selector_all(".sanad [id]", "all => all.map(one => one.id)")
    assert len(identities) == len(set(identities))


def test_an_error_is_shown_in_words_and_the_question_stays_to_be_asked_again(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    page.keyboard.press("Enter")  # an empty box
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "a broken model")
    assistant.freely = True
    expect(page.locator("[role=alert]")).to_have_text("The model gave no token for 60 s. Ask again.")
    expect(page.locator("#sanad-question textarea")).to_have_value("a broken model")
    page.locator("#sanad-language").click()
    alert = page.locator("[role=alert]")
    expect(alert).to_have_text(re.compile("^تعطّل النموذج اللغوي: The model gave no token"))
    expect(alert.locator(".detail")).to_have_attribute("dir", "ltr")
    ask(page, "When did they leave?")
    finish(page, assistant)
    expect(page.locator("#sanad-past [role=alert]")).to_have_count(1)


def test_a_question_without_an_answer_shows_the_nearest_passages(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "Who went to the Moon?")
    finish(page, assistant)
    expect(page.locator("#sanad-live h3")).to_have_text("Closest passages, which may not answer the question")
    expect(page.locator("#sanad-live .chip")).to_have_count(0)
    page.locator("#sanad-live .opener").click()
    expect(page.locator("#sanad-panel mark").first).to_be_in_viewport()


def test_hostile_articles_run_and_fetch_nothing(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, f"trap {HOSTILE}")
    finish(page, assistant)
    page.locator("#sanad-live .chip").click()
    mark = page.locator("#sanad-panel mark")
    expect(mark).to_be_in_viewport()
    assert mark.evaluate("one => one.textContent") == HOSTILE
    assert page.locator(".sanad :is(img, script, iframe)").count() == 0


def test_a_question_is_limited_to_what_the_filter_says(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    summary = page.locator("#sanad-filter summary")
    expect(summary).to_have_text("Search in: all")
    summary.click()
    page.locator("#sanad-filter input[value='CNN']").check()
    page.locator("#sanad-filter input[name=since]").fill("٢٠٢٤")
    page.locator("#sanad-filter [name=language]").select_option("ar")
    expect(summary).to_have_text("Search in: CNN · ٢٠٢٤ – … · العربية")
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    expect(page.locator("#sanad-live .only")).to_have_text("Searched only: CNN · from ٢٠٢٤ · العربية")
    page.locator("#sanad-language").click()
    expect(summary).to_have_text("نطاق البحث: CNN · ٢٠٢٤ – … · العربية")
    summary.click()
    page.locator("#sanad-filter .reset").click()
    expect(summary).to_have_text("نطاق البحث: الكل")
    ask(page, "When did they leave?")
    finish(page, assistant)
    assert assistant.wheres == [None, Filter(("CNN",), "٢٠٢٤", None, "ar"), None]


def test_the_language_of_answers_is_chosen_and_remembered(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    summary = page.locator("#sanad-filter summary")
    summary.click()
    page.locator("#sanad-filter [name=answers]").select_option("ar")
    expect(summary).to_have_text("Search in: all · Answer in: العربية")
    page.locator("#sanad-filter .reset").click()
    expect(summary).to_have_text("Search in: all · Answer in: العربية")
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.reload()
    expect(summary).to_have_text("Search in: all · Answer in: العربية")
    summary.click()
    page.locator("#sanad-filter [name=answers]").select_option("")
    ask(page, "When did they leave?")
    finish(page, assistant)
    assert assistant.languages == ["ar", None]
    page.locator("#t1 [data-act=retry]").click()  # in the language in which it was asked
    finish(page, assistant)
    assert assistant.languages == ["ar", None, "ar"]


def test_a_wrong_date_in_the_filter_is_reported_and_the_question_stays(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-filter input[name=until]").fill("2024-31")
    page.locator("#sanad-question textarea").fill("When did they leave?")
    page.locator("#sanad-ask").click()
    expect(page.locator("[role=alert]")).to_contain_text("“2024-31” is not a date.")
    expect(page.locator("#sanad-question textarea")).to_have_value("When did they leave?")
    assert assistant.wheres == []
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-filter input[name=until]").fill("2024")
    page.locator("#sanad-ask").click()
    finish(page, assistant)
    assert assistant.wheres == [Filter(until="2024")]


def test_the_language_is_the_browsers_until_another_is_chosen_and_that_is_remembered(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], assistant: StandIn
) -> None:
    context = chromium.new_context(locale="ar-EG", base_url=served[1])
    page = context.new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("#sanad-ask")).to_have_text("إرسال")
    ask(page, "When did they leave?")
    finish(page, assistant)
    expect(page.locator("#sanad-live .opener").first).to_have_text("فتح المقال")
    expect(page.locator("#sanad-live .claims p").first).to_have_attribute("dir", "ltr")
    ask_box, stop = (page.locator(css).bounding_box() for css in ("#sanad-question", "#sanad-ask"))
    assert ask_box["x"] > stop["x"], "the row is mirrored"
    page.locator("#sanad-language").click()
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    expect(page.locator(".turn .opener").first).to_have_text("Open the article")
    page.reload()
    expect(page.locator("#sanad-past .turn .opener").first).to_have_text("Open the article")
    expect(page.locator("#sanad-ask")).to_have_text("Ask")
    context.close()


def test_no_word_of_the_page_stays_in_the_other_language(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    page.locator("#sanad-show-conversations").click()
    page.locator("#sanad-language").click()
    expect(page.locator(".turn .opener").first).to_have_text("فتح المقال")
    page.locator("#sanad-filter summary").click()
    left = page.evaluate(
        """() => [...document.querySelectorAll(".sanad button, .sanad label, .sanad summary, .sanad h3")]
            .filter(one => one.checkVisibility() && !one.closest("#sanad-language, .choice"))
            .map(one => one.innerText)
            .filter(text => /[A-Za-z]{2}/.test(text) && !/[\u0600-\u06ff]/.test(text))"""
    )
    assert left == []


def test_an_answer_is_copied_with_its_sources(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("[data-act=copy]").click()
    expect(page.locator("#sanad-said")).to_have_text("Copied with its sources.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("When did they leave?\n\nThe last advisers left Ain al-Asad [1].")
    assert f"“{LEFT}”\n003_base.txt:61" in copied
    page.locator("[data-act=copy_markdown]").click()
    until(page, "async () => (await navigator.clipboard.readText()).startsWith('**')")


def test_a_vote_with_a_comment_is_kept_on_this_machine(
    page: playwright_api.Page, assistant: StandIn, tmp_path: Path
) -> None:
    assistant.settings = Settings(cache=tmp_path)
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("[data-act=bad]").click()
    page.locator(".rating textarea").fill("In 2026")
    page.locator(".rating button").click()
    expect(page.locator("#sanad-said")).to_contain_text("stored only on the machine")
    expect(page.locator(".rating")).to_have_count(0)
    (line,) = (tmp_path / "feedback.jsonl").read_text("utf-8").splitlines()
    kept = json.loads(line)
    assert (kept["vote"], kept["comment"], kept["quotes"][0]) == ("bad", "In 2026", ["base", LEFT])


def test_pointing_at_a_chip_shows_its_source_and_so_does_the_keyboard(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    card = page.locator("#sanad-card")
    chip = page.locator("#sanad-live .claims .chip")
    chip.nth(1).hover()
    expect(card).to_be_visible()
    for expected in ("CNN", "18 January 2026", "القوات الأمريكية تغادر", COUNT, "partly supported: the year"):
        expect(card).to_contain_text(expected)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(chip.first).to_have_accessible_description("")
    chip.first.focus()
    expect(card).to_contain_text(LEFT)
    expect(chip.first).to_have_accessible_description(re.compile(re.escape(LEFT)))
    expect(chip.nth(1)).to_have_accessible_description("")
    page.keyboard.press("Enter")
    expect(page.locator("#sanad-panel mark")).to_have_text(LEFT)
    expect(page.locator("#sanad-panel .panel-close")).to_be_focused()


def test_a_word_of_the_original_shows_its_meaning_to_pointer_and_keyboard(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "Who left, word for word?")
    finish(page, assistant)
    quote, meaning = page.locator("#t1-s1 .glossed"), page.locator("#sanad-meaning")
    expect(quote).to_have_text(LEFT)
    expect(meaning).to_be_hidden()
    quote.locator(".word", has_text="المستشارين").hover()
    expect(meaning).to_have_text(re.compile("advisers|advisors"))
    expect(meaning).to_be_in_viewport(ratio=1)
    page.locator("#sanad-question").hover()
    expect(meaning).to_be_hidden()
    page.locator("#t1-s1 .opener").focus()
    page.keyboard.press("Shift+Tab")
    expect(quote).to_be_focused()
    expect(meaning).to_have_text(quote.locator(".word").nth(0).get_attribute("data-meaning"))
    page.keyboard.press("ArrowLeft")
    expect(meaning).to_have_text(quote.locator(".word").nth(1).get_attribute("data-meaning"))
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(quote.locator(".current")).to_have_text("غادرت")
    page.mouse.wheel(0, 40)
    expect(meaning).to_be_visible()


def test_the_sides_of_a_disagreement_are_beside_each_other(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "What is the population?")
    finish(page, assistant)
    expect(page.locator("#sanad-live .note")).to_have_text("The sources say different things.")
    expect(page.locator("#sanad-live .value")).to_have_text(["308 [1]", "318 [2]"])
    expect(page.locator(".sides .quote")).to_have_text([LATER_SAYS, EARLIER_SAYS])
    expect(page.locator(".sides time")).to_have_text(["6 September 2024", "March 2024"])
    left, right = (page.locator(".sides .source").nth(n).bounding_box() for n in (0, 1))
    assert left["x"] + left["width"] < right["x"]
    page.locator(".sides .chip").nth(1).click()
    expect(page.locator("#sanad-panel mark")).to_have_text(EARLIER_SAYS)


def test_an_example_is_asked_by_a_click(page: playwright_api.Page, assistant: StandIn) -> None:
    example = page.locator(".example").first
    question = example.inner_text()
    example.click()
    expect(page.locator("#sanad-live .question")).to_contain_text(question)
    finish(page, assistant)
    expect(page.locator(".welcome")).to_be_hidden()


def test_the_first_screen_takes_few_requests_and_none_of_gradios_scripts(
    chromium: playwright_api.Browser, served: tuple[StandIn, str]
) -> None:
    context = chromium.new_context(base_url=served[1])
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(served[1])))
    page.goto("/")
    expect(page.locator(".welcome")).to_be_visible()
    page.wait_for_load_state("networkidle")
    sent = [path for path in asked if not path.startswith("data:")]
    assert sent[0] == "/" and set(sent[1:]) <= {"/gradio_api/run/start", "/gradio_api/run/working"}
    assert len(sent) <= 8
    context.close()


def test_closed_routes_and_other_host_names_are_refused(page: playwright_api.Page) -> None:
    request = page.request
    for path in ("file=https://elsewhere.example/", "upload", "openapi.json", "call/ask", "component_server"):
        assert request.get(f"/gradio_api/{path}").status == 404
    for path in ("/theme.css", "/static/img/logo.svg", "/assets/index.js", "/login", "/monitoring"):
        assert request.get(path).status == 404
    assert request.get("/", headers={"Host": "elsewhere.example"}).status == 400
    for path in ("/", "/gradio_api/info"):
        allowed = request.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in allowed
        assert "unsafe" not in allowed
    assert request.get("/").headers["content-security-policy"] != allowed, "a nonce for each response"


def test_a_script_that_gets_into_the_page_is_not_run(
    chromium: playwright_api.Browser, served: tuple[StandIn, str]
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(served[1])
    expect(page.locator(".welcome")).to_be_visible()
    ran = page.evaluate(
        """() => {
            const holder = document.createElement("div");
            holder.innerHTML = "<img src='data:,' onerror='window.ran = 1'>";
            const script = document.createElement("script");
            script.textContent = "window.ran = 2";
            document.body.append(holder, script);
            return new Promise((done) => setTimeout(() => done(window.ran ?? 0), 300));
        }"""
    )
    assert ran == 0
    context.close()


def test_the_page_fits_a_phone(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], assistant: StandIn
) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 700}, locale="ar")
    page = context.new_page()
    page.goto(served[1])
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    page.locator("#sanad-filter summary").click()
    expect(page.locator("#sanad-filter [name=language]")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-live .chip").first.click()
    expect(page.locator("#sanad-panel mark")).to_be_in_viewport()
    assert in_view(page, "#sanad-panel mark")
    assert page.locator("#sanad-panel").bounding_box()["width"] == 360
    page.mouse.move(0, 0)  # or it would point at the chip again
    for _ in range(4):  # the keyboard stays within the article, which covers the rest
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('main, .bar, #sanad-composer')")
    page.keyboard.press("Escape")
    expect(page.locator("#sanad-live .chip").first).to_be_focused()
    expect(page.locator("#sanad-card")).to_be_hidden()
    page.locator("[data-act=bad]").click()
    until_in_view(page, ".rating button")
    context.close()


@pytest.mark.parametrize("port", [0, 70_000, -1])
def test_what_is_no_port_is_refused(port: int) -> None:
    from ui.app import start

    with pytest.raises(BadSettings, match=rf"{port}.*--port"):
        start(StandIn(), port=port)  # type: ignore[arg-type]


def test_a_port_that_is_taken_is_named(served: tuple[StandIn, str]) -> None:
    from ui.app import launch

    port = int(served[1].rsplit(":", 1)[1])
    with pytest.raises(BadSettings, match=rf"{port}.*--port"):
        launch(StandIn(), port=port)  # type: ignore[arg-type]


def test_the_script_and_the_styles_name_no_other_host() -> None:
    assets = Path(__file__).resolve().parents[2] / "ui" / "assets"
    for file in assets.glob("*.*"):  # not those of pdf.js, which a policy and tests in a browser keep here
        assert "//" not in re.sub(r"^\s*//.*|\s//\s.*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
