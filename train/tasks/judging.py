"""Judging examples: does this sentence say the answer to this question?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from train import reading as lessons
from train.altered import altered, find_names
from train.tasks.examples import Example, Split, judging, seeded
from train.tasks.reading_lessons import PAIRS, Finder
from train.tasks.sources import Topic, holds

SHARE = {("en", "ar"): 1.0, ("ar", "ar"): 0.6, ("ar", "en"): 0.35, ("en", "en"): 0.35}
"""Examples of a yes for each question, and as many of a no."""


def of_topics(topics: Sequence[Topic], finder: Finder) -> Iterator[Example]:
    """A yes for the sentence that answers; a no for a near miss, an altered question or another sentence."""
    names = find_names(
        (t.name, a.question, {k: v[0] for k, v in a.answer.items()})
        for t in topics
        for a in t.asked
        if len(a.answer["en"]) == 1
    )
    for topic in topics:
        for item in topic.asked:
            if len(item.golds) > 1:
                continue
            gold = topic.sentences[item.golds[0]]
            for pair in PAIRS:
                question, evidence = pair
                rng = seeded("judge", item.id, pair)
                if rng.random() >= SHARE[pair]:
                    continue
                name = f"{question}-{evidence}"
                yield judging(
                    gold.text(evidence), item.question[question], True,
                    pair=name, source=topic.source, kind="yes", split=topic.split,
                )  # fmt: skip
                asked, kind, text = item.question[question], "other", ""
                chance = rng.random()
                if chance < 0.5:
                    asked, kind, text = rng.choice(item.near)[question], "near", gold.text(evidence)
                elif chance < 0.75:
                    changed = altered(
                        asked, question, evidence=[gold.text(evidence)], evidence_language=evidence,
                        names=names, rng=rng,
                    )  # fmt: skip
                    if changed:
                        asked, kind, text = changed, "altered", gold.text(evidence)
                if not text:
                    found = [
                        p
                        for p in finder.near(item.question[evidence], evidence, [gold], 6)
                        if not holds(p.text("en"), item.answer["en"])
                        and not holds(p.text("ar"), item.answer["ar"])
                    ]
                    if not found:
                        continue
                    text = rng.choice(found).text(evidence)
                yield judging(
                    text, asked, False, pair=name, source=topic.source, kind=kind, split=topic.split
                )


def of_corpora(sets: Sequence[lessons.Material], share: float, split: Split) -> Iterator[Example]:
    """The same of question sets: another sentence that retrieval finds, or an altered question, is the no."""
    part = "train" if split == "train" else "test"
    for own in sets:
        facts = [f for d, found in own.facts.items() if own.parts[d] == part for f in found]
        names = find_names((f.document, f.questions, f.answers) for f in facts)
        for fact in facts:
            for language, question in fact.questions.items():
                rng = seeded("judge", own.name, fact.stem, language)
                if rng.random() >= share or len(fact.sentences) != 1:
                    continue
                gold = own.sentences[fact.sentences[0]]
                name = f"{language}-{own.language}"
                text, asked, kind = gold, question, "altered"
                changed = altered(
                    question, language, evidence=[gold], evidence_language=own.language, names=names, rng=rng
                )
                if changed and rng.random() < 0.6:
                    asked = changed
                else:
                    pool = [own.sentences[i] for i in fact.ranked[:5]]
                    pool = [p for p in pool if not holds(p, list(fact.answers.values()))]
                    if not pool:
                        continue
                    text, kind = rng.choice(pool), "other"
                yield judging(gold, question, True, pair=name, source=own.name, kind="yes", split=split)
                yield judging(text, asked, False, pair=name, source=own.name, kind=kind, split=split)
