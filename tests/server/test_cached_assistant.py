from __future__ import annotations

import dataclasses
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import Assistant, BadQuestion, Filter, Finished, Retrieved, Settings, StageStarted, Turn, build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM
from rag.server import answer_cache
from rag.server.answer_cache import CachedAssistant, recall
from rag.settings import ADAPTED

COST = "How much did the repairs cost?"


@pytest.fixture
def home(first_index: Path, tmp_path: Path) -> Path:
    """The index ``small``, which the test may change."""
    return shutil.copytree(first_index, tmp_path / "indexes" / "small")


@pytest.fixture
def opened(home: Path) -> Iterator[Any]:
    """Opens assistants that remember, over the index ``small``; each tells how often its model was asked."""
    made: list[CachedAssistant] = []

    def open_(llm: FakeLLM | None = None, **changed: Any) -> CachedAssistant:
        settings = Settings.load(backend="fake", embedder="fake", **changed)
        made.append(CachedAssistant.open("small", settings=settings, generator=llm))
        return made[-1]

    yield open_
    for assistant in made:
        assistant.close()


def test_the_second_time_the_same_answer_comes_without_the_model_and_in_another_process_too(
    opened: Any,
) -> None:
    first, second = FakeLLM(), FakeLLM()
    original = opened(first).ask(COST)
    again = opened(second).ask(f"  {COST} ")  # as it is trimmed
    assert len(first.prompts) == 1
    assert second.prompts == []
    assert dataclasses.replace(again, timings={}) == dataclasses.replace(original, timings={})
    assert again.timings.keys() == {"cache", "total"}
    assert recall(COST, "small", settings=Settings.load(backend="fake", embedder="fake")) is not None


def test_a_remembered_answer_streams_as_what_was_found_and_the_end(opened: Any) -> None:
    assistant = opened()
    events = list(assistant.stream(COST))
    assert any(isinstance(event, StageStarted) for event in events)
    again = list(assistant.stream(COST))
    assert [type(event) for event in again] == [Retrieved, Finished]
    assert again[0] == events[0]


@pytest.mark.parametrize(
    "other",
    [
        {"question": "How much did the repairs cost"},
        {"history": [Turn("Was the harbour repaired?", "Yes.")]},
        {"where": Filter(language="ar")},
    ],
    ids=["question", "history", "filter"],
)
def test_another_question_conversation_or_filter_is_answered_again(
    opened: Any, other: dict[str, Any]
) -> None:
    llm = FakeLLM()
    assistant = opened(llm)
    assistant.ask(COST)
    asked = {"question": COST, **other}
    assistant.ask(**asked)
    prompts = len(llm.prompts)
    assert prompts > 1
    assistant.ask(**asked)
    assert len(llm.prompts) == prompts


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [{"evidence": 1}, {"passages": 2}, {"evidence_tokens": 60}, {"max_new_tokens": 3}, {"prompt": ADAPTED}],
    ids=str,
)
def test_a_setting_that_changes_answers_is_another_question(opened: Any, changed: dict[str, Any]) -> None:
    llm = FakeLLM()
    opened(llm).ask(COST)
    assert len(llm.prompts) == 1
    opened(llm, **changed).ask(COST)
    assert len(llm.prompts) > 1  # with the adapted prompt it may be asked a second time itself


def test_settings_that_change_no_answer_are_settings_and_repeat_it(opened: Any) -> None:
    assert {field.name for field in dataclasses.fields(Settings)} > answer_cache.UNCHANGING
    llm = FakeLLM()
    opened(llm).ask(COST)
    opened(llm, threads=1, max_question=500).ask(COST)
    assert len(llm.prompts) == 1


def test_an_answer_of_other_steps_is_not_shown(opened: Any) -> None:
    llm = FakeLLM()
    opened(llm).ask(COST)
    assistant = opened(llm)
    assistant.steps = assistant.steps.without(["check_form"])
    assistant.ask(COST)
    assert len(llm.prompts) == 2
    assistant.ask(COST)
    assert len(llm.prompts) == 2


def test_another_model_is_asked_itself(opened: Any) -> None:
    llm, other = FakeLLM(), FakeLLM()
    other.identity = "fake, trained once more"
    opened(llm).ask(COST)
    opened(other).ask(COST)
    assert len(other.prompts) == 1


