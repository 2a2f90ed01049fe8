"""Trains a reranker: the embedder's layers read a question and a sentence together, and score the pair.

    python -m train.retrieval.reranker --shared TRAIN --out RUN --seconds 6000 [--set DIR LANGUAGE ...]
    python -m train.retrieval.reranker --shared TRAIN --out RUN --resume …
    python -m train.retrieval.reranker --out RUN --measure CORPUS QUESTIONS

A cross-encoder (Nogueira and Cho 2019, arXiv 1901.04085) on multilingual-e5-small. Its loss is the negative
log likelihood of the right sentence among those of a question (train/retrieval/pairs.py) and of "none", whose
score is 0, so that a score also says whether a sentence answers at all. ``--measure`` prints how often a
right sentence of a collection is among the first, by search and by score.

Nothing in rag uses it yet: docs/research/decisions.md has what was measured.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from evals.dataset import read_questions
from evals.grading.score import Span, gold_spans
from evals.mixed import open_searcher
from rag.loading.articles import load_folder
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.weights.packaged import EMBEDDER, prepared
from rag.settings import Settings
from train.reader.network import pace
from train.retrieval.pairs import Example, Pool, Sampler, Sentence
from train.tasks.sources import REPORTS, reports

LIMITS = {"question": 48, "title": 24, "sentence": 110}
"""Most tokens of each part."""

FIRST = 3
"""The first layer that is trained; those below it, and the embeddings, stay frozen."""

SHARPNESS = 4.0
"""Factor of the scores, so that a small head separates sentences from the first steps on."""

BATCH, ROWS = 8, 16
"""Questions of a step, and pairs that go through the network at once."""

HEAD_RATE = 1e-3
"""Learning rate of the head; that of the layers is ``--rate``."""

CHECKPOINT_SECONDS = 300.0
FILE = "reranker.pt"
DEPTHS = (1, 2, 4, 6, 8, 12)


class Reranker(nn.Module):
    """Scores pairs of a question and a sentence."""

    def __init__(self, bert: Any, tokenizer: Any, first: int = FIRST) -> None:
        """Start with an untrained head.

        Args:
            bert: A ``BertModel`` of transformers.
            tokenizer: Its tokenizer, of the package tokenizers.
            first: The first layer that is trained.
        """
        super().__init__()
        self.bert, self._tokenizer = bert, tokenizer
        bert.requires_grad_(False)
        for layer in bert.encoder.layer[first:]:
            layer.requires_grad_(True)
        self.head = nn.Linear(bert.config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pair(self, question: str, sentence: Sentence) -> list[int]:
        """The tokens of a pair: ``<s> query: … </s></s> passage: headline: sentence </s>``."""
        start, end = (self._tokenizer.token_to_id(mark) for mark in ("<s>", "</s>"))
        title = self._tokens(f"{sentence.title}:", "title") if sentence.title else []
        return [
            start, *self._tokens(f"query: {question}", "question"), end, end,
            *self._tokens("passage:", "title"), *title, *self._tokens(sentence.text, "sentence"), end,
        ]  # fmt: skip

    def forward(self, pairs: Sequence[Sequence[int]]) -> Tensor:
        """Scores, shape (pairs,): above 0 where the sentence more probably answers than not."""
        scores: list[Tensor] = [torch.empty(0)] * len(pairs)
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n]))
        for at in range(0, len(order), ROWS):
            batch = order[at : at + ROWS]
            ids = torch.ones(len(batch), max(len(pairs[n]) for n in batch), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, n in enumerate(batch):
                ids[row, : len(pairs[n])], mask[row, : len(pairs[n])] = torch.tensor(pairs[n]), 1
            states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
            means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            for n, score in zip(batch, self.head(means)[:, 0].float() * SHARPNESS, strict=True):
                scores[n] = score
        return torch.stack(scores)

    def learned(self) -> dict[str, Tensor]:
        """The weights that training changes."""
        return {name: value for name, value in self.named_parameters() if value.requires_grad}

    def _tokens(self, text: str, part: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids[: LIMITS[part]]


def open_reranker(settings: Settings) -> Reranker:
    """An untrained reranker on the packaged embedder."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = prepared(EMBEDDER, settings)
    bert = BertModel.from_pretrained(folder, add_pooling_layer=False).float()
    for module in bert.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    return Reranker(bert, tokenizer)


