"""Words whose tokens were improbable give way to the sentence that they are taken from."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
import trained_prompt
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer
from rag.answering import confidence
from rag.models.llm.protocol import Likelihood, Message

SURE = (0.0, math.log(0.98), 0.0, -0.01, -0.02, 0.0)
"""Of "[1] 300": bracket, number, bracket, words, end."""

UNSURE = (0.0, math.log(0.8), 0.0, -2.5, -1.5, 0.0)
LOST = (0.0, math.log(0.4), 0.0, -2.5, -1.5, 0.0)

log_probabilities = st.floats(-12, 0)


class Telling:
    """A generator that says one thing, as probable as the test wants."""

    context = 8192

    def __init__(self, reply: str, likelihood: Likelihood | None, identity: str | None = None) -> None:
        self.identity = identity or f"{confidence.load().generator} int8 (test)"
        self._reply, self._likelihood = reply, likelihood

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> Generator[str, None, Likelihood | None]:
        yield ""
        yield self._reply
        return self._likelihood


def answered(tmp_path: Path, generator: Telling, text: str, question: str) -> Answer:
    return trained_prompt.asked(tmp_path, generator, text, question=question)


FERRY = "The ferry to the island carries 300 passengers a day."
QUESTION = "What does the ferry carry?"


def test_words_that_are_probably_right_are_the_answer(tmp_path: Path) -> None:
    answer = answered(tmp_path, Telling("[1] 300 passengers", SURE), FERRY, QUESTION)
    told = "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"
    assert (answer.text, answer.outcome) == (told, "answered")


def test_in_place_of_doubtful_words_their_sentence_is_quoted(tmp_path: Path) -> None:
    answer = answered(tmp_path, Telling("[1] 300 passengers", UNSURE), FERRY, QUESTION)
    assert answer.text == f"The article says: “{FERRY}” [1]"
    assert (answer.outcome, [claim.verdict for claim in answer.claims]) == ("answered", ["supported"])
    assert answer.citations[0].quote == FERRY


def test_an_arabic_sentence_is_quoted_in_an_arabic_frame(tmp_path: Path) -> None:
    text = "تنقل العبّارة إلى الجزيرة 300 راكب يوميا."
    answer = answered(tmp_path, Telling("[1] 300 راكب", UNSURE), text, "ماذا تنقل العبّارة؟")
    assert answer.text == f"جاء في المقال: «{text}» [1]"
    assert answer.language == "ar"


def test_the_sentence_stands_in_for_words_that_failed_a_check_where_it_is_probably_right(
    tmp_path: Path,
) -> None:
    answer = answered(tmp_path, Telling("[1] 450 passengers", UNSURE), FERRY, QUESTION)
    assert (answer.text, answer.outcome) == (f"The article says: “{FERRY}” [1]", "partial")
    assert answer.claims[0].reason == "quoted in place of the model's own words: not in the evidence: 450"


def test_where_the_sentence_too_is_doubtful_nothing_is_answered(tmp_path: Path) -> None:
    answer = answered(tmp_path, Telling("[1] 450 passengers", LOST), FERRY, QUESTION)
    assert answer.outcome == "not_found"


def test_a_refusal_stays_one_however_improbable(tmp_path: Path) -> None:
    answer = answered(tmp_path, Telling("[0]", LOST), FERRY, QUESTION)
    assert answer.outcome == "not_found"
    assert not answer.claims


@pytest.mark.parametrize("likelihood", [None, UNSURE])
def test_of_another_model_nothing_is_supposed(tmp_path: Path, likelihood: Likelihood | None) -> None:
    answer = answered(tmp_path, Telling("[1] 300 passengers", likelihood, "other"), FERRY, QUESTION)
    assert answer.text == "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"


def test_a_reply_without_words_is_not_judged() -> None:
    assert not confidence.known((-0.1, -0.2, -0.3), confidence.load().generator)
    assert confidence.known(SURE, confidence.load().generator)


@given(st.lists(log_probabilities, min_size=confidence.WORDS + 1, max_size=60), st.data())
def test_a_less_probable_token_never_makes_a_reply_more_likely(
    tokens: list[float], data: st.DataObject
) -> None:
    weights = confidence.load()
    at = data.draw(st.integers(0, len(tokens) - 1))
    lower = [*tokens[:at], tokens[at] - data.draw(st.floats(0, 5)), *tokens[at + 1 :]]
    before, after = weights.probability(tuple(tokens)), weights.probability(tuple(lower))
    assert 0 <= after <= before + 1e-9 <= 1 + 1e-9


def test_a_doubtful_translation_is_told_as_such_below_the_sentence(tmp_path: Path) -> None:
    text = "تنقل العبّارة إلى الجزيرة 300 راكب يوميا."
    reply = Telling("[1] 300 راكب = 300 passengers", (*UNSURE, -0.5, -0.5))
    answer = answered(tmp_path, reply, text, QUESTION)
    assert (answer.text, answer.outcome) == (f"The article says: “{text}” [1]", "partial")
    assert answer.claims[0].reason.endswith("the model's translation is doubtful: “300 passengers”")
