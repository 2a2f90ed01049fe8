from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_index import TEXTS, Counting, by_line, contents, lines_of, vector_of, write

from rag import Article, IndexMissing
from rag.errors import BadArticles, IndexUnusable, NoSpace
from rag.index import build, chroma_store, layout
from rag.index import generations as index
from rag.index.chroma_store import ChromaFailed, NeighbourGraph
from rag.index.generations import open_generation
from rag.index.layout import entry
from rag.index.snapshot import Generation
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Tokens
from rag.records import Chunk


@pytest.fixture
def reader(built: Path) -> Iterator[Generation]:
    generation = open_generation(built)
    yield generation
    generation.close()


def generations(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("generation-*"))


def current(folder: Path) -> str:
    return (folder / "CURRENT").read_text(encoding="utf-8").partition(" ")[0]


def held(folder: Path) -> set[str]:
    """Ids of the articles that a reader finds."""
    generation = open_generation(folder)
    ids = {generation.article_of(row).id for row, _ in generation.nearest(vector_of("a"), 100)}
    generation.close()
    assert ids == set(generation.articles)
    return ids


def refusal(folder: Path, embedder: str | None = None, chunker: str | None = None) -> str:
    with pytest.raises(IndexUnusable) as raised:
        open_generation(folder, embedder, chunker)
    message = str(raised.value)
    assert "\n" not in message
    assert message.endswith("sanad index FOLDER --index news")
    return message


def test_a_build_makes_a_generation_that_holds_everything(folder: Path) -> None:
    embedder = Counting()
    written = write(folder, embedder=embedder)
    assert (written.articles, written.chunks, written.embedded) == (3, 6, 6)
    assert (written.added, written.changed, written.removed) == (("harbour", "library", "olives"), (), ())
    assert written.generation == "generation-0001"
    assert set(embedder.embedded) == set(lines_of(TEXTS))
    generation = open_generation(folder, embedder.identity, "lines:1")
    assert generation.articles == {article.id: article for article in contents(TEXTS).articles}
    assert (generation.count, generation.is_current, generation.id) == (6, True, "generation-0001")
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == [
        "CURRENT",
        "generation-0001",
    ]
    generation.close()


def test_a_second_build_with_nothing_changed_embeds_cuts_and_writes_nothing(built: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in built.rglob("*[!r]") if not p.name.startswith(".")}
    embedder = Counting()

    def never(_: Article) -> list[Chunk]:
        raise AssertionError("an unchanged article is not cut again")

    written = write(built, dataclasses.replace(contents(TEXTS), cut=never), embedder)
    assert embedder.embedded == []
    assert (written.generation, written.embedded, written.chunks) == ("generation-0001", 0, 6)
    assert (written.added, written.changed, written.removed) == ((), (), ())
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert generations(built) == ["generation-0001"]


def test_one_changed_article_is_cut_and_only_its_new_chunks_are_embedded(built: Path) -> None:
    embedder, cut = Counting(), []

    def remember(article: Article) -> list[Chunk]:
        cut.append(article.id)
        return by_line(article)

    new = "Farmers gathered 900 tonnes of olives.\nThe harvest fell by 40 percent."
    what = dataclasses.replace(contents(TEXTS | {"olives": new}), cut=remember)
    written = write(built, what, embedder)
    assert cut == ["olives"]
    assert set(embedder.embedded) == {"The harvest fell by 40 percent."}
    assert (written.changed, written.added, written.removed, written.embedded) == (("olives",), (), (), 1)


def test_a_new_first_paragraph_embeds_nothing_but_itself(built: Path) -> None:
    embedder = Counting()
    write(built, contents(TEXTS | {"olives": f"Corrected on Monday.\n{TEXTS['olives']}"}), embedder)
    assert set(embedder.embedded) == {"Corrected on Monday."}


def test_a_removed_article_is_gone_from_articles_and_search(built: Path) -> None:
    embedder = Counting()
    written = write(built, contents({k: v for k, v in TEXTS.items() if k != "olives"}), embedder)
    assert (written.removed, written.embedded, embedder.embedded) == (("olives",), 0, [])
    assert held(built) == {"harbour", "library"}


