"""Build and maintain an index: from a folder of articles, from uploaded files, and when either changes."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rag.errors import BadArticles, IndexMissing, IndexUnusable
from rag.index import chunking, collection, filters, generations, layout
from rag.index.generations import Written
from rag.index.layout import Contents, Cut
from rag.index.segments.ledger import Ledger
from rag.index.segments.segment import Record
from rag.loading import catalogue, unchanged, uploads
from rag.loading.articles import Loaded, Skipped, load_folder
from rag.loading.catalogue import Entry
from rag.loading.unchanged import Seen
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Article, Filter, Progress
from rag.settings import DEFAULT_INDEX, Settings, index_folder, quiet_libraries

FILES = ".files.json"
"""File of an index that remembers what was read in the files of its folder."""

UPLOADED = ".uploads.json"
"""The same of the files that were uploaded to it."""

NEAR = 3
"""Similar ids that are suggested for an unknown one."""


@dataclass(frozen=True, slots=True)
class Built:
    """The result of ``build_index``."""

    written: Written
    """The generation, and what changed in it."""
    skipped: tuple[Skipped, ...]
    """Files and rows that were not indexed, or indexed with a note, each with the reason."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An article of an index, with its place in the index."""

    article: Article
    """The article."""
    passages: int
    """The number of passages that it is split into."""
    group: str
    """The first id among the articles of the index that publish the same story."""


