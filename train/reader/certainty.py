"""Fits when a reply's own words are shown, and when its sentence is quoted instead (answering/confidence.py).

    python -m train.reader.certainty --data DIR --questions FILE          prints
    python -m train.reader.certainty … --write                            saves

The adapted model answers the lessons of its development articles, and the questions of the given files over
the seeds. Replies are saved in OUT/certainty-replies.jsonl by model and prompt, and reused. Prints for each
threshold, by language and cross-validated, how often the words are shown, and how often these are right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from evals.dataset import read_questions
from evals.grading.score import is_correct, token_f1
from evals.harness.recording import RecordingGenerator, Replies
from rag.answering import confidence
from rag.answering.draft import parse
from rag.answering.generation import form_for
from rag.assistant import Assistant
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator, Message, ReplyReader
from rag.records import Language
from rag.settings import Settings
from train.reader import scores
from train.reader.reading import read_sets

RIGHT = 0.5
"""Token F1 from which words count as right, where the gold answer is a phrase of the sentence."""

THRESHOLD = 0.4
"""Lowest probability of words that are shown: above it nearly eight in ten are right in either language; a
higher threshold shows fewer (docs/research/decisions.md)."""

TRIED = (0.3, THRESHOLD, 0.5, 0.6, 0.7, 0.8)
FOLDS = 5

Reply = dict[str, Any]
"""A reply: ``question``, ``language``, ``likelihood`` and whether its words are ``right``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and measure; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    settings = Settings.load()
    kept = Replies(args.out / "certainty-replies.jsonl")
    generator = RecordingGenerator(open_generator(settings), kept, warm=True)
    replies = list(_asked(args, settings, generator))
    values = np.array([list(confidence.features(tuple(reply["likelihood"])).values()) for reply in replies])
    right = np.array([reply["right"] for reply in replies])
    model = fit(values, right, replies)
    if args.write:
        fitted = weights(model, confidence.FEATURES, generator) | {"threshold": THRESHOLD}
        confidence.FILE.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
    return 0


def fit(values: NDArray[np.float64], right: NDArray[np.bool_], replies: Sequence[Reply]) -> Any:
    """The regression over all replies; prints the effect of several thresholds, cross-validated.

    Args:
        values: Shape (replies, features).
        right: Shape (replies,).
        replies: Their questions and languages; no question is in two folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression()
    questions = [reply["question"] for reply in replies]
    held_out = cross_val_predict(
        model, values, right, cv=GroupKFold(FOLDS), groups=questions, method="predict_proba"
    )
    probability = held_out[:, 1]
    area = roc_auc_score(right, probability)
    print(f"{len(right)} replies, {right.mean():.2f} right; area under the curve {area:.2f}")
    print(f"{'language':10}{'threshold':>10}{'shown':>7}{'right of these':>16}")
    languages = np.array([reply["language"] for reply in replies])
    for language in sorted(set(languages)):
        for threshold in TRIED:
            shown = (languages == language) & (probability >= threshold)
            share = shown.sum() / (languages == language).sum()
            print(
                f"{language:10}{threshold:10.1f}{share:7.2f}{right[shown].mean() if shown.any() else 0:16.2f}"
            )
    return model.fit(values, right)


def weights(model: Any, features: Sequence[str], generator: Generator) -> dict[str, Any]:
    """A fitted regression in the format of the package.

    Args:
        model: scikit-learn's.
        features: Names of its values, in order.
        generator: Whose replies it was fitted to.
    """
    factors = zip(features, model.coef_[0], strict=True)
    return {
        # The text before the bracket names the weights, whichever engine runs them.
        "generator": generator.identity.split(" int8 ")[0],
        "bias": round(float(model.intercept_[0]), 4),
        "factors": {name: round(float(factor), 4) for name, factor in factors},
    }


def _asked(args: argparse.Namespace, settings: Settings, generator: Generator) -> Iterator[Reply]:
    template = prompt.load(settings.template)
    for item in scores.items(read_sets(args.data, args.out), "dev", args.limit):
        if item.sort == "answerable":
            text, likelihood = _reply(generator, scores.messages(item, template))
            right = token_f1(text, list(item.asked.accepted)) >= RIGHT
            yield from _row(item.asked.question, item.asked.language, text, likelihood, right)
    assistant = Assistant.open(settings=settings)
    for file in args.questions:
        for question in read_questions(file):
            if question.answerable:
                retrieved = assistant.search(question.text)
                form = form_for(question.text, cast(Language, question.lang), adapted=True)
                messages, _ = prompt.build(
                    template,
                    question=question.text,
                    evidence=retrieved.evidence,
                    language=cast(Language, question.lang),
                    count=generator.count,
                    budget=generator.context - scores.LONGEST,
                    order=form.arranged,
                    wording=form.wording,
                    headlines=form.headlines,
                )
                text, likelihood = _reply(generator, messages)
                yield from _row(question.text, question.lang, text, likelihood, is_correct(question, text))


def _row(
    question: str, language: str, text: str, likelihood: Sequence[float], right: bool
) -> Iterator[Reply]:
    if text and len(likelihood) > confidence.WORDS:
        yield {"question": question, "language": language, "likelihood": list(likelihood), "right": right}


def _reply(generator: Generator, messages: Sequence[Message]) -> tuple[str, Sequence[float]]:
    """The text of a reply without markers and quoted words, and the log probabilities of its tokens."""
    reader = ReplyReader(generator.stream(messages, max_tokens=scores.LONGEST))
    draft = "".join(reader)
    return " ".join(s.text for s in parse(draft, "", (), ()).statements), reader.log_probabilities or ()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.reader.certainty", description="Fit when a reply's own words are shown."
    )
    parser.add_argument("--data", action="append", type=Path, default=[], help="a question set; repeat it")
    parser.add_argument(
        "--questions", action="append", type=Path, default=[], help="questions over the seeds; repeat it"
    )
    parser.add_argument("--limit", type=int, default=200, help="lessons' questions at most; default: 200")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="folder for data and replies")
    parser.add_argument(
        "--write", action="store_true", help="save the weights in rag/answering/data/certainty.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
