"""Reading examples of topics (hand-written lessons, news reports) and of disagreements.

Distractors are what retrieval would find: neighbours of the sentence and those that share the question's
words. Near misses come from the data, by exchange of a name, number or month (train/altered.py), and by
leaving the sentence out that answers.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.answering.draft import put
from rag.index import bm25
from train.altered import Name, altered, find_names
from train.tasks.examples import Example, Split, arranged, reading, seeded
from train.tasks.sources import Asked, Pair, Topic, holds

PAIRS = (("en", "ar"), ("ar", "ar"), ("ar", "en"), ("en", "en"))
"""Languages of question and evidence."""
ANSWERED = {("en", "ar"): 2.0, ("ar", "ar"): 1.0, ("ar", "en"): 0.6, ("en", "en"): 0.5}
"""Examples of each question that its sentences answer: most of what the product lacks."""
NEAR = {("en", "ar"): 0.45, ("ar", "ar"): 0.22, ("ar", "en"): 0.1, ("en", "en"): 0.1}
ALTERED = {("en", "ar"): 0.3, ("ar", "ar"): 0.15, ("ar", "en"): 0.07, ("en", "en"): 0.07}
ABSENT = {("en", "ar"): 0.22, ("ar", "ar"): 0.12, ("ar", "en"): 0.06, ("en", "en"): 0.05}
"""The same for given near misses, altered questions, and evidence without the sentence."""

FEWEST, MOST = 4, 8
"""Sentences of evidence."""
WHOLE_SHARE = 0.1
"""Share of answers that are asked for as a sentence."""
SWITCHED = 0.03
"""Share of answers wanted in the other language than the question's."""
LONGEST_SENTENCE = 330
"""Characters of a distractor at most."""
LONGEST_WORDS = 90
"""Characters of quoted words that list several answers."""


class Finder:
    """Sentences that share a question's words, in a fixed collection."""

    def __init__(self, collection: Sequence[Pair]) -> None:
        """Index both languages."""
        self.collection = list(collection)
        self._place = {(p.file, p.line): at for at, p in enumerate(self.collection)}
        self._search = {language: self._index(language) for language in ("en", "ar")}

    def _index(self, language: str) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            bm25.write(Path(folder), [p.text(language) for p in self.collection])
            return bm25.load(Path(folder))

    def near(self, asked: str, language: str, own: Sequence[Pair], count: int = 14) -> list[Pair]:
        """Best first by words, neighbours of the own sentences among them; without these themselves."""
        scores = np.array(self._search[language].scores(asked))
        places = [self._place[p.file, p.line] for p in own if (p.file, p.line) in self._place]
        for at in places:
            for step in (-3, -2, -1, 1, 2, 3):
                if (
                    0 <= at + step < len(scores)
                    and self.collection[at + step].file == self.collection[at].file
                ):
                    scores[at + step] += 3.0 / abs(step)
        scores[places] = -1
        best = np.argsort(-scores)[:count]
        return [self.collection[int(i)] for i in best]


def answered(
    topic: Topic, item: Asked, question: str, evidence: str, shown: list[Pair], *, whole: bool
) -> str:
    """The reply to a question whose sentences come first in ``shown``.

    Args:
        topic: Of the question.
        item: The question.
        question: Language of the answer.
        evidence: Language of the sentences.
        shown: Sentences by number.
        whole: The answer is a sentence.
    """
    numbers = [shown.index(topic.sentences[g]) + 1 for g in item.golds]
    marks = "".join(f"[{n}]" for n in sorted(numbers))
    if whole:
        return f"{marks} {item.sentence[question].rstrip('.')}"
    phrase = _joined(item.answer[question], question)
    if question == evidence or len(numbers) > 1:
        return f"{marks} {phrase}"
    text = topic.sentences[item.golds[0]].text(evidence)
    return f"{marks} {put(_words(item.answer[evidence], text), phrase)}"


def _joined(phrases: Sequence[str], language: str) -> str:
    clean = [p.strip().rstrip(".") for p in phrases]
    if len(clean) == 1:
        return clean[0]
    if language == "en":
        return f"{', '.join(clean[:-1])} and {clean[-1]}"
    return " و".join(("، ".join(clean[:-1]), clean[-1]))


def _words(phrases: Sequence[str], text: str) -> str:
    """The sentence's own words for an answer; empty where they do not stand there together."""
    places = [(text.find(p), text.find(p) + len(p)) for p in phrases]
    if any(start < 0 for start, _ in places):
        return ""
    start, end = min(s for s, _ in places), max(e for _, e in places)
    return text[start:end] if len(phrases) == 1 or end - start <= LONGEST_WORDS else ""


