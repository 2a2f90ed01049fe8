"""A generator without a model, which replies from a script, for tests and demonstrations."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence

from rag.models.llm.base import StreamedLLM
from rag.models.llm.protocol import LogProbabilities, Message

REMEMBERED = 200
"""Prompts that are kept, of about 5 KB each: enough for any test, and little memory in a long-running
server."""


def quote_first_evidence(prompt: str) -> str:
    """The reply of a fake without a script: the prompt's last sentence that is numbered 1, cited."""
    matches = re.findall(r"^\[1\] ([^\n]+)$", prompt, re.MULTILINE)
    return f"{matches[-1]} [1]" if matches else "…"


class FakeLLM(StreamedLLM):
    """Replies from a script, one entry for each call, then with ``quote_first_evidence``."""

    identity = "fake"
    context = 8_192

    def __init__(self) -> None:
        super().__init__()
        self._replies: list[str] = []
        self._before_piece: Callable[[int], None] = lambda _number: None
        self.prompts: list[str] = []
        """The last prompts that it received, in order."""
        self.stopped: list[bool] = []
        """For each call, whether it was stopped before the end of the reply."""

    @classmethod
    def scripted(cls, replies: Sequence[str], before_piece: Callable[[int], None] | None = None) -> FakeLLM:
        """Create a fake with a script.

        Args:
            replies: Its replies, one for each call.
            before_piece: Called with the piece's number before each piece, so that a test can hold the
                model at a point or make it fail there.
        """
        fake = cls()
        fake._replies = list(replies)
        fake._before_piece = before_piece or fake._before_piece
        return fake

    def count(self, text: str) -> int:
        """Length of a text in words."""
        return len(text.split())

    def pieces(
        self, messages: Sequence[Message], max_tokens: int
    ) -> Generator[str, None, LogProbabilities | None]:
        """The scripted reply, word by word."""
        prompt = "\n\n".join(f"{message.role}:\n{message.content}" for message in messages)
        self.prompts.append(prompt)
        del self.prompts[:-REMEMBERED]
        reply = self._replies.pop(0) if self._replies else quote_first_evidence(prompt)
        call = len(self.stopped)
        self.stopped.append(True)
        for number, piece in enumerate(re.findall(r"\s*\S+", reply)[:max_tokens]):
            self._before_piece(number)
            yield piece
        self.stopped[call] = False
        return None


def fake_generator(llm: FakeLLM | None = None) -> FakeLLM:
    """A fake as a ``Generator``; by default one without a script."""
    return llm or FakeLLM()
