"""Prompts are encoded as they are served, and an adapter is trained, saved and merged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import small_generator

torch = pytest.importorskip("torch")

from rag.models.weights import gguf as gguf_convert  # noqa: E402
from rag.models.weights.adapter import Adapter  # noqa: E402
from train.reader import lora, network  # noqa: E402

pytestmark = pytest.mark.slow  # importing torch takes seconds

BLOCKS = 2
"""Of the small generator."""


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "source").mkdir()
    (folder / "model").mkdir()
    small_generator.write(folder / "source" / "model.gguf")
    gguf_convert.to_transformers(folder / "source" / "model.gguf", folder / "model")
    return folder


def test_a_prompt_equals_the_one_of_the_models_template(model_folder: Path) -> None:
    tokenizer = network.open_tokenizer(model_folder / "model")
    messages = [("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "x\n\ny")]
    conversation = [{"role": role, "content": content} for role, content in messages]
    assert network.chat(messages) == tokenizer.apply_chat_template(
        conversation, tokenize=False, add_generation_prompt=True
    )
    example = {"messages": [["system", "S"], ["user", "U"]], "answer": "Yes", "pair": "en-en", "kind": "k"}
    (encoded,) = network.encode([example], tokenizer)
    assert tokenizer.decode(encoded.ids[-encoded.answer :]) == "Yes<|im_end|>"
    assert tokenizer.decode(encoded.ids[: -encoded.answer]).endswith("assistant\n")


def test_combining_marks_stay_in_their_order(model_folder: Path) -> None:
    tokenizer = network.open_tokenizer(model_folder / "model")
    for text in ("مُحَمَّد", "مُحَمّ\u064eد", "مُحَم\u064e\u0651د"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_the_learning_rate_rises_and_then_falls() -> None:
    paces = [network.pace(n / 100) for n in range(101)]
    assert max(paces) == pytest.approx(1, abs=0.01)
    assert paces[0] < 0.2
    assert paces[-1] == pytest.approx(network.LEAST_RATE)


def test_an_adapter_starts_without_effect_and_is_read_back_as_it_was_saved(
    model_folder: Path, tmp_path: Path
) -> None:
    model, _ = network.open_model(str(model_folder / "model"))
    before = model.model.layers[0].mlp.up_proj.weight.detach().float().numpy().copy()
    adapters = lora.attach(model, rank=4, alpha=8.0)
    assert len(adapters) == BLOCKS * len(lora.TARGETS)
    x = torch.randn(2, small_generator.HIDDEN, dtype=torch.bfloat16)
    up_projection = adapters["model.layers.1.mlp.up_proj"]
    torch.testing.assert_close(up_projection(x), up_projection.base(x))
    for adapter in adapters.values():
        torch.nn.init.normal_(adapter.b)
    lora.save(adapters, tmp_path, rank=4, alpha=8.0, base="small")
    read = Adapter(tmp_path)
    weight = np.zeros((small_generator.INNER, small_generator.HIDDEN), np.float32)
    expected = (up_projection.b @ up_projection.a * up_projection.scale).detach().numpy()
    np.testing.assert_allclose(read.add("model.layers.1.mlp.up_proj.weight", weight), expected, atol=0.05)
    frozen = adapters["model.layers.0.mlp.up_proj"].base.weight.detach().float().numpy()
    np.testing.assert_array_equal(frozen, before)


def test_merged_weights_predict_what_the_network_with_a_separate_adapter_predicts(
    model_folder: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    trained, tokenizer = network.open_model(str(model_folder / "model"))
    adapters = lora.attach(trained, rank=8, alpha=16.0)
    torch.manual_seed(0)
    for adapter in adapters.values():
        torch.nn.init.normal_(adapter.b, std=0.02)
    lora.save(adapters, tmp_path, rank=8, alpha=16.0, base="small")
    ids = torch.tensor([tokenizer(network.chat([("user", "[1] 308")]))["input_ids"]])
    (tmp_path / "merged").mkdir()
    source = model_folder / "source" / "model.gguf"
    gguf_convert.to_transformers(source, tmp_path / "merged", adapter=Adapter(tmp_path))
    served = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    with torch.no_grad():
        merged, beside = served(ids).logits, trained.float()(ids).logits
        for adapter in adapters.values():
            adapter.b.zero_()
        plain = trained(ids).logits
        lora.load(adapters, tmp_path / "adapter_model.safetensors")
        again = trained(ids).logits
    assert float((merged - beside).abs().max()) < 0.2 * float((merged - plain).abs().max())
    torch.testing.assert_close(again, beside, rtol=1e-2, atol=1e-2)