def names_of(topics: Sequence[Topic]) -> list[Name]:
    """The names that single answers and their questions hold."""
    return find_names(
        (t.name, a.question, {k: v[0] for k, v in a.answer.items()})
        for t in topics
        for a in t.asked
        if len(a.answer["en"]) == 1
    )


class Maker:
    """Makes reading examples of topics."""

    def __init__(self, topics: Sequence[Topic], finder: Finder) -> None:
        """Prepare.

        Args:
            topics: All of them.
            finder: Over the sentences from which distractors come.
        """
        self._topics = topics
        self._finder = finder
        self._names = names_of(topics)

    def __call__(self) -> Iterator[Example]:
        """Every example, in the topics' order."""
        for topic in self._topics:
            for item in topic.asked:
                yield from self._of(topic, item)

    def _of(self, topic: Topic, item: Asked) -> Iterator[Example]:
        for pair in PAIRS:
            question, evidence = pair
            rng = seeded("read", item.id, pair)
            name = f"{question}-{evidence}"
            for _ in range(_times(ANSWERED[pair], rng, topic)):
                shown = self._evidence(topic, item, item.question, evidence, rng)
                whole = rng.random() < WHOLE_SHARE and topic.split == "train"
                into = _other(question) if rng.random() < SWITCHED and topic.split == "train" else question
                reply = answered(topic, item, into, evidence, shown, whole=whole)
                yield self._made(
                    topic, shown, item.question[question], reply, name, evidence, rng,
                    "sentence" if whole else item.kind, language=into, whole=whole,
                )  # fmt: skip
            for _ in range(_times(NEAR[pair], rng, topic)):
                near = rng.choice(item.near)
                shown = self._evidence(topic, item, near, evidence, rng)
                yield self._made(topic, shown, near[question], "[0]", name, evidence, rng, "near")
            for _ in range(_times(ALTERED[pair], rng, topic)):
                shown = self._evidence(topic, item, item.question, evidence, rng)
                texts = [p.text(evidence) for p in shown]
                changed = altered(
                    item.question[question], question, evidence=texts, evidence_language=evidence,
                    names=self._names, rng=rng,
                )  # fmt: skip
                if changed:
                    yield self._made(topic, shown, changed, "[0]", name, evidence, rng, "altered")
            for _ in range(_times(ABSENT[pair], rng, topic)):
                shown = self._evidence(topic, item, item.question, evidence, rng)
                golds = [topic.sentences[g] for g in item.golds]
                kept = [p for p in shown if p not in golds]
                if len(kept) >= FEWEST - 1:
                    yield self._made(
                        topic, kept, item.question[question], "[0]", name, evidence, rng, "absent"
                    )

    def _made(
        self, topic: Topic, shown: list[Pair], question: str, reply: str, name: str, evidence: str,
        rng: random.Random, kind: str, *, language: str = "", whole: bool = False,
    ) -> Example:  # fmt: skip
        texts, reply = arranged([p.text(evidence) for p in shown], reply, rng)
        return reading(
            texts, question, reply, pair=name, source=topic.source, kind=kind, split=topic.split,
            language=language, whole=whole,
        )  # fmt: skip

    def _evidence(
        self, topic: Topic, item: Asked, question: dict[str, str], evidence: str, rng: random.Random
    ) -> list[Pair]:
        """The sentences shown, in the order in which retrieval might serve them."""
        golds = [topic.sentences[g] for g in item.golds]
        phrases = {k: [p for p in v if len(p) > 2] for k, v in item.answer.items()}
        own = [p for p in topic.sentences if p not in golds]
        found = self._finder.near(question[evidence], evidence, golds)
        pool = [
            p
            for p in dict.fromkeys((*found[:4], *own, *found[4:]))
            if p not in golds
            and len(p.text(evidence)) <= LONGEST_SENTENCE
            and not holds(p.text("en"), phrases["en"])
            and not holds(p.text("ar"), phrases["ar"])
        ]
        size = rng.randint(FEWEST, MOST)
        chosen = pool[: max(0, size - len(golds)) + 3]
        rng.shuffle(chosen)
        chosen = chosen[: max(0, size - len(golds))]
        chosen.sort(key=pool.index)
        for gold in golds:  # mostly first, as retrieval serves it
            place = 0 if rng.random() < 0.6 else rng.randint(0, len(chosen))
            chosen.insert(place, gold)
        return chosen


def _times(share: float, rng: random.Random, topic: Topic) -> int:
    """How often; validation has each example once at most."""
    if topic.split == "valid":
        return int(rng.random() < min(1.0, share))
    return int(share) + (rng.random() < share % 1)


def _other(language: str) -> str:
    return "ar" if language == "en" else "en"


