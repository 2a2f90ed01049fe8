"""``sanad serve`` and ``sanad ui`` as processes: the socket for sanad ask, signals, closed terminals."""

from __future__ import annotations

import contextlib
import fcntl
import html
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from command import Run
from conftest import FakeAssistant

from rag import Settings, errors
from rag.cli.arguments import parser
from rag.errors import Busy, IndexUnusable
from rag.server.local_socket import Listener, NoServer, ask, socket_path
from rag.server.serve import Server
from rag.settings import DEFAULT_INDEX, index_folder

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "When did the harbour of Marsa reopen?"


@pytest.fixture
def environment(indexed: Path, small_articles: Path, tmp_path: Path) -> dict[str, str]:
    """For processes: the small articles, indexed, and fake models."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {
        "SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "SANAD_ARTICLES": str(small_articles),
        "PYTHONPATH": path,
    }  # fmt: skip


Begin = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def begin(environment: dict[str, str], tmp_path: Path) -> Iterator[Begin]:
    """Starts a command that serves; gives process and address."""
    running: list[subprocess.Popen[str]] = []

    def make(*arguments: str, **more: Any) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "rag.cli", *arguments]
        with (tmp_path / "log").open("w") as log:
            streams = {"stdout": subprocess.PIPE, "stderr": log, "text": True} | more
            process = subprocess.Popen(command, env=environment, cwd=tmp_path, **streams)
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + (tmp_path / "log").read_text("utf-8")
        return process, found[0]

    yield make
    for process in running:
        process.kill()
        process.communicate()


def port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short path: that of a Unix socket may have a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="sanad-") as folder:
        yield Path(folder)


def sockets(cache: Path) -> list[Path]:
    return list((cache / "serve").glob("*.sock"))


@pytest.mark.slow
def test_a_server_is_found_by_ask_and_ends_cleanly_at_a_signal(
    begin: Begin, environment: dict[str, str], tmp_path: Path
) -> None:
    process, address = begin("serve", "--no-page", "--port", port())
    assert httpx.get(f"{address}/readyz").status_code == 200
    (path,) = sockets(tmp_path / "cache")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    command = [sys.executable, "-X", "importtime", "-m", "rag.cli", "ask", QUESTION]
    asked = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert asked.returncode == 0 and "harbour.txt:2" in asked.stdout
    loaded = {line.rpartition("|")[2].strip() for line in asked.stderr.splitlines()}
    assert not loaded & {"chromadb", "openvino", "llama_index.core", "fastapi", "gradio", "pydantic"}
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert time.monotonic() - start < 5
    assert sockets(tmp_path / "cache") == []
    lines = [json.loads(line) for line in (tmp_path / "log").read_text("utf-8").splitlines()]
    assert {"answered", "request"} <= {line["event"] for line in lines}


@pytest.mark.slow
def test_a_server_opens_several_indexes_and_names_one_that_is_missing(
    begin: Begin, environment: dict[str, str], indexed: Path, tmp_path: Path
) -> None:
    shutil.copytree(indexed, indexed.with_name("more"))
    several = ("serve", "--no-page", "--index", DEFAULT_INDEX, "--index", "more")
    _, address = begin(*several, "--port", port())
    models = httpx.get(f"{address}/v1/models").json()["data"]
    assert [model["id"] for model in models] == ["sanad", f"sanad/{DEFAULT_INDEX}", "sanad/more"]
    assert httpx.get(f"{address}/v1/models/sanad/more").status_code == 200
    command = [sys.executable, "-m", "rag.cli", *several, "--index", "nothing", "--port", port()]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "'nothing'" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_the_page_of_several_indexes_names_them_in_their_order(begin: Begin, indexed: Path) -> None:
    shutil.copytree(indexed, indexed.with_name("more"))
    _, address = begin("ui", "--index", "more", "--index", DEFAULT_INDEX, "--port", port())
    names = re.search('data-indexes="([^"]*)"', httpx.get(address).text)
    assert names and json.loads(html.unescape(names[1])) == ["more", DEFAULT_INDEX]


@pytest.mark.parametrize("command", ["ui", "serve"])
def test_the_index_can_be_named_repeatedly(command: str) -> None:
    assert parser().parse_args([command, "--index", "a", "--index", "b"]).index == ["a", "b"]
    assert parser().parse_args([command]).index is None


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "command"), [("SIGHUP", ["ui"]), ("SIGINT", ["serve", "--no-page"])])
def test_a_terminal_that_goes_ends_it_like_any_other_signal(
    begin: Begin, sent: str, command: list[str]
) -> None:
    process, _ = begin(*command, "--port", port())
    process.send_signal(getattr(signal, sent))
    assert process.wait(60) == 0


@pytest.mark.slow
def test_a_standard_output_that_nobody_reads_or_that_is_closed_stops_nothing(
    begin: Begin, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    lines = 500  # of 200 bytes each: more than the 64 KB of a pipe
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        lines = 50
    process, address = begin("serve", "--no-page", "--port", port(), stderr=writing)
    os.close(writing)
    with httpx.Client(base_url=address) as client:
        for _ in range(lines):
            assert client.get("/readyz").status_code == 200
    os.close(reading)
    assert httpx.get(f"{address}/readyz").status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


@pytest.mark.slow
def test_a_server_that_was_killed_leaves_a_socket_that_stops_nobody(
    begin: Begin, run: Run, tmp_path: Path
) -> None:
    process, _ = begin("serve", "--no-page", "--port", port())
    process.kill()
    process.wait()
    assert len(sockets(tmp_path / "cache")) == 1
    status, out, err = run("ask", QUESTION)
    assert (status, err) == (0, "") and "harbour.txt:2" in out
    _, address = begin("serve", "--no-page", "--port", port())
    assert httpx.get(f"{address}/healthz").status_code == 200
    assert len(sockets(tmp_path / "cache")) == 1


@pytest.fixture
def served(fake_assistant: FakeAssistant, tmp_path: Path) -> Iterator[Path]:
    """A server on a socket."""
    path = tmp_path / "s"
    server = Server(fake_assistant(), local=path).start()
    yield path
    server.close()


@pytest.mark.slow
def test_answers_over_the_socket_are_those_of_the_assistant(served: Path) -> None:
    *_, last = ask(served, QUESTION, None)
    assert last.answer.citations[0].quote.startswith("The harbour of Marsa reopened")  # type: ignore[union-attr]


@pytest.mark.slow
def test_of_two_servers_the_first_keeps_the_socket(
    served: Path, fake_assistant: FakeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    second = Server(fake_assistant(), local=served).start()
    assert "no socket" in caplog.text
    second.close()
    assert list(ask(served, QUESTION, None)), "the first one's is still there"


def test_the_ask_command_uses_the_server_unless_an_option_forbids_it(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.cli import commands

    asked: list[Path] = []

    def other(path: Path, *_: object) -> Any:
        asked.append(path)
        raise IndexUnusable("The index is damaged.")

    monkeypatch.setattr(commands, "ask_server", other)
    assert run("ask", QUESTION)[0] == 0 and asked == []
    path = socket_path(index_folder(Settings.load(), DEFAULT_INDEX), Settings.load())
    assert path is not None
    path.parent.mkdir(parents=True)
    path.touch()
    assert run("ask", QUESTION) == (2, "", "sanad: The index is damaged.\n")
    assert asked == [path]
    assert run("ask", "--no-serve", QUESTION)[0] == 0


def test_the_socket_is_of_one_index_one_version_and_one_set_of_models(tmp_path: Path) -> None:
    base = Settings(cache=tmp_path)
    paths = {
        socket_path(tmp_path / "a", base),
        socket_path(tmp_path / "b", base),
        socket_path(tmp_path / "a", Settings(cache=tmp_path, llm="other")),
        socket_path(tmp_path / "a", Settings(cache=tmp_path, evidence=4)),
    }
    assert len(paths) == 4 and None not in paths
    assert socket_path(tmp_path / "a", Settings(cache=tmp_path, waiting=3)) in paths
    assert socket_path(tmp_path / "a", Settings(cache=tmp_path / ("x" * 120))) is None


def serving(path: Path, reply: bytes) -> threading.Thread:
    """Something that listens there and says this to the first who comes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer() -> None:
        with contextlib.suppress(OSError):
            taken, _ = listener.accept()
            sent = b""
            while b'"stream": true}' not in sent:  # the end of the question
                sent += taken.recv(65536)
            taken.sendall(reply)
            taken.close()
        listener.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return thread


