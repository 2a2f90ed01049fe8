"""A generator that records its replies on disk and replays them: a prompt is put to the model once.

A model that decodes greedily would write the same again. Systems whose prompts agree share their replies, and
an hour of the model's time is spared; a replayed reply costs the seconds that it took when it was recorded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Generator as PieceGenerator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.models.llm.protocol import Generator, LogProbabilities, Message


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a model wrote."""

    text: str
    """The whole reply."""
    first: float
    """Seconds until its first piece."""
    seconds: float
    """Seconds until its last one."""
    likelihood: LogProbabilities | None
    """Log probabilities of its tokens; None where the backend does not give them."""


class Replies:
    """Recorded replies, by model and prompt, in a JSON Lines file."""

    def __init__(self, path: Path) -> None:
        """Read what was recorded before.

        Args:
            path: A file in a folder that exists; a line that a kill tore is left out.
        """
        self._path = path
        self._kept: dict[str, Recorded] = {}
        if path.exists():
            for raw in path.read_bytes().split(b"\n"):
                try:
                    line = json.loads(raw)
                    likelihood = line["likelihood"] and tuple(line["likelihood"])
                    self._kept[line["key"]] = Recorded(
                        line["text"], line["first"], line["seconds"], likelihood
                    )
                except (ValueError, KeyError, TypeError):
                    continue

    @staticmethod
    def key(model: str, tokens: int, messages: Sequence[Message]) -> str:
        """What a reply is recorded under.

        Args:
            model: Identity of the generator, which tells whether the adapter is merged into it.
            tokens: Limit of the reply.
            messages: The prompt.
        """
        asked = [model, tokens, [(m.role, m.content) for m in messages]]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def get(self, key: str) -> Recorded | None:
        """The reply of this key; None where none was recorded."""
        return self._kept.get(key)

    def add(self, key: str, reply: Recorded) -> None:
        """Record a reply."""
        self._kept[key] = reply
        with self._path.open("a", encoding="utf-8") as file:
            line = {"key": key, **dataclasses.asdict(reply)}
            file.write("\n" + json.dumps(line, ensure_ascii=False))  # first: the last line may be torn


class RecordingGenerator:
    """A ``Generator`` around another one, which is asked once for each prompt."""

    def __init__(self, generator: Generator, replies: Replies, *, warm: bool = False) -> None:
        """Wrap a generator.

        Args:
            generator: Asked where nothing is recorded.
            replies: What was recorded so far; new replies are added, but for the first one of the process,
                whose seconds hold the loading of the model.
            warm: Record the first reply too: the model is loaded, or its seconds do not matter.
        """
        self._generator = generator
        self._replies = replies
        self._warm = warm
        self.replayed: list[Recorded] = []
        """The replies that were replayed since this list was last cleared."""

    @property
    def identity(self) -> str:
        """Names model, weights and backend."""
        return self._generator.identity

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in the model's tokens."""
        return self._generator.context

    def count(self, text: str) -> int:
        """Length of a text in the model's tokens."""
        return self._generator.count(text)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        cancel: threading.Event | None = None,
        deadline: float | None = None,
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        """The recorded reply to these messages, or the model's, piece by piece."""
        key = Replies.key(self.identity, max_tokens, messages)
        known = self._replies.get(key)
        if known is not None:
            self.replayed.append(known)
            yield known.text
            return known.likelihood
        text, first, started = "", 0.0, time.perf_counter()
        reply = self._generator.stream(messages, max_tokens=max_tokens, cancel=cancel, deadline=deadline)
        while True:
            try:
                piece = next(reply)
            except StopIteration as end:
                likelihood: LogProbabilities | None = end.value
                break
            first = first or (time.perf_counter() - started if piece else 0.0)
            text += piece
            yield piece
        if self._warm:
            self._replies.add(key, Recorded(text, first, time.perf_counter() - started, likelihood))
        self._warm = True
        return likelihood
