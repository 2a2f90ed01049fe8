"""One training example: the prompt as it is served, and the wanted reply."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rag.language.sanitize import neutral
from rag.models.llm import prompt
from rag.models.llm.prompt import LANGUAGE_NAMES
from rag.models.llm.protocol import Message
from rag.settings import ADAPTED

Split = Literal["train", "valid"]

WHOLE = "in one sentence"
"""What a reading prompt adds to the language when a sentence is wanted instead of a phrase."""

HELD_OUT = 10
"""One in this many sources is kept for validation."""

_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its reply."""

    messages: tuple[tuple[str, str], ...]
    """Role and content of each."""
    answer: str
    pair: str
    """Languages of question and evidence: ``en-ar``."""
    source: str
    """File or set that it comes from."""
    kind: str = ""
    """What is asked or wanted: ``who``, ``near``, ``conflict``, …"""
    split: Split = "train"


@lru_cache
def _template() -> tuple[Message, ...]:
    return prompt.load(ADAPTED)


def reading(
    evidence: Sequence[str],
    question: str,
    answer: str,
    *,
    pair: str,
    source: str,
    kind: str,
    split: Split,
    language: str = "",
    whole: bool = False,
    titles: Sequence[str] = (),
) -> Example:
    """An example of reading.

    Args:
        evidence: Sentences in the order in which they are numbered.
        question: As asked.
        answer: With its markers.
        pair: Languages of question and evidence.
        source: Where it is from.
        kind: Within the task.
        split: Training or validation.
        language: Of the answer, where it is not the question's.
        whole: A sentence is wanted.
        titles: The headline above each sentence, empty where there is none; or none at all.
    """
    name = LANGUAGE_NAMES[language or pair[:2]]  # type: ignore[index]
    lines = prompt.listed([*zip(titles or [""] * len(evidence), evidence, strict=True)])
    filled = prompt.fill(
        _template(),
        evidence=lines,
        question=neutral(question),
        language=f"{name}, {WHOLE}" if whole else name,
    )
    messages = tuple((message.role, message.content) for message in filled)
    return Example(messages, neutral_answer(answer), pair, source, kind, split)


def neutral_answer(answer: str) -> str:
    """An answer whose text is neutralised like the evidence; its markers stay."""
    pieces = _MARK.split(answer)
    neutralised = [f"[{piece}]" if at % 2 else neutral(piece) for at, piece in enumerate(pieces)]
    out = ""
    for piece in filter(None, neutralised):
        glued = not out or (_MARK.fullmatch(piece) and out.endswith("]"))
        out += piece if glued else f" {piece}"
    return out


def sorted_marks(answer: str) -> str:
    """An answer whose parts are sorted by the sentences that they cite."""
    parts = re.findall(r"((?:\[\d+\])+)([^\[]*)", answer)
    numbered = []
    for marks, text in parts:
        cited = sorted({int(n) for n in _MARK.findall(marks)})
        numbered.append((cited, text.strip()))
    numbered.sort()
    pieces = ("".join(f"[{n}]" for n in cited) + (f" {text}" if text else "") for cited, text in numbered)
    return " ".join(pieces)


def held_out(*source: object) -> bool:
    """Whether a source is kept for validation; the same in every run."""
    digest = hashlib.blake2b(repr(source).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % HELD_OUT == 0


def seeded(*parts: object) -> random.Random:
    """A generator that depends on its arguments alone."""
    return random.Random(repr(parts))
