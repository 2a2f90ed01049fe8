from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rag.models.weights.gguf import quantise_rows

FP16_ROUNDING = 2.0**-11
"""Largest relative error of a normal number in half precision."""


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 48), st.floats(1e-2, 1e2))
def test_a_weight_is_off_by_at_most_half_a_step_of_its_row(
    seed: int, rows: int, columns: int, size: float
) -> None:
    weights = (np.random.default_rng(seed).standard_normal((rows, columns)) * size).astype(np.float32)
    quantised, scale = quantise_rows(weights)
    assert quantised.dtype == np.int8
    assert scale.dtype == np.float16
    assert scale.shape == (rows, 1)
    assert np.abs(quantised.astype(int)).max() <= 127
    step = np.abs(weights).max(axis=1, keepdims=True) / 127
    # Half a step of rounding, and the scale's own rounding to half precision, which counts 127 times.
    bound = step * (0.5 + 128 * FP16_ROUNDING) + 127 * 2.0**-25
    assert (np.abs(quantised * scale.astype(np.float32) - weights) <= bound).all()


def test_a_row_of_zeros_stays_zero_and_touches_no_other_row() -> None:
    weights = np.array([[0, 0, 0], [1, -2, 0.5]], np.float32)
    quantised, scale = quantise_rows(weights)
    assert quantised[0].tolist() == [0, 0, 0]
    assert np.isfinite(scale).all()
    assert quantised[1].tolist() == [64, -127, 32]


def test_a_row_too_small_for_half_precision_becomes_zero_without_infinities() -> None:
    quantised, scale = quantise_rows(np.array([[1e-9, -1e-9]], np.float32))
    assert np.isfinite(scale).all()
    assert np.abs(quantised * scale.astype(np.float32)).max() < 1e-6


def test_each_row_has_its_own_scale() -> None:
    weights = np.array([[100.0, 50.0], [0.01, 0.005]], np.float32)
    quantised, scale = quantise_rows(weights)
    assert quantised[:, 0].tolist() == [127, 127]
    np.testing.assert_allclose(quantised * scale.astype(np.float32), weights, rtol=0.01)
