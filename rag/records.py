"""The records that flow through Sanad, in the order in which they come to be. Read this first.

    Article → Sentence → Chunk → Passage → Evidence → Citation → Claim → Answer

Every offset is a half-open range of characters (Unicode code points, as Python counts them) into
``Article.text``, the text that is shown. Nothing after loading copies or cleans that text again, so
``article.text[start:end]`` is what a citation quotes, always.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

Language = Literal["en", "ar"]
"""Languages that Sanad answers in: English and Arabic (ISO 639-1)."""

Outcome = Literal["answered", "conflict", "partial", "not_found"]
"""How a question ended: answered; sources disagree; some claims lack support; not in the articles."""

Verdict = Literal["supported", "partial", "unsupported", "contradicted"]
"""How far the cited sentences bear a claim out."""


@dataclass(frozen=True, slots=True)
class Article:
    """One news article, as it is shown and cited."""

    id: str
    """Unique within an index: the file's stem."""
    title: str
    """Headline; empty where the source tells none."""
    text: str
    """The text shown. Every offset in every other record refers to it."""
    source: str
    """Where it came from: a file path relative to the folder that was indexed."""
    outlet: str | None = None
    """Publisher, where the text or its catalogue tells it."""
    published: str | None = None
    """Publication date, ISO 8601 (``2024-09-06``, or ``2024-09`` where only the month is known)."""
    language: Language = "ar"
    """The language that most of its letters belong to."""
    sha256: str = ""
    """Hex digest of the file's bytes: a changed file is a changed article."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an article, without the white space around it."""

    article_id: str
    """The article it stands in."""
    start: int
    """First character, 0-based."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive whole sentences of one article: the unit that is embedded and indexed."""

    id: str
    """Hash of its content and place, so that indexing the same article twice changes nothing."""
    article_id: str
    """The article it stands in."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    tokens: int
    """Length in tokens of tiktoken's o200k_base."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that retrieval brought back for a question."""

    chunk: Chunk
    """What was found."""
    text: str
    """``article.text[chunk.start:chunk.end]``."""
    title: str
    """The article's headline."""
    outlet: str | None
    """The article's publisher."""
    published: str | None
    """The article's publication date, ISO 8601."""
    score: float
    """What the ranking goes by, higher is better."""
    dense: float | None
    """Cosine similarity of question and chunk, −1 to 1; None where dense search did not find it."""
    lexical: float | None
    """BM25 score; None where lexical search did not run or did not find it."""
    rank: int
    """1 for the best."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that the model is shown, with the number it must cite it by."""

    number: int
    """1-based, in the order in which the model sees it."""
    article_id: str
    """The article it stands in."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    text: str
    """``article.text[start:end]``."""
    title: str
    """The article's headline."""
    outlet: str | None
    """The article's publisher."""
    published: str | None
    """The article's publication date, ISO 8601."""
    source: str
    """The article's source."""
    line: int
    """1-based line of the source file's text on which the sentence starts."""
    score: float
    """Cosine similarity of question and sentence, −1 to 1."""


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact span of an article that a claim rests on."""

    number: int
    """1-based, by first use in the answer; the answer's text holds ``[number]``."""
    article_id: str
    """The article quoted."""
    title: str
    """Its headline."""
    outlet: str | None
    """Its publisher."""
    published: str | None
    """Its publication date, ISO 8601."""
    source: str
    """Its source."""
    line: int
    """1-based line of the source file on which the quote starts."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    quote: str
    """``article.text[start:end]``, always."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer, with what it rests on."""

    text: str
    """``answer.text[start:end]``, its markers included."""
    start: int
    """First character, in the answer's text."""
    end: int
    """One past the last character."""
    citations: tuple[int, ...]
    """Numbers of the citations that it names."""
    verdict: Verdict
    """How far they bear it out."""
    reason: str
    """Why, in a few words; empty for a supported claim."""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known of an answer. The same object serves command line, page, API and evals."""

    question: str
    """As asked, trimmed."""
    text: str
    """The answer, each sentence ending in its ``[number]``."""
    language: Language
    """The language that the answer is written in."""
    outcome: Outcome
    """How the question ended."""
    claims: tuple[Claim, ...]
    """The answer's sentences, in order."""
    citations: tuple[Citation, ...]
    """What it cites: exactly the numbers that stand in its text, in order."""
    passages: tuple[Passage, ...]
    """What retrieval brought back, best first."""
    evidence: tuple[Evidence, ...]
    """The sentences that the model was shown."""
    model: str
    """Identity of the generator."""
    generation: str
    """Identity of the index generation that answered."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: retrieve, first_token (from the question), generate, total."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain types, ready for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of the conversation with its answer."""

    question: str
    """As asked."""
    answer: str
    """The answer's text."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Event: the search is over, the model starts reading."""

    passages: tuple[Passage, ...]
    """What was found, best first."""
    evidence: tuple[Evidence, ...]
    """The sentences that the model is shown."""


@dataclass(frozen=True, slots=True)
class Token:
    """Event: the model wrote a little more. A draft: its markers are the evidence's numbers."""

    text: str
    """The new piece, to be added to the pieces before it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: the answer is checked and complete. It replaces the draft."""

    answer: Answer
    """The checked answer."""


Event = Retrieved | Token | Finished
"""What ``Assistant.stream`` yields: one Retrieved, any number of Token, one Finished."""
