"""The files of an index on disk: their names, formats and digests.

    indexes/NAME/CURRENT                  the generation that readers open, and its manifest's sha256
    indexes/NAME/generation-0003/         a manifest, and the segment that was written with it
        manifest.json                     what every article and vector of this generation is read from
        articles.jsonl                    a line for each article: itself, the source line of each line of it
        places.json                       for each article id, fingerprint, offset and size of its line
        sketches.npy                      uint32 (articles, 128): MinHash of each article (duplicates.py)
        chunks.npy                        for each chunk article, start, end, tokens and id
        vectors.npy                       float32 (chunks, dimension)
        spans.npy                         int32 (sentences, 3): row of the chunk, start and end in the article
        sentences.npy                     float16 (sentences, dimension)
        tokens.bin                        rows of token_size / 2 bytes (late_interaction.pack), by chunk
        sizes.npy                         int32 (chunks,): number of tokens of each chunk
        parts.npy                         int32 (sentences, 2): first token in the chunk, one past the last
        digests.npy                       uint64 (chunks,): digest of the text and all vectors of each chunk
        lexical/                          the postings of the chunks' terms (bm25.py)
        chroma/                           the nearest-neighbour graph (chroma_store.py), in large segments
    indexes/NAME/generation-0002/         the previous manifest, and a segment that both use
    indexes/NAME/.checked                 size and times of every file when its digest was last compared
    indexes/NAME/chroma/, .collection     a copy of all chunks for other programs (collection.py)
    indexes/NAME/.files.json              what the last update read in each file of the folder (unchanged.py)
    indexes/NAME/.uploads.json            the same of the uploaded files

A segment never changes. The manifest lists the segments of its generation, and for each which of its articles
were replaced or removed since. A file is parsed only after its digest has been checked: a damaged file can
make Chroma or NumPy return wrong results or crash the process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import IndexMissing, IndexUnusable
from rag.models.disk import sha256
from rag.records import Article, Chunk
from rag.settings import DEFAULT_INDEX

FORMAT = 3
"""Version of the layout above; a generation with another version is refused."""

MIN_SENTENCE_CHARS = 15
"""Shorter sentences are headings or fragments and are never cited."""

CURRENT = "CURRENT"
"""The file that names the current generation; ``entry`` defines its content."""

CHROMA = "chroma"
LEXICAL = "lexical"
TOKENS = "tokens.bin"
ARTICLES = "articles.jsonl"
PLACES = "places.json"
MANIFEST = "manifest.json"

HASH_THREADS = 2
"""Files that are hashed in parallel: the digest of 1 GB takes 0.6 s on one core, and laptops have two."""

NAME = re.compile(r"generation-\d{4,}")

Cut = Callable[[Article], Sequence[Chunk]]
"""Splits an article into chunks."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that an index is to contain."""

    articles: tuple[Article, ...]
    """Every article that is not in ``keep``; those that the index contains already are not written again."""
    lines: Mapping[str, tuple[int, ...]]
    """For each id of them, the 1-based line of the source file that each line of its text comes from."""
    cut: Cut
    """Called for new and changed articles, and for every article if ``chunker`` has changed."""
    chunker: str
    """Identifies the way articles are split; if it changes, every article is split and embedded again."""
    groups: Mapping[str, str] | None = field(default_factory=dict)
    """The group of near-duplicates of each article, by id; an absent article is a group of its own. If None,
    ``duplicates`` finds them."""
    source: str = ""
    """Absolute path of the folder that the articles come from; empty if it is unknown."""
    base: bytes = b""
    """Content of CURRENT that these contents were derived from: the update is refused if it is another one by
    then. Empty if there was none, or if they do not depend on the content of the index."""
    keep: Collection[str] = ()
    """Ids of the articles of the index that stay as they are."""


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a generation."""

    folder: str
    """Name of the generation that it was written with."""
    articles: int
    """Number of articles in its files."""
    chunks: int
    """Number of chunks in its files."""
    sentences: int
    """Number of sentences in its files that can be cited."""
    files: Mapping[str, str]
    """The sha256 of every file, by its path relative to the folder."""
    dead: Sequence[int] = ()
    """Places of the articles that were replaced or removed since, sorted."""
    dead_chunks: int = 0
    """Number of their chunks."""


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
    source: str
    """``Contents.source``."""
    terms: str
    """``bm25.TERMS`` at the time of writing; empty without the lexical index, as in an archive."""
    groups: Mapping[str, str]
    """The group of each article that is not named after it, by the article's id."""
    segments: tuple[Part, ...]
    """Where everything is."""

    def to_json(self) -> bytes:
        """The bytes of the file."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Parse the bytes of a manifest.

        Raises:
            Damaged: They are not JSON, or do not have these fields.
        """
        try:
            fields = json.loads(data)
            segments = tuple(Part(**part) for part in fields.pop("segments"))
            for part in segments:
                if not NAME.fullmatch(part.folder) or not part.files.keys() >= REQUIRED:
                    raise ValueError(f"the segment {part.folder!r} does not list every file")
            return cls(**fields, segments=segments)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(f"{MANIFEST} cannot be parsed ({error})") from error


