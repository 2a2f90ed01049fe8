"""The records that flow through Sanad, in the order in which they come to be. Read this first.

    Article → Sentence → Chunk → Passage → Evidence → Citation → Claim → Answer

Every offset is a half-open range of characters (Unicode code points, as Python counts them) into
``Article.text``, the text that is shown. Nothing after loading copies or cleans that text again, so
``article.text[start:end]`` is what a citation quotes, always.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from rag.errors import BadSettings

Language = Literal["en", "ar"]
"""Languages that Sanad answers in: English and Arabic (ISO 639-1)."""

Outcome = Literal["answered", "conflict", "partial", "not_found"]
"""How a question ended: answered; sources disagree; some claims lack support; not in the articles."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

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
class Reprint:
    """Another article that carries the same text, as when several outlets print one agency's story."""

    article_id: str
    """The article."""
    outlet: str | None
    """Its publisher."""
    published: str | None
    """Its publication date, ISO 8601."""


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
    dense: float
    """Cosine similarity of question and chunk, −1 to 1."""
    lexical: float | None
    """BM25 score; None where no word is shared."""
    rank: int
    """1 for the best."""
    also: tuple[Reprint, ...] = ()
    """Articles that carry most of this passage too, which is therefore listed once."""


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
    """What the choice went by, higher is better; comparable within one answer only."""
    also: tuple[Reprint, ...] = ()
    """Articles that hold this sentence too, word for word."""


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
    also: tuple[Reprint, ...] = ()
    """Articles that hold the quote too, word for word."""


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
    words: str = ""
    """The cited sentence's own words, where the claim puts them into another language."""


_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def date_span(text: str) -> tuple[datetime.date, datetime.date]:
    """The first and the last day of ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, in any decimal digits.

    Raises:
        ValueError: It is none of these, or no day of the calendar.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = found.groups()
    first = datetime.date(int(year), int(month or 1), int(day or 1))
    last_month = int(month or 12)
    last_day = int(day or calendar.monthrange(first.year, last_month)[1])
    return first, datetime.date(first.year, last_month, last_day)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles may be searched; one that names nothing allows all.

    Raises:
        BadSettings: A value makes no sense; the message names it and tells how to write it.
    """

    outlets: tuple[str, ...] = ()
    """Any of these publishers, compared without case, diacritics and spellings of alef."""
    since: str | None = None
    """Not before this ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``: its first day. An article of which only the
    month is known matches if part of that month does; one without a date does not match."""
    until: str | None = None
    """Not after this one: its last day."""
    language: Language | None = None
    """Written in this language."""

    def __post_init__(self) -> None:
        """Refuse what no article could match."""
        _check(self)


def _check(where: Filter) -> None:
    # A text would be taken for a sequence of one-letter outlets.
    if isinstance(where.outlets, str) or not all(isinstance(outlet, str) for outlet in where.outlets):
        raise BadSettings(f"The filter's outlets are {where.outlets!r}; give a tuple of names.")
    object.__setattr__(where, "outlets", tuple(where.outlets))
    for outlet in where.outlets:
        if not any(c.isalnum() for c in outlet):
            raise BadSettings(f"The outlet {outlet!r} of the filter has no letter; name a publisher.")
    if where.language is not None and where.language not in get_args(Language):
        raise BadSettings(
            f"The language {where.language!r} of the filter is unknown; supported are "
            f"{' and '.join(get_args(Language))}."
        )
    spans = {}
    for name in ("since", "until"):
        value = getattr(where, name)
        if value is None:
            continue
        try:
            spans[name] = date_span(value)
        except (ValueError, TypeError):
            raise BadSettings(
                f"The date {value!r} of the filter ({name}) is none; write YYYY, YYYY-MM or YYYY-MM-DD."
            ) from None
    if len(spans) == 2 and spans["since"][0] > spans["until"][1]:
        raise BadSettings(
            f"The filter's dates leave nothing: since {where.since!r} is after until {where.until!r}. "
            "Swap them."
        )


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
    """Identity of the generator; empty where none was asked, as no article could be searched."""
    generation: str
    """Identity of the index generation that answered."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: retrieve, first_token (from the question), generate, reread, judge and second_look
    where they were, total."""
    where: Filter | None = None
    """What the search was limited to; None where it was not."""
    understood: str = ""
    """The question as it was searched for and put to the model, where that is not as it was asked."""

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
    understood: str = ""
    """The question as it was searched for, where that is not as it was asked."""


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
