"""Writes the training and validation examples of all tasks.

    python -m train.tasks.build --shared TRAIN --eval EVAL --out DIR [--held-events FILE] [--sets FILE]

TRAIN holds lessons/, news/, parallel/, names/ and qa/; EVAL holds xquad-dev, xquad-dev-en and
arcd-dev. DIR gets train.jsonl.xz, valid.jsonl.xz and counts.json. Everything follows from the data and fixed
seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rag.language.translation.hints import shipped
from train import reading
from train.tasks import corpus_lessons, reading_lessons, rewriting, translation
from train.tasks.examples import Example, Split, seeded
from train.tasks.files import write
from train.tasks.sources import (
    LESSON_FILES,
    Pair,
    Topic,
    conflicts,
    held_lines,
    lessons,
    news_topics,
    pairs,
    reports,
)

PARALLEL = ("un", "tico19", "pud", "xquad-r-dev", "tatoeba", "xor-questions")
"""Files of parallel/ that are trained on; flores-dev is validation."""
CORPUS_SEEDS = (101, 102)
"""Two sets of lessons of the question sets."""
REWRITES = 6
"""Rewriting examples of one conversation at most."""
POPULATION = 150_000
"""Least population of towns whose names are translated alone."""


def build(args: argparse.Namespace) -> list[Example]:
    """Every example."""
    held = set(args.held_events.read_text(encoding="utf-8").split()) if args.held_events else set()
    shared: Path = args.shared
    items = reports(shared / "news")
    lesson_topics, news = lessons(shared), news_topics(items, held)
    held_out = held_lines(lesson_topics)
    parallel = [p for file in PARALLEL for p in pairs(shared / "parallel", file)]
    lines = [p for p in parallel if p.file in LESSON_FILES and (p.file, p.line) not in held_out]
    finder = reading_lessons.Finder(lines)
    reported = [p for topic in news for p in topic.sentences if topic.split == "train"]
    news_finder = reading_lessons.Finder(reported)
    examples: list[Example] = []
    for topics, own in ((lesson_topics, finder), (news, news_finder)):
        examples += reading_lessons.Maker(topics, own)()
    examples += reading_lessons.of_conflicts(conflicts(shared), news_finder)
    examples += reading_lessons.of_differences(items, news_finder, held)
    examples += _of_sets(args)
    examples += _translations(args, parallel, news, held_out)
    examples += _rewrites(args, lesson_topics, news)
    return unique(examples)


def _of_sets(args: argparse.Namespace) -> list[Example]:
    sets = _sets(args)
    found = [*corpus_lessons.of_corpora(sets, CORPUS_SEEDS, "train")]
    found += corpus_lessons.of_corpora(sets, CORPUS_SEEDS[:1], "valid")
    return found


def _sets(args: argparse.Namespace) -> list[reading.Material]:
    from train.adapter import read_sets

    folders = [args.eval / name for name in ("xquad-dev", "xquad-dev-en", "arcd-dev")]
    folders += [args.shared / "qa" / name for name in ("tydi-ar", "mlqa-ar")]
    return read_sets(folders, args.sets or args.out / "sets.pkl")


def _translations(
    args: argparse.Namespace,
    parallel: Sequence[Pair],
    news: Sequence[Topic],
    held_out: set[tuple[str, int]],
) -> list[Example]:
    shown = " ".join(s for own in _sets(args) for s in _unseen(own))
    pool = [p for p in parallel if p.file != "xquad-r-dev" or p.ar not in shown]
    pool += [p for topic in news for p in topic.sentences if topic.split == "train"]
    others = [meanings[:2] for meanings in shipped().lexicon.all_meanings()]
    found = [*translation.of_pairs(pool, held_out, others)]
    flores = pairs(args.shared / "parallel", "flores-dev")
    found += translation.of_validation(flores, "flores-dev")
    unseen = [p for topic in news for p in topic.sentences if topic.split == "valid"]
    found += translation.of_validation(unseen, "news")
    found += translation.of_names(args.shared / "names", POPULATION)
    print(Counter(translation.refused(p) for p in pool), flush=True)
    return found


def _unseen(own: reading.Material) -> Iterable[str]:
    """Sentences of documents that are not trained on."""
    for document, facts in own.facts.items():
        if own.parts[document] != "train":
            for fact in facts:
                yield from (own.sentences[i] for i in fact.sentences)


def _rewrites(
    args: argparse.Namespace, lesson_topics: Sequence[Topic], news: Sequence[Topic]
) -> list[Example]:
    names = rewriting.Names.read()
    found: list[Example] = []
    sets = _sets(args)
    splits: tuple[Split, ...] = ("train", "valid")
    for split in splits:
        for source, topics, own in (
            ("lessons", lesson_topics, ()),
            ("news", news, ()),
            ("corpora", (), sets),
        ):
            turns = rewriting.conversations(topics, own, split)
            found += rewriting.examples(turns, names, source, split, REWRITES)
    return found


def unique(examples: Sequence[Example]) -> list[Example]:
    """Examples without repeated prompts, in random order; none of validation's is trained on."""
    kept = {e.key: e for e in examples if e.split == "train"}
    kept |= {e.key: e for e in examples if e.split == "valid"}
    found = list(kept.values())
    seeded("order").shuffle(found)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.tasks.build", description="Write the examples of all tasks.")
    parser.add_argument("--shared", type=Path, required=True, help="lessons, news, parallel, names, lexicon")
    parser.add_argument("--eval", type=Path, required=True, help="xquad-dev, xquad-dev-en, arcd-dev")
    parser.add_argument("--out", type=Path, required=True, help="gets the examples")
    parser.add_argument("--held-events", type=Path, help="news events kept for validation, one a line")
    parser.add_argument("--sets", type=Path, help="keeps what was read of the question sets")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    examples = build(args)
    for split in ("train", "valid"):
        write(args.out / f"{split}.jsonl.xz", (asdict(e) for e in examples if e.split == split))
    counts = Counter((e.split, e.task, e.source, e.pair, e.kind) for e in examples)
    told = [[*key, number] for key, number in sorted(counts.items())]
    (args.out / "counts.json").write_text(json.dumps(told, ensure_ascii=False, indent=0), encoding="utf-8")
    by_task = Counter((e.split, e.task) for e in examples)
    print(dict(by_task), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
