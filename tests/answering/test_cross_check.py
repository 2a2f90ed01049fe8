"""Other articles are searched too; their answers are shown beside the first one, or cited with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag import Answer, Assistant, Settings
from rag.answering import confidence, cross_check
from rag.answering.decision import settle
from rag.answering.draft import Confidence, Draft, Statement
from rag.index.indexing import build_index
from rag.models.embedding.embedder import FakeEmbedder
from rag.models.llm.fake import FakeLLM
from rag.models.llm.protocol import LogProbabilities, Message
from rag.records import Evidence

ARTICLES = {
    "plan.txt": "The ministry said that the troops will leave the base in 2025.",
    "report.txt": "The last troops left the base in 2026, the ministry said.",
    "copy.txt": "The troops will leave the base in 2025, a spokesman said on Monday.",
    "other.txt": "The troops will leave the base in 2026, a paper wrote.",
    "count.txt": "About 900 troops live at the base, the ministry said.",
}


CHOICE, WORDS = confidence.CHOICE, confidence.WORDS

SURE, UNSURE = -0.01, -3.0
"""Log probabilities of a token."""
TOKENS = 8
"""Of a scripted reply."""


class Confident:
    """A scripted generator with high probabilities for every word, under the adapted model's identity."""

    context = 8192
    identity = confidence.load().fitted_for

    def __init__(self, llm: FakeLLM, unsure_of: int | None, unsure_from: int) -> None:
        self._llm = llm
        self._unsure_of, self._unsure_from = unsure_of, unsure_from

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> Generator[str, None, LogProbabilities | None]:
        call = len(self._llm.prompts)
        yield from self._llm.stream(messages, max_tokens=max_tokens)
        start = self._unsure_from if call == self._unsure_of else TOKENS
        return (SURE,) * start + (UNSURE,) * (TOKENS - start)


def ask(
    tmp_path: Path,
    replies: list[str],
    *names: str,
    without: Sequence[str] = (),
    unsure_of: int | None = None,
    unsure_from: int = WORDS,
    articles: Mapping[str, str] = ARTICLES,
) -> tuple[Answer, FakeLLM]:
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(articles[name], encoding="utf-8")
    settings = Settings(
        embedder="fake",
        backend="fake",
        indexes=tmp_path / "indexes",
        prompt="adapted",
    )
    embedder = FakeEmbedder()
    build_index(folder, "mine", settings=settings, embedder=embedder)
    llm = FakeLLM.scripted(replies)
    generator = Confident(llm, unsure_of, unsure_from)
    assistant = Assistant.open("mine", settings=settings, embedder=embedder, generator=generator)
    assistant.steps = assistant.steps.without(without)
    try:
        return assistant.ask("When do the troops leave the base?"), llm
    finally:
        assistant.close()


def evidence(article: str, text: str) -> Evidence:
    return Evidence(1, article, 0, len(text), text, article, None, None, f"{article}.txt", 1, 1.0)


def number_of(answer: Answer, name: str) -> int:
    return next(item.number for item in answer.evidence if item.source == name)


def test_without_another_article_nothing_is_cross_checked(tmp_path: Path) -> None:
    answer, llm = ask(tmp_path, ["[1] in 2025", "[1] in 2026"], "plan.txt")
    assert answer.outcome == "answered"
    assert len(llm.prompts) == 1, "there is no other article"


def replies_for(
    tmp_path: Path,
    first: str,
    second: str,
    *names: str,
    articles: Mapping[str, str] = ARTICLES,
    **options: Any,
) -> tuple[Answer, FakeLLM]:
    """Asks once to see which sentence comes first, then again with replies that cite it."""
    (tmp_path / "dry").mkdir()
    dry, _ = ask(tmp_path / "dry", ["[0]"], *names, articles=articles)
    (tmp_path / "wet").mkdir()
    n = number_of(dry, names[0])
    replies = [f"[{n}] {first}", f"[1] {second}"]
    return ask(tmp_path / "wet", replies, *names, articles=articles, **options)


def test_two_dates_are_a_disagreement(tmp_path: Path) -> None:
    answer, llm = replies_for(tmp_path, "in 2025", "in 2026", "plan.txt", "other.txt")
    assert answer.outcome == "conflict"
    assert answer.text == "in 2025 [1]. in 2026 [2]."
    assert {citation.source for citation in answer.citations} == {"plan.txt", "other.txt"}
    assert "in 2025" not in llm.prompts[1].split("Question:")[0], "the first article is not asked again"
    assert [item.number for item in answer.evidence] == list(range(1, len(answer.evidence) + 1))


