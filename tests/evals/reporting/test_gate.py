"""The gate over the real chain: worse settings are reported, the same ones are not.

Here with fake models, in seconds. With the packaged ones, over the hand-written questions and in about
three minutes a run:

    python tests/evals/reporting/test_gate.py [--again N] [--limit M] [--out DIR]

Every run is a real one: that the same setting gives the same answers is what is tested. With --limit each run
of the same setting asks M questions, other ones each time, and takes that part of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from evals import run
from evals.dataset import BadQuestions, read_questions
from evals.harness import options
from evals.harness.turns import DIALOGUES, SPLITS, read_dialogues
from evals.judge import question_files
from evals.reporting import gate
from evals.reporting.baseline import FOLDER, default_path
from evals.reporting.baseline import read as read_baseline
from rag import Answer, Assistant, Settings, Turn, build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.factory import open_generator
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Generator, Message

TOWNS = [
    "Amra",
    "Basil",
    "Cedar",
    "Dumat",
    "Elmas",
    "Fanar",
    "Ghazal",
    "Hadid",
    "Iskan",
    "Jabal",
    "Karam",
    "Lamis",
    "Marsa",
    "Nahr",
    "Omran",
    "Palma",
    "Qasr",
    "Rimal",
    "Salwa",
    "Tahrir",
    "Umran",
    "Wadi",
    "Yarmuk",
    "Zahra",
]


class Shuffled:
    """An assistant that cites the sentence after the right one, exactly."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def __getattr__(self, name: str) -> Any:
        return getattr(self._assistant, name)

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        answer = self._assistant.ask(question, history=history)
        places = [(item.article_id, item.start) for item in answer.evidence]
        moved = []
        for cited in answer.citations:
            at = places.index((cited.article_id, cited.start)) if len(places) > 1 else 0
            other = answer.evidence[(at + 1) % len(places)]
            moved.append(
                dataclasses.replace(
                    cited,
                    article_id=other.article_id,
                    start=other.start,
                    end=other.end,
                    quote=other.text,
                    also=other.also,
                )
            )
        return dataclasses.replace(answer, citations=tuple(moved))


class Blind:
    """A generator whose last message holds no evidence: it must answer from memory."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.identity = f"{generator.identity} without sources"
        self.context = generator.context
        self.count = generator.count

    def stream(self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any) -> Iterator[str]:
        *examples, asked = messages
        bare = Message(asked.role, re.sub(r"^\[\d+\] .*\n?", "", asked.content, flags=re.MULTILINE))
        return self._generator.stream([*examples, bare], max_tokens=max_tokens)


Opener = Callable[[str, Settings], Any]


def worse_ways(opened: Callable[..., Assistant]) -> dict[str, Opener]:
    """Settings that are worse on purpose, by name.

    Args:
        opened: index, settings and, as ``blind=True``, without sources → assistant.
    """

    def one(index: str, settings: Settings) -> Assistant:
        return opened(index, dataclasses.replace(settings, passages=1, evidence=1))

    return {
        "k=1": one,
        "shuffled citations": lambda index, settings: Shuffled(opened(index, settings)),
        "no sources": lambda index, settings: opened(index, settings, blind=True),
    }


class Reader(FakeLLM):
    """Reads what it is shown: gives the town's price and the number of the sentence that holds it."""

    def pieces(self, messages: Sequence[Message], max_tokens: int) -> Any:
        prompt = "\n\n".join(message.content for message in messages)
        question = re.findall(r"^Question: .* of (\w+)\?", prompt, re.MULTILINE)[-1]
        shown = prompt.rpartition("Evidence:")[2]
        found = re.search(rf"^\[(\d+)\] {question} paid (\d+) dinars", shown, re.MULTILINE)
        yield f"{found[2]} dinars [{found[1]}]." if found else "It is 5 dinars."


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with articles, questions, their index, and the report of a run that went well.

    For half of the towns another article comes first in a search.
    """
    folder = tmp_path_factory.mktemp("gate")
    corpus = folder / "towns"
    corpus.mkdir()
    lines = []
    for number, town in enumerate(TOWNS):
        price = f"{town} paid {1000 + number * 7} dinars."
        (corpus / f"{town}.txt").write_text(f"{price}\n", encoding="utf-8")
        if number % 2:
            (corpus / f"talk-{town}.txt").write_text(f"What of {town}, {town}, {town}?\n", encoding="utf-8")
        lines.append(
            {
                "id": town,
                "question": f"What of {town}?",
                "lang": "en",
                "answerable": True,
                "must": [[str(1000 + number * 7)]],
                "evidence": [{"article": town, "quote": price}],
            }
        )
    questions = folder / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    arguments = ["--questions", str(questions), "--corpus", str(corpus), "--embedder", "fake"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SANAD_CACHE", str(folder / "cache"))
        assert run.main([*arguments, "--out", str(folder / "good")], open_assistant=faked) == 0
        yield folder


@pytest.fixture
def asked(towns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The questions, which the test may change; the index is the one that is there."""
    monkeypatch.setenv("SANAD_CACHE", str(towns / "cache"))
    return Path(shutil.copy(towns / "questions.jsonl", tmp_path))


