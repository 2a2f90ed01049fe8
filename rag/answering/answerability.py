"""Whether a sentence answers a question, asked of the model again, of that sentence alone.

Of six sentences a small model names one although none answers, as the nearest is too near to be refused. How
probable the name was tells where to doubt it. What is doubted is judged twice more, in short prompts: the
question over this sentence alone, which the model may refuse, and whether the sentence says the answer, yes
or no. A logistic regression decides.

Its weights are fitted by train/answerability.py to replies of the adapted model, and hold for no other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rag.answering import prompt
from rag.language.sanitize import neutral
from rag.models import logistic
from rag.models.llm.protocol import Generator as Model
from rag.models.llm.protocol import Heard, Likelihood, Message
from rag.records import Evidence, Language, Token
from rag.settings import ADAPTED, Settings

FILE = Path(__file__).resolve().parent / "data" / "answerability.json"

FEATURES = ("alone", "says")
"""Log odds that the model names the sentence where it is shown it alone, and that it says yes when asked
whether the sentence says the answer."""

TEMPLATE = "judge"
"""The prompt of the second."""

VARIABLES = frozenset({"question", "evidence"})
"""What that prompt holds."""

SURE = 0.8
"""Probability of a named sentence from which it is not judged again. Of the named sentences of development
questions above it nine of ten answer, below it every second one; a third of all are below."""

KEPT = 0.3
"""Least probability that a named sentence answers. Of development questions seven that had no answer are
refused so for each three that had one (docs/decisions.md)."""

LEAST_SAYS = -4.0
"""Log odds of a yes below which no judged sentence of the lessons came (n 66, least -3.93). One that would be
kept even with these is not asked of a second time: that question's prompt, whose examples are read once in
a process, is the longest of all."""

Ask = Callable[[Sequence[Message], int], Generator[str, None, Likelihood | None]]
"""A prompt and the longest reply in tokens → the reply, piece by piece."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression."""

    generator: str
    """What the identity of a generator begins with that they hold for."""
    bias: float
    factors: tuple[float, ...]
    """One for each feature."""

    def probability(self, values: Sequence[float]) -> float:
        """The probability that a sentence answers.

        Args:
            values: One for each of ``FEATURES``.
        """
        return logistic.probability(self.bias, self.factors, values)


class Judge:
    """Asks a model of single sentences. What it asks yields empty tokens, at which a reader can leave."""

    def __init__(
        self, template: Sequence[Message], judging: Sequence[Message], model: Model, ask: Ask
    ) -> None:
        """A judge.

        Args:
            template: The prompt that the model was trained with.
            judging: What ``load_template`` returned.
            model: Counts tokens.
            ask: Has it reply.
        """
        self._template = template
        self._judging = judging
        self._model = model
        self._ask = ask

    def alone(
        self, question: str, item: Evidence, language: Language
    ) -> Generator[Token, None, float | None]:
        """Log odds that the model names a sentence where it is shown no other.

        Args:
            question: As put to the model.
            item: The sentence.
            language: Of the answer.

        Returns:
            None where the model says something else, or does not tell how probable its replies are.

        Raises:
            PromptBroken: The sentence does not fit into the model's context.
            GenerationFailed: The model failed.
        """
        messages, _ = prompt.build(
            self._template,
            question=question,
            evidence=[dataclasses.replace(item, number=1)],
            language=language,
            count=self._model.count,
            budget=self._model.context - 2,
        )
        return (yield from self._odds(messages, 2, "[1", "[0"))

    def says(self, question: str, item: Evidence, language: Language) -> Generator[Token, None, float | None]:
        """Log odds that the model says yes to whether a sentence says the answer; else as ``alone``."""
        name = prompt.LANGUAGE_NAMES[language]
        messages = prompt.fill(self._judging, evidence=neutral(item.text), question=question, language=name)
        return (yield from self._odds(messages, 1, "yes", "no"))

    def answers(
        self, question: str, item: Evidence, language: Language
    ) -> Generator[Token, None, float | None]:
        """The probability that a sentence answers, or a lower bound of it that decides; else as ``alone``."""
        alone = yield from self.alone(question, item, language)
        if alone is None:
            return None
        least = load().probability((alone, LEAST_SAYS))
        if least >= KEPT:
            return least
        says = yield from self.says(question, item, language)
        return None if says is None else load().probability((alone, says))

    def _odds(
        self, messages: Sequence[Message], tokens: int, yes: str, no: str
    ) -> Generator[Token, None, float | None]:
        """Log odds of a reply that begins so, by its last token; None where it begins with neither."""
        said = ""
        with contextlib.closing(self._ask(messages, tokens)) as stream:
            heard = Heard(stream)
            for piece in heard:
                said += piece
                yield Token("")
        if heard.likelihood is None or len(heard.likelihood) < tokens:
            return None
        odds = logistic.log_odds(heard.likelihood[tokens - 1])
        reply = said.strip().casefold()
        return odds if reply.startswith(yes) else -odds if reply.startswith(no) else None


def judge(settings: Settings, template: Sequence[Message], model: Model, ask: Ask) -> Judge | None:
    """A judge for the settings' model; None where the weights do not hold for it.

    Args:
        settings: Name the prompt template, which must be the one that the model was trained with.
        template: That template.
        model: The model.
        ask: Has it reply.

    Raises:
        PromptBroken: The judging prompt is missing or wrong.
    """
    if settings.template != ADAPTED or not model.identity.startswith(load().generator):
        return None
    return Judge(template, load_template(), model, ask)


def load_template() -> tuple[Message, ...]:
    """The judging prompt, variables still in it.

    Raises:
        PromptBroken: It is missing, or its variables or headings are wrong.
    """
    return prompt.load(TEMPLATE, VARIABLES)


@lru_cache(maxsize=1)
def load() -> Weights:
    """The fitted weights."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return Weights(told["generator"], told["bias"], tuple(told["factors"][name] for name in FEATURES))
