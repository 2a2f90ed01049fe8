"""Answers that were given before: the same question to the same articles is answered at once.

    CachedAssistant, recall → key of all that an answer depends on → AnswerCache → SQLite

The key contains the generation of the index with its digests, the generator with its weights and prompts, the
question, conversation and filter, the settings that change answers, and a digest of this package's own code:
an answer of an older version is never returned.

The cache never raises an error. An entry that cannot be read is treated as missing, one that cannot be
written is not kept, and a damaged file is emptied.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.answering import translation
from rag.answering.pipeline import Steps
from rag.assistant import Assistant
from rag.conversation.question import check_question
from rag.index.layout import read_current
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Message
from rag.records import Answer, Event, Filter, Language, Progress, Retrieved, Turn
from rag.server.local_socket import OF_THE_SERVER
from rag.settings import DEFAULT_INDEX, PACKAGED, Settings, index_folder, quiet_libraries

VERSION = 1
"""Increased whenever the table's columns change; a file of another version is emptied."""

BUSY_SECONDS = 0.2
"""How long to wait while another process writes, which takes milliseconds; after that the cache is
skipped."""

UNCHANGING = {
    *("cache", "indexes", "articles", "columns", "max_file_bytes", "max_rows_bytes", "parse_seconds"),
    *("max_question", "threads", "answer_cache", "answer_cache_bytes"),
    *OF_THE_SERVER,
}
"""Settings that do not change an answer, or only by what the index then contains. Every other setting is part
of the key: a new one costs repeated answers until it is listed here, but never returns a wrong one."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    used INTEGER NOT NULL,  -- increases with every use; a clock can be set back
    data BLOB NOT NULL
) WITHOUT ROWID"""

_NEXT = "(SELECT COALESCE(MAX(used), 0) + 1 FROM answers)"

_DROP = """
DELETE FROM answers WHERE key IN (
    SELECT key FROM (SELECT key, SUM(LENGTH(data)) OVER (ORDER BY used DESC) AS bytes FROM answers)
    WHERE bytes > ?
)"""
"""Drops the least recently used answers, so that the others have at most this many bytes."""


class CachedAssistant(Assistant):
    """An assistant that looks a question up among its earlier answers before it runs the model.

    The ``timings`` of an answer from the cache are those of the look-up: ``cache`` and ``total``.
    """

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
        emit: Callable[[Event], None] = lambda _event: None,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """As ``Assistant.ask``; of a remembered answer only what was retrieved is emitted."""
        started = time.perf_counter()
        question = check_question(question, self.settings, history)
        cache = opened(self.settings)
        entry = read_current(self._folder)
        asked = functools.partial(
            super().ask,
            question,
            history=history,
            where=where,
            answer_language=answer_language,
            emit=emit,
            cancel=cancel,
        )
        if cache is None or not entry:
            return asked()
        source = _source(self.settings, self.model, self._template, self.steps)
        key = _key(source, entry, question, history, where, answer_language)
        if known := _known(cache, key, started):
            emit(Retrieved(known.passages, known.evidence, known.understood))
            return known
        answer = asked()
        # An index that was switched meanwhile may be the one that answered, or not.
        if answer.model and read_current(self._folder) == entry:
            cache.put(key, answer)
        return answer


