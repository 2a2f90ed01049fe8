"""The commands and the Python of the documents run as a reader runs them, with fake models.

Each block has a folder of its own, with what a reader has by then: articles in ~/articles, and indexes of the
seeds and, named mine, of a few articles. Output is compared with what the document shows, except for numbers.
tests/test_documents.py checks what is not run.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from documents import ROOT, RUN, Block, Command, blocks, commands, inline
from openai_server import serving
from pdf_maker import make_pdf
from PIL import Image
from ui_browser import free_port

from rag import Assistant, Settings, build_index
from rag.cli.commands import main
from rag.models.embedding.embedder import FakeEmbedder
from rag.settings import resource_dir

pytestmark = pytest.mark.slow

FILES = {
    "bridge.txt": (
        "الجسر الجديد\nافتتحت بلدية الساحل الجسر الجديد يوم الثلاثاء بعد ثلاث سنوات من العمل.\n"
        "بلغت تكلفة الجسر 14 مليون دينار، وفق رئيس البلدية سامر قاسم.\n"
    ),
    "port.txt": (
        "Port of Latakia to reopen its third berth\nThe third berth of the port reopens next week.\n"
        "The repairs cost 12 million dollars, said the port director Lina Haddad.\n"
    ),
    "wheat.md": (
        "---\ntitle: Wheat harvest falls by a third\noutlet: Coast Gazette\ndate: 2025-06-14\n---\n"
        "Farmers of the valley gathered 90000 tonnes of wheat, said the union of farmers.\n"
        "Rain is expected, and talks on the price of wheat are led by minister Rana Aziz.\n"
    ),
}
"""Every reader's ~/articles."""


def picture() -> bytes:
    """A PDF that is only a picture."""
    data = io.BytesIO()
    Image.new("1", (9, 9)).save(data, "PDF")
    return data.getvalue()


AWKWARD = {
    "empty.txt": b"",
    "archive.csv": b"corpus,kicker\nA long text,A title\n",
    "scan.pdf": picture(),
    "wire.jsonl": (
        b'{"title": "Rain", "text": "It rained for 40 days in Marsa."}\n'
        b'{"title": "Storm", "text": "A storm closed the port.", "date": "06/09/2024"}\n'
        b'{"title": "Snow", "text":\n'
    ),
}
"""Files that are in ~/articles where the document's output names them."""

MORE = {f"day{n}.txt": f"Day {n}\nOn day {n} the ferry carried {n}00 passengers.\n" for n in (1, 2)}
"""Further articles, where the document's output shows more than three."""

QUESTION = "When does the third berth of the port reopen?"
PATIENCE = 60
"""Longest wait for a process, in seconds."""

CONSOLE = [block for block in blocks(RUN) if block.language == "console"]
TYPED = [command for block in CONSOLE for command in commands(block)]
PYTHON = [block for block in blocks(RUN) if block.language == "python"]


def is_server(command: Command) -> bool:
    """Whether it runs until it is stopped."""
    words = command.simple[0].words
    return words[:2] in [("sanad", "ui"), ("sanad", "serve"), ("sanad", "mcp")] and command.plain


def is_run(command: Command) -> bool:
    """Whether it is run as a part of its block."""
    (first, *_) = command.simple
    return first.program in ("sanad", "umask") and not first.not_run and not is_server(command)


STORIES = [block for block in CONSOLE if any(is_run(command) for command in commands(block))]
SERVERS = {command.text: command for command in TYPED if is_server(command)}
CURL = {
    command.text: command
    for command in [*TYPED, *inline(RUN, ["curl"])]
    if command.simple[0].program == "curl"
}


class Terminal(io.StringIO):
    """Standard output of a reader, who sees tables where a program gets lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, and copied for each block."""
    folder = tmp_path_factory.mktemp("documented")
    settings = Settings(indexes=folder / "indexes", cache=folder / "cache")
    for articles, name in ((resource_dir("seeds"), "seeds"), (write(folder / "articles", FILES), "mine")):
        build_index(articles, name, settings=settings, embedder=FakeEmbedder())
    return settings.indexes


