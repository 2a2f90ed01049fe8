"""Checked drafts become one text with numbered citations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from contexts import built
from hypothesis import given
from hypothesis import strategies as st
from shown import TEXTS, assert_sound, evidence, quotes

from rag.answering.answer_builder import Built
from rag.language.text import detect_language
from rag.records import Evidence, Reprint


def checked(reply: str, items: Sequence[Evidence] | None = None) -> Built:
    return built(reply, evidence() if items is None else items)


@pytest.mark.parametrize(
    ("draft", "text", "cited"),
    [
        ("Repairs cost 12 million dollars [2].", "Repairs cost 12 million dollars [1].", [1]),
        ("Repairs cost 12 million dollars. [2]", "Repairs cost 12 million dollars [1].", [1]),
        ("Repairs cost 12 million dollars.[2]", "Repairs cost 12 million dollars [1].", [1]),
        ("[2] Repairs cost about 12 million dollars.", "Repairs cost about 12 million dollars [1].", [1]),
        ("Repairs cost 12 million dollars", "Repairs cost 12 million dollars [1]", [1]),
        ("Repairs [ 2 ] cost 12 million dollars!", "Repairs cost 12 million dollars [1]!", [1]),
        ("Repairs cost $12 million [2] [2].", "Repairs cost $12 million [1].", [1]),
        ("بلغت التكلفة 4 ملايين دينار [4].", "بلغت التكلفة 4 ملايين دينار [1].", [3]),
        ("بلغت التكلفة ٤ ملايين دينار [٤].", "بلغت التكلفة ٤ ملايين دينار [1].", [3]),
        ("هل بلغت التكلفة 4 ملايين؟ [4]", "هل بلغت التكلفة 4 ملايين [1]؟", [3]),
    ],
)
def test_a_marker_is_read_wherever_it_is_and_renumbered(draft: str, text: str, cited: list[int]) -> None:
    result = built(draft, evidence(), detect_language(draft))
    assert result.text == text
    assert quotes(result) == [TEXTS[i] for i in cited]
    assert_sound(result, evidence())


@pytest.mark.parametrize("marker", ["[3, 1]", "[3,1]", "[3، 1]", "[3] [1]", "[3][1]", "[3,1] [3]", "[٣، ١]"])
def test_several_markers_cite_several_sentences_in_the_order_named(marker: str) -> None:
    result = checked(f"The harbour reopened and ferries carry 300 passengers {marker}.")
    assert result.text == "The harbour reopened and ferries carry 300 passengers [1] [2]."
    assert quotes(result) == [TEXTS[2], TEXTS[0]]
    assert result.outcome == "answered"


def test_citations_are_numbered_by_first_use_and_shared_between_claims() -> None:
    result = checked("Ferries carry 300 passengers [3]. Repairs cost 12 million [2]. Ferries sail daily [3].")
    assert (
        result.text
        == "Ferries carry 300 passengers [1]. Repairs cost 12 million [2]. Ferries sail daily [1]."
    )
    assert [claim.citations for claim in result.claims] == [(1,), (2,), (1,)]
    assert [(c.number, c.line) for c in result.citations] == [(1, 3), (2, 2)]
    assert result.outcome == "answered"
    assert_sound(result, evidence())


def test_a_citation_has_every_field_of_its_sentence() -> None:
    items = evidence(published="2024-09-06")
    (citation,) = checked("Repairs cost 12 million [2].", items).citations
    for name in ("article_id", "title", "outlet", "published", "source", "line", "start", "end"):
        assert getattr(citation, name) == getattr(items[1], name)


@pytest.mark.parametrize(
    "draft",
    [
        "The harbour reopened [[1]2].",
        "The harbour reopened [1 [2]].",
        "The harbour reopened [[1]].",
        "The harbour reopened [[[1]2]3].",
        "The harbour reopened [1][",
        "The harbour reopened [12345678901234567890].",
    ],
)
def test_no_marker_is_left_that_is_not_a_citation(draft: str) -> None:
    result = checked(draft)
    assert result.claims
    assert_sound(result, evidence())


@given(
    st.lists(
        st.sampled_from(
            [
                *"[]0123456789٣,،.؟!\n ",
                *("[1]", "[2, 3]", "[0]", "[9]", "[٢]"),
                *(
                    " The harbour reopened",
                    " 300 passengers",
                    " المكتبة",
                    " 4 ملايين",
                    " in May",
                    "NOT FOUND",
                ),
            ]
        ),
        max_size=14,
    ).map("".join)
    | st.text(max_size=60)
)
def test_whatever_the_draft_markers_and_citations_agree_one_to_one(draft: str) -> None:
    result = checked(draft)
    assert_sound(result, evidence())


def test_a_citation_lists_the_other_articles_that_contain_its_quote() -> None:
    also = (Reprint("valley", "Valley Post", None),)
    items = [dataclasses.replace(item, also=also if item.number == 1 else ()) for item in evidence()]
    result = built(f"{TEXTS[0][:-1]} [1].", items, "en")
    assert [citation.also for citation in result.citations] == [also]
