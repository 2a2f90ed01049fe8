"""Packs ask many questions about one set of evidence; the network answers each as if asked alone."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rag.answering.draft import Draft, Statement, parse
from rag.language.glossing.gloss import gloss
from rag.records import Evidence
from train.tasks import packs
from train.tasks.reading_lessons import Finder
from train.tasks.sources import Asked, Pair, Topic, news_topics

pytestmark = pytest.mark.slow  # importing torch takes seconds

SHOWN = tuple(Evidence(n, f"sentence {n}", 0, 1, "", "", None, None, "", 1, 0.0) for n in range(1, 41))
"""As many sentences as any pack may contain, which replies cite by number."""


def parsed(reply: str) -> Draft:
    """A reply as a draft."""
    return parse(reply, "", SHOWN, SHOWN)


def places(statement: Statement) -> tuple[int, ...]:
    """The numbers of the sentences that a statement cites."""
    return tuple(item.number for item in statement.cited)


COUNT = 40


@pytest.fixture(scope="module")
def topics() -> list[Topic]:
    """Towers with a builder and a year, two sentences each."""
    towers = []
    for n in range(COUNT):
        name, builder, year = f"Torn{chr(97 + n % 26)}{n}", f"Ben{n} Hall{n}", 1500 + n
        sentences = (
            Pair(
                f"Tower {name} was built by {builder} in {year}.",
                f"بنى {builder} برج {name} عام {year}.",
                "t",
                2 * n,
            ),
            Pair(f"Tower {name} has {n + 3} bells.", f"في برج {name} أجراس عددها {n + 3}.", "t", 2 * n + 1),
        )
        questions = (
            Asked(
                f"a{n}",
                {"en": f"Who built tower {name}?", "ar": f"من بنى برج {name}؟"},
                {"en": [builder], "ar": [builder]},
                {"en": f"{builder} built it.", "ar": f"بناه {builder}."},
                (0,),
                ({"en": f"Who sold tower {name}?", "ar": f"من باع برج {name}؟"},),
                "person",
            ),
            Asked(
                f"b{n}",
                {"en": f"When was tower {name} built?", "ar": f"متى بني برج {name}؟"},
                {"en": [f"in {year}"], "ar": [f"عام {year}"]},
                {"en": f"It was built in {year}.", "ar": f"بني عام {year}."},
                (0,),
                ({"en": f"When was tower {name} burnt?", "ar": f"متى احترق برج {name}؟"},),
                "date",
            ),
        )
        towers.append(Topic("lessons", f"t:{n}", sentences, questions, "valid" if n % 10 == 0 else "train"))
    return towers


def _packs(topics: list[Topic], evidence: str = "ar") -> list[packs.Pack]:
    finder = Finder([p for topic in topics for p in topic.sentences])
    makers = [packs.Maker(topics, finder, language) for language in ("en", "ar")]
    return [maker(topic, evidence, seed) for maker in makers for topic in topics for seed in range(3)]


def _network() -> Any:
    torch = pytest.importorskip("torch")
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2,
        )
    ).eval()  # fmt: skip


def _by_byte(texts: list[str], **_: object) -> dict[str, list[list[int]]]:
    return {"input_ids": [[*text.encode()] for text in texts]}


def test_the_questions_of_a_pack_share_their_evidence_and_are_answered_from_it(
    topics: list[Topic],
) -> None:
    kinds = set()
    for evidence in ("ar", "en"):
        for pack in _packs(topics, evidence):
            shown = {e.messages[-1][1].split("\n\nQuestion:")[0] for e in pack.examples}
            assert len(shown) == 1
            sentences = {
                int(n): text for n, text in re.findall(r"^\[(\d+)\] (.*)$", shown.pop(), re.MULTILINE)
            }
            for example in pack.examples:
                kinds.add(example.kind)
                draft = parsed(example.answer)
                assert draft.refused == (example.kind in ("near", "absent", "altered"))
                for part in draft.statements:
                    (number,) = places(part)
                    assert "in 15" in sentences[number] or "عام 15" in sentences[number]
                    assert part.words in sentences[number]
    assert kinds >= {"person", "date", "near"}


def test_the_same_seed_makes_the_same_packs(topics: list[Topic]) -> None:
    assert _packs(topics[:3]) == _packs(topics[:3])


def test_each_lesson_is_in_one_pack_and_answered_by_its_own_sentence(
    topics: list[Topic],
) -> None:
    training = [t for t in topics if t.split == "train"]
    second = dataclasses.replace(
        training[0], asked=training[0].asked[:1]
    )  # a second lesson on the same lines
    taught = [*training, second]
    maker = packs.Maker(taught, Finder([p for topic in taught for p in topic.sentences]), "ar")
    made = list(packs.of_lessons(maker, taught, 0))
    shown = Counter(
        line for pack in made if pack.examples
        for line in re.findall(r"^\[\d+\] (.*)$", pack.examples[0].messages[-1][1], re.MULTILINE)
    )  # fmt: skip
    assert len(shown) == 2 * len(training)
    assert shown[second.sentences[0].ar] == 2
    for pack in made:
        lines = pack.examples[0].messages[-1][1].splitlines()
        for example in pack.examples:
            for part in parsed(example.answer).statements:
                (number,) = places(part)
                name = re.search(r"Torn\w+", example.messages[-1][1].split("Question:")[1])
                assert name and f"{name[0]} " in lines[number - 1].replace(".", " ")


def test_english_questions_are_asked_about_glosses(topics: list[Topic]) -> None:
    read = packs.glossed(topics)
    finder = Finder([p for topic in read for p in topic.sentences])
    pack = packs.Maker(read, finder, "en")(read[0], "en", 0)
    shown = {gloss(p.ar) for topic in topics for p in topic.sentences}
    for example in pack.examples:
        evidence, question = example.messages[-1][1].split("\n\nQuestion:")
        assert set(re.findall(r"^\[\d+\] (.*)$", evidence, re.MULTILINE)) <= shown
        assert question.endswith("Answer in English.")
        assert "=" not in example.answer


def test_both_values_are_answered_in_both_languages() -> None:
    sentences = [
        {"en": f"The blast killed {n} people in {city}.", "ar": f"قتل الانفجار {n} أشخاص في {city}."}
        for n, city in ((4, "Torna"), (6, "Torna"), (9, "Benna"))
    ]
    items = [
        {"id": f"r{n}", "event": "blast", "sentences": [both]} for n, both in enumerate(sentences, start=1)
    ]
    difference = {
        "question_en": "How many people did the blast in Torna kill?",
        "question_ar": "كم قتل الانفجار في Torna؟",
        "values": [{"id": "r1", "en": "4", "ar": "4"}, {"id": "r2", "en": "6", "ar": "6"}],
        "outcome": "conflict",
    }
    items[-1]["differences"] = [difference]
    finder = Finder([Pair(s["en"], s["ar"], f"r{n}", 0) for n, s in enumerate(sentences, start=1)])
    for language, version in (("ar", str), ("en", gloss)):
        (pack,) = packs.of_differences(items, finder, set(), language)
        (example,) = pack.examples
        shown = re.findall(r"^\[(\d+)\] (.*)$", example.messages[-1][1], re.MULTILINE)
        answered = {part.text: places(part) for part in parsed(example.answer).statements}
        assert {
            value: [text for n, text in shown if int(n) in cited] for value, cited in answered.items()
        } == {value: [version(sentences[at]["ar"])] for value, at in (("4", 0), ("6", 1))}


def _reports() -> list[dict[str, Any]]:
    """Two reports on one event, as train/reports/README.md describes them, and one on another."""

    def question(number: int, report: str) -> dict[str, Any]:
        return {
            "question_en": f"What did witness {number} of {report} see?",
            "question_ar": f"ماذا رأى الشاهد {number} في {report}؟",
            "answer_en": f"item {number} {report}", "answer_ar": f"شيئا {number} {report}",
            "sentence": number, "kind": "what",
        }  # fmt: skip

    items = []
    for report, event in (("x1", "fire"), ("x2", "fire"), ("x3", "flood")):
        items.append(
            {
                "id": report, "event": event,
                "sentences": [f"قال الشاهد إنه رأى شيئا {n} {report}." for n in range(9)],
                "questions": [question(n, report) for n in range(9)],
                "near_misses": [
                    {"question_en": f"Who paid witness {n}?", "question_ar": f"من دفع للشاهد {n}؟"}
                    for n in range(4)
                ],
            }
        )  # fmt: skip
    items[1]["differences"] = [
        {
            "question_en": f"What was seen at {n}?", "question_ar": f"ماذا شوهد عند {n}؟",
            "outcome": "conflict",
            "values": [
                {"id": r, "sentence": n, "ar": f"شيئا {n} {r}", "en": f"item {n} {r}"} for r in ("x1", "x2")
            ],
        }
        for n in range(4)
    ]  # fmt: skip
    return items


def test_two_reports_that_differ_are_shown_together_and_both_sides_are_answered() -> None:
    items = _reports()
    read = news_topics(items, set())
    finder = Finder([p for topic in read for p in topic.sentences])
    for language in ("ar", "en"):
        seen = read if language == "ar" else packs.glossed(read)
        made = list(packs.of_events(items, seen, packs.Maker(seen, finder, language), 1))
        (pack,) = made
        kinds = Counter(example.kind for example in pack.examples)
        assert kinds["conflict"] == packs.DIFFERENCES
        refused = kinds["near"] + kinds["absent"] + kinds["altered"]
        assert refused <= max(1, packs.REFUSED * (kinds.total() + 1))
        for example in pack.examples:
            shown = re.findall(r"^\[\d+\] (.*)$", example.messages[-1][1], re.MULTILINE)
            sides = parsed(example.answer).statements
            assert len(sides) == (2 if example.kind == "conflict" else example.kind == "what")
            for part in sides:
                (number,) = places(part)
                assert "x3" not in shown[number - 1]
                assert part.text.split()[-1] in shown[number - 1]
                assert part.text.split()[-2] in shown[number - 1]


def test_another_report_on_the_same_event_is_not_a_distractor() -> None:
    read = news_topics(_reports(), set())
    maker = packs.Maker(read, Finder([p for topic in read for p in topic.sentences]), "ar")
    for seed in range(6):
        text = maker(read[0], "ar", seed).examples[0].messages[-1][1].split("\n\nQuestion:")[0]
        assert "x1" in text
        assert "x2" not in text


def test_sentences_in_arabic_alone_are_glossed() -> None:
    (first, *_) = news_topics(_reports(), {"flood"})
    assert first.split == "train"
    assert [p.en for p in first.sentences] == [gloss(p.ar) for p in first.sentences]
    assert not first.asked[0].sentence


def test_disagreements_are_packed_in_pairs_with_the_sentences_of_both() -> None:
    items = [
        {
            "id": f"x{n}", "outcome": "conflict",
            "question_en": f"How many fell ill in Torna{n}?", "question_ar": f"كم مرض في Torna{n}؟",
            "evidence": [
                {"en": f"{sick} people fell ill in Torna{n}.", "ar": f"مرض {sick} في Torna{n}."}
                for sick in (20 + n, 40 + n)
            ],
            "values": [{"index": at, "en": str(s), "ar": str(s)} for at, s in enumerate((20 + n, 40 + n))],
        }
        for n in range(5)
    ]  # fmt: skip
    for language in ("ar", "en"):
        made = list(packs.of_conflicts(items, language, 3))
        assert [len(pack.examples) for pack in made] == [2, 2]
        for example in (example for pack in made for example in pack.examples):
            evidence, question = example.messages[-1][1].split("\n\nQuestion:")
            shown = dict(re.findall(r"^\[(\d+)\] (.*)$", evidence, re.MULTILINE))
            (town,) = re.findall(r"Torna\d", question)
            sides = parsed(example.answer).statements
            assert len(sides) == 2
            assert len(shown) == 4
            for part in sides:
                (number,) = places(part)
                assert town in shown[str(number)]
                assert part.text in shown[str(number)]


def test_the_logits_of_a_packed_question_are_those_of_the_question_alone(
    topics: list[Topic],
) -> None:
    torch = pytest.importorskip("torch")
    from train.reader import packed
    from train.reader.network import encode

    model = _network()

    pack = max(_packs(topics), key=lambda made: len(made.examples))
    examples = encode([dataclasses.asdict(e) for e in pack.examples], _by_byte)
    together = packed.joined(examples, 4000)
    assert len(together.parts) == len(examples) > 2
    assert len(together.ids) < sum(len(e.ids) for e in examples) / 2
    with torch.no_grad():
        packed_logits, at = packed.logits(model, together), 0
        for example in together.parts:
            alone = model(input_ids=torch.tensor([example.ids])).logits[0, -example.answer - 1 : -1]
            assert torch.allclose(alone, packed_logits[at : at + example.answer], atol=1e-5)
            at += example.answer
    few = packed.joined(examples, len(examples[0].ids) + 10)
    assert len(few.parts) == 1
    scores = packed.measure(model, [together])
    assert scores["all"]["n"] == len(examples)


def test_the_number_of_the_cited_sentence_can_weigh_more(topics: list[Topic]) -> None:
    from train.reader import packed
    from train.reader.network import IGNORED, encode

    pack = _packs(topics)[0]
    examples = encode([dataclasses.asdict(e) for e in pack.examples], _by_byte)
    equal, weighted = packed.joined(examples, 4000), packed.joined(examples, 4000, 3.0)
    ratio = weighted.weights[equal.targets != IGNORED] / equal.weights[equal.targets != IGNORED]
    heavy = equal.targets[equal.targets != IGNORED][ratio > 1]
    assert sorted(set(ratio.tolist())) == [1.0, 3.0]
    assert [chr(int(token)) for token in heavy] == [e.answer[1] for e in pack.examples]


def test_a_run_learns_saves_and_resumes(
    topics: list[Topic],
    tmp_path: Path,
) -> None:
    from train.reader import lora, packed
    from train.reader.network import encode

    packs = [
        packed.joined(encode([dataclasses.asdict(e) for e in p.examples], _by_byte), 2000)
        for p in _packs(topics[:2])[:2]
    ]

    def trained(seconds: float, *, resume: bool) -> tuple[Any, list[dict[str, Any]]]:
        model = _network()
        adapters = lora.attach(model, rank=2, alpha=4.0)
        args = argparse.Namespace(
            out=tmp_path, rate=0.02, each=2, seconds=seconds, rank=2, alpha=4.0, resume=resume
        )
        run = packed.Run(model, adapters, args)
        run(itertools.cycle(packs), packs)
        return run, [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]

    first, log = trained(1.0, resume=False)
    assert log[-1]["valid"]["all"]["loss"] < log[0]["valid"]["all"]["loss"]
    assert {"adapter_model.safetensors", "adapter_config.json", "checkpoint.pt"} <= {
        path.name for path in tmp_path.iterdir()
    }
    second, longer = trained(log[-2]["seconds"] + 2.0, resume=True)
    assert second.step > first.step
    assert longer[: len(log)] == log
