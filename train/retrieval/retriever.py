"""Trains the retriever's late-interaction branch, fits the fusion weights, and writes both for rag.

    python -m train.retrieval.retriever --data DIR [--data DIR ...]          writes the two files that ship
    python -m train.retrieval.retriever --data DIR --steps 4 --out DIR  a short trial, which writes into --out

Each DIR holds ``corpus/`` and ``questions.jsonl`` (evals/README.md). The embedder stays frozen: a projection
of its tokens after layer 10 to 64 numbers, and the weight of each token of a question, are trained with the
served ranking as their loss. Cross-validation over blocks of documents gives the
figures; the fusion weights are fitted on held-out questions alone.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from rag.errors import SanadError
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import HEAD, PackagedEmbedder
from rag.models.weights.packaged import EMBEDDER, prepared
from rag.retrieval.fusion import FUSION
from rag.settings import Settings
from train.retrieval.corpora import Corpus, read

FROM_LAYER = 10
"""The layer, of 5 to 12, whose tokens matched those of the other language best. Training the upper layers too
(10 M weights) gained nothing on unseen articles (docs/research/decisions.md)."""

SIZE = 64
"""Dimensions of a token's vector: 128 gained less than the interval, and doubles the storage."""

BATCH = 16  # questions
LIST = 11
"""Chunks that compete for a question: the right ones, the four best wrong ones, others of the best 30."""

PROJECTION_RATE, WEIGHT_RATE, IMPORTANCE_RATE = 1e-3, 0.05, 3e-3
"""Learning rates of AdamW, which fall linearly to a fiftieth."""

CANDIDATES = 20
"""Chunks that are ranked when a fold is scored: the best without late interaction."""

PRINT = 40  # steps between two lines
FIT_STEPS = 120

LANGUAGES = ("ar", "en")


@dataclass(slots=True)
class States:
    """The embedder's words after ``FROM_LAYER``."""

    words: list[torch.Tensor]
    """For each text shape (words, hidden), bfloat16."""
    parts: list[NDArray[np.int32]]
    """For each text the first word and one past the last of each of its sentences."""


