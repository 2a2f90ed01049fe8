"""The catalogue of a folder: a TOML file with metadata that the files of the articles lack.

Corrections of an index have the same form. They overrule what a file says of itself, and an empty value in
them means that nothing is known.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from rag.errors import BadArticles
from rag.records import Language

NAMES = ("articles.toml", "seeds.toml")
"""Possible file names of a catalogue, which must be in the folder itself, not in a subfolder."""

Entry = Mapping[str, str]
"""The metadata of one article: any of title, outlet, language and published."""

COMPARED = 1000
"""Most articles among which the one is looked for that the name of an unused table means: it takes 30 ms."""

SUGGESTED = 5
"""Unused tables for which that is done: an update takes a fraction of a second."""
ALIKE = 0.75
"""Least likeness (difflib's ratio, 0 to 1) of an id that is suggested."""


def load(folder: Path) -> tuple[str, Mapping[str, Entry]]:
    """The file name of the catalogue (empty if there is none) and its entry for each article id.

    Raises:
        BadArticles: The catalogue cannot be read, or has an unknown key or an invalid value.
    """
    present = [name for name in NAMES if (folder / name).is_file()]
    if len(present) > 1:
        raise BadArticles(f"{str(folder)!r} contains both {' and '.join(present)}; keep one of them.")
    if not present:
        return "", {}
    return present[0], read(folder / present[0])


def read(path: Path, *, corrections: bool = False) -> dict[str, Entry]:
    """The entries of a catalogue, or of corrections, by article id.

    Raises:
        BadArticles: It cannot be read, or has an unknown key or an invalid value.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadArticles(
            f"Cannot read the catalogue {str(path)!r}: {error}. Correct the file or remove it."
        ) from None
    named = {unicodedata.normalize("NFC", name): table for name, table in raw.items()}
    return {name: _entry(path, name, table, blank=corrections) for name, table in named.items()}


def unused(entries: Mapping[str, Entry], ids: Collection[str]) -> Iterator[tuple[str, str]]:
    """The tables that belong to none of these ids: the heading of each, and a reason that says how to fix it.

    Args:
        entries: What ``load`` has returned.
        ids: The articles that were read, and the collections that they are rows of.
    """
    names = [name for name in entries if name not in ids]
    # An article that has a table of its own is not the one that was meant.
    free = sorted(set(ids).difference(entries)) if names else []
    used = len(entries) - len(names)
    others = f", unlike the other {used:,}" if used > 1 else ", unlike the other one" if used else ""
    for number, name in enumerate(names):
        near = _similar(name, free) if number < SUGGESTED and len(free) <= COMPARED else None
        fix = f"did you mean {_heading(near)}?" if near else "use an id that sanad articles lists"
        yield (
            _heading(name),
            f"no article that was read has this id, so this table was not applied{others}; {fix}",
        )


def _similar(name: str, ids: Collection[str]) -> str | None:
    """The id that was meant by the name of a table, which is that of a file or misspelt.

    One with other digits is another article: the report of another day, another row.
    """
    stem = name.rpartition(".")[0]
    if stem in ids:
        return stem
    near = difflib.get_close_matches(name, ids, n=3, cutoff=ALIKE)
    return next((one for one in near if re.findall(r"\d", one) == re.findall(r"\d", name)), None)


def _heading(name: str) -> str:
    """The first line of a table."""
    return f"[{name if re.fullmatch('[A-Za-z0-9_-]+', name) else _quoted(name)}]"


def write(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write entries so that ``read`` reads them.

    Raises:
        BadArticles: The file cannot be written.
    """
    lines = []
    for name, entry in sorted(entries.items()):
        lines += [f"[{_quoted(name)}]", *(f"{key} = {_quoted(value)}" for key, value in entry.items()), ""]
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("\n".join(lines), encoding="utf-8")
        part.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        raise BadArticles(f"Cannot write {str(path)!r}: {error}. Make its folder writable.") from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # which TOML does not allow


_KEYS = ("title", "outlet", "language", "published")


def _entry(path: Path, name: str, table: Any, *, blank: bool) -> dict[str, str]:
    if not isinstance(table, dict):
        raise BadArticles(f"{path}: {name!r} is not a table; write [{name}] and under it {', '.join(_KEYS)}.")
    entry: dict[str, str] = {}
    for key, value in table.items():
        where = f"{path}: [{name}] {key} = {value!r}"
        if key not in _KEYS:
            near = difflib.get_close_matches(key.lower(), _KEYS, n=1)
            fix = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(_KEYS)}."
            raise BadArticles(f"{where}: unknown key {key!r}, so that no article was read; {fix}")
        if blank and value == "" and key in ("outlet", "published"):
            pass
        elif key == "published":
            value = _date(value, where)
        elif not isinstance(value, str) or not value.strip():
            raise BadArticles(f"{where} must be text in quotes; leave the key out if there is no value.")
        if key == "language" and language(value) is None:
            raise BadArticles(f"{where}: unknown language; supported are 'ar' and 'en'.")
        entry[key] = value.strip()
    return entry


def _date(value: Any, where: str) -> str:
    text = str(value.date() if isinstance(value, datetime.datetime) else value)
    if not is_date(text):
        raise BadArticles(f"{where} is not a date; write 'YYYY-MM-DD', or 'YYYY-MM' if the day is unknown.")
    return text


def is_date(text: str) -> bool:
    """Whether a text is the date of an article: ``YYYY-MM-DD``, or ``YYYY-MM`` if the day is unknown."""
    try:
        datetime.date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", text, re.ASCII) is not None


def language(value: str | None) -> Language | None:
    """The language of an entry as the type that records use; None if it is neither "ar" nor "en"."""
    return "ar" if value == "ar" else "en" if value == "en" else None
