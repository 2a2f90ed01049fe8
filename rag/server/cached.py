"""An assistant that remembers its answers: the same question to the same articles is answered at once.

An answer is found again only under all that it came from: the generation of the index, to its digests; the
generator with its weights and prompt; question, conversation and filter; the settings that change answers;
and this package's own code, so that an answer of an older version is never shown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from rag.answering import answerability, prompt
from rag.answering.question import check_question
from rag.assistant import Assistant
from rag.index.layout import read_current
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Message
from rag.records import Answer, Event, Filter, Finished, Progress, Retrieved, Turn
from rag.server.answer_cache import AnswerCache
from rag.settings import DEFAULT_INDEX, PACKAGED, Settings, index_folder, quiet_libraries

UNCHANGING = {
    *("cache", "indexes", "articles", "columns", "max_file_bytes", "max_rows_bytes", "parse_seconds"),
    *("max_question", "threads", "answer_cache", "answer_cache_bytes"),
    *("answer_seconds", "at_once", "waiting", "passwords", "hosts", "proxy", "log_questions"),
}
"""Settings that change no answer, or only by what the index then holds. Any other is part of the key: one
that is new costs repeated answers until it is named here, and never shows a wrong one."""


def recall(
    question: str,
    index: str = DEFAULT_INDEX,
    *,
    history: Sequence[Turn] = (),
    where: Filter | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Answer | None:
    """The answer that was given before, told without opening the index or loading a model.

    Args:
        question: As for ``Assistant.ask``.
        index: Name of the index.
        history: As for ``Assistant.ask``.
        where: As for ``Assistant.ask``.
        settings: Defaults to ``Settings.load()``.
        progress: Told how the packaged model's preparation goes, which names it.

    Returns:
        None where the question is new, or the cache is switched off.

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
    source = _source(settings, model, prompt.load(settings.template))
    return _found(cache, _key(source, entry, question, history, where), started)


class CachedAssistant(Assistant):
    """An assistant that looks a question up among its earlier answers before it asks the model.

    A remembered answer's ``timings`` are those of the looking up: ``cache`` and ``total``.
    """

    def stream(
        self, question: str, *, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> Iterator[Event]:
        """As ``Assistant.stream``; a remembered answer comes as one Retrieved and one Finished."""
        started = time.perf_counter()
        question = check_question(question, self.settings)
        cache = opened(self.settings)
        entry = read_current(self._folder)
        if cache is None or not entry:
            yield from super().stream(question, history=history, where=where)
            return
        key = _key(_source(self.settings, self.model, self._template), entry, question, history, where)
        if known := _found(cache, key, started):
            yield Retrieved(known.passages, known.evidence, known.understood)
            yield Finished(known)
            return
        asked = super().stream(question, history=history, where=where)
        # A reader who leaves stops the model now, not at the next garbage collection.
        with contextlib.closing(cast(Generator[Event, None, None], asked)) as events:
            for event in events:
                # An index that was switched meanwhile may be the one that answered, or not.
                if isinstance(event, Finished) and event.answer.model and read_current(self._folder) == entry:
                    cache.put(key, event.answer)  # before it is told, as a reader may leave with it
                yield event


def opened(settings: Settings) -> AnswerCache | None:
    """The cache that the settings name; None where it is off or the model's name tells not its weights."""
    if not settings.answer_cache or not (settings.llm == PACKAGED or settings.backend == "fake"):
        return None
    return AnswerCache(settings.answers, settings.answer_cache_bytes)


def _found(cache: AnswerCache, key: str, started: float) -> Answer | None:
    if (known := cache.get(key)) is None:
        return None
    seconds = time.perf_counter() - started
    return dataclasses.replace(known, timings={"cache": seconds, "total": seconds})


def _source(settings: Settings, model: str, template: Sequence[Message]) -> list[Any]:
    """What an answer comes from beside the question and the index."""
    messages = [[message.role, message.content] for message in (*template, *answerability.load_template())]
    names = {field.name for field in dataclasses.fields(settings)} - UNCHANGING
    return [model, messages, {name: str(getattr(settings, name)) for name in names}, _code()]


def _key(
    source: list[Any], entry: bytes, question: str, history: Sequence[Turn], where: Filter | None
) -> str:
    said = [[turn.question, turn.answer] for turn in history]
    only = dataclasses.asdict(where) if where else None
    told = json.dumps([source, entry.hex(), question, said, only], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@functools.cache
def _code() -> str:
    """Digest of this package's own modules and small data; an edited checkout is another version."""
    folder, hasher = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(
        [*folder.rglob("*.py"), *folder.rglob("data/*.json"), *folder.rglob("data/*.safetensors")]
    ):
        hasher.update(path.name.encode() + path.read_bytes())
    return hasher.hexdigest()
