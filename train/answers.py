"""Has a model, with an adapter merged or without, reply to examples: greedy, in batches.

    python -m train.answers --examples FILE --out FILE [--model FOLDER] [--adapter FOLDER]
    python -m train.answers --examples FILE --out FILE --served [--no-adapter]

The examples are as train/tasks writes them; each is written with a key ``reply``. With ``--served`` the
engine of the product replies, one example after the other, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from rag.models.weights.adapter import CONFIG, DOWN, PREFIX, UP, WEIGHTS
from train.adapter import END, chat, open_model
from train.tasks.files import read, write

LONGEST = {"read": 72, "translate": 176, "rewrite": 72}
"""Tokens of a reply at most, by task."""


@torch.no_grad()
def merge(model: Any, folder: Path, sign: int = 1) -> None:
    """Add an adapter to a network's weights.

    Args:
        model: A transformers network.
        folder: Of an adapter in peft's layout.
        sign: -1 takes it away again, up to rounding.
    """
    from safetensors.torch import load_file

    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    scale = sign * config["lora_alpha"] / config["r"]
    factors = load_file(folder / WEIGHTS)
    for name, module in model.named_modules():
        down = factors.get(f"{PREFIX}{name}{DOWN}")
        if down is not None:
            up = factors[f"{PREFIX}{name}{UP}"]
            device = module.weight.device
            change = scale * (up.float().to(device) @ down.float().to(device))
            module.weight.copy_((module.weight.float() + change).to(module.weight.dtype))


@torch.no_grad()
def replies(model: Any, tokenizer: Any, examples: Sequence[dict[str, Any]], batch: int) -> list[str]:
    """Greedy replies.

    Args:
        model: A transformers network.
        tokenizer: Its own.
        examples: With ``task`` and ``messages``.
        batch: Examples at once.
    """
    prompts = [chat(e["messages"]) for e in examples]
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or END
    order = sorted(range(len(prompts)), key=lambda i: (examples[i]["task"], len(prompts[i])))
    end = tokenizer.convert_tokens_to_ids(END)
    found = [""] * len(prompts)
    for start in range(0, len(order), batch):
        own = order[start : start + batch]
        asked = tokenizer(
            [prompts[i] for i in own], return_tensors="pt", padding=True, add_special_tokens=False
        )
        asked = {name: value.to(model.device) for name, value in asked.items()}
        longest = max(LONGEST[examples[i]["task"]] for i in own)
        said = model.generate(
            **asked, max_new_tokens=longest, do_sample=False, num_beams=1, eos_token_id=end,
            pad_token_id=end, temperature=None, top_p=None, top_k=None, repetition_penalty=1.0,
        )  # fmt: skip
        texts = tokenizer.batch_decode(said[:, asked["input_ids"].shape[1] :], skip_special_tokens=True)
        for i, text in zip(own, texts, strict=True):
            found[i] = text.strip()
    return found


def served(examples: Sequence[dict[str, Any]], out: Path, *, adapter: bool) -> None:
    """Replies of the product's engine; each is written at once, and those that are there are kept.

    Args:
        examples: With ``task`` and ``messages``.
        out: A file of examples with their replies.
        adapter: Whether the shipped adapter is merged.
    """
    from rag.models.llm.factory import open_generator
    from rag.models.llm.protocol import Message
    from rag.settings import Settings

    generator = open_generator(Settings.load(adapter=adapter))
    done = len(list(read(out))) if out.is_file() else 0
    with out.open("a", encoding="utf-8") as file:
        for example in examples[done:]:
            messages = [Message(role, content) for role, content in example["messages"]]
            started = time.monotonic()
            reply = "".join(generator.stream(messages, max_tokens=LONGEST[example["task"]]))
            seconds = round(time.monotonic() - started, 2)
            file.write(json.dumps({**example, "reply": reply, "seconds": seconds}, ensure_ascii=False) + "\n")
            file.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Reply; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.answers", description="Have a model reply to examples.")
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="gets the examples with their replies")
    parser.add_argument("--model", help="a transformers folder instead of the packaged model")
    parser.add_argument("--adapter", type=Path, help="merged before; none by default")
    parser.add_argument("--batch", type=int, default=8, help="examples at once; default: 8")
    parser.add_argument("--served", action="store_true", help="by the product's engine")
    parser.add_argument("--no-adapter", action="store_true", help="with --served: the weights as published")
    args = parser.parse_args(arguments)
    if args.served:
        served(list(read(args.examples)), args.out, adapter=not args.no_adapter)
        return 0
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, tokenizer = open_model(args.model, device)
    if args.adapter:
        merge(model, args.adapter)
    examples = list(read(args.examples))
    started = time.monotonic()
    said = replies(model, tokenizer, examples, args.batch)
    write(args.out, ({**e, "reply": reply} for e, reply in zip(examples, said, strict=True)))
    print(f"{len(examples)} replies in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
