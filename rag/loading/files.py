"""Finds and reads the files of a folder safely.

Links that lead out of the folder are refused, a named pipe cannot block the reading, and a file beyond the
size limit is not read to its end.
"""

from __future__ import annotations

import errno
import os
import stat
from functools import cached_property
from pathlib import Path

from rag.errors import BadArticles
from rag.loading import catalogue
from rag.loading.parsed import Unusable
from rag.loading.sandbox import KINDS

PARTS = ("_files", "-Dateien", "_fichiers", "_archivos")
"""Suffixes of the folders in which browsers save the images and styles of a page (English, German, French,
Spanish)."""


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
        self.found = sorted(self._walk())
        """The wanted files, sorted."""

    def source(self, path: Path) -> str:
        """The path of a file relative to the folder, in printable form."""
        return printable(path.relative_to(self._folder).as_posix())

    def read(self, path: Path, limit: int, setting: str) -> bytes:
        """The bytes of one of the files ``found``, at most ``limit``, which is the value of ``setting``.

        Raises:
            Unusable: The file cannot be read, is too large, is not a regular file, or is a link that leads
                out of the folder.
        """
        if printable(str(path)) != str(path):
            raise Unusable("has a name that is not UTF-8; rename it")
        try:
            if path.is_symlink():
                self._check_link(path)
            # Non-blocking, so that a FIFO that replaces the file after the check cannot block the build.
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise Unusable("is not a regular file")
            descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            )
            with os.fdopen(descriptor, "rb") as file:
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
        return {path.resolve() for path in self.found if not path.is_symlink()}

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append((self.source(path), reason))

    def _unlistable(self, error: OSError) -> None:
        path = Path(error.filename)
        if path == self._folder:
            raise BadArticles(
                f"Cannot read the folder {str(path)!r}: {error.strerror}; check its permissions."
            )
        self._leave_out(path, f"cannot be listed: {error.strerror}")

    def _walk(self) -> list[Path]:
        found: list[Path] = []
        for root, folders, names in os.walk(self._folder, onerror=self._unlistable):
            pages = {Path(name).stem for name in names if Path(name).suffix.lower() in (".html", ".htm")}
            for name in list(folders):
                path = Path(root, name)
                part = next((name.removesuffix(end) for end in PARTS if name.endswith(end)), None)
                if name.startswith("."):
                    folders.remove(name)
                elif path.is_symlink():  # os.walk does not enter it
                    self._leave_out(path, "is a link to a folder; not followed")
                elif part in pages:
                    folders.remove(name)
                    self._leave_out(path, f"contains the images and styles of the page {part!r}; not read")
            for name in names:
                path = Path(root, name)
                ignored = path.parent == self._folder and name in catalogue.NAMES
                if name.startswith(".") or name.casefold() == "readme.md" or ignored:
                    continue
                if path.suffix.lower() in KINDS:
                    found.append(path)
                else:
                    ending = f"the extension {path.suffix!r}" if path.suffix else "no extension"
                    self._leave_out(path, f"has {ending}; supported are {', '.join(KINDS)}")
        return found


def printable(text: str) -> str:
    """``text`` without lone surrogates, which Python puts into file names that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
