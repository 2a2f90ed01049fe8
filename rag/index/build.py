"""Build the files of a new generation: split, embed, write, and check the result before it is used.

The vectors of unchanged text are copied from the previous generation. Memory use stays small, as vectors are
computed and written block by block. They are not written through memory maps: on a full disk that kills the
process, whereas writing to a file raises an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from rag.index import chroma_store, layout
from rag.index.layout import Contents, Damaged, Manifest
from rag.index.snapshot import Generation
from rag.language.sentences import sentences
from rag.models.disk import fsync
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import Embedder, Vectors
from rag.records import Article, Chunk, Progress

SPLIT_BATCH = 256
"""Articles between two progress reports."""

EMBED_BATCH = 256
"""Chunks between two progress reports, about 5 s on two cores. At the end of each batch one core waits for
the other: with 64 that cost a tenth of the time (docs/research/results.md)."""

WRITE_BLOCK = 4096
"""Chunks whose vectors are in memory at once: about 60 MB with those of their sentences and tokens."""

NEW = -1
"""Stands for the row of a chunk that the previous generation does not contain."""

SAMPLE = 50
"""Chunks that are searched for in the finished graph."""

SAMPLE_K = 10
SAMPLE_RECALL = 0.95
"""Least recall of the graph: its share of the true ``SAMPLE_K`` nearest chunks, over the sample."""

SAMPLE_TOLERANCE = 1e-3
"""Cosines that differ by less are ties: Chroma computes them in another order of operations."""


class PoorRecall(Exception):
    """The graph misses too many of the nearest chunks."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """All rows of the new generation, and the origin of each."""

    articles: tuple[Article, ...]
    """In the order to which ``table["article"]`` refers."""
    table: NDArray[Any]
    """The content of chunks.npy."""
    spans: NDArray[np.int32]
    """The content of spans.npy."""
    kept: NDArray[np.int32]
    """For each chunk its row in the previous generation, or ``NEW``."""
    first: NDArray[np.int64]
    """For each chunk its first row in ``spans``; the last entry is the end of the last chunk."""

    def text(self, row: int) -> str:
        """A chunk's text."""
        place, start, end = (int(self.table[name][row]) for name in ("article", "start", "end"))
        return self.articles[place].text[start:end]

    def within(self, row: int) -> NDArray[np.int32]:
        """Start and end of each sentence of a chunk, as offsets in the chunk's text."""
        return self.spans[self.first[row] : self.first[row + 1], 1:] - np.int32(self.table["start"][row])


class _Texts(Sequence[str]):
    """The chunks' texts in row order, each created on access: together they are large."""

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan

    def __len__(self) -> int:
        return len(self._plan.table)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self._plan.text(at) for at in range(*row.indices(len(self)))]
        return self._plan.text(row)  # IndexError past the end, from NumPy, ends an iteration


def fill(
    staging: Path,
    contents: Contents,
    fingerprints: dict[str, str],
    embedder: Embedder,
    before: Generation | None,
    progress: Progress,
) -> int:
    """Write every file of a generation into an empty folder and flush it to the disk.

    Args:
        staging: The folder.
        contents: What the generation is to contain.
        fingerprints: A digest of each article and its metadata, by id.
        embedder: Computes the vectors of text that ``before`` does not contain.
        before: A generation of the same embedder and chunker, whose vectors are reused.
        progress: Called with the current step and the share of it that is done.

    Returns:
        How many chunks were embedded; the vectors of the others were reused.

    Raises:
        OSError, ChromaFailed: The disk is full.
    """
    plan = _plan(contents, fingerprints, before, progress)
    layout.write_articles(staging / "articles.jsonl", contents)
    np.save(staging / "chunks.npy", plan.table)
    np.save(staging / "spans.npy", plan.spans)
    _write_vectors(staging, plan, embedder, before, progress)
    if contents.lexical:
        progress("indexing words", 0)
        (staging / layout.LEXICAL).mkdir()
        contents.lexical(staging / layout.LEXICAL, _Texts(plan))
        progress("indexing words", 1)
    if len(plan.table) >= chroma_store.MIN_ROWS:
        # As a plain array: each access to an element of a np.memmap object goes through Python.
        vectors = np.load(staging / "vectors.npy", mmap_mode="r").view(np.ndarray)
        chroma_store.write(staging / layout.CHROMA, vectors, progress)
    files = layout.files_of(staging)
    for file in files:
        fsync(staging / file)
    manifest = Manifest(
        format=layout.FORMAT,
        embedder=embedder.identity,
        dimension=embedder.dimension,
        token_size=embedder.token_size,
        chunker=contents.chunker,
        chunks=len(plan.table),
        sentences=len(plan.spans),
        source=contents.source,
        terms=contents.terms,
        articles=fingerprints,
        files=layout.digests(staging, files),
    )
    _write_manifest(staging, manifest)
    for folder in [*(p for p in staging.rglob("*") if p.is_dir()), staging]:
        fsync(folder)
    return int(np.count_nonzero(plan.kept == NEW))


