"""Trains the packaged model's low-rank adapter for reading, translating and rewriting.

    python -m train.adapter --data DIR --out RUN                trains; RUN holds checkpoints and a log
    python -m train.adapter --data DIR --out RUN --resume       goes on where a stopped run ended

DIR holds train.jsonl.xz and valid.jsonl.xz, which ``python -m train.tasks.build`` writes. Runs in bf16 on a
GPU where there is one, else on the processor. Sequences of like length are put together, so that little is
filled up; a step adds up several such batches. With ``--seconds`` the learning rate falls with the time that
has passed, so that a run ends in its time on any machine. The log has a line for every step and, every so
many, loss and accuracy of each task on the validation examples.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rag.models.weights.adapter import WEIGHTS
from train import lora

TEMPLATE = "adapted"
"""The prompt that reading is served with."""
BASE = "Qwen/Qwen2.5-Coder-1.5B-Instruct"
END = "<|im_end|>"
IGNORED = -100
"""Positions that are no target, as cross_entropy knows them."""
CHECKPOINT_SECONDS = 120.0
LONGEST = 1400
"""Tokens of an example at most; longer ones are left out."""
WARMING = 0.04
"""Share of a run in which the learning rate rises."""
LEAST_RATE = 0.05
"""Share of the learning rate at a run's end."""
WINDOW = 2048
"""Examples that are sorted by length together."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; kept with its checkpoints."""

    rank: int = 16
    alpha: float = 32.0
    first: int = 0
    """First block with an adapter."""
    rate: float = 3e-4
    """Of AdamW; rises first, then falls along a cosine."""
    tokens: int = 32_768
    """Tokens of a step, about."""
    micro: int = 12_288
    """Tokens that go through the network at once; bounds memory (about 4 MB a token)."""
    epochs: float = 1.0
    steps: int = 0
    """Ends after so many steps; 0 for the epochs' number."""
    seconds: float = 0.0
    """Ends after so long; 0 for no limit."""
    mix: str = ""
    """Copies of each task's examples in an epoch: ``read=2,translate=0.5``; 1 for what is not named."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example in tokens."""

    ids: list[int]
    answer: int
    """Tokens at the end that are learned."""
    task: str
    pair: str
    kind: str


def chat(messages: Sequence[Sequence[str]]) -> str:
    """A prompt in ChatML, as the model's own template writes it, up to where the reply begins.

    Args:
        messages: Role and content of each; the first is the system's.
    """
    told = "".join(f"<|im_start|>{role}\n{content}{END}\n" for role, content in messages)
    return f"{told}<|im_start|>assistant\n"


def encode(examples: Sequence[dict[str, Any]], tokenizer: Any) -> list[Encoded]:
    """Examples in tokens, with the chat template that the model is served with.

    Args:
        examples: As train/tasks/examples.py writes them.
        tokenizer: The model's.
    """
    prompts = [chat(e["messages"]) for e in examples]
    asked = tokenizer(prompts, add_special_tokens=False)["input_ids"] if prompts else []
    wanted = (
        tokenizer([e["answer"] + END for e in examples], add_special_tokens=False)["input_ids"]
        if prompts
        else []
    )
    found = [
        Encoded([*a, *w], len(w), e["task"], e["pair"], e["kind"])
        for a, w, e in zip(asked, wanted, examples, strict=True)
    ]
    return [e for e in found if len(e.ids) <= LONGEST]


def mixed(examples: Sequence[Encoded], mix: str, rng: random.Random) -> list[Encoded]:
    """An epoch's examples in random order, by the copies that a mix asks for."""
    copies = {name: float(share) for name, share in (part.split("=") for part in mix.split(",") if part)}
    found = []
    for example in examples:
        share = copies.get(example.task, 1.0)
        found += [example] * (int(share) + (rng.random() < share % 1))
    rng.shuffle(found)
    return found


def batched(examples: Sequence[Encoded], tokens: int, rng: random.Random) -> list[list[Encoded]]:
    """Batches of like length, none of which is more than so many tokens when filled up."""
    found: list[list[Encoded]] = []
    for start in range(0, len(examples), WINDOW):
        own: list[Encoded] = []
        for example in sorted(examples[start : start + WINDOW], key=lambda e: len(e.ids)):
            if own and len(example.ids) * (len(own) + 1) > tokens:
                found.append(own)
                own = []
            own.append(example)
        if own:
            found.append(own)
    rng.shuffle(found)
    return found


