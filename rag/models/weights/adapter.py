"""The low-rank adapter that ships with the packaged generator, merged into its weights when it is prepared.

It is trained by train/reader/packed.py and stored in peft's format. It teaches the model to answer from
numbered evidence in the question's language, to cite, and to refuse when the evidence does not contain the
answer.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.models.disk import sha256

FOLDER = Path(__file__).resolve().parent / "data"
"""Weights, configuration and model card."""

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""Names of the files, as in peft."""

PREFIX, DOWN, UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""Prefix and suffixes that peft adds to a layer's name for its two factors."""


class Adapter:
    """Changes of a network's matrices, each the product of two thin ones (LoRA, arXiv 2106.09685)."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Create the adapter whose files are in a folder, without reading them."""
        self._folder = folder

    @cached_property
    def digest(self) -> str:
        """sha256 of its weights in hex."""
        return sha256(self._folder / WEIGHTS)

    def add(self, name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """A matrix of the network with its change added.

        Args:
            name: The matrix's name in transformers: ``model.layers.3.self_attn.q_proj.weight``.
            weights: Shape (out, in).

        Returns:
            The sum; ``weights`` itself if the adapter does not change this matrix.
        """
        stem = f"{PREFIX}{name.removesuffix('.weight')}"
        down, up = self._tensors.get(f"{stem}{DOWN}"), self._tensors.get(f"{stem}{UP}")
        if down is None or up is None:
            return weights
        change: NDArray[np.float32] = up.astype(np.float32) @ down.astype(np.float32)
        return weights + self._scale * change

    @cached_property
    def _tensors(self) -> dict[str, NDArray[Any]]:
        from safetensors.numpy import load_file

        return load_file(self._folder / WEIGHTS)

    @cached_property
    def _scale(self) -> float:
        config = json.loads((self._folder / CONFIG).read_text(encoding="utf-8"))
        return float(config["lora_alpha"] / config["r"])
