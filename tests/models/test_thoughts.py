"""The thoughts of reasoning models are removed from replies."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from rag.models.llm.protocol import LogProbabilities
from rag.models.llm.thoughts import spoken, without_thoughts


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("It was 308 [2].", "It was 308 [2]."),
        (" [2] 308\n", " [2] 308\n"),
        ("<think>[1]?</think>It was 308 [2].", "It was 308 [2]."),
        ("<think>\n\n</think>\n\n[2] 308", "[2] 308"),
        ("Sentence [1] is older.\n</think>\nIt was 308 [2].", "It was 308 [2]."),
        ("<think>Which one?", ""),
        ("It was 308 [2]. <think>Or [1]?", "It was 308 [2]."),
        ("<Thinking>a</Thinking><reasoning>b</reasoning> كان العدد 308 [2].", "كان العدد 308 [2]."),
        ("<think>a<think>b</think>c</think>d", "d"),
        ("<thought>a</thought>b</think>c", "c"),
        ("a < b and <b>bold</b>", "a < b and <b>bold</b>"),
        ("", ""),
    ],
)
def test_thoughts_are_removed_from_a_reply(reply: str, expected: str) -> None:
    assert without_thoughts(reply) == expected


def stream(*pieces: str) -> Generator[str, None, LogProbabilities | None]:
    yield from pieces
    return (-0.1, -0.2)


def read(pieces: Generator[str, None, LogProbabilities | None]) -> tuple[list[str], LogProbabilities | None]:
    received: list[str] = []
    while True:
        try:
            received.append(next(pieces))
        except StopIteration as end:
            return received, end.value


def test_a_reply_comes_at_its_end_with_the_probabilities_of_its_tokens() -> None:
    assert read(spoken(stream("It was", " 308"))) == (["", "", "It was 308"], (-0.1, -0.2))


def test_probabilities_of_thoughts_are_not_those_of_the_reply() -> None:
    pieces, log_probabilities = read(spoken(stream("<thi", "nk>a</think>", "308")))
    assert ("".join(pieces), log_probabilities) == ("308", None)


def test_closing_the_stream_stops_the_model() -> None:
    stopped: list[bool] = []

    def model() -> Generator[str, None, LogProbabilities | None]:
        try:
            yield "<think>"
            yield "for ever"
        finally:
            stopped.append(True)
        return None

    pieces = spoken(model())
    assert next(pieces) == ""
    pieces.close()
    assert stopped == [True]
