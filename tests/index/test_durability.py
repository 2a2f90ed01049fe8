"""What an index must survive: writers that are killed, two at once, readers during updates, a full disk."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from chroma_reader import check
from small_index import TEXTS, contents, vector_of, write

from rag import Answer, Assistant, Settings, build_index
from rag.errors import IndexUnusable, NoSpace
from rag.index.generations import open_generation
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Tokens
from rag.models.llm.fake import FakeLLM, fake_generator

TESTS = Path(__file__).resolve().parents[1]
NEVER = 60.0  # seconds; no build here takes so long
RUNS = 100  # writers that are killed
EDITIONS = {"morning": 7, "evening": 10}
"""Two states of a folder of articles: every article of one differs from that of the other."""
SHARED = "every edition"
"""In the text of articles that are in both."""


def make_edition(folder: Path, name: str, shared: int = 0) -> Path:
    """A folder of articles that all name their edition in every sentence, and ``shared`` that are in each."""
    folder.mkdir()
    for number in range(shared):
        text = f"Notice {number} of {SHARED}, on the opening hours of harbours."
        (folder / f"notice{number}.txt").write_text(text, encoding="utf-8")
    for number in range(EDITIONS[name]):
        lines = [f"Report {number} of the {name} edition, part {part}, on harbours." for part in range(4)]
        (folder / f"report{number}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def editions(tmp_path: Path) -> dict[str, Path]:
    return {name: make_edition(tmp_path / name, name) for name in EDITIONS}


class Run(NamedTuple):
    """What became of an indexing process."""

    outcome: str
    """``killed``, or ``ended`` and its status."""
    phase: str
    """The last phase that it was in."""
    starts: dict[str, float]
    """For each phase the seconds after which it began."""
    seconds: float
    """How long the process ran."""


class Indexer:
    """The process that forks indexing processes."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        """What those processes write to standard error."""
        with errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "forked_indexer.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {"SANAD_EMBEDDER": "fake", "PYTHONPATH": str(TESTS.parent)},
            )
        assert self._line() == "ready"

    def run(self, folder: Path, name: str, seconds: float = NEVER, since: str = "loading") -> Run:
        """Index a folder; kill the process at a moment, unless it has ended by then.

        Args:
            folder: What to index.
            name: The index.
            seconds: The moment, counted from the beginning of the phase ``since``.
            since: A phase.
        """
        assert self.process.stdin
        asked = [str(folder), name, str(Settings.load().indexes)]
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()
        pid, start, phase = int(self._line()), time.monotonic(), "loading"
        starts = {phase: 0.0}
        while True:
            left = starts[since] + seconds - (time.monotonic() - start) if since in starts else NEVER
            if not self._readable(max(0, left)):
                with contextlib.suppress(ProcessLookupError):  # it ended in this very moment
                    os.kill(pid, signal.SIGKILL)
                seconds = NEVER
                continue
            line = self._line()
            if line == "killed" or line.startswith("ended"):
                return Run(line, phase, starts, time.monotonic() - start)
            phase = line
            starts[phase] = time.monotonic() - start

    def _readable(self, seconds: float) -> bool:
        """Whether something can be read within so many seconds."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def _line(self) -> str:
        # Byte by byte, so that nothing is left in a buffer that a selector does not see.
        line = b""
        while not line.endswith(b"\n"):
            assert self.process.stdout
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, "the indexer ended"
            line += byte
        return line.decode().strip()

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def indexer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexer]:
    indexer = Indexer(tmp_path_factory.mktemp("indexer") / "errors")
    yield indexer
    indexer.close()


