"""Articles that were read from PDFs, shown as the PDF's page in headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FakeAssistant
from pdf_maker import Placed, make_pdf, place_pdf, stream, write_pdf
from ui_browser import serious, serving, until, watched

from rag import Assistant

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_disk")]

playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect

SENTENCES = {
    "en": "The bridge over the river cost 14 million dollars and opened in March 2024.",
    "ar": "بلغت تكلفة الجسر الجديد فوق النهر ١٤ مليون دولار وافتُتح في مارس 2024.",
}
SHAPED = "بلغت تكلفة الجسر الجديد فوق النهر 14 مليون دولار في عام 2024"
OVER_THE_PAGE = (
    "The committee that met in the old town hall on Monday morning has at last",
    "approved the budget of nine million dollars for the schools of the district.",
)
WOVEN = (
    "The painters of the valley showed",
    "their pictures in the mill, where",
    "three hundred visitors saw them.",
)
BESIDE = (
    "A ferry to the islands leaves at",
    "noon on each weekday, and twice a",
    "day from May until late October.",
)
TOP, LEFT, SIZE = 500, 90, 13
"""CSS pixels from the corner of the second page. A print that is wider than its page would be scaled down."""
WIDTH, HEIGHT = 794, 1123  # of A4, in the same

FILLER = {
    "en": "The mayor thanked the workers for their patience during the long and cold winter.",
    "ar": "شكر رئيس البلدية العمال على صبرهم خلال الشتاء الطويل البارد في المدينة القديمة.",
}


def printed(chromium: playwright_api.Browser, language: str) -> bytes:
    """A PDF of two pages, as a browser prints it; the sentence is on the second one."""
    way = "rtl" if language == "ar" else "ltr"
    side = "right" if language == "ar" else "left"
    lines = "".join(f'<p style="top:{100 + 40 * n}px">{FILLER[language]}</p>' for n in range(8))
    sentence = f'<p style="top:{TOP}px">{SENTENCES[language]}</p>'
    page = chromium.new_page()
    page.set_content(
        f'<html lang="{language}" dir="{way}"><style>@page {{ size: {WIDTH}px {HEIGHT}px; margin: 0 }}'
        f"body {{ margin: 0 }} div {{ position: relative; height: {HEIGHT - 1}px; break-after: page }}"
        f"p {{ position: absolute; {side}: {LEFT}px; margin: 0; white-space: nowrap; "
        f"font: {SIZE}px/1.5 serif }}"
        f"</style><div>{lines}</div><div>{lines}{sentence}</div></html>"
    )
    data = page.pdf(prefer_css_page_size=True)
    page.close()
    return bytes(data)


HOSTILE = write_pdf(
    [
        b"<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\('x'\\); "
        b"app.launchURL\\('http://elsewhere.example/'\\)) >> "
        b"/AA << /WC << /S /Launch /F (run.exe) >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Resources << /Font << /C 5 0 R >> >> "
        b"/Contents 4 0 R /Annots [6 0 R] /AA << /O << /S /URI /URI (http://elsewhere.example/) >> >> >>",
        stream(
            b"BT /C 12 Tf 1 0 0 1 60 700 Tm (The harbour wall was repaired by forty workers in June.) Tj ET"
        ),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Annot /Subtype /Link /Rect [0 0 612 842] "
        b"/A << /S /URI /URI (http://elsewhere.example/) >> >>",
    ]
)
"""A PDF that wants to run a script and a program, and to open an address."""


@pytest.fixture
def folder(small_articles: Path, fake_assistant: FakeAssistant, chromium: playwright_api.Browser) -> Path:
    for language in SENTENCES:
        (small_articles / f"bridge-{language}.pdf").write_bytes(printed(chromium, language))
    (small_articles / "harbour-wall.pdf").write_bytes(HOSTILE)
    met = ["The council of the small town near the river has met every week since the spring."] * 3
    (small_articles / "council.pdf").write_bytes(
        make_pdf([[*met, OVER_THE_PAGE[0]], [OVER_THE_PAGE[1], *met]])
    )
    rows = zip([*WOVEN, *BESIDE, *BESIDE], [*BESIDE, *BESIDE, *BESIDE], strict=True)
    columns = [
        Placed(text, left, 780 - 18 * number)
        for number, row in enumerate(rows)
        for text, left in zip(row, (40, 330), strict=True)
    ]
    (small_articles / "columns.pdf").write_bytes(place_pdf([columns]))
    (small_articles / "glyphs.pdf").write_bytes(make_pdf([[FILLER["ar"]], [SHAPED]], shapes=True))
    return small_articles


@pytest.fixture
def assistant(folder: Path, fake_assistant: FakeAssistant) -> Assistant:
    return fake_assistant()


@pytest.fixture
def address(assistant: Assistant) -> Iterator[str]:
    with serving(assistant) as address:
        yield address


@pytest.fixture
def page(chromium: playwright_api.Browser, address: str) -> Iterator[playwright_api.Page]:
    with watched(chromium, address) as page:
        yield page


def link(assistant: Assistant, article: str, sentence: str) -> str:
    """The address of the page with an article open at a sentence."""
    start = assistant.article(article).text.index(sentence)
    return f"/?article={article}&start={start}&end={start + len(sentence)}"


def share(page: playwright_api.Page, css: str) -> dict[str, float]:
    """Left, top, right and bottom of everything that matches, as shares of the drawn page."""
    return page.evaluate(
        """css => {
            const paper = document.querySelector(".paper").getBoundingClientRect();
            const boxes = [...document.querySelectorAll(css)].map((one) => one.getBoundingClientRect());
            const least = (key) => Math.min(...boxes.map((box) => box[key]));
            const most = (key) => Math.max(...boxes.map((box) => box[key]));
            return {
                left: (least("left") - paper.left) / paper.width,
                right: (most("right") - paper.left) / paper.width,
                top: (least("top") - paper.top) / paper.height,
                bottom: (most("bottom") - paper.top) / paper.height,
            };
        }""",
        css,
    )


@pytest.mark.parametrize("language", SENTENCES)
def test_the_page_with_the_sentence_is_drawn_and_the_sentence_marked(
    page: playwright_api.Page, assistant: Assistant, language: str
) -> None:
    page.goto(link(assistant, f"bridge-{language}", SENTENCES[language]))
    expect(page.locator("#sanad-panel .turn .at")).to_have_text("Page 2 of 2")
    paper = page.get_by_role("img", name=f"Page 2 of bridge-{language}.pdf")
    expect(paper).to_be_in_viewport()
    expect(page.locator("#sanad-panel .lost")).to_be_hidden()
    expect(page.locator("#sanad-panel .text")).to_be_hidden()
    box = share(page, "#sanad-panel .hit")
    assert box["top"] == pytest.approx(TOP / HEIGHT, abs=0.01)
    assert box["bottom"] == pytest.approx((TOP + 1.5 * SIZE) / HEIGHT, abs=0.01)
    near = box["left"] if language == "en" else 1 - box["right"]
    assert near == pytest.approx(LEFT / WIDTH, abs=0.02)
    assert box["right"] - box["left"] > 0.4


def test_pages_are_turned_and_the_text_is_one_click_away(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.goto(link(assistant, "bridge-en", SENTENCES["en"]))
    panel = page.locator("#sanad-panel")
    expect(panel.locator(".turn .at")).to_have_text("Page 2 of 2")
    expect(panel.get_by_role("button", name="Next page")).to_be_disabled()
    panel.get_by_role("button", name="Previous page").click()
    expect(panel.locator(".turn .at")).to_have_text("Page 1 of 2")
    expect(panel.locator(".hit")).to_have_count(0)
    expect(panel.locator(".lost")).to_be_hidden()
    switch = {name: panel.get_by_role("button", name=name, exact=True) for name in ("Page", "Text")}
    switch["Text"].click()
    expect(switch["Text"]).to_have_attribute("aria-pressed", "true")
    expect(switch["Page"]).to_have_attribute("aria-pressed", "false")
    expect(panel.locator("mark")).to_be_in_viewport()
    expect(panel.locator(".original")).to_be_hidden()
    page.locator("#sanad-language").click()  # the choice is kept, and the words are those of the language
    expect(panel.get_by_role("button", name="النص", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(panel.locator("mark")).to_be_in_viewport()
    panel.get_by_role("button", name="الصفحة", exact=True).click()
    expect(panel.locator(".turn .at")).to_have_text("الصفحة 2 من 2")
    expect(panel.locator(".hit").first).to_be_visible()
    expect(panel.locator(".text")).to_be_hidden()


def test_shapes_of_arabic_letters_drawn_from_the_left_are_found(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.goto(link(assistant, "glyphs", SHAPED))
    expect(page.locator("#sanad-panel .turn .at")).to_have_text("Page 2 of 2")
    expect(page.locator("#sanad-panel .hit").first).to_be_attached()


def test_a_sentence_that_goes_on_to_the_next_page_is_marked_on_both(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.goto(link(assistant, "council", " ".join(OVER_THE_PAGE)))
    panel = page.locator("#sanad-panel")
    expect(panel.locator(".turn .at")).to_have_text("Page 1 of 2")
    expect(panel.locator(".hit")).to_have_count(1)
    below = share(page, "#sanad-panel .hit")["top"]
    panel.get_by_role("button", name="Next page").click()
    expect(panel.locator(".turn .at")).to_have_text("Page 2 of 2")
    expect(panel.locator(".hit")).to_have_count(1)
    assert share(page, "#sanad-panel .hit")["top"] < below
    expect(panel.get_by_role("button", name="Previous page")).to_be_focused()


def test_a_sentence_in_a_column_whose_lines_are_drawn_in_turn_with_anothers_is_marked(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.goto(link(assistant, "columns", " ".join(WOVEN)))
    expect(page.locator("#sanad-panel .hit")).to_have_count(3)
    assert share(page, "#sanad-panel .hit")["right"] < 0.5


def test_a_sentence_that_cannot_be_found_is_not_marked_and_a_line_says_so(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.route("**/sanad/file*", lambda route: route.fulfill(body=HOSTILE, content_type="application/pdf"))
    page.goto(link(assistant, "bridge-en", SENTENCES["en"]))
    expect(page.locator("#sanad-panel .lost")).to_contain_text("could not be found on this page")
    expect(page.locator("#sanad-panel .hit")).to_have_count(0)
    expect(page.locator("#sanad-panel .paper")).to_be_visible()


def test_what_a_pdf_wants_to_run_or_open_does_nothing(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.goto(link(assistant, "harbour-wall", "The harbour wall was repaired by forty workers in June."))
    expect(page.locator("#sanad-panel .hit").first).to_be_visible()
    page.locator("#sanad-panel .paper").click()
    assert page.locator("#sanad-panel .original a").count() == 0
    assert len(page.context.pages) == 1
    dark = """paper => {
        const { data } = paper.getContext("2d").getImageData(0, 0, paper.width, paper.height);
        return data.some((value) => value < 99);
    }"""
    assert page.locator("#sanad-panel .paper").evaluate(dark), "letters of a font that is not in the file"


def test_a_pdf_that_has_changed_or_is_gone_opens_as_text(
    page: playwright_api.Page, assistant: Assistant, folder: Path
) -> None:
    (folder / "bridge-en.pdf").write_bytes(HOSTILE)
    (folder / "bridge-ar.pdf").unlink()
    page.goto(link(assistant, "bridge-en", SENTENCES["en"]))
    expect(page.locator("#sanad-panel header .note")).to_contain_text("has changed since it was indexed")
    expect(page.locator("#sanad-panel mark")).to_have_text(SENTENCES["en"])
    with page.expect_response("**/sanad/file*") as reply:
        page.goto(link(assistant, "bridge-ar", SENTENCES["ar"]))
    assert reply.value.status == 404
    expect(page.locator("#sanad-panel mark")).to_have_text(SENTENCES["ar"])
    expect(page.locator("#sanad-panel :is(.views, .note, .original)")).to_have_count(0)


def test_if_drawing_fails_the_text_stays_with_a_note(page: playwright_api.Page, assistant: Assistant) -> None:
    page.route("**/pdf.worker.min.mjs", lambda route: route.abort())
    page.goto(link(assistant, "bridge-en", SENTENCES["en"]))
    expect(page.locator("#sanad-panel header .note")).to_have_text(
        "The PDF could not be drawn. Here is its text."
    )
    expect(page.locator("#sanad-panel mark")).to_be_in_viewport()
    expect(page.locator("#sanad-panel .views")).to_have_count(0)


def test_a_phone_shows_the_whole_width_and_axe_finds_nothing_serious(
    page: playwright_api.Page, assistant: Assistant
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(link(assistant, "bridge-ar", SENTENCES["ar"]))
    expect(page.locator("#sanad-panel .hit").first).to_be_visible()
    until(page, "document.querySelector('.paper').getBoundingClientRect().width > 300")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []


def test_pdf_js_is_not_asked_for_before_a_pdf_is_opened(
    chromium: playwright_api.Browser, assistant: Assistant, address: str
) -> None:
    with watched(chromium, address) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto("/?article=harbour")
        expect(page.locator("#sanad-panel .text")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert not [url for url in asked if "/sanad/" in url]
        page.goto(link(assistant, "bridge-en", SENTENCES["en"]))
        expect(page.locator("#sanad-panel .hit").first).to_be_visible()
        assert any(url.endswith("/pdf.min.mjs") for url in asked)
