"""Answers that were given before, on disk: a table of key → answer that any number of processes may use.

SQLite in its write-ahead mode keeps processes apart. Nothing here is worth an error: what cannot be read is
not known, what cannot be written is not kept, and a damaged file is emptied.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rag.records import Answer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

VERSION = 1
"""Goes up with the table's columns or what an Answer holds; a file of another version is emptied."""

BUSY_SECONDS = 0.2
"""How long another process's writing, which takes milliseconds, is waited for; then there is no cache."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    used INTEGER NOT NULL,  -- counts up with every use; a clock may be set back
    data BLOB NOT NULL
) WITHOUT ROWID"""

_NEXT = "(SELECT COALESCE(MAX(used), 0) + 1 FROM answers)"


class AnswerCache:
    """Answers by key, the least recently used ones dropped. Safe to use from threads and processes."""

    def __init__(self, path: Path, most: int) -> None:
        """Nothing is read or written yet.

        Args:
            path: The file; it and its folder are made when there is something to keep.
            most: Largest size of all answers together, in bytes as they are stored (compressed).
        """
        self.path = path
        self._most = most

    def get(self, key: str) -> Answer | None:
        """The answer under a key; None where there is none that can be read."""
        if not self.path.is_file():
            return None

        def look(table: sqlite3.Connection) -> Answer | None:
            for (data,) in table.execute("SELECT data FROM answers WHERE key = ?", (key,)).fetchall():
                if answer := _unpacked(data):
                    table.execute(f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,))  # noqa: S608
                    return answer
                table.execute("DELETE FROM answers WHERE key = ?", (key,))
            return None

        return self._with_table(look)

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer under a key, and drop those that were not used for longest until all fit."""
        data = zlib.compress(json.dumps(answer.to_dict()).encode())
        if len(data) > self._most:
            return

        def keep(table: sqlite3.Connection) -> None:
            table.execute("BEGIN IMMEDIATE")
            row = f"INSERT OR REPLACE INTO answers VALUES (?, {_NEXT}, ?)"  # noqa: S608
            table.execute(row, (key, data))
            left = self._most
            sizes = table.execute("SELECT key, LENGTH(data) FROM answers ORDER BY used DESC").fetchall()
            for name, size in sizes:
                left -= size
                if left < 0:
                    table.execute("DELETE FROM answers WHERE key = ?", (name,))
            table.execute("COMMIT")

        self._with_table(keep)

    def _with_table(self, use: Callable[[sqlite3.Connection], T]) -> T | None:
        """What ``use`` returns; None where the file cannot be used."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, BUSY_SECONDS, isolation_level=None)) as table:
                self._prepare(table)
                return use(table)
        except OSError:  # no such folder can be made, or written to
            return None
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                self._remove()
            return None

    def _prepare(self, table: sqlite3.Connection) -> None:
        table.execute("PRAGMA synchronous = NORMAL")  # the last answers may be lost with the power
        (version,) = table.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            return
        self.path.chmod(0o600)  # questions are private
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("BEGIN IMMEDIATE")
        table.execute("DROP TABLE IF EXISTS answers")
        table.execute(_TABLE)
        table.execute(f"PRAGMA user_version = {VERSION}")
        table.execute("COMMIT")

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)


def _unpacked(data: bytes) -> Answer | None:
    try:
        return _reader().validate_python(json.loads(zlib.decompress(data)))
    except (zlib.error, ValueError, TypeError):  # pydantic's own error is a ValueError
        return None


@functools.cache
def _reader() -> TypeAdapter[Answer]:
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)
