"""One question becomes one answer: which steps run, how often, and how they are stopped."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Generator as PieceGenerator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from contexts import SURE, Replying, context, counting
from shown import source

from rag.answering import answer_builder, pipeline
from rag.answering.context import Context
from rag.answering.draft import Draft
from rag.answering.pipeline import Request, Steps
from rag.models.llm.protocol import Cancelled, LogProbabilities, Message
from rag.records import Answer, Event, Evidence, Retrieved, StageStarted, Turn

FIRST = source("The troops will leave the base in 2025, the ministry said.")
OTHER = dataclasses.replace(source("The troops will leave the base in 2026, a paper wrote."), article_id="b")
QUESTION = "When do the troops leave the base?"
ALL = Steps()
TWO = "When did the port open, and when did the workers end their strike?"

NAMES = (
    "read_again", "read_on", "ask_whether_done", "cross_check", "one_subject", "check_form", "quote_chosen",
    "translate_cited", "quote_sentences", "label_sides", "sides_by_date", "decompose",
)  # fmt: skip


class Yearly(Replying):
    """A generator that cites the first sentence with its year, with high confidence."""

    def __init__(self) -> None:
        super().__init__(likelihood=SURE)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        self.prompts.append(messages[-1].content)
        yield (
            "[1] in 2026"
            if "[1] The troops will leave the base in 2026" in self.prompts[-1]
            else "[1] in 2025"
        )
        return SURE


def retrieved(*evidence: Evidence) -> Retrieved:
    return Retrieved((), tuple(dataclasses.replace(item, number=n) for n, item in enumerate(evidence, 1)))


def search(question: str, articles: frozenset[str] | None = None, **_limits: int | None) -> Retrieved:
    """An index of two articles: the first one is returned, unless only the other one is searched."""
    return retrieved(OTHER if articles == {"b"} else FIRST)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of ``verify`` and of the answer builder, in order."""
    names: list[str] = []
    monkeypatch.setattr(pipeline, "verify", counting(names, "verify", pipeline.verify))
    monkeypatch.setattr(answer_builder, "build", counting(names, "build", answer_builder.build))
    return names


def ask(question: str, shared: Context, steps: Steps = ALL) -> Answer:
    return pipeline.answer(Request(question), shared, steps)


def test_a_question_is_verified_once_and_its_citations_are_numbered_once(called: list[str]) -> None:
    answer = ask(QUESTION, context(Yearly(), search=search))
    assert answer.outcome == "answered"
    assert called == ["verify", "build"]


def test_a_side_that_a_cross_check_adds_is_verified_with_the_first_answer(called: list[str]) -> None:
    model = Yearly()
    answer = ask(QUESTION, context(model, search=search, articles={"a", "b"}))
    assert len(model.prompts) == 2
    assert (answer.outcome, len(answer.citations)) == ("conflict", 2)
    assert called == ["verify", "build"]


def test_each_of_two_subquestions_is_verified_and_the_answer_is_built_once(called: list[str]) -> None:
    model = Yearly()
    answer = ask(TWO, context(model, search=search))
    assert len(model.prompts) == 2
    assert answer.understood == "When did the port open? When did the workers end their strike?"
    assert called == ["verify", "verify", "build"]


def test_the_steps_are_these_and_each_can_be_left_out() -> None:
    assert Steps().names == NAMES
    for name in NAMES:
        rest = Steps().without([name])
        assert rest.names == tuple(step for step in NAMES if step != name)
        assert ask(TWO, context(Yearly(), search=search, articles={"a", "b"}), rest).text
    assert Steps().without(NAMES).names == ()
    assert Steps().without([]) == Steps()


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_step_that_is_left_out_is_not_called(name: str) -> None:
    names: list[str] = []

    def traced(step: pipeline.Step) -> pipeline.Step:
        def call(draft: Draft, shared: Context) -> Draft:
            names.append(step.__name__)
            return step(draft, shared)

        return call

    steps = Steps().without([name])
    steps = Steps(
        *(tuple(map(traced, group)) for group in (steps.drafting, steps.checking, steps.presenting))
    )
    assert ask(QUESTION, context(Yearly(), search=search), steps).outcome == "answered"
    assert names == [step for step in NAMES[:-1] if step != name], "the others in order"