class Head(nn.Module):
    """The trained layers and fusion weights."""

    def __init__(self, states: Sequence[States]) -> None:
        """Start from the principal components of the tokens, which lose little.

        Args:
            states: Of the texts from which the components are computed.
        """
        super().__init__()
        every = torch.cat([x[::7].float() for text_states in states for x in text_states.words])
        mean = every.mean(0)
        _, _, axes = torch.pca_lowrank(functional.normalize(every - mean, dim=-1), q=SIZE, niter=4)
        self.projection = nn.Linear(len(mean), SIZE)
        self.projection.weight.data = axes.T.clone()
        self.projection.bias.data = -(axes.T @ mean)
        self.importance = nn.Linear(len(mean), 1)
        nn.init.zeros_(self.importance.weight)
        nn.init.zeros_(self.importance.bias)
        # Logits, not yet convex: their sum is the sharpness of the ranking.
        self.passage = nn.Parameter(torch.tensor([[20.0, 20.0, 5.0, 8.0]] * len(LANGUAGES)))
        self.sentence = nn.Parameter(torch.tensor([[20.0, 20.0, 12.0]] * len(LANGUAGES)))

    def tokens(self, words: torch.Tensor) -> torch.Tensor:
        """Unit vectors of words."""
        return functional.normalize(self.projection(words.float()), dim=-1)

    def asked(self, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vectors of a question's words, and how much each counts."""
        return self.tokens(words), torch.softmax(self.importance(words.float())[:, 0], 0)


def states_of(bert: Any, tokenizer: Any, texts: Sequence[str], prefix: str, spans: Any = None) -> States:
    """Run the embedder's layers over texts.

    Args:
        bert: Its transformers model.
        tokenizer: Its tokenizer.
        texts: The texts.
        prefix: Put before each text, as in the embedder's training.
        spans: For each text its sentences, where they are wanted.
    """
    encodings = tokenizer.encode_batch([prefix + text for text in texts])
    states = States([torch.empty(0)] * len(texts), [np.empty((0, 2), np.int32)] * len(texts))
    order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
    for at in range(0, len(order), 16):
        batch = order[at : at + 16]
        longest = max(len(encodings[i].ids) for i in batch)
        ids = torch.ones(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, i in enumerate(batch):
            ids[row, : len(encodings[i].ids)] = torch.tensor(encodings[i].ids)
            mask[row, : len(encodings[i].ids)] = 1
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            layers = bert(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for row, i in enumerate(batch):
            offsets = np.array(encodings[i].offsets, np.int32)
            inside = np.flatnonzero((offsets[:, 1] > offsets[:, 0]) & (offsets[:, 1] > len(prefix)))
            states.words[i] = layers[FROM_LAYER][row, torch.tensor(inside)].to(torch.bfloat16).clone()
            if spans is not None:
                states.parts[i] = late_interaction.parts(
                    spans[i], np.maximum(offsets[inside] - np.int32(len(prefix)), 0)
                )
    return states


@dataclass(slots=True)
class Data:
    """A question set, ready to train on."""

    corpus: Corpus
    chunks: States
    questions: States
    best: NDArray[np.float32]
    """The cosine of each chunk's best sentence, shape (questions, chunks)."""

    def first(self, question: int) -> NDArray[np.int64]:
        """Chunks by the untrained signals, best first."""
        corpus = self.corpus
        score = corpus.dense[question] + self.best[question] + 0.3 * corpus.words[question]
        return np.argsort(-score, kind="stable")

    def language(self, question: int) -> int:
        """The question's row in the weights."""
        return LANGUAGES.index(self.corpus.questions[question].lang)


@dataclass(frozen=True, slots=True)
class Scored:
    """Chunks that compete for a question, and their sentences."""

    passages: torch.Tensor
    """Dense, sentence, lexical, late; shape (chunks, 4)."""
    sentences: torch.Tensor
    """Own cosine, late; shape (sentences, 2)."""
    chunk_of: torch.Tensor
    """For each sentence its place among the chunks."""
    rows: NDArray[np.int64]
    """For each sentence its row in the corpus."""

    def logits(self, passage: torch.Tensor, sentence: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of chunks and of sentences; a sentence also gets the convex score of its chunk."""
        logits = self.passages @ passage
        of = (logits / passage.sum())[self.chunk_of]
        return logits, torch.stack([self.sentences[:, 0], of, self.sentences[:, 1]], 1) @ sentence


def scored(
    data: Data,
    question: int,
    query: tuple[torch.Tensor, torch.Tensor],
    rows: Sequence[int],
    tokens: Sequence[torch.Tensor],
) -> Scored:
    """The signals of some chunks for a question.

    Args:
        data: The question set.
        question: Its row.
        query: What ``Head.asked`` returns for it.
        rows: The chunks.
        tokens: Unit vectors of each chunk's words.
    """
    corpus = data.corpus
    similar = query[0] @ torch.cat(list(tokens)).T
    starts = np.concatenate([[0], np.cumsum([len(x) for x in tokens])])
    whole = torch.stack([similar[:, starts[i] : starts[i + 1]].amax(1) for i in range(len(rows))], 1)
    known = np.stack([source[question][list(rows)] for source in (corpus.dense, data.best, corpus.words)], 1)
    places, parts = [], []
    for at, row in enumerate(rows):
        first = int(np.searchsorted(corpus.chunk_of, row))
        for number, (start, end) in enumerate(data.chunks.parts[row]):
            if end > start:
                places.append((first + number, at))
                parts.append(similar[:, starts[at] + start : starts[at] + end].amax(1))
    sentence_rows = np.array([row for row, _ in places], np.int64)
    cosines = torch.tensor(corpus.own[question][sentence_rows])
    return Scored(
        passages=torch.cat([torch.tensor(known), (query[1] @ whole)[:, None]], 1),
        sentences=torch.stack([cosines, query[1] @ torch.stack(parts, 1)], 1),
        chunk_of=torch.tensor([at for _, at in places], dtype=torch.long),
        rows=sentence_rows,
    )


def _loss(logits: torch.Tensor, right: NDArray[np.bool_]) -> torch.Tensor:
    """Cross-entropy with several right candidates, any of which is enough."""
    return torch.logsumexp(logits, 0) - torch.logsumexp(logits[torch.tensor(right)], 0)


def train(sets: Sequence[Data], held_out: int | None, epochs: float, steps: int | None) -> Head:
    """Train a head.

    Args:
        sets: The data.
        held_out: The fold that is not trained on; None trains on all.
        epochs: How often each question is seen.
        steps: Overrides ``epochs``.
    """
    torch.manual_seed(0)
    dice = random.Random(0)
    head = Head([data.chunks for data in sets])
    items = [
        (data, question)
        for data in sets
        for question in range(len(data.corpus.questions))
        if data.corpus.fold[question] != held_out and data.corpus.gold[question].any()
    ]
    steps = steps or int(epochs * len(items) / BATCH)
    optimizer = torch.optim.AdamW(
        [
            {"params": head.projection.parameters(), "lr": PROJECTION_RATE},
            {"params": head.importance.parameters(), "lr": IMPORTANCE_RATE},
            {"params": [head.passage, head.sentence], "lr": WEIGHT_RATE, "weight_decay": 0.0},
        ],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.02, 1 - step / steps))
    waiting: list[tuple[Data, int]] = []
    began, total = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        if len(waiting) < BATCH:
            waiting += dice.sample(items, len(items))
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        loss = torch.stack([_item_loss(head, *item, held_out, dice) for item in batch]).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        total += float(loss.detach())
        if step % PRINT == 0:
            left = (time.monotonic() - began) / step * (steps - step)
            print(f"  step {step}/{steps}  loss {total / PRINT:.3f}  {left:.0f} s left", flush=True)
            total = 0.0
    return head.eval()


def _item_loss(
    head: Head, data: Data, question: int, held_out: int | None, dice: random.Random
) -> torch.Tensor:
    corpus = data.corpus
    order = [int(row) for row in data.first(question)[:30]]
    right = [row for row in order if corpus.gold[question][row]][:2]
    right = right or [int(np.flatnonzero(corpus.gold[question])[0])]
    wrong = [r for r in order if not corpus.gold[question][r] and corpus.chunk_fold[r] != held_out]
    rows = right + wrong[:4] + dice.sample(wrong[4:], min(len(wrong[4:]), LIST - 4 - len(right)))
    tokens = [head.tokens(data.chunks.words[row]) for row in rows]
    scores = scored(data, question, head.asked(data.questions.words[question]), rows, tokens)
    language = data.language(question)
    logits, sentence_logits = scores.logits(head.passage[language], head.sentence[language])
    loss = _loss(logits, corpus.gold[question][rows])
    right_sentences = corpus.gold_sentences[question][scores.rows]
    return loss + _loss(sentence_logits, right_sentences) if right_sentences.any() else loss


@dataclass(frozen=True, slots=True)
class Example:
    """A held-out question with the signals of its candidates."""

    tag: str
    language: int
    fold: int
    scores: Scored
    right: NDArray[np.bool_]
    right_sentences: NDArray[np.bool_]


def held_out_examples(head: Head, sets: Sequence[Data], fold: int) -> list[Example]:
    """The signals of a fold's questions, with tokens in four bits as served."""
    examples = []
    with torch.no_grad():
        for data in sets:
            corpus = data.corpus
            packed = [late_interaction.pack(head.tokens(words).numpy()) for words in data.chunks.words]
            tokens = [torch.tensor(late_interaction.unpack(x)) for x in packed]
            for question in map(int, np.flatnonzero(corpus.fold == fold)):
                rows = [int(row) for row in data.first(question)[:CANDIDATES]]
                query = head.asked(data.questions.words[question])
                scores = scored(data, question, query, rows, [tokens[row] for row in rows])
                examples.append(
                    Example(
                        tag=f"{corpus.name} {corpus.questions[question].tags[0]}",
                        language=data.language(question),
                        fold=fold,
                        scores=scores,
                        right=corpus.gold[question][rows],
                        right_sentences=corpus.gold_sentences[question][scores.rows],
                    )
                )
    return examples


Fitted = dict[str, list[list[float]]]
"""``passage`` and ``sentence``: for each language convex weights."""


def fit(examples: Sequence[Example]) -> Fitted:
    """Convex weights for each language, by maximum likelihood of the right passage and sentence.

    For a language without examples they are a fixed guess.
    """
    weights: Fitted = {"passage": [], "sentence": []}
    for language in range(len(LANGUAGES)):
        of_language = [e for e in examples if e.language == language]
        free = torch.tensor([[20.0, 20.0, 5.0, 10.0], [20.0, 10.0, 10.0, 1.0]]).log().requires_grad_()
        optimizer = torch.optim.Adam([free], lr=0.03)
        for _ in range(FIT_STEPS if of_language else 0):
            optimizer.zero_grad()
            losses = []
            for e in of_language:
                logits, sentence_logits = e.scores.logits(free[0].exp(), free[1, :3].exp())
                losses += [_loss(logits, e.right)] if e.right.any() else []
                losses += [_loss(sentence_logits, e.right_sentences)] if e.right_sentences.any() else []
            torch.stack(losses).mean().backward()
            optimizer.step()
        for name, row in (("passage", free[0]), ("sentence", free[1, :3])):
            factors = row.detach().exp()
            weights[name].append([round(float(x), 4) for x in factors / factors.sum()])
    return weights


def ranks(examples: Sequence[Example], weights: Fitted) -> dict[str, list[list[float]]]:
    """For each tag and question the reciprocal ranks of the first right passage and sentence."""
    reciprocal: dict[str, list[list[float]]] = {}
    for e in examples:
        kinds = (torch.tensor(weights[name][e.language]) for name in ("passage", "sentence"))
        logits, sentence_logits = e.scores.logits(*kinds)
        order = torch.argsort(-logits, stable=True).numpy()
        # Evidence comes from the best passages only.
        outside = ~np.isin(e.scores.chunk_of.numpy(), order[: Settings().passages])
        score = np.where(outside, -np.inf, sentence_logits.numpy())
        sentences = np.argsort(-score, kind="stable")
        reciprocal.setdefault(e.tag, []).append(
            [_reciprocal(e.right[order]), _reciprocal(e.right_sentences[sentences])]
        )
    return reciprocal


def _reciprocal(right: NDArray[np.bool_]) -> float:
    hits = np.flatnonzero(right[:10])
    return 1 / (int(hits[0]) + 1) if len(hits) else 0.0


def save(head: Head, path: Path) -> None:
    """Write the head as ``rag.models.embedding.e5.graph`` reads it."""
    from safetensors.numpy import save_file

    weights: dict[str, NDArray[Any]] = {
        name: value.detach().float().numpy().astype(np.float16)
        for name, value in head.state_dict().items()
        if name not in ("passage", "sentence")
    }
    weights["from_layer"] = np.array([FROM_LAYER], np.int64)
    save_file(weights, path)


def _load(data: Sequence[Path], settings: Settings, folds: int) -> list[Data]:
    from tokenizers import Tokenizer
    from transformers import BertModel

    folder = prepared(EMBEDDER, settings)
    embedder = PackagedEmbedder(folder, head=None)
    bert = BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    bert.eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sets = []
    for path in data:
        corpus = read(path, embedder, settings, folds)
        texts = [question.text for question in corpus.questions]
        sets.append(
            Data(
                corpus,
                states_of(bert, tokenizer, corpus.texts, PackagedEmbedder.PASSAGE, corpus.spans),
                states_of(bert, tokenizer, texts, PackagedEmbedder.QUERY),
                corpus.best_sentence,
            )
        )
        print(f"{path.name}: {len(corpus.chunks)} chunks, {len(corpus.questions)} questions", flush=True)
    return sets


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="train.retrieval.retriever", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: where rag reads the two files")
    parser.add_argument("--folds", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--epochs", type=float, default=2.0, metavar="N", help="default: 2")
    parser.add_argument("--steps", type=int, metavar="N", help="instead of epochs; for a trial")
    args = parser.parse_args(argv)
    try:
        sets = _load(args.data, Settings.load(), args.folds)
    except SanadError as error:
        print(error, file=sys.stderr)
        return 2
    head_file, fusion_file = HEAD, FUSION
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        head_file, fusion_file = args.out / HEAD.name, args.out / FUSION.name
    examples: list[Example] = []
    for fold in range(args.folds):
        print(f"fold {fold + 1} of {args.folds}", flush=True)
        examples += held_out_examples(train(sets, fold, args.epochs, args.steps), sets, fold)
    values: dict[str, list[list[float]]] = {}
    for fold in range(args.folds):
        held_out = [e for e in examples if e.fold == fold]
        # Weights too are fitted without the fold that they are scored on.
        for tag, reciprocal in ranks(held_out, fit([e for e in examples if e.fold != fold])).items():
            values.setdefault(tag, []).extend(reciprocal)
    print("cross-validated        passages recall@1, MRR    sentences recall@1, MRR")
    for tag, reciprocal in values.items():
        rr = np.array(reciprocal)
        first = (rr == 1).mean(0)
        print(
            f"{tag:<22} {first[0]:.3f}  {rr[:, 0].mean():.3f}   "
            f"{first[1]:.3f}  {rr[:, 1].mean():.3f}   n {len(rr)}"
        )
    print("all questions", flush=True)
    save(train(sets, None, args.epochs, args.steps), head_file)
    weights = fit(examples)
    served = PackagedEmbedder(prepared(EMBEDDER, Settings.load()), head=head_file)
    fusion: dict[str, Any] = {"embedder": served.identity}
    for row, language in enumerate(LANGUAGES):
        for text in LANGUAGES:  # train/retrieval/languages.py then fits those for the other language
            fusion[f"{language}-{text}"] = {"passage": weights["passage"][row]}
    fusion_file.write_text(json.dumps(fusion, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