def tensors(batch: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """A batch filled up at its right: tokens, targets and each target's weight, all (examples, tokens).

    Filling stands behind an example, where a causal network does not look, so that no mask is needed. An
    example's tokens weigh together as the root of their number: else whole sentences would drown a yes.
    """
    width = max(len(e.ids) for e in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    targets = torch.full((len(batch), width), IGNORED)
    weights = torch.zeros(len(batch), width)
    for row, example in enumerate(batch):
        size, answer = len(example.ids), example.answer
        ids[row, :size] = torch.tensor(example.ids)
        targets[row, size - answer - 1 : size - 1] = ids[row, size - answer : size]
        weights[row, size - answer - 1 : size - 1] = answer**-0.5
    return ids.to(device), targets.to(device), weights.to(device)


def logits(model: Any, ids: Tensor, targets: Tensor) -> Tensor:
    """What the model says at each position with a target, (targets, words)."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    said: Tensor = model.lm_head(hidden[targets != IGNORED]).float()
    return said


@torch.no_grad()
def measure(model: Any, examples: Sequence[Encoded], tokens: int) -> dict[str, dict[str, float]]:
    """Loss and accuracy by task, and by task, languages and kind, with the right reply given so far.

    ``loss``: mean over tokens; ``token``: tokens that greedy decoding would choose; ``exact``: whole replies
    that it would write; ``first``: replies whose second token it would choose, which is a reading's sentence.
    """
    device = next(model.parameters()).device
    tally = Tally()
    for batch in batched(list(examples), tokens, random.Random(0)):
        ids, targets, _ = tensors(batch, device)
        said = logits(model, ids, targets)
        tally.add(batch, said, targets[targets != IGNORED], _groups)
    return tally.told()


def _groups(example: Encoded) -> tuple[str, ...]:
    return example.task, f"{example.task} {example.pair} {example.kind}"


class Tally:
    """Sums losses and right tokens of examples, group by group."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(
        self,
        examples: Sequence[Encoded],
        said: Tensor,
        wanted: Tensor,
        groups: Callable[[Encoded], Sequence[str]],
    ) -> None:
        """Count examples.

        Args:
            examples: In the order of their targets.
            said: Logits at each target, (targets, words).
            wanted: The targets.
            groups: Under which names an example is counted.
        """
        losses = functional.cross_entropy(said, wanted, reduction="none").tolist()
        right = (said.argmax(-1) == wanted).tolist()
        at = 0
        for example in examples:
            own = slice(at, at + example.answer)
            at += example.answer
            for key in groups(example):
                into = self._sums[key]
                into["n"] += 1
                into["tokens"] += example.answer
                into["loss"] += sum(losses[own])
                into["token"] += sum(right[own])
                into["exact"] += all(right[own])
                into["first"] += right[own][min(1, example.answer - 1)]

    def told(self) -> dict[str, dict[str, float]]:
        """Means by group, as ``measure`` describes them."""
        return {
            key: {
                "n": int(v["n"]),
                "loss": round(v["loss"] / v["tokens"], 4),
                "token": round(v["token"] / v["tokens"], 4),
                "exact": round(v["exact"] / v["n"], 4),
                "first": round(v["first"] / v["n"], 4),
            }
            for key, v in sorted(self._sums.items())
        }


def open_model(folder: str | None, device: str | torch.device = "cpu") -> tuple[Any, Any]:
    """The network in bf16 and its tokenizer.

    Args:
        folder: A transformers folder; None takes the packaged model.
        device: Where it runs.
    """
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    if folder is None:
        from rag.models.weights.packaged import GENERATOR_FULL, prepared
        from rag.settings import Settings

        folder = str(prepared(GENERATOR_FULL, Settings.load()))
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, use_safetensors=True, attn_implementation="sdpa"
    )
    return model.eval().to(device), PreTrainedTokenizerFast.from_pretrained(folder)


def read_sets(folders: Sequence[Path], cache: Path) -> list[Any]:
    """The facts of question sets (train/reading.py); kept in ``cache``, as searching takes minutes."""
    import pickle

    if cache.is_file():
        return list(pickle.loads(cache.read_bytes()))  # noqa: S301 - written by this very command
    from rag.models.embedding.embedder import PackagedEmbedder
    from rag.models.weights.packaged import EMBEDDER, prepared
    from rag.settings import Settings
    from train import reading
    from train.corpora import read

    settings = Settings.load()
    embedder = PackagedEmbedder(prepared(EMBEDDER, settings), threads=settings.threads)
    sets = [reading.gather(read(folder, embedder, settings, 1)) for folder in folders]
    cache.write_bytes(pickle.dumps(sets))
    return sets