@pytest.mark.parametrize("count", [3, 5])
def test_an_update_that_removes_over_a_fifth_is_refused_unless_it_is_meant(folder: Path, count: int) -> None:
    many = {f"a{n}": f"Article number {n} of several." for n in range(count)}
    write(folder, contents(many), allow_shrink=False)
    fewer = contents(dict(list(many.items())[: count - 2]))
    with pytest.raises(BadArticles, match=rf"remove 2 of the {count} articles .*'news'.*--allow-shrink"):
        write(folder, fewer, allow_shrink=False)
    assert (held(folder), generations(folder)) == (set(many), ["generation-0001"])
    assert len(write(folder, fewer, allow_shrink=True).removed) == 2


def test_a_fifth_of_the_articles_may_go_without_a_word(folder: Path) -> None:
    many = {f"a{n}": f"Article number {n} of several." for n in range(5)}
    write(folder, contents(many))
    fewer = contents({name: text for name, text in many.items() if name != "a3"})
    assert write(folder, fewer, allow_shrink=False).removed == ("a3",)


def renamed(names: dict[str, str]) -> dict[str, str]:
    return {names.get(name, name): text for name, text in TEXTS.items()}


@pytest.mark.parametrize(
    "names",
    [
        {"olives": "2024/olives"},
        {name: f"old/{name}" for name in TEXTS},
        {"harbour": "olives", "olives": "harbour"},
        {"harbour": "library", "library": "olives", "olives": "zebra"},
    ],
)
def test_a_renamed_file_is_no_loss_and_nothing_is_embedded(built: Path, names: dict[str, str]) -> None:
    embedder = Counting()
    written = write(built, contents(renamed(names)), embedder, allow_shrink=False)
    assert (written.added, written.removed, written.changed) == ((), (), ())
    assert (written.moved, written.embedded, embedder.embedded) == (tuple(sorted(names.values())), 0, [])
    assert held(built) == set(renamed(names))
    again = write(built, contents(renamed(names)), embedder, allow_shrink=False)
    assert (again.generation, again.moved) == (written.generation, ())


def test_a_renamed_file_that_was_edited_is_a_loss_and_embeds_its_new_lines_only(built: Path) -> None:
    texts = {name: text for name, text in TEXTS.items() if name != "olives"}
    texts["harvest"] = TEXTS["olives"] + "\nA third line was added to it."
    with pytest.raises(BadArticles, match="remove 1 of the 3 articles"):
        write(built, contents(texts), allow_shrink=False)
    embedder = Counting()
    written = write(built, contents(texts), embedder)
    assert (written.added, written.removed, written.moved) == (("harvest",), ("olives",), ())
    assert set(embedder.embedded) == {"A third line was added to it."}


def test_of_two_equal_articles_that_are_gone_one_has_moved(folder: Path) -> None:
    write(folder, contents({"a": "The same text.", "b": "The same text.", "c": "Another text."}))
    written = write(folder, contents({"d": "The same text.", "c": "Another text."}))
    assert (written.moved, written.removed, written.added) == (("d",), ("b",), ())


def test_a_move_is_no_loss_for_another_embedder_either(built: Path) -> None:
    embedder = Counting(dimension=32)
    written = write(built, contents(renamed({"olives": "x", "library": "y"})), embedder, allow_shrink=False)
    assert (written.moved, written.removed) == (("x", "y"), ())
    assert written.embedded == 6


def test_an_index_that_can_no_longer_be_searched_is_guarded_too(built: Path) -> None:
    one = contents({"harbour": TEXTS["harbour"]})
    with pytest.raises(BadArticles, match="2 of the 3"):
        write(built, one, FakeEmbedder(32), allow_shrink=False)
    (built / "generation-0001" / "vectors.npy").unlink()
    with pytest.raises(BadArticles, match="2 of the 3"):
        write(built, one, allow_shrink=False)


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


