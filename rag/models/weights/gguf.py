"""Convert the packaged generator from a GGUF file to a model folder.

``to_openvino`` makes an OpenVINO model with 8-bit weights, ``to_transformers`` a safetensors one in bf16.

openvino-genai can read a GGUF file itself and produces the right network and tokenizer, but it stores the
minimum of each 4-bit block as a 4-bit zero point, which changes weights by up to 7 % of a row's largest, and
its groups of 32 decode slowly. Therefore its network is kept and its weights are replaced: each tensor is
dequantised exactly (with the gguf package, by llama.cpp's authors) and stored as signed 8-bit integers with
one scale for each row. docs/research/decisions.md compares the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelDamaged
from rag.models.weights.adapter import Adapter

if TYPE_CHECKING:
    import openvino

SAMPLE_ROWS = 2
"""Rows of a tensor that identify which tensor of the file a matrix of the network is."""

CLOSE = 0.15
"""Largest difference between the reader's weights and the file's, as a share of the largest weight of
the sampled rows. The reader's rounding changes at most 0.07 (measured); other layers differ by about 1."""


def to_openvino(
    gguf: Path, folder: Path, progress: Callable[[float], None], adapter: Adapter | None = None
) -> None:
    """Convert a GGUF file to an OpenVINO model, tokenizer and detokenizer.

    Args:
        gguf: The file, whose digest has been checked. OpenVINO's reader writes three pairs of files
            beside it, which are moved or removed.
        folder: An existing folder to write into.
        progress: Called with the share done, 0 to 1.
        adapter: Merged into the weights before they are rounded.

    Raises:
        ModelDamaged: The network that the reader creates does not contain the file's weights.
    """
    import openvino as ov
    import openvino_genai

    openvino_genai.LLMPipeline(str(gguf), "CPU", enable_save_ov_model=True)
    progress(0.3)
    for part in ("tokenizer", "detokenizer"):
        for ending in ("xml", "bin"):
            name = f"openvino_{part}.{ending}"
            (gguf.parent / name).replace(folder / name)
    network = gguf.parent / "openvino_model.xml"
    model = ov.Core().read_model(network)
    for done in _restore_weights(model, gguf, adapter):
        progress(0.3 + 0.5 * done)
    ov.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)
    del model
    network.unlink()
    network.with_suffix(".bin").unlink()
    progress(1.0)


def to_transformers(
    gguf: Path,
    folder: Path,
    _progress: Callable[[float], None] | None = None,
    adapter: Adapter | None = None,
) -> None:
    """Convert a GGUF file to a transformers folder in bf16; the arguments are those of ``to_openvino``."""
    import torch
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoTokenizer

    # Not through AutoModelForCausalLM: since about transformers 5.20 it keeps the 4-bit blocks, and such a
    # model can be neither saved nor trained.
    tensors = {}
    for tensor in GGUFReader(gguf).tensors:
        weights = torch.from_numpy(_weights(tensor, adapter))
        tensors[standard_name(tensor.name)] = weights.to(torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config: Any = AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name)
    config.tie_word_embeddings = "lm_head.weight" not in tensors
    config.dtype = torch.bfloat16
    config.architectures = [ARCHITECTURE]
    config.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


ARCHITECTURE = "Qwen2ForCausalLM"
"""The transformers class whose tensor names ``standard_name`` returns."""

_TOP_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER_NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def standard_name(name: str) -> str:
    """The name in transformers of a tensor of the file.

    ``blk.3.attn_q.bias`` is ``model.layers.3.self_attn.q_proj.bias``.

    Raises:
        ModelDamaged: There is no such tensor in a Qwen2 network.
    """
    if name in _TOP_NAMES:
        return _TOP_NAMES[name]
    try:
        _, layer, part, kind = name.split(".")
        return f"model.layers.{int(layer)}.{_LAYER_NAMES[part]}.{kind}"
    except (KeyError, ValueError) as error:
        raise ModelDamaged(f"The generator's file contains an unknown tensor: {name}.") from error