class Run:
    """A training run, which can be stopped and gone on with."""

    def __init__(
        self, model: Any, adapters: dict[str, lora.LoraLinear], recipe: Recipe, out: Path, *, resume: bool
    ) -> None:
        """Prepare.

        Args:
            model: With ``adapters`` in it.
            adapters: What is trained.
            recipe: How.
            out: Gets checkpoint.pt, log.jsonl and at the end the adapter.
            resume: Go on from checkpoint.pt.
        """
        self._model, self._adapters, self._recipe, self._out = model, adapters, recipe, out
        self._device = next(model.parameters()).device
        self._parameters = [p for adapter in adapters.values() for p in (adapter.a, adapter.b)]
        fused = self._device.type == "cuda"
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.99), fused=fused
        )
        self.step, self._elapsed = 0, 0.0
        if resume:
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self._out / "checkpoint.pt", weights_only=True, map_location=self._device)
        if state["recipe"] != asdict(self._recipe):
            raise SystemExit(
                f"{self._out} was trained by another recipe: {state['recipe']}. Name another --out."
            )
        restore(state, self._parameters, self._optimizer)
        self.step, self._elapsed = state["step"], state["elapsed"]

    def steps(self, examples: Sequence[Encoded]) -> Iterator[list[list[Encoded]]]:
        """Batches of every step, epoch after epoch; those that are done already are passed over."""
        done, epoch = 0, 0
        while examples:
            rng = random.Random(f"{self._recipe.seed} {epoch}")
            step: list[list[Encoded]] = []
            size = 0
            for batch in batched(mixed(examples, self._recipe.mix, rng), self._recipe.micro, rng):
                step.append(batch)
                size += sum(len(e.ids) for e in batch)
                if size >= self._recipe.tokens:
                    done += 1
                    if done > self.step:
                        yield step
                    step, size = [], 0
            epoch += 1

    def planned(self, examples: Sequence[Encoded]) -> int:
        """Steps of the whole run, as far as they are limited by number."""
        if self._recipe.steps:
            return self._recipe.steps
        tokens = sum(len(e.ids) for e in mixed(examples, self._recipe.mix, random.Random(0)))
        return max(1, round(self._recipe.epochs * tokens / (self._recipe.tokens + self._recipe.micro / 2)))

    def __call__(self, examples: Sequence[Encoded], valid: Sequence[Encoded], check: int) -> None:
        """Train to the end.

        Args:
            examples: To learn.
            valid: To measure.
            check: Steps between two measurements; one is made at the end in any case.
        """
        total = self.planned(examples)
        started, saved = time.monotonic() - self._elapsed, time.monotonic()
        weights = sum(p.numel() for p in self._parameters)
        print(f"{len(examples)} examples, {total} steps, {weights:,} weights, {self._device}", flush=True)
        with (self._out / "log.jsonl").open("a", encoding="utf-8") as log:
            for batches in self.steps(examples):
                self._elapsed = time.monotonic() - started
                done = max(self.step / total, self._timed())
                if done >= 1:
                    break
                for group in self._optimizer.param_groups:
                    group["lr"] = self._recipe.rate * pace(done)
                loss, tokens = self._learn(batches)
                self.step += 1
                entry: dict[str, Any] = {
                    "step": self.step, "loss": loss, "tokens": tokens, "done": round(done, 4),
                    "seconds": round(time.monotonic() - started, 1),
                }  # fmt: skip
                if check and self.step % check == 0:
                    entry["valid"] = measure(self._model, valid, self._recipe.micro)
                self._report(log, entry, total)
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save()
                    saved = time.monotonic()
            self._report(
                log,
                {"step": self.step, "tokens": 0, "valid": measure(self._model, valid, self._recipe.micro)},
                total,
            )
        self._save()

    def _timed(self) -> float:
        return self._elapsed / self._recipe.seconds if self._recipe.seconds else 0.0

    def _learn(self, batches: Sequence[Sequence[Encoded]]) -> tuple[float, int]:
        self._optimizer.zero_grad(set_to_none=True)
        weight = sum(e.answer**0.5 for batch in batches for e in batch)
        total = torch.zeros((), device=self._device)
        for batch in batches:
            ids, targets, weights = tensors(batch, self._device)
            said = logits(self._model, ids, targets)
            at = targets != IGNORED
            losses = functional.cross_entropy(said, targets[at], reduction="none")
            loss = (losses * weights[at]).sum() / weight
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._optimizer.step()
        return round(float(total), 4), sum(len(e.ids) for batch in batches for e in batch)

    def _report(self, log: Any, entry: dict[str, Any], total: int) -> None:
        log.write(json.dumps(entry) + "\n")
        log.flush()
        if self.step % 20 == 0 or "valid" in entry:
            print(f"{self.step}/{total} loss {entry.get('loss', 0)} {entry.get('seconds', '')} s", flush=True)
        for key, scores in entry.get("valid", {}).items():
            if " " not in key:
                print(f"    {key}: {scores}", flush=True)

    def _save(self) -> None:
        keep(
            self._out, self._parameters, self._optimizer,
            recipe=asdict(self._recipe), step=self.step, elapsed=self._elapsed,
        )  # fmt: skip
        lora.save(self._adapters, self._out, rank=self._recipe.rank, alpha=self._recipe.alpha, base=BASE)


