"""Lessons answer what their evidence says, and near misses ask about something else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.text import fold
from train.reader import altered, reading
from train.reader.reading import Fact, Material

DOCUMENTS = 120  # eight blocks, so that every part has one


def material(language: str) -> Material:
    """Made-up documents of three facts each; the same facts in either language."""
    sentences: list[str] = []
    facts: dict[str, list[Fact]] = {}
    for d in range(DOCUMENTS):
        rows = []
        for f in range(3):
            year, name = 1500 + 3 * d + f, f"{chr(65 + d % 26)}or{chr(97 + f)}n{d}"
            texts = {"en": f"Tower {name} was built in {year}.", "ar": f"بني برج {name} عام {year}."}
            questions = {"en": f"When was tower {name} built?", "ar": f"متى بني برج {name}؟"}
            answers = {"en": f"in {year}", "ar": f"عام {year}"}
            rows.append((f"{d}-{f}", questions, answers, len(sentences)))
            sentences.append(texts[language])
        facts[f"{language}{d}"] = [
            Fact(stem.replace("-", "x"), f"{language}{d}", (at,), questions, answers, ())
            for stem, questions, answers, at in rows
        ]
    order = list(facts)
    ranked = {
        document: [
            Fact(
                fact.stem,
                fact.document,
                fact.sentences,
                fact.questions,
                fact.answers,
                tuple((fact.sentences[0] + step) % len(sentences) for step in range(1, 11)),
            )
            for fact in facts[document]
        ]
        for document in order
    }
    parts = {document: reading._part(at) for at, document in enumerate(order)}
    return Material(language, language, sentences, ranked, parts)


@pytest.fixture(scope="module")
def sets() -> list[Material]:
    return [material("ar"), material("en")]


def test_lessons_answer_from_their_evidence_and_refuse_what_is_not_in_it(sets: list[Material]) -> None:
    kinds = set()
    for seed in range(3):
        for lesson in reading.lessons(sets, "train", seed):
            assert reading.FEWEST <= len(lesson.evidence) <= reading.MOST + 1
            for asked in lesson.asked:
                kinds.add(asked.kind)
                if asked.kind in ("refuse", "altered"):
                    name = asked.question.split("tower " if "tower" in asked.question else "برج ")[1].split()[
                        0
                    ]
                    assert not any(fold(name.rstrip("؟?")) in fold(text) for text in lesson.evidence)
                    assert asked.answer == "[0]"
                    continue
                assert [int(n) for n in asked.cited] == sorted(asked.cited)
                for number, value in zip(asked.cited, asked.accepted * len(asked.cited), strict=False):
                    year = value.split()[-1]
                    assert year in lesson.evidence[number - 1]
                assert all(f"[{n}]" in asked.answer for n in asked.cited)
                if asked.words:
                    assert any(asked.words in lesson.evidence[n - 1] for n in asked.cited)
                    assert asked.language != lesson.language
                    assert f"] {asked.words} = " in asked.answer
    assert kinds == {"answer", "both", "conflict", "refuse", "altered"}


def test_the_same_seed_makes_the_same_lessons_and_no_document_is_in_two_parts(sets: list[Material]) -> None:
    assert reading.lessons(sets, "train", 5) == reading.lessons(sets, "train", 5)
    assert reading.lessons(sets, "train", 5) != reading.lessons(sets, "train", 6)
    shown = {
        part: {text for lesson in reading.lessons(sets, part, 1) for text in [lesson.document]}
        for part in ("train", "dev", "test")
    }
    assert all(shown.values())
    assert not shown["train"] & shown["dev"] | shown["train"] & shown["test"] | shown["dev"] & shown["test"]


def test_saved_facts_are_reused_only_for_the_same_sets_and_search(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        (folder / "corpus").mkdir(parents=True)
        (folder / "corpus" / "a.txt").write_text("A tower.", encoding="utf-8")
        (folder / "questions.jsonl").write_text("{}", encoding="utf-8")
    keys = [reading.sets_key(folders, "e5"), reading.sets_key(folders[:1], "e5")]
    assert reading.sets_key(folders, "e5") == keys[0]
    keys += [reading.sets_key(folders[::-1], "e5"), reading.sets_key(folders, "e5 512")]
    (folders[0] / "corpus" / "a.txt").write_text("A tower!", encoding="utf-8")
    keys.append(reading.sets_key(folders, "e5"))
    assert len(set(keys)) == len(keys)


@given(st.integers(0, 10**7), st.integers(0, 99), st.booleans(), st.integers(0, 2**32))
def test_another_number_differs_and_looks_similar(value: int, places: int, decimal: bool, seed: int) -> None:
    text = f"{value}.{places:02}" if decimal else str(value)
    other = altered.other_number(text, random.Random(seed))
    assert float(other) != float(text)
    assert ("." in other) == decimal
    if not decimal and 1000 <= value <= 2100:
        assert abs(int(other) - value) <= 12


NAMES = altered.find_names(
    [
        ("a", {"en": "Who led Oran?", "ar": "من قاد وهران؟"}, {"en": "Ann Reed", "ar": "آن ريد"}),
        ("a", {"en": "Who built it?", "ar": "من بناه؟"}, {"en": "Ben Hall", "ar": "بن هول"}),
        ("b", {"en": "Which city fell?", "ar": "أي مدينة سقطت؟"}, {"en": "Tunis", "ar": "تونس"}),
        ("b", {"en": "Why?", "ar": "لماذا؟"}, {"en": "It was late", "ar": "تأخر"}),
    ]
)


@pytest.mark.parametrize(
    ("question", "language", "evidence", "expected"),
    [
        ("What did Ann Reed find?", "en", "عثرت آن ريد على كتاب", "What did Ben Hall find?"),
        ("ماذا وجدت آن ريد؟", "ar", "عثرت آن ريد على كتاب", "ماذا وجدت بن هول؟"),
        ("What did Ann Reed find?", "en", "عثرت على كتاب", None),  # the evidence does not name her
        ("What did Ann Reed find?", "en", "عثر بن هول وآن ريد على كتاب", None),  # the evidence names both
        ("Where is Tunis?", "en", "تونس في الشمال", None),  # no other city is known
        ("What did she find?", "en", "عثرت آن ريد على كتاب", None),
    ],
)
def test_a_name_is_replaced_by_another_of_its_sort_that_is_not_in_the_evidence(
    question: str, language: str, evidence: str, expected: str | None
) -> None:
    made = altered.altered(
        question, language, evidence=[evidence], evidence_language="ar", names=NAMES, rng=random.Random(1)
    )
    assert made == expected


@given(st.integers(0, 2**32))
def test_a_year_or_a_month_of_a_question_is_changed(seed: int) -> None:
    sentences = ["The base closed in May 1990."]
    made = altered.altered(
        "What closed in 1990?",
        "en",
        evidence=sentences,
        evidence_language="en",
        names=[],
        rng=random.Random(seed),
    )
    assert made
    assert "1990" not in made
    made = altered.altered(
        "ماذا حدث في سبتمبر؟",
        "ar",
        evidence=sentences,
        evidence_language="en",
        names=[],
        rng=random.Random(seed),
    )
    assert made
    assert made.startswith("ماذا حدث في ")
    assert "سبتمبر" not in made


@pytest.mark.parametrize(
    ("sentence", "answers", "word"),
    [
        ("They left in September 2026.", ["September", "سبتمبر"], "September"),
        ("غادروا في أيلول الماضي", ["September", "أيلول"], "أيلول"),
        ("In all 308 left on 3 May.", ["308", "308 people"], "308"),
    ],
)
def test_a_change_replaces_the_value_in_sentence_and_answers(
    sentence: str, answers: list[str], word: str
) -> None:
    change = altered.Change.between(sentence, answers, random.Random(0))
    assert change
    assert word not in change(sentence)
    assert all(change(answer) != answer for answer in answers)


def test_a_value_that_the_sentence_contains_twice_is_not_changed() -> None:
    assert altered.Change.between("From May 3 to May 9 and 3 more", ["May", "3"], random.Random(0)) is None
