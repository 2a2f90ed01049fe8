"""What the steps of one answer share, around a model that replies from a script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Generator as PieceGenerator
from typing import Any

from rag.answering import answer_builder, confidence, pipeline
from rag.answering.answer_builder import Built
from rag.answering.context import Context
from rag.answering.pipeline import Steps
from rag.conversation.decompose import whole
from rag.language.text import is_arabic
from rag.models.llm import prompt
from rag.models.llm.protocol import Generator, LogProbabilities, Message
from rag.records import Evidence, Language, Retrieved
from rag.settings import Settings

SURE = (-0.01, math.log(0.98), -0.01, -0.01, -0.02, -0.01)
"""Log probabilities of the tokens of a reply whose sentence and words are probable."""

DOUBTFUL = (-0.01, math.log(0.98), -0.01, -2.5, -1.5, -0.01)
"""The same where the sentence is probable and the words are not."""


ADAPTED = Settings(embedder="fake", backend="fake", prompt="adapted")
"""With these a prompt has the form that Sanad's adapter was trained on."""

TRANSLATION = "Its translation, written by the model for this test."
"""What the scripted models translate every Arabic sentence into."""

ARABIC_TRANSLATION = "ترجمته كما كتبها النموذج من أجل هذا الاختبار."
"""What they translate every English sentence into."""


def translated(message: str) -> str | None:
    """The reply of a scripted model that is asked to translate; None for any other prompt.

    Args:
        message: The last one of the prompt.
    """
    text, hints, _ = message.partition("\n\nHints: ")
    if not hints:
        return None
    return TRANSLATION if is_arabic(text) else ARABIC_TRANSLATION


class Replying:
    """A generator that gives the same reply to every prompt except those that ask for a translation."""

    context = 8192

    def __init__(self, reply: str = "", likelihood: LogProbabilities | None = None) -> None:
        """A generator.

        Args:
            reply: What it writes.
            likelihood: Log probabilities of its tokens, as Sanad's adapted model returns them; None makes it
                another model, which returns none.
        """
        self.identity = "another model" if likelihood is None else confidence.load().fitted_for
        self.prompts: list[str] = []
        self._reply, self._likelihood = reply, likelihood

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, **_limits: Any
    ) -> PieceGenerator[str, None, LogProbabilities | None]:
        if translation := translated(messages[-1].content):
            yield translation
            return None
        self.prompts.append(messages[-1].content)
        yield self._reply
        return self._likelihood


def context(model: Generator | None = None, language: Language = "en", **changed: Any) -> Context:
    """A context over an index of one article, ``a``, in which every search finds nothing.

    Args:
        model: The language model; one that replies nothing by default.
        language: Of the answer.
        **changed: Other fields of the context.
    """
    settings = Settings(embedder="fake", backend="fake")
    fields: dict[str, Any] = {
        "search": lambda *_args, **_options: Retrieved((), ()),
        "template": prompt.load(settings.template),
        "settings": settings,
        "articles": {"a"},
    }
    return Context(model=model or Replying(), language=language, **(fields | changed))


def built(
    reply: str,
    evidence: Sequence[Evidence],
    language: Language = "en",
    *,
    question: str = "What?",
    likelihood: LogProbabilities | None = None,
    without: Sequence[str] = (),
    **changed: Any,
) -> Built:
    """What becomes of a model's reply: checked, decided, presented and built.

    Args:
        reply: What the model writes.
        evidence: What it is shown.
        language: Of the answer.
        question: What it is asked.
        likelihood: Log probabilities of the reply's tokens; None for a model that returns none.
        without: Names of steps that are left out.
        **changed: Fields of the context.
    """
    draft = pipeline.checked(
        whole(question),
        Retrieved((), tuple(evidence)),
        context(Replying(reply, likelihood), language, **changed),
        Steps().without(without),
    )
    return answer_builder.build([draft], language)


def counting(called: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that records each of its calls.

    Args:
        called: ``name`` is appended to it for each call.
        name: Of the function.
        function: Is called.
    """

    def counted(*arguments: Any, **options: Any) -> Any:
        called.append(name)
        return function(*arguments, **options)

    return counted
