"""A folder of files becomes articles.

Files come from anywhere: what cannot be read as an article is named with its reason and skipped, so that
one bad file never hides the good ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.errors import BadArticles
from rag.language.text import detect_language, sentences
from rag.loading import catalogue
from rag.loading.boilerplate import strip_boilerplate
from rag.loading.files import Files
from rag.loading.formats.rows import parse_columns
from rag.loading.parsed import Draft, Unusable
from rag.loading.sandbox import COLLECTIONS, KINDS, Readers
from rag.records import Article, Progress
from rag.settings import Settings

__all__ = ["Loaded", "Skipped", "load_folder", "strip_boilerplate"]

TITLE_LENGTH = 100
"""Characters. A longer first line is a paragraph, not a headline."""

ROWS_BYTES = 500_000_000
"""Largest collection where the caller sets no limit."""

PARSE_SECONDS = 60.0
"""Longest reading of one page, PDF or Word file where the caller sets no limit."""

ARTICLE_FILES = tuple(KINDS)
"""The endings of files that are read, in lower case."""

_SUPPORTED = ", ".join(KINDS)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out: a file, a row (``news.csv:12``), or a part such as a date."""

    source: str
    """The file's path relative to the folder, with the line of a row."""
    reason: str
    """Why, in a few words that tell how to mend it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder held."""

    articles: tuple[Article, ...]
    """The articles, sorted by path; rows of a collection in its order."""
    skipped: tuple[Skipped, ...]
    """What was left out, and why, in the same order."""
    lines: dict[str, tuple[int, ...]]
    """By article id: for each line of ``article.text`` the 1-based line of the file that it is. The line on
    which an offset stands is ``lines[article.id][article.text.count("\\n", 0, offset)]``. Where a file has
    no lines that a reader sees, it is the page (PDF), or the line of the article's text (HTML, Word)."""


def load_by(
    settings: Settings, folder: Path, progress: Progress | None = None, *, may_be_empty: bool = False
) -> Loaded:
    """``load_folder`` within the limits that settings set; other arguments as there."""
    return load_folder(
        folder,
        max_bytes=settings.max_file_bytes,
        max_rows_bytes=settings.max_rows_bytes,
        columns=settings.columns,
        parse_seconds=settings.parse_seconds,
        progress=progress,
        may_be_empty=may_be_empty,
    )


def load_folder(
    folder: Path,
    *,
    max_bytes: int,
    max_rows_bytes: int = ROWS_BYTES,
    columns: str = "",
    parse_seconds: float = PARSE_SECONDS,
    progress: Progress | None = None,
    may_be_empty: bool = False,
) -> Loaded:
    """The articles of a folder and its subfolders.

    The id of an article is its path without ending; of a row, that and the row's id, or a hash of its
    address or content (``news#1f3c…``), so that a row keeps its id wherever it moves.

    Args:
        folder: Holds files of the kinds in ``readers.KINDS`` and, if wanted, ``articles.toml`` (or
            ``seeds.toml``) with a table for each article, by id: title, outlet, language, published. A
            table for a collection (``[news]``) tells what its rows do not.
            Hidden files and README.md are ignored; links are not followed out of the folder.
        max_bytes: Larger files are skipped.
        max_rows_bytes: Larger collections are skipped.
        columns: The setting ``columns``: which columns of collections hold what.
        parse_seconds: After so long the reading of a page, PDF or Word file is given up.
        progress: Told the share of files that are read.
        may_be_empty: Whether a folder without a usable article is no error.

    Raises:
        BadArticles: There is no such folder, it holds no usable article, or its catalogue is wrong.
        BadSettings: ``columns`` makes no sense.
    """
    if not folder.exists():
        raise BadArticles(f"No folder {str(folder)!r}; name a folder that holds articles ({_SUPPORTED}).")
    if not folder.is_dir():
        raise BadArticles(
            f"{str(folder)!r} is a file; name the folder that holds it: {str(folder.parent)!r}."
        )
    chosen = parse_columns(columns)
    catalogue_name, entries = catalogue.load(folder)
    files = Files(folder, KINDS, catalogue.NAMES)
    build = _Build(entries)
    for source, reason in files.left_out:
        build.skip(source, reason)
    with Readers(chosen, seconds=parse_seconds) as readers:
        for done, path in enumerate(files.found):
            if progress:
                progress("reading", done / len(files.found))
            source, kind = files.source(path), KINDS[path.suffix.lower()]
            rows = kind in COLLECTIONS
            limit = (max_rows_bytes, "max_rows_bytes") if rows else (max_bytes, "max_file_bytes")
            try:
                data = files.read(path, *limit)
                read = readers.read(kind, data)
            except Unusable as error:
                build.skip(source, str(error))
                continue
            build.add(source, hashlib.sha256(data).hexdigest(), read.drafts, collection=rows)
            for note in read.notes:
                build.skip(source, note.reason, note.line)
    for name in build.unused():
        build.skip(catalogue_name, f"table [{name}] names no article that was read; check its spelling")
    loaded = build.loaded()
    if not loaded.articles and not may_be_empty:
        why = f" ({loaded.skipped[0].source}: {loaded.skipped[0].reason})" if loaded.skipped else ""
        raise BadArticles(f"No usable article in {str(folder)!r}{why}; put articles there ({_SUPPORTED}).")
    return loaded


