from __future__ import annotations

import dataclasses
import gc
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import examples
from filelock import FileLock, Timeout
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_index import TEXTS, Counting, by_line, contents, lines_of, vector_of, write

from rag.errors import IndexUnusable, NoSpace
from rag.index import chroma_store
from rag.index.chroma_store import ChromaFailed, NeighbourGraph
from rag.index.generations import open_generation
from rag.index.snapshot import Generation
from rag.language.sentences import sentences
from rag.models import working_copy
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Tokens
from rag.models.working_copy import PREFIX

QUESTIONS = ("How many tonnes of olives?", "كم بلغت تكلفة المكتبة؟", "harbour repairs", "zzz")


@pytest.fixture
def reader(first_build: Path) -> Iterator[Generation]:
    generation = open_generation(first_build)
    yield generation
    generation.close()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which working copies are made."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def every_byte(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def by_brute_force(generation: Generation, vector: NDArray[np.float32], allowed: set[str]) -> list[int]:
    scores = generation.vectors @ vector
    rows = [row for row in np.argsort(-scores, kind="stable") if generation.article_of(row).id in allowed]
    return [int(row) for row in rows]


def test_rows_are_the_articles_chunks_in_order(reader: Generation) -> None:
    articles = contents(TEXTS).articles
    assert list(reader.articles.values()) == list(articles)
    assert list(reader.chunks) == [chunk for article in articles for chunk in by_line(article)]
    assert [reader.text(row) for row in range(reader.count)] == lines_of(TEXTS)
    for row, chunk in enumerate(reader.chunks):
        assert reader.article_of(row).id == chunk.article_id
        assert row in reader.rows(chunk.article_id)
    assert [len(reader.rows(name)) for name in TEXTS] == [2, 2, 2]


def test_vectors_are_what_the_embedder_makes_of_the_chunks(reader: Generation) -> None:
    np.testing.assert_allclose(reader.vectors, FakeEmbedder().passages(lines_of(TEXTS)), atol=1e-6)


def test_sentences_of_a_chunk_come_with_their_places_and_vectors(tmp_path: Path) -> None:
    text = "Heading.\nThe harbour reopened on Sunday. Yes. Repairs cost 12 million dollars."
    write(tmp_path / "x", contents({"first": "One whole sentence here.", "a": text}))
    generation = open_generation(tmp_path / "x")
    spans, vectors = generation.sentences(1)
    found = [text[start:end] for start, end in spans]
    assert found == ["The harbour reopened on Sunday.", "Repairs cost 12 million dollars."]
    np.testing.assert_allclose(vectors, FakeEmbedder().passages(found), atol=1e-3)  # stored as float16
    assert generation.text(0) == "Heading."
    assert [part.shape for part in generation.sentences(0)] == [(0, 2), (0, 64)]
    generation.close()


def test_tokens_of_a_chunk_come_packed_with_the_sentence_of_each(tmp_path: Path) -> None:
    text = "Heading.\nThe harbour reopened on Sunday. Yes. Repairs cost 12 million.\nفتحت المكتبة بابها."
    write(tmp_path / "x", contents({"a": text, "b": "One whole sentence here."}))
    generation = open_generation(tmp_path / "x")
    for row in range(generation.count):
        (tokens,) = FakeEmbedder().with_tokens([generation.text(row)])[1]
        np.testing.assert_array_equal(generation.tokens(row), late_interaction.pack(tokens.vectors))
        parts, (spans, _) = generation.token_parts(row), generation.sentences(row)
        assert len(parts) == len(spans)
        for (first, last), (start, end) in zip(parts, spans, strict=True):
            words = [generation.text(row)[a:b] for a, b in tokens.spans[first:last]]
            assert words == generation.article_of(row).text[start:end].split()
    assert [len(generation.token_parts(row)) for row in range(4)] == [0, 2, 1, 1]
    generation.close()


