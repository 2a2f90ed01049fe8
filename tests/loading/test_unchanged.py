"""Unchanged files are not read again, and whatever changed is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from rag.loading import sandbox, unchanged
from rag.loading.articles import Loaded, load_folder
from rag.loading.unchanged import Seen
from rag.settings import Settings

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of these tests are older than the seconds in which a file is read again."""
    monkeypatch.setattr(unchanged, "FRESH_SECONDS", -60.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "bridge.txt").write_text("The bridge opened on Monday.", encoding="utf-8")
    (folder / "tower.md").write_text("# Tower\nThe bell of the tower rang.", encoding="utf-8")
    (folder / "wire.csv").write_text(
        "id,text,date\n1,Olives were gathered.,06/09/2024\n2,A library opened.,2024\n", encoding="utf-8"
    )
    return folder


def load(folder: Path, seen: Mapping[str, Seen] | None = None) -> Loaded:
    return load_folder(folder, SETTINGS, seen=seen)


def everything(loaded: Loaded) -> set[str]:
    return {article.id for article in loaded.articles} | set(loaded.unread)


def test_no_file_that_stayed_as_it_was_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(folder)
    assert set(first.seen) == {"bridge.txt", "tower.md", "wire.csv"}

    def never(*_: object) -> None:
        raise AssertionError("an unchanged file is not read")

    monkeypatch.setattr(sandbox.Readers, "read", never)
    again = load(folder, first.seen)
    assert (again.articles, set(again.unread)) == ((), everything(first))
    assert again.skipped == first.skipped != (), "the notes on it are reported again"
    assert again.seen == first.seen


def replaced(path: Path, text: str) -> None:
    """Another file in the place of one, with its size and its time of modification."""
    before, new = path.stat(), path.with_name(".new")
    new.write_text(text, encoding="utf-8")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert new.stat().st_size == before.st_size
    new.replace(path)


def rewritten(path: Path, text: str) -> None:
    before = path.stat()
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [replaced, rewritten])
def test_another_text_of_the_same_size_and_time_is_read(folder: Path, change: object) -> None:
    first = load(folder)
    change(folder / "bridge.txt", "The bridge closed on Monday.")  # type: ignore[operator]
    again = load(folder, first.seen)
    assert [article.text for article in again.articles] == ["The bridge closed on Monday."]


def test_a_file_that_was_read_right_after_its_change_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unchanged, "FRESH_SECONDS", 3600.0)
    assert load(folder).seen == {}


@pytest.mark.parametrize(
    "name", ["bridge.md", "wire.json", pytest.param("tower.html", marks=pytest.mark.slow)]
)
def test_a_new_file_that_takes_the_id_of_a_seen_one_gives_what_a_first_reading_gives(
    folder: Path, name: str
) -> None:
    first = load(folder)
    text = (
        '[{"id": "1", "text": "Another row of the wire."}]'
        if name == "wire.json"
        else "# New\nAnother story."
    )
    (folder / name).write_text(text, encoding="utf-8")
    assert everything(load(folder, first.seen)) == everything(load(folder))
    (folder / name).unlink()
    assert everything(load(folder, load(folder).seen)) == everything(first)


def test_rows_whose_ids_depend_on_each_other_are_never_remembered(folder: Path) -> None:
    (folder / "wire.csv").write_text("id,text\n1,Olives.\n1,More olives.\n", encoding="utf-8")
    assert set(load(folder).seen) == {"bridge.txt", "tower.md"}


def test_a_link_is_read_each_time(folder: Path) -> None:
    (folder / ".hidden.txt").write_text("A story behind a link.", encoding="utf-8")
    (folder / "link.txt").symlink_to(folder / ".hidden.txt")
    first = load(folder)
    assert "link.txt" not in first.seen
    assert [article.id for article in load(folder, first.seen).articles] == ["link"]


def test_what_is_remembered_comes_back_and_only_for_the_same_folder_catalogue_and_settings(
    folder: Path, tmp_path: Path
) -> None:
    key, path = unchanged.key(folder, SETTINGS), tmp_path / "files.json"
    unchanged.write(path, key, load(folder).seen)
    assert unchanged.read(path, key) == load(folder).seen
    others = {unchanged.key(tmp_path, SETTINGS), unchanged.key(folder, Settings(columns="text=corpus"))}
    (folder / "articles.toml").write_text('[bridge]\noutlet = "Coast Daily"\n', encoding="utf-8")
    others.add(unchanged.key(folder, SETTINGS))
    assert len(others | {key}) == 4
    assert [unchanged.read(path, other) for other in others] == [{}, {}, {}]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"key": 1}', b'{"key": "k", "files": 7}', b"\xff"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "files.json").write_bytes(content)
    assert unchanged.read(tmp_path / "files.json", "k") == {}
