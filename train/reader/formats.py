"""Compares weight formats by quality and speed, each with the weights in bf16 and with the served format.

    python -m train.reader.formats --data DIR --data DIR                       all formats
    python -m train.reader.formats --data DIR --formats u4-128,mixed --limit 50

The network is the prepared model's, with the adapter merged; its matrices are rounded again from the packaged
weights, in memory. Every network reads the same prompts and right answers. Prints the bytes read per token;
the divergence of its next-token distributions from those in bf16 (Kullback-Leibler, nats); the share of
questions for which greedy decoding writes the same as in bf16; the share of right first tokens (the
sentence's number) and of right whole answers; and the speed of reading a prompt and of writing an answer, as
ratios to the served format, both measured in turns.
"""

from __future__ import annotations

import argparse
import gc
import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grading.intervals import difference
from rag.models.llm import prompt
from rag.models.weights.adapter import FOLDER, Adapter
from rag.models.weights.gguf import quantise_rows
from rag.models.weights.packaged import generator, prepared
from rag.settings import ADAPTED, Settings
from train.reader import fidelity, scores
from train.reader.fidelity import Logits, judged
from train.reader.network import open_tokenizer
from train.reader.reading import read_sets

READ, WRITTEN = 384, 24
"""Tokens of prompt and answer for the speed measurement, about as many as for a question on the seeds."""

ROUNDS = 5
"""Turns of each of the two networks whose speed is compared."""

Matrix = NDArray[np.float32]
Rows = Mapping[str, NDArray[np.int16]]


@dataclass(frozen=True, slots=True)
class Format:
    """How a matrix is rounded."""

    bits: int
    """4 or 8."""
    group: int = 0
    """Weights of a row that share a scale; divides the row's length, and 0 is the whole row."""
    symmetric: bool = True
    """Whether integer 0 is weight 0; otherwise each group has a zero point of its own."""

    @property
    def bytes(self) -> float:
        """Bytes of a weight, with its share of scale and zero point."""
        shared = 2 + (0 if self.symmetric else self.bits / 8)
        return self.bits / 8 + (shared / self.group if self.group else 0)


EIGHT = Format(8)
"""The served format."""

SERVED = "i8"

Plan = Callable[[str], Format]
"""Name of a matrix, as transformers calls it → its format."""

_HEAD = r"embed_tokens|lm_head"
"""One matrix, which stays at 8 bits everywhere: each token's choice goes through it."""


def _but(pattern: str, how: Format) -> Plan:
    return lambda name: EIGHT if re.search(pattern, name) else how


PLANS: dict[str, Plan] = {
    SERVED: _but("", EIGHT),
    "i8-128": _but(_HEAD, Format(8, 128)),
    "u4-32": _but(_HEAD, Format(4, 32, symmetric=False)),
    "u4-64": _but(_HEAD, Format(4, 64, symmetric=False)),
    "u4-128": _but(_HEAD, Format(4, 128, symmetric=False)),
    "i4-128": _but(_HEAD, Format(4, 128)),
    "mixed": _but(rf"{_HEAD}|self_attn|down_proj|layers\.[01]\.", Format(4, 128, symmetric=False)),
}
"""A name states whether there is a zero point (u), the bits and the group. ``mixed`` rounds only the matrices
of the gates after the first two layers to four bits; attention and down projections stay at eight."""


