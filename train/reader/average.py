"""The mean of adapters that were trained from one start.

    python -m train.reader.average RUN RUN --out FOLDER

Each folder holds an adapter as ``train.reader.lora.save`` writes it, all of one rank. Runs that began with
the same weights stay close to each other, so that the mean of their factors is an adapter too, often a better
one than either (Wortsman et al. 2022, "Model soups", arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from rag.models.weights.adapter import CONFIG, WEIGHTS


def mean(adapters: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the factors of some adapters, by name, in half precision.

    Args:
        adapters: Factors by name, at least one adapter's.

    Raises:
        ValueError: Their factors differ in name or shape.
    """
    first = adapters[0]
    for other in adapters[1:]:
        if {name: t.shape for name, t in other.items()} != {name: t.shape for name, t in first.items()}:
            raise ValueError("The adapters differ in their layers or their rank: take runs from one start.")
    return {
        name: (torch.stack([a[name].float() for a in adapters]).sum(dim=0) / len(adapters)).half()
        for name in first
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the mean of some adapters.

    Raises:
        ValueError: They differ in their configuration, layers or rank.
    """
    from safetensors.torch import load_file, save_file

    parser = argparse.ArgumentParser(prog="train.reader.average", description="The mean of adapters.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of an adapter")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the mean is written")
    args = parser.parse_args(arguments)
    if len({(run / CONFIG).read_text(encoding="utf-8") for run in args.runs}) > 1:
        raise ValueError("The adapters differ in their configuration: take runs from one start.")
    averaged = mean([load_file(run / WEIGHTS) for run in args.runs])
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(averaged, args.out / WEIGHTS, metadata={"format": "pt"})
    (args.out / CONFIG).write_bytes((args.runs[0] / CONFIG).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
