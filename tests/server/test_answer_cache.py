from __future__ import annotations

import dataclasses
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Answer, Chunk, Citation, Claim, Evidence, Filter, Passage, Reprint
from rag.server.answer_cache import AnswerCache

MOST = 100_000


def answer(text: str = "It cost 12 million [1].", **changed: object) -> Answer:
    """An answer with something in every field."""
    also = (Reprint("other", None, "2024-08"),)
    quote = Citation(1, "harbour", "Harbour", None, "2024", "harbour.txt", 2, 3, 9, "words", also)
    found = Passage(Chunk("c", "harbour", 0, 9, 3), "words", "", None, None, 0.5, -0.25, None, 1, also)
    shown = Evidence(1, "harbour", 3, 9, "words", "", None, None, "harbour.txt", 2, 0.5, also)
    claim = Claim(text, 0, len(text), (1,), "partial", "why", "words")
    made = Answer(
        "How much?", text, "en", "answered", (claim,), (quote,), (found,), (shown,), "fake", "generation-1",
        {"total": 1.5}, Filter(("A",), since="2024"), "How much did it cost?",
    )  # fmt: skip
    return dataclasses.replace(made, **changed)  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path) -> AnswerCache:
    return AnswerCache(tmp_path / "cache" / "answers.sqlite3", MOST)


@pytest.mark.slow
def test_what_was_kept_comes_back_equal_also_in_another_process(cache: AnswerCache) -> None:
    assert cache.get("key") is None
    assert not cache.path.exists(), "looking makes no file"
    cache.put("key", answer())
    assert cache.get("key") == answer()
    code = "import sys; from pathlib import Path; from rag.server.answer_cache import AnswerCache; "
    code += "print(AnswerCache(Path(sys.argv[1]), 1).get('key').text)"
    process = subprocess.run(
        [sys.executable, "-c", code, cache.path], capture_output=True, text=True, check=True
    )
    assert process.stdout == answer().text + "\n"


def test_questions_are_private(cache: AnswerCache) -> None:
    cache.put("key", answer())
    for path in cache.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


texts = st.text(st.characters(codec="utf-8"), max_size=20)


@examples(25)
@given(texts, texts, st.none() | st.floats(allow_nan=False), st.dictionaries(texts, st.floats(0, 9)))
def test_any_text_and_number_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, one: str, two: str, score: float | None, times: dict[str, float]
) -> None:
    cache = AnswerCache(tmp_path_factory.getbasetemp() / "any.sqlite3", MOST)
    given_ = answer(one, question=two, timings=times)
    given_ = dataclasses.replace(given_, passages=(dataclasses.replace(given_.passages[0], lexical=score),))
    cache.put(one, given_)
    assert cache.get(one) == given_


