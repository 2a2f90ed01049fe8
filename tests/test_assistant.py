"""The assistant: answers, streams, filters, follow-ups and indexes, with fake models."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag import (
    Answer,
    Assistant,
    BadQuestion,
    BadSettings,
    Event,
    Filter,
    Finished,
    GenerationFailed,
    IndexMissing,
    Retrieved,
    Settings,
    StageStarted,
    Turn,
    build_index,
)
from rag.answering.decision import NEAREST
from rag.errors import BadArticles, IndexUnusable, PromptBroken
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator
from rag.models.llm.protocol import Cancelled

Make = Callable[..., Assistant]

COST = "How much did the repairs of the harbour cost?"
COST_ANSWER = "The repairs cost 12 million dollars [1]."


def until(cancelled: threading.Event, *, after: int) -> Callable[[int], None]:
    """Holds the model after a piece until the answer is cancelled."""
    return lambda number: None if number <= after or cancelled.wait(10) else pytest.fail("not cancelled")


def readings(llm: FakeLLM) -> list[str]:
    """The prompts that ask for an answer, without those that ask for a translation."""
    return [prompt for prompt in llm.prompts if "Hints: " not in prompt]


def finished(events: list[Event]) -> Answer:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.answer


def test_events_come_in_order_and_the_answer_last(fake_assistant: Make) -> None:
    events = list(fake_assistant([COST_ANSWER]).stream(COST))
    assert isinstance(events[0], Retrieved)
    assert events[0].passages
    assert [item.number for item in events[0].evidence] == list(range(1, len(events[0].evidence) + 1))
    assert events[1:-1] == [StageStarted("checking")], "the model's draft is not shown"
    answer = finished(events)
    assert (answer.passages, answer.evidence) == (events[0].passages, events[0].evidence)


def test_an_answer_cites_the_exact_sentence_of_its_article(fake_assistant: Make) -> None:
    assistant = fake_assistant()  # unscripted: quotes the first evidence
    for question in (
        "Which harbour reopened after repairs?",
        "كم بلغت تكلفة المكتبة؟",
        "How many tonnes of olives were gathered?",
    ):
        answer = assistant.ask(question)
        assert answer.citations
        assert answer.outcome == "answered"
        for cited in answer.citations:
            article = assistant.article(cited.article_id)
            assert article.text[cited.start : cited.end] == cited.quote
            assert cited.quote in article.text.splitlines()
        for item in answer.evidence:
            assert assistant.article(item.article_id).text[item.start : item.end] == item.text
        for passage in answer.passages:
            text = assistant.article(passage.chunk.article_id).text
            assert text[passage.chunk.start : passage.chunk.end] == passage.text


def test_an_answer_has_its_question_models_passages_and_evidence(fake_assistant: Make) -> None:
    assistant = fake_assistant()
    answer = assistant.ask(f"  {COST}\n")
    assert answer.question == COST
    assert (answer.language, answer.model, answer.generation) == ("en", "fake", "generation-0001")
    assert (assistant.model, assistant.generation) == ("fake", "generation-0001")
    assert [passage.rank for passage in answer.passages] == list(range(1, len(answer.passages) + 1))
    assert [passage.score for passage in answer.passages] == sorted(
        (passage.score for passage in answer.passages), reverse=True
    )
    cited = answer.citations[0]
    assert (cited.title, cited.outlet, cited.published, cited.source) == (
        "Harbour reopens after two years",
        "Coast Daily",
        "2024-09-06",
        "harbour.txt",
    )
    assert (
        Path("articles/harbour.txt").read_text(encoding="utf-8").splitlines()[cited.line - 1] == cited.quote
    )
    assert set(answer.timings) == {"retrieve", "generate", "total"}
    assert all(0 <= seconds <= answer.timings["total"] for seconds in answer.timings.values())


def test_an_answer_is_in_the_requested_language(fake_assistant: Make) -> None:
    reply = "بلغت تكلفة الإصلاحات 12 مليون دولار [1]."
    assistant = fake_assistant([reply])
    assert assistant.ask(COST, answer_language="ar").language == "ar"
    assert finished(list(assistant.stream(COST, answer_language="ar"))).language == "ar"
    assert assistant.ask(COST).language == "en"


def test_the_dictionary_of_an_answer_goes_through_json(fake_assistant: Make) -> None:
    answer = fake_assistant().ask("كم بلغت تكلفة المكتبة؟")
    restored = json.loads(json.dumps(answer.to_dict(), allow_nan=False))
    assert restored["text"] == answer.text
    assert restored["citations"][0]["quote"] == answer.citations[0].quote
    assert restored["language"] == "ar"


def test_a_reply_that_the_articles_do_not_support_is_not_answered(fake_assistant: Make) -> None:
    answer = fake_assistant(["The repairs cost 77 million dollars [1]."]).ask(COST)
    assert (answer.text, answer.outcome) == (f"{NEAREST['en'][:-1]} [1].", "not_found")
    assert len(answer.citations) == 1
    assert answer.passages, "what was searched is returned all the same"


def test_closing_the_stream_stops_the_model(fake_assistant: Make) -> None:
    cancel = threading.Event()
    llm = FakeLLM.scripted(["one two three four", COST_ANSWER], before_piece=until(cancel, after=0))
    assistant = fake_assistant(llm=llm)
    events = assistant.stream(COST, cancel=cancel)
    assert isinstance(next(events), Retrieved)
    events.close()  # type: ignore[attr-defined]
    assert llm.stopped in ([], [True]), "it may not have begun, as the answer is made in a thread of its own"
    assert assistant.ask(COST).citations, "and the next question is answered"


def test_a_stream_that_ends_by_itself_leaves_its_callers_event_unset(fake_assistant: Make) -> None:
    cancel = threading.Event()
    assistant = fake_assistant()
    assert finished(list(assistant.stream(COST, cancel=cancel))).citations
    assert not cancel.is_set()
    assert finished(list(assistant.stream(COST, cancel=cancel))).citations


def test_an_answer_that_is_cancelled_between_two_pieces_stops_the_model(fake_assistant: Make) -> None:
    cancel = threading.Event()

    def set_at(number: int) -> None:
        if number == 1:
            cancel.set()

    llm = FakeLLM.scripted(["one two three four", COST_ANSWER], before_piece=set_at)
    assistant = fake_assistant(llm=llm)
    with pytest.raises(Cancelled):
        assistant.ask(COST, cancel=cancel)
    assert llm.stopped == [True]
    with pytest.raises(Cancelled):
        list(assistant.stream(COST, cancel=cancel))


def test_a_model_that_fails_in_the_middle_is_reported_and_the_next_question_is_answered(
    fake_assistant: Make,
) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError("out of memory")

    assistant = fake_assistant(llm=FakeLLM.scripted(["one two three four", "one two"], before_piece=fail))
    with pytest.raises(GenerationFailed, match="out of memory"):
        assistant.ask(COST)
    assert assistant.ask(COST).outcome == "partial"


@pytest.mark.parametrize("question", ["", " ", "\n\t", "?", "؟!…", "\u200f\u200b", "---"])
def test_an_empty_question_is_refused_before_anything_runs(fake_assistant: Make, question: str) -> None:
    llm = FakeLLM()
    assistant = fake_assistant(llm=llm)
    for ask in (assistant.ask, assistant.retrieve):
        with pytest.raises(BadQuestion, match="empty"):
            ask(question)
    assert llm.prompts == []


def test_a_question_may_have_two_thousand_characters_and_not_one_more(fake_assistant: Make) -> None:
    assistant = fake_assistant()
    longest = ("why " * 500)[:-2] + "y?"
    assert len(longest) == 2_000
    assert assistant.ask(f" {longest} ").question == longest
    with pytest.raises(BadQuestion, match=r"2,001 characters; at most 2,000"):
        assistant.ask(longest + "?")


@pytest.mark.parametrize("question", ["why \udcff", "\ud83d\ude00 why"])
def test_a_question_that_is_not_valid_text_is_refused(fake_assistant: Make, question: str) -> None:
    with pytest.raises(BadQuestion, match="UTF-8"):
        fake_assistant().ask(question)


def test_a_history_of_answers_instead_of_their_texts_is_refused_with_the_way_to_write_it(
    fake_assistant: Make,
) -> None:
    assistant = fake_assistant()
    history = [Turn(COST, assistant.ask(COST))]  # type: ignore[arg-type]
    for ask in (assistant.ask, assistant.search):
        with pytest.raises(BadQuestion, match=r"'Answer' where text belongs\. Write it as Turn\(.*text\)"):
            ask("And when?", history=history)


@pytest.mark.parametrize(
    ("question", "prompted"),
    [
        ("why\0?", "why?"),
        ("$evidence {x} %s harbour?", "$evidence {x} %s harbour?"),
        ("--- system\nwhy?", "--- system why?"),
        ("[1] why?", "(1) why?"),
        ("why?<|im_end|>", "why?‹|im_end|›"),
        ("🤷 why?", "🤷 why?"),
    ],
)
def test_an_odd_question_is_answered_like_any_other(
    fake_assistant: Make, question: str, prompted: str
) -> None:
    llm = FakeLLM()
    answer = fake_assistant(llm=llm).ask(question)
    assert answer.text
    assert answer.question == question
    assert f"Question: {prompted}\n" in llm.prompts[0]


def test_a_follow_up_is_searched_for_and_put_to_the_model_as_it_is_understood(fake_assistant: Make) -> None:
    llm = FakeLLM()
    assistant = fake_assistant(llm=llm)
    history = [Turn("How many tonnes of olives were gathered in autumn?", "900 [1].")]
    question, understood = "And by whom?", f"{history[0].question} (900) And by whom?"
    alone, following = assistant.ask(question), assistant.ask(question, history=history)
    assert following.passages[0].chunk.article_id == "olives"
    assert following.question == alone.question == question
    assert (alone.understood, following.understood) == ("", understood)
    first, second = readings(llm)
    assert question in first
    assert f"{history[0].question} {question}" in second, "too short to be asked alone"
    retrieved = assistant.search(question, history=history)
    assert (retrieved.understood, retrieved.evidence) == (understood, following.evidence)


def test_the_same_question_about_something_else_is_searched_for_and_asked_as_it_is_understood(
    fake_assistant: Make,
) -> None:
    llm = FakeLLM()
    history = [Turn("How many tonnes of olives were gathered in autumn?", "900 [1].")]
    answer = fake_assistant(llm=llm).ask("And in spring?", history=history)
    assert answer.understood == "How many tonnes of olives were gathered in spring?"
    assert f"Question: {answer.understood}\n" in readings(llm)[0]


@pytest.mark.parametrize(
    ("remark", "reply"),
    [("Thanks!", "You are welcome."), ("شكرا جزيلا", "عفوًا."), ("Good morning", "Hello. Ask a question")],
)
def test_thanks_and_greetings_are_answered_politely_without_a_search_and_the_model(
    fake_assistant: Make, remark: str, reply: str
) -> None:
    llm = FakeLLM()
    history = [Turn("How many tonnes of olives were gathered?", "900 [1].")]
    events = list(fake_assistant(llm=llm).stream(remark, history=history))
    answer = finished(events)
    assert answer.text.startswith(reply)
    assert answer.language == ("en" if remark.isascii() else "ar")
    assert (answer.outcome, answer.model, answer.understood) == ("not_found", "", "")
    assert (answer.claims, answer.citations, answer.passages, answer.evidence) == ((), (), (), ())
    assert events[0] == Retrieved((), ()) and len(events) == 2
    assert llm.prompts == []


def test_the_answer_is_in_the_language_of_the_follow_up(fake_assistant: Make) -> None:
    answer = fake_assistant().ask(
        "ومتى؟", history=[Turn("Who led the works at the harbour?", "Lina Haddad [1].")]
    )
    assert answer.language == "ar"
    assert answer.understood == "Who led the works at the harbour? (Lina Haddad) ومتى؟"


def test_a_question_that_depends_on_the_one_before_is_searched_for_with_it_and_asked_alone(
    fake_assistant: Make,
) -> None:
    llm = FakeLLM()
    first, dependent = "كم بلغت تكلفة المكتبة؟", "Who was mayor of that place?"
    answer = fake_assistant(llm=llm).ask(dependent, history=[Turn(first, "4 ملايين دينار [1].")])
    assert answer.understood == f"{first} (4 ملايين دينار) {dependent}"
    [prompt] = readings(llm)  # the question before it is not answered again
    assert dependent in prompt
    assert first not in prompt


def test_an_index_rebuilt_between_two_questions_is_picked_up(
    fake_assistant: Make, small_articles: Path
) -> None:
    assistant = fake_assistant()
    question = "How many tonnes of olives were gathered?"
    assert "900" in assistant.ask(question).text
    path = small_articles / "olives.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("900", "450"), encoding="utf-8")
    build_index(small_articles, "small", embedder=FakeEmbedder())
    answer = assistant.ask(question)
    assert "450" in answer.text
    assert (answer.generation, assistant.generation) == ("generation-0002", "generation-0002")


def test_an_index_rebuilt_in_the_middle_of_an_answer_does_not_disturb_it(
    fake_assistant: Make, small_articles: Path
) -> None:
    assistant = fake_assistant()
    events = assistant.stream(COST)
    first: list[Event] = [next(events)]
    (small_articles / "harbour.txt").unlink()
    build_index(small_articles, "small", allow_shrink=True, embedder=FakeEmbedder())
    answer = finished(first + list(events))
    assert (answer.generation, answer.citations[0].article_id) == ("generation-0001", "harbour")
    assert {article.id for article in assistant.articles()} == {"library", "olives"}


def test_two_threads_asking_at_once_get_their_own_answers(fake_assistant: Make) -> None:
    assistant = fake_assistant()
    questions = {
        COST: "harbour",
        "كم بلغت تكلفة المكتبة؟": "library",
        "How many tonnes of olives were gathered?": "olives",
    }
    start = threading.Barrier(2 * len(questions))
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def ask(question: str) -> None:
        try:
            start.wait(timeout=10)
            answers.extend(assistant.ask(question) for _ in range(3))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(question,)) for question in questions for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert len(answers) == 18
    assert {(a.question, a.citations[0].article_id) for a in answers} == set(questions.items())


def test_several_first_questions_at_once_open_one_generator(
    fake_assistant: Make, small_articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag import assistant as module

    opened: list[object] = []
    both_here = threading.Barrier(2)

    def open_generator(*_: object) -> object:
        opened.append(fake_generator())
        return opened[-1]

    monkeypatch.setattr(module, "open_generator", open_generator)
    fake_assistant()
    assistant = Assistant.open("small", embedder=FakeEmbedder())

    def ask() -> None:
        both_here.wait(timeout=10)
        assistant.ask(COST)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(opened) == 1
    assistant.close()


def test_retrieval_alone_runs_no_model_and_keeps_to_its_limit(fake_assistant: Make) -> None:
    llm = FakeLLM()
    assistant = fake_assistant(llm=llm)
    assert [p.chunk.article_id for p in assistant.retrieve("olives tonnes farmers", k=1)] == ["olives"]
    assert len(assistant.retrieve("olives", k=10)) == 3
    assert llm.prompts == []


def test_only_what_the_filter_allows_is_searched(fake_assistant: Make) -> None:
    assistant = fake_assistant()
    everything = {"harbour", "library", "olives"}
    allowed: list[tuple[Filter | None, set[str]]] = [
        (None, everything),
        (Filter(), everything),
        (Filter(language="en"), {"harbour", "olives"}),
        (Filter(("صحيفه النخيل",)), {"library"}),
        (Filter(since="2024-09", until="2024-09"), {"harbour"}),
        (Filter(since="2025"), set()),
    ]
    for where, expected in allowed:
        passages = assistant.retrieve(COST, where=where)
        assert {passage.chunk.article_id for passage in passages} == expected, where
        assert [passage.rank for passage in passages] == list(range(1, len(passages) + 1))
        assert {item.article_id for item in assistant.search(COST, where=where).evidence} <= expected
        assert {article.id for article in assistant.articles(where=where)} == expected
        answer = assistant.ask(COST, where=where)
        assert {cited.article_id for cited in answer.citations} <= expected
        assert answer.where == where


def test_the_best_of_what_is_allowed_is_found_though_others_are_nearer(
    fake_assistant: Make, small_articles: Path
) -> None:
    for n in range(60):
        (small_articles / f"copy{n:02}.txt").write_text(f"Copy {n}\n{COST}\n", encoding="utf-8")
    passages = fake_assistant().retrieve(COST, k=1, where=Filter(("Coast Daily",)))
    assert [passage.chunk.article_id for passage in passages] == ["harbour"]


@pytest.mark.parametrize(
    ("question", "expected", "outlet"),
    [
        (COST, "No article matches the filter (outlet “CNN”).", "“Coast Daily”"),
        ("كم بلغت تكلفة المكتبة؟", "لا يوجد مقال يطابق التصفية (الناشر «CNN»).", "«Coast Daily»"),
    ],
)
def test_a_filter_that_allows_nothing_is_answered_without_a_model(
    small_articles: Path, monkeypatch: pytest.MonkeyPatch, question: str, expected: str, outlet: str
) -> None:
    from rag import assistant as module

    def open_generator(*_: object) -> object:
        raise AssertionError("the generator was opened")

    monkeypatch.setattr(module, "open_generator", open_generator)
    build_index(small_articles, "small", embedder=FakeEmbedder())
    assistant = Assistant.open("small", embedder=FakeEmbedder())
    where = Filter(("CNN",))
    events = list(assistant.stream(question, where=where))
    answer = finished(events)
    assert events[0] == Retrieved((), ())
    assert len(events) == 2
    assert answer.text.startswith(expected)
    assert outlet in answer.text
    assert (answer.outcome, answer.model, answer.where) == ("not_found", "", where)
    assert (answer.claims, answer.citations, answer.passages, answer.evidence) == ((), (), (), ())
    assert assistant.search(question, where=where) == Retrieved((), ())
    assistant.close()


def test_a_filter_does_not_save_an_empty_question(fake_assistant: Make) -> None:
    with pytest.raises(BadQuestion, match="empty"):
        fake_assistant().ask(" ", where=Filter(("CNN",)))


def test_a_missing_index_is_reported_with_its_command_and_nothing_is_made(small_articles: Path) -> None:
    settings = Settings.load(articles=small_articles)
    with pytest.raises(IndexMissing, match=r"'mine'.*sanad index FOLDER --index mine$"):
        Assistant.open("mine", settings=settings, embedder=FakeEmbedder(), generator=fake_generator())
    assert not (settings.indexes / "mine").exists()


def test_the_default_index_is_built_when_it_is_missing(small_articles: Path) -> None:
    stages: list[str] = []
    assistant = Assistant.open(
        settings=Settings.load(articles=small_articles),
        embedder=FakeEmbedder(),
        generator=fake_generator(),
        progress=lambda what, _share: stages.append(what),
    )
    assert {article.id for article in assistant.articles()} == {"harbour", "library", "olives"}
    assert {"reading", "embedding"} <= set(stages)
    assistant.close()


def test_an_index_of_another_embedder_is_refused_at_opening(fake_assistant: Make) -> None:
    fake_assistant()
    with pytest.raises(IndexUnusable, match="fake:64"):
        Assistant.open("small", embedder=FakeEmbedder(32), generator=fake_generator())


def test_a_model_that_is_passed_in_is_not_taken_for_the_adapted_one(fake_assistant: Make) -> None:
    assert Settings.load().template == "adapted"
    assistant = fake_assistant()
    assert assistant.settings.template == assistant.beside("small").settings.template == "answer"
    assert fake_assistant(prompt="adapted").settings.template == "adapted"


def test_an_unknown_prompt_is_refused_at_opening(fake_assistant: Make) -> None:
    with pytest.raises(PromptBroken, match="'none'"):
        fake_assistant(prompt="none")


@pytest.mark.parametrize("name", ["", ".", "..", "../seeds", "a/b", "/etc", ".hidden", "a b", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_of_indexes_is_refused(small_articles: Path, name: str) -> None:
    with pytest.raises(BadSettings, match="not a valid index name"):
        build_index(small_articles, name, embedder=FakeEmbedder())
    with pytest.raises(BadSettings, match="not a valid index name"):
        Assistant.open(name, embedder=FakeEmbedder())
    assert not Settings.load().indexes.exists()


def test_building_reports_what_changed_and_what_was_skipped(small_articles: Path) -> None:
    (small_articles / "picture.txt").write_bytes(b"\x89PNG\0\0")
    first = build_index(small_articles, "x", embedder=FakeEmbedder())
    assert [(skipped.source, skipped.reason) for skipped in first.skipped] == [
        ("picture.txt", "is a binary file")
    ]
    assert first.written.added == ("harbour", "library", "olives")
    (small_articles / "olives.txt").unlink()
    second = build_index(small_articles, "x", allow_shrink=True, embedder=FakeEmbedder()).written
    assert (second.removed, second.embedded) == (("olives",), 0)


def test_a_folder_that_contains_the_indexes_is_refused(small_articles: Path) -> None:
    settings = Settings.load(indexes=small_articles / "made" / "indexes")
    with pytest.raises(BadArticles, match="SANAD_INDEXES"):
        build_index(small_articles, "small", settings=settings, embedder=FakeEmbedder())
    assert not settings.indexes.exists()


def test_another_chunk_size_cuts_and_embeds_again(small_articles: Path) -> None:
    embedder = FakeEmbedder()
    first = build_index(small_articles, "x", embedder=embedder).written
    again = build_index(
        small_articles, "x", embedder=embedder, settings=Settings.load(chunk_tokens=20)
    ).written
    assert (first.chunks, first.embedded) == (3, 3)
    assert again.chunks == again.embedded > 3


def test_a_folder_that_has_gone_leaves_its_index_as_it_was(
    fake_assistant: Make, small_articles: Path
) -> None:
    assistant = fake_assistant()
    shutil.rmtree(small_articles)
    with pytest.raises(BadArticles, match="articles"):
        build_index(small_articles, "small", embedder=FakeEmbedder())
    assert assistant.ask(COST).generation == "generation-0001"


def test_the_prompt_contains_the_evidence_the_question_and_the_language(fake_assistant: Make) -> None:
    llm = FakeLLM()
    assistant = fake_assistant(llm=llm, evidence=2)
    answers: list[Any] = [assistant.ask(COST), assistant.ask("كم بلغت تكلفة المكتبة؟")]
    for answer, prompt, language in zip(answers, llm.prompts, ("English", "Arabic"), strict=True):
        message = prompt.rpartition("user:\n")[2]
        assert answer.question in message
        assert language in message
        assert [f"[{item.number}]" in message for item in answer.evidence] == [True, True]
        assert all(item.text in message for item in answer.evidence)
        assert "[3]" not in message
