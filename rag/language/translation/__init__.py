"""Translation without a model: the words, names and values of a sentence, and checks of translations."""

from __future__ import annotations

from pathlib import Path


def data_folder() -> Path:
    """The folder of the tables that ship with the package."""
    return Path(__file__).parent / "data"
