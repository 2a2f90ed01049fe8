"""Archives: an index in one file, as a backup or for another machine (``sanad export``, ``sanad import``).

    sanad.json                 format, embedder, and for each other file its size and sha256
    generation/…               articles, chunks and vectors in one segment (layout.py), no graph, no words
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
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from rag import __version__
from rag.errors import BadArticles, BadSettings, IndexMissing, IndexUnusable, NoSpace
from rag.index import build, collection, generations, layout
from rag.index.build import Item
from rag.index.indexing import chunker, cutter, prepared
from rag.index.layout import CURRENT, MANIFEST, Manifest
from rag.index.snapshot import Generation
from rag.loading import uploads
from rag.models.disk import fsync, replace, sha256
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.records import Progress
from rag.settings import DEFAULT_INDEX, Settings, command_line, index_folder

FORMAT = 2
"""Version of the layout above."""

HEADER = "sanad.json"
MAX_HEADER = 16_000_000
"""Largest sanad.json in bytes: that of 100,000 uploaded files is smaller."""

BLOCK = 1 << 20
"""Bytes that are copied in one step."""

RECORD = tarfile.BLOCKSIZE

GENERATION = frozenset(f"generation/{path}" for path in (*layout.REQUIRED, MANIFEST))
"""The files of a generation that every archive contains."""

FIRST = "generation-0001"
"""The name of the generation in an archive."""

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
    """Write an index with its articles into one file, which must not exist; no model is needed.

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
        with (
            closing(generations.open_generation(folder, search=False)) as generation,
            tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as work,
        ):
            try:
                whole, manifest = _portable(generation, Path(work))
                members = _members(whole, manifest, folder)
                header = {
                    "format": FORMAT,
                    "name": name,
                    "version": __version__,
                    "embedder": manifest.embedder,
                    "chunker": manifest.chunker,
                    "files": [dataclasses.asdict(one) for one, _ in members],
                }
                data = json.dumps(header, ensure_ascii=False).encode()
                with tarfile.open(unfinished, "w", format=tarfile.GNU_FORMAT) as tar:
                    _add(tar, HEADER, len(data), data)
                    for one, source in members:
                        _add(tar, one.name, one.size, source)
            except FileNotFoundError:
                if generation.is_current:
                    raise
                raise IndexUnusable(f"The index {name!r} was updated during the export. Try again.") from None
        fsync(unfinished)
        replace(unfinished, file)
        uploaded = _uploaded(one for one, _ in members)
        return Moved(name, len(generation.articles), uploaded, file.stat().st_size)
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

    The index must not exist; an empty name keeps the one from the archive. The other arguments are those of
    ``build_index``.

    Raises:
        BadArticles: The file is not an archive of an index, or is damaged or malicious; nothing was imported.
        BadSettings: An index of that name exists, or the archive was made with another embedder or with
            other passages.
        IndexUnusable: Another import is running.
        NoSpace: The disk is too full.
        PermissionError: The file or the folder of the indexes may not be used.
    """
    settings, report = prepared(settings, progress)
    collection.check_server(settings.chroma_url)
    try:
        with file.open("rb") as archive:
            size = file.stat().st_size
            header, members = _header(archive, size, settings)
            target = index_folder(settings, name or header["name"])
            if target.exists():
                again = command_line("sanad", "import", str(file), "--index", "NAME")
                raise BadSettings(f"An index {target.name!r} already exists. Choose another name: {again}")
            embedder = embedder or open_embedder(settings, report)
            _check_compatible(header, embedder, settings)
            with _staging(settings) as staging:
                unpacked = staging / target.name
                _unpack(archive, members, unpacked, size, report)
                articles = _install(unpacked, target, settings, embedder, report)
        collection.bring_up_to_date(target, settings.chroma_url, report)
        return Moved(target.name, articles, _uploaded(members), size)
    except _BadArchive as error:
        raise BadArticles(
            f"Cannot import {str(file)!r}: {error}. Nothing was imported. Export the index again."
        ) from None
    except FileNotFoundError:
        raise BadArticles(
            f"There is no file {str(file)!r}. Create an archive: sanad export FILE --index NAME"
        ) from None
    except PermissionError:  # room would not help: the command names the path
        raise
    except OSError as error:
        raise NoSpace(
            f"Cannot import {str(file)!r}: {error.strerror or error}. Free some space in "
            f"{settings.indexes}, or use another folder: SANAD_INDEXES=/path"
        ) from None


class _BadArchive(Exception):
    """The file is not an archive of an index, or is damaged or malicious; the message says why."""


def _portable(generation: Generation, work: Path) -> tuple[Path, Manifest]:
    """One segment with all articles, which is written to ``work`` unless there is one, and its manifest.

    It has neither graph nor lexical index, which the import rebuilds.
    """
    manifest, segments = generation.manifest, generation.segments
    parts = manifest.segments
    if len(parts) == 1 and not parts[0].dead:
        folder, part = segments[0].folder, parts[0]
    else:
        items = [
            Item(record, (segment, place))
            for segment, part in zip(segments, parts, strict=True)
            for place, record in enumerate(segment.records)
            if place not in set(part.dead)
        ]
        folder, part = work, build.copied(work, items, manifest.dimension)
    files = {path: digest for path, digest in part.files.items() if path in layout.REQUIRED}
    part = dataclasses.replace(part, folder=FIRST, files=files)
    # The folder of articles is not named, as it means nothing on another machine.
    return folder, dataclasses.replace(manifest, segments=(part,), source="", terms="")


def _members(whole: Path, manifest: Manifest, folder: Path) -> list[tuple[_Member, Path | bytes]]:
    """The files of an archive after its header, each with its content or the file that contains it."""
    data = manifest.to_json()
    digest = hashlib.sha256(data).hexdigest()
    members: list[tuple[_Member, Path | bytes]] = [
        (_Member(f"generation/{MANIFEST}", len(data), digest), data)
    ]
    for name, digest in sorted(manifest.segments[0].files.items()):
        file = whole / name
        members.append((_Member(f"generation/{name}", file.stat().st_size, digest), file))
    for file in sorted((folder / uploads.FOLDER).glob("*")):
        if file.is_file() and uploads.is_name(file.name):
            number = f"{uploads.FOLDER}/{len(members):04}"
            members.append((_Member(number, file.stat().st_size, sha256(file), file.name), file))
    return members


def _uploaded(members: Iterable[_Member]) -> int:
    """The number of uploaded files: hidden files beside them are about articles."""
    return sum(bool(one.upload) and not one.upload.startswith(".") for one in members)


def _add(tar: tarfile.TarFile, name: str, size: int, source: Path | bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
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
    archive.read(-member.size % RECORD)
    names = [one.name for one in members]
    if len(set(names)) != len(names) or not set(names) >= GENERATION:
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
    folder, _, number = member.name.partition("/")
    numbered = folder == uploads.FOLDER and number.isascii() and number.isdecimal() and len(number) < 12
    if not (member.name in GENERATION and not member.upload) and not numbered:
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
    except (tarfile.HeaderError, UnicodeDecodeError):  # such as a name in an older encoding
        return None
    if member.type != tarfile.REGTYPE or member.size < 0:
        raise _BadArchive(f"it contains {member.name!r}, which is not a regular file")
    return member


def _exactly(archive: IO[bytes], size: int) -> bytes:
    data = archive.read(size)
    if len(data) != size:
        raise _BadArchive("it is truncated")
    return data


def _unpack(archive: IO[bytes], members: list[_Member], unpacked: Path, size: int, report: Progress) -> None:
    """Write each file under a name that the archive cannot choose, and compare its digest."""
    generation, uploaded = unpacked / FIRST, unpacked / uploads.FOLDER
    generation.mkdir(parents=True)
    if any(one.upload for one in members):
        uploaded.mkdir()
    for one in members:
        member = _member(archive)
        if member is None or (member.name, member.size) != (one.name, one.size):
            raise _BadArchive(f"{one.name} is not at its place")
        path = uploaded / one.upload if one.upload else generation / one.name.partition("/")[2]
        digest, left = hashlib.sha256(), one.size
        if path.exists():
            raise _BadArchive(f"its file {one.upload!r} and another one have the same name on this disk")
        with path.open("xb") as out:
            while left:
                block = _exactly(archive, min(BLOCK, left))
                out.write(block)
                digest.update(block)
                left -= len(block)
        if digest.hexdigest() != one.sha256:
            raise _BadArchive(f"{one.upload or one.name} does not have the digest that the archive lists")
        archive.read(-one.size % RECORD)
        report("unpacking", min(1.0, archive.tell() / size))


def _install(unpacked: Path, target: Path, settings: Settings, embedder: Embedder, report: Progress) -> int:
    """Build the graph and the lexical index, check everything, and move the index to its place atomically."""
    data = (unpacked / FIRST / MANIFEST).read_bytes()
    (unpacked / CURRENT).write_bytes(layout.entry(FIRST, data))
    try:
        # That the manifest differs from the header, which was checked, makes it no index.
        opened = generations.open_generation(unpacked, embedder.identity, chunker(settings), search=False)
        with closing(opened) as generation:
            contents = generation.contents(cutter(settings))
            written = generations.write_generation(unpacked, contents, embedder, report)
    except (IndexMissing, IndexUnusable) as error:
        raise _BadArchive("its content is not an index") from error
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError) as error:
        raise _BadArchive("its content is not an index") from error
    shutil.rmtree(unpacked / FIRST)
    replace(unpacked, target)
    fsync(target.parent)
    return written.articles


def _check_compatible(header: dict[str, Any], embedder: Embedder, settings: Settings) -> None:
    rebuild = "or index the articles here: sanad index FOLDER --index NAME"
    if header["embedder"] != embedder.identity:
        raise BadSettings(
            f"The archive was made with the embedder {header['embedder']}, not {embedder.identity}. Use that "
            f"embedder (--embedder, SANAD_EMBEDDER), {rebuild}"
        )
    if header["chunker"] != chunker(settings):
        raise BadSettings(
            f"The passages of the archive were split with {header['chunker']}, not {chunker(settings)} "
            f"(version:tokens). Set SANAD_CHUNK_TOKENS accordingly, {rebuild}"
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
