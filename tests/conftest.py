"""What every test uses: its own folders and environment, no network, a few articles, fake models."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

# Read once, when a library is imported, so it must be set before any test file is.
os.environ["HF_HUB_OFFLINE"] = "1"
# The networks of tests are tiny: threads that wait for one another make them up to five times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from command import Run
from evals_stand_in import TEXT
from small_index import write
from ui_browser import launched

from rag import Assistant, Settings, build_index
from rag.cli.commands import main
from rag.loading import sandbox, unchanged
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.settings import DEFAULT_INDEX

ARTICLES = {
    "harbour": (
        "Harbour reopens after two years\n"
        "The harbour of Marsa reopened on Sunday after two years of repairs.\n"
        "The repairs cost 12 million dollars, said the port director Lina Haddad.\n"
        "Ferries will carry 300 passengers a day to the island.\n"
    ),
    "library": (
        "افتتاح مكتبة في حي النخيل\n"
        "افتتحت البلدية مكتبة جديدة في حي النخيل يوم الأحد.\n"
        "بلغت تكلفة المكتبة 4 ملايين دينار، وفق رئيس البلدية سامر قاسم.\n"
        "تضم المكتبة 25 ألف كتاب بالعربية والإنجليزية.\n"
    ),
    "olives": (
        "Olive harvest falls by a third\n"
        "Farmers in the valley gathered 900 tonnes of olives this autumn.\n"
        "The harvest fell by 33 percent because of drought, said the farmers' union.\n"
    ),
}
"""Three invented articles by file stem."""

FAST_EXAMPLES = 15
"""Most examples of a property test in a fast run."""

FOLDERS = itertools.count()
"""Numbers of the folders of tests."""

CATALOGUE = """
[harbour]
title = "Harbour reopens after two years"
outlet = "Coast Daily"
published = "2024-09-06"

[library]
outlet = "صحيفة النخيل"
language = "ar"
"""


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: while one waits for a disk or a server, another computes."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Settings of the whole run."""
    # Among a million objects of libraries each garbage collection takes a third of a second.
    gc.set_threshold(20_000, 20, 20)
    # How long an example takes depends on the machine's load, not on the code.
    hypothesis.settings.register_profile("whole", deadline=None)
    # The fast run tries fewer examples; `make test` tries Hypothesis's hundred, or the test's own number.
    hypothesis.settings.register_profile("fast", deadline=None, max_examples=FAST_EXAMPLES)
    hypothesis.settings.load_profile("fast" if "not slow" in config.option.markexpr else "whole")


def examples(number: int, **others: Any) -> hypothesis.settings:
    """Settings of a property test with its own number of examples; a fast run tries fewer."""
    if hypothesis.settings.get_current_profile_name() == "fast":
        number = min(number, FAST_EXAMPLES)
    return hypothesis.settings(max_examples=number, deadline=None, **others)


def pytest_collection_finish() -> None:
    """Exclude what is imported by now from garbage collection."""
    gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a module whose tests are all left out: torch alone takes seconds."""
    if collection_path.suffix == ".py":
        text = collection_path.read_text(encoding="utf-8")
        mark = re.search(r"^pytestmark = pytest\.mark\.(\w+)", text, re.MULTILINE)
        if mark and f"not {mark[1]}" in config.option.markexpr:
            return True
    return None


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the test; pytest's own fixture searches the folders of all earlier tests for a number."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}{next(FOLDERS)}", numbered=False)


@pytest.fixture(autouse=True)
def own_folders(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written; real-model tests share the user's prepared weights."""
    real_models = request.node.get_closest_marker("model") is not None
    for name in [name for name in os.environ if name.startswith("SANAD_")]:
        if not (real_models and name == "SANAD_CACHE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SANAD_INDEXES", str(tmp_path / "indexes"))
    if not real_models:
        monkeypatch.setenv("SANAD_CACHE", str(tmp_path / "cache"))
        monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that opens a connection to another machine, even when a library swallows the error."""
    attempts: list[str] = []

    def guarded(real: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
                attempts.append(repr(address))
                raise OSError(f"a test tried to connect to {address!r}")
            return real(self, address)

        return connect

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    yield
    assert not attempts, f"connections were attempted: {', '.join(attempts)}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "") or host.startswith("127.")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Headless Chromium, for the tests of a module; while it runs, its thread can start no event loop."""
    with launched() as browser:
        yield browser


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not flush to disk: it takes half of the time, and no test cuts the power and could notice."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def write_articles(folder: Path) -> Path:
    """Make a folder of three invented articles, two English and one Arabic, with a catalogue."""
    folder.mkdir()
    for stem, text in ARTICLES.items():
        (folder / f"{stem}.txt").write_text(text, encoding="utf-8")
    (folder / "articles.toml").write_text(CATALOGUE, encoding="utf-8")
    return folder


