"""The size on disk of Sanad's dependencies and of what each extra adds, in this environment.

python scripts/extras.py
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]

Needed = set[tuple[str, str]]
"""Distributions by their normalised names, each with one of its extras that is wanted, or none."""


def needed(requirements: list[str]) -> Needed:
    """All that some requirements ask for, at whatever remove, as far as it is installed."""
    reached: Needed = set()
    todo = [Requirement(text) for text in requirements]
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras}:
            if (name, extra) in reached:
                continue
            reached.add((name, extra))
            more = map(Requirement, _asked(name, extra))
            todo += [r for r in more if r.marker is None or r.marker.evaluate({"extra": extra})]
    return reached


def _asked(name: str, extra: str) -> list[str]:
    if name == canonicalize_name(PROJECT["name"]):
        return list(EXTRAS[extra] if extra else PROJECT["dependencies"])
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def size(name: str) -> int:
    """Bytes of a distribution's files; 0 if it is not installed."""
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        return 0
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def sizes() -> dict[str, int]:
    """Bytes of the dependencies, under an empty name, and of what each extra adds to them."""
    base = {name for name, _ in needed(PROJECT["dependencies"])}
    added = {extra: {name for name, _ in needed(texts)} - base for extra, texts in EXTRAS.items()}
    return {extra: sum(map(size, names)) for extra, names in {"": base, **added}.items()}


if __name__ == "__main__":
    for extra, total in sizes().items():
        print(f"{extra or 'without an extra':<18}{total / 1e6:8,.0f} MB")
