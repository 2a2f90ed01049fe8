"""A question with the state of its answer, on its way through the page and as the browser keeps it.

    what the browser sends → read → Exchange → pack → the browser's storage → unpack → Exchange

A browser can send any value. Everything that passes this module has the right types; its texts are still
untrusted and are escaped where they are shown.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag import Answer, Article, Filter, Turn
from rag.records import Language, from_plain
from rag.server.worker import REMEMBERED
from ui import filters
from ui.wording.faults import Fault, Refused
from ui.wording.words import LANGUAGES

Stage = Literal["waiting", "searching", "reading", "checking", "translating", "stopped", "failed", "done"]
"""Stage of an exchange; the last three are final."""

MAX_TURNS = 500
"""Largest number of turns of a kept conversation that are shown."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with the state of its answer: all that one turn of the conversation shows."""

    number: int
    """1-based position in the conversation; the ids in the turn's HTML contain it."""
    question: str
    """The question as typed."""
    stage: Stage = "waiting"
    """Stage of the answer."""
    ahead: int = 0
    """Number of questions that will be answered before this one."""
    sentences: int = 0
    """Number of sentences that the model is reading."""
    seconds: float = 0.0
    """Seconds since the question arrived."""
    reading: tuple[tuple[str, str], ...] = ()
    """Outlet and text of the first of them, shown while the model works."""
    answer: Answer | None = None
    """The verified answer, once it exists."""
    fault: Fault | None = None
    """Why it failed."""
    where: Filter | None = None
    """The filter of the search."""
    answer_language: Language | None = None
    """The language that the answer was asked for in; None for that of the question."""
    understood: str = ""
    """The question as it was searched for; empty if that is the question as typed."""

    @property
    def open(self) -> bool:
        """Whether it is still being answered."""
        return self.stage not in ("stopped", "failed", "done")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a browser sends it."""

    exchange: Exchange
    """The question, not yet answered; its stage is ``failed`` if it cannot be answered."""
    history: tuple[Turn, ...]
    """Earlier turns, oldest first."""
    language: Language
    """Language of the page."""


def read(sent: object, *, longest: int) -> Asked:
    """The question that a browser sent, with its history, filter and language.

    Args:
        sent: ``{question, number, history, filter, answers, language}``, or any other value.
        longest: Longest question, in characters.
    """
    fields = sent if isinstance(sent, dict) else {}
    question, number = fields.get("question"), fields.get("number")
    exchange = Exchange(
        number=number if isinstance(number, int) and 0 < number < 10**6 else 1,
        question=question if isinstance(question, str) else "",
        answer_language=language(fields["answers"]) if fields.get("answers") in LANGUAGES else None,
    )
    try:
        _check(exchange.question, longest)
        exchange = dataclasses.replace(exchange, where=filters.read(fields.get("filter")))
    except Refused as error:
        exchange = failed(exchange, error.fault)
    return Asked(exchange, _history(fields.get("history")), language(fields.get("language")))


def failed(exchange: Exchange, why: Fault) -> Exchange:
    """The exchange, ended by a fault."""
    return dataclasses.replace(exchange, stage="failed", fault=why)


def language(sent: object) -> Language:
    """The language that a browser named; English if it named none."""
    return "ar" if sent == "ar" else "en"


def pack(exchange: Exchange) -> dict[str, Any]:
    """An exchange as plain types for the browser's storage; the evidence, never shown again, is left out."""
    packed = dataclasses.asdict(dataclasses.replace(exchange, reading=(), answer=None))
    if exchange.answer is not None:
        packed["answer"] = dataclasses.replace(exchange.answer, evidence=()).to_dict()
    # JSON turns tuples into lists, as they will come back from the browser.
    plain: dict[str, Any] = json.loads(json.dumps(packed))
    return plain


def unpack(kept: object) -> Exchange:
    """An exchange that ``pack`` made.

    Args:
        kept: The value that the browser kept, or any other value.

    Raises:
        Refused: It is not an exchange, or another version of Sanad made it.
    """
    try:
        exchange = from_plain(Exchange, kept)
    except ValueError:
        raise Refused("fault_kept") from None
    if exchange.open or not 0 < exchange.number < 10**6:
        raise Refused("fault_kept")
    return exchange


def unpack_all(kept: object) -> list[Exchange]:
    """The exchanges of a conversation; one that cannot be read is replaced by a fault."""
    exchanges = []
    for number, turn in enumerate(kept[:MAX_TURNS] if isinstance(kept, list) else (), 1):
        try:
            exchanges.append(unpack(turn))
        except Refused as error:
            question = turn.get("question") if isinstance(turn, dict) else ""
            text = question if isinstance(question, str) else ""
            exchanges.append(Exchange(number, text, "failed", fault=error.fault))
    return exchanges


def updated(answer: Answer, articles: Mapping[str, Article]) -> Answer:
    """An answer whose citations and passages have the outlet and date of their articles, by id."""

    def now(article_id: str, outlet: str | None, published: str | None) -> dict[str, Any]:
        item = articles.get(article_id)
        return {
            "outlet": item.outlet if item else outlet,
            "published": item.published if item else published,
        }

    citations = [dataclasses.replace(c, **now(c.article_id, c.outlet, c.published)) for c in answer.citations]
    passages = [
        dataclasses.replace(p, **now(p.chunk.article_id, p.outlet, p.published)) for p in answer.passages
    ]
    return dataclasses.replace(answer, citations=tuple(citations), passages=tuple(passages))


def _check(question: str, longest: int) -> None:
    if not any(character.isalnum() for character in question):
        raise Refused("fault_empty")
    if len(question.strip()) > longest:
        raise Refused("fault_long", n=f"{len(question.strip()):,}", most=f"{longest:,}")


def _history(sent: object) -> tuple[Turn, ...]:
    pairs: Sequence[object] = sent[-REMEMBERED:] if isinstance(sent, list) else ()
    turns = []
    for pair in pairs:
        match pair:
            case [str(question), str(answer)]:
                turns.append(Turn(question, answer))
    return tuple(turns)
