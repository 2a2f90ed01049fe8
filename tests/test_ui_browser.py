"""The page in headless Chromium, over a stand-in assistant whose every token waits for the test."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rag import (
    Answer,
    Article,
    BadQuestion,
    BadSettings,
    Citation,
    Claim,
    Evidence,
    Filter,
    Finished,
    Passage,
    Retrieved,
    SanadError,
    Settings,
    Token,
    Turn,
)
from rag.records import Chunk, Language, Outcome

pytestmark = pytest.mark.browser

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

FILLER = "\n".join(f"فقرة رقم {n} لا علاقة لها بالسؤال، وهي هنا لكي يطول المقال." for n in range(60))
LEFT = "غادرت آخر دفعة من المستشارين الأمريكيين قاعدة عين الأسد الجوية في محافظة الأنبار غرب العراق."
COUNT = "CNN تقول إن حوالي 2500 جندي كانوا في العراق في ديسمبر/كانون الأول 2021."
HOSTILE = "<img src=https://elsewhere.example/x.png onerror=alert(1)><script>alert(2)</script> \u202eabc"

ENGLISH = ["The last advisers left Ain al-Asad [1].", "About 2,500 soldiers were in Iraq in 2021 [2]."]
ARABIC = ["غادرت القوات قاعدة عين الأسد في الأنبار [1].", "وكان في العراق 2500 جندي بحسب CNN [2]."]

BASE = Article(
    id="base", title="القوات الأمريكية تغادر قاعدة عين الأسد", text=f"{FILLER}\n{LEFT}\n{COUNT}\n{FILLER}",
    source="003_base.txt", outlet="CNN", published="2026-01-18",
)  # fmt: skip
TRAP = Article(id="trap", title=HOSTILE, text=f"{HOSTILE}\n\n{HOSTILE}", source="trap.txt", outlet=HOSTILE)


class StandIn:
    """Answers by words of the question; each token is handed out when the test says ``step()``."""

    model = "stand-in"
    generation = "generation-0001"
    settings = Settings()

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.freely = False
        self.closed = threading.Event()
        self.histories: list[list[Turn]] = []
        self.wheres: list[Filter | None] = []

    def articles(self) -> list[Article]:
        return [BASE, TRAP]

    def article(self, article_id: str) -> Article:
        for article in self.articles():
            if article.id == article_id:
                return article
        raise SanadError(f"No article {article_id!r} in this index.")

    def stream(
        self, question: str, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> Iterator[Retrieved | Token | Finished]:
        if not question.strip():
            raise BadQuestion("The question is empty; type one.")
        self.histories.append(list(history))
        self.wheres.append(where)
        answer = self._answer(question)
        try:
            self._wait()
            yield Retrieved(answer.passages, answer.evidence)
            for word in re.findall(r"\S+\s*", answer.text):
                self._wait()
                yield Token(word)
            self._wait()
            yield Finished(answer)
        finally:
            self.closed.set()

    def step(self, times: int = 1) -> None:
        self.steps.release(times)

    def _wait(self) -> None:
        while not self.freely and not self.steps.acquire(timeout=0.05):
            pass

    def _answer(self, question: str) -> Answer:
        if "Moon" in question:
            return make_answer(question, ["The articles do not say."], [], outcome="not_found")
        if "trap" in question:
            return make_answer(question, [f"{HOSTILE} [1]."], [(TRAP, HOSTILE)])
        if re.search("[\u0600-\u06ff]", question):
            return make_answer(question, ARABIC, [(BASE, LEFT), (BASE, COUNT)], language="ar")
        return make_answer(question, ENGLISH, [(BASE, LEFT), (BASE, COUNT)], outcome="partial")


def make_answer(
    question: str, claims: list[str], quotes: list[tuple[Article, str]], *, language: Language = "en",
    outcome: Outcome = "answered",
) -> Answer:  # fmt: skip
    """An answer over real spans; with outcome ``partial`` its last claim is only partly supported."""
    made: list[Claim] = []
    at = 0
    for text in claims:
        doubtful = outcome == "partial" and text is claims[-1]
        numbers = tuple(int(n) for n in re.findall(r"\[(\d)\]", text))
        reason = "the year is not in the sentence" if doubtful else ""
        made.append(Claim(text, at, at + len(text), numbers, "partial" if doubtful else "supported", reason))
        at += len(text) + 1
    citations = tuple(make_citation(n, *quote) for n, quote in enumerate(quotes, 1))
    evidence = tuple(
        Evidence(
            number=c.number, article_id=c.article_id, start=c.start, end=c.end, text=c.quote, title=c.title,
            outlet=c.outlet, published=c.published, source=c.source, line=c.line, score=0.9,
        )
        for c in citations
    )  # fmt: skip
    return Answer(
        question=question.strip(), text=" ".join(claims), language=language, outcome=outcome,
        claims=tuple(made), citations=citations, passages=make_passages(), evidence=evidence,
        model="stand-in", generation="generation-0001", timings={"total": 8.2},
    )  # fmt: skip


def make_citation(number: int, article: Article, quote: str) -> Citation:
    start = article.text.index(quote)
    line = article.text.count("\n", 0, start) + 1
    return Citation(
        number, article.id, article.title, article.outlet, article.published, article.source, line,
        start, start + len(quote), quote,
    )  # fmt: skip


def make_passages() -> tuple[Passage, ...]:
    text = BASE.text[:400]
    chunk = Chunk(id="c1", article_id=BASE.id, start=0, end=400, tokens=120)
    return (Passage(chunk, text, BASE.title, BASE.outlet, BASE.published, 0.7, 0.7, None, 1),)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright_api.Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine; apt-get install chromium")
        pytest.skip("no chromium on this machine; apt-get install chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[StandIn, str]]:
    """The stand-in and the address of its page: one server for all tests, as starting one takes seconds."""
    from ui.app import start

    assistant, port = StandIn(), free_port()
    app = start(assistant, port=port)  # type: ignore[arg-type]
    yield assistant, f"http://127.0.0.1:{port}"
    assistant.freely = True
    app.close(verbose=False)


@pytest.fixture
def assistant(served: tuple[StandIn, str]) -> Iterator[StandIn]:
    assistant = served[0]
    assistant.steps, assistant.freely = threading.Semaphore(0), False
    assistant.closed.clear()
    assistant.histories.clear()
    assistant.wheres.clear()
    yield assistant
    assistant.freely = True


@pytest.fixture
def page(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], assistant: StandIn
) -> Iterator[playwright_api.Page]:
    """A fresh tab on the page. After the test: nothing was asked of another host, nothing broke."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=served[1])
    page = context.new_page()
    page.set_default_timeout(20_000)
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
    page.goto(served[1])
    page.wait_for_function("document.querySelector('#sanad-question textarea')")
    yield page
    assistant.freely = True
    context.close()
    foreign = [url for url in asked if not url.startswith((served[1], "data:", "blob:"))]
    assert foreign == []
    assert faults == []


