"""Articles that were handed in one by one, on the page: kept beside the index, and indexed with its folder.

    indexes/NAME/uploads/                 the files as they came
    indexes/NAME/uploads/.removed.json    which of their rows were removed since

Not in the folder that is indexed: that one is its owner's, may be read-only, and be of another machine. An
update of the index reads both, so that nothing which was handed in is lost by it. A file goes with the last
of its articles; a row that was removed before stays away until its file is handed in again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePath

from rag.errors import BadArticles
from rag.loading import articles
from rag.loading.articles import Loaded, Skipped
from rag.records import Article, Progress
from rag.settings import Settings

FOLDER = "uploads"
"""Its name, in the folder of the index."""

REMOVED = ".removed.json"
"""Tells removed rows: article ids by the name of their file. Hidden, so that it is not indexed."""

PREFIX = "uploaded://"
"""What the ids and sources of these articles begin with; no path within a folder holds two slashes."""


LONGEST_NAME = 120
"""Characters of a file's name; file systems take 255 bytes, and an Arabic letter is two."""


def is_name(name: object) -> bool:
    """Whether an uploaded file can have this name: one that leads nowhere else and shows as what it is."""
    return name == REMOVED or (
        isinstance(name, str)
        and name == PurePath(name).name
        and not name.startswith(".")
        and len(name) <= LONGEST_NAME
        and all(unicodedata.category(character)[0] != "C" for character in name)
        and name.lower().endswith(articles.ARTICLE_FILES)
    )


def load(index: Path, settings: Settings, progress: Progress) -> Loaded:
    """The uploaded articles of an index.

    Args:
        index: The folder of the index (``indexes/NAME``).
        settings: Limits on files.
        progress: Told the share of files that are read.
    """
    folder = index / FOLDER
    if not folder.is_dir():
        return Loaded((), (), {})
    loaded = articles.load_by(settings, folder, progress, may_be_empty=True)
    removed = {i for ids in _removed(folder).values() for i in ids}
    return Loaded(
        tuple(
            dataclasses.replace(item, id=PREFIX + item.id, source=PREFIX + item.source)
            for item in loaded.articles
            if PREFIX + item.id not in removed
        ),
        tuple(Skipped(PREFIX + item.source, item.reason) for item in loaded.skipped),
        {PREFIX + i: lines for i, lines in loaded.lines.items() if PREFIX + i not in removed},
    )


def take(index: Path, file: Path, name: str) -> None:
    """Move a file that has arrived among those that are indexed; rows removed of an earlier one come back.

    Args:
        index: The folder of the index.
        file: Within its folder of uploads, under a hidden name.
        name: What it is to be called; a file of this name is replaced.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = index / FOLDER
    file.replace(folder / name)
    _record(folder, {other: ids for other, ids in _removed(folder).items() if other != name})


def joined(one: Loaded, other: Loaded) -> Loaded:
    """The articles of both."""
    return Loaded(one.articles + other.articles, one.skipped + other.skipped, {**one.lines, **other.lines})


def drop_unused(index: Path, used: Collection[Article]) -> None:
    """Delete uploaded files of which no article came: they would be told as skipped at every update."""
    _drop(index, _names(index) - _files(used))


def drop_removed(index: Path, removed: Collection[Article], kept: Collection[Article]) -> None:
    """Delete the uploaded files of articles that were removed; where others came from one too, note which go.

    Raises:
        OSError: The note cannot be written.
    """
    others = _files(kept)
    _drop(index, _files(removed) - others)
    folder = index / FOLDER
    before = {name: ids for name, ids in _removed(folder).items() if name in others}
    noted = {name: list(ids) for name, ids in before.items()}
    for item in removed:
        if (name := _file(item)) in others:
            noted.setdefault(name, []).append(item.id)
    if noted != _removed(folder):
        _record(folder, noted)


def _removed(folder: Path) -> dict[str, list[str]]:
    try:
        noted = json.loads((folder / REMOVED).read_bytes())
        return {name: [str(i) for i in ids] for name, ids in noted.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, AttributeError, TypeError):
        raise BadArticles(
            f"Cannot read {str(folder / REMOVED)!r}, which tells what was removed of uploaded files. Remove "
            "it: then that comes back, and can be removed again."
        ) from None


def _record(folder: Path, removed: dict[str, list[str]]) -> None:
    if removed:
        part = folder / f"{REMOVED}.part"
        part.write_text(json.dumps(removed, ensure_ascii=False, indent=1), encoding="utf-8")
        part.replace(folder / REMOVED)
    else:
        (folder / REMOVED).unlink(missing_ok=True)


def _files(items: Collection[Article]) -> set[str]:
    """The uploaded files that articles came from."""
    return {_file(item) for item in items if item.source.startswith(PREFIX)}


def _file(item: Article) -> str:
    """The file that an article came from; a row's source has its line behind the file's name."""
    source = item.source.removeprefix(PREFIX)
    name, colon, line = source.rpartition(":")
    return name if colon and line.isdecimal() else source


def _names(index: Path) -> set[str]:
    folder = index / FOLDER
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}


def _drop(index: Path, names: set[str]) -> None:
    for name in names & _names(index):
        with contextlib.suppress(OSError):  # it is told again, or comes back, and can be removed then
            (index / FOLDER / name).unlink()
