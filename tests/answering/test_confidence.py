"""Words whose tokens were improbable give way to the sentence that they are taken from."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trained_prompt
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer
from rag.answering import confidence
from rag.answering.decision import REASONS
from rag.answering.draft import Draft
from rag.language.glossing.gloss import gloss
from rag.language.translation.reader import shown
from rag.models.llm.protocol import LogProbabilities, Message

SURE = (0.0, math.log(0.98), 0.0, -0.01, -0.02, 0.0)
"""Of "[1] 300": bracket, number, bracket, words, end."""

UNSURE = (0.0, math.log(0.8), 0.0, -2.5, -1.5, 0.0)
LOST = (0.0, math.log(0.4), 0.0, -2.5, -1.5, 0.0)

log_probabilities = st.floats(-12, 0)


class Scripted:
    """A generator that gives one reply with the log probabilities that the test chooses."""

    context = 8192

    def __init__(self, reply: str, likelihood: LogProbabilities | None, identity: str | None = None) -> None:
        self.identity = identity or f"{confidence.load().fitted_for} int8 (test)"
        self._reply, self._likelihood = reply, likelihood

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        yield ""
        yield self._reply
        return self._likelihood


def answered(tmp_path: Path, generator: Scripted, text: str, question: str) -> Answer:
    return trained_prompt.ask(tmp_path, generator, text, question=question)


FERRY = "The ferry to the island carries 300 passengers a day."
QUESTION = "What does the ferry carry?"


def test_words_of_high_confidence_are_the_answer(tmp_path: Path) -> None:
    answer = answered(tmp_path, Scripted("[1] 300 passengers", SURE), FERRY, QUESTION)
    expected = "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"
    assert (answer.text, answer.outcome) == (expected, "answered")


def test_in_place_of_doubtful_words_their_sentence_is_quoted(tmp_path: Path) -> None:
    answer = answered(tmp_path, Scripted("[1] 300 passengers", UNSURE), FERRY, QUESTION)
    assert answer.text == f"The article says: “{FERRY}” [1]"
    assert (answer.outcome, [claim.verdict for claim in answer.claims]) == ("answered", ["supported"])
    assert answer.citations[0].quote == FERRY


def test_an_arabic_sentence_is_quoted_in_an_arabic_frame(tmp_path: Path) -> None:
    text = "تنقل العبّارة إلى الجزيرة 300 راكب يوميا."
    answer = answered(tmp_path, Scripted("[1] 300 راكب", UNSURE), text, "ماذا تنقل العبّارة؟")
    assert answer.text == f"جاء في المقال: «{text}» [1]"
    assert answer.language == "ar"


def test_nothing_is_answered_where_the_sentence_is_doubtful_too(tmp_path: Path) -> None:
    answer = answered(tmp_path, Scripted("[1] 450 passengers", LOST), FERRY, QUESTION)
    assert answer.outcome == "not_found"


def test_a_refusal_stays_a_refusal_however_improbable(tmp_path: Path) -> None:
    answer = answered(tmp_path, Scripted("[0]", LOST), FERRY, QUESTION)
    assert answer.outcome == "not_found"
    assert not answer.claims


@pytest.mark.parametrize("likelihood", [None, UNSURE])
def test_another_models_replies_are_not_rated(tmp_path: Path, likelihood: LogProbabilities | None) -> None:
    answer = answered(tmp_path, Scripted("[1] 300 passengers", likelihood, "other"), FERRY, QUESTION)
    assert answer.text == "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"


def test_a_reply_without_words_is_not_rated() -> None:
    draft, generator = Draft("When?", ()), confidence.load().fitted_for
    assert confidence.rated(draft, (-0.1, -0.2, -0.3), generator).confidence is None
    assert confidence.rated(draft, SURE, generator).confidence is not None


@given(st.lists(log_probabilities, min_size=confidence.WORDS + 1, max_size=60), st.data())
def test_a_token_of_lower_probability_never_raises_the_confidence_of_a_reply(
    tokens: list[float], data: st.DataObject
) -> None:
    weights = confidence.load()
    at = data.draw(st.integers(0, len(tokens) - 1))
    lower = [*tokens[:at], tokens[at] - data.draw(st.floats(0, 5)), *tokens[at + 1 :]]
    before, after = (weights.probability(confidence.features(tuple(ts))) for ts in (tokens, lower))
    assert 0 <= after <= before + 1e-9 <= 1 + 1e-9


def test_doubtful_words_about_a_sentence_in_another_language_stay_and_are_marked(tmp_path: Path) -> None:
    text = "تنقل العبّارة إلى الجزيرة 300 راكب يوميا."
    reply = Scripted("[1] 300 راكب = 300 passengers", (*UNSURE, -0.5, -0.5))
    answer = answered(tmp_path, reply, text, QUESTION)
    [cited] = answer.citations
    shown_gloss = gloss(text, shown())
    assert answer.text == f"300 passengers: “{shown_gloss}” (word for word) [1]"
    assert (answer.outcome, answer.claims[0].reason) == ("partial", REASONS["en"]["literal"])
    assert (cited.quote, cited.translation, cited.certain, cited.literal) == (text, shown_gloss, False, True)