def quantise_rows(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Quantise weights to signed 8-bit integers with one scale for each row: ``weights ≈ q * scale``.

    Args:
        weights: Shape (rows, columns).

    Returns:
        Integers of the same shape in −127..127, and scales of shape (rows, 1).
    """
    largest = np.abs(weights).max(axis=1, keepdims=True)
    scale = (largest / 127.0).astype(np.float16)
    scale = np.where(scale > 0, scale, np.float16(1))  # zeros, or too small for half precision: becomes zeros
    quantised = np.clip(np.round(weights / scale.astype(np.float32)), -127, 127)
    return quantised.astype(np.int8), scale


def _restore_weights(model: openvino.Model, gguf: Path, adapter: Adapter | None) -> Iterator[float]:
    from gguf import GGUFReader
    from gguf.quants import dequantize

    tensors = {t.name: t for t in GGUFReader(gguf).tensors if len(t.shape) == 2}
    shapes = {name: (int(t.shape[1]), int(t.shape[0])) for name, t in tensors.items()}
    samples = {name: dequantize(t.data[:SAMPLE_ROWS], t.tensor_type) for name, t in tensors.items()}
    unplaced = set(tensors)
    places = _weight_inputs(model)
    for done, place in enumerate(places, start=1):
        source = place.get_source_output().get_node()
        shape = tuple(source.get_output_shape(0))
        rows = _first_rows(source)
        limit = CLOSE * float(np.abs(rows).max())
        distance = {
            name: float(np.abs(samples[name] - rows).max()) for name in tensors if shapes[name] == shape
        }
        name = min(distance, key=lambda n: (n not in unplaced, distance[n]), default="")
        if not name or distance[name] > limit:
            raise ModelDamaged(
                f"The generator's network has weights of shape {shape} that are not in {gguf.name}: this "
                "openvino-genai reads the file differently. Install the locked version (constraints.txt)."
            )
        unplaced.discard(name)
        place.replace_source_output(_eight_bit(_weights(tensors[name], adapter)).output(0))
        yield done / len(places)
    if unplaced:
        raise ModelDamaged(
            f"{len(unplaced)} tensors of {gguf.name} are not in the network: {min(unplaced)}, …"
        )


def _weights(tensor: Any, adapter: Adapter | None) -> NDArray[np.float32]:
    """A tensor of the file, dequantised and with the adapter merged into it."""
    from gguf.quants import dequantize

    shape = tuple(int(size) for size in reversed(tensor.shape))
    weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(shape)
    return adapter.add(standard_name(tensor.name), weights) if adapter else weights


def _weight_inputs(model: openvino.Model) -> list[Any]:
    """The inputs of the network that take a compressed weight matrix."""
    ports = {"MatMul": 1, "Gather": 0}
    inputs = []
    for node in model.get_ordered_ops():
        port = ports.get(node.get_type_name())
        if port is None:
            continue
        source = node.input_value(port)
        convert = source.get_node()
        if (
            source.get_partial_shape().is_static
            and len(source.get_shape()) == 2
            and convert.get_type_name() == "Convert"
            and convert.input_value(0).get_node().get_type_name() == "Reshape"
        ):
            inputs.append(node.input(port))
    return inputs


def _first_rows(convert: Any) -> NDArray[np.float32]:
    """The first rows of Convert(Reshape((q − zero) · scale)), as the reader stores a matrix."""
    multiply = convert.input_value(0).get_node().input_value(0).get_node()
    subtract, scale = (value.get_node() for value in multiply.input_values())
    quantised, zero = (value.get_node().input_value(0).get_node() for value in subtract.input_values())
    centred = _rows(quantised) - _rows(zero)
    rows: NDArray[np.float32] = centred * scale.data[:SAMPLE_ROWS].astype(np.float32)
    return rows.reshape(SAMPLE_ROWS, -1)


def _rows(constant: Any) -> NDArray[np.float32]:
    import openvino as ov

    shape = tuple(constant.get_output_shape(0))
    data = constant.data
    if constant.get_output_element_type(0) == ov.Type.u4 and data.size != np.prod(shape):
        packed = data.reshape(-1).view(np.uint8)[: SAMPLE_ROWS * int(np.prod(shape[1:])) // 2]
        data = np.stack([packed & 15, packed >> 4], axis=-1).reshape(SAMPLE_ROWS, *shape[1:])
    rows: NDArray[np.float32] = data[:SAMPLE_ROWS].astype(np.float32)
    return rows


def _eight_bit(weights: NDArray[np.float32]) -> Any:
    from openvino import opset13 as op

    quantised, scale = quantise_rows(weights)
    product = op.multiply(op.convert(op.constant(quantised), "f16"), op.constant(scale))
    return op.convert(product, "f32")
