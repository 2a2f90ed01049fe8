"""A folder of files becomes articles.

Files come from anywhere: what cannot be read as an article is named with its reason and skipped, so that
one bad file never hides the good ones.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.boilerplate import shown_lines, strip_boilerplate
from rag.errors import BadArticles
from rag.records import Article, Language
from rag.text import detect_language, sentences

__all__ = ["Loaded", "Skipped", "load_folder", "strip_boilerplate"]

ENDINGS = (".txt", ".md")
"""Kinds of files that are read."""

CATALOGUES = ("articles.toml", "seeds.toml")
"""Names of the catalogue, looked for in the folder itself."""

TITLE_LENGTH = 100
"""Characters. A longer first line is a paragraph, not a headline."""

_LEGACY = ("cp1256", "cp1252", "iso8859_6")
"""What is not Unicode among Arabic and English news is one of these; left to guess among all it knows,
charset-normalizer takes short Arabic for Greek or Cyrillic."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),  # before UTF-16, whose mark it begins with
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read as an article."""

    source: str
    """Its path relative to the folder."""
    reason: str
    """Why, in a few words that tell how to mend it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder held."""

    articles: tuple[Article, ...]
    """The articles, sorted by path."""
    skipped: tuple[Skipped, ...]
    """What was left out, and why."""
    lines: dict[str, tuple[int, ...]]
    """By article id: for each line of ``article.text`` the 1-based line of the file that it is. The line on
    which an offset stands is ``lines[article.id][article.text.count("\\n", 0, offset)]``."""


class _Unusable(Exception):
    """A file that is to be skipped; the message is the reason."""


def load_folder(folder: Path, *, max_bytes: int) -> Loaded:
    """The articles of a folder and its subfolders.

    Args:
        folder: Holds ``.txt`` and ``.md`` files and, if wanted, ``articles.toml`` (or ``seeds.toml``) with a
            table for each article, by file name without ending: title, outlet, language, published.
            Hidden files and README.md are ignored; links are not followed out of the folder.
        max_bytes: Larger files are skipped.

    Raises:
        BadArticles: There is no such folder, it holds no usable article, or its catalogue is wrong.
    """
    if not folder.exists():
        raise BadArticles(f"No folder {str(folder)!r}; name a folder that holds .txt or .md files.")
    if not folder.is_dir():
        raise BadArticles(
            f"{str(folder)!r} is a file; name the folder that holds it: {str(folder.parent)!r}."
        )
    skipped: list[Skipped] = []
    paths = _walk(folder, skipped)
    catalogue_path, catalogue = _catalogue(folder)
    articles: list[Article] = []
    lines: dict[str, tuple[int, ...]] = {}
    for path in paths:
        source = path.relative_to(folder).as_posix()
        try:
            data = _read(path, folder, paths, max_bytes)
            text, numbers = shown_lines(_decode(data))
            if not any(char.isalnum() for char in text):
                raise _Unusable("holds no text")
        except _Unusable as error:
            skipped.append(Skipped(_printable(source), str(error)))
            continue
        article_id = source.removesuffix(path.suffix)
        if article_id in lines:  # a.md beside a.txt
            article_id = source
        known = catalogue.get(article_id, {})
        lines[article_id] = numbers
        articles.append(
            Article(
                id=article_id,
                title=known.get("title") or _title(text, markdown=path.suffix.lower() == ".md"),
                text=text,
                source=source,
                outlet=known.get("outlet"),
                published=known.get("published"),
                language=_language(known.get("language")) or detect_language(text),
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )
    if not articles:
        why = f" ({skipped[0].source}: {skipped[0].reason})" if skipped else ""
        raise BadArticles(f"No usable article in {str(folder)!r}{why}; put .txt or .md files there.")
    skipped += [
        Skipped(catalogue_path, f"table [{name}] names no article that was read; check its spelling")
        for name in catalogue
        if name not in lines
    ]
    return Loaded(articles=tuple(articles), skipped=tuple(skipped), lines=lines)


def _walk(folder: Path, skipped: list[Skipped]) -> list[Path]:
    """Files that may be articles, sorted; unsupported ones and unreadable folders go to ``skipped``."""

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        if path == folder:
            why = f"{error.strerror}; check its permissions"
            raise BadArticles(f"Cannot read the folder {str(folder)!r}: {why}.")
        skipped.append(Skipped(_printable(_relative(path, folder)), f"cannot be listed: {error.strerror}"))

    found: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=unreadable):
        for name in list(folders):
            if name.startswith("."):
                folders.remove(name)
            elif (path := Path(root, name)).is_symlink():  # which os.walk does not enter
                reason = "is a link to a folder; not followed"
                skipped.append(Skipped(_printable(_relative(path, folder)), reason))
        for name in names:
            path = Path(root, name)
            catalogue = name in CATALOGUES and path.parent == folder
            if name.startswith(".") or name.casefold() == "readme.md" or catalogue:
                continue
            if path.suffix.lower() in ENDINGS:
                found.append(path)
            else:
                ending = repr(path.suffix) if path.suffix else "no ending"
                reason = f"has {ending}; supported are {' and '.join(ENDINGS)}"
                skipped.append(Skipped(_printable(_relative(path, folder)), reason))
    skipped.sort(key=lambda item: item.source)
    return sorted(found)


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _printable(source: str) -> str:
    """A file name that is not UTF-8 comes with lone surrogates, which cannot be printed."""
    return source.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read(path: Path, folder: Path, paths: list[Path], max_bytes: int) -> bytes:
    if _printable(str(path)) != str(path):
        raise _Unusable("has a name that is not UTF-8; rename it")
    try:
        if path.is_symlink():
            target = path.resolve(strict=True)
            if not target.is_relative_to(folder.resolve()):
                raise _Unusable("is a link that leads out of the folder; copy the file instead")
            if any(target == other.resolve() for other in paths if not other.is_symlink()):
                raise _Unusable("is a link to an article that is read anyway")
        # Non-blocking, so that a FIFO put there between the look and the opening cannot hang the build.
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _Unusable("is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError up to Python 3.12
        raise _Unusable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > max_bytes:
        size = max(status.st_size, len(data))
        raise _Unusable(f"has {size:,} bytes; the limit max_file_bytes is {max_bytes:,}")
    return data


def _decode(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise _Unusable(f"is marked as {encoding.upper()} but is not; save it as UTF-8") from None
    if b"\0" in data:
        raise _Unusable("is a binary file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    import charset_normalizer

    best = charset_normalizer.from_bytes(data, cp_isolation=list(_LEGACY)).best()
    if best is None or _CONTROL.search(str(best)):
        raise _Unusable("is in no known encoding, or no text; save it as UTF-8")
    return str(best)


def _title(text: str, *, markdown: bool) -> str:
    first = text.split("\n", 1)[0].strip()
    if markdown:
        first = first.lstrip("#").strip() or first
    spans = sentences(first)
    start, end = spans[0] if spans else (0, len(first))
    if len(spans) == 1 and len(first) <= TITLE_LENGTH:
        return first
    return _shorten(first[start:end])


def _shorten(text: str) -> str:
    if len(text) <= TITLE_LENGTH:
        return text
    cut = text[:TITLE_LENGTH]
    # At a word's end, unless that would leave next to nothing.
    word_end = cut.rfind(" ")
    return cut[: word_end if word_end > TITLE_LENGTH // 2 else TITLE_LENGTH].rstrip(" ،,؛;:-–") + "…"


def _catalogue(folder: Path) -> tuple[str, Mapping[str, Mapping[str, str]]]:
    present = [name for name in CATALOGUES if (folder / name).is_file()]
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
        if key == "language" and _language(value) is None:
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


def _language(value: str | None) -> Language | None:
    return "ar" if value == "ar" else "en" if value == "en" else None