def rounded(weights: Matrix, how: Format) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.float16]]:
    """Whole numbers q, zero points z and scales s with which weights ≈ (q − z) · s.

    Args:
        weights: Shape (rows, columns).
        how: The format.

    Returns:
        Shapes (rows, groups, group), (rows, groups, 1) and (rows, groups, 1). Zero points are 0 where it is
        symmetric, and q then has a sign.
    """
    parts = weights.reshape(len(weights), -1, how.group or weights.shape[1])
    if how == EIGHT:
        whole, scale = quantise_rows(weights)
        return whole.reshape(parts.shape), np.zeros((len(weights), 1, 1), np.uint8), scale[:, None]
    most = 2**how.bits - 1
    if how.symmetric:
        low, high = -(most // 2), most // 2
        scale = (np.abs(parts).max(2, keepdims=True) / high).astype(np.float16)
    else:
        low, high = 0, most
        # The range holds 0, so that the zero point is among the whole numbers.
        lowest, highest = (
            np.minimum(parts.min(2, keepdims=True), 0),
            np.maximum(parts.max(2, keepdims=True), 0),
        )
        scale = ((highest - lowest) / most).astype(np.float16)
    scale = np.where(scale > 0, scale, np.float16(1))  # zeros, or too small for half precision: become zeros
    wide = scale.astype(np.float32)
    zero = np.zeros(scale.shape, np.float32) if how.symmetric else np.clip(np.round(-lowest / wide), 0, most)
    whole = np.clip(np.round(parts / wide) + zero, low, high)
    return whole.astype(np.int8 if how.symmetric else np.uint8), zero.astype(np.uint8), scale


def reformatted(model: Any, weights: Callable[[str], Matrix], first: Rows, plan: Plan) -> float:
    """Round a served network's matrices again.

    Args:
        model: A model of OpenVINO with matrices of 8 bits, one scale a row; it is changed.
        weights: Name of a matrix → its values.
        first: What ``first_rows`` returned.
        plan: Name of a matrix → how it is rounded.

    Returns:
        The bytes of matrices that a token reads.
    """
    read = 0.0
    for place, name in _matrices(model, first):
        how = plan(name)
        # A token looks up one row of the embedding; the other matrices are read whole.
        if place.get_node().get_type_name() == "MatMul":
            read += math.prod(place.get_source_output().get_shape()) * how.bytes
        if how != EIGHT:
            place.replace_source_output(_node(weights(name), how).output(0))
    return read


def first_rows(names: Sequence[str], weights: Callable[[str], Matrix]) -> Rows:
    """The first row of each matrix in eight bits, which identifies it; arguments as for ``reformatted``."""
    return {name: quantise_rows(weights(name)[:1])[0].astype(np.int16) for name in names}


def _matrices(model: Any, first: Rows) -> Iterator[tuple[Any, str]]:
    """Each input that takes a matrix, and the matrix's name, recognised by its first row."""
    ports = {"MatMul": 1, "Gather": 0}
    for node in model.get_ordered_ops():
        if node.get_type_name() not in ports:
            continue
        place = node.input(ports[node.get_type_name()])
        row = _first_row(place.get_source_output().get_node())
        if row is not None:
            # The copy in bf16 rounds weights before they are rounded here: by one step at most.
            distances = {
                name: np.abs(start - row).max() for name, start in first.items() if start.shape == row.shape
            }
            yield place, min(distances, key=lambda name: distances[name])


def _first_row(node: Any) -> NDArray[np.int8] | None:
    """The first row of Convert(Multiply(Convert(whole numbers), scale)); None where it is another node."""
    for kind in ("Convert", "Multiply", "Convert"):
        if node.get_type_name() != kind:
            return None
        node = node.input_value(0).get_node()
    return node.data[:1] if node.get_type_name() == "Constant" else None


def _node(weights: Matrix, how: Format) -> Any:
    """A compressed matrix, which the engine multiplies with without unpacking it first."""
    import openvino as ov
    from openvino import opset13 as op

    whole, zero, scale = rounded(weights, how)
    kind = {
        (4, True): ov.Type.i4, (4, False): ov.Type.u4, (8, True): ov.Type.i8, (8, False): ov.Type.u8
    }[how.bits, how.symmetric]  # fmt: skip
    values = op.convert(_constant(whole, kind), "f16")
    if not how.symmetric:
        values = op.subtract(values, op.convert(_constant(zero, kind), "f16"))
    grouped = op.multiply(values, op.constant(scale))
    shape = op.constant(np.array(weights.shape, np.int64))
    return op.convert(op.reshape(grouped, shape, False), "f32")


def _constant(values: NDArray[Any], kind: Any) -> Any:
    import openvino as ov

    if kind in (ov.Type.i4, ov.Type.u4):
        flat = (values.reshape(-1) & 15).astype(np.uint8)
        packed = flat[::2] | (flat[1::2] << 4)
        return ov.op.Constant(ov.Tensor(packed, values.shape, kind), shared_memory=False)
    return ov.op.Constant(values, shared_memory=False)


def divergence(logits: Logits, other: Logits) -> float:
    """Kullback-Leibler divergence of the second distribution from the first, nats, mean over tokens.

    Args:
        logits: Shape (tokens, vocabulary).
        other: The same shape.
    """
    first, second = (
        values - np.logaddexp.reduce(values, axis=1, keepdims=True) for values in (logits, other)
    )
    return float((np.exp(first) * (first - second)).sum(1).mean())


def speed(network: Any, seed: int) -> tuple[float, float]:
    """Tokens per second that a network reads of a prompt, and then writes of an answer.

    Args:
        network: A compiled network's request.
        seed: Draws the tokens at random.
    """
    ids = np.random.default_rng(seed).integers(1000, 100_000, READ + WRITTEN).tolist()
    network.reset_state()
    begun = time.perf_counter()
    network.infer(fidelity.inputs(network, ids[:READ]))
    between = time.perf_counter()
    for at in range(READ, READ + WRITTEN):
        network.infer(fidelity.inputs(network, [ids[at]], at))
    return READ / (between - begun), WRITTEN / (time.perf_counter() - between)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; see the module's description."""
    import openvino as ov

    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = Settings.load(adapter=True)
    source = prepared(generator(Settings.load(adapter=False), full=True), settings)
    xml = prepared(generator(settings), settings) / "openvino_model.xml"
    chosen = scores.items(read_sets(args.data, args.out), args.part, args.limit)
    template, tokenizer = prompt.load(ADAPTED), open_tokenizer(source)
    prompts = [fidelity.asked(item, tokenizer, template) for item in chosen]
    run = fidelity.full(FOLDER)
    # In half precision, 200 answers' distributions over 150,000 tokens take a gigabyte.
    references = [
        run(prompt_ids + answer[:-1], len(answer)).astype(np.float16) for prompt_ids, answer in prompts
    ]
    del run
    gc.collect()
    names, weights = _source(source)
    first = first_rows(names, weights)
    base = fidelity.opened(xml)
    print(
        "format   MB/token  divergence              as bf16  first  whole  reads  writes (times the served)"
    )
    for name in args.formats:
        model = ov.Core().read_model(xml)
        size = reformatted(model, weights, first, PLANS[name])
        network = fidelity.opened(model)
        del model
        run = fidelity.served(network)
        rows = []
        for (prompt_ids, answer), reference in zip(prompts, references, strict=True):
            logits = run(prompt_ids + answer[:-1], len(answer))
            same = float((logits.argmax(1) == reference.argmax(1)).all())
            judgement = judged(logits, answer)
            rows.append(
                (divergence(reference.astype(np.float32), logits), same, judgement.first, judgement.exact)
            )
        distance, low, high, _ = difference([row[0] for row in rows], [item.cluster for item in chosen])
        means = [statistics.mean(row[at] for row in rows) for at in (1, 2, 3)]
        rates = [(speed(network, seed), speed(base, seed)) for seed in range(ROUNDS)]
        ratios = [[rate[at] / base_rate[at] for rate, base_rate in rates] for at in (0, 1)]
        print(
            f"{name:8} {size / 1e6:8.0f}  {distance:.4f} [{low:.4f}, {high:.4f}]  "
            + "  ".join(f"{mean:.3f}" for mean in means)
            + "".join(f"  {statistics.median(r):.2f} [{min(r):.2f}, {max(r):.2f}]" for r in ratios),
            flush=True,
        )
        del network, run
        gc.collect()
    print(f"n {len(chosen)}, adapter {Adapter().digest[:8]}")
    return 0


def _source(folder: Path) -> tuple[list[str], Callable[[str], Matrix]]:
    """The names of the packaged matrices, and a function that reads one with the adapter merged."""
    from safetensors import safe_open

    adapter = Adapter()
    file = safe_open(folder / "model.safetensors", framework="pt")
    names = [name for name in file.keys() if len(file.get_slice(name).get_shape()) == 2]  # noqa: SIM118

    def weights(name: str) -> Matrix:
        values: Matrix = file.get_tensor(name).float().numpy()
        return adapter.add(name, values)

    return names, weights


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.reader.formats", description="Compare weight formats.")
    parser.add_argument("--data", action="append", type=Path, required=True, help="question set; repeatable")
    parser.add_argument(
        "--formats", type=lambda text: text.split(","), default=list(PLANS), help="default: all of them"
    )
    parser.add_argument("--part", choices=("dev", "test"), default="dev")
    parser.add_argument("--limit", type=int, default=200, help="most questions; default: 200")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="a working folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