def ask(page: playwright_api.Page, question: str) -> None:
    """Ask, and wait until the question's own turn is the live one."""
    turns = page.locator(".turn").count()
    page.locator("#sanad-question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(f"#sanad-live #t{turns + 1}")).to_be_attached()
    expect(page.locator(".turn")).to_have_count(turns + 1)


def finish(page: playwright_api.Page, assistant: StandIn) -> None:
    assistant.freely = True
    expect(page.locator("#sanad-live .turn")).to_have_attribute("data-stage", "done")
    expect(page.locator("#sanad-ask")).to_be_visible()
    assistant.freely = False


def in_view(page: playwright_api.Page, css: str) -> bool:
    """Whether the middle of the element is what the reader sees at that point."""
    return bool(
        page.evaluate(
            """css => {
                const shown = document.querySelector(css);
                const box = shown.getClientRects()[0];
                const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return shown === top || shown.contains(top);
            }""",
            css,
        )
    )


@pytest.mark.parametrize(
    ("question", "first", "way", "reading"),
    [
        ("When did they leave?", "The last ", "ltr", "Reading 2 sentences"),
        ("متى غادرت القوات؟", "غادرت القوات ", "rtl", "أقرأ 2 من الجمل"),
    ],
)
def test_an_answer_streams_and_each_citation_opens_on_its_sentence(
    page: playwright_api.Page, assistant: StandIn, question: str, first: str, way: str, reading: str
) -> None:
    ask(page, question)
    live = page.locator("#sanad-live")
    expect(live.locator(".question")).to_have_text(re.compile(re.escape(question)))
    expect(live.locator(".turn")).to_have_attribute("data-stage", "searching")
    assistant.step()
    expect(live.locator("[role=status]")).to_have_text(reading)
    assistant.step(2)
    expect(live.locator(".draft")).to_have_text(first.strip())
    expect(live.locator(".draft p")).to_have_attribute("dir", way)
    finish(page, assistant)

    expect(live.locator(".draft")).to_have_count(0)
    expect(live.locator(".claims p")).to_have_attribute("dir", way)
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


def test_stop_stops_the_model_and_keeps_the_draft(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    assistant.step(3)
    expect(page.locator(".draft")).to_have_text("The last")
    page.locator("#sanad-stop").click()
    expect(page.locator("#sanad-live [role=status]")).to_have_text("Stopped.", timeout=1_000)
    expect(page.locator(".draft")).to_have_text("The last")
    expect(page.locator("#sanad-ask")).to_be_visible()
    assistant.step()  # the token that the model was at
    assert assistant.closed.wait(5), "the stream was closed"
    ask(page, "And in Arabic?")
    finish(page, assistant)
    assert assistant.histories[-1] == []


def test_closing_the_tab_stops_the_model(
    page: playwright_api.Page, assistant: StandIn, served: tuple[StandIn, str]
) -> None:
    ask(page, "When did they leave?")
    assistant.step(2)
    expect(page.locator(".draft")).to_have_text("The")
    page.goto("about:blank")
    for _ in range(200):
        assistant.step()
        if assistant.closed.wait(0.1):
            break
    assert assistant.closed.is_set()
    page.goto(served[1])


def test_an_error_is_told_in_words_and_the_conversation_goes_on(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "   ")
    expect(page.locator("[role=alert]")).to_have_text("The question is empty; type one.")
    ask(page, "When did they leave?")
    finish(page, assistant)
    expect(page.locator("#sanad-past [role=alert]")).to_have_text("The question is empty; type one.")


def test_a_question_without_an_answer_shows_the_nearest_passages(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    ask(page, "Who went to the Moon?")
    finish(page, assistant)
    expect(page.locator("#sanad-live h3")).to_have_text("Nearest passages, not an answer")
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


def test_what_the_reader_unfolded_stays_unfolded(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#t1-others summary").click()
    expect(page.locator("#t1-others")).to_have_attribute("open", "")
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    expect(page.locator("#sanad-past #t1-others")).to_have_attribute("open", "")


def test_clear_empties_the_conversation(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    page.locator("#sanad-live .chip").first.click()
    expect(page.locator("#sanad-panel mark")).to_be_visible()
    page.locator("#sanad-clear").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#sanad-panel")).to_be_hidden()


def test_a_question_is_limited_to_what_the_filter_says(page: playwright_api.Page, assistant: StandIn) -> None:
    ask(page, "When did they leave?")
    finish(page, assistant)
    summary = page.locator("#sanad-filter summary")
    expect(summary).to_have_text("Sources · المصادر: all · الكل")
    summary.click()
    page.locator("#sanad-filter input[value='CNN']").check()
    page.locator("#sanad-filter input[name=since]").fill("٢٠٢٤")
    page.locator("#sanad-filter select").select_option("ar")
    expect(summary).to_have_text("Sources · المصادر: CNN · ٢٠٢٤ – … · العربية")
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    expect(page.locator("#sanad-live .only")).to_have_text("فقط: CNN · من ٢٠٢٤ · العربية")
    summary.click()
    page.locator("#sanad-filter .reset").click()
    expect(summary).to_have_text("Sources · المصادر: all · الكل")
    ask(page, "When did they leave?")
    finish(page, assistant)
    assert assistant.wheres == [None, Filter(("CNN",), "٢٠٢٤", None, "ar"), None]


def test_a_wrong_date_in_the_filter_is_told_and_the_question_stays(
    page: playwright_api.Page, assistant: StandIn
) -> None:
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-filter input[name=until]").fill("2024-31")
    page.locator("#sanad-question textarea").fill("When did they leave?")
    page.locator("#sanad-ask").click()
    expect(page.locator("[role=alert]")).to_contain_text("'2024-31'")
    expect(page.locator("#sanad-question textarea")).to_have_value("When did they leave?")
    assert assistant.wheres == []
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-filter input[name=until]").fill("2024")
    page.locator("#sanad-ask").click()
    finish(page, assistant)
    assert assistant.wheres == [Filter(until="2024")]


def test_closed_routes_and_other_host_names_are_refused(page: playwright_api.Page) -> None:
    request = page.request
    for path in ("file=https://elsewhere.example/", "upload", "openapi.json", "info"):
        assert request.get(f"/gradio_api/{path}").status == 404
    assert request.get("/", headers={"Host": "elsewhere.example"}).status == 400
    assert "default-src 'none'" in request.get("/").headers["content-security-policy"]


def test_the_page_fits_a_phone(
    chromium: playwright_api.Browser, served: tuple[StandIn, str], assistant: StandIn
) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto(served[1])
    ask(page, "متى غادرت القوات؟")
    finish(page, assistant)
    page.locator("#sanad-filter summary").click()
    expect(page.locator("#sanad-filter select")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#sanad-filter summary").click()
    page.locator("#sanad-live .chip").first.click()
    expect(page.locator("#sanad-panel mark")).to_be_in_viewport()
    assert in_view(page, "#sanad-panel mark")
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
    assets = Path(__file__).resolve().parent.parent / "ui" / "assets"
    for file in assets.iterdir():
        assert "//" not in re.sub(r"^\s*//.*|\s//\s.*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
