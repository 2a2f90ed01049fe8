"""The definite nouns and names of a question: where a follow-up may put another one.

They are recognised by determiners, prepositions, capitals and the Arabic article, not by their meaning.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from rag.language.text import fold
from rag.language.translation.reader import shipped
from rag.language.translation.words import words_of
from rag.language.word_classes import AUXILIARIES, QUESTION_WORDS, closed
from rag.records import Language

PREPOSITIONS: dict[Language, frozenset[str]] = {
    "en": closed(
        "in on at of for from to with by near under after before during since until about against between "
        "into according"
    ),
    "ar": closed("في من علي الي عن منذ حتي بعد قبل خلال عند لدي مع ضد بين نحو"),
}
DETERMINERS = closed("the a an his her its their this that these those our your")
CLOSED = PREPOSITIONS["en"] | DETERMINERS | AUXILIARIES | QUESTION_WORDS | closed("and or but not there")
_TIMES = closed("عام سنه شهر يوم عهد حال")
"""Arabic words after a preposition that begin a time."""

PLACE = re.compile(r"\s+(?:in|of|at|from|near)(?:\s+[A-Z][\w'’-]*)+")
"""A place that belongs to the noun before it: the quay "in Faw"."""

OF = re.compile(r"\s*\bof\s+")
_BE = closed("is are was were isn't aren't wasn't weren't am be been being")
_PARTICIPLE = re.compile(r"\w{2,}ed|built|held|made|paid|sold|shot|found", re.IGNORECASE)
"""Words with which a question in the passive ends, and past forms."""

WORD = re.compile(r"[\w'’]+(?:[-.][\w'’]+)*")
ARTICLE = re.compile(r"(?!ال(?:تقي|تقت|تقوا|تحق|تحقت|تزم|تزمت|غي|غت|قي|قت)$)[وف]?([بكل]?)ال\w{2,}|(لل)\w{2,}")
"""Folded words with the Arabic article, except verbs that begin like it; and the preposition in them."""


@dataclass(frozen=True, slots=True)
class Span:
    """A definite noun or a name in a question."""

    start: int
    end: int
    noun: bool
    """Whether it is a noun with an article or another determiner, rather than a name."""
    after: str
    """The preposition before it, folded; empty without one."""


def nouns(question: str, language: Language) -> list[Span]:
    """The definite nouns and names of a question, in order.

    Args:
        question: As written.
        language: Its language.
    """
    return (_english if language == "en" else _arabic)(question)


def _english(question: str) -> list[Span]:
    words = list(WORD.finditer(question))
    spans, at = [], 1  # the first word asks
    while at < len(words):
        word, previous, last = words[at][0], fold(words[at - 1][0]), at
        after = previous if previous in PREPOSITIONS["en"] else ""
        noun, name = fold(word) in DETERMINERS, word[:1].isupper() and word != "I"
        if noun or name:
            while last + 1 < len(words) and _goes_on(question, words[last], words[last + 1], noun):
                last += 1
            # After an auxiliary the verb follows its subject: "did the new quay | open", "… in Faw | open".
            place = PLACE.match(question, words[last].end())
            verb_follows = place is not None and bool(WORD.search(question, place.end()))
            last -= noun and previous in AUXILIARIES and last - at > 1 and not verb_follows
            ends = last + 1 == len(words) or fold(words[last + 1][0]) in CLOSED
            # Else a name describes a noun: "American troops".
            if last > at if noun else ends or after or previous in AUXILIARIES:
                spans.append(Span(words[at].start(), words[last].end(), noun, after))
        at = last + 1
    return spans


def _goes_on(question: str, word: re.Match[str], following: re.Match[str], noun: bool) -> bool:
    """Whether a word belongs to the noun or name before it."""
    near = not question[word.end() : following.start()].strip()
    fits = fold(following[0]) not in CLOSED if noun else following[0][:1].isupper() or following[0].isdigit()
    return near and fits


def _arabic(question: str) -> list[Span]:
    words = list(WORD.finditer(question))
    spans, at = [], 0
    while at < len(words):
        word, previous, last = fold(words[at][0]), fold(words[at - 1][0]) if at else "", at
        who = at == 1 and previous == "من"  # rather than "from"
        after = previous if previous in PREPOSITIONS["ar"] and not who else ""
        if article := ARTICLE.fullmatch(word):
            # An adjective has the article too, and "in" a place belongs to the noun before it.
            while more := _belongs([fold(following[0]) for following in words[last + 1 : last + 3]]):
                last += more
            spans.append(
                Span(
                    words[at].start(), words[last].end(), True, after or (article[1] or article[2] or "")[:1]
                )
            )
        elif after and _is_place(word):
            spans.append(Span(words[at].start(), words[at].end(), False, after))
        at = last + 1
    return spans


def _belongs(following: list[str]) -> int:
    """How many of the folded words that follow an Arabic noun with its article belong to it.

    A place does not, as no noun with the article is followed by another one: «تغادر القوات العراق».
    """
    if following and following[0].startswith("ال") and ARTICLE.fullmatch(following[0]):
        return not _is_known_place(following[0])
    return 2 if len(following) == 2 and following[0] == "في" and _is_place(following[1]) else 0


def _is_place(word: str) -> bool:
    return word not in _TIMES and not word.isdigit()


def _is_known_place(word: str) -> bool:
    """Whether a folded word is a place by the tables, and nothing else: العراق, and not الشرقية (eastern)."""
    match = shipped().gazetteer.match(words_of(word), 0, "ar")
    meanings = shipped().lexicon.meanings(word)
    places = match is not None and match.bare and all(name.kind == "place" for name in match.names)
    return places and all(meaning[0].isupper() for meaning in meanings)


def entire(question: str, spans: list[Span], span: Span, text: str) -> Span:
    """A noun of an English question with its "of …", where the text that takes its place has one too.

    Args:
        question: In English.
        spans: Its nouns and names.
        span: One of them.
        text: What takes its place.
    """
    of = OF.match(question, span.end) if OF.search(text) else None
    if of is None:
        return span
    end, nouns = of.end(), 0
    for word in WORD.finditer(question, of.end()):
        closes = fold(word[0]) in (CLOSED if nouns else CLOSED - DETERMINERS)
        if closes or question[end : word.start()].strip():
            break
        end, nouns = word.end(), nouns + (fold(word[0]) not in DETERMINERS)
    verb = verb_within(question, spans, of.end(), end)
    return dataclasses.replace(span, end=len(question[: verb.start()].rstrip()) if verb else end)


def verb_within(question: str, spans: list[Span], start: int, end: int) -> re.Match[str] | None:
    """The verb at the end of words that were taken for a noun: "did the head of | the bank resign".

    Args:
        question: In English.
        spans: Its nouns and names.
        start: Where the words begin.
        end: Where they end.
    """
    earlier = reversed(_words(question, 0, start))
    auxiliary = next((word for word in earlier if fold(word[0]) in AUXILIARIES), None)
    content = [word for word in _words(question, start, end) if fold(word[0]) not in DETERMINERS]
    place = PLACE.match(question, end)
    if len(content) < 2 or (place and WORD.search(question, place.end())):
        return None
    if auxiliary is None or fold(auxiliary[0]) in _BE:
        return content[-1] if _PARTICIPLE.fullmatch(content[-1][0]) else None
    others = (
        word
        for word in _words(question, auxiliary.end(), start)
        if fold(word[0]) not in PREPOSITIONS["en"]
        and not any(span.start <= word.start() < span.end for span in spans)
    )
    return content[-1] if next(others, None) is None else None


def _words(text: str, start: int, end: int) -> list[re.Match[str]]:
    return list(WORD.finditer(text, start, end))
