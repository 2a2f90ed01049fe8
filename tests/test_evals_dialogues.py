from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals import dialogues
from evals.dataset import BadQuestions
from rag import Assistant, Settings, build_index
from rag.embed import FakeEmbedder
from rag.llm_fake import FakeLLM, fake_generator

CONVERSATION = {
    "id": "x1",
    "split": "dev",
    "turns": [
        {
            "question": "How many tonnes of olives were gathered in autumn?",
            "lang": "en",
            "standalone": "How many tonnes of olives were gathered in autumn?",
            "answerable": True,
            "must": [["900", "تسعمائة"]],
            "must_not": [],
            "evidence": [{"article": "olives", "quote": "900 tonnes of olives"}],
            "tags": ["number"],
        },
        {
            "question": "And in spring?",
            "lang": "en",
            "standalone": "How many tonnes of olives were gathered in spring?",
            "answerable": False,
            "must": [],
            "must_not": [],
            "evidence": [],
            "tags": ["unanswerable"],
        },
        {
            "question": "How much did the library cost?",
            "lang": "en",
            "standalone": "How much did the library cost?",
            "answerable": True,
            "must": [["4 million"]],
            "must_not": [],
            "evidence": [{"article": "library", "quote": "4 ملايين دينار"}],
            "tags": ["number"],
        },
    ],
}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "dialogues.jsonl"
    path.write_text(json.dumps(CONVERSATION) + "\n", encoding="utf-8")
    monkeypatch.setattr(dialogues, "DIALOGUES", path)
    return path


@pytest.fixture
def fake_models(small_articles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    monkeypatch.setenv("SANAD_BACKEND", "fake")
    monkeypatch.setenv("SANAD_ARTICLES", str(small_articles))


def test_the_committed_conversations_can_be_read_and_the_halves_do_not_meet() -> None:
    halves = [dialogues.read_dialogues(dialogues.DIALOGUES, split) for split in ("dev", "test")]
    names = [{turns[0].dialogue for turns in half} for half in halves]
    assert all(len(half) == 27 for half in halves)
    assert not names[0] & names[1]


@pytest.mark.usefixtures("fake_models", "told")
def test_a_search_is_measured_in_four_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert dialogues.main([]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    told = [" ".join(line) for line in lines]
    assert any(line.startswith("rules follow-ups changed 1.000") for line in told)
    assert any(line.startswith("rules new topics left alone 1.000") for line in told)
    assert {line[0] for line in lines} == {"bare", "joined", "rules", "by"}
    assert any(line.startswith("by hand new topics passage@5 1.000") for line in told)


@pytest.mark.usefixtures("fake_models", "told")
def test_whole_answers_follow_on_the_assistants_own(small_articles: Path) -> None:
    llm = FakeLLM.scripted(["900 [1].", "NOT FOUND", "It cost 77 million [1]."])
    settings = Settings.load()
    build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assistant = Assistant.open(
        "small", settings=settings, embedder=FakeEmbedder(), generator=fake_generator(llm)
    )
    turns = dialogues.read_dialogues(dialogues.DIALOGUES, "dev")
    rows = list(dialogues.answered(assistant, turns))
    assistant.close()
    assert [row.values["right"] for row in rows] == [1.0, 1.0, 0.0]
    assert "How many tonnes of olives were gathered in spring?" in llm.prompts[1]
    assert "openings" in dialogues.summary(rows)


def test_the_test_half_is_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert dialogues.main(["--split", "test", "--verbose"]) == 2
    assert "leave out --verbose" in capsys.readouterr().err


def test_a_broken_line_is_told_with_its_number(told: Path) -> None:
    told.write_text('\n{"id": "x", "split": "dev"}\n', encoding="utf-8")
    with pytest.raises(BadQuestions, match=r"line 2: KeyError\('turns'\)"):
        dialogues.read_dialogues(told, "dev")


def test_a_gold_answer_is_in_the_questions_language_where_it_can_be() -> None:
    turns = dialogues.read_dialogues(dialogues.DIALOGUES, "dev")
    arabic = next(turn for dialogue in turns for turn in dialogue if turn.question.lang == "ar")
    assert dialogues.gold_answer(arabic.question).endswith(" [1].")
