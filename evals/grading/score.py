"""Grades one item. Pure functions: question, answer or search results, and the articles' texts → scores.

A score is 0.0 to 1.0, or None where it does not apply or could not be measured; None is never averaged in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from evals.dataset import Question
from evals.grading import overlap
from evals.grading.answers import Gradable, Piece, Shown
from evals.grading.language import in_language, language_share, own_words, without_arabic
from evals.grading.matching import MARKER, folded_words, holds, strip_markers
from evals.grading.overlap import token_f1
from rag import Retrieved

__all__ = [
    "DEPTH",
    "Piece",
    "Scores",
    "Shown",
    "Span",
    "citations_exact",
    "gold_spans",
    "grade_answer",
    "grade_retrieval",
    "headline",
    "holds",
    "is_correct",
    "is_gradable",
    "is_right",
    "is_right_outcome",
    "is_right_text",
    "strip_markers",
    "token_f1",
]

DEPTH = 10
"""How many passages or sentences the retrieval scores look at."""


class Span(NamedTuple):
    """A half-open range of an article's characters."""

    article_id: str
    """The article."""
    start: int
    """First character."""
    end: int
    """One past the last character."""

    def overlaps(self, other: Span) -> bool:
        """Whether the two share at least one character."""
        return self.article_id == other.article_id and self.start < other.end and other.start < self.end


def is_right(shown: Shown, gold: Sequence[Span], texts: Mapping[str, str]) -> bool:
    """Whether a piece overlaps a gold quote, in its own article or in another one named as containing it too.

    Args:
        shown: A piece of an article; of a near-duplicate story only one print is shown.
        gold: What ``gold_spans`` returned.
        texts: Article text by article id.
    """
    span = Span(shown.article_id, shown.start, shown.end)
    if any(span.overlaps(other) for other in gold):
        return True
    also = {reprint.article_id for reprint in shown.also}
    text = texts.get(shown.article_id, "")[shown.start : shown.end]
    return any(o.article_id in also and texts[o.article_id][o.start : o.end] in text for o in gold)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one item."""

    correct: float | None = None
    """Answerable: the answer contains what it must, nothing that it must not, and is not a refusal; for an
    English question without its Arabic words and quotations. None where the gold folds to nothing."""
    own_correct: float | None = None
    """The same of what the answer says itself, without the sentences that it quotes, translated or not. An
    answer that only quotes a sentence is wrong by it."""
    refused: float | None = None
    """The outcome was not_found: right for an unanswerable question, wrong for an answerable one."""
    language: float | None = None
    """At least half of the answer's letters are of the question's language; None for an answer without a
    letter, such as ``900 [1]``."""
    language_share: float | None = None
    """The share of the answer's letters that are of the question's language."""
    citation_precision: float | None = None
    """Answered: share of the citations that overlap a gold quote; None without a citation."""
    citation_recall: float | None = None
    """Answered: there is a right citation (tag ``conflict``: right ones in two articles)."""
    conflict_covered: float | None = None
    """Tag ``conflict``: both sides are cited; a refusal covers neither."""
    groundedness: float | None = None
    """Answered: share of the answer's claims that the product's own verifier calls supported. It shows when
    the verifier's judgement changes, not whether it is right."""
    citations_exact: float | None = None
    """Every quote is the article's own text, and markers and citations agree one to one."""
    passage_rr: float | None = None
    """1 / rank of the first right passage among the first ``DEPTH``; 0 where there is none."""
    evidence_rr: float | None = None
    """The same over the evidence sentences."""
    exact_match: float | None = None
    """Answerable: the answer is nothing but the right answer, as SQuAD has it; a refusal scores 0."""
    token_f1: float | None = None
    """Answerable: the words that it shares with the right answer, as SQuAD has it."""
    mlqa_exact_match: float | None = None
    """The same by the published script of MLQA, for comparison with papers."""
    mlqa_f1: float | None = None
    """The same by the published script of MLQA."""
    typed_passage_rr: float | None = None
    """A dialogue's later turns: ``passage_rr`` when the question is searched for as it was typed."""
    typed_evidence_rr: float | None = None
    """``evidence_rr`` of the same search."""
    by_hand_passage_rr: float | None = None
    """The same turns: ``passage_rr`` when the standalone form written by a person is searched for."""
    by_hand_evidence_rr: float | None = None
    """``evidence_rr`` of the same search."""


def headline(question: Question) -> str:
    """The name of the score that says whether an item is right; for unanswerable questions, refusing."""
    return "correct" if question.answerable else "refused"


def is_gradable(question: Question) -> bool:
    """Whether every group has an alternative with a letter or a digit; public sets hold gold like ``-)``."""
    return all(any(folded_words(way) for way in group) for group in question.must)


def is_correct(question: Question, text: str) -> bool:
    """Whether a text contains one alternative of every group and nothing forbidden, in whatever language."""
    return _contains(question, strip_markers(text)) and not _forbidden(question, text)


def is_right_text(question: Question, text: str, quotes: Sequence[str] = ()) -> bool:
    """Whether an answer is right in its own words.

    As ``is_correct``, but for an English question Arabic words and quotations do not count as an answer. What
    is forbidden is looked for in the whole text: it is shown to the reader, in whatever language.

    Args:
        question: The question with its gold.
        text: The answer's text.
        quotes: What it cites, which helps to find the quotations.
    """
    own = without_arabic(text, quotes) if question.lang == "en" else strip_markers(text)
    return _contains(question, own) and not _forbidden(question, text)


def _contains(question: Question, plain: str) -> bool:
    return all(any(holds(plain, way) for way in group) for group in question.must)


def _forbidden(question: Question, text: str) -> bool:
    plain = strip_markers(text)
    return any(holds(plain, way) for way in question.must_not)


