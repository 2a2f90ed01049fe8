"""Which words of a question a text contains, across languages, and which texts may be about it."""

from __future__ import annotations

import pytest

from rag.retrieval.overlap import is_about, names_in, words_in

CLINIC = "افتتاح عيادة في الزرقاء\nوبلغت كلفتها 40 مليون دينار."
TUNNEL = "Tunnel opens at Basra\nThe tunnel cost 40 million dinars and was paid for by the port company."


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        ("How much did the tunnel cost?", TUNNEL, {"tunnel", "cost"}),
        ("How many tunnels opened at Basra?", TUNNEL, {"tunnels", "opened", "basra"}),
        ("كم بلغت كلفة العيادة؟", CLINIC, {"كلفه", "العياده"}),
        ("كم بلغت خسائر المزارعين؟", CLINIC, set()),
        ("When does the ferry sail?", TUNNEL, set()),
    ],
)
def test_words_of_one_language_match_by_their_stems(question: str, text: str, words: set[str]) -> None:
    assert words_in(question, text) == words


def test_words_of_two_languages_match_by_meaning_and_names_by_sound() -> None:
    assert "البصره" in words_in("متى افتتح نفق البصرة؟", TUNNEL)
    assert "zarqa" in words_in("Which company built the clinic in Zarqa?", CLINIC)
    assert words_in("Which company built the clinic in Oslo?", CLINIC).isdisjoint({"oslo", "company"})


def test_names_are_known_ones_and_english_words_with_a_capital() -> None:
    assert names_in("When did Basra open its tunnel?") == {"basra"}
    assert "العراق" in names_in("متى تنسحب القوات من العراق؟")
    assert names_in("كم بلغت كلفة العيادة؟") == frozenset()


def test_a_text_without_the_names_of_a_question_gives_way_to_one_with_them() -> None:
    assert is_about("How much did the tunnel at Basra cost?", [CLINIC, TUNNEL]) == [False, True]
    assert is_about("كم بلغت كلفة نفق البصرة؟", [CLINIC, TUNNEL]) == [False, True]


def test_a_text_that_shares_no_word_with_a_question_is_about_something_else() -> None:
    assert is_about("كم بلغت خسائر المزارعين؟", [CLINIC]) == [False]
    assert is_about("كم بلغت كلفة العيادة؟", [CLINIC]) == [True]


@pytest.mark.parametrize("question", ["", "Why?", "ولماذا؟", "And when?", "🤷", "strikes?"])
def test_a_question_that_names_nothing_may_be_about_any_text(question: str) -> None:
    assert is_about(question, [CLINIC, TUNNEL]) == [True, True]
    assert is_about(question, []) == []
