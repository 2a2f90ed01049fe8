"""English follow-ups: a gap or a pronoun filled from the question before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rag.conversation.followup import CLOSING, Earlier, Mention, Reading, first, opened
from rag.conversation.grammar_english import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    HE,
    IS_PLURAL,
    IT,
    PLACE,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    REQUESTS,
    THEY,
    WH,
    YEAR,
    Word,
    asked_for,
    is_modifier,
    is_possessive,
    name_end,
    phrase_end,
    without_s,
    words_of,
)
from rag.language.text import closed

LEAD = re.compile(
    r"(?:(?:and|but|so)\b,?\s+|(?:ok|okay|well|no|sorry|then)(?:[,.]\s*|\s+(?=i mean)))*"
    r"(?:(?:what|how) about\b|(?:i|we) (?:mean|meant)\b|i(?: a|['’])m asking about\b)?[,:]?\s*",
    re.IGNORECASE,
)

_EXPLETIVE = re.compile(
    r"\bit (?:(?:is|was|be|been|has been|will be|would be) )?\w+ (?:that|to|if|whether|for)\b"
    r"|\b(?:take|takes|took|mean|means|say|says) it\b|\bit (?:take|takes|took)\b",
    re.IGNORECASE,
)
"""It of "is it true that" and "how long does it take", which points at nothing."""

_SPANS = closed("year month week day season morning evening summer winter spring autumn century decade time")
"""This year points at no earlier question."""

_SHORT = 3
"""A question of so few words without a name of its own leans on the one before it."""

_LONGEST_FRAGMENT = 6
"""Words of an elliptic follow-up: "And in the north of the country?"."""

_LONGEST_SUBSTITUTE = 4
"""A longer mention takes "the X of …", as its 's would be read with its last word."""


def read(question: str, earlier: Earlier) -> Reading:
    """An English question, standing alone as far as it can.

    Args:
        question: As typed.
        earlier: The turn before it.
    """
    body, led = opened(question, LEAD)
    words = words_of(body)
    if not words:
        return Reading(question, complete=False)
    if _is_fragment(words, led=led):
        filled = _filled(body, words, earlier.question) if earlier.question else None
        return Reading(filled or question, complete=filled is not None, fragment=not filled)
    if [word.low for word in words[:2]] == ["how", "many"] and words[2].low in AUXILIARIES:
        return _counted(body, words, earlier.mentions, question)
    resolved, unresolved, person = _without_pronouns(body, words, earlier.mentions)
    if resolved != body:
        return Reading(_sentence(resolved), complete=not unresolved, person=person)
    own = any(word.named for word in words)
    # What are clades? has a subject; who won? has none.
    subject = own or any(a.low in AUXILIARIES and b.content for a, b in pairwise(words))
    leans = led and (not own or len(words) <= _SHORT + 1)
    leans = leans or (not led and not subject and len(words) <= _SHORT)
    return Reading(question, complete=not (leans or unresolved))


def _counted(body: str, words: Sequence[Word], known: Sequence[Mention], question: str) -> Reading:
    """Of "how many were hurt?": with the noun that was counted before; whole where a place is named."""
    meant = next((m for m in known if m.plural and not m.name), None)
    if meant is None:
        return Reading(question, complete=False)
    noun = meant.text.removeprefix("the ")
    whole = any(word.named or word.dated for word in words)
    return Reading(_sentence(f"{body[: words[1].end]} {noun}{body[words[1].end :]}"), complete=whole)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}?"


def _is_fragment(words: Sequence[Word], *, led: bool) -> bool:
    lows = [word.low for word in words]
    if lows[0] in REQUESTS or any(low in AUXILIARIES for low in lows):
        return False
    if lows[0] in WH:
        bare = len(words) == 1 or (len(words) == 2 and lows[1] in ("exactly", "precisely", "else"))
        asks_noun = lows[0] in ("which", "what") and len(words) == 2
        return bare or asks_noun or (lows[:2] == ["how", "many"] and lows[2:] in ([], ["of", "them"]))
    if any(low in WH for low in lows[2:]) or len(words) > _LONGEST_FRAGMENT:
        return False
    return lows[0] in PREPOSITIONS or led or (len(words) <= _SHORT and lows[0] not in PRONOUNS)


