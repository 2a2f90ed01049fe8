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
    reports: list[dict[str, Any]] = [
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
    question = {"question_en": "Where were 20 sheep sold?", "question_ar": "أين بيع 20 من الخراف؟"}
    reports[1]["differences"] = [{**question, "outcome": "conflict", "values": values}]
    return reports


def _packs(entries: list[Served], language: str, seed: int) -> list[packs.Pack]:
    items = _reports()
    topics = news_topics(items, set())
    if language == "en":
        topics = packs.glossed(topics)
    maker = packs.Maker(topics, Finder([p for topic in topics for p in topic.sentences]), language)
    return list(served.packs(entries, items, topics, maker, seed))


def _read(example: Example) -> tuple[list[str], str]:
    evidence, question = example.messages[-1][1].split("\n\nQuestion: ")
    return re.findall(r"^\[\d+\] (.*)$", evidence, re.MULTILINE), question.splitlines()[0]


def test_search_returns_places_of_sentences_in_reports() -> None:
    items = _reports()
    entries = list(served.serve(items, FakeEmbedder(), questions=2, near=1))
    assert [(entry.report, entry.kind) for entry in entries if entry.language == "ar"] == [
        *[("x1", kind) for kind in ("question", "question", "near")],
        *[("x2", kind) for kind in ("question", "question", "near", "difference")],
        *[("x3", kind) for kind in ("question", "question", "near")],
    ]
    for entry in entries:
        assert entry.shown
        assert len(set(entry.shown)) == len(entry.shown) <= 6
        assert all(HEADLINE <= place < 6 for _, place in entry.shown)
        if entry.language == "ar" and entry.kind == "question":
            assert (entry.report, entry.place) in entry.shown, "the question has the words of its sentence"


def test_served_questions_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    entries = [Served("x1", "near", 0, "en", (("x1", 2), ("x2", HEADLINE)))]
    served.write(entries, tmp_path / "served.jsonl")
    assert served.read(tmp_path / "served.jsonl") == entries


@pytest.mark.parametrize("language", ["en", "ar"])
def test_questions_are_answered_from_the_sentences_that_search_returned(language: str) -> None:
    shown = (("x1", HEADLINE), ("x1", 4), ("x2", 2), ("x1", 2), ("x3", 1), ("x1", 1))
    entries = [Served("x1", "question", 2, language, shown), Served("x1", "near", 0, language, shown)]
    sentences = [s for item in _reports() for s in (item["title_ar"], *item["sentences"])]
    known = {gloss(s) if language == "en" else s for s in sentences}
    for seed in range(8):
        answerable, near = _packs(entries, language, seed)
        assert any(" 22" in _read(example)[1] for example in answerable.examples)
        assert [example.answer for example in near.examples if example.kind == "near"] == ["[0]"]
        for example in (*answerable.examples, *near.examples):
            lines, question = _read(example)
            assert len(lines) == 6
            assert set(lines) <= known
            if example.answer == "[0]":
                continue
            number, value = re.fullmatch(r"\[(\d+)\] (\d+)", example.answer).groups()  # type: ignore[union-attr]
            assert value in question
            assert value in lines[int(number) - 1]


def test_a_missing_sentence_is_added_or_its_question_refused() -> None:
    shown = (("x1", 4), ("x1", 3), ("x1", 1))
    entry = Served("x1", "question", 0, "ar", shown)
    replies = set()
    for seed in range(30):
        (pack,) = _packs([entry], "ar", seed)
        (searched,) = (example for example in pack.examples if " 20" in _read(example)[1])
        lines, _ = _read(searched)
        assert len(lines) == 3
        assert (searched.answer == "[0]") == (not any("20" in line for line in lines))
        replies.add(searched.answer == "[0]")
    assert replies == {True, False}


def test_both_sides_of_a_difference_are_shown_and_answered() -> None:
    entry = Served("x2", "difference", 0, "ar", (("x3", 1), ("x2", 0), ("x2", 3)))
    for seed in range(8):
        (pack,) = _packs([entry], "ar", seed)
        (conflict,) = (example for example in pack.examples if example.kind == "conflict")
        lines, _ = _read(conflict)
        sides = dict(re.findall(r"\[(\d+)\] (\S+)", conflict.answer))
        assert sorted(sides.values()) == sorted(city for _, city in CITIES[:2])
        assert all(city in lines[int(number) - 1] for number, city in sides.items())
