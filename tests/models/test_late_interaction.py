"""Late interaction: packed vectors, scores, and which token belongs to which sentence."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.models.embedding import late_interaction
from rag.models.embedding.late_interaction import Floats, Question


def units(rows: int, size: int, seed: int) -> Floats:
    """Rows of length 1 in random directions."""
    vectors = np.random.default_rng(seed).standard_normal((rows, size)).astype(np.float32)
    rows_of_length_one: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows_of_length_one


def query(rows: int, size: int, seed: int = 0) -> Question:
    weights = np.random.default_rng(seed).random(rows).astype(np.float32) + np.float32(0.1)
    return Question(np.ones(1, np.float32), units(rows, size, seed + 1), weights / weights.sum())


shapes = st.tuples(st.integers(1, 20), st.integers(1, 40).map(lambda half: 2 * half), st.integers(0, 10_000))


@examples(60)
@given(shapes)
def test_packing_changes_each_component_by_at_most_half_a_step_and_keeps_the_length(
    shape: tuple[int, int, int],
) -> None:
    rows, size, seed = shape
    vectors = units(rows, size, seed)
    packed = late_interaction.pack(vectors)
    assert (packed.dtype, packed.shape) == (np.uint8, (rows, size // 2))
    back = late_interaction.unpack(packed)
    assert (back.dtype, back.shape) == (np.float32, (rows, size))
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    limit = late_interaction.LIMIT_SIGMAS / np.sqrt(size)
    step = 2 * limit / (late_interaction.LEVELS - 1)
    for vector, unpacked in zip(vectors, back, strict=True):
        # The unit row differs from the row of levels only in its length, which the projection restores.
        cut = vector.clip(-limit, limit)
        length = float(unpacked @ cut) / float(unpacked @ unpacked)
        residue = cut - length * unpacked
        assert np.linalg.norm(residue) <= np.sqrt(size) * step / 2 + 1e-6


def test_cosines_of_packed_vectors_are_near_the_true_ones() -> None:
    vectors, others = units(500, 64, 1), units(500, 64, 2)
    back = late_interaction.unpack(late_interaction.pack(vectors))
    assert (back * vectors).sum(axis=1).min() > 0.98
    wrong = np.abs(back @ others.T - vectors @ others.T)
    assert wrong.mean() < 0.02
    assert wrong.max() < 0.1


@given(st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), min_size=1, max_size=5))
def test_any_bytes_unpack_to_finite_rows_of_length_one(rows: list[list[int]]) -> None:
    back = late_interaction.unpack(np.array(rows, np.uint8))
    assert np.isfinite(back).all()
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)


def test_numbers_are_packed_into_half_bytes_as_documented() -> None:
    vector = np.array([[1, -1, 0.6, -0.2]], np.float32) * np.float32(
        late_interaction.LIMIT_SIGMAS / np.sqrt(4)
    )
    # Levels 15, 0, 12 and 6: (number / limit + 1) * 7.5.
    assert late_interaction.pack(vector).tolist() == [[15 | 0 << 4, 12 | 6 << 4]]


def test_an_axis_and_its_opposite_which_lie_beyond_the_limit_keep_their_direction() -> None:
    axes = np.concatenate([np.eye(32, dtype=np.float32), -np.eye(32, dtype=np.float32)])
    back = late_interaction.unpack(late_interaction.pack(axes))
    assert ((back @ axes.T).argmax(axis=1) == np.arange(64)).all()
    assert (back * axes).sum(axis=1).min() > 0.9


@pytest.mark.parametrize("shape", [(0, 0), (0, 64)])
def test_no_tokens_are_packed_and_unpacked_without_a_warning(shape: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        packed = late_interaction.pack(np.empty(shape, np.float32))
        assert packed.shape == (0, shape[1] // 2)
        assert late_interaction.unpack(packed).shape == shape


def by_loop(question: Question, vectors: Floats, start: int, end: int) -> float:
    """Late interaction as it is defined."""
    total = 0.0
    for token, weight in zip(question.tokens, question.importance, strict=True):
        total += float(weight) * max(float(token @ vector) for vector in vectors[start:end])
    return total


@examples(60)
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted), min_size=1, max_size=8),
    st.integers(0, 10_000),
)
def test_scores_are_what_a_plain_loop_gives(rows: int, bounds: list[list[int]], seed: int) -> None:
    question, vectors = query(rows, 8, seed), units(12, 8, seed + 2)
    starts, ends = np.array(bounds, np.int64).T
    similar = late_interaction.similarities(question, vectors)
    scores = late_interaction.scores(question, similar, starts, ends)
    expected = [by_loop(question, vectors, a, b) if b > a else -1 for a, b in bounds]
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_part_that_contains_the_question_itself_scores_one() -> None:
    question = query(4, 16)
    vectors = np.concatenate([units(5, 16, 7), question.tokens])
    similar = late_interaction.similarities(question, vectors)
    scores = late_interaction.scores(question, similar, np.array([0, 5, 0]), np.array([5, 9, 9]))
    np.testing.assert_allclose(scores[1:], 1, atol=1e-5)
    assert -1 <= scores[0] < 1


def test_a_token_of_no_importance_changes_nothing() -> None:
    question = query(3, 8)
    more = Question(
        question.vector,
        np.concatenate([question.tokens, units(1, 8, 99)]),
        np.append(question.importance, np.float32(0)),
    )
    vectors, bounds = units(6, 8, 3), (np.array([0, 2]), np.array([2, 6]))
    np.testing.assert_allclose(
        late_interaction.scores(more, late_interaction.similarities(more, vectors), *bounds),
        late_interaction.scores(question, late_interaction.similarities(question, vectors), *bounds),
        atol=1e-6,
    )


def test_without_tokens_of_the_question_every_part_has_the_lowest_score() -> None:
    none = Question(np.ones(1, np.float32), np.empty((0, 8), np.float32), np.empty(0, np.float32))
    scores = late_interaction.scores(none, np.empty((0, 5), np.float32), np.array([0, 2]), np.array([2, 5]))
    assert scores.tolist() == [-1, -1]


def test_without_tokens_of_the_text_every_part_has_the_lowest_score() -> None:
    question = query(3, 8)
    scores = late_interaction.scores(
        question, np.empty((3, 0), np.float32), np.array([0, 0]), np.array([0, 0])
    )
    assert scores.tolist() == [-1, -1]
    assert late_interaction.scores(
        question, np.empty((3, 0), np.float32), *np.empty((2, 0), np.int64)
    ).shape == (0,)


def spans(*pairs: tuple[int, int]) -> NDArray[np.int32]:
    return np.array(pairs, np.int32).reshape(-1, 2)


def test_a_token_that_begins_with_the_space_before_its_word_belongs_to_the_words_sentence() -> None:
    # "One two. Three four." whose words carry the space before them.
    tokens = spans((0, 3), (3, 7), (7, 8), (8, 14), (14, 19), (19, 20))
    assert late_interaction.parts(spans((0, 8), (9, 20)), tokens).tolist() == [[0, 3], [3, 6]]
    # One letter: its middle is the sentence's first character.
    assert late_interaction.parts(spans((0, 2), (3, 4)), spans((0, 1), (1, 2), (2, 4))).tolist() == [
        [0, 2],
        [2, 3],
    ]


def test_tokens_outside_every_sentence_belong_to_none() -> None:
    tokens = spans((0, 7), (8, 11), (12, 15), (16, 20))  # a heading too short to be cited, and a fragment
    assert late_interaction.parts(spans((8, 15)), tokens).tolist() == [[1, 3]]


@pytest.mark.parametrize("tokens", [spans(), spans((40, 44))])
def test_a_sentence_without_tokens_is_an_empty_part(tokens: NDArray[np.int32]) -> None:
    parts = late_interaction.parts(spans((0, 8), (9, 20)), tokens)
    assert (parts[:, 0] == parts[:, 1]).all()
    assert late_interaction.parts(spans(), tokens).shape == (0, 2)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_every_token_belongs_to_at_most_one_sentence_and_lies_in_it(
    widths: list[int], cuts: list[int]
) -> None:
    ends = np.cumsum(widths)
    tokens = np.stack([ends - widths, ends], axis=1).astype(np.int32)
    edges = sorted({min(cut, int(ends[-1])) for cut in cuts})
    sentences = spans(*itertools.pairwise(edges))
    parts = late_interaction.parts(sentences, tokens)
    belongs = [row for start, end in parts for row in range(start, end)]
    assert sorted(set(belongs)) == belongs
    for (first, last), (start, end) in zip(sentences, parts, strict=True):
        inside = [row for row, (a, b) in enumerate(tokens) if first <= (a + b) / 2 < last]
        assert inside == list(range(start, end))
