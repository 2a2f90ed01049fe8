"""Retrieve ranked passages for a question, and the few sentences in them that are relevant to it.

Four signals complement each other:

- dense: cosine of the question and the passage (meaning, across languages);
- sentence: cosine of the question and the passage's best sentence (details that a passage's vector blurs);
- lexical: BM25 (names and numbers, within one language);
- late: late interaction of the tokens (word by word, across languages).

Dense and lexical search nominate candidates; ``fusion`` makes one score of the signals, by which they are
ranked. ``ranking`` then ranks the sentences of the best passages.

A passage in the other language has lower cosines and shares few words with the question, however well it
answers. Its weights make up for the first; for the second, the question's words are translated by table
(``languages``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexUnusable
from rag.index import duplicates, layout
from rag.index.snapshot import Generation
from rag.language.text import detect_language
from rag.language.tokens import fitting
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import Embedder
from rag.models.embedding.late_interaction import Question
from rag.records import Article, Evidence, Language, Passage
from rag.retrieval import ranking
from rag.retrieval.fusion import FUSION, Candidate, load_weights, reciprocal_ranks
from rag.retrieval.languages import Languages, in_both
from rag.retrieval.overlap import is_about

DENSE_DEPTH = 64
LEXICAL_DEPTH = 32
"""Candidates that each search nominates. On the development sets the right passage was among the first 20."""

LATE_DEPTH = 24
"""The best candidates by the other signals, for which late interaction is computed: about 0.1 ms each."""

LEAD = 1500
"""Characters of the beginning of an article, which names what it is about."""

Floats = NDArray[np.float32]

_Place = tuple[str, int, int]
"""Id of an article, and start and end of a sentence in its text."""


class Searcher:
    """Searches one generation of an index. Safe to use from several threads."""

    def __init__(
        self,
        generation: Generation,
        embedder: Embedder,
        fusion: Path = FUSION,
        sentences: Path = ranking.FILE,
    ) -> None:
        """Open the lexical index now, as a later update may delete its files.

        Raises:
            IndexUnusable: The lexical index was written by another version, or is gone.
        """
        self.generation = generation
        self._embedder = embedder
        self._languages = Languages(generation)
        self._weights = load_weights(embedder.identity, fusion)
        self._ranker = ranking.load_ranker(embedder.identity, sentences)
        try:
            self._lexicon = generation.lexicon
        except (ValueError, OSError) as error:
            index = generation.folder.parent
            raise IndexUnusable(
                f"The index {index.name!r} cannot be searched: {error}. Rebuild it: {layout.command(index)}"
            ) from error

    def search(
        self,
        question: str,
        *,
        k: int,
        read: int,
        limit: int,
        tokens: int,
        allowed: frozenset[str] | None = None,
        follow_up: str = "",
    ) -> tuple[tuple[Passage, ...], tuple[Evidence, ...]]:
        """The passages for a question, and the relevant sentences in the best of them.

        Args:
            question: The question.
            k: Largest number of passages.
            read: The number of best passages from which sentences are taken.
            limit: Largest number of sentences.
            tokens: Largest total length of the sentences, in o200k_base tokens; the best sentence is kept
                whatever its length.
            allowed: Ids of the articles to search; None searches all.
            follow_up: A follow-up as it is put to the model, where ``question`` also contains the question
                before it: the mean of a sentence's scores for both ranks it. Empty for any other question.

        Returns:
            Passages, best first, with ranks from 1, near-duplicates merged; and sentences, best first,
            numbered from 1: a small model pays most attention to the beginning of its prompt.
        """
        query = self._query(question)
        passages, best = self._best(query, k, allowed)
        best = best[:read]
        about = is_about(question, list(map(self._about, best)))
        best = [item for item, fits in zip(best, about, strict=True) if fits]
        queries = [query, self._query(follow_up)] if follow_up else [query]
        return passages, self._evidence(best, queries, limit, tokens)

    def read(
        self, question: str, k: int, allowed: frozenset[str] | None = None
    ) -> list[tuple[ranking.Read, list[_Place]]]:
        """The sentences of the best passages, unranked, for fitting.

        Args:
            question: The question.
            k: Number of passages.
            allowed: Ids of the articles to search; None searches all.

        Returns:
            For each passage its sentences, and the article, start and end of each.
        """
        query = self._query(question)
        passages = [self._read(item, query) for item in self._best(query, k, allowed)[1]]
        return [(read, places) for read, places in passages if places]

    def _best(
        self, query: _Query, k: int, allowed: frozenset[str] | None
    ) -> tuple[tuple[Passage, ...], list[Candidate]]:
        """The best passages, near-duplicates merged, and the candidates that they come from."""
        ranked = self._ranked(self._candidates(query, k, allowed), query)
        passages = tuple(duplicates.collapse(map(self._passage, ranked), self._reprints)[:k])
        item_of = {self.generation.chunks[item.row].id: item for item in ranked}
        return passages, [item_of[passage.chunk.id] for passage in passages]

    def _about(self, item: Candidate) -> str:
        """What a passage is about, as text: title and beginning of its article, and the passage itself."""
        article, chunk = self.generation.article_of(item.row), self.generation.chunks[item.row]
        lead = article.text[: min(LEAD, chunk.start)]
        return f"{article.title}\n{lead}\n{article.text[chunk.start : chunk.end]}"

    @cached_property
    def _reprints(self) -> dict[str, tuple[Article, ...]]:
        return duplicates.reprints(self.generation.articles.values(), self.generation.groups)

    def _query(self, question: str) -> _Query:
        language = detect_language(question)
        words = {
            present: question if present == language else in_both(question, language)
            for present in self._languages.present
        }
        return _Query(question, self._embedder.question(question), language, words)

    def _candidates(self, query: _Query, k: int, allowed: frozenset[str] | None) -> list[Candidate]:
        generation, vector, depth = self.generation, query.vectors.vector, max(k, DENSE_DEPTH)
        dense = dict(generation.nearest(vector, depth, allowed))
        nominated = set(dense)
        if len(query.words) > 1:
            # Only the rows of these: their cosines with the question itself are computed below.
            toward = vector + self._languages.toward_other(query.language)
            nominated |= {row for row, _ in generation.nearest(toward, depth, allowed)}
        lexical = self._lexical(query, allowed)
        depth = max(k, LEXICAL_DEPTH)
        for language in query.words:
            in_language = (
                np.where(self._languages.rows(language), lexical, 0) if len(query.words) > 1 else lexical
            )
            best = (
                np.argpartition(-in_language, depth)[:depth]
                if depth < len(in_language)
                else np.arange(len(in_language))
            )
            nominated |= {int(row) for row in best if in_language[row] > 0}
        return [
            Candidate(
                row=row,
                language=self._languages.of(row),
                dense=dense[row] if row in dense else float(generation.vectors[row] @ vector),
                sentence=float((generation.sentences(row)[1] @ vector).max(initial=-1)),
                lexical=float(lexical[row]),
            )
            for row in sorted(nominated)
        ]

    def _lexical(self, query: _Query, allowed: frozenset[str] | None) -> Floats:
        """The BM25 score of every chunk; 0 if it is not allowed.

        In the other language the question's own terms, which are names by their sound and numbers, count
        twice, as they are surer than translated words.
        """
        scores = self._lexicon.scores(query.question)
        for language in query.words.keys() - {query.language}:
            translated = self._lexicon.scores(query.words[language])
            np.add(scores, translated, out=scores, where=self._languages.rows(language))
        if allowed is not None:
            inside = np.zeros(self.generation.count, bool)
            inside[self.generation.rows_of(allowed)] = True
            scores[~inside] = 0
        return scores

    def _ranked(self, candidates: list[Candidate], query: _Query) -> list[Candidate]:
        if self._weights is None:
            lead = self._languages.lead(query.vectors.vector, query.language)
            return reciprocal_ranks(candidates, query.language, lead)
        weights = {language: self._weights[query.language, language] for language in self._languages.present}
        first = sorted(candidates, key=lambda item: -item.score(weights[item.language]))
        near = [
            dataclasses.replace(item, late=self._late(item.row, query.vectors)[0])
            for item in first[:LATE_DEPTH]
        ]
        near = [dataclasses.replace(item, total=item.score(weights[item.language])) for item in near]
        # The others keep their order behind them: their scores lack a signal and are not comparable.
        floor = min((item.total for item in near), default=0.0)
        rest = [
            dataclasses.replace(item, total=min(floor, item.score(weights[item.language])))
            for item in first[LATE_DEPTH:]
        ]
        return sorted(near, key=lambda item: (-item.total, item.row)) + rest

    def _late(self, row: int, query: Question) -> tuple[float, Floats]:
        """Late interaction with a whole chunk, and with each of its sentences."""
        parts = self.generation.token_parts(row).astype(np.int64)
        packed = self.generation.tokens(row)
        if not len(packed) or not len(query.tokens):
            return -1.0, np.full(len(parts), -1, np.float32)
        similar = late_interaction.similarities(query, late_interaction.unpack(packed))
        starts = np.concatenate([[0], parts[:, 0]])
        ends = np.concatenate([[len(packed)], parts[:, 1]])
        scores = late_interaction.scores(query, similar, starts, ends)
        return float(scores[0]), scores[1:]

    def _passage(self, item: Candidate) -> Passage:
        chunk, article = self.generation.chunks[item.row], self.generation.article_of(item.row)
        return Passage(
            chunk=chunk,
            text=article.text[chunk.start : chunk.end],
            title=article.title,
            outlet=article.outlet,
            published=article.published,
            score=item.total,
            dense=item.dense,
            lexical=item.lexical or None,
            rank=0,  # set by duplicates.collapse
        )

    def _evidence(
        self, candidates: Sequence[Candidate], queries: Sequence[_Query], limit: int, tokens: int
    ) -> tuple[Evidence, ...]:
        scored = [pair for item in candidates for pair in self._sentences(item, queries)]
        ordered = sorted(scored, key=lambda pair: -pair[0])
        texts = ((score, place, self._sentence(place)) for score, place in ordered)
        chosen = fitting(texts, lambda sentence: sentence[2], most=limit, tokens=tokens)
        return tuple(
            self._piece(place, text, number, score)
            for number, (score, place, text) in enumerate(chosen, start=1)
        )

    def _sentences(self, item: Candidate, queries: Sequence[_Query]) -> list[tuple[float, _Place]]:
        """The sentences of a passage that can be cited, with the mean of their scores for some questions."""
        reads = [self._read(item, query) for query in queries]
        scores = [self._scores(query, read) for query, (read, _) in zip(queries, reads, strict=True)]
        return list(zip(np.mean(scores, axis=0).tolist(), reads[0][1], strict=True))

    def _scores(self, query: _Query, read: ranking.Read) -> Floats:
        return read.cosine if self._ranker is None else ranking.features(query.question, read) @ self._ranker

    def _read(self, item: Candidate, query: _Query) -> tuple[ranking.Read, list[_Place]]:
        """The sentences of a passage with the signals of search, and where they are."""
        spans, vectors = self.generation.sentences(item.row)
        article = self.generation.article_of(item.row)
        places = [(article.id, int(start), int(end)) for start, end in spans]
        texts = list(map(self._sentence, places))
        read = ranking.Read(
            title=article.title,
            texts=texts,
            passage=item.total,
            cosine=vectors @ query.vectors.vector,
            late=self._late(item.row, query.vectors)[1],
            share=self._lexicon.overlaps(query.words[item.language], texts),
            other=item.language != query.language,
        )
        return read, places

    def _piece(self, place: _Place, text: str, number: int, score: float) -> Evidence:
        article_id, start, end = place
        article = self.generation.articles[article_id]
        return Evidence(
            number=number,
            article_id=article_id,
            start=start,
            end=end,
            text=text,
            title=article.title,
            outlet=article.outlet,
            published=article.published,
            source=article.source,
            line=self.generation.line(article_id, start),
            score=score,
            also=duplicates.holding(text, self._reprints.get(article_id, ())),
        )

    def _sentence(self, place: _Place) -> str:
        article_id, start, end = place
        return self.generation.articles[article_id].text[start:end]


@dataclass(frozen=True, slots=True)
class _Query:
    """A question, ready to be searched for."""

    question: str
    vectors: Question
    language: Language
    words: dict[Language, str]
    """What lexical search looks for in the texts of each language of the index."""
