"""Packs whose evidence is what search returns for their question, as the reader is served it.

Sentences drawn from one report are easier than those that search returns: these share the question's words,
and come from every outlet that covers the event.
"""

from __future__ import annotations

import dataclasses
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.mixed import open_searcher
from rag.loading.articles import load_folder
from rag.models.embedding.embedder import Embedder
from rag.records import Evidence
from rag.settings import Settings
from train.tasks.examples import Example, seeded
from train.tasks.packs import Maker, Pack, by_report, difference_of
from train.tasks.sources import Pair, Topic

HEADLINE = -1
"""Place of a report's headline, which is a sentence of its own in the index."""

FIELDS = {"question": "questions", "near": "near_misses", "difference": "differences"}
"""The field of a report that lists what may be asked, by kind."""

MORE = 3
"""Most further questions of a pack, beside the one that its sentences were searched for."""

PUT_IN = 0.7
"""Of the questions whose sentence search does not return, the share asked with it in place of the last one;
the others are to be refused. Both sentences of a difference are always shown."""

SHUFFLED = 0.25
"""Share of the packs whose sentences are not in the order of search."""

Shown = tuple[str, int]
"""A report's id and the place of one of its sentences."""


@dataclass(frozen=True, slots=True)
class Served:
    """What is asked about a report, with the sentences that search returns for it."""

    report: str
    """Its id."""
    kind: str
    """One of ``FIELDS``."""
    place: int
    """Index in the report's field, from 0."""
    language: str
    """Of the question."""
    shown: tuple[Shown, ...]
    """Best first."""


def write(served: Sequence[Served], path: Path) -> None:
    """Keep in a JSON Lines file."""
    lines = (json.dumps(dataclasses.asdict(entry)) for entry in served)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> list[Served]:
    """What ``write`` kept."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Served(**{**row, "shown": tuple((name, at) for name, at in row["shown"])}) for row in rows]


def serve(
    items: Sequence[Mapping[str, Any]], embedder: Embedder, *, questions: int, near: int, seed: int = 0
) -> Iterator[Served]:
    """Search for questions of some reports among all of them, in both languages.

    Args:
        items: The reports.
        embedder: Of the product.
        questions: How many of each report, drawn at random.
        near: How many of its near misses. Differences are all asked.
        seed: Another seed draws others.
    """
    with tempfile.TemporaryDirectory() as folder:
        search = _search(items, embedder, Path(folder))
        for item in items:
            rng = seeded("served", item["id"], seed)
            for kind, most in (("question", questions), ("near", near), ("difference", None)):
                entries = item.get(FIELDS[kind]) or []
                places = (
                    range(len(entries))
                    if most is None
                    else rng.sample(range(len(entries)), min(most, len(entries)))
                )
                for place in places:
                    for language in ("en", "ar"):
                        # Without any sentence the model is not asked.
                        if shown := search(entries[place][f"question_{language}"]):
                            yield Served(item["id"], kind, place, language, shown)


def _search(
    items: Sequence[Mapping[str, Any]], embedder: Embedder, folder: Path
) -> Callable[[str], tuple[Shown, ...]]:
    """A question → the sentences that are served for it."""
    settings = Settings()
    corpus = folder / "corpus"
    corpus.mkdir()
    for item in items:
        text = "\n".join([item["title_ar"], "", *arabic(item)])
        (corpus / f"{item['id']}.txt").write_text(text, encoding="utf-8")
    articles = load_folder(corpus, settings).articles
    searcher = open_searcher(articles, folder / "index", settings, embedder)
    texts = {article.id: article.text for article in articles}
    starts = {item["id"]: _starts(texts[item["id"]], arabic(item)) for item in items}

    def search(question: str) -> tuple[Shown, ...]:
        _, sentences = searcher.search(
            question,
            k=settings.passages,
            read=settings.passages,
            limit=settings.evidence,
            tokens=settings.evidence_tokens,
        )
        return tuple(dict.fromkeys(_place(item, starts[item.article_id]) for item in sentences))

    return search


def arabic(item: Mapping[str, Any]) -> list[str]:
    """The Arabic sentences of a report."""
    return [s if isinstance(s, str) else s["ar"] for s in item["sentences"]]


def _starts(text: str, sentences: Sequence[str]) -> list[int]:
    """Where each sentence begins in an article's text."""
    starts, at = [], 0
    for sentence in sentences:
        at = text.index(sentence, at)
        starts.append(at)
    return starts


def _place(item: Evidence, starts: Sequence[int]) -> Shown:
    """The sentence that a piece of evidence is in; before the first is the headline."""
    return item.article_id, sum(start <= item.start for start in starts) - 1


def packs(
    served: Sequence[Served],
    items: Sequence[Mapping[str, Any]],
    topics: Sequence[Topic],
    maker: Maker,
    seed: int,
) -> Iterator[Pack]:
    """A pack for each served question, with other questions that its sentences answer.

    Args:
        served: Of the maker's language.
        items: The reports.
        topics: The same reports, in the same order, as the maker has them.
        maker: Made of the topics.
        seed: Another seed draws other orders and questions.
    """
    by_id = {item["id"]: (item, topic) for item, topic in zip(items, topics, strict=True)}
    for entry in served:
        rng = seeded("pack served", dataclasses.astuple(entry), seed)
        item, topic = by_id[entry.report]
        listed = item[FIELDS[entry.kind]][entry.place]
        question = topic.asked[entry.place] if entry.kind == "question" else None
        difference = None
        if entry.kind == "difference":
            difference = difference_of(listed, {name: topic for name, (_, topic) in by_id.items()})
        wanted = [topic.sentences[at] for at in question.golds] if question else []
        wanted = [pair for pair, _, _ in difference.values] if difference else wanted
        shown = _with(
            [_pair(by_id[name][1], at) for name, at in entry.shown], wanted, rng, always=bool(difference)
        )
        if rng.random() < SHUFFLED:
            rng.shuffle(shown)
        if entry.language == "en":
            shown = by_report(shown)
        examples: list[Example] = []
        if question:
            examples += maker.answers(topic, question, shown, entry.language, rng, absent=1.0)
        elif difference:
            examples.append(maker.sides(difference, shown, topic.split))
        else:
            examples.append(
                maker.refusal(topic, shown, listed[f"question_{entry.language}"], entry.language, "near")
            )
        more = [
            example
            for name in dict.fromkeys(name for name, _ in entry.shown)
            for further in by_id[name][1].asked
            if further is not question
            for example in maker.answers(by_id[name][1], further, shown, entry.language, rng, absent=0.0)
        ]
        examples += rng.sample(more, min(MORE, len(more)))
        rng.shuffle(examples)
        if examples:
            yield Pack(tuple(examples))


def _with(shown: list[Pair], wanted: Sequence[Pair], rng: random.Random, *, always: bool) -> list[Pair]:
    """The sentences shown; those that search did not return mostly replace the last ones."""
    missing = [pair for pair in wanted if pair not in shown]
    if not missing or not (always or rng.random() < PUT_IN):
        return shown
    kept = [pair for pair in shown if pair in wanted]
    others = [pair for pair in shown if pair not in wanted]
    return [*kept, *others[: max(len(shown) - len(kept) - len(missing), 0)], *missing]


def _pair(topic: Topic, place: int) -> Pair:
    """A sentence of a report, or its headline."""
    if place != HEADLINE:
        return topic.sentences[place]
    first = topic.sentences[0]
    english, arabic = first.title
    return dataclasses.replace(first, en=english, ar=arabic, line=HEADLINE)
