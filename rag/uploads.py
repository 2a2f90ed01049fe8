"""Articles that were handed in one by one, on the page: kept beside the index, and indexed with its folder.

    indexes/NAME/uploads/     the files as they came

Not in the folder that is indexed: that one is its owner's, may be read-only, and be of another machine. An
update of the index reads both, so that nothing which was handed in is lost by it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePath

from rag import articles
from rag.articles import Loaded, Skipped
from rag.disk import Progress
from rag.records import Article
from rag.settings import Settings

FOLDER = "uploads"
"""Its name, in the folder of the index."""

PREFIX = "uploaded://"
"""What the ids and sources of these articles begin with; no path within a folder holds two slashes."""


LONGEST_NAME = 120
"""Characters of a file's name; file systems take 255 bytes, and an Arabic letter is two."""


def is_name(name: object) -> bool:
    """Whether an uploaded file can have this name: one that leads nowhere else and shows as what it is."""
    return (
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
    return Loaded(
        tuple(
            dataclasses.replace(item, id=PREFIX + item.id, source=PREFIX + item.source)
            for item in loaded.articles
        ),
        tuple(Skipped(PREFIX + item.source, item.reason) for item in loaded.skipped),
        {PREFIX + name: lines for name, lines in loaded.lines.items()},
    )


def joined(one: Loaded, other: Loaded) -> Loaded:
    """The articles of both."""
    return Loaded(one.articles + other.articles, one.skipped + other.skipped, {**one.lines, **other.lines})


def drop_unused(index: Path, used: Collection[Article]) -> None:
    """Delete uploaded files of which no article came: they would be told as skipped at every update."""
    _drop(index, _names(index) - _files(used))


def drop_removed(index: Path, removed: Collection[Article], kept: Collection[Article]) -> None:
    """Delete the uploaded files of articles that were removed, unless others came from them too."""
    _drop(index, _files(removed) - _files(kept))


def _files(items: Collection[Article]) -> set[str]:
    """The uploaded files that articles came from; a row's source has its line behind the file's name."""
    uploaded = [item.source.removeprefix(PREFIX) for item in items if item.source.startswith(PREFIX)]
    return {
        source.rpartition(":")[0] if source.rpartition(":")[2].isdecimal() and ":" in source else source
        for source in uploaded
    }


def _names(index: Path) -> set[str]:
    folder = index / FOLDER
    if not folder.is_dir():
        return set()
    return {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}


def _drop(index: Path, names: set[str]) -> None:
    for name in names & _names(index):
        with contextlib.suppress(OSError):  # it is told again, or comes back, and can be removed then
            (index / FOLDER / name).unlink()
