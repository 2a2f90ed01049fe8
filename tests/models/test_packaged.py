"""Packaged models: located, checked, converted once, and safe against full disks and killed processes."""

from __future__ import annotations

import collections
import dataclasses
import errno
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rag import ModelMissing, Settings
from rag.errors import ModelDamaged, NoSpace, SanadError
from rag.models.weights import packaged
from rag.models.weights.data_files import data_command
from rag.models.weights.packaged import (
    MANIFEST,
    PACKAGED_MODELS,
    PackagedModel,
    Part,
    digest,
    prepared,
    statuses,
)
from rag.settings import checkout, install_command

BYTES = b"first half, " + b"second half"
PREPARED = {"model.bin", "size.txt", MANIFEST}

Progress = Callable[[float], None]


def reverse(source: Path, folder: Path, progress: Progress) -> None:
    """A stand-in for a conversion: it leaves two files made from the source."""
    progress(0.5)
    data = source.read_bytes()
    (folder / "model.bin").write_bytes(data[::-1])
    (folder / "size.txt").write_text(str(len(data)), encoding="ascii")
    progress(1.0)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed packages with half a model each; importing either would fail the test."""
    folder = tmp_path / "site"
    for number, data in ((1, BYTES[:12]), (2, BYTES[12:])):
        package = folder / f"tiny_weights_{number}"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").write_text("raise SystemExit('code of a weights package was run')")
        (package / "data" / "part.bin").write_bytes(data)
    monkeypatch.syspath_prepend(folder)
    return folder


def tiny(**changed: object) -> PackagedModel:
    model = PackagedModel(
        name="tiny-1",
        title="Tiny",
        licence="MIT",
        parts=tuple(Part(f"tiny_weights_{n}", f"tiny-weights-{n}==1.0", "data/part.bin") for n in (1, 2)),
        size=len(BYTES),
        sha256=hashlib.sha256(BYTES).hexdigest(),
        disk=1_000,
        file="tiny.bin",
        convert=reverse,
    )
    return dataclasses.replace(model, **changed)  # type: ignore[arg-type]


def models_folder() -> Path:
    return Settings.load().cache / "models"


def left_behind() -> set[str]:
    """The entries of the models' folder besides the lock."""
    folder = models_folder()
    return {p.name for p in folder.iterdir() if p.suffix != ".lock"} if folder.exists() else set()


def refusal(model: PackagedModel, kind: type[SanadError]) -> str:
    with pytest.raises(kind) as raised:
        prepared(model, Settings.load())
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_model_is_joined_checked_and_converted_without_running_its_packages(packages: Path) -> None:
    folder = prepared(tiny(), Settings.load())
    assert folder == models_folder() / "tiny-1"
    assert {p.name for p in folder.iterdir()} == PREPARED
    assert (folder / "model.bin").read_bytes() == BYTES[::-1]
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert (manifest["licence"], manifest["source_sha256"]) == ("MIT", tiny().sha256)
    assert manifest["files"]["size.txt"] == {"size": 2, "sha256": hashlib.sha256(b"23").hexdigest()}
    assert left_behind() == {"tiny-1"}


def test_a_prepared_model_is_not_prepared_again_nor_needs_its_packages(packages: Path) -> None:
    first = prepared(tiny(), Settings.load())
    modified = (first / "model.bin").stat().st_mtime_ns
    shutil.rmtree(packages)
    steps: list[str] = []
    again = prepared(tiny(convert=_never), Settings.load(), lambda what, _share: steps.append(what))
    assert again == first
    assert steps == []
    assert (first / "model.bin").stat().st_mtime_ns == modified


def _never(source: Path, folder: Path, progress: Progress) -> None:
    raise AssertionError("converted although there was no need")


def test_progress_grows_and_names_the_model(packages: Path) -> None:
    reports: list[tuple[str, float]] = []
    prepared(tiny(), Settings.load(), lambda what, share: reports.append((what, share)))
    shares = [share for _, share in reports]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] <= 1
    assert list(dict.fromkeys(what for what, _ in reports)) == ["checking Tiny", "preparing Tiny"]


def test_the_same_weights_prepared_twice_have_the_same_identity(packages: Path) -> None:
    first = digest(prepared(tiny(), Settings.load(cache="one")))
    second = digest(prepared(tiny(), Settings.load(cache="two")))
    different = digest(prepared(tiny(convert=_copy), Settings.load(cache="three")))
    assert first == second != different
    assert len(first) == 16


