"""sanad models --get against a server of files with the hub's addresses, in processes of their own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import small_generator

from rag import Settings
from rag.models.llm.factory import open_generator
from rag.models.llm.names import kind_of
from rag.models.llm.protocol import Message
from rag.models.weights import gguf

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "desk/small"

FILES = {
    "config.json": b'{"model_type": "qwen2"}',
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": random.Random(1).randbytes(900_000),
    "pytorch_model.bin": b"a pickle",
    "modeling.py": b"raise SystemExit",
    "onnx/model.json": b"{}",
    "README.md": b"A small model.",
}
FETCHED = ["config.json", "model.safetensors", "sanad-fetched.json", "tokenizer.json"]


class Hub(ThreadingHTTPServer):
    """Serves one model; what it does wrong is chosen by the test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(FILES)
        self.ranges: list[str] = []
        self.asked: list[str] = []
        self.breaks = False
        self.garbled = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def description(self) -> dict[str, Any]:
        return {"id": NAME, "sha": COMMIT, "siblings": [self._sibling(name) for name in self.files]}

    def _sibling(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()  # noqa: S324 - git's
        sibling: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(".safetensors"):
            sibling["lfs"] = {
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "pointerSize": 130,
            }
        return sibling


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(path)
        if re.fullmatch(rf"/api/models/{NAME}(/revision/{COMMIT})?", path):
            self.reply(200, json.dumps(self.server.description()).encode())
        elif path.startswith(f"/api/models/{NAME}/"):
            self.reply(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif path.startswith(f"/{NAME}/resolve/{COMMIT}/"):
            self.send_file(path.removeprefix(f"/{NAME}/resolve/{COMMIT}/"))
        else:
            self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def send_file(self, name: str) -> None:
        data = self.server.files[name]
        asked, start = self.headers.get("Range", ""), 0
        if found := re.fullmatch(r"bytes=(\d+)-", asked):
            start = int(found[1])
            self.server.ranges.append(asked)
        if self.server.garbled:
            data = bytes(len(data))
        if self.server.breaks and name == "model.safetensors":
            if start:  # the same process tries again
                self.reply(403, b"closed")
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:21_000_000])
            self.close_connection = True
            return
        more = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.reply(206 if start else 200, data[start:], more)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def models(hub: Hub, *arguments: str) -> tuple[int, str, str]:
    """Run ``sanad models``: status, standard output, standard error."""
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-m", "rag.cli", "models", *arguments],
        env=environment | {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.address, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_model_is_fetched_checked_and_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    status, out, err = models(hub, "--get", NAME)
    assert status == 0, err
    folder = Path(out.strip())
    assert folder == tmp_path / "cache" / "models" / "hub" / f"desk--small-{COMMIT[:12]}"
    assert contents(folder) == FETCHED, "no pickles, no code, no second copy"
    assert all((folder / name).read_bytes() == FILES[name] for name in FETCHED if name in FILES)
    assert "fetching model.safetensors" in err and f"--llm {folder}" in err
    assert json.loads((folder / "sanad-fetched.json").read_text("utf-8"))["revision"] == COMMIT
    assert kind_of(str(folder)) == "transformers"
    hub.asked.clear()
    assert models(hub, "--get", f"{NAME}@{COMMIT}")[:2] == (0, out)
    assert hub.asked == []


def test_a_model_that_was_fetched_writes(hub: Hub, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    made = tmp_path / "made"
    made.mkdir()
    small_generator.write(tmp_path / "model.gguf")
    gguf.to_transformers(tmp_path / "model.gguf", made)
    hub.files = {path.name: path.read_bytes() for path in made.iterdir()}
    status, out, err = models(hub, "--get", NAME)
    assert status == 0, err
    generator = open_generator(Settings.load(llm=out.strip()))
    assert generator.count("ab ab") > 0
    stream = generator.stream([Message("user", "ab")], max_tokens=3)
    assert isinstance("".join(stream), str)


def test_what_was_interrupted_continues_where_it_was(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.safetensors"] = random.Random(2).randbytes(
        25_000_000
    )  # the library writes 10 MB at once
    hub.breaks = True
    status, out, err = models(hub, "--get", NAME)
    assert (status, out) == (2, "")
    assert "Run the command again" in err.splitlines()[-1]
    hub.breaks, hub.ranges = False, []
    status, out, err = models(hub, "--get", NAME)
    assert status == 0, err
    (asked,) = hub.ranges
    assert int(asked.removeprefix("bytes=").removesuffix("-")) >= 10_000_000
    assert (Path(out.strip()) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert list(tmp_path.rglob("*.part")) == []


def test_a_file_with_another_digest_is_named_and_fetched_again(hub: Hub) -> None:
    hub.garbled = True
    status, out, err = models(hub, "--get", NAME)
    assert (status, out) == (2, "")
    assert "its digest is another" in err.splitlines()[-1]
    hub.garbled = False
    assert models(hub, "--get", NAME)[0] == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("desk/other", "The hub has no model 'desk/other'"),
        (f"{NAME}@v9", "The hub has no revision"),
        ("small", "Write ORG/NAME"),
        ("../../etc/passwd", "Write ORG/NAME"),
    ],
)
def test_what_is_not_there_is_one_line(hub: Hub, name: str, expected: str) -> None:
    status, out, err = models(hub, "--get", name)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("sanad: ") and expected in line


def test_a_model_without_safe_weights_and_one_that_writes_elsewhere_are_refused(
    hub: Hub, tmp_path: Path
) -> None:
    del hub.files["model.safetensors"]
    (line,) = models(hub, "--get", NAME)[2].splitlines()
    assert "no weights in safetensors" in line
    hub.files |= {"model.safetensors": b"weights", "../../out.json": b"{}"}
    (line,) = models(hub, "--get", NAME)[2].splitlines()
    assert "written elsewhere" in line
    assert list(tmp_path.rglob("out.json")) == []


def test_a_hub_that_cannot_be_reached_is_one_line(hub: Hub) -> None:
    hub.shutdown()
    hub.server_close()
    status, _, err = models(hub, "--get", NAME)
    (line,) = err.splitlines()
    assert status == 2 and f"Cannot fetch {NAME!r}" in line and "HF_ENDPOINT" in line


def test_the_list_has_recommended_models_with_licence_size_and_pinned_revision(hub: Hub) -> None:
    _, out, _ = models(hub)
    assert "Qwen/Qwen3-4B-Instruct-2507  (Apache-2.0)" in out
    assert len(re.findall(r"revision  [0-9a-f]{40}\n", out)) >= 2
    assert "not fetched: sanad models --get Qwen/Qwen3-8B" in out
    assert hub.asked == [], "a list asks nobody"
