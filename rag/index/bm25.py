"""Lexical search: BM25 over the terms of Arabic and English texts.

Each segment of an index has its own postings: which of its texts contain a term, and how often. The
statistics of the formula (number of texts, mean length, texts that contain a term) are those of all texts
together, so that a score does not depend on how the texts are distributed over segments.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.language.names import latin_keys
from rag.language.terms import NAME, VERSION, terms

TERMS = f"light10+snowball+names:{VERSION}"
"""Identifies the way texts are split into terms: an index with other terms is rebuilt at its next update."""

K1, B = 1.2, 0.75
"""Robertson's usual values (Robertson and Zaragoza 2009); 0.6 to 1.6 and 0.4 to 0.9 gained nothing on the
development sets (docs/research/decisions.md)."""

_ABOUT = "about.json"

Rows = NDArray[np.int64]


class Postings:
    """The postings of one segment, as ``write`` wrote them. The caller has checked that they are undamaged.

    Raises:
        ValueError: They were written by another version.
    """

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["version"] != VERSION:
            raise ValueError(
                f"the lexical index has version {about['version']}, but this version of sanad reads {VERSION}"
            )
        self.lengths: NDArray[np.int32] = np.load(folder / "lengths.npy")
        """Number of terms of each text."""
        self._terms = (folder / "terms.txt").read_bytes().split(b"\n")[:-1]  # sorted
        self._starts: NDArray[np.int64] = np.load(folder / "starts.npy")
        self._rows = np.load(folder / "rows.npy", mmap_mode="r").view(np.ndarray)
        self._times = np.load(folder / "times.npy", mmap_mode="r").view(np.ndarray)

    def of(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """The texts that contain a term, ascending, and how often each does."""
        key = _bytes(term)
        at = bisect_left(self._terms, key)
        is_known = at < len(self._terms) and self._terms[at] == key
        place = slice(int(self._starts[at]), int(self._starts[at + 1])) if is_known else slice(0)
        return self._rows[place], self._times[place]


class _Segment(NamedTuple):
    postings: Postings
    rows: Rows
    """The row of each text in the results; −1 for a text that is no longer there."""
    complete: bool
    """Whether all are there."""
    norms: NDArray[np.floating[Any]]
    """What the formula adds to the number of times that a term is in each text."""


class Lexicon:
    """The postings of all segments, open for searching. Safe to use from several threads.

    Args:
        segments: The postings of each segment, and the row of each of its texts in the results; −1 for a text
            that is no longer there. Together the rows are 0 to ``count`` − 1.
    """

    def __init__(self, segments: Sequence[tuple[Postings, Rows]]) -> None:
        present = [rows >= 0 for _, rows in segments]
        self.count = sum(int(np.count_nonzero(there)) for there in present)
        # Of integers, so that the mean does not depend on the segments.
        total = sum(int(p.lengths[there].sum()) for (p, _), there in zip(segments, present, strict=True))
        mean = total / self.count if total else 1.0
        self._holders: dict[str, int] = {}
        self._segments = [
            _Segment(p, rows, bool(there.all()), K1 * (1 - B + B * p.lengths / mean))
            for (p, rows), there in zip(segments, present, strict=True)
        ]

    def scores(self, question: str) -> NDArray[np.float32]:
        """The BM25 score of every text for a question, shape (texts,); 0 where no term is shared."""
        scores = np.zeros(self.count, np.float64)
        for term in _asked(question):
            rarity = self._rarity(self._count(term))
            for rows, weights in self._texts(term):
                scores[rows] += rarity * weights
        return scores.astype(np.float32)

    def overlaps(self, question: str, sentences: Sequence[str]) -> NDArray[np.float32]:
        """The share of a question's terms, weighted by rarity, in each of some sentences, shape (sentences,).

        It is 0 to 1: the summed inverse document frequencies of the shared terms, divided by those of all
        terms of the question that are in the index.
        """
        counts = {term: self._count(term) for term in _asked(question)}
        rarity = {term: self._rarity(n) for term, n in counts.items() if n}
        if not rarity:
            return np.zeros(len(sentences), np.float32)
        total = sum(rarity.values())
        shared = (rarity.keys() & set(terms(sentence)) for sentence in sentences)
        return np.array([sum(rarity[term] for term in each) / total for each in shared], np.float32)

    def _texts(self, term: str) -> list[tuple[Rows, NDArray[np.float64]]]:
        """For each segment the rows that contain a term, and the factor of each that is not its rarity."""
        weighted = []
        for postings, rows, complete, norms in self._segments:
            texts, times = postings.of(term)
            places = rows[texts]
            if not complete:
                there = places >= 0
                texts, times, places = texts[there], times[there], places[there]
            if len(places):
                weighted.append((places, times / (times + norms[texts])))
        return weighted

    def _count(self, term: str) -> int:
        """The number of texts that contain a term."""
        if (known := self._holders.get(term)) is None:
            segments = [
                (rows[postings.of(term)[0]], complete) for postings, rows, complete, _ in self._segments
            ]
            known = sum(len(rows) if complete else int((rows >= 0).sum()) for rows, complete in segments)
            self._holders[term] = known
        return known

    def _rarity(self, holders: int) -> float:
        return float(np.log1p((self.count - holders + 0.5) / (holders + 0.5)))


def write(folder: Path, texts: Iterable[str]) -> None:
    """Write the postings of texts, in row order, into an empty folder."""
    vocabulary: dict[str, int] = {}
    ids = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
    lengths = np.array([len(row) for row in ids], np.int32)
    ordered = sorted(map(_bytes, vocabulary))
    rank_of = {term: rank for rank, term in enumerate(ordered)}
    ranks = np.array([rank_of[_bytes(term)] for term in vocabulary], np.int64)
    flat = np.fromiter((term for row in ids for term in row), np.int64, int(lengths.sum()))
    rows = np.repeat(np.arange(len(ids)), lengths)
    keys, times = np.unique(ranks[flat] * max(1, len(ids)) + rows, return_counts=True)
    held, texts_of = np.divmod(keys, max(1, len(ids)))
    np.save(folder / "lengths.npy", lengths)
    np.save(folder / "starts.npy", np.searchsorted(held, np.arange(len(ordered) + 1)))
    np.save(folder / "rows.npy", texts_of.astype(np.int32))
    np.save(folder / "times.npy", times.clip(max=np.iinfo(np.uint16).max).astype(np.uint16))
    (folder / "terms.txt").write_bytes(b"".join(term + b"\n" for term in ordered))
    about = {"version": VERSION, "texts": len(ids), "terms": len(ordered)}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load(folder: Path) -> Lexicon:
    """Open the postings of one folder alone. The caller has checked that they are undamaged.

    Raises:
        ValueError: They were written by another version.
    """
    postings = Postings(folder)
    return Lexicon([(postings, np.arange(len(postings.lengths)))])


def _asked(question: str) -> list[str]:
    """The terms that are looked for, each once, always in the same order."""
    names = (f"{NAME}{key}" for keys in latin_keys(question) for key in keys)
    return sorted({*terms(question), *names})


def _bytes(term: str) -> bytes:
    return term.encode("utf-8", "surrogatepass")