@pytest.fixture
def good(towns: Path) -> Path:
    """The report to compare with."""
    return towns / "good" / "report.json"


@pytest.fixture
def evaluate(asked: Path, towns: Path, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Runs the command line with an opener; gives its status and what verdict.json says."""

    def call(opener: Opener, out: str, *arguments: str) -> tuple[int, dict[str, Any]]:
        corpus, folder = towns / "towns", tmp_path / out
        fixed = [
            "--questions",
            str(asked),
            "--corpus",
            str(corpus),
            "--embedder",
            "fake",
            "--out",
            str(folder),
        ]
        status = run.main([*fixed, *arguments], open_assistant=opener)
        return status, json.loads((folder / "verdict.json").read_text(encoding="utf-8"))

    return call


def faked(index: str, settings: Settings, *, blind: bool = False) -> Assistant:
    embedder = FakeEmbedder()
    build_index(settings.articles, index, settings=settings, embedder=embedder)
    reader = fake_generator(Reader())
    generator = Blind(reader) if blind else reader
    return Assistant.open(index, settings=settings, embedder=embedder, generator=generator)


@pytest.mark.slow
def test_each_worse_setting_is_a_regression_and_the_same_one_is_not(evaluate, good):
    baseline = ("--baseline", str(good))
    ways = worse_ways(faked)
    for way, expected in (
        ("k=1", "evidence recall@10"),
        ("shuffled citations", "citation recall"),
        ("no sources", "accuracy"),
    ):
        status, verdict = evaluate(ways[way], "bad", *baseline)
        assert (way, status, verdict["verdict"]) == (way, 1, "worse")
        assert any(reason.startswith(expected) for reason in verdict["regressions"]), verdict["regressions"]
    status, verdict = evaluate(faked, "again", *baseline)
    assert (status, verdict["verdict"], verdict["paired"]) == (0, "no detectable difference", len(TOWNS))


@pytest.mark.slow
def test_the_same_setting_is_no_difference_ten_times_of_ten(evaluate, good):
    baseline = ("--baseline", str(good))
    for _ in range(10):
        status, verdict = evaluate(faked, "again", *baseline)
        assert (status, verdict["verdict"]) == (0, "no detectable difference")


@pytest.mark.slow
def test_an_improvement_passes_and_becomes_the_baseline_when_that_is_wanted(evaluate, tmp_path, capsys):
    kept = tmp_path / "kept" / "towns.json"
    status, verdict = evaluate(worse_ways(faked)["k=1"], "old", "--baseline", str(kept), "--update-baseline")
    assert (status, verdict["paired"]) == (0, 0)
    assert "new baseline" in capsys.readouterr().out
    status, verdict = evaluate(faked, "new", "--baseline", str(kept))
    assert (status, verdict["verdict"]) == (0, "better")
    old = kept.read_text(encoding="utf-8")
    status, _ = evaluate(faked, "new", "--baseline", str(kept), "--update-baseline")
    out = capsys.readouterr().out
    assert status == 0
    assert re.search(r"^accuracy +0\.\d\d → 0\.96  lost: -  won: \w+ \w+", out, re.MULTILINE)
    assert kept.read_text(encoding="utf-8") != old
    assert str(tmp_path) not in json.dumps(json.loads(kept.read_text(encoding="utf-8"))["run"]["settings"])


@pytest.mark.slow
def test_a_baseline_of_other_questions_can_be_replaced(evaluate, asked, tmp_path):
    kept = tmp_path / "towns.json"
    kept.write_text("{}")
    assert evaluate(faked, "out", "--baseline", str(kept), "--update-baseline")[0] == 0
    assert evaluate(faked, "out", "--baseline", str(kept))[1]["paired"] == len(TOWNS)


def test_a_baseline_of_other_words_is_refused_before_anything_is_asked(asked, good, tmp_path, capsys):
    asked.write_text(asked.read_text(encoding="utf-8").replace("What of", "And what of"), encoding="utf-8")
    opened = []
    arguments = ["--questions", str(asked), "--out", str(tmp_path / "x"), "--baseline"]
    for baseline, message in (
        (good, "none of these questions"),
        (tmp_path / "missing.json", "--update-baseline"),
        (asked, "is not a baseline"),
        (broken(good, tmp_path / "broken.json"), "is not a baseline"),
        (of_an_earlier_grader(good, tmp_path / "earlier.json"), "python -m evals.regrade"),
    ):
        assert run.main([*arguments, str(baseline)], open_assistant=lambda *at: opened.append(at)) == 2
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
    assert opened == []


def of_an_earlier_grader(report: Path, path: Path) -> Path:
    """A copy of a report as it was before own words had a grade."""
    data = json.loads(report.read_text(encoding="utf-8"))
    for item in data["items"]:
        del item["scores"]["own_correct"]
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def broken(report: Path, path: Path) -> Path:
    """A copy of a report in which one citation has no place any more."""
    data = json.loads(report.read_text(encoding="utf-8"))
    del next(item for item in data["items"] if item["answer"]["citations"])["answer"]["citations"][0]["start"]
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize("part", [["--limit", "3"], ["--retrieval-only"], []])
def test_a_baseline_is_written_from_whole_runs_to_a_file_that_is_known(asked, tmp_path, part, capsys):
    arguments = ["--questions", str(asked), "--out", str(tmp_path / "x"), "--update-baseline", *part]
    assert run.main(arguments, open_assistant=faked) == 2
    assert ("name the file" if not part else "whole run") in capsys.readouterr().err


def test_each_committed_question_file_has_its_own_place_for_a_baseline_and_its_own_floors(tmp_path):
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        "[tool.sanad.eval.floors.seeds]\naccuracy = 0.5\n[tool.sanad.eval.floors.dev]\naccuracy = 0.6\n"
    )
    dev = options.QUESTIONS.with_name("dev.jsonl")
    files = sorted(options.QUESTIONS.parent.glob("*.jsonl"))
    assert {dev, options.QUESTIONS} < set(files)
    assert [default_path(file) for file in files] == [FOLDER / f"{file.stem}.json" for file in files]
    assert gate.read_floors(pyproject, dev) == {"accuracy": 0.6}
    assert gate.read_floors(pyproject, options.QUESTIONS) == {"accuracy": 0.5}


def test_floors_are_read_for_our_own_questions_and_checked(tmp_path):
    ours, pyproject = options.QUESTIONS, tmp_path / "pyproject.toml"
    pyproject.write_text('[tool.sanad.eval.floors.seeds]\naccuracy = 0.5\n"evidence recall@10" = 1\n')
    assert gate.read_floors(pyproject, ours) == {"accuracy": 0.5, "evidence recall@10": 1}
    assert gate.read_floors(pyproject, tmp_path / "seeds.jsonl") == {}
    assert gate.read_floors(tmp_path / "none.toml", ours) == {}
    for wrong in ("acuracy = 0.5", "accuracy = 50", 'accuracy = "high"', '"answerable refused" = 0.1', "["):
        pyproject.write_text(f"[tool.sanad.eval.floors.seeds]\n{wrong}\n")
        with pytest.raises(BadQuestions, match=r"pyproject\.toml"):
            gate.read_floors(pyproject, ours)


def test_the_floors_that_are_set_are_for_scores_that_there_are():
    for questions in (options.QUESTIONS.parent).glob("*.jsonl"):
        gate.read_floors(run.ROOT / "pyproject.toml", questions)


# The bench's is of another form: tests/evals/benchmarks/test_bench_answers.py reads it.
@pytest.mark.parametrize("path", sorted(FOLDER.glob("[!b]*.json")), ids=lambda path: path.stem)
def test_a_committed_baseline_is_a_report_of_questions_that_there_are(path):
    import jsonschema

    schema = json.loads((run.ROOT / "evals/report.schema.json").read_text(encoding="utf-8"))
    data = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(data, schema)
    assert data["run"]["settings"].keys().isdisjoint({"cache", "indexes", "articles"})
    asked = {default_path(file): read_questions(file) for file in question_files()}
    asked |= {default_path(DIALOGUES, split): read_dialogues(DIALOGUES, split)[0] for split in SPLITS}
    assert {item["id"] for item in data["items"]} <= {question.id for question in asked[path]}
    # It refuses a report that shares no question in these words.
    assert read_baseline(path, asked[path]).run["complete"]


def real(index: str, settings: Settings, *, blind: bool = False) -> Assistant:
    """The packaged models over the seeds."""
    build_index(settings.articles, index, settings=settings)
    if not blind:
        return Assistant.open(index, settings=settings)
    settings = dataclasses.replace(
        settings, prompt=settings.template
    )  # a handed over model would get another
    return Assistant.open(index, settings=settings, generator=Blind(open_generator(settings)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge each worse setting, and the same one again, with the packaged models."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--again", type=int, default=1, metavar="N", help="runs of the same setting")
    parser.add_argument("--limit", type=int, metavar="M", help="questions of each of those; default: all")
    parser.add_argument("--out", type=Path, default=Path("evals/out/gate"), metavar="DIR")
    args = parser.parse_args(arguments)
    good = args.out / "good"
    run.main(["--out", str(good), "--resume"], open_assistant=real)
    ways = worse_ways(real) | {f"the same, {n}": real for n in range(1, args.again + 1)}
    wrong = 0
    for number, (name, opener) in enumerate(ways.items()):
        same = name.startswith("the same")
        # A sample of each worse setting would be too small to tell it by.
        part = ["--limit", str(args.limit), "--seed", str(number)] if same and args.limit else []
        folder = args.out / re.sub(r"\W+", "-", f"{name} {args.limit}" if part else name)
        expected = 0 if same else 1
        with contextlib.redirect_stdout(io.StringIO()):
            status = run.main(
                ["--out", str(folder), "--baseline", str(good / "report.json"), "--resume", *part],
                open_assistant=opener,
            )
        verdict = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        reasons = "; ".join(verdict["regressions"])
        sys.stdout.write(f"{name:20} exit {status}, expected {expected}: {verdict['verdict']}. {reasons}\n")
        sys.stdout.flush()
        wrong += status != expected
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
