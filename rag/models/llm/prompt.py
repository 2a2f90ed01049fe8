"""Question and evidence → the messages that are sent to the model.

A template is a file of prompts/: messages one after the other, each under a line ``--- system``,
``--- user`` or ``--- assistant``, with variables ``$evidence``, ``$question`` and ``$language``.
Messages without a variable come first and never change, so that an engine can keep them in its cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from itertools import zip_longest
from string import Template
from typing import TypeVar

from rag.errors import PromptBroken
from rag.language.sanitize import neutral
from rag.models.llm.protocol import Message
from rag.records import Evidence, Language
from rag.settings import resource_dir

VARIABLES = frozenset({"evidence", "question", "language"})
"""Variables that an answer template must contain, each at least once, and no others."""

LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "ar": "Arabic"}
"""How a template's ``$language`` is filled in."""

T = TypeVar("T")

Order = Callable[[Sequence[Evidence]], tuple[Evidence, ...]]
"""Evidence, most useful first → in the order in which a model reads it."""

Wording = Callable[[str], str]
"""A sentence or headline of an article → the words in which a model reads it."""

MESSAGE_TOKENS = 8
"""Tokens that a chat template puts around a message, rounded up (ChatML takes 5)."""

HEADLINE = "# "
"""Begins the line with an article's headline."""

LONGEST_HEADLINE = 200
"""Characters of a headline that are shown. Of news-dev's the longest has 140."""

_HEADING = re.compile(r"^--- (system|user|assistant)[ \t]*$", re.MULTILINE)


def load(name: str, variables: Set[str] = VARIABLES) -> tuple[Message, ...]:
    """The messages of the template prompts/``name``.txt, variables still in them.

    It must contain each of ``variables`` at least once, and no others.

    Raises:
        PromptBroken: There is no such template, or its variables or headings are wrong.
    """
    folder = resource_dir("prompts")
    path = folder / f"{name}.txt"
    if not re.fullmatch(r"[\w-]+", name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.txt")))
        raise PromptBroken(f"There is no prompt {name!r} in {folder}; there are: {known}.")
    return parse(path.read_text(encoding="utf-8"), name=path.name, variables=variables)


def parse(text: str, *, name: str, variables: Set[str] = VARIABLES) -> tuple[Message, ...]:
    """The messages of a template's text, which error messages call ``name``; see ``load``."""
    before, *parts = _HEADING.split(text)
    if before.strip() or len(parts) < 2:
        raise PromptBroken(f"The prompt {name} must start with a line '--- system' or '--- user'.")
    messages = tuple(
        Message(role, body.strip())  # type: ignore[arg-type]
        for role, body in zip(parts[::2], parts[1::2], strict=True)
    )
    if messages[-1].role != "user":
        raise PromptBroken(f"The prompt {name} must end with a '--- user' message.")
    used: set[str] = set()
    for message in messages:
        template = Template(message.content)
        if not template.is_valid():
            raise PromptBroken(f"The prompt {name} holds a stray '$'; write '$$' for a dollar sign.")
        used.update(template.get_identifiers())
    if used != variables:
        wrong = [f"lacks ${v}" for v in sorted(variables - used)]
        wrong += [f"names the unknown ${v}" for v in sorted(used - variables)]
        raise PromptBroken(f"The prompt {name} {' and '.join(wrong)}.")
    return messages


def as_written(text: str) -> str:
    """A text as it is in the article."""
    return text


def numbered(evidence: Sequence[Evidence], wording: Wording = as_written, *, headlines: bool = False) -> str:
    """The evidence as the model sees it: number and sanitized sentence, one on each line.

    Outlet and date are left out: the packaged model answered with publication dates
    (docs/research/decisions.md).

    Args:
        evidence: In the order in which the model reads it.
        wording: Of each sentence and headline.
        headlines: Whether an article's headline is written above consecutive sentences of it.
    """
    titles = (wording(item.title[:LONGEST_HEADLINE]) for item in evidence if headlines)
    return listed([*zip_longest(titles, (wording(item.text) for item in evidence), fillvalue="")])


def listed(sentences: Sequence[tuple[str, str]]) -> str:
    """Sentences with their numbers, one on each line, sanitized.

    Args:
        sentences: Headline and text of each. A headline is written once above consecutive sentences, and
            not at all where it is empty.
    """
    lines: list[str] = []
    above = ""
    for place, (title, text) in enumerate(sentences, start=1):
        if title and title != above:
            lines.append(f"{HEADLINE}{neutral(title[:LONGEST_HEADLINE])}")
        above = title
        lines.append(f"[{place}] {neutral(text)}")
    return "\n".join(lines)


def by_article(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The sentences grouped by article, in the order of each article's first sentence."""
    return tuple(together(evidence, lambda item: (item.article_id, item.title)))


def together(items: Iterable[T], place: Callable[[T], tuple[str, str]]) -> list[T]:
    """Items grouped by article, in the order of each article's first item.

    Articles without a headline come first, as they would otherwise appear below another one's headline.

    Args:
        items: Sentences.
        place: The article's id and headline.
    """
    groups: dict[tuple[str, str], list[T]] = {}
    for item in items:
        groups.setdefault(place(item), []).append(item)
    return [item for key in sorted(groups, key=lambda key: bool(key[1])) for item in groups[key]]


def rotated(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The second half of the sentences before the first half, so that the best one is in the middle."""
    half = len(evidence) // 2
    return (*evidence[half:], *evidence[:half])


def fill(template: Sequence[Message], **values: str) -> tuple[Message, ...]:
    """A template's messages with its variables filled in.

    Args:
        template: What ``load`` returned.
        **values: What each variable is replaced by, sanitized where it comes from outside.
    """
    return tuple(Message(m.role, Template(m.content).substitute(values)) for m in template)


def without_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with the system's text at the start of the user's, for models without system messages."""
    system = [message.content for message in messages if message.role == "system"]
    first, *others = [message for message in messages if message.role != "system"]
    return Message(first.role, "\n\n".join([*system, first.content])), *others


def build(
    template: Sequence[Message],
    *,
    question: str,
    evidence: Sequence[Evidence],
    language: Language,
    count: Callable[[str], int],
    budget: int,
    order: Order = tuple,
    wording: Wording = as_written,
    headlines: bool = False,
) -> tuple[tuple[Message, ...], tuple[Evidence, ...]]:
    """The messages for one question, and the evidence that they contain, most useful first.

    Of the evidence, which is given most useful first, the last sentences are left out if the prompt is longer
    than ``budget``; that and ``count``, the length of a text, are in the model's tokens. ``order`` puts the
    others into the order in which the model reads them; their numbers are places in that order. ``wording``
    gives the text of each sentence; ``headlines`` is for ``numbered``.

    Raises:
        PromptBroken: Not even the first sentence fits.
    """
    fewest = min(len(evidence), 1)
    for kept in range(len(evidence), fewest - 1, -1):
        shown = numbered(order(evidence[:kept]), wording, headlines=headlines)
        language_name = LANGUAGE_NAMES[language]
        messages = fill(template, evidence=shown, question=neutral(question), language=language_name)
        if sum(count(m.content) + MESSAGE_TOKENS for m in messages) <= budget:
            return messages, tuple(evidence[:kept])
    raise PromptBroken(
        f"The question does not fit into the model's {budget} tokens. Ask a shorter one, or name a model "
        "with a longer context (--llm)."
    )
