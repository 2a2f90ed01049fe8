"""One segment of an index: articles, chunks, vectors and words that were written together."""

from __future__ import annotations

import contextlib
import hashlib
import json
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.index import chroma_store, layout
from rag.index.bm25 import Postings
from rag.index.chroma_store import ChromaFailed, NeighbourGraph
from rag.index.layout import CHROMA, LEXICAL, TOKENS, Damaged, Manifest, Part
from rag.models.embedding.embedder import Vectors
from rag.models.working_copy import WorkingFolder
from rag.records import Article


class Record(NamedTuple):
    """A line of articles.jsonl."""

    article: Article
    lines: tuple[int, ...]
    """The 1-based line of the source file that each line of the article's text comes from."""

    def to_json(self) -> bytes:
        """The line without its end."""
        # A JSON escape can put a lone surrogate into a text; it is not valid UTF-8 but must not be lost.
        article = {name: getattr(self.article, name) for name in Article.__slots__}
        text = json.dumps({"article": article, "lines": self.lines}, ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")

    @property
    def fingerprint(self) -> str:
        """The sha256 of the line."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @classmethod
    def from_json(cls, line: bytes) -> Record:
        """Parse a line."""
        record = json.loads(line)  # decodes lone surrogates too
        return cls(Article(**record["article"]), tuple(record["lines"]))


class Embedded(NamedTuple):
    """The vectors of one chunk, as layout.py describes the files of the same names."""

    vector: Vectors
    sentences: NDArray[np.float16]
    tokens: NDArray[np.uint8]
    parts: NDArray[np.int32]

    def digest(self, text: str) -> int:
        """Digest of a chunk's text and vectors."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
        for array in self:
            digest.update(np.ascontiguousarray(array).data)
        return int.from_bytes(digest.digest(), "little")


class Segment:
    """A segment, open for reading. It never changes; which of its articles are still there, a manifest says.

    It is safe to use from several threads, and closed when the last reference to it is gone.
    """

    def __init__(
        self, folder: Path, part: Part, manifest: Manifest, *, check: bool = True, graph: bool = False
    ) -> None:
        """Open a segment.

        Args:
            folder: Contains its files.
            part: What the manifest says about it.
            manifest: The manifest.
            check: Whether to compare the digest of every file first. If not, only ``intact`` rows may be
                used.
            graph: Whether to open the nearest-neighbour graph, if there is one.

        Raises:
            Damaged: A file does not match the manifest.
            NoSpace: The temporary folder has no room for the working copy of Chroma's tables.
        """
        self.folder, self.part = folder, part
        self.graph: NeighbourGraph | None = None
        files, working = part.files, None
        with contextlib.ExitStack() as opened:
            try:
                paths = {file: folder / file for file in files}
                # Small segments have no graph, nor does one whose graph missed too much (``build.check``).
                if graph and any(file.startswith(f"{CHROMA}/") for file in files):
                    working = WorkingFolder()
                    opened.callback(working.remove)
                    tables = f"{CHROMA}/{chroma_store.TABLES}"
                    paths[tables] = working.copy(folder / tables)
                if check:
                    compare(folder.name, part, paths)
                self._read(manifest)
                if check:
                    self.records  # noqa: B018 - so that a line that cannot be parsed is found now
                if working:
                    self.graph = NeighbourGraph(folder / CHROMA, working.path, part.chunks)
                    opened.callback(self.graph.close)
            except (OSError, ValueError, KeyError, TypeError, ChromaFailed) as error:
                if working and isinstance(error, ChromaFailed):
                    working.check_room()
                raise Damaged(f"{folder.name} cannot be read ({error})") from error
            self.close = weakref.finalize(self, opened.pop_all().close)
            """Closes Chroma's files now; later searches compare all vectors."""

    def _read(self, manifest: Manifest) -> None:
        folder, count, sentences, dimension = (
            self.folder,
            self.part.chunks,
            self.part.sentences,
            manifest.dimension,
        )
        self.table = _load(folder / "chunks.npy", mapped=True)
        self.vectors: Vectors = _load(folder / "vectors.npy", mapped=True)
        self.spans: NDArray[np.int32] = _load(folder / "spans.npy", mapped=True)
        self.sentence_vectors: NDArray[np.float16] = _load(folder / "sentences.npy", mapped=True)
        self.sketches: NDArray[np.uint32] = _load(folder / "sketches.npy", mapped=True)
        self._parts = _load(folder / "parts.npy", mapped=True)
        self._digests = _load(folder / "digests.npy", mapped=True)
        sizes = _load(folder / "sizes.npy")
        self._token_of = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        token_bytes = manifest.token_size // 2
        shape = (int(self._token_of[-1]), token_bytes)
        if (folder / TOKENS).stat().st_size != shape[0] * shape[1]:
            raise Damaged(f"{folder.name}/{TOKENS} does not have the size that its manifest says")
        # A file without a byte cannot be mapped.
        self._tokens = np.empty(shape, np.uint8)
        if self._tokens.size:
            self._tokens = np.memmap(folder / TOKENS, np.uint8, "r", shape=shape).view(np.ndarray)
        actual = [self.table.shape, self.vectors.shape, self.spans.shape, self.sentence_vectors.shape]
        actual += [self._parts.shape, sizes.shape, self._digests.shape, self.sketches.shape[:1]]
        expected = [(count,), (count, dimension), *((sentences, size) for size in (3, dimension, 2))]
        expected += [(count,), (count,), (self.part.articles,)]
        if actual != expected:
            raise Damaged(f"{folder.name} has the sizes {actual}, but its manifest says {expected}")
        # First chunk of each article, first sentence of each chunk; the last entry is the end of the last.
        self.chunk_of = np.searchsorted(self.table["article"], np.arange(self.part.articles + 1))
        self._sentence_of = np.searchsorted(self.spans[:, 0], np.arange(count + 1))

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Every article, in the order to which ``table["article"]`` refers."""
        with (self.folder / layout.ARTICLES).open("rb") as file:
            records = tuple(map(Record.from_json, file))
        if len(records) != self.part.articles:
            raise ValueError(f"{len(records)} articles, but its manifest says {self.part.articles}")
        return records

    @cached_property
    def postings(self) -> Postings:
        """The postings of its chunks' terms.

        Raises:
            ValueError: They were written by another version.
        """
        return Postings(self.folder / LEXICAL)

    def sentence_rows(self, row: int) -> slice:
        """The rows of a chunk's sentences in ``spans`` and ``sentence_vectors``."""
        return slice(int(self._sentence_of[row]), int(self._sentence_of[row + 1]))

    def within(self, row: int) -> NDArray[np.int32]:
        """Start and end of each sentence of a chunk, as offsets in the chunk's text."""
        spans: NDArray[np.int32] = self.spans[self.sentence_rows(row), 1:] - self.table["start"][row]
        return spans

    def embedded(self, row: int) -> Embedded:
        """All vectors of a chunk."""
        place = self.sentence_rows(row)
        tokens = self._tokens[self._token_of[row] : self._token_of[row + 1]]
        return Embedded(self.vectors[row], self.sentence_vectors[place], tokens, self._parts[place])

    def intact(self, row: int, text: str) -> bool:
        """Whether a chunk's vectors are those that were written for this text."""
        return self.embedded(row).digest(text) == int(self._digests[row])


def compare(name: str, part: Part, paths: dict[str, Path]) -> None:
    """Compare the digest of every file of a segment.

    Raises:
        Damaged: One is missing or has changed.
    """
    try:
        digest_of = layout.digests(paths)
    except OSError as error:
        raise Damaged(f"{name} cannot be read ({error})") from error
    for file, digest in digest_of.items():
        if digest != part.files[file]:
            raise Damaged(f"{name}/{file} has changed on disk")


def _load(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    return array.view(np.ndarray)  # a plain array: every slice of a np.memmap object is slower
