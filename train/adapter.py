"""Trains the packaged model's low-rank adapter to answer from numbered evidence, cite and refuse.

    python -m train.adapter --data DIR --data DIR --out RUN            trains; RUN holds checkpoints and a log
    python -m train.adapter --data DIR --data DIR --out RUN --resume   goes on where a stopped run ended

Each DIR holds ``corpus/`` and ``questions.jsonl`` (evals/README.md). One lesson (train/reading.py) is one
pass: its evidence is read once, and every question on it continues from there, unseen by the others. Trained
in bf16; a checkpoint every few minutes, a line of the log for every step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rag.answering import prompt
from rag.answering.prompt import LANGUAGE_NAMES
from rag.models.weights.packaged import EMBEDDER, GENERATOR_FULL, prepared
from rag.settings import Settings
from train import lora, reading
from train.reading import Lesson

TEMPLATE = "adapted"
"""The prompt that the adapted model is served with."""

CHECKPOINT_SECONDS = 300.0
CHECK_STEPS = 44
"""Steps between two measurements on the development lessons."""
CHECK_LESSONS = 24
"""Of the development lessons while training goes on; all of them at its end."""
MULTIPLE = 128
"""Sequences are filled up to a multiple of this: each new length costs seconds of preparing kernels."""
IGNORED = -100
"""Positions that are no target, as cross_entropy knows them."""
FILLING = -1
"""``Packed.branch`` of what only fills a sequence up."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; kept with its checkpoints."""

    rank: int = 8
    alpha: float = 16.0
    first: int = 0
    """First block with an adapter."""
    rate: float = 3e-4
    """Of AdamW; rises over the first twentieth, then falls along a cosine to a tenth."""
    lessons: int = 4
    """Lessons to a step."""
    epochs: float = 3.0
    share: float = 1.0
    """Of the training documents, for the learning curve."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """A lesson as one sequence: evidence, then each question with its answer."""

    ids: Tensor
    """Shape (tokens,)."""
    places: Tensor
    """Position of each token: every question continues from the evidence. Shape (tokens,)."""
    branch: Tensor
    """0 for the evidence, n for the n-th question. Shape (tokens,)."""
    targets: Tensor
    """The token that follows, where it belongs to an answer; else ``IGNORED``. Shape (tokens,)."""

    def mask(self) -> Tensor:
        """What sees what: earlier tokens of the evidence and of the own question, (1, 1, tokens, tokens)."""
        earlier = torch.ones(len(self.ids), len(self.ids), dtype=torch.bool).tril()
        own = (self.branch[None, :] == 0) | (self.branch[None, :] == self.branch[:, None])
        return (earlier & own)[None, None]


class Packer:
    """Lessons → sequences, with the prompt that the assistant sends."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._template = prompt.load(TEMPLATE)
        self._end = "<|im_end|>"

    def __call__(self, lesson: Lesson) -> Packed:
        """One lesson."""
        lines = lesson.lines()
        prefix = ""
        parts: list[tuple[list[int], list[int]]] = []
        for asked in lesson.asked:
            text = self._chat(lines, asked.question, asked.language, whole=asked.whole)
            at = text.index(lines) + len(lines) + 2  # the empty line behind the evidence
            prefix = text[:at]
            parts.append((self.ids(text[at:]), self.ids(asked.answer + self._end)))
        ids = self.ids(prefix)
        shared = len(ids)
        places, branch, targets = list(range(len(ids))), [0] * len(ids), [IGNORED] * len(ids)
        for n, (question, answer) in enumerate(parts, start=1):
            own = question + answer
            ids += own
            places += range(shared, shared + len(own))
            branch += [n] * len(own)
            targets += [IGNORED] * (len(question) - 1) + answer + [IGNORED]
        filling = -len(ids) % MULTIPLE
        ids += [ids[0]] * filling
        places += [0] * filling
        branch += [FILLING] * filling
        targets += [IGNORED] * filling
        return Packed(*(torch.tensor(values) for values in (ids, places, branch, targets)))

    def _chat(self, lines: str, question: str, language: str, *, whole: bool) -> str:
        name = LANGUAGE_NAMES[language] + (f", {reading.WHOLE}" if whole else "")  # type: ignore[index]
        filled = prompt.fill(self._template, evidence=lines, question=question, language=name)
        messages = [{"role": m.role, "content": m.content} for m in filled]
        return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def ids(self, text: str) -> list[int]:
        """A text's tokens."""
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return found


