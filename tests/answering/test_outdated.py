"""A number of the past is no answer to how many there are now."""

from __future__ import annotations

from pathlib import Path

import pytest
import trained_prompt
from shown import source
from trained_prompt import Reading

from rag.answering.outdated import asks_for_now, bearers, outdated
from rag.answering.reply import Part

PEAK = "At its peak the port had 900 workers."
LATER = "Some 40 workers are at the port today, and work goes on until 2027."
OLD = "In 2014 the port hired 300 workers."
CRANE = "The crane is at the port."
QUESTION = "How many workers are at the port?"


@pytest.mark.parametrize(
    ("question", "now"),
    [
        (QUESTION, True),
        ("How many workers does the port have?", True),
        ("And how many workers are still there?", True),
        ("How many workers were at the port?", False),
        ("How many workers did the port have?", False),
        ("How many workers have ever been at the port?", False),
        ("How many workers are at the port in 2014?", False),
        ("How many workers are there since June?", False),
        ("When are the workers at the port?", False),
        ("كم عدد العمال في الميناء؟", True),
        ("كم عاملا يوجد في الميناء؟", True),
        ("كم عدد العمال الأجانب في ميناء المدينة حاليا؟", True),
        ("كم عدد العمال الذين غادروا الميناء؟", False),
        ("كم كان عدد العمال في الميناء؟", False),
        ("كم عدد العمال في الميناء عام 2014؟", False),
        ("كم عاملا يوجد هناك منذ أبريل؟", False),
    ],
)
def test_a_number_of_now_is_asked_for_in_the_present_without_a_time(question: str, now: bool) -> None:
    assert asks_for_now(question) is now


@pytest.mark.parametrize(
    ("texts", "published", "past"),
    [
        ((PEAK, LATER, OLD, CRANE), None, {1, 3}),
        ((OLD, CRANE), None, set()),  # nothing newer is known
        ((OLD, CRANE), "2020-04-01", {1}),
        ((OLD,), "2014-12", set()),
        (("Since 2014 the port has 300 workers.", LATER), None, set()),
        (("وفي أوجه، بلغ عدد عمال الميناء 900.", "منذ 2014 يعمل 300 في الميناء.", LATER), None, {1}),
        (("The port, which burnt down in 2014, has 300 workers.", LATER), None, set()),
        (("وتحتفظ المدينة بنحو 300 عامل في الميناء الذي احترق عام 2014.", LATER), None, set()),
        (("تعرضت القوات في عام 2014 لهجوم أصاب 300.", LATER), None, {1}),
        (("في عام 2014 عمل 300 في الميناء.", "ويعمل الآن 40 حتى 2027."), None, {1}),
    ],
)
def test_a_sentence_of_an_earlier_year_or_of_a_peak_tells_of_before(
    texts: tuple[str, ...], published: str | None, past: set[int]
) -> None:
    assert outdated([source(text, n, published) for n, text in enumerate(texts, 1)]) == past


def test_what_is_told_rests_on_the_sentence_that_holds_its_number() -> None:
    evidence = [source(CRANE, 1), source(PEAK, 2), source(LATER, 3)]
    assert bearers(Part("900", (1,)), evidence) == {2}
    assert bearers(Part("900", (2, 3)), evidence) == {2}
    assert bearers(Part("many", (3,)), evidence) == {3}


def asked(
    tmp_path: Path, generator: Reading, *texts: str, without: str = "second", question: str = QUESTION
) -> str:
    return trained_prompt.asked(tmp_path, generator, *texts, question=question, without=without).text


def test_a_number_of_the_past_gives_way_to_one_of_now(tmp_path: Path) -> None:
    generator = Reading(("[1] 900 workers", 0.9), ("[1] 40 workers", 0.9))
    assert asked(tmp_path, generator, PEAK, LATER, CRANE) == f"40 workers: “{LATER}” [1]"
    assert f"[1] {LATER}\n\n" in generator.prompts[1], "without the past, and without what holds no number"


@pytest.mark.parametrize("again", [("[0]", 0.9), ("[1] 40 workers", 0.3)])
def test_where_nothing_surer_is_told_of_now_the_first_stands(
    tmp_path: Path, again: tuple[str, float]
) -> None:
    generator = Reading(("[1] 900 workers", 0.9), again)
    assert asked(tmp_path, generator, PEAK, LATER) == f"900 workers: “{PEAK}” [1]"
    assert len(generator.prompts) == 2


def test_nothing_is_asked_again_where_nothing_else_is_known_or_wanted(tmp_path: Path) -> None:
    for n, (texts, question, without) in enumerate(
        [
            ((PEAK, CRANE), QUESTION, "second"),
            ((PEAK, LATER), "How many workers did the port have at its peak?", "second"),
            ((PEAK, LATER), QUESTION, "second,outdated"),
        ]
    ):
        (tmp_path / str(n)).mkdir()
        generator = Reading(("[1] 900 workers", 0.9))
        told = asked(tmp_path / str(n), generator, *texts, question=question, without=without)
        assert told == f"900 workers: “{PEAK}” [1]"
        assert len(generator.prompts) == 1


def test_of_two_sides_only_the_one_of_now_is_told(tmp_path: Path) -> None:
    generator = Reading(("[1] 900 workers [2] 40 workers", 0.9))
    assert asked(tmp_path, generator, PEAK, LATER) == f"40 workers: “{LATER}” [1]"


@pytest.mark.parametrize(("without", "past"), [("", False), ("outdated", True)])
def test_a_number_of_the_past_in_another_article_is_no_disagreement(
    tmp_path: Path, without: str, past: bool
) -> None:
    generator = Reading(("[2] 40 workers", 0.9), ("[1] 900 workers", 0.9))
    told = asked(tmp_path, generator, LATER, PEAK, without=without)
    assert len(generator.prompts) == 2
    assert "40 workers" in told
    assert ("900 workers" in told) is past
