"""Embedders: the fake, the packaged one on a tiny network, and models of the hub."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_e5 import HIDDEN, e5s1, save_head

from rag import ModelMissing, Settings
from rag.models.embedding import e5
from rag.models.embedding.embedder import FakeEmbedder, HubEmbedder, PackagedEmbedder, Vectors, open_embedder
from rag.models.weights.packaged import MANIFEST

TEXTS = ["Ferries carry passengers to the island.", "بلغت تكلفة المكتبة أربعة ملايين.", "", "a"]


def save_tiny_bert(folder: Path, seed: int = 0) -> Path:
    """A sentence-transformers folder: a random one-layer BERT, mean pooling, prompts for both sides."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as parts
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    words = [*special.values(), *["ferries", "carry", "passengers", "المكتبة", "query", "passage", ":"]]
    plain = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, model_max_length=32, **special)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    bare = folder.with_name(f"{folder.name}-bare")
    BertModel(config).save_pretrained(bare)
    tokenizer.save_pretrained(bare)
    transformer = parts.Transformer(str(bare))
    pooling = parts.Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    prompts = {"query": "query : ", "document": "passage : "}
    SentenceTransformer(modules=[transformer, pooling], prompts=prompts, device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bert(tmp_path_factory.mktemp("hub") / "tiny-bert")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> PackagedEmbedder:
    """The packaged embedder's engine on a tiny network of its format."""
    folder = tmp_path_factory.mktemp("packaged")
    e5.convert(e5s1(), folder)
    (folder / MANIFEST).write_text('{"files": {}}', encoding="utf-8")
    return PackagedEmbedder(folder, head=None)


@pytest.fixture(scope="module")
def late(packaged: PackagedEmbedder, tmp_path_factory: pytest.TempPathFactory) -> PackagedEmbedder:
    """The same with a branch for tokens of 6 numbers each."""
    head = save_head(tmp_path_factory.mktemp("head") / "head.safetensors")
    return PackagedEmbedder(packaged._folder, head=head)


def assert_units(vectors: Any, shape: tuple[int, ...]) -> None:
    assert vectors.shape == shape
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)


def test_the_fake_gives_unit_vectors_and_the_same_ones_each_time() -> None:
    fake = FakeEmbedder()
    assert_units(fake.passages(TEXTS), (4, 64))
    assert_units(fake.question(TEXTS[0]).vector, (64,))
    np.testing.assert_array_equal(fake.passages(TEXTS), FakeEmbedder().passages(TEXTS))
    assert fake.passages([]).shape == (0, 64)


def test_the_fake_gives_similar_texts_similar_vectors() -> None:
    fake = FakeEmbedder()
    scores = fake.passages(TEXTS) @ fake.question("which ferries carry passengers").vector
    assert scores.argmax() == 0


def test_fakes_of_different_dimensions_have_different_identities() -> None:
    assert FakeEmbedder(64).identity != FakeEmbedder(32).identity
    assert_units(FakeEmbedder(32).passages(TEXTS), (4, 32))


def test_the_settings_choose_the_embedder() -> None:
    assert isinstance(open_embedder(Settings.load(embedder="fake")), FakeEmbedder)
    assert isinstance(open_embedder(Settings.load(embedder="some/model")), HubEmbedder), "not loaded yet"


