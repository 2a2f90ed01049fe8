"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685) around the linear layers of a frozen network.

Saved as peft saves them (adapter_model.safetensors, adapter_config.json), so that other tools read them too.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.models.weights.adapter import CONFIG, DOWN, PREFIX, UP, WEIGHTS

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a block: attention alone learns less (Dettmers et al. 2023, arXiv 2305.14314)."""


class LoraLinear(nn.Module):
    """A frozen linear layer plus ``scale * B(A(x))``; the factors are kept in float32 and used in bf16."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (…, in) → (…, out)."""
        low = functional.linear(x, self.a.to(x.dtype))
        added: Tensor = self.base(x) + functional.linear(low, (self.b * self.scale).to(x.dtype))
        return added


def attach(model: nn.Module, *, rank: int, alpha: float) -> dict[str, LoraLinear]:
    """Freeze a network and put adapters around the linear layers of its blocks.

    Args:
        model: A causal language model of transformers, with blocks in ``model.layers``.
        rank: Of the factors.
        alpha: The product of the factors is scaled by ``alpha / rank``.

    Returns:
        The adapters by the name of the layer that each replaces.
    """
    model.requires_grad_(False)
    adapters = {}
    for name, module in list(model.named_modules()):
        parts = name.split(".")
        if parts[-1] in TARGETS and isinstance(module, nn.Linear):
            adapter = LoraLinear(module, rank, alpha)
            setattr(model.get_submodule(name.rpartition(".")[0]), parts[-1], adapter)
            adapters[name] = adapter
    return adapters


def tensors(adapters: dict[str, LoraLinear]) -> dict[str, Tensor]:
    """The factors under peft's names, in half precision, which NumPy reads too."""
    named = {}
    for name, adapter in adapters.items():
        named[f"{PREFIX}{name}{DOWN}"] = adapter.a.detach().to(torch.float16)
        named[f"{PREFIX}{name}{UP}"] = adapter.b.detach().to(torch.float16)
    return named


def save(adapters: dict[str, LoraLinear], folder: Path, *, rank: int, alpha: float, base: str) -> None:
    """Write the factors and their configuration.

    Args:
        adapters: What ``attach`` returned.
        folder: An existing folder.
        rank: As given to ``attach``.
        alpha: As given to ``attach``.
        base: Name of the network.
    """
    from safetensors.torch import save_file

    save_file(tensors(adapters), folder / WEIGHTS, metadata={"format": "pt"})
    config: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load(adapters: dict[str, LoraLinear], file: Path) -> None:
    """Put saved factors into adapters of the same rank."""
    from safetensors.torch import load_file

    stored = load_file(file)
    with torch.no_grad():
        for name, adapter in adapters.items():
            adapter.a.copy_(stored[f"{PREFIX}{name}{DOWN}"])
            adapter.b.copy_(stored[f"{PREFIX}{name}{UP}"])