@contextlib.contextmanager
def assistant_over(folder: Path) -> Iterator[Assistant]:
    """An assistant with fake models over the small articles, in an empty folder."""
    articles = write_articles(folder / "articles")
    chosen = Settings(indexes=folder / "indexes", cache=folder / "cache", articles=articles)
    build_index(articles, "small", settings=chosen, embedder=FakeEmbedder())
    assistant = Assistant.open("small", settings=chosen, embedder=FakeEmbedder(), generator=fake_generator())
    try:
        yield assistant
    finally:
        assistant.close()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder and its subfolders by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def small_articles(tmp_path: Path) -> Path:
    """The small articles, which the test may change."""
    return write_articles(tmp_path / "articles")


@pytest.fixture(scope="session")
def first_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the small articles, built once: copying it takes a tenth of the time."""
    folder = tmp_path_factory.mktemp("first")
    articles = write_articles(folder / "articles")
    settings = Settings(indexes=folder / "indexes", cache=folder / "cache", articles=articles)
    build_index(articles, "small", settings=settings, embedder=FakeEmbedder())
    return folder / "indexes" / "small"


Serve = Callable[..., httpx.Client]
"""The fixture ``serve``."""

FakeAssistant = Callable[..., Assistant]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The data that is read from files, all of which are too old to be read again without a change."""
    data_read: list[bytes] = []
    plain = sandbox.Readers.read

    def remembered(self: sandbox.Readers, kind: str, data: bytes) -> object:
        data_read.append(data)
        return plain(self, kind, data)

    monkeypatch.setattr(unchanged, "FRESH_SECONDS", -60.0)
    monkeypatch.setattr(sandbox.Readers, "read", remembered)
    return data_read


@pytest.fixture
def fake_assistant(small_articles: Path, first_index: Path) -> Iterator[FakeAssistant]:
    """Makes assistants over the small articles whose generator replies from a script."""
    opened: list[Assistant] = []
    unchanged = contents(small_articles)

    def make(
        replies: Sequence[str] = (),
        *,
        llm: FakeLLM | None = None,
        embedder: FakeEmbedder | None = None,
        **changed: Any,
    ) -> Assistant:
        settings = Settings.load(articles=small_articles, **changed)
        index = settings.indexes / "small"
        if embedder is None and not index.exists() and contents(small_articles) == unchanged:
            shutil.copytree(first_index, index)
        else:
            build_index(small_articles, "small", settings=settings, embedder=embedder or FakeEmbedder())
        embedder = embedder or FakeEmbedder()
        generator = fake_generator(llm or FakeLLM.scripted(list(replies)))
        opened.append(Assistant.open("small", settings=settings, embedder=embedder, generator=generator))
        return opened[-1]

    yield make
    for assistant in opened:
        assistant.close()


@pytest.fixture
def serve(fake_assistant: FakeAssistant) -> Iterator[Serve]:
    """Serves an assistant over the small articles and returns a client of the server."""
    from rag.server.serve import Server

    opened: list[tuple[Server, httpx.Client]] = []

    def make(
        llm: FakeLLM | None = None, *, server: dict[str, Any] | None = None, **settings: Any
    ) -> httpx.Client:
        running = Server(fake_assistant(llm=llm, **settings), **(server or {})).start()
        opened.append((running, httpx.Client(base_url=running.address, timeout=60)))
        return opened[-1][1]

    yield make
    for running, client in opened:
        client.close()
        running.close()


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server over the small articles, for the tests of a module that change nothing there."""
    from rag.server.serve import Server

    with assistant_over(tmp_path_factory.mktemp("shared")) as assistant:
        server = Server(assistant).start()
        with httpx.Client(base_url=server.address, timeout=60) as client:
            yield client
        server.close()


@pytest.fixture
def run(small_articles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``sanad`` in this process with fake models over the small articles: status, stdout, stderr."""
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    monkeypatch.setenv("SANAD_BACKEND", "fake")
    monkeypatch.setenv("SANAD_ARTICLES", str(small_articles))

    def sanad(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main(arguments)
        except SystemExit as exit_:  # argparse
            status = int(exit_.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return sanad


@pytest.fixture
def indexed(first_index: Path, tmp_path: Path) -> Path:
    """For ``run``: the default index is already built."""
    return shutil.copytree(first_index, tmp_path / "indexes" / DEFAULT_INDEX)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with the one article of the stand-in that evals are tested with."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "one.txt").write_text(TEXT, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the index of ``built``, which may not exist yet."""
    return tmp_path / "indexes" / "news"


@pytest.fixture(scope="session")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    index = tmp_path_factory.mktemp("built") / "news"
    write(index)
    return index


@pytest.fixture
def built(first_build: Path, folder: Path) -> Path:
    """An index with one generation, which the test may damage."""
    return shutil.copytree(first_build, folder)
