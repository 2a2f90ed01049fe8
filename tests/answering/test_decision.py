"""How a question ends, by the verdicts on its statements."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from contexts import SURE, TRANSLATION, built, context
from shown import TEXTS, apart, evidence, quotes

from rag.answering.answer_builder import Built
from rag.answering.decision import NEAREST, NOT_FOUND, check_form, decide, settle
from rag.answering.draft import Draft, Statement
from rag.records import Evidence, Language


def checked(reply: str, items: Sequence[Evidence] | None = None) -> Built:
    return built(reply, evidence() if items is None else items)


def test_an_unsupported_claim_is_dropped_from_among_good_ones() -> None:
    result = checked("Ferries will carry 300 passengers [3]. Repairs cost 77 dollars [2].")
    assert result.text == "Ferries will carry 300 passengers [1]."
    assert result.outcome == "partial"


@pytest.mark.parametrize(
    "draft",
    [
        "NOT FOUND",
        "NOT_FOUND.",
        "Not found.",
        " **NOT FOUND** [1]",
        "NOT FOUND in it",
        "The envoy is not mentioned in the evidence [1].",
    ],
)
def test_a_refusal_is_answered_in_the_language_of_the_question(draft: str) -> None:
    for language in ("en", "ar"):
        result = built(draft, evidence(), language)
        assert (result.text, result.outcome) == (NOT_FOUND[language], "not_found")


def test_a_sentence_about_something_not_found_is_not_a_refusal() -> None:
    items = evidence(("The missing boat was not found, said the coast guard.",))
    result = checked("The boat was not found [1].", items)
    assert (result.text, result.outcome) == ("The boat was not found [1].", "answered")


@pytest.mark.parametrize("draft", ["", "   \n", "...", "[1]", "[1] [2].", "؟!", "[1]\n[2]"])
def test_a_draft_without_words_is_not_found(draft: str) -> None:
    assert checked(draft).outcome == "not_found"


def test_without_evidence_nothing_is_answered() -> None:
    assert checked("Repairs cost 12 million dollars [1].", []).outcome == "not_found"


TUNNEL = "The tunnel at Aqaba cost 40 million dinars."
BRIDGE = "The bridge at Irbid will cost 40 million dinars."
AGAIN = "Opening the tunnel at Aqaba cost 40 million dinars, the port said."
CLINIC = "وبلغت كلفة العيادة 40 مليون دينار."
COST = "How much did the tunnel at Aqaba cost?"


@pytest.mark.parametrize(
    ("reply", "sentences", "cited"),
    [
        ("[1] [2] 40 million dinars", (TUNNEL, BRIDGE), [TUNNEL]),
        ("[1] [2] 40 million dinars", (BRIDGE, TUNNEL), [TUNNEL]),
        ("[1] [2] 40 million dinars", (TUNNEL, CLINIC), [TUNNEL]),
        ("[1] [2] 40 million dinars", (TUNNEL, AGAIN), [TUNNEL, AGAIN]),
        ("[1] [2] 40 million dinars", (TUNNEL, "The tunnel at Aqaba opened on Sunday."), [TUNNEL]),
        (
            "The tunnel at Aqaba opened on Sunday and cost 40 million dinars [1] [2].",
            (TUNNEL, "The tunnel at Aqaba opened on Sunday."),
            [TUNNEL, "The tunnel at Aqaba opened on Sunday."],
        ),
    ],
)
def test_a_second_source_is_about_the_same_thing_or_adds_to_the_answer(
    reply: str, sentences: tuple[str, ...], cited: list[str]
) -> None:
    assert quotes(built(reply, evidence(sentences), question=COST)) == cited


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("Who paid for the tunnel?", "[1] 40 million dinars"),
        ("Who paid for the tunnel?", "[1] The tunnel"),
        ("من دفع كلفة العيادة؟", "[1] 40 مليون دينار"),
        ("When was the tunnel paid for?", "[1] the tunnel"),
    ],
)
def test_an_answer_of_another_kind_than_asked_for_is_dropped(question: str, reply: str) -> None:
    items = evidence((CLINIC,) if "؟" in question else ("The tunnel at Aqaba cost 40 million dinars.",))
    result = built(reply, items, "ar" if "؟" in question else "en", question=question)
    assert result.outcome == "not_found"


@pytest.mark.parametrize(
    "draft",
    [
        "[1] 12 million dollars [2] 12 million dollars",  # they agree
        "The repairs cost 12 million [1]. The repairs cost 14 million [2].",  # two claims, not two answers
        "[1] 12 million dollars [1] 14 million dollars",  # of one sentence, which does not contain the second
        "[1] 12 million dollars",
    ],
)
def test_other_answers_are_not_a_disagreement(draft: str) -> None:
    items = evidence(("The repairs cost 12 million dollars.", "The repairs cost 14 million dollars."))
    assert checked(draft, items).outcome != "conflict"


def test_an_answer_without_a_time_to_when_gives_way_to_its_sentence() -> None:
    result = built("[1] the harbour", evidence(), "en", question="When did it reopen?")
    assert result.outcome == "not_found"
    assert quotes(result) == [TEXTS[0]]
    assert (
        result.claims[0].reason
        == "the model's draft was dropped: it contained no time, number or name, which was asked for"
    )
    result = built("[1] on Sunday", evidence(), "en", question="When did it reopen?")
    assert result.outcome == "answered"


FERRIES = "Ferries will carry passengers to the island [3]."


@pytest.mark.parametrize(
    ("without", "text"),
    [
        ([], f"{NEAREST['en'][:-1]} [1]."),
        (["check_form"], "Ferries will carry passengers to the island [1]."),
    ],
)
def test_the_form_of_an_answer_is_checked_unless_that_is_left_out(without: list[str], text: str) -> None:
    question = "When did the ferries carry passengers?"
    assert built(FERRIES, evidence(), question=question, without=without).text == text


def test_what_a_cross_check_added_counts_only_where_it_is_supported_itself() -> None:
    first, second = (
        Statement(text, (item,)) for text, item in zip(("900", "40"), apart(evidence()), strict=False)
    )
    draft = Draft(
        "How many?", tuple(evidence()), (first, dataclasses.replace(second, added=True)), relation="sides"
    )
    assert decide(draft, context()).outcome == "conflict"
    for verdict in ("unsupported", "partial"):
        doubtful = dataclasses.replace(second, added=True, verdict=verdict)
        decided = decide(dataclasses.replace(draft, statements=(first, doubtful)), context())
        assert (decided.outcome, decided.statements, decided.relation) == ("answered", (first,), "sentences")


@pytest.mark.parametrize(
    ("sides", "outcome"),
    [
        ([("900", "ab"), ("40", "ab")], "answered"),
        ([("900", "ab"), ("40", "b")], "answered"),
        ([("900", "a"), ("40", "a"), ("70", "b")], "answered"),
        ([("900", "a"), ("40", "bc")], "conflict"),
        ([("308", "a"), ("318", "b"), ("308", "c")], "conflict"),
        ([("308", "a"), ("308", "b"), ("308", "c")], "answered"),
        ([("September", "a"), ("September 2025", "b")], "answered"),
        ([("September 2024", "a"), ("September 2025", "b")], "conflict"),
        ([("$5 million", "a"), ("5 million", "b")], "answered"),
    ],
)
def test_only_values_of_different_articles_are_a_disagreement(
    sides: list[tuple[str, str]], outcome: str
) -> None:
    shown = {name: dataclasses.replace(evidence()[0], article_id=name) for name in "abc"}
    statements = tuple(Statement(text, tuple(shown[name] for name in names)) for text, names in sides)
    draft = Draft("How many?", tuple(shown.values()), statements, relation="sides")
    assert decide(draft, context()).outcome == outcome


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [("The troops left Mosul behind.", "unsupported"), ("The troops left in 2019.", "supported")],
)
def test_what_another_article_says_must_have_the_time_that_is_asked_for(sentence: str, verdict: str) -> None:
    items = apart(evidence(("The troops left in 2018.", sentence)))
    quoted = Statement("", (items[1],), quoted=True, added=True)
    draft = Draft("When did the troops leave?", tuple(items), (Statement("in 2018", (items[0],)), quoted))
    first, second = check_form(draft, context()).statements
    assert (first.verdict, second.verdict) == ("supported", verdict)


def test_a_doubtful_statement_makes_the_answer_partial() -> None:
    item = evidence()[0]
    draft = Draft("What?", (item,), (Statement(item.text, (item,), verdict="partial"),), outcome="answered")
    assert settle(draft).outcome == "partial"
    assert settle(dataclasses.replace(draft, outcome="conflict")).outcome == "conflict"


@pytest.mark.parametrize(
    ("without", "text"),
    [
        ([], f"The article says: “{TEXTS[1]}” [1]"),
        (["quote_chosen"], f"{NEAREST['en'][:-1]} [1]."),
    ],
)
def test_words_that_failed_give_way_to_the_sentence_of_high_confidence(without: list[str], text: str) -> None:
    result = built("[2] 99 million dollars", evidence(), likelihood=SURE, without=without)
    assert result.text == text


@pytest.mark.parametrize(
    ("question", "language", "sentence"),
    [
        ("When did the strike end?", "en", "Teachers end strike in Basra"),
        ("Since when has the bridge been closed?", "en", "The bridge to the island is closed to lorries."),
        ("متى يعاد فتح المتحف؟", "ar", "يعيد المتحف الوطني فتح أبوابه للزوار"),
    ],
)
def test_a_sentence_without_a_time_is_not_quoted_as_the_answer_to_when(
    question: str, language: Language, sentence: str
) -> None:
    items = evidence((sentence,))
    result = built("[1] 99", items, language, question=question, likelihood=SURE)
    assert (result.outcome, quotes(result)) == ("not_found", [sentence])
    dated = evidence((f"{sentence} 9 September 2024" if language == "en" else f"{sentence} يوم الاثنين",))
    assert built("[1] 99", dated, language, question=question, likelihood=SURE).outcome != "not_found"


def test_a_sentence_in_another_language_is_shown_in_translation_for_words_that_failed() -> None:
    result = built("[4] 99 ملايين = 99 million dinars", evidence(), likelihood=SURE)
    assert result.outcome == "partial"
    assert result.text == f"The article says: “{TRANSLATION}” (machine translation, may be wrong) [1]"
