"""The language of an answer is told from what it says itself, over answers that the assistant makes."""

from __future__ import annotations

import dataclasses

import pytest
from conftest import FakeAssistant
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.language import in_language
from rag import Answer, Citation, Claim

COST = {"en": "How much was تكلفة المكتبة?", "ar": "كم بلغت تكلفة المكتبة؟"}
BOOKS = "كم عدد الكتب في المكتبة؟"
HELD = "بلغت تكلفة المكتبة 4 ملايين دينار"


def numbered(fake_assistant: FakeAssistant, question: str, words: str) -> int:
    """The number under which the model is shown the sentence that holds these words."""
    shown = fake_assistant().search(question).evidence
    return next(item.number for item in shown if words in item.text)


def said(text: str, quote: str = HELD, outlet: str | None = None) -> Answer:
    """An answer of one claim that cites one sentence."""
    citation = Citation(1, "library", "", outlet, None, "library.txt", 1, 0, len(quote), quote)
    claim = Claim(text, 0, len(text), (1,), "supported", "")
    return Answer("", text, "en", "answered", (claim,), (citation,), (), (), "fake", "generation-0001")


def test_a_quotation_counts_as_the_language_of_its_frame(fake_assistant: FakeAssistant) -> None:
    # Words of the article in place of a translation: the product frames them.
    answer = fake_assistant([f"[{numbered(fake_assistant, COST['en'], HELD)}] {HELD}"]).ask(COST["en"])
    assert answer.text.startswith(f"The article says: “{HELD}، وفق ")
    assert (in_language(answer, "en"), in_language(answer, "ar")) == (1.0, 0.0)


def test_an_arabic_frame_round_an_english_quotation_is_arabic(fake_assistant: FakeAssistant) -> None:
    words, asked = "The repairs cost 12 million dollars", "كم بلغت تكلفة repairs في harbour؟"
    answer = fake_assistant([f"[{numbered(fake_assistant, asked, words)}] {words}"]).ask(asked)
    assert answer.text.startswith(f"جاء في المقال: «{words}, said ")
    assert (in_language(answer, "ar"), in_language(answer, "en")) == (1.0, 0.0)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_refusal_that_quotes_the_nearest_sentence_is_in_its_own_language(
    fake_assistant: FakeAssistant, language: str
) -> None:
    answer = fake_assistant(["[1] 777"]).ask(COST[language])
    assert (answer.outcome, len(answer.citations)) == ("not_found", 1)
    assert in_language(answer, language) == 1.0
    assert in_language(answer, "ar" if language == "en" else "en") == 0.0


def test_both_languages_of_a_whole_answer_are_told(fake_assistant: FakeAssistant) -> None:
    held = "تضم المكتبة 25 ألف كتاب"
    answer = fake_assistant([f"[{numbered(fake_assistant, BOOKS, held)}] {held}"]).ask(BOOKS)
    assert answer.outcome == "answered"
    assert in_language(answer, "ar") == 1.0
    bare = dataclasses.replace(answer, language="en")
    assert in_language(bare, "en") == 0.0, "a quotation without a frame is an answer in its language"


def test_one_claim_in_the_wrong_language_is_enough() -> None:
    right, bare = said("It cost 4 million dinars [1]."), said(f"{HELD} [1].")
    both = dataclasses.replace(right, claims=right.claims + bare.claims, text=f"{right.text} {bare.text}")
    assert in_language(right, "en") == 1.0
    assert in_language(both, "en") == 0.0


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("4 [1]", "ar", None),
        ("2500 (عنب بلدي, 2024-08) [1].", "en", None),
        ("4 million (عنب بلدي, 2024-08) [1].", "en", True),
        ("ذكرت Lockheed Martin Missiles and Fire Control Systems [1].", "ar", True),
        ("قاعدة al-Asad [1]", "ar", True),
        ("WHO [1]", "ar", False),
        ("Lina Haddad [1]", "ar", False),
        ("It cost 4 million [1].", "ar", False),
        ("THE LIBRARY COST 4 MILLION [1].", "ar", False),
        ("Le pont a coûté 4 millions, ملايين [1].", "ar", False),
        ("سامر قاسم [1]", "en", False),
        ("The mayor, سامر قاسم [1]", "en", True),
        ("Samir (سامر قاسم رئيس البلدية) [1]", "en", False),
        ("Cost (بلغت تكلفة المكتبة) [1]", "en", True),
        (f"«{HELD}» [1]", "en", False),
        (f"4: «{HELD}» [1]", "en", False),
        (f"«{HELD}» [1]", "ar", True),
        ("The article says: “بلغت تكلفة الجسر 9 ملايين دينار كاملة” [1]", "en", False),
    ],
)
def test_neither_names_nor_numbers_decide(text: str, wanted: str, told: bool | None) -> None:
    found = in_language(said(text, outlet="عنب بلدي"), wanted)
    assert found == (None if told is None else float(told))


def test_a_name_that_an_article_writes_in_latin_letters_is_in_no_language() -> None:
    assert in_language(said("Lockheed Martin [1]", quote="قالت شركة Lockheed Martin أمس"), "ar") is None


def test_a_quotation_may_hold_marks_itself() -> None:
    quote = "قال إن تنظيم “الدولة الإسلامية” (داعش) انتهى، وفق “المرصد” في المدينة"
    assert in_language(said(f"The article says: “{quote}” [1]", quote=f"{quote}."), "en") == 1.0


@settings(max_examples=60)
@given(st.text(alphabet='اب سم“”«»"()ab 1', max_size=30), st.text(alphabet='اب سم“”«»"()', max_size=20))
def test_whatever_is_quoted_the_frame_decides(noise: str, quote: str) -> None:
    answer = said(f"The article says here: “{quote}” [1]", quote=f"{quote} {noise}")
    assert in_language(answer, "en") == 1.0
    assert in_language(said(f"{noise} [1]"), "ar") in (0.0, 1.0, None)
