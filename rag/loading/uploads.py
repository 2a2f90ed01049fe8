"""Articles that were uploaded on the chat page: stored with the index and indexed together with its folder.

    indexes/NAME/uploads/                 the uploaded files, unchanged
    indexes/NAME/uploads/.removed.json    rows of them that were removed later
    indexes/NAME/uploads/.corrected.toml  outlets and dates that were corrected on the page, of any article

They are not stored in the indexed folder, which belongs to the user and may be read-only or on another
machine. An update of the index reads both places, so no upload is lost. A file is deleted when its last
article is removed. A row that was removed stays removed until its file is uploaded again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import unicodedata
from collections.abc import AsyncIterable, Callable, Collection, Mapping
from pathlib import Path, PurePath
from typing import Any

from rag.errors import BadArticles, BadUpload
from rag.loading import catalogue
from rag.loading.articles import ARTICLE_FILES, Loaded, Skipped, load_folder
from rag.loading.files import composed
from rag.loading.unchanged import Seen, State, state
from rag.records import Article, Progress
from rag.settings import Settings, can_be_file

FOLDER = "uploads"
"""Name of the folder of uploads inside the folder of the index."""

REMOVED = ".removed.json"
"""Lists the removed rows: article ids by the name of their file. A hidden file, so that it is not indexed."""

CORRECTED = ".corrected.toml"
"""Corrections in the form of a catalogue, by article id. They are stored here, not in the indexed folder, so
that they are exported with the index."""

PREFIX = "uploaded://"
"""Prefix of the ids and sources of uploaded articles; no path inside a folder contains two slashes."""

LONGEST_NAME = 120
"""Characters of a file name. File systems allow 255 bytes, and an Arabic letter takes two."""


REFUSED = {
    "name": "“{name}” cannot be used as the name of an article file. Rename it.",
    "kind": "Sanad cannot read files like “{name}”. Supported types: {kinds}.",
    "size": "“{name}” is larger than {mb} MB, the limit for a file.",
    "cut": "“{name}” was not uploaded completely. Upload it again.",
    "unwritable": "“{name}” could not be saved: {why}.",
}
"""Why a file is not accepted."""


def is_name(name: object) -> bool:
    """Whether ``name`` is allowed for an upload."""
    return name in (REMOVED, CORRECTED) or (
        isinstance(name, str) and _is_plain(name) and name.lower().endswith(ARTICLE_FILES)
    )


def _is_plain(name: str) -> bool:
    """Whether a name stays in the folder, has no invisible characters and is not that of a hidden file."""
    return (
        name == PurePath(name).name
        and not name.startswith(".")
        and len(name) <= LONGEST_NAME
        and all(unicodedata.category(character)[0] != "C" for character in name)
        and can_be_file(name)
    )


def refused(reason: str, **values: str) -> BadUpload:
    """The error for a file that is not accepted.

    Args:
        reason: A key of ``REFUSED``.
        **values: What its sentence names.
    """
    return BadUpload(REFUSED[reason].format(**values), reason, values)


def check_name(name: str) -> None:
    """Check the name of a file before it is received.

    Raises:
        BadUpload: It leads elsewhere, is not visible as it is, or has another type.
    """
    if not _is_plain(name) or name.casefold() == "readme.md":  # updates skip it
        raise refused("name", name=name)
    if not name.lower().endswith(ARTICLE_FILES):
        raise refused("kind", name=name, kinds=", ".join(ARTICLE_FILES))


async def receive(
    folder: Path, name: str, parts: AsyncIterable[bytes], limit: int, take: Callable[[Path, str], None]
) -> None:
    """Write a file as it arrives; nothing of it stays if it is not accepted.

    Args:
        folder: The folder of uploads.
        name: Its name, which was checked.
        parts: Its bytes.
        limit: Largest size in bytes.
        take: Called with the complete file, under a hidden name, and its own name.

    Raises:
        BadUpload: It is too large, or cannot be written.
    """
    part, size = folder / f".{secrets.token_hex(8)}", 0  # hidden, so that an update does not read it yet
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            async for piece in parts:
                size += len(piece)
                if size > limit:
                    raise refused("size", name=name, mb=f"{limit / 1e6:g}")
                file.write(piece)
        take(part, name)
    except OSError as error:
        raise refused("unwritable", name=name, why=os.strerror(error.errno or 0)) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def load(
    index: Path, settings: Settings, progress: Progress, seen: Mapping[str, Seen] | None = None
) -> Loaded:
    """The uploaded articles of an index.

    Args:
        index: Its folder, ``indexes/NAME``.
        settings: As for ``load_folder``.
        progress: As for ``load_folder``.
        seen: ``Loaded.seen`` of an earlier time, as for ``load_folder``.
    """
    folder = index / FOLDER
    if not folder.is_dir():
        return Loaded((), (), {})
    known = {
        name: one._replace(ids={i.removeprefix(PREFIX): digest for i, digest in one.ids.items()})
        for name, one in (seen or {}).items()
    }
    loaded = load_folder(folder, settings, progress, may_be_empty=True, seen=known)
    removed = {i for ids in _removed(folder).values() for i in ids}
    return Loaded(
        tuple(
            dataclasses.replace(item, id=PREFIX + item.id, source=PREFIX + item.source)
            for item in loaded.articles
            if PREFIX + item.id not in removed
        ),
        tuple(dataclasses.replace(item, source=PREFIX + item.source) for item in loaded.skipped),
        {PREFIX + i: lines for i, lines in loaded.lines.items() if PREFIX + i not in removed},
        tuple(PREFIX + i for i in loaded.unread),
        {
            name: one._replace(
                ids={PREFIX + i: digest for i, digest in one.ids.items() if PREFIX + i not in removed}
            )
            for name, one in loaded.seen.items()
        },
    )


def take(index: Path, file: Path, name: str) -> None:
    """Accept a file that arrived in the folder of uploads under a hidden name, under its own name.

    An earlier upload of this name is replaced, and rows that were removed from it come back.
    """
    folder, name = index / FOLDER, composed(name)
    file.replace(_stored(index).get(name, folder / name))
    _record(folder, {other: ids for other, ids in _removed(folder).items() if other != name})


def is_from(source: str, name: str) -> bool:
    """Whether the source of an article, or of something skipped, is an uploaded file or a row of it."""
    return source.startswith(PREFIX) and _file(source) == name


def joined(one: Loaded, other: Loaded) -> Loaded:
    """Both, but for what is to be remembered of each file."""
    return dataclasses.replace(
        one,
        articles=one.articles + other.articles,
        skipped=one.skipped + other.skipped,
        lines={**one.lines, **other.lines},
        unread=one.unread + other.unread,
    )


def corrections(index: Path) -> dict[str, catalogue.Entry]:
    """What was corrected on the page, by article id.

    Raises:
        BadArticles: The file cannot be read.
    """
    path = index / FOLDER / CORRECTED
    return catalogue.read(path, corrections=True) if path.is_file() else {}


def correct(index: Path, changed: Mapping[str, catalogue.Entry | None]) -> None:
    """Store corrections of these articles instead of earlier ones; None stores none.

    Raises:
        BadArticles: The file cannot be read or written.
    """
    before = corrections(index)
    after = {i: entry for i, entry in {**before, **changed}.items() if entry}
    if after != before:
        catalogue.write(index / FOLDER / CORRECTED, after)


def corrected(article: Article, entry: catalogue.Entry) -> Article:
    """An article with its correction."""
    values: dict[str, Any] = {key: entry[key] or None for key in ("outlet", "published") if key in entry}
    return dataclasses.replace(article, **values)


def all_corrected(loaded: Loaded, entries: Mapping[str, catalogue.Entry]) -> Loaded:
    """What was loaded, each article with its correction."""
    articles = tuple(corrected(item, entries.get(item.id, {})) for item in loaded.articles)
    return dataclasses.replace(loaded, articles=articles)


def states(index: Path) -> dict[str, State | None]:
    """The uploaded files by name, each with its state."""
    with contextlib.suppress(FileNotFoundError), os.scandir(index / FOLDER) as listed:
        return {composed(file.name): state(file) for file in listed if not file.name.startswith(".")}
    return {}


def failed(loaded: Loaded) -> frozenset[str]:
    """The names of the uploaded files in which nothing could be read."""
    # The source of a row has its line number, so that it is not the name of a file.
    names = {composed(item.source.removeprefix(PREFIX)) for item in loaded.skipped if not item.added}
    return frozenset(names - _used(loaded))


def with_earlier(loaded: Loaded, earlier: Mapping[Article, tuple[int, ...]]) -> Loaded:
    """What was loaded, and the articles that an earlier update read in the files that ``failed`` now.

    Args:
        loaded: What was read in the uploaded files.
        earlier: Articles of the index with the lines of each; those of other files are left out.
    """
    names = failed(loaded)
    kept = {item: lines for item, lines in earlier.items() if _file(item.source) in names}
    files = _files(kept.keys())
    skipped = (
        Skipped(item.source, f"{item.reason}; its articles were read earlier and are kept", kept=True)
        if composed(item.source.removeprefix(PREFIX)) in files
        else item
        for item in loaded.skipped
    )
    return dataclasses.replace(
        loaded,
        articles=(*loaded.articles, *kept),
        skipped=tuple(skipped),
        lines={**loaded.lines, **{item.id: lines for item, lines in kept.items()}},
    )


def drop_unused(index: Path, loaded: Loaded, read: Mapping[str, State | None]) -> None:
    """Delete uploaded files without any article, which would be reported as skipped at every update.

    Args:
        index: The folder of the index.
        loaded: What was read in the uploaded files.
        read: ``states`` before they were read: what has arrived since is kept.
    """
    _drop(index, _unchanged(index, read) - _used(loaded))


def _used(loaded: Loaded) -> set[str]:
    """The names of the uploaded files with articles."""
    return _files(loaded.articles) | {composed(name) for name, one in loaded.seen.items() if one.ids}


def _unchanged(index: Path, before: Mapping[str, State | None]) -> set[str]:
    """The names of the uploaded files that have the same state as before."""
    return {name for name, now in states(index).items() if now and before.get(name) == now}


def drop_removed(
    index: Path,
    removed: Collection[Article],
    kept: Collection[Article],
    indexed: Mapping[str, State | None],
) -> None:
    """Delete the uploaded files of removed articles; where other articles remain, record the removed rows.

    Their corrections go too: another file may be uploaded under the same name.

    Args:
        index: The folder of the index.
        removed: The removed articles.
        kept: The other articles of the index.
        indexed: ``states`` before they were removed: a file that was uploaded since under the same name has
            other articles and is kept.
    """
    correct(index, {item.id: None for item in removed})
    still_used, unchanged = _files(kept), _unchanged(index, indexed)
    _drop(index, (_files(removed) - still_used) & unchanged)
    folder = index / FOLDER
    before = _removed(folder)
    after = {name: list(ids) for name, ids in before.items() if name in still_used}
    for item in removed:
        if (name := _file(item.source)) in still_used & unchanged:
            after.setdefault(name, []).append(item.id)
    if after != before:
        _record(folder, after)


def _removed(folder: Path) -> dict[str, list[str]]:
    try:
        recorded = json.loads((folder / REMOVED).read_bytes())
        return {composed(name): [composed(str(i)) for i in ids] for name, ids in recorded.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, AttributeError, TypeError):
        raise BadArticles(
            f"Cannot read {str(folder / REMOVED)!r}, the list of rows that were removed from uploaded files. "
            "Delete it; the removed rows then come back and can be removed again."
        ) from None


def _record(folder: Path, removed: dict[str, list[str]]) -> None:
    if removed:
        part = folder / f"{REMOVED}.part"
        part.write_text(json.dumps(removed, ensure_ascii=False, indent=1), encoding="utf-8")
        part.replace(folder / REMOVED)
    else:
        (folder / REMOVED).unlink(missing_ok=True)


def _files(items: Collection[Article]) -> set[str]:
    """The names of the uploaded files that the articles come from."""
    return {_file(item.source) for item in items if item.source.startswith(PREFIX)}


def _file(source: str) -> str:
    """The name of the file that an article comes from; the source of a row ends with its line number."""
    return composed(re.sub(r":\d+\Z", "", source.removeprefix(PREFIX)))


def _stored(index: Path) -> dict[str, Path]:
    """The uploaded files, by their names as articles have them."""
    return {composed(path.name): path for path in (index / FOLDER).glob("[!.]*") if path.is_file()}


def _drop(index: Path, names: set[str]) -> None:
    for name, path in _stored(index).items():
        if name in names:
            with contextlib.suppress(OSError):  # the next update reports it again, and it can be removed then
                path.unlink()
