"""The ranking of sentences is fitted to questions whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from rag.retrieval.ranking import FEATURES
from train.retrieval.sentences import Pool, fit, recall

pytestmark = pytest.mark.slow  # importing torch takes seconds

CONTEXT, LENGTH = FEATURES.index("context"), FEATURES.index("length")


def pools(count: int, feature: int, seed: int = 0) -> list[Pool]:
    """Questions whose right sentence has more of one feature than the nine others."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        rows = draw.normal(0, 1, (10, len(FEATURES))).astype(np.float32)
        right = np.zeros(10, bool)
        right[draw.integers(10)] = True
        rows[right, feature] += 3
        made.append(Pool(rows, right))
    return made


def test_the_fitted_weights_find_the_feature_that_separates_right_sentences() -> None:
    weights = fit([pools(60, CONTEXT)])
    assert int(np.argmax(np.abs(weights))) == CONTEXT
    first, among_four, *_ = recall(pools(60, CONTEXT, seed=1), weights)
    assert first > 0.8
    assert among_four > 0.95


def test_collections_count_equally_whatever_their_size() -> None:
    few, many = pools(20, CONTEXT), pools(20, LENGTH, seed=2)
    assert fit([few, many]) == pytest.approx(fit([few, many * 5]), abs=0.1)


def test_questions_without_a_right_sentence_count_as_missed_and_change_no_weight() -> None:
    answered = pools(20, CONTEXT)
    missed = [Pool(pool.features, np.zeros(10, bool)) for pool in answered]
    assert fit([[*answered, *missed]]) == pytest.approx(fit([answered]), abs=1e-5)
    assert recall(missed, fit([answered])) == [0.0, 0.0, 0.0, 0.0]
