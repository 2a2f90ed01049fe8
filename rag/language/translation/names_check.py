"""The names of a sentence that its translation lacks, by tables, roots and sounds.

Lenient on purpose: a name counts as kept if the translation has a word of it, its root, or a similar sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rag.language.names import likeness
from rag.language.terms import stem
from rag.language.translation import tables
from rag.language.translation.hints import EnglishReader, Hint, hints_for, shipped
from rag.language.translation.transliteration import likeness_to_names
from rag.language.translation.words import (
    LEAST,
    Word,
    is_arabic_word,
    is_stop,
    keys_of,
    stems_of,
    unprefixed,
    words_of,
)

SAME_NAME = 0.55
"""Least similarity of sounds for two words to be the same name: newspapers spell names very differently. Not
tuned; nine of ten pairs of unrelated names are below .43 (docs/research/decisions.md)."""
SURE_NAME = 3.0
"""Least ``likeness_to_names``, in nats, of an unknown word that is reported as a missing name. Not tuned."""
ROOT = 4
"""First letters that a country and its people share: Lebanon, Lebanese. Not tuned."""


def arabic_names_lacking(arabic: str, english: str) -> Iterator[str]:
    """The names of an Arabic sentence that an English one lacks."""
    words = [word for word in words_of(english) if word.key]
    keys = frozenset(word.key for word in words)
    for hint in hints_for(arabic, "ar"):
        if not _is_sure(hint):
            continue
        names = _forms(hint.source)
        if any(_has_english(form, keys) for form in (*names, *hint.targets)):
            continue
        sounds = [part.key for part in words_of(hint.source) if len(part.key) >= LEAST]
        if not any(likeness(word.text, sound) >= SAME_NAME for word in words for sound in sounds):
            yield hint.source


def _is_sure(hint: Hint) -> bool:
    """Whether the words of a hint can only be a name, and are long enough to compare by sound."""
    keys = [key.removeprefix("ال") for key in keys_of(hint.source)]
    if hint.kind != "name" or max(map(len, keys)) < ROOT:
        return False
    if hint.spelled:
        return likeness_to_names(keys[0]) >= SURE_NAME
    return all(target[0].isupper() for target in hint.targets)


def _forms(arabic: str) -> list[str]:
    """All English spellings of an Arabic name in the tables."""
    match = shipped().gazetteer.match(words_of(arabic), 0, "ar")
    return [form for name in match.names for form in name.english] if match else []


def _has_english(form: str, keys: frozenset[str]) -> bool:
    """Whether an English text has a word of a name, or one of the same root."""
    form_keys = [key for key in keys_of(form) if not is_stop(key, "en") and len(key) > 1]
    return any(key in keys or any(_same_root(key, other) for other in keys) for key in form_keys)


def _same_root(first: str, second: str) -> bool:
    return len(first) >= ROOT and len(second) >= ROOT and first[:ROOT] == second[:ROOT]


def english_names_lacking(english: str, arabic: str) -> Iterator[str]:
    """The names of an English sentence, known ones and capitalised words, that an Arabic one lacks."""
    reader = EnglishReader(english, shipped())
    arabic_words = words_of(arabic)
    known = meaning_stems(arabic)
    sounds = [word.key for word in arabic_words if is_arabic_word(word.text) and len(word.key) >= LEAST]
    latin = {word.key for word in arabic_words if not is_arabic_word(word.text)}
    at = 0
    while at < len(reader.words):
        hint, used = reader.at(at)
        span = reader.words[at : at + used]
        named = hint is not None and hint.kind == "name" and span[0].text[0].isupper()
        if named or (hint is None and _has_capital(english, reader.words, at)):
            match = shipped().gazetteer.match(span, 0, "en")
            forms = [form for name in match.names for form in name.arabic] if match else []
            targets = (*(hint.targets if hint else ()), *forms)
            lenient = any(is_there(word, known, sounds, latin) for word in span)
            if not lenient and not any(_has_arabic(target, arabic_words) for target in targets):
                yield english[span[0].start : span[-1].end]
        at += used


def _has_capital(english: str, words: list[Word], at: int) -> bool:
    """Whether a word's capital shows that it is a name: inside a sentence, not a date or a function word."""
    word = words[at]
    before = english[: word.start].rstrip(" \"'“‘«(")
    inside = bool(before) and before[-1] not in ".?!:;…\n-–—|•"
    dated = (word.key,) in tables.dates()["en"]
    return (
        word.text[0].isupper() and inside and not dated and not is_stop(word.key, "en") and len(word.key) > 2
    )


def is_there(word: Word, known: frozenset[str], sounds: Iterable[str], latin: set[str]) -> bool:
    """Whether an Arabic sentence has an English word's meaning, its root, its letters or its sounds."""
    if word.key in latin or stem(word.key, "en") in known:
        return True
    if any(_same_root(word.key, other) for other in known):
        return True
    return any(likeness(word.text, sound) >= SAME_NAME for sound in sounds)


def _has_arabic(target: str, arabic_words: list[Word]) -> bool:
    """Whether an Arabic text has a word of a name, with particles or without, or one of the same root."""
    target_forms = {form for key in keys_of(target) if not is_stop(key, "ar") for form in unprefixed(key)}
    forms = [form for word in arabic_words for form in unprefixed(word.key)]
    roots = {form[:ROOT] for form in target_forms if len(form) > ROOT and not form.startswith("ال")}
    return any(form in target_forms or (len(form) > ROOT and form[:ROOT] in roots) for form in forms)


@lru_cache(maxsize=256)
def meaning_stems(arabic: str) -> frozenset[str]:
    """The stems of all English meanings, names and values of an Arabic sentence."""
    tables_ = shipped()
    stems: set[str] = set()
    for hint in hints_for(arabic, "ar"):
        for target in (*hint.targets, *(_forms(hint.source) if hint.kind != "value" else ())):
            stems |= stems_of(target, "en")
    for word in words_of(arabic):
        for meaning in tables_.lexicon.meanings(word.text):
            stems |= stems_of(meaning, "en")
    return frozenset(stems)
