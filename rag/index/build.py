"""Build the files of a new segment: split, embed, write, and check the result before it is used.

The vectors of unchanged text are copied from the segments before. Memory use stays small, as vectors are
computed and written block by block. They are not written through memory maps: on a full disk that kills the
process, whereas writing to a file raises an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rag.index import bm25, chroma_store, duplicates, layout
from rag.index.layout import Contents, Damaged, Part
from rag.index.segments.segment import Embedded, Record, Segment
from rag.language.sentences import sentences
from rag.models.disk import fsync
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import Embedder
from rag.records import Chunk, Progress

SPLIT_BATCH = 256
"""Articles between two progress reports."""

EMBED_BATCH = 256
"""Chunks between two progress reports, about 5 s on two cores. At the end of each batch one core waits for
the other: with 64 that cost a tenth of the time (docs/research/results.md)."""

WRITE_BLOCK = 4096
"""Chunks whose vectors are in memory at once: about 60 MB with those of their sentences and tokens."""

SAMPLE = 50
"""Chunks that are searched for in the finished graph."""

SAMPLE_K = 10
SAMPLE_RECALL = 0.95
"""Least recall of the graph: its share of the true ``SAMPLE_K`` nearest chunks, over the sample."""

SAMPLE_TOLERANCE = 1e-3
"""Cosines that differ by less are ties: Chroma computes them in another order of operations."""


Origin = tuple[Segment, int]
"""Where the vectors of a chunk are already: a segment, and a row of it."""


class PoorRecall(Exception):
    """The graph misses too many of the nearest chunks."""


@dataclass(frozen=True, slots=True)
class Item:
    """An article that a new segment is to contain."""

    record: Record
    """The article."""
    origin: tuple[Segment, int] | None = None
    """The segment that it is copied from as it is, and its place there; None for a new or changed article."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """All rows of the new segment, and the origin of each."""

    texts: list[str]
    """Text of each chunk."""
    table: NDArray[Any]
    """The content of chunks.npy."""
    spans: NDArray[np.int32]
    """The content of spans.npy."""
    origins: list[Origin | None]
    """Where the vectors of each chunk are; None if it has to be embedded."""
    first: NDArray[np.int64]
    """For each chunk its first row in ``spans``; the last entry is the end of the last chunk."""

    def within(self, row: int) -> NDArray[np.int32]:
        """Start and end of each sentence of a chunk, as offsets in the chunk's text."""
        return self.spans[self.first[row] : self.first[row + 1], 1:] - np.int32(self.table["start"][row])


def fill(
    staging: Path,
    name: str,
    items: Sequence[Item],
    contents: Contents,
    embedder: Embedder,
    known: Mapping[str, Sequence[Origin]],
    progress: Progress,
    *,
    graph_from: int,
) -> tuple[Part, int]:
    """Write every file of a segment into an empty folder and flush it to the disk.

    Args:
        staging: The folder.
        name: What it will be called.
        items: The articles, sorted by id.
        contents: How they are split.
        embedder: Embeds the chunks that are new.
        known: Rows that may have the vectors of a text, by the text.
        progress: Called with the current step and the share of it that is done.
        graph_from: Number of chunks from which the nearest-neighbour graph is built.

    Returns:
        The segment, and how many chunks were embedded.
    """
    plan = _plan(items, contents, known, progress)
    _write_rows(staging, items, plan, embedder, embedder.dimension, progress)
    progress("indexing words", 0)
    (staging / layout.LEXICAL).mkdir()
    bm25.write(staging / layout.LEXICAL, plan.texts)
    progress("indexing words", 1)
    if len(plan.table) >= max(graph_from, chroma_store.MIN_ROWS):
        # As a plain array: each access to an element of a np.memmap object goes through Python.
        vectors = np.load(staging / "vectors.npy", mmap_mode="r").view(np.ndarray)
        chroma_store.write(staging / layout.CHROMA, vectors, progress)
    part = _part(staging, name, items, plan)
    for path in part.files:
        fsync(staging / path)
    for folder in [*(p for p in staging.rglob("*") if p.is_dir()), staging]:
        fsync(folder)
    return part, sum(origin is None for origin in plan.origins)


def copied(folder: Path, items: Sequence[Item], dimension: int) -> Part:
    """Write a segment of articles that are copied, without graph and lexical index, into an empty folder."""

    def silent(_what: str, _share: float) -> None:
        """Report nothing."""

    ordered = sorted(items, key=lambda item: item.record.article.id)
    plan = _plan(ordered, None, {}, silent)
    _write_rows(folder, ordered, plan, None, dimension, silent)
    return _part(folder, folder.name, ordered, plan)


