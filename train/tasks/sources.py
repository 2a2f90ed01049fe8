"""The folders of training data as records: sentence pairs, lessons, reports, disagreements."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.language.glossing.gloss import gloss
from rag.language.text import fold, numbers
from train.tasks.examples import Split, held_out

REPORTS = Path(__file__).parent.parent / "reports"
"""Reports that were written for training and belong to the project."""
MEASURED = Path(__file__).parents[2] / "evals" / "questions" / "reports"
"""Reports of eight events, with questions that evals ask."""
_PART = re.compile(r"-\d+$")
"""The end of a file's name where several reports are on one event."""
_GROUPS = re.compile(r"(?<!\d)\d{3}(?: \d{3})* \d{1,3}(?!\d)")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence in both languages."""

    en: str
    ar: str
    file: str
    line: int
    title: tuple[str, str] = ("", "")
    """Headline of the report that it is from, in English and Arabic; empty where there is none."""

    def text(self, language: str) -> str:
        """The sentence in a language."""
        return self.en if language == "en" else self.ar

    def headline(self, language: str) -> str:
        """The headline of its report in a language."""
        return self.title[language != "en"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on sentences, both in English and Arabic."""

    id: str
    question: dict[str, str]
    answer: dict[str, list[str]]
    """Phrases; several where the question asks for several."""
    sentence: dict[str, str]
    """The answer as a sentence; empty where none was written."""
    golds: tuple[int, ...]
    """Indices, within the topic, of the sentences that contain the answer."""
    near: tuple[dict[str, str], ...]
    """Questions that these sentences do not answer."""
    kind: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Sentences, and questions on them."""

    source: str
    name: str
    sentences: tuple[Pair, ...]
    asked: tuple[Asked, ...]
    split: Split


def in_order(arabic: str, english: str) -> str:
    """Arabic text of the United Nations with thousands as they are read: ``000 110`` is ``110,000``.

    Only where the English sentence has the number.
    """
    known = set(numbers(english))

    def turned(match: re.Match[str]) -> str:
        groups = match[0].split(" ")[::-1]
        return ",".join(groups) if "".join(groups) in known else match[0]

    return _GROUPS.sub(turned, arabic)


@lru_cache
def pairs(folder: Path, file: str) -> tuple[Pair, ...]:
    """A file of parallel/, all its lines."""
    lines = []
    for line, text in enumerate((folder / f"{file}.tsv").read_text(encoding="utf-8").splitlines(), start=1):
        english, _, arabic = text.partition("\t")
        lines.append(Pair(english, in_order(arabic, english) if file == "un" else arabic, file, line))
    return tuple(lines)


def lessons(shared: Path) -> list[Topic]:
    """The hand-written lessons, those on the same lines together."""
    by_lines: dict[tuple[tuple[str, int], ...], list[dict[str, Any]]] = {}
    for path in sorted((shared / "lessons").glob("?.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            key = tuple((s["file"], s["line"]) for s in item["sources"])
            by_lines.setdefault(key, []).append(item)
    topics = []
    for key, items in by_lines.items():
        sentences = tuple(pairs(shared / "parallel", file)[line - 1] for file, line in key)
        split: Split = "valid" if any(held_out(*source) for source in key) else "train"
        asked = tuple(_lesson(item, sentences) for item in items)
        topics.append(Topic("lessons", f"{key[0][0]}:{key[0][1]}", sentences, asked, split))
    return topics


def _lesson(item: dict[str, Any], sentences: tuple[Pair, ...]) -> Asked:
    english = " ".join(p.en for p in sentences)
    answers = {
        "en": _listed(item["answer_en"]),
        "ar": [in_order(a, english) for a in _listed(item["answer_ar"])],
    }
    return Asked(
        item["id"],
        {"en": item["question_en"], "ar": item["question_ar"]},
        answers,
        {"en": item["sentence_en"], "ar": in_order(item["sentence_ar"], english)},
        tuple(range(len(sentences))),
        ({"en": item["near_miss_en"], "ar": item["near_miss_ar"]},),
        item["kind"],
    )


def reports(folder: Path) -> list[dict[str, Any]]:
    """The news reports of a folder as they are (train/reports/README.md has their format).

    Without those on the events of evals/questions/reports, which are kept for measuring.
    """
    measured = {_PART.sub("", path.stem) for path in MEASURED.glob("*.txt")}
    items = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [item for item in items if item["event"] not in measured]


def news_topics(items: Sequence[dict[str, Any]], held: set[str]) -> list[Topic]:
    """The news reports as topics.

    Args:
        items: What ``reports`` returned. Sentences that were written in Arabic alone are glossed.
        held: Events kept for validation.
    """
    topics = []
    for item in items:
        both = ({"ar": s, "en": gloss(s)} if isinstance(s, str) else s for s in item["sentences"])
        arabic = item.get("title_ar", "")
        title = item.get("title_en") or gloss(arabic), arabic
        sentences = tuple(Pair(s["en"], s["ar"], item["id"], n, title) for n, s in enumerate(both))
        near = tuple({"en": n["question_en"], "ar": n["question_ar"]} for n in item["near_misses"])
        asked = []
        for n, q in enumerate(item["questions"]):
            golds = q["sentence"] if isinstance(q["sentence"], list) else [q["sentence"]]
            asked.append(
                Asked(
                    f"{item['id']}-{n}",
                    {"en": q["question_en"], "ar": q["question_ar"]},
                    {"en": _listed(q["answer_en"]), "ar": _listed(q["answer_ar"])},
                    {k: q[f"sentence_{k}"] for k in ("en", "ar") if f"sentence_{k}" in q},
                    tuple(dict.fromkeys(golds)),
                    near,
                    q["kind"],
                )
            )
        split: Split = "valid" if item["event"] in held else "train"
        topics.append(Topic("news", item["event"], sentences, tuple(asked), split))
    return topics


def conflicts(shared: Path) -> list[dict[str, Any]]:
    """The hand-written disagreements."""
    path = shared / "lessons" / "conflicts.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def holds(text: str, phrases: Sequence[str]) -> bool:
    """Whether a text contains any of the phrases, all folded."""
    folded = f" {fold(text)} "
    return any(fold(phrase) in folded for phrase in phrases if fold(phrase))
