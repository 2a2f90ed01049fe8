"""Retrieve ranked passages for a question, and the few sentences in them that are relevant to it.

Four signals complement each other:

- dense: cosine of the question and the passage (meaning, across languages);
- sentence: cosine of the question and the passage's best sentence (details that a passage's vector blurs);
- lexical: BM25 (names and numbers, within one language);
- late: late interaction of the tokens (word by word, across languages).

Dense and lexical search nominate candidates. With the packaged embedder they are ranked by a linear
combination whose weights depend on the languages of question and passage (data/fusion.json, fitted on
development sets). With any other embedder those weights do not apply, and reciprocal rank fusion, which needs
none, is used instead.

A passage in the other language has lower cosines and shares few words with the question, however well it
answers. Its weights make up for the first; for the second, the question's words are translated by table
(``languages``).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexUnusable
from rag.index import duplicates
from rag.index.snapshot import Generation
from rag.language.text import detect_language, fold
from rag.language.tokens import count
from rag.models.embedding import late_interaction
from rag.models.embedding.embedder import Embedder
from rag.models.embedding.late_interaction import Question
from rag.records import Article, Evidence, Language, Passage
from rag.retrieval.languages import Languages, in_both
from rag.retrieval.overlap import is_about

FUSION = Path(__file__).resolve().parent / "data" / "fusion.json"
"""The weights for each language of a question, and the embedder that they were fitted for."""

DENSE_DEPTH = 64
LEXICAL_DEPTH = 32
"""Candidates that each search nominates. On the development sets the right passage was among the first 20."""

LATE_DEPTH = 24
"""The best candidates by the other signals, for which late interaction is computed: about 0.1 ms each."""

LEAD = 1500
"""Characters of the beginning of an article, which names what it is about."""

RANK_CONSTANT = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher 2009)."""

HALF_LEXICAL = 15.0
"""The BM25 score that is mapped to 0.5, so that the sum over a long question does not outweigh the
cosines."""

Floats = NDArray[np.float32]

_Place = tuple[str, int, int]
"""Id of an article, and start and end of a sentence in its text."""


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """The weights of the signals for questions in one language and passages in one language."""

    passage: tuple[float, float, float, float]
    """Weights of dense, sentence, lexical and late."""
    sentence: tuple[float, float, float, float]
    """Weights of the sentence's cosine, its passage's score, its late interaction and the share of the
    question's words in it."""
    passage_bias: float = 0.0
    """Added to the score of a passage. 0 where question and passage have the same language."""
    sentence_bias: float = 0.0
    """Added to the score of a sentence."""


Weights = dict[tuple[Language, Language], FusionWeights]
"""By the languages of question and passage."""


def load_weights(embedder: str, path: Path = FUSION) -> Weights | None:
    """The weights by the languages of question and passage; None if they were fitted for another embedder."""
    fitted = json.loads(path.read_text(encoding="utf-8"))
    if fitted["embedder"] != embedder:
        return None
    pairs: list[tuple[Language, Language]] = [("ar", "ar"), ("ar", "en"), ("en", "ar"), ("en", "en")]
    return {
        (question, text): FusionWeights(
            tuple(of["passage"]),
            tuple(of["sentence"]),
            of.get("passage_bias", 0.0),
            of.get("sentence_bias", 0.0),
        )
        for question, text in pairs
        for of in [fitted[f"{question}-{text}"]]
    }


