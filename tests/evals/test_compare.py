"""Two reports are compared item by item, by the rules of one grader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import examples
from evals_stand_in import NOWHERE, QUOTE, RIGHT, StandIn, write
from hypothesis import given
from hypothesis import strategies as st
from test_score import question

from evals import compare, run
from evals.compare import Timing, timings
from evals.dataset import Quote
from evals.grading import intervals
from evals.grading.score import Scores
from evals.grading.stats import Result

QUESTIONS = [RIGHT | {"id": f"q{at}"} for at in range(12)]

Change = Callable[[int, dict[str, Any]], None]
"""Number and item of a report, to be changed in place."""


@pytest.fixture
def compared(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Compares a report with a changed copy of it; gives the status, what is printed and what is written."""
    questions = write(tmp_path, *QUESTIONS, NOWHERE)
    fixed = ["--questions", str(questions), "--corpus", str(corpus)]

    def opened(_: str, settings: Any) -> Any:
        return StandIn(settings, corpus)

    run.main([*fixed, "--out", str(tmp_path)], open_assistant=opened)

    def call(change: Change, *, older: Change = lambda *_: None) -> tuple[int, str, dict[str, Any]]:
        paths = []
        for name, made in (("old", older), ("new", change)):
            report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
            for at, item in enumerate(report["items"]):
                made(at, item)
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(report), encoding="utf-8")
        capsys.readouterr()
        out = tmp_path / "comparison.json"
        status = compare.main([*map(str, paths), *fixed, "--json", str(out)], open_assistant=opened)
        printed = "".join(capsys.readouterr())
        return status, printed, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}

    return call


def only(comparison: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in comparison["scores"] if one["name"] == name)
    return found


def test_the_same_report_twice_is_no_difference(compared: Any) -> None:
    status, printed, comparison = compared(lambda *_: None)
    assert (status, comparison["paired"], comparison["unpaired"]) == (0, 13, [])
    assert {(one["before"] == one["now"], one["p"]) for one in comparison["scores"]} == {(True, 1.0)}
    assert "13 questions in both reports" in printed


def test_answers_that_quote_only_arabic_now_are_worse(compared: Any) -> None:
    def quoting(at: int, item: dict[str, Any]) -> None:
        if 0 <= at < 8:
            item["answer"]["text"] = f"It says: “{QUOTE}” [1]"

    status, printed, comparison = compared(quoting)
    assert status == 0, "whatever the difference: what may pass is the gate's matter"
    accuracy = only(comparison, "accuracy")
    assert (accuracy["before"], accuracy["now"], len(accuracy["lost"])) == (1.0, pytest.approx(4 / 12), 8)
    assert accuracy["p_alone"] == pytest.approx(2 / 2**8)
    assert accuracy["p"] >= accuracy["p_alone"]
    assert only(comparison, "accuracy, en")["now"] == accuracy["now"]
    assert only(comparison, "accuracy in own words")["now"] == accuracy["now"]
    assert only(comparison, "language")["now"] < 1.0
    row = next(line for line in printed.splitlines() if line.startswith("| accuracy  "))
    assert [cell.strip() for cell in row.split("|")][2:5] == ["12", "1.000", "0.333"]


def test_grades_that_reports_were_given_do_not_count(compared: Any) -> None:
    def graded_otherwise(_: int, item: dict[str, Any]) -> None:
        item["scores"] = {**item["scores"], "correct": 0.0, "language": 0.0}
        del item["scores"]["own_correct"]

    _, _, comparison = compared(lambda *_: None, older=graded_otherwise)
    assert only(comparison, "accuracy")["before"] == 1.0
    assert only(comparison, "language")["lost"] == only(comparison, "language")["won"] == []


def test_seconds_are_compared_stage_by_stage(compared: Any) -> None:
    def faster(_: int, item: dict[str, Any]) -> None:
        item["answer"]["timings"] = {"verify": 0.2, "total": 1.0}

    _, printed, comparison = compared(faster)
    times = {one["stage"]: one for one in comparison["latency"]}
    assert list(times) == ["retrieve", "verify", "total"]
    assert (times["total"]["before"], times["total"]["now"], times["total"]["n"]) == (1.5, 1.0, 13)
    assert (times["verify"]["before"], times["verify"]["now"], times["verify"]["ratio"]) == (None, 0.2, None)
    assert "| verify   | 13 | -             | 0.200 | -" in printed


def test_what_failed_and_what_only_one_has_is_named(compared: Any, tmp_path: Path) -> None:
    def failing(at: int, item: dict[str, Any]) -> None:
        if at == 3:
            item |= {"answer": None, "error": "broken", "scores": dict.fromkeys(item["scores"])}

    status, printed, comparison = compared(failing)
    assert (status, comparison["failed"]) == (0, {"before": [], "now": ["q3"]})
    assert "failed after: 1 (q3)" in printed
    assert only(comparison, "accuracy")["n"] == 11


def test_reports_without_a_shared_question_are_refused(compared: Any) -> None:
    def renamed(at: int, item: dict[str, Any]) -> None:
        item["id"] = f"other{at}"

    status, printed, _ = compared(renamed)
    assert status == 2
    assert "none of these questions" in printed


def result(at: int, **seconds: float) -> Result:
    asked = question(id=f"q{at}", evidence=(Quote(f"a{at}", ""),))
    return Result(question=asked, scores=Scores(), answer={}, seconds=seconds, error=None)


def test_a_ratio_of_medians_is_that_of_the_medians_and_lies_in_its_interval() -> None:
    rng = np.random.default_rng(0)
    pairs = [(result(at, total=s), result(at, total=s * 0.7)) for at, s in enumerate(rng.uniform(1, 5, 60))]
    (total,) = timings(pairs)
    assert total.ratio == pytest.approx(0.7)
    assert total.low is not None
    assert total.high is not None
    assert total.low <= 0.7 + 1e-9
    assert total.high >= 0.7 - 1e-9
    assert total.high - total.low < 1e-9, "where every item is as much faster there is no doubt"


def test_few_articles_or_no_seconds_give_no_ratio() -> None:
    assert timings([(result(at, total=2.0), result(at, total=1.0)) for at in range(4)]) == [
        Timing("total", 4, 2.0, 1.0, None, None, None)
    ]
    assert timings([(result(at, judge=0.0), result(at, judge=1.0)) for at in range(9)])[0].ratio is None
    assert timings([(result(at), result(at)) for at in range(9)]) == []


@pytest.mark.slow
@examples(30)
@given(st.lists(st.tuples(st.floats(0.01, 9), st.floats(0.01, 9)), min_size=5, max_size=15))
def test_the_interval_of_a_ratio_holds_it_and_turns_with_it(seconds: list[tuple[float, float]]) -> None:
    before, now = zip(*seconds, strict=True)
    clusters = [str(at) for at in range(len(seconds))]
    there, back = (intervals.median_ratio(*pair, clusters) for pair in ((before, now), (now, before)))
    assert there is not None
    assert back is not None
    assert there[1] <= there[0] <= there[2]
    assert back[0] == pytest.approx(1 / there[0])
    assert there[0] == pytest.approx(np.median(now) / np.median(before))


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 4)), min_size=1, max_size=12))
def test_a_weighted_median_is_the_median_of_the_repeated_values(values: list[tuple[float, int]]) -> None:
    numbers, times = (np.array(column) for column in zip(*values, strict=True))
    if not times.sum():
        times = times + 1
    found = intervals._weighted_medians(numbers, times[None, :])
    assert found[0] == pytest.approx(np.median(np.repeat(numbers, times)))
