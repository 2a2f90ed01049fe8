"""Reading examples of question sets with retrieval (train/reading.py), one for each question of a lesson."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from train import reading as lessons
from train.tasks.examples import Example, Split, arranged, reading, seeded, sorted_marks

_MARK = re.compile(r"\[(\d+)\]")


def of_corpora(sets: Sequence[lessons.Material], seeds: Sequence[int], split: Split) -> Iterator[Example]:
    """Examples of the training or the test documents.

    Args:
        sets: What ``reading.gather`` made of each corpus.
        seeds: Each makes other lessons of the same documents.
        split: ``valid`` takes the test documents: earlier adapters were not trained on them either.
    """
    seen = set()
    for seed in seeds:
        for lesson in lessons.lessons(sets, "train" if split == "train" else "test", seed):
            for number, asked in enumerate(lesson.asked):
                rng = seeded("corpus", seed, lesson.corpus, lesson.document, number)
                texts, reply = _first(lesson.evidence, asked.answer, rng)
                texts, reply = arranged(texts, reply, rng)
                pair = f"{_language(asked.question)}-{lesson.language}"
                made = reading(
                    texts, asked.question, reply, pair=pair, source=lesson.corpus, kind=asked.kind,
                    split=split, language=asked.language, whole=asked.whole,
                )  # fmt: skip
                if made.key not in seen:
                    seen.add(made.key)
                    yield made


def _first(texts: Sequence[str], reply: str, rng: object) -> tuple[list[str], str]:
    """The evidence with what the reply cites before the rest, as retrieval mostly serves it."""
    cited = [int(n) - 1 for n in _MARK.findall(reply) if n != "0"]
    order = [*dict.fromkeys(cited), *(i for i in range(len(texts)) if i not in cited)]
    if rng.random() < 0.4:  # type: ignore[attr-defined]
        order.insert(rng.randint(1, len(order)), order.pop(0))  # type: ignore[attr-defined]
    place = {old + 1: new + 1 for new, old in enumerate(order)}
    moved = _MARK.sub(lambda m: f"[{place.get(int(m[1]), 0)}]", reply)
    return [texts[i] for i in order], sorted_marks(moved)


def _language(question: str) -> str:
    return "ar" if re.search(r"[\u0621-\u064a]", question) else "en"
