from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from rag import Answer, Article, Citation, Claim, Passage
from rag.answering.presentation import doubt, translated
from rag.records import Chunk, Language, Outcome, Reprint, Verdict
from ui.exchange import Exchange
from ui.html import claims, copying, library, render, welcome
from ui.wording import text
from ui.wording.faults import Fault
from ui.wording.words import WORDS

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</p></article><h1>out</h1>",
    "javascript:alert(1)",
    "![x](https://elsewhere.example/x.png)",
    "${alert(1)} {{constructor}}",
    "100 \u202e001 \u2066x",
    "\u2069\u2069\u202c stray",
    "nul \x00 and bell \x07",
]

BASE = "غادرت القوات قاعدة عين الأسد في محافظة الأنبار."
TOTAL = "CNN تقول إن عدد الجنود بلغ 2500 جندي."
TEXT = f"{BASE}\n\n{TOTAL}\nA last line."


class Page(HTMLParser):
    """Reads HTML back, so that tests look at elements and not at strings."""

    VOID = frozenset({"br", "img", "input", "link", "meta"})

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "elements are nested"

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        return "".join(data for _, data in self.texts)

    def all(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        found = [attributes for name, attributes in self.elements if name == tag]
        return [a for a in found if not css or css in (a.get("class") or "").split()]


def article(text: str = TEXT, *, title: str = "عنوان", source: str = "a.txt") -> Article:
    return Article(id="a", title=title, text=text, source=source, outlet="CNN", published="2024-09-06")


def citation(number: int = 1, quote: str = BASE, *, source: str = "a.txt", title: str = "عنوان") -> Citation:
    start = TEXT.find(quote) if quote in TEXT else 0
    return Citation(
        number=number, article_id="a", title=title, outlet="CNN", published="2024-09-06", source=source,
        line=1, start=start, end=start + len(quote), quote=quote,
    )  # fmt: skip


def passage(rank: int = 1, text: str = TOTAL) -> Passage:
    start = TEXT.find(text) if text in TEXT else 0
    chunk = Chunk(id=f"c{rank}", article_id="a", start=start, end=start + len(text), tokens=20)
    return Passage(
        chunk=chunk, text=text, title="عنوان", outlet=None, published="2024-09",
        score=0.8, dense=0.8, lexical=None, rank=rank,
    )  # fmt: skip


def answer(
    *claims: str,
    citations: tuple[Citation, ...] = (),
    passages: tuple[Passage, ...] = (),
    verdict: Verdict = "supported",
    outcome: Outcome = "answered",
    language: Language = "en",
    reason: str = "",
    words: str = "",
    understood: str = "",
) -> Answer:
    """An answer whose claims stand one after another, a space between them."""
    made: list[Claim] = []
    at = 0
    for claimed in claims:
        named = tuple(int(n) for n in re.findall(r"\[(\d+)\]", claimed))
        made.append(Claim(claimed, at, at + len(claimed), named, verdict, reason, words))
        at += len(claimed) + 1
    return Answer(
        question="q", text=" ".join(claims), language=language, outcome=outcome, claims=tuple(made),
        citations=citations, passages=passages, evidence=(), model="fake", generation="g",
        timings={"total": 1.25}, understood=understood,
    )  # fmt: skip


def turn(made: Answer, number: int = 1, language: Language = "en") -> Page:
    return Page(render.turn(Exchange(number=number, question="why?", stage="done", answer=made), language))


@pytest.mark.parametrize(
    ("sample", "way"),
    [
        ("plain English", "ltr"),
        ("نص عربي", "rtl"),
        ("CNN تقول إن العدد كبير", "rtl"),
        ("The word جيش means army", "ltr"),
        ("2500", "ltr"),
        ("", "ltr"),
    ],
)
def test_a_paragraph_runs_the_way_most_of_its_letters_do(sample: str, way: str) -> None:
    assert text.direction(sample) == way


@pytest.mark.parametrize("hostile", HOSTILE)
def test_safe_text_holds_no_markup_but_hidden_bidi_controls_and_keeps_its_letters(hostile: str) -> None:
    page = Page(f"<p>{text.safe(hostile)}</p>")
    assert {tag for tag, _ in page.elements} <= {"p", "span"}
    assert all("hidden" in a for a in page.all("span"))
    assert page.text == re.sub("[\x00\x07]", "\ufffd", hostile)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_bidi_control_is_displayed_or_is_in_an_attribute(hostile: str) -> None:
    made = answer(f"{hostile} [1]", citations=(citation(quote=hostile, title=hostile),))
    page = turn(made)
    control = re.compile("[\u202a-\u202e\u2066-\u2069]")
    assert not any(control.search(data) for tag, data in page.texts if tag != "span")
    assert not any(control.search(value or "") for _, a in page.elements for value in a.values())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_in_every_field_brings_in_no_element_handler_or_link(hostile: str) -> None:
    cited = dataclasses.replace(citation(quote=hostile, title=hostile, source=hostile), outlet=hostile)
    found = answer(
        f"{hostile} [1]", citations=(cited,), passages=(passage(text=hostile),), verdict="partial",
        reason=hostile, outcome="partial", words=hostile, understood=hostile,
    )  # fmt: skip
    sides = dataclasses.replace(found, outcome="conflict")
    fault = Fault("fault_date", {"value": hostile}, hostile)
    item = article(hostile, title=hostile, source=hostile)
    being_read = Exchange(1, hostile, "reading", reading=((hostile, hostile),), understood=hostile)
    pages = [
        Page(render.turn(Exchange(number=1, question=hostile, stage="done", answer=found), "en")),
        Page(render.turn(Exchange(number=1, question=hostile, stage="done", answer=sides), "ar")),
        Page(render.turn(being_read, "en")),
        Page(render.turn(Exchange(number=1, question=hostile, stage="failed", fault=fault), "ar")),
        Page(library.article(item, (0, len(hostile), hostile), "en")),
        Page(library.listing([item], 1, 1, "ar")),
        Page(welcome.welcome([item], "en")),
        Page(welcome.offers([item], "en")),
    ]
    for page in pages:
        for tag, attributes in page.elements:
            assert tag not in ("script", "img", "iframe", "object", "style", "h1")
            assert not [name for name in attributes if name.startswith("on")]
            assert re.match(r"https?://|#t1-s1$|$", attributes.get("href") or "")


def test_markers_of_citations_become_links_to_the_source_of_the_same_turn() -> None:
    cited = answer("Forces left [1].", "They were 2,500 [2].", citations=(citation(1), citation(2, TOTAL)))
    page = turn(cited, number=7)
    assert [a["href"] for a in page.all("a", "chip")] == ["#t7-s1", "#t7-s2"]
    assert [a["id"] for a in page.all("li", "source")] == ["t7-s1", "t7-s2"]
    assert "Source 1, CNN, 6 September 2024, عنوان" in [a["aria-label"] for a in page.all("a", "chip")]


def test_a_number_in_brackets_that_is_no_citation_stays_text() -> None:
    page = turn(answer("In [2024] and [0] and [3] [1].", citations=(citation(),)))
    assert len(page.all("a", "chip")) == 1
    assert "In [2024] and [0] and [3]. [1]" in page.text


def test_no_text_of_an_answer_is_lost_whatever_its_claims_cover() -> None:
    text = "Before. First claim [1]. Between.\nالسطر الثاني هنا. After."
    start, line = text.index("First"), text.index("السطر")
    parts = (
        Claim(text[start : start + 16], start, start + 16, (1,), "supported", ""),
        Claim(text[line : line + 17], line, line + 17, (), "partial", "no number"),
    )
    made = Answer("q", text, "en", "answered", parts, (citation(),), (), (), "m", "g")
    page = Page(render.turn(Exchange(number=1, question="q", stage="done", answer=made), "en"))
    said = [data.strip() for tag, data in page.texts if tag == "p"]
    assert {"Before.", "First claim.", "Between.", "السطر الثاني هنا.", "After."} <= set(said)


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        ("supported", ""),
        ("partial", "◐ partly supported"),
        ("unsupported", "○ not supported"),
        ("contradicted", "✗ contradicted by its source"),
    ],
)
def test_only_a_verdict_that_warns_is_shown_by_a_sign_and_a_word(verdict: Verdict, shown: str) -> None:
    page = turn(answer("A claim [1].", citations=(citation(),), verdict=verdict))
    assert page.text.split("[1]")[1].startswith(f"{shown}1CNN")
    assert len(page.all("p", "verdict")) == (verdict != "supported")
    refused = turn(answer("Nearest [1].", citations=(citation(),), verdict=verdict, outcome="not_found"))
    assert not refused.all("p", "verdict")


