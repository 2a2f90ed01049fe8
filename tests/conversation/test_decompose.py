"""A question of two parts is asked part by part; one question stays one."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Assistant, Settings
from rag.conversation.decompose import MOST, decompose, parts
from rag.conversation.rewrite import Standalone
from rag.index.indexing import build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM, fake_generator

LONGEST = 1000


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What did Iraq ask for in public, and what do its officials fear?",
            [
                "What did Iraq ask for in public?",
                "What did Iraq ask for in public? What do its officials fear?",
            ],
        ),
        ("Who leads Hamas and who leads Hezbollah?", ["Who leads Hamas?", "Who leads Hezbollah?"]),
        (
            "Where is the port? When does it open?",
            ["Where is the port?", "Where is the port? When does it open?"],
        ),
        (
            "When do they leave, and which bases do they keep?",
            ["When do they leave?", "When do they leave? Which bases do they keep?"],
        ),
        (
            "Which company built the bridge, and who paid for it, and when did the ferry stop?",
            [
                "Which company built the bridge?",
                "Which company built the bridge? Who paid for it?",
                "When did the ferry stop?",
            ],
        ),
        (
            "When did the workers strike, and how did it end?",
            ["When did the workers strike?", "When did the workers strike? How did it end?"],
        ),
        (
            "متى كان على السفن أن تغادر، وهل تم بالفعل؟",
            ["متى كان على السفن أن تغادر؟", "متى كان على السفن أن تغادر؟ هل تم بالفعل؟"],
        ),
        (
            "By when are the troops to leave, and have they?",
            ["By when are the troops to leave?", "By when are the troops to leave? Have they?"],
        ),
        (
            "متى كان على السفن أن تغادر، وهل تم ذلك؟",
            ["متى كان على السفن أن تغادر؟", "متى كان على السفن أن تغادر؟ هل تم ذلك؟"],
        ),
        (
            "ماذا يعلن رئيس البلدية بشأن الميناء، ومم يخاف التجار سرا؟",
            ["ماذا يعلن رئيس البلدية بشأن الميناء؟", "مم يخاف التجار سرا؟"],
        ),
        (
            "What do the mayor and the Daily Post each report on the port's future?",
            [
                "What does the mayor report on the port's future?",
                "What does the Daily Post report on the port's future?",
            ],
        ),
        (
            "ماذا تقول كل من البلدية وشركة المياه عن مستقبل الميناء؟",
            ["ماذا تقول البلدية عن مستقبل الميناء؟", "ماذا تقول شركة المياه عن مستقبل الميناء؟"],
        ),
        (
            "متى وصل كل من وزير الخارجية ورئيس الوزراء؟",
            ["متى وصل وزير الخارجية؟", "متى وصل رئيس الوزراء؟"],
        ),
        (
            "متى غادر كل من حماس وفتح؟",
            ["متى غادر حماس؟", "متى غادر فتح؟"],
        ),
        (
            "متى غادر كل من الوزير ونائبه؟",
            ["متى غادر الوزير؟", "متى غادر نائبه؟"],
        ),
        ("ما سعر كل من يورو ودولار؟", ["ما سعر يورو؟", "ما سعر دولار؟"]),
        (
            "ماذا حدث في كل من يوم السبت ويوم الأحد؟",
            ["ماذا حدث في يوم السبت؟", "ماذا حدث في يوم الأحد؟"],
        ),
        (
            "من فاز بالسباق وبماذا وعد جمهوره؟",
            ["من فاز بالسباق؟", "من فاز بالسباق؟ بماذا وعد جمهوره؟"],
        ),
        (
            "Which minister resigned, and which body said it would not meet?",
            ["Which minister resigned?", "Which body said it would not meet?"],
        ),
        ("من يقود الحزب الأول ومن يقود الحزب الثاني؟", ["من يقود الحزب الأول؟", "من يقود الحزب الثاني؟"]),
        (
            "متى تنسحب القوات من الميناء، وأين تتمركز بعد ذلك؟",
            ["متى تنسحب القوات من الميناء؟", "متى تنسحب القوات من الميناء؟ أين تتمركز بعد ذلك؟"],
        ),
    ],
)
def test_a_question_of_several_parts_is_split(question: str, expected: list[str]) -> None:
    assert [part.asked for part in parts(question, longest=LONGEST)] == expected


def test_a_subquestion_that_depends_on_another_is_searched_for_with_the_whole_question() -> None:
    question = "Where is the port, and when does it open?"
    _, part = parts(question, longest=LONGEST)
    assert part.own == "When does it open?"
    assert part.searched == f"{part.asked} {question}"


def test_a_follow_up_is_searched_for_with_the_question_before_and_ranks_the_sentences() -> None:
    joined = Standalone("Where is the port? When does it open?", asked="When does it open?")
    (part,) = decompose(joined, longest=LONGEST)
    assert (part.searched, part.follow_up) == (joined.text, joined.asked)
    (alone,) = decompose(Standalone("Where is the port?"), longest=LONGEST)
    assert alone.follow_up == ""


def test_a_subquestion_that_would_grow_too_long_is_asked_in_its_own_words() -> None:
    _, part = parts("Where is the port, and when does it open?", longest=30)
    assert part.asked == part.own == "When does it open?"


@pytest.mark.parametrize(
    "question",
    [
        "When and where did the talks begin?",
        "What did he say about who will pay and who will not?",
        "How many died and how many were hurt in the attack on the base?",
        "What are Iran and Hezbollah saying?",
        "Did Austin or Sudani sign the statement?",
        "Is the bridge open?",
        "How much do mother and child each day need?",
        "The minister resigned, and who follows him?",
        "Were any ships in the port before the strike?",
        "Are there more than three ships in the port?",
        "Was the port closed before or after noon?",
        "Is the harbour larger than it was?",
        "هل عاد العمال قبل الإضراب؟",
        "هل عدد السفن أكبر الآن؟",
        "متى وأين وقع الهجوم؟",
        "من العراق ومن سوريا من انسحب؟",
        "كم قتل وكم جرح في الهجوم؟",
        "هل انسحبت القوات من العراق وما زالت في سوريا؟",
        "هل وافق كل من حضر الاجتماع وصوّت عليه؟",
        "هل وافق كل من حضر الاجتماع والمؤتمر؟",
        "هل سيعاقب كل من شارك في الهجوم وأصيب فيه؟",
        "هل يعود كل من يعيش هناك ويعمل فيها؟",
    ],
)
def test_one_question_stays_one(question: str) -> None:
    assert [part.asked for part in parts(question, longest=LONGEST)] == [question]


def test_many_spaces_take_no_time() -> None:
    started = time.process_time()
    assert len(parts("من غادر" + " " * 1980 + "each x", longest=LONGEST)) == 1
    assert time.process_time() - started < 1


@given(st.text(max_size=200))
def test_any_text_is_decomposed_without_an_error(question: str) -> None:
    decomposed = parts(question, longest=LONGEST)
    assert 1 <= len(decomposed) <= MOST
    assert len(decomposed) > 1 or decomposed[0].asked == question


ARTICLES = {
    "port.txt": "The new port opened in 2019, the ministry said.",
    "strike.txt": "The workers ended their strike in 2021, the union said.",
}

BOTH = "When did the port open, and when did the workers end their strike?"


def ask(
    tmp_path: Path, replies: list[str], question: str, without: Sequence[str] = ()
) -> tuple[Answer, FakeLLM]:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    settings = Settings(embedder="fake", backend="fake", indexes=tmp_path / "indexes", prompt="adapted")
    build_index(folder, "mine", settings=settings, embedder=FakeEmbedder())
    llm = FakeLLM.scripted(replies)
    assistant = Assistant.open(
        "mine", settings=settings, embedder=FakeEmbedder(), generator=fake_generator(llm)
    )
    assistant.steps = assistant.steps.without(without)
    try:
        return assistant.ask(question), llm
    finally:
        assistant.close()


def replies(tmp_path: Path, *sentences: str) -> list[str]:
    """Replies that each cite the sentence with their year by its number in the prompt."""
    _, llm = ask(tmp_path, ["[0]"] * len(sentences), BOTH)
    numbered = [dict(re.findall(r"\[(\d)\].*?\b(20\d\d)\b", prompt)) for prompt in llm.prompts]
    number = [{year: n for n, year in years.items()} for years in numbered]
    return [f"[{number[i][text[-4:]]}] {text}" for i, text in enumerate(sentences)]


def test_each_subquestion_is_asked_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "dry").mkdir()
    answer, llm = ask(tmp_path, replies(tmp_path / "dry", "in 2019", "in 2021"), BOTH)
    expected = [
        "in 2019: “The new port opened in 2019, the ministry said.” [1]",
        "in 2021: “The workers ended their strike in 2021, the union said.” [2]",
    ]
    assert (answer.outcome, answer.text) == ("answered", "\n".join(expected))
    assert [citation.source for citation in answer.citations] == ["port.txt", "strike.txt"]
    assert [answer.text[claim.start : claim.end] for claim in answer.claims] == expected
    assert answer.understood == "When did the port open? When did the workers end their strike?"
    assert len(llm.prompts) == 2
    assert "strike" not in llm.prompts[0].split("Question:")[-1]
    assert [item.number for item in answer.evidence] == list(range(1, len(answer.evidence) + 1))


def test_a_subquestion_without_an_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / "dry").mkdir()
    answer, _ = ask(tmp_path, [*replies(tmp_path / "dry", "in 2019"), "[0]"], BOTH)
    assert answer.outcome == "partial"
    expected = "in 2019: “The new port opened in 2019, the ministry said.” [1]"
    assert answer.text == f"{expected}\nNo answer was found to: “When did the workers end their strike?”"
    assert [claim.text for claim in answer.claims] == [expected]


def test_without_any_answer_the_articles_do_not_say(tmp_path: Path) -> None:
    answer, _ = ask(tmp_path, ["[0]", "[0]"], BOTH)
    assert (answer.outcome, answer.text, answer.citations) == ("not_found", "The articles do not say.", ())


def test_a_sentence_that_answers_both_is_cited_once(tmp_path: Path) -> None:
    question = "When did the new port open? What opened in 2019?"
    answer, _ = ask(tmp_path, ["[1] in 2019", "[1] The new port"], question)
    assert (
        answer.text == "in 2019: “The new port opened in 2019, the ministry said.” [1]\n"
        "What opened in 2019? The new port [1]"
    )
    assert len(answer.citations) == 1


def test_decomposing_can_be_left_out(tmp_path: Path) -> None:
    _, llm = ask(tmp_path, ["[1] in 2019"], BOTH, without=["decompose"])
    assert len(llm.prompts) == 1
