"""Replies taken apart without their evidence: what is said, and the places of the sentences that it names."""

from __future__ import annotations

from rag.answering.draft import Draft, Statement, parse
from rag.records import Evidence

PLACES = 40
"""More sentences than any lesson has."""

_EVIDENCE = tuple(
    Evidence(n, f"sentence {n}", 0, 1, "", "", None, None, "", 1, 0.0) for n in range(1, PLACES + 1)
)


def parsed(text: str) -> Draft:
    """A reply, taken apart.

    Args:
        text: What a model wrote, or what a lesson wants.
    """
    return parse(text, "", _EVIDENCE, _EVIDENCE)


def places(statement: Statement) -> tuple[int, ...]:
    """The places of the sentences that a statement names, from 1."""
    return tuple(item.number for item in statement.cited)
