"""Fits how the sentences of the passages that are read are ranked (rag/retrieval/ranking.py).

    python -m train.retrieval.sentences --collection DIR QUESTIONS ... [--pairs AR EN QUESTIONS ...] [--dry]

A collection is a folder of articles and a file of questions (evals/README.md). Pairs are as for
evals/mixed.py: each article exists in Arabic and in English, and is drawn in one of them at random, so that
sentences of both languages compete. The model is linear; its loss is the negative log likelihood of the
right sentences among all that are read, the mean over collections, which count equally. Each collection is
also measured with weights fitted on the others, beside the weights in use. ``--dry`` only prints.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from evals.dataset import Question, read_questions
from evals.grading.score import Span, gold_spans
from evals.mixed import open_searcher, read_pairs
from rag.index import indexing
from rag.loading.articles import load_folder
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.retrieval import ranking
from rag.retrieval.search import Searcher
from rag.settings import Settings

READ = 6
"""Passages whose sentences compete, as ``Settings.passages``."""

DEPTHS = (1, 4, 6, 8)
"""Depths at which recall is printed, in sentences."""

ROUNDS, RATE, DECAY = 250, 0.05, 1e-3
"""Steps of AdamW over all questions, its learning rate, which falls to nothing, and its weight decay."""

Floats = NDArray[np.float32]


class Pool(NamedTuple):
    """The sentences that compete for a question."""

    features: Floats
    """Shape (sentences, ``ranking.FEATURES``)."""
    right: NDArray[np.bool_]
    """Which of them hold a part of the answer's quote, shape (sentences,)."""


def pool(
    searcher: Searcher, question: str, gold: Sequence[Span], allowed: frozenset[str] | None = None
) -> Pool | None:
    """The sentences of the passages that are read for a question; None where there are none.

    Args:
        searcher: Over the articles.
        question: In English or Arabic.
        gold: Where the answer is.
        allowed: Ids of the articles to search; None searches all.
    """
    rows: list[Floats] = []
    right: list[bool] = []
    for read, places in searcher.read(question, READ, allowed):
        rows.append(ranking.features(question, read))
        right += [any(Span(*place).overlaps(span) for span in gold) for place in places]
    return Pool(np.concatenate(rows), np.array(right, bool)) if rows else None


def of_collection(
    corpus: Path, file: Path, most: int, settings: Settings, embedder: Embedder, folder: Path
) -> list[Pool]:
    """The pools of randomly drawn questions of a collection."""
    articles = load_folder(corpus, settings).articles
    searcher = open_searcher(articles, folder, settings, embedder)
    texts = {article.id: article.text for article in articles}
    questions = [(q, gold) for q in _drawn(file, most) if (gold := gold_spans(q, texts))]
    return [candidates for q, gold in questions if (candidates := pool(searcher, q.text, gold))]


def of_pairs(
    arabic: Path, english: Path, file: Path, most: int, settings: Settings, embedder: Embedder, folder: Path
) -> list[Pool]:
    """The pools where each article is in one of two languages; quotes may be in either."""
    pairs = read_pairs(arabic, english, settings)
    searcher = open_searcher(pairs.articles, folder, settings, embedder)
    draw = pairs.draw("fit-0")
    allowed = frozenset(f"{language}/{name}" for name, language in draw.items())
    pools = []
    for question in _drawn(file, most):
        names = [pairs.name_of[q.article] for q in question.evidence if q.article in pairs.name_of]
        ids = [f"{draw[name]}/{name}" for name in dict.fromkeys(names)]
        gold = [
            Span(i, at, at + len(quote.text))
            for i in ids
            for quote in question.evidence
            if (at := searcher.generation.articles[i].text.find(quote.text)) >= 0
        ]
        if gold and (candidates := pool(searcher, question.text, gold, allowed)):
            pools.append(candidates)
    return pools


def _drawn(file: Path, most: int) -> list[Question]:
    questions = [question for question in read_questions(file) if question.answerable]
    random.Random(0).shuffle(questions)
    return questions[:most]


