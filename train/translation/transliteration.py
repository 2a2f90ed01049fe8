"""Learns how newspapers spell Arabic names, from the names that ship with the package.

    python -m train.translation.transliteration  prints how well a held-out tenth is spelled
    python -m train.translation.transliteration --write    learns from all names and writes the shipped model

Corresponding words of names are aligned letter by letter: an Arabic letter is written as up to four Latin
ones, and expectation maximisation learns which. Then sequences of three such units are counted. This takes
less than a minute on one core.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from rag.language.names import likeness
from rag.language.translation import data_folder
from rag.language.translation.gazetteer import Name, aligned, gazetteer
from rag.language.translation.transliteration import EDGE, Model, Unit, plain_spelling, ranked, trigrams
from rag.language.translation.words import keys_of, word_key

MOST_LATIN = 4
"""Most Latin letters for one Arabic letter."""
ROUNDS = 12
LEAST_LIKE = 0.65
"""Likeness of sounds from which two words of a place's name are spellings of each other, not translations."""
KINDS = ("person", "place")
"""Kinds of names that are measured; training also uses the others and the lexicon's names."""

Pair = tuple[str, str]
"""A folded Arabic word without article, and its Latin spelling in small letters."""


def pairs(kinds: Sequence[str] = KINDS) -> dict[Pair, int]:
    """Words of names of some kinds, with their number of names; the usual spelling counts three times."""
    counts: Counter[Pair] = Counter()
    for name in gazetteer().names:
        for english in name.english if name.kind in kinds else ():
            for latin, arabic in aligned(Name(name.kind, (english,), name.arabic)):
                if pair := _pair(latin, arabic):
                    counts[pair] += 1 if english != name.english[0] else 3
    return dict(counts)


def lexicon_entries() -> Iterator[tuple[str, str]]:
    """The words of the lexicon with their meanings, without counts."""
    for line in (data_folder() / "lexicon.tsv").read_text(encoding="utf-8").splitlines():
        for entry in re.sub(r"#\d+", "", line).partition("\t")[2].split(" | "):
            word, _, text = entry.partition("=")
            yield word, text


def more_pairs() -> dict[Pair, int]:
    """Words of the names of other kinds, and names of one word in the lexicon."""
    counts = Counter(pairs(("company", "organisation", "media", "armed_group", "base", "operation")))
    for word, text in lexicon_entries():
        for meaning in text.split("; "):
            if meaning.startswith("^") and (pair := _pair(meaning[1:].removeprefix("al-"), word)):
                counts[pair] += 1
    return dict(counts)


def _pair(english: str, arabic: str) -> Pair | None:
    """A name's word in both languages; None where they are not spellings of the same sounds."""
    letters = "".join(keys_of(arabic))
    letters = letters.removeprefix("ال") if len(letters) > 4 else letters
    latin = word_key(english)
    alike = latin.isascii() and latin.isalpha() and likeness(latin, letters) >= LEAST_LIKE
    return (letters, latin) if alike else None


def _likely(letter: str, latin: str) -> float:
    """A first guess of how well Latin letters represent an Arabic one, by their sounds."""
    vowels = sum(c in "aeiouy" for c in latin)
    if letter in "اويعءه" and vowels == len(latin):
        return 1.0
    return (2.0 if likeness(latin, letter + letter) > 0.9 or likeness(latin, letter) > 0.9 else 0.02) / (
        1 + vowels
    )


def learned(counted: dict[Pair, int]) -> Counter[tuple[Unit, Unit, Unit]]:
    """Counts of three units in sequence, after alignment."""
    table: dict[Unit, float] = {}
    for arabic, latin in counted:
        for unit in _units(arabic, latin):
            if unit not in table:
                table[unit] = _likely(*unit)
    for _ in range(ROUNDS):
        seen: dict[Unit, float] = defaultdict(float)
        for (arabic, latin), count in counted.items():
            _expect(arabic, latin, math.sqrt(count), table, seen)
        total = sum(seen.values())
        table = {unit: value / total for unit, value in seen.items() if value > 1e-4}
    counts: Counter[tuple[Unit, Unit, Unit]] = Counter()
    for (arabic, latin), count in counted.items():
        units = _best(arabic, latin, table)
        padded = [EDGE, EDGE, *units, EDGE]
        for at in range(2, len(padded)) if units else ():
            counts[padded[at - 2], padded[at - 1], padded[at]] += round(math.sqrt(count)) or 1
    return counts


def _units(arabic: str, latin: str) -> Iterator[Unit]:
    for letter in set(arabic):
        for start in range(len(latin) + 1):
            for size in range(MOST_LATIN + 1):
                if start + size <= len(latin):
                    yield letter, latin[start : start + size]


def _expect(
    arabic: str, latin: str, weight: float, table: dict[Unit, float], seen: dict[Unit, float]
) -> None:
    """Add the expected counts of a word's units, by the forward and backward sums over its alignments."""
    rows, columns = len(arabic) + 1, len(latin) + 1
    ahead = [[0.0] * columns for _ in range(rows)]
    ahead[0][0] = 1.0
    back = [[0.0] * columns for _ in range(rows)]
    back[-1][-1] = 1.0
    for i in range(1, rows):
        for j in range(columns):
            for size in range(min(MOST_LATIN, j) + 1):
                ahead[i][j] += ahead[i - 1][j - size] * table.get((arabic[i - 1], latin[j - size : j]), 0.0)
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            for size in range(min(MOST_LATIN, columns - 1 - j) + 1):
                back[i][j] += back[i + 1][j + size] * table.get((arabic[i], latin[j : j + size]), 0.0)
    total = ahead[-1][-1]
    if total <= 0:
        return
    for i in range(1, rows):
        for j in range(columns):
            for size in range(min(MOST_LATIN, j) + 1):
                unit = arabic[i - 1], latin[j - size : j]
                seen[unit] += weight * ahead[i - 1][j - size] * table.get(unit, 0.0) * back[i][j] / total


