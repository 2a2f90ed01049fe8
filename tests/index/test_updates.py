"""An update writes what changed, and the index is the one that a build from nothing makes."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from small_index import TEXTS, Counting, contents, vector_of, write

from rag import Settings, build_index
from rag.errors import IndexUnusable
from rag.index import layout, snapshot
from rag.index.generations import open_generation
from rag.index.segments import ledger, update
from rag.index.snapshot import Generation
from rag.models.embedding.embedder import FakeEmbedder

NEW = "The bridge opened on Monday.\nIt is 900 metres long."
QUESTIONS = ("How many tonnes of olives?", "كم بلغت تكلفة المكتبة؟", "harbour repairs in edition 3", "zzz")


@pytest.fixture
def opened() -> Iterator[list[Generation]]:
    """Generations that are closed at the end."""
    generations: list[Generation] = []
    yield generations
    for generation in generations:
        generation.close()


def folders(index: Path) -> list[str]:
    return sorted(path.name for path in index.glob("generation-*"))


def parts(index: Path) -> list[layout.Part]:
    return list(layout.read_manifest(index, layout.read_current(index))[1].segments)


def same(one: Generation, other: Generation) -> None:
    """Both contain the same and find the same, with the same scores."""
    assert (one.articles, list(one.articles)) == (other.articles, list(other.articles))
    assert (one.groups, list(one.chunks)) == (other.groups, list(other.chunks))
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_array_equal(one.table, other.table)
    for question in QUESTIONS:
        np.testing.assert_array_equal(one.lexicon.scores(question), other.lexicon.scores(question))
        overlaps = [each.lexicon.overlaps(question, list(TEXTS.values())) for each in (one, other)]
        np.testing.assert_array_equal(*overlaps)
        for allowed in (None, list(one.articles)[::2]):
            rows, scores = zip(*one.nearest(vector_of(question), 10, allowed), strict=True)
            other_rows, other_scores = zip(*other.nearest(vector_of(question), 10, allowed), strict=True)
            np.testing.assert_allclose(scores, other_scores, atol=1e-6)
            tied = min(scores) + 1e-6  # of equal ones any may be the last
            assert {r for r, s in zip(rows, scores, strict=True) if s > tied} == {
                r for r, s in zip(other_rows, other_scores, strict=True) if s > tied
            }
    for row in range(one.count):
        np.testing.assert_array_equal(one.tokens(row), other.tokens(row))
        np.testing.assert_array_equal(one.token_parts(row), other.token_parts(row))
        for mine, theirs in zip(one.sentences(row), other.sentences(row), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert one.line(one.article_of(row).id, 3) == other.line(one.article_of(row).id, 3)


def test_an_update_writes_the_new_article_alone_and_touches_nothing_else(built: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in built.glob("generation-0001/**/*")}
    embedder = Counting()
    written = write(built, contents(TEXTS | {"bridge": NEW}), embedder)
    assert (written.added, written.embedded, written.chunks) == (("bridge",), 2, 8)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [(part.folder, part.articles, part.chunks) for part in parts(built)] == [
        ("generation-0001", 3, 6),
        ("generation-0002", 1, 2),
    ]
    assert not (built / "generation-0002" / "chroma").exists()


@pytest.mark.slow
@pytest.mark.parametrize("graph_rows", [2, 1000])
def test_after_many_updates_the_index_is_the_one_that_a_build_from_nothing_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[Generation], graph_rows: int
) -> None:
    monkeypatch.setattr(snapshot, "GRAPH_ROWS", graph_rows)
    chance, texts = random.Random(graph_rows), dict(TEXTS)
    most = 0
    for turn in range(60):
        kind = chance.choice(["add", "add", "add", "change", "remove", "rename"])
        name = chance.choice(sorted(texts))
        if kind == "add":
            texts[f"{chance.choice('abyz')}{turn:02}"] = f"Edition {turn} on harbours.\nIts price is {turn}."
        elif kind == "change":
            texts[name] += f"\nA line that was added in edition {turn}."
        elif len(texts) > 3:
            text = texts.pop(name)
            texts |= {f"moved/{name}": text} if kind == "rename" else {}
        write(tmp_path / "updated", contents(texts))
        most = max(most, len(parts(tmp_path / "updated")))
    write(tmp_path / "fresh", contents(texts))
    opened += [open_generation(tmp_path / name) for name in ("updated", "fresh")]
    same(*opened)
    assert 2 < most <= 3 * update.FAN
    used = {part.folder for part in parts(tmp_path / "updated")}
    assert len(set(folders(tmp_path / "updated")) - used) <= 2 * update.FAN


@pytest.mark.parametrize("count", [update.FAN, pytest.param(update.FAN**2, marks=pytest.mark.slow)])
def test_segments_of_one_size_are_merged_without_embedding(tmp_path: Path, count: int) -> None:
    texts: dict[str, str] = {}
    embedded = 0
    for number in range(count):
        texts[f"a{number:02}"] = f"Report {number} about the harbour."
        embedded += write(tmp_path / "x", contents(texts)).embedded
    assert [part.articles for part in parts(tmp_path / "x")] == [count]
    assert embedded == count
    assert len(folders(tmp_path / "x")) <= 2 * update.FAN


def test_a_segment_of_which_many_articles_are_gone_is_copied(tmp_path: Path) -> None:
    texts = {f"a{number}": f"Report {number} about the harbour." for number in range(9)}
    write(tmp_path / "x", contents(texts))
    for number in range(3):
        del texts[f"a{number}"]
        write(tmp_path / "x", contents(texts))
        assert [(part.articles, list(part.dead)) for part in parts(tmp_path / "x")] == [
            (9, list(range(number + 1)))
        ]
    del texts["a3"]
    assert write(tmp_path / "x", contents(texts)).embedded == 0
    assert [(part.articles, list(part.dead)) for part in parts(tmp_path / "x")] == [(5, [])]


def test_a_segment_without_an_article_is_left_out(built: Path) -> None:
    write(built, contents({"bridge": NEW}))
    assert [part.folder for part in parts(built)] == ["generation-0002"]
    write(built, contents({"bridge": f"{NEW}\nIt is red."}))
    assert folders(built) == ["generation-0002", "generation-0003"]


@pytest.mark.parametrize("file", ["vectors.npy", "articles.jsonl", "lexical/rows.npy", "sketches.npy"])
def test_the_next_update_rebuilds_a_damaged_segment_and_no_other(built: Path, file: str) -> None:
    write(built, contents(TEXTS | {"bridge": NEW}))
    spoil(built / "generation-0001" / file)
    embedder = Counting()
    written = write(built, contents(TEXTS | {"bridge": NEW}), embedder)
    assert (written.embedded, written.changed, written.removed) == (6, (), ())
    open_generation(built).close()


def spoil(path: Path) -> None:
    """Flip the last byte of a file, and set its time of modification back."""
    status, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def rot(index: Path, file: str) -> None:
    """Flip a byte so that neither size nor times of the file show it, as a failing disk does."""
    spoil(index / file)
    folder, _, name = file.partition("/")
    known = ledger.read_checked(index)
    known[folder][name] = ledger._state(index / file)
    ledger.write_checked(index, known)


def test_damage_that_no_time_shows_is_refused_by_readers_and_then_rebuilt(built: Path) -> None:
    write(built, contents(TEXTS | {"bridge": NEW}))
    rot(built, "generation-0001/vectors.npy")
    texts = TEXTS | {"bridge": NEW, "tower": "The bell of the tower rang."}
    assert write(built, contents(texts)).embedded == 1, "what is not read is not compared"
    with pytest.raises(IndexUnusable, match=r"damaged: generation-0001/vectors\.npy has changed on disk"):
        open_generation(built)
    assert write(built, contents(texts)).embedded == 6
    open_generation(built).close()


@pytest.mark.parametrize("file", ["vectors.npy", "sentences.npy", "tokens.bin", "parts.npy"])
def test_a_damaged_vector_is_never_used_again_for_a_changed_article(built: Path, file: str) -> None:
    write(built)  # notes the times of this copy of the index
    rot(built, f"generation-0001/{file}")
    embedder = Counting()
    write(built, contents(TEXTS | {"olives": f"Corrected.\n{TEXTS['olives']}"}), embedder)
    # The last byte of each file is one of the last line of the last article.
    assert set(embedder.embedded) == {"Corrected.", TEXTS["olives"].split("\n")[1]}


def test_a_damaged_segment_is_not_merged_into_one_that_seems_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "FAN", 3)
    index = tmp_path / "x"
    texts = {"a": "Report one about the harbour."}
    for name in ("a", "b"):
        write(index, contents(texts := {**texts, name: f"Report {name} about the harbour."}))
    rot(index, "generation-0002/vectors.npy")
    write(index, contents(texts | {"c": "Report c about the harbour."}))
    assert "generation-0002" in {part.folder for part in parts(index)}
    with pytest.raises(IndexUnusable, match="generation-0002/vectors"):
        open_generation(index)


def test_a_reader_that_opens_an_index_again_compares_only_what_is_new(
    built: Path, monkeypatch: pytest.MonkeyPatch, opened: list[Generation]
) -> None:
    opened.append(open_generation(built))
    write(built, contents(TEXTS | {"bridge": NEW}))
    compared: list[Path] = []
    digests = layout.digests

    def remembered(files: dict[str, Path]) -> dict[str, str]:
        compared.extend(files.values())
        return digests(files)

    monkeypatch.setattr(layout, "digests", remembered)
    opened.append(open_generation(built, reuse=opened[0]))
    assert {path.parent.name for path in compared if path.name == "vectors.npy"} == {"generation-0002"}
    monkeypatch.undo()
    opened.append(open_generation(built))
    same(opened[1], opened[2])


def update_of(folder: Path) -> object:
    return build_index(folder, "small", embedder=FakeEmbedder(), allow_shrink=True).written


def test_an_update_reads_new_and_changed_files_alone(small_articles: Path, settled: list[bytes]) -> None:
    update_of(small_articles)
    settled.clear()
    (small_articles / "bridge.txt").write_text(NEW, encoding="utf-8")
    (small_articles / "olives.txt").write_text("Farmers gathered no olives.", encoding="utf-8")
    written = build_index(small_articles, "small", embedder=FakeEmbedder()).written
    assert (written.added, written.changed, written.articles) == (("bridge",), ("olives",), 4)
    assert sorted(settled) == sorted([NEW.encode(), b"Farmers gathered no olives."])


def test_files_are_read_again_for_an_index_that_went_back_to_the_generation_before(
    small_articles: Path, settled: list[bytes]
) -> None:
    update_of(small_articles)
    index = Settings.load().indexes / "small"
    first = (index / "CURRENT").read_bytes()
    (small_articles / "olives.txt").write_text("Farmers gathered no olives.", encoding="utf-8")
    update_of(small_articles)
    (index / "CURRENT").write_bytes(first)
    written = build_index(small_articles, "small", embedder=FakeEmbedder()).written
    assert written.changed == ("olives",)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [True, False])
def test_articles_of_a_damaged_or_missing_index_are_read_again(
    small_articles: Path, settled: list[bytes], damaged: bool
) -> None:
    update_of(small_articles)
    index = Settings.load().indexes / "small"
    if damaged:
        spoil(index / "generation-0001" / "articles.jsonl")
    else:
        shutil.rmtree(index / "generation-0001")
    settled.clear()
    update_of(small_articles)
    assert len(settled) == 3
    open_generation(index).close()


def test_a_catalogue_that_changes_is_seen_in_files_that_did_not(
    small_articles: Path, settled: list[bytes]
) -> None:
    update_of(small_articles)
    with (small_articles / "articles.toml").open("a", encoding="utf-8") as catalogue:
        catalogue.write('[olives]\noutlet = "Coast Daily"\n')
    assert build_index(small_articles, "small", embedder=FakeEmbedder()).written.changed == ("olives",)


def test_a_manifest_names_its_segments_and_their_digests(built: Path) -> None:
    manifest = json.loads((built / "generation-0001" / "manifest.json").read_bytes())
    (part,) = manifest["segments"]
    files = {
        p.relative_to(built / "generation-0001").as_posix() for p in built.glob("generation-0001/**/*.*")
    }
    assert part["files"].keys() == files - {"manifest.json"}