def recall(
    question: str,
    index: str = DEFAULT_INDEX,
    *,
    where: Filter | None = None,
    answer_language: Language | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Answer | None:
    """The earlier answer to a question that is no follow-up; neither the index nor a model is opened.

    Args:
        question: As for ``Assistant.ask``.
        index: Name of the index.
        where: As for ``Assistant.ask``.
        answer_language: As for ``Assistant.ask``.
        settings: Defaults to ``Settings.load()``.
        progress: Receives the progress of preparing the packaged model, whose identity is part of the key.

    Returns:
        None if the question is new, or if the cache is switched off.

    Raises:
        BadQuestion: The question is empty or too long.
        ModelMissing, ModelDamaged, NoSpace: The generator cannot be prepared.
        PromptBroken: The prompt template is wrong.
    """
    settings = settings or Settings.load()
    question = check_question(question, settings)
    cache = opened(settings)
    entry = read_current(index_folder(settings, index))
    if cache is None or not entry or not cache.path.is_file():
        return None
    quiet_libraries(settings)
    started = time.perf_counter()
    model = open_generator(settings, progress).identity
    source = _source(settings, model, prompt.load(settings.template), Steps())
    return _known(cache, _key(source, entry, question, (), where, answer_language), started)


def opened(settings: Settings) -> AnswerCache | None:
    """The cache that the settings name.

    Returns:
        None if it is off, or if the model's name does not identify its weights.
    """
    if not settings.answer_cache or not (settings.llm == PACKAGED or settings.backend == "fake"):
        return None
    return AnswerCache(settings.answers, settings.answer_cache_bytes)


class AnswerCache:
    """Answers by key in an SQLite file; the least recently used ones are dropped.

    Safe to use from several threads and processes: SQLite's write-ahead mode keeps them apart.
    """

    def __init__(self, path: Path, most: int) -> None:
        """Name the file; nothing is read or written yet.

        Args:
            path: The file; it and its folder are created when the first answer is kept.
            most: Largest size of all answers together, in bytes as they are stored (compressed).
        """
        self.path = path
        self._most = most

    def get(self, key: str) -> Answer | None:
        """The answer under a key; None if there is none that can be read."""
        if not self.path.is_file():
            return None
        with self._harmless(), self._table() as table:
            for (data,) in table.execute("SELECT data FROM answers WHERE key = ?", (key,)).fetchall():
                if answer := _unpacked(data):
                    table.execute(f"UPDATE answers SET used = {_NEXT} WHERE key = ?", (key,))  # noqa: S608
                    return answer
                table.execute("DELETE FROM answers WHERE key = ?", (key,))
        return None

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer under a key, and drop the least recently used ones until all fit."""
        data = zlib.compress(json.dumps(answer.to_dict()).encode())
        if len(data) > self._most:
            return
        with self._harmless(), self._table() as table:
            table.execute("BEGIN IMMEDIATE")
            row = f"INSERT OR REPLACE INTO answers VALUES (?, {_NEXT}, ?)"  # noqa: S608
            table.execute(row, (key, data))
            table.execute(_DROP, (self._most,))
            table.execute("COMMIT")

    @contextlib.contextmanager
    def _harmless(self) -> Iterator[None]:
        """Ends the ``with`` block without an error if the file cannot be used; a damaged one is removed."""
        try:
            yield
        except OSError:  # the folder cannot be created or written
            return
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                self._remove()

    @contextlib.contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.path, BUSY_SECONDS, isolation_level=None)) as table:
            self._prepare(table)
            yield table

    def _prepare(self, table: sqlite3.Connection) -> None:
        table.execute("PRAGMA synchronous = NORMAL")  # a power failure may cost the last answers
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
        return Answer.from_dict(json.loads(zlib.decompress(data)))
    except (zlib.error, ValueError, TypeError):
        return None


def _known(cache: AnswerCache, key: str, started: float) -> Answer | None:
    if (known := cache.get(key)) is None:
        return None
    seconds = time.perf_counter() - started
    return dataclasses.replace(known, timings={"cache": seconds, "total": seconds})


def _source(settings: Settings, model: str, template: Sequence[Message], steps: Steps) -> list[Any]:
    """All that an answer depends on beside the question and the index."""
    others = *translation.load_template("en"), *translation.load_template("ar")
    messages = [[message.role, message.content] for message in (*template, *others)]
    names = {field.name for field in dataclasses.fields(settings)} - UNCHANGING
    values = {name: str(getattr(settings, name)) for name in names} | {"prompt": settings.template}
    return [model, messages, values, steps.names, _code()]


def _key(
    source: list[Any],
    entry: bytes,
    question: str,
    history: Sequence[Turn],
    where: Filter | None,
    answer_language: Language | None,
) -> str:
    turns = [[turn.question, turn.answer] for turn in history]
    only = dataclasses.asdict(where) if where else None
    text = json.dumps([source, entry.hex(), question, turns, only, answer_language], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _code() -> str:
    """Digest of this package's modules and small data files: an edited checkout is another version."""
    folder, hasher = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(
        path
        for end in ("*.py", "data/*.json", "data/*.safetensors", "data/*.tsv")
        for path in folder.rglob(end)
    ):
        hasher.update(path.name.encode() + path.read_bytes())
    return hasher.hexdigest()
