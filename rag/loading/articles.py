"""Reads a folder of files as articles.

A file that cannot be read as an article is skipped and reported with the reason, so that one bad file never
keeps the good ones out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import BadArticles
from rag.language.text import detect_language, sentences
from rag.loading import catalogue, unchanged
from rag.loading.columns import parse_columns
from rag.loading.files import Files
from rag.loading.parsed import ParsedArticle, ParsedFile, Unusable
from rag.loading.sandbox import COLLECTIONS, KINDS, Readers
from rag.loading.unchanged import Seen, State
from rag.records import Article, Progress
from rag.settings import Settings

TITLE_LENGTH = 100
"""Characters. A longer first line is a paragraph rather than a headline."""

ARTICLE_FILES = tuple(KINDS)
"""File name extensions that are read, in lower case."""

_SUPPORTED = ", ".join(KINDS)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not read: a file, a row (``news.csv:12``), or a part of one such as a date.

    Also a table of the catalogue that belongs to no article (``articles.toml [harbor]``).
    """

    source: str
    """The path of the file relative to the folder; for a row also its line, for a table also its heading."""
    reason: str
    """Why it was not read and how to fix that, in a few words."""
    added: bool = False
    """Whether the article was added all the same, so that this is a note on it."""
    kept: bool = False
    """Whether this is an uploaded file whose articles stay in the index as an earlier update read them."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of reading a folder."""

    articles: tuple[Article, ...]
    """The articles, sorted by path; rows of a collection in the order of its file."""
    skipped: tuple[Skipped, ...]
    """What was not read and why, in the same order."""
    lines: dict[str, tuple[int, ...]]
    """By article id: for each line of ``article.text`` its 1-based line number in the file. The line number
    of an offset is ``lines[article.id][article.text.count("\\n", 0, offset)]``. For a PDF the numbers are
    pages; for HTML and Word files they are lines of the article's text, since those files have no lines
    that a reader could see."""
    unread: tuple[str, ...] = ()
    """Ids of the articles in files that did not change since they were seen."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """What to remember of each file, by its path relative to the folder. Files that may be read differently
    next time are left out."""


def load_folder(
    folder: Path,
    settings: Settings,
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
    seen: Mapping[str, Seen] | None = None,
) -> Loaded:
    """Read the articles of a folder and its subfolders.

    The id of an article is its path without the extension. The id of a row adds the row's own id to that, or
    a hash of its URL or content (``news#1f3c…``), so that a row keeps its id wherever it moves in the file.

    Args:
        folder: Contains files of the kinds in ``sandbox.KINDS`` and optionally ``articles.toml`` (or
            ``seeds.toml``), which has a table for each article id with title, outlet, language and
            published. A table for a collection (``[news]``) gives the values that its rows lack.
            Hidden files and README.md are ignored; links that lead out of the folder are not followed.
        settings: Limits on files, and the columns of collections.
        progress: Called with the share of files that have been read.
        may_be_empty: Whether a folder without any usable article is accepted.
        seen: ``Loaded.seen`` of an earlier time, under the same ``unchanged.key``. Files that have not
            changed since are not read.

    Raises:
        BadArticles: The folder does not exist or contains no usable article, or its catalogue is invalid.
        BadSettings: The setting ``columns`` is invalid.
    """
    if not folder.exists():
        raise BadArticles(f"No folder {str(folder)!r}; name a folder that contains articles ({_SUPPORTED}).")
    if not folder.is_dir():
        raise BadArticles(
            f"{str(folder)!r} is a file; name the folder that contains it: {str(folder.parent)!r}."
        )
    chosen = parse_columns(settings.columns)
    catalogue_name, entries = catalogue.load(folder)
    files = Files(folder)
    build, known = _Build(entries), seen or {}
    for source, reason in files.left_out:
        build.skip(source, reason)
    with Readers(chosen, seconds=settings.parse_seconds) as readers:
        for done, (source, path, kind, state) in enumerate(files.found):
            before = known.get(source)
            if before and before.state == state and build.keep(source, before, kind in COLLECTIONS):
                continue
            if progress:
                progress("reading", done / len(files.found))
            rows = kind in COLLECTIONS
            limit = "max_rows_bytes" if rows else "max_file_bytes"
            try:
                data = files.read(path, getattr(settings, limit), limit)
                parsed = readers.read(kind, data)
            except Unusable as error:
                build.skip(source, str(error))
                continue
            build.add(source, hashlib.sha256(data).hexdigest(), parsed, state, collection=rows)
    for table, reason in catalogue.unused(entries, build.ids | build.names):
        build.skip(f"{catalogue_name} {table}", reason)
    loaded = build.loaded()
    if not loaded.articles and not loaded.unread and not may_be_empty:
        first = next((f" ({one.source}: {one.reason})" for one in loaded.skipped), "")
        raise BadArticles(f"No usable article in {str(folder)!r}{first}; put articles there ({_SUPPORTED}).")
    return loaded


class _Build:
    """Collects articles under unique ids, and what was skipped, while a folder is read."""

    def __init__(self, entries: Mapping[str, catalogue.Entry]) -> None:
        self._entries = entries
        self._articles: list[Article] = []
        self._skipped: list[tuple[str, int, Skipped]] = []
        self._lines: dict[str, tuple[int, ...]] = {}
        self._unread: list[str] = []
        self.seen: dict[str, Seen] = {}
        self.ids: set[str] = set()
        self.names: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def skip(self, source: str, reason: str, line: int = 0, *, added: bool = False) -> None:
        place = f"{source}:{line}" if line else source
        self._skipped.append((source, line, Skipped(place, reason, added)))

    def _name(self, source: str) -> str:
        name = source.rpartition(".")[0]
        return source if name in self.names else name  # a.md next to a.txt

    def keep(self, source: str, seen: Seen, collection: bool) -> bool:
        """Take the articles of an unchanged file as they were, unless their ids would be others now."""
        name = self._name(source)
        fit = (
            all(i.startswith(f"{name}#") for i in seen.ids)
            if collection
            else len(seen.ids) == 1 and name in seen.ids
        )
        if not fit or not self.ids.isdisjoint(seen.ids):
            return False
        self.names.add(name)
        self.ids.update(seen.ids)
        self._unread += seen.ids
        self.seen[source] = seen
        for reason, line, added in seen.notes:
            self.skip(source, reason, line, added=added)
        return True

    def add(
        self, source: str, sha256: str, file: ParsedFile, state: State | None, *, collection: bool
    ) -> None:
        """Add the articles of a file, and remember the file unless their ids depend on other files."""
        for note in file.notes:
            self.skip(source, note.reason, note.line, added=note.added)
        name = self._name(source)
        self.names.add(name)
        ids: list[str] = []
        keeps_id = True
        shared = self._entries.get(name, {}) if collection else {}
        for parsed in file.articles:
            wanted = f"{name}#{parsed.key}" if collection else name
            article_id = self._free(wanted)
            ids.append(article_id)
            keeps_id = keeps_id and article_id == wanted
            entry = self._entries.get(article_id, {})
            self.ids.add(article_id)
            self._lines[article_id] = parsed.lines
            self._articles.append(
                Article(
                    id=article_id,
                    title=entry.get("title") or _title(parsed, markdown=source.lower().endswith(".md")),
                    text=parsed.text,
                    source=f"{source}:{parsed.line}" if collection else source,
                    outlet=entry.get("outlet") or parsed.outlet or shared.get("outlet"),
                    published=entry.get("published") or parsed.published or shared.get("published"),
                    language=catalogue.language(entry.get("language"))
                    or parsed.language
                    or catalogue.language(shared.get("language"))
                    or detect_language(parsed.text),
                    sha256=parsed.sha256 or sha256,
                )
            )
        if keeps_id and state and unchanged.has_settled(state):
            notes = [[note.reason, note.line, note.added] for note in file.notes]
            self.seen[source] = Seen(state, dict.fromkeys(ids, ""), notes or ())

    def _free(self, article_id: str) -> str:
        """An id that no article has yet: two rows, or a row and a file, may ask for the same one."""
        free = article_id
        while free in self.ids:
            self._repeats[article_id] += 1
            free = f"{article_id}~{self._repeats[article_id] + 1}"
        return free

    def loaded(self) -> Loaded:
        skipped = tuple(item for *_, item in sorted(self._skipped, key=lambda entry: entry[:2]))
        return Loaded(tuple(self._articles), skipped, self._lines, tuple(self._unread), self.seen)


def _title(parsed: ParsedArticle, *, markdown: bool) -> str:
    if parsed.title:
        return _shorten(parsed.title)
    lines = (line.strip() for line in parsed.text.split("\n"))
    first = next((line for line in lines if any(map(str.isalnum, line))), "")  # not a rule
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
    # Cut at the end of a word, unless that would leave next to nothing.
    word_end = text.rfind(" ", TITLE_LENGTH // 2 + 1, TITLE_LENGTH)
    return text[: word_end if word_end > 0 else TITLE_LENGTH].rstrip(" ،,؛;:-–") + "…"
