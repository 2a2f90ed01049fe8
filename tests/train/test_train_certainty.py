"""The regression that decides between words and sentence learns from its examples."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import Settings
from rag.answering import confidence
from rag.models.llm.protocol import LogProbabilities, Message
from train.reader import certainty, scores
from train.reader.certainty import fit
from train.reader.reading import Asked, Lesson

pytestmark = pytest.mark.slow  # importing torch takes seconds


def test_words_of_high_confidence_are_judged_right(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    replies, rows = [], []
    for n in range(120):
        right = n % 2 == 0
        words = -random.uniform(0.0, 0.4 if right else 3.0, size=6)
        rows.append(list(confidence.features((-0.0, -0.1, -0.0, *words)).values()))
        replies.append({"question": f"q{n}", "language": "ar" if n % 3 else "en", "right": right})
    values, right = np.array(rows), np.array([reply["right"] for reply in replies])
    model = fit(values, right, replies)
    likely, unlikely = (
        list(confidence.features((-0.0, -0.1, -0.0, *[p] * 6)).values()) for p in (-0.05, -2.0)
    )
    assert model.predict_proba([likely])[0, 1] > 0.7 > 0.3 > model.predict_proba([unlikely])[0, 1]
    out = capsys.readouterr().out
    assert "120 replies, 0.50 right" in out
    assert {line.split()[0] for line in out.splitlines()[2:]} == {"ar", "en"}


class Counting:
    """A generator that counts its calls, and answers every second one rightly."""

    context = 8192

    def __init__(self, identity: str, calls: list[str]) -> None:
        self.identity = identity
        self._calls = calls

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        self._calls.append(self.identity)
        yield "[1] 308" if len(self._calls) % 2 else "[1] 500"
        return (-0.1, -0.1, -0.1, -0.2, -0.3)


def test_replies_are_reused_only_for_the_same_model_and_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def new_calls(identity: str, questions: int) -> int:
        items = [
            scores.Item(Lesson("c", f"d{n}", (f"Tower {n} has 308 steps.",), (asked,)), asked)
            for n in range(questions)
            for asked in [Asked(f"How many steps has tower {n}?", "en", "[1] 308", "answer", ("308",), (1,))]
        ]
        monkeypatch.setattr(certainty, "read_sets", lambda *_: [])
        monkeypatch.setattr(certainty.scores, "items", lambda *_: items)
        monkeypatch.setattr(certainty, "open_generator", lambda _: Counting(identity, calls))
        monkeypatch.setattr(certainty.Assistant, "open", lambda **_: None)
        monkeypatch.setattr(Settings, "load", lambda **values: Settings(prompt="answer", **values))
        before = len(calls)
        assert certainty.main(["--data", "x", "--out", str(tmp_path)]) == 0
        return len(calls) - before

    assert new_calls("one adapter", 12) == 12
    assert new_calls("one adapter", 12) == 0
    assert new_calls("another adapter", 12) == 12
    assert new_calls("one adapter", 15) == 3
