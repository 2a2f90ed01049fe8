"""The files of one generation of an index: their names, formats and digests.

    manifest.json     format, embedder, counts, a digest of each article and of every other file
    articles.jsonl    one line for each article: the article, the source line of each of its lines, its group
    chunks.npy        for each chunk article, start, end, tokens and id; all files below refer to its row here
    vectors.npy       float32 (chunks, dimension)
    spans.npy         int32 (sentences, 3): row of the chunk, start and end in the article's text
    sentences.npy     float16 (sentences, dimension)
    tokens.bin        rows of token_size / 2 bytes, packed by late_interaction.pack, chunk after chunk
    sizes.npy         int32 (chunks,): number of tokens of each chunk
    parts.npy         int32 (sentences, 2): first token and one past the last, counted from the chunk's first
    lexical/          the BM25 index over the chunks' texts (bm25.py)
    chroma/           the nearest-neighbour graph (chroma_store.py); absent below chroma_store.MIN_ROWS chunks

A file is parsed only after its digest has been checked: a damaged file can make Chroma or NumPy return wrong
results or crash the process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rag.models.disk import sha256
from rag.records import Article, Chunk

FORMAT = 2
"""Version of the layout above; a generation with another version is refused."""

MIN_SENTENCE_CHARS = 15
"""Shorter sentences are headings or fragments and are never cited."""

CURRENT = "CURRENT"
"""The file that names the current generation; ``entry`` defines its content."""

CHROMA = "chroma"
LEXICAL = "lexical"
TOKENS = "tokens.bin"
MANIFEST = "manifest.json"

HASH_THREADS = 2
"""Files that are hashed in parallel: the digest of 1 GB takes 0.6 s on one core, and laptops have two."""

Cut = Callable[[Article], Sequence[Chunk]]
"""Splits an article into chunks."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that an index is to contain."""

    articles: tuple[Article, ...]
    """Every article."""
    lines: Mapping[str, tuple[int, ...]]
    """For each article id, the 1-based line of the source file that each line of its text comes from."""
    cut: Cut
    """Called for new and changed articles, and for every article if ``chunker`` has changed."""
    chunker: str
    """Identifies the way articles are split; if it changes, every article is split and embedded again."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """The group of near-duplicates of each article, by id; an absent article is a group of its own."""
    source: str = ""
    """Absolute path of the folder that the articles come from; empty if it is unknown."""
    base: bytes = b""
    """``Generation.entry`` of the generation that these contents were derived from: the update is refused if
    another one is current by then. Empty if they do not depend on the content of the index."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of manifest.json."""

    format: int
    """``FORMAT`` at the time of writing."""
    embedder: str
    """Identity of the embedder."""
    dimension: int
    """Length of a vector."""
    token_size: int
    """Length of a token's vector; 0 if the embedder has no token vectors."""
    chunker: str
    """``Contents.chunker``."""
    chunks: int
    """Number of chunks."""
    sentences: int
    """Number of sentences that can be cited."""
    source: str
    """``Contents.source``."""
    terms: str
    """``bm25.TERMS`` at the time of writing; empty without the lexical index, as in an archive."""
    articles: dict[str, str]
    """A digest of each article and its metadata, by id."""
    files: dict[str, str]
    """The sha256 of every other file, by its path relative to the generation's folder."""

    def to_json(self) -> bytes:
        """The bytes of the file."""
        return json.dumps(dataclasses.asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Parse the bytes of a manifest.

        Raises:
            Damaged: They are not JSON, or do not have these fields.
        """
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise Damaged(f"{MANIFEST} cannot be parsed ({error})") from error


class Damaged(Exception):
    """A file of a generation is missing or has changed since it was written; the message names it."""


def entry(name: str, manifest: bytes) -> bytes:
    """The content of CURRENT if the generation ``name`` with this manifest is the current one."""
    return f"{name} {hashlib.sha256(manifest).hexdigest()}\n".encode()


def read_current(index: Path) -> bytes | None:
    """The bytes of an index's CURRENT; empty if it cannot be read, None if there is none."""
    try:
        return (index / CURRENT).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


_ARRAYS = "chunks.npy spans.npy vectors.npy sentences.npy sizes.npy parts.npy"
REQUIRED = frozenset({"articles.jsonl", TOKENS, *_ARRAYS.split()})
"""Files that every generation has. A manifest without one of them is refused, as it would not be checked."""


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of each file, by its name in ``files``."""
    names = sorted(files, key=lambda name: -files[name].stat().st_size)  # largest first
    with ThreadPoolExecutor(HASH_THREADS) as pool:
        return dict(zip(names, pool.map(lambda name: sha256(files[name]), names), strict=True))