@pytest.mark.parametrize("changed", [{"groups": {"olives": "harbour"}}, {"source": "/new"}])
def test_what_is_not_in_an_article_makes_a_new_generation_too(built: Path, changed: dict[str, Any]) -> None:
    embedder = Counting()
    what = dataclasses.replace(contents(TEXTS), **changed)
    written = write(built, what, embedder)
    assert (written.generation, written.changed, embedder.embedded) == ("generation-0002", (), [])
    assert write(built, what).generation == "generation-0002"


def test_chunks_cut_another_way_are_embedded_again(built: Path) -> None:
    assert write(built, contents(TEXTS, chunker="lines:2")).embedded == 6
    assert "lines:2, not lines:1" in refusal(built, chunker="lines:1")


def test_generations_count_up_and_the_last_good_one_is_kept(built: Path) -> None:
    for number in (2, 3, 4):
        write(built, contents(TEXTS | {"olives": f"{number} olives were found."}))
        manifests = sorted(path.parent.name for path in built.glob("generation-*/manifest.json"))
        assert manifests == [f"generation-{number - 1:04}", f"generation-{number:04}"]
        assert current(built) == f"generation-{number:04}"
        assert held(built) == set(TEXTS)


def test_an_open_reader_sees_the_switch_and_still_reads_its_own(built: Path, reader: Generation) -> None:
    assert reader.is_current
    write(built, contents({"new": "Another article altogether."}))
    assert not reader.is_current
    found = reader.nearest(vector_of("harbour"), 10)
    assert {reader.article_of(row).id for row, _ in found} == set(TEXTS)
    assert held(built) == {"new"}


