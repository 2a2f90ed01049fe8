"""Sanad as evals/benchmarks/answers.py measures it, and what every system that it compares gives.

The other systems are in peers.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Protocol

from rag import Answer, Assistant, Finished, Settings
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator as LanguageModel
from rag.models.llm.protocol import LogProbabilities, Message


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a system, with its times and token counts."""

    text: str
    """The answer as a person sees it."""
    outcome: str
    """As ``rag.Outcome``."""
    first: float
    """Seconds from the question to the first words that a person sees."""
    given: float
    """Seconds from the question to the moment at which the model is given the prompt."""
    piece: float
    """Seconds from the question to the model's first piece of text, shown or not; ``total`` without one."""
    total: float
    """Seconds from the question to the whole answer."""
    written: float
    """Seconds from that piece to the last one of the same reply."""
    prompt_tokens: int
    """Tokens that the model read for it. What else it was asked for the same question is in ``total``."""
    reply_tokens: int
    """Tokens that it wrote there."""


class System(Protocol):
    """One of those that are compared."""

    weights: int
    """Bytes of weights that are read for every token written."""

    def ask(self, question: str) -> Reply:
        """Answer a question."""


class Metered:
    """A generator that measures the first reply after ``begin``: what it reads and writes, and when."""

    def __init__(self, generator: LanguageModel) -> None:
        self._generator = generator
        self.identity = generator.identity
        self.begin()

    def begin(self) -> None:
        """The next reply is measured."""
        self.prompt, self.reply = "", ""
        self.given: float | None = None
        self.first: float | None = None
        self.last: float | None = None

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""
        return self._generator.context

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._generator.count(text)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        """The model's reply, piece by piece."""
        measured = not self.prompt
        if measured:
            self.prompt = "\n".join(message.content for message in messages)
            self.given = time.perf_counter()
        with contextlib.closing(self._generator.stream(messages, max_tokens=max_tokens)) as pieces:
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    likely: LogProbabilities | None = end.value
                    return likely
                if piece and measured:
                    self.last = time.perf_counter()
                    self.first = self.first or self.last
                    self.reply += piece
                yield piece


class Sanad:
    """Sanad as it ships, or its chain around another generator."""

    def __init__(self, settings: Settings, index: str, generator: LanguageModel | None = None) -> None:
        settings = dataclasses.replace(
            settings, prompt=settings.template
        )  # else the plain one, if handed over
        self._metered = Metered(generator or open_generator(settings))
        self._assistant = Assistant.open(index, settings=settings, generator=self._metered)
        folder = settings.cache / "models"
        self.weights = _read_per_token(folder, self._assistant.model) if generator is None else 0

    def ask(self, question: str) -> Reply:
        """Answer a question."""
        meter = self._metered
        meter.begin()
        started = time.perf_counter()
        answer: Answer | None = None
        for event in self._assistant.stream(question):
            if isinstance(event, Finished):
                answer = event.answer
        ended = time.perf_counter()
        assert answer is not None  # noqa: S101 - a stream ends with Finished
        return Reply(
            text=answer.text,
            outcome=answer.outcome,
            first=ended - started,
            given=(meter.given or ended) - started,
            piece=(meter.first or ended) - started,
            total=ended - started,
            written=(meter.last or ended) - (meter.first or ended),
            prompt_tokens=meter.count(meter.prompt),
            reply_tokens=meter.count(meter.reply),
        )


def _read_per_token(folder: Path, identity: str) -> int:
    """Bytes of the generator's weights but for the table of word vectors, of which one row is read."""
    files = [path for path in folder.glob("*/openvino_model.bin") if path.is_file()]
    sizes = {path.parent.name: path.stat().st_size for path in files}
    name = next((name for name in sizes if ("adapter" in name) == ("adapter" in identity)), "")
    return sizes.get(name, 0) - WORDS * WIDTH if name else 0


PARAMETERS = 1_310_000_000
"""Weights that each token of a prompt is multiplied by: all but the word vectors (its model card)."""

WORDS, WIDTH = 151_936, 1_536
"""The generator's vocabulary and the length of a word's vector (its config.json)."""