def _part(folder: Path, name: str, items: Sequence[Item], plan: _Plan) -> Part:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return Part(name, len(items), len(plan.table), len(plan.spans), layout.digests(files))


def _write_rows(
    staging: Path,
    items: Sequence[Item],
    plan: _Plan,
    embedder: Embedder | None,
    dimension: int,
    progress: Progress,
) -> None:
    _write_articles(staging, items)
    np.save(staging / "chunks.npy", plan.table)
    np.save(staging / "spans.npy", plan.spans)
    _write_vectors(staging, plan, embedder, dimension, progress)


def remove_graph(staging: Path, part: Part) -> Part:
    """Remove the graph from a segment that ``fill`` has written, so that readers compare all vectors.

    HNSW can fail to reach some of many nearly equal texts. That must not discard an hour of embedding.
    """
    shutil.rmtree(staging / layout.CHROMA)
    fsync(staging)
    files = {name: d for name, d in part.files.items() if not name.startswith(f"{layout.CHROMA}/")}
    return dataclasses.replace(part, files=files)


def _write_articles(staging: Path, items: Sequence[Item]) -> None:
    places, at = [], 0
    with (staging / layout.ARTICLES).open("wb") as file:
        for item in items:
            line = item.record.to_json()
            file.write(line + b"\n")
            places.append([item.record.article.id, hashlib.sha256(line).hexdigest(), at, len(line)])
            at += len(line) + 1
    (staging / layout.PLACES).write_text(json.dumps(places), encoding="utf-8")
    np.save(staging / "sketches.npy", duplicates.sketches([item.record.article.text for item in items]))


def check(segment: Segment) -> None:
    """Measure the graph's recall against exact search, with a sample of its chunks as queries.

    Raises:
        PoorRecall: It misses too many of the nearest chunks.
        Damaged: It does not contain every chunk.
        ChromaFailed: Chroma cannot answer.
    """
    graph, count = segment.graph, segment.part.chunks
    if graph is None:
        return
    if graph.count() != count:
        raise Damaged(f"Chroma contains {graph.count()} chunks, not {count}")
    k = min(SAMPLE_K, count)
    sample = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).astype(np.int64))
    hits = 0
    for row in sample:
        vector = segment.vectors[row]
        returned = np.unique(graph.nearest(vector, k))
        scores = segment.vectors @ vector
        worst = np.partition(scores, count - k)[count - k] - SAMPLE_TOLERANCE
        hits += int(np.count_nonzero(scores[returned] >= worst))
        if scores[returned].max() < scores[row] - SAMPLE_TOLERANCE:
            raise PoorRecall(f"the graph does not find chunk {row} for its own vector")
    if hits < SAMPLE_RECALL * k * len(sample):
        raise PoorRecall(f"the graph finds {hits} of the {k * len(sample)} nearest chunks of a sample")


def _plan(
    items: Sequence[Item],
    contents: Contents | None,
    known: Mapping[str, Sequence[Origin]],
    progress: Progress,
) -> _Plan:
    table: list[tuple[int, int, int, int, bytes]] = []
    spans: list[NDArray[np.int32]] = []
    origins: list[Origin | None] = []
    texts: list[str] = []
    for place, item in enumerate(items):
        for chunk, text, origin in _copied(item) if item.origin else _split(item, contents, known):
            within = origin[0].within(origin[1]) if item.origin and origin else citable(text)
            chunk_spans = np.empty((len(within), 3), np.int32)
            chunk_spans[:, 0] = len(table)
            chunk_spans[:, 1:] = within + chunk.start
            spans.append(chunk_spans)
            origins.append(origin)
            texts.append(text)
            table.append((place, chunk.start, chunk.end, chunk.tokens, chunk.id.encode()))
        if (place + 1) % SPLIT_BATCH == 0 or place + 1 == len(items):
            progress("cutting", (place + 1) / len(items))
    # The length of a chunk's id is that of the longest, in UTF-8.
    numbers = [(name, "<i4") for name in ("article", "start", "end", "tokens")]
    dtype = np.dtype([*numbers, ("id", f"S{max((len(row[-1]) for row in table), default=1)}")])
    all_spans = np.concatenate([np.empty((0, 3), np.int32), *spans])
    return _Plan(
        texts=texts,
        table=np.array(table, dtype),
        spans=all_spans,
        origins=origins,
        first=np.searchsorted(all_spans[:, 0], np.arange(len(table) + 1)),
    )


