from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_e5 import e5s1

from rag import ModelMissing, Settings, e5
from rag.embed import FakeEmbedder, HubEmbedder, PackagedEmbedder, Vectors, open_embedder
from rag.weights import MANIFEST

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
    return PackagedEmbedder(folder)


def assert_units(vectors: Any, shape: tuple[int, ...]) -> None:
    assert vectors.shape == shape
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)


def test_the_fake_gives_unit_vectors_and_the_same_ones_each_time() -> None:
    fake = FakeEmbedder()
    assert_units(fake.passages(TEXTS), (4, 64))
    assert_units(fake.query(TEXTS[0]), (64,))
    np.testing.assert_array_equal(fake.passages(TEXTS), FakeEmbedder().passages(TEXTS))
    assert fake.passages([]).shape == (0, 64)


def test_the_fake_finds_alike_texts_alike() -> None:
    fake = FakeEmbedder()
    scores = fake.passages(TEXTS) @ fake.query("which ferries carry passengers")
    assert scores.argmax() == 0


def test_fakes_of_unequal_dimension_have_unequal_identities() -> None:
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


def test_the_packaged_engine_tells_queries_from_passages(packaged: PackagedEmbedder) -> None:
    assert_units(packaged.query("ab"), (packaged.dimension,))
    assert "query/passage prefixes" in packaged.identity


def test_the_packaged_engine_serves_several_threads_at_once(packaged: PackagedEmbedder) -> None:
    texts = [["forces leave"] * 8, ["العراق", "ab fi s"], ["بغداد 21"] * 30, ["leave"]]
    expected = [packaged.passages(some) for some in texts]
    start = threading.Barrier(len(texts))
    errors: list[BaseException] = []

    def embed(some: list[str], right: Vectors) -> None:
        start.wait(timeout=10)
        try:
            for _ in range(20):
                np.testing.assert_allclose(packaged.passages(some), right, atol=1e-3)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=embed, args=pair) for pair in zip(texts, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []


def test_a_hub_model_gives_unit_vectors_of_its_dimension(tiny: Path) -> None:
    hub = HubEmbedder(str(tiny))
    assert hub.dimension == 16
    assert_units(hub.passages(TEXTS), (4, 16))
    assert_units(hub.query(TEXTS[0]), (16,))


def test_a_hub_model_uses_the_prompts_that_it_declares(tiny: Path) -> None:
    hub = HubEmbedder(str(tiny))
    text = "ferries carry passengers"
    assert float(hub.query(text) @ hub.passages([text])[0]) < 0.9999
    assert HubEmbedder(str(tiny)).identity == hub.identity


def test_other_weights_in_a_folder_of_the_same_name_are_another_identity(tmp_path: Path) -> None:
    one = HubEmbedder(str(save_tiny_bert(tmp_path / "model", seed=1))).identity
    two = HubEmbedder(str(save_tiny_bert(tmp_path / "model", seed=2))).identity
    assert one != two


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "/no/such/folder", "no-such-model"])
def test_an_unknown_model_is_one_line_with_the_name_and_the_mend(name: str) -> None:
    with pytest.raises(ModelMissing) as raised:
        HubEmbedder(name).passages(["text"])
    message = str(raised.value)
    assert repr(name) in message
    assert "--embedder" in message
    assert "\n" not in message


def test_a_folder_with_pickled_weights_alone_is_refused(tiny: Path, tmp_path: Path) -> None:
    import shutil

    import torch

    folder = tmp_path / "pickled"
    shutil.copytree(tiny, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelMissing, match="pickled"):
        HubEmbedder(str(folder)).passages(["text"])