def held(index: Path, shared: int = 0) -> str:
    """The edition that an index holds, wholly and alone; a search in it answers."""
    generation = open_generation(index, FakeEmbedder().identity)
    texts = [article.text for article in generation.articles.values()]
    found = [generation.text(row) for row, _ in generation.nearest(vector_of("harbours"), 60)]
    generation.close()
    assert len({text for text in texts if SHARED in text}) == shared
    assert len({text for text in found if SHARED in text}) == shared
    texts, found = ([text for text in some if SHARED not in text] for some in (texts, found))
    (edition,) = [name for name in EDITIONS if name in texts[0]]
    assert len(texts) == EDITIONS[edition]
    assert all(edition in text for text in [*texts, *found])
    assert found
    return edition


def kill_writers(
    indexer: Indexer, editions: dict[str, Path], index: Path, runs: int, shared: int
) -> Counter[str]:
    """Kill ``runs`` updates; after each all is well.

    Every other moment is drawn evenly from the whole length of an update, the others from one phase after
    the other, as some are very short.

    Returns:
        How often each outcome and phase was met.
    """
    met: Counter[str] = Counter()
    moments = random.Random(runs)
    build_index(editions["evening"], index.name)
    whole = indexer.run(editions["morning"], index.name)
    assert whole.outcome == "ended 0"
    ends = dict(zip(whole.starts, [*list(whole.starts.values())[1:], whole.seconds], strict=True))
    phases = itertools.cycle(reversed(ends))  # the switch first
    old, new = "morning", "evening"
    for run in range(runs):
        since = next(phases) if run % 2 else "loading"
        longest = ends[since] - whole.starts[since] if run % 2 else whole.seconds
        killed = indexer.run(editions[new], index.name, moments.uniform(0, longest), since)
        now = held(index, shared)
        assert now in (old, new)
        assert now == new or killed.outcome == "killed"
        met.update([f"{killed.outcome} while {killed.phase}"])
        met.update([f"holds the {'new' if now == new else 'old'} articles"])
        written = build_index(editions[new], index.name, allow_shrink=True)
        assert written.written.articles == EDITIONS[new] + shared
        assert held(index, shared) == new
        check(index.name)
        assert not (index / ".staging").exists()
        assert len(list(index.glob("generation-*"))) <= 2 + 2 * bool(shared)
        old, new = new, old
    return met


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0, 30])
def test_a_writer_killed_at_any_moment_leaves_the_old_articles_or_the_new(
    indexer: Indexer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: int
) -> None:
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    # With shared articles their segment stays, and only what differs is written.
    editions = {name: make_edition(tmp_path / name, name, shared) for name in EDITIONS}
    met = kill_writers(indexer, editions, tmp_path / "indexes" / "x", RUNS, shared)
    killed = [count for what, count in met.items() if what.startswith("killed")]
    assert sum(killed) >= RUNS / 3, met
    assert len(killed) >= 6, f"the phases that were met: {met}"


