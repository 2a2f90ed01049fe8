"""The mean of adapters is an adapter of the same layers and rank."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.models.weights.adapter import CONFIG, WEIGHTS

pytestmark = pytest.mark.slow  # importing torch takes seconds


def test_the_mean_of_two_runs_is_written_as_an_adapter(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    from train.reader import average

    for name, value in (("one", 1.0), ("two", 2.0)):
        (tmp_path / name).mkdir()
        save_file({"a": torch.full((2, 3), value, dtype=torch.float16)}, tmp_path / name / WEIGHTS)
        (tmp_path / name / CONFIG).write_text('{"r": 2}', encoding="utf-8")
    runs = [str(tmp_path / name) for name in ("one", "two")]
    assert average.main([*runs, "--out", str(tmp_path / "mean")]) == 0
    tensors = load_file(tmp_path / "mean" / WEIGHTS)
    assert tensors["a"].dtype == torch.float16
    assert tensors["a"].tolist() == [[1.5] * 3] * 2
    assert (tmp_path / "mean" / CONFIG).read_text(encoding="utf-8") == '{"r": 2}'


def test_runs_of_another_configuration_have_no_mean(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from train.reader import average

    for name, alpha in (("one", 16), ("two", 32)):
        (tmp_path / name).mkdir()
        (tmp_path / name / CONFIG).write_text(f'{{"lora_alpha": {alpha}}}', encoding="utf-8")
    with pytest.raises(ValueError, match="configuration"):
        average.main([str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(tmp_path / "mean")])


def test_adapters_of_another_rank_have_no_mean() -> None:
    torch = pytest.importorskip("torch")
    from train.reader import average

    with pytest.raises(ValueError, match="rank"):
        average.mean([{"a": torch.zeros(2, 3)}, {"a": torch.zeros(4, 3)}])
