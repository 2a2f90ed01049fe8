"""Lexical search: BM25 over the terms of texts, Arabic and English.

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
"""Names how texts are taken apart: an index made otherwise is made anew at its next update."""

K1, B = 1.2, 0.75
"""Robertson's usual values (Robertson and Zaragoza 2009); 0.6 to 1.6 and 0.4 to 0.9 gained nothing on the
development sets (docs/decisions.md)."""

_ABOUT = "about.json"


class Lexicon:
    """BM25 over texts, open for search. Safe to use from several threads."""

    def __init__(self, scorer: Any, count: int) -> None:
        """Wrap an index.

        Args:
            scorer: The bm25s index; None where no text holds a term.
            count: Texts.
        """
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
        """What share of a question's terms, by rarity, each of some sentences holds, shape (sentences,).

        Args:
            question: As asked.
            sentences: As written.

        Returns:
            0 to 1: the inverse document frequencies of the shared terms over those of all that stand
            anywhere in the index.
        """
        known = self._known(question)
        if not known:
            return np.zeros(len(sentences), np.float32)
        starts = self._scorer.scores["indptr"]
        counts = {term: int(starts[at + 1] - starts[at]) for term, at in known.items()}
        rarity = {term: float(np.log1p((self.count - n + 0.5) / (n + 0.5))) for term, n in counts.items()}
        total = sum(rarity.values())
        held = (rarity.keys() & set(terms(sentence)) for sentence in sentences)
        return np.array([sum(rarity[term] for term in own) / total for own in held], np.float32)

    def _known(self, question: str) -> dict[str, int]:
        """The question's terms that stand in some text, with their places."""
        vocabulary = self._scorer.vocab_dict if self._scorer else {}
        names = (f"{NAME}{key}" for keys in latin_keys(question) for key in sorted(keys))
        asked = [*terms(question), *names]
        return {term: vocabulary[term] for term in asked if term in vocabulary}


def write(folder: Path, texts: Iterable[str]) -> None:
    """Index texts and write the index into an empty folder.

    Args:
        folder: Where to.
        texts: In row order.
    """
    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
    if vocabulary:
        scorer = _scorer()
        scorer.index((rows, vocabulary), show_progress=False)
        scorer.save(folder, show_progress=False)
    about = {"version": VERSION, "texts": len(rows), "terms": len(vocabulary)}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load(folder: Path) -> Lexicon:
    """Open an index that ``write`` made. The caller has made sure that its files are undamaged.

    Args:
        folder: Where it is.

    Raises:
        ValueError: It was written by another version.
    """
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    if about["version"] != VERSION:
        raise ValueError(f"the lexical index has version {about['version']}, not {VERSION}")
    scorer = _scorer().load(folder, mmap=True) if about["terms"] else None
    return Lexicon(scorer, about["texts"])


def _scorer() -> Any:
    import bm25s

    return bm25s.BM25(k1=K1, b=B, method="lucene")
