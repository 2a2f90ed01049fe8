"""Whether text consists of words at all: a broken font map of a PDF gives letters that are valid but wrong.

Arabic words are looked up in the lexicon. Latin letters are read by many languages, so the pairs of letters
are compared with those of English words: those of other languages, and of Latin, are nearly as usual.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise

from rag.language.text import fold
from rag.language.translation.lexicon import lexicon

FEWEST, _MANY = 8, 30
"""Words. Fewer may all be names or numbers, and of many words more is expected."""

_MOST = 400
"""Words that are looked up; more say the same."""

_KNOWN, _KNOWN_OF_MANY = 0.4, 0.65
"""Share of Arabic words in the lexicon at least: .97 in news, .39 or less where letters are wrong."""

_USUAL, _USUAL_OF_MANY = -7.2, -6.5
"""Mean log probability of pairs of Latin letters at least.

English -5.4, Latin -5.5, German -5.8, Polish -6.4; two of three letters exchanged -6.6 to -7.3, all -8.
"""

_ARABIC = re.compile(r"[\u0621-\u063a\u0641-\u064a]{3,}")
_OTHER_ARABIC = re.compile(r"[\u0679-\u06ba\u06be-\u06d3]")
"""Letters of Persian, Urdu and Kurdish, which the lexicon does not have."""

_LATIN = re.compile(r"[a-z]{3,}")
_WORD = re.compile(r"[^\W_]+")


def is_legible(text: str) -> bool:
    """Whether the words of ``text`` are words; true for a text of fewer than ``FEWEST`` words.

    Words in capitals, which may be abbreviations, and other scripts are not judged.
    """
    arabic = _ARABIC.findall(text)[:_MOST]
    if len(arabic) >= FEWEST and len(_OTHER_ARABIC.findall(text)) < len(arabic) / 10:
        known = sum(bool(lexicon().meanings(word)) for word in arabic)
        if known < (_KNOWN if len(arabic) < _MANY else _KNOWN_OF_MANY) * len(arabic):
            return False
    folded = fold(text)
    latin = _LATIN.findall(folded)[:_MOST]
    # Fewer are the symbols of formulas, or codes among the words of another script.
    if FEWEST <= len(latin) >= len(_WORD.findall(folded)[: 2 * _MOST]) / 2:
        pairs, rarest = _pairs()
        scores = [pairs.get(pair, rarest) for word in latin for pair in pairwise(f" {word} ")]
        return sum(scores) >= (_USUAL if len(latin) < 2 * _MANY else _USUAL_OF_MANY) * len(scores)
    return True


@lru_cache(maxsize=1)
def _pairs() -> tuple[dict[tuple[str, str], float], float]:
    """The log probabilities of pairs of letters in English words, and that of a pair which does not occur."""
    meanings = (meaning for group in lexicon().all_meanings() for meaning in group)
    words = {word for meaning in meanings for word in _LATIN.findall(fold(meaning))}
    counts = Counter(pair for word in words for pair in pairwise(f" {word} "))
    total = sum(counts.values())
    return {pair: math.log(count / total) for pair, count in counts.items()}, math.log(0.5 / total)
