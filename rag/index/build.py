"""Build the files of a new generation: split, embed, write, and check the result before it is used.

The vectors of unchanged text are copied from the previous generation. Memory use stays small, as vectors are
computed and written block by block. They are not written through memory maps: on a full disk that kills the
process, whereas writing to a file raises an error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.index import bm25, chroma_store, layout
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


def fill(
    staging: Path,
    contents: Contents,
    fingerprints: dict[str, str],
    embedder: Embedder,
    before: Generation | None,
    progress: Progress,
) -> int:
    """Write every file of a generation into an empty folder and flush it to the disk.

    ``fingerprints`` are a digest of each article and its metadata, by id. ``before`` is a generation of the
    same embedder and chunker, whose vectors are reused.

    Returns:
        How many chunks were embedded.
    """
    plan = _plan(contents, fingerprints, before, progress)
    _write_articles(staging / "articles.jsonl", contents)
    np.save(staging / "chunks.npy", plan.table)
    np.save(staging / "spans.npy", plan.spans)
    _write_vectors(staging, plan, embedder, before, progress)
    progress("indexing words", 0)
    (staging / layout.LEXICAL).mkdir()
    bm25.write(staging / layout.LEXICAL, map(plan.text, range(len(plan.table))))
    progress("indexing words", 1)
    if len(plan.table) >= chroma_store.MIN_ROWS:
        # As a plain array: each access to an element of a np.memmap object goes through Python.
        vectors = np.load(staging / "vectors.npy", mmap_mode="r").view(np.ndarray)
        chroma_store.write(staging / layout.CHROMA, vectors, progress)
    files = {path.relative_to(staging).as_posix(): path for path in staging.rglob("*") if path.is_file()}
    for path in files.values():
        fsync(path)
    manifest = Manifest(
        format=layout.FORMAT,
        embedder=embedder.identity,
        dimension=embedder.dimension,
        token_size=embedder.token_size,
        chunker=contents.chunker,
        chunks=len(plan.table),
        sentences=len(plan.spans),
        source=contents.source,
        terms=bm25.TERMS,
        articles=fingerprints,
        files=layout.digests(files),
    )
    _write_manifest(staging, manifest)
    for folder in [*(p for p in staging.rglob("*") if p.is_dir()), staging]:
        fsync(folder)
    return int(np.count_nonzero(plan.kept == NEW))


def remove_graph(staging: Path) -> None:
    """Remove the graph from a generation that ``fill`` has written, so that readers compare all vectors.

    HNSW can fail to reach some of many nearly equal texts. That must not discard an hour of embedding.
    """
    manifest = Manifest.from_json((staging / layout.MANIFEST).read_bytes())
    files = {name: d for name, d in manifest.files.items() if not name.startswith(f"{layout.CHROMA}/")}
    shutil.rmtree(staging / layout.CHROMA)
    _write_manifest(staging, dataclasses.replace(manifest, files=files))
    fsync(staging)


def _write_articles(path: Path, contents: Contents) -> None:
    # A JSON escape can put a lone surrogate into a text; it is not valid UTF-8 but must not be lost.
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        for article in contents.articles:
            record = {
                "article": dataclasses.asdict(article),
                "lines": contents.lines[article.id],
                "group": contents.groups.get(article.id, article.id),
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


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
    left = _rows_left(before, fingerprints) if before else {}
    for place, article in enumerate(contents.articles):
        if before and before.manifest.articles.get(article.id) == fingerprints[article.id]:
            chunks = [(before.chunks[row], row) for row in before.rows(article.id)]
        else:
            chunks = _split(article, contents, before, left)
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
    # The length of a chunk's id is that of the longest, in UTF-8.
    numbers = [(name, "<i4") for name in ("article", "start", "end", "tokens")]
    dtype = np.dtype([*numbers, ("id", f"S{max((len(row[-1]) for row in table), default=1)}")])
    all_spans = np.concatenate([np.empty((0, 3), np.int32), *spans])
    return _Plan(
        articles=contents.articles,
        table=np.array(table, dtype),
        spans=all_spans,
        kept=np.array(kept, np.int32),
        first=np.searchsorted(all_spans[:, 0], np.arange(len(table) + 1)),
    )


def _rows_left(before: Generation, fingerprints: dict[str, str]) -> dict[str, int]:
    """By text the rows of articles that are gone or have changed, as a renamed file has another id."""
    known = before.manifest.articles
    others = (article_id for article_id in known if fingerprints.get(article_id) != known[article_id])
    return {before.text(row): row for article_id in others for row in before.rows(article_id)}


def _split(
    article: Article, contents: Contents, before: Generation | None, left: dict[str, int]
) -> list[tuple[Chunk, int]]:
    rows = before.rows(article.id) if before and article.id in before.articles else ()
    # By text, not by id: ids depend on positions too, and a new first paragraph moves all others.
    row_of = {before.text(row): row for row in rows} if before else {}
    texts = ((c, article.text[c.start : c.end]) for c in contents.cut(article))
    return [(c, row_of.get(text, left.get(text, NEW))) for c, text in texts]


def citable(text: str) -> NDArray[np.int32]:
    """Start and end of each sentence of a chunk that can be cited, as offsets in the chunk's text."""
    spans = [(start, end) for start, end in sentences(text) if end - start >= layout.MIN_SENTENCE_CHARS]
    return np.array(spans, np.int32).reshape(-1, 2)


class _Embedded(NamedTuple):
    """The vectors of one chunk, as layout.py describes the files of the same names."""

    vector: Vectors
    sentences: NDArray[np.float16]
    tokens: NDArray[np.uint8]
    parts: NDArray[np.int32]


def _embed(embedder: Embedder, texts: Sequence[str], within: Sequence[NDArray[np.int32]]) -> list[_Embedded]:
    """Embed chunks, their tokens, and their sentences, which are ``within`` the chunks' texts."""
    vectors, tokens = embedder.with_tokens(texts)
    sentence_vectors = embedder.passages(
        [text[start:end] for text, spans in zip(texts, within, strict=True) for start, end in spans]
    ).astype(np.float16)
    ends = np.cumsum([len(spans) for spans in within])
    return [
        _Embedded(
            vectors[row],
            own,
            late_interaction.pack(tokens[row].vectors),
            late_interaction.parts(within[row], tokens[row].spans),
        )
        for row, own in enumerate(np.split(sentence_vectors, ends[:-1]))
    ]


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
            rows = range(at, min(at + WRITE_BLOCK, count))
            kept = {row: int(plan.kept[row]) for row in rows if plan.kept[row] != NEW}
            block = {row: _kept(before, old) for row, old in kept.items()} if before else {}
            missing = [row for row in rows if row not in kept]
            for batch in (missing[i : i + EMBED_BATCH] for i in range(0, len(missing), EMBED_BATCH)):
                texts, within = [plan.text(row) for row in batch], [plan.within(row) for row in batch]
                block.update(zip(batch, _embed(embedder, texts, within), strict=True))
                done += len(batch)
                progress("embedding", done / to_embed)
            for row in rows:
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