def http(status: str, body: str, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()


def test_a_file_that_is_no_socket_and_one_where_nobody_listens_are_no_server(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "stale"))
    stale.close()
    serving(tmp_path / "mute", b"")
    serving(tmp_path / "odd", b"SSH-2.0-OpenSSH\r\n")
    for name in ("file", "stale", "mute", "odd", "missing"):
        with pytest.raises(NoServer):
            list(ask(tmp_path / name, QUESTION, None))


def test_a_socket_of_another_user_is_not_trusted(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(NoServer, match="no socket of this user"):
        list(ask(served, QUESTION, None))


@pytest.mark.parametrize(
    ("reply", "kind", "expected"),
    [
        (http("200 OK", '{"event": "token", "text": "It'), "GenerationFailed", "server ended"),
        (http("200 OK", ""), "GenerationFailed", "server ended"),
        (http("200 OK", '{"event": "finished", "answer": {}}\n'), "GenerationFailed", "server ended"),
        (http("500 Oh", "<html>"), "GenerationFailed", "--no-serve"),
        (
            http("200 OK", '{"event":"error","error":{"message":"Gone.","type":"IndexMissing","code":503}}'),
            "IndexMissing",
            "Gone.",
        ),
        (
            http("503 No", '{"error":{"message":"Full.","type":"Busy","code":503}}', "Retry-After: 9\r\n"),
            "Busy",
            "Full. .*--no-serve",
        ),
        (
            http("500 No", '{"error":{"message":"What.","type":"annotations","code":1}}'),
            "SanadError",
            "What.",
        ),
    ],
)
def test_a_server_that_fails_is_reported_in_words(
    tmp_path: Path, reply: bytes, kind: str, expected: str
) -> None:
    serving(tmp_path / "s", reply)
    with pytest.raises(getattr(errors, kind), match=expected) as raised:
        list(ask(tmp_path / "s", QUESTION, None))
    if kind == "Busy":
        assert isinstance(raised.value, Busy) and raised.value.seconds == 9


def test_a_folder_that_cannot_be_written_costs_only_the_socket(
    fake_assistant: FakeAssistant, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Listener(tmp_path / "file" / "s")
    server = Server(fake_assistant(), local=tmp_path / "file" / "s").start()
    assert httpx.get(f"{server.address}/healthz").status_code == 200
    server.close()
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
