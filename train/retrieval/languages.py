"""Fits how passages in the other language are ranked against those in the question's own language.

    python -m train.retrieval.languages --collection ARABIC ENGLISH QUESTIONS [--collection ...] [--dry]

Each collection is as for evals/mixed.py: each article is drawn in one language at random. ``evidence``
may quote an article in both languages. The weights for the question's own language stay as
train/retrieval/retriever.py fitted them. For the other language the weights of the vectors are the same, and
two numbers are fitted for each language of questions: the weight of the words, which are translated, and the
bias. The loss is the negative log likelihood of what is right among all candidates, the mean over
collections. Every collection is also measured with numbers fitted on the others. ``--dry`` only prints.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from evals.dataset import Question, read_questions
from evals.mixed import Draw, Pairs, open_searcher, read_pairs
from rag.index import indexing
from rag.models.embedding.embedder import open_embedder
from rag.records import Language
from rag.retrieval.fusion import FUSION, HALF_LEXICAL
from rag.retrieval.languages import OTHER
from rag.retrieval.search import Searcher
from rag.settings import Settings

DRAWS = 1
"""Draws of each collection: one yields some 1,800 questions."""
FIRST = 5
"""Depth within which the right passage is to be ranked."""
WORDS = 2
"""The place of the words' weight in ``FusionWeights.passage``."""
SHARPNESS = 4.5
"""Initial logarithm of the factor that scores are multiplied by before the softmax; it is fitted too."""

LANGUAGES: tuple[Language, Language] = ("ar", "en")


class Ranking(NamedTuple):
    """The candidates for a question."""

    question: str
    """Its language."""
    right: str
    """The language of the right article."""
    rows: NDArray[np.float32]
    """For each candidate: the score without words and bias, the words, whether it is in the other language,
    and whether it is right."""


def rankings(
    searcher: Searcher, pairs: Pairs, questions: Sequence[Question], draws: Sequence[Draw]
) -> list[Ranking]:
    """The candidates for the questions that have one right article, in all draws."""
    ranked = []
    for draw in draws:
        allowed = frozenset(f"{language}/{name}" for name, language in draw.items())
        for question in questions:
            names = pairs.right(question)
            if question.answerable and len(names) == 1:
                (name,) = names
                rows = _rows(searcher, question, allowed, f"{draw[name]}/{name}")
                if rows[:, 3].any():
                    ranked.append(Ranking(question.lang, draw[name], rows))
    return ranked


def _rows(searcher: Searcher, question: Question, allowed: frozenset[str], right: str) -> NDArray[np.float32]:
    query, generation = searcher._query(question.text), searcher.generation
    ranked = searcher._ranked(searcher._candidates(query, FIRST, allowed), query)
    rows: list[tuple[float, float, bool, bool]] = []
    for item in ranked:
        article_id, other = generation.article_of(item.row).id, item.language != query.language
        weights = (searcher._weights or {})[query.language, item.language]
        words = item.lexical / (item.lexical + HALF_LEXICAL)
        late = dataclasses.replace(item, late=searcher._late(item.row, query.vectors)[0])
        rest = late.score(weights) - other * (weights.passage[WORDS] * words + weights.passage_bias)
        rows.append((rest, words, other, article_id == right))
    return np.array(rows, np.float32).reshape(-1, 4)


def fit(collections: Sequence[Sequence[Ranking]], question: Language) -> tuple[float, float]:
    """The weight of the words and the bias for questions in a language; collections count equally."""
    grouped = [[r.rows for r in rankings if r.question == question] for rankings in collections]
    tables = [rows for group in grouped for rows in group]
    shares = torch.tensor([1 / len(group) / len(grouped) for group in grouped for _ in group])
    padded = np.full((len(tables), max(map(len, tables)), 4), (-1e4, 0, 0, 0), np.float32)
    for row, table in enumerate(tables):
        padded[row, : len(table)] = table
    rest, words, other, right = torch.from_numpy(padded).unbind(-1)
    numbers = torch.tensor([0.1, 0.0, SHARPNESS], requires_grad=True)
    optimiser = torch.optim.LBFGS([numbers], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimiser.zero_grad()
        weight, bias, sharpness = numbers.unbind()
        scores = sharpness.exp() * (rest + other * (weight * words + bias))
        best = scores.masked_fill(right < 1, -1e9).logsumexp(1)
        total = (shares * (scores.logsumexp(1) - best)).sum()
        total.backward()
        return float(total.detach())

    optimiser.step(loss)
    weight, bias, _ = numbers.detach().tolist()
    return round(weight, 4), round(bias, 4)


def report(rankings: Sequence[Ranking], fitted: dict[Language, tuple[float, float]]) -> str:
    """Shares of questions with the right passage in the first place, and among the first few."""
    cells = []
    for question, right in ((question, right) for question in LANGUAGES for right in LANGUAGES):
        weight, bias = fitted[question]
        ranks = []
        for ranking in rankings:
            if (ranking.question, ranking.right) == (question, right):
                rest, words, other, hit = ranking.rows.T
                scores = rest + other * (weight * words + bias)
                ranks.append(int((scores > scores[hit > 0].max()).sum()))
        if not ranks:
            continue
        first, few = (np.mean([rank < depth for rank in ranks]) for depth in (1, FIRST))
        cells.append(f"{question}-{right} {first:.3f} {few:.3f} (n {len(ranks)})")
    return ", ".join(cells)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="train.retrieval.languages", description="Fit the other language's scores."
    )
    parser.add_argument(
        "--collection", nargs=3, type=Path, action="append", required=True, metavar=("AR", "EN", "QUESTIONS")
    )
    parser.add_argument("--dry", action="store_true", help="print only")
    args = parser.parse_args(argv)
    settings, _ = indexing.prepared(Settings.load())
    embedder = open_embedder(settings)
    fusion = json.loads(FUSION.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        opened = []
        for at, (arabic, english, file) in enumerate(args.collection):
            pairs = read_pairs(arabic, english, settings)
            searcher = open_searcher(pairs.articles, Path(folder) / str(at), settings, embedder)
            draws = [pairs.draw(f"fit-{number}") for number in range(DRAWS)]
            opened.append((searcher, pairs, read_questions(file), draws))
        collections = [rankings(*collection) for collection in opened]
        fitted = {language: fit(collections, language) for language in LANGUAGES}
        for at, collection in enumerate(collections):
            others = [*collections[:at], *collections[at + 1 :]] or collections
            unseen = {language: fit(others, language) for language in LANGUAGES}
            name = args.collection[at][0]
            print(f"{name}, fitted on the others {unseen}:", report(collection, unseen))
            print(f"{name}, fitted on all {fitted}:", report(collection, fitted))
        for language in LANGUAGES:
            weights = fusion[f"{language}-{OTHER[language]}"]
            weights["passage"][WORDS], weights["passage_bias"] = fitted[language]
        if not args.dry:
            FUSION.write_text(json.dumps(fusion, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