def _filled(body: str, words: Sequence[Word], earlier: str) -> str | None:
    """The earlier question with the fragment in place of its counterpart."""
    asked = earlier.rstrip(CLOSING)
    old = words_of(asked)
    if not old:
        return None
    lows = [word.low for word in words]
    if lows[0] in WH or (lows[0] in PREPOSITIONS and lows[1:2] and lows[1] in WH):
        return _asked_otherwise(body, lows, asked, old)
    if any(low in PRONOUNS - DETERMINERS for low in lows):
        return None
    if lows[0] in PREPOSITIONS:
        return _phrase_replaced(body, words, asked, old)
    return _noun_replaced(body, words, asked, old)


def _asked_otherwise(body: str, lows: Sequence[str], asked: str, old: Sequence[Word]) -> str | None:
    """Of "when?" behind "Where was he killed?": the same question with another question word."""
    verb = next((at for at, word in enumerate(old) if word.low in AUXILIARIES), 0)
    begins = old[0].low in ADVERBS and old[1:2] and old[1].low not in ("many", "much")
    begins = begins or (old[0].low in PREPOSITIONS and len(old) > 1 and old[1].low in WH)
    adverbial = (lows[0] in ADVERBS and lows[1:2] != ["many"]) or lows[0] in PREPOSITIONS
    if not (verb and begins and adverbial):
        return None
    return _sentence(f"{body} {asked[old[verb].start :]}")


def _phrase_replaced(body: str, words: Sequence[Word], asked: str, old: Sequence[Word]) -> str:
    phrases = []
    for at, word in enumerate(old):
        if word.low in PREPOSITIONS and at + 1 < len(old) and old[at + 1].low not in WH:
            phrases.append((at, phrase_end(old, at + 1)))
    kind = _kind(words[1:])
    low = words[0].low
    alike = [p for p in phrases if old[p[0]].low == low and _kind(old[p[0] + 1 : p[1]]) == kind]
    if not alike and kind == "date":
        alike = [p for p in phrases if _kind(old[p[0] + 1 : p[1]]) == "date"]
    if not alike and kind != "date":
        alike = [p for p in phrases if old[p[0]].low == low and _kind(old[p[0] + 1 : p[1]]) != "date"]
    if not alike and low in PLACE:
        alike = [p for p in phrases if old[p[0]].low in PLACE and _kind(old[p[0] + 1 : p[1]]) == kind]
    if not alike:
        return _sentence(f"{asked} {body}")
    start, end = alike[-1]
    return _sentence(f"{asked[: old[start].start]}{body}{asked[old[end - 1].end :]}")


def _noun_replaced(body: str, words: Sequence[Word], asked: str, old: Sequence[Word]) -> str | None:
    kind = _kind(words)
    if kind == "date":
        same = [w for w in old if w.dated and (YEAR.fullmatch(w.text) is None) == (words[-1].monthly)]
        same = same if len(words) == 1 else [w for w in old if w.dated]
        if not same:
            return None
        return _sentence(f"{asked[: same[0].start]}{body}{asked[same[-1].end :]}")
    if kind == "name":
        names = [(at, name_end(old, at)) for at in range(len(old)) if old[at].named]
        names = [n for at, n in enumerate(names) if at == 0 or names[at - 1][1] <= n[0]]
        heads = [n for n in names if not is_modifier(old, n[1] - 1)] or names
        if not heads:
            return None
        start, end = heads[-1]
        ending = "'s" if is_possessive(old[end - 1]) else ""
        return _sentence(f"{asked[: old[start].start]}{without_s(body)}{ending}{asked[old[end - 1].end :]}")
    _, (start, end) = asked_for(old)
    bare = body[words[1].start :] if words[0].low in DETERMINERS and len(words) > 1 else body
    if start < end:  # how many troops → how many contractors; American ones, too
        while start < end - 1 and old[start].named and is_modifier(old, start):
            start += 1
        return _sentence(f"{asked[: old[start].start]}{bare}{asked[old[end - 1].end :]}")
    for at, word in enumerate(old):
        if word.low in DETERMINERS and at and old[at - 1].low in AUXILIARIES:
            end = phrase_end(old, at)
            if old[at - 1].low not in BE and end - at > 2:
                end -= 1  # the verb: when do the troops leave
            return _sentence(f"{asked[: word.start]}{body}{asked[old[end - 1].end :]}")
    return None


def _kind(words: Sequence[Word]) -> str:
    if any(word.dated for word in words):
        return "date"
    return "name" if any(word.named for word in words) else "other"


