"""The invented reports of evals/questions/reports, and the questions and dialogues over them."""

from collections import Counter

import pytest
from evals_stand_in import ROOT

from evals import judge
from evals.dataset import check_quotes, read_questions
from evals.harness.turns import read_dialogues
from evals.workbench import check
from rag.loading.articles import load_folder
from rag.settings import Settings

FOLDER = ROOT / "evals/questions/reports"
QUESTIONS = FOLDER.parent / "reports.jsonl"
DIALOGUES = FOLDER.parent / "reports-dialogues.jsonl"


@pytest.fixture(scope="module")
def reports():
    loaded = load_folder(FOLDER, Settings())
    assert not loaded.skipped
    return loaded.articles


@pytest.fixture(scope="module", params=[QUESTIONS, DIALOGUES], ids=lambda path: path.stem)
def asked(request):
    path = request.param
    return path, read_questions(path) if path == QUESTIONS else read_dialogues(path)[0]


def test_the_catalogue_has_the_outlet_language_and_date_of_every_report(reports):
    assert Counter(report.language for report in reports) == {"ar": 10, "en": 4}
    assert all(report.outlet and report.published for report in reports)


def test_every_quote_is_in_its_report(asked, reports):
    path, questions = asked
    check_quotes(questions, {report.id: report.text for report in reports}, path)
    assert not check(questions, reports)


def test_tags_name_the_languages_and_whether_there_is_an_answer(asked, reports):
    _, questions = asked
    languages = {report.id: report.language for report in reports}
    for question in questions:
        tags = {tag for tag in question.tags if tag in {"en-en", "en-ar", "ar-ar", "ar-en"}}
        languages_of_evidence = {f"{question.lang}-{languages[quote.article]}" for quote in question.evidence}
        assert tags == languages_of_evidence if question.answerable else len(tags) == 1
        assert question.answerable == bool(question.must) == bool(question.evidence)
        assert question.answerable == ("unanswerable" not in question.tags)
        if "conflict" in question.tags:
            assert len(question.must) >= 2
            assert len({quote.article for quote in question.evidence}) >= 2


def test_a_right_answer_can_be_given_in_the_language_of_each_question(asked):
    _, questions = asked
    for question in questions:
        for group in question.must:
            assert any(way.isascii() for way in group), (question.id, group)
            has_digits = any(way.replace(".", "").isdigit() for way in group)
            assert has_digits or any(not way.isascii() for way in group), (question.id, group)


def test_the_questions_are_as_many_as_their_readme_says():
    questions = read_questions(QUESTIONS)
    assert Counter((q.lang, q.answerable) for q in questions) == {
        ("en", True): 15, ("ar", True): 15, ("en", False): 5, ("ar", False): 5
    }  # fmt: skip
    assert sum("conflict" in q.tags for q in questions) == 4


def test_the_dialogues_are_as_many_as_their_readme_says():
    turns, split = read_dialogues(DIALOGUES)
    later = [turn for turn in turns if turn.turn.number > 1]
    assert split is None
    assert len({turn.unit for turn in turns}) == 28
    assert (len(turns), len(later)) == (105, 77)
    assert Counter(turn.lang for turn in later) == {"en": 40, "ar": 37}
    assert sum(not turn.answerable for turn in later) == 14
    for turn in turns:
        assert turn.turn.standalone
        assert (turn.turn.number == 1) == ("opening" in turn.tags)
        assert turn.turn.number > 1 or turn.text == turn.turn.standalone


def test_dialogues_are_no_file_of_single_questions():
    assert QUESTIONS in judge.question_files()
    assert DIALOGUES not in judge.question_files()
