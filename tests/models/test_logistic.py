"""Logistic models: files, features by name, and the identity that a model was fitted for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models.logistic import LEAST, LogisticModel, log_odds

DATA = Path(__file__).resolve().parents[2] / "rag" / "answering" / "data"


def model(**changes: object) -> LogisticModel:
    values = {
        "fitted_for": "Qwen",
        "bias": 0.5,
        "coefficients": {"mean": 1.0, "least": -2.0},
        "threshold": 0.6,
    }
    return LogisticModel(**{**values, **changes})  # type: ignore[arg-type]


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9))
def test_a_probability_is_the_logistic_of_the_weighted_sum(bias: float, mean: float, least: float) -> None:
    probability = model(bias=bias).probability({"least": least, "mean": mean})
    assert probability == pytest.approx(1 / (1 + math.exp(-(bias + mean - 2 * least))))


@given(st.floats(-1e6, 1e6))
def test_no_value_overflows(value: float) -> None:
    assert 0 <= model().probability({"mean": value, "least": 0.0}) <= 1


def test_values_at_the_threshold_are_accepted() -> None:
    even = model(bias=0.0, threshold=0.5)
    assert even.accepts({"mean": 0.0, "least": 0.0})
    assert not even.accepts({"mean": -0.1, "least": 0.0})
    assert model(bias=0.0, threshold=0.1).accepts({"mean": -0.1, "least": 0.0})


@pytest.mark.parametrize("values", [{"mean": 1.0}, {"mean": 1.0, "least": 1.0, "length": 1.0}])
def test_a_missing_or_unknown_feature_is_an_error(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"least|length"):
        model().probability(values)


@pytest.mark.parametrize(
    ("identity", "holds"),
    [("Qwen", True), ("Qwen int8 (openvino, 12ab)", True), ("another Qwen", False)],
)
def test_a_model_holds_for_the_generator_that_it_was_fitted_for(identity: str, holds: bool) -> None:
    assert model().holds_for(identity) is holds


def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    model().save(file)
    assert LogisticModel.load(file) == model()
    assert json.loads(file.read_text())["generator"] == "Qwen"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"generator": "Qwen", "bias": 1, "threshold": 0.5}',
        '{"bias": 1, "factors": {}, "threshold": 0.5}',
        '{"generator": "Qwen", "bias": 1, "factors": {}}',
        "{",
    ],
)
def test_a_file_of_another_layout_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="does not contain a logistic model"):
        LogisticModel.load(file)


def test_the_committed_file_is_a_logistic_model() -> None:
    model = LogisticModel.load(DATA / "certainty.json")
    assert 0 < model.threshold < 1
    assert set(model.coefficients) == {"mean", "least", "choice", "length"}


@given(st.floats(max_value=0))
def test_log_odds_are_bounded(log_probability: float) -> None:
    limit = math.log((1 - LEAST) / LEAST)
    assert -limit - 1e-9 <= log_odds(log_probability) <= limit + 1e-9
