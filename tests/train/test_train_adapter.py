"""Lessons say what is true of their evidence; an adapter is trained, saved, resumed, merged, and answers."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import small_generator
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from rag.language.text import fold  # noqa: E402
from rag.models.weights import gguf as gguf_convert  # noqa: E402
from rag.models.weights.adapter import Adapter  # noqa: E402
from train import adapter as training  # noqa: E402
from train import altered, lora, reading, scores  # noqa: E402
from train.answers import merge, replies  # noqa: E402
from train.reading import Fact, Lesson, Material  # noqa: E402
from train.tasks.files import write  # noqa: E402

pytestmark = pytest.mark.slow  # importing torch takes seconds

DOCUMENTS = 120  # a block of each part


def material(language: str) -> Material:
    """Made-up documents of three facts each; the same facts in either language."""
    sentences: list[str] = []
    facts: dict[str, list[Fact]] = {}
    for d in range(DOCUMENTS):
        own = []
        for f in range(3):
            year, name = 1500 + 3 * d + f, f"{chr(65 + d % 26)}or{chr(97 + f)}n{d}"
            told = {"en": f"Tower {name} was built in {year}.", "ar": f"بني برج {name} عام {year}."}
            asked = {"en": f"When was tower {name} built?", "ar": f"متى بني برج {name}؟"}
            answers = {"en": f"in {year}", "ar": f"عام {year}"}
            own.append((f"{d}-{f}", asked, answers, len(sentences)))
            sentences.append(told[language])
        facts[f"{language}{d}"] = [
            Fact(stem.replace("-", "x"), f"{language}{d}", (at,), asked, answers, ())
            for stem, asked, answers, at in own
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


def test_lessons_answer_from_their_evidence_and_refuse_what_it_does_not_hold(sets: list[Material]) -> None:
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
                for number, said in zip(asked.cited, asked.accepted * len(asked.cited), strict=False):
                    year = said.split()[-1]
                    assert year in lesson.evidence[number - 1]
                assert all(f"[{n}]" in asked.answer for n in asked.cited)
                if asked.words:
                    assert any(asked.words in lesson.evidence[n - 1] for n in asked.cited)
                    assert asked.language != lesson.language
                    assert f"] {asked.words} = " in asked.answer
    assert kinds == {"answer", "sentence", "both", "conflict", "refuse", "altered"}


def test_a_lesson_is_the_same_for_the_same_seed_and_no_document_is_in_two_parts(sets: list[Material]) -> None:
    assert reading.lessons(sets, "train", 5) == reading.lessons(sets, "train", 5)
    assert reading.lessons(sets, "train", 5) != reading.lessons(sets, "train", 6)
    shown = {
        part: {text for lesson in reading.lessons(sets, part, 1) for text in [lesson.document]}
        for part in ("train", "dev", "test")
    }
    assert all(shown.values())
    assert not shown["train"] & shown["dev"] | shown["train"] & shown["test"] | shown["dev"] & shown["test"]


@given(st.integers(0, 10**7), st.integers(0, 99), st.booleans(), st.integers(0, 2**32))
def test_another_number_is_another_and_looks_alike(value: int, places: int, decimal: bool, seed: int) -> None:
    text = f"{value}.{places:02}" if decimal else str(value)
    other = altered.other_number(text, random.Random(seed))
    assert float(other) != float(text)
    assert ("." in other) == decimal
    if not decimal and 1000 <= value <= 2100:
        assert abs(int(other) - value) <= 12


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "source").mkdir()
    (folder / "model").mkdir()
    small_generator.write(folder / "source" / "model.gguf")
    gguf_convert.to_transformers(folder / "source" / "model.gguf", folder / "model")
    return folder


def made(count: int) -> list[dict]:
    """Examples of two tasks: copying a digit, and saying yes."""
    rng = random.Random(count)
    found = []
    for number in range(count):
        digit = str(rng.randint(0, 9))
        asked = (
            ("read", f"[1] {digit}", f"[1] {digit}")
            if number % 2
            else ("rewrite", "ab" * (number % 7), "Yes")
        )
        task, text, answer = asked
        messages = [["system", "S"], ["user", text]]
        found.append(
            {
                "task": task,
                "messages": messages,
                "answer": answer,
                "pair": "en-en",
                "source": "x",
                "kind": "k",
            }
        )
    return found


def test_a_prompt_is_the_one_that_the_models_template_writes(model_folder: Path) -> None:
    _, tokenizer = training.open_model(str(model_folder / "model"))
    messages = [("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "x\n\ny")]
    told = [{"role": role, "content": content} for role, content in messages]
    assert training.chat(messages) == tokenizer.apply_chat_template(
        told, tokenize=False, add_generation_prompt=True
    )
    (encoded,) = training.encode(made(1), tokenizer)
    assert tokenizer.decode(encoded.ids[-encoded.answer :]) == "Yes<|im_end|>"
    assert tokenizer.decode(encoded.ids[: -encoded.answer]).endswith("assistant\n")


def test_what_fills_a_batch_up_changes_nothing_and_only_replies_are_learned(model_folder: Path) -> None:
    model, tokenizer = training.open_model(str(model_folder / "model"))
    model.float()
    examples = training.encode(made(9), tokenizer)
    device = torch.device("cpu")
    ids, targets, weights = training.tensors(examples, device)
    together = training.logits(model, ids, targets)
    at = 0
    for example in examples:
        own, wanted, _ = training.tensors([example], device)
        alone = training.logits(model, own, wanted)
        assert wanted[wanted != training.IGNORED].tolist() == example.ids[-example.answer :]
        torch.testing.assert_close(together[at : at + example.answer], alone, rtol=1e-4, atol=1e-4)
        at += example.answer
    assert at == len(together)
    assert weights.sum().item() == pytest.approx(sum(e.answer**0.5 for e in examples), rel=1e-4)


def test_batches_hold_every_example_once_within_their_limit() -> None:
    lengths = [random.Random(n).randint(3, 90) for n in range(500)]
    examples = [training.Encoded([0] * size, 1, "read", "en-ar", str(n)) for n, size in enumerate(lengths)]
    batches = training.batched(examples, 400, random.Random(0))
    assert sorted(e.kind for batch in batches for e in batch) == sorted(e.kind for e in examples)
    assert all(max(len(e.ids) for e in batch) * len(batch) <= 400 for batch in batches)
    mixed = training.mixed(examples, "read=2.5", random.Random(0))
    assert 2.3 < len(mixed) / len(examples) < 2.7
    assert training.mixed(examples, "read=0", random.Random(0)) == []


def test_the_learning_rate_rises_and_then_falls() -> None:
    paces = [training.pace(n / 100) for n in range(101)]
    assert max(paces) == pytest.approx(1, abs=0.01)
    assert paces[0] < 0.2
    assert paces[-1] == pytest.approx(training.LEAST_RATE)


def test_a_run_learns_stops_resumes_and_its_adapter_merges(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also `make train-smoke`: every part of train/adapter.py on a network of a few thousand weights."""
    write(tmp_path / "train.jsonl.xz", made(300))
    write(tmp_path / "valid.jsonl.xz", made(40))

    def run(out: Path, steps: str, *more: str) -> list[dict]:
        arguments = ["--data", str(tmp_path), "--out", str(out), "--model", str(model_folder / "model")]
        arguments += [
            "--steps",
            steps,
            "--rate",
            "0.01",
            "--alpha",
            "16",
            "--tokens",
            "900",
            "--micro",
            "500",
            "--rank",
            "8",
        ]
        training.main([*arguments, "--threads", "1", "--check", "10", "--device", "cpu", *more])
        return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]

    whole = run(tmp_path / "whole", "40")
    assert whole[-1]["valid"]["rewrite"]["loss"] < 0.8 * whole[0]["loss"]
    # A run that was stopped after a third goes on as if it had not been.
    stopped = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(training, "pace", _stop_at(8))
        with pytest.raises(KeyboardInterrupt):
            run(stopped, "40")
    resumed = run(stopped, "40", "--resume")
    assert resumed[-1]["valid"]["rewrite"]["loss"] == pytest.approx(
        whole[-1]["valid"]["rewrite"]["loss"], abs=0.02
    )
    with pytest.raises(SystemExit, match="another recipe"):
        run(stopped, "50", "--resume")

    from transformers import AutoModelForCausalLM

    merged = tmp_path / "merged"
    merged.mkdir()
    adapter = Adapter(tmp_path / "whole")
    gguf_convert.to_transformers(model_folder / "source" / "model.gguf", merged, adapter=adapter)
    served = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).eval()
    trained, tokenizer = training.open_model(str(model_folder / "model"))
    # A higher rank begins with what a lower one has learned.
    adapters = lora.attach(trained, rank=12, alpha=24.0)
    lora.load(adapters, tmp_path / "whole" / "adapter_model.safetensors")
    ids, targets, _ = training.tensors(training.encode(made(9), tokenizer), torch.device("cpu"))
    with torch.no_grad():
        one, two = training.logits(served, ids, targets), training.logits(trained.float(), ids, targets)
    assert float((one - two).abs().max()) < 0.1 * float(one.abs().max())
    lora.detach(trained, adapters)
    merge(trained, tmp_path / "whole")
    with torch.no_grad():
        three = training.logits(trained, ids, targets)
    assert float((one - three).abs().max()) < 0.1 * float(one.abs().max())
    assert len(replies(trained, tokenizer, made(5), 2)) == 5


