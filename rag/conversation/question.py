"""Checks whether a question can be asked, before anything is loaded."""

from __future__ import annotations

from rag.errors import BadQuestion
from rag.settings import Settings


def check_question(question: str, settings: Settings) -> str:
    """The question, trimmed, if it is valid.

    Args:
        question: As typed.
        settings: ``max_question`` is the most characters that are read.

    Raises:
        BadQuestion: It is empty, too long, or not text.
    """
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise BadQuestion('The question is empty. Ask one, for example: sanad ask "who leads the talks?"')
    if len(question) > settings.max_question:
        raise BadQuestion(
            f"The question has {len(question):,} characters; at most {settings.max_question:,} are "
            "allowed. Shorten it."
        )
    if any("\ud800" <= c <= "\udfff" for c in question):  # bytes from a shell that does not use UTF-8
        raise BadQuestion("The question is not valid text. Send it as UTF-8.")
    return question