def keep(out: Path, parameters: Sequence[Tensor], optimizer: torch.optim.Optimizer, **more: Any) -> None:
    """Write a run's checkpoint, in place of the one before it.

    Args:
        out: Gets checkpoint.pt.
        parameters: That are trained.
        optimizer: Of these.
        more: Kept with them.
    """
    state = {"parameters": [p.data for p in parameters], "optimizer": optimizer.state_dict(), **more}
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")


def restore(state: dict[str, Any], parameters: Sequence[Tensor], optimizer: torch.optim.Optimizer) -> None:
    """Put what ``keep`` wrote back into parameters and optimizer."""
    for parameter, saved in zip(parameters, state["parameters"], strict=True):
        parameter.data.copy_(saved)
    optimizer.load_state_dict(state["optimizer"])


def pace(done: float) -> float:
    """The learning rate's share of its highest, after a share ``done`` of the run."""
    if done < WARMING:
        return (done + 0.1 * WARMING) / (1.1 * WARMING)
    share = (done - WARMING) / (1 - WARMING)
    return LEAST_RATE + (1 - LEAST_RATE) * (1 + math.cos(math.pi * share)) / 2


def chosen(examples: Sequence[dict[str, Any]], each: int, seed: int = 0) -> list[dict[str, Any]]:
    """So many examples of each task, pair and kind of reply, for measurements while training goes on."""
    groups: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for example in examples:
        groups[example["task"], example["pair"], example["answer"] == "[0]"].append(example)
    rng = random.Random(seed)
    return [e for _, own in sorted(groups.items()) for e in rng.sample(own, min(each, len(own)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; see the module's description."""
    from train.tasks.files import read

    args = _parser().parse_args(arguments)
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    names = Recipe.__dataclass_fields__
    recipe = Recipe(**{name: getattr(args, name) for name in names})
    args.out.mkdir(parents=True, exist_ok=True)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    model, tokenizer = open_model(args.model, device)
    adapters = lora.attach(model, rank=recipe.rank, alpha=recipe.alpha, first=recipe.first)
    if args.start:
        lora.load(adapters, args.start / WEIGHTS)
    model.to(device)
    examples = encode(list(read(args.data / "train.jsonl.xz")), tokenizer)
    valid = encode(chosen(list(read(args.data / "valid.jsonl.xz")), args.valid), tokenizer)
    Run(model, adapters, recipe, args.out, resume=args.resume)(examples, valid, args.check)
    return 0


def _parser() -> argparse.ArgumentParser:
    own = Recipe()
    parser = argparse.ArgumentParser(prog="train.adapter", description="Train the packaged model's adapter.")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of train.jsonl.xz and valid.jsonl.xz"
    )
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, log and the finished adapter")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--start", type=Path, help="an adapter to begin with, of this rank or a lower one")
    parser.add_argument("--model", help="a transformers folder instead of the packaged model")
    parser.add_argument("--device", help="cuda or cpu; default: cuda where there is one")
    parser.add_argument("--threads", type=int, default=0, help="default: as many as PyTorch takes")
    parser.add_argument("--check", type=int, default=100, help="steps between two measurements; 0 for none")
    parser.add_argument(
        "--valid", type=int, default=40, help="validation examples of each group; default: 40"
    )
    for name in Recipe.__dataclass_fields__:
        value = getattr(own, name)
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"default: {value}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
