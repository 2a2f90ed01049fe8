"""The cost of the adapter: both models get the same plain prompts and are graded by rule."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag import Settings
from rag.models.llm.protocol import LogProbabilities, Message
from rag.settings import resource_dir
from train.reader import harm
from train.reader.harm import Job


class Knowing:
    """A generator that knows all answers, or says nothing useful."""

    identity = "knowing"
    context = 8192

    def __init__(self, right: dict[str, str]) -> None:
        self._right = right

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        yield self._right.get(messages[-1].content, "I do not know")
        return None


def test_every_job_grades_its_own_right_reply_as_right() -> None:
    jobs = list(harm.jobs())
    assert {job.kind for job in jobs} == {"follow-up", "name", "text", "not in text"}
    assert all(job.grade(job.right[0]) == 1.0 and job.grade("zzz") == 0.0 for job in jobs)
    assert len({job.prompt for job in jobs}) == len(jobs)


@pytest.mark.parametrize(
    ("right", "reply", "grade"),
    [
        (("two", "2"), "Lena planted 2 apple trees.", 1.0),
        (("two", "2"), "Lena planted 12 apple trees.", 0.0),
        (("الجمعة",), "يوم الجمعة", 1.0),
        (("Beirut",), "Bayroot", 0.0),
    ],
)
def test_a_reply_is_right_if_it_contains_the_answer(right: tuple[str, ...], reply: str, grade: float) -> None:
    assert Job("text", "", right, "").grade(reply) == grade


def test_no_text_of_the_jobs_is_from_the_seeds() -> None:
    seeds = " ".join(path.read_text(encoding="utf-8") for path in resource_dir("seeds").glob("*.txt"))
    lines = [json.loads(line) for line in harm.FILE.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 50
    assert not [line for line in lines if line["job"] == "text" and line["given"] in seeds]


def test_both_models_are_asked_and_differences_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = {job.prompt: job.right[0] for job in harm.jobs()}

    def opened(settings: Settings) -> Knowing:
        return Knowing(right if settings.adapter else {})

    monkeypatch.setattr(harm, "open_generator", opened)
    assert harm.main(["--out", str(tmp_path)]) == 0
    rows = {line[:14].strip(): line[14:].split() for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows["name"][:3] == ["0.00", "1.00", "+1.00"]
    assert rows["follow-up"][1] == "1.00"
    kept = json.loads((tmp_path / "harm.json").read_text(encoding="utf-8"))
    assert {line["adapter"]["grade"] for line in kept} == {1.0}
