"""Question sets as training data: chunks, sentences, which of them contain an answer, and search scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.dataset import Question, read_questions
from evals.grading.score import Span, gold_spans
from rag.index import bm25
from rag.index.build import citable
from rag.index.chunking import chunks
from rag.loading.articles import load_folder
from rag.models.embedding.embedder import PackagedEmbedder
from rag.records import Chunk
from rag.retrieval.fusion import HALF_LEXICAL
from rag.settings import Settings

BLOCK = 15
"""Consecutive documents that stay together in a fold: the sets contain 3 or 5 paragraphs of each article, in
order, and paragraphs of one article must not be in two folds."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Corpus:
    """One question set with its articles."""

    name: str
    """The folder's name."""
    questions: list[Question]
    """Those whose evidence was found."""
    chunks: list[Chunk]
    """Rows of the searched chunks."""
    texts: list[str]
    """The chunks' texts."""
    spans: list[NDArray[np.int32]]
    """For each chunk start and end of each sentence in its text."""
    chunk_of: NDArray[np.int64]
    """For each sentence, in order, its chunk."""
    gold: NDArray[np.bool_]
    """Shape (questions, chunks): the chunk contains a part of the answer's quote."""
    gold_sentences: NDArray[np.bool_]
    """Shape (questions, sentences)."""
    fold: NDArray[np.int64]
    """For each question the block of documents that it is about, modulo the folds."""
    chunk_fold: NDArray[np.int64]
    """The same for each chunk."""
    dense: Floats
    """Cosines, shape (questions, chunks)."""
    own: Floats
    """Cosines, shape (questions, sentences)."""
    words: Floats
    """BM25 in [0, 1) (``HALF_LEXICAL``), shape (questions, chunks)."""

    @property
    def best_sentence(self) -> Floats:
        """The cosine of each chunk's best sentence, shape (questions, chunks)."""
        best = np.full(self.dense.shape, -1, np.float32)
        np.maximum.at(best.T, self.chunk_of, self.own.T)
        return best


def read(folder: Path, embedder: PackagedEmbedder, settings: Settings, folds: int) -> Corpus:
    """A question set, embedded.

    Args:
        folder: Holds ``corpus/`` and ``questions.jsonl``.
        embedder: The packaged one.
        settings: How articles are cut.
        folds: Parts for cross-validation.
    """
    loaded = load_folder(folder / "corpus", settings)
    texts = {article.id: article.text for article in loaded.articles}
    place = {article.id: at // BLOCK % folds for at, article in enumerate(loaded.articles)}
    cut = [chunk for article in loaded.articles for chunk in chunks(article, budget=settings.chunk_tokens)]
    parts = [texts[chunk.article_id][chunk.start : chunk.end] for chunk in cut]
    spans = [citable(part) for part in parts]
    chunk_of = np.repeat(np.arange(len(cut)), [len(s) for s in spans])
    questions = [q for q in read_questions(folder / "questions.jsonl") if gold_spans(q, texts)]
    golds = [gold_spans(question, texts) for question in questions]
    places = [Span(chunk.article_id, chunk.start, chunk.end) for chunk in cut]
    sentence_places = [
        Span(chunk.article_id, chunk.start + int(start), chunk.start + int(end))
        for chunk, sentences in zip(cut, spans, strict=True)
        for start, end in sentences
    ]
    vectors = np.stack([embedder.question(question.text).vector for question in questions])
    sentence_vectors = embedder.passages(
        [part[s:e] for part, sentences in zip(parts, spans, strict=True) for s, e in sentences]
    )
    return Corpus(
        name=folder.name,
        questions=questions,
        chunks=cut,
        texts=parts,
        spans=spans,
        chunk_of=chunk_of,
        gold=_hits(golds, places),
        gold_sentences=_hits(golds, sentence_places),
        fold=np.array([place[question.evidence[0].article] for question in questions]),
        chunk_fold=np.array([place[chunk.article_id] for chunk in cut]),
        dense=vectors @ embedder.passages(parts).T,
        own=vectors @ sentence_vectors.T,
        words=_words(parts, questions),
    )


def _hits(golds: list[list[Span]], places: list[Span]) -> NDArray[np.bool_]:
    return np.array([[any(place.overlaps(span) for span in gold) for place in places] for gold in golds])


def _words(parts: list[str], questions: list[Question]) -> Floats:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        bm25.write(Path(folder), parts)
        lexicon = bm25.load(Path(folder))
        scores = np.stack([lexicon.scores(question.text) for question in questions])
    bounded: Floats = scores / (scores + HALF_LEXICAL)
    return bounded
