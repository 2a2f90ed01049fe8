"""Grades one item. Pure functions: a question, what came back and the articles' texts go in, scores come out.

A score is 0.0 to 1.0, or None where it does not apply or could not be measured; None is never averaged in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from evals.dataset import Question
from rag import Answer, Reprint, Retrieved, detect_language, fold

DEPTH = 10
"""How many passages or sentences the retrieval scores look at."""

_MARKER = re.compile(r"\[([0-9]+)\]")
# Wider than _MARKER on purpose: no bracketed number, however it is written, may satisfy a `must`.
_BRACKETED = re.compile(r"\[\s*\d+(?:\s*[,،;\-\u2013]\s*\d+)*\s*\]")

_ARABIC = "\u0600-\u06ff"
# A change of script ends a word too: the articles write و900 and الـ170.
_NOT_AFTER_ARABIC, _NOT_BEFORE_ARABIC = f"(?<![{_ARABIC}])", f"(?![{_ARABIC}])"
_NOT_AFTER_OTHER, _NOT_BEFORE_OTHER = rf"(?<![^\W{_ARABIC}])", rf"(?![^\W{_ARABIC}])"
# Folding keeps the point of 2.5: neither 2 nor 5 stands in it.
_NOT_AFTER_POINT, _NOT_BEFORE_POINT = r"(?<!\d\.)", r"(?!\.\d)"
_DOTTED_DATE = re.compile(r"\d+(?:\.\d+){2,}")
_ARTICLE = re.compile(f"^ال(?=[{_ARABIC}]{{2}})")
_PARTICLES = "(?:[وف]?(?:لل|[بكل]?(?:ال)?))"


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


class Shown(Protocol):
    """What is shown of an article, and which other articles carry it too: Evidence and Citation."""

    @property
    def article_id(self) -> str:
        """The article."""

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """One past the last character."""

    @property
    def also(self) -> Sequence[Reprint]:
        """The other articles."""


def is_right(shown: Shown, gold: Sequence[Span], texts: Mapping[str, str]) -> bool:
    """Whether what is shown holds a gold quote, or one of an article that is named as carrying it too.

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
class _Piece:
    """A passage as ``Shown``."""

    article_id: str
    start: int
    end: int
    also: Sequence[Reprint]


@dataclass(frozen=True, slots=True)
class Scores:
    """What one item scored."""

    correct: float | None = None
    """Answerable: the answer holds what it must, nothing that it must not, and is no refusal. None where
    the gold folds to nothing."""
    refused: float | None = None
    """The outcome was not_found: right for an unanswerable question, wrong for an answerable one."""
    language: float | None = None
    """The answer is in the question's language; None for an answer without a letter, such as ``900 [1]``."""
    citation_precision: float | None = None
    """Answered: share of the citations that overlap a gold quote; None without a citation."""
    citation_recall: float | None = None
    """Answered: there is a right citation (tag ``conflict``: right ones in two articles)."""
    conflict_covered: float | None = None
    """Tag ``conflict``: both sides are cited; a refusal covers neither."""
    groundedness: float | None = None
    """Not measured yet."""
    citations_exact: float | None = None
    """Every quote is the article's own text, and markers and citations agree one to one."""
    passage_rr: float | None = None
    """1 / rank of the first right passage among the first ``DEPTH``; 0 where there is none."""
    evidence_rr: float | None = None
    """The same over the evidence sentences."""


def strip_markers(text: str) -> str:
    """The answer without its ``[n]``, so that a marker's digit is never read as a number."""
    return _BRACKETED.sub(" ", text)


def holds(text: str, alternative: str) -> bool:
    """Whether ``alternative`` stands in ``text`` as whole words, after folding.

    Latin letters and digits match on word boundaries: 15 does not stand in 2015. An Arabic alternative
    may follow attached particles: الأنبار stands in بالأنبار and in للأنبار.

    Args:
        text: An answer without markers.
        alternative: One way to write what is looked for.
    """
    folded = _fold(alternative)
    return bool(folded) and _pattern(folded).search(_fold(text)) is not None


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    """Folded, with 20.3.2003 as three numbers."""
    return _DOTTED_DATE.sub(lambda found: found[0].replace(".", " "), fold(text)).strip()


@lru_cache(maxsize=4096)
def _pattern(alternative: str) -> re.Pattern[str]:
    body = re.escape(alternative)
    if _is_arabic(alternative[0]):
        forms = [_PARTICLES + body]
        if alternative.startswith("ال"):
            # ل swallows the alef: الأنبار becomes للأنبار; before another ل one is written less: للغة.
            forms.append("[وف]?" + ("" if alternative[2:3] == "ل" else "ل") + re.escape(alternative[1:]))
        left = _NOT_AFTER_ARABIC + f"(?:{'|'.join(forms)})"
    else:
        left = _NOT_AFTER_OTHER + _NOT_AFTER_POINT + body
    right = _NOT_BEFORE_ARABIC if _is_arabic(alternative[-1]) else _NOT_BEFORE_OTHER + _NOT_BEFORE_POINT
    return re.compile(left + right)


