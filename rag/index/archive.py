"""Archives: an index in one file, as a backup or for another machine (``sanad export``, ``sanad import``).

    sanad.json                 format, embedder, and for each other file its size and sha256
    generation/…               articles, chunks and vectors (layout.py), without graph and lexical index
    uploads/0001 …             uploaded files; their names are in sanad.json

An archive is an uncompressed tar of regular files. It may come from an attacker. Therefore no file is written
to a path that the archive names, links and other special members are refused, sizes are declared in advance
and checked, and the graph and the lexical index, which native libraries parse, are rebuilt instead of
imported. As nothing is compressed, nothing can expand.
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

from rag import __version__
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
"""Largest sanad.json in bytes: that of 100,000 uploaded files is smaller."""

BLOCK = 1 << 20
"""Bytes that are copied in one step."""

RECORD = tarfile.BLOCKSIZE

STAGING = ".import"
"""The folder beside the indexes in which an archive is unpacked."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The result of ``export_index`` or ``import_index``."""

    name: str
    """The index."""
    articles: int
    """Number of articles in it."""
    uploads: int
    """Number of uploaded files in it."""
    size: int
    """Size of the archive in bytes."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of an archive."""

    name: str
    """The name of its tar member."""
    size: int
    """Its size in bytes."""
    sha256: str
    """Its digest in hex."""
    upload: str = ""
    """The original name of an uploaded file; empty for other files."""


def export_index(file: Path, name: str = DEFAULT_INDEX, *, settings: Settings | None = None) -> Moved:
    """Write an index with its articles into one file; no model is needed.

    Args:
        file: The archive to write; it must not exist.
        name: The index.
        settings: Defaults to ``Settings.load()``.

    Raises:
        BadSettings: The file exists or cannot be written.
        IndexMissing: There is no such index.
        IndexUnusable: It is damaged, or was updated twice during the export.
        NoSpace: The disk is full; no incomplete file is left behind.
    """
    settings = settings or Settings.load()
    folder = index_folder(settings, name)
    if file.exists():
        raise BadSettings(f"{str(file)!r} already exists. Choose another file name.")
    unfinished = file.with_name(f".{file.name}.part")
    try:
        with closing(generations.open_generation(folder, search=False)) as generation:
            manifest = _portable_manifest(generation)
            try:
                members, sources = _members(generation, manifest, folder)
                header = {
                    "format": FORMAT,
                    "name": name,
                    "version": __version__,
                    "embedder": generation.embedder,
                    "chunker": generation.chunker,
                    "files": [dataclasses.asdict(one) for one in members],
                }
                with (
                    unfinished.open("wb") as out,
                    tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar,
                ):
                    _add(tar, HEADER, json.dumps(header, ensure_ascii=False).encode())
                    for one, source in zip(members, sources, strict=True):
                        if isinstance(source, bytes):
                            _add(tar, one.name, source)
                        else:
                            _add_file(tar, one, source)
            except FileNotFoundError:
                if generation.is_current:
                    raise
                raise IndexUnusable(f"The index {name!r} was updated during the export. Try again.") from None
        fsync(unfinished)
        unfinished.replace(file)
        return Moved(
            name, len(manifest.articles), sum(bool(one.upload) for one in members), file.stat().st_size
        )
    except OSError as error:
        raise NoSpace(
            f"Cannot write {str(file)!r}: {error.strerror or error}. Free some space, or choose another "
            "file name."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def import_index(
    file: Path,
    name: str = "",
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Create an index from an archive that ``export_index`` wrote on this or another machine.

    Args:
        file: The archive.
        name: The index to create, which must not exist; empty keeps the name from the archive.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Called with the current step and the share of it that is done.

    Raises:
        BadArticles: The file is not an archive of an index, or is damaged or malicious; nothing was imported.
        BadSettings: An index of that name exists, or the archive was made with another embedder or with
            other passages.
        IndexUnusable: Another import is running.
        NoSpace: The disk is too full.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    report = progress or (lambda _what, _share: None)
    try:
        with file.open("rb") as archive:
            size = file.stat().st_size
            header, members = _header(archive, size, settings)
            target = index_folder(settings, name or header["name"])
            if target.exists():
                raise BadSettings(
                    f"An index {target.name!r} already exists. Choose another name: "
                    f"sanad import {file} --index NAME"
                )
            embedder = embedder or open_embedder(settings, report)
            _check_compatible(header["embedder"], embedder.identity, header["chunker"], chunker(settings))
            with _staging(settings) as staging:
                unpacked = staging / target.name
                _unpack(archive, members, unpacked, size, report)
                articles = _install(unpacked, target, settings, embedder, report)
        return Moved(target.name, articles, sum(bool(one.upload) for one in members), size)
    except _BadArchive as error:
        raise BadArticles(
            f"Cannot import {str(file)!r}: {error}. Nothing was imported. Export the index again."
        ) from None
    except FileNotFoundError:
        raise BadArticles(
            f"There is no file {str(file)!r}. Create an archive: sanad export FILE --index NAME"
        ) from None
    except OSError as error:
        raise NoSpace(
            f"Cannot import {str(file)!r}: {error.strerror or error}. Free some space in "
            f"{settings.indexes}, or use another folder: SANAD_INDEXES=/path"
        ) from None


class _BadArchive(Exception):
    """The file is not an archive of an index, or is damaged or malicious; the message says why."""


def _portable_manifest(generation: Generation) -> Manifest:
    """The manifest of a generation without the graph and the lexical index, which the import rebuilds."""
    manifest = Manifest.from_json((generation.folder / MANIFEST).read_bytes())
    files = {path: digest for path, digest in manifest.files.items() if path in layout.REQUIRED}
    # The folder of articles is not named, as it means nothing on another machine.
    return dataclasses.replace(manifest, files=files, source="", terms="")


def _members(
    generation: Generation, manifest: Manifest, folder: Path
) -> tuple[list[_Member], list[Path | bytes]]:
    data = manifest.to_json()
    members = [_Member(f"generation/{MANIFEST}", len(data), hashlib.sha256(data).hexdigest())]
    sources: list[Path | bytes] = [data]
    for path, digest in sorted(manifest.files.items()):
        members.append(_Member(f"generation/{path}", (generation.folder / path).stat().st_size, digest))
        sources.append(generation.folder / path)
    uploaded = folder / uploads.FOLDER
    files = sorted(uploaded.iterdir()) if uploaded.is_dir() else []
    for file in (file for file in files if file.is_file() and uploads.is_name(file.name)):
        number = f"{uploads.FOLDER}/{len(members):04}"
        members.append(_Member(number, file.stat().st_size, sha256(file), file.name))
        sources.append(file)
    return members, sources


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))


