from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from rag import Assistant, SanadError
from rag.errors import BadArticles
from rag.index.indexing import Built
from rag.index.watching import watch_index
from rag.loading.watch import follow, ticks
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import fake_generator

pytestmark = pytest.mark.slow

SETTLE = 0.05
PATIENT = 30  # seconds: only a test that fails waits so long


class Watched:
    """``watch_index`` over a folder in a thread: what it tells arrives in a queue."""

    def __init__(self, folder: Path) -> None:
        self.events: queue.SimpleQueue[Built | SanadError | BaseException | None] = queue.SimpleQueue()
        self._folder = folder
        self._end = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            watch_index(self._folder, "small", self._tell, embedder=FakeEmbedder(), settle=SETTLE)
        except BaseException as error:
            self.events.put(error)
        else:
            self.events.put(None)

    def _tell(self, event: Built | SanadError) -> None:
        self.events.put(event)
        if self._end:
            raise KeyboardInterrupt  # as Ctrl+C in the middle of an update

    def next(self) -> Built | SanadError | BaseException | None:
        return self.events.get(timeout=PATIENT)

    def built(self) -> Built:
        event = self.next()
        assert isinstance(event, Built), event
        return event

    def end(self) -> None:
        self._end = True
        self._folder.mkdir(exist_ok=True)
        (self._folder / "last.txt").write_text("The last article of the day.\n", encoding="utf-8")
        while self._thread.is_alive():
            if self.next() is None:
                self._thread.join(PATIENT)


@pytest.fixture
def watched(small_articles: Path) -> Iterator[Watched]:
    watched = Watched(small_articles)
    try:
        yield watched
    finally:
        watched.end()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_an_index_follows_its_folder(small_articles: Path, request: pytest.FixtureRequest) -> None:
    for n in range(3):
        write(small_articles / f"{n}.txt", f"Story {n} of many was told.\n")
    watched: Watched = request.getfixturevalue("watched")
    assert watched.built().written.added == ("0", "1", "2", "harbour", "library", "olives")
    write(small_articles / "bridge.txt", "The bridge opened on Monday.\n")
    assert watched.built().written.added == ("bridge",)
    write(small_articles / "bridge.txt", "The bridge opened on Tuesday.\n")
    assert watched.built().written.changed == ("bridge",)
    (small_articles / "bridge.txt").unlink()
    assert watched.built().written.removed == ("bridge",)
    write(small_articles / "more" / "road.txt", "The road was closed on Friday.\n")
    assert watched.built().written.added == ("more/road",)


def test_a_bad_state_is_reported_once_and_the_last_index_stays_in_use(
    watched: Watched, small_articles: Path
) -> None:
    watched.built()
    catalogue = small_articles / "articles.toml"
    sound = catalogue.read_text(encoding="utf-8")
    write(catalogue, "[harbour")
    error = watched.next()
    assert isinstance(error, BadArticles)
    assert "articles.toml" in str(error)
    write(
        small_articles / "bridge.txt", "The bridge opened on Monday.\n"
    )  # the same error, not reported again
    assistant = Assistant.open("small", embedder=FakeEmbedder(), generator=fake_generator())
    assert len(assistant.articles()) == 3
    write(catalogue, sound)
    assert watched.built().written.added == ("bridge",)
    assert len(assistant.articles()) == 4
    assistant.close()


def test_a_folder_that_goes_and_comes_back_is_followed_again(watched: Watched, small_articles: Path) -> None:
    watched.built()
    away = small_articles.with_name("away")
    small_articles.rename(away)
    error = watched.next()
    assert isinstance(error, BadArticles)
    assert str(small_articles) in str(error)
    write(away / "bridge.txt", "The bridge opened on Monday.\n")
    away.rename(small_articles)
    assert watched.built().written.added == ("bridge",)
    write(small_articles / "road.txt", "The road was closed on Friday.\n")
    assert watched.built().written.added == ("road",)


def test_another_folder_in_its_place_is_followed(watched: Watched, small_articles: Path) -> None:
    watched.built()
    new = small_articles.with_name("new")
    shutil.copytree(small_articles, new)
    write(new / "bridge.txt", "The bridge opened on Monday.\n")
    small_articles.rename(small_articles.with_name("old"))
    new.rename(small_articles)
    event = watched.next()
    if isinstance(event, BadArticles):  # it looked between the two renamings
        event = watched.next()
    assert isinstance(event, Built)
    assert event.written.added == ("bridge",)
    write(small_articles / "road.txt", "The road was closed on Friday.\n")
    assert watched.built().written.added == ("road",)