def logits(model: Any, packed: Packed) -> tuple[Tensor, Tensor]:
    """What the model says at each position with a target, (targets, words), and the targets, (targets,)."""
    hidden = model.model(
        input_ids=packed.ids[None],
        position_ids=packed.places[None],
        attention_mask=packed.mask(),
        use_cache=False,
    ).last_hidden_state[0]
    at = packed.targets != IGNORED
    return model.lm_head(hidden[at]).float(), packed.targets[at]


@torch.no_grad()
def measure(model: Any, packer: Packer, lessons: Sequence[Lesson]) -> dict[str, dict[str, float]]:
    """How well lessons are answered, by kind and by languages (question-evidence).

    ``exact``: greedy decoding would give the very answer; ``first``: the right first sentence, or the right
    refusal; ``refused``: the first choice is to refuse; ``loss``: mean over the answers' tokens.
    """
    sums: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    refusal = packer.ids("[0]")[1]
    for lesson in lessons:
        packed = packer(lesson)
        said, targets = logits(model, packed)
        losses = functional.cross_entropy(said, targets, reduction="none")
        right = said.argmax(-1) == targets
        branches = packed.branch[packed.targets != IGNORED]
        for n, asked in enumerate(lesson.asked, start=1):
            own = branches == n
            for key in (asked.kind, f"{asked.language}-{lesson.language}", "all"):
                if asked.kind in ("refuse", "altered") and "-" in key:
                    continue  # by languages only what can be answered
                into = sums[key]
                into["exact"].append(float(right[own].all()))
                into["first"].append(float(right[own][1]))
                into["refused"].append(float(said[own][1].argmax() == refusal))
                into["loss"].append(float(losses[own].mean()))
    return {
        key: {name: sum(v) / len(v) for name, v in into.items()} | {"n": len(into["loss"])}
        for key, into in sorted(sums.items())
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; see the module's description."""
    args = _parser().parse_args(arguments)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads or os.cpu_count() or 1)
    recipe = Recipe(
        args.rank, args.alpha, args.first, args.rate, args.lessons, args.epochs, args.share, args.seed
    )
    args.out.mkdir(parents=True, exist_ok=True)
    sets = read_sets(args.data, args.out / "sets.pkl")
    model, tokenizer = open_model(args.model)
    adapters = lora.attach(model, rank=recipe.rank, alpha=recipe.alpha, first=recipe.first)
    train(model, adapters, Packer(tokenizer), sets, recipe, args.out, resume=args.resume)
    return 0


def read_sets(folders: Sequence[Path], cache: Path) -> list[reading.Material]:
    """The corpora's facts; kept in ``cache``, as searching takes a minute."""
    import pickle

    if cache.is_file():
        return list(pickle.loads(cache.read_bytes()))  # noqa: S301 - written by this very command
    from rag.models.embedding.embedder import PackagedEmbedder
    from train.corpora import read

    settings = Settings.load()
    embedder = PackagedEmbedder(prepared(EMBEDDER, settings), threads=settings.threads)
    sets = [reading.gather(read(folder, embedder, settings, 1)) for folder in folders]
    cache.write_bytes(pickle.dumps(sets))
    return sets


