"""Which reader reads which file, and where: parsers of foreign formats run in a process of their own.

A crafted or broken page, PDF or Word file can make a parser loop, take all memory or crash. In a process
that is ended after a time, has a limit of memory and cannot open a connection, it costs that file only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from rag.loading.encodings import decode
from rag.loading.formats.rows import read_csv, read_jsonl
from rag.loading.parsed import Draft, Note, Read, Unusable, body

KINDS = {
    ".txt": "text",
    ".md": "text",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}
"""The kind of file that each ending, in lower case, stands for."""

COLLECTIONS = frozenset({"jsonl", "csv", "tsv"})
"""Kinds of files that hold many articles."""

MEMORY = 2_000_000_000
"""Bytes that a parser may take beyond what its libraries need; a PDF of 600 pages took 0.2 GB."""

_FOREIGN = frozenset({"html", "pdf", "docx"})


def read(kind: str, data: bytes, chosen: Mapping[str, str] | None = None) -> Read:
    """The articles of a file, read in this process.

    Args:
        kind: A value of ``KINDS``.
        data: The whole file.
        chosen: Columns by field, for collections.

    Raises:
        Unusable: The file is skipped; the message says why.
    """
    if kind == "jsonl":
        return read_jsonl(data, chosen or {})
    if kind in COLLECTIONS:
        return read_csv(data, chosen or {}, tabs=kind == "tsv")
    if kind in _FOREIGN:
        return _read_foreign(kind, data)
    text, loss = decode(data)
    return Read((Draft(*body(text)),), (Note(loss),) if loss else ())


def _read_foreign(kind: str, data: bytes) -> Read:
    from rag.loading.formats.docx import read_docx
    from rag.loading.formats.html import read_html
    from rag.loading.formats.pdf import read_pdf

    readers = {"html": read_html, "pdf": read_pdf, "docx": read_docx}
    try:
        return readers[kind](data)
    except Unusable:
        raise
    except MemoryError:
        raise Unusable(f"needs over {MEMORY:,} bytes of memory to read") from None
    except RecursionError:
        raise Unusable("is nested too deeply to read") from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        raise Unusable(f"cannot be read ({type(error).__name__}); open it and save it anew") from None


class Readers:
    """``read``, with the parsers of foreign formats in one process that is started when it is needed.

    Use it as a context manager: leaving ends the process.
    """

    def __init__(self, chosen: Mapping[str, str], *, seconds: float) -> None:
        """Nothing is started yet.

        Args:
            chosen: Columns by field, for collections.
            seconds: After so long a parser is ended and its file skipped.
        """
        self._chosen = chosen
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, kind: str, data: bytes) -> Read:
        """The articles of a file.

        Args:
            kind: A value of ``KINDS``.
            data: The whole file.

        Raises:
            Unusable: The file is skipped; the message says why.
        """
        if kind not in _FOREIGN:
            return read(kind, data, self._chosen)
        process = self._process = self._process or _start()
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, end)
        timer.start()
        try:
            reply = _ask(process, kind, data)
        finally:
            timer.cancel()
        if not reply:
            self._end()
            if late.is_set():
                mend = "open it and save it anew, or raise the setting parse_seconds"
                raise Unusable(f"took over {self._seconds:g} s to read; {mend}")
            raise Unusable("crashed its parser, or took too much memory; open it and save it anew")
        return _unpacked(json.loads(reply))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written
                    pipe.close()
        process.wait()


def _start() -> subprocess.Popen[bytes]:
    # Not multiprocessing: it would run the caller's main module again. The code is ours, and the search
    # path the one of this process, so that the same rag is found.
    code = f"import sys; sys.path[:] = {sys.path!r}; from rag.loading.sandbox import serve; serve()"
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _ask(process: subprocess.Popen[bytes], kind: str, data: bytes) -> bytes:
    """One line of answer; empty where the process has ended."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise AssertionError("the process was started with pipes")
    try:
        stdin.write(json.dumps([kind, len(data)]).encode() + b"\n" + data)
        stdin.flush()
        return stdout.readline()
    except OSError:  # it died while it was being written to
        return b""


def serve() -> None:
    """Read files for a parent process until it closes the pipe: kind, size and bytes in, one line out."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no reply
    _warm()
    _confine()
    while header := requests.readline():
        replies.write(_reply(header, requests) + b"\n")
        replies.flush()


def _reply(header: bytes, requests: BinaryIO) -> bytes:
    kind, size = json.loads(header)
    data = requests.read(size)
    try:
        told: dict[str, Any] = dataclasses.asdict(read(kind, data))
    except Unusable as error:
        told = {"unusable": str(error)}
    return json.dumps(told).encode()


def _unpacked(told: dict[str, Any]) -> Read:
    if "unusable" in told:
        raise Unusable(told["unusable"])
    drafts = (Draft(**{**draft, "lines": tuple(draft["lines"])}) for draft in told["drafts"])
    return Read(tuple(drafts), tuple(Note(**note) for note in told["notes"]))


def _warm() -> None:
    """Import what the parsers need, so that the limit of memory counts what they do, not what they are."""
    import docx
    import qalam
    import trafilatura

    _ = docx, qalam, trafilatura


def _confine() -> None:
    """From here on this process opens no connection, starts no program and takes no more than ``MEMORY``."""

    def refuse(event: str, _arguments: tuple[Any, ...]) -> None:
        if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")):
            raise RuntimeError(f"a parser called {event}")

    sys.addaudithook(refuse)
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
