"""Evidence and a question → what the model writes of them, and how far its words are to be believed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from rag.answering import confidence, prompt, reply
from rag.answering.reply import Reply
from rag.answering.timings import Clock
from rag.answering.verification import UNKNOWN, Likely
from rag.models.llm.protocol import Generator as Model
from rag.models.llm.protocol import Heard, Likelihood, Message
from rag.records import Evidence, Language, Token

Write = Callable[[Sequence[Message], int], Generator[str, None, Likelihood | None]]
"""A prompt and the longest reply in tokens → the model's reply, piece by piece."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What the model wrote, taken apart."""

    reply: Reply
    """Its statements."""
    evidence: tuple[Evidence, ...]
    """What it was shown."""
    likely: Likely
    """What of it is probably right."""
    choice: float | None = None
    """Probability of the sentence that it names; None where it is not known."""

    @property
    def sure(self) -> bool:
        """Whether its own words are known to be probably right: only such are held against others."""
        return self.likely is not UNKNOWN and self.likely.words


UNSURE = 0.6
"""Probability of a named sentence, or of a refusal, below which the evidence is read again in another order.
On questions that were developed on no threshold from .6 to .9 wins more, and with a lower one fewer are read
twice (docs/decisions.md)."""

NOTHING = Drafted(Reply((), refused=True), (), UNKNOWN)
"""What is drafted where there is no evidence."""


class Writer:
    """Asks a model over evidence."""

    def __init__(self, template: Sequence[Message], model: Model, longest: int, write: Write) -> None:
        """A writer.

        Args:
            template: The prompt's.
            model: Counts tokens, and is named.
            longest: Tokens of a reply at most.
            write: Has it reply.
        """
        self._template = template
        self._model = model
        self._longest = longest
        self._write = write

    def drafted(
        self,
        question: str,
        evidence: Sequence[Evidence],
        language: Language,
        clock: Clock | None = None,
        arrange: prompt.Arrange = tuple,
    ) -> Generator[Token, None, Drafted]:
        """The model's reply, piece by piece as far as it can be shown; closing it stops the model.

        Args:
            question: As put to the model.
            evidence: Numbered from 1, most useful first; without any the model is not asked.
            language: Of the answer.
            clock: Told when the first piece comes.
            arrange: The order in which the model reads the evidence.

        Raises:
            PromptBroken: Not even the first sentence fits into the model's context.
            GenerationFailed: The model failed.
        """
        if not evidence:
            return NOTHING
        messages, shown = prompt.build(
            self._template,
            question=question,
            evidence=evidence,
            language=language,
            count=self._model.count,
            budget=self._model.context - self._longest,
            arrange=arrange,
        )
        draft, told = "", ""
        # closing() makes a reader who leaves stop the model now, not at the next garbage collection.
        with contextlib.closing(self._write(messages, self._longest)) as stream:
            heard = Heard(stream)
            for piece in heard:
                if clock:
                    clock.mark_once("first_token")
                draft += piece
                readable = reply.readable(draft, language)
                # Else what was told turned out to be a quotation; the finished answer replaces it.
                if readable.startswith(told) and readable != told:
                    yield Token(readable[len(told) :])
                    told = readable
        likely = self._likely(heard.likelihood)
        choice = confidence.choice(heard.likelihood) if heard.likelihood and likely is not UNKNOWN else None
        said = reply.renumbered(reply.parse(draft), [item.number for item in arrange(shown)])
        return Drafted(said, shown, likely, choice)

    def _likely(self, likelihood: Likelihood | None) -> Likely:
        if likelihood is None or not confidence.known(likelihood, self._model.identity):
            return UNKNOWN
        choice = confidence.choice(likelihood)
        words = confidence.words_are_likely(likelihood)
        return Likely(words, choice >= confidence.CHOSEN, choice >= confidence.ASIDE)


def surer(first: Drafted, second: Drafted) -> Drafted:
    """Of two drafts over the same evidence, read in two orders, the one to go on with.

    A sentence that is named stands over an unsure refusal; else the more probable choice does.

    Args:
        first: An unsure one.
        second: The other.
    """
    if first.choice is None or second.choice is None or not (second.reply.parts or second.reply.refused):
        return first
    found = first.reply.refused and not second.reply.refused
    kept = not first.reply.refused and second.choice > first.choice
    return second if found or kept else first


def silently(writing: Generator[Token, None, Drafted]) -> Generator[Token, None, Drafted]:
    """A draft that is not shown: its tokens are empty, and only let a reader leave.

    Args:
        writing: What ``Writer.drafted`` returned.
    """
    with contextlib.closing(writing):
        while True:
            try:
                next(writing)
            except StopIteration as end:
                drafted: Drafted = end.value
                return drafted
            yield Token("")
