"""Trains the adapter further on news reports and lessons, many questions to one reading of the evidence.

    python -m train.reader.packed --shared TRAIN --out RUN --seconds 6000
    python -m train.reader.packed --shared TRAIN --out RUN --resume

TRAIN holds news/, lessons/ and parallel/; the reports of train/reports/ are learned too. A pack
(train/tasks/packs.py) goes through the network once: the evidence, then every question with its reply, masked
so that each sees the evidence and itself, at the positions that it would have alone. Some 90 tokens are
computed for a question instead of 450. Runs in float32, which processors without bf16 instructions multiply
far faster (92 GFLOP/s against 2 on two cores with AVX2); with them ``--bf16`` is faster (370 against 135 on
two cores with avx512_bf16).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rag.models.embedding.embedder import open_embedder
from rag.models.weights.adapter import CONFIG, FOLDER, WEIGHTS
from rag.settings import Settings
from train.reader import lora
from train.reader.network import (
    BASE,
    CHECKPOINT_SECONDS,
    IGNORED,
    Encoded,
    Tally,
    encode,
    keep,
    open_model,
    pace,
    restore,
)
from train.tasks.examples import held_out
from train.tasks.packs import Maker, Pack, glossed, of_conflicts, of_differences, of_events, of_lessons
from train.tasks.reading_lessons import Finder
from train.tasks.served import Served, read, serve, write
from train.tasks.served import packs as of_served
from train.tasks.sources import REPORTS, conflicts, lessons, news_topics, reports

NUMBER = 1
"""Place of the sentence's number among the tokens of a reply like "[2] 308"."""

LONGEST = 1000
"""Most tokens of a pack: a step needs about 9 MB a token in addition to 6 GB of weights."""


QUESTIONS, NEAR_MISSES = 6, 3
"""Questions and near misses of each report for which sentences are searched."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack in tokens."""

    ids: Tensor
    """(tokens)."""
    places: Tensor
    """Position of each token, (tokens)."""
    targets: Tensor
    """The token to predict after each one, or IGNORED, (tokens)."""
    weights: Tensor
    """Of each target, (tokens)."""
    mask: Tensor
    """Added to attention, (1, 1, tokens, tokens)."""
    parts: tuple[Encoded, ...]
    """The examples of its questions, in their order."""


def joined(examples: Sequence[Encoded], longest: int, number: float = 1.0) -> Packed:
    """A pack's questions after their common prefix; those for which there is no room are left out.

    Args:
        examples: The questions.
        longest: Most tokens.
        number: Weight of the first cited sentence's number, relative to the reply's other tokens.
    """
    first = examples[0].ids
    shared = min(len(e.ids) - e.answer for e in examples) - 1
    for example in examples[1:]:
        same = (a == b for a, b in zip(first, example.ids, strict=False))
        shared = min(shared, next((n for n, equal in enumerate(same) if not equal), shared))
    ids, places, owner, parts = list(first[:shared]), list(range(shared)), [0] * shared, []
    for example in examples:
        tail = example.ids[shared:]
        if len(ids) + len(tail) > longest:
            continue
        parts.append(example)
        ids += tail
        places += range(shared, len(example.ids))
        owner += [len(parts)] * len(tail)
    size = len(ids)
    targets, weights = torch.full((size,), IGNORED), torch.zeros(size)
    end = shared
    for example in parts:
        end += len(example.ids) - shared
        targets[end - example.answer - 1 : end - 1] = torch.tensor(example.ids[-example.answer :])
        weights[end - example.answer - 1 : end - 1] = example.answer**-0.5
        weights[end - example.answer - 1 + min(NUMBER, example.answer - 1)] *= number
    owners = torch.tensor(owner)
    seen = (owners[None, :] == owners[:, None]) | (owners[None, :] == 0)
    seen &= torch.ones(size, size, dtype=torch.bool).tril()
    mask = torch.zeros(size, size).masked_fill(~seen, torch.finfo(torch.float32).min)
    return Packed(torch.tensor(ids), torch.tensor(places), targets, weights, mask[None, None], tuple(parts))


def logits(model: Any, pack: Packed) -> Tensor:
    """The model's logits at each target, (targets, words)."""
    mask = pack.mask.to(model.dtype)
    hidden = model.model(
        input_ids=pack.ids[None], position_ids=pack.places[None], attention_mask=mask, use_cache=False
    ).last_hidden_state[0]
    scores: Tensor = model.lm_head(hidden[pack.targets != IGNORED])
    return scores.float()


