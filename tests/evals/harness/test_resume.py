import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from evals_stand_in import FAILS, NOWHERE, RIGHT, WRONG, StandIn, schema, write

from evals import run
from evals.harness import provenance

ROOT = Path(__file__).resolve().parents[3]
SIX = [RIGHT, WRONG, NOWHERE, *(RIGHT | {"id": f"more{n}"} for n in range(3))]


class Breaking(StandIn):
    """Does something else at the n-th question, warm-up not counted."""

    def __init__(self, settings, corpus, at=None, act=None):
        super().__init__(settings, corpus)
        self.at, self.act = at, act

    def ask(self, question, history=()):
        if self.at is not None and len(self.asked) == self.at + 1:
            self.at = None
            self.act()
        return super().ask(question, history)


@pytest.fixture
def evaluate(tmp_path, corpus):
    """Runs over six questions; gives the status, the report and what was asked."""

    def call(*arguments, out="out", at=None, act=None, questions=SIX):
        opened = []

        def opener(index, settings):
            opened.append(Breaking(settings, corpus, at, act))
            return opened[-1]

        file = write(tmp_path, *questions)
        fixed = ["--questions", str(file), "--corpus", str(corpus), "--out", str(tmp_path / out)]
        status = run.main([*fixed, *arguments], open_assistant=opener)
        report = tmp_path / out / "report.json"
        data = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
        return status, data, opened[0].asked[1:] if opened else []

    return call


def interrupt():
    raise KeyboardInterrupt


def same(report):
    """A report without what the clock tells."""
    return {**report, "run": {**report["run"], "date": ""}}


def test_ctrl_c_leaves_a_valid_report_and_resume_completes_it(evaluate, capsys):
    status, report, _ = evaluate(at=3, act=interrupt)
    jsonschema.validate(report, schema("report"))
    assert (status, report["n"], report["run"]["complete"]) == (130, 3, False)
    assert "Interrupted after 3 of 6 questions; continue with --resume." in capsys.readouterr().err
    status, resumed, asked = evaluate("--resume")
    assert (status, len(asked)) == (0, 3)
    assert same(resumed) == same(evaluate(out="whole")[1])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes that are forked here")
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_report(evaluate, tmp_path):
    # In a process of its own, which ends as kill -9 ends it: no handler runs, no file is closed.
    pid = os.fork()
    if pid == 0:
        try:
            evaluate(at=4, act=lambda: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(1)  # it should not have lived so long
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert not (tmp_path / "out" / "report.json").exists()
    status, resumed, asked = evaluate("--resume")
    assert (status, len(asked)) == (0, 2)
    assert same(resumed) == same(evaluate(out="whole")[1])


def test_a_line_that_was_torn_by_a_full_disk_or_a_kill_is_asked_again(evaluate, tmp_path):
    evaluate(at=3, act=interrupt)
    journal = tmp_path / "out" / "items.jsonl"
    whole = journal.read_bytes()
    for torn in (whole[:-1], whole[:-40], whole + b'{"id": "more', whole + b"\xff\n"):
        journal.write_bytes(torn)
        status, report, _ = evaluate("--resume")
        assert (status, report["n"]) == (0, 6)
        assert len(journal.read_text(encoding="utf-8").splitlines()) == 7


def test_what_failed_is_asked_again_on_resume(evaluate):
    questions = [RIGHT, FAILS, WRONG]
    assert evaluate(questions=questions)[1]["unscored"] == 1
    status, report, asked = evaluate("--resume", questions=questions)
    assert (status, asked, report["unscored"]) == (0, ["fails?"], 1)


def test_a_defect_costs_its_own_item_and_not_the_run(evaluate):
    def defect():
        raise ZeroDivisionError("deep\nin a library")

    status, report, _ = evaluate(at=2, act=defect)
    assert (status, report["n"], report["unscored"]) == (0, 6, 1)
    assert report["items"][2]["error"] == "defect: ZeroDivisionError: deep in a library"


def test_an_item_that_fails_now_and_did_not_before_is_a_regression(evaluate, tmp_path, capsys):
    def defect():
        raise ZeroDivisionError

    evaluate(out="good")
    status, _, _ = evaluate("--baseline", str(tmp_path / "good/report.json"), at=2, act=defect)
    assert status == 1
    assert "REGRESSION  failed now, and not in the baseline: nowhere" in capsys.readouterr().out


def test_a_finished_run_is_compared_again_without_asking(evaluate, tmp_path, monkeypatch):
    evaluate(out="before")
    _, report, _ = evaluate()
    monkeypatch.setattr(Breaking, "ask", None)
    status, again, _ = evaluate("--resume", "--baseline", str(tmp_path / "before/report.json"))
    assert (status, again) == (0, report)
    assert json.loads((tmp_path / "out/verdict.json").read_text(encoding="utf-8"))["paired"] == 6


def test_another_run_is_not_gone_on_with(evaluate, corpus, capsys):
    evaluate(at=3, act=interrupt)
    capsys.readouterr()
    for arguments, name in (
        (["--embedder", "another"], "settings"),
        (["--limit", "2"], "questions"),
        (["--retrieval-only"], "retrieval_only"),
    ):
        assert evaluate("--resume", *arguments)[0] == 2
        err = capsys.readouterr().err
        assert f"another {name}" in err
        assert err.count("\n") == 1
    (corpus / "two.txt").write_text("خبر آخر", encoding="utf-8")
    assert evaluate("--resume")[0] == 2
    assert "another corpus" in capsys.readouterr().err


def test_starting_over_keeps_what_there_was(evaluate, tmp_path):
    evaluate(at=3, act=interrupt)
    before = (tmp_path / "out" / "items.jsonl").read_bytes()
    status, _, asked = evaluate()
    assert (status, len(asked)) == (0, 6)
    assert (tmp_path / "out" / "items.old.jsonl").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no journal\n", b"[1]\n", b"{}\n"])
def test_what_is_no_journal_is_named(evaluate, tmp_path, content, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "items.jsonl").write_bytes(content)
    assert evaluate("--resume")[0] == 2
    err = capsys.readouterr().err
    assert "items.jsonl" in err
    assert "leave --resume away" in err


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self):
        return True


def test_on_a_terminal_a_bar_shows_progress_and_results(evaluate, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    evaluate(questions=[RIGHT, WRONG, FAILS])
    shown = sys.stderr.getvalue()
    assert "3/3" in shown
    assert "1 of 2 right, 1 failed" in shown


def test_elsewhere_nothing_but_the_summary_is_printed(evaluate, capsys):
    evaluate()
    assert capsys.readouterr().err == ""


def test_a_report_written_into_the_checkout_does_not_make_it_another_commit(tmp_path, monkeypatch):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.commit() is None
    git("init")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "one")
    commit = provenance.commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    (tmp_path / "report.json").write_text("{}")
    assert provenance.commit() == commit
    (tmp_path / "code.py").write_text("2")
    assert provenance.commit() == f"{commit}-dirty"
