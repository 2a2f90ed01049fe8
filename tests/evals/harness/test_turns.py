import dataclasses
import json
import tomllib

import jsonschema
import pytest
from evals_stand_in import ROOT, StandIn, schema, write
from test_resume import interrupt, same

from evals import run
from evals.dataset import BadQuestions, check_quotes, select
from evals.harness import turns
from evals.harness.turns import DIALOGUES, read_dialogues
from evals.reporting import table
from evals.reporting.baseline import default_path
from evals.reporting.gate import read_floors
from rag import Retrieved, SanadError

TEXT = "غادرت القوات القاعدة. بقي 900 جندي في سوريا.\nوبقي 2500 جندي في العراق."
SYRIA, IRAQ = "بقي 900 جندي في سوريا.", "وبقي 2500 جندي في العراق."


def turn(question, number, quote, standalone="", *tags):
    return {
        "question": question,
        "lang": "en",
        "answerable": True,
        "must": [[number, "so many"]],
        "evidence": [{"article": "one", "quote": quote}],
        "standalone": standalone or question,
        "tags": ["en-ar", *tags],
    }


OPENING = turn("How many in Syria?", "900", SYRIA, "", "opening")
ELLIPSIS = turn("And in Iraq?", "2500", IRAQ, "How many in Iraq?", "ellipsis")
NOWHERE = {
    "question": "And in Jordan?",
    "lang": "en",
    "answerable": False,
    "tags": ["en-ar", "unanswerable", "ellipsis"],
}
FIRST = {"id": "a", "split": "dev", "turns": [OPENING, ELLIPSIS, NOWHERE]}
SECOND = {"id": "b", "split": "dev", "turns": [OPENING, ELLIPSIS | {"question": "Why?"}]}
KEPT_APART = {"id": "c", "split": "test", "turns": [OPENING]}


class Talking(StandIn):
    """Answers by the standalone text: the question before where it begins with "And"; keeps its histories."""

    def __init__(self, settings, corpus, at=None, act=None):
        super().__init__(settings, corpus)
        self.at, self.act, self.histories = at, act, []

    def standalone(self, question, history):
        return f"{history[-1].question} {question}" if history and question.startswith("And") else question

    def ask(self, question, *, history=()):
        self.histories.append((question, [(said.question, said.answer) for said in history]))
        if self.at is not None and len(self.histories) == self.at + 1:
            self.at = None
            self.act()
        text, outcome = "I cannot tell.", "not_found"
        for place, said in (("Iraq", "2500"), ("Syria", "900")):
            if place in question:
                text, outcome = f"There are {said} [1].", "answered"
        answer = super().ask("How many?")
        cited = answer.citations if outcome == "answered" else ()
        return dataclasses.replace(answer, text=text, outcome=outcome, citations=cited)

    def search(self, question, k=10, history=()):
        asked = self.standalone(question, history)
        understood = "" if asked == question else asked
        if "How many" not in asked:
            return Retrieved((), (), understood)
        (passage,) = super().search(asked, k).passages
        whole = dataclasses.replace(passage.chunk, end=len(TEXT))
        return Retrieved((dataclasses.replace(passage, chunk=whole),), (), understood)


