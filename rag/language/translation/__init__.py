"""What is known without a model when a sentence is translated: its words, names and values; and checks."""

from __future__ import annotations

from pathlib import Path


def data_folder() -> Path:
    """The folder of the tables that ship with the package."""
    return Path(__file__).parent / "data"