@torch.no_grad()
def measure(model: Any, packs: Sequence[Packed]) -> dict[str, dict[str, float]]:
    """Loss per token and right replies by language pair and kind, with teacher forcing.

    ``exact``: whole replies that greedy decoding would write; ``first``: those whose sentence it would cite.
    """
    tally = Tally()
    for pack in packs:
        tally.add(pack.parts, logits(model, pack), pack.targets[pack.targets != IGNORED], _groups)
    return tally.summary()


def _groups(example: Encoded) -> tuple[str, ...]:
    refusal = example.kind in ("near", "absent", "altered", "refuse")
    return "all", f"{example.pair} {'refuse' if refusal else 'answer'}", example.kind


def made(
    shared: Path,
    seed: int,
    *,
    as_gloss: bool,
    extra: Path = REPORTS,
    share: float = 1.0,
    served: Sequence[Served] = (),
) -> tuple[list[Pack], list[Pack]]:
    """Packs to train on, in random order, and packs to validate with.

    Args:
        shared: Folder that holds news/, lessons/ and parallel/.
        seed: Another seed draws other sentences and questions of the same reports.
        as_gloss: English questions over glosses; otherwise Arabic ones over the sentences themselves.
        extra: Folder of more reports: every other one is learned in this language, the rest with the next
            seed, and every event on which two of them differ.
        share: Of the packs from ``shared`` that are learned, others for each seed; 0 to 1.
        served: What search returns for questions about the reports (train/tasks/served.py).
    """
    first, more = reports(shared / "news"), reports(extra)
    items = [*first, *more]
    held = {item["event"] for item in items if held_out("event", item["event"])}
    topics = news_topics(items, held)
    lesson_topics = [topic for topic in lessons(shared) if topic.split == "train"]
    if as_gloss:
        topics, lesson_topics = glossed(topics), glossed(lesson_topics)
    language = "en" if as_gloss else "ar"  # of the questions and of their evidence
    finder = Finder([p for topic in topics for p in topic.sentences if topic.split == "train"])
    maker = Maker(topics, finder, language)
    old: list[Pack] = []
    new: list[Pack] = []
    valid: list[Pack] = []
    for number, topic in enumerate(topics):
        if topic.split == "valid":
            valid.append(maker(topic, language, seed))
        elif number < len(first):
            old.append(maker(topic, language, seed))
        elif (number + seed) % 2 == as_gloss:
            new.append(maker(topic, language, seed))
    for pack in of_events(items, topics, maker, seed):
        (valid if pack.examples[0].split == "valid" else new).append(pack)
    for pack in of_served([item for item in served if item.language == language], items, topics, maker, seed):
        (valid if pack.examples[0].split == "valid" else new).append(pack)
    for pack in of_differences(first, finder, held, language):
        (valid if pack.examples[0].split == "valid" else old).append(pack)
    old += of_lessons(Maker(lesson_topics, finder, language), lesson_topics, seed, language)
    old += of_conflicts(conflicts(shared), language, seed)
    rng = random.Random(seed)
    learned = [*new, *rng.sample(old, round(share * len(old)))]
    rng.shuffle(learned)
    return learned, valid


def mixed(
    shared: Path, seed: int, extra: Path = REPORTS, share: float = 1.0, served: Sequence[Served] = ()
) -> tuple[list[Pack], list[Pack]]:
    """Packs of English questions over glosses and of Arabic ones over the sentences, alternating."""
    (read, valid), (arabic, more) = (
        made(shared, seed, as_gloss=flag, extra=extra, share=share, served=served) for flag in (True, False)
    )
    learned = [pack for both in zip(read, arabic, strict=False) for pack in both]
    return learned, [pack for both in zip(valid, more, strict=False) for pack in both] + valid[-3:]


