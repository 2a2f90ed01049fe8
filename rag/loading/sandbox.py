"""Chooses the reader for each file and runs the parsers of complex formats in a separate process.

A malicious or damaged web page, PDF or Word file can make a parser loop, use up all memory or crash. The
process has a time limit and a memory limit and cannot open a connection, so only that file is skipped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from rag.loading.encodings import decode
from rag.loading.formats.delimited import read_csv
from rag.loading.formats.jsonl import read_jsonl
from rag.loading.formats.markdown import read_markdown
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, Unusable, body

KINDS = {
    ".txt": "text",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}
"""The kind of file for each file name extension, in lower case. ``read`` needs a branch for each kind, as it
reads any other as plain text."""

COLLECTIONS = frozenset({"jsonl", "csv", "tsv"})
"""Kinds of files that contain many articles."""

MEMORY = 2_000_000_000
"""Bytes that a parser may use beside the memory of its libraries; a PDF of 50 full pages used 0.1 GB."""

_SANDBOXED = frozenset({"html", "pdf", "docx"})
"""Kinds of files that are parsed in the separate process."""


def read(kind: str, data: bytes, chosen: Mapping[str, str] | None = None) -> ParsedFile:
    """Read the articles of a file in this process; ``chosen`` are columns by field, for collections.

    Raises:
        Unusable: The file is skipped; the message says why.
    """
    if kind == "jsonl":
        return read_jsonl(data, chosen or {})
    if kind in COLLECTIONS:
        return read_csv(data, chosen or {}, tabs=kind == "tsv")
    if kind in _SANDBOXED:
        return _read_complex(kind, data)
    if kind == "markdown":
        return read_markdown(data)
    text, loss = decode(data)
    return ParsedFile((ParsedArticle(*body(text)),), (Note(loss, added=True),) if loss else ())


def _read_complex(kind: str, data: bytes) -> ParsedFile:
    from rag.loading.formats.docx import read_docx
    from rag.loading.formats.html import read_html
    from rag.loading.formats.pdf import read_pdf

    readers = {"html": read_html, "pdf": read_pdf, "docx": read_docx}
    try:
        return readers[kind](data)
    except (Unusable, KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        raise Unusable(f"needs more than {MEMORY:,} bytes of memory to read") from None
    except RecursionError:
        raise Unusable("is nested too deeply to read") from None
    except BaseException as error:  # a panic in Rust is not an Exception
        raise Unusable(f"cannot be read ({type(error).__name__}); open it and save it again") from None


class Readers(contextlib.AbstractContextManager["Readers"]):
    """``read`` with one separate process for complex formats, which is started when it is first needed.

    Leaving the context ends the process.
    """

    def __init__(self, chosen: Mapping[str, str], *, seconds: float) -> None:
        """Columns by field, for collections, and the time limit for each file; no process is started yet."""
        self._chosen = chosen
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, kind: str, data: bytes) -> ParsedFile:
        """As the function ``read``, within the limits of time and memory."""
        if kind not in _SANDBOXED:
            return read(kind, data, self._chosen)
        process = self._process = self._process or _start()
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(self._seconds, end)
        timer.start()
        try:
            reply = _request(process, kind, data)
        finally:
            timer.cancel()
        if not reply:
            self._end()
            if timed_out.is_set():
                raise Unusable(
                    f"took more than {self._seconds:g} s to read; open it and save it again, or raise the "
                    "setting parse_seconds"
                )
            raise Unusable("crashed its parser or needed too much memory; open it and save it again")
        parsed = json.loads(reply)
        if "unusable" in parsed:
            raise Unusable(parsed["unusable"])
        articles = (ParsedArticle(**{**item, "lines": tuple(item["lines"])}) for item in parsed["articles"])
        return ParsedFile(tuple(articles), tuple(Note(**note) for note in parsed["notes"]))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError), process:  # unwritten data cannot be flushed
                process.kill()


def _start() -> subprocess.Popen[bytes]:
    # multiprocessing would run the caller's main module again. The search path is the one of this process,
    # so that the same package rag is imported.
    code = f"import sys; sys.path[:] = {sys.path!r}; from rag.loading.sandbox import serve; serve()"
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _request(process: subprocess.Popen[bytes], kind: str, data: bytes) -> bytes:
    """Send a file to the process and return its reply, one line; empty if the process has ended."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("the process was started with pipes")
    try:
        stdin.write(json.dumps([kind, len(data)]).encode() + b"\n" + data)
        stdin.flush()
        return stdout.readline()
    except OSError:  # the process ended during the write
        return b""


def serve() -> None:
    """Serve a parent process until it closes the pipe: kind, size and bytes in, one line of JSON out."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # keeps the output of libraries out of the replies
    _warm()
    _confine()
    while header := requests.readline():
        replies.write(_reply(header, requests) + b"\n")
        replies.flush()


def _reply(header: bytes, requests: BinaryIO) -> bytes:
    kind, size = json.loads(header)
    try:
        reply: dict[str, Any] = dataclasses.asdict(read(kind, requests.read(size)))
    except Unusable as error:
        reply = {"unusable": str(error)}
    return json.dumps(reply).encode()


def _warm() -> None:
    """Import the parsers' libraries first, so that the memory limit covers only the parsing."""
    for library in ("lxml.etree", "pdfminer.pdfinterp", "trafilatura"):
        importlib.import_module(library)


def _confine() -> None:
    """Forbid this process to open connections or start programs, and limit its memory to ``MEMORY`` more."""

    def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
        if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")):
            raise RuntimeError(f"a parser called {event}")

    sys.addaudithook(refuse)
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
