"""Questions with sentences that may answer them, for the reranker (train/retrieval/reranker.py).

Each question is trained on with one sentence that answers it and five that do not: its nearest neighbours by
vector, and sentences of its own report or document. Near misses, and questions whose sentence is left out,
have no right one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.dataset import read_questions
from evals.grading.score import Span, gold_spans
from rag.index.build import citable
from rag.loading.articles import load_folder
from rag.records import Language
from rag.settings import Settings
from train.tasks.examples import Split, held_out
from train.tasks.sources import lessons

Floats = NDArray[np.float32]

WRONG = 5
"""Sentences beside the right one."""

NEAREST = 10
"""The sentences nearest to the question by vector, from which wrong ones are drawn."""

ABSENT = 0.06
"""Share of the questions whose right sentence is left out."""

SAME_LANGUAGE = 0.8
"""Share of the questions whose sentences are all in one language."""

SHARES = {"report": 1.0, "lesson": 0.4, "set": 0.7, "near miss": 0.4}
"""Relative frequency with which a question of each kind is drawn."""

ENGLISH = 0.5
"""Factor of that frequency for questions on English sentences: most articles are Arabic."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that may be shown."""

    text: str
    title: str
    """Headline of its article, empty where there is none."""
    group: str
    """Sentences of one event or document share it."""
    language: Language


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on the sentences of a pool."""

    question: str
    right: tuple[int, ...]
    """Sentences that answer it; empty for a near miss."""
    near: tuple[int, ...]
    """For a near miss, sentences that seem to answer it; otherwise those that may also answer: they contain
    the answer's words, or translate the right one."""
    kind: str
    """One of ``SHARES``."""
    language: Language
    """Of the sentences that it is about."""
    split: Split


