"""Labelled claims say what is wrong with them, and the decision that is fitted to them separates them."""

from __future__ import annotations

import importlib.util
from collections import Counter

import numpy as np
import pytest

from rag.answering.support import FEATURES, RELATIONS
from rag.language.text import fold
from rag.models.embedding.embedder import FakeEmbedder
from train import claims
from train.claims import Labelled
from train.reading import Fact, Material, Part

# Not imported here: it takes two seconds, which only the process with these tests should spend.
pytestmark = pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="no scikit-learn")

NAMES = {
    "en": ["Karim Nasser", "Huda Saleh", "Omar Zayed", "Lina Farah"],
    "ar": ["كريم ناصر", "هدى صالح", "عمر زايد", "لينا فرح"],
}


def material(language: str) -> Material:
    """Forty made-up documents of a person and a number each, the same in either language."""
    sentences, facts, parts = [], {}, {}
    for d in range(40):
        who, count = d % 4, 1000 + 7 * d
        told = {
            "en": f"{NAMES['en'][who]} was in charge of {count} workers of plant {d}, which is old, small.",
            "ar": f"كان {NAMES['ar'][who]} مسؤولا عن {count} عامل في المصنع {d}، وهو قديم.",
        }
        sentences.append(told[language])
        near = tuple((d + step) % 40 for step in (1, 2, 3))
        asked = [
            (
                "w",
                {"en": "Who was in charge?", "ar": "من كان مسؤولا؟"},
                {k: v[who] for k, v in NAMES.items()},
            ),
            ("n", {"en": "How many?", "ar": "كم؟"}, {"en": f"{count} workers", "ar": f"{count} عامل"}),
        ]
        document = f"{language}{d}"
        facts[document] = [Fact(f"{d}{key}", document, (d,), q, a, near) for key, q, a in asked]
        part: Part = "test" if d % 4 == 3 else "train"
        parts[document] = part
    return Material(language, language, sentences, facts, parts)


@pytest.fixture(scope="module")
def made() -> list[Labelled]:
    return claims.labelled([material("ar"), material("en")])


def test_every_kind_of_claim_and_of_corruption_is_made(made: list[Labelled]) -> None:
    assert {item.form for item in made} == set(claims.FORMS)
    assert {item.corruption for item in made} == {"", "number", "name", "negated", "moved", "invented"}
    assert {item.pair for item in made} == {"en-en", "en-ar", "ar-en", "ar-ar"}
    assert {item.relation for item in made} == set(RELATIONS)


def test_a_right_claim_is_said_by_its_source_and_a_corrupted_one_is_not(made: list[Labelled]) -> None:
    right = {(i.text, i.words, i.source) for i in made if not i.corruption}
    for item in made:
        assert ((item.text, item.words, item.source) in right) == (not item.corruption), item
        if not item.corruption and item.form in ("phrase", "quoted") and item.relation != "crossed":
            assert fold(item.words or item.text) in fold(item.source)
        if item.corruption == "moved":
            assert fold(item.words or item.text) not in fold(item.source)


def test_a_corrupted_claim_differs_from_a_right_one_in_one_thing(made: list[Labelled]) -> None:
    right = [i for i in made if not i.corruption]
    for item in made:
        if item.corruption in ("number", "name", "negated"):
            kept = {(i.words, i.source) for i in right if i.form == item.form and i.cluster == item.cluster}
            assert item.source in {source for _, source in kept}
            assert (
                item.words == "" or item.corruption == "number" or item.words in {words for words, _ in kept}
            )


def test_claims_are_drawn_by_relation_half_of_them_right(made: list[Labelled]) -> None:
    drawn = claims.drawn(made, 60)
    counts = Counter((item.relation, bool(item.corruption)) for item in drawn)
    assert all(count <= 36 for count in counts.values())
    assert len(set(drawn)) == len(drawn)
    assert claims.drawn(made, 60) == drawn


def test_a_fitted_decision_keeps_right_claims_and_rejects_corrupted_ones(made: list[Labelled]) -> None:
    from train import verifier

    quoted = [item for item in made if item.relation == "quoted"]
    values = verifier.measured(quoted, FakeEmbedder())
    assert values.shape == (len(quoted), len(FEATURES))
    right = np.array([not item.corruption for item in quoted])
    own = verifier.fit(values, right, [item.cluster for item in quoted])
    stands = np.array([own.probability(row) >= own.threshold for row in values])
    assert stands[right].mean() > 0.9
    assert stands[~right].mean() < 0.3
