"""The report as a page: its data, its safety, and what a reader sees of it in headless Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import examples
from evals_stand_in import NOWHERE, QUOTE, RIGHT, TEXT, WRONG, StandIn, write
from hypothesis import example, given
from hypothesis import strategies as st
from test_turns import FIRST, Talking
from test_turns import TEXT as TALKED_OF

from evals import run
from evals.grading.score import Span
from evals.reporting import page

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--<script> \u202eabc \u2028 ]]>"
TRAP = RIGHT | {
    "id": "</script>",
    "question": f"trap? {HOSTILE}",
    "must": [[HOSTILE, "900"]],
    "tags": [HOSTILE],
}
MIXED = RIGHT | {"id": "mixed", "question": "CNN تقول كم عدد الجنود؟", "lang": "ar", "tags": ["ar-ar"]}


class Elements(HTMLParser):
    """The scripts and styles of a page, by kind, as a browser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.policy = ""
        self._in: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        self._in = (values.get("id") or tag) if tag in ("script", "style") else None

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in:
            self.found.setdefault(self._in, []).append(data)


@pytest.fixture
def report(tmp_path: Path, corpus: Path) -> Path:
    """The page of a run that was compared with another one."""
    questions = [TRAP, RIGHT, WRONG, NOWHERE, MIXED]
    fixed = ["--questions", str(write(tmp_path, *questions)), "--corpus", str(corpus), "--out"]

    class Before(StandIn):
        def ask(self, question: str, history: Any = ()) -> Any:
            return super().ask("wrong?" if question == RIGHT["question"] else question)

    run.main([*fixed, str(tmp_path / "old")], open_assistant=lambda _, s: Before(s, corpus))
    baseline = ["--baseline", str(tmp_path / "old/report.json")]
    run.main([*fixed, str(tmp_path / "new"), *baseline], open_assistant=lambda _, s: StandIn(s, corpus))
    return tmp_path / "new" / "report.html"


def test_nothing_that_a_text_holds_ends_the_element_it_is_in(report):
    text = report.read_text(encoding="utf-8")
    elements = Elements(text)
    assert set(elements.found) == {"style", "data", "script"}
    data = json.loads("".join(elements.found["data"]))
    assert data["items"][0]["question"] == TRAP["question"].strip()
    assert data["items"][0]["id"] == "</script>"
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert "\u2028" not in text


@examples(60)
@given(
    st.text(st.one_of(st.sampled_from("<>/!-&;[]\"'\\ script\u2028\u2029\x00"), st.characters(codec="utf-8")))
)
@example("<!--<script>")
@example("</ScRiPt >")
def test_any_text_comes_out_as_it_went_in(text):
    found = Elements(page.render({"text": text, text: [text]})).found
    assert json.loads("".join(found["data"])) == {"text": text, text: [text]}
    assert set(found) == {"style", "data", "script"}


def test_only_the_pages_own_script_and_style_may_run_and_nothing_is_fetched(report):
    elements = Elements(report.read_text(encoding="utf-8"))
    for kind, directive in (("script", "script-src"), ("style", "style-src")):
        inline = "".join(elements.found[kind]).encode("utf-8")
        digest = base64.b64encode(hashlib.sha256(inline).digest()).decode("ascii")
        assert f"{directive} 'sha256-{digest}'" in elements.policy
    assert elements.policy.startswith("default-src 'none'")
    for asset in page.ASSETS.iterdir():
        named = set(re.findall(r"https?://[^\s\"']+", asset.read_text(encoding="utf-8")))
        assert named <= {"http://www.w3.org/2000/svg"}  # a name, never fetched
        assert "innerHTML" not in asset.read_text(encoding="utf-8")


def test_the_data_records_what_happened_to_every_item(report):
    data = json.loads("".join(Elements(report.read_text(encoding="utf-8")).found["data"]))
    outcomes = {item["id"]: (item["outcome"], item["change"]) for item in data["items"]}
    assert outcomes == {
        "</script>": ("right", "same"),
        "right": ("right", "better"),
        "wrong": ("wrong", "same"),
        "nowhere": ("right", "same"),
        "mixed": ("right", "same"),
    }
    cited = data["items"][1]["answer"]["citations"][0]
    assert cited["right"]
    assert "".join(part["text"] for part in cited["parts"]) == TEXT
    assert [part["text"] for part in cited["parts"] if part["cited"] and part["gold"]] == [QUOTE]


