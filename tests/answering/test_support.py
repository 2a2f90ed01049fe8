"""What is measured of a claim, and how measurements become a decision."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import support as supporting
from rag.answering.support import (
    FEATURES,
    RELATIONS,
    Weights,
    compared,
    features,
    load,
    relation,
    strangers,
    support,
)
from rag.language.names import likeness
from rag.language.text import fold
from rag.models.embedding.embedder import FakeEmbedder

SOURCE = "قال الجنرال إريك كوريلا إن 900 جندي لن يغادروا."


def measured(text: str, words: str, source: str) -> dict[str, float]:
    texts = compared(text, words, [source])
    vectors = dict(zip(texts, FakeEmbedder().passages(texts), strict=True))
    return dict(zip(FEATURES, features(text, words, [source], vectors), strict=True))


@pytest.mark.parametrize(
    ("text", "words", "kind"),
    [
        ("إريك كوريلا", "", "own"),
        ("900", "", "own"),  # numbers are of no language
        ("General Erik Kurilla", "إريك كوريلا", "quoted"),
        ("900 soldiers", "", "crossed"),
    ],
)
def test_a_claim_has_a_relation_to_its_sources(text: str, words: str, kind: str) -> None:
    assert relation(text, words, [SOURCE]) == kind


def test_words_that_are_in_the_source_are_found_whatever_their_form() -> None:
    assert measured("جنديا كوريلا", "", SOURCE)["located"] == 1
    assert measured("جنديا كوريلا", "", SOURCE)["order"] == 0
    assert measured("إريك كوريلا", "", SOURCE)["order"] == 1
    other = measured("الوزير كوريلا", "", SOURCE)
    assert (other["located"], other["unlocated"], other["strange"]) == (0.5, math.log(2), 0)
    assert measured("Prime Minister", "", "The minister left.")["strange"] == math.log(2)


def test_names_are_compared_across_scripts() -> None:
    right = measured("Erik Kurilla", "إريك كوريلا", SOURCE)
    wrong = measured("Erik McChrystal", "إريك كوريلا", SOURCE)
    assert right["names_least"] > 0.9
    assert right["back_least"] > 0.9
    assert wrong["names_least"] < 0.6
    assert wrong["words_least"] < right["words_least"]
    assert measured("the soldiers", "الجنود", SOURCE)["names"] == 0


def test_a_denial_on_one_side_alone_is_seen() -> None:
    assert measured("They will not leave", "لن يغادروا", SOURCE)["negation"] == 1
    assert measured("They will leave", "لن يغادروا", SOURCE)["negation"] == 0
    assert measured("They won't leave", "يغادروا", SOURCE)["negation"] == 0


@pytest.mark.parametrize(
    ("text", "words", "stands"),
    [
        ("900 soldiers", "900 جندي", True),
        ("901 soldiers", "900 جندي", False),
        ("901 soldiers", "901 جندي", False),
        ("900 soldiers", "إريك كوريلا", False),  # quotes something else
        ("900 soldiers", "جندي أمريكي 900", False),  # quotes what does not stand there
        ("901 soldiers", "", False),
        ("900 soldiers", "", True),
    ],
)
def test_without_weights_numbers_and_quoted_words_decide(text: str, words: str, stands: bool) -> None:
    assert support(text, words, [SOURCE], FakeEmbedder()).stands is stands


def test_weights_hold_for_the_embedder_that_they_were_fitted_with_alone() -> None:
    assert load("another") is None


def test_the_committed_weights_are_whole() -> None:
    import json

    fitted = load(json.loads(supporting.FILE.read_text(encoding="utf-8"))["embedder"])
    assert fitted
    assert set(fitted) == set(RELATIONS)
    for own in fitted.values():
        assert len(own.factors) == len(FEATURES)
        assert 0 < own.threshold < 1


@given(st.floats(-9, 9), st.lists(st.floats(-9, 9), min_size=3, max_size=3))
def test_a_probability_is_the_logistic_of_the_weighted_sum(bias: float, values: list[float]) -> None:
    own = Weights(bias, (1.0, -2.0, 0.5), 0.5)
    z = bias + values[0] - 2 * values[1] + 0.5 * values[2]
    assert own.probability(values) == pytest.approx(1 / (1 + math.exp(-z)))


@given(st.text(max_size=40), st.text(max_size=30), st.text(min_size=1, max_size=60))
def test_any_text_can_be_measured(text: str, words: str, source: str) -> None:
    found = measured(text, words, source)
    assert all(np.isfinite(value) for value in found.values())
    assert all(
        0 <= found[name] <= 1 for name in FEATURES if name not in ("length", "cosine", "unlocated", "strange")
    )


@pytest.mark.parametrize(
    ("latin", "arabic"),
    [
        ("Kurilla", "كوريلا"), ("Haniyeh", "هنية"), ("Baghdad", "وبغداد"), ("Kuechly", "كوتشلي"),
        ("Washington", "واشنطن"), ("Steelers", "ستيلرز"), ("Iraq", "العراق"), ("Los", "لوس"),
    ],
)  # fmt: skip
def test_one_name_in_two_scripts_is_alike(latin: str, arabic: str) -> None:
    assert likeness(latin, fold(arabic)) >= 0.6


@pytest.mark.parametrize(
    ("latin", "arabic"),
    [("McChrystal", "كوريلا"), ("Emami", "إسماعيل"), ("Paris", "بغداد"), ("Egypt", "مصر"), ("a", "ب")],
)
def test_two_names_are_not(latin: str, arabic: str) -> None:
    assert likeness(latin, fold(arabic)) <= 0.5


@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyzéø", max_size=12),
    st.text(alphabet="ابتثجحخدذرزسشصضطظعغفقكلمنهويةءأ", max_size=10),
)
def test_likeness_is_a_share(latin: str, arabic: str) -> None:
    assert 0 <= likeness(latin, fold(arabic)) <= 1


OPENED = "The Iraqi minister Lina Haddad opened the French bridge of Marsa in Germany."


@pytest.mark.parametrize(
    ("text", "question", "strange"),
    [
        ("The bridge was opened by Lina Haddad.", "", []),
        ("The bridge was opened by Lina Qasim.", "", ["Qasim"]),
        ("The bridge was opened by Lina Qasim.", "What did Lina Qasim open?", []),
        ("The minister of Iraq, a German and NATO friend of the British", "", []),
        ("Qasim", "", []),  # the first word has its capital from there
        ("فتحت لينا قاسم الجسر", "", []),
    ],
)
def test_a_name_that_is_nowhere_is_reported(text: str, question: str, strange: list[str]) -> None:
    assert strangers(text, "", [OPENED], question) == strange
    embedder = FakeEmbedder()
    if strange == ["Qasim"]:
        assert not support(text, "", [OPENED], embedder, question).stands


def test_names_of_another_script_are_not_recognized_by_capitals() -> None:
    assert strangers("Opened by Lina Qasim", "", ["فتحت لينا حداد الجسر."], "") == []