def test_a_question_of_two_subquestions_is_asked_as_one_where_decomposing_is_left_out() -> None:
    model = Yearly()
    answer = ask(TWO, context(model, search=search), Steps().without(["decompose"]))
    assert len(model.prompts) == 1
    assert answer.understood == ""


def test_an_unknown_step_is_an_error_that_lists_the_names() -> None:
    with pytest.raises(ValueError, match=r"no step.*'second'") as raised:
        Steps().without(["second", "cross_check"])
    assert all(name in str(raised.value) for name in NAMES)
    assert "'cross_check'" not in str(raised.value)


def test_a_cancelled_answer_stops_the_model_between_two_pieces() -> None:
    cancel, pieces, closed = threading.Event(), [], []

    class Endless(Replying):
        def stream(
            self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
        ) -> PieceGenerator[str, None, LogProbabilities | None]:
            try:
                while True:
                    pieces.append("piece ")
                    if len(pieces) == 3:
                        cancel.set()
                    yield pieces[-1]
            finally:
                closed.append(True)

    with pytest.raises(Cancelled):
        ask(QUESTION, context(Endless(), search=search, cancel=cancel))
    assert len(pieces) == 3, "no piece is generated after the one at which it was cancelled"
    assert closed == [True]


def test_an_answer_that_was_cancelled_before_calls_no_model() -> None:
    cancel, model = threading.Event(), Replying("never [1]")
    cancel.set()
    with pytest.raises(Cancelled):
        ask(QUESTION, context(model, search=search, cancel=cancel))
    assert model.prompts == []


@pytest.mark.parametrize("question", [QUESTION, TWO])
def test_the_retrieved_passages_are_emitted_first_and_then_the_check_of_each_draft(question: str) -> None:
    events: list[Event] = []
    answer = ask(question, context(Replying("in 2025 [1]"), search=search, emit=events.append))
    checks = [StageStarted("checking")] * (2 if question == TWO else 1)
    assert events == [Retrieved((), answer.evidence, answer.understood), *checks]


def test_a_follow_up_is_searched_for_as_it_is_understood() -> None:
    searched: list[str] = []

    def remember(question: str, *_: object, **__: object) -> Retrieved:
        searched.append(question)
        return retrieved(FIRST)

    history = [Turn("When do the troops leave Iraq?", "In 2025 [1].")]
    shared = context(Replying("in 2025 [1]"), search=remember)
    answer = pipeline.answer(Request("And Syria?", history), shared)
    assert searched == [answer.understood] == ["When do the troops leave Syria?"]
    assert answer.question == "And Syria?"
    searched.clear()
    answer = pipeline.answer(Request("And how?", history), shared)
    assert searched == [answer.understood] == ["When do the troops leave Iraq? (In 2025) And how?"]


def test_a_follow_up_is_answered_from_what_mentions_the_thing_it_names() -> None:
    base = source("The base in the desert was closed on Sunday, the army said.")
    airport = dataclasses.replace(
        source("The airport was closed on Monday."), article_id="b", title="Airport"
    )
    arabic = dataclasses.replace(source("أُغلق المطار يوم الثلاثاء."), article_id="c")
    model = Replying("on Monday [1]")
    history = [Turn("When was the base closed?", "On Sunday [1].")]
    shared = context(model, search=lambda *_, **__: retrieved(base, airport, arabic))
    answer = pipeline.answer(Request("No, I meant the airport.", history), shared)
    assert [item.text for item in answer.evidence] == [airport.text, arabic.text]
    assert [item.number for item in answer.evidence] == [1, 2]
    nothing = context(model, search=lambda *_, **__: retrieved(base, airport))
    unknown = pipeline.answer(Request("And the lighthouse?", history), nothing)
    assert (unknown.outcome, unknown.evidence) == ("not_found", ())


def test_the_stages_and_their_total_are_timed() -> None:
    timings = ask(QUESTION, context(Yearly(), search=search, articles={"a", "b"})).timings
    assert set(timings) == {"retrieve", "generate", "cross_check", "total"}
    assert all(0 <= seconds <= timings["total"] for seconds in timings.values())


def test_the_pipeline_is_short_enough_to_be_read_in_one_go() -> None:
    assert len(Path(pipeline.__file__).read_text(encoding="utf-8").splitlines()) <= 200