def test_the_same_date_is_cited_twice(tmp_path: Path) -> None:
    answer, _ = replies_for(tmp_path, "in 2025", "in 2025", "plan.txt", "copy.txt")
    expected = "in 2025: “The ministry said that the troops will leave the base in 2025.” [1] [2]"
    assert (answer.outcome, answer.text) == ("answered", expected)
    assert {citation.source for citation in answer.citations} == {"plan.txt", "copy.txt"}


@pytest.mark.parametrize("second", ["900 troops", "in 2031", "The ministry said"])
def test_what_cannot_be_compared_or_is_not_supported_changes_nothing(tmp_path: Path, second: str) -> None:
    answer, llm = replies_for(tmp_path, "in 2025", second, "plan.txt", "count.txt")
    assert len(llm.prompts) == 2
    expected = "in 2025: “The ministry said that the troops will leave the base in 2025.” [1]"
    assert (answer.outcome, answer.text) == ("answered", expected)


def test_after_a_refusal_no_other_article_is_read(tmp_path: Path) -> None:
    _, llm = ask(tmp_path, ["[0]", "[1] in 2026"], "plan.txt", "report.txt")
    assert len(llm.prompts) == 1


def test_cross_checking_can_be_left_out(tmp_path: Path) -> None:
    _, llm = ask(tmp_path, ["[1] in 2025", "[1] in 2026"], "plan.txt", "report.txt", without=["cross_check"])
    assert len(llm.prompts) == 1


def test_where_the_first_words_are_in_doubt_another_article_is_shown_beside_it(tmp_path: Path) -> None:
    answer, _ = replies_for(tmp_path, "in 2025", "in 2026", "plan.txt", "other.txt", unsure_of=0)
    assert (answer.outcome, len(answer.citations)) == ("answered", 2)
    assert answer.text.splitlines()[1] == f"Another article says: “{ARTICLES['other.txt']}” [2]"


def test_articles_that_fit_the_question_worse_are_not_read_where_the_first_words_are_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_check, "NEAR", -100)
    answer, llm = replies_for(tmp_path, "in 2025", "in 2026", "plan.txt", "other.txt", unsure_of=0)
    assert (answer.outcome, len(answer.citations), len(llm.prompts)) == ("answered", 1, 1)


def test_another_articles_answer_counts_by_the_confidence_in_its_sentence_not_in_its_words(
    tmp_path: Path,
) -> None:
    for place, outcome in ((CHOICE, "answered"), (WORDS, "conflict")):
        (tmp_path / outcome).mkdir()
        names = "plan.txt", "other.txt"
        answer, _ = replies_for(
            tmp_path / outcome, "in 2025", "in 2026", *names, unsure_of=1, unsure_from=place
        )
        assert answer.outcome == outcome


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("for five days", "for five weeks", "conflict"),
        ("for five days", "five days", "answered"),
        ("on Tuesday", "on Thursday", "conflict"),
    ],
)
def test_times_in_words_are_compared(tmp_path: Path, first: str, second: str, outcome: str) -> None:
    times = {"a.txt": first, "b.txt": second}
    articles = {name: f"The troops leave the base {words}." for name, words in times.items()}
    answer, _ = replies_for(tmp_path, first, second, *articles, articles=articles)
    assert answer.outcome == outcome


def drafted(article: str, *names: str, sure: bool = True, choice: float = 0.9) -> Draft:
    """A draft with these names as its answers, each from a sentence of the article."""
    shown = tuple(evidence(article, f"The ministry names {name}.") for name in names)
    statements = tuple(Statement(name, (item,)) for name, item in zip(names, shown, strict=True))
    confident = Confidence(choice, sure)
    return Draft("Where do they live?", shown, statements, phrases=True, confidence=confident)


def test_the_same_name_in_two_articles_is_cited_from_both() -> None:
    both = cross_check.combined(drafted("one", "Erbil"), drafted("two", "erbil"))
    assert both is not None
    (statement,) = both.statements
    assert [item.article_id for item in statement.cited] == ["one", "two"]


def test_another_name_is_quoted_and_not_called_a_disagreement() -> None:
    both = cross_check.combined(drafted("one", "Erbil"), drafted("two", "Mosul"))
    assert both is not None
    assert both.relation == "sources"
    first, second = both.statements
    assert (first.text, second.text, second.cited[0].article_id) == ("Erbil", "", "two")
    assert second.quoted
    assert second.added


@pytest.mark.parametrize(
    "other",
    [
        drafted("two", "Mosul", choice=cross_check.QUOTED_FROM - 0.01),
        drafted("two", "Mosul", "Basra"),
        drafted("one", "Mosul"),
    ],
    ids=["improbable", "two names", "the same article"],
)
def test_an_uncertain_answer_of_another_article_adds_nothing(other: Draft) -> None:
    assert cross_check.combined(drafted("one", "Erbil"), other) is None