def test_tokens_are_kept_by_content_over_an_update(built: Path) -> None:
    before = open_generation(built)
    old = {before.text(row): (before.tokens(row).copy(), before.token_parts(row)) for row in range(6)}

    class Spoilt(Counting):
        def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
            vectors, tokens = super().with_tokens(texts)
            return vectors, [Tokens(-of.vectors, of.spans) for of in tokens]

    new = {"aaa": "A new article in front.", **TEXTS, "olives": f"Corrected.\n{TEXTS['olives']}"}
    assert write(built, contents(new), Spoilt()).embedded == 2
    after = open_generation(built)
    for row in range(after.count):
        text = after.text(row)
        if text in old:
            np.testing.assert_array_equal(after.tokens(row), old[text][0])
            np.testing.assert_array_equal(after.token_parts(row), old[text][1])
        else:
            (tokens,) = FakeEmbedder().with_tokens([text])[1]
            np.testing.assert_array_equal(after.tokens(row), late_interaction.pack(-tokens.vectors))
    assert {after.text(row) for row in range(after.count)} == {*old, "A new article in front.", "Corrected."}
    before.close()
    after.close()


def test_an_embedder_without_tokens_makes_an_index_without(tmp_path: Path) -> None:
    plain = FakeEmbedder(token_size=0)
    write(tmp_path / "x", embedder=plain)
    generation = open_generation(tmp_path / "x", plain.identity)
    for row in range(generation.count):
        assert generation.tokens(row).shape == (0, 0)
        assert generation.token_parts(row).tolist() == [[0, 0]]
    generation.close()


def test_nearest_agrees_with_brute_force(reader: Generation) -> None:
    vectors = FakeEmbedder().passages(lines_of(TEXTS))
    for question in QUESTIONS:
        scores = vectors @ vector_of(question)
        found = reader.nearest(vector_of(question), 3)
        np.testing.assert_allclose([score for _, score in found], np.sort(scores)[::-1][:3], atol=1e-5)
        np.testing.assert_allclose([scores[row] for row, _ in found], [s for _, s in found], atol=1e-5)


def test_more_than_there_are_gives_all_of_them(reader: Generation) -> None:
    found = reader.nearest(vector_of("harbour"), 1000)
    assert sorted(row for row, _ in found) == list(range(6))


@pytest.mark.parametrize("allowed", [{"library"}, {"library", "olives"}, set(TEXTS), {"library", "gone"}])
def test_only_allowed_articles_are_found_and_exactly_the_nearest(
    reader: Generation, allowed: set[str]
) -> None:
    for question in QUESTIONS:
        vector = vector_of(question)
        expected = by_brute_force(reader, vector, allowed)
        assert [row for row, _ in reader.nearest(vector, 100, frozenset(allowed))] == expected
        assert [row for row, _ in reader.nearest(vector, 1, frozenset(allowed))] == expected[:1]


def test_few_allowed_articles_among_many_are_found(tmp_path: Path) -> None:
    many = {f"a{n:02}": f"Report number {n} about the harbour." for n in range(40)}
    write(tmp_path / "x", contents(many))
    generation = open_generation(tmp_path / "x")
    vector = vector_of("report 17")
    found = generation.nearest(vector, 10, {"a03", "a17"})
    assert [row for row, _ in found] == by_brute_force(generation, vector, {"a03", "a17"})
    generation.close()


@pytest.mark.parametrize("allowed", [set(), {"gone"}])
def test_where_nothing_is_allowed_nothing_is_found(reader: Generation, allowed: set[str]) -> None:
    assert reader.nearest(vector_of("harbour"), 5, allowed) == []


