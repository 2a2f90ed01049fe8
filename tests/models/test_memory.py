"""The pages of a mapped file are released from memory while a library reads it."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
import time
from pathlib import Path

import pytest

from rag.models.weights import memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="lists its mappings in another way")
pytestmark = [pytest.mark.slow, LINUX]

SIZE = 8 * 2**20


def resident(path: Path) -> int:
    """Bytes of a file that this process has in memory, over all its mappings."""
    mappings, total = Path("/proc/self/smaps").read_text(encoding="utf-8"), 0
    for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", mappings):
        if part.partition("\n")[0].endswith(f" {path}"):
            total += int(re.search(r"^Rss: +(\d+) kB", part, re.MULTILINE)[1]) * 1024  # type: ignore[index]
    return total


@pytest.fixture(params=["weights.bin", "with blanks ث.bin"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / str(request.param)
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


def read(pages: mmap.mmap) -> int:
    return sum(pages[:: mmap.PAGESIZE])


def test_pages_that_were_read_are_released_and_read_again_unchanged(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        before = read(pages), pages[1000:1256]
        assert resident(file) == SIZE
        memory.release_pages(file)
        assert resident(file) == 0
        assert (read(pages), pages[1000:1256]) == before
        assert resident(file) == SIZE


def test_a_mapping_that_may_be_written_to_keeps_what_was_written(file: Path) -> None:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as pages:
        pages[5000:5004] = b"mine"
        memory.release_pages(file)
        assert pages[5000:5004] == b"mine"


def test_another_files_pages_stay(file: Path, tmp_path: Path) -> None:
    another = tmp_path / "other.bin"
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        read(pages)
        memory.release_pages(another)
        memory.release_pages(tmp_path)
        assert resident(file) == SIZE


def test_pages_are_released_while_they_are_read_and_at_the_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "EVERY_SECONDS", 0.001)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as pages:
        with memory.releasing_pages(file):
            read(pages)
            end = time.monotonic() + 10
            while resident(file) and time.monotonic() < end:
                pass
            assert resident(file) == 0
            monkeypatch.setattr(memory, "EVERY_SECONDS", 100)
            read(pages)
        assert resident(file) == 0


def test_an_error_within_passes_through_and_ends_the_watching(file: Path) -> None:
    import threading

    with pytest.raises(RuntimeError, match="broke"), memory.releasing_pages(file):
        raise RuntimeError("broke")
    assert [thread for thread in threading.enumerate() if thread.name == "mapped file"] == []


def test_where_the_system_lists_no_mappings_nothing_happens(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    with memory.releasing_pages(file):
        assert file.read_bytes()[:2] == b"\x00\x01"


@pytest.mark.parametrize("error", [TypeError, OSError])
def test_where_mappings_are_not_listed_no_library_is_loaded(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Windows has no library without a name: ctypes raises TypeError there."""

    def none(*_: object, **__: object) -> None:
        raise error("no library without a name")

    monkeypatch.setattr(memory, "MAPS", tmp_path / "none")
    monkeypatch.setattr(ctypes, "CDLL", none)
    with memory.releasing_pages(file):
        pass
