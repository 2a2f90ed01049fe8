"""Flushing and renaming where a system has rules of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from rag.models import disk


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of flushed files where, as on Windows, only writable files can be opened and flushed."""
    done: list[int] = []
    flags_of: dict[int, int] = {}
    really = os.open

    def opened(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        descriptor = really(path, flags, *more, **options)
        flags_of[descriptor] = flags
        return descriptor

    def fsync(descriptor: int) -> None:
        if not flags_of[descriptor] & os.O_RDWR:
            raise OSError(9, "Bad file descriptor")
        done.append(os.fstat(descriptor).st_size)

    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", fsync)
    return done


def test_files_are_flushed_and_folders_left_alone_where_they_cannot_be_opened(
    flushed: list[int], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    disk.fsync(tmp_path / "file")
    disk.fsync(tmp_path)
    assert flushed == [5]
    with pytest.raises(FileNotFoundError):
        disk.fsync(tmp_path / "none")


def test_a_folder_is_flushed_where_it_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: kinds.append(Path(f"/dev/fd/{descriptor}").is_dir()))
    disk.fsync(tmp_path)
    assert kinds == [True]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_rename_waits_for_a_reader_that_is_about_to_close(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "new", tmp_path / "name"
    source.write_text("1") if kind == "file" else source.mkdir()
    waited: list[float] = []
    really = Path.replace

    def refused_twice(self: Path, to: Path) -> Path:
        if len(waited) < 2:
            raise PermissionError(13, "Access is denied", str(self))
        return really(self, to)

    monkeypatch.setattr(Path, "replace", refused_twice)
    monkeypatch.setattr(time, "sleep", waited.append)
    disk.replace(source, target)
    assert target.exists() and not source.exists()
    assert waited == list(disk.WAITS[:2])


def test_a_rename_that_stays_impossible_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, to: Path) -> Path:
        raise PermissionError(13, "Access is denied", str(self))

    waited: list[float] = []
    monkeypatch.setattr(Path, "replace", refused)
    monkeypatch.setattr(time, "sleep", waited.append)
    with pytest.raises(PermissionError):
        disk.replace(tmp_path, tmp_path / "name")
    with pytest.raises(FileNotFoundError):
        monkeypatch.undo()
        disk.replace(tmp_path / "none", tmp_path / "name")
    assert waited == list(disk.WAITS)
