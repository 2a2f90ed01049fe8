"""Names of answers that were read from glosses."""

from __future__ import annotations

import pytest
from shown import evidence

from rag.answering.draft import Draft, Statement
from rag.answering.names import misnames, respelled

THEATRE = "قال مدير المسرح إلبروس كوتراشيف إن العرض سيبدأ في ساحة ويسبانكو."
FIRST = "وقال أوستن لوزير الدفاع إن القوات ستبقى."
FULL = "قال لويد أوستن إن الزيارة انتهت."
QUESTION = "Who spoke to the minister?"


def about(text: str, *sentences: str) -> tuple[Statement, Draft]:
    """A statement about the first of some sentences, all of which the model was shown."""
    items = evidence(sentences)
    return Statement(text, (items[0],)), Draft(QUESTION, tuple(items))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Elbrus Kutsayev", "Elbrus Kutrashiev"),
        ("in Wesbankor Arena", "in Wesbanko Arena"),
        ("Elbrus Kutrashiev", "Elbrus Kutrashiev"),
        ("the Westmoreland County Arena", "the Westmoreland County Arena"),
        ("Kuwait", "Kuwait"),
    ],
    ids=["slip", "one letter", "as read", "another name", "known to the tables"],
)
def test_a_name_that_was_copied_with_a_slip_is_spelt_as_it_was_read(text: str, meant: str) -> None:
    statement, _ = about(text, THEATRE)
    assert respelled(statement, QUESTION).text == meant


def test_a_name_of_the_question_is_no_slip() -> None:
    statement, _ = about("Elbrus Kutsayev", THEATRE)
    assert respelled(statement, "What did Kutsayev say?") == statement


def test_one_name_that_is_written_apart_in_the_gloss_is_no_slip_of_its_first_word() -> None:
    statement, _ = about("Lloydaustin", FULL)
    assert respelled(statement, QUESTION) == statement


@pytest.mark.parametrize("text", ["the Westmoreland County Arena", "Ivan Petrov", "Al-Azarrawa airbase"])
def test_a_name_that_was_not_read_is_found(text: str) -> None:
    assert misnames(*about(text, THEATRE, FIRST))


@pytest.mark.parametrize(
    "text",
    ["Elbrus Kutrashiev", "the theatre director", "in the arena of Wesbanko", "Director of the Theatre Act"],
)
def test_what_was_read_is_no_wrong_name(text: str) -> None:
    assert not misnames(*about(text, THEATRE, FIRST))


def test_a_first_name_may_be_in_another_sentence_with_the_last_name() -> None:
    assert not misnames(*about("Lloyd Austin", FIRST, FULL))
    assert misnames(*about("Lloyd Austin", FIRST, THEATRE)), "nothing says that it is this Austin"
    assert misnames(*about("Elbrus Kutrashiev", FIRST, THEATRE)), (
        "somebody else, whom the cited one does not name"
    )
