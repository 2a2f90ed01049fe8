"""Finds the words of a right answer in an answer, after folding. Pure functions, no thresholds."""

from __future__ import annotations

import re
from functools import lru_cache

from rag.language.text import fold, is_arabic

MARKER = re.compile(r"\[([0-9]+)\]")
"""A citation marker as Sanad writes it."""

# Wider than MARKER on purpose: no bracketed number, however it is written, may satisfy a `must`.
_BRACKETED = re.compile(r"\[\s*\d+(?:\s*[,،;\-\u2013]\s*\d+)*\s*\]")

_ARABIC = "\u0600-\u06ff"
_GLUED = re.compile(f"(?<=[{_ARABIC}])(?=[0-9])|(?<=[0-9])(?=[{_ARABIC}])")
"""Between a digit and the Arabic letter that is written next to it without a space: و900, الـ170, 16في."""

# A change of script ends a word too: an article may write الـCNN.
_NOT_AFTER_ARABIC, _NOT_BEFORE_ARABIC = f"(?<![{_ARABIC}])", f"(?![{_ARABIC}])"
_NOT_AFTER_OTHER, _NOT_BEFORE_OTHER = rf"(?<![^\W{_ARABIC}])", rf"(?![^\W{_ARABIC}])"
# Folding keeps the point of 2.5: neither 2 nor 5 stands in it.
_NOT_AFTER_POINT, _NOT_BEFORE_POINT = r"(?<!\d\.)", r"(?!\.\d)"
_DOTTED_DATE = re.compile(r"\d+(?:\.\d+){2,}")
_ARTICLE = re.compile(f"^ال(?=[{_ARABIC}]{{2}})")
_PARTICLES = "(?:[وف]?(?:لل|[بكل]?(?:ال)?))"
_CONJUNCTION = "[وف]?"
_NEGATIONS = frozenset(["لا", "لم", "لن", "ما", "ليس", "ليست"])
"""They follow a conjunction, as in ولا, and no other particle: كلا means both, لما when, كلم kilometres."""


def strip_markers(text: str) -> str:
    """The answer without its ``[n]``, so that a marker's digit is never read as a number."""
    return _BRACKETED.sub(" ", text)


def holds(text: str, alternative: str) -> bool:
    """Whether ``text`` contains ``alternative`` as whole words, after folding.

    Latin letters and digits match on word boundaries: 15 is not in 2015, nor "not" in "notable". A number
    may be attached to Arabic letters: 16 is in بـ16 and in 16في. An Arabic alternative may follow attached
    particles: الأنبار is in بالأنبار and in للأنبار. A negation may follow و and ف alone: لا is in ولا and
    not in كلا.

    Args:
        text: An answer without markers.
        alternative: One way to write what is looked for.
    """
    folded = folded_words(alternative)
    return bool(folded) and _pattern(folded).search(folded_words(text)) is not None


@lru_cache(maxsize=4096)
def folded_words(text: str) -> str:
    """Folded, with 20.3.2003 as three numbers and a space between a number and an Arabic letter.

    Empty where nothing is a letter or a digit.
    """
    plain = _DOTTED_DATE.sub(lambda match: match[0].replace(".", " "), fold(text)).strip()
    return _GLUED.sub(" ", plain)


def words(text: str) -> list[str]:
    """Words to count overlap in: folded, without English articles and without ال at the start of a word.

    Only there: inside a word, as in سؤال or مالية, the two letters are no article.
    """
    tokens = re.findall(r"\w+(?:\.\d+)*", folded_words(text))
    bare = (_ARTICLE.sub("", word) for word in tokens)
    return [word for word in bare if word and word not in ("a", "an", "the")]


@lru_cache(maxsize=4096)
def _pattern(alternative: str) -> re.Pattern[str]:
    body = re.escape(alternative)
    if is_arabic(alternative[0]):
        negated = alternative.split(" ", 1)[0] in _NEGATIONS
        forms = [(_CONJUNCTION if negated else _PARTICLES) + body]
        if alternative.startswith("ال"):
            # ل swallows the alef: الأنبار becomes للأنبار; before another ل one is written less: للغة.
            forms.append("[وف]?" + ("" if alternative[2:3] == "ل" else "ل") + re.escape(alternative[1:]))
        left = _NOT_AFTER_ARABIC + f"(?:{'|'.join(forms)})"
    else:
        left = _NOT_AFTER_OTHER + _NOT_AFTER_POINT + body
    right = _NOT_BEFORE_ARABIC if is_arabic(alternative[-1]) else _NOT_BEFORE_OTHER + _NOT_BEFORE_POINT
    return re.compile(left + right)
