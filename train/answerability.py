"""Fits the decision whether a cited sentence answers a question (rag/answering/judge.py).

    python -m train.answerability --questions FILE --questions FILE=ARTICLES            prints the quality
    python -m train.answerability --questions FILE --questions FILE=ARTICLES --write    and saves the weights

The assistant is asked the questions of each file, over the folder of articles after ``=`` or the seeds. For
each of two readings of the evidence (as served, and in another order) the sentence that the model cites is
judged. Replies are kept in --out, so that a killed run goes on where it was. What ships was fitted to
evals/questions/dev.jsonl, seeds.jsonl and reports.jsonl.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.dataset import Question, read_questions
from evals.recording import Replies
from evals.run import open_fresh, own_index
from evals.score import gold_spans, is_right
from evals.systems import SYSTEMS, WHOLE
from rag.answering import generation, judge
from rag.answering.context import Context
from rag.answering.draft import Draft
from rag.answering.pipeline import Steps
from rag.assistant import Assistant
from rag.models import logistic
from rag.models.llm import prompt
from rag.models.logistic import LogisticModel
from rag.settings import DEFAULT_INDEX, Settings

THRESHOLD = 0.4
"""Lowest probability of a sentence that is kept; chosen on the questions that it was fitted on. Others are in
docs/research/results.md."""

TRIED = (0.2, 0.3, THRESHOLD, 0.5, 0.6)
FOLDS = 5

Example = tuple[float, float, bool, bool, str]
"""``judge.FEATURES``, whether the sentence answers, whether the question is answerable, and its id."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and measure; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    replies = Replies(args.out / "replies.jsonl")
    examples: list[Example] = []
    generator = ""
    for file, corpus in args.questions:
        settings, index = Settings.load(), DEFAULT_INDEX
        if corpus:
            index, settings = own_index(corpus, settings)
        open_fresh(index, settings).close()
        assistant = SYSTEMS[WHOLE].open(index, settings, replies)
        generator = assistant.model
        for question in read_questions(file):
            examples += judged(question, assistant)
        assistant.close()
    model = fit(examples, generator)
    if args.write:
        model.save(judge.FILE)
    return 0


def judged(question: Question, assistant: Assistant) -> Iterator[Example]:
    """The examples that one question gives: at most one for each of two readings of the evidence.

    Args:
        question: One that is asked as a single part.
        assistant: Over the articles of the question; its steps are replaced.
    """
    readings: list[tuple[Draft, Context]] = []

    def both(draft: Draft, context: Context) -> Draft:
        other = generation.generate(draft.question, draft.evidence, context, order=prompt.rotated)
        readings.extend([(draft, context), (other, context)])
        return draft

    assistant.steps = Steps(drafting=(both,), checking=(), presenting=())
    assistant.ask(question.text)
    texts = {article.id: article.text for article in assistant.articles()}
    gold = gold_spans(question, texts)
    for draft, context in readings if len(readings) == 2 else ():
        if draft.confidence is None or len(draft.statements) != 1 or not draft.statements[0].cited:
            continue
        sentence = draft.statements[0].cited[0]
        says = judge.odds_says(draft.question, sentence, context)
        if says is not None:
            choice = logistic.log_odds(math.log(draft.confidence.choice))
            answers = question.answerable and is_right(sentence, gold, texts)
            yield choice, says, answers, question.answerable, question.id


def fit(examples: Sequence[Example], generator: str) -> LogisticModel:
    """The regression over all examples; prints its quality, cross-validated.

    Args:
        examples: No question of them is in two folds.
        generator: Identity of the model that replied.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    values: NDArray[np.float64] = np.array([one[:2] for one in examples])
    right, answerable = (np.array([one[at] for one in examples]) for at in (2, 3))
    groups = [one[4] for one in examples]
    model = LogisticRegression()
    folds = GroupKFold(FOLDS)
    found = cross_val_predict(model, values, right, cv=folds, groups=groups, method="predict_proba")[:, 1]
    print(f"{len(right)} sentences of {len(set(groups))} questions, {right.sum()} answer their question")
    for name, sign in (*zip(judge.FEATURES, values.T, strict=True), ("both", found)):
        print(f"  area under the curve, {name:7}{roc_auc_score(right, sign):.2f}")
    for threshold in TRIED:
        kept = found >= threshold
        print(
            f"  threshold {threshold:.2f}: kept {kept[right].mean():.2f} of those that answer, "
            f"{kept[~right].mean():.2f} of the others, {kept[~answerable].mean():.2f} if unanswerable"
        )
    model.fit(values, right)
    weights = dict(zip(judge.FEATURES, map(float, model.coef_[0]), strict=True))
    # The text before the bracket names the weights, whichever engine runs them.
    return LogisticModel(generator.split(" int8 ")[0], float(model.intercept_[0]), weights, THRESHOLD)


def _asked(value: str) -> tuple[Path, Path | None]:
    file, equals, corpus = value.partition("=")
    return Path(file), Path(corpus) if equals else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.answerability",
        description="Fit the decision whether a cited sentence answers a question.",
    )
    parser.add_argument(
        "--questions", action="append", type=_asked, required=True, help="FILE, or FILE=ARTICLES; repeat it"
    )
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="folder for the replies")
    parser.add_argument(
        "--write", action="store_true", help="save the weights in rag/answering/data/answerability.json"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
