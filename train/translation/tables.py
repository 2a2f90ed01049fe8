"""Writes the tables that rag/language/translation ships, from the folders that hold their sources.

    python -m train.translation.tables --shared TRAIN

TRAIN holds lexicon/, names/, news/ and parallel/. The lexicon's files are joined, without entries that were
marked as garbage. The meanings of a word are sorted by how often human translators use them, counted in
freely usable sentence pairs (``ORDERING``), and a number after a meaning says how often it and the word occur
together; no meaning is added or lost. The tables of names are copied.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.language.terms import stem
from rag.language.translation import data_folder
from rag.language.translation.words import keys_of, stems_of, unprefixed

ORDERING = ("un", "tico19")
"""Files of parallel/ from which the order of meanings is counted, beside the news reports; free to use."""
LEAST_SEEN = 4
"""Fewest sentences with a word for its meanings to be sorted."""

Entry = tuple[str, list[str]]


def lexicon_rows(folder: Path) -> Iterator[tuple[str, list[Entry]]]:
    """For every line of the lexicon its stem, and its words with their meanings."""
    for file in sorted(folder.glob("*.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            key, _, entries = line.partition("\t")
            kept = []
            for entry in entries.split(" | "):
                word, equals, text = entry.partition("=")
                meanings = [m.strip() for m in text.split(";")] if equals else []
                meanings = [m for m in meanings if m and m not in ("-", "^", "^-")]
                if meanings and word.strip():
                    kept.append((word.strip(), meanings))
            if kept:
                yield key, kept


def sentence_pairs(shared: Path) -> Iterator[tuple[str, str]]:
    """English and Arabic sentences from which the order of meanings is counted."""
    for name in ORDERING:
        for line in (shared / "parallel" / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
            english, _, arabic = line.partition("\t")
            yield english, arabic
    for file in sorted((shared / "news").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield from ((s["en"], s["ar"]) for s in json.loads(line)["sentences"])


@dataclass(frozen=True, slots=True)
class Usage:
    """How words and their translations occur together."""

    words: Counter[str]
    """Sentences with an Arabic word, with particles or without."""
    stems: Counter[str]
    """Sentences with a stem in their translation."""
    both: dict[str, Counter[str]]
    """For each Arabic word, its sentences with a stem in their translation."""


def usage(pairs: Iterable[tuple[str, str]], words: set[str]) -> Usage:
    """Count words and their translations in sentence pairs."""
    counted = Usage(Counter(), Counter(), defaultdict(Counter))
    for english, arabic in pairs:
        stems = stems_of(english, "en")
        counted.stems.update(stems)
        for word in {form for key in set(keys_of(arabic)) for form in unprefixed(key)[:6]} & words:
            counted.words[word] += 1
            counted.both[word].update(stems)
    return counted


def counted(word: str, meaning: str, use: Usage) -> tuple[float, int]:
    """How a meaning is used for a word.

    Returns:
        The share of the word's sentences whose translation has all words of the meaning, and the Dice
        coefficient of both in percent, which says how well the word fits the meaning.
    """
    keys = [key for key in keys_of(meaning.lstrip("^")) if key not in ("to", "the", "a", "be")]
    stems = [stem(key, "en") for key in keys]
    both = min((use.both[word][s] for s in stems), default=0) if word in use.both else 0
    if not both:
        return 0.0, 0
    rarest = min(use.stems[s] for s in stems)
    return both / use.words[word], round(200 * both / (use.words[word] + rarest))


def ordered(word: str, meanings: list[str], use: Usage) -> list[str]:
    """Meanings by their share of the word's sentences, with ``#`` and the Dice coefficient; ties stay."""
    seen = use.words[word]
    counts = {meaning: counted(word, meaning, use) for meaning in meanings}
    if seen >= LEAST_SEEN:
        meanings = sorted(meanings, key=lambda meaning: -round(counts[meaning][0], 1))
    return [f"{m}#{counts[m][1]}" if counts[m][1] and seen >= LEAST_SEEN else m for m in meanings]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write; see the module's description."""
    parser = argparse.ArgumentParser(prog="train.translation.tables", description="Write the shipped tables.")
    parser.add_argument("--shared", type=Path, required=True, help="lexicon, names, parallel, news")
    parser.add_argument("--out", type=Path, default=data_folder())
    args = parser.parse_args(arguments)
    rows = list(lexicon_rows(args.shared / "lexicon"))
    words = {keys_of(word)[0] for _, entries in rows for word, _ in entries if keys_of(word)}
    use = usage(sentence_pairs(args.shared), words)
    lines = []
    for key, entries in rows:
        sorted_entries = []
        for word, meanings in entries:
            folded = (keys_of(word) or ("",))[0]
            sorted_entries.append(f"{word}={'; '.join(ordered(folded, meanings, use))}")
        lines.append(f"{key}\t{' | '.join(sorted_entries)}\n")
    (args.out / "lexicon.tsv").write_text("".join(lines), encoding="utf-8")
    for name in ("names.tsv", "cldr.tsv"):
        shutil.copyfile(args.shared / "names" / name, args.out / name)
    shutil.copyfile(args.shared / "names" / "cldr.LICENSE", args.out / "UNICODE-LICENSE.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
