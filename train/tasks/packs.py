"""Packs: one set of evidence with all questions that can be asked about it, so that few tokens teach much.

Asked alone, a question reads some 400 tokens of evidence for a dozen tokens to learn. In a pack the evidence
is read once, and each question sees only it and itself (train/reader/packed.py masks the others).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rag.language.glossing.gloss import gloss
from rag.models.llm.prompt import together
from train.reader.altered import altered
from train.tasks.examples import Example, Split, reading, seeded, sorted_marks
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
OTHERS = (0, 3)
"""Sentences of other reports."""
NEAR, ABSENT = 0.5, 0.25
"""Shares that are asked of the near misses, and of the questions whose sentence is not shown. With 1.0 and
0.5, three in ten questions were refused, and the trained model then refused half of the English questions
about other news that it should answer."""
DIFFERENCES, BESIDE = 3, (2, 3)
"""Differences between two reports in one pack, and the fewest and most sentences shown beside theirs."""
REFUSED = 0.16
"""Largest share of a report pack's questions that are to be refused; one is always kept. A run with a third
refused .22 of the answerable questions about the seeds; before that run it was .05."""
TOGETHER = 6
"""Sentences of different lessons in one pack."""
WHOLE_SHARE = 0.06
"""Share of answers that are wanted as a sentence."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Examples whose prompts are the same up to the question."""

    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What two reports on one event say differently."""

    question: dict[str, str]
    values: tuple[tuple[Pair, str, str], ...]
    """Sentences with what each says, in English and in its own words."""
    outcome: str
    """``conflict``, ``update`` or ``same``."""


class Maker:
    """Makes packs of news reports."""

    def __init__(self, topics: Sequence[Topic], finder: Finder, language: str) -> None:
        """Prepare.

        Args:
            topics: The reports.
            finder: Searches the sentences that other reports contribute.
            language: Of the questions.
        """
        self._finder = finder
        self._language = language
        self._names = names_of(topics)
        self._event = {p.file: topic.name for topic in topics for p in topic.sentences}

    def __call__(self, topic: Topic, evidence: str, seed: int) -> Pack:
        """A pack on a report.

        Args:
            topic: The report.
            evidence: Language of the sentences.
            seed: Another seed draws other sentences and questions.
        """
        rng = seeded("pack", topic.sentences[0].file, evidence, seed)
        shown = self._shown(topic, evidence, rng)
        if rng.random() < 0.6:
            rng.shuffle(shown)
        shown = by_report(shown)
        examples: list[Example] = []
        for item in topic.asked:
            examples += self.answers(topic, item, shown, evidence, rng)
        return self._mixed(examples, [topic], shown, evidence, rng)

    def of_event(self, differing: Sequence[Difference], reports: Sequence[Topic], seed: int) -> Pack:
        """A pack of two reports on one event, with questions to which they give different answers.

        Args:
            differing: What the reports say differently, some of which is asked.
            reports: Both of them.
            seed: Another seed draws other sentences and questions.
        """
        language = self._language
        rng = seeded("pack event", reports[0].sentences[0].file, language, seed)
        chosen = rng.sample(differing, min(DIFFERENCES, len(differing)))
        shown = list(dict.fromkeys(pair for difference in chosen for pair, _, _ in difference.values))
        rest = [p for topic in reports for p in topic.sentences if p not in shown]
        shown += rng.sample(rest, min(rng.randint(*BESIDE), len(rest)))
        rng.shuffle(shown)
        shown = by_report(shown)
        examples = [self.sides(difference, shown, reports[0].split) for difference in chosen]
        for topic in reports:
            for item in topic.asked:
                examples += self.answers(topic, item, shown, language, rng)
        return self._mixed(examples, reports, shown, language, rng)

    def _mixed(
        self,
        examples: list[Example],
        topics: Sequence[Topic],
        shown: Sequence[Pair],
        evidence: str,
        rng: random.Random,
    ) -> Pack:
        """Examples with some that are to be refused, in random order."""
        near = [n for topic in topics for n in topic.asked[0].near if rng.random() < NEAR]
        examples += [self.refusal(topics[0], shown, n[self._language], evidence, "near") for n in near]
        answered = [example for example in examples if example.answer != "[0]"]
        refused = [example for example in examples if example.answer == "[0]"]
        most = max(1, round(len(answered) * REFUSED / (1 - REFUSED)))
        kept = [*answered, *rng.sample(refused, min(most, len(refused)))]
        rng.shuffle(kept)
        return Pack(tuple(kept))

    def together(self, topics: Sequence[Topic], evidence: str, rng: random.Random) -> Pack:
        """A pack of all sentences of some topics, with the questions that no other topic's sentence answers.

        Args:
            topics: With few sentences each.
            evidence: Language of the sentences.
            rng: Chooses.
        """
        shown = [p for topic in topics for p in topic.sentences]
        rng.shuffle(shown)
        examples: list[Example] = []
        for topic in topics:
            for item in topic.asked:
                golds = [topic.sentences[g] for g in item.golds]
                if _answers_any([item], [p for p in shown if p not in golds]):
                    continue
                examples += self.answers(topic, item, shown, evidence, rng)
                if rng.random() < NEAR / 2:
                    near_miss = rng.choice(item.near)[self._language]
                    examples.append(self.refusal(topic, shown, near_miss, evidence, "near"))
        rng.shuffle(examples)
        return Pack(tuple(examples))

    def _shown(self, topic: Topic, evidence: str, rng: random.Random) -> list[Pair]:
        """Some of the report's sentences in its order, and a few similar ones from other reports."""
        size = min(len(topic.sentences), rng.randint(*OWN))
        places = sorted(rng.sample(range(len(topic.sentences)), size))
        shown = [topic.sentences[i] for i in places]
        item = rng.choice(topic.asked)
        pool = [
            p
            for p in self._finder.near(item.question[evidence], evidence, topic.sentences)
            if p not in topic.sentences
            and self._event.get(p.file) != topic.name  # another outlet may contradict it
            and len(p.text(evidence)) <= LONGEST_SENTENCE
            and not _answers_any(topic.asked, [p])
        ]
        return shown + pool[: rng.randint(*OTHERS)]

    def sides(self, difference: Difference, shown: Sequence[Pair], split: Split) -> Example:
        """The question of a difference, with what each of its sentences says.

        Args:
            difference: Of two reports.
            shown: What the model reads, including the sentences of the difference.
            split: Training or validation.
        """
        language = self._language
        texts, titles = texts_of(shown, language)
        values = [(shown.index(pair) + 1, en, ar) for pair, en, ar in difference.values]
        reply = sorted_marks(sides(values, texts, language, language, difference.outcome))
        return reading(
            texts, difference.question[language], reply, pair=f"{language}-{language}", source="news",
            kind=difference.outcome, split=split, titles=titles,
        )  # fmt: skip

    def answers(
        self,
        topic: Topic,
        item: Asked,
        shown: Sequence[Pair],
        evidence: str,
        rng: random.Random,
        *,
        absent: float = ABSENT,
    ) -> Iterator[Example]:
        """A question with its answer, or with a refusal where its sentence is not shown.

        Args:
            topic: Of the question.
            item: The question.
            shown: What the model reads.
            evidence: In which language.
            rng: Chooses.
            absent: Share of the questions whose sentence is not shown that are asked anyway.
        """
        golds = [topic.sentences[g] for g in item.golds]
        texts, titles = texts_of(shown, evidence)
        language, question = self._language, item.question[self._language]
        if all(g in shown for g in golds):
            whole = bool(item.sentence) and rng.random() < WHOLE_SHARE and topic.split == "train"
            reply = answered(topic, item, language, evidence, shown, whole=whole)
            yield reading(
                texts, question, reply, pair=f"{language}-{evidence}", source=topic.source,
                kind="sentence" if whole else item.kind, split=topic.split, whole=whole, titles=titles,
            )  # fmt: skip
            if rng.random() < 0.15 and len(golds) == 1:
                changed = altered(
                    question, language, evidence=texts, evidence_language=evidence, names=self._names, rng=rng
                )
                if changed:
                    yield self.refusal(topic, shown, changed, evidence, "altered")
            return
        is_answered = any(g in shown for g in golds) or _answers_any([item], shown)
        if not is_answered and rng.random() < absent:
            yield self.refusal(topic, shown, question, evidence, "absent")

    def refusal(
        self, topic: Topic, shown: Sequence[Pair], question: str, evidence: str, kind: str
    ) -> Example:
        """A question that the sentences do not answer."""
        texts, titles = texts_of(shown, evidence)
        return reading(
            texts, question, "[0]", pair=f"{self._language}-{evidence}", source=topic.source, kind=kind,
            split=topic.split, titles=titles,
        )  # fmt: skip


