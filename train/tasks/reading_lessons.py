"""Replies to questions on topics (lessons, news reports) and on disagreements, and distractors to show.

Distractors are what retrieval would return: neighbours of the right sentences, and sentences that share the
question's words.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.answering.draft import put
from rag.index import bm25
from train.reader.altered import Name, find_names
from train.tasks.examples import Split
from train.tasks.sources import Asked, Pair, Topic, holds

LONGEST_SENTENCE = 330
"""Most characters of a distractor."""
LONGEST_WORDS = 90
"""Most characters of quoted words that list several answers."""


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

    def near(self, question: str, language: str, gold: Sequence[Pair], count: int = 14) -> list[Pair]:
        """Best first by BM25; neighbours of the gold sentences get a bonus, the gold ones are left out."""
        scores = np.array(self._search[language].scores(question))
        places = [self._place[p.file, p.line] for p in gold if (p.file, p.line) in self._place]
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
    topic: Topic, item: Asked, question: str, evidence: str, shown: Sequence[Pair], *, whole: bool
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
    """The sentence's own words for an answer; empty where they are not there together."""
    places = [(text.find(p), text.find(p) + len(p)) for p in phrases]
    if any(start < 0 for start, _ in places):
        return ""
    start, end = min(s for s, _ in places), max(e for _, e in places)
    return text[start:end] if len(phrases) == 1 or end - start <= LONGEST_WORDS else ""


def names_of(topics: Sequence[Topic]) -> list[Name]:
    """The names in single answers and their questions."""
    return find_names(
        (t.name, a.question, {k: v[0] for k, v in a.answer.items()})
        for t in topics
        for a in t.asked
        if len(a.answer["en"]) == 1
    )


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
        quoted = words if question != evidence and words in texts[number - 1] else ""
        marks = "".join(f"[{n}]" for n, _, _ in sorted(group))
        parts.append(f"{marks} {put(quoted, phrase)}")
    return " ".join(parts)


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


def unlike(pairs: Sequence[Pair], located: Sequence[Located]) -> list[Pair]:
    """The sentences that are not among the located ones and contain none of their values."""
    stated, values = [pair["en"] for pair, _, _ in located], [en for _, en, _ in located]
    return [p for p in pairs if p.en not in stated and not holds(p.en, values)]


def _located(values: Sequence[dict[str, str]], by_id: dict[str, Any]) -> list[Located]:
    located = []
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
            sentence = {**fitting[0], "id": report["id"], "title": report.get("title_ar", "")}
            located.append((sentence, value["en"], value["ar"]))
    return located