def _stop_at(calls: int):
    left = [calls]
    real = training.pace

    def pace(done: float) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(done)

    return pace


def test_an_adapter_starts_as_nothing_and_is_read_back_as_it_was_saved(
    model_folder: Path, tmp_path: Path
) -> None:
    model, _ = training.open_model(str(model_folder / "model"))
    before = model.model.layers[0].mlp.up_proj.weight.detach().float().numpy().copy()
    adapters = lora.attach(model, rank=4, alpha=8.0, first=1)
    assert len(adapters) == len(lora.TARGETS)  # one block of two
    x = torch.randn(2, small_generator.HIDDEN, dtype=torch.bfloat16)
    one = adapters["model.layers.1.mlp.up_proj"]
    torch.testing.assert_close(one(x), one.base(x))
    for adapter in adapters.values():
        torch.nn.init.normal_(adapter.b)
    lora.save(adapters, tmp_path, rank=4, alpha=8.0, base="small")
    read = Adapter(tmp_path)
    weight = np.zeros((small_generator.INNER, small_generator.HIDDEN), np.float32)
    expected = (one.b @ one.a * one.scale).detach().numpy()
    np.testing.assert_allclose(read.add("model.layers.1.mlp.up_proj.weight", weight), expected, atol=0.05)
    np.testing.assert_array_equal(before, model.model.layers[0].mlp.up_proj.weight.detach().float().numpy())


