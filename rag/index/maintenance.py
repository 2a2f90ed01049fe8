"""Keeping an index up to date, and looking into it: follow a folder, remove articles, list them."""

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
"""Known ids that are named beside an unknown one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An article of an index, with what the index knows of it."""

    article: Article
    """The article."""
    passages: int
    """How many passages it is cut into."""
    group: str
    """The same for all articles of the index that print the same story: the first of their ids."""


def list_articles(
    name: str = DEFAULT_INDEX, *, where: Filter | None = None, settings: Settings | None = None
) -> list[Listed]:
    """The articles of an index, by date and then id, those without a date last; no model is needed.

    Args:
        name: The index.
        where: Lists only what it allows.
        settings: Defaults to ``Settings.load()``.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    with closing(generations.open_generation(index_folder(settings, name), search=False)) as generation:
        # Not the group's own name: that may be the id of an article which was removed since.
        first: dict[str, str] = {}
        for article_id in sorted(generation.articles):
            first.setdefault(generation.group(article_id), article_id)
        found = filters.matching(where or Filter(), generation.articles.values())
        listed = [
            Listed(item, len(generation.rows(item.id)), first[generation.group(item.id)]) for item in found
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
    """Take articles out of an index; their files stay, and the next update of the folder adds them again.

    The file of an article that was uploaded is deleted with the last of its articles.

    Args:
        ids: Ids of articles.
        name: The index.
        allow_shrink: Whether more than a fifth of the articles may go at once.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told how it goes.

    Raises:
        BadArticles: An id is unknown, too many would go, or none would be left; nothing is removed.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was made by another embedder or is being written.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    tell = progress or (lambda _what, _share: None)
    folder = index_folder(settings, name)
    embedder = embedder or open_embedder(settings, tell)
    with closing(generations.open_generation(folder, embedder.identity, search=False)) as generation:
        unwanted = set(ids)
        _check_known(sorted(unwanted - generation.articles.keys()), sorted(generation.articles), name)
        keep = generation.articles.keys() - unwanted
        if not keep:
            raise BadArticles(
                f"That would leave nothing in the index {name!r}. To be rid of the index remove its folder: "
                f"{folder}"
            )
        contents = generation.contents(cutter(settings), keep, lexical=bm25.write, terms=bm25.TERMS)
        written = generations.write_generation(folder, contents, embedder, tell, allow_shrink=allow_shrink)
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
    """Bring an index up to date with the files uploaded to it; its folder is not read.

    A file of which nothing can be used is told and deleted.

    Args:
        name: The index.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told how it goes.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was made by another embedder or is being written.
        NoSpace: The disk is full; the last generation stays as it was.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    tell = progress or (lambda _what, _share: None)
    folder = index_folder(settings, name)
    embedder = embedder or open_embedder(settings, tell)
    loaded = uploads.load(folder, settings, tell)
    with closing(generations.open_generation(folder, embedder.identity, search=False)) as generation:
        keep = {i for i in generation.articles if not i.startswith(uploads.PREFIX)}
        contents = generation.contents(cutter(settings), keep, lexical=bm25.write, terms=bm25.TERMS)
        both = uploads.joined(Loaded(contents.articles, (), dict(contents.lines)), loaded)
        contents = dataclasses.replace(
            contents, articles=both.articles, lines=both.lines, groups=duplicates.groups(both.articles)
        )
        # What was uploaded is removed one by one, by someone who has seen it.
        written = generations.write_generation(folder, contents, embedder, tell, allow_shrink=True)
    uploads.drop_unused(folder, both.articles)
    return Built(written, both.skipped)


def _check_known(unknown: Sequence[str], known: Sequence[str], name: str) -> None:
    if not unknown:
        return
    told = []
    for article_id in unknown:
        near = difflib.get_close_matches(article_id, known, n=NEAR)
        told.append(repr(article_id) + (f" (near: {', '.join(map(repr, near))})" if near else ""))
    raise BadArticles(
        f"The index {name!r} holds no article {', '.join(told)}; nothing was removed. "
        f"List its articles: sanad articles --index {name}"
    )


def indexed_folder(name: str = DEFAULT_INDEX, *, settings: Settings | None = None) -> Path | None:
    """The folder that an index was made from; None where that is not known.

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
    """Index a folder, then bring the index up to date whenever its files change, until interrupted.

    An update that fails is told once and tried again; the last index stands until one succeeds.

    Args:
        folder: Holds the articles.
        name: The index to make or update.
        told: Called with what the first update did, with each later one that did something, and with
            the error of one that failed.
        allow_shrink: Whether one update may remove more than a fifth of the articles.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told what is being done, and the share done.
        settle: Seconds without a change that are waited for.

    Raises:
        SanadError: The first update failed, as for ``build_index``, or the folder cannot be followed.
        KeyboardInterrupt: The first update was interrupted; after it an interrupt is the way to end.
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
        if _is_news(last, before):
            told(last)
        return isinstance(last, Built)

    try:
        watch.follow(folder, update, settle=settle)
    except KeyboardInterrupt:
        if last is None:
            raise


def _is_news(now: Built | SanadError, before: Built | SanadError | None) -> bool:
    if isinstance(now, Built) and isinstance(before, Built):
        changed = now.written.added or now.written.changed or now.written.removed
        return bool(changed) or now.skipped != before.skipped
    return str(now) != str(before)
