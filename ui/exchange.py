"""A question and what has become of it: on its way through the page, and as the browser keeps it.

    Question (what the browser sends) → Exchange → pack → the browser's store → unpack → Exchange

What a browser sends may be anything at all. Whatever passes here has the types that it should have; its texts
are still strangers', and are escaped where they are shown.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rag import Answer, Filter, Language, SanadError, Turn
from ui import filters
from ui.faults import Fault, Refused

Stage = Literal["waiting", "searching", "reading", "writing", "stopped", "failed", "done"]
"""Where an exchange stands; the last three are final."""

REMEMBERED = 6
"""Earlier turns handed to the model: older ones would crowd the evidence out of its prompt."""

MAX_TURNS = 500
"""Turns of a kept conversation that are shown."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what has become of it so far: what one turn of the conversation shows."""

    number: int
    """1-based within the conversation; every id in the turn's HTML starts with it."""
    question: str
    """As typed."""
    stage: Stage = "waiting"
    """Where it stands."""
    ahead: int = 0
    """How many questions are answered before it."""
    sentences: int = 0
    """How many sentences the model is reading."""
    seconds: float = 0.0
    """Time since the question was taken up."""
    draft: str = ""
    """What the model has written so far, not yet checked."""
    answer: Answer | None = None
    """The checked answer, once there is one."""
    fault: Fault | None = None
    """Why it failed."""
    where: Filter | None = None
    """What the search is limited to."""
    understood: str = ""
    """The question as it is searched for, where that is not as it was typed."""

    @property
    def open(self) -> bool:
        """Whether it is still being answered."""
        return self.stage not in ("stopped", "failed", "done")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser sends when its user asks."""

    exchange: Exchange
    """The question, not yet answered; failed where it cannot be asked."""
    history: tuple[Turn, ...]
    """Earlier turns, oldest first."""
    language: Language
    """The language of the page."""


def read(sent: object, *, longest: int) -> Asked:
    """The question that a browser sent, with all that belongs to it.

    Args:
        sent: ``{question, number, history, filter, language}``, or anything at all.
        longest: Longest question, in characters.
    """
    told = sent if isinstance(sent, dict) else {}
    question, number = told.get("question"), told.get("number")
    exchange = Exchange(
        number=number if isinstance(number, int) and 0 < number < 10**6 else 1,
        question=question if isinstance(question, str) else "",
    )
    try:
        _check(exchange.question, longest)
        exchange = dataclasses.replace(exchange, where=filters.read(told.get("filter")))
    except Refused as error:
        exchange = failed(exchange, error.fault)
    return Asked(exchange, _history(told.get("history")), language(told.get("language")))


def failed(exchange: Exchange, why: Fault) -> Exchange:
    """The exchange, ended by a fault."""
    return dataclasses.replace(exchange, stage="failed", fault=why)


def language(sent: object) -> Language:
    """The language that a browser named; English where it named none."""
    return "ar" if sent == "ar" else "en"


def pack(exchange: Exchange) -> dict[str, Any]:
    """An exchange as plain types, to be kept by the browser: without what is never shown again."""
    packed = dataclasses.asdict(exchange)
    if packed["answer"] is not None:
        packed["answer"]["evidence"] = []  # only the model has seen it
    # Plain types all the way, and lists for tuples, as they come back from the browser.
    plain: dict[str, Any] = json.loads(json.dumps(packed))
    return plain


def unpack(kept: object) -> Exchange:
    """An exchange that ``pack`` made.

    Args:
        kept: What the browser kept, or anything at all.

    Raises:
        Refused: It is no exchange, or one that another version of Sanad has made.
    """
    # SanadError: the filter that it was limited to makes no sense.
    try:
        exchange: Exchange = _adapter().validate_python(kept)
    except (ValueError, RecursionError, SanadError):
        raise Refused("fault_kept") from None
    if exchange.open or not 0 < exchange.number < 10**6:
        raise Refused("fault_kept")
    return exchange


def unpack_all(kept: object) -> list[Exchange]:
    """The exchanges of a conversation; one that cannot be read tells so in its place."""
    exchanges = []
    for number, turn in enumerate(kept[:MAX_TURNS] if isinstance(kept, list) else (), 1):
        try:
            exchanges.append(unpack(turn))
        except Refused as error:
            question = turn.get("question") if isinstance(turn, dict) else ""
            text = question if isinstance(question, str) else ""
            exchanges.append(Exchange(number, text, "failed", fault=error.fault))
    return exchanges


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Exchange)


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