def _add_file(tar: tarfile.TarFile, entry: _Member, path: Path) -> None:
    member = tarfile.TarInfo(entry.name)
    member.size = entry.size
    with path.open("rb") as file:
        tar.addfile(member, file)


def _header(archive: IO[bytes], size: int, settings: Settings) -> tuple[dict[str, Any], list[_Member]]:
    """The content of sanad.json, after checking all of it."""
    member = _member(archive)
    if member is None or member.name != HEADER:
        raise _BadArchive("it is not an archive of an index")
    if member.size > MAX_HEADER:
        raise _BadArchive(f"its {HEADER} has {member.size:,} bytes, more than the limit of {MAX_HEADER:,}")
    try:
        header = json.loads(_exactly(archive, member.size))
        texts = (header["name"], header["embedder"], header["chunker"])
        if not all(isinstance(value, str) for value in texts):
            raise TypeError
        if header["format"] != FORMAT:
            raise _BadArchive(f"it has format {header['format']!r}, but this version of sanad reads {FORMAT}")
        members = [_Member(**one) for one in header["files"]]
        for one in members:
            _check_member(one)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _BadArchive(f"its {HEADER} cannot be read") from None
    _padding(archive, member.size)
    names = [one.name for one in members]
    needed = {f"generation/{path}" for path in (*layout.REQUIRED, MANIFEST)}
    if len(set(names)) != len(names) or not needed <= set(names):
        raise _BadArchive(f"its {HEADER} does not list every file exactly once")
    if sum(one.size for one in members) > size:
        raise _BadArchive("it is shorter than the files that it lists")
    settings.indexes.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.indexes).free
    if 3 * size > free:  # unpacked, and rebuilt with graph and lexical index
        raise NoSpace(
            f"The import needs {3 * size / 1e6:,.0f} MB in {settings.indexes}, where {free / 1e6:,.0f} MB "
            "are free. Free some space, or use another folder: SANAD_INDEXES=/path"
        )
    return header, members