@pytest.mark.parametrize(
    ("claim", "left"),
    [
        (f"900: «{BASE}» [1]", "900"),
        (f"The article says: “{BASE}” [1]", ""),
        ("900: “The forces left.” (machine translation) [1].", "900"),
        ("“The forces left.” (machine translation, may be wrong) [1].", ""),
        ("Reported as done: “The forces left.” [1]", "Reported as done"),
        ("They “left” [1] the base.", "They “left” the base."),
        ("He said “The forces left.” and went [1].", "He said “The forces left.” and went."),
        ("900: “Something else.” [1]", "900: “Something else.”"),
    ],
)
def test_a_quotation_that_the_card_below_shows_is_not_repeated_in_the_claim(claim: str, left: str) -> None:
    cited = dataclasses.replace(citation(), translation="The forces left.")
    made = answer(claim, citations=(cited,))
    assert claims.shown(made.claims[0], made) == left
    page = turn(made)
    assert page.text.count(BASE) == 1 and len(page.all("li", "source")) == 1


@pytest.mark.parametrize(
    "text", ["Another article says: “The forces left.” [1].", "900: “The forces left.” [1]."]
)
def test_only_a_value_is_printed_large_and_not_what_introduces_another_article(text: str) -> None:
    cited = dataclasses.replace(citation(), translation="The forces left.")
    page = turn(answer(text, citations=(cited,)))
    assert bool(page.all("p", "value")) == text.startswith("900")
    assert text.split(":")[0] in page.text


