"""Measures the adapter: the packaged model with and without it, on lessons about unseen articles.

    python -m train.reader.scores --data DIR --data DIR            prints both scores and their difference
    python -m train.reader.scores --data DIR --part dev --limit 80  for choosing between trainings

Every question is asked alone, with five to seven sentences of evidence, in the served prompt.
The answers are graded as the model wrote them, before any of the assistant's checks.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from evals.grading.score import token_f1
from evals.grading.stats import Score, score
from evals.harness.recording import RecordingGenerator, Replies
from rag.answering.draft import parse
from rag.answering.generation import form_for
from rag.language.text import detect_language
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Message
from rag.records import Evidence, Language
from rag.settings import ADAPTED, Settings
from train.reader import reading
from train.reader.reading import FEWEST, Asked, Lesson, read_sets

REFUSED = 0.2
"""Share of the questions that cannot be answered from their evidence."""
SEEDS = 6
"""Sets of lessons from which questions are drawn; each question is taken once."""
LONGEST = 160
"""Most tokens of an answer, as in the assistant."""


Sort = Literal["answerable", "unanswerable", "near miss"]


@dataclass(frozen=True, slots=True)
class Item:
    """A question alone with its evidence."""

    lesson: Lesson
    asked: Asked

    @property
    def language(self) -> Language:
        """The language of the question and of its answer."""
        return cast(Language, self.asked.language)

    @property
    def pair(self) -> str:
        """Languages of question and evidence."""
        return f"{self.asked.language}-{self.lesson.language}"

    @property
    def sort(self) -> Sort:
        """Whether its evidence contains the answer."""
        return {"refuse": "unanswerable", "altered": "near miss"}.get(self.asked.kind, "answerable")  # type: ignore[return-value]

    @property
    def cluster(self) -> str:
        """What the statistics resample: a document of a corpus."""
        return f"{self.lesson.corpus} {self.lesson.document}"


@dataclass(frozen=True, slots=True)
class Graded:
    """The grades of one answer; None where one does not apply."""

    f1: float | None
    """Of an answerable question; 0 where it was refused."""
    cited: float | None
    """Answered: cites a sentence that contains the answer, and none that does not."""
    refused: float
    language: float | None
    """Answered, with a letter in it."""


def items(sets: Sequence[reading.Material], part: reading.Part, count: int, near: int = 0) -> list[Item]:
    """Questions on unseen articles, evenly over the pairs of languages, a fifth of them without an answer.

    Args:
        sets: All corpora.
        part: ``dev`` or ``test``.
        count: The most questions.
        near: Most near misses in addition (train/reader/altered.py).
    """
    pools: dict[tuple[str, Sort], list[Item]] = {}
    seen: set[tuple[str, str, Sort]] = set()
    for seed in range(SEEDS):
        made = reading.lessons(sets, part, 7000 + seed)
        for lesson in made:
            for asked in lesson.asked:
                item = Item(lesson, asked)
                # The same question once for each pair, whether it can be answered or not.
                key = (item.pair, asked.question, item.sort)
                if len(lesson.evidence) >= FEWEST and key not in seen:
                    seen.add(key)
                    pools.setdefault((item.pair, item.sort), []).append(item)
    pairs = sorted({pair for pair, _ in pools})
    rng = random.Random(0)
    wanted: list[tuple[Sort, float]] = [
        ("answerable", count * (1 - REFUSED)), ("unanswerable", count * REFUSED), ("near miss", near)
    ]  # fmt: skip
    chosen: list[Item] = []
    for pair in pairs:
        for sort, number in wanted:
            pool = pools.get((pair, sort), [])
            chosen += rng.sample(pool, min(len(pool), round(number / len(pairs))))
    # Lessons one after the other: an engine that keeps its cache reads the same evidence once.
    return sorted(chosen, key=lambda item: (item.cluster, item.lesson.evidence))


def evidence(item: Item) -> tuple[Evidence, ...]:
    """An item's sentences, numbered from 1."""
    return tuple(
        Evidence(
            number=n, article_id="", start=0, end=len(text), text=text, title="", outlet=None,
            published=None, source="", line=1, score=0.0, also=(),
        )
        for n, text in enumerate(item.lesson.evidence, start=1)
    )  # fmt: skip


def messages(item: Item, template: Sequence[Message], *, adapted: bool = True) -> tuple[Message, ...]:
    """The prompt for one question, as the assistant builds it for the adapted model or for another one."""
    made, _ = prompt.build(
        template,
        question=item.asked.question,
        evidence=evidence(item),
        language=item.language,
        count=len,
        budget=100_000,
        wording=form_for(item.asked.question, item.language, adapted=adapted).wording,
    )
    return made


