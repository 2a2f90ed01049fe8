"""A question asked again about something else: "No, I meant the hospital", "And in Syria?", «والجسر؟».

What such a follow-up names takes the place of what the question before it has of the same form: a number for
a number, "in Syria" for "in Iraq", a definite noun (the …, a name, ال…) for a definite noun. Nothing else is
changed, and where the question has nothing of that form, there is no result. Verbs, agreement and meaning are
not looked at: only determiners, prepositions, capitals, the Arabic article and numbers.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from dataclasses import dataclass

from rag.conversation.nouns import (
    ARTICLE,
    CLOSED,
    DETERMINERS,
    OF,
    PLACE,
    PREPOSITIONS,
    WORD,
    Span,
    entire,
    nouns,
    verb_within,
)
from rag.language.terms import terms
from rag.language.text import detect_language, fold
from rag.language.word_classes import AUXILIARIES, QUESTION_WORDS, closed
from rag.records import Evidence, Language, Retrieved

LONGEST = 8
"""Most words of what a follow-up names; more is a question of its own."""

_GAP = r"[\s,،.;:؛!–—-]+"

_OPENERS: dict[Language, re.Pattern[str]] = {
    "en": re.compile(rf"(?:(?:and|but|so|or|then|what about|how about){_GAP})+", re.IGNORECASE),
    "ar": re.compile(r"[وف]?(?:ماذا|ما\s+الأمر)\s+(?:عن|بشأن)\s+|[وف]?بالنسبة\s+[إا]لى\s+|و(?=[^\W\d]{2})"),
}
"""How a follow-up begins that asks the same about something else."""

_SORRY = r"(?:لا|كلا|عفوا|عفوًا|عذرا|عذرًا|[آا]سف|[آا]سفة|المعذرة)"
_CORRECTIONS: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        rf"(?:(?:no|nope|sorry|actually|oh|wait|pardon|my mistake){_GAP})*"
        r"(?:i|we)(?:['’]m|\s+am|\s+was|\s+were)?\s+(?:mean|meant|asking\s+about|asked\s+about|talking\s+about)\b"
        rf"(?:{_GAP})?|(?:(?:no|nope|sorry|pardon|my mistake)\s*[,.;:!–—-]\s*)+",
        re.IGNORECASE,
    ),
    "ar": re.compile(
        rf"(?:{_SORRY}{_GAP})*(?:كنت\s+)?"
        r"(?:[أا]قصد|قصدت|[أا]عني|عنيت|قصدي|مقصدي|مقصودي|[أا]س[أا]ل\s+عن|س[أا]لت\s+عن)\s+"
        rf"|(?:{_SORRY}\s*[،,.!:]\s*)+(?:بل\s+)?"
    ),
}
"""How a follow-up begins that corrects the question before it."""

_REJECTED: dict[Language, tuple[re.Pattern[str], ...]] = {
    "en": (
        re.compile(r"(?:no[\s,]+)?not (?P<x>[^,.;?!]+?)(?: but |\s*[,.;–—-]\s*)(?P<y>[^,.;?!]+)[?.!]*", re.I),
        re.compile(
            r"(?!(?:no|nope|sorry)\b)(?P<y>[^,.;?!]+?)(?:\s*[,;]\s*| and )not (?P<x>[^,.;?!]+)[?.!]*", re.I
        ),
    ),
    "ar": (
        re.compile(
            r"(?:لا[\s،,]+)?(?:ليس|ليست|لا) (?P<x>[^،,.؛؟?!]+?)\s*[،,]? (?:بل|و?[إا]نما|و?لكن) "
            r"(?P<y>[^،,.؛؟?!]+)[؟?.!]*"
        ),
        re.compile(r"(?P<y>[^،,.؛؟?!]+?)\s*[،,]? (?:و?ليس|و?ليست|لا) (?P<x>[^،,.؛؟?!]+)[؟?.!]*"),
    ),
}
"""Corrections that name what is not meant: "not the bridge, the quay", "the quay, not the bridge"."""

_ASKING = QUESTION_WORDS | AUXILIARIES | closed("any anyone anything anybody else whats")
_ASKING_ARABIC = re.compile(
    r"[وف]?(?:متي|اين|كم|كيف|هل|من|ما|ماذا|لماذا|مم|بم|بكم|لم|فيم|بماذا|اي|ايهما|ايه|مين|فين|منين|ليه|كام"
    r"|اشرح|اذكر|وضح|لخص|اخبرني|قل)"
)
"""Words with which a follow-up asks by itself."""

_AUX = "|".join(sorted(AUXILIARIES))
_COUNTED = re.compile(rf"(how many\s+)(?:(?:\w+\s+){{0,2}}?\w+(?=\s+(?:{_AUX})\b)|\w+)", re.IGNORECASE)
_PLURAL = re.compile(r".*(?:s|people|men|women|children)", re.IGNORECASE)
_YEAR = re.compile(
    r"(?<!\w)(?:(?:in|since|by|until|في|منذ|حتى) )?(?:(?:العام|عام|سنة) )?(?P<year>(?:19|20)\d\d)(?!\w)",
    re.IGNORECASE,
)
_MARKS = ' \t\n.,،؛;:!?؟"«»“”'


@dataclass(frozen=True, slots=True)
class Named:
    """What a follow-up names instead."""

    text: str
    """In its own words: "the hospital"."""
    corrects: bool = False
    """Whether it corrects the question before it, rather than asks the same again about something else."""
    instead_of: str = ""
    """What it says is not meant; empty where it does not say so."""


def named(question: str) -> Named | None:
    """What a follow-up names that the question before it is asked about; None if it is not such a follow-up.

    Args:
        question: In either language.
    """
    language, text = detect_language(question), question.strip()
    opener = _CORRECTIONS[language].match(text)
    rest = text[opener.end() :] if opener else text
    for pattern in _REJECTED[language]:
        groups = pattern.fullmatch(text) or pattern.fullmatch(rest)
        if groups and (language == "en" or _is_noun(groups["x"])) and not _asks(fold(groups["y"]).split()):
            return Named(groups["y"].strip(_MARKS), True, groups["x"].strip(_MARKS))
    if opener:
        rest = rest.strip(_MARKS)
        return None if not rest or rest.lower().startswith("not ") else Named(rest, True)
    opener = _OPENERS[language].match(text)
    rest = (text[opener.end() :] if opener else text).strip(_MARKS)
    words = fold(rest).split()
    if not 0 < len(words) <= LONGEST or _asks(words):
        return None
    first, _, second = rest.partition(" ")
    if fold(first) in PREPOSITIONS["en"]:
        first = second
    # Without an opener, a capital is that of a sentence, and an Arabic word without article may be a verb.
    plain = not (opener or first[:1].isdigit() or _is_noun(first) or fold(first) in PREPOSITIONS["ar"])
    return None if plain and (first is not second or not first[:1].isupper()) else Named(rest)


def names_something(name: Named) -> bool:
    """Whether evidence must mention a name: not a time, a relation ("of the port"), an owner ("the women's").

    Args:
        name: What a follow-up names.
    """
    first = fold(name.text).split()[:1]
    relates = any(first and first[0] in words for words in PREPOSITIONS.values())
    return any(map(str.isalpha, name.text)) and not (
        relates or _asks(first) or name.text.endswith(("'s", "’s"))
    )


def _asks(words: list[str]) -> bool:
    """Whether folded words ask by themselves."""
    ends = words[:1] + words[-1:]
    return bool(_ASKING.intersection(words)) or any(map(_ASKING_ARABIC.fullmatch, ends))


def _is_noun(text: str) -> bool:
    """Whether a text begins with a determiner, or its first or last word with the Arabic article."""
    words = fold(text).split()
    return bool(words) and (words[0] in DETERMINERS or any(map(ARTICLE.fullmatch, (words[0], words[-1]))))


def replaced(before: str, name: Named) -> str:
    """The question before, asked about what a follow-up names; empty where it has nothing of that form.

    Args:
        before: The question before the follow-up, standalone.
        name: What the follow-up names.
    """
    language = detect_language(before)
    foreign = any(map(str.isalpha, name.text)) and detect_language(name.text) != language
    if foreign or _asks(fold(name.text).split()):
        return ""
    before = before.strip().rstrip(" .!?؟")
    question = _renumbered(before, name.text) or _put(before, name, language)
    return f"{' '.join(question.split())}{'؟' if language == 'ar' else '?'}" if question else ""


def _renumbered(before: str, text: str) -> str:
    """A number in the place of that after the same words, "Rasid 2" for "Rasid 3", or a year for a year."""
    match = re.fullmatch(r"(.+?)\s*\d+", text)
    same = match and list(re.finditer(rf"(?<!\w){re.escape(match[1])}\s*\d+(?!\w)", before, re.IGNORECASE))
    year, years = _YEAR.search(text), list(_YEAR.finditer(before))
    if same:
        start, end = same[-1].span()
    elif year and years:
        bare = years[-1].start() == years[-1].start("year")  # "the flood of 2019"
        text = year["year"] if bare else text
        start, end = years[-1].span("year" if text.isdigit() else 0)
    else:
        return ""
    return f"{before[:start]}{text}{before[end:]}"


def _put(before: str, name: Named, language: Language) -> str:
    spans = nouns(before, language)
    if name.instead_of and (meant := _sharing(before, spans, name.instead_of)):
        return _instead(before, entire(before, spans, meant[-1], name.text), _small(name.text), language)
    first, rest = "", name.text
    while (word := rest.partition(" "))[2] and fold(word[0]) in PREPOSITIONS[language]:
        first, rest = fold(word[0]), word[2]
    if first:
        same = [span for span in spans if span.after == first]
        if same:
            return _instead(before, same[-1], rest, language)
        return _after(before, first, rest) or f"{before} {name.text}"
    noun = _is_noun(rest)
    free = [span for span in spans if span.after in ("", "of")]
    counted = _COUNTED.match(before)
    if counted and all(span.after for span in spans) and _PLURAL.fullmatch(rest):
        determiner, _, plural = rest.partition(" ")
        return f"{counted[1]}{plural if determiner.lower() in DETERMINERS else rest}{before[counted.end() :]}"
    if not noun and language == "en" and not rest[:1].isupper():
        return ""
    # "The price of gas" takes the place of "the price of oil", not of a part of it.
    heads = [span for span in spans if OF.match(before, span.end)] if OF.search(rest) else []
    order = (
        _sharing(before, heads, rest),
        heads,
        _sharing(before, spans, rest),
        [span for span in free if span.noun == noun],
        [span for span in spans if span.noun == noun],
        [span for span in spans if span.after] if language == "ar" and not noun else [],
        free,
        spans,
    )
    best = next((candidates[-1] for candidates in order if candidates), None)
    if best is None or (best.after == "of" and verb_within(before, spans, best.start, best.end)):
        return ""
    return _instead(before, entire(before, spans, best, rest), _small(rest), language)


def _small(text: str) -> str:
    """A text without the capital of a sentence that begins with a determiner."""
    return text[:1].lower() + text[1:] if _is_noun(text) else text


def _after(before: str, preposition: str, text: str) -> str:
    """A question with a text in the place of the last word after a preposition: "in autumn"; else empty."""
    words = list(WORD.finditer(before))
    for previous, following in reversed(list(itertools.pairwise(words))):
        word = fold(following[0])
        if fold(previous[0]) == preposition and word not in CLOSED and not _asks([word]):
            return f"{before[: following.start()]}{text}{before[following.end() :]}"
    return ""


def _sharing(before: str, spans: list[Span], text: str) -> list[Span]:
    """The spans that have a word of a text."""
    return [span for span in spans if _content(text) & _content(before[span.start : span.end])]


def mentioning(about: str, retrieved: Retrieved) -> Retrieved:
    """What was retrieved, without sentences of passages that do not mention what a follow-up names.

    Sentences in another language stay, as they have other words for it.

    Args:
        about: What it names; empty leaves all.
        retrieved: What was retrieved.
    """
    language, wanted = detect_language(about), _content(about)

    def mentions(item: Evidence) -> bool:
        if not wanted or detect_language(item.text) != language:
            return True
        around = [
            passage.text
            for passage in retrieved.passages
            if passage.chunk.article_id == item.article_id
            and passage.chunk.start <= item.start < passage.chunk.end
        ]
        return bool(wanted & _content(" ".join([item.title, item.text, *around])))

    kept = (item for item in retrieved.evidence if mentions(item))
    numbered = (dataclasses.replace(item, number=number) for number, item in enumerate(kept, start=1))
    return dataclasses.replace(retrieved, evidence=tuple(numbered))


def _content(text: str) -> set[str]:
    """The search terms of a text without those of closed classes."""
    return {term for word in fold(text).split() if word not in CLOSED for term in terms(word)} - {"s"}


def _instead(before: str, span: Span, text: str, language: Language) -> str:
    end = span.end
    if language == "en" and span.noun and (place := PLACE.match(before, end)):
        end = place.end()
    if len(span.after) == 1:  # a preposition that is written together with its noun
        text = f"لل{text[2:]}" if span.after == "ل" and text.startswith("ال") else f"{span.after}{text}"
    return f"{before[: span.start]}{text}{before[end:]}"