def by_report(shown: Sequence[Pair]) -> list[Pair]:
    """Groups the sentences by report, as evidence is served."""
    return together(shown, lambda pair: (pair.file, pair.headline("ar")))


def texts_of(shown: Sequence[Pair], language: str) -> tuple[list[str], list[str]]:
    """The sentences in a language, and the headline above each; Arabic evidence is served without."""
    titles = [pair.headline(language) if language == "en" else "" for pair in shown]
    return [pair.text(language) for pair in shown], titles


def glossed(topics: Sequence[Topic]) -> list[Topic]:
    """Topics whose English sentences are glosses of the Arabic ones, as English questions are served."""
    return [replace(t, sentences=tuple(map(_glossed, t.sentences))) for t in topics]


def _glossed(pair: Pair) -> Pair:
    title = pair.headline("ar")
    return replace(pair, en=gloss(pair.ar), title=(gloss(title), title))


def of_lessons(maker: Maker, topics: Sequence[Topic], seed: int, evidence: str = "ar") -> Iterator[Pack]:
    """Packs of lessons on one or two sentences each; similar lessons share a pack, each with its questions.

    Args:
        maker: Made of these lessons.
        topics: Lessons of one split.
        seed: Another seed combines other lessons.
        evidence: Language of the sentences.
    """
    rng = seeded("pack lessons", seed)
    finder = Finder([p for topic in topics for p in topic.sentences])
    by_place = {(p.file, p.line): at for at, topic in enumerate(topics) for p in topic.sentences}
    left = dict.fromkeys(rng.sample(range(len(topics)), len(topics)))
    while left:
        chosen = [next(iter(left))]
        first = topics[chosen[0]]
        item = rng.choice(first.asked)
        for pair in finder.near(item.question[evidence], evidence, first.sentences, 60):
            if sum(len(topics[at].sentences) for at in chosen) >= TOGETHER:
                break
            lesson = by_place[pair.file, pair.line]
            if lesson in left and lesson not in chosen:
                chosen.append(lesson)
        for at in chosen:
            del left[at]
        pack = maker.together([topics[at] for at in chosen], evidence, rng)
        if pack.examples:
            yield pack


