"""Compares recipes on a small budget: each is trained for the same steps, then measured on validation.

    python -m train.compare --data DIR --out RUN --steps 40 rank=16,rate=5e-4 rank=32,rate=5e-4/translate=0.5

A recipe names what differs from the default; after a slash stands its mix. The network is loaded once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train import lora
from train.adapter import Recipe, Run, chosen, encode, open_model
from train.tasks.files import read


def recipe(text: str, base: Recipe) -> Recipe:
    """What a command line's words say: ``rank=32,rate=5e-4/translate=0.5``."""
    values, _, mix = text.partition("/")
    changed: dict[str, float] = {"rank": base.rank, "rate": base.rate}
    changed |= {name: float(value) for name, value in (part.split("=") for part in values.split(",") if part)}
    rank = int(changed["rank"])
    return dataclasses.replace(base, rank=rank, alpha=2.0 * rank, rate=changed["rate"], mix=mix)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.compare", description="Compare recipes on a small budget.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="a transformers folder instead of the packaged model")
    parser.add_argument("--device", help="cuda or cpu; default: cuda where there is one")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=Recipe().tokens)
    parser.add_argument("--micro", type=int, default=Recipe().micro)
    parser.add_argument("--valid", type=int, default=40)
    parser.add_argument("recipes", nargs="+")
    args = parser.parse_args(arguments)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    model, tokenizer = open_model(args.model, device)
    examples = encode(list(read(args.data / "train.jsonl.xz")), tokenizer)
    valid = encode(chosen(list(read(args.data / "valid.jsonl.xz")), args.valid), tokenizer)
    base = Recipe(steps=args.steps, tokens=args.tokens, micro=args.micro)
    for number, text in enumerate(args.recipes):
        own = recipe(text, base)
        out = args.out / f"c{number}"
        out.mkdir(parents=True, exist_ok=True)
        (out / "recipe.json").write_text(json.dumps(dataclasses.asdict(own)), encoding="utf-8")
        torch.manual_seed(0)
        adapters = lora.attach(model, rank=own.rank, alpha=own.alpha)
        model.to(device)
        print(f"== {text}", flush=True)
        Run(model, adapters, own, out, resume=False)(examples, valid, 0)
        lora.detach(model, adapters)
    return 0


if __name__ == "__main__":
    sys.exit(main())
