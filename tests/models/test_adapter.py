"""The adapter that ships: read, added to the right weights, and part of the name of a prepared model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import small_generator
from safetensors.numpy import load_file, save_file

from rag import BadSettings, Settings
from rag.errors import ModelDamaged
from rag.models.weights import gguf, packaged
from rag.models.weights.adapter import CONFIG, DOWN, FOLDER, PREFIX, WEIGHTS, Adapter

NAME = "model.layers.1.mlp.down_proj.weight"
RANK, ALPHA = 2, 4.0


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    """An adapter that changes one matrix of the small generator."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    rng = np.random.default_rng(1)
    stem = "base_model.model." + NAME.removesuffix(".weight")
    down = rng.standard_normal((RANK, small_generator.INNER)).astype(np.float16)
    up = rng.standard_normal((small_generator.HIDDEN, RANK)).astype(np.float16)
    save_file({f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"r": RANK, "lora_alpha": ALPHA}), encoding="utf-8")
    return Adapter(folder)


def changed_matrices(adapter: Adapter) -> set[str]:
    down = [name.removeprefix(PREFIX) for name in adapter._tensors if name.endswith(DOWN)]
    return {name.removesuffix(DOWN) + ".weight" for name in down}


def test_only_the_named_matrix_changes_and_by_the_scaled_product(adapter: Adapter) -> None:
    zeros = np.zeros((small_generator.HIDDEN, small_generator.INNER), np.float32)
    tensors = load_file(adapter._folder / WEIGHTS)
    down, up = (tensors[name].astype(np.float32) for name in sorted(tensors))
    np.testing.assert_allclose(adapter.add(NAME, zeros), up @ down * ALPHA / RANK, rtol=1e-5)
    unchanged = np.ones((3, 4), np.float32)
    assert adapter.add("model.layers.0.mlp.down_proj.weight", unchanged) is unchanged
    assert changed_matrices(adapter) == {NAME}


@pytest.mark.slow
def test_a_file_for_transformers_has_the_weights_of_the_gguf_file_and_the_adapter(
    tmp_path: Path, adapter: Adapter
) -> None:
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (tmp_path / "source").mkdir()
    written = small_generator.write(tmp_path / "source" / "model.gguf")
    weights = {}
    for name, used in (("plain", None), ("adapted", adapter)):
        folder = tmp_path / name
        folder.mkdir()
        gguf.to_transformers(tmp_path / "source" / "model.gguf", folder, adapter=used)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        weights[name] = {key: value.numpy() for key, value in model.state_dict().items()}
    assert len(weights["plain"]) == len(written)
    for name, tensor in written.items():
        # bf16 keeps eight bits of a number.
        np.testing.assert_allclose(weights["plain"][gguf.standard_name(name)], tensor, rtol=2**-8)
    changed = {k for k in weights["plain"] if not np.array_equal(weights["plain"][k], weights["adapted"][k])}
    assert changed == {NAME}
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "plain")
    assert tokenizer.decode(tokenizer("متى [2]؟")["input_ids"]) == "متى [2]؟"


@pytest.mark.parametrize("name", ["blk.x.attn_q.weight", "blk.1.attn_z.weight", "rope_freqs.weight", "a.b.c"])
def test_a_tensor_of_another_network_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelDamaged, match=name):
        gguf.standard_name(name)


def test_another_adapter_is_another_model(adapter: Adapter, tmp_path: Path) -> None:
    model = packaged.with_adapter(packaged.GENERATOR, adapter)
    assert model.name.startswith(packaged.GENERATOR.name + "-adapter-")
    assert model.adapter == adapter.digest
    renamed = dataclasses.replace(model, name="x")
    assert renamed.sha256 == packaged.GENERATOR.sha256
    tensors = load_file(adapter._folder / WEIGHTS)
    tensors[min(tensors)] += 1
    save_file(tensors, adapter._folder / WEIGHTS)
    assert packaged.with_adapter(packaged.GENERATOR, Adapter(adapter._folder)).name != model.name


def test_settings_choose_the_adapter_and_its_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load(adapter=True).template == "adapted"
    assert Settings.load(adapter=False).template == "answer"
    assert Settings.load(adapter=True, llm="some/model").template == "answer"
    assert Settings.load(adapter=True, backend="fake").template == "answer"
    assert Settings.load(prompt="mine").template == "mine"
    monkeypatch.setenv("SANAD_ADAPTER", "off")
    assert Settings.load().template == "answer"
    assert packaged.generator(Settings.load()) == packaged.GENERATOR
    assert packaged.generator(Settings.load(), full=True) == packaged.GENERATOR_FULL


@pytest.mark.parametrize("value", ["maybe", 1, ""])
def test_a_switch_is_on_or_off(value: object) -> None:
    with pytest.raises(BadSettings, match="true or false"):
        Settings.load(adapter=value)


def test_the_adapter_that_ships_changes_every_matrix_of_the_generator_and_is_small() -> None:
    shipped = Adapter()
    parts = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    layers = 28
    expected = {f"blk.{layer}.{part}.weight" for layer in range(layers) for part in parts}
    assert changed_matrices(shipped) == {gguf.standard_name(name) for name in expected}
    assert (FOLDER / WEIGHTS).stat().st_size <= 20_000_000
    assert all(np.isfinite(tensor).all() for tensor in shipped._tensors.values())
