"""How the signals of a passage become one score.

With the packaged embedder candidates are ranked by a combination whose weights depend on the languages of
question and passage (data/fusion.json, fitted on development sets by train/retrieval/retriever.py and
train/retrieval/languages.py). With any other embedder those weights do not apply, and reciprocal rank fusion,
which needs none, is used instead.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.records import Language

FUSION = Path(__file__).resolve().parent / "data" / "fusion.json"
"""The weights for each language of a question, and the embedder that they were fitted for."""

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""

HALF_LEXICAL = 15.0
"""The BM25 score that is mapped to 0.5, so that the sum over a long question does not outweigh the
cosines."""


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """The weights of the signals for questions in one language and passages in one language."""

    passage: tuple[float, float, float, float]
    """Weights of dense, sentence, lexical and late."""
    passage_bias: float = 0.0
    """Added to the score of a passage. 0 where question and passage have the same language."""


Weights = dict[tuple[Language, Language], FusionWeights]
"""By the languages of question and passage."""


def load_weights(embedder: str, path: Path = FUSION) -> Weights | None:
    """The weights by the languages of question and passage; None if they were fitted for another embedder."""
    fitted = json.loads(path.read_text(encoding="utf-8"))
    if fitted["embedder"] != embedder:
        return None
    pairs: list[tuple[Language, Language]] = [("ar", "ar"), ("ar", "en"), ("en", "ar"), ("en", "en")]
    return {
        (question, text): FusionWeights(tuple(weights["passage"]), weights.get("passage_bias", 0.0))
        for question, text in pairs
        for weights in [fitted[f"{question}-{text}"]]
    }


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that may become a passage, with its signals."""

    row: int
    language: Language
    dense: float
    sentence: float
    lexical: float
    late: float | None = None
    """None if late interaction was not computed."""
    total: float = 0.0
    """The score that it is ranked by."""

    def score(self, weights: FusionWeights) -> float:
        """The combination of the signals; without late interaction the others share its weight."""
        signals = (self.dense, self.sentence, self.lexical / (self.lexical + HALF_LEXICAL))
        known = sum(weight * signal for weight, signal in zip(weights.passage, signals, strict=False))
        if self.late is None:
            known *= sum(weights.passage) / sum(weights.passage[: len(signals)])
        else:
            known += weights.passage[-1] * self.late
        return known + weights.passage_bias


def reciprocal_ranks(candidates: Sequence[Candidate], language: Language, lead: float) -> list[Candidate]:
    """Best first by reciprocal rank fusion of dense, sentence and lexical.

    Args:
        candidates: The candidates.
        language: The question's language.
        lead: Added to the cosines of candidates in the other language.
    """
    totals: dict[int, float] = {item.row: 0.0 for item in candidates}
    for name in ("dense", "sentence", "lexical"):
        added = 0.0 if name == "lexical" else lead
        value = {item.row: getattr(item, name) + added * (item.language != language) for item in candidates}
        order = sorted(candidates, key=lambda item: (-value[item.row], item.row))
        for rank, item in enumerate(order, start=1):
            if name != "lexical" or item.lexical > 0:
                totals[item.row] += 1 / (RANK_CONSTANT + rank)
    ranked = [dataclasses.replace(item, total=totals[item.row]) for item in candidates]
    return sorted(ranked, key=lambda item: (-item.total, item.row))
