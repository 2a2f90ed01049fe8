"""The packaged network for training: its tokens, its checkpoints, and tallies of its predictions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BASE = "Qwen/Qwen2.5-Coder-1.5B-Instruct"
END = "<|im_end|>"
IGNORED = -100
"""Marks positions that are no target; the default of cross_entropy."""
CHECKPOINT_SECONDS = 120.0
LONGEST = 1400
"""Most tokens of an example; longer ones are left out."""
WARMING = 0.04
"""Share of a run in which the learning rate rises (warm-up)."""
LEAST_RATE = 0.05
"""The learning rate at a run's end, as a share of its highest."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example in tokens."""

    ids: list[int]
    answer: int
    """Tokens at the end that are learned."""
    pair: str
    """Languages of question and evidence."""
    kind: str


def chat(messages: Sequence[Sequence[str]]) -> str:
    """A prompt in ChatML, as the model's own template writes it, up to where the reply begins.

    Args:
        messages: Role and content of each; the first is the system's.
    """
    turns = "".join(f"<|im_start|>{role}\n{content}{END}\n" for role, content in messages)
    return f"{turns}<|im_start|>assistant\n"


def encode(examples: Sequence[dict[str, Any]], tokenizer: Any) -> list[Encoded]:
    """Examples in tokens, with the chat template that the model is served with.

    Args:
        examples: As train/tasks/examples.py writes them.
        tokenizer: The model's.
    """
    prompts = [chat(e["messages"]) for e in examples]
    prompt_ids = tokenizer(prompts, add_special_tokens=False)["input_ids"] if prompts else []
    answer_ids = (
        tokenizer([e["answer"] + END for e in examples], add_special_tokens=False)["input_ids"]
        if prompts
        else []
    )
    encoded = [
        Encoded([*a, *w], len(w), e["pair"], e["kind"])
        for a, w, e in zip(prompt_ids, answer_ids, examples, strict=True)
    ]
    return [e for e in encoded if len(e.ids) <= LONGEST]


class Tally:
    """Sums losses and right tokens of examples by group."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(
        self,
        examples: Sequence[Encoded],
        logits: Tensor,
        wanted: Tensor,
        groups: Callable[[Encoded], Sequence[str]],
    ) -> None:
        """Count examples.

        Args:
            examples: In the order of their targets.
            logits: Logits at each target, (targets, words).
            wanted: The targets.
            groups: The names under which an example is counted.
        """
        losses = functional.cross_entropy(logits, wanted, reduction="none").tolist()
        right = (logits.argmax(-1) == wanted).tolist()
        at = 0
        for example in examples:
            span = slice(at, at + example.answer)
            at += example.answer
            for key in groups(example):
                sums = self._sums[key]
                sums["n"] += 1
                sums["tokens"] += example.answer
                sums["loss"] += sum(losses[span])
                sums["token"] += sum(right[span])
                sums["exact"] += all(right[span])
                sums["first"] += right[span][min(1, example.answer - 1)]

    def summary(self) -> dict[str, dict[str, float]]:
        """Means by group, each token predicted after the right reply so far (teacher forcing).

        ``n``: examples; ``loss``: mean over tokens, in nats; ``token``: share of tokens that greedy decoding
        would choose; ``exact``: share of whole replies that it would write; ``first``: share of replies whose
        second token it would choose, which is the number of the cited sentence.
        """
        return {
            key: {
                "n": int(v["n"]),
                "loss": round(v["loss"] / v["tokens"], 4),
                "token": round(v["token"] / v["tokens"], 4),
                "exact": round(v["exact"] / v["n"], 4),
                "first": round(v["first"] / v["n"], 4),
            }
            for key, v in sorted(self._sums.items())
        }


def open_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of tokenizer.json, which the serving engine reads too.

    The Qwen2 class of transformers first reorders combining marks: shadda before or after its vowel.

    Args:
        folder: A transformers folder.
    """
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder)


def open_model(folder: str | None) -> tuple[Any, Any]:
    """The network in bf16 and its tokenizer.

    Args:
        folder: A transformers folder; None takes the packaged model.
    """
    from transformers import AutoModelForCausalLM

    if folder is None:
        from rag.models.weights.packaged import GENERATOR_FULL, prepared
        from rag.settings import Settings

        folder = str(prepared(GENERATOR_FULL, Settings.load()))
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, use_safetensors=True, attn_implementation="sdpa"
    )
    return model.eval(), open_tokenizer(folder)


def keep(out: Path, parameters: Sequence[Tensor], optimizer: torch.optim.Optimizer, **more: Any) -> None:
    """Write a run's checkpoint, which replaces the previous one.

    Args:
        out: Gets checkpoint.pt.
        parameters: The trained ones.
        optimizer: Of these.
        more: Saved with them.
    """
    state = {"parameters": [p.data for p in parameters], "optimizer": optimizer.state_dict(), **more}
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")


def restore(state: dict[str, Any], parameters: Sequence[Tensor], optimizer: torch.optim.Optimizer) -> None:
    """Put what ``keep`` wrote back into parameters and optimizer."""
    for parameter, saved in zip(parameters, state["parameters"], strict=True):
        parameter.data.copy_(saved)
    optimizer.load_state_dict(state["optimizer"])


def pace(done: float) -> float:
    """The learning rate's share of its highest, after a share ``done`` of the run."""
    if done < WARMING:
        return (done + 0.1 * WARMING) / (1.1 * WARMING)
    share = (done - WARMING) / (1 - WARMING)
    return LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * share)) / 2