def _best(arabic: str, latin: str, table: dict[Unit, float]) -> list[Unit]:
    """The most likely alignment of a word; empty where there is none."""
    best: dict[tuple[int, int], tuple[float, list[Unit]]] = {(0, 0): (0.0, [])}
    for i, letter in enumerate(arabic, start=1):
        for j in range(len(latin) + 1):
            for size in range(min(MOST_LATIN, j) + 1):
                before = best.get((i - 1, j - size))
                chance = table.get((letter, latin[j - size : j]), 0.0)
                if before and chance > 0:
                    value = before[0] + math.log(chance)
                    if value > best.get((i, j), (-math.inf, []))[0]:
                        best[i, j] = value, [*before[1], (letter, latin[j - size : j])]
    return best.get((len(arabic), len(latin)), (0.0, []))[1]


def write(counts: Counter[tuple[Unit, Unit, Unit]], file: Path) -> None:
    """Write counts as ``Model`` reads them."""
    lines = (
        f"{' '.join(':'.join(unit) for unit in units)}\t{count}\n" for units, count in sorted(counts.items())
    )
    file.write_text("".join(lines), encoding="utf-8")


def shapes(names: Iterable[str], others: Iterable[str]) -> dict[str, float]:
    """For runs of three letters, the log of how much more frequent they are in names than in other words."""
    counts = [Counter(key for word in words for key in trigrams(word)) for words in (names, others)]
    totals = [sum(count.values()) for count in counts]
    keys = {key for count in counts for key, seen in count.items() if seen > 1}

    def share(side: int, key: str) -> float:
        return (counts[side][key] + 0.5) / (totals[side] + 0.5 * len(keys))

    return {key: round(math.log(share(0, key) / share(1, key)), 1) for key in sorted(keys)}


def ordinary_words() -> list[str]:
    """Folded words of the lexicon that are not names, without article."""
    words = set()
    for word, text in lexicon_entries():
        if "^" not in text:
            words.add("".join(keys_of(word)).removeprefix("ال"))
    return sorted(words)


def separation(names: list[str], others: list[str]) -> str:
    """How well names and other words are distinguished, on a held-out tenth."""
    names, others = ([w for w in words if len(w) > 2] for words in (names, others))
    kept = [[w for w in words if zlib.crc32(w.encode()) % 10] for words in (names, others)]
    table = shapes(*kept)
    lines = []
    for least in (0.0, 1.0, 2.0, 3.0):
        shares = []
        for words in (names, others):
            held = [w for w in words if zlib.crc32(w.encode()) % 10 == 0]
            shares.append(sum(sum(table.get(k, 0) for k in trigrams(w)) > least for w in held) / len(held))
        lines.append(f"above {least:.0f}: {shares[0]:.2f} of names, {shares[1]:.2f} of other words")
    return "\n".join(lines)


def measured(model: Model, held: dict[str, dict[str, int]]) -> str:
    """Exact matches and likeness of spellings of held-out words, compared with the plain letter table.

    Args:
        model: Learned from other words.
        held: Arabic word → its spellings with their weights.
    """
    rows: dict[str, list[tuple[float, ...]]] = {
        "model, first": [],
        "model, best of two": [],
        "plain table": [],
    }
    for arabic, known in held.items():
        spellings = [text for _, text in ranked(model, arabic)[:2]]
        usual = max(known, key=lambda latin: known[latin])
        scores = [(latin in known, latin == usual, _alike(latin, usual)) for latin in spellings]
        rows["model, first"].append(scores[0])
        rows["model, best of two"].append(tuple(max(score) for score in zip(*scores, strict=True)))
        plain = plain_spelling(arabic).lower()
        rows["plain table"].append((plain in known, plain == usual, _alike(plain, usual)))
    lines = [f"{len(held)} words held out"]
    for name, columns in rows.items():
        known, usual, alike = (sum(column) / len(columns) for column in zip(*columns, strict=True))
        lines.append(f"{name}: a known spelling {known:.2f}, the usual one {usual:.2f}, likeness {alike:.2f}")
    return "\n".join(lines)


def _alike(first: str, second: str) -> float:
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or write; see the module's description."""
    parser = argparse.ArgumentParser(
        prog="train.translation.transliteration", description="Learn to spell names."
    )
    parser.add_argument(
        "--write", action="store_true", help="learn from all names and write the shipped model"
    )
    args = parser.parse_args(arguments)
    counted = pairs()
    merged = Counter(counted) + Counter(more_pairs())
    if args.write:
        write(learned(dict(merged)), data_folder() / "letters.tsv")
        table = shapes({arabic for arabic, _ in merged}, ordinary_words())
        lines = (f"{key}\t{value}\n" for key, value in table.items() if value)
        (data_folder() / "shapes.tsv").write_text("".join(lines), encoding="utf-8")
        return 0
    print(separation(sorted({arabic for arabic, _ in merged}), ordinary_words()))
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for (arabic, latin), count in counted.items():
        if zlib.crc32(arabic.encode()) % 10 == 0:
            held[arabic][latin] = count
    kept = {pair: count for pair, count in merged.items() if pair[0] not in held}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "letters.tsv"
        write(learned(kept), file)
        print(measured(Model(file), held))
    return 0


if __name__ == "__main__":
    sys.exit(main())
