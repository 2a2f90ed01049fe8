"""Fits the decision whether a sentence answers a question (rag/answering/judge.py).

    python -m train.answerability --data DIR --data DIR            prints the results
    python -m train.answerability --data DIR --data DIR --write    and saves the weights

The adapted model is asked the lessons of its development articles, near misses included. For each question,
the sentence that the model cites is judged; if it refuses, the sentence that it cites with the highest
probability when it is shown each one alone. The results are saved in OUT/sentences.jsonl, one line per
question, and reused. Prints the cross-validated quality of each feature and of both together, and the effect
of the threshold. In answering, sentences of refused questions are not judged; here they are additional
examples.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answering import confidence, judge
from rag.answering.context import Context
from rag.answering.draft import parse
from rag.answering.generation import complete
from rag.answering.judge import KEPT, SURE
from rag.models.embedding.embedder import open_embedder
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator
from rag.records import Retrieved
from rag.settings import Settings
from train import scores
from train.adapter import read_sets
from train.certainty import FOLDS, weights
from train.scores import Item

Sentence = dict[str, Any]
"""A sentence: ``alone`` and ``says`` (``judge.FEATURES``), whether it ``answers`` and the question
is ``answerable``, the probability of its ``choice`` (None where the model refused), and the ``cluster``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and measure; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = Settings.load()
    generator = open_generator(settings)
    chosen = scores.items(read_sets(args.data, args.out / "sets.pkl"), "dev", args.limit, args.near)
    model = fit(list(_sentences(args.out / "sentences.jsonl", chosen, settings, generator)))
    if args.write:
        told = weights(model, judge.FEATURES, generator)
        judge.FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def fit(sentences: Sequence[Sentence]) -> Any:
    """The regression over all sentences; prints its quality.

    Args:
        sentences: No cluster of them is in two folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression()
    values = np.array([[one[name] for name in judge.FEATURES] for one in sentences])
    right = np.array([one["answers"] for one in sentences])
    refused = np.array([one["choice"] is None for one in sentences])
    sure = np.array([one["choice"] or 0.0 for one in sentences]) >= SURE
    groups = [one["cluster"] for one in sentences]
    found = cross_val_predict(
        model, values, right, cv=GroupKFold(FOLDS), groups=groups, method="predict_proba"
    )
    signs = dict(zip(judge.FEATURES, values.T, strict=True)) | {"both": found[:, 1]}
    print(f"{len(right)} sentences; area under the curve, of named ones and of refused questions")
    for name, sign in signs.items():
        print(f"  {name:8}{_area(sign, right, ~refused)}  {_area(sign, right, refused)}")
    own, kept = ~refused & ~sure, signs["both"] >= KEPT
    print(
        f"of the named ones that are judged {(own & right & kept).sum()} of {(own & right).sum()} that "
        f"answer pass, {(own & ~right & kept).sum()} of {(own & ~right).sum()} that do not"
    )
    return model.fit(values, right)


def _area(sign: NDArray[np.float64], right: NDArray[np.bool_], own: NDArray[np.bool_]) -> str:
    from sklearn.metrics import roc_auc_score

    return (
        f"{roc_auc_score(right[own], sign[own]):.2f} (n {own.sum()})"
        if 0 < right[own].sum() < own.sum()
        else "-"
    )


def _sentences(
    path: Path, chosen: Sequence[Item], settings: Settings, generator: Generator
) -> Iterator[Sentence]:
    """At most one sentence per question, saved in ``path``, so that a killed run can be continued."""
    kept = {}
    if path.exists():
        for raw in path.read_text(encoding="utf-8").split("\n"):
            try:
                line = json.loads(raw)
            except ValueError:  # a kill tore it
                continue
            kept[line["at"]] = line["sentence"]
    context = Context(
        search=lambda *_args, **_options: Retrieved((), ()),
        model=generator,
        template=prompt.load(settings.template),
        embedder=open_embedder(settings),
        settings=settings,
        articles=frozenset(),
        language="en",
    )
    with path.open("a", encoding="utf-8") as file:
        for at, item in enumerate(chosen):
            if at not in kept:
                kept[at] = _sentence(item, context)
                file.write("\n" + json.dumps({"at": at, "sentence": kept[at]}))
                file.flush()
            if at % 20 == 0:
                print(f"\r{at}/{len(chosen)}", end="", flush=True)
            if kept[at] is not None:
                yield kept[at]
    print("\r", end="")


def _sentence(item: Item, context: Context) -> Sentence | None:
    question, shown = item.asked.question, scores.evidence(item)
    context = replace(context, language=item.asked.language)  # type: ignore[arg-type]
    completion = complete(scores.messages(item, context.template), scores.LONGEST, context)
    draft = parse(completion.text, question, shown, shown)
    refused = draft.refused or not draft.statements
    named = () if refused else draft.statements[0].cited
    if len(draft.statements) > 1 or not (refused or named) or not completion.likelihood:
        return None
    judged = [(judge.odds_alone(question, one, context), one) for one in (shown if refused else named[:1])]
    alone, best = max(judged, key=lambda one: -math.inf if one[0] is None else one[0])
    says = judge.odds_says(question, best, context)
    if alone is None or says is None:
        return None
    return {
        "alone": alone,
        "says": says,
        "answers": item.sort == "answerable" and best.number in item.asked.cited,
        "answerable": item.sort == "answerable",
        "choice": None if refused else math.exp(completion.likelihood[confidence.CHOICE]),
        "cluster": item.cluster,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.answerability", description="Fit the decision whether a sentence answers."
    )
    parser.add_argument("--data", action="append", type=Path, required=True, help="question set; repeatable")
    parser.add_argument("--limit", type=int, default=200, help="most questions; default: 200")
    parser.add_argument("--near", type=int, default=60, help="additional near misses; default: 60")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="folder for data and sentences")
    parser.add_argument(
        "--write", action="store_true", help="save the weights in rag/answering/data/answerability.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
