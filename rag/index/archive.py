"""An index in one file, to be kept or moved to another machine: ``sanad export`` and ``sanad import``.

    sanad.json                 format, embedder, and for each other file its size and sha256
    generation/…               articles, chunks and vectors (layout.py), without graph and lexical index
    uploads/0001 …             uploaded files; their names are in sanad.json

It is a plain tar of plain files. Whoever made one may have meant harm: nothing is written where it says, no
link or other kind of member is taken, sizes are told before and checked, and what only a native library
reads, graph and lexical index, is not in it but built anew. Nothing is compressed, so nothing can swell.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from rag._version import __version__
from rag.errors import BadArticles, BadSettings, IndexMissing, IndexUnusable, NoSpace
from rag.index import bm25, generations, layout
from rag.index.indexing import chunker, cutter
from rag.index.layout import CURRENT, MANIFEST, Manifest
from rag.index.snapshot import Generation
from rag.loading import uploads
from rag.models.disk import fsync, sha256
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Progress
from rag.settings import DEFAULT_INDEX, Settings, index_folder, quiet_libraries

FORMAT = 1
"""Version of the layout above."""

HEADER = "sanad.json"
MAX_HEADER = 16_000_000
"""Bytes of sanad.json: 100,000 uploaded files have less."""

BLOCK = 1 << 20
"""Bytes that are copied at once."""

RECORD = tarfile.BLOCKSIZE

STAGING = ".import"
"""The folder beside the indexes in which one is made of an archive."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What ``export_index`` wrote or ``import_index`` read."""

    name: str
    """The index."""
    articles: int
    """Articles in it."""
    uploads: int
    """Uploaded files with it."""
    size: int
    """Bytes of the archive."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of an archive."""

    name: str
    """Of its member."""
    size: int
    """In bytes."""
    sha256: str
    """Hex digest."""
    upload: str = ""
    """Of an uploaded file its own name."""


def export_index(file: Path, name: str = DEFAULT_INDEX, *, settings: Settings | None = None) -> Moved:
    """Write an index with its articles into one file; no model is needed.

    Args:
        file: To be written; must not exist.
        name: The index.
        settings: Defaults to ``Settings.load()``.

    Raises:
        BadSettings: The file exists or cannot be written.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, or was updated twice meanwhile.
        NoSpace: The disk is full; nothing is left of the file.
    """
    settings = settings or Settings.load()
    folder = index_folder(settings, name)
    if file.exists():
        raise BadSettings(f"{str(file)!r} exists. Name another file.")
    part = file.with_name(f".{file.name}.part")
    try:
        with closing(generations.open_generation(folder, search=False)) as generation:
            manifest = _without_built(generation)
            try:
                parts, sources = _parts(generation, manifest, folder)
                header = {
                    "format": FORMAT,
                    "name": name,
                    "version": __version__,
                    "embedder": generation.embedder,
                    "chunker": generation.chunker,
                    "files": [dataclasses.asdict(one) for one in parts],
                }
                with (
                    part.open("wb") as out,
                    tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar,
                ):
                    _add(tar, HEADER, json.dumps(header, ensure_ascii=False).encode())
                    for one, source in zip(parts, sources, strict=True):
                        if isinstance(source, bytes):
                            _add(tar, one.name, source)
                        else:
                            _add_file(tar, one, source)
            except FileNotFoundError:
                if generation.is_current:
                    raise
                raise IndexUnusable(f"The index {name!r} was updated meanwhile. Try again.") from None
        fsync(part)
        part.replace(file)
        return Moved(
            name, len(manifest.articles), sum(bool(one.upload) for one in parts), file.stat().st_size
        )
    except OSError as error:
        raise NoSpace(
            f"Cannot write {str(file)!r}: {error.strerror or error}. Make room, or name another file."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def import_index(
    file: Path,
    name: str = "",
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Make an index of what ``export_index`` wrote, on this or another machine.

    Args:
        file: The archive.
        name: The index to make, which must not exist; empty takes the name that it had.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told how it goes.

    Raises:
        BadArticles: The file is no archive of an index, damaged or harmful; nothing was imported.
        BadSettings: An index of that name exists; or it was made with another embedder or another cut.
        IndexUnusable: Another import runs.
        NoSpace: The disk is too full.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    tell = progress or (lambda _what, _share: None)
    try:
        with file.open("rb") as archive:
            size = file.stat().st_size
            header, parts = _header(archive, size, settings)
            target = index_folder(settings, name or header["name"])
            if target.exists():
                raise BadSettings(
                    f"An index {target.name!r} exists. Name another: sanad import {file} --index NAME"
                )
            embedder = embedder or open_embedder(settings, tell)
            _check_alike(header["embedder"], embedder.identity, header["chunker"], chunker(settings))
            with _staging(settings) as staging:
                made = staging / target.name
                _unpack(archive, parts, made, size, tell)
                articles = _install(made, target, settings, embedder, tell)
        return Moved(target.name, articles, sum(bool(one.upload) for one in parts), size)
    except _Wrong as error:
        raise BadArticles(
            f"{str(file)!r} cannot be imported: {error}. Nothing was imported; export the index once more."
        ) from None
    except FileNotFoundError:
        raise BadArticles(
            f"There is no file {str(file)!r}. Make one: sanad export FILE --index NAME"
        ) from None
    except OSError as error:
        raise NoSpace(
            f"Cannot import {str(file)!r}: {error.strerror or error}. Make room in {settings.indexes}, or "
            "name another folder: SANAD_INDEXES=/path"
        ) from None


class _Wrong(Exception):
    """The archive is none, damaged or harmful; the message says why."""


def _without_built(generation: Generation) -> Manifest:
    """The manifest of the generation without graph and lexical index."""
    manifest = Manifest.from_json((generation.folder / MANIFEST).read_bytes())
    files = {path: digest for path, digest in manifest.files.items() if path in layout.REQUIRED}
    # The folder that it was made from is another machine's affair.
    return dataclasses.replace(manifest, files=files, source="", terms="")


def _parts(
    generation: Generation, manifest: Manifest, folder: Path
) -> tuple[list[_Part], list[Path | bytes]]:
    data = manifest.to_json()
    parts = [_Part(f"generation/{MANIFEST}", len(data), hashlib.sha256(data).hexdigest())]
    sources: list[Path | bytes] = [data]
    for path, digest in sorted(manifest.files.items()):
        parts.append(_Part(f"generation/{path}", (generation.folder / path).stat().st_size, digest))
        sources.append(generation.folder / path)
    uploaded = folder / uploads.FOLDER
    found = sorted(uploaded.iterdir()) if uploaded.is_dir() else []
    for file in (file for file in found if file.is_file() and uploads.is_name(file.name)):
        number = f"{uploads.FOLDER}/{len(parts):04}"
        parts.append(_Part(number, file.stat().st_size, sha256(file), file.name))
        sources.append(file)
    return parts, sources


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))


