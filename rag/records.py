"""The records that flow through Sanad, in the order in which they are created. Read this first.

    Article → Chunk → Passage → Evidence → Citation → Claim → Answer

Every offset is a half-open range of characters (Unicode code points, as Python counts them) into
``Article.text``, the text that is shown. Nothing after loading copies or cleans that text again, so
``article.text[start:end]`` is what a citation quotes, always.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime
import functools
import re
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from rag.errors import BadSettings

Language = Literal["en", "ar"]
"""Languages that Sanad answers in: English and Arabic (ISO 639-1)."""

Outcome = Literal["answered", "conflict", "partial", "not_found"]
"""How a question ended: answered; sources disagree; some claims lack support; not in the articles."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

Verdict = Literal["supported", "partial", "unsupported", "contradicted"]
"""How far the cited sentences support a claim."""


@dataclass(frozen=True, slots=True)
class Article:
    """One news article, as it is shown and cited."""

    id: str
    """Unique within an index: the file's stem."""
    title: str
    """Headline; empty where the source has none."""
    text: str
    """The text shown. Every offset in every other record refers to it."""
    source: str
    """Where it came from: a file path relative to the folder that was indexed."""
    outlet: str | None = None
    """Publisher, where the text or its catalogue names it."""
    published: str | None = None
    """Publication date, ISO 8601 (``2024-09-06``, or ``2024-09`` where only the month is known)."""
    language: Language = "ar"
    """The language that most of its letters belong to."""
    sha256: str = ""
    """Hex digest of the file's bytes: a changed file is a changed article."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive whole sentences of one article: the unit that is embedded and indexed."""

    id: str
    """Hash of its content and place, so that indexing the same article twice changes nothing."""
    article_id: str
    """The article that contains it."""
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
    """A chunk that was retrieved for a question."""

    chunk: Chunk
    """The chunk."""
    text: str
    """``article.text[chunk.start:chunk.end]``."""
    title: str
    """The article's headline."""
    outlet: str | None
    """The article's publisher."""
    published: str | None
    """The article's publication date, ISO 8601."""
    score: float
    """The score that passages are ranked by, higher is better."""
    dense: float
    """Cosine similarity of question and chunk, −1 to 1."""
    lexical: float | None
    """BM25 score; None where no word is shared."""
    rank: int
    """1 for the best."""
    also: tuple[Reprint, ...] = ()
    """Other articles that contain most of this passage, which is therefore listed once."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that the model is shown, with the number it must cite it by."""

    number: int
    """1-based, in the order in which the model sees it."""
    article_id: str
    """The article that contains it."""
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
    """The score that sentences are chosen by, higher is better; comparable within one answer only."""
    also: tuple[Reprint, ...] = ()
    """Other articles that contain this sentence, word for word."""
    translation: str | None = None
    """The sentence in the language of the answer; None where it was not translated."""
    certain: bool = True
    """Whether the checks of the translation found no fault; True where there is none."""
    literal: bool = False
    """Whether the translation is word for word, a slash between two meanings; otherwise it is the model's."""


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact span of an article that a claim cites."""

    number: int
    """1-based, by first use in the answer; the answer's text contains ``[number]``."""
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
    """Other articles that contain the quote, word for word."""
    translation: str | None = None
    """The quote in the language of the answer; None where it was not translated."""
    certain: bool = True
    """Whether the checks of the translation found no fault; True where there is none."""
    literal: bool = False
    """Whether the translation is word for word, a slash between two meanings; otherwise it is the model's."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of the answer, with its citations and a verdict."""

    text: str
    """``answer.text[start:end]``, its markers included."""
    start: int
    """First character, in the answer's text."""
    end: int
    """One past the last character."""
    citations: tuple[int, ...]
    """Numbers of its citations."""
    verdict: Verdict
    """How far they support it."""
    reason: str
    """Why it is not fully supported, in a few words; empty for a supported claim."""
    words: str = ""
    """The cited sentence's own words, where the claim translates them."""


_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


