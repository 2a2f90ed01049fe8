"""The regression that takes a sentence for an answer is fitted to what the assistant cites."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.recording import RecordingGenerator, Replies
from evals.systems import Timed
from rag import Settings, build_index
from rag.answering import judge
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.protocol import Message
from train import answerability as training

pytest.importorskip("sklearn")

pytestmark = pytest.mark.slow  # importing torch takes seconds


class Model:
    """Cites the first sentence; a tower's is cited with a higher probability, and judged to answer."""

    identity = f"{judge.load().fitted_for} int8 (test)"
    context = 8192

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, Any]:
        tower = "tower" in messages[-1].content.split("Question:")[1]
        if max_tokens > 1:
            yield "[1] 308"
            return (-0.01, math.log(0.9 if tower else 0.5), *[-0.01] * 5)
        yield "Yes" if tower else "No"
        return (math.log(0.9),)


def test_it_is_fitted_to_the_sentences_that_the_assistant_cites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "articles").mkdir()
    lines = []
    for n in range(10):
        sort = "tower" if n % 2 == 0 else "gate"
        sentence = f"The {sort} of Zarim{n} has 308 steps."
        (tmp_path / "articles" / f"{n}.txt").write_text(f"Zarim{n}\n\n{sentence}", encoding="utf-8")
        question = f"How many steps has the {sort} of Zarim{n}?"
        gold = [{"article": str(n), "quote": sentence}] if n % 2 == 0 else []
        lines.append({"id": f"q{n}", "question": question, "lang": "en", "answerable": bool(gold),
                      "must": [["308"]] if gold else [], "evidence": gold, "tags": ["en-en"]})  # fmt: skip
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    settings = Settings(
        prompt="adapted", embedder="fake", indexes=tmp_path / "indexes", articles=tmp_path / "articles"
    )
    embedder = FakeEmbedder()
    build_index(settings.articles, "towers", settings=settings, embedder=embedder)
    model = RecordingGenerator(Model(), Replies(tmp_path / "replies.jsonl"), warm=True)
    assistant = Timed.open("towers", settings=settings, embedder=embedder, generator=model)
    assert isinstance(assistant, Timed)
    assistant.replies = model
    examples = [
        one for question in training.read_questions(file) for one in training.judged(question, assistant)
    ]
    assistant.close()
    assert len(examples) == 20  # two readings each
    assert {answers for *_, answers, _, _ in examples} == {True, False}
    fitted = training.fit(examples, Model.identity)
    assert all(weight > 0 for weight in fitted.coefficients.values())
    assert fitted.fitted_for == judge.load().fitted_for
    assert "20 sentences of 10 questions" in capsys.readouterr().out
