"""Translation examples: sentence pairs in both directions, most with hints, and names alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rag.language.text import fold, numbers
from rag.language.translation.gazetteer import gazetteer
from rag.language.translation.hints import NONE, Hint, hints_for, render
from rag.records import Language
from train.tasks.examples import Example, held_out, seeded, translating
from train.tasks.sources import Pair

WITHOUT, MISSING, WRONG = 0.15, 0.12, 0.04
"""Shares of examples without any hint, and of hints that are left out or given a wrong meaning: the model
must neither ignore hints nor repeat them blindly."""

INTO_ENGLISH = {
    "news": 2.0,
    "un": 1.0,
    "tico19": 1.0,
    "pud": 1.0,
    "xquad-r-dev": 1.0,
    "tatoeba": 0.3,
    "xor-questions": 0.3,
}
INTO_ARABIC = {
    "news": 1.0,
    "un": 0.5,
    "tico19": 0.5,
    "pud": 0.7,
    "xquad-r-dev": 0.7,
    "tatoeba": 0.1,
    "xor-questions": 0.15,
}
"""Examples of each pair by file."""

LEAST_RATIO, MOST_RATIO = 0.4, 2.2
"""Characters of the Arabic sentence for one of the English."""
LONGEST = 420
"""Characters of a sentence at most."""
LEAST_NUMBER = 11
"""Numbers below may be words in one language and digits in the other."""


def refused(pair: Pair) -> str:
    """Why a pair is not trained on; empty where it is."""
    if not pair.en.strip() or not pair.ar.strip():
        return "empty"
    if max(len(pair.en), len(pair.ar)) > LONGEST:
        return "long"
    if not LEAST_RATIO <= len(pair.ar) / len(pair.en) <= MOST_RATIO and len(pair.en) > 12:
        return "ratio"
    english, arabic = _large(pair.en), _large(pair.ar)
    return "numbers" if english - arabic and arabic - english else ""


def _large(text: str) -> Counter[str]:
    return Counter(n for n in numbers(text) if float(n) >= LEAST_NUMBER)


def of_pairs(
    found: Sequence[Pair], held: set[tuple[str, int]], others: Sequence[tuple[str, ...]]
) -> Iterator[Example]:
    """Training examples of sentence pairs.

    Args:
        found: Pairs of all files.
        held: Lines that are kept for validation.
        others: Meanings of other words, from which wrong ones are drawn.
    """
    for pair in found:
        if (pair.file, pair.line) in held or refused(pair):
            continue
        source = "news" if pair.file.startswith("n") and pair.file[1:].isdigit() else pair.file
        for direction, shares in (("ar-en", INTO_ENGLISH), ("en-ar", INTO_ARABIC)):
            rng = seeded("translate", pair.file, pair.line, direction)
            for _ in range(int(shares[source]) + (rng.random() < shares[source] % 1)):
                yield example(pair, direction, rng, others, source=source)


def example(
    pair: Pair,
    direction: str,
    rng: random.Random,
    others: Sequence[tuple[str, ...]],
    source: str,
) -> Example:
    """One training example."""
    origin: Language = "ar" if direction == "ar-en" else "en"
    target = direction.removeprefix(f"{origin}-")
    text = pair.text(origin)
    hints = NONE
    if rng.random() >= WITHOUT:
        hints = render(disturbed(hints_for(text, origin), rng, others if target == "en" else ()))
    return translating(
        text, pair.text(target), hints, pair=direction, source=source,
        kind="plain" if hints == NONE else "hints", split="train",
    )  # fmt: skip


def disturbed(hints: Sequence[Hint], rng: random.Random, others: Sequence[tuple[str, ...]]) -> list[Hint]:
    """Hints as training shows them: some missing, some wrong."""
    kept = []
    for hint in hints:
        chance = rng.random()
        if chance < MISSING:
            continue
        if chance < MISSING + WRONG and hint.kind == "word":
            wrong = rng.choice(others) if others else tuple(hints[rng.randrange(len(hints))].targets)
            hint = replace(hint, targets=wrong)
        kept.append(hint)
    return kept


def of_validation(found: Sequence[Pair], source: str) -> Iterator[Example]:
    """Each pair in both directions, with all hints and without any."""
    for pair in found:
        for direction in ("ar-en", "en-ar"):
            origin: Language = "ar" if direction == "ar-en" else "en"
            target = direction.removeprefix(f"{origin}-")
            for kind in ("hints", "plain"):
                text = pair.text(origin)
                hints = render(hints_for(text, origin)) if kind == "hints" else NONE
                yield translating(
                    text, pair.text(target), hints, pair=direction, source=source, kind=kind, split="valid"
                )


def of_names(folder: Path, cities: int) -> Iterator[Example]:
    """Names alone, both directions, without hints.

    Args:
        folder: With cities.tsv.
        cities: Least population of a town of cities.tsv.
    """
    rows = [(name.kind, name.english[0], name.arabic[0]) for name in gazetteer().names]
    for line in (folder / "cities.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        _, english, arabic, population = line.split("\t")
        if population.isdigit() and int(population) >= cities:
            rows.append(("city", english, arabic))
    for kind, english, arabic in dict.fromkeys(rows):
        rng = seeded("name", english, arabic)
        split = "valid" if held_out("name", english) else "train"
        if not fold(arabic) or len(arabic) > 80:
            continue
        share = {"person": 0.8, "city": 0.3}.get(kind, 0.35)
        if rng.random() < share:
            yield translating(
                arabic,
                english,
                NONE,
                pair="ar-en",
                source="names",
                kind="name",
                split=split,  # type: ignore[arg-type]
            )
        if rng.random() < share / 3:
            yield translating(
                english,
                arabic,
                NONE,
                pair="en-ar",
                source="names",
                kind="name",
                split=split,  # type: ignore[arg-type]
            )