def test_a_side_of_a_disagreement_has_its_outlet_and_date_in_its_card_alone() -> None:
    cited = dataclasses.replace(citation(), outlet="عنب بلدي", published="2024-03")
    made = answer("318 (عنب بلدي, 2024-03) [1].", "5 (a town) [2].", citations=(cited, citation(2)),
                  outcome="conflict")  # fmt: skip
    assert [claims.shown(claim, made) for claim in made.claims] == ["318", "5 (a town)"]


def test_the_words_of_a_claim_are_bold_in_its_quote() -> None:
    source = render.turn(
        Exchange(1, "q", "done", answer=answer("2500 [1].", citations=(citation(1, TOTAL),))), "en"
    )
    assert "بلغ <b>2500</b> جندي" in source
    part = render.turn(
        Exchange(1, "q", "done", answer=answer("250 [1].", citations=(citation(1, TOTAL),))), "en"
    )
    assert "<b>" not in part
    worded = answer("They left [1].", citations=(citation(),), words="غادرت القوات")
    assert "<b>غادرت القوات</b>" in render.turn(Exchange(1, "q", "done", answer=worded), "en")


@pytest.mark.parametrize(
    ("certain", "literal", "mark"),
    [
        (True, False, "machine translation"),
        (False, False, "machine translation, may be wrong"),
        (False, True, "word for word"),
    ],
)
def test_a_translation_is_beside_the_quote_with_its_mark(certain: bool, literal: bool, mark: str) -> None:
    cited = dataclasses.replace(
        citation(), translation="The forces left <the base>.", certain=certain, literal=literal
    )
    made = answer("They left [1].", citations=(cited,))
    page = turn(made)
    hint = " (“/” means “or”)" if literal else ""
    assert f"{mark.capitalize()}{hint}The forces left <the base>.Original{BASE}" in page.text
    ways = [(a["class"], a["dir"], a["lang"]) for a in page.all("blockquote")]
    quote = "quote glossed" if literal else "quote"
    assert ways == [("translation", "ltr", "en"), (quote, "rtl", "ar")]
    for copied in (copying.text(made, "en"), copying.markdown(made, "en").replace("\\", "")):
        assert f"“The forces left <the base>.” ({mark})" in copied
    assert len(turn(answer("They left [1].", citations=(citation(),))).all("blockquote")) == 1


