"""A report is graded again without asking; reports of other versions are read as far as they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evals_stand_in import FAILS, NOWHERE, QUOTE, RIGHT, WRONG, StandIn, schema, write
from test_turns import FIRST, Talking
from test_turns import TEXT as TALKED_OF

from evals import regrade, run
from evals.grading.answers import StoredAnswer

FRAMED = f"It says: “{QUOTE}” [1]"


class Asked:
    """A report on disk, with the questions and the articles that it is of."""

    def __init__(
        self, folder: Path, corpus: Path, *questions: dict[str, Any], dialogues: bool = False
    ) -> None:
        self.folder, self.corpus = folder, corpus
        self.questions = write(folder, *questions)
        self.path = folder / "report.json"
        stand_in = Talking if dialogues else StandIn
        kind = "--dialogues" if dialogues else "--questions"
        arguments = [kind, str(self.questions), "--corpus", str(corpus), "--out", str(folder)]
        run.main(arguments, open_assistant=lambda _, settings: stand_in(settings, corpus))

    @property
    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return read

    def change(self, change: Any) -> None:
        """Rewrite the report."""
        report = self.report
        change(report)
        self.path.write_text(json.dumps(report), encoding="utf-8")

    def again(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Grade it again; the status, and the new report."""
        new = self.folder / "new.json"
        new.unlink(missing_ok=True)
        status = regrade.main(
            [str(self.path), "--out", str(new), *arguments],
            open_assistant=lambda _, settings: StandIn(settings, self.corpus),
        )
        return status, json.loads(new.read_text(encoding="utf-8")) if new.exists() else {}


@pytest.fixture
def asked(tmp_path: Path, corpus: Path) -> Asked:
    """A run in which one of four questions failed."""
    return Asked(tmp_path, corpus, RIGHT, WRONG, NOWHERE, FAILS)


def scores_of(report: dict[str, Any], id_: str) -> dict[str, float | None]:
    found: dict[str, float | None] = next(item["scores"] for item in report["items"] if item["id"] == id_)
    return found


