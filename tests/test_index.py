from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import Article, IndexMissing, IndexUnusable, NoSpace, index
from rag.embed import FakeEmbedder, Vectors
from rag.index import Contents, Generation, Written, open_generation, write_generation
from rag.records import Chunk

TEXTS = {
    "harbour": "The harbour reopened on Sunday.\nRepairs cost 12 million dollars.",
    "library": "افتتحت البلدية مكتبة جديدة.\nبلغت التكلفة 4 ملايين دينار.",
    "olives": "Farmers gathered 900 tonnes of olives.\nThe harvest fell by 33 percent.",
}


class Counting(FakeEmbedder):
    """A fake that remembers every text that it embedded as a passage."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.embedded: list[str] = []

    def passages(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return super().passages(texts)


def contents(texts: dict[str, str], *, chunker: str = "lines:1", **catalogue: Any) -> Contents:
    """Articles whose chunks are their lines."""
    chunks, lines = [], {}
    for name, text in texts.items():
        at = 0
        lines[name] = tuple(range(1, text.count("\n") + 2))
        for line in text.split("\n"):
            chunks.append(Chunk(f"{name}:{at}:{line}", name, at, at + len(line), len(line.split())))
            at += len(line) + 1
    articles = [Article(name, name.title(), text, f"{name}.txt", **catalogue) for name, text in texts.items()]
    return Contents(tuple(articles), lines, tuple(chunks), chunker)


def write(folder: Path, what: Contents | None = None, embedder: FakeEmbedder | None = None) -> Written:
    return write_generation(folder, what or contents(TEXTS), embedder or FakeEmbedder(), lambda *_: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "indexes" / "news"


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "news"
    write(folder)
    return folder


@pytest.fixture
def built(first_build: Path, folder: Path) -> Path:
    """An index with one generation, which the test may spoil."""
    shutil.copytree(first_build, folder)
    return folder


@pytest.fixture
def reader(built: Path) -> Iterator[Generation]:
    generation = open_generation(built)
    yield generation
    generation.close()


def generations(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("generation-*"))


def refusal(folder: Path, embedder: str | None = None) -> str:
    with pytest.raises(IndexUnusable) as raised:
        open_generation(folder, embedder)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_build_makes_a_generation_that_holds_everything(folder: Path) -> None:
    embedder = Counting()
    written = write(folder, embedder=embedder)
    assert (written.articles, written.chunks, written.embedded) == (3, 6, 6)
    assert (written.added, written.changed, written.removed) == (("harbour", "library", "olives"), (), ())
    assert written.generation == "generation-0001"
    assert sorted(embedder.embedded) == sorted(line for text in TEXTS.values() for line in text.split("\n"))
    generation = open_generation(folder, embedder.identity)
    assert generation.articles == {article.id: article for article in contents(TEXTS).articles}
    assert (generation.count, generation.is_current, generation.id) == (6, True, "generation-0001")
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == [
        "CURRENT",
        "generation-0001",
    ]
    generation.close()


def test_a_second_build_with_nothing_changed_embeds_and_writes_nothing(built: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in built.rglob("*.jso*")}
    embedder = Counting()
    written = write(built, embedder=embedder)
    assert embedder.embedded == []
    assert (written.generation, written.embedded, written.added) == ("generation-0001", 0, ())
    assert {p: p.stat().st_mtime_ns for p in built.rglob("*.jso*")} == before
    assert generations(built) == ["generation-0001"]


def test_one_changed_article_embeds_only_its_new_chunks(built: Path) -> None:
    embedder = Counting()
    new = "Farmers gathered 900 tonnes of olives.\nThe harvest fell by 40 percent."
    written = write(built, contents(TEXTS | {"olives": new}), embedder)
    assert embedder.embedded == ["The harvest fell by 40 percent."]
    assert (written.changed, written.added, written.removed, written.embedded) == (("olives",), (), (), 1)


def test_kept_vectors_are_the_ones_that_would_be_computed_anew(built: Path, tmp_path: Path) -> None:
    changed = contents(TEXTS | {"olives": "No olives this year."})
    write(built, changed)
    write(tmp_path / "fresh", changed)
    ids = [chunk.id for chunk in changed.chunks]
    kept, fresh = (open_generation(f) for f in (built, tmp_path / "fresh"))
    for name, vector in fresh.vectors(ids).items():
        np.testing.assert_allclose(kept.vectors(ids)[name], vector, atol=1e-6)
    kept.close()
    fresh.close()


def test_a_removed_article_is_gone_from_articles_and_search(built: Path) -> None:
    embedder = Counting()
    written = write(built, contents({k: v for k, v in TEXTS.items() if k != "olives"}), embedder)
    assert (written.removed, written.embedded, embedder.embedded) == (("olives",), 0, [])
    generation = open_generation(built)
    found = generation.nearest(FakeEmbedder().query(TEXTS["olives"]), 10)
    assert {chunk.article_id for chunk, _ in found} == set(generation.articles) == {"harbour", "library"}
    generation.close()


@pytest.mark.parametrize("changed", [{"outlet": "Coast Daily"}, {"published": "2024-09"}, {"language": "en"}])
def test_a_changed_catalogue_entry_is_seen_without_embedding_anything(
    built: Path, changed: dict[str, str]
) -> None:
    embedder = Counting()
    written = write(built, contents(TEXTS, **changed), embedder)
    assert (written.changed, embedder.embedded) == (("harbour", "library", "olives"), [])
    generation = open_generation(built)
    ((name, value),) = changed.items()
    assert {getattr(article, name) for article in generation.articles.values()} == {value}
    generation.close()


def test_chunks_cut_another_way_are_embedded_anew(built: Path) -> None:
    embedder = Counting()
    written = write(built, contents(TEXTS, chunker="lines:2"), embedder)
    assert written.embedded == len(embedder.embedded) == 6


def test_generations_count_up_and_the_last_good_one_is_kept(built: Path) -> None:
    for number in (2, 3, 4):
        write(built, contents(TEXTS | {"olives": f"{number} olives were found."}))
        assert generations(built) == [f"generation-{number - 1:04}", f"generation-{number:04}"]
        assert (built / "CURRENT").read_text(encoding="utf-8") == f"generation-{number:04}\n"


def test_an_open_reader_sees_the_switch_and_still_reads_its_own(built: Path, reader: Generation) -> None:
    assert reader.is_current
    write(built, contents({"new": "Another article altogether."}))
    assert not reader.is_current
    assert {c.article_id for c, _ in reader.nearest(FakeEmbedder().query("harbour"), 10)} == set(TEXTS)
    again = open_generation(built)
    assert {c.article_id for c, _ in again.nearest(FakeEmbedder().query("harbour"), 10)} == {"new"}
    again.close()


def test_nearest_agrees_with_brute_force(built: Path, reader: Generation) -> None:
    fake = FakeEmbedder()
    chunks = contents(TEXTS).chunks
    vectors = fake.passages([TEXTS[c.article_id][c.start : c.end] for c in chunks])
    for question in ("How many tonnes of olives?", "كم بلغت تكلفة المكتبة؟", "harbour repairs", "zzz"):
        scores = vectors @ fake.query(question)
        best = np.argsort(-scores, kind="stable")
        found = reader.nearest(fake.query(question), 3)
        np.testing.assert_allclose([score for _, score in found], scores[best[:3]], atol=1e-5)
        by_score = {chunk.id: score for chunk, score in found}
        assert all(
            abs(by_score[c.id] - s) < 1e-5 for c, s in zip(chunks, scores, strict=True) if c.id in by_score
        )


def test_found_chunks_are_the_ones_that_were_written(built: Path, reader: Generation) -> None:
    found = reader.nearest(FakeEmbedder().query("harbour"), 100)
    assert {chunk for chunk, _ in found} == set(contents(TEXTS).chunks)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_index_of_very_few_chunks_works(folder: Path, count: int) -> None:
    few = contents({"a": "\n".join(["One line.", "Second line.", "Third line."][:count])})
    write(folder, few)
    assert write(folder, few).embedded == 0
    generation = open_generation(folder, FakeEmbedder().identity)
    found = generation.nearest(FakeEmbedder().query("One line."), 5)
    assert (found[0][0].start, len(found)) == (0, count)
    assert found[0][1] == pytest.approx(1, abs=1e-5)
    generation.close()


def test_lines_point_into_the_source_file(folder: Path) -> None:
    made = contents({"a": "First.\nSecond.\nThird."})
    write(folder, dataclasses.replace(made, lines={"a": (3, 7, 8)}))
    generation = open_generation(folder)
    assert [generation.line("a", at) for at in (0, 5, 7, 15)] == [3, 3, 7, 8]
    generation.close()


def test_a_missing_index_is_told_with_the_command_that_builds_it(folder: Path) -> None:
    with pytest.raises(IndexMissing, match=r"'news'.*sanad index FOLDER --index news$"):
        open_generation(folder)
    assert not folder.exists(), "looking makes no folder"


def test_vectors_of_another_embedder_are_refused_with_the_mend(built: Path) -> None:
    message = refusal(built, FakeEmbedder(32).identity)
    assert "fake:64" in message
    assert "fake:32" in message
    assert "sanad index FOLDER --index news" in message


def test_a_build_with_another_embedder_embeds_everything_anew(built: Path) -> None:
    other = Counting(32)
    assert write(built, embedder=other).embedded == 6
    open_generation(built, other.identity).close()


def spoiled_files() -> list[str]:
    return [
        "articles.jsonl",
        "manifest.json",
        *(f"chroma/*/{n}.bin" for n in ("header", "data_level0", "length")),
    ]


@pytest.mark.parametrize("how", ["truncated", "flipped", "deleted"])
@pytest.mark.parametrize("file", spoiled_files())
def test_a_damaged_file_is_refused_with_the_mend_and_the_next_build_makes_it_anew(
    built: Path, file: str, how: str
) -> None:
    (path,) = (built / "generation-0001").glob(file)
    data = path.read_bytes()
    assert data
    if how == "truncated":
        path.write_bytes(data[:-3])
    elif how == "flipped":
        path.write_bytes(bytes([data[0] ^ 0xFF]) + data[1:])
    else:
        path.unlink()
    message = refusal(built)
    assert "damaged" in message
    assert "sanad index FOLDER --index news" in message
    written = write(built)
    assert (written.embedded, written.generation) == (6, "generation-0002")
    open_generation(built).close()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfe\xff", b"generation-0009\n", b"../elsewhere\n", b"a\0b"]
)
def test_a_spoiled_current_file_is_told_and_mended_by_the_next_build(built: Path, content: bytes) -> None:
    (built / "CURRENT").write_bytes(content)
    with pytest.raises((IndexMissing, IndexUnusable), match="sanad index FOLDER --index news"):
        open_generation(built)
    assert write(built).generation == "generation-0002"
    open_generation(built).close()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"format": 0}, "format 0"),
        ({"chunks": 5}, "holds 6 chunks where its manifest says 5"),
        ({"files": []}, "damaged"),
        ({"files": {"chroma/none.bin": "0"}}, "damaged"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(built: Path, changed: dict[str, Any], told: str) -> None:
    path = built / "generation-0001" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    message = refusal(built)
    assert told in message
    assert "sanad index FOLDER --index news" in message


def test_lost_chroma_tables_are_refused_and_built_anew(built: Path) -> None:
    (built / "generation-0001" / "chroma" / "chroma.sqlite3").unlink()
    assert "sanad index FOLDER --index news" in refusal(built)
    assert write(built).embedded == 6


def test_the_seeds_index_is_mended_by_make(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"sanad index$"):
        open_generation(tmp_path / "seeds")


def test_a_second_writer_gives_up_soon_and_names_the_first(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert index.LOCK_SECONDS <= 2
    monkeypatch.setattr(index, "LOCK_SECONDS", 0.1)
    script = f"""
        import sys
        from pathlib import Path
        from rag.index import _writer_lock
        with _writer_lock(Path({str(built)!r})):
            print("holding", flush=True)
            sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        with pytest.raises(IndexUnusable) as raised:
            write(built, contents({"a": "Other."}))
        holder.communicate("")
    assert f"pid {holder.pid}" in str(raised.value)
    assert generations(built) == ["generation-0001"]
    assert write(built, contents({"a": "Other."})).generation == "generation-0002"


