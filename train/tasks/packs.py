"""Packs: one set of evidence with all questions that can be asked about it, so that few tokens teach much.

A question of its own reads some 400 tokens of evidence to learn from a dozen. In a pack the evidence is read
once, and every question sees it and itself alone (train/packed.py masks the others).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from train.altered import altered
from train.tasks.examples import Example, reading, seeded, sorted_marks
from train.tasks.reading_lessons import (
    LONGEST_SENTENCE,
    Finder,
    answered,
    differences,
    names_of,
    sides,
    unlike,
)
from train.tasks.sources import Asked, Pair, Topic, holds

OWN = (5, 7)
"""Sentences of the report itself, fewest and most."""
OTHERS = (0, 2)
"""Sentences of other reports."""
ENGLISH_QUESTIONS = 0.6
"""Share of questions in English; over Arabic sentences they are what the product answers worst."""
BOTH = 0.3
"""Share of answered questions that are asked in the other language as well."""
NEAR, ABSENT = 0.5, 0.25
"""Share of the near misses that are asked, and of the questions whose sentence is not shown. With all of the
first and half of the second three in ten questions were refused, and after that the model refused half of the
English questions that it should answer about other news."""
TOGETHER = 6
"""Sentences of different lessons that make one pack."""
WHOLE_SHARE = 0.06
"""Share of answers that are asked for as a sentence."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Examples whose prompts are the same up to the question."""

    examples: tuple[Example, ...]


class Maker:
    """Makes packs of news reports."""

    def __init__(self, topics: Sequence[Topic], finder: Finder) -> None:
        """Prepare.

        Args:
            topics: The reports.
            finder: Over the sentences from which those of other reports come.
        """
        self._finder = finder
        self._names = names_of(topics)

    def __call__(self, topic: Topic, evidence: str, seed: int) -> Pack:
        """A pack on a report.

        Args:
            topic: The report.
            evidence: Language of the sentences.
            seed: Another one draws other sentences and questions.
        """
        rng = seeded("pack", topic.sentences[0].file, evidence, seed)
        shown = self._shown(topic, evidence, rng)
        if rng.random() < 0.6:
            rng.shuffle(shown)
        texts = [p.text(evidence) for p in shown]
        found: list[Example] = []
        for item in topic.asked:
            found += self._of(topic, item, shown, texts, evidence, rng)
        for near in topic.asked[0].near:
            if rng.random() < NEAR:
                question = _language(rng)
                found.append(_made(topic, texts, near[question], "[0]", question, evidence, "near"))
        rng.shuffle(found)
        return Pack(tuple(found))

    def together(self, topics: Sequence[Topic], evidence: str, rng: random.Random) -> Pack:
        """A pack of all sentences of some topics, with the questions that one of them alone answers.

        Args:
            topics: With few sentences each.
            evidence: Language of the sentences.
            rng: Chooses.
        """
        shown = [p for topic in topics for p in topic.sentences]
        rng.shuffle(shown)
        texts = [p.text(evidence) for p in shown]
        found: list[Example] = []
        for topic in topics:
            for item in topic.asked:
                golds = [topic.sentences[g] for g in item.golds]
                if _told([item], [p for p in shown if p not in golds]):
                    continue
                found += self._of(topic, item, shown, texts, evidence, rng)
                if rng.random() < NEAR / 2:
                    question = _language(rng)
                    asked = rng.choice(item.near)[question]
                    found.append(_made(topic, texts, asked, "[0]", question, evidence, "near"))
        rng.shuffle(found)
        return Pack(tuple(found))

    def _shown(self, topic: Topic, evidence: str, rng: random.Random) -> list[Pair]:
        """Some of the report's sentences in its order, and a few near ones of others."""
        size = min(len(topic.sentences), rng.randint(*OWN))
        own = sorted(rng.sample(range(len(topic.sentences)), size))
        shown = [topic.sentences[i] for i in own]
        asked = rng.choice(topic.asked)
        pool = [
            p
            for p in self._finder.near(asked.question[evidence], evidence, topic.sentences)
            if p not in topic.sentences
            and len(p.text(evidence)) <= LONGEST_SENTENCE
            and not _told(topic.asked, [p])
        ]
        return shown + pool[: rng.randint(*OTHERS)]

    def _of(
        self,
        topic: Topic,
        item: Asked,
        shown: list[Pair],
        texts: list[str],
        evidence: str,
        rng: random.Random,
    ) -> Iterator[Example]:
        golds = [topic.sentences[g] for g in item.golds]
        question = _language(rng)
        if all(g in shown for g in golds):
            languages = [question, *(("ar" if question == "en" else "en",) if rng.random() < BOTH else ())]
            for language in languages:
                whole = rng.random() < WHOLE_SHARE and topic.split == "train"
                reply = answered(topic, item, language, evidence, shown, whole=whole)
                kind = "sentence" if whole else item.kind
                yield _made(
                    topic, texts, item.question[language], reply, language, evidence, kind, whole=whole
                )
            if rng.random() < 0.15 and len(golds) == 1:
                changed = altered(
                    item.question[question], question, evidence=texts, evidence_language=evidence,
                    names=self._names, rng=rng,
                )  # fmt: skip
                if changed:
                    yield _made(topic, texts, changed, "[0]", question, evidence, "altered")
            return
        told = any(g in shown for g in golds) or _told([item], shown)
        if not told and rng.random() < ABSENT:
            yield _made(topic, texts, item.question[question], "[0]", question, evidence, "absent")


