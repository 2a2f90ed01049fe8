"""The sentences of the passages that are read are ranked by what they share with the question."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.retrieval.fusion import FUSION
from rag.retrieval.ranking import FEATURES, FILE, Read, features, load_ranker

PLAIN = Read(
    title="The port of Marsa",
    texts=("Lina Haddad leads the works.", "The crane was moved in June.", "It lifts 40 tonnes."),
    passage=0.5,
    cosine=np.array([0.8, 0.7, 0.6], np.float32),
    late=np.array([0.3, 0.2, 0.1], np.float32),
    share=np.array([0.0, 0.5, 0.25], np.float32),
    other=False,
)


def feature(question: str, read: Read, name: str) -> list[float]:
    return [round(float(value), 3) for value in features(question, read)[:, FEATURES.index(name)]]


def test_the_signals_of_search_are_features_unchanged() -> None:
    question = "When was the crane moved?"
    assert feature(question, PLAIN, "passage") == [0.5, 0.5, 0.5]
    assert feature(question, PLAIN, "cosine") == [0.8, 0.7, 0.6]
    assert feature(question, PLAIN, "late") == [0.3, 0.2, 0.1]


def test_words_count_with_those_of_the_title_and_of_the_sentence_before() -> None:
    question = "When was the crane of Marsa moved?"
    assert feature(question, PLAIN, "context") == [0.333, 1.0, 1.0], "the third continues the second"
    untitled = dataclasses.replace(PLAIN, title="")
    assert feature(question, untitled, "context") == [0.0, 0.667, 0.667]


def test_long_sentences_are_distinguished_from_short_ones() -> None:
    assert feature("When was the crane moved?", PLAIN, "length") == [1.609, 1.792, 1.386]


@pytest.mark.parametrize("name", ["other", "other_share", "other_words"])
def test_a_sentence_in_the_other_language_has_weights_of_its_own(name: str) -> None:
    question = "When was the crane moved?"
    assert feature(question, PLAIN, name) == [0.0, 0.0, 0.0]
    assert any(feature(question, dataclasses.replace(PLAIN, other=True), name))


def test_words_of_the_other_language_are_found_by_their_meaning() -> None:
    arabic = dataclasses.replace(
        PLAIN, texts=("نقلت الرافعة في يونيو.", "مات الملك."), title="مرفأ", other=True
    )
    words = feature("When was the crane moved?", arabic, "other_words")
    assert words[0] > words[1] == 0


@pytest.mark.parametrize("texts", [(), ("",), ("؟!",)])
def test_passages_without_words_do_no_harm(texts: Sequence[str]) -> None:
    none = np.zeros(len(texts), np.float32)
    values = features("؟", dataclasses.replace(PLAIN, texts=texts, cosine=none, late=none, share=none))
    assert values.shape == (len(texts), len(FEATURES))
    assert np.isfinite(values).all()


def test_the_shipped_weights_are_for_the_embedder_of_the_fusion_and_prefer_what_is_near() -> None:
    embedder = json.loads(FUSION.read_text(encoding="utf-8"))["embedder"]
    weights = load_ranker(embedder)
    assert weights is not None
    assert load_ranker("another embedder") is None
    by_name = dict(zip(FEATURES, weights.tolist(), strict=True))
    assert min(by_name[name] for name in ("passage", "cosine", "late", "context")) > 0


def test_a_file_without_a_feature_is_an_error(tmp_path: Path) -> None:
    fitted = json.loads(FILE.read_text(encoding="utf-8"))
    del fitted["weights"]["context"]
    path = tmp_path / "sentences.json"
    path.write_text(json.dumps(fitted), encoding="utf-8")
    with pytest.raises(KeyError, match="context"):
        load_ranker(fitted["embedder"], path)
