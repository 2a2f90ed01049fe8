"""Several askers at once: what is counted, and the whole command with fakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.benchmarks import askers as bench_askers
from evals.benchmarks.askers import Round, Taken, figures_of, table
from rag import Settings


def a_round(askers: int, seconds: float, *texts: str, failed: str = "") -> Round:
    return Round(askers, seconds, 4.0, tuple(Taken(2.0, text, failed) for text in texts))


def test_throughput_is_held_against_the_fewest_askers_of_the_same_round() -> None:
    rounds = [
        a_round(1, 60, "a", "b"),
        a_round(2, 30, "a", "c"),
        a_round(2, 40, "a", "b"),
        a_round(1, 80, "a", "b"),
    ]
    two = figures_of(rounds, 2)
    assert two["rate"] == [4.0, 3.0]
    assert two["times"] == [2.0, 2.0]
    assert (two["changed"], two["failed"], two["n"]) == (1, 0, 4)
    assert figures_of(rounds, 1)["times"] == [1.0, 1.0]
    assert figures_of([a_round(1, 1, "", failed="Gone.")], 1)["failed"] == 1


def test_the_table_reads_as_it_should() -> None:
    rounds = [
        a_round(1, 60, "a", "b"),
        a_round(2, 30, "a", "c"),
        a_round(2, 20, "a", "b"),
        a_round(1, 60, "a", "b"),
    ]
    lines = table([figures_of(rounds, 1), figures_of(rounds, 2)], at_once=2).splitlines()
    assert lines[2] == "| 1 | 2.0 (2.0–2.0) | 1.00 (1.00–1.00) | 2.00 | 2.0 | 2.0 | 0 | 0 | 4 |"
    assert lines[3] == "| 2 | 5.0 (4.0–6.0) | 2.50 (2.00–3.00) | 2.00 | 2.0 | 2.0 | 1 | 0 | 4 |"
    assert "At most 2 at once" in lines[5] and "of 2 rounds" in lines[5]


def test_every_question_is_asked_once_however_many_ask(small_articles: Path) -> None:
    settings = Settings.load(backend="fake", embedder="fake", articles=small_articles)
    questions = ["How much did it cost?", "When did the harbour reopen?", "Who is the port director?"]
    alone, together = (bench_askers.measure(settings, questions, askers) for askers in (1, 5))
    assert [taken.text for taken in together.taken] == [taken.text for taken in alone.taken]
    assert len({taken.text for taken in alone.taken}) > 1
    assert all(taken.total > 0 and not taken.failed for taken in together.taken)


@pytest.mark.slow
def test_a_run_writes_figures_and_a_plot(
    tmp_path: Path, small_articles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANAD_ARTICLES", str(small_articles))
    out = tmp_path / "out"
    asked = ["--askers", "2", "--limit", "3", "--rounds", "1", "--at-once", "2", "--out", str(out)]
    assert bench_askers.main([*asked, "--backend", "fake", "--embedder", "fake"]) == 0
    report = json.loads((out / "bench-askers.json").read_text(encoding="utf-8"))
    assert [one["askers"] for one in report["figures"]] == [2]
    assert [len(one["taken"]) for one in report["rounds"]] == [3]
    assert (out / "bench-askers.png").stat().st_size > 5000
    output = capsys.readouterr()
    assert "| 2 | " in output.out and "round 1, 2 askers" in output.err


def test_a_number_below_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench_askers.main(["--askers", "1,0"])
    assert "0 is below 1" in capsys.readouterr().err