def test_a_file_that_cannot_be_read_is_reported_though_nothing_else_changed(
    watched: Watched, small_articles: Path
) -> None:
    watched.built()
    (small_articles / "picture.txt").write_bytes(b"\x89PNG\0\0")
    built = watched.built()
    assert [skipped.source for skipped in built.skipped] == ["picture.txt"]
    assert not (built.written.added or built.written.changed or built.written.removed)


def test_a_first_update_that_fails_ends_it(tmp_path: Path) -> None:
    with pytest.raises(BadArticles, match="nowhere"):
        watch_index(tmp_path / "nowhere", "small", embedder=FakeEmbedder())


def test_an_interrupt_of_the_first_update_is_passed_on(
    small_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = FakeEmbedder()

    def interrupted(_texts: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(embedder, "passages", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watch_index(small_articles, "small", embedder=embedder)


def until(wanted: bool, seen: Generator[bool]) -> None:
    for _ in range(round(PATIENT / SETTLE)):
        if next(seen) is wanted:
            return
    raise AssertionError(f"no {wanted} came")


def test_hidden_files_are_no_change(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    seen = ticks(folder, SETTLE)
    assert next(seen) is True
    write(folder / ".git" / "index", "x")
    write(folder / ".note.txt.swp", "x")
    assert [next(seen) for _ in range(4)] == [False] * 4
    write(folder / "note.txt", "x")
    until(True, seen)
    seen.close()


def test_a_folder_put_in_its_place_is_one_change_that_has_settled(tmp_path: Path) -> None:
    folder, new = tmp_path / "watched", tmp_path / "new"
    folder.mkdir()
    new.mkdir()
    seen = ticks(folder, SETTLE)
    assert next(seen) is True
    folder.rename(tmp_path / "old")
    new.rename(folder)
    # An update at once and another one after it would be two, and the first would not wait for the copying.
    assert [next(seen) for _ in range(6)].count(True) == 1
    seen.close()


def test_a_folder_that_is_gone_is_one_change(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    seen = ticks(folder, SETTLE)
    assert next(seen) is True
    folder.rmdir()
    assert [next(seen) for _ in range(4)].count(True) == 1
    folder.mkdir()
    until(True, seen)
    seen.close()


def test_a_folder_that_the_system_cannot_watch_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> object:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", exhausted)
    with pytest.raises(BadArticles, match=f"{tmp_path}.*watch limit reached.*--watch"):
        next(ticks(tmp_path, SETTLE))


def test_an_update_that_failed_is_tried_again_without_a_change(tmp_path: Path) -> None:
    outcomes = [False, False, True]

    def update() -> bool:
        if len(outcomes) == 1:
            write(tmp_path / "change.txt", "x")  # while it runs; not lost
        if not outcomes:
            raise KeyboardInterrupt
        return outcomes.pop(0)

    with pytest.raises(KeyboardInterrupt):
        follow(tmp_path, update, settle=SETTLE, retry=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_reports_each_update_in_a_line_and_ends_at_a_signal(
    small_articles: Path, ending: signal.Signals
) -> None:
    command = [sys.executable, "-m", "rag.cli", "index", str(small_articles), "--index", "mine", "--watch"]
    environment = {**os.environ, "SANAD_EMBEDDER": "fake"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell that runs the tests in the background has SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        guard = threading.Timer(PATIENT, process.kill)
        guard.start()
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            first = process.stdout.readline()
            while not (line := process.stderr.readline()).startswith("Watching "):
                assert line, "it ended before it watched"
            write(small_articles / "bridge.txt", "The bridge opened on Monday.\n")
            second = process.stdout.readline()
            process.send_signal(ending)
            rest, errors = process.communicate(timeout=PATIENT)
        finally:
            guard.cancel()
    assert first.startswith("mine: 3 articles, 3 passages (3 added; ")
    assert second.startswith("mine: 4 articles, 4 passages (1 added; ")
    assert (process.returncode, rest, errors) == (0, "", "")
