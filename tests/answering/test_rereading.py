"""An unsure reply is asked for again over the same evidence in another order, and the surer one stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import trained_prompt
from trained_prompt import Reading, Said

from rag import Answer
from rag.answering import answerability
from rag.answering.generation import NOTHING, UNSURE, Drafted, surer
from rag.answering.reply import parse
from rag.answering.verification import UNKNOWN

FERRY = "The ferry to the island carries 300 passengers a day."
CRANE = "The crane at the harbour was painted on Monday."
QUESTION = "How many passengers does the ferry carry?"


def asked(tmp_path: Path, generator: Reading, *texts: str, without: str = "second") -> Answer:
    return trained_prompt.asked(tmp_path, generator, *texts, question=QUESTION, without=without)


def test_an_unsure_refusal_gives_way_to_a_sentence_that_is_named_in_another_order(tmp_path: Path) -> None:
    generator = Reading(("[0]", UNSURE - 0.1), ("[2] 300 passengers", 0.9))
    answer = asked(tmp_path, generator, FERRY, CRANE)
    assert f"[1] {FERRY}\n[2] {CRANE}\n" in generator.prompts[0]
    assert f"[1] {CRANE}\n[2] {FERRY}\n" in generator.prompts[1]
    told = "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"
    assert (answer.outcome, answer.text) == ("answered", told)
    assert [citation.quote for citation in answer.citations] == [FERRY], "a place is not a rank"
    assert [item.text for item in answer.evidence] == [FERRY, CRANE], (
        "best first, in whatever order it was read"
    )


def test_a_sure_reply_is_not_asked_for_again(tmp_path: Path) -> None:
    generator = Reading(("[1] 300 passengers", answerability.SURE))
    assert asked(tmp_path, generator, FERRY, CRANE).outcome == "answered"
    assert len(generator.prompts) == 1


def test_one_sentence_has_no_other_order(tmp_path: Path) -> None:
    generator = Reading(("[0]", 0.4))
    assert asked(tmp_path, generator, FERRY).outcome == "not_found"
    assert len(generator.prompts) == 1


def test_it_can_be_left_out(tmp_path: Path) -> None:
    generator = Reading(("[0]", 0.4), ("[2] 300 passengers", 0.9))
    assert asked(tmp_path, generator, FERRY, CRANE, without="second,reread").outcome == "not_found"
    assert len(generator.prompts) == 1


def drafted(text: str, choice: float | None) -> Drafted:
    return Drafted(parse(text), (), UNKNOWN, choice)


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        (("[0]", 0.5), ("[2] 300", 0.3), 1),
        (("[0]", 0.3), ("[0]", 0.9), 0),
        (("[1] 300", 0.5), ("[2] 900", 0.6), 1),
        (("[1] 300", 0.5), ("[2] 900", 0.4), 0),
        (("[1] 300", 0.5), ("[0]", 0.6), 1),
        (("[1] 300", 0.5), ("[0]", 0.4), 0),
        (("[0]", 0.5), ("", 0.9), 0),
        (("[1] 300", 0.5), ("[2] 900", None), 0),
    ],
)
def test_a_named_sentence_stands_over_an_unsure_refusal_and_else_the_surer_choice(
    first: Said, second: Said, stands: int
) -> None:
    both = drafted(*first), drafted(*second)
    assert surer(*both) is both[stands]
    assert surer(NOTHING, both[1]) is NOTHING, "nothing is known of it"
