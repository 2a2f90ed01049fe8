"""What a model's reply becomes on its way to an answer: one record that gains fields step by step.

``parse`` makes statements of the reply's text, the steps of the pipeline change or add some,
verification gives each a verdict, presentation the words around it, and the answer builder turns them into
claims with numbered citations.

Replies come in two forms. The adapted model cites its sentence first (prompts/adapted.txt asks for this form,
train/ teaches it):

    [2] 308                              the number of the sentence, then the answer
    [2] إريك كوريلا = Erik Kurilla        for a sentence in another language, its own words come first
    [1] 308 [4] 318                      two sentences that differ
    [0]                                  no sentence contains the answer

Any other model puts markers after its sentences, and says in words that the evidence does not contain the
answer.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.conversation.decompose import Part
from rag.language.sentences import sentences
from rag.records import Evidence, Outcome, Verdict

Span = tuple[str, int, int]
"""Article id, first character and one past the last: what identifies a sentence."""

Relation = Literal["sentences", "sides", "sources", "plan and outcome"]
"""How the statements of a draft relate: consecutive sentences of one answer; answers from different
sentences, which may disagree; what two articles say, which cannot be compared; something that is done, then
the plan for it."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Confidence from the probabilities of a reply's tokens, for the model that was calibrated."""

    choice: float
    """Probability of the sentence number that the reply cites, or of its refusal, 0 to 1."""
    words: bool
    """Whether the reply's own words are probably right (confidence.py)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a draft."""

    text: str
    """What it says, without markers; empty while it is only a sentence to be quoted."""
    cited: tuple[Evidence, ...] = ()
    """The sentences that it cites; none where the model cited none."""
    words: str = ""
    """The cited sentence's own words, where ``text`` puts them into another language."""
    quoted: bool = False
    """``text`` is a quoted sentence of the article, not the model's words."""
    added: bool = False
    """Found by a cross-check of other articles: it is left out where it cannot be supported."""
    verdict: Verdict = "supported"
    """How far the cited sentences support it."""
    reason: str = ""
    """Why it is not supported, for the reader; empty for a supported one."""
    quotation: str = ""
    """The part of the cited sentence that is shown to the reader; empty where none is."""
    beside: str = ""
    """The quotation as it is printed after ``text``; empty where ``text`` contains it already."""

    @property
    def articles(self) -> frozenset[str]:
        """Ids of the articles that it is from, and of those that contain the same sentence."""
        reprints = (other.article_id for item in self.cited for other in item.also)
        return frozenset([*(item.article_id for item in self.cited), *reprints])


@dataclass(frozen=True, slots=True)
class Draft:
    """The answer to one question, from the model's reply to what will be printed."""

    question: str
    """As it was put to the model."""
    evidence: tuple[Evidence, ...]
    """The sentences of the reading that it comes from, and what cross-checks added."""
    statements: tuple[Statement, ...] = ()
    """In order; none where the model refused or wrote nothing."""
    refused: bool = False
    """The model says that the evidence does not contain the answer."""
    relation: Relation = "sentences"
    """How the statements relate."""
    glossed: bool = False
    """The model read glosses, and wrote English."""
    phrases: bool = False
    """The reply cited its sentences first; its text is usually a phrase from them."""
    confidence: Confidence | None = None
    """None for a model whose probabilities are unknown."""
    part: Part | None = None
    """The part of the question that it answers, for which more is searched after a refusal; set for a first
    reading only."""
    happened: bool = False
    """The question is about the future, and the model was asked whether it has happened already."""
    outcome: Outcome = "not_found"
    """How the question ended; set by the decision."""

    @property
    def sure(self) -> bool:
        """Whether the model's own words are known to be probably right."""
        return self.confidence is not None and self.confidence.words

    @property
    def trusts_words(self) -> bool:
        """Whether there is no reason to doubt the model's own words."""
        return self.confidence is None or self.confidence.words


def span(item: Evidence) -> Span:
    """What identifies a sentence."""
    return item.article_id, item.start, item.end