def _check_member(member: _Member) -> None:
    known = {f"generation/{path}" for path in (*layout.REQUIRED, MANIFEST)}
    folder, _, number = member.name.partition("/")
    numbered = folder == uploads.FOLDER and number.isascii() and number.isdecimal() and len(number) < 12
    if not (member.name in known and not member.upload) and not numbered:
        raise _BadArchive(f"it contains {member.name!r}, which is not a file of an index")
    if numbered and not uploads.is_name(member.upload):
        raise _BadArchive(f"it contains an uploaded file with the invalid name {member.upload!r}")
    if not isinstance(member.size, int) or member.size < 0 or not isinstance(member.sha256, str):
        raise TypeError


def _member(archive: IO[bytes]) -> tarfile.TarInfo | None:
    """The next member, which must be a regular file; None at the end.

    Headers are not read by tarfile.open, which follows extended headers of any size.
    """
    try:
        member = tarfile.TarInfo.frombuf(archive.read(RECORD), "utf-8", "strict")
    except tarfile.HeaderError:
        return None
    if member.type != tarfile.REGTYPE or member.size < 0:
        raise _BadArchive(f"it contains {member.name!r}, which is not a regular file")
    return member


def _exactly(archive: IO[bytes], size: int) -> bytes:
    data = archive.read(size)
    if len(data) != size:
        raise _BadArchive("it is truncated")
    return data


def _padding(archive: IO[bytes], size: int) -> None:
    archive.read(-size % RECORD)


def _unpack(archive: IO[bytes], members: list[_Member], unpacked: Path, size: int, report: Progress) -> None:
    """Write each file under a name that the archive cannot choose, and compare its digest."""
    generation, uploaded = unpacked / "generation-0001", unpacked / uploads.FOLDER
    generation.mkdir(parents=True)
    if any(one.upload for one in members):
        uploaded.mkdir()
    for one in members:
        member = _member(archive)
        if member is None or (member.name, member.size) != (one.name, one.size):
            raise _BadArchive(f"{one.name} is not at its place")
        path = uploaded / one.upload if one.upload else generation / one.name.partition("/")[2]
        digest, left = hashlib.sha256(), one.size
        with path.open("xb") as out:
            while left:
                block = _exactly(archive, min(BLOCK, left))
                out.write(block)
                digest.update(block)
                left -= len(block)
        if digest.hexdigest() != one.sha256:
            raise _BadArchive(f"{one.upload or one.name} does not have the digest that the archive lists")
        _padding(archive, one.size)
        report("unpacking", min(1.0, archive.tell() / size))


def _install(unpacked: Path, target: Path, settings: Settings, embedder: Embedder, report: Progress) -> int:
    """Build the graph and the lexical index, check everything, and move the index to its place atomically."""
    data = (unpacked / "generation-0001" / MANIFEST).read_bytes()
    (unpacked / CURRENT).write_bytes(layout.entry("generation-0001", data))
    try:
        with closing(generations.open_generation(unpacked, search=False)) as generation:
            _check_compatible(generation.embedder, embedder.identity, generation.chunker, chunker(settings))
            contents = generation.contents(cutter(settings), lexical=bm25.write, terms=bm25.TERMS)
            written = generations.write_generation(unpacked, contents, embedder, report)
    except (IndexMissing, IndexUnusable) as error:
        raise _BadArchive("its content is not an index") from error
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError, AttributeError) as error:
        raise _BadArchive("its content is not an index") from error
    shutil.rmtree(unpacked / "generation-0001")
    unpacked.replace(target)
    fsync(target.parent)
    return written.articles


def _check_compatible(embedder: str, own_embedder: str, cut: str, own_cut: str) -> None:
    rebuild = "or index the articles here: sanad index FOLDER --index NAME"
    if embedder != own_embedder:
        raise BadSettings(
            f"The archive was made with the embedder {embedder}, not {own_embedder}. Use that embedder "
            f"(--embedder, SANAD_EMBEDDER), {rebuild}"
        )
    if cut != own_cut:
        raise BadSettings(
            f"The passages of the archive were split with {cut}, not {own_cut} (version:tokens). Set "
            f"SANAD_CHUNK_TOKENS accordingly, {rebuild}"
        )


@contextlib.contextmanager
def _staging(settings: Settings) -> Iterator[Path]:
    """An empty folder on the disk of the indexes; files that a killed import left there are removed."""
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