@dataclass(slots=True)
class Pool:
    """Sentences and the questions on them."""

    sentences: list[Sentence] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def add(self, texts: Sequence[str], title: str, group: str, language: Language) -> list[int]:
        """Add the sentences of an article, and return their places."""
        first = len(self.sentences)
        self.sentences += [Sentence(text, title, group, language) for text in texts]
        return list(range(first, len(self.sentences)))

    def add_reports(self, reports: Sequence[dict[str, Any]]) -> None:
        """Add news reports with their questions and near misses in both languages.

        Args:
            reports: As train/reports/README.md describes them.
        """
        for report in reports:
            split: Split = "valid" if held_out("event", report["event"]) else "train"
            pairs = report["sentences"]
            versions: list[tuple[Language, list[str]]] = [
                ("ar", [pair if isinstance(pair, str) else pair["ar"] for pair in pairs])
            ]
            if not isinstance(pairs[0], str):
                versions.append(("en", [pair["en"] for pair in pairs]))
            titles = {language: report.get(f"title_{language}", "") for language, _ in versions}
            added = {
                language: self.add(texts, titles[language], report["event"], language)
                for language, texts in versions
            }
            for language, places in added.items():
                for item in report["questions"]:
                    gold = item["sentence"] if isinstance(item["sentence"], list) else [item["sentence"]]
                    questions = [item["question_en"], item["question_ar"]]
                    self._ask(questions, gold, language, added, "report", split)
                for item in report.get("near_misses") or ():
                    for question in (item["question_en"], item["question_ar"]):
                        self.asked.append(Asked(question, (), tuple(places), "near miss", language, split))

    def add_lessons(self, shared: Path) -> None:
        """Add the hand-written lessons.

        Args:
            shared: Folder that holds lessons/ and parallel/.
        """
        for topic in lessons(shared):
            languages: tuple[Language, ...] = ("ar", "en")
            added = {
                language: self.add([pair.text(language) for pair in topic.sentences], "", "lessons", language)
                for language in languages
            }
            for language, places in added.items():
                for item in topic.asked:
                    self._ask(
                        list(item.question.values()), item.golds, language, added, "lesson", topic.split
                    )
                    for near in item.near:
                        for question in near.values():
                            self.asked.append(
                                Asked(question, (), tuple(places), "near miss", language, topic.split)
                            )

    def add_set(self, folder: Path, language: Language, settings: Settings) -> None:
        """Add a question set.

        Args:
            folder: Holds ``corpus/`` and ``questions.jsonl`` (evals/README.md).
            language: Of its articles.
            settings: How articles are read.
        """
        articles = load_folder(folder / "corpus", settings).articles
        texts = {article.id: article.text for article in articles}
        spans: dict[str, list[tuple[Span, int]]] = {}
        for article in articles:
            cut = [(int(start), int(end)) for start, end in citable(article.text)]
            places = self.add(
                [article.text[start:end] for start, end in cut], "", f"{folder.name}/{article.id}", language
            )
            spans[article.id] = [
                (Span(article.id, start, end), place) for (start, end), place in zip(cut, places, strict=True)
            ]
        for question in read_questions(folder / "questions.jsonl"):
            gold = gold_spans(question, texts)
            if not gold:
                continue
            quote = question.evidence[0]
            article_spans = spans[quote.article]
            right = tuple(
                place for span, place in article_spans if any(span.overlaps(answer) for answer in gold)
            )
            near = tuple(place for _, place in article_spans if quote.text in self.sentences[place].text)
            if right:
                self.asked.append(Asked(question.text, right, near, "set", language, "train"))

    def _ask(
        self,
        questions: Sequence[str],
        gold: Sequence[int],
        language: Language,
        added: Mapping[Language, Sequence[int]],
        kind: str,
        split: Split,
    ) -> None:
        """Add a question on sentences in several versions, none of which may serve as a wrong one."""
        right = tuple(added[language][n] for n in gold)
        translations = tuple(
            places[n] for version, places in added.items() if version != language for n in gold
        )
        self.asked += [Asked(question, right, translations, kind, language, split) for question in questions]


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the sentences that compete for it."""

    question: str
    sentences: tuple[Sentence, ...]
    """The right one first, if there is one."""
    answerable: bool
    """Whether there is one."""


class Sampler:
    """Draws examples."""

    def __init__(self, pool: Pool, vectors: Floats, embed: Callable[[str], Floats]) -> None:
        """Keep the sentences of held-out events for their own questions.

        Args:
            pool: The sentences and questions to draw from.
            vectors: Of its sentences, rows of length 1, shape (sentences, dimension).
            embed: The vector of a question, shape (dimension,).
        """
        self._pool, self._vectors, self._embed = pool, vectors, embed
        held = {
            pool.sentences[n].group for asked in pool.asked if asked.split == "valid" for n in asked.right
        }
        self._taught = np.array([sentence.group not in held for sentence in pool.sentences])
        self._english = np.array([sentence.language == "en" for sentence in pool.sentences])
        self._groups: dict[str, list[int]] = defaultdict(list)
        for place, sentence in enumerate(pool.sentences):
            self._groups[sentence.group].append(place)
        self._training = [asked for asked in pool.asked if asked.split == "train"]
        self._weights = [
            SHARES[asked.kind] * (ENGLISH if asked.language == "en" else 1) for asked in self._training
        ]

    def draw(self, rng: random.Random) -> Example:
        """An example for training."""
        (asked,) = rng.choices(self._training, self._weights)
        return self.of(asked, rng)

    def of(self, asked: Asked, rng: random.Random) -> Example:
        """An example of one question."""
        cosines = self._vectors @ self._embed(asked.question)
        right = [max(asked.right, key=lambda place: float(cosines[place]))] if asked.right else []
        if right and rng.random() < ABSENT:
            right = []
        allowed = self._taught if asked.split == "train" else ~self._taught
        if rng.random() < SAME_LANGUAGE:
            allowed = allowed & (self._english == (asked.language == "en"))
        known = {*asked.right, *(asked.near if asked.right else ())}
        wrong = list(asked.near if not asked.right else ())
        rng.shuffle(wrong)
        del wrong[3:]
        order = np.argsort(-np.where(allowed, cosines, -2))[: NEAREST + len(known)]
        wrong += _some(3, order.tolist(), {*known, *wrong}, rng)
        group = self._pool.sentences[(asked.right or asked.near)[0]].group
        wrong += _some(WRONG, self._groups[group], {*known, *wrong}, rng)
        places = (*right, *wrong[: WRONG + 1 - len(right)])
        return Example(asked.question, tuple(self._pool.sentences[n] for n in places), bool(right))


def _some(count: int, places: Sequence[int], excluded: set[int], rng: random.Random) -> list[int]:
    """Up to ``count`` of the places at random, without the excluded ones."""
    left = [place for place in places if place not in excluded]
    return rng.sample(left, min(count, len(left)))
