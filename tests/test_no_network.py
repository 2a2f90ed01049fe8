"""Sanad sends, fetches and looks up nothing while it works: attempts are recorded, and there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

EVERYTHING = '''
import json, os, sys

# A file and not a list: openvino-telemetry sends from a process that it forks.
attempts = os.open("attempts", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def hook(event, arguments):
    """Records and stops whatever would leave this machine, whichever library tries it."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "unix"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if host not in ("127.0.0.1", "::1", "localhost", "unix", "None", "") or event == "socket.gethostbyaddr":
        os.write(attempts, f"{event} {host}\\n".encode())
        raise OSError("not from a test")

sys.addaudithook(hook)

import http.client, threading
from pathlib import Path
from rag.cli import main
from rag import Assistant, Settings
from rag.server.serve import Server

assert main(["index", str(Path("articles")), "--index", "mine"]) == 0
assert main(["ask", "--index", "mine", "When did the harbour of Marsa reopen?"]) == 0

from ui.app import page_app

assistant = Assistant.open("mine")
server = Server(assistant, page=page_app).start()

def get(path, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()

assert get("/")[0] == get("/config")[0] == get("/metrics")[0] == 200
status, answer = get("/api/ask", "POST", json.dumps({"question": "How much did the repairs cost?"}))
assert status == 200, answer
body = json.dumps({"data": [{"question": "How much did the repairs cost?", "filter": [[], "", "", ""]}]})
status, joined = get("/gradio_api/call/answer", "POST", body)
assert status == 200, joined
status, stream = get(f"/gradio_api/call/answer/{json.loads(joined)['event_id']}")
assert status == 200 and b"event: complete" in stream, stream
server.close()
assistant.close()
# The libraries of real models, which are imported but load no model here.
import chromadb, huggingface_hub, openvino, openvino_genai, sentence_transformers, tiktoken, transformers
'''


def attempts(folder: Path) -> str:
    """What would have left this machine."""
    return (folder / "attempts").read_text(encoding="utf-8")


@pytest.fixture
def command(small_articles: Path, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """A process that indexes, asks and serves with fake models; and its environment."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    # Libraries that detect a test run send nothing, and the test would not see what they send otherwise.
    tested = ("CI", "TF_BUILD", "JENKINS_URL", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in tested} | {
        "SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "PYTHONPATH": path, "HOME": str(tmp_path),
    }  # fmt: skip
    return [sys.executable, "-c", EVERYTHING], environment


@pytest.mark.slow
def test_no_library_tries_to_reach_another_machine(
    command: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    done = subprocess.run(
        command[0], env=command[1], cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    assert attempts(tmp_path) == ""


@pytest.mark.slow
def test_everything_works_where_there_is_no_network(
    command: tuple[list[str], dict[str, str]], tmp_path: Path
) -> None:
    cut = ["unshare", "--net", "--map-root-user", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*cut, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not allow making a network namespace")
    done = subprocess.run(
        [*cut, *command[0]], env=command[1], cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    assert attempts(tmp_path) == ""
