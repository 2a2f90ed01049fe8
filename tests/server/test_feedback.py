from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui_stand_in import BASE, ENGLISH, LEFT, make_answer

from evals.dataset import check_quotes, read_questions
from rag import Answer, BadSettings, Settings
from rag.errors import NoSpace
from rag.server.feedback import add_feedback, export_feedback

REFUSED = make_answer("Who went to the Moon?", ["The articles do not say."], [], outcome="not_found")


def answered(question: str = "When did they leave?") -> Answer:
    return make_answer(question, ENGLISH[:1], [(BASE, LEFT)])


def test_votes_are_appended_and_come_out_as_questions_that_evals_reads(tmp_path: Path) -> None:
    add_feedback(answered(), "good", " right ")
    add_feedback(REFUSED, "good")
    add_feedback(answered("How many left?"), "bad", "900 soldiers")
    add_feedback(answered("Who left?"), "bad")
    assert len(Settings.load().feedback.read_text("utf-8").splitlines()) == 4
    file = tmp_path / "mine.jsonl"
    done = export_feedback(file)
    assert (done.written, done.left_out, done.unreadable) == (3, 1, ())
    good, refusal, bad = read_questions(file)
    assert (good.must, good.answerable) == ((("The last advisers left Ain al-Asad.",),), True)
    assert [(quote.article, quote.text) for quote in good.evidence] == [("base", LEFT)]
    assert not refusal.answerable
    assert (bad.must, bad.evidence, bad.tags) == ((("900 soldiers",),), (), ("feedback", "bad"))
    check_quotes([good, refusal, bad], {"base": BASE.text}, file)


def test_of_several_votes_on_a_question_the_last_counts(tmp_path: Path) -> None:
    add_feedback(answered(), "bad", "900")
    add_feedback(answered("When  did they leave?"), "good")
    export_feedback(tmp_path / "mine.jsonl")
    (question,) = read_questions(tmp_path / "mine.jsonl")
    assert question.tags == ("feedback", "good")


@given(comment=st.text(), text=st.text(min_size=1).filter(str.strip))
def test_any_text_can_be_voted_on_and_read_again(comment: str, text: str) -> None:
    Settings.load().feedback.unlink(missing_ok=True)
    add_feedback(dataclasses.replace(answered(), question=text), "good", comment)
    file = Path.cwd() / "out.jsonl"
    file.unlink(missing_ok=True)
    assert export_feedback(file).unreadable == ()
    assert len(read_questions(file)) == 1


def test_a_line_that_is_no_vote_is_named_and_passed_over(tmp_path: Path) -> None:
    add_feedback(answered(), "good")
    path = Settings.load().feedback
    with path.open("a", encoding="utf-8") as out:
        out.write('{"format": 1, "at": "20\n[]\n{"format": 9}\n{"torn": ')
    add_feedback(REFUSED, "good")
    done = export_feedback(tmp_path / "mine.jsonl")
    assert (done.written, done.unreadable) == (2, (2, 3, 4, 5))


def test_what_cannot_be_written_or_exported_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match="no votes on answers"):
        export_feedback(tmp_path / "mine.jsonl")
    add_feedback(answered(), "bad")
    with pytest.raises(BadSettings, match="gives the correct one"):
        export_feedback(tmp_path / "mine.jsonl")
    add_feedback(answered(), "good")
    (tmp_path / "mine.jsonl").write_text("edited", encoding="utf-8")
    with pytest.raises(BadSettings, match=r"mine\.jsonl' exists and may contain your edits"):
        export_feedback(tmp_path / "mine.jsonl")
    with pytest.raises(BadSettings, match="Cannot write"):
        export_feedback(tmp_path / "no" / "mine.jsonl")
    with pytest.raises(BadSettings, match="'great'"):
        add_feedback(answered(), "great")  # type: ignore[arg-type]
    monkeypatch.setenv("SANAD_CACHE", str(tmp_path / "mine.jsonl"))
    with pytest.raises(NoSpace, match="SANAD_CACHE"):
        add_feedback(answered(), "good")


def test_the_command_writes_them_and_says_what_is_left_to_do(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add_feedback(answered(), "good")
    add_feedback(answered("Who left?"), "bad")
    status, out, err = run("feedback", "--export", str(tmp_path / "mine.jsonl"))
    assert (status, out) == (0, f"{tmp_path / 'mine.jsonl'}: 1 question\n")
    assert "1 bad answer left out" in err and "evals.workbench check" in err
    assert json.loads((tmp_path / "mine.jsonl").read_text("utf-8"))["question"] == "When did they leave?"