def write(folder: Path, files: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, indexes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a reader has: a home with articles, and ``sanad`` on the path. Returns the working directory."""
    home, bin_ = tmp_path / "home", tmp_path / "bin"
    write(home / "articles", FILES)
    shutil.copytree(indexes, tmp_path / "indexes")
    (write(bin_, {"sanad": f'#!/bin/sh\nexec "{sys.executable}" -m rag.cli "$@"\n'}) / "sanad").chmod(0o755)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    for name, value in {
        "HOME": str(home), "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path,
        "SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb", "COLUMNS": "120", "LINES": "40", "GRADIO_ANALYTICS_ENABLED": "False",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize("block", STORIES, ids=str)
def test_the_commands_of_a_block_run_and_print_what_it_shows(block: Block, reader: Path) -> None:
    folder = reader / "home" / "articles"
    write(folder, {name: data for name, data in AWKWARD.items() if name in block.text})
    if "5 articles" in block.text:
        write(folder, MORE)
    if "sanad index ~/articles --index mine" in block.text:
        shutil.rmtree(reader / "indexes" / "mine")
    for command in filter(is_run, commands(block)):
        if command.text.startswith("sanad import") and "another machine" in block.text:
            shutil.rmtree(reader / "indexes")
        with around(command) as typed:
            status, printed = outcome(typed, command, reader)
        # Without the packages of the models' weights, ``sanad models`` prints how to install them.
        assert status == 0 or typed == "sanad models", f"{command}\n{printed}"
        compare(command, printed, reader)


@contextlib.contextmanager
def around(command: Command) -> Iterator[str]:
    """What a command needs from elsewhere, with its address in the command."""
    text = command.text.replace('"…"', f'"{QUESTION}"')
    with contextlib.ExitStack() as stack:
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        if model := re.search(r"http://127\.0\.0\.1:\d+/v1#([\w:.-]+)", text):
            pytest.importorskip("llama_index.llms.openai_like")
            server = stack.enter_context(serving(models=[{"id": model[1]}]))
            text = text.replace(model[0], f"{server.base}#{model[1]}")
            monkeypatch.setenv("SANAD_BACKEND", "auto")
        if "SANAD_CHROMA_URL" in command.simple[0].variables:
            (run,) = [c for c in commands(command.block) if c.simple[0].program == "chroma"]
            text = re.sub(r":\d+", f":{stack.enter_context(chroma(run))}", text, count=1)
        yield text


def outcome(typed: str, command: Command, reader: Path) -> tuple[int, list[str]]:
    """The status of a command and the lines that it printed."""
    if "--watch" in typed:
        return watched(typed, command, reader)
    if not command.plain:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", typed],
            capture_output=True, text=True, timeout=PATIENCE, input="a long password\n",
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).splitlines()
    (simple,) = Command(command.block, typed).simple
    screen = Terminal()
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in simple.variables.items():
            monkeypatch.setenv(name, value)
        # The first proposed question is accepted, the others are not read.
        monkeypatch.setattr(sys, "stdin", io.StringIO("a\nq\n"))
        with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(Both(screen)):
            status = main([str(Path(w).expanduser()) if w.startswith("~") else w for w in simple.words[1:]])
    return status, screen.getvalue().splitlines()


class Both(io.StringIO):
    """Standard error, which is on the same screen but shows no bars."""

    def __init__(self, screen: io.StringIO) -> None:
        super().__init__()
        self.write = screen.write  # type: ignore[method-assign]


def watched(typed: str, command: Command, reader: Path) -> tuple[int, list[str]]:
    """Watches the folder while an article is added and the catalogue broken and corrected, as documented."""
    folder = reader / "home" / "articles"
    catalogue = folder / "articles.toml"
    changes = [
        lambda: (folder / "new.txt").write_text("Rain\nIt rained for 40 days in Marsa.\n", encoding="utf-8"),
        lambda: catalogue.write_text("[bridge", encoding="utf-8"),
        catalogue.unlink,
    ]
    arguments = [word.replace("~", os.environ["HOME"]) for word in command.simple[0].words[1:]]
    with process("-m", "rag.cli", *arguments, stderr=subprocess.STDOUT) as running:
        lines = until(running, "Watching")
        for change, _ in zip(changes, command.output[2:-1], strict=False):
            change()
            lines += until(running, "")
        running.send_signal(signal.SIGTERM)  # like Ctrl+C, which is ignored by what a script starts with &
        output, _ = running.communicate(timeout=PATIENCE)
    return running.returncode, [*lines, *output.splitlines()]


def until(running: subprocess.Popen[str], beginning: str) -> list[str]:
    """The lines that a process prints up to one that begins so; stages of its work are left out."""
    assert running.stdout
    lines: list[str] = []
    while not (lines and lines[-1].startswith(beginning)):
        line = running.stdout.readline()
        assert line, f"it ended after {lines}"
        if not line.endswith(" …\n"):
            lines.append(line.rstrip("\n"))
    return lines


@contextlib.contextmanager
def process(*arguments: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """A process of Python, which is killed if it has not ended."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL} | streams
    with subprocess.Popen([sys.executable, *arguments], text=True, encoding="utf-8", **streams) as running:
        timer = threading.Timer(PATIENCE, running.kill)
        timer.start()
        try:
            yield running
        finally:
            timer.cancel()
            running.kill()


@contextlib.contextmanager
def chroma(command: Command) -> Iterator[int]:
    """Chroma's server as a document starts it, on another port."""
    port = free_port()
    arguments = [word.replace("~", os.environ["HOME"]) for word in command.simple[0].words[1:]]
    arguments[arguments.index("--port") + 1] = str(port)
    program = str(Path(sys.executable).with_name("chroma"))
    with process(program, *arguments) as running:
        assert running.stdout
        while "listening" not in running.stdout.readline():
            assert running.poll() is None, "the server ended"
        threading.Thread(target=running.stdout.read, daemon=True).start()
        while not accepts(port):  # it reports that it listens a moment before it does
            assert running.poll() is None, "the server ended"
        yield port


def accepts(port: int) -> bool:
    """Whether a server of this machine accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def compare(command: Command, printed: list[str], reader: Path) -> None:
    """Fails the test if the lines that a document shows are not among those that were printed.

    Numbers are not compared. Of an answer, which a fake model wrote, only the form of its sources is
    compared. A line … stands for any lines.
    """
    documented = [line for line in command.output if line not in ("^C", "")]
    if not documented:
        return
    if "Sources" in documented:
        at = printed.index("Sources")
        assert re.match(r"\[1\] \S", printed[at + 1])
        assert re.fullmatch(r"\S+:\d+", printed[at + 3])
        assert re.fullmatch(r"\S+:\d+", documented[documented.index("Sources") + 3])
        return
    lines = [form(line, reader) for line in printed if line.strip() and not line.endswith(" …")]
    patterns = [r"(.*\n)*" if line == "…" else re.escape(form(line, reader)) + r"\n" for line in documented]
    if not re.fullmatch("".join(patterns), "\n".join([*lines, ""])):
        pytest.fail("\n".join([str(command), *printed]), pytrace=False)


def form(line: str, reader: Path) -> str:
    """A line without numbers, the reader's paths, and the width of columns."""
    line = line.replace("/home/you/sanad/indexes", str(reader / "indexes"))
    line = line.replace("/home/you", str(reader / "home")).replace("\u200e", "")
    return " ".join(re.sub(r"\d+([.,:]\d+)*", "N", line).split())


@pytest.mark.parametrize("text", SERVERS)
def test_a_server_starts_answers_and_stops(text: str, reader: Path) -> None:
    command = SERVERS[text]
    for before in commands(command.block):
        if "--make-password" in before.text:
            typing = ["bash", "-c", f"umask 22; {before.text}"]
            subprocess.run(typing, check=True, text=True, input="a long password\n")
    with contextlib.ExitStack() as stack:
        (simple,) = Command(command.block, stack.enter_context(around(command))).simple
        if simple.words[1] == "mcp":
            pytest.importorskip("mcp")
            mcp(simple.words[1:])
            return
        environment = os.environ | simple.variables
        port = str(free_port())
        log = stack.enter_context((reader / "log").open("w", encoding="utf-8"))
        arguments = ("-m", "rag.cli", *simple.words[1:], "--port", port)
        with process(*arguments, env=environment, stderr=log) as running:
            assert running.stdout
            assert "running at http://" in running.stdout.readline(), (reader / "log").read_text("utf-8")
            for path in ("healthz", *(["readyz"] if simple.words[1] == "serve" else [])):
                response = httpx.get(f"http://127.0.0.1:{port}/{path}", auth=login(simple.variables))
                assert response.status_code == 200, path
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE) == 0