def _copy(source: Path, folder: Path, progress: Progress) -> None:
    shutil.copy(source, folder / "model.bin")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]), id="a byte differs"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="a byte is missing"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"!"), id="a byte too many"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
    ],
)
def test_weights_other_than_the_published_ones_are_never_parsed(
    packages: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(packages / "tiny_weights_2" / "data" / "part.bin")
    message = refusal(tiny(convert=_never), ModelDamaged)
    assert "Tiny" in message
    assert tiny().sha256[:16] in message
    assert message.endswith(data_command("tiny-weights-1==1.0", "tiny-weights-2==1.0"))
    assert left_behind() == set()


@pytest.mark.parametrize("gone", ["tiny_weights_2", "tiny_weights_2/data", "tiny_weights_2/data/part.bin"])
def test_a_missing_weights_package_is_named_with_the_command_that_installs_it(
    packages: Path, gone: str
) -> None:
    path = packages / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    message = refusal(tiny(convert=_never), ModelMissing)
    assert "data/part.bin" in message
    assert message.endswith(
        install_command("models") if gone == "tiny_weights_2" else data_command("tiny-weights-2==1.0")
    )
    assert left_behind() == set()


@pytest.mark.parametrize("system", [("Windows", "AMD64"), ("Linux", "aarch64")])
def test_a_package_without_wheels_for_this_system_is_installed_for_its_data_alone(
    packages: Path, monkeypatch: pytest.MonkeyPatch, system: tuple[str, str]
) -> None:
    shutil.rmtree(packages / "tiny_weights_1")
    monkeypatch.setattr(platform, "system", lambda: system[0])
    monkeypatch.setattr(platform, "machine", lambda: system[1])
    first, second = tiny().parts
    for systems, command in (
        ((("Linux", "x86_64"),), data_command("tiny-weights-1==1.0")),
        ((("Linux", "x86_64"), system), install_command("models")),
        ((), install_command("models")),
    ):
        parts = (dataclasses.replace(first, systems=systems), second)
        assert refusal(tiny(convert=_never, parts=parts), ModelMissing).endswith(command)


def test_the_extra_leaves_out_what_has_no_wheel_for_a_system() -> None:
    root = checkout()
    assert root is not None
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = {r.name: r for r in map(Requirement, extras["optional-dependencies"]["models"])}
    for part in (part for model in PACKAGED_MODELS for part in model.parts):
        marker = requirements.pop(Requirement(part.requirement).name).marker
        for system, machine in (
            ("Linux", "x86_64"),
            ("Darwin", "arm64"),
            ("Windows", "AMD64"),
            ("Linux", "aarch64"),
        ):
            in_extra = marker is None or marker.evaluate(
                {"platform_system": system, "platform_machine": machine}
            )
            assert in_extra == (not part.systems or (system, machine) in part.systems), part.requirement
    assert not requirements


def test_data_files_are_installed_from_linuxs_wheel_wherever_and_without_compiling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = data_command("a==1", "b==2").split()
    assert words[1:4] == ["-m", "pip", "install"] and words[-2:] == ["a==1", "b==2"]
    for option in ("--no-deps", "--upgrade", "--target", "manylinux2014_x86_64"):
        assert option in words
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert data_command("a==1").startswith("uv pip install --no-deps --only-binary :all: --python-platform ")


def test_too_little_disk_is_reported_before_anything_is_written(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**10, 10**10 - 10**9, 10**9))
    message = refusal(tiny(disk=3_500_000_000, convert=_never), NoSpace)
    assert "3.5 GB" in message
    assert "1.0 GB are free" in message
    assert str(models_folder()) in message
    assert "SANAD_CACHE" in message
    assert left_behind() == set()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_in_the_middle_leaves_nothing_half_written(packages: Path, code: int) -> None:
    def fill_up(source: Path, folder: Path, progress: Progress) -> None:
        (folder / "model.bin").write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    message = refusal(tiny(convert=fill_up), NoSpace)
    assert "SANAD_CACHE" in message
    assert str(models_folder()) in message
    assert left_behind() == set()
    assert prepared(tiny(), Settings.load()).is_dir(), "with free space it works again"


def test_a_conversion_that_fails_leaves_nothing_and_is_not_hidden(packages: Path) -> None:
    def fail(source: Path, folder: Path, progress: Progress) -> None:
        (folder / "model.bin").write_bytes(b"half")
        raise ModelDamaged("not what was expected")

    assert refusal(tiny(convert=fail), ModelDamaged) == "not what was expected"
    assert left_behind() == set()


