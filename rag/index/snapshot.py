"""A snapshot of an index: one generation, open for reading."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from rag.index.bm25 import Lexicon
from rag.index.chroma_store import ChromaFailed
from rag.index.layout import Contents, Cut, Damaged, Manifest, read_current
from rag.index.segments.segment import Segment
from rag.models.embedding.embedder import Vectors
from rag.records import Article, Chunk

GATHER_SHARE = 0.15
"""Share of the rows from which all are multiplied instead of gathered. With 100,000 rows of 384 numbers,
gathering one row in seven takes as long as multiplying all of them, 24 ms."""

GRAPH_ROWS = 1000
"""Chunks of a segment from which its graph is opened, if other segments are searched too: all of fewer are
compared in 0.3 ms, and an open graph takes memory and 0.1 s to open."""

SPARE = 2
"""So many times as many chunks are asked of a graph in which some belong to articles that are gone.
``update.MOST_DEAD`` bounds their share."""


class Generation:
    """One generation, open for reading. It never changes, and remains usable after its files are deleted.

    Its rows are the chunks, ordered by the id of their article and then by their place in it, whatever the
    segments are. It is safe to use from several threads, and closed when the last reference to it is gone.
    """

    def __init__(
        self,
        index: Path,
        name: str,
        manifest: Manifest,
        entry: bytes = b"",
        *,
        search: bool = True,
        reuse: Generation | None = None,
    ) -> None:
        """Check every file and open the generation.

        Args:
            index: The folder of the index.
            name: The generation.
            manifest: Its manifest, whose digest has been checked.
            entry: The content of CURRENT as long as this generation is current.
            search: Whether to open the nearest-neighbour graphs. Without them ``nearest`` compares all
                vectors.
            reuse: A generation of the same index; segments that it has opened are not checked again.

        Raises:
            Damaged: A file does not match the manifest.
            NoSpace: The temporary folder has no room for the working copy of Chroma's tables.
        """
        self.folder = index / name
        self.id = name
        self.entry = entry
        self.manifest = manifest
        known = {} if reuse is None else {segment.part.folder: segment for segment in reuse.segments}
        with contextlib.ExitStack() as opened:
            segments = []
            for part in manifest.segments:
                segment = known.get(part.folder)
                graph = search and (len(manifest.segments) == 1 or part.chunks >= GRAPH_ROWS)
                if segment is None or segment.part.files != part.files or (graph and segment.graph is None):
                    segment = Segment(index / part.folder, part, manifest, graph=graph)
                    opened.callback(segment.close)
                segments.append(segment)
            self.segments: tuple[Segment, ...] = tuple(segments)
            self._arrange()
            if self.count != manifest.chunks:
                raise Damaged(f"{name} has {self.count} chunks, but its manifest says {manifest.chunks}")
            opened.pop_all()

    def _arrange(self) -> None:
        """Number the rows: by article id, whatever segment an article is in."""
        live = []
        for at, (segment, part) in enumerate(zip(self.segments, self.manifest.segments, strict=True)):
            dead = set(part.dead)
            records = enumerate(segment.records)
            live += [(one.article.id, at, place, one) for place, one in records if place not in dead]
        live.sort(key=lambda item: item[0])
        self._ids = tuple(article_id for article_id, *_ in live)
        self.articles: dict[str, Article] = {record.article.id: record.article for *_, record in live}
        if len(self.articles) != len(live):
            raise Damaged(f"{self.id} contains an article twice")
        self._lines = {record.article.id: record.lines for *_, record in live}
        named = self.manifest.groups
        self.groups: dict[str, str] = {
            article_id: named.get(article_id, article_id) for article_id in self._ids
        }
        """The group of near-duplicates of each article, by default its own id."""
        self._place = {article_id: row for row, article_id in enumerate(self._ids)}
        segment_of = np.array([at for _, at, *_ in live], np.intp)
        place_of = np.array([place for *_, place, _ in live], np.intp)
        first, count = np.zeros(len(live), np.int64), np.zeros(len(live), np.int64)
        for at, segment in enumerate(self.segments):
            here = segment_of == at
            first[here] = segment.chunk_of[place_of[here]]
            count[here] = segment.chunk_of[place_of[here] + 1] - first[here]
        # First chunk of each article; the last entry is the end of the last.
        self._chunk_of = np.concatenate([[0], np.cumsum(count)])
        self.count: int = int(self._chunk_of[-1])
        of_row = np.repeat(np.arange(len(live)), count)
        self._segment_of = segment_of[of_row]
        self._local = np.arange(self.count) - self._chunk_of[:-1][of_row] + first[of_row]
        self._rows_of_segment = []
        """For each segment the row of each of its own rows; −1 for those that are no longer there."""
        for at, segment in enumerate(self.segments):
            here = np.flatnonzero(self._segment_of == at)
            rows = np.full(segment.part.chunks, -1, np.int64)
            rows[self._local[here]] = here
            self._rows_of_segment.append(rows)
        self.table = np.empty(self.count, [("article", "<i4"), ("start", "<i4"), ("end", "<i4")])
        """Article (its place in ``articles``), start and end of each chunk."""
        self.table["article"] = of_row
        for segment, rows in zip(self.segments, self._rows_of_segment, strict=True):
            for name in ("start", "end"):
                self.table[name][rows[rows >= 0]] = segment.table[name][rows >= 0]
        arrays = [segment.vectors for segment in self.segments]
        self.vectors = Rows(arrays, self._segment_of, self._local, self.manifest.dimension)

    def close(self) -> None:
        """Close Chroma's files now; later searches compare all vectors."""
        for segment in self.segments:
            segment.close()

    @property
    def chunks(self) -> Chunks:
        """Every chunk, in row order."""
        return Chunks(self)

    @property
    def is_current(self) -> bool:
        """Whether CURRENT still names this generation; false if CURRENT cannot be read."""
        return read_current(self.folder.parent) == self.entry

    @functools.cached_property
    def lexicon(self) -> Lexicon:
        """The lexical index.

        Raises:
            ValueError: It was written by another version.
            OSError: Its files have been deleted since this generation was opened.
        """
        postings = [segment.postings for segment in self.segments]
        return Lexicon(list(zip(postings, self._rows_of_segment, strict=True)))

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

    def chunk(self, row: int) -> Chunk:
        """A chunk."""
        record = self.segments[self._segment_of[row]].table[self._local[row]]
        article_id = self._ids[self.table["article"][row]]
        return Chunk(
            record["id"].decode(), article_id, int(record["start"]), int(record["end"]), int(record["tokens"])
        )

    def sentences(self, row: int) -> tuple[NDArray[np.int32], Vectors]:
        """The sentences of a chunk that can be cited: those of at least ``MIN_SENTENCE_CHARS`` characters.

        Returns:
            Start and end of each in the article's text, shape (n, 2), in order; and their vectors.
        """
        segment, local = self._at(row)
        place = segment.sentence_rows(local)
        return segment.spans[place, 1:], segment.sentence_vectors[place].astype(np.float32)

    def tokens(self, row: int) -> NDArray[np.uint8]:
        """The packed vectors of a chunk's tokens (``late_interaction.unpack``), shape (tokens, size / 2)."""
        segment, local = self._at(row)
        return segment.embedded(local).tokens

    def token_parts(self, row: int) -> NDArray[np.int32]:
        """For each sentence of a chunk, its first token and one past its last, counted within the chunk."""
        segment, local = self._at(row)
        return segment.embedded(local).parts

    def _at(self, row: int) -> tuple[Segment, int]:
        return self.segments[self._segment_of[row]], int(self._local[row])

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
        if allowed is None and any(segment.graph for segment in self.segments):
            rows = np.concatenate([self._candidates(at, vector, k) for at in range(len(self.segments))])
        else:
            rows = np.arange(self.count) if allowed is None else self.rows_of(allowed)
        many = len(rows) > GATHER_SHARE * self.count
        scores = (self.vectors @ vector)[rows] if many else self.vectors[rows] @ vector
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        best = best[np.lexsort((rows[best], -scores[best]))]
        return [(int(rows[at]), float(scores[at])) for at in best]

    def _candidates(self, at: int, vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Rows of a segment among which its ``k`` nearest are."""
        segment, rows = self.segments[at], self._rows_of_segment[at]
        dead = self.manifest.segments[at].dead_chunks
        if segment.graph:
            # Without the graph the result is the same, only slower: 24 ms over 100,000 chunks, not 1 ms.
            with contextlib.suppress(ChromaFailed):
                rows_found = rows[segment.graph.nearest(vector, SPARE * k if dead else k)]
                if (rows_found >= 0).sum() >= min(k, len(rows) - dead):
                    return rows_found[rows_found >= 0]
        there = np.flatnonzero(rows >= 0)
        scores = segment.vectors[there] @ vector if dead else segment.vectors @ vector
        best = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        return rows[there[best]]

    def contents(self, cut: Cut) -> Contents:
        """The contents of this generation, to write the next one from."""
        return Contents(
            articles=(),
            lines={},
            cut=cut,
            chunker=self.manifest.chunker,
            groups=self.groups,
            source=self.manifest.source,
            base=self.entry,
            keep=frozenset(self._ids),
        )


class Rows:
    """The vectors of all chunks in row order, without a copy of those of the segments.

    Args:
        arrays: The vectors of each segment.
        segment_of: The segment of each row.
        local: Its place there.
        dimension: Length of a vector.
    """

    def __init__(
        self,
        arrays: Sequence[Vectors],
        segment_of: NDArray[np.intp],
        local: NDArray[np.int64],
        dimension: int,
    ) -> None:
        self.shape = (len(local), dimension)
        starts = np.concatenate([[0], np.cumsum([len(array) for array in arrays], dtype=np.int64)])
        self._arrays, self._segment_of, self._local = arrays, segment_of, local
        self._physical = starts[:-1][segment_of] + local
        # One segment whose rows are in order is the usual case after a build.
        in_order = len(arrays) == 1 and np.array_equal(local, np.arange(len(arrays[0])))
        self._whole = arrays[0] if in_order else None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | NDArray[np.int64] | slice) -> Vectors:
        if self._whole is not None:
            whole: Vectors = self._whole[rows]
            return whole
        if isinstance(rows, (int, np.integer)):
            one: Vectors = self._arrays[self._segment_of[rows]][self._local[rows]]
            return one
        segments, places = self._segment_of[rows], self._local[rows]
        vectors = np.empty((len(places), self.shape[1]), np.float32)
        for at, array in enumerate(self._arrays):
            here = segments == at
            vectors[here] = array[places[here]]
        return vectors

    def __matmul__(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._whole is not None:
            whole: NDArray[np.float32] = self._whole @ vector
            return whole
        products = [array @ vector for array in self._arrays]
        scores: NDArray[np.float32] = np.concatenate([np.empty(0, np.float32), *products])[self._physical]
        return scores

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Vectors:
        return np.array(self[:], dtype)  # type: ignore[call-overload,no-any-return]


class Chunks(Sequence[Chunk]):
    """The chunks of a generation in row order; each is made when it is asked for."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation

    def __len__(self) -> int:
        return self._generation.count

    @overload
    def __getitem__(self, row: int) -> Chunk: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Chunk]: ...
    def __getitem__(self, row: int | slice) -> Chunk | Sequence[Chunk]:
        if isinstance(row, slice):
            return [self._generation.chunk(at) for at in range(len(self))[row]]
        if not -len(self) <= row < len(self):
            raise IndexError(f"there are {len(self)} chunks, and no chunk {row}")
        return self._generation.chunk(row % len(self))