class _Build:
    """Articles with the ids they get, and what was skipped, as a folder is read."""

    def __init__(self, entries: Mapping[str, catalogue.Entry]) -> None:
        self._entries = entries
        self._articles: list[Article] = []
        self._skipped: list[tuple[str, int, str]] = []
        self._lines: dict[str, tuple[int, ...]] = {}
        self._names: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def skip(self, source: str, reason: str, line: int = 0) -> None:
        self._skipped.append((source, line, reason))

    def add(self, source: str, sha256: str, drafts: Sequence[Draft], *, collection: bool) -> None:
        name = str(PurePosixPath(source).with_suffix(""))
        if name in self._names:  # a.md beside a.txt
            name = source
        self._names.add(name)
        shared = self._entries.get(name, {}) if collection else {}
        for draft in drafts:
            article_id = self._free(f"{name}#{draft.key}" if collection else name)
            known = self._entries.get(article_id, {})
            self._lines[article_id] = draft.lines
            self._articles.append(
                Article(
                    id=article_id,
                    title=known.get("title") or _title(draft, markdown=source.lower().endswith(".md")),
                    text=draft.text,
                    source=f"{source}:{draft.line}" if collection else source,
                    outlet=known.get("outlet") or draft.outlet or shared.get("outlet"),
                    published=known.get("published") or draft.published or shared.get("published"),
                    language=catalogue.language(known.get("language"))
                    or draft.language
                    or catalogue.language(shared.get("language"))
                    or detect_language(draft.text),
                    sha256=draft.sha256 or sha256,
                )
            )

    def _free(self, article_id: str) -> str:
        """An id that no article has: rows may repeat one another, or the name of a file."""
        free = article_id
        while free in self._lines:
            self._repeats[article_id] += 1
            free = f"{article_id}~{self._repeats[article_id] + 1}"
        return free

    def unused(self) -> list[str]:
        return [name for name in self._entries if name not in self._lines and name not in self._names]

    def loaded(self) -> Loaded:
        skipped = (
            Skipped(f"{source}:{line}" if line else source, reason)
            for source, line, reason in sorted(self._skipped, key=lambda item: item[:2])
        )
        return Loaded(tuple(self._articles), tuple(skipped), self._lines)


def _title(draft: Draft, *, markdown: bool) -> str:
    if draft.title:
        return _shorten(draft.title)
    first = draft.text.split("\n", 1)[0].strip()
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