def test_a_report_of_today_gets_the_grades_that_it_has(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    status, new = asked.again()
    assert status == 0
    jsonschema.validate(new, schema("report"))
    assert new["items"] == asked.report["items"]
    differing = {name for name in new if new[name] != asked.report[name]}
    assert differing == {"run"}
    assert new["run"].pop("regraded").keys() == {"date", "commit"}
    assert new["run"] == asked.report["run"]
    out, err = capsys.readouterr()
    assert "graded differently" not in out
    assert err == ""


def test_an_answer_that_only_quotes_loses_the_grade_that_an_older_grader_gave_it(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    def older(report: dict[str, Any]) -> None:
        report["items"][0]["answer"]["text"] = FRAMED
        for item in report["items"]:
            del item["scores"]["own_correct"], item["scores"]["language_share"]
        del (
            report["accuracy_in_own_words"],
            report["accuracy_in_own_words_by_tag"],
            report["language_share"],
        )

    asked.change(older)
    status, new = asked.again()
    jsonschema.validate(new, schema("report"))
    assert status == 0
    assert (scores_of(new, "right")["correct"], scores_of(new, "right")["own_correct"]) == (0.0, 0.0)
    assert (new["accuracy"]["value"], new["accuracy_in_own_words"]["value"]) == (0.0, 0.0)
    assert scores_of(new, "right")["language"] == 0.0
    assert "graded differently: correct, 1 items: right" in capsys.readouterr().out


def test_gold_of_today_counts_and_what_was_found_by_other_gold_does_not(asked: Asked) -> None:
    write(asked.folder, RIGHT | {"must": [["2500"]]}, WRONG, NOWHERE)
    _, new = asked.again("--questions", str(asked.questions))
    assert scores_of(new, "right")["correct"] == 0.0
    assert scores_of(new, "right")["passage_rr"] is None
    assert scores_of(new, "wrong")["passage_rr"] == 1.0
    assert new["run"]["question_digests"]["right"] != asked.report["run"]["question_digests"]["right"]
    assert [item["id"] for item in new["items"]] == ["right", "wrong", "nowhere"]


def test_a_question_in_other_words_is_left_out_and_that_is_said(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    write(asked.folder, RIGHT | {"question": "How many soldiers?"}, NOWHERE)
    status, new = asked.again()
    assert (status, [item["id"] for item in new["items"]]) == (0, ["nowhere"])
    assert "right wrong fails" in capsys.readouterr().err
    write(asked.folder, RIGHT | {"question": "How many soldiers?"})
    assert asked.again()[0] == 2


def test_answers_of_another_version_are_graded_as_far_as_they_go(asked: Asked) -> None:
    def newer(report: dict[str, Any]) -> None:
        for item in report["items"]:
            if item["answer"] is None:
                continue
            citations = [
                {"article_id": cited["article_id"], "start": cited["start"], "end": cited["end"], "new": [1]}
                for cited in item["answer"]["citations"]
            ]
            kept = {name: item["answer"][name] for name in ("question", "text", "outcome")}
            item["answer"] = {**kept, "citations": citations, "claims": [{"label": "x"}], "steps": {}}

    before = asked.report
    asked.change(newer)
    status, new = asked.again()
    assert status == 0
    assert [item["scores"] for item in new["items"]] == [item["scores"] for item in before["items"]]
    assert new["latency"] == before["latency"], "of answers without seconds those of the report are kept"


@pytest.mark.parametrize("name", ["text", "outcome"])
def test_an_answer_without_what_it_is_graded_by_is_named(
    asked: Asked, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.change(lambda report: report["items"][0]["answer"].pop(name))
    assert asked.again()[0] == 2
    assert "'right'" in capsys.readouterr().err


def test_citations_of_other_articles_are_warned_of(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    article = asked.corpus / "one.txt"
    article.write_text("And so: " + article.read_text(encoding="utf-8"), encoding="utf-8")
    status, new = asked.again()
    assert status == 0
    assert "2 citations do not quote the articles" in capsys.readouterr().err
    assert scores_of(new, "right")["citations_exact"] == 1.0, "as it was when the answer was made"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"items": [], "run": {}}', '{"items": [{}], "run": {}}']
)
def test_what_is_no_report_is_named(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    assert regrade.main([str(path)]) == regrade.main([str(tmp_path / "none.json")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err.count("other.json")) == ("", 2, 1)


def test_a_report_of_the_search_alone_keeps_its_ranks(tmp_path: Path, corpus: Path) -> None:
    asked = Asked(tmp_path, corpus, RIGHT)
    arguments = ["--questions", str(asked.questions), "--corpus", str(corpus), "--out", str(tmp_path)]
    run.main([*arguments, "--retrieval-only"], open_assistant=lambda _, settings: StandIn(settings, corpus))
    status, new = asked.again()
    assert (status, new["accuracy"], new["latency"]) == (0, None, asked.report["latency"])
    assert new["retrieval"] == asked.report["retrieval"]


def test_dialogues_are_graded_again_as_dialogues(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "one.txt").write_text(TALKED_OF, encoding="utf-8")
    asked = Asked(tmp_path, corpus, FIRST, dialogues=True)
    status, new = asked.again()
    jsonschema.validate(new, schema("report"))
    assert (status, new["dialogues"], new["items"]) == (0, asked.report["dialogues"], asked.report["items"])
    # Another first question is another history: what follows was not asked in these words.
    first, *later = FIRST["turns"]
    write(tmp_path, FIRST | {"turns": [first | {"question": "How many there?"}, *later]})
    assert asked.again("--dialogues", str(asked.questions))[0] == 2


def test_a_claim_without_a_verdict_makes_groundedness_unknown() -> None:
    stored = {"text": "x", "outcome": "answered", "citations": [{"article_id": "a", "start": 0, "end": 1}]}
    assert StoredAnswer.from_dict(stored).citations[0].number == 1
    assert StoredAnswer.from_dict({**stored, "claims": [{"verdict": "supported"}, {}]}).claims == ()
    assert len(StoredAnswer.from_dict({**stored, "claims": [{"verdict": "supported"}]}).claims) == 1