def grade(item: Item, draft: str) -> Graded:
    """Grade a model's own words."""
    shown = evidence(item)
    reply = parse(draft, item.asked.question, shown, shown)
    refused = reply.refused or not reply.statements
    plain = " ".join(statement.text for statement in reply.statements)
    letters = any(char.isalpha() for char in plain)
    language = float(detect_language(plain) == item.asked.language) if letters and not refused else None
    if item.sort != "answerable":
        return Graded(None, None, float(refused), language)
    citations = {cited.number for statement in reply.statements for cited in statement.cited}
    # Of two sentences that agree, either will do; of two that differ, both are wanted.
    wanted = set(item.asked.cited)
    right = citations == wanted if item.asked.kind == "conflict" else bool(citations) and citations <= wanted
    ways = [" ".join(item.asked.accepted)] if item.asked.kind == "conflict" else list(item.asked.accepted)
    return Graded(
        f1=0.0 if refused else token_f1(plain, ways),
        cited=None if refused else float(right),
        refused=float(refused),
        language=language,
    )


def table(graded: Sequence[Graded], asked: Sequence[Item]) -> dict[str, dict[str, Score]]:
    """Scores of all items, and by pair of languages."""
    by_pair: dict[str, dict[str, Score]] = {}
    for pair in ["all", *sorted({item.pair for item in asked})]:
        graded_items = [(g, i) for g, i in zip(graded, asked, strict=True) if pair in ("all", i.pair)]

        def mean(
            value: Callable[[Graded], float | None], of: Sequence[tuple[Graded, Item]], sort: Sort | None
        ) -> Score:
            kept = [(v, i.cluster) for g, i in of if (v := value(g)) is not None and sort in (None, i.sort)]
            return score([v for v, _ in kept], [c for _, c in kept])

        by_pair[pair] = {
            "f1": mean(lambda g: g.f1, graded_items, "answerable"),
            "cited": mean(lambda g: g.cited, graded_items, "answerable"),
            "unanswerable refused": mean(lambda g: g.refused, graded_items, "unanswerable"),
            "near misses refused": mean(lambda g: g.refused, graded_items, "near miss"),
            "answerable refused": mean(lambda g: g.refused, graded_items, "answerable"),
            "language": mean(lambda g: g.language, graded_items, None),
        }
    return by_pair


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; see the module's description."""
    args = _parser().parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    chosen = items(read_sets(args.data, args.out), args.part, args.limit, args.near)
    report: dict[str, Any] = {"part": args.part, "n": len(chosen), "systems": {}}
    kept = args.out / "scores-replies.jsonl"
    if not args.resume:
        kept.unlink(missing_ok=True)
    replies = Replies(kept)
    for name in args.systems:
        settings = Settings.load(adapter=name == "adapter")
        drafts = _ask(settings, chosen, name, replies)
        graded = [grade(item, draft) for item, draft in zip(chosen, drafts, strict=True)]
        scores = table(graded, chosen)
        report["systems"][name] = {
            "scores": scores,
            "items": [
                {**asdict(item.asked), "pair": item.pair, "draft": draft, **asdict(grades)}
                for item, draft, grades in zip(chosen, drafts, graded, strict=True)
            ],
        }
        _print(name, scores)
    (args.out / "scores.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def _ask(settings: Settings, chosen: Sequence[Item], name: str, kept: Replies) -> list[str]:
    """A model's replies to all questions; those of an earlier run are reused from ``kept``."""
    generator = RecordingGenerator(open_generator(settings), kept, warm=True)
    template = prompt.load(settings.template)
    drafts = []
    for at, item in enumerate(chosen, start=1):
        request = messages(item, template, adapted=settings.template == ADAPTED)
        drafts.append("".join(generator.stream(request, max_tokens=LONGEST)))
        if at % 10 == 0 or at == len(chosen):
            print(f"\r{name}: {at}/{len(chosen)}", end="" if at < len(chosen) else "\n", flush=True)
    return drafts


def _print(name: str, scores: dict[str, dict[str, Score]]) -> None:
    print(f"{name:24}{'value':>7}  {'95 %':13} n")
    for pair, rows in scores.items():
        for title, figure in rows.items():
            if figure["n"]:
                low, high = figure["low"], figure["high"]
                print(f"  {pair:6}{title:22}{figure['value']:.3f}  [{low:.2f}, {high:.2f}]  {figure['n']}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.reader.scores", description="Measure the packaged model's adapter."
    )
    parser.add_argument("--data", action="append", type=Path, required=True, help="a question set; repeat it")
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--limit", type=int, default=260, help="questions at most; default: 260")
    parser.add_argument("--near", type=int, default=0, help="near misses beside them, at most; default: 0")
    parser.add_argument("--out", type=Path, default=Path("train/out"), help="gets scores.json")
    parser.add_argument("--resume", action="store_true", help="reuse the replies that are already in --out")
    parser.add_argument(
        "--systems",
        nargs="+",
        choices=("plain", "adapter"),
        default=["plain", "adapter"],
        help="what is asked",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
