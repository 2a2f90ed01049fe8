"""Checks whether a question can be asked, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import BadQuestion
from rag.records import Turn
from rag.settings import Settings


def check_question(question: str, settings: Settings, history: Sequence[Turn] = ()) -> str:
    """The question, trimmed, if it is valid.

    Args:
        question: As typed.
        settings: ``max_question`` is the most characters that are read.
        history: Earlier turns; question and answer of each must be text.

    Raises:
        BadQuestion: It is empty, too long or not text, or the history contains something other than text.
    """
    for turn in history:
        for text in (turn.question, turn.answer):
            if not isinstance(text, str):
                raise BadQuestion(
                    f"A turn of the history has {type(text).__name__!r} where text belongs. Write it as "
                    "Turn(answer.question, answer.text)."
                )
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
