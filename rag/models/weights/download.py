"""Models of the Hugging Face hub: recommended ones, and fetching the files of one revision.

    CACHE/models/hub/ORG--NAME-REVISION/          every file checked; the last one written is FETCHED
    CACHE/models/hub/.ORG--NAME-REVISION.part/    being fetched; the next attempt continues

Only weights in safetensors or OpenVINO's format are fetched, and no code. HF_ENDPOINT names another server
with the hub's API, and HF_TOKEN is sent to it, as everywhere in Hugging Face's libraries.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock
from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils.tqdm import disable_progress_bars

from rag.errors import BadSettings, ModelDamaged, ModelMissing, NoSpace
from rag.models.disk import fsync, replace, sha256, writing_to_cache
from rag.records import Progress
from rag.settings import Settings

FETCHED = "sanad-fetched.json"
"""The file that is written last into a folder: the model, its revision, and size and digest of every file."""

WEIGHTS = (".safetensors", "openvino_model.bin")
"""Endings of the files of weights, of which a model needs one."""

_WANTED = re.compile(r".*\.(safetensors|json|txt|model|jinja|tiktoken)|(.*/)?openvino_\w+\.(xml|bin)")
_OTHER_FORMATS = {"onnx", "openvino", "original", "gguf", "coreml"}
"""Folders with a second copy of a model for other engines."""

_NAME = re.compile(r"(?P<model>[\w][\w.-]*/[\w][\w.-]*)(@(?P<revision>[\w][\w./-]*))?", re.ASCII)

_SPACE = 200_000_000
"""Bytes that have to be free beside the model's files."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """A model that can write the answers instead of the packaged one."""

    name: str
    """Hub model id."""
    revision: str
    """The commit that is fetched."""
    licence: str
    """SPDX identifier, or the licence's name on the hub."""
    size: int
    """Bytes of the weights in bf16, rounded; the memory that they need at least."""
    gated: bool = False
    """Whether the hub asks for an account that has accepted the licence."""


RECOMMENDED = (
    Recommended(
        "Qwen/Qwen3-4B-Instruct-2507",
        "cdbee75f17c01a7cc42f958dc650907174af0554",
        "Apache-2.0",
        8_100_000_000,
    ),
    Recommended("Qwen/Qwen3-8B", "b968826d9c46dd6066d109eabc6255188de91218", "Apache-2.0", 16_400_000_000),
    Recommended(
        "google/gemma-3-4b-it", "093f9f388b31de276ce2de164bdc2081324b9767", "gemma", 8_600_000_000, gated=True
    ),
    Recommended(
        "google/gemma-3-12b-it",
        "96b6f1eccf38110c56df3a15bffe176da04bfd80",
        "gemma",
        24_000_000_000,
        gated=True,
    ),
)
"""Larger models, smallest of each family first. Not measured with Sanad yet."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a revision, as the hub describes it."""

    name: str
    size: int
    sha256: str
    """Of a large file; empty for a small one."""
    blob: str
    """Git's digest of a small file."""

    def matches(self, path: Path) -> bool:
        """Whether a file on disk is this one, byte for byte."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return sha256(path) == self.sha256
        head = f"blob {self.size}\0".encode()
        return hashlib.sha1(head + path.read_bytes(), usedforsecurity=False).hexdigest() == self.blob


class _ReportingFile(FileIO):
    """A file that reports how many bytes are written to it."""

    report_size: Callable[[int], None] = staticmethod(lambda _: None)

    def write(self, data: Any) -> int:
        """Write and report."""
        written = super().write(data) or 0
        self.report_size(self.tell())
        return written


def fetched(model: Recommended, settings: Settings) -> Path | None:
    """The folder of a recommended model; None if it was not fetched."""
    folder = settings.cache / "models" / "hub" / _folder(model.name, model.revision)
    return folder if (folder / FETCHED).is_file() else None


def fetch(name: str, settings: Settings, progress: Progress | None = None) -> Path:
    """The folder with the files of a model, which are fetched if they are missing.

    Args:
        name: ``ORG/NAME`` or ``ORG/NAME@REVISION``. Without a revision it is that of ``RECOMMENDED``, or else
            the newest.
        settings: Name the cache.
        progress: Called with the file and the share of all bytes that is done.

    Raises:
        BadSettings: The name has another form.
        ModelMissing: The hub cannot be reached, or has no such model, revision or weights.
        ModelDamaged: A file is not the one that the hub describes; the next attempt fetches it again.
        NoSpace: The disk is too full, or the folder cannot be written.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise BadSettings(f"{name!r} does not name a model of the hub. Write ORG/NAME or ORG/NAME@REVISION.")
    model = match["model"]
    pinned = {recommended.name: recommended.revision for recommended in RECOMMENDED}
    revision = match["revision"] or pinned.get(model)
    parent = settings.cache / "models" / "hub"
    known = parent / _folder(model, revision or "")
    if (known / FETCHED).is_file():
        return known
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    with _hub_errors(name):
        info = HfApi().model_info(model, revision=revision, files_metadata=True)
    commit = str(info.sha)
    files = _files(model, info.siblings or [])
    folder = parent / _folder(model, commit)
    with writing_to_cache(f"write {name} to {parent}"):
        parent.mkdir(parents=True, exist_ok=True)
        with FileLock(parent / f"{folder.name}.lock"):
            if not (folder / FETCHED).is_file():
                _fetch(model, commit, files, folder, progress or (lambda _what, _share: None))
    return folder