def remove_graph(staging: Path) -> None:
    """Remove the graph from a generation, so that readers compare all vectors.

    HNSW can fail to reach some of many nearly equal texts. That must not discard an hour of embedding.

    Args:
        staging: A folder that ``fill`` has written.

    Raises:
        OSError: The disk is full.
    """
    manifest = Manifest.from_json((staging / layout.MANIFEST).read_bytes())
    files = {name: d for name, d in manifest.files.items() if not name.startswith(f"{layout.CHROMA}/")}
    shutil.rmtree(staging / layout.CHROMA)
    _write_manifest(staging, dataclasses.replace(manifest, files=files))
    fsync(staging)


def _write_manifest(staging: Path, manifest: Manifest) -> None:
    (staging / layout.MANIFEST).write_bytes(manifest.to_json())
    fsync(staging / layout.MANIFEST)


def check(generation: Generation) -> None:
    """Measure the graph's recall against exact search, with a sample of the generation's chunks as queries.

    Raises:
        PoorRecall: It misses too many of the nearest chunks.
        Damaged: It does not contain every chunk.
        ChromaFailed: Chroma cannot answer.
    """
    graph, count = generation.graph, generation.count
    if graph is None:
        return
    if graph.count() != count:
        raise Damaged(f"Chroma contains {graph.count()} chunks, not {count}")
    k = min(SAMPLE_K, count)
    sample = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).astype(np.int64))
    hits = 0
    for row in sample:
        vector = generation.vectors[row]
        found = np.unique(graph.nearest(vector, k))
        scores = generation.vectors @ vector
        worst = np.partition(scores, count - k)[count - k] - SAMPLE_TOLERANCE
        hits += int(np.count_nonzero(scores[found] >= worst))
        if scores[found].max() < scores[row] - SAMPLE_TOLERANCE:
            raise PoorRecall(f"the graph does not find chunk {row} for its own vector")
    if hits < SAMPLE_RECALL * k * len(sample):
        raise PoorRecall(f"the graph finds {hits} of the {k * len(sample)} nearest chunks of a sample")


def _plan(
    contents: Contents, fingerprints: dict[str, str], before: Generation | None, progress: Progress
) -> _Plan:
    table: list[tuple[int, int, int, int, bytes]] = []
    spans: list[NDArray[np.int32]] = []
    kept: list[int] = []
    for place, article in enumerate(contents.articles):
        if before and before.fingerprints.get(article.id) == fingerprints[article.id]:
            chunks = [(before.chunks[row], row) for row in before.rows(article.id)]
        else:
            chunks = _split(article, contents, before)
        for chunk, row in chunks:
            if before and row != NEW:
                within = before.sentences(row)[0] - before.chunks[row].start
            else:
                within = citable(article.text[chunk.start : chunk.end])
            chunk_spans = np.empty((len(within), 3), np.int32)
            chunk_spans[:, 0] = len(table)
            chunk_spans[:, 1:] = within + chunk.start
            spans.append(chunk_spans)
            kept.append(row)
            table.append((place, chunk.start, chunk.end, chunk.tokens, chunk.id.encode()))
        if (place + 1) % SPLIT_BATCH == 0 or place + 1 == len(contents.articles):
            progress("cutting", (place + 1) / len(contents.articles))
    dtype = layout.chunk_type(max((len(row[-1]) for row in table), default=0))
    all_spans = np.concatenate([np.empty((0, 3), np.int32), *spans])
    return _Plan(
        articles=contents.articles,
        table=np.array(table, dtype),
        spans=all_spans,
        kept=np.array(kept, np.int32),
        first=np.searchsorted(all_spans[:, 0], np.arange(len(table) + 1)),
    )