def test_an_answer_of_older_code_is_not_shown(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = FakeLLM()
    opened(llm).ask(COST)
    monkeypatch.setattr(answer_cache, "_code", lambda: "edited")
    opened(llm).ask(COST)
    assert len(llm.prompts) == 2


def test_an_answer_of_an_older_index_is_not_shown(opened: Any, small_articles: Path, home: Path) -> None:
    llm = FakeLLM()
    assistant = opened(llm)
    settings = assistant.settings
    assert assistant.ask(COST).generation == "generation-0001"
    (small_articles / "new.txt").write_text("The bridge cost 3 million dinars.", encoding="utf-8")
    build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assert recall(COST, "small", settings=settings) is None
    assert assistant.ask(COST).generation == "generation-0002"
    assert len(llm.prompts) == 2
    # Built anew from nothing its first generation has the old name, but not the old digest.
    shutil.rmtree(home)
    build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assert recall(COST, "small", settings=settings) is None


def test_an_answer_is_not_kept_when_the_index_is_switched_meanwhile(
    opened: Any, small_articles: Path
) -> None:
    settings = Settings.load(backend="fake", embedder="fake")

    def update(number: int) -> None:
        if number == 0:
            (small_articles / "new.txt").write_text("The bridge cost 3 million dinars.", encoding="utf-8")
            build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())

    assistant = opened(FakeLLM.scripted(["one two [1]"], before_piece=update))
    assert assistant.ask(COST).generation == "generation-0001"
    assert recall(COST, "small", settings=settings) is None
    assert not settings.answers.exists()


def test_a_reader_who_leaves_stops_the_model_and_leaves_no_answer(opened: Any) -> None:
    left = threading.Event()
    llm = FakeLLM.scripted(["one two three [1]"], before_piece=lambda number: number and left.wait(10))
    assistant = opened(llm)
    events = assistant.stream(COST, cancel=left)
    assert isinstance(next(events), Retrieved)
    events.close()
    assert llm.stopped in ([], [True]), "it may not have begun"
    assert recall(COST, "small", settings=assistant.settings) is None


def test_what_no_model_said_is_not_kept(opened: Any) -> None:
    assistant = opened()
    assert assistant.ask(COST, where=Filter(since="2090")).outcome == "not_found"
    assert not assistant.settings.answers.exists()


def test_switched_off_nothing_is_looked_up_or_kept(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = FakeLLM()
    opened(llm).ask(COST)
    monkeypatch.setenv("SANAD_ANSWER_CACHE", "false")
    assistant = opened(llm)
    assistant.ask(COST)
    assert len(llm.prompts) == 2
    assert recall(COST, "small", settings=assistant.settings) is None


def test_a_model_whose_name_does_not_identify_its_weights_is_asked_every_time() -> None:
    assert answer_cache.opened(Settings.load(llm="some/model", backend="transformers")) is None
    assert answer_cache.opened(Settings.load()) is not None


def test_the_plain_assistant_which_evals_use_remembers_nothing(opened: Any, home: Path) -> None:
    opened().ask(COST)
    llm = FakeLLM()
    settings = Settings.load(backend="fake", embedder="fake")
    assistant = Assistant.open("small", settings=settings, generator=llm)
    assistant.ask(COST)
    assert len(llm.prompts) == 1
    assistant.close()


def test_recalling_checks_the_question_and_knows_nothing_of_a_missing_index(home: Path) -> None:
    with pytest.raises(BadQuestion):
        recall("?", "small")
    assert recall(COST, "nowhere", settings=Settings.load(backend="fake")) is None


def test_sanad_ask_answers_again_without_opening_the_index_unless_an_option_forbids_it(
    run: Any, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, first, _ = run("ask", "--json", COST)
    assert status == 0

    def opens(*_: object, **__: object) -> None:
        raise AssertionError("the index was opened")

    with monkeypatch.context() as patched:
        patched.setattr(CachedAssistant, "open", opens)
        status, again, err = run("ask", "--json", COST)
        assert (status, err) == (0, "")
        original, repeated = json.loads(first), json.loads(again)
        assert repeated.pop("timings").keys() == {"cache", "total"}
        assert original.pop("timings").keys() > {"total"}
        assert repeated == original
        assert run("ask", COST)[0] == 0
    status, anew, _ = run("ask", "--json", "--no-cache", COST)
    assert status == 0
    assert "retrieve" in json.loads(anew)["timings"]
