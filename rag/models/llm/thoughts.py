"""Removes what a reasoning model thinks before it replies: thoughts are never shown, cited or counted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator

from rag.models.llm.protocol import LogProbabilities

_TAG = "(think|thinking|thought|reasoning)"

_THOUGHT = re.compile(rf"<{_TAG}>.*?</\1>", re.DOTALL | re.IGNORECASE)

_END = re.compile(rf"</{_TAG}>", re.IGNORECASE)

_BEGINNING = re.compile(rf"<{_TAG}>", re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """A complete reply without the model's thoughts; without any it is returned as it is.

    A thought may lack its beginning, because the chat template wrote it, or its end, because the reply was
    cut off. Nothing else can contain these tags: angle brackets of articles and questions are replaced before
    a model reads them (rag/language/sanitize.py).

    Example:
        >>> without_thoughts("<think>The second sentence says it.</think>It was 308 [2].")
        'It was 308 [2].'
    """
    spoken = _THOUGHT.sub("", text)
    *_, spoken = _END.split(spoken)
    spoken = _BEGINNING.split(spoken)[0]
    return text if spoken == text else spoken.strip()


def spoken(
    pieces: Generator[str, None, LogProbabilities | None],
) -> Generator[str, None, LogProbabilities | None]:
    """A reply's stream without thoughts.

    Args:
        pieces: The model's stream.

    Yields:
        Empty pieces, so that the caller can stop the model, and at the end the reply: only a complete reply
        shows whether its beginning was a thought.

    Returns:
        The log probabilities of ``pieces``; None if there were thoughts, whose tokens are among them.
    """
    text = ""
    with contextlib.closing(pieces):
        while True:
            try:
                text += next(pieces)
            except StopIteration as end:
                reply = without_thoughts(text)
                yield reply
                log_probabilities: LogProbabilities | None = end.value
                return log_probabilities if reply == text else None
            yield ""
