"""Systems compared over the same questions, through the real chain with a scripted model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import contents

from evals import ablation
from evals.harness.recording import Recorded, Replies
from evals.harness.systems import NAIVE, STEPS, SYSTEMS, WHOLE, System, Timed
from rag import Answer, Settings, build_index
from rag.answering.pipeline import Steps
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Message

COST = "What did the repairs of the harbour cost?"
WHEN = "When did the harbour of Marsa reopen?"
NOWHERE = "Who painted the ferries of the island?"

QUESTIONS = [
    {
        "id": "cost",
        "question": COST,
        "lang": "en",
        "answerable": True,
        "must": [["12 million"]],
        "evidence": [{"article": "harbour", "quote": "The repairs cost 12 million dollars"}],
    },
    {
        "id": "when",
        "question": WHEN,
        "lang": "en",
        "answerable": True,
        "must": [["Sunday"]],
        "evidence": [{"article": "harbour", "quote": "reopened on Sunday"}],
    },
    {"id": "nowhere", "question": NOWHERE, "lang": "en", "answerable": False},
]


class Model(FakeLLM):
    """Right about the cost, no time where one is asked for, and an invention where nothing is said."""

    def pieces(self, messages: Sequence[Message], max_tokens: int) -> Iterator[str]:
        prompt = "\n\n".join(message.content for message in messages)
        asked.append(prompt)
        if len(asked) == stop_at[0]:
            raise KeyboardInterrupt
        question = prompt.rpartition("Question: ")[2]
        if question.startswith(COST):
            yield from ("They cost 12 ", "million dollars [1].")
        elif question.startswith(WHEN):
            yield "Ferries carry passengers [1]."
        elif "passages" in prompt:
            yield "The passages do not mention a painter."
        else:
            yield "Forty painters painted 77 ferries [1]."


asked: list[str] = []
stop_at = [0]


@pytest.fixture(autouse=True)
def fresh() -> None:
    asked.clear()
    stop_at[0] = 0


def open_system(system: System, index: str, settings: Settings, replies: Replies) -> Timed:
    embedder = FakeEmbedder()
    build_index(settings.articles, index, settings=settings, embedder=embedder)
    return system.open(index, settings, replies, embedder=embedder, generator=fake_generator(Model()))


Compare = Callable[..., tuple[int, dict[str, dict[str, Answer]]]]


@pytest.fixture
def compare(small_articles: Path, tmp_path: Path) -> Compare:
    """Runs the command line; gives its status and the answers by system and id."""
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(line) for line in QUESTIONS), encoding="utf-8")
    out = tmp_path / "out"
    fixed = ["--questions", str(questions), "--corpus", str(small_articles), "--out", str(out)]

    def call(*arguments: str) -> tuple[int, dict[str, dict[str, Answer]]]:
        status = ablation.main([*fixed, *arguments], open_system=open_system)
        answers = {}
        for path in out.glob("*/report.json"):
            items = json.loads(path.read_text(encoding="utf-8"))["items"]
            answers[path.parent.name] = {item["id"]: item["answer"] for item in items}
        return status, answers

    return call


def test_every_step_of_the_answer_can_be_left_out() -> None:
    assert Steps().names == STEPS
    assert set(STEPS) <= set(SYSTEMS)
    assert SYSTEMS[WHOLE].without == ()
    assert all(SYSTEMS[step].without == (step,) for step in STEPS)


@pytest.mark.slow
def test_systems_are_compared_and_the_model_is_asked_once_for_each_prompt(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answers = compare("--systems", "check_form,naive")
    assert status == 0
    assert set(answers) == {WHOLE, "check_form", NAIVE}
    assert [answers[name]["when"]["outcome"] for name in (WHOLE, "check_form")] == ["not_found", "answered"]
    assert answers[WHOLE]["nowhere"]["outcome"] == "not_found"
    # A warm-up and three questions; for the naive chain, with other prompts, again.
    assert len(asked) == 8
    out = capsys.readouterr().out
    rows = {line[:22].strip(): line.split() for line in out.splitlines()}
    assert rows["whole"][1:5] == ["0.50", "0.50", "1.00", "0.50"]
    assert rows["without check_form"][2:6] == ["0.50", "0.50", "1.00", "0.00"]
    assert rows["accuracy"][1:3] == ["0.50", "0.50"]
    assert "unsupported claims: 0 in 1 answers; naive 0 in 2" in out


def without_seconds(out: str) -> list[str]:
    """The table without its last column, which is the clock's."""
    return [line.rpartition("  ")[0] for line in out.splitlines()]


