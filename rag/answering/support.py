"""Whether cited sentences support a claim, by what can be checked outside the model.

Numbers, months and names are never a matter of degree: each one of a claim is in its sentences, or the claim
is not supported. A fitted decision over word overlap, cosines and negation was tried as well and lost against
these checks alone (docs/research/decisions.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

from rag.language.terms import terms
from rag.language.text import fold, is_arabic
from rag.language.translation.check import Comparison, compare, missing
from rag.language.translation.gazetteer import NATIONALITY, Name
from rag.language.translation.hints import EnglishReader, shipped
from rag.records import Evidence

STEM = 4
"""Letters that a country and its people share: Iraq and Iraqi, Turkey and Turkish."""

PHRASE = 3
"""Most words of a claim that is a phrase: a capital at its beginning marks a name, not a sentence. Not
tuned."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_PEOPLE = re.compile(r"(?:ish|nch|tch|wiss|merican)s?$")
"""Endings of peoples' names that do not begin like the names of their countries."""


_JOINED = "[وف]?(?:لل|[بكل]?(?:ال)?)"
"""What Arabic joins to the following word: and, so; to the; in, as, to; the."""
ENDS = " \t.,:;،؛!؟?"
"""Punctuation around a phrase."""

_NEGATIONS = {
    "en": re.compile(
        r"(?i)\b(?:no|non|not|nothing|nobody|nowhere|never|none|nor|neither|without|cannot|den(?:y|ies|ied)|"
        r"refus(?:e|es|ed)|fail(?:s|ed)?|lacks?|un(?:able|likely)|\w+n['’]t)\b"
    ),
    "ar": re.compile(
        r"(?<!\w)[وف]?(?:لا|لم|لن|ليس|ليست|ليسوا|غير(?! (?:ان|انه|انها|انهم|مره)(?!\w))|"
        r"دون|بدون|[بل]?عدم|نفي|نفت|ينفي|تنفي|رفض|رفضت|يرفض|ترفض|فشل|فشلت)"
        r"(?!\w)"
    ),
}
"""Negations; the Arabic ones folded. غير أن is "however"."""
_DOUBLED = re.compile(r"\S*\u0651\S*")
"""A word with the sign of a doubled letter, which no negation has: غيّر, changed."""


def supports(sources: Sequence[str], text: str, words: str = "", question: str = "") -> bool:
    """Whether sentences support a claim: they contain its numbers, its months and its names.

    Args:
        sources: The cited sentences.
        text: The claim, without markers.
        words: The sentences' own words that it puts into another language; empty where it quotes none.
        question: The question, whose names a claim may repeat.
    """
    if not sources or missing(text, list(sources)):
        return False
    if words:
        return any(quotes(source, words) for source in sources) and not missing(text, [words])
    return not unknown_names(text, sources, question)


def translates(source: str, translation: str) -> Comparison | None:
    """Compare a translation with its source; None where a value, a name or a negation is missing or added.

    Args:
        source: A sentence or phrase, in English or Arabic.
        translation: The same in the other language.
    """
    comparison = compare(source, translation, "ar" if is_arabic(source) else "en")
    faulty = (
        comparison.missing_values
        or comparison.added_values
        or comparison.missing_names
        or comparison.added_names
    )
    return None if faulty or _denials(source) != _denials(translation) else comparison


def unknown_names(text: str, sources: Sequence[str], question: str = "") -> list[str]:
    """The names of a claim that neither its sources nor the question contain.

    Only English claims about English sources are checked. A name is a word with a capital letter within a
    sentence, or one that the tables know at the beginning of a phrase. Names are not paraphrased, except
    those of peoples (French, American) and abbreviations, which are skipped, and those with another spelling
    in the tables (Britain, UK).

    Args:
        text: As for ``supports``.
        sources: As for ``supports``.
        question: As for ``supports``.
    """
    if is_arabic(text) or all(is_arabic(source) for source in sources):
        return []
    known = " ".join([*sources, question])
    known_terms, starts = set(terms(known)), {word[:STEM] for word in fold(known).split()}
    reader = EnglishReader(text, shipped())
    first = reader.words[0].start if reader.words else 0
    phrase = 0 < len(reader.words) <= PHRASE and bool(reader.name(0)[0])
    matches = (match for match in _WORD.finditer(text) if match.start() > first or phrase)
    unknown = [
        match
        for match in matches
        if match[0][0].isupper()
        and not (match[0].isupper() or _PEOPLE.search(match[0]))
        and not known_terms & set(terms(match[0]))
        and fold(match[0])[:STEM] not in starts
        and not any(contains(known, spelling) for spelling in _other_names(reader, match.start()))
    ]
    if phrase and unknown and unknown[0].start() == first and _has_people_of(reader, known):
        del unknown[0]  # Poland, where the source has Polish troops
    return [match[0] for match in unknown]


def _has_people_of(reader: EnglishReader, text: str) -> bool:
    """Whether an English text has the nationality of the country at a phrase's beginning.

    The two begin alike in Arabic: بولندا and بولندي, Poland and Polish.
    """
    country = reader.gazetteer.match(reader.words, 0, "en")
    source = EnglishReader(text, shipped())
    matches = (source.gazetteer.match(source.words, at, "en") for at in range(len(source.words)))
    people = [name for match in matches if match for name in match.names if name.kind == NATIONALITY]
    return country is not None and bool(_arabic_stems(country.names) & _arabic_stems(people))


def _arabic_stems(names: Iterable[Name]) -> frozenset[str]:
    return frozenset(fold(form).removeprefix("ال")[:STEM] for name in names for form in name.arabic)


def _other_names(reader: EnglishReader, start: int) -> list[str]:
    """Spellings of the name that begins at a character, by the tables."""
    at = next((at for at, word in enumerate(reader.words) if word.start == start), None)
    match = None if at is None else reader.gazetteer.match(reader.words, at, "en")
    return [form for name in match.names for form in name.english] if match else []


def agree(values: Set[str], others: Set[str]) -> bool:
    """Whether two answers state the same, or one of them a fuller value: "September", "September 2025".

    Args:
        values: Of one answer, as ``values_in`` returns them.
        others: Of the other.
    """
    return bool(values and others) and (values <= others or others <= values)


def _denials(text: str) -> int:
    """The number of negations: a sentence that loses one of two says the opposite in part."""
    if not is_arabic(text):
        return len(_NEGATIONS["en"].findall(text))
    return len(_NEGATIONS["ar"].findall(fold(_DOUBLED.sub(" ", text))))


def holding(words: str, cited: Sequence[Evidence]) -> Evidence | None:
    """The first sentence that contains exactly these words, or else with an ending on the last one."""
    exact = (item for item in cited if contains(item.text, words))
    return next(exact, next((item for item in cited if quotes(item.text, words)), None))


def contains(text: str, words: str) -> bool:
    """Whether a text contains exactly these words, folded; an Arabic particle may be joined to the first."""
    return re.search(rf"{_start(words)}(?: |$)", fold(text)) is not None


def quotes(text: str, words: str) -> bool:
    """Whether a text contains these words, the last one perhaps with an ending: وزير in وزيرها."""
    return re.search(_start(words), fold(text)) is not None


def _start(words: str) -> str:
    return rf"(?:^| ){_JOINED}{re.escape(fold(words))}"