def open_model(folder: str | None) -> tuple[Any, Any]:
    """The network in bf16 and its tokenizer.

    Args:
        folder: A transformers folder; None takes the packaged model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = folder or str(prepared(GENERATOR_FULL, Settings.load()))
    model: Any = AutoModelForCausalLM.from_pretrained(
        name, dtype=torch.bfloat16, use_safetensors=True, attn_implementation="sdpa"
    )
    return model.eval(), AutoTokenizer.from_pretrained(name)


def train(
    model: Any,
    adapters: dict[str, lora.LoraLinear],
    packer: Packer,
    sets: list[reading.Material],
    recipe: Recipe,
    out: Path,
    *,
    resume: bool,
) -> None:
    """Run a recipe to its end.

    Args:
        model: With ``adapters`` in it.
        adapters: What is trained.
        packer: Makes sequences.
        sets: Where lessons come from.
        recipe: How.
        out: Gets checkpoint.pt, log.jsonl and at the end the adapter.
        resume: Go on from checkpoint.pt.
    """
    parameters = [p for adapter in adapters.values() for p in (adapter.a, adapter.b)]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.99))
    per_epoch = len(_epoch(sets, recipe, 0)) // recipe.lessons
    steps = max(1, round(per_epoch * recipe.epochs))
    step = 0
    if resume:
        state = torch.load(out / "checkpoint.pt", weights_only=True)
        if state["recipe"] != asdict(recipe):
            raise SystemExit(f"{out} was trained by another recipe: {state['recipe']}. Name another --out.")
        for parameter, saved in zip(parameters, state["parameters"], strict=True):
            parameter.data.copy_(saved)
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    dev = reading.lessons(sets, "dev", seed=1)
    weights = sum(p.numel() for p in parameters)
    print(f"{per_epoch} steps an epoch, {steps} in all, {weights:,} weights", flush=True)
    started, done, saved = time.monotonic(), 0, time.monotonic()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while step < steps:
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * pace(step / steps)
            epoch, at = divmod(step, per_epoch)
            batch = _epoch(sets, recipe, epoch)[at * recipe.lessons : (at + 1) * recipe.lessons]
            loss, tokens = _step(model, packer, batch, optimizer, parameters)
            step, done = step + 1, done + 1
            left = (time.monotonic() - started) / done * (steps - step)
            entry: dict[str, Any] = {"step": step, "loss": loss, "tokens": tokens, "left": round(left)}
            entry["seconds"] = round(time.monotonic() - started, 1)
            entry["asked"] = sum(len(lesson.asked) for lesson in batch)
            if step % CHECK_STEPS == 0 or step == steps:
                entry["dev"] = measure(model, packer, dev if step == steps else dev[:CHECK_LESSONS])
            log.write(json.dumps(entry) + "\n")
            log.flush()
            _tell(entry, steps)
            if time.monotonic() - saved > CHECKPOINT_SECONDS or step == steps:
                _checkpoint(out, recipe, parameters, optimizer, step)
                saved = time.monotonic()
    lora.save(adapters, out, rank=recipe.rank, alpha=recipe.alpha, base="Qwen/Qwen2.5-Coder-1.5B-Instruct")


def pace(done: float) -> float:
    """The learning rate's share of its highest, after a share ``done`` of the run."""
    import math

    if done < 0.05:
        return (done + 0.005) / 0.055
    return 0.1 + 0.9 * (1 + math.cos(math.pi * (done - 0.05) / 0.95)) / 2


def _epoch(sets: list[reading.Material], recipe: Recipe, epoch: int) -> list[Lesson]:
    made = reading.lessons(sets, "train", seed=1000 * recipe.seed + epoch + 100)
    if recipe.share < 1:
        documents = sorted({(lesson.corpus, lesson.document) for lesson in made})
        kept = set(random.Random(recipe.seed).sample(documents, round(recipe.share * len(documents))))
        made = [lesson for lesson in made if (lesson.corpus, lesson.document) in kept]
    return made


def _step(
    model: Any, packer: Packer, batch: list[Lesson], optimizer: torch.optim.Optimizer, parameters: list[Any]
) -> tuple[float, int]:
    packed = [packer(lesson) for lesson in batch]
    targets = sum(int((p.targets != IGNORED).sum()) for p in packed)
    total = 0.0
    optimizer.zero_grad(set_to_none=True)
    for one in packed:
        said, wanted = logits(model, one)
        loss = functional.cross_entropy(said, wanted, reduction="sum") / targets
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    return round(total, 4), sum(len(p.ids) for p in packed)


def _checkpoint(
    out: Path, recipe: Recipe, parameters: list[Any], optimizer: torch.optim.Optimizer, step: int
) -> None:
    state = {
        "recipe": asdict(recipe),
        "parameters": [p.data for p in parameters],
        "optimizer": optimizer.state_dict(),
        "step": step,
    }
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")


def _tell(entry: dict[str, Any], steps: int) -> None:
    left = f"{entry['tokens']} tokens, {entry['left'] // 60} min left"
    print(f"{entry['step']}/{steps} loss {entry['loss']:.3f}, {left}", flush=True)
    for key, scores in entry.get("dev", {}).items():
        told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
        print(f"    {key}: {told}", flush=True)


def _parser() -> argparse.ArgumentParser:
    own = Recipe()
    parser = argparse.ArgumentParser(prog="train.adapter", description="Train the packaged model's adapter.")
    parser.add_argument("--data", action="append", type=Path, required=True, help="a question set; repeat it")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, log and the finished adapter")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--model", help="a transformers folder instead of the packaged model")
    parser.add_argument("--rank", type=int, default=own.rank)
    parser.add_argument("--alpha", type=float, default=own.alpha)
    parser.add_argument("--first", type=int, default=own.first, help="first block with an adapter")
    parser.add_argument("--rate", type=float, default=own.rate, help="learning rate")
    parser.add_argument("--lessons", type=int, default=own.lessons, help="lessons to a step")
    parser.add_argument("--epochs", type=float, default=own.epochs)
    parser.add_argument("--share", type=float, default=own.share, help="share of the training documents")
    parser.add_argument("--seed", type=int, default=own.seed)
    parser.add_argument("--threads", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