def date_span(text: str) -> tuple[datetime.date, datetime.date]:
    """The first and the last day of ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, in any decimal digits.

    Raises:
        ValueError: It has none of these forms, or is not a day of the calendar.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = match.groups()
    first = datetime.date(int(year), int(month or 1), int(day or 1))
    last_month = int(month or 12)
    last_day = int(day or calendar.monthrange(first.year, last_month)[1])
    return first, datetime.date(first.year, last_month, last_day)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which articles may be searched; one that names nothing allows all.

    Raises:
        BadSettings: A value makes no sense; the message names it and says how to write it.
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
        """Refuse values that no article could match."""
        # A string would be read as a sequence of one-letter outlets.
        if isinstance(self.outlets, str) or not all(isinstance(outlet, str) for outlet in self.outlets):
            raise BadSettings(f"The filter's outlets are {self.outlets!r}; give a tuple of names.")
        object.__setattr__(self, "outlets", tuple(self.outlets))
        for outlet in self.outlets:
            if not any(c.isalnum() for c in outlet):
                raise BadSettings(f"The outlet {outlet!r} of the filter has no letter; name a publisher.")
        if self.language is not None and self.language not in get_args(Language):
            known = " and ".join(get_args(Language))
            raise BadSettings(f"The filter's language {self.language!r} is unknown; supported are {known}.")
        since, until = self._days("since"), self._days("until")
        if since and until and since[0] > until[1]:
            dates = f"since {self.since!r} is after until {self.until!r}"
            raise BadSettings(f"The filter's dates leave nothing: {dates}. Swap them.")

    def _days(self, name: Literal["since", "until"]) -> tuple[datetime.date, datetime.date] | None:
        value = getattr(self, name)
        try:
            return None if value is None else date_span(value)
        except (ValueError, TypeError):
            form = "YYYY, YYYY-MM or YYYY-MM-DD"
            raise BadSettings(f"The filter's {name} {value!r} is not a date; write {form}.") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with everything that is known about it; command line, page, API and evals all use it."""

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
    """Its citations: exactly the numbers in its text, in order."""
    passages: tuple[Passage, ...]
    """The passages that were retrieved, best first."""
    evidence: tuple[Evidence, ...]
    """The sentences from which the model answered; after a refusal, the first that it was shown."""
    model: str
    """Identity of the generator; empty where it was not called because no article could be searched."""
    generation: str
    """Identity of the index generation that answered."""
    timings: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: retrieve, generate; where they were, reread, cross_check, translate; total."""
    where: Filter | None = None
    """What the search was limited to; None where it was not."""
    understood: str = ""
    """The question as it was searched for and put to the model; empty where that is the question as typed."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain types, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, plain: object) -> Answer:
        """The answer that ``to_dict`` turned into plain types, also after a round trip through JSON.

        Raises:
            ValueError: It is not an answer.
        """
        return from_plain(cls, plain)


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
    """The question as it was searched for; empty where that is the question as typed."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """Event: another stage of the answer begins. What the model writes is not shown before it is checked."""

    stage: Literal["checking", "translating"]
    """Checking the draft against its sources, or translating cited sentences; a stage may begin again."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: the answer is checked and complete."""

    answer: Answer
    """The checked answer."""


Event = Retrieved | StageStarted | Finished
"""What ``Assistant.stream`` yields: one Retrieved, any number of StageStarted, one Finished."""

Record = TypeVar("Record")


def from_plain(kind: type[Record], plain: object) -> Record:
    """A record from what ``dataclasses.asdict`` made of it, also after a round trip through JSON.

    Every value is checked: the text may come from a browser or a damaged file. Unknown fields are ignored.

    Raises:
        ValueError: A field is missing or has a value of another type.
    """
    if not isinstance(plain, dict):
        raise ValueError(f"{plain!r} is not a {kind.__name__}")
    hints = _hints(kind)  # type: ignore[arg-type]
    try:
        return kind(**{name: _value(hint, plain[name]) for name, hint in hints.items() if name in plain})
    except (TypeError, OverflowError, BadSettings) as error:  # e.g. a field is missing
        raise ValueError(str(error)) from None


_hints = functools.cache(get_type_hints)


def _value(hint: Any, plain: Any) -> Any:
    """``plain`` as a value of the annotated type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # always ``X | None`` in records
        return None if plain is None else _value(inner[0], plain)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, plain)
    if origin is tuple and isinstance(plain, (list, tuple)):
        return tuple(_value(inner[0], item) for item in plain)
    if origin is dict and isinstance(plain, dict):
        return {_value(inner[0], key): _value(inner[1], item) for key, item in plain.items()}
    if hint is float and type(plain) is int:
        return float(plain)
    if type(plain) is hint or (origin is Literal and isinstance(plain, str) and plain in inner):
        return plain
    raise ValueError(f"{plain!r} is not of the type {hint}")
