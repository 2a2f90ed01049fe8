"""Arabic follow-ups: a gap, a pronoun or a subject left out, filled from the question before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.conversation.followup import CLOSING, Earlier, Mention, Reading, Role, first, opened
from rag.conversation.grammar_arabic import (
    ADVERBS,
    ATTACHED,
    ENDS,
    NOW,
    PLACE,
    POINTING,
    PREPOSITIONS,
    RELATIVE,
    SEPARATE,
    STEMS,
    SUFFIXES,
    TIME,
    UNITS,
    WH,
    YEAR,
    Word,
    asked_for,
    is_counted,
    is_feminine,
    phrase_end,
    verb_gender,
    words_of,
)
from rag.language.text import ascii_digits, closed, fold

LEAD = re.compile(
    r"(?:(?:لا|كلا|حسنا|طيب)(?:[،,.]\s*|\s+(?=[أا](?:قصد|عني))))*"  # not the "not" of لا تزال
    r"(?:(?:[وف]?(?:ماذا عن|ماذا بشأن|ماذا بخصوص|بالنسبة إلى))|(?:أقصد|قصدت|أعني|اقصد|اعني))?[:،]?\s*"
)

_OWN_T = closed("وقت بيت صوت موت بنت انترنت كويت")
"""Nouns whose ت is their own and no ة."""

_LONGEST_FRAGMENT = 6
"""Words of an elliptic follow-up."""

_SHORT = 2
"""A question of so few words leans on the one before it."""

_LEAST_NOUN = 5
"""Letters of a word whose ه, هم or ها is taken for a pronoun; shorter ones are often part of the word."""


def read(question: str, earlier: Earlier) -> Reading:
    """An Arabic question, standing alone as far as it can.

    Args:
        question: As typed.
        earlier: The turn before it.
    """
    body, led = opened(question, LEAD)
    words = words_of(body)
    if not words:
        return Reading(question, complete=False)
    joined = words[0].low != words[0].clean  # ومتى, وفي
    joined = joined or (words[0].bare.startswith("وال") and len(words) <= _SHORT + 1)  # والمتحف؟
    joined = joined or (len(words) == 1 and bool(re.match("و[^ا]", words[0].bare)))  # وأربيل؟, not واشنطن؟
    if not led and joined:
        body, led = body[words[0].start + 1 :], True
        words = words_of(body)
    if _is_fragment(words, led=led):
        filled = _filled(body, words, earlier) if earlier.question else None
        return Reading(filled or question, complete=filled is not None, fragment=not filled)
    resolved, left = _without_pronouns(body, words, earlier.mentions)
    if left:
        return Reading(question if resolved == body else f"{resolved}؟", complete=False)
    if resolved == body:
        asks = bool(asked_for(words)[0]) and words[-1].definite  # من العرب؟
        return Reading(question, complete=len(words) > _SHORT + led or (asks and not led))
    return Reading(f"{resolved}؟", complete=True)


def _is_fragment(words: Sequence[Word], *, led: bool) -> bool:
    lows = [word.low for word in words]
    if any(low in ATTACHED or low in SEPARATE or low in POINTING for low in lows):
        return False
    if lows[0] == "من" and len(words) > 1 and words[1].definite and led:
        return len(words) <= _SHORT  # from, as in "and from the south?"
    if lows[0] in ADVERBS or (lows[0] == "من" and not led):
        return len(words) == 1
    if lows[0] in PREPOSITIONS - {"من"} and lows[1:2] and lows[1] in WH:
        return len(words) <= _SHORT + 1
    if any(low in WH for low in lows):
        return len(words) == 1
    return (led or len(words) <= _SHORT) and len(words) <= _LONGEST_FRAGMENT


def _filled(body: str, words: Sequence[Word], earlier: Earlier) -> str | None:
    """The earlier question with the fragment in place of its counterpart."""
    asked = earlier.question.rstrip(CLOSING)
    old = words_of(asked)
    if not old:
        return None
    if words[0].low in ADVERBS or (words[0].low in PREPOSITIONS and len(words) > 1 and words[1].low in WH):
        return _asked_otherwise(body, words, asked, old, earlier)
    if any(word.low in WH for word in words):
        return None
    if words[0].low in PREPOSITIONS:
        return _phrase_replaced(body, words, asked, old)
    return _noun_replaced(body, words, asked, old)


def _asked_otherwise(
    body: str, words: Sequence[Word], asked: str, old: Sequence[Word], earlier: Earlier
) -> str | None:
    """Of "متى؟" behind "أين قُتل؟": the same question with another question word."""
    kind, _, at = asked_for(old)
    if at == len(old):
        return None
    adverbial = old[0].low in ADVERBS or (old[0].low in PREPOSITIONS and kind in ("اي", "ايه"))
    if adverbial:
        return f"{body} {asked[old[at].start :]}؟"
    who = first(earlier.mentions, ("asked",))
    if kind == "من" and who and old[at].low not in SEPARATE and not old[at].definite:
        return f"{body} {old[at].text} {who.text}{asked[old[at].end :]}؟"
    return None


def _phrase_replaced(body: str, words: Sequence[Word], asked: str, old: Sequence[Word]) -> str:
    dated = _is_dated(words) or words[0].low in TIME or (words[1:2] and words[1].low in UNITS)
    if dated and (span := _date(old)):
        return f"{asked[: old[span[0]].start]}{body}{asked[old[span[1] - 1].end :]}؟"
    ends = [
        (at, phrase_end(old, at + 1))
        for at, word in enumerate(old[:-1])
        if at and word.low in PREPOSITIONS and old[at + 1].low not in WH
    ]
    plain = [] if dated else [p for p in ends if not _is_dated(old[p[0] : p[1]])]
    alike = [p for p in plain if old[p[0]].low == words[0].low]
    if not alike and words[0].low in PLACE and len(words) == _SHORT and not words[1].definite:
        alike = [p for p in plain if old[p[0]].low in PLACE]
    if not alike:
        return f"{asked} {body}؟"
    start, end = alike[-1]
    return f"{asked[: old[start].start]}{body}{asked[old[end - 1].end :]}؟"


def _noun_replaced(body: str, words: Sequence[Word], asked: str, old: Sequence[Word]) -> str | None:
    if _is_dated(words):
        years = [w for w in old if YEAR.fullmatch(ascii_digits(w.text))]
        if len(words) == 1 and years and not words[0].low.isalpha():
            return f"{asked[: years[0].start]}{body}{asked[years[0].end :]}؟"
        span = _date(old)
        if span is None:
            return None
        start = span[0] + (old[span[0]].low in PREPOSITIONS)
        return f"{asked[: old[start].start]}{body}{asked[old[span[1] - 1].end :]}؟"
    span = _counterpart(old)
    return span and f"{asked[: old[span[0]].start]}{body}{asked[old[span[1] - 1].end :]}؟"


def _counterpart(old: Sequence[Word]) -> tuple[int, int] | None:
    """Where the last noun behind a preposition stands, or the last noun: what another may replace."""
    _, noun, at = asked_for(old)
    if at + 1 < len(old) and old[at].low in SEPARATE:
        return at + 1, len(old)  # من هو X
    at += at < len(old) and not (old[at].definite or old[at].low in ENDS or is_counted(noun))  # the verb
    last = behind = None
    preposition = ""
    while at < len(old):
        if old[at].low in ENDS:
            preposition = old[at].low
            at += 1
            continue
        end = phrase_end(old, at)
        if not _is_dated(old[at:end]):
            noun_at = end - 1
            while noun_at > at and old[noun_at].adjectival and old[noun_at - 1].definite:
                noun_at -= 1
            # The first is what is asked about (عدد سكان عمان); a later one is a name as a whole (عين الأسد).
            last = (at, end) if last else (noun_at, end)
            behind = (at, end) if preposition in STEMS else behind
        at, preposition = end, ""
    return behind or last


def _is_dated(words: Sequence[Word]) -> bool:
    return any(word.dated for word in words)


def _date(words: Sequence[Word]) -> tuple[int, int] | None:
    """Where a date stands, with the preposition and the unit before it: في كانون الأول 2011, عام 2014."""
    at = next((at for at, word in enumerate(words) if at and (word.dated or word.low in UNITS)), None)
    if at is None or words[at - 1].low in WH:  # في أي سنة asks for one
        return None
    end = phrase_end(words, at + (words[at].low in UNITS))
    while at and (
        words[at - 1].low in UNITS or words[at - 1].low in PREPOSITIONS or words[at - 1].text.isdigit()
    ):
        at -= 1
    return at, end


def _without_pronouns(body: str, words: Sequence[Word], known: Sequence[Mention]) -> tuple[str, bool]:
    """The question with its pronouns resolved; and whether one is left that points out of it."""
    told: list[tuple[int, int, str]] = []
    left = False
    kind, noun, rest = asked_for(words)
    begun = bool(kind) or len(words) <= _SHORT + 1
    for at, word in enumerate(words):
        if word.low in RELATIVE or (kind in ("من", "ما") and at > rest and words[rest].low in SEPARATE):
            break  # what follows speaks of the noun before it
        put, suffix, place = "", "", False
        if word.low in POINTING:
            left = left or _points(words, at)
        elif word.low in ATTACHED:
            written, suffix = ATTACHED[word.low]
            put = written.removesuffix("ـ") if written.endswith("ـ") else f"{written} "
            place = fold(written) in PLACE
            has_own = _resumes(words, kind, noun, at, suffix)
        elif word.low in SEPARATE and _stands_alone(words, at):
            suffix, has_own = word.low, False
        elif at and (owned := _owned(words, at, kind, rest)):
            put, suffix = f"{owned[0]} ", owned[1]
            # من تصفهم واشنطن: whom, not "and them"; كم نوعا تم تعريفها: the kinds.
            asks = kind in ("من", "اي", "ايه") and at == rest and at + 1 < len(words)
            has_own = asks or (at > rest + 1 and (bool(noun) or _resumes(words, kind, noun, at, suffix)))
        if not suffix or has_own or not begun or _has_own(words, rest, at, suffix):
            continue
        meant = _meant(suffix, known, place=place)
        left = left or meant is None
        if meant:
            told.append((word.start, word.end, f"{put}{meant.text}"))
    if (
        not told
        and not left
        and kind in ADVERBS | {"هل"}
        and len(words) == rest + 1
        and _is_verb(words[rest])
    ):
        shown = verb_gender(words[rest])
        meant = _meant("ها" if shown else "ه" if shown is False else "", known, place=False)
        left = meant is None
        if meant:
            told.append((words[rest].end, words[rest].end, f" {meant.text}"))
    for start, end, text in reversed(told):
        body = f"{body[:start]}{text}{body[end:]}"
    return body, left


def _stands_alone(words: Sequence[Word], at: int) -> bool:
    """Whether هو is a pronoun, not the link of "من هو X"."""
    if at + 1 == len(words):
        return True
    behind = words[at + 1]
    return words[at - 1].low == "هل" or behind.low in PREPOSITIONS or behind.low in NOW or behind.joined


def _owned(words: Sequence[Word], at: int, kind: str, rest: int) -> tuple[str, str] | None:
    """A word and the pronoun that is attached to it; None where none can be told.

    Args:
        words: The question's.
        at: Which.
        kind: The question word.
        rest: The first word behind what is asked for.
    """
    word = words[at].bare
    verb = at == rest and kind in ADVERBS | {"من", "هل"}
    sure = at == rest and bool(kind)  # متى قتله, ما منصبه: there a lone ه is likelier a pronoun
    if words[at].definite or words[at].joined or words[at].low in WH | PREPOSITIONS | NOW:
        return None
    for suffix in SUFFIXES:
        stem = word[: -len(suffix)]
        if not word.endswith(suffix):
            continue
        if suffix == "ه" and not (stem.endswith("ت") or (sure and at + 1 == len(words))):
            return None
        if len(word) < _LEAST_NOUN - (verb or suffix == "ه") or (
            suffix == "هم" and stem.endswith(("ا", "ف", "م"))
        ):
            return None
        if stem.endswith("ت") and not stem.endswith("ات") and not verb and fold(stem) not in _OWN_T:
            stem = f"{stem[:-1]}ة"
        return stem, suffix
    return None


def _is_verb(word: Word) -> bool:
    """Whether the one word behind "when" or "where" is a verb without its subject, not a name."""
    low, bare = word.low, word.bare
    if word.eighth:
        return True
    if word.definite or word.joined or not bare[0].isalpha():
        return False
    return len(low) <= 3 or low[0] in "يت" or bare.endswith("ت") or bare[0] in "اأ"


def _points(words: Sequence[Word], at: int) -> bool:
    """Whether this or that points out of the question; هناك before a noun is "there is"."""
    if words[at].low in ("هناك", "هنا"):
        return at + 1 == len(words)
    return not any(word.definite for word in words[:at])


def _resumes(words: Sequence[Word], kind: str, noun: Sequence[Word], at: int, suffix: str) -> bool:
    """Whether a pronoun takes up what is asked for: كم هجوما تعرضت له القواعد, من لديه صلاحية."""
    if at + 1 == len(words):
        return False
    if kind == "من":
        return words[at].low.startswith(("لدي", "عند", "له"))
    if kind in ("ما", "ماهو", "ماهي"):
        return True  # ما أطول مدة تكون فيها المدرسة مغلقة
    agrees = bool(noun) and noun[0].bare.endswith("ة") == (suffix == "ها")
    return bool(noun) and (agrees or words[at + 1].definite)


def _has_own(words: Sequence[Word], rest: int, at: int, suffix: str) -> bool:
    """Whether the question itself names what is meant: a subject or definite noun of the pronoun's gender."""
    if rest + 1 < at and words[rest + 1].low not in ENDS and not words[rest + 1].joined:
        several = suffix in ("هم", "هما", "هن")
        if not several and verb_gender(words[rest]) in (None, suffix == "ها"):
            return True
    for place in range(rest, at):
        word = words[place]
        if not (word.definite or word.joined) or (word.adjectival and place and words[place - 1].definite):
            continue
        gender = is_feminine(words[place : phrase_end(words[:at], place)])
        if suffix in ("هم", "هما", "هن") or gender is None or gender == (suffix == "ها"):
            return True
    return False


def _meant(pronoun: str, known: Sequence[Mention], *, place: bool) -> Mention | None:
    named = [m for m in known if m.name]
    order: tuple[Role, ...] = ("asked", "subject", "object", "place", "told", "part")
    if place:
        order = ("asked", "place", "subject", "object", "part")
    if pronoun in ("هم", "هما", "هن"):
        # A dual and a plural of things end like many a singular; they are taken where nothing surer is there.
        likely = [m for m in named if m.text.split()[0].endswith(("ان", "ات"))]
        return first([m for m in named if m.plural], order) or first(likely, order)
    single = [m for m in named if not m.plural]
    if not pronoun:
        return first(single, order)
    if pronoun not in ("ها", "هي"):
        return first([m for m in single if m.feminine is not True], order)
    # Cities and most countries are feminine, and stand without the article: what has it is likelier not.
    unsure = sorted((m for m in single if m.feminine is None), key=lambda m: m.text.startswith("ال"))
    return first([m for m in single if m.feminine], order) or next(
        (m for m in unsure if m.role in ("asked", "place", "object", "subject")), None
    )
