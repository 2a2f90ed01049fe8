"""Fifty clients at once against ``sanad serve``: is any answer missing, mixed up or late?

    python scripts/crowd.py [--clients 50] [--rounds 20]

The server runs in its own process, with fake models over a real index. Every client has its own address on
this machine and asks over a new connection, every second one as a stream; every question is different. Prints
a table; ends with 1 if a row fails.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import write_articles

TOPICS = ("harbour of Marsa", "library in the quarter of Nakheel", "olive harvest", "port director")

WARM = 0.25
"""Share of the rounds after which memory is compared."""

GROWTH = 0.02
"""The most that memory may grow after that."""

SECONDS = 300
"""For one answer, on whatever machine."""


@dataclass
class Seen:
    """The results of the clients."""

    statuses: Counter[str] = field(default_factory=Counter)
    """Number of responses by status, or by the error of the connection."""
    crossed: int = 0
    """Answers to another question than was asked, or with another request's id."""
    silent: int = 0
    """Refusals without Retry-After."""
    memory: list[int] = field(default_factory=list)
    """Bytes that the server held after each round."""
    files: list[int] = field(default_factory=list)
    """Files and connections that it had open then."""


def crowd(port: int, clients: int, rounds: int) -> Seen:
    """Ask a server.

    Args:
        port: Where it listens on 127.0.0.1.
        clients: How many ask at once.
        rounds: How often each of them asks.
    """
    seen, lock, start = Seen(), threading.Lock(), threading.Barrier(clients)

    def one(number: int) -> None:
        client, turn = number % clients, number // clients
        question = f"What is reported about the {TOPICS[number % len(TOPICS)]}, for the {number}th time?"
        request, stream = f"crowd-{number}", bool((client + turn) % 2)
        start.wait(SECONDS)
        try:
            status, retry, reply = _ask(port, f"127.0.1.{client + 1}", question, request, stream)
            right = reply == (question, request)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            status, retry, right = type(error).__name__, None, True
        with lock:
            seen.statuses[status] += 1
            seen.crossed += status == "200" and not right
            seen.silent += status == "503" and not 1 <= int(retry or 0) <= 600

    with ThreadPoolExecutor(clients) as pool:
        for turn in range(rounds):
            list(pool.map(one, range(turn * clients, (turn + 1) * clients)))
            metrics = _metrics(port)
            seen.memory.append(int(metrics["process_resident_memory_bytes"]))
            seen.files.append(int(metrics["process_open_fds"]))
    return seen


def _ask(
    port: int, address: str, question: str, request: str, stream: bool
) -> tuple[str, str | None, tuple[str, str]]:
    """Status, Retry-After, and which question was answered, under which id."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS, source_address=(address, 0))
    try:
        body = json.dumps({"question": question, "stream": stream}).encode()
        headers = {"Content-Type": "application/json", "X-Request-ID": request}
        connection.request("POST", "/api/ask", body, headers)
        response = connection.getresponse()
        lines = response.read().splitlines()
        answer = json.loads(lines[-1])
        if response.status == 200:
            answer = answer["answer"] if stream else answer
        reply = (answer.get("question", ""), response.headers.get("X-Request-ID", ""))
        return str(response.status), response.headers.get("Retry-After"), reply
    finally:
        connection.close()


def _metrics(port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sanad-crowd-") as folder:
        articles = write_articles(Path(folder) / "articles")
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SANAD_")} | {
            "SANAD_EMBEDDER": "fake", "SANAD_BACKEND": "fake", "SANAD_ARTICLES": str(articles),
            "SANAD_INDEXES": f"{folder}/indexes", "SANAD_CACHE": f"{folder}/cache", "PYTHONPATH": path,
        }  # fmt: skip
        command = [sys.executable, "-m", "rag.cli", "serve", "--no-page", "--port", "0"]
        with (Path(folder) / "log").open("w") as log, subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server:  # fmt: skip
            try:
                address = re.search(r":(\d+)", server.stdout.readline() if server.stdout else "")
                if not address:
                    raise SystemExit((Path(folder) / "log").read_text(encoding="utf-8"))
                seen = crowd(int(address[1]), options.clients, options.rounds)
                after = _metrics(int(address[1]))
            finally:
                server.terminate()
            ended = server.wait(20)
    sizes = " ".join(str(round(size / 1e6)) for size in seen.memory)
    sys.stdout.write(f"memory in MB after each round: {sizes}\n")
    rows = table(seen, options.clients * options.rounds)
    rows += [
        ("waiting or running afterwards", "0", f"{after['sanad_waiting'] + after['sanad_running']:g}",
         not after["sanad_waiting"] + after["sanad_running"]),
        ("exit status at SIGTERM", "0", str(ended), ended == 0),
    ]  # fmt: skip
    width = max(len(row[0]) for row in rows)
    for name, wanted, actual, fine in rows:
        sys.stdout.write(
            f"{name:<{width}}  wanted {wanted:<16} seen {actual:<44} {'ok' if fine else 'FAILED'}\n"
        )
    return 0 if all(row[3] for row in rows) else 1


def table(seen: Seen, asked: int) -> list[tuple[str, str, str, bool]]:
    """The rows of the table: name, wanted value, value seen, whether it passes.

    Args:
        seen: By the clients.
        asked: How many questions there were.
    """
    answered, busy = seen.statuses["200"], seen.statuses["503"]
    lost = asked - answered - busy
    others = {status: n for status, n in seen.statuses.items() if status not in ("200", "503")}
    warm = seen.memory[int(WARM * len(seen.memory)) :]
    quarter = max(1, len(warm) // 4)
    grown = sum(warm[-quarter:]) / sum(warm[:quarter]) - 1
    megabytes = f"{seen.memory[0] / 1e6:.0f} → {warm[0] / 1e6:.0f} → {warm[-1] / 1e6:.0f} MB"
    return [
        ("answered, or refused as busy", f"{asked}", f"{answered} answered, {busy} busy", not lost),
        ("lost", "0", f"{lost} {others or ''}".strip(), not lost),
        ("answers to another's question", "0", str(seen.crossed), not seen.crossed),
        ("busy without Retry-After", "0", str(seen.silent), not seen.silent),
        ("memory growth once warm", f"under {GROWTH:.0%}", f"{grown:+.1%} ({megabytes})", grown < GROWTH),
        ("open files and connections", f"at most {seen.files[0] + 12}", str(seen.files[-1]),
         seen.files[-1] <= seen.files[0] + 12),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
