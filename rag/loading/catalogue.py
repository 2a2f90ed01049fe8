"""The catalogue of a folder: what the articles' own files do not tell, in a TOML file beside them."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag.errors import BadArticles
from rag.records import Language

NAMES = ("articles.toml", "seeds.toml")
"""What it may be called; it is looked for in the folder itself."""

Entry = Mapping[str, str]
"""What it says of one article: any of title, outlet, language and published."""


def load(folder: Path) -> tuple[str, Mapping[str, Entry]]:
    """The catalogue's file name (empty: there is none), and its entry for each article id.

    Raises:
        BadArticles: It cannot be read, or says something that is not known.
    """
    present = [name for name in NAMES if (folder / name).is_file()]
    if len(present) > 1:
        raise BadArticles(f"{str(folder)!r} holds both {' and '.join(present)}; keep one of them.")
    if not present:
        return "", {}
    path = folder / present[0]
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = f"{error}. Mend the file or remove it."
        raise BadArticles(f"Cannot read the catalogue {str(path)!r}: {why}") from None
    return present[0], {name: _entry(path, name, table) for name, table in raw.items()}


_KEYS = ("title", "outlet", "language", "published")


def _entry(path: Path, name: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        raise BadArticles(f"{path}: {name!r} is not a table; write [{name}] and under it {', '.join(_KEYS)}.")
    entry: dict[str, str] = {}
    for key, value in table.items():
        where = f"{path}: [{name}] {key} = {value!r}"
        if key not in _KEYS:
            raise BadArticles(f"{where}: unknown key {key!r}; known are {', '.join(_KEYS)}.")
        if key == "published":
            value = _date(value, where)
        elif not isinstance(value, str) or not value.strip():
            raise BadArticles(f"{where} must be text in quotes; without a value leave the key out.")
        if key == "language" and language(value) is None:
            raise BadArticles(f"{where}: unknown language; supported are 'ar' and 'en'.")
        entry[key] = value.strip()
    return entry


def _date(value: Any, where: str) -> str:
    if isinstance(value, datetime.datetime):
        value = value.date()
    text = value.isoformat() if isinstance(value, datetime.date) else value
    try:
        if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", text, re.ASCII):
            raise ValueError
        datetime.date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        mend = "write 'YYYY-MM-DD', or 'YYYY-MM' if the day is unknown"
        raise BadArticles(f"{where} is not a date; {mend}.") from None
    return text


def language(value: str | None) -> Language | None:
    """An entry's language as a record's."""
    return "ar" if value == "ar" else "en" if value == "en" else None