def _is_arabic(character: str) -> bool:
    return "\u0600" <= character <= "\u06ff"


def is_gradable(question: Question) -> bool:
    """Whether every group has an alternative with a letter or a digit; public sets hold gold like ``-)``."""
    return all(any(_fold(way) for way in group) for group in question.must)


def is_correct(question: Question, text: str) -> bool:
    """Whether an answer's text holds one alternative of every group and nothing forbidden."""
    plain = strip_markers(text)
    return all(any(holds(plain, way) for way in group) for group in question.must) and not any(
        holds(plain, way) for way in question.must_not
    )


def token_f1(text: str, ways: Iterable[str]) -> float:
    """Overlap of an answer's words with the nearest right answer's: SQuAD's F1 (Rajpurkar et al. 2016).

    Words are compared after folding, without punctuation, English articles and the Arabic article ال at the
    beginning of a word.

    Args:
        text: An answer; its markers do not count.
        ways: Right answers, at least one.
    """
    return max(_f1(_words(strip_markers(text)), _words(way)) for way in ways)


def _f1(said: list[str], wanted: list[str]) -> float:
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else float(said == wanted)


def _words(text: str) -> list[str]:
    words = (_ARTICLE.sub("", word) for word in re.findall(r"\w+(?:\.\d+)*", _fold(text)))
    return [word for word in words if word and word not in ("a", "an", "the")]


def gold_spans(question: Question, texts: Mapping[str, str]) -> list[Span]:
    """Where the question's quotes stand. A quote that stands twice in its article counts at both places."""
    return [
        Span(quote.article, match.start(), match.end())
        for quote in question.evidence
        if quote.text.strip()
        for match in re.finditer(re.escape(quote.text), texts.get(quote.article, ""))
    ]


def citations_exact(answer: Answer, texts: Mapping[str, str]) -> bool:
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
    by_first_use = list(dict.fromkeys(int(number) for number in _MARKER.findall(answer.text)))
    numbers = [citation.number for citation in answer.citations]
    return numbers == by_first_use == list(range(1, len(numbers) + 1))


def grade_answer(question: Question, answer: Answer, texts: Mapping[str, str]) -> Scores:
    """Everything that an answer can be graded on; the retrieval scores stay None.

    Args:
        question: The question with its gold.
        answer: What the assistant said.
        texts: Article text by article id.
    """
    refused = answer.outcome == "not_found"
    plain = strip_markers(answer.text)
    spoken = any(character.isalpha() for character in plain)
    common = Scores(
        refused=float(refused),
        language=float(detect_language(plain) == question.lang) if spoken else None,
        citations_exact=float(citations_exact(answer, texts)),
    )
    if not question.answerable:
        return common
    conflict = "conflict" in question.tags
    gold = gold_spans(question, texts)
    cited = answer.citations
    right = [citation for citation in cited if is_right(citation, gold, texts)]
    enough = len({citation.article_id for citation in right}) >= 2 if conflict else bool(right)
    graded = bool(gold) and not refused
    return Scores(
        correct=float(not refused and is_correct(question, answer.text)) if is_gradable(question) else None,
        refused=common.refused,
        language=common.language,
        citation_precision=len(right) / len(cited) if graded and cited else None,
        citation_recall=float(enough) if graded else None,
        conflict_covered=float(enough and not refused) if conflict and gold else None,
        citations_exact=common.citations_exact,
    )


def grade_retrieval(
    question: Question, found: Retrieved, texts: Mapping[str, str]
) -> tuple[float | None, float | None]:
    """Reciprocal ranks of the first right passage and of the first right evidence sentence.

    Args:
        question: The question with its gold.
        found: What the search brought back, best first.
        texts: Article text by article id.

    Returns:
        Passage and evidence; both None where the question has no evidence to find.
    """
    gold = gold_spans(question, texts)
    if not question.answerable or not gold:
        return None, None
    passages = (_Piece(p.chunk.article_id, p.chunk.start, p.chunk.end, p.also) for p in found.passages)
    return (
        _reciprocal_rank(is_right(passage, gold, texts) for passage in passages),
        _reciprocal_rank(is_right(evidence, gold, texts) for evidence in found.evidence),
    )


def _reciprocal_rank(right: Iterable[bool]) -> float:
    for rank, hit in enumerate(right, start=1):
        if rank > DEPTH:
            break
        if hit:
            return 1 / rank
    return 0.0