def _add_file(tar: tarfile.TarFile, part: _Part, path: Path) -> None:
    member = tarfile.TarInfo(part.name)
    member.size = part.size
    with path.open("rb") as file:
        tar.addfile(member, file)


def _header(archive: IO[bytes], size: int, settings: Settings) -> tuple[dict[str, Any], list[_Part]]:
    """What sanad.json tells, with everything in it checked."""
    member = _member(archive)
    if member is None or member.name != HEADER:
        raise _Wrong("it is no archive of an index")
    if member.size > MAX_HEADER:
        raise _Wrong(f"its {HEADER} has {member.size:,} bytes, more than {MAX_HEADER:,}")
    try:
        header = json.loads(_exactly(archive, member.size))
        told = (header["name"], header["embedder"], header["chunker"])
        if not all(isinstance(value, str) for value in told):
            raise TypeError
        if header["format"] != FORMAT:
            raise _Wrong(f"it has format {header['format']!r}; this version reads {FORMAT}")
        parts = [_Part(**one) for one in header["files"]]
        for part in parts:
            _check_part(part)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _Wrong(f"its {HEADER} cannot be read") from None
    _padding(archive, member.size)
    names = [part.name for part in parts]
    needed = {f"generation/{path}" for path in (*layout.REQUIRED, MANIFEST)}
    if len(set(names)) != len(names) or not needed <= set(names):
        raise _Wrong(f"its {HEADER} does not name every file once")
    if sum(part.size for part in parts) > size:
        raise _Wrong("it is shorter than it says")
    settings.indexes.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.indexes).free
    if 3 * size > free:  # unpacked, and made into a generation with graph and lexical index
        raise NoSpace(
            f"The import needs {3 * size / 1e6:,.0f} MB in {settings.indexes}, where {free / 1e6:,.0f} MB "
            "are free. Make room, or name another folder: SANAD_INDEXES=/path"
        )
    return header, parts


