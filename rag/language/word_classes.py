"""Closed word classes that several modules of this package use, and the function that defines one."""

from __future__ import annotations


def closed(words: str) -> frozenset[str]:
    """A closed word class: a grammatical class with a fixed set of members.

    Args:
        words: The members, folded and separated by spaces.
    """
    return frozenset(words.split())


PARTICLES = "وفبلك"
"""Arabic conjunctions and prepositions of one letter, which are written together with the next word."""

ARTICLE = "ال"
"""The Arabic definite article, which is written together with the next word."""

QUESTION_WORDS = closed("who whom whose what which when where why how")
"""English question words."""

AUXILIARIES = closed(
    "is are was were isn't aren't wasn't weren't am be been being do does did don't doesn't didn't has have "
    "had hasn't haven't hadn't can could will would shall should may might must cannot can't couldn't won't "
    "wouldn't shouldn't"
)
"""English auxiliary verbs."""
