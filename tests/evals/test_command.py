import json

import pytest
from evals_stand_in import NOWHERE, RIGHT, TEXT, write


@pytest.fixture
def arguments(tmp_path):
    """Two questions and their corpus, as arguments."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one.txt").write_text(TEXT, encoding="utf-8")
    return ["--questions", str(write(tmp_path, RIGHT, NOWHERE)), "--corpus", str(corpus)]


def test_sanad_eval_is_the_harness_with_its_options_and_statuses(run, arguments, tmp_path, monkeypatch):
    good, bad = tmp_path / "good", tmp_path / "bad"
    status, output, err = run("eval", "--retrieval-only", *arguments, "--out", str(good))
    assert (status, err) == (0, "")
    assert "passed      compared with no baseline" in output
    assert json.loads((good / "report.json").read_text(encoding="utf-8"))["n"] == 2
    monkeypatch.setenv("SANAD_MAX_QUESTION", str(len(NOWHERE["question"])))
    against = ["--baseline", str(good / "report.json"), "--out", str(bad)]
    status, output, _ = run("eval", "--retrieval-only", *arguments, *against)
    assert status == 1
    assert output.endswith("REGRESSION  failed now, and not in the baseline: right\n")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["eval", "--questions", "missing.jsonl"], "missing.jsonl: No such file"),
        (["eval", "--limit", "0"], "sanad eval: error: argument --limit: 0 is below 1"),
        (["eval", "draft"], "sanad eval draft: error: the following arguments are required: file"),
        (["eval", "check", "missing.jsonl"], "missing.jsonl: No such file"),
    ],
)
def test_what_cannot_run_is_status_two_and_named(run, command, expected):
    status, out, err = run(*command)
    assert (status, out) == (2, "")
    assert expected in err


def test_help_names_it_and_its_options(run):
    assert "\n    eval " in run("--help")[1]
    status, out, _ = run("eval", "--help")
    assert status == 0
    assert out.startswith("usage: sanad eval ")
    assert "--retrieval-only" in out
    assert "sanad eval draft --help" in out
