"""Prompt templates, and the messages that are built from question and evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from rag import Evidence
from rag.answering import translation
from rag.errors import PromptBroken
from rag.models.llm import prompt
from rag.models.llm.protocol import Message
from rag.settings import resource_dir

GOOD = "--- system\nBe exact.\n--- user\nEvidence:\n$evidence\n\n$question\nAnswer in $language."


def evidence(number: int, text: str, **changed: str | None) -> Evidence:
    source: dict[str, str | None] = {"outlet": None, "published": None} | changed
    return Evidence(
        number=number,
        article_id=changed.get("article") or "a",
        start=0,
        end=len(text),
        text=text,
        title=changed.get("title") or "",
        outlet=source["outlet"],
        published=source["published"],
        source="a.txt",
        line=1,
        score=0.5,
    )


def words(text: str) -> int:
    return len(text.split())


def built(question: str = "Why?", *texts: str, budget: int = 10_000, template: str = GOOD) -> list[Message]:
    numbered = [evidence(n, text) for n, text in enumerate(texts, start=1)]
    messages, kept = prompt.build(
        prompt.parse(template, name="test.txt"),
        question=question,
        evidence=numbered,
        language="en",
        count=words,
        budget=budget,
    )
    assert list(kept) == numbered[: len(kept)]
    assert all(f"[{item.number}] " in messages[-1].content for item in kept)
    return list(messages)


def test_a_template_becomes_messages_in_order() -> None:
    messages = prompt.parse(f"--- user\nHello?\n--- assistant  \nYes.\n{GOOD}", name="x")
    assert [m.role for m in messages] == ["user", "assistant", "system", "user"]
    assert [m.content for m in messages][:3] == ["Hello?", "Yes.", "Be exact."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must start with a line"),
        ("$evidence $question $language", "must start with a line"),
        ("Hello\n" + GOOD, "must start with a line"),
        ("--- narrator\n$evidence $question $language", "must start with a line"),
        ("---user\n$evidence $question $language", "must start with a line"),
        (GOOD + "\n--- assistant\nThe answer is", "must end with a '--- user' message"),
        ("--- user\n$evidence $question $language\n--- system\nx", "must end with a '--- user' message"),
        (GOOD.replace("$evidence", ""), "lacks $evidence"),
        (GOOD.replace("$question", ""), "lacks $question"),
        (GOOD.replace("$language", "English"), "lacks $language"),
        ("--- user\nHello", "lacks $evidence and lacks $language and lacks $question"),
        (GOOD + " $today", "names the unknown $today"),
        (GOOD + " ${today}", "names the unknown $today"),
        (GOOD + " $Question", "names the unknown $Question"),
        (GOOD.replace("$question", "$questions"), "lacks $question and names the unknown $questions"),
        (GOOD + " costs 5$", "stray '$'"),
        (GOOD + " costs $5", "stray '$'"),
        (GOOD + " ${question", "stray '$'"),
    ],
)
def test_a_broken_template_is_refused_with_its_name_and_fault(text: str, expected: str) -> None:
    with pytest.raises(PromptBroken) as raised:
        prompt.parse(text, name="mine.txt")
    assert "mine.txt" in str(raised.value)
    assert expected in str(raised.value)


@pytest.mark.parametrize("name", sorted(p.stem for p in resource_dir("prompts").glob("*.txt")))
def test_every_shipped_template_loads_and_ends_with_the_question(name: str) -> None:
    translating = {f"translate_{language}": translation.VARIABLES for language in ("en", "ar")}
    messages = prompt.load(name, translating.get(name, prompt.VARIABLES))
    assert messages[-1].role == "user"
    assert ("$text" if name.startswith("translate") else "$question") in messages[-1].content


@pytest.mark.parametrize("name", ["none", "", "../seeds/seeds", "answer.txt", "a/b"])
def test_an_unknown_template_is_refused_with_the_known_names(name: str) -> None:
    with pytest.raises(PromptBroken) as raised:
        prompt.load(name)
    assert repr(name) in str(raised.value)
    assert "answer" in str(raised.value)


def test_variables_are_filled_in() -> None:
    (system, user) = built("Who came?", "First.", "Second\nline.")
    assert system == Message("system", "Be exact.")
    assert user.content == "Evidence:\n[1] First.\n[2] Second line.\n\nWho came?\nAnswer in English."


@pytest.mark.parametrize(
    "text", ["$question", "${evidence} $$ $5", "{x} {0} %s", "--- system", "\\1 \\g{0}", "9: $"]
)
def test_signs_in_evidence_and_question_are_left_alone(text: str) -> None:
    (_, user) = built(text, text)
    assert user.content == f"Evidence:\n[1] {text}\n\n{text}\nAnswer in English."


def test_a_doubled_dollar_in_a_template_is_a_dollar() -> None:
    (_, user) = built(template=GOOD + " It costs $$5.")
    assert user.content.endswith("It costs $5.")


def test_evidence_is_numbered_one_line_each_without_outlet_and_date() -> None:
    items = [evidence(1, "A.", outlet="Coast Daily", published="2024-09-06"), evidence(2, "B\nb.")]
    assert prompt.numbered(items) == "[1] A.\n[2] B b."


def test_headlines_are_left_out_by_default() -> None:
    assert prompt.numbered([evidence(1, "A.", title="Port")]) == "[1] A."


def test_an_articles_headline_is_written_once_above_its_sentences() -> None:
    items = [
        evidence(1, "A.", article="port", title="Port\nreopens"),
        evidence(2, "B.", article="rain", title="Rain"),
        evidence(3, "C.", article="port", title="Port\nreopens"),
        evidence(4, "D.", article="note", title=""),
    ]
    shown = prompt.by_article(items)
    assert [item.text for item in shown] == ["D.", "A.", "C.", "B."]
    assert prompt.numbered(shown, headlines=True).split("\n") == [
        "[1] D.",
        "# Port reopens",
        "[2] A.",
        "[3] C.",
        "# Rain",
        "[4] B.",
    ]


def test_a_headline_has_the_wording_of_its_sentences_and_is_cut_where_it_is_long() -> None:
    (line, _) = prompt.numbered([evidence(1, "A.", title="Long " * 1000)], str.upper, headlines=True).split(
        "\n"
    )
    assert line.startswith("# LONG LONG ")
    assert len(line) <= prompt.LONGEST_HEADLINE + len(prompt.HEADLINE)


def test_the_best_sentence_can_be_in_the_middle_and_is_left_out_last() -> None:
    items = [evidence(n, text) for n, text in enumerate("abcdef", start=1)]
    assert [item.text for item in prompt.rotated(items)] == list("defabc")
    assert [item.text for item in prompt.rotated(items[:5])] == list("cdeab")
    assert prompt.rotated(items[:1]) == (items[0],)

    def build(budget: int) -> tuple[Sequence[Message], tuple[Evidence, ...]]:
        template = prompt.parse(GOOD, name="test.txt")
        return prompt.build(
            template,
            question="Why?",
            evidence=items,
            language="en",
            count=words,
            budget=budget,
            order=prompt.rotated,
        )

    messages, shown = build(10_000)
    assert "[1] d\n[2] e\n[3] f\n[4] a\n[5] b\n[6] c\n" in messages[-1].content
    assert list(shown) == items
    length = sum(words(m.content) + prompt.MESSAGE_TOKENS for m in messages)
    messages, shown = build(length - 4)  # a number and a letter each
    assert "[1] c\n[2] d\n[3] a\n[4] b\n" in messages[-1].content
    assert list(shown) == items[:4]


def test_evidence_that_does_not_fit_is_left_out_last_first() -> None:
    texts = ("one " * 20, "two " * 20, "three " * 20)
    length = sum(words(m.content) + prompt.MESSAGE_TOKENS for m in built("Why?", *texts))
    assert "[3]" in built("Why?", *texts, budget=length)[-1].content
    shorter = built("Why?", *texts, budget=length - 1)[-1].content
    assert re.findall(r"\[\d\]", shorter) == ["[1]", "[2]"]
    shortest = built("Why?", *texts, budget=length - 30)[-1].content
    assert re.findall(r"\[\d\]", shortest) == ["[1]"]


def test_a_question_that_leaves_no_room_for_any_evidence_is_refused_with_the_budget() -> None:
    with pytest.raises(PromptBroken, match="40 tokens"):
        built("why " * 10, "evidence " * 30, budget=40)
    with pytest.raises(PromptBroken, match="40 tokens"):
        built("why " * 100, "evidence", budget=40)
