"""Writes examples on which translation is measured: articles and their human translation, line by line.

    python -m train.tasks.check --shared TRAIN --source FOLDER --reference FOLDER --language ar --out FILE

Every sentence comes as the adapter is asked, with hints (``hints``) and without (``plain``), and as a model
without training is, by five translated examples before it (``shots``, and ``shots-hints`` with hints).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rag.language.sanitize import neutral
from rag.language.translation.hints import NONE, hints_for, render
from rag.models.llm.prompt import LANGUAGE_NAMES
from rag.records import Language
from train.tasks.examples import Example, filled, seeded, translating
from train.tasks.files import write
from train.tasks.sources import Pair, pairs

SHOTS = 5
"""Translated examples before the sentence."""
SHOT_FILES = ("pud", "tico19", "un")
SHOT_CHARS = range(60, 160)
"""Length of an example's English sentence."""
PLAIN = "Translate into {}."
"""What a model is asked that gets no hints and was not trained."""


def documents(source: Path, reference: Path) -> Iterator[tuple[str, str, str]]:
    """Name, sentence and its human translation of every line of two folders with the same files."""
    for file in sorted(source.glob("*.txt")):
        lines = file.read_text(encoding="utf-8").splitlines()
        others = (reference / file.name).read_text(encoding="utf-8").splitlines()
        if len(lines) == len(others):
            yield from (
                (file.stem, a.strip(), b.strip()) for a, b in zip(lines, others, strict=True) if a and b
            )


def examples(
    found: Sequence[tuple[str, str, str]], language: Language, shots: Sequence[Pair]
) -> Iterator[Example]:
    """Each sentence in each of the four ways.

    Args:
        found: What ``documents`` yielded.
        language: Of the sentences.
        shots: Translated examples.
    """
    target = "en" if language == "ar" else "ar"
    pair = f"{language}-{target}"
    for name, text, reference in found:
        shown = render(hints_for(text, language))
        for kind, own in (("hints", shown), ("plain", NONE)):
            yield translating(text, reference, own, pair=pair, source=name, kind=kind, split="valid")
        for kind in ("shots", "shots-hints"):
            messages = _shot(text, shown, target, kind)
            for shot in reversed(shots):
                before = _shot(
                    shot.text(language), render(hints_for(shot.text(language), language)), target, kind
                )
                messages = (*before, ("assistant", shot.text(target)), *messages)
            system = ("system", PLAIN.format(LANGUAGE_NAMES[target]))  # type: ignore[index]
            if kind == "shots-hints":
                system = filled("translate", text="", hints="", language=LANGUAGE_NAMES[target])[0]  # type: ignore[index]
            yield Example("translate", (system, *messages), neutral(reference), pair, name, kind, "valid")


def _shot(text: str, hinted: str, target: str, kind: str) -> tuple[tuple[str, str], ...]:
    if kind == "shots":
        return (("user", neutral(text)),)
    name = LANGUAGE_NAMES[target]  # type: ignore[index]
    return filled("translate", text=neutral(text), hints=neutral(hinted), language=name)[1:]


def chosen_shots(shared: Path) -> list[Pair]:
    """Translated examples, from training data."""
    pool = [p for file in SHOT_FILES for p in pairs(shared / "parallel", file) if len(p.en) in SHOT_CHARS]
    return seeded("shots").sample(pool, SHOTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.tasks.check", description="Write translation checks.")
    parser.add_argument("--shared", type=Path, required=True, help="with parallel/")
    parser.add_argument("--source", type=Path, required=True, help="articles")
    parser.add_argument("--reference", type=Path, required=True, help="their translations, the same names")
    parser.add_argument("--language", choices=("ar", "en"), required=True, help="of the articles")
    parser.add_argument("--kinds", default="hints,plain,shots,shots-hints")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(arguments)
    found = list(documents(args.source, args.reference))
    made = examples(found, args.language, chosen_shots(args.shared))
    write(args.out, (asdict(e) for e in made if e.kind in args.kinds.split(",")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