class Held(FakeEmbedder):
    """An embedder that waits in the middle of a build until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.go = threading.Event(), threading.Event()

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        self.started.set()
        assert self.go.wait(60)
        return super().with_tokens(texts)


@pytest.mark.slow
def test_of_two_writers_at_once_one_wins_and_the_other_soon_names_it(
    indexer: Indexer, editions: dict[str, Path], tmp_path: Path
) -> None:
    embedder, errors = Held(), []

    def first() -> None:
        try:
            build_index(editions["morning"], "x", embedder=embedder)
        except BaseException as error:
            errors.append(error)

    winner = threading.Thread(target=first)
    winner.start()
    assert embedder.started.wait(60)
    start = time.monotonic()
    with pytest.raises(IndexUnusable) as raised:
        build_index(editions["evening"], "x", embedder=FakeEmbedder())
    assert time.monotonic() - start < 2
    expected = rf"Another process \(pid {os.getpid()}, since 20\d\d-[^)]*\) is writing the index 'x'\."
    assert re.match(expected, str(raised.value))
    before = indexer.errors.stat().st_size
    assert indexer.run(editions["evening"], "x").outcome == "ended 1"
    assert re.search(expected, indexer.errors.read_text(encoding="utf-8")[before:])
    embedder.go.set()
    winner.join(60)
    assert errors == []
    index = tmp_path / "indexes" / "x"
    assert held(index) == "morning"
    build_index(editions["evening"], "x", embedder=FakeEmbedder())
    assert held(index) == "evening"


@pytest.mark.slow
def test_questions_during_updates_are_answered_each_from_one_whole_generation(
    editions: dict[str, Path], tmp_path: Path
) -> None:
    build_index(editions["morning"], "x", embedder=FakeEmbedder())
    llm = FakeLLM()
    assistant = Assistant.open("x", embedder=FakeEmbedder(), generator=fake_generator(llm))
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            while len(answers) < 200 or len({answer.generation for answer in answers}) < 3:
                answers.append(assistant.ask("What do the reports tell of harbours?"))
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    edition_of, turn = {"generation-0001": "morning"}, 0
    while any(reader.is_alive() for reader in readers):
        name = ("evening", "morning")[turn % 2]
        written = build_index(editions[name], "x", allow_shrink=True, embedder=FakeEmbedder()).written
        edition_of[written.generation] = name
        turn += 1
    assert errors == []
    for answer in answers:
        texts = [p.text for p in answer.passages] + [c.quote for c in answer.citations]
        assert texts
        assert all(edition_of[answer.generation] in text for text in texts)
    assistant.close()
    assert held(tmp_path / "indexes" / "x") == edition_of[max(edition_of)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a disk with the given options, or mounts it anew with others."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        again = "remount," if os.path.ismount(folder) else ""
        command = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a small disk takes root's rights")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_reported_and_with_room_the_same_update_succeeds(
    small_disk: Callable[[str], Path],
) -> None:
    disk = small_disk("size=16m")
    index = disk / "x"
    write(index)
    many = {
        f"a{n}": "\n".join(f"Line {line} of {n} tells of olives." for line in range(20)) for n in range(9)
    }
    reader = open_generation(index)
    taken = shutil.disk_usage(disk).used
    for room in range(16, 600, 64):  # KiB; with the last ones Chroma is what meets the end of the disk
        small_disk(f"size={taken + room * 1024}")
        with pytest.raises(NoSpace, match=r"'x'.*No space left on device.*The index is unchanged"):
            write(index, contents(many))  # of other articles alone, so that a graph is built
        assert {p.name for p in index.iterdir()} == {
            ".lock",
            ".writer",
            ".checked",
            "CURRENT",
            "generation-0001",
        }
        again = open_generation(index)
        for generation in (reader, again):
            found = generation.nearest(vector_of("olives"), 3)
            assert generation.article_of(found[0][0]).id == "olives"
        again.close()
    small_disk("size=16m")
    written = write(index, contents(many))
    assert (written.generation, written.articles) == ("generation-0002", 9)
    assert not reader.is_current
    reader.close()


def test_an_index_on_a_disk_that_cannot_be_written_is_read(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("size=16m")
    write(disk / "x")
    small_disk("ro")
    generation = open_generation(disk / "x")
    found = generation.nearest(vector_of("olives"), 6)
    assert generation.article_of(found[0][0]).id == "olives"
    generation.close()
    with pytest.raises(NoSpace, match="Read-only file system"):
        write(disk / "x", contents(TEXTS | {"new": "One more."}))


def test_a_full_temporary_folder_is_reported_and_is_no_damage(
    small_disk: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x")
    disk = small_disk("size=1m")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    for room in range(0, 260, 20):  # KiB; the copy itself takes 180
        (disk / "filler").write_bytes(b"")
        (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - room * 1024))
        with contextlib.suppress(NoSpace):
            open_generation(tmp_path / "x").close()
            break
    else:
        raise AssertionError("there was room enough in the end")
    assert room > 180, "a copy that was cut short would be no copy"
    assert [path.name for path in disk.iterdir()] == ["filler"]
