"""Lexical search: BM25 over the terms of Arabic and English texts.

The types of bm25s stay in this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

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


class Lexicon:
    """A BM25 index, open for searching. Safe to use from several threads."""

    def __init__(self, scorer: Any, count: int) -> None:
        """Wrap a bm25s index of ``count`` texts; None stands for one without a term."""
        self._scorer = scorer
        self.count = count

    def scores(self, question: str) -> NDArray[np.float32]:
        """The BM25 score of every text for a question, shape (texts,); 0 where no term is shared."""
        ids = sorted(self._known(question).values())
        if not ids:
            return np.zeros(self.count, np.float32)
        scores: NDArray[np.float32] = self._scorer.get_scores_from_ids(ids)
        return scores

    def overlaps(self, question: str, sentences: Sequence[str]) -> NDArray[np.float32]:
        """The share of a question's terms, weighted by rarity, in each of some sentences, shape (sentences,).

        It is 0 to 1: the summed inverse document frequencies of the shared terms, divided by those of all
        terms of the question that are in the index.
        """
        known = self._known(question)
        if not known:
            return np.zeros(len(sentences), np.float32)
        starts = self._scorer.scores["indptr"]
        counts = {term: int(starts[at + 1] - starts[at]) for term, at in known.items()}
        rarity = {term: float(np.log1p((self.count - n + 0.5) / (n + 0.5))) for term, n in counts.items()}
        total = sum(rarity.values())
        shared = (rarity.keys() & set(terms(sentence)) for sentence in sentences)
        return np.array([sum(rarity[term] for term in each) / total for each in shared], np.float32)

    def _known(self, question: str) -> dict[str, int]:
        """The question's terms that are in the index, with their ids."""
        vocabulary = self._scorer.vocab_dict if self._scorer else {}
        names = (f"{NAME}{key}" for keys in latin_keys(question) for key in sorted(keys))
        candidates = [*terms(question), *names]
        return {term: vocabulary[term] for term in candidates if term in vocabulary}


def write(folder: Path, texts: Iterable[str]) -> None:
    """Index texts, in row order, and write the index into an empty folder."""
    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
    if vocabulary:
        scorer = _scorer()
        scorer.index((rows, vocabulary), show_progress=False)
        scorer.save(folder, show_progress=False)
    about = {"version": VERSION, "texts": len(rows), "terms": len(vocabulary)}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load(folder: Path) -> Lexicon:
    """Open an index that ``write`` created. The caller has checked that its files are undamaged.

    Raises:
        ValueError: It was written by another version.
    """
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    if about["version"] != VERSION:
        raise ValueError(
            f"the lexical index has version {about['version']}, but this version of sanad reads {VERSION}"
        )
    scorer = _scorer().load(folder, mmap=True) if about["terms"] else None
    return Lexicon(scorer, about["texts"])


def _scorer() -> Any:
    import bm25s

    return bm25s.BM25(k1=K1, b=B, method="lucene")
