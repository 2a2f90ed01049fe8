"""The reports written for training match train/reports/README.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rag.language.text import fold
from train.tasks.examples import held_out
from train.tasks.sources import MEASURED, REPORTS, news_topics, reports

YES_OR_NO = ("نعم", "لا")


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    return reports(REPORTS)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_words_of_every_answer_are_in_its_sentence(items: list[dict[str, Any]]) -> None:
    for item in items:
        for question in item["questions"]:
            words, english, places = (_listed(question[k]) for k in ("answer_ar", "answer_en", "sentence"))
            places = places * len(words) if len(places) == 1 else places
            assert len(words) == len(english) == len(places), question
            for phrase, at in zip(words, places, strict=True):
                assert phrase in YES_OR_NO or fold(phrase) in fold(item["sentences"][at]), question


def test_the_sides_of_every_difference_are_in_two_reports_on_one_event(items: list[dict[str, Any]]) -> None:
    by_id = {item["id"]: item for item in items}
    differences = [(item, difference) for item in items for difference in item.get("differences", ())]
    assert len(differences) > 200
    for item, difference in differences:
        assert difference["outcome"] in ("conflict", "update", "same")
        assert len({value["id"] for value in difference["values"]}) >= 2
        for value in difference["values"]:
            report = by_id[value["id"]]
            assert report["event"] == item["event"]
            assert fold(value["ar"]) in fold(report["sentences"][value["sentence"]])


def test_they_are_read_as_topics_and_some_events_are_kept_for_validation(items: list[dict[str, Any]]) -> None:
    assert len({item["id"] for item in items}) == len(items)
    held = {item["event"] for item in items if held_out("event", item["event"])}
    topics = news_topics(items[:40], held)
    assert {topic.split for topic in topics} == {"train", "valid"}
    assert all(topic.asked and topic.asked[0].near for topic in topics)


def test_events_whose_reports_are_asked_about_in_evals_are_not_learned(tmp_path: Path) -> None:
    measured = sorted({re.sub(r"-\d+$", "", path.stem) for path in MEASURED.glob("*.txt")})
    assert measured
    lines = (json.dumps({"id": event, "event": event}) for event in [*measured, "another-event"])
    (tmp_path / "n.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert [item["event"] for item in reports(tmp_path)] == ["another-event"]