def _folder(model: str, commit: str) -> str:
    return f"{model.replace('/', '--')}-{commit[:12]}"


def _files(model: str, siblings: list[Any]) -> list[_File]:
    """The files to fetch, small ones first."""
    files = []
    for sibling in siblings:
        path = PurePosixPath(sibling.rfilename)
        if path.is_absolute() or ".." in path.parts or "\\" in sibling.rfilename:
            raise ModelDamaged(
                f"{model} lists the file {sibling.rfilename!r}, which would be written elsewhere."
            )
        unwanted = _OTHER_FORMATS & set(path.parts[:-1]) or any(part.startswith(".") for part in path.parts)
        if _WANTED.fullmatch(sibling.rfilename) and not unwanted:
            digest = str(sibling.lfs.sha256) if sibling.lfs else ""
            files.append(_File(sibling.rfilename, int(sibling.size or 0), digest, str(sibling.blob_id or "")))
    if not any(file.name.endswith(WEIGHTS) for file in files):
        raise ModelMissing(
            f"{model} has no weights in safetensors or OpenVINO's format. Choose another model: sanad models"
        )
    return sorted(files, key=lambda file: file.size)


def _fetch(model: str, commit: str, files: list[_File], folder: Path, progress: Progress) -> None:
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(exist_ok=True)
    sizes = {file.name: _size(part / file.name) for file in files}
    total = sum(file.size for file in files)
    missing = total - sum(sizes.values())
    free = shutil.disk_usage(part).free
    if free < missing + _SPACE:
        raise NoSpace(
            f"{model} needs {missing / 1e9:.1f} GB more in {folder.parent}, where {free / 1e9:.1f} GB are "
            "free. Free some space, or use another folder: SANAD_CACHE=/path"
        )
    done = 0
    for file in files:
        before = done

        def report_size(size: int, name: str = file.name, before: int = before) -> None:
            progress(f"fetching {name}", min(1.0, (before + size) / max(total, 1)))

        _fetch_file(model, commit, file, part / file.name, report_size)
        done += file.size
    entries = {file.name: {"size": file.size, "sha256": sha256(part / file.name)} for file in files}
    for name in entries:
        fsync(part / name)
    record = {"model": model, "revision": commit, "files": entries}
    (part / FETCHED).write_text(json.dumps(record, indent=1), encoding="utf-8")
    fsync(part / FETCHED)
    shutil.rmtree(folder, ignore_errors=True)
    replace(part, folder)


def _fetch_file(model: str, commit: str, file: _File, path: Path, report_size: Callable[[int], None]) -> None:
    """Fetch the missing end of a file, and check all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if _size(path) > file.size:
        path.unlink()
    if _size(path) < file.size or not path.exists():
        with _ReportingFile(path, "ab") as target, _hub_errors(f"{model}@{commit[:12]}"):
            target.report_size = report_size
            url = hf_hub_url(model, file.name, revision=commit)
            # No compression, so that a later attempt can continue at a byte.
            headers = {"Accept-Encoding": "identity"}
            if token := get_token():
                headers["Authorization"] = f"Bearer {token}"
            http_get(
                url,
                target,
                resume_size=_size(path),
                headers=headers,
                expected_size=file.size,
                displayed_filename=file.name,
            )
    report_size(file.size)
    if not file.matches(path):
        path.unlink()
        raise ModelDamaged(
            f"{file.name} of {model} is not the file that the hub describes: its digest is another. Fetch it "
            f"again: sanad models --get {model}@{commit}"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextlib.contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    """Raises any error of the library or the connection as ``ModelMissing``; they have a dozen types."""
    try:
        yield
    except GatedRepoError:
        raise ModelMissing(
            f"The hub gives {name!r} only to accounts that have accepted its licence. Accept it on "
            f"https://huggingface.co/{name.partition('@')[0]} and set HF_TOKEN."
        ) from None
    except RevisionNotFoundError:
        raise ModelMissing(f"The hub has no revision {name!r}. Leave it out, or name a commit.") from None
    except RepositoryNotFoundError:
        raise ModelMissing(f"The hub has no model {name!r}. Check the name, ORG/NAME.") from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise ModelMissing(
            f"Cannot fetch {name!r}: {first}. Run the command again, which continues; HF_ENDPOINT names "
            "another server."
        ) from error