def test_what_chroma_finds_is_ranked_by_the_vectors_alone(
    reader: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = vector_of("How many tonnes of olives?")
    right = reader.nearest(vector, 6)
    monkeypatch.setattr(NeighbourGraph, "nearest", lambda *_: np.array([3, 0, 5, 2, 1, 4]))
    assert reader.nearest(vector, 6) == right


def test_without_chroma_the_answer_is_the_same(reader: Generation, monkeypatch: pytest.MonkeyPatch) -> None:
    right = [reader.nearest(vector_of(question), 3) for question in QUESTIONS]

    def fails(*_: object) -> None:
        raise ChromaFailed("Failed to apply logs to the hnsw segment writer")

    monkeypatch.setattr(NeighbourGraph, "nearest", fails)
    assert [reader.nearest(vector_of(question), 3) for question in QUESTIONS] == right


def test_opened_without_search_the_answer_is_the_same(first_build: Path, reader: Generation) -> None:
    plain = open_generation(first_build, search=False)
    for question in QUESTIONS:
        vector = vector_of(question)
        rows, scores = zip(*plain.nearest(vector, 3), strict=True)
        expected_rows, expected = zip(*reader.nearest(vector, 3), strict=True)
        assert rows == expected_rows
        np.testing.assert_allclose(scores, expected, atol=1e-6)
    plain.close()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_index_of_very_few_chunks_works(tmp_path: Path, count: int) -> None:
    few = contents({"a": "\n".join(["One line.", "Second line.", "Third line."][:count])})
    write(tmp_path / "x", few)
    assert write(tmp_path / "x", few).embedded == 0
    generation = open_generation(tmp_path / "x", FakeEmbedder().identity)
    found = generation.nearest(vector_of("One line."), 5)
    assert (generation.chunks[found[0][0]].start, len(found)) == (0, count)
    assert found[0][1] == pytest.approx(1, abs=1e-5)
    generation.close()


def test_lines_point_into_the_source_file(tmp_path: Path) -> None:
    made = contents({"a": "First.\nSecond.\nThird."})
    write(tmp_path / "x", dataclasses.replace(made, lines={"a": (3, 7, 8)}))
    generation = open_generation(tmp_path / "x")
    assert [generation.line("a", at) for at in (0, 5, 7, 15)] == [3, 3, 7, 8]
    generation.close()


def test_an_article_is_its_own_group_unless_groups_are_passed(tmp_path: Path) -> None:
    write(tmp_path / "x", dataclasses.replace(contents(TEXTS), groups={"olives": "harbour"}))
    generation = open_generation(tmp_path / "x")
    assert [generation.groups[name] for name in TEXTS] == ["harbour", "library", "harbour"]
    generation.close()


def test_texts_with_every_kind_of_line_end_and_lone_surrogates_come_back(tmp_path: Path) -> None:
    text = "One\u2028two\x85three\x0b\x1cfour\r\nfive \ud800 six\nseven\u2029 «ثمانية»"

    class Lenient(FakeEmbedder):
        def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
            return super().with_tokens([text.encode("utf-8", "replace").decode() for text in texts])

    write(tmp_path / "x", contents({"a": text}), Lenient())
    generation = open_generation(tmp_path / "x")
    assert generation.articles["a"].text == text
    generation.close()


def test_the_lexical_index_is_written_over_the_chunks_in_row_order(reader: Generation) -> None:
    lexicon = reader.lexicon
    assert lexicon.count == 6
    for row, line in enumerate(lines_of(TEXTS)):
        assert np.argmax(lexicon.scores(line)) == row
    assert reader.manifest.source == "/news"


def test_contents_of_a_generation_make_the_same_generation_again(built: Path) -> None:
    generation = open_generation(built)
    same = write(built, generation.contents(by_line))
    assert (same.generation, same.embedded) == ("generation-0001", 0)
    embedder = Counting()
    part = write(
        built, dataclasses.replace(generation.contents(by_line), keep={"harbour", "olives"}), embedder
    )
    generation.close()
    assert (part.removed, part.articles, embedder.embedded) == (("library",), 2, [])
    left = open_generation(built)
    assert (set(left.articles), left.manifest.source) == ({"harbour", "olives"}, "/news")
    left.close()


def test_contents_derived_from_a_generation_that_is_no_longer_current_are_refused(built: Path) -> None:
    generation = open_generation(built)
    derived = dataclasses.replace(generation.contents(by_line), keep={"harbour", "olives"})
    write(built, contents(TEXTS | {"new": "An article that must not be lost."}))
    with pytest.raises(IndexUnusable, match=r"updated the index .* meanwhile"):
        write(built, derived)
    generation.close()
    now = open_generation(built)
    assert set(now.articles) == {*TEXTS, "new"}
    now.close()


def test_reading_changes_no_byte_and_leaves_nothing_behind(built: Path, temporary: Path) -> None:
    before = every_byte(built)
    generation = open_generation(built)
    assert len(list(temporary.iterdir())) == 1, "Chroma works on a copy"
    for question in QUESTIONS:
        generation.nearest(vector_of(question), 3)
    generation.close()
    generation.close()
    assert every_byte(built) == before
    assert list(temporary.iterdir()) == []


def test_a_generation_closes_itself_when_nothing_refers_to_it(built: Path, temporary: Path) -> None:
    generation = open_generation(built)
    assert list(temporary.iterdir())
    del generation
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_working_copies_that_killed_processes_left_are_removed_and_others_are_not(
    built: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = open_generation(built)
    (in_use,) = temporary.iterdir()
    (temporary / f"{PREFIX}left").mkdir()
    (temporary / f"{PREFIX}left" / "chroma.sqlite3").write_bytes(b"left")
    (temporary / "another").mkdir()
    (temporary / f"{PREFIX}link").symlink_to(temporary / "another")
    open_generation(built).close()
    assert (temporary / f"{PREFIX}left").exists(), "too young to be known as left"
    monkeypatch.setattr(working_copy, "SECONDS_TO_LOCK", -60)
    open_generation(built).close()
    assert {path.name for path in temporary.iterdir()} == {in_use.name, "another", f"{PREFIX}link"}
    assert held.nearest(vector_of("harbour"), 1)
    held.close()


def test_a_working_copy_is_removed_where_the_file_of_a_held_lock_cannot_be(
    built: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where an open file stays."""
    really = Path.unlink
    removed = shutil.rmtree

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        lock = Path(path) / ".lock"
        if lock.exists() and _is_held(lock):
            for other in Path(path).iterdir():
                if other != lock:
                    removed(other, ignore_errors=True) if other.is_dir() else really(other)
            return
        removed(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    open_generation(built).close()
    assert list(temporary.iterdir()) == []
    (temporary / f"{PREFIX}left").mkdir()
    monkeypatch.setattr(working_copy, "SECONDS_TO_LOCK", -60)
    open_generation(built).close()
    assert list(temporary.iterdir()) == []


def _is_held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def test_an_open_generation_answers_on_when_its_files_are_deleted(built: Path, first_build: Path) -> None:
    whole, gone = open_generation(first_build), open_generation(built)
    shutil.rmtree(built)
    for question in QUESTIONS:
        vector = vector_of(question)
        assert gone.nearest(vector, 3) == whole.nearest(vector, 3)
        assert gone.nearest(vector, 3, {"olives"}) == whole.nearest(vector, 3, {"olives"})
    np.testing.assert_array_equal(gone.sentences(3)[1], whole.sentences(3)[1])
    assert gone.line("library", 30) == 2
    assert not gone.is_current
    gone.close()
    whole.close()


def test_a_temporary_folder_that_cannot_be_used_is_reported(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(NoSpace, match=r"gone: No such file or directory\. .*TMPDIR=/path$"):
        open_generation(built)


article_texts = st.lists(
    st.sampled_from(
        [
            "The harbour reopened on Sunday.",
            "Repairs cost 12 million dollars. Ferries sail again.",
            "افتتحت البلدية مكتبة جديدة. بلغت التكلفة 4 ملايين دينار.",
            "Short.",
            "",
        ]
    ),
    max_size=5,
).map("\n".join)
collections = st.dictionaries(st.sampled_from("abcd"), article_texts, min_size=1)


@pytest.mark.slow
@examples(6)
@given(collections, collections)
def test_an_update_makes_what_a_build_from_nothing_makes(old: dict[str, str], new: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr(chroma_store, "MIN_ROWS", 1000)  # the graph is no part of this, and slow
        write(Path(folder, "x"), contents(old))
        embedder = Counting()
        write(Path(folder, "x"), contents(new), embedder)
        write(Path(folder, "y"), contents(new))
        updated, fresh = open_generation(Path(folder, "x")), open_generation(Path(folder, "y"))
        assert (updated.articles, list(updated.chunks)) == (fresh.articles, list(fresh.chunks))
        np.testing.assert_array_equal(updated.vectors, fresh.vectors)
        for question in QUESTIONS:
            np.testing.assert_array_equal(updated.lexicon.scores(question), fresh.lexicon.scores(question))
        for row in range(fresh.count):
            for mine, theirs in zip(updated.sentences(row), fresh.sentences(row), strict=True):
                np.testing.assert_array_equal(mine, theirs)
            np.testing.assert_array_equal(updated.tokens(row), fresh.tokens(row))
            np.testing.assert_array_equal(updated.token_parts(row), fresh.token_parts(row))
        for name in old.keys() & new.keys():
            assert not set(old[name].split("\n")) & set(embedder.embedded) - {
                line for other in new.keys() - {name} for line in new[other].split("\n")
            }
        for row, chunk in enumerate(fresh.chunks):
            text = fresh.article_of(row).text
            spans = [(chunk.start + start, chunk.start + end) for start, end in sentences(fresh.text(row))]
            cited = [text[start:end] for start, end in fresh.sentences(row)[0]]
            assert cited == [text[start:end] for start, end in spans if end - start >= 15]
