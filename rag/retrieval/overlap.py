"""Which content words of a question a text contains, in the question's language or in the other one.

Across languages a word is found by a meaning in the lexicon, by a name in the gazetteer, or by its sound.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.language.names import likeness
from rag.language.terms import terms
from rag.language.text import detect_language, fold
from rag.language.translation.hints import hints_for
from rag.language.translation.names_check import SAME_NAME, is_there, meaning_stems
from rag.language.translation.words import LEAST, Word, is_arabic_word, is_stop, keys_of, stems_of, words_of
from rag.language.word_classes import AUXILIARIES, QUESTION_WORDS, closed
from rag.records import Language

_ASKING = QUESTION_WORDS | AUXILIARIES | closed("كم متي اين كيف لماذا ماذا من بلغ بلغت يبلغ تبلغ")
"""Words that ask and name nothing; كم بلغت is "how much is"."""


FEW = 2
"""Content words below which a question is too short to show what it is about."""


def words_in(question: str, text: str) -> frozenset[str]:
    """The content words of a question that a text contains.

    Args:
        question: In English or Arabic.
        text: In either of them.

    Returns:
        The words as the question writes them, folded; a name of several words may be one of them.
    """
    language, there = detect_language(question), set(terms(text))
    words = frozenset(word.key for word in _content(question, language) if there & set(terms(word.text)))
    if language == detect_language(text):
        return words
    across = _english_in_arabic if language == "en" else _arabic_in_english
    return words | across(question, text)


def names_in(question: str) -> frozenset[str]:
    """The words of a question that are names: known ones, and English words with a capital.

    Args:
        question: In English or Arabic.
    """
    if detect_language(question) == "en":
        return frozenset(w.key for w in _content(question, "en") if w.text[0].isupper() and w.start)
    names = (hint.source for hint in hints_for(question, "ar") if hint.kind == "name")
    return frozenset(key for name in names for key in keys_of(name))


def content_words(question: str) -> frozenset[str]:
    """The words of a question that name something, folded: no function words, and none that ask.

    Args:
        question: In English or Arabic.
    """
    return frozenset(word.key for word in _content(question, detect_language(question)))


def is_about(question: str, texts: Sequence[str]) -> list[bool]:
    """Which texts may be about what a question asks, compared with one another.

    A text that contains none of the question's content words, if there are several, is about something else;
    so is one without any of its names where another text has one.

    Args:
        question: In English or Arabic.
        texts: In either of them.
    """
    words, names = content_words(question), names_in(question)
    words_by_text = [words_in(question, text) for text in texts]
    naming = [bool(matched & names) for matched in words_by_text]
    if any(naming):
        return naming
    return [bool(matched) or len(words) < FEW for matched in words_by_text]


def _content(question: str, language: Language) -> list[Word]:
    return [w for w in words_of(question) if w.key and not is_stop(w.key, language) and w.key not in _ASKING]


def _english_in_arabic(question: str, text: str) -> frozenset[str]:
    known, there = meaning_stems(text), [word for word in words_of(text) if len(word.key) >= LEAST]
    sounds = [word.key for word in there if is_arabic_word(word.text)]
    latin = {word.key for word in there if not is_arabic_word(word.text)}
    return frozenset(
        word.key
        for word in _content(question, "en")
        # Only a capital shows that a word may be found by its sound.
        if is_there(word, known, sounds if word.text[0].isupper() else (), latin)
    )


def _arabic_in_english(question: str, text: str) -> frozenset[str]:
    stems = stems_of(text, "en")
    capitals = [word.text for word in words_of(text) if word.text[0].isupper()]
    keys: set[str] = set()
    for hint in hints_for(question, "ar"):
        if fold(hint.source) in _ASKING:
            continue
        sounds = [word.key for word in words_of(hint.source)] if hint.kind == "name" else []
        if any(stems_of(target, "en") & stems for target in hint.targets) or any(
            likeness(capital, sound) >= SAME_NAME for capital in capitals for sound in sounds
        ):
            keys.update(keys_of(hint.source))
    return frozenset(keys)