def loss(network: Reranker, examples: Sequence[Example]) -> Tensor:
    """The mean negative log likelihood of the right sentence, or of "none" where there is no right one."""
    scores = network(
        [network.pair(example.question, sentence) for example in examples for sentence in example.sentences]
    )
    total, at = torch.zeros(()), 0
    for example in examples:
        candidates = torch.cat([scores[at : at + len(example.sentences)], torch.zeros(1)])
        total = total - functional.log_softmax(candidates, 0)[0 if example.answerable else -1]
        at += len(example.sentences)
    return total / len(examples)


class Run:
    """A training run, which can be stopped and resumed."""

    def __init__(
        self, network: Reranker, out: Path, rate: float, *, resume: bool, bf16: bool = False
    ) -> None:
        self._network, self._out, self._bf16 = network, out, bf16
        self._weights = network.learned()
        head = [value for name, value in self._weights.items() if name.startswith("head.")]
        layers = [value for name, value in self._weights.items() if not name.startswith("head.")]
        self._rates = (rate, HEAD_RATE)
        self._optimiser = torch.optim.AdamW(
            [{"params": layers}, {"params": head}], lr=rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step, self._elapsed = 0, 0.0
        if resume:
            state = torch.load(out / FILE, weights_only=True)
            load(network, state)
            self._optimiser.load_state_dict(state["optimiser"])
            self.step, self._elapsed = state["step"], state["elapsed"]

    def __call__(self, sampler: Sampler, seconds: float) -> None:
        """Train for ``seconds``, which include those before a resumption."""
        self._network.train()
        saved, losses = time.monotonic(), []
        while self._elapsed < seconds:
            started = time.monotonic()
            for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
                group["lr"] = rate * pace(self._elapsed / seconds)
            rng = random.Random(self.step)
            with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
                value = loss(self._network, [sampler.draw(rng) for _ in range(BATCH)])
            self._optimiser.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(list(self._weights.values()), 1.0)
            self._optimiser.step()
            self.step += 1
            losses.append(float(value.detach()))
            self._elapsed += time.monotonic() - started
            if self.step % 20 == 0:
                print(
                    json.dumps(
                        {
                            "step": self.step,
                            "loss": round(float(np.mean(losses[-20:])), 3),
                            "seconds": round(self._elapsed),
                        }
                    ),
                    flush=True,
                )
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.monotonic()
        self._save()

    def _save(self) -> None:
        state = {
            "weights": {name: value.detach() for name, value in self._weights.items()},
            "optimiser": self._optimiser.state_dict(),
            "step": self.step,
            "elapsed": self._elapsed,
        }
        torch.save(state, self._out / f"{FILE}.part")
        (self._out / f"{FILE}.part").replace(self._out / FILE)


def load(network: Reranker, state: dict[str, Any]) -> None:
    """Put saved weights into a network."""
    with torch.no_grad():
        for name, value in network.learned().items():
            value.copy_(state["weights"][name])


@torch.no_grad()
def measure(network: Reranker, corpus: Path, file: Path, settings: Settings, embedder: Embedder) -> str:
    """A table of how often a right sentence is among the first that search returns.

    Args:
        network: Trained.
        corpus: Articles.
        file: Questions about them.
        settings: How they are read and searched.
        embedder: The one that ships.
    """
    network.eval()
    articles = load_folder(corpus, settings).articles
    texts = {article.id: article.text for article in articles}
    ranks: dict[str, list[tuple[list[bool], list[bool]]]] = {}
    best_scores: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        searcher = open_searcher(articles, Path(folder), settings, embedder)
        for question in read_questions(file):
            _, evidence = searcher.search(
                question.text, k=settings.passages, read=settings.passages, limit=max(DEPTHS), tokens=2000
            )
            if not evidence:
                continue
            shown = [Sentence(item.text, item.title, item.article_id, "ar") for item in evidence]
            scores = network([network.pair(question.text, sentence) for sentence in shown])
            best_scores[question.answerable].append(float(scores[: settings.evidence].max()))
            if question.answerable and (gold := gold_spans(question, texts)):
                spans = [Span(item.article_id, item.start, item.end) for item in evidence]
                right = [any(span.overlaps(answer) for answer in gold) for span in spans]
                order = scores.argsort(descending=True).tolist()
                ranks.setdefault(question.lang, []).append((right, [right[n] for n in order]))
    rows = ["questions, order       " + "".join(f"{depth:>7}" for depth in DEPTHS)]
    for language, pairs in sorted(ranks.items()):
        for name, at in (("search", 0), ("reranked", 1)):
            shares = [np.mean([any(pair[at][:depth]) for pair in pairs]) for depth in DEPTHS]
            cells = "".join(f"{share:7.3f}" for share in shares)
            rows.append(f"{language}, {name:<10} n {len(pairs):>4} {cells}")
    rows.append(f"best score, answerable against not: area under the curve {_area(best_scores):.3f}")
    return "\n".join(rows)


def _area(best: dict[bool, list[float]]) -> float:
    """The share of pairs of an answerable and an unanswerable question that the score orders rightly."""
    pairs = list(itertools.product(best[True], best[False]))
    return float(np.mean([(a > b) + (a == b) / 2 for a, b in pairs])) if pairs else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train or measure; see the module's description."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if not args.measure and not args.shared:
        parser.error("name --shared TRAIN to train, or --measure CORPUS QUESTIONS")
    if (args.measure or args.resume) and not (args.out / FILE).exists():
        parser.error(f"there is no {FILE} in {args.out}: train first")
    if wrong := {language for _, language in args.set} - {"ar", "en"}:
        parser.error(f"--set: a language is ar or en, not {sorted(wrong)}")
    torch.manual_seed(0)
    settings = Settings.load()
    embedder = open_embedder(settings)
    network = open_reranker(settings)
    if args.measure:
        load(network, torch.load(args.out / FILE, weights_only=True))
        corpus, questions = args.measure
        print(measure(network, corpus, questions, settings, embedder))
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    pool = Pool()
    pool.add_reports([*reports(args.shared / "news"), *reports(REPORTS)])
    pool.add_lessons(args.shared)
    for folder, language in args.set:
        pool.add_set(Path(folder), "en" if language == "en" else "ar", settings)
    texts = [sentence.text for sentence in pool.sentences]
    file = args.out / f"vectors-{hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]}.npy"
    if not file.exists():
        np.save(file, embedder.passages(texts))
    sampler = Sampler(pool, np.load(file), lambda question: embedder.question(question).vector)
    Run(network, args.out, args.rate, resume=args.resume, bf16=args.bf16)(sampler, args.seconds)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.retrieval.reranker", description="Train a reranker on the embedder's layers."
    )
    parser.add_argument("--shared", type=Path, help="folder that holds news/, lessons/, parallel/")
    parser.add_argument("--out", type=Path, required=True, help="vectors, checkpoint")
    parser.add_argument(
        "--set", nargs=2, action="append", default=[], metavar=("DIR", "LANGUAGE"),
        help="a question set and the language of its articles; repeat it",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=6000, help="of training; the rate falls with them")
    parser.add_argument("--bf16", action="store_true", help="compute in bf16, for processors that can")
    parser.add_argument("--rate", type=float, default=2e-4, help="of AdamW, at its highest")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--measure", nargs=2, type=Path, metavar=("CORPUS", "QUESTIONS"), help="print a table and end"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
