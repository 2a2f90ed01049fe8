"""A reply becomes statements with the sentences that they cite."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import source

from rag.answering.draft import Draft, Statement, parse, put

SHOWN = [source(f"Sentence {n}.", n) for n in range(1, 10)]


def parts(draft: Draft) -> list[tuple[str, tuple[int, ...], str]]:
    """Text, numbers of the cited sentences, and quoted words of each statement."""
    return [
        (statement.text, tuple(item.number for item in statement.cited), statement.words)
        for statement in draft.statements
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[2] 308", [("308", (2,), "")]),
        (" [1][4] in 1900 ", [("in 1900", (1, 4), "")]),
        ("[1, 4] in 1900", [("in 1900", (1, 4), "")]),
        ("[1] 308 [4] 318", [("308", (1,), ""), ("318", (4,), "")]),
        ("[2] إريك كوريلا = Erik Kurilla", [("Erik Kurilla", (2,), "إريك كوريلا")]),
        ("[1] سنة 1900 = in 1900 [4] 1901", [("in 1900", (1,), "سنة 1900"), ("1901", (4,), "")]),
        ("[1] He left. He never came back.", [("He left. He never came back.", (1,), "")]),
        ("[1] E = ", [("E =", (1,), "")]),
        ("[1] = three", [("= three", (1,), "")]),
        ("308 [2].", [("308.", (2,), "")]),
        ("It had 308 [1]. He left [2, 3].", [("It had 308.", (1,), ""), ("He left.", (2, 3), "")]),
        ("[1] It had 308 [1].", [("It had 308.", (1,), "")]),
        ("[3]", []),
        ("", []),
    ],
)
def test_a_reply_is_parsed(text: str, expected: list[tuple[str, tuple[int, ...], str]]) -> None:
    draft = parse(text, "What?", SHOWN, SHOWN)
    assert parts(draft) == expected
    assert not draft.refused
    assert (draft.question, draft.evidence) == ("What?", tuple(SHOWN))
    sides = text.startswith("[1]") and "[4]" in text and len(expected) == 2
    assert draft.relation == ("sides" if sides else "sentences")


@pytest.mark.parametrize("text", ["[0]", " [0] 308", "[ 0 ]", "NOT FOUND", "لا تذكر المقالات ذلك."])
def test_a_refusal_is_recognised(text: str) -> None:
    assert parse(text, "What?", SHOWN, SHOWN) == Draft("What?", tuple(SHOWN), refused=True)


def test_a_marker_is_a_place_in_the_order_in_which_the_model_read_the_evidence() -> None:
    best_first = [SHOWN[0], SHOWN[4], SHOWN[5]]
    read_order = [SHOWN[4], SHOWN[5], SHOWN[0]]
    draft = parse("[1] 308 [3, 4] 318", "What?", best_first, read_order)
    assert parts(draft) == [("308", (5,), ""), ("318", (1,), "")], "there is no fourth sentence"
    assert (draft.relation, draft.evidence) == ("sides", tuple(best_first))
    assert parse("[0]", "What?", best_first, read_order).refused


words = (
    st.text(alphabet="abc عمر 0123", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: any(char.isalnum() for char in text))
)


@given(st.integers(1, 9), words, words)
def test_what_is_put_before_an_answer_is_read_back(number: int, quoted: str, answer: str) -> None:
    (statement,) = parse(f"[{number}] {put(quoted, answer)}", "What?", SHOWN, SHOWN).statements
    assert statement == Statement(answer, (SHOWN[number - 1],), "" if quoted == answer else quoted)
