"""An article's own words in an answer: a sentence in place of a claim, or beside one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from rag.answering.answer_builder import Statement
from rag.answering.gloss import glossed
from rag.answering.reply import MARKER
from rag.language import quantities
from rag.language.text import fold, is_arabic
from rag.records import Evidence, Language, Verdict

OWN_WORDS: dict[Language, str] = {"en": "The article says: “{words}”", "ar": "جاء في المقال: «{words}»"}
"""How words of an article are told that stand in another language than the answer."""

QUOTED: dict[Language, str] = {"en": "“{words}”", "ar": "«{words}»"}
"""How they are told behind words of the answer."""

CLAUSE = 6
"""Words that can be a clause; fewer are quoted with what stands beside them."""

MOST = 0.5
"""A phrase of more than this share of its sentence's words is told as the sentence."""

_APART = re.compile(r"\s[–—-]\s|[;؛]\s")
_JOINED = "[وف]?[بكل]?(?:ال)?"
"""What Arabic writes in one with the word behind it: and, so; in, as, to; the."""
_ENDS = " \t.,:;،؛!؟?"


def whole(
    item: Evidence,
    language: Language,
    reason: str = "",
    words: str = "",
    frame: Mapping[Language, str] = OWN_WORDS,
) -> Statement:
    """A claim that quotes a sentence: nothing is said that the article does not say.

    Args:
        item: The sentence.
        language: Of the answer.
        reason: Why the claim is not supported outright; empty where it is.
        words: What of the sentence matters; of a long one only the clause that holds it is quoted.
        frame: What stands round the quotation.
    """
    # A reference mark of the article's own, [7], would be read as a citation.
    sentence = MARKER.sub("", _clause(item.text, words))
    quoted = glossed(frame[language].format(words=sentence.strip()), sentence, language)
    verdict: Verdict = "partial" if reason else "supported"
    return Statement(quoted, (item,), verdict, reason, whole=True, shown=sentence)


def in_place(claim: Statement, language: Language) -> Statement:
    """A claim whose words are a phrase of the sentence that it cites, with that sentence behind them.

    "900" is told as "900: «… و900 في سوريا …»": whether it is what was asked for is seen at once, and a
    phrase that was cut too short is whole. In another language than the answer's a phrase alone says little,
    and gives way to its sentence. A claim in other words than its sentence's stays as it is.

    Args:
        claim: That stands.
        language: Of the answer.
    """
    if claim.shown and not claim.whole:
        return whole(claim.cited[0], language, claim.reason, claim.shown)
    if claim.whole or not claim.cited or is_arabic(claim.cited[0].text) != (language == "ar"):
        return claim
    item, words = claim.cited[0], claim.text.strip(_ENDS)
    if not stands_in(words, item.text):
        return claim
    most = len(words.split()) > MOST * len(item.text.split())
    quoted = whole(item, language, words=words, frame=OWN_WORDS if most else QUOTED)
    if most:
        return dataclasses.replace(claim, text=quoted.text, whole=True, shown=quoted.shown)
    return dataclasses.replace(claim, text=words, shown=quoted.shown, beside=quoted.text)


def phrase(words: str, source: Evidence, language: Language, reason: str) -> Statement:
    """A claim made of some words of an article, in another language than the answer's.

    Args:
        words: Of the sentence.
        source: The sentence.
        language: Of the answer.
        reason: Why they are not told in its language.
    """
    bare = words.strip(' .،؛:!؟«»“”"')
    quoted = glossed(OWN_WORDS[language].format(words=bare), words, language)
    return Statement(quoted, (source,), "partial", reason, shown=bare)


def holding(words: str, cited: Sequence[Evidence]) -> Evidence | None:
    """The first sentence that holds these very words."""
    return next((item for item in cited if stands_in(words, item.text)), None)


def stands_in(words: str, text: str) -> bool:
    """Whether a text holds these very words, after folding; an Arabic particle may be joined to the first."""
    found = re.search(rf"(?:^| ){_JOINED}{re.escape(fold(words))}(?: |$)", fold(text))
    return found is not None


def _clause(sentence: str, words: str) -> str:
    """What of a sentence stands between dashes or semicolons round the words that matter, if it is a clause.

    What somebody hung behind it (a link, an instruction to a reader like this one) is not needed to see what
    the article says of the matter.
    """
    cuts = [0, *(end for match in _APART.finditer(sentence) for end in match.span()), len(sentence)]
    pieces = [sentence[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    own = [piece for piece in pieces if words and _holds(piece, words)]
    if len(pieces) == 1 or len(own) != 1 or len(own[0].split()) < CLAUSE:
        return sentence
    before, after = ("" if own[0] is pieces[0] else "… "), ("" if own[0] is pieces[-1] else " …")
    return f"{before}{own[0].strip()}{after}"


def _holds(piece: str, words: str) -> bool:
    """Whether these words stand in it, or, told in another language, all their numbers and months."""
    values = quantities.claimed(words)
    return stands_in(words, piece) or bool(values and values <= quantities.held(piece))
