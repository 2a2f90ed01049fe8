"""Measures what the adapter costs: tasks that the packaged model could do before, with and without it.

    python -m train.reader.harm        prints both scores and their difference

Three tasks that such a product may need, each in a plain prompt on which the adapter was not trained:
rewriting a follow-up as a standalone question (the development half of evals/dialogues.jsonl),
transliterating a name, and answering from one sentence or saying that it does not contain the answer
(train/reader/harm.jsonl, written by hand).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from evals.grading.intervals import difference
from evals.grading.matching import holds
from evals.grading.score import token_f1
from evals.harness.turns import DIALOGUES, read_dialogues
from rag.models.llm.factory import open_generator
from rag.models.llm.prompt import LANGUAGE_NAMES
from rag.models.llm.protocol import Generator, Message
from rag.records import Language
from rag.settings import Settings

FILE = Path(__file__).resolve().parent / "harm.jsonl"
"""Names and sentences that are asked about."""
LONGEST = 60
"""Most tokens of a reply."""
NOT_SAID: dict[Language, str] = {"en": "Not stated.", "ar": "غير مذكور."}
"""The right reply if the sentence does not contain the answer."""

SYSTEM = "You are a helpful assistant. Follow the instruction exactly."


@dataclass(frozen=True, slots=True)
class Job:
    """One prompt with its right replies."""

    kind: str
    """``follow-up``, ``name``, ``text`` or ``not in text``."""
    prompt: str
    """The prompt."""
    right: tuple[str, ...]
    """Right replies."""
    group: str
    """What the statistics resample: jobs over the same dialogue or text."""

    def grade(self, reply: str) -> float:
        """The score of a reply, 0 to 1: token F1 for a follow-up, otherwise if it contains a right reply.

        Args:
            reply: As the model wrote it.
        """
        if self.kind == "follow-up":
            return token_f1(reply, self.right)
        return float(any(holds(reply, way) for way in self.right))


def jobs() -> Iterator[Job]:
    """All jobs, in order."""
    turns, _ = read_dialogues(DIALOGUES, "dev")
    before: dict[str, list[str]] = {}
    for question in turns:
        assert question.turn is not None  # noqa: S101 - a dialogue's
        earlier = before.setdefault(question.unit, [])
        if earlier and question.turn.standalone != question.text:
            prior = "\n".join(f"Earlier question: {text}" for text in earlier)
            language = LANGUAGE_NAMES[cast(Language, question.lang)]
            yield Job(
                "follow-up",
                f"{prior}\nQuestion: {question.text}\nRewrite the last question in {language} so that it is "
                "understood without the earlier ones. Reply with the question alone.",
                (question.turn.standalone,),
                question.unit,
            )
        earlier.append(question.text)
    for line in FILE.read_text(encoding="utf-8").splitlines():
        job = json.loads(line)
        wanted: Language = job["ask"]
        if job["job"] == "name":
            yield Job(
                "name",
                f"Write this name in {LANGUAGE_NAMES[wanted]}, and nothing else: {job['given']}",
                tuple(job["right"]),
                job["given"],
            )
        else:
            yield Job(
                "text" if job["right"] else "not in text",
                f"Text: {job['given']}\nQuestion: {job['question']}\nAnswer from the text alone, in "
                f"{LANGUAGE_NAMES[wanted]}. If the text does not say it, reply: {NOT_SAID[wanted]}",
                tuple(job["right"]) or (NOT_SAID[wanted].rstrip("."),),
                job["given"],
            )


def asked(generator: Generator, all_jobs: Sequence[Job]) -> list[str]:
    """A model's replies to the jobs.

    Args:
        generator: The model.
        all_jobs: In order.
    """
    return [
        "".join(
            generator.stream((Message("system", SYSTEM), Message("user", job.prompt)), max_tokens=LONGEST)
        )
        for job in all_jobs
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask both models; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.reader.harm", description="Measure what the adapter costs.")
    parser.add_argument(
        "--out", type=Path, default=Path("train/out"), help="folder for harm.json, with all replies"
    )
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    all_jobs = list(jobs())
    replies = {
        name: asked(open_generator(Settings.load(adapter=name == "adapter")), all_jobs)
        for name in ("plain", "adapter")
    }
    grades = {
        name: np.array([job.grade(reply) for job, reply in zip(all_jobs, generated, strict=True)])
        for name, generated in replies.items()
    }
    print(f"{'':14}{'plain':>8}{'adapter':>9}  difference, 95 %")
    for kind in dict.fromkeys(job.kind for job in all_jobs):
        of_kind = np.array([job.kind == kind for job in all_jobs])
        groups = [job.group for job in all_jobs if job.kind == kind]
        plain, adapted = grades["plain"][of_kind], grades["adapter"][of_kind]
        mean, low, high, _ = difference((adapted - plain).tolist(), groups)
        change = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
        print(f"{kind:14}{plain.mean():8.2f}{adapted.mean():9.2f}  {change}  n {of_kind.sum()}")
    lines = [
        {"kind": job.kind, "prompt": job.prompt, "right": job.right}
        | {name: {"reply": generated[at], "grade": grades[name][at]} for name, generated in replies.items()}
        for at, job in enumerate(all_jobs)
    ]
    (args.out / "harm.json").write_text(json.dumps(lines, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
