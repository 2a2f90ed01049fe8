from dataclasses import replace

import pytest
from evals_stand_in import NOWHERE, RIGHT, StandIn, write

from evals import judge, run
from evals.dataset import BadQuestions, read_questions
from evals.judge import Graded, agreement, agreement_report, by_rule, kappa, read_sheet, write_sheet

LEAST_KAPPA = 0.85
"""Below it an automatic grade is no stand-in for a person's."""


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((20, 5, 10, 15), 0.4),
        ((45, 15, 25, 15), 0.1304),
        ((25, 35, 5, 35), 0.2593),
        ((9, 0, 0, 1), 1.0),
        ((0, 5, 5, 0), -1.0),
        ((25, 25, 25, 25), 0.0),
        ((7, 0, 0, 0), 1.0),
    ],
)
def test_kappa_is_that_of_worked_examples(counts, expected):
    assert kappa(*counts) == pytest.approx(expected, abs=1e-4)


@pytest.fixture
def sheet(tmp_path, corpus):
    """A run's report, the questions it asked and an empty sheet."""
    questions = write(tmp_path, RIGHT, RIGHT | {"id": "wrong", "question": "wrong?"}, NOWHERE)
    arguments = ["--questions", str(questions), "--corpus", str(corpus), "--out", str(tmp_path / "out")]
    run.main(arguments, open_assistant=lambda _, settings: StandIn(settings, corpus))
    return tmp_path / "out" / "report.json", questions, tmp_path / "sheet.jsonl"


def call(command, sheet, *more):
    return judge.main([command, *more, "--sheet", str(sheet[2])])


def test_a_sheet_is_collected_once_graded_blind_and_compared(sheet, monkeypatch, capsys):
    report, questions, path = sheet
    assert call("sheet", sheet, str(report)) == call("sheet", sheet, str(report)) == 0
    assert [line.right for line in read_sheet(path)] == [None] * 3
    assert call("agree", sheet, "--questions", str(questions)) == 2
    typed = iter(["y", "maybe", "s", "n"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert call("grade", sheet, "--questions", str(questions)) == 0
    assert [line.right for line in read_sheet(path)] == [True, None, False]
    capsys.readouterr()
    assert call("agree", sheet, "--questions", str(questions)) == 0
    out = capsys.readouterr().out
    assert "Agreement 0.50, Cohen's kappa 0.00" in out
    assert "| rule too lenient: NOT EXPLAINED | 1 | nowhere |" in out


def test_grading_ends_where_nothing_more_is_typed_and_keeps_what_was(sheet, monkeypatch):
    assert call("sheet", sheet, str(sheet[0])) == 0
    typed = iter(["y"])

    def read(_prompt):
        for choice in typed:
            return choice
        raise EOFError

    monkeypatch.setattr("builtins.input", read)
    assert call("grade", sheet, "--questions", str(sheet[1])) == 0
    assert [line.right for line in read_sheet(sheet[2])] == [True, None, None]


def test_a_person_is_not_shown_what_the_rule_goes_by(sheet):
    report, questions, _ = sheet
    shown: list[str] = []
    by_id = {
        (judge.set_name(questions), q.id): replace(q, must=(("MUST",),)) for q in read_questions(questions)
    }
    judge.grade(judge.collect(report), by_id, lambda _: None, lambda _: "s", shown.append)
    assert RIGHT["evidence"][0]["quote"] in "\n".join(shown)
    assert "MUST" not in "\n".join(shown)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "x"}', '{"set":"s","id":"i","answer":"","outcome":"","run":"","right":5}']
)
def test_a_line_that_is_none_is_named(tmp_path, line):
    path = tmp_path / "sheet.jsonl"
    write_sheet(path, [Graded("s", "i", "a", "answered", "")])
    path.write_text(path.read_text(encoding="utf-8") + line)
    with pytest.raises(BadQuestions, match="line 2"):
        read_sheet(path)


def test_what_is_no_report_is_named(tmp_path, capsys):
    path = tmp_path / "other.json"
    path.write_text("{}")
    for name in (path, tmp_path / "none.json"):
        assert judge.main(["sheet", str(name), "--sheet", str(tmp_path / "s")]) == 2
        assert name.name in capsys.readouterr().err


def committed():
    questions = {
        (judge.set_name(path), question.id): question
        for path in judge.question_files()
        for question in read_questions(path)
    }
    lines = [line for line in read_sheet(judge.SHEET) if (line.set, line.id) in questions]
    return lines, by_rule(lines, questions)


def test_the_rule_agrees_with_the_grades_that_were_given_by_hand():
    lines, rule = committed()
    found = agreement(lines, rule)
    assert found.n >= 100
    assert found.kappa >= LEAST_KAPPA, agreement_report(lines, rule)


def test_every_disagreement_is_explained():
    lines, rule = committed()
    assert "NOT EXPLAINED" not in agreement_report(lines, rule)