@pytest.mark.slow
def test_a_comparison_that_is_interrupted_goes_on_where_it_was(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--systems", "check_form")
    stop_at[0] = 3  # the second question, after the warm-up
    status, answers = compare(*arguments)
    assert status == 130
    assert set(answers[WHOLE]) == {"cost"}
    stop_at[0] = 0
    assert compare(*arguments, "--resume")[0] == 0
    resumed = without_seconds(capsys.readouterr().out)
    asked.clear()
    assert compare(*arguments)[0] == 0
    assert len(asked) == 4, "without --resume all is asked again"
    assert without_seconds(capsys.readouterr().out) == resumed


def test_the_naive_chain_reads_whole_passages_and_cites_those_it_names(
    small_articles: Path, tmp_path: Path
) -> None:
    before = contents(small_articles)
    settings = Settings.load(articles=small_articles)
    assistant = open_system(SYSTEMS[NAIVE], "small", settings, Replies(tmp_path / "replies.jsonl"))
    answer = assistant.ask(COST)
    shown = asked[0].partition("Question:")[0]
    assert shown.count("Ferries will carry 300 passengers") == 1
    assert answer.text == "They cost 12 million dollars [1]."
    (citation,) = answer.citations
    article = assistant.article(citation.article_id)
    assert article.text[citation.start : citation.end] == citation.quote
    assert citation.quote == answer.passages[0].text
    refused = assistant.ask(NOWHERE)
    assert (refused.outcome, refused.text) == ("not_found", "The passages do not mention a painter.")
    assistant.close()
    assert contents(small_articles) == before


REPLIES = {
    "I don't know.": True,
    "I cannot find that in them.": True,
    "It is not specified in the given passages.": True,
    "The text doesn't explicitly state who it was [1].": True,
    "There is no information about that.": True,
    "لا أعرف.": True,
    "لم يُذكر ذلك في النصوص.": True,
    "الاسم غير مذكور.": True,
    "They did not leave the base [1].": False,
    "لم يغادر الجنود القاعدة [1].": False,
}
"""What is written, and whether it refuses."""


def test_a_naive_reply_refuses_in_the_usual_words(small_articles: Path, tmp_path: Path) -> None:
    naive, settings = SYSTEMS[NAIVE], Settings.load(articles=small_articles)
    build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    model = fake_generator(FakeLLM.scripted(list(REPLIES)))
    replies = Replies(tmp_path / "replies.jsonl")
    assistant = naive.open("small", settings, replies, embedder=FakeEmbedder(), generator=model)
    # Each asked in other words, as a prompt is answered once.
    answers = [assistant.ask(f"{COST} {number}") for number in range(len(REPLIES))]
    assert {a.text: a.outcome == "not_found" for a in answers} == REPLIES
    assistant.close()


def test_seconds_are_those_of_the_one_time_the_model_was_asked(small_articles: Path, tmp_path: Path) -> None:
    replies = Replies(tmp_path / "replies.jsonl")
    assistant = open_system(SYSTEMS[WHOLE], "small", Settings.load(articles=small_articles), replies)
    assistant.ask(COST)
    first = assistant.ask(COST)
    again = assistant.ask(COST)
    assert len(asked) == 2, "the first one holds the loading of the model, and is not kept"
    (kept,) = [json.loads(line) for line in (tmp_path / "replies.jsonl").read_text().split("\n") if line]
    for stage in ("generate", "total"):
        assert again.timings[stage] > kept["seconds"]
    assert again.text == first.text
    assistant.close()


def test_a_torn_line_of_replies_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    Replies(path).add("a", Recorded("x", 0.1, 0.2, (-0.5,)))
    with path.open("a", encoding="utf-8") as file:
        file.write('\n{"key": "b", "te')
    Replies(path).add("c", Recorded("y", 0.1, 0.2, None))
    again = Replies(path)
    assert [again.get(key) is not None for key in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--systems", "speed"], "no system 'speed'; there are read_again"),
        (["--systems", "whole"], "'whole'"),
    ],
)
def test_an_unknown_system_is_reported(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert ablation.main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert expected in capsys.readouterr().err


def test_a_baseline_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ablation.main(["--baseline", "x.json"])
    assert "no baselines" in capsys.readouterr().err