def of_lessons(maker: Maker, topics: Sequence[Topic], seed: int) -> Iterator[Pack]:
    """Packs of lessons on one or two sentences each: those of near lessons together, each with its questions.

    Args:
        maker: Made of these lessons.
        topics: Lessons of one split.
        seed: Another one puts others together.
    """
    rng = seeded("pack lessons", seed)
    finder = Finder([p for topic in topics for p in topic.sentences])
    by_place = {(p.file, p.line): at for at, topic in enumerate(topics) for p in topic.sentences}
    left = dict.fromkeys(rng.sample(range(len(topics)), len(topics)))
    while left:
        chosen = [next(iter(left))]
        first = topics[chosen[0]]
        asked = rng.choice(first.asked)
        for pair in finder.near(asked.question["ar"], "ar", first.sentences, 60):
            if sum(len(topics[at].sentences) for at in chosen) >= TOGETHER:
                break
            other = by_place[pair.file, pair.line]
            if other in left and other not in chosen:
                chosen.append(other)
        for at in chosen:
            del left[at]
        pack = maker.together([topics[at] for at in chosen], "ar", rng)
        if pack.examples:
            yield pack


def of_differences(items: Sequence[dict[str, Any]], finder: Finder, held: set[str]) -> Iterator[Pack]:
    """Packs of what reports on one event say differently: each difference in both languages."""
    evidence = "ar"
    for place, difference, located, split in differences(items, held):
        rng = seeded("pack difference", *place)
        more = finder.near(difference[f"question_{evidence}"], evidence, (), 6)
        texts = [pair[evidence] for pair, _, _ in located]
        texts += [p.text(evidence) for p in unlike(more[: rng.randint(1, 3)], located)]
        order = list(range(len(texts)))
        rng.shuffle(order)
        texts = [texts[i] for i in order]
        values = [(order.index(i) + 1, en, ar) for i, (_, en, ar) in enumerate(located)]
        yield Pack(
            tuple(
                reading(
                    texts, difference[f"question_{question}"],
                    sorted_marks(sides(values, texts, question, evidence, difference["outcome"])),
                    pair=f"{question}-{evidence}", source="news", kind=difference["outcome"], split=split,
                )
                for question in ("en", "ar")
            )
        )  # fmt: skip


def _told(asked: Sequence[Asked], shown: Sequence[Pair]) -> bool:
    """Whether one of some sentences holds an answer of one of some questions."""
    phrases = [p for a in asked for v in a.answer.values() for p in v if len(p) > 2]
    return any(holds(p.en, phrases) or holds(p.ar, phrases) for p in shown)


def _language(rng: random.Random) -> str:
    return "en" if rng.random() < ENGLISH_QUESTIONS else "ar"


def _made(
    topic: Topic, texts: Sequence[str], question: str, reply: str, language: str, evidence: str, kind: str,
    *, whole: bool = False,
) -> Example:  # fmt: skip
    return reading(
        texts, question, reply, pair=f"{language}-{evidence}", source=topic.source, kind=kind,
        split=topic.split, whole=whole,
    )  # fmt: skip
