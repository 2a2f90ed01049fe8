"""An assistant over small articles whose model gets the prompt that the adapter was trained on."""

from __future__ import annotations

import math
from collections.abc import Generator as PieceGenerator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contexts import translated

from rag import Answer, Assistant, Settings
from rag.answering import confidence
from rag.index.indexing import build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.protocol import Generator, LogProbabilities, Message

ScriptedReply = tuple[str, float]
"""A reply, and the probability of the sentence or refusal in it."""


class Reading:
    """A generator that gives one reply for each order of the evidence, as Sanad's adapted model would."""

    context = 8192
    identity = confidence.load().fitted_for

    def __init__(self, *replies: ScriptedReply) -> None:
        self.prompts: list[str] = []
        self._replies = replies

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        if translation := translated(messages[-1].content):
            yield translation
            return None
        text, choice = self._replies[min(len(self.prompts), len(self._replies) - 1)]
        self.prompts.append(messages[-1].content)
        yield text
        return (-0.01, math.log(choice), *[-0.01] * 6)


def ask(
    tmp_path: Path,
    generator: Generator,
    *texts: str,
    question: str,
    prompt: str = "adapted",
    without: Sequence[str] = (),
) -> Answer:
    """The answer to a question.

    Args:
        tmp_path: An empty folder for articles and index.
        generator: The model.
        *texts: An article each.
        question: The question.
        prompt: The prompt's template.
        without: Names of steps that are left out.
    """
    (tmp_path / "articles").mkdir()
    for n, text in enumerate(texts):
        (tmp_path / "articles" / f"{n}.txt").write_text(text, encoding="utf-8")
    settings = Settings(embedder="fake", backend="fake", indexes=tmp_path / "indexes", prompt=prompt)
    build_index(tmp_path / "articles", "mine", settings=settings, embedder=FakeEmbedder())
    assistant = Assistant.open("mine", settings=settings, embedder=FakeEmbedder(), generator=generator)
    assistant.steps = assistant.steps.without(without)
    try:
        return assistant.ask(question)
    finally:
        assistant.close()