def test_each_word_of_a_sentence_that_is_shown_word_for_word_has_its_meaning() -> None:
    quote = "قال <الوزير> إن القوات ستغادر {عين الأسد} في سبتمبر."
    cited = dataclasses.replace(
        citation(),
        quote=quote,
        end=citation().start + len(quote),
        translation="…",
        certain=False,
        literal=True,
    )
    made = answer("They leave [1].", citations=(cited,), words="ستغادر {عين")
    page = turn(made)
    meanings = [a["data-meaning"] for a in page.all("span", "word")]
    assert {"that", "forces/troops", "will leave", "in", "September"} <= {*meanings}
    assert quote in page.text
    (block,) = (a for a in page.all("blockquote") if "glossed" in a["class"])
    assert block["tabindex"] == "0"
    assert not turn(answer("They left [1].", citations=(citation(),))).all("span", "word")


@pytest.mark.parametrize("literal", [True, False])
def test_a_doubtful_translation_is_marked_once(literal: bool) -> None:
    doubtful = dataclasses.replace(citation(), translation="They left.", certain=False, literal=literal)
    shown, reason = f"{translated(doubtful, 'en')} [1].", doubt(doubtful, "en")
    page = turn(answer(shown, citations=(doubtful,), verdict="partial", outcome="partial", reason=reason))
    assert page.text.casefold().count("word for word" if literal else "may be wrong") == 1


def test_how_an_answer_was_found_is_folded_below_it() -> None:
    made = dataclasses.replace(
        answer("5 [1].", citations=(citation(),), understood="how many?"),
        timings={"retrieve": 0.2, "reread": 0.5, "total": 1.25},
    )
    source = render.turn(Exchange(1, "q", "done", sentences=4, answer=made), "en")
    page = Page(source[source.index('<details class="how"') : source.index("</details>") + 10])
    assert page.text == (
        "How this was found · 1.2 sSearched forhow many? EditRead4 sentences"
        "Stepssearch 0.2 s · second reading 0.5 sModelfakeIndexg"
    )
    assert "open" not in page.all("details")[0]


@pytest.mark.parametrize(
    ("language", "label", "edit"),
    [("en", "Understood as: ", "Edit"), ("ar", "فُهم السؤال على أنه: ", "تعديل")],
)
def test_what_a_follow_up_was_understood_as_is_shown_as_soon_as_it_is_known(
    language: Language, label: str, edit: str
) -> None:
    reading = Exchange(2, "وفي العراق؟", "reading", understood="كم جنديًا في العراق؟")
    done = dataclasses.replace(reading, stage="done", answer=answer("5", understood="كم جنديًا في العراق؟"))
    for exchange in (reading, done):
        assert f"{label}كم جنديًا في العراق؟ {edit}" in Page(render.turn(exchange, language)).text
    assert not turn(answer("5")).all("p", "understood")


@pytest.mark.parametrize(
    ("outcome", "words"), [("conflict", "different things"), ("partial", "do not support every part")]
)
def test_an_outcome_is_shown_in_words(outcome: Outcome, words: str) -> None:
    assert words in turn(answer("A claim [1].", citations=(citation(),), outcome=outcome)).text


def test_not_found_lists_the_nearest_passages_apart_from_citations() -> None:
    passages = tuple(map(passage, (1, 2, 3, 4)))
    found = turn(answer("The articles do not say.", passages=passages, outcome="not_found"))
    assert "Closest passages, which may not answer the question" in found.text
    assert [a["id"] for a in found.all("li")] == ["t1-p1", "t1-p2", "t1-p3"]
    assert found.all("a", "chip") == []
    assert found.text.count("The articles do not") == 1


def test_passages_that_a_citation_covers_are_not_listed_again() -> None:
    made = answer("Left [1].", citations=(citation(),), passages=(passage(1, BASE), passage(2, TOTAL)))
    assert [a["id"] for a in turn(made).all("li")] == ["t1-s1", "t1-p2"]


