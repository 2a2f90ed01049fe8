"""The language of an answer by its letters, and the English words of an English answer."""

from __future__ import annotations

import re

import pytest
from conftest import FakeAssistant, examples
from hypothesis import given
from hypothesis import strategies as st

from evals.grading.answers import StoredAnswer, StoredCitation
from evals.grading.language import in_language, language_share, without_arabic
from evals.grading.matching import folded_words, strip_markers, words

COST = "How much was تكلفة المكتبة?"
HELD = "بلغت تكلفة المكتبة 4 ملايين دينار"
OUTLET = "عنب بلدي"
ARABIC = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"


def said(text: str, quote: str = HELD, outlet: str | None = None) -> StoredAnswer:
    """An answer that cites one sentence."""
    return StoredAnswer(text, "answered", (StoredCitation(1, "library", 0, len(quote), quote, outlet),))


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("4 [1]", "en", None),
        ("٤ [1]", "ar", None),
        (f"2500 ({OUTLET}, 2024-08) [1].", "en", None),
        (f"4 million ({OUTLET}, 2024-08) [1].", "en", True),
        ("It cost 4 million [1].", "en", True),
        ("It cost 4 million [1].", "ar", False),
        (f"{HELD} [1].", "ar", True),
        (f"{HELD} [1].", "en", False),
        ("The mayor, سامر قاسم [1]", "en", True),
        ("سامر قاسم [1]", "en", False),
        ("Samir (سامر قاسم رئيس البلدية) [1]", "en", False),
        (f"The article says: “{HELD}” [1]", "en", False),
        (f"The article says: “{HELD}” [1]", "ar", True),
        ("جاء في المقال: «The repairs cost 12 million dollars» [1]", "ar", False),
        (f"4: «{HELD}» [1]", "en", False),
        ("The library cost 4 million dinars (بلغت تكلفة المكتبة) [1]", "en", True),
        ("قال مدير شركة Boeing إن الطائرة آمنة [1]", "ar", True),
        ("Lockheed Martin [1]", "ar", False),
        ("Le pont a coûté 4 millions [1].", "ar", False),
        ("بِلُغَةٍ ab", "ar", True),
    ],
)
def test_most_letters_decide_whatever_frame_they_are_in(
    text: str, wanted: str, expected: bool | None
) -> None:
    assert in_language(said(text, outlet=OUTLET), wanted) == (None if expected is None else float(expected))


def test_an_arabic_quotation_in_an_english_frame_is_no_english_answer() -> None:
    text = f"The article says: “{HELD}” [1]"
    assert in_language(said(text), "en") == 0.0
    assert HELD not in without_arabic(text)


def test_the_product_shows_no_arabic_in_place_of_a_translation(fake_assistant: FakeAssistant) -> None:
    shown = fake_assistant().search(COST).evidence
    number = next(item.number for item in shown if HELD in item.text)
    answer = fake_assistant([f"[{number}] {HELD}"]).ask(COST)
    assert in_language(answer, "en") == 1.0
    assert HELD in answer.citations[0].quote


@examples(60)
@given(st.text(alphabet='اب سم“”«»"()ab 1[', max_size=40))
def test_the_shares_of_both_languages_are_the_whole(text: str) -> None:
    arabic, english = (language_share(said(text), wanted) for wanted in ("ar", "en"))
    assert (arabic is None) == (english is None) == (not re.search("[a-zاسمب]", strip_markers(text)))
    if arabic is not None and english is not None:
        assert arabic + english == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("There are 900 [1].", "there are 900"),
        ("900 [1].", "900"),
        ("٩٠٠ [1].", "900"),
        ("There are 900 جندي [1].", "there are 900"),
        ("A rise of 2.6في المئة", "a rise of 2.6"),
        ("A rise of و2.6 million", "a rise of 2.6 million"),
        ("In 2017، قال الوزير", "in 2017"),
        ("الـCNN", "cnn"),
        ("The mayor, Samer Qasim (سامر قاسم) [1]", "the mayor samer qasim"),
        (f"2500 ({OUTLET}, 2024-08) [1] [2].", "2500"),
        (f"4: «{HELD}» [1]", "4"),
        (f"The article says: “{HELD}” (in it: 4 million) [1]", "the article says in it 4 million"),
        ("Reported as done: “غادرت القوات”. Planned: September [2].", "reported as done planned september"),
        ("He said “we will leave” in 2017", "he said we will leave in 2017"),
        ("It says “قال إن تنظيم “الدولة” انتهى في 2017 Boeing” twice", "it says twice"),
        ('It says «قال "نعم" في 2017»: yes', "it says yes"),
        # Articles mix their marks: a closing one may open.
        ("It says: “و”المقاومة” هي تحالف في 2020، ظهر” [1]", "it says"),
        (f"{HELD} [1].", ""),
        ("بقي 900 جندي", ""),
        ("في 1900 [2].", ""),
        ("900 جندي في سوريا", ""),
        ("عدد الجنود: 900", ""),
        ("بِلُغَةٍ ٩٠٠ أُخْرَى", ""),
        ("ﻻ ﷲ", ""),
    ],
)
def test_what_a_reader_of_english_can_read_of_an_answer(text: str, left: str) -> None:
    assert folded_words(without_arabic(text)) == left


def test_a_cited_sentence_is_found_in_the_answer_whatever_marks_it_contains() -> None:
    quote = "و”المقاومة” هي تحالف Boeing في 2020."
    text = f"It says: “{quote.rstrip('.')}” [1]"
    assert folded_words(without_arabic(text)) != "it says"
    assert folded_words(without_arabic(text, [quote])) == "it says"
    assert "boeing" in folded_words(without_arabic("The Boeing of 2020", ["Boeing"])), (
        "an English quote is read"
    )


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Mn", "Cf", "Lo"])))
def test_a_text_without_arabic_is_left_as_it_is(text: str) -> None:
    assert words(without_arabic(text)) == words(strip_markers(text))


@given(st.text('ابسم ab12.,«»“”"()[]\n:'))
def test_no_arabic_word_is_left_and_nothing_is_added(text: str) -> None:
    left = words(without_arabic(text))
    assert not re.search(f"[{ARABIC}]", " ".join(left))
    rest = iter(words(re.sub(f"[{ARABIC}]+", " ", strip_markers(text))))
    assert all(word in rest for word in left), "a subsequence"


@given(st.lists(st.one_of(st.text(ARABIC, min_size=1), st.integers(0, 9999).map(str)), min_size=1))
def test_nothing_is_left_of_an_arabic_clause_with_numbers(clause: list[str]) -> None:
    assert words(without_arabic(" ".join([*clause, "ثم"]))) == []
