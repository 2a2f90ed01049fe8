"""Finds and reads the files of a folder safely.

Links that lead out of the folder are refused, a named pipe cannot block the reading, and a file beyond the
size limit is not read to its end.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rag.errors import BadArticles
from rag.loading import catalogue, unchanged
from rag.loading.parsed import Unusable
from rag.loading.sandbox import KINDS
from rag.loading.unchanged import State

PARTS = ("_files", "-Dateien", "_fichiers", "_archivos")
"""Suffixes of the folders in which browsers save the images and styles of a page (English, German, French,
Spanish)."""


class File(NamedTuple):
    """A file that was found."""

    source: str
    """Its path relative to the folder, with forward slashes, in printable and composed form."""
    path: str
    """Its path."""
    kind: str
    """One of the kinds of ``sandbox.KINDS``."""
    state: State | None
    """Its state; None for a link and anything else that is not a regular file."""


class Files:
    """The files of a folder and its subfolders that can be articles."""

    def __init__(self, folder: Path) -> None:
        """List the files; none is read yet.

        Raises:
            BadArticles: The folder cannot be listed.
        """
        self._folder = folder
        self.left_out: list[tuple[str, str]] = []
        """Files and folders that are not wanted or cannot be listed, each with the reason."""
        self.found: list[File] = []
        """The wanted files, sorted by the parts of their paths."""
        self._walk(str(folder), "")

    def read(self, file_path: str, limit: int, setting: str) -> bytes:
        """The bytes of one of the files ``found``, at most ``limit``, which is the value of ``setting``.

        Raises:
            Unusable: The file cannot be read, is too large, is not a regular file, or is a link that leads
                out of the folder.
        """
        path = Path(file_path)
        if printable(file_path) != file_path:
            raise Unusable("has a name that is not UTF-8; rename it")
        try:
            if path.is_symlink():
                self._check_link(path)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise Unusable("is not a regular file")
            with opened(path) as file:
                data = file.read(limit + 1)
        except (OSError, RuntimeError) as error:  # pathlib up to 3.12 raises RuntimeError for a loop
            if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
                raise Unusable("is a link to itself") from None
            raise Unusable(f"cannot be read: {error.strerror or error}") from None
        if len(data) > limit:
            size = max(status.st_size, len(data))
            raise Unusable(f"has {size:,} bytes; the limit {setting} is {limit:,}")
        return data

    def _check_link(self, path: Path) -> None:
        target = path.resolve(strict=True)
        if not target.is_relative_to(self._folder.resolve()):
            raise Unusable("is a link that leads out of the folder; copy the file instead")
        if target in self._targets:
            raise Unusable("is a link to an article that is read anyway")
        self._targets.add(target)  # so that only one of two links to a hidden file is read

    @cached_property
    def _targets(self) -> set[Path]:
        """The resolved paths of the files that have been found or read through a link."""
        return {Path(file.path).resolve() for file in self.found if file.state}

    def _walk(self, folder: str, prefix: str) -> None:
        # Strings and os.scandir, as a folder may contain 100,000 files: pathlib takes 80 µs for each.
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise BadArticles(
                    f"Cannot read the folder {folder!r}: {error.strerror}; check its permissions."
                ) from None
            self.left_out.append((printable(prefix[:-1]), f"cannot be listed: {error.strerror}"))
            return
        pages: set[str] | None = None
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            source = composed(printable(prefix + name))
            if not entry.is_file(follow_symlinks=False) and _is_folder(entry):
                if pages is None:
                    pages = {other.name.rpartition(".")[0] for other in entries if _is_page(other.name)}
                part = next((name.removesuffix(end) for end in PARTS if name.endswith(end)), None)
                if entry.is_symlink():
                    self.left_out.append((source, "is a link to a folder; not followed"))
                elif part in pages:
                    why = f"contains the images and styles of the page {part!r}; not read"
                    self.left_out.append((source, why))
                else:
                    self._walk(entry.path, f"{prefix}{name}/")
                continue
            stem, dot, ending = name.rpartition(".")
            ending = dot + ending if stem else ""
            kind = KINDS.get(ending.lower())
            if kind == "markdown" and name.casefold() == "readme.md":
                continue
            if kind:
                self.found.append(File(source, entry.path, kind, unchanged.state(entry)))
            elif prefix or name not in catalogue.NAMES:
                extension = f"the extension {ending!r}" if len(ending) > 1 else "no extension"
                self.left_out.append((source, f"has {extension}; supported are {', '.join(KINDS)}"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_page(name: str) -> bool:
    return name.lower().endswith((".html", ".htm"))


def printable(text: str) -> str:
    """``text`` without lone surrogates, which Python puts into file names that are not UTF-8 or UTF-16."""
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)


def opened(path: Path) -> BinaryIO:
    """A file, opened for reading without waiting: a FIFO in its place cannot block the reader.

    Args:
        path: Its path.

    Raises:
        OSError: It cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def composed(name: str) -> str:
    """A file name as a person types it: on macOS, programs store أ or é as a letter and a sign."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
