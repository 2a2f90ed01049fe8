"""The model is called in one place; an unsure reply is asked for again over the evidence in another order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trained_prompt
from contexts import ADAPTED, Replying, context
from shown import source
from trained_prompt import Reading, ScriptedReply

from rag import Answer
from rag.answering import answer_builder
from rag.answering.draft import Confidence, Draft
from rag.answering.generation import UNSURE, ask_whether_done, generate, read_again, read_on
from rag.answering.pipeline import Steps, checked
from rag.conversation.decompose import Part, whole
from rag.language.glossing.gloss import gloss
from rag.language.glossing.questions import gloss_question
from rag.models.llm import prompt
from rag.records import Evidence, Language, Retrieved
from rag.settings import Settings

FERRY = "The ferry to the island carries 300 passengers a day."
CRANE = "The crane beside the ferry was painted on Monday."
QUESTION = "How many passengers does the ferry carry?"


def ask(tmp_path: Path, generator: Reading, *texts: str, without: Sequence[str] = ("cross_check",)) -> Answer:
    return trained_prompt.ask(tmp_path, generator, *texts, question=QUESTION, without=without)


def _places(prompt: str) -> dict[str, int]:
    """The number of each sentence in a prompt."""
    return {text: int(number) for number, text in re.findall(r"^\[(\d)\] (.+)$", prompt, re.MULTILINE)}


def test_an_unsure_refusal_gives_way_to_a_sentence_that_is_cited_in_another_order(tmp_path: Path) -> None:
    generator = Reading(("[0]", UNSURE - 0.1), ("[2] 300 passengers", 0.9))
    answer = ask(tmp_path, generator, FERRY, CRANE)
    assert _places(generator.prompts[0]) == {FERRY: 1, CRANE: 2}
    assert _places(generator.prompts[1]) == {CRANE: 1, FERRY: 2}
    expected = "300 passengers: “The ferry to the island carries 300 passengers a day.” [1]"
    assert (answer.outcome, answer.text) == ("answered", expected)
    assert [citation.quote for citation in answer.citations] == [FERRY], "a place is not a rank"
    assert [item.text for item in answer.evidence] == [FERRY, CRANE], (
        "best first, in whatever order it was read"
    )


def test_a_confident_reply_is_not_asked_for_again(tmp_path: Path) -> None:
    generator = Reading(("[1] 300 passengers", 0.99))
    assert ask(tmp_path, generator, FERRY, CRANE).outcome == "answered"
    assert len(generator.prompts) == 1


def test_one_sentence_has_no_other_order(tmp_path: Path) -> None:
    generator = Reading(("[0]", 0.4))
    assert ask(tmp_path, generator, FERRY).outcome == "not_found"
    assert len(generator.prompts) == 1


def test_reading_again_can_be_left_out(tmp_path: Path) -> None:
    generator = Reading(("[0]", 0.4), ("[2] 300 passengers", 0.9))
    assert (
        ask(tmp_path, generator, FERRY, CRANE, without=["cross_check", "read_again"]).outcome == "not_found"
    )
    assert len(generator.prompts) == 1


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (("[0]", 0.5), ("[2] 300", 0.3), 1),
        (("[0]", 0.3), ("[0]", 0.9), 0),
        (("[0]", 0.5), ("", 0.9), 0),
        (("[0]", 0.5), ("[2] 900", None), 0),
    ],
)
def test_a_refusal_of_low_confidence_gives_way_to_a_citation(
    first: ScriptedReply, second: tuple[str, float | None], kept: int
) -> None:
    shown = [source(FERRY, 1), source(CRANE, 2)]
    draft = generate(QUESTION, shown, context(Reading(first)))
    text, choice = second
    again = Reading((text, choice)) if choice is not None else Replying(text)
    after = read_again(draft, context(again))
    assert len(again.prompts) == 1
    reread = generate(QUESTION, shown, context(again), order=prompt.rotated)
    assert draft != reread
    assert after == (draft, reread)[kept]


def test_a_citation_is_not_asked_for_again() -> None:
    again = Reading(("[2] 900", 0.9))
    draft = generate(QUESTION, [source(FERRY, 1), source(CRANE, 2)], context(Reading(("[1] 300", 0.3))))
    assert read_again(draft, context(again)) is draft
    assert again.prompts == []


def test_a_reply_of_unknown_confidence_is_not_asked_for_again() -> None:
    again = Replying("[2] 300")
    draft = generate(QUESTION, [source(FERRY, 1), source(CRANE, 2)], context(Replying("[0]")))
    assert draft.confidence is None
    assert read_again(draft, context(again)) is draft
    assert again.prompts == []


def test_without_evidence_the_model_is_not_asked() -> None:
    model = Replying("[1] 300 passengers")
    draft = generate(QUESTION, [], context(model))
    assert draft.refused
    assert model.prompts == []


HARBOUR = "أعيد فتح ميناء صور في مايو."


@pytest.mark.parametrize(
    ("question", "language", "prompt_name", "shown"),
    [
        ("When did the port reopen?", "en", "adapted", f"# Title\n[1] {gloss(HARBOUR)}"),
        ("When did the port reopen?", "ar", "adapted", f"[1] {HARBOUR}"),
        ("متى أعيد فتح الميناء؟", "ar", "adapted", f"[1] {HARBOUR}"),
        ("متى أعيد فتح الميناء؟", "en", "adapted", f"[1] {HARBOUR}"),
        ("When did the port reopen?", "en", "answer", f"[1] {HARBOUR}"),
    ],
)
def test_the_adapted_model_reads_glosses_below_headlines_where_question_and_answer_are_english(
    question: str, language: Language, prompt_name: str, shown: str
) -> None:
    model = Replying("[1] May")
    settings = Settings(embedder="fake", backend="fake", prompt=prompt_name)
    draft = generate(
        question, [source(HARBOUR, 1), source(FERRY, 2)], context(model, language, settings=settings)
    )
    assert f"{shown}\n[2] {FERRY}" in model.prompts[0]
    assert ("# Title" in model.prompts[0]) == shown.startswith("#")
    assert draft.statements[0].cited[0].text == HARBOUR, "what is cited is the article's own sentence"


LIBRARY = "تضم مكتبة صور 25 ألف كتاب."
WHEN = "متى أعيد فتح الميناء؟"


@pytest.mark.parametrize(
    ("reply", "expected", "sentence"),
    [
        ("[1] May", "مايو", HARBOUR),
        ("[2] 25 thousand books", "", LIBRARY),
        ("[1] the port of Tyre was reopened", "", HARBOUR),
    ],
    ids=["a month that tables know", "words", "a sentence"],
)
def test_after_an_unsure_refusal_an_arabic_question_is_read_over_glosses(
    reply: str, expected: str, sentence: str
) -> None:
    model = Reading(("[0]", UNSURE - 0.1), (reply, 0.9))
    shown = (source(HARBOUR, 1), source(LIBRARY, 2))
    draft = checked(
        whole(WHEN),
        Retrieved((), shown),
        context(model, "ar", settings=ADAPTED),
        Steps().without(["cross_check"]),
    )
    assert f"[1] {HARBOUR}\n[2] {LIBRARY}" in model.prompts[0]
    assert f"# Title\n[1] {gloss(HARBOUR)}\n[2] {gloss(LIBRARY)}" in model.prompts[1]
    assert f"{gloss_question(WHEN)}\nAnswer in English" in model.prompts[1]
    assert draft.question == WHEN
    text = answer_builder.build([draft], "ar").text
    assert text.startswith(expected or f"جاء في المقال: «{sentence}»"), (
        "English words give way to the sentence"
    )
    assert sentence in text


def test_an_arabic_question_to_another_model_is_read_in_another_order() -> None:
    shown = [source(HARBOUR, 1), source(LIBRARY, 2)]
    first = generate(WHEN, shown, context(Reading(("[0]", UNSURE - 0.1)), "ar"))
    again = Reading(("[2] مايو", 0.9))
    read_again(first, context(again, "ar"))
    assert f"[1] {LIBRARY}\n[2] {HARBOUR}" in again.prompts[0]


HARBOURS = [f"The harbour of town {number} was widened in {2000 + number}." for number in range(1, 10)]
SHOWN = tuple(source(text, number) for number, text in enumerate(HARBOURS, start=1))


def _read_on(model: Reading | Replying, evidence: Sequence[Evidence], **changed: Any) -> Draft:
    """The draft after ``read_on`` where the search returns these sentences, best first."""

    def search(_question: str, *_articles: Any, sentences: int | None = None, **_limits: Any) -> Retrieved:
        return Retrieved((), tuple(evidence[: sentences or 6]))

    shared = context(model, search=search, **changed)
    draft = generate(QUESTION, evidence[:6], shared)
    return read_on(dataclasses.replace(draft, part=whole(QUESTION)), shared)


def _shown(prompt: str) -> list[str]:
    return re.findall(r"^\[\d\] (.+)$", prompt, re.MULTILINE)


@pytest.mark.parametrize(
    ("reply", "deciding", "kept", "cited"),
    [("[2] 2008", "[6] 2008", 5, [7]), ("[2] 2008 [3] 2009", "[5] 2008 [6] 2009", 4, [7, 8])],
)
def test_after_a_refusal_the_next_sentences_are_read_and_those_cited_again_among_the_first_ones(
    reply: str, deciding: str, kept: int, cited: list[int]
) -> None:
    model = Reading(("[0]", 0.99), (reply, 0.7), (deciding, 0.7))
    draft = _read_on(model, SHOWN)
    cited_texts = [HARBOURS[at] for at in cited]
    assert list(map(_shown, model.prompts)) == [HARBOURS[:6], HARBOURS[6:], [*HARBOURS[:kept], *cited_texts]]
    assert [item.text for statement in draft.statements for item in statement.cited] == cited_texts
    assert not draft.refused


@pytest.mark.parametrize(
    "replies",
    [
        [("[0]", 0.9)],
        [("[2] 2008", 0.9), ("[0]", 0.5)],
        [("[2] 2008", 0.9), ("[6] 2008", 0.4)],
        [("", 0.9)],
        [("[9] 2008", 0.9)],
        [("It was widened in 2008.", 0.9)],
    ],
    ids=[
        "next ones refused",
        "all refused",
        "improbable",
        "nothing written",
        "no such sentence",
        "none cited",
    ],
)
def test_a_refusal_stays_where_no_next_sentence_is_probable_among_the_first_ones(
    replies: list[ScriptedReply],
) -> None:
    model = Reading(("[0]", 0.99), *replies)
    draft = _read_on(model, SHOWN)
    assert (draft.refused, draft.statements) == (True, ())
    assert len(model.prompts) == 1 + len(replies)


def test_the_next_sentences_together_keep_to_the_limit_of_the_first_ones() -> None:
    long = source("The harbour " + "of the town " * 12 + "was widened.", 7)
    model = Reading(("[0]", 0.99), ("[1] 2007", 0.9), ("[2] 2007", 0.9))
    settings = dataclasses.replace(ADAPTED, evidence_tokens=30)
    _read_on(model, [*SHOWN[:7], long, SHOWN[8]], settings=settings)
    assert _shown(model.prompts[1]) == [HARBOURS[6], HARBOURS[8]], "one that does not fit is passed over"
    assert _shown(model.prompts[2]) == [HARBOURS[0], HARBOURS[6]]


@pytest.mark.parametrize("model", [Reading(("[1] 2001", 0.3)), Replying("[0]")], ids=["cited", "unknown"])
def test_no_more_is_read_after_an_answer_or_a_reply_of_unknown_confidence(
    model: Reading | Replying,
) -> None:
    _read_on(model, SHOWN)
    assert len(model.prompts) == 1


def test_where_no_more_sentences_are_found_the_model_is_not_asked_again() -> None:
    model = Reading(("[0]", 0.99))
    assert _read_on(model, SHOWN[:6]).refused
    assert len(model.prompts) == 1


def test_more_is_searched_for_a_follow_up_in_the_same_way_as_its_evidence() -> None:
    searched: list[tuple[str, Any, Any]] = []

    def search(question: str, *_articles: Any, sentences: int | None = None, **options: Any) -> Retrieved:
        searched.append((question, sentences, options["follow_up"]))
        return Retrieved((), SHOWN)

    part = Part("By whom?", "By whom?", "Who built the harbour? By whom?", follow_up="By whom?")
    refused = Draft(part.asked, SHOWN[:6], refused=True, confidence=SURELY, part=part)
    read_on(refused, context(Reading(("[0]", 0.9)), search=search))
    assert searched == [(part.searched, 12, part.follow_up)]


SURELY = Confidence(0.9, words=True)


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("When will the port open?", "en", "When will the port open? Or has it already happened?"),
        ("when will the port open", "en", "when will the port open? Or has it already happened?"),
        ("متى سيفتح الميناء؟", "ar", "متى سيفتح الميناء؟ أم حدث ذلك بالفعل؟"),
    ],
)
def test_a_refused_question_about_the_future_is_asked_about_the_past_too(
    question: str, language: Language, expected: str
) -> None:
    model = Reading(("[1] 2001", 0.7))
    refused = Draft(question, SHOWN[:2], refused=True, confidence=SURELY)
    draft = ask_whether_done(refused, context(model, language))
    assert expected in model.prompts[0]
    assert (draft.question, draft.refused, draft.happened) == (question, False, True)
    assert [item.text for item in draft.statements[0].cited] == HARBOURS[:1]


def test_about_the_past_the_next_sentences_are_read_too() -> None:
    model = Reading(("[0]", 0.9), ("[1] 2007", 0.7), ("[6] 2007", 0.7))
    part = whole("When will the harbour be widened?")
    refused = Draft(part.asked, SHOWN[:6], refused=True, confidence=SURELY, part=part)
    shared = context(model, search=lambda *_question, **_limits: Retrieved((), SHOWN))
    draft = ask_whether_done(refused, shared)
    assert len(model.prompts) == 3
    assert all("Or has it already happened?" in prompt for prompt in model.prompts)
    assert [item.text for item in draft.statements[0].cited] == HARBOURS[6:7]
    assert draft.question == part.asked


AHEAD = "When will the port open?"


@pytest.mark.parametrize(
    ("draft", "reply", "prompts"),
    [
        (Draft("When did it open?", SHOWN[:2], refused=True, confidence=SURELY), "[1] 2001", 0),
        (Draft(AHEAD, SHOWN[:2], confidence=SURELY), "[1] 2001", 0),
        (Draft(AHEAD, SHOWN[:2], refused=True), "[1] 2001", 0),
        (Draft(f"{AHEAD} By whom?", SHOWN[:2], refused=True, confidence=SURELY), "[1] 2001", 0),
        (Draft("Who will open it?", SHOWN[:2], refused=True, confidence=SURELY), "[1] 2001", 0),
        (Draft("ما اسم الوزير الذي سيزور دمشق؟", SHOWN[:2], refused=True, confidence=SURELY), "[1] 2001", 0),
        (Draft(AHEAD, SHOWN[:2], refused=True, confidence=SURELY), "[0]", 1),
    ],
    ids=["past", "answered", "unknown model", "another one depends on it", "who", "name", "refused again"],
)
def test_no_other_question_is_asked_about_the_past_and_a_second_refusal_stays(
    draft: Draft, reply: str, prompts: int
) -> None:
    model = Reading((reply, 0.9))
    assert ask_whether_done(draft, context(model)) is draft
    assert len(model.prompts) == prompts


def test_an_improbable_reply_does_not_count() -> None:
    draft = Draft(AHEAD, SHOWN[:2], refused=True, confidence=SURELY)
    assert ask_whether_done(draft, context(Reading(("[1] has opened", 0.4)))) is draft


def test_in_a_whole_answer_a_refusal_is_asked_about_the_past(tmp_path: Path) -> None:
    sentence = "The troops have left the base, the ministry said."
    model = Reading(("[0]", 0.9), ("[1] they have left", 0.7))
    answer = trained_prompt.ask(
        tmp_path, model, sentence, question="When will the troops leave the base?", without=["cross_check"]
    )
    assert answer.outcome == "answered"
    assert answer.text == "they have left [1]"
    assert [citation.quote for citation in answer.citations] == [sentence]


def test_in_a_whole_answer_the_next_sentences_are_read(tmp_path: Path) -> None:
    model = Reading(("[0]", 0.9), ("[1] widened", 0.7), ("[6] widened", 0.7))
    answer = trained_prompt.ask(
        tmp_path, model, " ".join(HARBOURS), question="What was done to the harbour?", without=["cross_check"]
    )
    first, following, deciding = map(_shown, model.prompts)
    assert set(first).isdisjoint(following)
    assert deciding == [*first[:5], following[0]]
    assert [citation.quote for citation in answer.citations] == following[:1]