@pytest.fixture
def talked(tmp_path: Path) -> Path:
    """The page of a run that asked a dialogue."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one.txt").write_text(TALKED_OF, encoding="utf-8")
    arguments = ["--dialogues", str(write(tmp_path, FIRST)), "--corpus", str(corpus), "--out", str(tmp_path)]
    run.main(arguments, open_assistant=lambda _, s: Talking(s, corpus))
    return tmp_path / "report.html"


def test_the_data_records_the_place_of_a_turn(talked):
    data = json.loads("".join(Elements(talked.read_text(encoding="utf-8")).found["data"]))
    assert data["report"]["dialogues"]["n"] == 1
    assert [item["turn"] for item in data["items"]][1] == {
        "number": 2,
        "of": 3,
        "earlier": ["How many in Syria?"],
        "searched": "How many in Syria? And in Iraq?",
    }


def test_a_span_is_cut_where_gold_begins_and_ends():
    texts = {"one": "aaa bbb ccc ddd"}
    cut = page.parts(Span("one", 4, 11), [Span("one", 8, 15)], texts)
    assert [(part["text"], part["cited"], part["gold"]) for part in cut] == [
        ("aaa ", False, False),
        ("bbb ", True, False),
        ("ccc", True, True),
        (" ddd", False, True),
    ]
    assert page.parts(Span("gone", 0, 3), [], texts) == page.parts(Span("one", 4, 99), [], texts) == []


@pytest.fixture(params=["light", "dark"])
def opened(request: pytest.FixtureRequest, chromium: Any, report: Path) -> Iterator[Any]:
    """The page opened from its file; what it asks for and what goes wrong is checked at the end."""
    context = chromium.new_context(color_scheme=request.param, viewport={"width": 1000, "height": 900})
    shown = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("pageerror", lambda error: wrong.append(str(error)))
    shown.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    shown.on("dialog", lambda dialog: wrong.append(dialog.message))
    shown.goto(report.as_uri())
    yield shown
    context.close()
    assert (asked, wrong) == ([report.as_uri()], [])


@pytest.mark.browser
def test_the_page_shows_scores_comparison_and_items_in_both_themes(opened):
    text = opened.locator("main").inner_text()
    for expected in (
        "Sanad eval",
        "accuracy in own words",
        "Against the baseline",
        "No regression",
        "5 of 5",
    ):
        assert expected in text
    assert opened.locator("svg .dot").count() > 10
    item = opened.locator("details.item[data-id='right']")
    item.locator("summary").first.click()
    assert item.locator(".now mark").inner_text() == QUOTE
    assert item.locator(".now .answer").inner_text() == "There are 900 [1]."
    assert item.locator(".then .answer").inner_text() == "There are 2500 [1]."
    ground, ink = opened.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert abs(luminance(ground) - luminance(ink)) > 150


@pytest.mark.browser
def test_a_turn_shows_what_was_asked_before_it_and_what_was_searched_for(chromium, talked):
    context = chromium.new_context()
    shown = context.new_page()
    shown.goto(talked.as_uri())
    text = shown.locator("main").inner_text()
    for expected in (
        "3 turns of dialogues (1)",
        "later turns right",
        "whole dialogues right",
        "What rewording is worth",
    ):
        assert expected in text
    turn = shown.locator("details.item[data-id='a.2']")
    assert "turn 2 of 3" in turn.inner_text()
    turn.locator("summary").first.click()
    body = turn.locator(".body").inner_text()
    assert "Asked before\nHow many in Syria?" in re.sub("\n+", "\n", body)
    assert "Searched for\nHow many in Syria? And in Iraq?" in re.sub("\n+", "\n", body)
    context.close()


def luminance(colour: str) -> float:
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return 0.3 * red + 0.59 * green + 0.11 * blue


@pytest.mark.browser
def test_items_are_filtered_by_outcome_change_tag_and_words(opened):
    def ids() -> list[str]:
        return [row.get_attribute("data-id") for row in opened.locator("details.item:visible").all()]

    opened.locator("button[data-key=outcome][data-value=wrong]").click()
    assert ids() == ["wrong"]
    opened.locator("button[data-key=outcome][data-value=all]").click()
    opened.locator("button[data-key=change][data-value=better]").click()
    assert ids() == ["right"]
    opened.locator("button[data-key=change][data-value=all]").click()
    opened.locator("select").select_option("unanswerable")
    assert ids() == ["nowhere"]
    opened.locator("select").select_option("")
    opened.locator("input[type=search]").fill("الجنود")
    assert ids() == ["mixed"]
    opened.locator("input[type=search]").fill("")
    opened.get_by_role("button", name="1", exact=True).first.click()
    assert ids() == ["right"]
    opened.locator("#all-items").click()
    assert len(ids()) == 5


@pytest.mark.browser
def test_texts_run_their_own_way_and_hostile_ones_stay_texts(opened):
    mixed = opened.locator("details.item[data-id=mixed]")
    assert mixed.locator("summary span.text").get_attribute("dir") == "rtl"
    mixed.locator("summary").first.click()
    assert mixed.locator(".now blockquote").first.get_attribute("dir") == "rtl"
    assert mixed.locator(".now .answer").get_attribute("dir") == "ltr"
    trap = opened.locator("details.item").first
    trap.locator("summary").first.click()
    assert "onerror=alert(2)" in trap.locator(".body li").first.inner_text()
    assert opened.locator("img").count() == 0
    opened.locator("#beside").click()
    assert opened.locator("details.item[open] .then:visible").count() == 0
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
