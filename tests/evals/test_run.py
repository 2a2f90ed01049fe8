import dataclasses
import json
import subprocess
import sys

import jsonschema
import pytest
from evals_stand_in import FAILS, NOWHERE, RIGHT, ROOT, WRONG, StandIn, schema, write

from evals import run
from evals.dataset import BadQuestions, check_quotes, read_questions, select
from evals.harness import options
from rag import SanadError, Settings


@pytest.fixture
def evaluate(tmp_path, corpus):
    """Runs the command line over the given questions; gives status, report and the stand-in."""
    opened = []

    def open_assistant(index, settings):
        opened.append((index, StandIn(settings, corpus)))
        return opened[-1][1]

    def call(*questions, arguments=()):
        file = write(tmp_path, *questions)
        status = run.main(
            ["--questions", str(file), "--corpus", str(corpus), "--out", str(tmp_path / "out"), *arguments],
            open_assistant=open_assistant,
        )
        report = tmp_path / "out" / "report.json"
        data = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
        return status, data, opened[-1] if opened else None

    return call


def test_a_run_asks_grades_prints_and_writes_a_valid_report(evaluate, capsys):
    status, report, (_, assistant) = evaluate(RIGHT, WRONG, NOWHERE, FAILS)
    assert status == 0
    jsonschema.validate(report, schema("report"))
    assert (report["n"], report["unscored"]) == (4, 1)
    assert (report["accuracy"]["value"], report["accuracy"]["n"]) == (0.5, 2)
    assert report["accuracy_by_tag"]["number"]["value"] == 1.0
    assert report["unanswerable_refused"]["value"] == report["citation_recall"]["value"] == 1.0
    assert report["groundedness"]["n"] == 0  # the stand-in makes no claims
    assert report["latency"]["total"] == {"median": 1.5, "p95": 1.5, "n": 3}
    assert report["retrieval"]["passage"]["all"]["recall@1"]["n"] == 2
    failed = report["items"][3]
    assert (failed["error"], failed["answer"]) == ("the model stopped", None)
    assert set(failed["scores"].values()) == {None}
    assert assistant.closed
    out, err = capsys.readouterr()
    assert "accuracy                   0.50" in out
    assert "accuracy in own words      0.50" in out
    assert "passed      compared with no baseline" in out
    assert err == ""


def test_an_inexact_citation_is_named_and_ends_with_status_one(evaluate, capsys):
    status, report, _ = evaluate(RIGHT, RIGHT | {"id": "moved", "question": "shifted?"})
    assert status == 1
    assert [item["scores"]["citations_exact"] for item in report["items"]] == [1.0, 0.0]
    assert "REGRESSION  citations not exact: moved" in capsys.readouterr().out


def test_retrieval_only_asks_no_model(evaluate, capsys):
    status, report, (_, assistant) = evaluate(RIGHT, NOWHERE, arguments=["--retrieval-only"])
    jsonschema.validate(report, schema("report"))
    assert (status, assistant.asked) == (0, [])
    assert report["accuracy"] is report["accuracy_by_tag"] is report["run"]["model"] is None
    assert report["retrieval"]["passage"]["all"]["mrr"]["value"] == 1.0
    assert report["retrieval"]["evidence"]["number"]["recall@10"]["value"] == 0.0
    assert set(report["latency"]) == {"retrieve"}
    assert [item["answer"] for item in report["items"]] == [None, None]
    assert "accuracy" not in capsys.readouterr().out


def test_an_interrupted_run_keeps_what_was_asked(evaluate, capsys):
    status, report, (_, assistant) = evaluate(RIGHT, RIGHT | {"id": "stop", "question": "stop?"}, WRONG)
    jsonschema.validate(report, schema("report"))
    assert (status, report["n"], report["run"]["complete"]) == (130, 1, False)
    assert assistant.closed
    assert "Interrupted after 1 of 3" in capsys.readouterr().err


def test_a_corpus_gets_an_index_of_its_own_in_the_cache(evaluate, corpus):
    _, _, (index, assistant) = evaluate(RIGHT)
    assert index.startswith("corpus-")
    assert assistant.settings.articles == corpus.resolve()
    assert assistant.settings.indexes == assistant.settings.cache / "evals"
    _, _, (again, _) = evaluate(RIGHT)
    _, _, (other, _) = evaluate(RIGHT, arguments=["--embedder", "another"])
    assert index == again != other


def test_without_a_corpus_the_seeds_are_asked(tmp_path):
    seen = {}

    def open_assistant(index, settings):
        seen["index"] = index
        return StandIn(settings, settings.articles)

    status = run.main(
        ["--out", str(tmp_path), "--tags", "unanswerable", "--limit", "2"], open_assistant=open_assistant
    )
    assert (status, seen["index"]) == (1, "seeds")  # the stand-in cites an article that is not there


def test_a_quote_that_is_not_in_its_article_ends_the_run(evaluate, capsys):
    bad = RIGHT | {"evidence": [{"article": "one", "quote": "بقي 901 جندي"}]}
    status, report, (_, assistant) = evaluate(RIGHT | {"id": "first"}, bad)
    assert (status, report, assistant.asked) == (2, None, [])
    assert assistant.closed
    err = capsys.readouterr().err
    assert "line 2, key 'evidence[0].quote'" in err
    assert err.count("\n") == 1


