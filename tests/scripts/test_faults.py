"""Faults that no other test brings about; docs/operations.md names a test for each."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import FakeAssistant
from controls import CONTROLS
from faults import documented

from rag import Assistant, Settings, build_index
from rag.index.archive import import_index
from rag.index.generations import open_generation
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.server.guard import UPLOADS
from rag.server.serve import Server

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "When did the harbour of Marsa reopen?"


@pytest.mark.parametrize("jump", [-10 * 365 * 86400, -3600, 3600, 10 * 365 * 86400])
def test_a_clock_that_jumps_disturbs_neither_index_nor_answers(
    small_articles: Path, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    settings, embedder = Settings.load(articles=small_articles), FakeEmbedder()
    build_index(small_articles, "small", settings=settings, embedder=embedder)
    assistant = Assistant.open(
        "small", settings=settings, embedder=embedder, generator=fake_generator(FakeLLM())
    )
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    (small_articles / "tower.txt").write_text(
        "Tower bell rings again\nThe bell of the tower rang on Friday.\n"
    )
    for path in small_articles.iterdir():
        os.utime(path, (real() + jump, real() + jump))  # as files that are written then
    built = build_index(small_articles, "small", settings=settings, embedder=embedder)
    assert built.written.added == ("tower",) and built.written.changed == ()
    answer = assistant.ask("When did the bell of the tower ring?")
    assert "Friday" in answer.text and 0 <= answer.timings["total"] < 60
    assistant.close()


@pytest.mark.slow
def test_a_terminal_that_goes_while_indexing_leaves_the_last_index(
    small_articles: Path, tmp_path: Path
) -> None:
    build_index(small_articles, "small", embedder=FakeEmbedder())
    for number in range(150):
        (small_articles / f"more{number}.txt").write_text(f"Report {number}\n" + f"Line of {number}.\n" * 30)
    command = [sys.executable, "-m", "rag.cli", "index", str(small_articles), "--index", "small"]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"SANAD_EMBEDDER": "fake", "PYTHONPATH": path}
    index = tmp_path / "indexes" / "small"
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not (index / ".staging").exists() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    with contextlib.closing(open_generation(index, FakeEmbedder().identity)) as generation:
        assert len(generation.articles) in (3, 153)
    assert len(build_index(small_articles, "small", embedder=FakeEmbedder()).written.generation) > 0
    assert not (index / ".staging").exists()


@pytest.fixture
def server(fake_assistant: FakeAssistant) -> Iterator[Server]:
    from ui.app import page_app

    served = Server(fake_assistant(), page=page_app).start()
    yield served
    served.close()


def test_an_upload_that_breaks_off_leaves_nothing_and_the_next_one_works(
    server: Server, tmp_path: Path
) -> None:
    uploads = tmp_path / "indexes" / "small" / "uploads"
    broken = http.client.HTTPConnection("127.0.0.1", server.port)
    broken.putrequest("PUT", f"{UPLOADS}tower.txt")
    broken.putheader("Content-Length", "100000")
    broken.endheaders(b"Tower bell rings again\n")
    end = time.monotonic() + 20
    while not (uploads.is_dir() and any(uploads.iterdir())) and time.monotonic() < end:
        time.sleep(0.01)
    assert [path.name for path in uploads.iterdir() if not path.name.startswith(".")] == []
    broken.close()
    while any(uploads.iterdir()) and time.monotonic() < end:
        time.sleep(0.01)
    assert list(uploads.iterdir()) == []
    whole = http.client.HTTPConnection("127.0.0.1", server.port)
    whole.request("PUT", f"{UPLOADS}tower.txt", b"Tower bell rings again\nThe bell rang on Friday.\n")
    assert whole.getresponse().status == 200
    assert [path.name for path in uploads.iterdir()] == ["tower.txt"]
    whole.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from rag.index.archive import import_index
from rag.index import archive
from rag.models.embedding.embedder import FakeEmbedder
setattr(archive, sys.argv[1], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
import_index(Path(sys.argv[2]), "x", embedder=FakeEmbedder())
"""
"""An import that is killed when it comes to a step."""


@pytest.mark.slow
def test_an_import_that_is_killed_leaves_no_index_and_the_next_one_works(
    small_articles: Path, tmp_path: Path
) -> None:
    from rag.index import archive
    from rag.index.archive import export_index

    build_index(small_articles, "small", embedder=FakeEmbedder())
    export_index(tmp_path / "file", "small")
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for step in ("_install", "fsync"):
        command = [sys.executable, "-c", KILLED, step, str(tmp_path / "file")]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, timeout=120)
        assert done.returncode == -signal.SIGKILL
        if step == "fsync":  # the switch itself was made
            with contextlib.closing(open_generation(tmp_path / "indexes" / "x")) as generation:
                assert len(generation.articles) == 3
        else:
            assert not (tmp_path / "indexes" / "x").exists()
    assert import_index(tmp_path / "file", "y", embedder=FakeEmbedder()).articles == 3
    assert not (tmp_path / "indexes" / archive.STAGING).exists()


@pytest.mark.parametrize(("document", "least"), [("operations.md", 24), ("security.md", 21)])
def test_every_row_of_the_table_names_tests_that_exist(document: str, least: int) -> None:
    rows = documented(ROOT / "docs" / document)
    assert len(rows) >= least
    for case, tests in rows:
        assert tests, case
        for file, name in tests:
            source = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", source, re.MULTILINE), f"{case}: {file}::{name}"


def test_every_test_of_the_threat_table_has_a_control_that_can_be_taken_away() -> None:
    named = {name for _, tests in documented(ROOT / "docs" / "security.md") for _, name in tests}
    assert {name for control in CONTROLS for name in control.tests} == named
    for control in CONTROLS:
        there = (ROOT / control.file).read_text(encoding="utf-8").count(control.there)
        assert there == 1, f"{control.file} holds {control.there!r} {there} times; mend scripts/controls.py"