def renumbered(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Sentences of several prompts, each once, numbered from 1.

    Args:
        evidence: In the order in which they were shown.
    """
    once = {span(item): item for item in evidence}
    return tuple(dataclasses.replace(item, number=n) for n, item in enumerate(once.values(), start=1))


def among(item: Evidence, cited: Sequence[Evidence]) -> bool:
    """Whether a sentence is one of those cited, whichever search returned it."""
    return any(span(item) == span(other) for other in cited)


def in_place_of(statement: Statement, source: Evidence, words: str, reason: str = "") -> Statement:
    """A statement that is replaced by its sentence.

    Args:
        statement: What is replaced.
        source: The sentence.
        words: The part of it that matters.
        reason: Why the statement is not shown, which makes it partial; empty where nothing is wrong with it.
    """
    verdict: Verdict = "partial" if reason else "supported"
    return dataclasses.replace(
        statement, text="", cited=(source,), words=words, quoted=True, verdict=verdict, reason=reason
    )


TRANSLATES = " = "
"""Separates a sentence's own words from their translation."""

MARKER = re.compile(r"\s*\[\s*(\d+(?:\s*[,،]\s*\d+)*)\s*\]")
"""A citation marker in a reply: [2], [2,3] or [2، 3], with the white space before it."""

_SIDES = re.compile(r"((?:\[\s*\d+(?:\s*[,،]\s*\d+)*\s*\]\s*)+)([^\[]*)")
"""In a reply that cites sentences first: markers, and the text that follows them."""

_REFUSAL = re.compile(
    r"^\s*\[\s*0\s*\]|NOT[ _]FOUND|^\W*(?i:not[ _]found)\b"
    r"|(?i:\bnot (?:\w+ )?(?:mentioned|stated|specified|given|provided|named) in the "
    r"(?:evidence|sentences|articles|text)\b)"
    r"|(?:لا|لم) (?:تذكر|يذكر|تذكره|تذكرها) (?:الجمل|المقالات|الأدلة|النصوص)"
)
"""NOT FOUND in capitals anywhere; other phrases only where they speak of the evidence, as an article may
itself report that something was not found."""


def put(words: str, answer: str) -> str:
    """The words of the sentence and then the answer, or the answer alone where they are the same."""
    return answer if not words or words == answer else f"{words}{TRANSLATES}{answer}"


def parse(text: str, question: str, evidence: Sequence[Evidence], shown: Sequence[Evidence]) -> Draft:
    """A draft of a reply.

    Args:
        text: What the model wrote, complete.
        question: As it was put to the model.
        evidence: What the model was shown, most useful first.
        shown: The same in the order in which the model read it: its markers are places in it.
    """
    if _REFUSAL.search(text):
        return Draft(question, tuple(evidence), refused=True)
    sides = _sides(text)
    if not sides:
        statements = tuple(
            Statement(sentence, _cited(places, shown)) for sentence, places in _sentences(text)
        )
        return Draft(question, tuple(evidence), statements)
    statements = tuple(_translated(side, _cited(_places(markers), shown)) for markers, side in sides)
    relation = "sides" if len(statements) > 1 else "sentences"
    return Draft(question, tuple(evidence), statements, relation=relation, phrases=True)  # type: ignore[arg-type]


def _translated(side: str, cited: tuple[Evidence, ...]) -> Statement:
    words, equals, text = side.partition(TRANSLATES)
    if not equals or not any(char.isalnum() for char in text):
        words, text = "", words
    return Statement(text.strip(), cited, words.strip())


def _cited(places: Sequence[int], shown: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(shown[place - 1] for place in places if 0 < place <= len(shown))


def _sides(text: str) -> list[tuple[str, str]]:
    """Markers, each with the text that follows, of a reply that cites first; empty for any other reply."""
    matches = _SIDES.findall(text) if text.lstrip().startswith("[") else []
    sides = [(markers.strip(), side.strip()) for markers, side in matches]
    return sides if all(any(char.isalnum() for char in side) for _, side in sides) else []


def _places(markers: str) -> tuple[int, ...]:
    # No evidence has a number of four digits, and int() refuses very long ones.
    return tuple(dict.fromkeys(int(n) for n in re.findall(r"\d+", markers) if len(n) < 4))


def _sentences(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """The reply's sentences without markers, each with the places of the markers that belong to it."""
    bare, markers = text, []
    while match := MARKER.search(bare):  # one at a time: removing [1] from [[1]2] leaves another marker
        markers.append((match.start(), _places(match[1])))
        bare = bare[: match.start()] + bare[match.end() :]
    spans = [span for span in sentences(bare) if any(c.isalnum() for c in bare[span[0] : span[1]])]
    cited: list[list[int]] = [[] for _ in spans]
    for at, places in markers:
        owner = max((i for i, (start, _) in enumerate(spans) if start < at), default=0)
        if spans:
            cited[owner].extend(place for place in places if place not in cited[owner])
    return [(bare[start:end], tuple(places)) for (start, end), places in zip(spans, cited, strict=True)]