def test_an_index_deleted_while_it_is_being_opened_is_opened_again(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_updates(*_: object) -> None:
        monkeypatch.undo()
        write(built, contents({"olives": "No olives were found."}))
        write(built, contents({"olives": "Five olives were found."}))

    monkeypatch.setattr(index, "check_compatible", two_updates)  # called once CURRENT has been read
    generation = open_generation(built)
    assert (generation.id, generation.articles["olives"].text) == (
        "generation-0003",
        "Five olives were found.",
    )
    generation.close()


def test_a_missing_index_is_reported_with_the_command_that_builds_it(folder: Path) -> None:
    with pytest.raises(IndexMissing, match=r"'news'.*sanad index FOLDER --index news$"):
        open_generation(folder)
    assert not folder.exists(), "looking makes no folder"


def test_vectors_of_another_embedder_are_refused_with_the_fix(built: Path) -> None:
    message = refusal(built, FakeEmbedder(32).identity)
    assert "fake:64" in message
    assert "fake:32" in message


def test_a_build_with_another_embedder_embeds_everything_again(built: Path) -> None:
    written = write(built, embedder=FakeEmbedder(32))
    assert (written.embedded, written.added, written.changed) == (6, (), ())
    open_generation(built, FakeEmbedder(32).identity).close()


def truncate(data: bytes) -> Iterator[bytes]:
    yield from (b"", data[: len(data) // 2], data[:-1])


def flip(data: bytes) -> Iterator[bytes]:
    some = random.Random(len(data)).choices(range(len(data)), k=3)
    for at in {0, len(data) // 2, len(data) - 1, *some}:
        yield data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def lengthen(data: bytes) -> Iterator[bytes]:
    yield data + b"\0"


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [truncate, flip, lengthen])
def test_every_file_of_an_index_is_refused_when_it_is_damaged(
    built: Path, damaged: Callable[[bytes], Iterator[bytes]]
) -> None:
    files = [built / "CURRENT", *(p for p in sorted(built.glob("generation-0001/**/*")) if p.is_file())]
    names = {p.name for p in files}
    assert names >= {"manifest.json", "articles.jsonl", "chunks.npy", "vectors.npy", "spans.npy"}
    assert names >= {
        "sentences.npy",
        "about.json",
        "chroma.sqlite3",
        "data_level0.bin",
        "index_metadata.pickle",
    }
    for path in files:
        data = path.read_bytes()
        for spoiled in damaged(data):
            if spoiled != data:
                path.write_bytes(spoiled)
                assert "damaged" in refusal(built) or "format" in refusal(built), path
        path.write_bytes(data)
    assert held(built) == set(TEXTS), "whole again"


def test_every_file_of_an_index_is_refused_when_it_is_missing(built: Path, tmp_path: Path) -> None:
    for path in [p for p in sorted(built.rglob("*")) if p.is_file() and not p.name.startswith(".")]:
        path.rename(tmp_path / "away")
        assert "damaged" in refusal(built), path
        (tmp_path / "away").rename(path)
    assert held(built) == set(TEXTS), "whole again"


@pytest.mark.parametrize(
    "file", ["manifest.json", "vectors.npy", "chroma/chroma.sqlite3", "lexical/about.json"]
)
def test_the_next_build_rebuilds_a_damaged_generation(built: Path, file: str) -> None:
    path = built / "generation-0001" / file
    path.write_bytes(path.read_bytes()[:-3])
    written = write(built)
    assert (written.embedded, written.generation) == (6, "generation-0002")
    assert held(built) == set(TEXTS)


def test_a_flipped_current_never_leads_to_the_older_generation(built: Path) -> None:
    write(built, contents(TEXTS | {"olives": "No olives were found."}))
    line = (built / "CURRENT").read_text(encoding="utf-8")
    (built / "CURRENT").write_text(line.replace("-0002", "-0001"), encoding="utf-8")
    assert "CURRENT and generation-0001/manifest.json do not match" in refusal(built)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\xff",
        b"generation-0009\n",
        b"../elsewhere\n",
    ],
)
def test_a_damaged_current_file_is_reported_and_fixed_by_the_next_build(built: Path, content: bytes) -> None:
    (built / "CURRENT").write_bytes(content)
    assert "damaged" in refusal(built)
    assert write(built).generation == "generation-0002"
    assert held(built) == set(TEXTS)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"format": 1}, "has format 1, but this version of sanad reads 3"),
        ({"chunks": 5}, "its manifest says"),
        ({"segments": 7}, "damaged"),
        ({"segments": [{}]}, "damaged"),
        ({"unknown": 1}, "damaged"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(built: Path, changed: dict[str, Any], expected: str) -> None:
    path = built / "generation-0001" / "manifest.json"
    manifest = json.dumps(json.loads(path.read_bytes()) | changed).encode()
    path.write_bytes(manifest)
    (built / "CURRENT").write_bytes(entry("generation-0001", manifest))
    assert expected in refusal(built)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sentences": 7}, "its manifest says"),
        ({"chunks": 5}, "its manifest says"),
        ({"articles": 4}, "its manifest says"),
        ({"files": []}, "damaged"),
        ({"files": {"chroma/none.bin": "0"}}, "damaged"),
        ({"folder": "../elsewhere"}, "damaged"),
        ({"dead": [0], "dead_chunks": 2}, "its manifest says"),
        ({"unknown": 1}, "damaged"),
    ],
)
def test_a_segment_that_does_not_fit_its_manifest_is_refused(
    built: Path, changed: dict[str, Any], expected: str
) -> None:
    path = built / "generation-0001" / "manifest.json"
    fields = json.loads(path.read_bytes())
    fields["segments"][0] |= changed
    manifest = json.dumps(fields).encode()
    path.write_bytes(manifest)
    (built / "CURRENT").write_bytes(entry("generation-0001", manifest))
    assert expected in refusal(built)


@pytest.mark.parametrize("version", [1, 2])
def test_an_index_of_an_older_format_is_refused_and_rebuilt(built: Path, version: int) -> None:
    (built / "CURRENT").write_text("generation-0001\n", encoding="utf-8")
    (built / "generation-0001" / "manifest.json").write_text(
        json.dumps({"format": version}), encoding="utf-8"
    )
    assert f"has format {version}, but this version of sanad reads 3" in refusal(built)
    assert write(built).generation == "generation-0002"


def test_the_seeds_index_is_fixed_by_make(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match=r"sanad index$"):
        open_generation(tmp_path / "seeds")


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


