"""The reranker learns from sampled pairs, and never from held-out events."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from rag.models.embedding.embedder import FakeEmbedder  # noqa: E402
from rag.settings import Settings  # noqa: E402
from train.retrieval.pairs import WRONG, Pool, Sampler  # noqa: E402
from train.retrieval.reranker import FILE, LIMITS, Reranker, Run, load, loss, measure  # noqa: E402
from train.tasks.examples import held_out  # noqa: E402

pytestmark = pytest.mark.slow  # importing torch takes seconds

CITIES = ("Rome", "Oslo", "Lima", "Cairo", "Paris", "Tunis", "Doha", "Bern")


def report(n: int, event: str) -> dict[str, Any]:
    """A report in both languages with one question and one near miss."""
    sentences = [f"Mayor {n} opened bridge {k} in {city}." for k, city in enumerate(CITIES)]
    return {
        "event": event,
        "title_ar": f"جسر {n}",
        "title_en": f"Bridge {n}",
        "sentences": [{"en": text, "ar": f"افتتح {text}"} for text in sentences],
        "questions": [
            {"question_en": f"Where is bridge 3 of mayor {n}?", "question_ar": "أين الجسر؟", "sentence": 3}
        ],
        "near_misses": [{"question_en": f"Where is road 3 of mayor {n}?", "question_ar": "أين الطريق؟"}],
    }


@pytest.fixture
def pool() -> Pool:
    """Reports on events of which some are held out."""
    events = [f"event-{n}" for n in range(40)]
    assert 0 < sum(held_out("event", event) for event in events) < len(events)
    made = Pool()
    made.add_reports([report(n, event) for n, event in enumerate(events)])
    return made


@pytest.fixture
def sampler(pool: Pool) -> Sampler:
    embedder = FakeEmbedder()
    vectors = embedder.passages([sentence.text for sentence in pool.sentences])
    return Sampler(pool, vectors, lambda question: embedder.question(question).vector)


@pytest.fixture
def network() -> Reranker:
    """Two small layers, and a tokenizer whose vocabulary is the words of the reports."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    known = "<s> <pad> </s> <unk> query passage : Where is bridge road of mayor Mayor opened in . ?"
    words = [*known.split(" "), *CITIES, *map(str, range(40))]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return Reranker(BertModel(config, add_pooling_layer=False), tokenizer, first=0)


def test_an_example_has_one_right_sentence_first_or_none(sampler: Sampler) -> None:
    rng = random.Random(0)
    drawn = [sampler.draw(rng) for _ in range(300)]
    assert {example.answerable for example in drawn} == {True, False}
    for example in drawn:
        assert len(set(example.sentences)) == len(example.sentences) <= WRONG + 1
        if example.question.startswith("Where is bridge"):
            right = f"Mayor {example.question.rstrip('?').rsplit(' ', 1)[1]} opened bridge 3 "
            assert [right in sentence.text for sentence in example.sentences].count(
                True
            ) == example.answerable
            assert not example.answerable or right in example.sentences[0].text
        if "road" in example.question:
            assert not example.answerable


def test_sentences_of_events_that_are_held_out_are_never_learned(sampler: Sampler) -> None:
    rng = random.Random(1)
    groups = {sentence.group for _ in range(300) for sentence in sampler.draw(rng).sentences}
    assert groups
    assert not any(held_out("event", group) for group in groups)


def test_a_pair_has_both_texts_and_no_part_is_longer_than_its_limit(network: Reranker, pool: Pool) -> None:
    short = network.pair("Where is bridge 3?", pool.sentences[0])
    assert (short[0], short[-1], short.count(2)) == (0, 2, 3)
    assert len(network.pair("Where " * 500, pool.sentences[0])) <= len(short) + LIMITS["question"]


@pytest.mark.parametrize("bf16", [False, True])
def test_training_lowers_the_loss_and_resumes_from_its_checkpoint(
    network: Reranker, sampler: Sampler, tmp_path: Path, bf16: bool
) -> None:
    rng = random.Random(2)
    examples = [sampler.draw(rng) for _ in range(40)]
    before = float(loss(network, examples).detach())
    Run(network, tmp_path, 3e-3, resume=False, bf16=bf16)(sampler, 4.0)
    after = float(loss(network, examples).detach())
    assert after < before
    resumed = Run(network, tmp_path, 3e-3, resume=True)
    assert resumed.step > 0
    kept = torch.load(tmp_path / FILE, weights_only=True)
    load(network, kept)
    assert float(loss(network, examples).detach()) == pytest.approx(after, abs=1e-4)


def test_a_collection_is_measured_in_the_order_of_search_and_of_scores(
    network: Reranker, small_articles: Path, tmp_path: Path
) -> None:
    file = tmp_path / "questions.jsonl"
    article = next(small_articles.glob("*.txt"))
    quote = article.read_text(encoding="utf-8").strip().splitlines()[-1]
    line = {
        "id": "a", "question": quote, "lang": "en", "answerable": True, "must": [["x"]], "must_not": [],
        "evidence": [{"article": article.stem, "quote": quote}], "tags": [],
    }  # fmt: skip
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    table = measure(network, small_articles, file, Settings(cache=tmp_path / "cache"), FakeEmbedder())
    assert "en, search     n    1" in table
    assert "en, reranked   n    1" in table
