"""The regression that takes a sentence for an answer learns what it is shown, and asks for it once."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import Settings
from rag.answering import judge
from rag.models.llm.protocol import Likelihood, Message
from train import answerability as training
from train.reading import Asked, Lesson
from train.scores import Item

# Not imported here: it takes two seconds, which only the process with these tests should spend.
pytestmark = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="no scikit-learn")


class Model:
    """Names the first sentence of several, improbably; alone and judged it is for sentences on towers."""

    identity = f"{judge.load().fitted_for} int8 (test)"
    context = 8192

    def __init__(self) -> None:
        self.calls = 0

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, Likelihood | None]:
        self.calls += 1
        shown = messages[-1].content
        if max_tokens > 2:
            refuses = "refuse" in shown
            yield "[0]" if refuses else "[1] 308"
            return (-0.01, math.log(0.6), *[-0.01] * 5)
        yes = "tower" in shown.split("Question:")[0]
        yield ("Yes" if yes else "No") if max_tokens == 1 else ("[1" if yes else "[0")
        return (*[-0.01] * (max_tokens - 1), math.log(0.9))


def items() -> list[Item]:
    """Forty questions: the first sentence answers every second one, and half are refused at first."""
    made = []
    for n in range(40):
        right, refused = n % 2 == 0, n % 4 > 1
        sentences = (f"The {'tower' if right else 'gate'} {n} has 308 steps.", f"Bread {n} is sold.")
        asked = Asked(
            kind="answer" if right else "refuse",
            language="en",
            question=f"How many steps has it{' (refuse)' if refused else ''}, {n}?",
            answer="[1] 308",
            accepted=("308",),
            cited=(1,) if right else (),
        )
        made.append(Item(Lesson("c", f"d{n}", sentences, (), (asked,)), asked))
    return made


def sentences(path: Path, model: Model) -> list[training.Sentence]:
    return list(training._sentences(path, items(), Settings(prompt="adapted", embedder="fake"), model))


def test_it_fits_the_shown_data_and_reports_what_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sentences(tmp_path / "kept.jsonl", Model())
    assert len(found) == 40
    assert sum(one["choice"] is None for one in found) == 20
    assert [one["answers"] for one in found] == [n % 2 == 0 for n in range(40)]
    model = training.fit(found)
    assert (np.array(model.coef_[0]) > 0).all()
    out = capsys.readouterr().out
    assert "of the named ones that are judged 10 of 10 that answer pass, 0 of 10 that do not" in out


def test_what_is_kept_is_not_asked_for_again(tmp_path: Path) -> None:
    path, model = tmp_path / "kept.jsonl", Model()
    first = sentences(path, model)
    asked = model.calls
    torn = path.read_text(encoding="utf-8")
    path.write_text(torn[:-20], encoding="utf-8")  # a kill in the middle of the last line
    assert sentences(path, model) == first
    assert 0 < model.calls - asked < 10
    assert json.loads(path.read_text(encoding="utf-8").split("\n")[-1])["at"] == 39
