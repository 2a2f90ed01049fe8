"""Whether an answer is in the question's language: by what it says itself, not by what it quotes or names."""

from __future__ import annotations

import re
import unicodedata

from evals.matching import strip_markers
from rag import Answer, fold, is_arabic

_MARKS = {"“": "”", "«": "»", '"': '"', "(": ")"}
"""Between these an answer quotes its sources, or gives the original of a name."""

_WORD = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*")


def in_language(answer: Answer, wanted: str) -> float | None:
    """Whether everything that an answer says is in a language.

    A quotation of a cited sentence between marks does not count where it stands in a frame: "The article
    says: “…”" is English whatever is quoted. Without a frame the quotation is the answer. The outlet of a
    source does not count, nor do numbers; in Arabic, neither do names in Latin letters.

    Args:
        answer: The answer; each of its claims must be in the language.
        wanted: ``en`` or ``ar``. What is not Arabic counts as English.

    Returns:
        None where nothing is said in words, or only names that the cited sentence spells so too.
    """
    parts = [claim.text for claim in answer.claims] or [answer.text]
    told = [value for part in parts if (value := _told_in(part, answer, wanted)) is not None]
    return float(all(told)) if told else None


def _told_in(part: str, answer: Answer, wanted: str) -> bool | None:
    plain = strip_markers(part)
    for citation in answer.citations:
        if citation.outlet:
            plain = plain.replace(citation.outlet, " ")
    quotes = " ".join(f" {fold(citation.quote)} " for citation in answer.citations)
    own = _words(_unquoted(plain, quotes)) or _words(plain)
    arabic = sum(is_arabic(word) for word in own)
    latin = [word for word in own if not is_arabic(word)]
    if not own:
        return None
    if wanted == "en":
        return len(latin) >= arabic
    names = [word for word in latin if word != word.lower()]
    if not arabic and len(names) == len(latin) and all(f" {fold(name)} " in quotes for name in names):
        return None  # as its source writes it, a name is in any language
    return 0 < arabic >= len(latin) - len(names)


def _words(text: str) -> list[str]:
    # Vowel signs would cut an Arabic word in pieces.
    return _WORD.findall("".join(char for char in text if unicodedata.category(char) != "Mn"))


def _unquoted(text: str, quotes: str) -> str:
    """The text without what stands between marks and, folded, in the quotes."""
    at = 0
    while at < len(text):
        end = len(text)
        # The furthest mark that fits: what an article says may hold such marks itself.
        while (closing := _MARKS.get(text[at])) and (end := text.rfind(closing, at + 1, end)) > 0:
            if f" {fold(text[at + 1 : end])} " in quotes:
                text = f"{text[:at]} {text[end + 1 :]}"
                break
        at += 1
    return text