@pytest.mark.parametrize("at", ["_write_chroma", "_write_files", "_switch"])
def test_a_full_disk_leaves_the_last_generation_current(
    built: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(index, at, full)
        with pytest.raises(NoSpace) as raised:
            write(built, contents({"a": "Other."}))
    assert "No space left on device" in str(raised.value)
    assert "SANAD_INDEXES" in str(raised.value)
    assert not (built / ".staging").exists()
    generation = open_generation(built)
    assert set(generation.articles) == set(TEXTS)
    generation.close()
    assert write(built, contents({"a": "Other."})).articles == 1, "with room again it works"


def test_chromas_own_word_for_a_full_disk_is_understood(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("error returned from database: (code: 13) database or disk is full")

    monkeypatch.setattr(index, "_write_chroma", full)
    with pytest.raises(NoSpace, match="SANAD_INDEXES"):
        write(built, contents({"a": "Other."}))


def test_a_folder_of_indexes_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NoSpace, match="SANAD_INDEXES"):
        write(tmp_path / "file" / "news")


def test_an_embedder_that_fails_changes_nothing(built: Path) -> None:
    class Failing(FakeEmbedder):
        def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write(built, contents({"a": "Other."}), Failing())
    assert not (built / ".staging").exists()
    assert generations(built) == ["generation-0001"]


def test_what_a_killed_writer_left_is_ignored_and_removed(built: Path) -> None:
    shutil.copytree(built / "generation-0001", built / ".staging")
    (built / "CURRENT.new").write_text("generation-0007\n", encoding="utf-8")
    (built / "generation-0002").mkdir()  # renamed into place, but killed before the switch
    generation = open_generation(built)
    assert generation.id == "generation-0001"
    generation.close()
    assert write(built, contents({"a": "Other."})).generation == "generation-0003"
    assert generations(built) == ["generation-0001", "generation-0003"]
    assert not (built / ".staging").exists()
