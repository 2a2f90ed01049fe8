"""The Chroma collection of an index: every chunk with its text and metadata, for other programs to read.

    indexes/NAME/chroma/         the collection, unless ``Settings.chroma_url`` names a server for it
    indexes/NAME/.collection     the generation that it contains, and where it is

It is derived from the segments after an update has made its generation current. No answer is computed from
it: any client can open it for writing, so it has no digests. An update changes the rows of those articles
alone that differ between the generation that the collection contains and the current one. It is written again
from the segments if it is missing or damaged, or if the generation that it contains is no longer there.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rag.errors import IndexUnusable
from rag.index import layout
from rag.index.chroma_store import ARTICLE, ROWS, ChromaFailed, Collection, Rows, server_version
from rag.index.generations import writer_lock
from rag.index.layout import CHROMA, MANIFEST, Damaged, Manifest
from rag.index.segments.ledger import Ledger, forget_checked
from rag.records import Article, Progress, date_span

STATE = ".collection"

TENANT, DATABASE = "default_tenant", "default_database"
"""Where the collections are: Chroma's own defaults, so that a client need not name them."""

KEYS = (
    ARTICLE, "start", "end", "title", "language", "source",
    "outlet", "published", "published_from", "published_until",
)  # fmt: skip
"""Metadata of a chunk. ``text == article.text[start:end]``. The last four are missing where the article does
not state them; the last two are the first and last day of the date as numbers (20240906), for ranges."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a collection is and what it contains."""

    place: Path | str
    """Its folder, or the address of the server."""
    name: str
    """Its name."""
    chunks: int
    """Chunks in it."""
    expected: int
    """Chunks in the index. If the collection has another number, the next update writes it again."""
    fix: str
    """The command that does so."""

    @property
    def code(self) -> tuple[str, ...]:
        """Lines of Python that read it."""
        client = f"PersistentClient({str(self.place)!r})"
        if isinstance(self.place, str):
            _, host, port = re.split(r"://|:(?=\d+/*$)", self.place.rstrip("/"))
            secure = ", ssl=True" if self.place.startswith("https") else ""
            client = f"HttpClient({host!r}, {port}{secure})"
        return (
            "import chromadb",
            f"client = chromadb.{client}",
            f"collection = client.get_collection({self.name!r})",
            'print(collection.get(limit=3, include=["documents", "metadatas"]))',
        )


def name_of(index: Path) -> str:
    """The name of an index's collection, in the characters that Chroma allows."""
    if re.fullmatch(r"[a-zA-Z0-9._-]*[a-zA-Z0-9]", index.name):
        return f"sanad-{index.name}"
    return f"sanad-{hashlib.sha256(index.name.encode()).hexdigest()[:16]}"


def check_server(url: str) -> None:
    """Raise IndexUnusable if there is an address (``Settings.chroma_url``) and its server cannot be used."""
    if not url:
        return
    needed = version("chromadb")
    try:
        running = server_version(url)
    except OSError as error:
        raise IndexUnusable(
            f"The Chroma server {url} (SANAD_CHROMA_URL) cannot be used: {error}. Nothing was changed. Start "
            "it (chroma run --path FOLDER --host HOST --port PORT), or unset SANAD_CHROMA_URL."
        ) from error
    if running.partition(".")[0] != needed.partition(".")[0]:
        raise IndexUnusable(
            f"The Chroma server {url} (SANAD_CHROMA_URL) has version {running}, but this version of sanad "
            f"needs Chroma {needed}. Nothing was changed. Install chromadb=={needed} there, or unset "
            "SANAD_CHROMA_URL."
        )


