"""Names of answers that were read from glosses."""

from __future__ import annotations

import dataclasses

import pytest
from contexts import ADAPTED, context
from shown import apart, evidence

from rag.answering.decision import check_form
from rag.answering.draft import Draft, Statement
from rag.answering.names import misnames, respelled
from rag.answering.verification import verify

THEATRE = "قال مدير المسرح إلبروس كوتراشيف إن العرض سيبدأ في ساحة ويسبانكو."
FIRST = "وقال أوستن لوزير الدفاع إن القوات ستبقى."
FULL = "قال لويد أوستن إن الزيارة انتهت."
KADHIMI = "قال الكاظمي إن الزيارة انتهت."
MUSTAFA = "وصل مصطفى الكاظمي إلى بغداد."
QUESTION = "Who spoke to the minister?"


def about(text: str, *sentences: str) -> tuple[Statement, Draft]:
    """A statement about the first of some sentences, all of which the model was shown."""
    items = evidence(sentences)
    return Statement(text, (items[0],)), Draft(QUESTION, tuple(items))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Elbrus Kutsayev", "Elbrus Kutrashiev"),
        ("Kutsayev’s deputy", "Kutrashiev’s deputy"),
        ("in Wesbankor Arena", "in Wesbanko Arena"),
        ("Elbrus Kutrashiev", "Elbrus Kutrashiev"),
        ("the Westmoreland County Arena", "the Westmoreland County Arena"),
        ("Kuwait", "Kuwait"),
        ("Several of them", "Several of them"),
    ],
    ids=["slip", "possessive", "one letter", "as read", "another name", "known to the tables", "ordinary"],
)
def test_a_misspelt_name_is_spelt_as_it_was_read(text: str, expected: str) -> None:
    assert respelled(*about(text, THEATRE)).text == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("They left on Monday.", "The ministers left the capital on Monday."),
        ("Three soldiers", "قال الجيش إن 3 جنود قتلوا."),
        ("About 300 people", "وصل 300 شخص إلى أبو ظبي."),
        ("Most of them", "عاد أكثرهم إلى الموصل."),
        ("Saudi Arabia", "دعت الرياض الجامعة العربية."),
        ("on Tuesday", "وصل الوزير يوم الخميس."),
        ("Sami Shoukry", "التقى سامح شكري نظيره."),
    ],
)
def test_no_other_word_is_changed_and_no_name_becomes_another_one(text: str, sentence: str) -> None:
    statement, draft = about(text, sentence, "قال سامي شكري إن الاجتماع انتهى.")
    assert respelled(statement, draft) == statement


def test_a_name_of_the_question_is_not_misspelt() -> None:
    statement, draft = about("Elbrus Kutsayev", THEATRE)
    draft = dataclasses.replace(draft, question="What did Kutsayev say?")
    assert respelled(statement, draft) == statement


def test_a_name_that_the_gloss_writes_as_two_words_is_not_misspelt() -> None:
    statement, draft = about("Lloydaustin", FULL)
    assert respelled(statement, draft) == statement


@pytest.mark.parametrize(
    "text",
    [
        "the Westmoreland County Arena",
        "Westmoreland",
        "Ivan Petrov",
        "the manager Ivan Petrov",
        "Quuxley Kutrashiev",
        "Al-Azarrawa airbase",
        "Vladimir Putin",
    ],
)
def test_a_name_that_was_not_read_is_recognised(text: str) -> None:
    assert misnames(*about(text, THEATRE, FIRST))


@pytest.mark.parametrize(
    "text",
    [
        "Elbrus Kutrashiev",
        "the theatre director",
        "in the arena of Wesbanko",
        "will begin",
        "Director of the Theatre Act",
        "Planned",
        "Austin",
    ],
)
def test_words_that_were_read_are_not_wrong_names(text: str) -> None:
    assert not misnames(*about(text, THEATRE, FIRST))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("in Afghanistan", "غادرت القوات الأفغانية."), ("British forces", "قالت بريطانيا إن قواتها ستعود.")],
)
def test_a_country_may_be_named_by_its_people(text: str, sentence: str) -> None:
    assert not misnames(*about(text, sentence))


def test_a_first_name_may_be_in_a_sentence_of_another_article_with_the_last_name() -> None:
    for text, cited, other in (("Lloyd Austin", FIRST, FULL), ("Mustafa al-Kadhimi", KADHIMI, MUSTAFA)):
        statement, draft = about(text, cited, other)
        apart_from_it = dataclasses.replace(draft, evidence=tuple(apart(draft.evidence)))
        cites = dataclasses.replace(statement, cited=apart_from_it.evidence[:1])
        assert not misnames(cites, apart_from_it)
        assert misnames(cites, dataclasses.replace(apart_from_it, evidence=apart_from_it.evidence[:1]))
    statement, draft = about("Elbrus Kutrashiev", FIRST, THEATRE)
    draft = dataclasses.replace(draft, evidence=tuple(apart(draft.evidence)))
    somebody_else = dataclasses.replace(statement, cited=draft.evidence[:1])
    assert misnames(somebody_else, draft), "the cited article does not name him"


@pytest.mark.parametrize("text", ["A", "O'", "’", "", "3", "A_B"])
def test_odd_words_are_left_alone(text: str) -> None:
    statement, draft = about(text, THEATRE)
    assert respelled(statement, draft) == statement


def test_english_sentences_are_not_checked_here() -> None:
    assert not misnames(*about("the Westmoreland Arena", "The show begins in the Wesbanko Arena."))


@pytest.mark.parametrize("name", ["فلاديمير بوتين", "Vladimir Putin"])
def test_a_name_in_no_sentence_does_not_answer_an_arabic_question_read_over_glosses(name: str) -> None:
    shown = tuple(evidence([THEATRE, FIRST]))
    statement = Statement("Vladimir Putin", (shown[0],))
    draft = Draft("من مدير المسرح؟", shown, (statement,), glossed=True)
    (after,) = verify(draft, context(None, "ar", settings=ADAPTED)).statements
    assert after.quoted
    assert name not in after.text


def test_a_right_name_that_no_table_has_is_quoted_in_its_sentence() -> None:
    shown = tuple(evidence([THEATRE, FIRST]))
    draft = Draft("من مدير المسرح؟", shown, (Statement("Elbrus Kutrashiev", (shown[0],)),), glossed=True)
    settings = context(None, "ar", settings=ADAPTED)
    after = check_form(verify(draft, settings), settings)
    assert [(statement.quoted, statement.verdict) for statement in after.statements] == [(True, "supported")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Adriftmorn Limited", "فهو مدير شركة Adriftmorn Limited."),
        ("308", "وصل 308 جنود."),
        ("مايو", "وصل الوزير في مايو."),
    ],
    ids=["Latin letters of the article", "a number", "Arabic, from another article"],
)
def test_what_can_be_said_in_arabic_is_not_quoted(text: str, sentence: str) -> None:
    shown = tuple(evidence([sentence]))
    draft = Draft("ما الذي؟", shown, (Statement(text, shown),), glossed=True)
    (after,) = verify(draft, context(None, "ar", settings=ADAPTED)).statements
    assert not after.quoted
    assert text in after.text
