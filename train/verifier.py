"""Fits the verifier's decision (rag/answering/support.py) to right and corrupted answers, and measures it.

    python -m train.verifier --data DIR --data DIR             prints the rejected share of each corruption
    python -m train.verifier --data DIR --data DIR --write     and writes rag/answering/data/support.json

It is fitted on the articles that the adapter is trained on, and the thresholds are chosen there by
cross-validation over articles. The printed figures are measured on unseen articles.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.stats import score
from rag.answering import support
from rag.models.embedding.embedder import Embedder, PackagedEmbedder
from rag.models.weights.packaged import EMBEDDER, prepared
from rag.settings import Settings
from train import claims
from train.adapter import read_sets
from train.claims import Labelled

REJECTED = 0.06
"""Share of right claims that the threshold may reject, in cross-validation."""

EVEN = 0.5
"""Lowest threshold of claims that quote. A rejected one is shown in the article's own words, which does less
harm than a wrong name, so a probability of one half decides."""

FOLDS = 5
STRENGTH = 1.0
"""Inverse of the ridge penalty, scikit-learn's default."""

Floats = NDArray[np.float64]


def measured(items: Sequence[Labelled], embedder: Embedder) -> Floats:
    """The features of claims, shape (claims, ``support.FEATURES``)."""
    asked = [(item.text, item.words, [item.source]) for item in items]
    texts = sorted({text for one in asked for text in support.compared(*one)}, key=len)
    vectors = dict(zip(texts, embedder.passages(texts), strict=True))
    return np.array([support.features(*one, vectors) for one in asked])


def fit(values: Floats, right: NDArray[np.bool_], clusters: Sequence[str]) -> support.Weights:
    """Weights and threshold of one relation.

    Args:
        values: Shape (claims, features).
        right: Shape (claims,).
        clusters: Document of each claim; none is in two folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression(C=STRENGTH, max_iter=5000, class_weight="balanced")
    folds = GroupKFold(FOLDS).split(values, right, clusters)
    held_out = cross_val_predict(model, values, right, cv=list(folds), method="predict_proba")[:, 1]
    threshold = float(np.quantile(held_out[right], REJECTED))
    model.fit(values, right)
    return support.Weights(float(model.intercept_[0]), tuple(map(float, model.coef_[0])), threshold)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and measure; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = Settings.load()
    items = claims.drawn(claims.labelled(read_sets(args.data, args.out / "sets.pkl")), args.claims)
    embedder = PackagedEmbedder(prepared(EMBEDDER, settings), threads=settings.threads)
    values = measured(items, embedder)
    found = {kind: _fitted(kind, items, values) for kind in support.RELATIONS}
    _print(items, values, found)
    if args.write:
        told: dict[str, object] = {
            "embedder": embedder.identity,
            **{kind: _written(own) for kind, own in found.items()},
        }
        support.FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def _fitted(kind: support.Relation, items: Sequence[Labelled], values: Floats) -> support.Weights:
    rows = [i for i, item in enumerate(items) if item.relation == kind and item.part != "test"]
    right = np.array([not items[i].corruption for i in rows])
    own = fit(values[rows], right, [items[i].cluster for i in rows])
    return replace(own, threshold=max(own.threshold, EVEN)) if kind == "quoted" else own


def _written(own: support.Weights) -> dict[str, object]:
    factors = {n: round(factor, 4) for n, factor in zip(support.FEATURES, own.factors, strict=True)}
    return {"bias": round(own.bias, 4), "factors": factors, "threshold": round(own.threshold, 4)}


def _rejected(item: Labelled, values: Sequence[float], own: support.Weights) -> bool:
    wrong = support.tells_other_values(item.text, item.words, [item.source])
    strange = support.strangers(item.text, item.words, [item.source], item.question)
    return wrong or bool(strange) or own.probability(values) < own.threshold


def _print(items: Sequence[Labelled], values: Floats, found: dict[support.Relation, support.Weights]) -> None:
    groups: dict[tuple[str, str], list[tuple[bool, str]]] = defaultdict(list)
    for item, row in zip(items, values, strict=True):
        if item.part == "test":
            no = _rejected(item, list(row), found[item.relation])
            for one in (f"{item.relation}, {item.form}", item.relation, "all"):
                for corruption in (item.corruption, "any corruption") if item.corruption else ("right",):
                    groups[one, corruption].append((no, item.cluster))
    print(f"{'relation, form':24}{'claims':16}{'rejected':>9}  {'95 %':13} n")
    for (form, corruption), own in sorted(groups.items()):
        told = score([float(no) for no, _ in own], [cluster for _, cluster in own])
        low, high = told["low"], told["high"]
        print(f"  {form:22}{corruption:16}{told['value']:9.3f}  [{low:.2f}, {high:.2f}]  {told['n']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.verifier", description="Fit and measure the verifier.")
    parser.add_argument("--data", action="append", type=Path, required=True, help="a question set; repeat it")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="keeps what was read of the data")
    parser.add_argument("--claims", type=int, default=3000, help="of each relation at most; default: 3000")
    parser.add_argument(
        "--write", action="store_true", help="keep the weights in rag/answering/data/support.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
