"""Examples in files: one JSON object a line, compressed where the name ends with .xz."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def write(path: Path, items: Iterable[dict[str, Any]]) -> None:
    """Write objects, one a line."""
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    data = text.encode()
    path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file that ``write`` wrote."""
    data = path.read_bytes()
    text = (lzma.decompress(data) if path.suffix == ".xz" else data).decode()
    return (json.loads(line) for line in text.split("\n") if line)