def build_index(
    folder: Path,
    name: str = DEFAULT_INDEX,
    *,
    allow_shrink: bool = False,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Built:
    """Index every article of a folder and every uploaded file; unchanged text is not embedded again.

    Args:
        folder: The folder of articles.
        name: The index to create or update.
        allow_shrink: Whether more than a fifth of the articles may be removed at once.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Called with the current step and the share of it that is done.

    Raises:
        BadArticles: The folder does not exist, contains no article or contains the indexes themselves, or
            too many articles would be removed.
        BadSettings: The name is not valid for an index.
        IndexUnusable: Another process is writing this index, or its collection cannot be written.
        NoSpace: The disk is full; the index is unchanged.
        ModelMissing, ModelDamaged: The embedder cannot be used.
    """
    settings, report = prepared(settings, progress)
    place = index_folder(settings, name)
    collection.check_server(settings.chroma_url)
    if place.resolve().is_relative_to(folder.resolve()):
        raise BadArticles(
            f"The folder {str(folder)!r} contains the indexes themselves ({settings.indexes}). Name a folder "
            "that contains only articles, or keep the indexes elsewhere: SANAD_INDEXES=/path"
        )
    memory = place / FILES
    if memory.exists():  # else a folder that is missing is reported before the embedder is loaded
        embedder = embedder or open_embedder(settings, report)
    key = unchanged.key(folder, settings)
    ledger = generations.open_ledger(place, embedder.identity, chunker(settings)) if embedder else None
    # What a server changes while files are read would be undone, even if every file is read.
    base = ledger.current if ledger else layout.read_current(place) or b""
    corrections = uploads.corrections(place)
    from_folder = load_folder(folder, settings, report, seen=_seen(memory, key, ledger, corrections))
    from_folder = uploads.all_corrected(from_folder, corrections)
    uploaded = unchanged.key(place / uploads.FOLDER, settings)
    seen = _seen(place / UPLOADED, uploaded, ledger, corrections)
    added = _with_earlier(place, uploads.load(place, settings, report, seen), corrections)
    loaded = uploads.joined(from_folder, added)
    contents = Contents(
        articles=loaded.articles,
        lines=loaded.lines,
        cut=cutter(settings),
        chunker=chunker(settings),
        groups=None,
        source=str(folder.resolve()),
        base=base,
        keep=loaded.unread,
    )
    embedder = embedder or open_embedder(settings, report)
    written = generations.write_generation(
        place, contents, embedder, report, allow_shrink=allow_shrink, ledger=ledger
    )
    _remember(memory, key, from_folder)
    _remember(place / UPLOADED, uploaded, added)
    collection.bring_up_to_date(place, settings.chroma_url, report)
    return Built(written, loaded.skipped)


def _seen(memory: Path, key: str, ledger: Ledger | None, corrections: Mapping[str, Entry]) -> dict[str, Seen]:
    """The files of a folder whose articles the index contains as they were read."""
    if ledger is None:
        return {}
    known = {i: place.fingerprint for i, place in ledger.places.items() if place.segment in ledger.sound}
    files = unchanged.read(memory, key)
    for article_id in corrections.keys() & known.keys():
        record = ledger.record(article_id)
        if not record or uploads.corrected(record.article, corrections[article_id]) != record.article:
            del known[article_id]  # the update that was to apply the correction was interrupted
    return {name: one for name, one in files.items() if one.ids.items() <= known.items()}


def _with_earlier(index: Path, loaded: Loaded, corrections: Mapping[str, Entry]) -> Loaded:
    """What was loaded of the uploaded files, and what the index has of those that cannot be read now.

    They were readable once: a busy machine, a lower limit or another version must not delete them.
    """
    names, ledger = uploads.failed(loaded), None
    with contextlib.suppress(IndexMissing, IndexUnusable, layout.Damaged):
        ledger = Ledger(index) if names else None
    if ledger:
        stems = tuple(uploads.PREFIX + name.rpartition(".")[0] for name in names)
        ids = {i for i in ledger.places if i.startswith(stems)}
        ids -= {*loaded.unread, *(item.id for item in loaded.articles)}
        records = [record for i in sorted(ids) if (record := ledger.record(i))]
        loaded = uploads.with_earlier(loaded, {record.article: record.lines for record in records})
    return uploads.all_corrected(loaded, corrections)


def _remember(memory: Path, key: str, loaded: Loaded) -> None:
    prints = {a.id: Record(a, tuple(loaded.lines[a.id])).fingerprint for a in loaded.articles}
    files = {
        name: one if all(one.ids.values()) else one._replace(ids={i: prints[i] for i in one.ids})
        for name, one in loaded.seen.items()
    }
    if files or memory.exists():
        unchanged.write(memory, key, files)


def index_uploads(
    name: str = DEFAULT_INDEX,
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Built:
    """Update an index with the files that were uploaded to it; its folder of articles is not read.

    A file that contains no usable article is reported and deleted. If the index has articles of it, which
    were readable earlier, they are kept with the file. The arguments are those of ``build_index``.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was built with another embedder, or is being written.
        NoSpace: The disk is full; the index is unchanged.
    """
    settings, report = prepared(settings, progress)
    folder = index_folder(settings, name)
    collection.check_server(settings.chroma_url)
    embedder = embedder or open_embedder(settings, report)
    there = uploads.states(folder)
    ledger = generations.whole_ledger(folder, embedder.identity)
    memory, key = folder / UPLOADED, unchanged.key(folder / uploads.FOLDER, settings)
    corrections = uploads.corrections(folder)
    seen = _seen(memory, key, ledger, corrections)
    loaded = _with_earlier(folder, uploads.load(folder, settings, report, seen), corrections)
    keep = [*(i for i in ledger.places if not _is_upload(i)), *loaded.unread]
    contents = _kept(ledger, keep, settings)
    contents = dataclasses.replace(contents, articles=loaded.articles, lines=loaded.lines)
    # Uploaded files are removed one by one by a person, so that the limit is not needed.
    written = generations.write_generation(
        folder, contents, embedder, report, allow_shrink=True, ledger=ledger
    )
    _remember(memory, key, loaded)
    uploads.drop_unused(folder, loaded, there)
    collection.bring_up_to_date(folder, settings.chroma_url, report)
    return Built(written, loaded.skipped)


def _kept(ledger: Ledger, keep: Collection[str], settings: Settings) -> Contents:
    """Contents that consist of some articles of an index."""
    return Contents(
        articles=(),
        lines={},
        cut=cutter(settings),
        chunker=ledger.manifest.chunker,
        groups=None,
        source=ledger.manifest.source,
        base=ledger.current,
        keep=keep,
    )


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

    An uploaded file is deleted with the last of its articles. The arguments after the ids are those of
    ``build_index``.

    Raises:
        BadArticles: An id is unknown, too many articles would be removed, or none would be left; nothing is
            removed.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was built with another embedder, or is being written.
    """
    settings, report = prepared(settings, progress)
    folder = index_folder(settings, name)
    collection.check_server(settings.chroma_url)
    embedder = embedder or open_embedder(settings, report)
    there = uploads.states(folder)
    ledger = generations.whole_ledger(folder, embedder.identity)
    unwanted = set(ids)
    _check_known(unwanted, sorted(ledger.places), name)
    keep = ledger.places.keys() - unwanted
    if not keep:
        raise BadArticles(
            f"That would remove every article of the index {name!r}; nothing was removed. To delete the "
            f"index, remove its folder: {folder}"
        )
    try:
        removed, left = ([ledger.article(i) for i in some if _is_upload(i)] for some in (unwanted, keep))
    except layout.Damaged as error:
        raise layout.damage(folder, error) from error
    contents = _kept(ledger, keep, settings)
    written = generations.write_generation(
        folder, contents, embedder, report, allow_shrink=allow_shrink, ledger=ledger
    )
    uploads.drop_removed(folder, removed, left, there)
    collection.bring_up_to_date(folder, settings.chroma_url, report)
    return written


def correct_article(
    article_id: str,
    name: str = DEFAULT_INDEX,
    *,
    outlet: str,
    published: str,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Written:
    """Correct outlet and date of an article, now and at every later update; its file is not changed.

    ``outlet`` and ``published`` are empty for an unknown outlet or date. The other arguments are those of
    ``build_index``.

    Raises:
        BadArticles: The id is unknown, the date is not one, or the correction cannot be stored.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, was built with another embedder, or is being written.
    """
    settings, report = prepared(settings, progress)
    if published and not catalogue.is_date(published):
        raise BadArticles(f"{published!r} is not a date; write YYYY-MM-DD, or YYYY-MM if the day is unknown.")
    folder = index_folder(settings, name)
    embedder = embedder or open_embedder(settings, report)
    ledger = generations.whole_ledger(folder, embedder.identity)
    _check_known({article_id}, sorted(ledger.places), name)
    record = ledger.record(article_id)
    if record is None:
        raise layout.damage(folder, layout.Damaged(f"the article {article_id!r} has changed on disk"))
    entry = {"outlet": outlet, "published": published}
    earlier = uploads.corrections(folder).get(article_id)
    article = uploads.corrected(record.article, entry)
    collection.check_server(settings.chroma_url)
    contents = _kept(ledger, ledger.places.keys() - {article_id}, settings)
    contents = dataclasses.replace(contents, articles=(article,), lines={article_id: record.lines})
    uploads.correct(folder, {article_id: entry})
    try:  # a correction that is stored but was reported as failed would be applied by the next update
        written = generations.write_generation(folder, contents, embedder, report, ledger=ledger)
    except BaseException:
        uploads.correct(folder, {article_id: earlier})
        raise
    collection.bring_up_to_date(folder, settings.chroma_url, report)
    return written


def _is_upload(article_id: str) -> bool:
    return article_id.startswith(uploads.PREFIX)


def _check_known(ids: set[str], known: Sequence[str], name: str) -> None:
    listed = []
    for article_id in sorted(ids.difference(known)):
        near = difflib.get_close_matches(article_id, known, n=NEAR)
        listed.append(repr(article_id) + (f" (similar: {', '.join(map(repr, near))})" if near else ""))
    if listed:
        raise BadArticles(
            f"The index {name!r} contains no article {', '.join(listed)}; nothing was changed. "
            f"List its articles: sanad articles --index {name}"
        )


def list_articles(
    name: str = DEFAULT_INDEX, *, where: Filter | None = None, settings: Settings | None = None
) -> list[Listed]:
    """The articles of an index that ``where`` selects; no model is needed.

    They are sorted by date and then id, undated ones last.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged.
    """
    settings, _ = prepared(settings)
    with closing(generations.open_generation(index_folder(settings, name), search=False)) as generation:
        # Not the stored name of the group, which may be the id of an article that was removed since.
        first: dict[str, str] = {}
        for article_id in sorted(generation.articles):
            first.setdefault(generation.groups[article_id], article_id)
        selected = filters.matching(where or Filter(), generation.articles.values())
        listed = [
            Listed(item, len(generation.rows(item.id)), first[generation.groups[item.id]])
            for item in selected
        ]
    return sorted(listed, key=lambda item: (item.article.published or "9999-99", item.article.id))


def indexed_folder(name: str = DEFAULT_INDEX, *, settings: Settings | None = None) -> Path | None:
    """The folder that an index was built from; None if it is unknown."""
    settings = settings or Settings.load()
    if name == DEFAULT_INDEX:
        return settings.articles
    try:
        index = index_folder(settings, name)
        source = layout.read_manifest(index, layout.read_current(index))[1].source
        return Path(source) if source else None
    except (IndexMissing, IndexUnusable, layout.Damaged):
        return None


def prepared(settings: Settings | None, progress: Progress | None = None) -> tuple[Settings, Progress]:
    """The settings, by default the loaded ones, and whom to report progress to; libraries are quiet then."""
    settings = settings or Settings.load()
    quiet_libraries(settings)
    return settings, progress or (lambda _what, _share: None)


def cutter(settings: Settings) -> Cut:
    """The function that splits an article into chunks, as the settings say."""
    return lambda article: chunking.chunks(article, budget=settings.chunk_tokens)


def chunker(settings: Settings) -> str:
    """Identifies the way articles are split, so that an index that was split differently is detected."""
    return f"{chunking.VERSION}:{settings.chunk_tokens}"