def _copied(item: Item) -> list[tuple[Chunk, str, Origin | None]]:
    """The chunks of an article that is copied from another segment."""
    if item.origin is None:
        return []
    segment, place = item.origin
    article = item.record.article
    chunks: list[tuple[Chunk, str, Origin | None]] = []
    for row in range(int(segment.chunk_of[place]), int(segment.chunk_of[place + 1])):
        _, start, end, size, name = segment.table[row].item()
        chunk = Chunk(name.decode(), article.id, start, end, size)
        chunks.append((chunk, article.text[start:end], (segment, row)))
    return chunks


def _split(
    item: Item, contents: Contents | None, known: Mapping[str, Sequence[Origin]]
) -> list[tuple[Chunk, str, Origin | None]]:
    """The chunks of a new or changed article, each with the place of its vectors if there are any already."""
    article, chunks = item.record.article, []
    for chunk in contents.cut(article) if contents else ():
        text = article.text[chunk.start : chunk.end]
        # By text, not by id: ids depend on positions too, and a new first paragraph moves all others.
        intact = (
            (segment, row)
            for segment, row in known.get(text, ())
            if segment.intact(row, text) and np.array_equal(segment.within(row), citable(text))
        )
        chunks.append((chunk, text, next(intact, None)))
    return chunks


def citable(text: str) -> NDArray[np.int32]:
    """Start and end of each sentence of a chunk that can be cited, as offsets in the chunk's text."""
    spans = [(start, end) for start, end in sentences(text) if end - start >= layout.MIN_SENTENCE_CHARS]
    return np.array(spans, np.int32).reshape(-1, 2)


def _embed(embedder: Embedder, texts: Sequence[str], within: Sequence[NDArray[np.int32]]) -> list[Embedded]:
    """Embed chunks, their tokens, and their sentences, which are ``within`` the chunks' texts."""
    vectors, tokens = embedder.with_tokens(texts)
    sentence_vectors = embedder.passages(
        [text[start:end] for text, spans in zip(texts, within, strict=True) for start, end in spans]
    ).astype(np.float16)
    ends = np.cumsum([len(spans) for spans in within])
    return [
        Embedded(
            vectors[row],
            own,
            late_interaction.pack(tokens[row].vectors),
            late_interaction.parts(within[row], tokens[row].spans),
        )
        for row, own in enumerate(np.split(sentence_vectors, ends[:-1]))
    ]


def _write_vectors(
    staging: Path, plan: _Plan, embedder: Embedder | None, dimension: int, progress: Progress
) -> None:
    count = len(plan.table)
    to_embed, done = sum(origin is None for origin in plan.origins), 0
    sizes, digests = np.zeros(count, np.int32), np.zeros(count, np.uint64)
    parts = [np.empty((0, 2), np.int32)]
    with contextlib.ExitStack() as stack:
        names = ("vectors.npy", "sentences.npy", layout.TOKENS)
        chunk_file, file, token_file = (stack.enter_context((staging / name).open("wb")) for name in names)
        _write_header(chunk_file, np.float32, (count, dimension))
        _write_header(file, np.float16, (len(plan.spans), dimension))
        for at in range(0, count, WRITE_BLOCK):
            rows = range(at, min(at + WRITE_BLOCK, count))
            origins = {row: origin for row in rows if (origin := plan.origins[row])}
            block = {row: segment.embedded(old) for row, (segment, old) in origins.items()}
            missing = [row for row in rows if row not in block]
            for batch in (missing[i : i + EMBED_BATCH] for i in range(0, len(missing), EMBED_BATCH)):
                if embedder is None:
                    raise AssertionError("only copied chunks are written without an embedder")
                texts, within = [plan.texts[row] for row in batch], [plan.within(row) for row in batch]
                block.update(zip(batch, _embed(embedder, texts, within), strict=True))
                done += len(batch)
                progress("embedding", done / to_embed)
            for row in rows:
                chunk_file.write(block[row].vector.tobytes())
                file.write(block[row].sentences.tobytes())
                token_file.write(block[row].tokens.tobytes())
                sizes[row] = len(block[row].tokens)
                digests[row] = block[row].digest(plan.texts[row])
                parts.append(block[row].parts)
    np.save(staging / "sizes.npy", sizes)
    np.save(staging / "digests.npy", digests)
    np.save(staging / "parts.npy", np.concatenate(parts))


def _write_header(file: IO[bytes], dtype: type, shape: tuple[int, int]) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
