"""Packs whose evidence is what search returns for their question."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rag.language.glossing.gloss import gloss
from rag.models.embedding.embedder import FakeEmbedder
from train.tasks import packs, served
from train.tasks.examples import Example
from train.tasks.reading_lessons import Finder
from train.tasks.served import HEADLINE, Served
from train.tasks.sources import news_topics

pytestmark = pytest.mark.slow  # importing the trainer's packages takes seconds

CITIES = ("x1", "وهران"), ("x2", "طنجة"), ("x3", "صفاقس")


def _reports() -> list[dict[str, Any]]:
    """Three reports of six sentences; the first two differ on their first one."""
    found: list[dict[str, Any]] = [
        {
            "id": name, "event": name, "title_ar": f"خبر من {city}",
            "sentences": [f"في {city} باع التاجر {n} من الخراف يوم السوق رقم {n}." for n in range(20, 26)],
            "questions": [
                {
                    "question_en": f"How many sheep were sold in {name} on day {n}?",
                    "question_ar": f"كم من الخراف باع التاجر في {city} يوم السوق رقم {n}؟",
                    "answer_en": str(n), "answer_ar": str(n), "sentence": n - 20, "kind": "number",
                }
                for n in range(20, 26)
            ],
            "near_misses": [
                {"question_en": f"Who bought goats in {name}?", "question_ar": f"من اشترى الماعز في {city}؟"}
            ],
        }
        for name, city in CITIES
    ]  # fmt: skip
    values = [{"id": name, "sentence": 0, "ar": city, "en": name} for name, city in CITIES[:2]]
    asked = {"question_en": "Where were 20 sheep sold?", "question_ar": "أين بيع 20 من الخراف؟"}
    found[1]["differences"] = [{**asked, "outcome": "conflict", "values": values}]
    return found


def _packs(found: list[Served], language: str, seed: int) -> list[packs.Pack]:
    items = _reports()
    topics = news_topics(items, set())
    if language == "en":
        topics = packs.glossed(topics)
    maker = packs.Maker(topics, Finder([p for topic in topics for p in topic.sentences]), language)
    return list(served.packs(found, items, topics, maker, seed))


def _read(example: Example) -> tuple[list[str], str]:
    evidence, asked = example.messages[-1][1].split("\n\nQuestion: ")
    return re.findall(r"^\[\d+\] (.*)$", evidence, re.MULTILINE), asked.splitlines()[0]


def test_what_search_returns_is_known_by_report_and_sentence() -> None:
    items = _reports()
    found = list(served.serve(items, FakeEmbedder(), questions=2, near=1))
    assert [(one.report, one.kind) for one in found if one.language == "ar"] == [
        *[("x1", kind) for kind in ("question", "question", "near")],
        *[("x2", kind) for kind in ("question", "question", "near", "difference")],
        *[("x3", kind) for kind in ("question", "question", "near")],
    ]
    for one in found:
        assert one.shown
        assert len(set(one.shown)) == len(one.shown) <= 6
        assert all(HEADLINE <= place < 6 for _, place in one.shown)
        if one.language == "ar" and one.kind == "question":
            assert (one.report, one.place) in one.shown, "its words are the sentence's"


def test_it_is_kept_in_a_file(tmp_path: Path) -> None:
    found = [Served("x1", "near", 0, "en", (("x1", 2), ("x2", HEADLINE)))]
    served.write(found, tmp_path / "served.jsonl")
    assert served.read(tmp_path / "served.jsonl") == found


@pytest.mark.parametrize("language", ["en", "ar"])
def test_questions_are_answered_from_the_sentences_that_were_found(language: str) -> None:
    shown = (("x1", HEADLINE), ("x1", 4), ("x2", 2), ("x1", 2), ("x3", 1), ("x1", 1))
    found = [Served("x1", "question", 2, language, shown), Served("x1", "near", 0, language, shown)]
    sentences = [s for item in _reports() for s in (item["title_ar"], *item["sentences"])]
    known = {gloss(s) if language == "en" else s for s in sentences}
    for seed in range(8):
        asked, missed = _packs(found, language, seed)
        assert any(" 22" in _read(example)[1] for example in asked.examples)
        assert [example.answer for example in missed.examples if example.kind == "near"] == ["[0]"]
        for example in (*asked.examples, *missed.examples):
            lines, question = _read(example)
            assert len(lines) == 6
            assert set(lines) <= known
            if example.answer == "[0]":
                continue
            number, said = re.fullmatch(r"\[(\d+)\] (\d+)", example.answer).groups()  # type: ignore[union-attr]
            assert said in question
            assert said in lines[int(number) - 1]


def test_a_sentence_that_was_not_found_is_put_in_or_its_question_refused() -> None:
    shown = (("x1", 4), ("x1", 3), ("x1", 1))
    one = Served("x1", "question", 0, "ar", shown)
    replies = set()
    for seed in range(30):
        (pack,) = _packs([one], "ar", seed)
        (own,) = (example for example in pack.examples if " 20" in _read(example)[1])
        lines, _ = _read(own)
        assert len(lines) == 3
        assert (own.answer == "[0]") == (not any("20" in line for line in lines))
        replies.add(own.answer == "[0]")
    assert replies == {True, False}


def test_both_sides_of_a_difference_are_shown_and_answered() -> None:
    one = Served("x2", "difference", 0, "ar", (("x3", 1), ("x2", 0), ("x2", 3)))
    for seed in range(8):
        (pack,) = _packs([one], "ar", seed)
        (own,) = (example for example in pack.examples if example.kind == "conflict")
        lines, _ = _read(own)
        sides = dict(re.findall(r"\[(\d+)\] (\S+)", own.answer))
        assert sorted(sides.values()) == sorted(city for _, city in CITIES[:2])
        assert all(city in lines[int(number) - 1] for number, city in sides.items())
