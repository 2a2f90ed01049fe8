"""Step: cited sentences in another language get a translation into the language of the answer.

A small model writes fluent sentences with wrong words, because it lacks vocabulary. So the prompt gives it
the meanings of the sentence's words, its names, numbers and dates, from tables (rag/language/translation).
The same tables check what it wrote: a translation is certain only where nothing is missing, added or
unexplained.

Of the packaged model's English sentences seven in ten would still mislead a reader. Of the tables' meanings
alone, word for word, one in fifteen would (docs/research/results.md), so its English answers show these.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

from rag.answering.context import Context
from rag.answering.draft import Draft, Span, Statement, span
from rag.answering.generation import complete
from rag.answering.presentation import is_foreign
from rag.answering.support import translates
from rag.language.glossing.gloss import gloss
from rag.language.sanitize import neutral
from rag.language.text import is_arabic
from rag.language.translation.hints import hints_for, render
from rag.language.translation.reader import shown
from rag.models.llm import prompt
from rag.models.llm.protocol import Message
from rag.records import Evidence, Language, StageStarted

VARIABLES = frozenset({"text", "hints"})
"""The variables of the prompts translate_en and translate_ar."""

MOST = 3
"""Most sentences of one answer that the model translates: each takes as long as a question."""

TOKENS_PER_WORD = 4
"""Longest translation, in the model's tokens for each word of the sentence. Not tuned."""

OWN_LETTERS = 0.8
"""Least share of a translation's letters that are of its language; a name may keep its own letters. Not
tuned."""

LICENSED = 0.8
"""Least share of the content words of a certain translation that meanings, names or values of its sentence
explain. Not tuned."""

COVERED = 0.85
"""Least share of the sentence's words of which a certain translation has a known equivalent. It separates 68
graded translations best (area under the curve .73); two of the eight that pass would still mislead a reader
(docs/research/results.md)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Translation:
    """A sentence in another language."""

    text: str
    """The translation."""
    certain: bool
    """Whether the checks outside the model find no fault."""
    literal: bool = False
    """Whether it is word for word, without a model."""


def translate_cited(draft: Draft, context: Context) -> Draft:
    """Step: translate the cited sentences that are not in the language of the answer."""
    if draft.outcome == "not_found":
        return draft
    done: dict[Span, Evidence] = {}
    statements = tuple(_translated(statement, done, context) for statement in draft.statements)
    if done:
        context.clock.mark("translate")
    return dataclasses.replace(draft, statements=statements)


def _translated(statement: Statement, done: dict[Span, Evidence], context: Context) -> Statement:
    cited, most = [], math.inf if is_literal(context) else MOST
    for item in statement.cited:
        if is_foreign(item, context.language) and (span(item) in done or len(done) < most):
            if span(item) not in done:
                done[span(item)] = _with_translation(item, context)
            item = done[span(item)]
        cited.append(item)
    return dataclasses.replace(statement, cited=tuple(cited))


def _with_translation(item: Evidence, context: Context) -> Evidence:
    translated = as_shown(item.text, context)
    if translated is None:
        return item
    return dataclasses.replace(
        item, translation=translated.text, certain=translated.certain, literal=translated.literal
    )


def is_literal(context: Context) -> bool:
    """Whether translations are word for word: below English answers of the adapted model."""
    return context.adapted and context.language == "en"


def as_shown(sentence: str, context: Context) -> Translation | None:
    """What answers show of a sentence in the other language: word for word, or by the model.

    Args:
        sentence: As for ``translate``.
        context: Holds the model and the language of the answer.

    Raises:
        PromptBroken: As ``translate``.
        GenerationFailed: As ``translate``.
    """
    if is_literal(context):
        return Translation(gloss(sentence, shown()), certain=False, literal=True)
    context.emit(StageStarted("translating"))
    return translate(sentence, context.language, context)


def translate(
    sentence: str, language: Language, context: Context, *, hinted: bool = True
) -> Translation | None:
    """A sentence in another language; None where the model wrote none.

    Args:
        sentence: In the other of the two languages.
        language: What it is translated into.
        context: Holds the model.
        hinted: Whether the prompt contains meanings, names and values; evals compare both.

    Raises:
        PromptBroken: The prompt is missing or wrong.
        GenerationFailed: The model failed.
    """
    origin: Language = "en" if language == "ar" else "ar"
    hints = render(hints_for(sentence, origin) if hinted else ())
    messages = prompt.fill(load_template(language), text=neutral(sentence), hints=neutral(hints))
    most = TOKENS_PER_WORD * len(sentence.split()) + 20
    text = " ".join(complete(messages, most, context).text.split())
    if not any(char.isalnum() for char in text) or _share(text, language) < OWN_LETTERS:
        return None
    if _repeats(text):
        return None
    comparison = translates(sentence, text)
    certain = comparison is not None and comparison.licensed >= LICENSED and comparison.covered >= COVERED
    return Translation(text, certain)


def _repeats(text: str) -> bool:
    """Whether a model repeats itself: the same three words three times."""
    words = text.casefold().split()
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    return max(triples.values(), default=0) > 2


def load_template(language: Language) -> tuple[Message, ...]:
    """The prompt that asks for a translation into a language, variables still in it.

    Raises:
        PromptBroken: It is missing, or its variables or headings are wrong.
    """
    return prompt.load(f"translate_{language}", VARIABLES)


def _share(text: str, language: Language) -> float:
    """The share of a text's letters that are of a language's script."""
    letters = [char for char in text if char.isalpha()]
    return sum(is_arabic(char) == (language == "ar") for char in letters) / len(letters) if letters else 0.0