def test_a_cache_that_is_a_file_is_reported_with_the_fix(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder", encoding="utf-8")
    message = refusal(tiny(), NoSpace)
    assert str(tmp_path / "cache") in message
    assert "SANAD_CACHE" in message


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where not even root may write")
def test_a_cache_that_cannot_be_written_to_is_reported_with_the_fix(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANAD_CACHE", "/proc/self/sanad")
    message = refusal(tiny(), NoSpace)
    assert "Cannot prepare tiny-1 in /proc/self/sanad/models" in message
    assert "SANAD_CACHE" in message


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "model.bin").write_bytes(b"half"), id="truncated"),
        pytest.param(lambda folder: (folder / "size.txt").unlink(), id="a file is gone"),
        pytest.param(lambda folder: (folder / MANIFEST).unlink(), id="manifest gone"),
        pytest.param(
            lambda folder: (folder / MANIFEST).write_text("{", encoding="utf-8"), id="half manifest"
        ),
        pytest.param(lambda folder: (folder / MANIFEST).write_text('{"files": []}'), id="foreign manifest"),
    ],
)
def test_a_damaged_prepared_folder_is_prepared_again(packages: Path, spoil: Callable[[Path], object]) -> None:
    folder = prepared(tiny(), Settings.load())
    spoil(folder)
    assert prepared(tiny(), Settings.load()) == folder
    assert (folder / "model.bin").read_bytes() == BYTES[::-1]
    assert {p.name for p in folder.iterdir()} == PREPARED


def test_what_a_killed_preparation_left_is_cleaned_by_the_next(packages: Path) -> None:
    child = _start(packages, "os.kill(os.getpid(), signal.SIGKILL)")
    child.communicate(timeout=30)
    assert child.returncode == -signal.SIGKILL
    assert ".tiny-1.staging" in left_behind(), "the killed process left its staging folder"
    folder = prepared(tiny(), Settings.load())
    assert {p.name for p in folder.iterdir()} == PREPARED
    assert left_behind() == {"tiny-1"}


@pytest.mark.slow
def test_two_processes_at_once_prepare_once(packages: Path, tmp_path: Path) -> None:
    # One waits inside its conversion until both have started and the test lets it continue.
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    hold = f"open({str(gate)!r}).read()"
    children = [_start(packages, hold), _start(packages, hold)]
    assert [child.stdout and child.stdout.readline() for child in children] == ["at the door\n"] * 2
    gate.write_text("go on", encoding="utf-8")  # blocks until one of them has come to its conversion
    outputs = [child.communicate(timeout=30) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert sorted(out.count("converted") for out, _ in outputs) == [0, 1]
    assert left_behind() == {"tiny-1"}


def _start(packages: Path, while_converting: str) -> subprocess.Popen[str]:
    script = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path[:0] = [{str(packages)!r}, {str(Path(__file__).parent)!r}]
        from rag import Settings
        from rag.models.weights.packaged import prepared
        from test_packaged import reverse, tiny

        def convert(source, folder, progress):
            reverse(source, folder, progress)
            {while_converting}
            print("converted")

        print("at the door", flush=True)
        print(prepared(tiny(convert=convert), Settings.load()))
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_statuses_are_installed_ready_damaged_and_missing(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged, "PACKAGED_MODELS", (tiny(),))
    settings = Settings.load()

    (status,) = statuses(settings)
    assert (status.state, status.size) == ("installed", 0)
    assert "sanad models --prepare" in status.detail

    folder = prepared(tiny(), settings)
    (status,) = statuses(settings)
    assert (status.state, status.folder, status.detail) == ("ready", folder, "")
    assert status.size == sum(p.stat().st_size for p in folder.iterdir())

    # The same size, so that only the digest differs.
    (folder / "model.bin").write_bytes(b"X" * len(BYTES))
    (status,) = statuses(settings)
    assert status.state == "damaged"
    assert "model.bin" in status.detail
    assert str(folder) in status.detail

    (folder / MANIFEST).write_text('{"files": []}', encoding="utf-8")
    (status,) = statuses(settings)
    assert status.state == "damaged"
    assert MANIFEST in status.detail

    shutil.rmtree(folder)
    shutil.rmtree(packages / "tiny_weights_1")
    (status,) = statuses(settings)
    assert status.state == "missing"
    assert "tiny-weights-1==1.0" in status.detail


def test_the_packaged_models_say_where_they_come_from_and_under_which_licence() -> None:
    assert [len(model.parts) for model in PACKAGED_MODELS] == [22, 1]
    for model in PACKAGED_MODELS:
        assert len(model.sha256) == 64
        assert model.licence in ("Apache-2.0", "MIT")
        assert all("==" in part.requirement for part in model.parts)
        assert model.disk > model.size
