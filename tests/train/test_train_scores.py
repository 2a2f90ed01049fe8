"""Drafts are graded, and an hour-long measurement can be stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag import Settings
from rag.models.llm.protocol import LogProbabilities, Message
from train.reader import scores
from train.reader.reading import Asked, Lesson

pytestmark = pytest.mark.slow  # importing torch takes seconds


class Counting:
    """A generator that gives the same answer to every question and counts them, until it is stopped."""

    context = 8192

    def __init__(self, identity: str, calls: list[str], last: int) -> None:
        self.identity = identity
        self._calls, self._last = calls, last

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        if len(self._calls) == self._last:
            raise KeyboardInterrupt
        self._calls.append(self.identity)
        yield "[1] 308"
        return None


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int, *flags: str) -> list[str]:
    calls: list[str] = []
    items = [
        scores.Item(Lesson("c", f"d{n}", (f"Tower {n} has 308 steps.",), (asked,)), asked)
        for n in range(6)
        for asked in [Asked(f"How many steps has tower {n}?", "en", "[1] 308", "answer", ("308",), (1,))]
    ]
    monkeypatch.setattr(scores, "read_sets", lambda *_: [])
    monkeypatch.setattr(scores, "items", lambda *_: items)
    monkeypatch.setattr(
        scores,
        "open_generator",
        lambda settings: Counting("adapted" if settings.adapter else "plain", calls, last),
    )
    monkeypatch.setattr(Settings, "load", lambda **values: Settings(prompt="answer", **values))
    scores.main(["--data", "x", "--out", str(tmp_path), *flags])
    return calls


def test_saved_replies_are_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, monkeypatch, 8)
    assert not (tmp_path / "scores.json").exists()
    calls = run(tmp_path, monkeypatch, 99, "--resume")
    assert calls == ["adapted"] * 4, "eight of twelve replies were saved"
    report = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert {name: system["scores"]["all"]["f1"]["value"] for name, system in report["systems"].items()} == {
        "plain": 1.0,
        "adapter": 1.0,
    }
    assert len(run(tmp_path, monkeypatch, 99)) == 12, "without --resume every question is asked again"


@pytest.mark.parametrize(
    ("draft", "f1", "cited", "refused"),
    [
        ("[2] in 1900", 1.0, 1.0, 0.0),
        ("[1] in 1900", 1.0, 0.0, 0.0),
        ("It was built in 1900 [2].", 4 / 7, 1.0, 0.0),
        ("[2] in 1905", 0.5, 1.0, 0.0),
        ("[0]", 0.0, None, 1.0),
        ("The articles do not say this: NOT FOUND", 0.0, None, 1.0),
    ],
)
def test_a_draft_is_graded_by_words_citation_and_refusal(draft, f1, cited, refused) -> None:
    asked = Asked("When?", "en", "[2] in 1900", "answer", accepted=("in 1900",), cited=(2,))
    item = scores.Item(Lesson("c", "d", ("x", "y"), (asked,)), asked)
    graded = scores.grade(item, draft)
    assert graded.f1 == pytest.approx(f1, abs=0.01)
    assert (graded.cited, graded.refused) == (cited, refused)


def test_both_of_two_conflicting_sentences_must_be_cited() -> None:
    asked = Asked("?", "en", "[1] 5 [3] 6", "conflict", accepted=("5", "6"), cited=(1, 3))
    item = scores.Item(Lesson("c", "d", ("x", "y", "z"), (asked,)), asked)
    assert scores.grade(item, "[1] 5 [3] 6").cited == 1.0
    assert scores.grade(item, "[1] 5 [3] 6").f1 == 1.0
    assert scores.grade(item, "[1] 5").cited == 0.0
    same = Asked("?", "en", "[1][3] 5", "both", accepted=("5",), cited=(1, 3))
    assert scores.grade(scores.Item(item.lesson, same), "[3] 5").cited == 1.0
