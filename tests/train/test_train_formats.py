"""Weight formats: how far rounding moves weights, and that the engine computes with the rounded ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from train.reader.formats import EIGHT, PLANS, Format, divergence, first_rows, reformatted, rounded

pytestmark = pytest.mark.slow  # importing torch takes seconds

FORMATS = [
    EIGHT,
    Format(8, 32),
    Format(4, 32),
    Format(4, 32, symmetric=False),
    Format(4, 64, symmetric=False),
]


def some(rows: int = 48, columns: int = 64, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    if rows > 4:
        values[3] = 0
        values[4] = np.abs(values[4]) + 1  # a group without a zero in its range
    return values


@pytest.mark.parametrize("how", FORMATS)
def test_rounding_moves_no_weight_by_more_than_half_a_step(how: Format) -> None:
    values = some()
    whole, zero, scale = rounded(values, how)
    back = ((whole.astype(np.float32) - zero) * scale.astype(np.float32)).reshape(values.shape)
    steps = np.broadcast_to(scale.astype(np.float32), whole.shape).reshape(values.shape)
    # Half a step more where the zero point is also rounded, and the error of a scale in half precision.
    assert (np.abs(back - values) <= steps * (0.51 if how.symmetric else 1.01) + np.abs(values) * 2e-3).all()
    assert np.array_equal(back[3], values[3])


@pytest.mark.parametrize("how", FORMATS)
def test_the_engine_multiplies_with_the_rounded_weights(how: Format) -> None:
    import openvino as ov
    from openvino import opset13 as op

    from rag.models.weights.gguf import _eight_bit

    values = some(seed=1)
    x = op.parameter([1, 64], np.float32)
    model = ov.Model([op.matmul(x, _eight_bit(values), False, True)], [x])
    bytes_read = reformatted(model, lambda _: values, first_rows(["one"], lambda _: values), lambda _: how)
    assert bytes_read == pytest.approx(values.size * how.bytes)
    vector = some(1, seed=2)
    exact = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
    output = ov.Core().compile_model(model, "CPU", exact)([vector])[0]
    whole, zero, scale = rounded(values, how)
    kept = ((whole.astype(np.float32) - zero) * scale.astype(np.float32)).reshape(values.shape)
    assert np.allclose(output, vector @ kept.T, atol=1e-2)


def test_four_bits_take_half_of_eight_and_their_scales() -> None:
    assert EIGHT.bytes == 1
    assert Format(4, 128, symmetric=False).bytes == 0.5 + 2.5 / 128
    mixed = PLANS["mixed"]
    assert mixed("lm_head.weight") == mixed("model.layers.1.mlp.up_proj.weight") == EIGHT
    assert mixed("model.layers.2.mlp.up_proj.weight").bits == 4


def test_divergence_is_zero_for_equal_distributions_and_grows() -> None:
    logits = some(3, 50)
    assert divergence(logits, logits + 5) == pytest.approx(0, abs=1e-6)  # a constant changes no distribution
    near, far = logits + some(3, 50, 1) * 0.1, logits + some(3, 50, 1)
    assert 0 < divergence(logits, near) < divergence(logits, far)
