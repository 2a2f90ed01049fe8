"""Answers as the grader reads them: those of the assistant, and those stored in a report.

A report may be older or newer than the records of ``rag``: grades that need a missing field are left out, and
unknown fields are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Print(Protocol):
    """Another article that contains the same sentence, such as ``rag.Reprint``."""

    @property
    def article_id(self) -> str:
        """The article."""


class Shown(Protocol):
    """A piece of an article, and which other articles contain it too, such as ``rag.Evidence``."""

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
    def also(self) -> Sequence[Print]:
        """The other articles."""


class Cited(Shown, Protocol):
    """A citation, such as ``rag.Citation``."""

    @property
    def number(self) -> int:
        """As in the answer's markers."""

    @property
    def quote(self) -> str:
        """The article's text from ``start`` to ``end``."""

    @property
    def outlet(self) -> str | None:
        """The publisher."""


class Judged(Protocol):
    """A claim, such as ``rag.Claim``."""

    @property
    def verdict(self) -> str:
        """The verdict of the product's own verifier."""


class Gradable(Protocol):
    """An answer: ``rag.Answer`` or ``StoredAnswer``."""

    @property
    def text(self) -> str:
        """The answer with its markers."""

    @property
    def outcome(self) -> str:
        """How the question ended."""

    @property
    def claims(self) -> Sequence[Judged]:
        """Its claims; empty where they are not known."""

    @property
    def citations(self) -> Sequence[Cited]:
        """What it cites, in order."""


class ArticleId(NamedTuple):
    """A ``Print`` of a stored answer."""

    article_id: str
    """The article."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage, or what a report keeps of a piece of evidence, as ``Shown``."""

    article_id: str
    """The article."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    also: Sequence[Print] = ()
    """The other articles."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Piece:
        """What a report keeps of evidence or of a citation.

        Raises:
            KeyError: The place is missing.
        """
        return cls(data["article_id"], int(data["start"]), int(data["end"]), _prints(data))


@dataclass(frozen=True, slots=True)
class StoredCitation:
    """A citation of a stored answer."""

    number: int
    """As in the answer's markers; by its place in the list where the report does not say."""
    article_id: str
    """The article."""
    start: int
    """First character."""
    end: int
    """One past the last character."""
    quote: str = ""
    """The article's text; empty where the report does not keep it."""
    outlet: str | None = None
    """The publisher."""
    also: Sequence[Print] = ()
    """The other articles."""


@dataclass(frozen=True, slots=True)
class StoredClaim:
    """A claim of a stored answer."""

    verdict: str
    """The verdict of the product's verifier."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer of a report, as far as it is graded."""

    text: str
    """The answer with its markers."""
    outcome: str
    """How the question ended."""
    citations: tuple[StoredCitation, ...] = ()
    """What it cites, in order."""
    claims: tuple[StoredClaim, ...] = ()
    """Its claims; empty where one is kept without a verdict."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StoredAnswer:
        """Read an answer of a report.

        Args:
            data: ``Answer.to_dict()`` of this version or another.

        Raises:
            KeyError: The text, the outcome or the place of a citation is missing.
        """
        verdicts = [claim.get("verdict") for claim in data.get("claims") or ()]
        cited = enumerate(data.get("citations") or (), start=1)
        return cls(
            text=data["text"],
            outcome=data["outcome"],
            citations=tuple(_citation(at, one) for at, one in cited),
            claims=tuple(StoredClaim(v) for v in verdicts) if None not in verdicts else (),
        )


def _citation(at: int, data: Mapping[str, Any]) -> StoredCitation:
    return StoredCitation(
        number=int(data.get("number", at)),
        article_id=data["article_id"],
        start=int(data["start"]),
        end=int(data["end"]),
        quote=data.get("quote") or "",
        outlet=data.get("outlet"),
        also=_prints(data),
    )


def _prints(data: Mapping[str, Any]) -> tuple[ArticleId, ...]:
    return tuple(ArticleId(one["article_id"]) for one in data.get("also") or ())
