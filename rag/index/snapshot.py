"""A snapshot of an index: one generation, open for reading."""

from __future__ import annotations

import contextlib
import json
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index import chroma_store, layout
from rag.index.chroma_store import ChromaFailed, NeighbourGraph
from rag.index.layout import CHROMA, LEXICAL, TOKENS, Contents, Cut, Damaged, Manifest, read_current
from rag.index.working_copy import WorkingFolder
from rag.models.embedding.embedder import Vectors
from rag.records import Article, Chunk

GATHER_SHARE = 0.15
"""Share of the rows from which all are multiplied instead of gathered. With 100,000 rows of 384 numbers,
gathering one row in seven takes as long as multiplying all of them, 24 ms."""


class Generation:
    """One generation, open for reading. It never changes, and remains usable after its files are deleted.

    It is safe to use from several threads, and closed when the last reference to it is gone.
    """

    def __init__(self, folder: Path, manifest: Manifest, entry: bytes = b"", *, search: bool = True) -> None:
        """Check every file and open the generation.

        Args:
            folder: The generation.
            manifest: Its manifest, whose digest has been checked.
            entry: The content of CURRENT as long as this generation is current.
            search: Whether to open the nearest-neighbour graph. Without it ``nearest`` compares all vectors.

        Raises:
            Damaged: A file does not match the manifest.
            NoSpace: The temporary folder has no room for the working copy of Chroma's tables.
        """
        self.folder = folder
        self.id = folder.name
        self.entry = entry
        self.manifest = manifest
        self.count = manifest.chunks
        self.graph: NeighbourGraph | None = None
        if not isinstance(manifest.files, dict) or not manifest.files.keys() >= layout.REQUIRED:
            raise Damaged(f"the manifest of {folder.name} does not list every file")
        files, working = manifest.files, None
        with contextlib.ExitStack() as opened:
            try:
                paths = {file: folder / file for file in files}
                # Few rows have no graph, nor does a generation whose graph missed too much (``build.check``).
                if search and any(file.startswith(f"{CHROMA}/") for file in files):
                    working = WorkingFolder()
                    opened.callback(working.remove)
                    tables = f"{CHROMA}/{chroma_store.TABLES}"
                    paths[tables] = working.copy(folder / tables)
                for file, digest in layout.digests(paths).items():
                    if digest != files[file]:
                        raise Damaged(f"{folder.name}/{file} has changed on disk")
                self._read(manifest)
                if working:
                    self.graph = NeighbourGraph(folder / CHROMA, working.path, self.count)
                    opened.callback(self.graph.close)
            except (OSError, ValueError, KeyError, TypeError, ChromaFailed) as error:
                if working and isinstance(error, ChromaFailed):
                    working.check_room()
                raise Damaged(f"{self.id} cannot be read ({error})") from error
            self.close = weakref.finalize(self, opened.pop_all().close)
            """Closes Chroma's files now; later searches compare all vectors."""

    def _read(self, manifest: Manifest) -> None:
        folder, count, dimension = self.folder, manifest.chunks, manifest.dimension
        self.articles: dict[str, Article] = {}
        self._lines: dict[str, tuple[int, ...]] = {}
        self.groups: dict[str, str] = {}
        """The group of near-duplicates of each article, by default its own id."""
        with (folder / "articles.jsonl").open("rb") as file:
            for line in file:
                record = json.loads(line)  # decodes lone surrogates too
                article = Article(**record["article"])
                self.articles[article.id] = article
                self._lines[article.id] = tuple(record["lines"])
                self.groups[article.id] = record["group"]
        self._ids = tuple(self.articles)
        self._place = {article_id: row for row, article_id in enumerate(self._ids)}
        self.table = _load(folder / "chunks.npy")
        self.vectors: Vectors = _load(folder / "vectors.npy", mapped=True)
        self.spans: NDArray[np.int32] = _load(folder / "spans.npy")
        self.sentence_vectors: NDArray[np.float16] = _load(folder / "sentences.npy", mapped=True)
        sizes, self._parts = _load(folder / "sizes.npy"), _load(folder / "parts.npy")
        self._token_of = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        token_bytes = manifest.token_size // 2
        shape = (int(self._token_of[-1]), token_bytes)
        # An empty file cannot be mapped.
        self._tokens: NDArray[np.uint8] = (
            np.memmap(folder / TOKENS, np.uint8, "r", shape=shape).view(np.ndarray)
            if shape[0] * token_bytes
            else np.empty(shape, np.uint8)
        )
        self.chunks = tuple(
            Chunk(name.decode(), self._ids[place], start, end, tokens)
            for place, start, end, tokens, name in self.table.tolist()
        )
        actual = [len(self.articles), self.table.shape, self.vectors.shape]
        actual += [self.spans.shape, self.sentence_vectors.shape, self._parts.shape, sizes.shape]
        expected = [len(manifest.articles), (count,), (count, dimension)]
        expected += [(manifest.sentences, size) for size in (3, dimension, 2)] + [(count,)]
        if actual != expected:
            raise Damaged(f"{self.id} has the sizes {actual}, but its manifest says {expected}")
        # First chunk of each article, first sentence of each chunk; the last entry is the end of the last.
        self._chunk_of = np.searchsorted(self.table["article"], np.arange(len(self._ids) + 1))
        self._sentence_of = np.searchsorted(self.spans[:, 0], np.arange(count + 1))

    @property
    def is_current(self) -> bool:
        """Whether CURRENT still names this generation; false if CURRENT cannot be read."""
        return read_current(self.folder.parent) == self.entry

    @property
    def lexical(self) -> Path:
        """The folder of the lexical index."""
        return self.folder / LEXICAL

    def article_of(self, row: int) -> Article:
        """The article that contains a chunk."""
        return self.articles[self._ids[self.table["article"][row]]]

    def text(self, row: int) -> str:
        """A chunk's text."""
        return self.article_of(row).text[self.table["start"][row] : self.table["end"][row]]

    def line(self, article_id: str, start: int) -> int:
        """The 1-based line of the article's source file that contains the character ``start`` of its text."""
        lines = self._lines[article_id]
        at = self.articles[article_id].text.count("\n", 0, start)
        return lines[min(at, len(lines) - 1)] if lines else at + 1

    def rows(self, article_id: str) -> range:
        """The rows of an article's chunks."""
        place = self._place[article_id]
        return range(int(self._chunk_of[place]), int(self._chunk_of[place + 1]))

    def rows_of(self, article_ids: Collection[str]) -> NDArray[np.int64]:
        """The rows of the chunks of those articles that exist, in order."""
        wanted = np.zeros(len(self._ids), bool)
        wanted[[self._place[i] for i in self._place.keys() & article_ids]] = True
        return np.flatnonzero(wanted[self.table["article"]])

    def sentence_rows(self, row: int) -> slice:
        """The rows of a chunk's sentences in ``spans`` and ``sentence_vectors``."""
        return slice(int(self._sentence_of[row]), int(self._sentence_of[row + 1]))

    def sentences(self, row: int) -> tuple[NDArray[np.int32], Vectors]:
        """The sentences of a chunk that can be cited: those of at least ``MIN_SENTENCE_CHARS`` characters.

        Returns:
            Start and end of each in the article's text, shape (n, 2), in order; and their vectors.
        """
        place = self.sentence_rows(row)
        return self.spans[place, 1:], self.sentence_vectors[place].astype(np.float32)

    def tokens(self, row: int) -> NDArray[np.uint8]:
        """The packed vectors of a chunk's tokens (``late_interaction.unpack``), shape (tokens, size / 2)."""
        return self._tokens[self._token_of[row] : self._token_of[row + 1]]

    def token_parts(self, row: int) -> NDArray[np.int32]:
        """For each sentence of a chunk, its first token and one past its last, counted within the chunk."""
        spans: NDArray[np.int32] = self._parts[self.sentence_rows(row)]
        return spans

    def nearest(
        self, vector: NDArray[np.float32], k: int, allowed: Collection[str] | None = None
    ) -> list[tuple[int, float]]:
        """The rows of the chunks nearest to a vector, best first, each with its cosine (−1 to 1).

        Args:
            vector: Shape (dimension,), length 1.
            k: How many at most, 1 or more.
            allowed: Ids of the articles to search; None searches all. With a filter the cosines are computed
                exactly, at most 24 ms over 100,000 chunks; a filter in Chroma takes 17 to 570 ms.
        """
        rows = None if allowed is None else self.rows_of(allowed)
        if rows is None and self.graph:
            # Without the graph the result is the same, only slower: 24 ms over 100,000 chunks, not 1 ms.
            with contextlib.suppress(ChromaFailed):
                rows = self.graph.nearest(vector, k)
        if rows is None:
            rows, scores = np.arange(self.count), self.vectors @ vector
        elif len(rows) > GATHER_SHARE * self.count:
            scores = (self.vectors @ vector)[rows]
        else:
            scores = self.vectors[rows] @ vector
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((rows[best], -scores[best]))]
        return [(int(rows[at]), float(scores[at])) for at in best]

    def contents(self, cut: Cut, keep: Collection[str] | None = None) -> Contents:
        """The contents of this generation, or of the articles to keep, to write the next one from."""
        kept = [i for i in self._ids if keep is None or i in keep]
        return Contents(
            articles=tuple(self.articles[i] for i in kept),
            lines={i: self._lines[i] for i in kept},
            cut=cut,
            chunker=self.manifest.chunker,
            groups={i: self.groups[i] for i in kept},
            source=self.manifest.source,
            base=self.entry,
        )


def _load(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    return array.view(np.ndarray)  # a plain array: every slice of a np.memmap object is slower