def of_conflicts(items: Sequence[dict[str, Any]], finder: Finder) -> Iterator[Example]:
    """Examples of the hand-written disagreements: two orders for each pair of languages."""
    for item in items:
        split = "valid" if seeded("conflict", item["id"]).random() < 0.1 else "train"
        for question, evidence in PAIRS:
            rng = seeded("conflict", item["id"], question, evidence)
            for _ in range(2 if (question, evidence) in (("en", "ar"), ("ar", "ar")) else 1):
                texts = [e[evidence] for e in item["evidence"]]
                more = finder.near(item[f"question_{evidence}"], evidence, (), 4)
                texts += [p.text(evidence) for p in more[: rng.randint(0, 3)]]
                values = [(v["index"] + 1, v["en"], v["ar"]) for v in item["values"]]
                reply = sides(values, texts, question, evidence, item["outcome"])
                texts, reply = arranged(texts, reply, rng, served=0.0)
                yield reading(
                    texts, item[f"question_{question}"], reply, pair=f"{question}-{evidence}",
                    source="conflicts", kind=item["outcome"], split=split,  # type: ignore[arg-type]
                )  # fmt: skip


def sides(
    values: Sequence[tuple[int, str, str]], texts: Sequence[str], question: str, evidence: str, outcome: str
) -> str:
    """The reply for values by sentence, (number, English, Arabic): equal ones together, others side by side.

    Args:
        values: What each sentence says.
        texts: The sentences.
        question: Language of the answer.
        evidence: Language of the sentences.
        outcome: ``same`` puts all together.
    """
    if not values:
        return "[0]"
    grouped: dict[str, list[tuple[int, str, str]]] = {}
    for value in values:
        grouped.setdefault("" if outcome == "same" else value[1].casefold(), []).append(value)
    parts = []
    for group in grouped.values():
        number, english, arabic = group[0]
        phrase, words = (english, arabic) if question == "en" else (arabic, english)
        own = words if question != evidence and words in texts[number - 1] else ""
        marks = "".join(f"[{n}]" for n, _, _ in sorted(group))
        parts.append(f"{marks} {put(own, phrase)}")
    return " ".join(parts)


def of_differences(items: Sequence[dict[str, Any]], finder: Finder, held: set[str]) -> Iterator[Example]:
    """Examples of what reports on one event say differently."""
    for place, difference, located, split in differences(items, held):
        for question, evidence in PAIRS:
            rng = seeded("difference", *place, question, evidence)
            texts = [pair[evidence] for pair, _, _ in located]
            values = [(n, en, ar) for n, (_, en, ar) in enumerate(located, start=1)]
            reply = sides(values, texts, question, evidence, difference["outcome"])
            more = finder.near(difference[f"question_{evidence}"], evidence, (), 6)
            texts += [p.text(evidence) for p in unlike(more[: rng.randint(1, 4)], located)]
            texts, reply = arranged(texts, reply, rng, served=0.3)
            yield reading(
                texts, difference[f"question_{question}"], reply, pair=f"{question}-{evidence}",
                source="news", kind=difference["outcome"], split=split,
            )  # fmt: skip


Located = tuple[dict[str, str], str, str]
"""A sentence in both languages, and a value's English and Arabic words in it."""


def differences(
    items: Sequence[dict[str, Any]], held: set[str]
) -> Iterator[tuple[tuple[str, int], dict[str, Any], list[Located], Split]]:
    """What reports say differently: its place, the difference, its values by sentence, and its split.

    Args:
        items: The reports.
        held: Events kept for validation.
    """
    by_id = {item["id"]: item for item in items}
    for item in items:
        split: Split = "valid" if item["event"] in held else "train"
        for number, difference in enumerate(item.get("differences") or ()):
            located = _located(difference["values"], by_id)
            if len(located) >= 2:
                yield (item["id"], number), difference, located, split


def unlike(found: Sequence[Pair], located: Sequence[Located]) -> list[Pair]:
    """Those sentences that are none of the values' and hold none of the values."""
    own, values = [pair["en"] for pair, _, _ in located], [en for _, en, _ in located]
    return [p for p in found if p.en not in own and not holds(p.en, values)]


def _located(values: Sequence[dict[str, str]], by_id: dict[str, Any]) -> list[Located]:
    found = []
    for value in values:
        if not value.get("en") or not value.get("ar") or value["id"] not in by_id:
            continue
        report = by_id[value["id"]]
        fitting = [
            s
            for s in report["sentences"]
            if value["ar"] in s["ar"] and value["en"].casefold() in s["en"].casefold()
        ]
        if len(fitting) == 1:
            sentence = {**fitting[0], "id": report["id"], "title": report["title_ar"]}
            found.append((sentence, value["en"], value["ar"]))
    return found
