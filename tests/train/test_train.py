"""Training of the retriever's head over made-up states: it learns, and saves what is served."""

import numpy as np
import pytest
from safetensors.numpy import load_file

torch = pytest.importorskip("torch")

from evals.dataset import Question, Quote  # noqa: E402
from rag.models.embedding import e5  # noqa: E402
from rag.records import Chunk  # noqa: E402
from train.retrieval import retriever  # noqa: E402
from train.retrieval.corpora import Corpus  # noqa: E402

pytestmark = pytest.mark.slow  # importing torch takes seconds

CHUNKS, HIDDEN, WORDS = 12, 96, 64


@pytest.fixture
def data():
    """Questions whose words are those of their chunk's second sentence, under one rotation."""
    dice = np.random.default_rng(0)
    chunks = [dice.normal(size=(WORDS, HIDDEN)).astype(np.float32) for _ in range(CHUNKS)]
    turn = np.linalg.qr(dice.normal(size=(HIDDEN, HIDDEN)))[0].astype(np.float32)
    noise = dice.normal(size=(CHUNKS, WORDS // 2, HIDDEN)).astype(np.float32)
    question_states = [
        0.5 * x[WORDS // 2 :] + 0.5 * x[WORDS // 2 :] @ turn + 0.2 * n
        for x, n in zip(chunks, noise, strict=True)
    ]
    halves = np.array([[0, WORDS // 2], [WORDS // 2, WORDS]], np.int32)
    questions = [
        Question(f"q{i}", "?", "en", True, (), (), (Quote(f"a{i}", "x"),), ("en-ar",), i + 1)
        for i in range(CHUNKS)
    ]
    eye = np.eye(CHUNKS, dtype=bool)
    corpus = Corpus(
        name="made-up",
        questions=questions,
        chunks=[Chunk(f"c{i}", f"a{i}", 0, 10, 10) for i in range(CHUNKS)],
        texts=[""] * CHUNKS,
        spans=[halves] * CHUNKS,
        chunk_of=np.repeat(np.arange(CHUNKS), 2),
        gold=eye,
        gold_sentences=np.repeat(eye, 2, axis=1) & np.tile([False, True], CHUNKS),
        fold=np.arange(CHUNKS) % 3,
        chunk_fold=np.arange(CHUNKS) % 3,
        dense=dice.normal(size=(CHUNKS, CHUNKS)).astype(np.float32) * 0.01,
        own=dice.normal(size=(CHUNKS, 2 * CHUNKS)).astype(np.float32) * 0.01,
        words=np.zeros((CHUNKS, CHUNKS), np.float32),
    )
    tensors = [torch.tensor(x).bfloat16() for x in chunks]
    return retriever.Data(
        corpus,
        retriever.States(tensors, [halves] * CHUNKS),
        retriever.States(
            [torch.tensor(x).bfloat16() for x in question_states], [np.empty((0, 2), np.int32)] * CHUNKS
        ),
        corpus.best_sentence,
    )


def first_right(head, data, fold=None):
    folds = [fold] if fold is not None else range(3)
    examples = [e for f in folds for e in retriever.held_out_examples(head, [data], f)]
    ranks = np.array(retriever.ranks(examples, retriever.fit(examples))["made-up en-ar"])
    return (ranks == 1).mean(0)


def test_training_finds_passages_and_sentences(data):
    head = retriever.train([data], None, 1, steps=30)
    passages, sentences = first_right(head, data)
    assert passages == 1
    assert sentences == 1


def test_the_best_sentence_of_a_chunk_is_the_largest(data):
    cosines = data.corpus.own.reshape(CHUNKS, CHUNKS, 2)
    np.testing.assert_array_equal(data.best, cosines.max(axis=2))


def test_a_held_out_fold_gives_no_question_and_no_wrong_chunk(data, monkeypatch):
    seen = []
    original = retriever.scored

    def spy(data, question, query, rows, tokens):
        seen.append((question, tuple(rows)))
        return original(data, question, query, rows, tokens)

    monkeypatch.setattr(retriever, "scored", spy)
    retriever.train([data], 1, 1, steps=4)
    assert seen
    assert all(question % 3 != 1 for question, _ in seen)
    assert all(row % 3 != 1 for _, rows in seen for row in rows)


def test_the_saved_head_is_what_the_network_reads(data, tmp_path):
    head = retriever.Head([data.chunks])
    retriever.save(head, tmp_path / "head.safetensors")
    weights = load_file(tmp_path / "head.safetensors")
    assert set(weights) == {
        "projection.weight", "projection.bias", "importance.weight", "importance.bias", "from_layer",
    }  # fmt: skip
    assert e5.token_size(tmp_path / "head.safetensors") == retriever.SIZE
    assert weights["from_layer"].tolist() == [retriever.FROM_LAYER]


def test_fitted_weights_are_convex(data):
    head = retriever.Head([data.chunks])
    weights = retriever.fit([e for fold in range(3) for e in retriever.held_out_examples(head, [data], fold)])
    for kind, size in (("passage", 4), ("sentence", 3)):
        for fitted in weights[kind][1:]:  # the questions are English, so that Arabic weights are a guess
            assert len(fitted) == size
            assert sum(fitted) == pytest.approx(1, abs=0.001)
            assert min(fitted) >= 0
