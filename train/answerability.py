"""Fits when a sentence is taken to answer a question (rag/answering/answerability.py).

    python -m train.answerability --data DIR --data DIR            prints
    python -m train.answerability --data DIR --data DIR --write    and keeps

The adapted model is asked lessons of the articles on which its training was chosen, near misses among them.
Of each the sentence is judged that it names, or where it refused the one that it names most probably when
asked of each alone. What it made of them is kept in OUT/sentences.jsonl, a line a question, and asked for
once. Printed: what each sign tells by itself and what both do, cross-validated, and what the threshold lets
through. Sentences of refused questions are not judged in answering; they are here as they teach the same.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.answering import answerability, confidence, prompt
from rag.answering.answerability import KEPT, SURE, Judge
from rag.answering.reply import parse
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator, Heard
from rag.settings import Settings
from train import scores
from train.adapter import read_sets
from train.certainty import FOLDS, weights
from train.scores import Item

Sentence = dict[str, Any]
"""A sentence: ``alone`` and ``says`` (``answerability.FEATURES``), whether it ``answers`` and the question
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
        told = weights(model, answerability.FEATURES, generator)
        answerability.FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def fit(sentences: Sequence[Sentence]) -> Any:
    """The regression over all sentences; prints what it is worth.

    Args:
        sentences: No cluster of them is in two folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression()
    values = np.array([[one[name] for name in answerability.FEATURES] for one in sentences])
    right = np.array([one["answers"] for one in sentences])
    refused = np.array([one["choice"] is None for one in sentences])
    sure = np.array([one["choice"] or 0.0 for one in sentences]) >= SURE
    groups = [one["cluster"] for one in sentences]
    found = cross_val_predict(
        model, values, right, cv=GroupKFold(FOLDS), groups=groups, method="predict_proba"
    )
    signs = dict(zip(answerability.FEATURES, values.T, strict=True)) | {"both": found[:, 1]}
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
    """Those of the questions, one each at most; ``path`` keeps them, so that a killed run can go on."""
    kept = {}
    if path.exists():
        for raw in path.read_text(encoding="utf-8").split("\n"):
            try:
                line = json.loads(raw)
            except ValueError:  # a kill tore it
                continue
            kept[line["at"]] = line["sentence"]
    template = prompt.load(settings.template)
    judge = Judge(
        template,
        answerability.load_template(),
        generator,
        lambda messages, longest: generator.stream(messages, max_tokens=longest),
    )
    with path.open("a", encoding="utf-8") as file:
        for at, item in enumerate(chosen):
            if at not in kept:
                kept[at] = _sentence(item, template, judge, generator)
                file.write("\n" + json.dumps({"at": at, "sentence": kept[at]}))
                file.flush()
            if at % 20 == 0:
                print(f"\r{at}/{len(chosen)}", end="", flush=True)
            if kept[at] is not None:
                yield kept[at]
    print("\r", end="")


def _sentence(item: Item, template: Sequence[Any], judge: Judge, generator: Generator) -> Sentence | None:
    heard = Heard(generator.stream(scores.messages(item, template), max_tokens=scores.LONGEST))
    reply = parse("".join(heard))
    question, language = item.asked.question, item.asked.language
    shown = scores.evidence(item)
    named = [one for one in shown if reply.parts and one.number in reply.parts[0].marks]
    refused = reply.refused or not reply.parts
    if len(reply.parts) > 1 or not (refused or named) or not heard.likelihood:
        return None
    judged = [(_said(judge.alone(question, one, language)), one) for one in (shown if refused else named[:1])]
    alone, best = max(judged, key=lambda one: -math.inf if one[0] is None else one[0])
    says = _said(judge.says(question, best, language))
    if alone is None or says is None:
        return None
    return {
        "alone": alone,
        "says": says,
        "answers": item.sort == "answerable" and best.number in item.asked.cited,
        "answerable": item.sort == "answerable",
        "choice": None if refused else confidence.choice(heard.likelihood),
        "cluster": item.cluster,
    }


def _said(judging: Any) -> float | None:
    """What a judge's generator returns."""
    while True:
        try:
            next(judging)
        except StopIteration as end:
            value: float | None = end.value
            return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.answerability", description="Fit when a sentence is taken to answer."
    )
    parser.add_argument("--data", action="append", type=Path, required=True, help="a question set; repeat it")
    parser.add_argument("--limit", type=int, default=200, help="questions at most; default: 200")
    parser.add_argument("--near", type=int, default=60, help="near misses beside them; default: 60")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="keeps data and sentences")
    parser.add_argument(
        "--write", action="store_true", help="keep the weights in rag/data/answerability.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