def _split(article: Article, contents: Contents, before: Generation | None) -> list[tuple[Chunk, int]]:
    rows = before.rows(article.id) if before and article.id in before.articles else ()
    # By text, not by id: ids depend on positions too, and a new first paragraph moves all others.
    row_of = {before.text(row): row for row in rows} if before else {}
    return [(c, row_of.get(article.text[c.start : c.end], NEW)) for c in contents.cut(article)]


def citable(text: str) -> NDArray[np.int32]:
    """Start and end of each sentence of a chunk that can be cited, as offsets in the chunk's text."""
    spans = [(start, end) for start, end in sentences(text) if end - start >= layout.MIN_SENTENCE_CHARS]
    return np.array(spans, np.int32).reshape(-1, 2)


class _Embedded(NamedTuple):
    """The stored vectors of one chunk."""

    vector: Vectors
    """Shape (dimension,)."""
    sentences: NDArray[np.float16]
    """Shape (sentences, dimension)."""
    tokens: NDArray[np.uint8]
    """Packed by ``late_interaction.pack``, shape (tokens, size / 2)."""
    parts: NDArray[np.int32]
    """For each sentence its first token and one past its last, counted in the chunk, shape (sentences, 2)."""


def _embed(embedder: Embedder, texts: Sequence[str], within: Sequence[NDArray[np.int32]]) -> list[_Embedded]:
    """Embed chunks, their sentences and their tokens.

    Args:
        embedder: Computes the vectors.
        texts: The chunks' texts.
        within: For each chunk, start and end of each of its sentences in its text.
    """
    sentence_texts = [
        text[start:end] for text, spans in zip(texts, within, strict=True) for start, end in spans
    ]
    vectors, tokens = embedder.with_tokens(texts)
    sentence_vectors = embedder.passages(sentence_texts).astype(np.float16)
    embedded, at = [], 0
    for row, spans in enumerate(within):
        own = sentence_vectors[at : at + len(spans)]
        at += len(spans)
        packed = late_interaction.pack(tokens[row].vectors)
        parts = late_interaction.parts(spans, tokens[row].spans)
        embedded.append(_Embedded(vectors[row], own, packed, parts))
    return embedded


def _kept(before: Generation, row: int) -> _Embedded:
    sentences = before.sentence_vectors[before.sentence_rows(row)]
    return _Embedded(before.vectors[row], sentences, before.tokens(row), before.token_parts(row))


def _write_vectors(
    staging: Path, plan: _Plan, embedder: Embedder, before: Generation | None, progress: Progress
) -> None:
    count, dimension = len(plan.table), embedder.dimension
    to_embed, done = int(np.count_nonzero(plan.kept == NEW)), 0
    sizes = np.zeros(count, np.int32)
    parts = [np.empty((0, 2), np.int32)]
    with contextlib.ExitStack() as stack:
        names = ("vectors.npy", "sentences.npy", layout.TOKENS)
        chunk_file, file, token_file = (stack.enter_context((staging / name).open("wb")) for name in names)
        _write_header(chunk_file, np.float32, (count, dimension))
        _write_header(file, np.float16, (len(plan.spans), dimension))
        for at in range(0, count, WRITE_BLOCK):
            end = min(at + WRITE_BLOCK, count)
            block: dict[int, _Embedded] = {}
            missing = []
            for row in range(at, end):
                if before and plan.kept[row] != NEW:
                    block[row] = _kept(before, int(plan.kept[row]))
                else:
                    missing.append(row)
            for batch in (missing[i : i + EMBED_BATCH] for i in range(0, len(missing), EMBED_BATCH)):
                within = [plan.within(row) for row in batch]
                block.update(
                    zip(batch, _embed(embedder, [plan.text(row) for row in batch], within), strict=True)
                )
                done += len(batch)
                progress("embedding", done / to_embed)
            for row in range(at, end):
                chunk_file.write(block[row].vector.tobytes())
                file.write(block[row].sentences.tobytes())
                token_file.write(block[row].tokens.tobytes())
                sizes[row] = len(block[row].tokens)
                parts.append(block[row].parts)
    np.save(staging / "sizes.npy", sizes)
    np.save(staging / "parts.npy", np.concatenate(parts))


def _write_header(file: IO[bytes], dtype: type, shape: tuple[int, int]) -> None:
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
