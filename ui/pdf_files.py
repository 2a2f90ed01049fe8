"""Finds the PDF that an article was read from, and reads it only if it is still the file that was indexed.

    Article.source + the manifest's folder, or the index's uploads → a file within that folder → its bytes

The folder is written in an index, which can come from somebody else. Links and ``..`` do not lead out of it,
and a file whose digest is not the one that the index has recorded is not returned.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from rag.errors import SanadError
from rag.index import layout
from rag.loading import uploads
from rag.loading.files import composed, opened, printable
from rag.records import Article

SUFFIX = ".pdf"
"""Ending of the sources that are PDFs, in lower case."""


class Missing(Exception):
    """The file cannot be returned; the message says why."""


class Changed(Exception):
    """The file is not the one that was indexed; the message names it."""


def is_pdf(article: Article) -> bool:
    """Whether an article was read from a PDF."""
    return article.source.lower().endswith(SUFFIX)


def read(index: Path, article: Article, limit: int) -> bytes:
    """The bytes of the PDF that an article was read from.

    Args:
        index: Folder of the index, ``indexes/NAME``.
        article: The article.
        limit: Largest file in bytes.

    Raises:
        Missing: It is not a PDF, does not exist, is outside the folder that was indexed, or is too large.
        Changed: Its bytes are not those that were indexed.
    """
    name = article.source.removeprefix(uploads.PREFIX)
    if not is_pdf(article):
        raise Missing(f"The article {article.id!r} was not read from a PDF but from {name!r}.")
    folder = index / uploads.FOLDER if article.source.startswith(uploads.PREFIX) else _indexed(index)
    if folder is None:
        raise Missing(f"The index does not record the folder of {name!r}. Index the folder again.")
    try:
        data = _read(_within(folder, name), limit)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a link to itself, in pathlib up to 3.12
        raise Missing(
            f"The file {name!r} is no longer where it was indexed. Index its folder again."
        ) from None
    if data is None:
        raise Missing(f"The file {name!r} is larger than {limit:,} bytes, the limit, or not a file.")
    if hashlib.sha256(data).hexdigest() != article.sha256:
        raise Changed(f"The file {name!r} has changed since it was indexed. Index its folder again.")
    return data


def _indexed(index: Path) -> Path | None:
    """The folder that the index was built from; None if it is unknown."""
    try:
        source = layout.read_manifest(index, layout.read_current(index))[1].source
    except (SanadError, layout.Damaged):
        return None
    return Path(source) if source else None


def _within(folder: Path, name: str) -> Path:
    """The path of a file in a folder.

    Raises:
        OSError: There is none.
        ValueError: The name leads out of the folder.
    """
    root = folder.resolve(strict=True)
    path = root
    for part in name.split("/"):
        if part in ("", ".", ".."):
            raise ValueError(name)
        exact = path / part
        path = exact if exact.exists() else _named(path, part)
    path = path.resolve(strict=True)
    if not path.is_relative_to(root):
        raise ValueError(name)
    return path


def _named(folder: Path, name: str) -> Path:
    """The entry of a folder with this name in the form of sources: some systems store decomposed letters."""
    for entry in folder.iterdir():
        if composed(printable(entry.name)) == name:
            return entry
    raise FileNotFoundError(name)


def _read(path: Path, limit: int) -> bytes | None:
    """The bytes of a regular file of at most ``limit`` bytes; else None."""
    with opened(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        data = file.read(limit + 1)
    return data if len(data) <= limit else None