def test_the_least_recently_used_are_dropped_when_the_answers_outgrow_their_room(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite3"
    AnswerCache(path, MOST).put("probe", answer("probe 0"))
    with sqlite3.connect(path) as table:
        (size,) = table.execute("SELECT MAX(LENGTH(data)) FROM answers").fetchone()
    table.close()
    path.unlink()
    cache = AnswerCache(path, 3 * size + size // 2)
    for number in range(3):
        cache.put(str(number), answer(f"probe {number}"))
    assert cache.get("0")  # used again, so that "1" is now the oldest
    cache.put("3", answer("probe 3"))
    assert [key for key in "0123" if cache.get(key)] == ["0", "2", "3"]


def test_an_answer_larger_than_all_the_room_is_not_kept_and_drops_nothing(cache: AnswerCache) -> None:
    cache.put("key", answer())
    small = AnswerCache(cache.path, 100)
    small.put("large", answer())
    assert small.get("large") is None
    assert small.get("key") == answer()


@pytest.mark.parametrize(
    "bytes_",
    [b"no database", b"", b"SQLite format 3\0" + b"\xff" * 5000],
    ids=["text", "empty", "header only"],
)
def test_a_corrupt_file_is_emptied_and_used_again(cache: AnswerCache, bytes_: bytes) -> None:
    cache.path.parent.mkdir()
    cache.path.write_bytes(bytes_)
    assert cache.get("key") is None
    cache.put("key", answer())
    cache.put("key", answer())
    assert cache.get("key") == answer()


@pytest.mark.slow
@pytest.mark.parametrize("at", [30, 100, 2000, 5000, 8200, -3000, -100])
def test_a_file_damaged_anywhere_gives_the_answer_or_none_and_never_an_error(
    cache: AnswerCache, at: int
) -> None:
    for number in range(20):
        cache.put(str(number), answer(f"number {number}"))
    whole = bytearray(cache.path.read_bytes())
    whole[at : at + 64 if at + 64 else None] = b"\xa5" * 64
    cache.path.write_bytes(whole)
    for ending in ("-wal", "-shm"):
        cache.path.with_name(cache.path.name + ending).unlink(missing_ok=True)
    for number in range(20):
        assert cache.get(str(number)) in (None, answer(f"number {number}"))
    for _ in range(2):  # the first may find the damage
        cache.put("new", answer("new"))
    assert cache.get("new") in (None, answer("new"))


def test_a_row_that_does_not_hold_an_answer_is_forgotten(cache: AnswerCache) -> None:
    cache.put("key", answer())
    with sqlite3.connect(cache.path) as table:
        table.execute("UPDATE answers SET data = ?", (b"x",))
    table.close()
    assert cache.get("key") is None
    with sqlite3.connect(cache.path) as table:
        assert table.execute("SELECT COUNT(*) FROM answers").fetchone() == (0,)
    table.close()


def test_a_file_of_another_version_is_emptied(cache: AnswerCache) -> None:
    cache.put("key", answer())
    with sqlite3.connect(cache.path) as table:
        table.execute("DROP TABLE answers")
        table.execute("CREATE TABLE answers (other TEXT)")
        table.execute("PRAGMA user_version = 0")
    table.close()
    assert cache.get("key") is None
    cache.put("key", answer())
    assert cache.get("key") == answer()


def test_a_folder_that_cannot_be_written_to_or_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for path in (tmp_path / "file" / "answers.sqlite3", tmp_path):
        cache = AnswerCache(path, MOST)
        cache.put("key", answer())
        assert cache.get("key") is None


def test_a_file_that_another_process_keeps_locked_is_passed_by(cache: AnswerCache) -> None:
    cache.put("key", answer())
    with sqlite3.connect(cache.path, isolation_level=None) as held:
        held.execute("BEGIN EXCLUSIVE")
        cache.put("new", answer())
        held.execute("ROLLBACK")
    held.close()
    assert cache.get("new") is None
    assert cache.get("key") == answer()


@pytest.mark.slow
def test_many_threads_and_processes_at_once_lose_nothing_that_was_reported(cache: AnswerCache) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.server.test_answer_cache import AnswerCache, answer\n"
        "cache = AnswerCache(Path(sys.argv[1]), 10**8)\n"
        "for n in range(10): cache.put(f'{sys.argv[2]}:{n}', answer(f'{sys.argv[2]}:{n}'))"
    )
    root = Path(__file__).resolve().parents[2]
    command, env = [sys.executable, "-c", code, cache.path], {**os.environ, "PYTHONPATH": str(root / "tests")}
    others = [subprocess.Popen([*command, name], cwd=root, env=env) for name in "ab"]
    mine = AnswerCache(cache.path, 10**8)
    threads = [
        threading.Thread(target=lambda t=t: [mine.put(f"{t}:{n}", answer(f"{t}:{n}")) for n in range(5)])
        for t in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [other.wait(timeout=30) for other in others] == [0, 0]
    kept = 0
    for name, count in (("a", 10), ("b", 10), ("0", 5), ("1", 5)):
        for number in range(count):
            found = mine.get(f"{name}:{number}")
            assert found in (None, answer(f"{name}:{number}"))  # None: it was locked for too long
            kept += found is not None
    assert kept > 15