HIDDEN = {".lock", ".writer", ".checked"}
"""What stays beside the generations."""

MOMENTS = [
    (build, "_write_vectors"),
    (build, "_write_articles"),
    (chroma_store, "write"),
    (index, "_checked"),
    (Path, "replace"),
]
"""Where the disk may turn out to be full."""


@pytest.mark.slow
@pytest.mark.parametrize(("where", "what"), MOMENTS, ids=lambda part: getattr(part, "__name__", part))
def test_a_full_disk_leaves_the_last_generation_current(
    built: Path, monkeypatch: pytest.MonkeyPatch, where: Any, what: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(where, what, full)
        with pytest.raises(NoSpace) as raised:
            write(built, contents({"a": "Other.\nTwo."}))
    assert "No space left on device" in str(raised.value)
    assert "SANAD_INDEXES" in str(raised.value)
    assert {p.name for p in built.iterdir()} == HIDDEN | {"CURRENT", "generation-0001"}
    assert held(built) == set(TEXTS)
    assert write(built, contents({"a": "Other.\nTwo."})).articles == 1, "with room again it works"


def test_a_failure_of_chroma_is_reported_and_changes_nothing(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ChromaFailed("Failed to apply logs to the hnsw segment writer")

    monkeypatch.setattr(chroma_store, "write", fails)
    with pytest.raises(IndexUnusable, match=r"Failed to apply logs.*index is unchanged"):
        write(built, contents({"a": "Other.\nTwo."}))
    assert held(built) == set(TEXTS)


@pytest.mark.parametrize("found", [[0, 1], [0, 0]])
def test_a_graph_that_finds_the_wrong_chunks_is_left_out_and_every_vector_compared(
    built: Path, monkeypatch: pytest.MonkeyPatch, found: list[int]
) -> None:
    many = {f"a{n}": f"Article number {n} of several about {'olives' * n}." for n in range(30)}
    with monkeypatch.context() as patched:
        patched.setattr(NeighbourGraph, "nearest", lambda *_: np.array(found))
        assert write(built, contents(TEXTS | many)).articles == 33
    with contextlib.closing(open_generation(built)) as generation:
        assert all(segment.graph is None for segment in generation.segments)
        assert not (generation.folder / layout.CHROMA).exists()
        for row in range(generation.count):
            assert generation.nearest(generation.vectors[row], 1)[0][1] == pytest.approx(1, abs=1e-3)


def test_files_that_change_between_writing_and_checking_are_not_switched_to(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = build.fill

    def spoil(staging: Path, *rest: Any, **options: Any) -> Any:
        filled = fill(staging, *rest, **options)
        (staging / "sentences.npy").write_bytes(b"")
        return filled

    monkeypatch.setattr(build, "fill", spoil)
    with pytest.raises(IndexUnusable, match=r"sentences\.npy has changed on disk.*the index is unchanged"):
        write(built, contents({"a": "Other.\nTwo."}))
    assert held(built) == set(TEXTS)


def test_a_folder_of_indexes_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(NoSpace, match="SANAD_INDEXES"):
        write(tmp_path / "file" / "news")


def test_an_embedder_that_fails_changes_nothing(built: Path) -> None:
    class Failing(FakeEmbedder):
        def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write(built, contents({"a": "Other.\nTwo."}), Failing())
    assert not (built / ".staging").exists()
    assert generations(built) == ["generation-0001"]


def test_what_a_killed_writer_left_is_ignored_and_removed(built: Path) -> None:
    shutil.copytree(built / "generation-0001", built / ".staging")
    (built / "CURRENT.new").write_text("generation-0007\n", encoding="utf-8")
    (built / "generation-0002").mkdir()  # renamed into place, but killed before the switch
    assert held(built) == set(TEXTS)
    assert write(built).generation == "generation-0001", "nothing changed"
    assert generations(built) == ["generation-0001"]
    assert not (built / ".staging").exists()
    assert write(built, contents({"a": "Other.\nTwo."})).generation == "generation-0002"
    assert generations(built) == ["generation-0001", "generation-0002"]
