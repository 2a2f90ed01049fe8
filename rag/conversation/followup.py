"""What a follow-up can point at: the names and things of the question before it and of its answer.

``grammar_english`` and ``grammar_arabic`` find mentions in their language; ``followup_english`` and
``followup_arabic`` put them where a pronoun or a gap of a follow-up wants one. A mention of either may be
put into a question of the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rag.language.text import fold

Role = Literal["asked", "subject", "object", "place", "told", "part"]
"""How a mention stood: what the question asked for, so the answer names it; subject; object; behind a
preposition of place; in the answer to a question that asked for no name; inside a longer phrase."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Someone or something that was spoken of."""

    text: str
    """The words, as they stood."""
    role: Role
    """How it stood."""
    plural: bool = False
    """Several: what they and هم point at."""
    feminine: bool | None = None
    """Arabic grammatical gender; None where the words do not show it, and in English."""
    name: bool = True
    """A name, which may stand in a question of the other language; a description may not."""
    person: bool | None = None
    """Whether it is a person, where the question shows it."""
    preposition: str = ""
    """What it stood behind, for ``there``."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The turn before a follow-up."""

    question: str
    """As it stands alone; empty where it is in another language than the follow-up: nothing of its wording
    can be taken over."""
    mentions: tuple[Mention, ...]
    """What it and its answer spoke of, in order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of a follow-up."""

    text: str
    """Rewritten as far as the rules go."""
    complete: bool
    """False where it still leans on the question before it."""
    fragment: bool = False
    """No question in itself, such as "why?": a later one goes back to the question before it."""
    person: str = ""
    """Whom it calls he or she, as its name was put in."""


def first(mentions: Sequence[Mention], roles: Sequence[Role]) -> Mention | None:
    """The mention of the earliest of these roles.

    Args:
        mentions: Those that may be meant, in order.
        roles: Most likely first.
    """
    return next((m for role in roles for m in mentions if m.role == role), None)


CLOSING = " ؟?.!…"
"""Marks that a question may end in."""


def opened(question: str, lead: re.Pattern[str]) -> tuple[str, bool]:
    """A follow-up without what leads into it and without the marks at its end, and whether anything did.

    Args:
        question: As typed.
        lead: Words like "and" and "I mean"; matches every text, if only its empty beginning.
    """
    match = lead.match(question)
    cut = match.end() if match else 0
    return question[cut:].rstrip(CLOSING), cut > 0


_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_WITH_SENTENCE = re.compile(r"^(.+?): [“«](.+)[”»]$", re.MULTILINE)


def plain_answer(answer: str) -> str:
    """An answer without its markers, what stands in brackets, and the sentences that its phrases are from.

    Args:
        answer: As the reader saw it.
    """
    bare = re.sub(r" +\n", "\n", _ASIDE.sub("", answer)).strip()
    bare = _WITH_SENTENCE.sub(lambda line: line[1] if fold(line[1]) in fold(line[2]) else line[0], bare)
    return " ".join(bare.split()).rstrip(" .،,;؛")
