"""How often human translations are flagged by rag/language/translation/check.py, and how often altered ones.

    python -m train.translation.check_scores FILE.tsv            English, TAB, Arabic
    python -m train.translation.check_scores FILE.tsv --show 20  also flagged pairs

A human translation should be flagged rarely. For contrast, each source is also compared with the translation
of the next sentence, which should nearly always be flagged if it has values and names; English translations
with one changed number or place name should be flagged as well.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rag.language.translation.check import Comparison, compare
from rag.language.translation.gazetteer import gazetteer
from rag.language.translation.words import words_of
from rag.records import Language

FLAGS = ("missing_values", "added_values", "missing_names", "added_names")


def table(comparisons: list[Comparison]) -> str:
    """Shares of comparisons with each flag, and the mean share of licensed words."""
    shares = [
        f"{flag} {sum(bool(getattr(c, flag)) for c in comparisons) / len(comparisons):.3f}" for flag in FLAGS
    ]
    values = sum(bool(c.missing_values or c.added_values) for c in comparisons) / len(comparisons)
    licensed = sum(c.licensed for c in comparisons) / len(comparisons)
    low = sorted(c.licensed for c in comparisons)[len(comparisons) // 20]
    return (
        f"{', '.join(shares)}, any value {values:.3f}, licensed {licensed:.2f} (lowest twentieth {low:.2f})"
    )


def changed_number(text: str, rng: random.Random) -> str:
    """The text with one of its numbers of two or more digits changed; empty where it has none."""
    matches = list(re.finditer(r"(?<![\d.,])[1-9]\d+(?![\d.,]|st|nd|rd|th)", text))
    if not matches:
        return ""
    match = rng.choice(matches)
    return f"{text[: match.start()]}{int(match.group()) + rng.randint(3, 9)}{text[match.end() :]}"


def changed_place(text: str, rng: random.Random, places: Sequence[str]) -> str:
    """The English text with one place name inside a sentence replaced; empty where it has none."""
    words = words_of(text)
    spans = []
    for at in range(1, len(words)):
        match = gazetteer().match(words, at, "en")
        if match and match.names[0].kind == "place" and words[at].text[0].isupper():
            spans.append((words[at].start, words[at + match.used - 1].end))
    if not spans:
        return ""
    start, end = rng.choice(spans)
    return f"{text[:start]}{rng.choice(places)}{text[end:]}"


def detected(pairs: Sequence[Sequence[str]]) -> str:
    """Shares of English translations with one change whose change is flagged."""
    rng = random.Random(0)
    places = [name.english[0] for name in gazetteer().names if name.kind == "place"]
    counts = {"number": [0, 0], "place": [0, 0]}
    for english, arabic in pairs:
        for kind, text in (
            ("number", changed_number(english, rng)),
            ("place", changed_place(english, rng, places)),
        ):
            if text:
                comparison = compare(arabic, text, "ar")
                values, names = (
                    comparison.missing_values or comparison.added_values,
                    comparison.missing_names or comparison.added_names,
                )
                counts[kind][0] += bool(values if kind == "number" else names)
                counts[kind][1] += 1
    return ", ".join(f"{kind} {hit / max(n, 1):.2f} of {n}" for kind, (hit, n) in counts.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; see the module's description."""
    parser = argparse.ArgumentParser(
        prog="train.translation.check_scores", description="Measure the check of translations."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--show", type=int, default=0, help="flagged pairs to print for each flag")
    args = parser.parse_args(arguments)
    pairs = [line.split("\t")[:2] for line in args.file.read_text(encoding="utf-8").splitlines()]
    print(f"{len(pairs)} pairs")
    print(f"changed translations that are flagged: {detected(pairs)}")
    languages: tuple[Language, ...] = ("ar", "en")
    for language in languages:
        sides = [(arabic, english) if language == "ar" else (english, arabic) for english, arabic in pairs]
        right = [compare(source, translation, language) for source, translation in sides]
        others = [translation for _, translation in (*sides[1:], sides[0])]
        wrong = [compare(source, other, language) for (source, _), other in zip(sides, others, strict=True)]
        print(f"{language} human: {table(right)}")
        print(f"{language} of another sentence: {table(wrong)}")
        for flag in FLAGS if args.show else ():
            flagged = [(c, side) for c, side in zip(right, sides, strict=True) if getattr(c, flag)]
            for comparison, (source, translation) in flagged[: args.show]:
                print(f"  {flag} {getattr(comparison, flag)}\n    {source}\n    {translation}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