def test_a_source_beside_a_sure_answer_leaves_it_answered() -> None:
    both = cross_check.combined(drafted("one", "Erbil"), drafted("two", "Mosul"))
    assert both is not None
    first, second = both.statements
    doubted = dataclasses.replace(both, statements=(first, dataclasses.replace(second, verdict="partial")))
    assert settle(dataclasses.replace(doubted, outcome="answered")).outcome == "answered"


@pytest.mark.parametrize(("first", "second"), [("plan.txt", "report.txt"), ("report.txt", "plan.txt")])
def test_a_plan_and_its_outcome_are_both_shown(tmp_path: Path, first: str, second: str) -> None:
    year = "in 2025" if first == "plan.txt" else "in 2026"
    answer, llm = replies_for(tmp_path, year, "never asked", first, second)
    assert answer.outcome == "conflict"
    assert [citation.source for citation in answer.citations] == ["report.txt", "plan.txt"], "the deed first"
    assert answer.text.startswith("Reported as done: ")
    assert "\nPlanned: " in answer.text
    assert year in answer.text
    assert ARTICLES[second].rstrip(".") in answer.text, "in the other article's own words"
    assert len(llm.prompts) == 1, "grammar shows it, not the model"


def test_a_deed_beside_improbable_words_is_shown_too(tmp_path: Path) -> None:
    answer, _ = replies_for(tmp_path, "in 2025", "never asked", "plan.txt", "report.txt", unsure_of=0)
    assert answer.outcome == "conflict"
    assert [claim.text.split("“")[0] for claim in answer.claims] == ["Reported as done: ", "Planned: "]


def test_beside_a_plan_words_without_a_time_are_replaced_by_their_sentence(tmp_path: Path) -> None:
    answer, _ = replies_for(tmp_path, "The last troops", "never asked", "report.txt", "plan.txt")
    assert answer.outcome == "conflict"
    assert answer.text.startswith("Reported as done: “" + ARTICLES["report.txt"].split(".")[0])


def test_a_plan_or_an_outcome_alone_is_shown_as_an_answer(tmp_path: Path) -> None:
    for name, year in (("plan.txt", "in 2025"), ("report.txt", "in 2026")):
        (tmp_path / name).mkdir()
        answer, _ = replies_for(tmp_path / name, year, "never asked", name, "count.txt")
        assert answer.outcome == "answered"
        assert answer.text == f"{year}: “{ARTICLES[name]}” [1]"


@pytest.mark.parametrize(
    ("question", "deed", "expected"),
    [
        ("When do the troops in Erbil leave?", "غادرت آخر القوات قاعدة عين الأسد.", False),
        ("When do the troops in Erbil leave?", "غادرت آخر القوات مدينة أربيل.", True),
        ("When do the troops in Erbil leave?", "The last troops have left Erbil.", True),
        ("When do the troops in Erbil leave?", "The last troops have left the town of Harir.", False),
        ("When do the troops leave?", "غادرت آخر القوات قاعدة عين الأسد.", True),
    ],
)
def test_what_was_done_elsewhere_is_not_the_outcome_of_a_plan(
    question: str, deed: str, expected: bool
) -> None:
    plan = evidence("plan", "ستغادر القوات بغداد، يليها انسحاب القوات من أربيل.")
    rival = cross_check.find_rival(question, [plan], [evidence("deed", deed)])
    assert (rival is not None) == expected


def test_a_plan_for_a_region_agrees_with_the_deed_at_one_of_its_places() -> None:
    plan, deed = evidence("plan", "ستغادر القوات غرب البلاد."), evidence("deed", "غادرت القوات عين الأسد.")
    assert cross_check.find_rival("When do the troops leave Ain al-Asad?", [deed], [plan]) == plan


@pytest.mark.parametrize(
    ("planned", "done", "fits"),
    [
        ("2024-09-06", "2024-09", True),
        ("2024-09-06", "2024", True),
        ("2024-09", "2024-09-06", True),
        ("2024-09-06", "2024-08", False),
        ("2024-09-06", "2023", False),
        ("2024-09-06", None, True),
        ("2024-09-06", "last week", True),
    ],
)
def test_an_outcome_is_not_published_before_its_plan(planned: str, done: str | None, fits: bool) -> None:
    plan = dataclasses.replace(evidence("plan", "ستغادر القوات غرب البلاد."), published=planned)
    deed = dataclasses.replace(evidence("deed", "غادرت القوات عين الأسد."), published=done)
    assert (cross_check.find_rival("When do the troops leave?", [plan], [deed]) is not None) == fits