def test_an_assistant_that_cannot_open_is_one_line_and_status_two(tmp_path, corpus, capsys):
    def open_assistant(index, settings):
        raise SanadError("no model; install it")

    arguments = ["--questions", str(write(tmp_path, RIGHT)), "--out", str(tmp_path)]
    assert run.main(arguments, open_assistant=open_assistant) == 2
    assert capsys.readouterr().err == "no model; install it\n"


def test_a_run_on_which_every_question_fails_could_not_run(evaluate, capsys):
    status, report, _ = evaluate(FAILS)
    assert (status, report["unscored"]) == (2, 1)
    assert "the model stopped" in capsys.readouterr().err


def test_the_real_assistant_with_fake_models_goes_through_and_sees_changed_articles(
    tmp_path, corpus, monkeypatch, capsys
):
    monkeypatch.setenv("SANAD_CACHE", str(tmp_path / "cache"))
    arguments = [
        "--questions",
        str(write(tmp_path, RIGHT, NOWHERE)),
        "--corpus",
        str(corpus),
        "--embedder",
        "fake",
        "--backend",
        "fake",
        "--out",
        str(tmp_path / "out"),
    ]
    assert run.main(arguments) == 0
    (corpus / "two.txt").write_text("قال الوزير إن الجيش باق.", encoding="utf-8")
    assert run.main(arguments) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema("report"))
    assert report["unscored"] == 0
    assert report["items"][0]["scores"]["citations_exact"] == 1.0
    assert report["run"]["generation"].endswith("2")
    assert (tmp_path / "cache" / "evals").is_dir()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        (RIGHT | {"lnag": "en"}, "'lnag'"),
        ({k: v for k, v in RIGHT.items() if k != "lang"}, "'lang'"),
        (RIGHT | {"lang": "fr"}, "'lang'"),
        (RIGHT | {"lang": []}, "'lang'"),
        (RIGHT | {"id": 5}, "'id'"),
        (RIGHT | {"question": "  "}, "'question'"),
        (RIGHT | {"answerable": 1}, "'answerable'"),
        (RIGHT | {"must": "900"}, "'must'"),
        (RIGHT | {"must": ["900"]}, "'must[0]'"),
        (RIGHT | {"must": [[]]}, "'must[0]'"),
        (RIGHT | {"must": [["ok"], ["ok", 900]]}, "'must[1][1]'"),
        (RIGHT | {"must": []}, "'must'"),
        (RIGHT | {"must_not": [""]}, "'must_not[0]'"),
        (RIGHT | {"evidence": {}}, "'evidence'"),
        (RIGHT | {"evidence": [{"article": "one"}]}, "'evidence[0]'"),
        (RIGHT | {"evidence": [{"article": "one", "quote": 5}]}, "'evidence[0].quote'"),
        (RIGHT | {"tags": "date"}, "'tags'"),
        (RIGHT | {"id": "first"}, "'id'"),
    ],
)
def test_a_bad_line_is_named_with_its_key(tmp_path, line, key):
    file = write(tmp_path, RIGHT | {"id": "first"}, "", line)
    with pytest.raises(BadQuestions) as caught:
        read_questions(file)
    message = str(caught.value)
    assert key in message
    assert f"{file}, line 3" in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe{", None])
def test_a_file_without_questions_is_refused(tmp_path, content):
    file = tmp_path / "questions.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadQuestions, match=r"questions\.jsonl"):
        read_questions(file)


def test_a_line_separator_inside_a_question_does_not_end_its_line(tmp_path):
    assert len(read_questions(write(tmp_path, RIGHT | {"question": "one\u2028two\u0085"}))) == 1


def test_the_same_seed_draws_the_same_questions_in_file_order(tmp_path):
    questions = read_questions(write(tmp_path, *(RIGHT | {"id": str(i)} for i in range(30))))
    drawn = [q.line for q in select(questions, limit=10, seed=1)]
    assert drawn == [q.line for q in select(questions, limit=10, seed=1)] == sorted(set(drawn))
    assert drawn != [q.line for q in select(questions, limit=10, seed=2)]
    assert len(drawn) == 10


def test_an_unknown_tag_names_those_that_there_are(tmp_path):
    questions = read_questions(write(tmp_path, RIGHT, NOWHERE))
    assert [q.id for q in select(questions, tags=["unanswerable"])] == ["nowhere"]
    with pytest.raises(BadQuestions, match=r"ar-en.*number, unanswerable"):
        select(questions, tags=["ar-en"])


def test_the_hand_written_questions_keep_their_format_and_quote_the_seeds():
    questions = read_questions(options.QUESTIONS)
    lines = options.QUESTIONS.read_text(encoding="utf-8").splitlines()
    for line in lines:
        jsonschema.validate(json.loads(line), schema("question"))
    texts = {p.stem: p.read_text(encoding="utf-8") for p in (ROOT / "seeds").glob("*.txt")}
    check_quotes(questions, texts, options.QUESTIONS)
    assert len(questions) >= 30
    assert sum(not q.answerable for q in questions) >= 6
    for question in questions:
        assert question.lang + "-ar" in question.tags
        assert question.answerable == bool(question.evidence) == ("unanswerable" not in question.tags)


@pytest.mark.slow
@pytest.mark.parametrize("how", [["evals/run.py"], ["-m", "evals.run"]])
def test_it_runs_as_a_file_and_as_a_module(how, tmp_path):
    command = [sys.executable, *how, "--questions", str(tmp_path / "missing.jsonl")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "missing.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1


def test_settings_stay_out_of_the_report_as_objects(evaluate):
    _, report, _ = evaluate(RIGHT)
    assert set(report["run"]["settings"]) == {field.name for field in dataclasses.fields(Settings)}