def bring_up_to_date(index: Path, url: str, progress: Progress) -> None:
    """Make the collection of an index contain its current generation.

    If another process is writing the index, that one does so when it ends.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, or the collection cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(writer_lock(index))
        except IndexUnusable:
            return
        held.enter_context(_errors(index, url))
        current = (layout.read_current(index) or b"").decode().strip()
        file, place = index / STATE, url or index / CHROMA
        state = file.read_text(encoding="utf-8") if file.is_file() else ""
        if state == f"{current} {url}" and (url or (index / CHROMA).is_dir()):
            return
        ledger = Ledger(index)
        before = state.removesuffix(f" {url}")
        old = _manifest(index, before, ledger.manifest)
        try:
            _write(place, ledger, current, before if old else "", old, progress)
        except ChromaFailed:
            if url:
                raise
            shutil.rmtree(index / CHROMA, ignore_errors=True)
            _write(place, ledger, current, "", None, progress)
        file.write_text(f"{current} {url}", encoding="utf-8")


def _write(
    place: Path | str, ledger: Ledger, current: str, before: str, old: Manifest | None, progress: Progress
) -> None:
    with contextlib.closing(Collection(place, name_of(ledger.index))) as collection:
        if old and collection.generation == before:
            gone, fresh = _differences(ledger, old)
            collection.update(gone, _rows(ledger, fresh, lambda _what, _share: None), current)
            return
        collection.rebuild(_rows(ledger, list(ledger.places), progress), current)
        if collection.count() != ledger.manifest.chunks:
            raise ChromaFailed(f"it has {collection.count()} chunks instead of {ledger.manifest.chunks}")


def _manifest(index: Path, entry: str, now: Manifest) -> Manifest | None:
    """The manifest that an entry of CURRENT names; None if it is no longer there or all chunks are others."""
    name = layout.current_name(entry.encode())
    try:
        data = (index / (name or "none") / MANIFEST).read_bytes()
        if layout.entry(name or "", data).decode().strip() != entry:
            return None
        old = Manifest.from_json(data)
    except (OSError, Damaged):
        return None
    return old if (old.embedder, old.chunker) == (now.embedder, now.chunker) else None


def _differences(ledger: Ledger, old: Manifest) -> tuple[list[str], list[str]]:
    """Ids of the articles whose chunks are to be removed, and of those whose chunks are to be added."""

    def live(one: Manifest, other: Manifest) -> dict[str, str]:
        """Fingerprints of the articles of the segments that are not the same in both."""
        differences: dict[str, str] = {}
        for part in one.segments:
            if part not in other.segments:
                listed = dict(enumerate(ledger.listed(part)))
                differences |= {
                    listed[place][0]: listed[place][1] for place in listed.keys() - set(part.dead)
                }
        return differences

    before, now = live(old, ledger.manifest), live(ledger.manifest, old)
    gone = [i for i, fingerprint in before.items() if now.get(i) != fingerprint]
    return [_writable(i) for i in gone], [i for i, fingerprint in now.items() if before.get(i) != fingerprint]


def _rows(ledger: Ledger, article_ids: Sequence[str], progress: Progress) -> Iterator[Rows]:
    """The chunks of articles, after their digests were compared."""
    rows = Rows([], [], [], [])
    for done, article_id in enumerate(sorted(article_ids, key=ledger.places.__getitem__)):
        article, place = ledger.article(article_id), ledger.places[article_id]
        segment = ledger.segment(place.segment)
        for row in range(int(segment.chunk_of[place.place]), int(segment.chunk_of[place.place + 1])):
            _, start, end, _, name = segment.table[row].item()
            text = article.text[start:end]
            if not segment.intact(row, text):
                raise Damaged(f"the vectors of the article {article_id!r} have changed on disk")
            rows.ids.append(name.decode())
            rows.texts.append(_writable(text))
            rows.metadata.append(_metadata(article, start, end))
            rows.vectors.append(segment.vectors[row])
            if len(rows.ids) == ROWS:
                progress("updating the collection", done / len(article_ids))
                yield rows
                rows = Rows([], [], [], [])
    if rows.ids:
        yield rows


def _metadata(article: Article, start: int, end: int) -> dict[str, str | int]:
    texts = (article.id, article.title, article.language, article.source)
    known: dict[str, str | int] = dict(
        zip((ARTICLE, "title", "language", "source"), map(_writable, texts), strict=True)
    )
    known |= {"start": start, "end": end}
    if article.outlet is not None:
        known["outlet"] = _writable(article.outlet)
    if article.published:
        known["published"] = article.published
        with contextlib.suppress(ValueError):
            first, last = (int(f"{day:%Y%m%d}") for day in date_span(article.published))
            known |= {"published_from": first, "published_until": last}
    return known


def _writable(text: str) -> str:
    """A text of the same length that is valid UTF-8: JSON can put lone surrogates into one."""
    return text.encode("utf-8", "replace").decode()


def show(index: Path, url: str) -> Shown:
    """Where the collection of an index is; it is opened and counted.

    Raises:
        IndexMissing: There is no such index.
        IndexUnusable: Another process is writing it, or the collection cannot be opened.
    """
    check_server(url)
    with _errors(index, url):
        _, manifest = layout.read_manifest(index, layout.read_current(index))
    place, chunks = url or index.resolve() / CHROMA, 0
    with writer_lock(index), _errors(index, url):
        if url or (index / CHROMA).is_dir():
            with contextlib.closing(Collection(place, name_of(index))) as collection:
                chunks = collection.count()
        if chunks != manifest.chunks:
            (index / STATE).unlink(missing_ok=True)
    return Shown(place, name_of(index), chunks, manifest.chunks, layout.command(index))


@contextlib.contextmanager
def _errors(index: Path, url: str) -> Iterator[None]:
    place = f"on the server {url} (SANAD_CHROMA_URL)" if url else f"in {index / CHROMA}"
    fix = "Start that server" if url else "Free some space if the disk is full"
    try:
        yield
    except Damaged as error:
        forget_checked(index)
        raise layout.damage(index, error) from error
    except (ChromaFailed, OSError) as error:
        raise IndexUnusable(
            f"The index {index.name!r} is complete and in use, but its Chroma collection {place} is not up "
            f"to date: {' '.join(str(error).split())}. {fix}, then run: {layout.command(index)}"
        ) from error