@pytest.fixture
def evaluate(tmp_path):
    """Asks the dialogues of a file; gives status, report and the stand-in."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one.txt").write_text(TEXT, encoding="utf-8")

    def call(*arguments, lines=(FIRST, SECOND, KEPT_APART), out="out", at=None, act=None):
        opened = []

        def opener(_, settings):
            opened.append(Talking(settings, corpus, at, act))
            return opened[-1]

        fixed = [
            "--dialogues",
            str(write(tmp_path, *lines)),
            "--corpus",
            str(corpus),
            "--out",
            str(tmp_path / out),
        ]
        status = run.main([*fixed, *arguments], open_assistant=opener)
        report = tmp_path / out / "report.json"
        return status, json.loads(report.read_text(encoding="utf-8")), opened[0]

    return call


def test_turns_are_asked_in_order_with_the_assistants_own_answers_and_graded_each(evaluate, capsys):
    status, report, assistant = evaluate()
    jsonschema.validate(report, schema("report"))
    said = [("How many in Syria?", "There are 900 [1]."), ("And in Iraq?", "There are 2500 [1].")]
    assert assistant.histories[1:] == [
        ("How many in Syria?", []),
        ("And in Iraq?", said[:1]),
        ("And in Jordan?", said),
        ("How many in Syria?", []),
        ("Why?", said[:1]),
    ]
    assert [(item["id"], item["dialogue"], item["turn"]) for item in report["items"]] == [
        ("a.1", "a", 1),
        ("a.2", "a", 2),
        ("a.3", "a", 3),
        ("b.1", "b", 1),
        ("b.2", "b", 2),
    ]
    assert report["items"][1]["searched"] == "How many in Syria? And in Iraq?"
    assert (status, report["n"], report["run"]["split"]) == (0, 5, "dev")
    scores = report["dialogues"]
    assert (scores["n"], scores["opening_right"]["value"]) == (2, 1.0)
    assert (scores["later_right"]["value"], scores["later_right"]["n"]) == (pytest.approx(2 / 3), 3)
    assert (scores["whole_right"]["value"], scores["whole_right"]["n"]) == (0.5, 2)
    assert report["accuracy_by_tag"]["ellipsis"]["value"] == 0.5
    out = capsys.readouterr().out
    assert "later turns right          0.67" in out
    assert "whole dialogues right      0.50" in out


def test_the_search_is_reported_for_three_wordings_of_later_turns(evaluate, capsys):
    status, report, assistant = evaluate("--retrieval-only")
    jsonschema.validate(report, schema("report"))
    assert (status, assistant.histories) == (0, [])
    scored = report["dialogues"]
    # Of two later turns with an answer both are found by hand, one as reworded and none as typed.
    recalls = {way: stages["passage"]["recall@1"] for way, stages in scored["search"].items()}
    assert {way: one["value"] for way, one in recalls.items()} == {"searched": 0.5, "typed": 0, "by_hand": 1}
    assert {one["n"] for one in recalls.values()} == {2}
    gain = scored["gain"]["searched"]["passage recall@1"]
    assert gain == {"value": 0.5, "low": -1.0, "high": 1.0, "n": 2}  # two dialogues prove nothing
    assert scored["gain"]["by_hand"]["passage recall@1"]["value"] == 1.0
    assert scored["later_right"] is scored["whole_right"] is None
    first = report["items"][0]["scores"]
    assert (first["passage_rr"], first["typed_passage_rr"]) == (1.0, None)
    out = capsys.readouterr().out
    assert "  passage recall@1         0.00, 0.50, 1.00  n 2; assistant +0.50" in out


def test_where_nothing_is_answered_the_history_holds_what_a_right_answer_would(evaluate, monkeypatch):
    histories = []

    def search(self, question, k=10, history=None):
        if history is not None:  # not those that measure what the rewording is worth
            histories.append([(said.question, said.answer) for said in history])
        return StandIn.search(self, question, k)

    monkeypatch.setattr(Talking, "search", search)
    evaluate("--retrieval-only", lines=[FIRST])
    assert histories == [
        [],
        [("How many in Syria?", "900")],
        [("How many in Syria?", "900"), ("And in Iraq?", "2500")],
    ]


def test_a_dialogue_that_is_killed_and_resumed_ends_with_the_same_report(evaluate):
    status, report, _ = evaluate(at=3, act=interrupt)
    assert (status, report["n"], report["dialogues"]["whole_right"]["n"]) == (130, 2, 0)
    status, resumed, assistant = evaluate("--resume")
    assert [question for question, _ in assistant.histories[1:]] == [
        "And in Jordan?",
        "How many in Syria?",
        "Why?",
    ]
    assert len(assistant.histories[1][1]) == 2  # its history came out of the journal
    assert (status, same(resumed)) == (0, same(evaluate(out="whole")[1]))


def test_behind_a_turn_that_failed_a_dialogue_is_asked_again(evaluate):
    def fail():
        raise SanadError("the model stopped")

    _, report, assistant = evaluate(at=1, act=fail, lines=[FIRST])
    assert [item["error"] for item in report["items"]] == ["the model stopped", None, None]
    assert assistant.histories[2] == ("And in Iraq?", [])
    # The second sitting ends behind the turn that had failed: the journal's later turns are stale then.
    evaluate("--resume", at=2, act=interrupt, lines=[FIRST])
    _, resumed, assistant = evaluate("--resume", lines=[FIRST])
    assert [question for question, _ in assistant.histories[1:]] == ["And in Iraq?", "And in Jordan?"]
    assert same(resumed) == same(evaluate(out="whole", lines=[FIRST])[1])


def test_a_run_is_compared_turn_by_turn_with_a_baseline(evaluate, tmp_path, monkeypatch, capsys):
    evaluate(out="before")
    before = ["--baseline", str(tmp_path / "before/report.json")]
    assert evaluate(*before)[0] == 0
    # Another question before it makes the same words another question.
    evaluate(
        *before,
        lines=[FIRST | {"turns": [OPENING | {"question": "How many in all of Syria?"}, ELLIPSIS]}, SECOND],
    )
    assert "questions compared         2 of 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"id": "a"}, "key 'turns': missing"),
        (FIRST | {"turns": []}, "key 'turns': []"),
        (FIRST | {"turns": ["Why?"]}, "key 'turns[0]': \"Why?\""),
        (FIRST | {"split": "train"}, "key 'split': \"train\"; must be one of dev, test"),
        (FIRST | {"id": ""}, "key 'id'"),
        (FIRST | {"name": "a"}, "key 'name': unknown key; known are id, split, turns"),
        (FIRST | {"turns": [OPENING, OPENING | {"id": "x"}]}, "key 'turns[1].id': unknown key"),
        (FIRST | {"turns": [OPENING, OPENING | {"lang": "fr"}]}, "key 'turns[1].lang'"),
        (FIRST | {"turns": [OPENING | {"must": [[""]]}]}, "key 'turns[0].must[0][0]'"),
        (FIRST | {"turns": [OPENING | {"standalone": 5}]}, "key 'turns[0].standalone': 5; must be a text"),
        (FIRST | {"turns": [{"question": "Why?"}]}, "key 'turns[0].lang': missing"),
        (SECOND, "key 'id': 'b' was used on line 1"),
    ],
)
def test_a_bad_dialogue_is_named_with_its_key(tmp_path, line, expected):
    file = write(tmp_path, SECOND, "", line)
    with pytest.raises(BadQuestions) as caught:
        read_dialogues(file)
    assert str(caught.value).startswith(f"{file}, line 3, {expected}")


def test_a_quote_that_is_gone_is_named_with_its_turn(tmp_path):
    file = write(tmp_path, FIRST)
    with pytest.raises(BadQuestions, match=r"line 1, key 'turns\[1\]\.evidence\[0\]\.quote'"):
        check_quotes(read_dialogues(file)[0], {"one": SYRIA}, file)


def test_the_development_split_is_what_is_meant_where_none_is_named(tmp_path):
    file = write(tmp_path, FIRST, KEPT_APART)
    assert [q.id for q in read_dialogues(file)[0]] == ["a.1", "a.2", "a.3"]
    assert [q.id for q in read_dialogues(file, "test")[0]] == ["c.1"]
    plain = [{name: value for name, value in line.items() if name != "split"} for line in (FIRST, KEPT_APART)]
    questions, split = read_dialogues(write(tmp_path, *plain))
    assert (len(questions), split) == (4, None)
    with pytest.raises(BadQuestions, match="split 'test'"):
        read_dialogues(write(tmp_path, FIRST), "test")


def test_a_sample_or_a_tag_takes_whole_dialogues(tmp_path):
    questions, _ = read_dialogues(write(tmp_path, *({**SECOND, "id": f"d{n}"} for n in range(9)), FIRST))
    drawn = select(questions, limit=3, seed=1)
    assert [q.turn.number for q in drawn] == [1, 2] * 3
    assert [q.id for q in select(questions, tags=["unanswerable"])] == ["a.1", "a.2", "a.3"]


def test_splits_are_for_dialogues_alone_and_dialogues_not_for_questions(capsys):
    for arguments, expected in (
        (["--split", "dev"], "only dialogues have splits"),
        (["--dialogues", "--questions", "q.jsonl"], "not allowed with argument --dialogues"),
    ):
        with pytest.raises(SystemExit, match="2"):
            run.main(arguments)
        assert expected in capsys.readouterr().err


def test_the_hand_written_dialogues_have_baselines_and_floors_of_their_own(tmp_path):
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text('[tool.sanad.eval.floors.dialogues-dev]\n"later turns right" = 0.3\n')
    assert read_floors(pyproject, DIALOGUES, "dev") == {"later turns right": 0.3}
    assert read_floors(pyproject, DIALOGUES, "test") == {}
    assert default_path(DIALOGUES, "test").name == "dialogues-test.json"
    assert default_path(tmp_path / "dialogues.jsonl", "dev") is None


def test_a_new_baseline_comes_with_the_floors_that_fit_it(evaluate, tmp_path):
    report = evaluate()[1]
    written = tomllib.loads(table.floors(report, "dialogues-dev"))["tool"]["sanad"]["eval"]["floors"]
    floors = written["dialogues-dev"]
    assert floors["passage recall@10"] <= report["retrieval"]["passage"]["all"]["recall@10"]["low"]
    assert "evidence recall@10" not in floors  # nothing was found
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(table.floors(report, "dialogues-dev"))
    assert read_floors(pyproject, DIALOGUES, "dev") == floors


@pytest.mark.parametrize("split", turns.SPLITS)
def test_the_hand_written_dialogues_keep_their_format_and_quote_the_seeds(split):
    questions, _ = read_dialogues(DIALOGUES, split)
    texts = {p.stem: p.read_text(encoding="utf-8") for p in (ROOT / "seeds").glob("*.txt")}
    check_quotes(questions, texts, DIALOGUES)
    assert len({q.unit for q in questions}) == 27
    for question in questions:
        assert question.turn.standalone
        assert (question.turn.number == 1) == ("opening" in question.tags)