class Run:
    """A training run, which can be stopped and resumed."""

    def __init__(self, model: Any, adapters: dict[str, lora.LoraLinear], args: argparse.Namespace) -> None:
        self._model, self._adapters, self._args = model, adapters, args
        self._parameters = [p for a in adapters.values() for p in (a.a, a.b) if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=args.rate, weight_decay=0.0, betas=(0.9, 0.98)
        )
        self.step, self._elapsed = 0, 0.0
        if args.resume:
            state = torch.load(args.out / "checkpoint.pt", weights_only=True)
            restore(state, self._parameters, self._optimizer)
            self.step, self._elapsed = state["step"], state["elapsed"]

    def __call__(self, packs: Iterator[Packed], valid: Sequence[Packed]) -> None:
        """Train until the time is over.

        Args:
            packs: An endless sequence, from the first one on.
            valid: Measured at the beginning and at the end.
        """
        args = self._args
        started = saved = time.monotonic()
        before = self._elapsed
        for _ in range(self.step * args.each):
            next(packs)
        with (args.out / "log.jsonl").open("a", encoding="utf-8") as log:
            if valid and not self.step:
                _tell(log, {"step": 0, "valid": measure(self._model, valid)})
                started = time.monotonic()
            while self._elapsed < args.seconds:
                for group in self._optimizer.param_groups:
                    group["lr"] = args.rate * pace(self._elapsed / args.seconds)
                loss, size = self._learn([next(packs) for _ in range(args.each)])
                self.step += 1
                self._elapsed = before + time.monotonic() - started
                _tell(log, {"step": self.step, "loss": loss, "tokens": size, "seconds": round(self._elapsed)})
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save()
                    saved = time.monotonic()
            self._save()
            if valid:
                _tell(log, {"step": self.step, "valid": measure(self._model, valid)})

    def _learn(self, packs: Sequence[Packed]) -> tuple[float, int]:
        self._optimizer.zero_grad(set_to_none=True)
        weight = sum(e.answer**0.5 for pack in packs for e in pack.parts)
        total = 0.0
        for pack in packs:
            at = pack.targets != IGNORED
            losses = functional.cross_entropy(logits(self._model, pack), pack.targets[at], reduction="none")
            loss = (losses * pack.weights[at]).sum() / weight
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        return round(total, 4), sum(len(pack.ids) for pack in packs)

    def _save(self) -> None:
        keep(self._args.out, self._parameters, self._optimizer, step=self.step, elapsed=self._elapsed)
        lora.save(self._adapters, self._args.out, rank=self._args.rank, alpha=self._args.alpha, base=BASE)


def _tell(log: Any, entry: dict[str, Any]) -> None:
    line = json.dumps(entry)
    log.write(line + "\n")
    log.flush()
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; see the module's description."""
    args = _parser().parse_args(arguments)
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)
    start = args.out if args.resume else args.start
    config = json.loads((start / CONFIG).read_text(encoding="utf-8"))
    args.rank, args.alpha = config["r"], config["lora_alpha"]
    model, tokenizer = open_model(args.model)
    if not args.bf16:
        model = model.float()
    adapters = lora.attach(model, rank=args.rank, alpha=args.alpha)
    lora.load(adapters, start / WEIGHTS)
    for name, adapter in adapters.items():
        adapter.requires_grad_(int(name.split(".")[2]) >= args.first)
    served = _served(args)
    _, valid = mixed(args.shared, 0, args.reports, served=served)

    def tokens(pack: Pack) -> Packed:
        return joined(encode([asdict(e) for e in pack.examples], tokenizer), LONGEST, args.number)

    def learned() -> Iterator[Packed]:
        for seed in itertools.count(args.seed):
            yield from map(tokens, mixed(args.shared, seed, args.reports, args.share, served)[0])

    measured = [*valid[: args.valid], *valid[-3:]] if args.valid else []
    Run(model, adapters, args)(learned(), [tokens(pack) for pack in measured])
    return 0


def _served(args: argparse.Namespace) -> list[Served]:
    """What search returns for questions about the reports; searched once, then read from the file."""
    if not args.served:
        return []
    if not args.served.exists():
        items = [*reports(args.shared / "news"), *reports(args.reports)]
        searched = serve(items, open_embedder(Settings()), questions=QUESTIONS, near=NEAR_MISSES)
        write(list(searched), args.served)
    return read(args.served)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.reader.packed", description="Train the adapter further on news."
    )
    parser.add_argument(
        "--shared", type=Path, required=True, help="folder that holds news/, lessons/, parallel/"
    )
    parser.add_argument(
        "--start", type=Path, default=FOLDER, help="the adapter to begin with; default: the one that ships"
    )
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, log and the finished adapter")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--model", help="a transformers folder instead of the packaged model")
    parser.add_argument("--seconds", type=float, default=6000, help="of training; the rate falls with them")
    parser.add_argument("--bf16", action="store_true", help="compute in bf16, for processors that can")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other packs")
    parser.add_argument("--reports", type=Path, default=REPORTS, help="folder of more reports")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the packs from --shared, others each time; 0 to 1"
    )
    parser.add_argument(
        "--served", type=Path, metavar="FILE",
        help="learn from what search returns for each question too; it is kept there",
    )  # fmt: skip
    parser.add_argument("--number", type=float, default=1.0, help="weight of the named sentence's number")
    parser.add_argument("--rate", type=float, default=2e-4, help="of AdamW, at its highest")
    parser.add_argument("--each", type=int, default=2, help="packs of a step")
    parser.add_argument("--first", type=int, default=8, help="first block that learns")
    parser.add_argument(
        "--valid", type=int, default=10, help="reports measured before and after; 0 for no measuring"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