def test_the_words_around_an_answer_are_those_of_the_page_and_not_of_the_answer() -> None:
    made = answer("They left [1].", citations=(citation(),), verdict="partial")
    page = turn(made, language="ar")
    assert "مدعوم جزئيًا" in page.text and "6 سبتمبر 2024" in page.text
    assert page.all("article", "turn")[0]["dir"] == "rtl"
    source = render.turn(Exchange(1, "q", "done", answer=made), "ar")
    assert '<p class="value" dir="ltr" lang="en">' in source


def test_outlets_and_dates_in_an_answer_do_not_turn_each_other_round() -> None:
    cited = dataclasses.replace(citation(), outlet="عنب بلدي", published="2024-03")
    source = render.turn(
        Exchange(1, "q", "done", answer=answer("318 by (عنب بلدي, 2024-03) [1].", citations=(cited,))), "en"
    )
    assert '<bdi dir="rtl">عنب بلدي</bdi>, <bdi dir="ltr">2024-03</bdi>' in source


@pytest.mark.parametrize(
    ("text", "language", "way", "inside"),
    [
        ("He says: “غادرت “آخر” دفعة.” [1]", "en", 'dir="ltr" lang="en"', 'dir="rtl" lang="ar"'),
        ("قال: «They left the base.» [1]", "ar", 'dir="rtl" lang="ar"', 'dir="ltr" lang="en"'),
        ("900: «و900 في سوريا.» [1]", "ar", 'dir="rtl" lang="ar"', ""),
        ("They “left” [1].", "en", 'dir="ltr" lang="en"', ""),
    ],
)
def test_a_quotation_runs_its_own_way_and_the_words_before_it_theirs(
    text: str, language: Language, way: str, inside: str
) -> None:
    made = dataclasses.replace(answer(text, citations=(citation(),)), language=language)
    source = render.turn(Exchange(1, "q", "done", answer=made), "en")
    assert f'<p class="value" {way}>' in source
    quoted = re.findall(r"[“«]<bdi ([^>]*)>(.*?)</bdi>[”»]", source)
    assert quoted == ([(inside, text[text.index(": ") + 3 : -5])] if inside else [])


@pytest.mark.parametrize(("language", "way"), [("en", "ltr"), ("ar", "rtl")])
def test_the_sides_of_a_disagreement_are_cards_side_by_side_with_their_dates(
    language: Language, way: str
) -> None:
    late = citation(1)
    early = dataclasses.replace(citation(2, TOTAL), published="2024-03", outlet=None)
    made = answer("900 (CNN, 2024-09-06) [1].", "2500 (2024-03) [2].", citations=(late, early),
                  outcome="conflict", language=language)  # fmt: skip
    page = turn(made, number=3)
    assert [a["class"] for a in page.all("div")][:1] == ["claims sides"]
    assert [p["dir"] for p in page.all("p", "value")] == [way, way]
    assert (
        page.text.index("900")
        < page.text.index("6 September 2024")
        < page.text.index("unknown outlet · March 2024")
    )
    assert [a["href"] for a in page.all("a", "chip")] == ["#t3-s1", "#t3-s2"]


@pytest.mark.parametrize("quote", [BASE, TOTAL, f"{BASE}\n\n{TOTAL}"])
def test_the_marked_text_of_an_article_equals_the_quote(quote: str) -> None:
    start = TEXT.index(quote)
    page = Page(library.article(article(), (start, start + len(quote), quote), "en"))
    assert "".join(data for tag, data in page.texts if tag == "mark") == quote.replace("\n", "")
    assert page.text.endswith(TEXT.replace("\n", ""))


@pytest.mark.parametrize(
    ("start", "end", "quote"),
    [(0, 5, "other"), (-5, 3, BASE), (5, 5, ""), (0, 10**9, TEXT), (3, 1, "x")],
)
def test_a_span_without_the_quote_highlights_nothing_and_says_so(start: int, end: int, quote: str) -> None:
    page = Page(library.article(article(), (start, end, quote), "en"))
    assert page.all("mark") == []
    assert page.all("p", "note")


def test_a_headline_that_begins_the_text_is_not_shown_twice() -> None:
    headed = library.article(article(f"عنوان\n{TEXT}"), (0, 5, "عنوان"), "en")
    assert Page(headed).all("h2") == []
    assert Page(library.article(article(), (0, 1, TEXT[0]), "en")).all("h2")