class Damaged(Exception):
    """A file of a generation is missing or has changed since it was written; the message names it."""


def entry(name: str, manifest: bytes) -> bytes:
    """The content of CURRENT if the generation ``name`` with this manifest is the current one."""
    return f"{name} {hashlib.sha256(manifest).hexdigest()}\n".encode()


def exists(index: Path) -> bool:
    """Whether a folder is that of an index, perhaps of a damaged one."""
    return read_current(index) is not None or any(index.glob("generation-*"))


def read_current(index: Path) -> bytes | None:
    """The bytes of an index's CURRENT; empty if it cannot be read, None if there is none."""
    try:
        return (index / CURRENT).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def read_manifest(index: Path, current: bytes | None) -> tuple[str, Manifest]:
    """The current generation's name, and its manifest, whose digest has been checked.

    Raises:
        IndexMissing: There is no generation.
        IndexUnusable: It has another format.
        Damaged: CURRENT or the manifest has changed since it was written.
    """
    if current is None and not exists(index):
        raise IndexMissing(f"There is no index {index.name!r} in {index.parent}. Build it: {command(index)}")
    name = current_name(current)
    if name is None:
        raise _no_name(index, current)
    try:
        data = (index / name / MANIFEST).read_bytes()
    except OSError as error:
        raise Damaged(f"{name} cannot be read ({error})") from error
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if (version := json.loads(data)["format"]) != FORMAT:
            raise IndexUnusable(
                f"The index {index.name!r} has format {version}, but this version of sanad reads {FORMAT}. "
                f"Rebuild it: {command(index)}"
            )
    if current != entry(name, data):
        raise Damaged(f"{CURRENT} and {name}/{MANIFEST} do not match")
    return name, Manifest.from_json(data)


def _no_name(index: Path, current: bytes | None) -> Damaged:
    """Why the content of CURRENT names no generation."""
    if current is None:
        return Damaged(f"{CURRENT} is missing")
    damaged = Damaged(f"{CURRENT} has changed on disk")
    try:
        (index / CURRENT).read_bytes()
    except OSError as error:
        damaged = Damaged(f"{CURRENT} cannot be read ({error})")
        damaged.__cause__ = error
    return damaged


def current_name(current: bytes | None) -> str | None:
    """The generation that the content of CURRENT names; None if it names none."""
    generation = NAME.match((current or b"").decode("utf-8", "replace"))
    return generation.group() if generation else None


def check_compatible(index: Path, manifest: Manifest, embedder: str | None, chunker: str | None) -> None:
    """Raise IndexUnusable if the index was built with another embedder or chunker; None stands for any."""
    if embedder is not None and manifest.embedder != embedder:
        raise IndexUnusable(
            f"The index {index.name!r} was built with the embedder {manifest.embedder}, not {embedder}. "
            f"Use that embedder (--embedder), or rebuild the index: {command(index)}"
        )
    if chunker is not None and manifest.chunker != chunker:
        raise IndexUnusable(
            f"The passages of the index {index.name!r} were split with {manifest.chunker}, not {chunker} "
            f"(version:tokens). Restore SANAD_CHUNK_TOKENS, or rebuild the index: {command(index)}"
        )


def damage(index: Path, error: Damaged) -> IndexUnusable:
    """What is reported of an index that is damaged, or that this user may not read."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PermissionError):
            return IndexUnusable(
                f"The index {index.name!r} cannot be read: {cause.filename}: {cause.strerror}. Give your "
                f"user the right to read every file in {index}"
            )
        cause = cause.__cause__
    return IndexUnusable(f"The index {index.name!r} is damaged: {error}. Rebuild it: {command(index)}")


def command(index: Path) -> str:
    """The command that rebuilds an index."""
    return "sanad index" if index.name == DEFAULT_INDEX else f"sanad index FOLDER --index {index.name}"


_ARRAYS = "chunks.npy spans.npy vectors.npy sentences.npy sizes.npy parts.npy digests.npy sketches.npy"
REQUIRED = frozenset({ARTICLES, PLACES, TOKENS, *_ARRAYS.split()})
"""Files that every segment has. A manifest without one of them is refused, as it would not be checked."""


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    """The sha256 of each file, by its name in ``files``."""
    names = sorted(files, key=lambda name: -files[name].stat().st_size)  # largest first
    if len(names) < HASH_THREADS:
        return {name: sha256(files[name]) for name in names}
    with ThreadPoolExecutor(HASH_THREADS) as pool:
        return dict(zip(names, pool.map(lambda name: sha256(files[name]), names), strict=True))
