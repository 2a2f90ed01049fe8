"""Measures hints against human translations, line by line; needs no model.

    python -m train.translation.hint_scores FILE.tsv          English, TAB, Arabic
    python -m train.translation.hint_scores FILE.tsv --show 20  also sentences with their hints
    python -m train.translation.hint_scores FILE.tsv --source en  hints of the English sentences

Prints the share of the reference's distinct content words that some hint licenses (compared by stem), the
share of hints with a meaning that is in the reference, and, for each kind of hint, its number and this share.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rag.language.terms import stem
from rag.language.translation.hints import Hint, hints_for, render
from rag.language.translation.words import is_stop, keys_of, stems_of
from rag.records import Language


def is_right(hint: Hint, reference: frozenset[str], language: Language) -> bool:
    """Whether a meaning of a hint is in a reference in the same language, compared by stem."""
    meanings = (stems_of(target, language) for target in hint.targets)
    return any(meaning and meaning <= reference for meaning in meanings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.translation.hint_scores", description="Measure hints.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--show", type=int, default=0, help="sentences to print")
    parser.add_argument("--source", choices=("ar", "en"), default="ar", help="whose words get hints")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    pairs = [line.split("\t")[:2] for line in args.file.read_text(encoding="utf-8").splitlines()]
    words = licensed = first = 0
    hints: Counter[str] = Counter()
    right: Counter[str] = Counter()
    shown = set(random.Random(args.seed).sample(range(len(pairs)), args.show))
    reference_language: Language = "en" if args.source == "ar" else "ar"
    for number, pair in enumerate(pairs):
        source, translation = reversed(pair) if args.source == "ar" else pair
        offered = hints_for(source, args.source)
        reference = stems_of(translation, reference_language)
        content = {
            key for key in keys_of(translation) if key[0].isalpha() and not is_stop(key, reference_language)
        }
        known = frozenset().union(
            *(stems_of(target, reference_language) for hint in offered for target in hint.targets)
        )
        words += len(content)
        licensed += sum(stem(key, reference_language) in known for key in content)
        for hint in offered:
            kind = "spelled" if hint.spelled else hint.kind
            hints[kind] += 1
            right[kind] += is_right(hint, reference, reference_language)
            first += bool(is_right(replace(hint, targets=hint.targets[:1]), reference, reference_language))
        if number in shown:
            wrong = [hint for hint in offered if not is_right(hint, reference, reference_language)]
            missing = sorted(key for key in content if stem(key, reference_language) not in known)
            print(
                f"{source}\n{translation}\n  {render(offered)}\n"
                f"  not in the reference: {render(wrong)}\n  {missing}\n"
            )
    print(f"content words licensed {licensed / words:.3f} of {words}")
    print(
        f"hints in the reference {right.total() / hints.total():.3f} of {hints.total()}; "
        f"by their first meaning {first / hints.total():.3f}"
    )
    print("  ".join(f"{kind} {right[kind] / count:.2f} of {count}" for kind, count in hints.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