def is_right_outcome(
    question: Question, text: str, outcome: str, quotes: Sequence[str] = (), *, quotations: bool = False
) -> bool | None:
    """The overall grade of an answer: whether it is correct, or refuses where it should.

    Args:
        question: The question with its gold.
        text: The answer's text.
        outcome: How the question ended.
        quotes: What it cites.
        quotations: Count the whole text, Arabic quotations in an English answer included.

    Returns:
        True or False; None where the question's gold cannot be matched.
    """
    if not question.answerable:
        return outcome == "not_found"
    if not is_gradable(question):
        return None
    right = is_correct(question, text) if quotations else is_right_text(question, text, quotes)
    return outcome != "not_found" and right


def gold_spans(question: Question, texts: Mapping[str, str]) -> list[Span]:
    """The spans of the question's quotes. A quote that occurs twice in its article counts at both places."""
    return [
        Span(quote.article, match.start(), match.end())
        for quote in question.evidence
        if quote.text.strip()
        for match in re.finditer(re.escape(quote.text), texts.get(quote.article, ""))
    ]


def citations_exact(answer: Gradable, texts: Mapping[str, str]) -> bool:
    """Whether every citation quotes its article exactly and the markers name exactly the citations.

    Numbers count from 1 by first use in the text, and citations stand in that order.
    """
    for citation in answer.citations:
        text = texts.get(citation.article_id)
        # Negative offsets would slice from the end and could still quote the right text.
        if text is None or not 0 <= citation.start < citation.end <= len(text):
            return False
        if text[citation.start : citation.end] != citation.quote:
            return False
    by_first_use = list(dict.fromkeys(int(number) for number in MARKER.findall(answer.text)))
    numbers = [citation.number for citation in answer.citations]
    return numbers == by_first_use == list(range(1, len(numbers) + 1))


def grade_answer(question: Question, answer: Gradable, texts: Mapping[str, str]) -> Scores:
    """Everything that an answer can be graded on; the retrieval scores stay None.

    Args:
        question: The question with its gold.
        answer: The answer, new or from a stored report.
        texts: Article text by article id.
    """
    common = Scores(
        refused=float(_is_refusal(answer)),
        language=in_language(answer, question.lang),
        language_share=language_share(answer, question.lang),
        citations_exact=float(citations_exact(answer, texts)),
    )
    if not question.answerable:
        return common
    return replace(
        common,
        **_correctness(question, answer),
        **_citations(question, answer, texts),
        groundedness=_supported(answer),
    )


def _is_refusal(answer: Gradable) -> bool:
    return answer.outcome == "not_found"


def _correctness(question: Question, answer: Gradable) -> dict[str, float]:
    """The scores that depend on ``must``; empty where it cannot be matched."""
    quotes = [citation.quote for citation in answer.citations]
    right = is_right_outcome(question, answer.text, answer.outcome, quotes)
    own = is_right_outcome(question, own_words(answer.text), answer.outcome, quotes)
    if right is None or own is None:
        return {}
    said = "" if _is_refusal(answer) else answer.text
    return {"correct": float(right), "own_correct": float(right and own), **_overlap(question, said)}


def _citations(question: Question, answer: Gradable, texts: Mapping[str, str]) -> dict[str, float | None]:
    """How many citations are right, and whether there are enough of them."""
    gold = gold_spans(question, texts)
    if not gold:
        return {}
    conflict = "conflict" in question.tags
    right = [citation for citation in answer.citations if is_right(citation, gold, texts)]
    enough = len({citation.article_id for citation in right}) >= 2 if conflict else bool(right)
    answered = not _is_refusal(answer)
    return {
        "citation_precision": len(right) / len(answer.citations) if answered and answer.citations else None,
        "citation_recall": float(enough) if answered else None,
        "conflict_covered": float(enough and answered) if conflict else None,
    }


def _supported(answer: Gradable) -> float | None:
    """The share of an answer's claims that are called supported; None for a refusal, which claims nothing."""
    if _is_refusal(answer) or not answer.claims:
        return None
    return sum(claim.verdict == "supported" for claim in answer.claims) / len(answer.claims)


def _overlap(question: Question, text: str) -> dict[str, float]:
    folded = [overlap.reference(text, question.must)]
    published = [
        overlap.reference(text, question.must, lambda said, ways: overlap.mlqa_f1(said, ways, question.lang))
    ]
    return {
        "exact_match": overlap.exact_match(text, folded),
        "token_f1": token_f1(text, folded),
        "mlqa_exact_match": overlap.mlqa_exact_match(text, published, question.lang),
        "mlqa_f1": overlap.mlqa_f1(text, published, question.lang),
    }


def grade_retrieval(
    question: Question, retrieved: Retrieved, texts: Mapping[str, str]
) -> tuple[float | None, float | None]:
    """Reciprocal ranks of the first right passage and of the first right evidence sentence.

    Args:
        question: The question with its gold.
        retrieved: The search results, best first.
        texts: Article text by article id.

    Returns:
        Passage and evidence; both None where the question has no evidence to find.
    """
    gold = gold_spans(question, texts)
    if not question.answerable or not gold:
        return None, None
    passages = (Piece(p.chunk.article_id, p.chunk.start, p.chunk.end, p.also) for p in retrieved.passages)
    return (
        _reciprocal_rank(is_right(passage, gold, texts) for passage in passages),
        _reciprocal_rank(is_right(evidence, gold, texts) for evidence in retrieved.evidence),
    )


def _reciprocal_rank(right: Iterable[bool]) -> float:
    for rank, hit in enumerate(right, start=1):
        if rank > DEPTH:
            break
        if hit:
            return 1 / rank
    return 0.0
