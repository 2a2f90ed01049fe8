"""Writes the table of the page's words in both languages into docs/ui.md: python scripts/words_table.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ui.wording.words import WORDS

DOCUMENT = ROOT / "docs" / "ui.md"
BEGIN, END = "<!-- words: made by scripts/words_table.py -->\n", "<!-- end of words -->\n"


def table() -> str:
    """The table as Markdown, in the order of the code."""
    rows = [f"| `{key}` | {_cell(text)} | {_cell(WORDS['ar'][key])} |" for key, text in WORDS["en"].items()]
    return "\n".join(["| key | English | Arabic |", "|---|---|---|", *rows]) + "\n"


def updated(document: str) -> str:
    """The document with the table between its marks replaced."""
    before, rest = document.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


def _cell(text: str) -> str:
    return re.sub(r"([|*_`<>])", r"\\\1", text)


if __name__ == "__main__":
    DOCUMENT.write_text(updated(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