@pytest.mark.parametrize(
    ("draft", "f1", "cited", "refused"),
    [
        ("[2] in 1900", 1.0, 1.0, 0.0),
        ("[1] in 1900", 1.0, 0.0, 0.0),
        ("It was built in 1900 [2].", 4 / 7, 1.0, 0.0),
        ("[2] in 1905", 0.5, 1.0, 0.0),
        ("[0]", 0.0, None, 1.0),
        ("The articles do not say this: NOT FOUND", 0.0, None, 1.0),
    ],
)
def test_a_draft_is_graded_by_words_citation_and_refusal(draft, f1, cited, refused) -> None:
    asked = reading.Asked("When?", "en", "[2] in 1900", "answer", accepted=("in 1900",), cited=(2,))
    item = scores.Item(Lesson("c", "d", ("x", "y"), (), (asked,)), asked)
    graded = scores.grade(item, draft)
    assert graded.f1 == pytest.approx(f1, abs=0.01)
    assert (graded.cited, graded.refused) == (cited, refused)


def test_two_that_differ_must_both_be_named() -> None:
    asked = reading.Asked("?", "en", "[1] 5 [3] 6", "conflict", accepted=("5", "6"), cited=(1, 3))
    item = scores.Item(Lesson("c", "d", ("x", "y", "z"), (), (asked,)), asked)
    assert scores.grade(item, "[1] 5 [3] 6").cited == 1.0
    assert scores.grade(item, "[1] 5 [3] 6").f1 == 1.0
    assert scores.grade(item, "[1] 5").cited == 0.0
    same = reading.Asked("?", "en", "[1][3] 5", "both", accepted=("5",), cited=(1, 3))
    assert scores.grade(scores.Item(item.lesson, same), "[3] 5").cited == 1.0


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
        ("What did Ann Reed find?", "en", "عثرت على كتاب", None),  # whether it is she cannot be seen
        ("What did Ann Reed find?", "en", "عثر بن هول وآن ريد على كتاب", None),  # of both something is told
        ("Where is Tunis?", "en", "تونس في الشمال", None),  # no other city is known
        ("What did she find?", "en", "عثرت آن ريد على كتاب", None),
    ],
)
def test_a_name_is_changed_for_another_of_its_sort_that_the_evidence_does_not_contain(
    question: str, language: str, evidence: str, expected: str | None
) -> None:
    made = altered.altered(
        question, language, evidence=[evidence], evidence_language="ar", names=NAMES, rng=random.Random(1)
    )
    assert made == expected


@given(st.integers(0, 2**32))
def test_a_year_or_a_month_of_a_question_is_changed(seed: int) -> None:
    told = ["The base closed in May 1990."]
    made = altered.altered(
        "What closed in 1990?", "en", evidence=told, evidence_language="en", names=[], rng=random.Random(seed)
    )
    assert made
    assert "1990" not in made
    made = altered.altered(
        "ماذا حدث في سبتمبر؟", "ar", evidence=told, evidence_language="en", names=[], rng=random.Random(seed)
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
def test_a_change_puts_another_value_into_sentence_and_answers(
    sentence: str, answers: list[str], word: str
) -> None:
    change = altered.Change.between(sentence, answers, random.Random(0))
    assert change
    assert word not in change(sentence)
    assert all(change(answer) != answer for answer in answers)


def test_nothing_is_changed_that_the_sentence_contains_twice() -> None:
    assert altered.Change.between("From May 3 to May 9 and 3 more", ["May", "3"], random.Random(0)) is None