def of_events(
    items: Sequence[dict[str, Any]], topics: Sequence[Topic], maker: Maker, seed: int
) -> Iterator[Pack]:
    """Packs of events on which two reports differ, where the differences name their sentences.

    Args:
        items: The reports.
        topics: The same reports, in the same order.
        maker: Made of them.
        seed: Another seed draws other sentences and questions.
    """
    by_id = {item["id"]: topic for item, topic in zip(items, topics, strict=True)}
    for item in items:
        stated = [entry for entry in item.get("differences") or () if "sentence" in entry["values"][0]]
        if stated:
            differing = [difference_of(entry, by_id) for entry in stated]
            ids = dict.fromkeys(v["id"] for entry in stated for v in entry["values"])
            yield maker.of_event(differing, [by_id[report] for report in ids], seed)


def difference_of(entry: dict[str, Any], by_id: Mapping[str, Topic]) -> Difference:
    """What reports say differently, as a record.

    Args:
        entry: From a report's ``differences``, with the sentence of each value.
        by_id: The reports by id.
    """
    values = ((by_id[v["id"]].sentences[v["sentence"]], v["en"], v["ar"]) for v in entry["values"])
    question = {"en": entry["question_en"], "ar": entry["question_ar"]}
    return Difference(question, tuple(values), entry["outcome"])


def of_differences(
    items: Sequence[dict[str, Any]], finder: Finder, held: set[str], language: str
) -> Iterator[Pack]:
    """Packs of what reports on one event say differently.

    Args:
        items: The reports.
        finder: Searches the sentences that are added.
        held: Events kept for validation.
        language: Of the question: English is asked over glosses, Arabic over the sentences.
    """
    for place, difference, located, split in differences(items, held):
        rng = seeded("pack difference", *place)
        question = difference[f"question_{language}"]
        more = finder.near(question, language, (), 6)
        stated = [_glossed(Pair(p["en"], p["ar"], p["id"], 0, ("", p["title"]))) for p, _, _ in located]
        shown = [*stated, *unlike(more[: rng.randint(1, 3)], located)]
        rng.shuffle(shown)
        shown = by_report(shown)
        texts, titles = texts_of(shown, language)
        values = [(shown.index(stated[i]) + 1, en, ar) for i, (_, en, ar) in enumerate(located)]
        reply = sorted_marks(sides(values, texts, language, language, difference["outcome"]))
        example = reading(
            texts, question, reply, pair=f"{language}-{language}", source="news", kind=difference["outcome"],
            split=split, titles=titles,
        )  # fmt: skip
        yield Pack((example,))


def of_conflicts(items: Sequence[dict[str, Any]], language: str, seed: int) -> Iterator[Pack]:
    """Packs of two hand-written items of conflicts.jsonl, each with its question; an odd last one is dropped.

    Args:
        items: Disagreements, updates, the same value in other words, and what only looks like one of these.
        language: Of the questions: English is asked over glosses, Arabic over the sentences.
        seed: Another seed combines other items, in another order.
    """
    rng = seeded("pack conflicts", language, seed)
    mixed = rng.sample(items, len(items))
    for both in zip(mixed[::2], mixed[1::2], strict=False):
        numbered = [(n, e["ar"]) for n, item in enumerate(both) for e in item["evidence"]]
        places = rng.sample(range(len(numbered)), len(numbered))
        texts = [gloss(numbered[i][1]) if language == "en" else numbered[i][1] for i in places]
        examples = []
        for n, item in enumerate(both):
            first = next(i for i, (owner, _) in enumerate(numbered) if owner == n)
            values = [(places.index(first + v["index"]) + 1, v["en"], v["ar"]) for v in item["values"]]
            reply = sides(values, texts, language, language, item["outcome"])
            examples.append(
                reading(
                    texts, item[f"question_{language}"], sorted_marks(reply), pair=f"{language}-{language}",
                    source="conflicts", kind=item["outcome"], split="train",
                )
            )  # fmt: skip
        yield Pack(tuple(examples))


def _answers_any(questions: Sequence[Asked], sentences: Sequence[Pair]) -> bool:
    """Whether any of the sentences contains an answer to any of the questions."""
    phrases = [p for q in questions for v in q.answer.values() for p in v if len(p) > 2]
    return any(holds(p.en, phrases) or holds(p.ar, phrases) for p in sentences)
