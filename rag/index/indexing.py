"""A folder of articles becomes an index: the first half of the spine. Each line is a step."""

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
    """What ``build_index`` did."""

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
    """Index every article of a folder, and what was uploaded; what did not change is not embedded again.

    Args:
        folder: Holds the articles.
        name: The index to make or update.
        allow_shrink: Whether more than a fifth of the articles may go at once.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told what is being done, and the share done.

    Raises:
        BadArticles: The folder does not exist, holds no article or the indexes themselves, or too many
            articles would go.
        BadSettings: The name is none.
        IndexUnusable: Another process is writing this index.
        NoSpace: The disk is full; the last generation stays as it was.
        ModelMissing, ModelDamaged: The embedder cannot be used.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    tell = progress or (lambda _what, _share: None)
    place = index_folder(settings, name)
    if place.resolve().is_relative_to(folder.resolve()):
        raise BadArticles(
            f"The folder {str(folder)!r} holds the indexes themselves ({settings.indexes}), which are no "
            "articles. Name a folder inside it, or keep indexes elsewhere: SANAD_INDEXES=/path"
        )
    own = articles.load_by(settings, folder, tell)
    loaded = uploads.joined(own, uploads.load(place, settings, tell))
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
    embedder = embedder or open_embedder(settings, tell)
    written = generations.write_generation(place, contents, embedder, tell, allow_shrink=allow_shrink)
    return Built(written, loaded.skipped)


def cutter(settings: Settings) -> Callable[[Article], Sequence[Chunk]]:
    """How articles are cut into chunks."""
    return lambda article: chunking.chunks(article, budget=settings.chunk_tokens)


def chunker(settings: Settings) -> str:
    """Names how articles are cut, so that an index cut otherwise is noticed."""
    return f"{chunking.VERSION}:{settings.chunk_tokens}"