def fit(collections: Sequence[Sequence[Pool]]) -> Floats:
    """The weights of ``ranking.FEATURES``; collections count equally.

    Args:
        collections: The pools of each; those without a right sentence teach nothing.
    """
    learnable = [[candidates for candidates in pools if candidates.right.any()] for pools in collections]
    every = [candidates for pools in learnable for candidates in pools]
    shares = torch.tensor([1 / len(pools) / len(learnable) for pools in learnable for _ in pools])
    rows = np.concatenate([candidates.features for candidates in every])
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    longest = max(len(candidates.right) for candidates in every)
    padded = np.zeros((len(every), longest, rows.shape[1]), np.float32)
    there, right = np.zeros((2, len(every), longest), bool)
    for at, candidates in enumerate(every):
        padded[at, : len(candidates.right)] = (candidates.features - mean) / spread
        there[at, : len(candidates.right)], right[at, : len(candidates.right)] = True, candidates.right
    known, present, wanted = map(torch.from_numpy, (padded, there, right))
    weights = torch.zeros(rows.shape[1], requires_grad=True)
    optimiser = torch.optim.AdamW([weights], RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, ROUNDS)
    for _ in range(ROUNDS):
        optimiser.zero_grad()
        scores = (known @ weights).masked_fill(~present, -1e9)
        best = scores.masked_fill(~wanted, -1e9).logsumexp(1)
        (shares * (scores.logsumexp(1) - best)).sum().backward()
        optimiser.step()
        schedule.step()
    return np.asarray(weights.detach().numpy() / spread, np.float32)


def recall(pools: Sequence[Pool], weights: Floats) -> list[float]:
    """The share of questions with a right sentence among the first ``DEPTHS``."""
    ranks = []
    for candidates in pools:
        scores = candidates.features @ weights
        best = scores[candidates.right].max(initial=-np.inf)
        ranks.append(int((scores > best).sum()))
    return [float(np.mean([rank < depth for rank in ranks])) for depth in DEPTHS]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="train.retrieval.sentences", description="Fit the ranking of sentences."
    )
    parser.add_argument(
        "--collection", nargs=2, type=Path, action="append", default=[], metavar=("DIR", "FILE")
    )
    parser.add_argument(
        "--pairs", nargs=3, type=Path, action="append", default=[], metavar=("AR", "EN", "FILE")
    )
    parser.add_argument("--most", type=int, default=400, metavar="N", help="questions of each; default: 400")
    parser.add_argument("--dry", action="store_true", help="print only")
    args = parser.parse_args(argv)
    if not args.collection and not args.pairs:
        parser.error("name at least one --collection or --pairs")
    settings, _ = indexing.prepared(Settings.load())
    embedder = open_embedder(settings)
    collections: dict[str, list[Pool]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for at, (corpus, file) in enumerate(args.collection):
            folder = Path(temporary) / f"collection-{at}"
            collections[f"{corpus}"] = of_collection(corpus, file, args.most, settings, embedder, folder)
        for at, (arabic, english, file) in enumerate(args.pairs):
            folder = Path(temporary) / f"pairs-{at}"
            collections[f"{arabic} and {english}"] = of_pairs(
                arabic, english, file, args.most, settings, embedder, folder
            )
    used = ranking.load_ranker(embedder.identity)
    for name, pools in collections.items():
        others = [their_pools for collection, their_pools in collections.items() if collection != name] or [
            pools
        ]
        for label, weights in (("in use", used), ("fitted on the others", fit(others))):
            if weights is not None:
                cells = ", ".join(
                    f"{depth}: {share:.3f}"
                    for depth, share in zip(DEPTHS, recall(pools, weights), strict=True)
                )
                print(f"{name} (n {len(pools)}), {label}: {cells}", flush=True)
    if not args.dry:
        weights = fit(list(collections.values()))
        document = {
            "embedder": embedder.identity,
            "weights": {name: round(float(w), 4) for name, w in zip(ranking.FEATURES, weights, strict=True)},
        }
        ranking.FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
