"""Build an index from a folder of articles; ``build_index`` calls each step in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import BadArticles
from rag.index import bm25, chunking, duplicates, generations
from rag.index.generations import Written
from rag.index.layout import Contents
from rag.loading import articles, uploads
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Article, Chunk, Progress
from rag.settings import DEFAULT_INDEX, Settings, index_folder, quiet_libraries


@dataclass(frozen=True, slots=True)
class Built:
    """The result of ``build_index``."""

    written: Written
    """The generation, and what changed in it."""
    skipped: tuple[articles.Skipped, ...]
    """Files that were not indexed, each with the reason."""


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
        IndexUnusable: Another process is writing this index.
        NoSpace: The disk is full; the index is unchanged.
        ModelMissing, ModelDamaged: The embedder cannot be used.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    report = progress or (lambda _what, _share: None)
    place = index_folder(settings, name)
    if place.resolve().is_relative_to(folder.resolve()):
        raise BadArticles(
            f"The folder {str(folder)!r} contains the indexes themselves ({settings.indexes}). Name a folder "
            "that contains only articles, or keep the indexes elsewhere: SANAD_INDEXES=/path"
        )
    own = articles.load_by(settings, folder, report)
    loaded = uploads.joined(own, uploads.load(place, settings, report))
    contents = Contents(
        articles=loaded.articles,
        lines=loaded.lines,
        cut=cutter(settings),
        chunker=chunker(settings),
        groups=duplicates.groups(loaded.articles),
        lexical=bm25.write,
        terms=bm25.TERMS,
        source=str(folder.resolve()),
    )
    embedder = embedder or open_embedder(settings, report)
    written = generations.write_generation(place, contents, embedder, report, allow_shrink=allow_shrink)
    return Built(written, loaded.skipped)


def cutter(settings: Settings) -> Callable[[Article], Sequence[Chunk]]:
    """The function that splits an article into chunks, as the settings say."""
    return lambda article: chunking.chunks(article, budget=settings.chunk_tokens)


def chunker(settings: Settings) -> str:
    """Identifies the way articles are split, so that an index that was split differently is detected."""
    return f"{chunking.VERSION}:{settings.chunk_tokens}"