def _check_part(part: _Part) -> None:
    known = {f"generation/{path}" for path in (*layout.REQUIRED, MANIFEST)}
    folder, _, number = part.name.partition("/")
    numbered = folder == uploads.FOLDER and number.isascii() and number.isdecimal() and len(number) < 12
    if not (part.name in known and not part.upload) and not numbered:
        raise _Wrong(f"it holds {part.name!r}, which no index has")
    if numbered and not uploads.is_name(part.upload):
        raise _Wrong(f"it holds an uploaded file by the name of {part.upload!r}")
    if not isinstance(part.size, int) or part.size < 0 or not isinstance(part.sha256, str):
        raise TypeError


def _member(archive: IO[bytes]) -> tarfile.TarInfo | None:
    """The next member, which must be a plain file; None at the end.

    Not tarfile.open, which follows extended headers of any size on its way.
    """
    try:
        member = tarfile.TarInfo.frombuf(archive.read(RECORD), "utf-8", "strict")
    except tarfile.HeaderError:
        return None
    if member.type != tarfile.REGTYPE or member.size < 0:
        raise _Wrong(f"it holds {member.name!r}, which is no plain file")
    return member


def _exactly(archive: IO[bytes], size: int) -> bytes:
    data = archive.read(size)
    if len(data) != size:
        raise _Wrong("it is cut short")
    return data


def _padding(archive: IO[bytes], size: int) -> None:
    archive.read(-size % RECORD)


def _unpack(archive: IO[bytes], parts: list[_Part], made: Path, size: int, tell: Progress) -> None:
    """Write each file under a name of our own choice, and compare its digest."""
    generation, uploaded = made / "generation-0001", made / uploads.FOLDER
    generation.mkdir(parents=True)
    if any(part.upload for part in parts):
        uploaded.mkdir()
    for part in parts:
        member = _member(archive)
        if member is None or (member.name, member.size) != (part.name, part.size):
            raise _Wrong(f"{part.name} is not where it should be")
        path = uploaded / part.upload if part.upload else generation / part.name.partition("/")[2]
        digest, left = hashlib.sha256(), part.size
        with path.open("xb") as out:
            while left:
                block = _exactly(archive, min(BLOCK, left))
                out.write(block)
                digest.update(block)
                left -= len(block)
        if digest.hexdigest() != part.sha256:
            raise _Wrong(f"{part.upload or part.name} changed on its way")
        _padding(archive, part.size)
        tell("unpacking", min(1.0, archive.tell() / size))


def _install(made: Path, target: Path, settings: Settings, embedder: Embedder, tell: Progress) -> int:
    """Build graph and lexical index, check all, and put it in its place at once."""
    data = (made / "generation-0001" / MANIFEST).read_bytes()
    (made / CURRENT).write_bytes(layout.entry("generation-0001", data))
    try:
        with closing(generations.open_generation(made, search=False)) as generation:
            _check_alike(generation.embedder, embedder.identity, generation.chunker, chunker(settings))
            contents = generation.contents(cutter(settings), lexical=bm25.write, terms=bm25.TERMS)
            written = generations.write_generation(made, contents, embedder, tell)
    except (IndexMissing, IndexUnusable) as error:
        raise _Wrong("what it holds is no index") from error
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError, AttributeError) as error:
        raise _Wrong("what it holds is no index") from error
    shutil.rmtree(made / "generation-0001")
    made.replace(target)
    fsync(target.parent)
    return written.articles


def _check_alike(embedder: str, own_embedder: str, cut: str, own_cut: str) -> None:
    anew = "or index the articles here: sanad index FOLDER --index NAME"
    if embedder != own_embedder:
        raise BadSettings(
            f"The archive was made with the embedder {embedder}, not {own_embedder}. Name that embedder "
            f"(--embedder, SANAD_EMBEDDER), {anew}"
        )
    if cut != own_cut:
        raise BadSettings(
            f"The passages of the archive were cut as {cut}, not {own_cut} (version:tokens). Set "
            f"SANAD_CHUNK_TOKENS alike, {anew}"
        )


@contextlib.contextmanager
def _staging(settings: Settings) -> Iterator[Path]:
    """An empty folder on the disk of the indexes; what a killed import left there is removed."""
    from filelock import FileLock, Timeout

    settings.indexes.mkdir(parents=True, exist_ok=True)
    folder = settings.indexes / STAGING
    try:
        with FileLock(settings.indexes / f"{STAGING}.lock", timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise IndexUnusable("Another import is running. Wait until it ends, then try again.") from None
