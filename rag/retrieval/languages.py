"""Search across languages: the language of each passage, and a question in the words of the other one.

Vectors of one language lie closer together than those of one meaning, and in the other language BM25 matches
only numbers and names. So each language of an index nominates its own candidates, and lexical search
looks for the question's words as the lexicon and the gazetteer translate them (docs/research/decisions.md).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.index.snapshot import Generation
from rag.language.translation.hints import hints_for
from rag.records import Language

OTHER: dict[Language, Language] = {"ar": "en", "en": "ar"}
"""The other language."""

SAMPLE = 2_000
"""Most chunks of a language whose vectors are averaged: 3 MB to read, evenly over the index."""

RELIABLE = 20
"""Fewest chunks of a language whose average says more about the language than about its articles."""


class Languages:
    """The languages of the chunks of a generation.

    Args:
        generation: The opened index.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        arabic = np.array([article.language == "ar" for article in generation.articles.values()], bool)
        of_row = arabic[generation.table["article"]]
        self._rows: dict[Language, NDArray[np.bool_]] = {"ar": of_row, "en": ~of_row}
        self.present = tuple(language for language, rows in self._rows.items() if rows.any())
        """The languages that the chunks are in."""

    def of(self, row: int) -> Language:
        """The language of a chunk."""
        return "ar" if self._rows["ar"][row] else "en"

    def rows(self, language: Language) -> NDArray[np.bool_]:
        """Which chunks are in a language, shape (chunks,)."""
        return self._rows[language]

    def toward_other(self, language: Language) -> NDArray[np.float32]:
        """The difference of the mean vectors: the other language's less this one's, shape (dimension,)."""
        return self._means[OTHER[language]] - self._means[language]

    def lead(self, vector: NDArray[np.float32], language: Language) -> float:
        """How much higher a question's cosines with its own language are than with the other, on average.

        An average of few chunks says more about their subject than about their language, so it is shrunk.

        Args:
            vector: Of the question.
            language: Its language.
        """
        if len(self.present) < 2:
            return 0.0
        fewest = min(int(rows.sum()) for rows in self._rows.values())
        return float(-vector @ self.toward_other(language)) * fewest / (fewest + RELIABLE)

    @cached_property
    def _means(self) -> dict[Language, NDArray[np.float32]]:
        vectors, means = self._generation.vectors, {}
        for language in self.present:
            rows = np.flatnonzero(self._rows[language])
            means[language] = vectors[rows[:: 1 + len(rows) // SAMPLE]].mean(axis=0)
        return means


def in_both(question: str, language: Language) -> str:
    """A question, and what its words and names may be in the other language, for lexical search.

    Example:
        ``in_both("Who rules France?", "en")`` contains ``فرنسا``.

    Args:
        question: The question.
        language: Its language.
    """
    hints = hints_for(question, language)
    return " ".join([question, *(target for hint in hints for target in hint.targets)])
