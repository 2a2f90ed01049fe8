"""Measures the cost of merging and of rounding to eight bits: both networks score the same answers, paired.

    python -m train.reader.fidelity --data DIR --data DIR --adapter RUN

One network is the packaged weights in bf16 with a separate adapter, as in training; the other is the prepared
model that is served. Each reads the prompt and the right answer; measured are the likelihood of the answer's
tokens and whether greedy decoding would have written them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.grading.intervals import difference
from rag.models.llm import prompt
from rag.models.llm.protocol import Message
from rag.models.weights.adapter import CONFIG, FOLDER, WEIGHTS
from rag.models.weights.packaged import generator, prepared
from rag.settings import ADAPTED, Settings
from train.reader import lora, scores
from train.reader.network import END, chat, open_model, open_tokenizer
from train.reader.reading import read_sets

Logits = NDArray[np.float32]

Network = Callable[[list[int], int], Logits]
"""Token ids, and a number of last positions → the logits of those positions."""


@dataclass(frozen=True, slots=True)
class Said:
    """A network's scores of a right answer."""

    loss: float
    """Mean negative log-likelihood of its tokens."""
    first: float
    """1 if the most likely first token is right: the right sentence, or a right refusal."""
    exact: float
    """1 where greedy decoding would write all of it."""


def judged(logits: Logits, answer: Sequence[int]) -> Said:
    """Score an answer.

    Args:
        logits: Shape (answer, vocabulary): the prediction of each token from all tokens before it.
        answer: Its tokens.
    """
    rows = np.arange(len(answer))
    shifted = logits - logits.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[rows, list(answer)]
    right = logits.argmax(1) == np.array(answer)
    # The first token is the bracket before the sentence's number.
    return Said(float(losses.mean()), float(right[1]), float(right.all()))


def full(folder: Path) -> Network:
    """The network in bf16 with the adapter beside its weights.

    Args:
        folder: Of the adapter.
    """
    import torch

    model, _ = open_model(None)
    recipe = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    adapters = lora.attach(model, rank=int(recipe["r"]), alpha=float(recipe["lora_alpha"]))
    lora.load(adapters, folder / WEIGHTS)

    def run(ids: list[int], last: int) -> Logits:
        with torch.no_grad():
            hidden = model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, -last:]
            logits: Logits = model.lm_head(hidden).float().numpy()
        return logits

    return run


def inputs(network: Any, ids: Sequence[int], before: int = 0) -> dict[str, Any]:
    """The inputs of a network.

    Args:
        network: A compiled network's request.
        ids: Tokens.
        before: Number of tokens that it has read before them.
    """
    names = {name for port in network.model_inputs for name in port.get_names()}
    values: dict[str, Any] = {
        "input_ids": np.array([ids], np.int64),
        "attention_mask": np.ones((1, before + len(ids)), np.int64),
        "position_ids": np.arange(before, before + len(ids), dtype=np.int64)[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    return {name: value for name, value in values.items() if name in names}


def served(network: Any) -> Network:
    """A prepared model.

    Args:
        network: A compiled network's request.
    """

    def run(ids: list[int], last: int) -> Logits:
        network.reset_state()
        network.infer(inputs(network, ids))
        return np.array(network.get_tensor("logits").data[0, -last:], np.float32)

    return run


def opened(model: Any) -> Any:
    """A request to a network.

    Args:
        model: A model of OpenVINO, or the path of one.
    """
    import openvino as ov

    return ov.Core().compile_model(model, "CPU").create_infer_request()


def asked(item: scores.Item, tokenizer: Any, template: Sequence[Message]) -> tuple[list[int], list[int]]:
    """Tokens of a question's prompt and of its right answer.

    Args:
        item: The question.
        tokenizer: The model's.
        template: The prompt.
    """
    text = chat([(m.role, m.content) for m in scores.messages(item, template)])
    prompt_ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return prompt_ids, tokenizer(item.asked.answer + END, add_special_tokens=False)["input_ids"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = Settings.load(adapter=True)
    chosen = scores.items(read_sets(args.data, args.out), args.part, args.limit)
    template = prompt.load(ADAPTED)
    tokenizer = open_tokenizer(prepared(generator(Settings.load(adapter=False), full=True), settings))
    systems: dict[str, Callable[[], Network]] = {
        "bf16": lambda: full(args.adapter),
        "served": lambda: served(opened(prepared(generator(settings), settings) / "openvino_model.xml")),
    }
    judged_by: dict[str, list[Said]] = {}
    for name, open_network in systems.items():
        run = open_network()
        judged_by[name] = []
        for at, item in enumerate(chosen, start=1):
            prompt_ids, answer = asked(item, tokenizer, template)
            judged_by[name].append(judged(run(prompt_ids + answer[:-1], len(answer)), answer))
            if at % 20 == 0 or at == len(chosen):
                print(f"\r{name}: {at}/{len(chosen)}", end="" if at < len(chosen) else "\n", flush=True)
    clusters = [item.cluster for item in chosen]
    for measure in ("loss", "first", "exact"):
        full_scores, served_scores = (
            np.array([asdict(score)[measure] for score in judged_by[name]]) for name in ("bf16", "served")
        )
        mean, low, high, _ = difference((served_scores - full_scores).tolist(), clusters)
        print(
            f"{measure:6} bf16 {full_scores.mean():.3f}  served {served_scores.mean():.3f}  "
            f"difference {mean:+.4f} [{low:+.4f}, {high:+.4f}]  n {len(full_scores)}"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.reader.fidelity", description="Compare the served model with the trained one."
    )
    parser.add_argument("--data", action="append", type=Path, required=True, help="question set; repeatable")
    parser.add_argument("--adapter", type=Path, default=FOLDER, help="default: the one that ships")
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--limit", type=int, default=200, help="most questions; default: 200")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="a working folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