def _without_pronouns(body: str, words: Sequence[Word], known: Sequence[Mention]) -> tuple[str, bool, str]:
    """The question without pronouns; whether one is left that points out of it; who is he or she."""
    told: list[tuple[int, int, str]] = []
    left, person = False, ""
    expletive = _EXPLETIVE.search(body)
    for at, word in enumerate(words):
        low = word.low
        if low in DETERMINERS or low in ("this", "that"):
            if low in ("this", "that", "these", "those") and _points(words, at):
                left = True
            continue
        if low not in HE | IT | THEY and not (low == "there" and _is_deictic(words, at)):
            continue
        if expletive and low == "it":
            continue
        if low != "there" and _has_own(words, at):
            continue
        meant = _meant(low, known, subject=at > 0 and words[at - 1].low in AUXILIARIES)
        if meant is None:
            left = True
            continue
        person = meant.text if low in HE else person
        owns = low in POSSESSIVE or (low == "her" and at + 1 < len(words) and words[at + 1].content)
        told.append(_put(words, at, meant, owns=owns))
    for start, end, text in reversed(told):
        body = f"{body[:start]}{text}{body[end:]}"
    return body, left, person


def _points(words: Sequence[Word], at: int) -> bool:
    """Whether this or that points out of the question: after that, is that base; not "said that he"."""
    if at + 1 == len(words):
        return True
    before = words[at - 1].low if at else ""
    low = words[at].low
    behind = words[at + 1]
    if not (behind.content or behind.low in AUXILIARIES) or behind.low in _SPANS:
        return False
    if low != "that":
        return True
    last = at + 2 == len(words)
    noun = behind.content and not behind.low.endswith("ed")  # not the sign of a clause: that reached
    return not at or last or before in BE or (before in PREPOSITIONS and noun)


def _is_deictic(words: Sequence[Word], at: int) -> bool:
    """Whether there is a place: not "are there", unless nothing follows that there could be."""
    last = at + 1 == len(words)
    if at and words[at - 1].low in AUXILIARIES:
        return last and not asked_for(words)[1][1]  # "how many ports are there" asks whether, not where
    return last or words[at + 1].low not in AUXILIARIES


def _has_own(words: Sequence[Word], at: int) -> bool:
    """Whether the question itself names what a pronoun points at."""
    before, low = words[:at], words[at].low
    named = [i for i, word in enumerate(before) if word.named]
    if any(is_possessive(words[i]) or not is_modifier(before, i) for i in named):
        return True
    comma = next((i for i, word in enumerate(words) if word.stop), 0)
    if comma > at and any(word.named for word in words[comma:]):
        return True  # outside of its use of cars, what is California known for
    _, (_, verb) = asked_for(words)
    if low in POSSESSIVE and 0 < verb < at and words[verb].low in ("has", "have", "had"):
        return True  # which school has its origins in a port
    if low in THEY:
        return any(word.content and IS_PLURAL.search(word.low) for word in before)
    noun = any(word.low in ("the", "a", "an", "this", "that") for word in before)
    return noun and (low in IT or 0 < comma <= at)


def _meant(low: str, known: Sequence[Mention], *, subject: bool) -> Mention | None:
    single = [m for m in known if not m.plural]
    if low in HE:
        feminine = low.startswith(("she", "her"))
        able = [m for m in single if m.person is not False and m.feminine is not (not feminine)]
        known_person = [m for m in able if m.person]
        return first(known_person, ("asked",)) or first(able, ("told", "subject", "asked", "object"))
    if low in IT:
        able = [m for m in single if m.person is not True]
        if subject:
            return first(able, ("asked", "subject", "object", "place", "told"))
        return first(able, ("asked", "object", "subject", "place", "told"))
    if low == "there":
        return first(single, ("place",)) or first([m for m in single if m.person is not True], ("asked",))
    several = first([m for m in known if m.plural], ("asked", "subject", "object"))
    return several or first([m for m in single if m.person is not True], ("asked", "subject"))


def _put(words: Sequence[Word], at: int, meant: Mention, *, owns: bool) -> tuple[int, int, str]:
    """What replaces a pronoun: from, to, by."""
    word = words[at]
    if word.low == "there":
        return word.start, word.end, f"{meant.preposition or 'in'} {meant.text}"
    if not owns:
        return word.start, word.end, meant.text
    if len(meant.text.split()) > _LONGEST_SUBSTITUTE and at + 1 < len(words):
        behind = words[at + 1]
        return word.start, behind.end, f"the {behind.text} of {meant.text}"
    ending = "'" if meant.text.endswith("s") and meant.plural else "'s"
    return word.start, word.end, f"{meant.text}{ending}"