class Searcher:
    """Searches one generation of an index. Safe to use from several threads."""

    def __init__(self, generation: Generation, embedder: Embedder, fusion: Path = FUSION) -> None:
        """Open the lexical index now, as a later update may delete its files.

        Raises:
            IndexUnusable: The lexical index was written by another version, or is gone.
        """
        self.generation = generation
        self._embedder = embedder
        self._languages = Languages(generation)
        self._weights = load_weights(embedder.identity, fusion)
        try:
            self._lexicon = generation.lexicon
        except (ValueError, OSError) as error:
            name = generation.folder.parent.name
            raise IndexUnusable(
                f"The index {name!r} cannot be searched: {error}. Rebuild it: "
                f"sanad index FOLDER --index {name}"
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

        Returns:
            Passages, best first, with ranks from 1, near-duplicates merged; and sentences, best first,
            numbered from 1: a small model pays most attention to the beginning of its prompt.
        """
        query = self._query(question)
        ranked = self._ranked(self._candidates(query, k, allowed), query)
        passages = duplicates.collapse(map(self._passage, ranked), self._reprints)[:k]
        item_of = {self.generation.chunks[item.row].id: item for item in ranked}
        best = [item_of[passage.chunk.id] for passage in passages[:read]]
        about = is_about(question, list(map(self._about, best)))
        best = [item for item, fits in zip(best, about, strict=True) if fits]
        return passages, self._evidence(best, query, limit, tokens)

    def _about(self, item: _Candidate) -> str:
        """What shows what a passage is about: title and beginning of its article, and the passage itself."""
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

    def _candidates(self, query: _Query, k: int, allowed: frozenset[str] | None) -> list[_Candidate]:
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
            own = np.where(self._languages.rows(language), lexical, 0) if len(query.words) > 1 else lexical
            best = np.argpartition(-own, depth)[:depth] if depth < len(own) else np.arange(len(own))
            nominated |= {int(row) for row in best if own[row] > 0}
        return [
            _Candidate(
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

    def _ranked(self, found: list[_Candidate], query: _Query) -> list[_Candidate]:
        if self._weights is None:
            lead = self._languages.lead(query.vectors.vector, query.language)
            return _reciprocal_ranks(found, query.language, lead)
        weights = {language: self._weights[query.language, language] for language in self._languages.present}
        first = sorted(found, key=lambda item: -item.score(weights[item.language]))
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

    def _passage(self, item: _Candidate) -> Passage:
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
        self, found: Sequence[_Candidate], query: _Query, limit: int, tokens: int
    ) -> tuple[Evidence, ...]:
        scored = [pair for item in found for pair in self._sentences(item, query)]
        ordered = sorted(scored, key=lambda pair: -pair[0])
        chosen: list[Evidence] = []
        seen: set[str] = set()
        left = tokens
        for score, place in ordered:
            text = self._sentence(place)
            cost = count(text)
            if fold(text) in seen or (chosen and cost > left):
                continue
            seen.add(fold(text))
            left -= cost
            chosen.append(self._piece(place, text, len(chosen) + 1, score))
            if len(chosen) == limit:
                break
        return tuple(chosen)

    def _sentences(self, item: _Candidate, query: _Query) -> list[tuple[float, _Place]]:
        """The sentences of a passage that can be cited, with their scores."""
        spans, vectors = self.generation.sentences(item.row)
        article_id = self.generation.article_of(item.row).id
        places = [(article_id, int(start), int(end)) for start, end in spans]
        scores = vectors @ query.vectors.vector
        if self._weights:
            weights = self._weights[query.language, item.language]
            own, passage, token, words = weights.sentence
            scores = own * scores + passage * item.total + token * self._late(item.row, query.vectors)[1]
            shared = self._lexicon.overlaps(query.words[item.language], list(map(self._sentence, places)))
            scores += words * shared + weights.sentence_bias
        return list(zip(scores.tolist(), places, strict=True))

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


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A chunk that may become a passage, with its signals."""

    row: int
    language: Language
    dense: float
    sentence: float
    lexical: float
    late: float | None = None
    """None if late interaction was not computed."""
    total: float = 0.0
    """The score that it is ranked by."""

    def score(self, weights: FusionWeights) -> float:
        """The combination of the signals; without late interaction the others share its weight."""
        signals = (self.dense, self.sentence, self.lexical / (self.lexical + HALF_LEXICAL))
        known = sum(weight * signal for weight, signal in zip(weights.passage, signals, strict=False))
        if self.late is None:
            known *= sum(weights.passage) / sum(weights.passage[: len(signals)])
        else:
            known += weights.passage[-1] * self.late
        return known + weights.passage_bias


def _reciprocal_ranks(found: Sequence[_Candidate], language: Language, lead: float) -> list[_Candidate]:
    """Best first by reciprocal rank fusion of dense, sentence and lexical.

    Args:
        found: The candidates.
        language: The question's language.
        lead: Added to the cosines of candidates in the other language.
    """
    totals: dict[int, float] = {item.row: 0.0 for item in found}
    for name in ("dense", "sentence", "lexical"):
        added = 0.0 if name == "lexical" else lead
        value = {item.row: getattr(item, name) + added * (item.language != language) for item in found}
        order = sorted(found, key=lambda item: (-value[item.row], item.row))
        for rank, item in enumerate(order, start=1):
            if name != "lexical" or item.lexical > 0:
                totals[item.row] += 1 / (RANK_CONSTANT + rank)
    ranked = [dataclasses.replace(item, total=totals[item.row]) for item in found]
    return sorted(ranked, key=lambda item: (-item.total, item.row))
