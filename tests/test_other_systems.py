"""What Windows lacks is not needed to index and ask: a process without it does both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

AS_ON_WINDOWS = """
import errno, os, signal, socket, sys

for name in ("fcntl", "pwd", "grp", "termios", "pty"):
    sys.modules[name] = None
import chromadb, ctypes, importlib, pathlib, tempfile

for name in ("fork", "O_DIRECTORY", "O_NONBLOCK", "sched_getaffinity", "killpg", "mkfifo"):
    delattr(os, name) if hasattr(os, name) else None
for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
    delattr(signal, name)
del socket.AF_UNIX
really_open, really_load = os.open, ctypes.CDLL

def opened(path, flags, *more, **options):
    if not options and not isinstance(path, int) and os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)
    return really_open(path, flags, *more, **options)

class Library(really_load):
    def __init__(self, name, *more, **options):
        if name is None:
            raise TypeError("argument of type 'NoneType' is not iterable")
        super().__init__(name, *more, **options)

os.open, ctypes.CDLL = opened, Library
pathlib.Path.symlink_to = lambda *_, **__: (_ for _ in ()).throw(OSError("a required privilege is not held"))
"""
"""Removes from a process what Windows lacks."""


@pytest.mark.slow
def test_every_room_is_imported_and_articles_are_indexed_and_asked(small_articles: Path) -> None:
    code = f"""{AS_ON_WINDOWS}
import json
rooms = [path.relative_to({str(ROOT)!r}) for path in pathlib.Path({str(ROOT)!r}, "rag").rglob("*.py")]
for path in rooms:
    # The libraries of integrations ask sys.platform what they may import.
    if path.name != "__main__.py" and "integrations" not in path.parts:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
from rag.cli import main
for command in (["index", {str(small_articles)!r}, "--index", "mine", "--embedder", "fake"],
                ["ask", "--json", "--index", "mine", "--embedder", "fake", "--backend", "fake",
                 "When did the harbour of Marsa reopen?"]):
    status = main(command)
    assert status == 0, (command, status)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, _, answer = done.stdout.partition("\n")
    assert first.startswith("mine: 3 articles")
    assert json.loads(answer)["outcome"] == "answered"
