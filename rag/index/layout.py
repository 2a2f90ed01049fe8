"""The files of one generation of an index: their names, formats and digests.

    manifest.json     format, embedder, counts, a digest of each article and of every other file
    articles.jsonl    one line for each article: the article, the source line of each of its lines, its group
    chunks.npy        one record (chunk_type) for each chunk; all files below refer to a chunk by its row here
    vectors.npy       float32 (chunks, dimension)
    spans.npy         int32 (sentences, 3): row of the chunk, start and end in the article's text
    sentences.npy     float16 (sentences, dimension)
    tokens.bin        rows of token_size / 2 bytes, packed by late_interaction.pack, chunk after chunk
    sizes.npy         int32 (chunks,): number of tokens of each chunk
    parts.npy         int32 (sentences, 2): first token and one past the last, counted from the chunk's first
    lexical/          the BM25 index, written by Contents.lexical
    chroma/           the nearest-neighbour graph (chroma_store.py); absent below chroma_store.MIN_ROWS chunks

A file is parsed only after its digest has been checked: a damaged file can make Chroma or NumPy return wrong
results or crash the process.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import NoSpace
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

WriteLexical = Callable[[Path, Sequence[str]], None]
"""Writes a lexical index into an empty folder, over the chunks' texts in row order."""


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
    lexical: WriteLexical | None = None
    """Writes the lexical index; None leaves it out."""
    terms: str = ""
    """Identifies the way ``lexical`` splits texts into terms; if it changes, a new generation is written."""
    source: str = ""
    """Absolute path of the folder that the articles come from; empty if it is unknown."""
    base: bytes = b""
    """``Generation.entry`` of the generation that these contents were derived from: the update is refused if
    another one is current by then. Empty if they do not depend on the content of the index."""

    def group(self, article_id: str) -> str:
        """The group of near-duplicates that an article belongs to."""
        return self.groups.get(article_id, article_id)


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
    """``Contents.terms``."""
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


def chunk_type(id_bytes: int) -> np.dtype[Any]:
    """The type of a record in chunks.npy.

    Args:
        id_bytes: Length of the longest chunk id in UTF-8.
    """
    offsets = [(name, "<i4") for name in ("article", "start", "end", "tokens")]
    return np.dtype([*offsets, ("id", f"S{max(1, id_bytes)}")])


def write_articles(path: Path, contents: Contents) -> None:
    """Write articles.jsonl."""
    # A JSON escape can put a lone surrogate into a text; it is not valid UTF-8 but must not be lost.
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        for article in contents.articles:
            record = {
                "article": dataclasses.asdict(article),
                "lines": contents.lines[article.id],
                "group": contents.group(article.id),
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


REQUIRED = frozenset(
    {
        "articles.jsonl",
        "chunks.npy",
        "spans.npy",
        "vectors.npy",
        "sentences.npy",
        "sizes.npy",
        "parts.npy",
        TOKENS,
    }
)
"""Files that every generation has. A manifest without one of them is refused, as it would not be checked."""


def files_of(folder: Path) -> list[str]:
    """Sorted relative paths of all files in a generation's folder, without the manifest."""
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in paths if p.as_posix() != MANIFEST)


def digests(folder: Path, files: Iterable[str], copies: Mapping[str, Path] | None = None) -> dict[str, str]:
    """The sha256 of files, each read once.

    Args:
        folder: The generation.
        files: Paths relative to it.
        copies: For some of the files, where to write a copy of exactly the bytes that were hashed.

    Raises:
        OSError: A file cannot be read.
        NoSpace: A copy cannot be written.
    """
    copies = copies or {}

    def digest(file: str) -> str:
        return _copy(folder / file, copies[file]) if file in copies else sha256(folder / file)

    names = sorted(files, key=lambda file: -(folder / file).stat().st_size)  # largest first
    with ThreadPoolExecutor(HASH_THREADS) as pool:
        return dict(zip(names, pool.map(digest, names), strict=True))


def _copy(path: Path, target: Path) -> str:
    data = path.read_bytes()
    try:
        target.write_bytes(data)
    except OSError as error:
        raise no_working_copy(error) from error
    return hashlib.sha256(data).hexdigest()


def no_working_copy(error: OSError) -> NoSpace:
    """The error to raise if the working copy cannot be written to the temporary folder."""
    return NoSpace(
        f"Cannot write a working copy of the index to {tempfile.gettempdir()}: {error.strerror or error}. "
        "Free some space there, or use another folder: TMPDIR=/path"
    )