def login(variables: dict[str, str]) -> tuple[str, str] | None:
    """The name and password of a server that asks for them."""
    if "SANAD_PASSWORDS" not in variables:
        return None
    name = Path(variables["SANAD_PASSWORDS"]).read_text(encoding="utf-8").partition(":")[0]
    return name, "a long password"


def mcp(arguments: tuple[str, ...]) -> None:
    """Greets a server of the Model Context Protocol, which ends when its client has gone."""
    client = {"name": "test", "version": "1"}
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client},
    }  # fmt: skip
    with process("-m", "rag.cli", *arguments, stdin=subprocess.PIPE) as running:
        out, _ = running.communicate(json.dumps(hello) + "\n", timeout=PATIENCE)
        assert json.loads(out.splitlines()[0])["result"]["serverInfo"]["name"] == "sanad"
        assert running.returncode == 0


@pytest.mark.parametrize("text", CURL)
def test_curl_gets_an_answer(text: str, serve: Any, reader: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    client = serve()
    (reader / "report.pdf").write_bytes(make_pdf([["The report", "The ferry carried 300 passengers a day."]]))
    typed = text.replace("localhost:7860", f"localhost:{client.base_url.port}")
    done = subprocess.run(["bash", "-c", typed], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert "error" not in reply, reply
    assert "api/ask" not in typed or reply["outcome"]


@pytest.mark.parametrize(
    "document", dict.fromkeys(block.document for block in PYTHON), ids=lambda path: path.stem
)
def test_the_python_of_a_document_runs(
    document: Path, serve: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its blocks share their names, as a reader enters one after the other."""
    names: dict[str, Any] = {}
    for block in PYTHON:
        if block.document != document:
            continue
        code = block.text
        for package in re.findall(r"(?:from|import) (gradio_client)|integrations\.(langchain)", code):
            pytest.importorskip(package[0] or "langchain_core")
        if "http://127.0.0.1:7860" in code:
            from ui.app import page_app

            client = serve(server={"page": page_app})
            code = code.replace("http://127.0.0.1:7860", str(client.base_url).rstrip("/"))
        exec(compile(code, str(block), "exec"), names)  # noqa: S102
        assert capsys.readouterr().out.strip(), f"{block} prints nothing"
    for value in names.values():
        if isinstance(value, Assistant):
            value.close()