def test_the_packaged_engine_gives_the_same_vectors_in_any_batch_and_order(
    packaged: PackagedEmbedder,
) -> None:
    texts = [" ".join(["forces", "leave", "العراق", "2"][: 1 + n % 4] * (1 + n % 5)) for n in range(40)]
    together = packaged.passages(texts)
    assert_units(together, (40, packaged.dimension))
    alone = np.concatenate([packaged.passages([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-3)
    np.testing.assert_allclose(packaged.passages(texts[::-1]), together[::-1], atol=1e-3)
    assert packaged.passages([]).shape == (0, packaged.dimension)


def test_the_packaged_engine_distinguishes_queries_from_passages(packaged: PackagedEmbedder) -> None:
    query = packaged.question("ab")
    assert_units(query.vector, (packaged.dimension,))
    assert float(query.vector @ packaged.passages(["ab"])[0]) < 0.9999
    assert "query/passage prefixes" in packaged.identity


def test_the_packaged_engine_serves_several_threads_at_once(packaged: PackagedEmbedder) -> None:
    texts = [["forces leave"] * 8, ["العراق", "ab fi s"], ["بغداد 21"] * 30, ["leave"]]
    expected = [packaged.passages(batch) for batch in texts]
    start = threading.Barrier(len(texts))
    errors: list[BaseException] = []

    def embed(batch: list[str], right: Vectors) -> None:
        start.wait(timeout=10)
        try:
            for _ in range(20):
                np.testing.assert_allclose(packaged.passages(batch), right, atol=1e-3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=embed, args=pair) for pair in zip(texts, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []


WORDS = [
    "forces leave",
    "العراق",
    "بغداد 21 leave",
    "",
    "  ab \n fi  s ",
    "\u200b",
    "²¹",
    "日 forces",
    "🙂 leave",
]


def test_tokens_have_their_offsets_in_the_text_without_its_prefix(late: PackagedEmbedder) -> None:
    for text, tokens in zip(WORDS, late.with_tokens(WORDS)[1], strict=True):
        assert_units(tokens.vectors, (len(tokens.spans), 6))
        assert tokens.spans.dtype == np.int32
        pieces = [text[start:end] for start, end in tokens.spans]
        assert all(0 <= start < end <= len(text) for start, end in tokens.spans), pieces
        assert (np.diff(tokens.spans[:, 0]) >= 0).all()
        covered = {at for start, end in tokens.spans for at in range(start, end)}
        assert {at for at, char in enumerate(text) if char.isalnum()} <= covered


def test_a_token_vector_depends_on_the_words_before(late: PackagedEmbedder) -> None:
    first, second = late.with_tokens(["forces leave", "بغداد leave"])[1]
    assert np.abs(first.vectors[-1] - second.vectors[-1]).max() > 0.005, "0.001 at most by rounding"


def test_the_importance_of_a_questions_tokens_sums_to_one(late: PackagedEmbedder) -> None:
    for text in WORDS:
        query = late.question(text)
        assert_units(query.vector, (late.dimension,))
        assert query.tokens.shape == (len(query.importance), 6)
        assert query.importance.dtype == np.float32
        if len(query.importance):
            assert_units(query.tokens, query.tokens.shape)
            assert query.importance.min() > 0
            assert query.importance.sum() == pytest.approx(1, abs=1e-5)
    assert len(late.question("").tokens) == 0
    assert len(late.question("forces leave").tokens) == 2


def test_tokens_are_the_same_in_any_batch_and_order(late: PackagedEmbedder) -> None:
    texts = [" ".join(["forces", "leave", "العراق", "2"][: n % 5] * (1 + n % 3)) for n in range(40)]
    vectors, together = late.with_tokens(texts)
    for at, text in enumerate(texts):
        alone = late.with_tokens([text])
        np.testing.assert_allclose(alone[0][0], vectors[at], atol=1e-3)
        np.testing.assert_array_equal(alone[1][0].spans, together[at].spans)
        np.testing.assert_allclose(alone[1][0].vectors, together[at].vectors, atol=5e-3)
    assert late.with_tokens([])[1] == []


def test_a_text_beyond_the_models_positions_has_tokens_as_far_as_it_reads(late: PackagedEmbedder) -> None:
    (tokens,) = late.with_tokens(["forces " * 100])[1]
    assert 0 < len(tokens.vectors) < 24
    np.testing.assert_array_equal(tokens.spans[0], [0, 6])


def test_a_branch_for_tokens_changes_the_identity_and_not_the_vectors(
    packaged: PackagedEmbedder, late: PackagedEmbedder, tmp_path: Path
) -> None:
    another = PackagedEmbedder(packaged._folder, head=save_head(tmp_path / "other.safetensors", seed=6))
    assert len({packaged.identity, late.identity, another.identity}) == 3
    assert (packaged.token_size, late.token_size, late.dimension) == (0, 6, HIDDEN)
    np.testing.assert_allclose(
        late.passages(["forces leave"]), packaged.passages(["forces leave"]), atol=1e-3
    )


def test_without_a_branch_for_tokens_there_are_none(packaged: PackagedEmbedder) -> None:
    vectors, tokens = packaged.with_tokens(TEXTS)
    assert_units(vectors, (4, HIDDEN))
    assert [(len(of.vectors), len(of.spans)) for of in tokens] == [(0, 0)] * 4
    query = packaged.question("forces")
    assert (len(query.tokens), len(query.importance)) == (0, 0)


def test_the_fake_has_a_vector_for_each_word(recwarn: pytest.WarningsRecorder) -> None:
    vectors, tokens = FakeEmbedder().with_tokens([*TEXTS, " two  words\n"])
    np.testing.assert_array_equal(vectors[:4], FakeEmbedder().passages(TEXTS))
    assert [len(of.vectors) for of in tokens] == [6, 5, 0, 1, 2]
    assert tokens[4].spans.tolist() == [[1, 4], [6, 11]]
    assert_units(tokens[0].vectors, (6, 8))
    query = FakeEmbedder().question("two words")
    np.testing.assert_array_equal(query.tokens, tokens[4].vectors)
    assert query.importance.tolist() == [0.5, 0.5]
    assert len(FakeEmbedder(token_size=0).question("two words").tokens) == 0
    assert list(recwarn) == []


@pytest.mark.slow  # importing transformers takes seconds
def test_a_hub_model_gives_unit_vectors_of_its_dimension(tiny: Path) -> None:
    hub = HubEmbedder(str(tiny))
    assert hub.dimension == 16
    assert_units(hub.passages(TEXTS), (4, 16))
    query = hub.question(TEXTS[0])
    assert_units(query.vector, (16,))
    assert (hub.token_size, len(query.tokens), len(query.importance)) == (0, 0, 0)
    vectors, tokens = hub.with_tokens(TEXTS)
    np.testing.assert_allclose(vectors, hub.passages(TEXTS), atol=1e-6)
    assert [(len(of.vectors), len(of.spans)) for of in tokens] == [(0, 0)] * 4


@pytest.mark.slow  # importing transformers takes seconds
def test_a_hub_model_uses_the_prompts_that_it_declares(tiny: Path) -> None:
    hub = HubEmbedder(str(tiny))
    text = "ferries carry passengers"
    assert float(hub.question(text).vector @ hub.passages([text])[0]) < 0.9999
    assert HubEmbedder(str(tiny)).identity == hub.identity


@pytest.mark.slow  # importing transformers takes seconds
def test_other_weights_in_a_folder_of_the_same_name_are_another_identity(tmp_path: Path) -> None:
    first = HubEmbedder(str(save_tiny_bert(tmp_path / "model", seed=1))).identity
    second = HubEmbedder(str(save_tiny_bert(tmp_path / "model", seed=2))).identity
    assert first != second


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "/no/such/folder", "no-such-model"])
@pytest.mark.slow  # importing transformers takes seconds
def test_an_unknown_model_is_one_line_with_the_name_and_the_fix(name: str) -> None:
    with pytest.raises(ModelMissing) as raised:
        HubEmbedder(name).passages(["text"])
    message = str(raised.value)
    assert repr(name) in message
    assert "--embedder" in message
    assert "\n" not in message


@pytest.mark.slow  # importing transformers takes seconds
def test_a_folder_with_pickled_weights_alone_is_refused(tiny: Path, tmp_path: Path) -> None:
    import shutil

    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(tiny, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelMissing, match="pickled"):
        HubEmbedder(str(folder)).passages(["text"])
