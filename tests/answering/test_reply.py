"""Replies are taken apart: who says what, in which words; and shown while they grow."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering.reply import Part, Reply, parse, put, readable, renumbered


@pytest.mark.parametrize(
    ("draft", "parts"),
    [
        ("[2] 308", [Part("308", (2,))]),
        (" [1][4] in 1900 ", [Part("in 1900", (1, 4))]),
        ("[1, 4] in 1900", [Part("in 1900", (1, 4))]),
        ("[1] 308 [4] 318", [Part("308", (1,)), Part("318", (4,))]),
        ("[2] إريك كوريلا = Erik Kurilla", [Part("Erik Kurilla", (2,), "إريك كوريلا")]),
        ("[1] سنة 1900 = in 1900 [4] 1901", [Part("in 1900", (1,), "سنة 1900"), Part("1901", (4,))]),
        ("[1] He left. He never came back.", [Part("He left. He never came back.", (1,))]),
        ("[1] E = ", [Part("E =", (1,))]),
        ("[1] = three", [Part("= three", (1,))]),
        ("308 [2].", [Part("308.", (2,))]),
        ("It had 308 [1]. He left [2, 3].", [Part("It had 308.", (1,)), Part("He left.", (2, 3))]),
        ("[1] It had 308 [1].", [Part("It had 308.", (1,))]),
        ("[3]", []),
        ("", []),
    ],
)
def test_a_reply_is_taken_apart(draft: str, parts: list[Part]) -> None:
    reply = parse(draft)
    assert list(reply.parts) == parts
    assert not reply.refused
    assert reply.sides == (draft.startswith("[1]") and "[4]" in draft and len(parts) == 2)


@pytest.mark.parametrize("draft", ["[0]", " [0] 308", "[ 0 ]", "NOT FOUND", "لا تذكر المقالات ذلك."])
def test_a_refusal_is_told(draft: str) -> None:
    assert parse(draft) == Reply((), refused=True)


def test_markers_of_places_become_the_sentences_own_numbers() -> None:
    told = renumbered(parse("[1] 308 [3, 4] 318"), [5, 6, 1])
    assert [(part.text, part.marks) for part in told.parts] == [("308", (5,)), ("318", (1, 4))]
    assert told.sides
    assert renumbered(parse("[0]"), [5, 6, 1]).refused


words = (
    st.text(alphabet="abc عمر 0123", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: any(char.isalnum() for char in text))
)


@given(st.integers(1, 9), words, words)
def test_what_is_put_before_an_answer_is_read_back(number: int, quoted: str, answer: str) -> None:
    (part,) = parse(f"[{number}] {put(quoted, answer)}").parts
    assert part == Part(answer, (number,), "" if quoted == answer else quoted)


@given(st.text(alphabet="[]0123 ,،.abعم\n", max_size=40), st.sampled_from(["en", "ar"]))
def test_what_is_shown_of_a_growing_reply_only_grows(draft: str, language: str) -> None:
    shown = [readable(draft[:end], language) for end in range(len(draft) + 1)]  # type: ignore[arg-type]
    # Trailing markers of a reply that begins with text stay; at its first "[" a reply is told apart.
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


@pytest.mark.parametrize(
    ("draft", "language", "shown"),
    [
        ("[2", "en", ""),
        ("[2] in 308", "en", "in 308"),
        ("[2] 308", "en", ""),  # 308 what may be told in another language first
        ("[1][4] in", "en", "in"),
        ("[0]", "en", ""),
        ("308 [2]", "en", "308 [2]"),
        ("[2] إريك كو", "en", ""),
        ("[2] إريك كو", "ar", "إريك كو"),
        ("[2] إريك كوريلا = Er", "en", "Er"),
        ("[2] Los An", "ar", ""),
        ("[2] Los Angeles = لو", "ar", "لو"),
        ("[2] سنة 19 = in 19 [4] سنة 2", "en", "in 19 "),
        ("[2] سنة 19 = in 19 [4] سنة 20 = in 20", "en", "in 19 in 20"),
    ],
)
def test_neither_markers_nor_quoted_words_are_shown_while_a_reply_is_written(
    draft: str, language: str, shown: str
) -> None:
    assert readable(draft, language) == shown  # type: ignore[arg-type]
