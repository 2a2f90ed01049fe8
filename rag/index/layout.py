"""The files of one generation of an index: their names, formats and digests.

    manifest.json     format, embedder, counts, a digest of each article and of every other file
    articles.jsonl    a line an article: the article, the source line of each of its lines, its group
    chunks.npy        CHUNK records in row order: a row number names a chunk everywhere below
    vectors.npy       float32 (chunks, dimension)
    spans.npy         int32 (sentences, 3): row of the chunk, start and end in the article's text
    sentences.npy     float16 (sentences, dimension)
    tokens.bin        rows of token_size / 2 bytes, packed by rag.late, chunk after chunk
    sizes.npy         int32 (chunks,): tokens of each chunk
    parts.npy         int32 (sentences, 2): first token and one past the last, counted from the chunk's first
    lexical/          what Contents.lexical wrote
    chroma/           the graph of rag.neighbours; absent below neighbours.MIN_ROWS chunks

Nothing of a file is parsed before its digest was compared: a damaged file can make Chroma or NumPy give
wrong answers, or end the process.
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
"""Version of the layout above; a generation of another one is refused."""

MIN_SENTENCE_CHARS = 15
"""A shorter sentence is a heading or a fragment, which says nothing that could be cited."""

CURRENT = "CURRENT"
"""The file beside the generations that names one of them; see ``entry``."""

CHROMA = "chroma"
LEXICAL = "lexical"
TOKENS = "tokens.bin"
MANIFEST = "manifest.json"

HASH_THREADS = 2
"""Files that are hashed at once: the digest of 1 GB takes 0.6 s on one core, and laptops have two."""

Cut = Callable[[Article], Sequence[Chunk]]
"""Cuts an article into chunks."""

WriteLexical = Callable[[Path, Sequence[str]], None]
"""Writes a lexical index into an empty folder, over the chunks' texts in row order."""


@dataclass(frozen=True, slots=True)
class Contents:
    """All that an index is to hold."""

    articles: tuple[Article, ...]
    """Every article."""
    lines: Mapping[str, tuple[int, ...]]
    """For each article id the 1-based line of the source file for each line of its text."""
    cut: Cut
    """Called for articles that are new or changed, and for all when ``chunker`` is another one."""
    chunker: str
    """Names how articles are cut; another one cuts and embeds them anew."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """For each article id the group of near-duplicates that it is in; an id that is absent is its own."""
    lexical: WriteLexical | None = None
    """Writes the lexical index; None leaves it out."""
    terms: str = ""
    """Names how ``lexical`` takes texts apart; another one makes a new generation."""
    source: str = ""
    """The folder that the articles come from, absolute; empty where that is not known."""
    base: bytes = b""
    """``Generation.entry`` of the generation that these were derived from: the update is refused if another
    one is current by then. Empty where they do not depend on what the index holds."""

    def group(self, article_id: str) -> str:
        """The group of near-duplicates that an article is in."""
        return self.groups.get(article_id, article_id)


@dataclass(frozen=True, slots=True)
class Manifest:
    """manifest.json."""

    format: int
    """``FORMAT`` of the version that wrote it."""
    embedder: str
    """Identity of the embedder."""
    dimension: int
    """Numbers in a vector."""
    token_size: int
    """Numbers in a token's vector; 0 where there are none."""
    chunker: str
    """How articles were cut."""
    chunks: int
    """How many."""
    sentences: int
    """How many."""
    source: str
    """``Contents.source``."""
    terms: str
    """``Contents.terms``."""
    articles: dict[str, str]
    """A digest of each article with its catalogue entry, by id."""
    files: dict[str, str]
    """The sha256 of every other file, by its path relative to the generation."""

    def to_json(self) -> bytes:
        """The file's bytes."""
        return json.dumps(dataclasses.asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """The manifest whose bytes these are.

        Raises:
            Damaged: It is no JSON, or not of these fields.
        """
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise Damaged(f"{MANIFEST} cannot be read ({error})") from error


class Damaged(Exception):
    """A file of a generation is not as it was written; the message names it and says how."""


def entry(name: str, manifest: bytes) -> bytes:
    """What CURRENT holds when the generation ``name`` with this manifest is current."""
    return f"{name} {hashlib.sha256(manifest).hexdigest()}\n".encode()


def read_current(index: Path) -> bytes | None:
    """The bytes of an index's CURRENT; empty where it cannot be read, None where there is none."""
    try:
        return (index / CURRENT).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def chunk_type(id_bytes: int) -> np.dtype[Any]:
    """The record of a chunk in chunks.npy.

    Args:
        id_bytes: Length of the longest chunk id in UTF-8.
    """
    offsets = [(name, "<i4") for name in ("article", "start", "end", "tokens")]
    return np.dtype([*offsets, ("id", f"S{max(1, id_bytes)}")])


def write_articles(path: Path, contents: Contents) -> None:
    """Write articles.jsonl."""
    # A lone surrogate, which a JSON escape can bring into a text, is no UTF-8 but must not be lost either.
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        for article in contents.articles:
            told = {
                "article": dataclasses.asdict(article),
                "lines": contents.lines[article.id],
                "group": contents.group(article.id),
            }
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


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
"""Files of every generation; a manifest that leaves one out would leave it unchecked."""


def files_of(folder: Path) -> list[str]:
    """Paths of all files in a generation but the manifest, relative to it, sorted."""
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in paths if p.as_posix() != MANIFEST)


def digests(folder: Path, files: Iterable[str], copies: Mapping[str, Path] | None = None) -> dict[str, str]:
    """The sha256 of files, each read once.

    Args:
        folder: The generation.
        files: Paths relative to it.
        copies: Where to write a copy of the very bytes that were hashed, for some of the files.

    Raises:
        OSError: A file cannot be read.
        NoSpace: A copy cannot be written.
    """
    copies = copies or {}

    def digest(file: str) -> str:
        return _copy(folder / file, copies[file]) if file in copies else sha256(folder / file)

    names = sorted(files, key=lambda file: -(folder / file).stat().st_size)  # the largest one first
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
    """The error to raise when the temporary folder cannot take the working copy."""
    return NoSpace(
        f"Cannot make a working copy of the index in {tempfile.gettempdir()}: {error.strerror or error}. "
        "Make room there, or name another folder: TMPDIR=/path"
    )
