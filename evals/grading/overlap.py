"""Word overlap of an answer with the right answer: the scores that papers report.

There are two sets. SQuAD's (Rajpurkar et al. 2016) is computed after the folding that all of Sanad's grading
uses. MLQA's (Lewis et al. 2020) follows its published script exactly, which papers on Arabic use: it also
removes ال in the middle of words, and does not fold. Both compare an answer that is a sentence with gold that
is a phrase, so that a right answer scores far below 1.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from evals.grading.matching import strip_markers, words

_MLQA_ARTICLES = {"en": re.compile(r"\b(?:a|an|the)\b"), "ar": re.compile("ال")}
"""The published Arabic pattern has a second branch, "white space, ال, start of text"; nothing matches it."""

Ways = Sequence[str]
"""Ways to write one thing."""


def token_f1(text: str, ways: Iterable[str]) -> float:
    """Overlap of an answer's words with the nearest right answer's: SQuAD's F1.

    Words are compared after folding, without punctuation, English articles and the Arabic article ال at the
    beginning of a word.

    Args:
        text: An answer; its markers do not count.
        ways: Right answers, at least one.
    """
    return max(_f1(words(strip_markers(text)), words(way)) for way in ways)


def exact_match(text: str, ways: Iterable[str]) -> float:
    """Whether an answer is one of the right answers and nothing else: SQuAD's exact match, as ``token_f1``.

    Args:
        text: An answer; its markers do not count.
        ways: Right answers.
    """
    said = words(strip_markers(text))
    return float(any(said == words(way) for way in ways))


def mlqa_f1(text: str, ways: Iterable[str], language: str) -> float:
    """MLQA's F1.

    Args:
        text: An answer; its markers do not count.
        ways: Right answers, at least one.
        language: ``en`` or ``ar``, the language that the answer should be in.
    """
    said = mlqa_normalised(strip_markers(text), language).split()
    return max(_shared(said, mlqa_normalised(way, language).split()) for way in ways)


def mlqa_exact_match(text: str, ways: Iterable[str], language: str) -> float:
    """MLQA's exact match; arguments as for ``mlqa_f1``."""
    said = mlqa_normalised(strip_markers(text), language)
    return float(any(said == mlqa_normalised(way, language) for way in ways))


def mlqa_normalised(text: str, language: str) -> str:
    """Lower case, punctuation deleted, articles blanked, single spaces: in this order.

    Args:
        text: Any text.
        language: ``en`` or ``ar``; its articles go.
    """
    bare = "".join(char for char in text.lower() if not _is_mlqa_punctuation(char))
    return " ".join(_MLQA_ARTICLES[language].sub(" ", bare).split())


def reference(text: str, groups: Sequence[Ways], f1: Callable[[str, Ways], float] = token_f1) -> str:
    """The right answer that is nearest to an answer: of each group of alternatives the nearest one.

    Args:
        text: An answer.
        groups: What a right answer must hold, one alternative of every group.
        f1: What is near.
    """
    return " ".join(max(group, key=lambda way: f1(text, [way])) for group in groups)


def _is_mlqa_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _f1(said: list[str], wanted: list[str]) -> float:
    return _shared(said, wanted) if said or wanted else 1.0


def _shared(said: list[str], wanted: list[str]) -> float:
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else 0.0