def test_a_headline_that_begins_the_text_is_shown_above_a_quote_further_below_and_only_there() -> None:
    start = len("عنوان\n") + TEXT.index(TOTAL)
    html = library.article(article(f"عنوان\n{TEXT}"), (start, start + len(TOTAL), TOTAL), "en")
    assert Page(html).all("h2") and html.count("عنوان</") == 1
    sentence = library.article(article(f"عنوان وخبر\n{TEXT}"), (start, start + 1, "x"), "en")
    assert "عنوان وخبر" in sentence


@pytest.mark.parametrize(
    ("source", "language", "shown"),
    [
        ("report.pdf", "en", "report.pdf, page 3"),
        ("uploaded://تقرير.PDF", "ar", "تقرير.PDF، صفحة 3"),
        ("report.txt", "ar", "report.txt:3"),
    ],
)
def test_a_source_in_a_pdf_names_the_page(source: str, language: Language, shown: str) -> None:
    cited = dataclasses.replace(citation(source=source), line=3)
    assert shown in turn(answer("x [1]", citations=(cited,)), language=language).text


def test_an_article_that_is_opened_by_itself_has_nothing_highlighted_and_nothing_lost() -> None:
    page = Page(library.article(article(), None, "ar"))
    assert not page.all("mark") and not page.all("p", "note")


def test_web_sources_are_links_that_send_the_other_side_nothing() -> None:
    page = turn(answer("x [1]", citations=(citation(source='https://news.example/a?b="c"&d'),)))
    (link,) = page.all("a", "file")
    assert link["href"] == 'https://news.example/a?b="c"&d'
    assert link["rel"] == "noopener noreferrer"


def test_a_turn_shows_its_stage() -> None:
    said = {
        stage: Page(render.turn(Exchange(1, "q", stage, ahead=2, sentences=6, seconds=3.9), "en")).text
        for stage in ("waiting", "searching", "reading", "checking", "translating", "stopped")
    }
    assert "Searching the articles 3 s" in said["searching"]
    assert "Reading 6 sentences 3 s" in said["reading"]
    assert "Checking the answer against its sources 3 s" in said["checking"]
    assert "Translating the cited sentences 3 s" in said["translating"]
    assert "Waiting: 2 questions ahead 3 s" in said["waiting"]
    assert "Searching the articles" in Page(render.turn(Exchange(1, "q", "waiting"), "en")).text
    assert said["stopped"].endswith("Stopped.Ask again")


def test_a_pasted_book_is_shown_cut_short() -> None:
    fault = Fault("fault_long", {"n": "1,000,000", "most": "2,000"})
    page = Page(render.turn(Exchange(1, "x" * 10**6, "failed", fault=fault), "en"))
    assert len(page.text) < 3000
    assert "…The question has 1,000,000 characters; the limit is 2,000." in page.text


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    assert WORDS["en"].keys() == WORDS["ar"].keys()
    for key, english in WORDS["en"].items():
        gaps = [sorted(re.findall(r"{\w+}", words)) for words in (english, WORDS["ar"][key])]
        assert gaps[0] == gaps[1], key


@pytest.mark.parametrize(("language", "words"), [("en", "Also in: "), ("ar", "ورد أيضًا في: ")])
def test_other_outlets_of_the_same_text_are_named_once_each(language: Language, words: str) -> None:
    also = [Reprint("b", "Valley <b>Post</b>", "2024-09-07"), Reprint("c", "Valley <b>Post</b>", None)]
    also += [Reprint("hill", None, None), *(Reprint(f"d{n}", f"Daily {n}", None) for n in range(5))]
    cited = dataclasses.replace(citation(), also=tuple(also))
    found = dataclasses.replace(passage(), also=tuple(also[:1]))
    page = turn(answer("x [1]", citations=(cited,), passages=(found,)), language=language)
    assert len(page.all("p", "also")) == 2
    assert f"{words}Valley <b>Post</b>" in page.text
    assert page.text.count("hill") == 1
    assert "Daily 2" in page.text
    assert "Daily 3" not in page.text
    assert not page.all("b")
