"""Maintain an index: watch its folder, list and remove its articles, add uploaded files."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rag.errors import BadArticles, IndexMissing, IndexUnusable, SanadError
from rag.index import bm25, duplicates, filters, generations
from rag.index.generations import Written
from rag.index.indexing import Built, build_index, cutter
from rag.loading import uploads, watch
from rag.loading.articles import Loaded
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Article, Filter, Progress
from rag.settings import DEFAULT_INDEX, Settings, index_folder, quiet_libraries

NEAR = 3
"""Similar ids that are suggested for an unknown one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An article of an index, with its place in the index."""

    article: Article
    """The article."""
    passages: int
    """The number of passages that it is split into."""
    group: str
    """The first id among the articles of the index that publish the same story."""


def list_articles(
    name: str = DEFAULT_INDEX, *, where: Filter | None = None, settings: Settings | None = None
) -> list[Listed]:
    """The articles of an index, sorted by date and then id, undated ones last; no model is needed.

    Args:
        name: The index.
        where: Lists only the articles that it selects.
        settings: Defaults to ``Settings.load()``.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    with closing(generations.open_generation(index_folder(settings, name), search=False)) as generation:
        # Not the stored name of the group, which may be the id of an article that was removed since.
        first: dict[str, str] = {}
        for article_id in sorted(generation.articles):
            first.setdefault(generation.group(article_id), article_id)
        selected = filters.matching(where or Filter(), generation.articles.values())
        listed = [
            Listed(item, len(generation.rows(item.id)), first[generation.group(item.id)]) for item in selected
        ]
    return sorted(listed, key=lambda item: (item.article.published or "9999-99", item.article.id))


def remove_articles(
    ids: Sequence[str],
    name: str = DEFAULT_INDEX,
    *,
    allow_shrink: bool = False,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Written:
    """Remove articles from an index; their files stay, and the next update of the folder adds them again.

    An uploaded file is deleted with the last of its articles.

    Args:
        ids: Ids of the articles.
        name: The index.
        allow_shrink: Whether more than a fifth of the articles may be removed at once.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Called with the current step and the share of it that is done.

    Raises:
        BadArticles: An id is unknown, too many articles would be removed, or none would be left; nothing is
            removed.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was built with another embedder, or is being written.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    report = progress or (lambda _what, _share: None)
    folder = index_folder(settings, name)
    embedder = embedder or open_embedder(settings, report)
    with closing(generations.open_generation(folder, embedder.identity, search=False)) as generation:
        unwanted = set(ids)
        _check_known(sorted(unwanted - generation.articles.keys()), sorted(generation.articles), name)
        keep = generation.articles.keys() - unwanted
        if not keep:
            raise BadArticles(
                f"That would remove every article of the index {name!r}; nothing was removed. To delete the "
                f"index, remove its folder: {folder}"
            )
        contents = generation.contents(cutter(settings), keep, lexical=bm25.write, terms=bm25.TERMS)
        written = generations.write_generation(folder, contents, embedder, report, allow_shrink=allow_shrink)
        removed = [generation.articles[i] for i in unwanted]
    uploads.drop_removed(folder, removed, contents.articles)
    return written


def index_uploads(
    name: str = DEFAULT_INDEX,
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Built:
    """Update an index with the files that were uploaded to it; its folder of articles is not read.

    A file that contains no usable article is reported and deleted.

    Args:
        name: The index.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Called with the current step and the share of it that is done.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was built with another embedder, or is being written.
        NoSpace: The disk is full; the index is unchanged.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    report = progress or (lambda _what, _share: None)
    folder = index_folder(settings, name)
    embedder = embedder or open_embedder(settings, report)
    loaded = uploads.load(folder, settings, report)
    with closing(generations.open_generation(folder, embedder.identity, search=False)) as generation:
        keep = {i for i in generation.articles if not i.startswith(uploads.PREFIX)}
        contents = generation.contents(cutter(settings), keep, lexical=bm25.write, terms=bm25.TERMS)
        both = uploads.joined(Loaded(contents.articles, (), dict(contents.lines)), loaded)
        contents = dataclasses.replace(
            contents, articles=both.articles, lines=both.lines, groups=duplicates.groups(both.articles)
        )
        # Uploaded files are removed one by one by a person, so that the limit is not needed.
        written = generations.write_generation(folder, contents, embedder, report, allow_shrink=True)
    uploads.drop_unused(folder, both.articles)
    return Built(written, both.skipped)


def _check_known(unknown: Sequence[str], known: Sequence[str], name: str) -> None:
    if not unknown:
        return
    listed = []
    for article_id in unknown:
        near = difflib.get_close_matches(article_id, known, n=NEAR)
        listed.append(repr(article_id) + (f" (similar: {', '.join(map(repr, near))})" if near else ""))
    raise BadArticles(
        f"The index {name!r} contains no article {', '.join(listed)}; nothing was removed. "
        f"List its articles: sanad articles --index {name}"
    )


def indexed_folder(name: str = DEFAULT_INDEX, *, settings: Settings | None = None) -> Path | None:
    """The folder that an index was built from; None if it is unknown.

    Args:
        name: The index.
        settings: Defaults to ``Settings.load()``.
    """
    settings = settings or Settings.load()
    if name == DEFAULT_INDEX:
        return settings.articles
    try:
        with closing(generations.open_generation(index_folder(settings, name), search=False)) as generation:
            return Path(generation.source) if generation.source else None
    except (IndexMissing, IndexUnusable):
        return None


def watch_index(
    folder: Path,
    name: str = DEFAULT_INDEX,
    told: Callable[[Built | SanadError], None] = lambda _event: None,
    *,
    allow_shrink: bool = False,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
    settle: float = watch.SETTLE,
) -> None:
    """Index a folder, then update the index whenever its files change, until interrupted.

    A failed update is reported once and tried again; the index stays unchanged until one succeeds.

    Args:
        folder: The folder of articles.
        name: The index to create or update.
        told: Called with the result of the first update, of each later one that changed something, and with
            the error of one that failed.
        allow_shrink: Whether one update may remove more than a fifth of the articles.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Called with the current step and the share of it that is done.
        settle: How many seconds without a change must pass before an update.

    Raises:
        SanadError: The first update failed, as for ``build_index``, or the folder cannot be watched.
        KeyboardInterrupt: The first update was interrupted. A later interrupt ends the function normally.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    embedder = embedder or open_embedder(settings, progress)
    last: Built | SanadError | None = None

    def update() -> bool:
        nonlocal last
        before = last
        try:
            last = build_index(
                folder,
                name,
                allow_shrink=allow_shrink,
                settings=settings,
                embedder=embedder,
                progress=progress,
            )
        except SanadError as error:
            if before is None:
                raise
            last = error
        if _is_worth_reporting(last, before):
            told(last)
        return isinstance(last, Built)

    try:
        watch.follow(folder, update, settle=settle)
    except KeyboardInterrupt:
        if last is None:
            raise


def _is_worth_reporting(now: Built | SanadError, before: Built | SanadError | None) -> bool:
    if isinstance(now, Built) and isinstance(before, Built):
        changed = now.written.added or now.written.changed or now.written.removed
        return bool(changed) or now.skipped != before.skipped
    return str(now) != str(before)
