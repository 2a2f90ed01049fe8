"""A follow-up → what is searched for, and what the model is asked.

A follow-up that names something else ("And the bridge?", "No, I meant the hospital") is the question before,
asked about what it names. Any other depends on the conversation where it is short, continues ("and …", «وماذا
عن …»), or has a word that points back ("he", "there", "ذلك"). It is searched for together with the question
before it and the first words of that question's answer. The model is asked the follow-up alone over the
retrieved sentences, or after the question before it where it is too short to be about anything. Rules of
grammar that rewrote all follow-ups, 1,400 lines, found no more evidence (docs/research/decisions.md,
"Conversation").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.conversation.remarks import remark, without_remarks
from rag.conversation.replacement import Named, named, names_something, replaced
from rag.language.text import detect_language, fold
from rag.language.word_classes import AUXILIARIES, QUESTION_WORDS, closed
from rag.records import Language, Turn

SHORT = {"en": 5, "ar": 4}
"""Most words of a question that is taken to depend on the one before it, unless it asks about a name. Arabic
writes the article, some prepositions and object pronouns as one word with the next or the last. Refined, with
the rest of ``depends``, on the development dialogues (docs/research/decisions.md, "Conversation")."""

LEAST_ASKED = {"en": 4, "ar": 3}
"""Fewest words of a question that the model can be asked alone, unless it has a name: "by whom?"."""

PRONOUN_AMONG = 4
"""First words of an Arabic question among which a pronoun suffix points back. A later one mostly refers to a
noun of the same question, which follows the question word and the verb. Refined like ``SHORT``."""

ANSWER_WORDS = 8
"""Words of the answer before that are searched for: its value comes first. Not tuned."""

REFUSALS = frozenset({"The articles do not say.", "لا تذكر المقالات ذلك."})
"""Answers without a word about the subject: texts of ``rag.answering.decision``, which imports this room."""

_OF_ANOTHER = re.compile(r"^(?:Another article says|وجاء في مقال آخر):.*", re.MULTILINE)
"""A line of an answer that quotes another article: ``ANOTHER_SAYS`` of ``rag.answering.presentation``."""

_POINTING = {
    "en": closed(
        "he she it they him her them his hers its their theirs this these those there then one ones else "
        "also same other"
    ),
    "ar": closed("هو هي هم هما هن هذا هذه ذلك تلك هؤلاء هناك ايضا"),
}
"""Folded words that point back."""

_THAT = re.compile(
    r"\b(?:is|was|did|does|has|after|before|since|about|of|in|on|at|to|for|from|by|with) that\b|\bthat$"
)
"""Where "that" points back, rather than begins a clause."""

_TIME = r"year|month|week|weekend|morning|spring|summer|autumn|winter"
_NOT_POINTING = {
    "en": re.compile(
        r"\b(?:(?:is|are|was|were|be|been|will) there|it (?:is |was )?(?:true|possible|certain)"
        r"|it (?:take|takes|took)"
        rf"|this (?:{_TIME})|one of|each other|the other|other than)\b"
    ),
    "ar": re.compile(
        r"^(?:من|ما) (?:هو|هي|هم|هما)\b(?= )|\b(?:هل|كان|كانت|ليس|ليست|ان) هناك\b"
        r"|\bهذ[اه] (?:ال)?(?:عام|سنه|شهر|اسبوع|يوم)\b"
    ),
}
"""Folded phrases with such a word that points at nothing before."""

_CONTINUING = {
    "en": re.compile(r"(?:and|but|or|so|what about|how about|(?:no )?i (?:mean|meant))\b"),
    "ar": re.compile(
        r"و?(?:ماذا عن|لكن)\b|(?:لا )?(?:اقصد|اعني)\b|و(?:متي|اين|كم|كيف|هل|من|ما|ماذا|لماذا|مم|اي)?\b"
    ),
}
"""Folded beginnings that continue or correct the question before."""

_SUFFIXED = re.compile(r"\w{2,}(?:ه|ها|هم|هما|هن)")
"""Folded Arabic words that may end in a pronoun."""

_FEMININE = re.compile(r"\w+[ةى]")
"""Written words whose folded form ends as a pronoun would: مدينة."""

_ROOT = re.compile(
    r"[وفبلك]?(?:ال)?(?:له|مياه|وجه|ا?تجاه|شبه|انتباه|مهم|اهم|[اي]سهم|[متي]?ساهم|تفاهم|[ايتن]تهم|متهم"
    r"|درهم|دراهم|راهن|رهن)"
)
"""Folded words whose last letters look like a pronoun and belong to the word: الله, متهم."""

_NAME = re.compile(r"(?<=\s)(?!I\b)[A-Z]\w")
"""The beginning of a word with a capital that the beginning of an English sentence does not explain."""

_ANTECEDENT = re.compile(rf"{_NAME.pattern}|\b(?:the|an?) \w")
_CLAUSE = re.compile(r"[^,،;؛:]+")
"""The first clause of a question. Where it is long, a pronoun of a later clause refers to it."""

_OWN = re.compile(r"\b(?:his|her|its|their)\b")
"""Words that refer to a noun before them in the same question, if there is one."""

_ASKING = QUESTION_WORDS | AUXILIARIES

_CLUTTER = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])|[“”«»\"]")
"""Markers, notes and quotation marks of an answer."""

_QUOTED = re.compile(r"^(.+?): [“«](.+)[”»]", re.MULTILINE)
"""A phrase with the sentence that it is taken from."""


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question with what it needs from the conversation."""

    text: str
    """The question as it is searched for."""
    asked: str = ""
    """The question as it is put to the model, where it depends on the conversation; empty where it can be
    understood alone."""
    about: str = ""
    """What its evidence has to mention: what a follow-up names; empty otherwise."""


def rewrite(question: str, history: Sequence[Turn], *, longest: int) -> Standalone:
    """Add to a question what it needs from the conversation.

    Only the last turn that asks something is used: a follow-up rarely refers to an earlier one.

    Args:
        question: As asked, trimmed.
        history: Earlier turns, oldest first.
        longest: Most characters of the result; a question that would be longer is returned unchanged.

    Returns:
        The question unchanged where there is no history or it can be understood alone.
    """
    turns = [turn for turn in history if not remark(turn.question)]
    if not turns:
        return Standalone(question)
    before, follow_up = standalone(turns), without_remarks(question)
    name = _naming(follow_up)
    about = name.text if name and names_something(name) else ""
    if name and 0 < len(again := replaced(before, name)) <= longest:
        return Standalone(again, about=about)
    if not before or not depends(follow_up):
        return Standalone(question)
    asked = name.text if name and name.corrects else follow_up
    answer = "" if name and name.corrects else answer_start(turns[-1].answer)
    searched = f"{before} ({answer}) {asked}" if answer else f"{before} {asked}"
    if len(searched) > longest:
        return Standalone(question)
    return Standalone(searched, f"{before} {asked}" if is_fragment(asked) else asked, about)


def standalone(turns: Sequence[Turn]) -> str:
    """The last question; where it only names something else, the question before it asked about that.

    Args:
        turns: At least one, oldest first.
    """
    last = turns[-1].question.strip()
    name = _naming(without_remarks(last)) if len(turns) > 1 else None
    return (name and replaced(standalone(turns[:-1]), name)) or last


def _naming(question: str) -> Named | None:
    """What a follow-up names; None where it points back instead: "and his salary?"."""
    name = named(question)
    return None if name is None or points_back(name.text) else name


def answer_start(answer: str) -> str:
    """The first words of an answer without markers, notes and quoted sentences; empty for a refusal.

    Args:
        answer: As it was shown to the reader.
    """
    if answer.strip() in REFUSALS:
        return ""
    kept = _OF_ANOTHER.sub("", answer)
    phrases = _QUOTED.sub(lambda line: line[1] if fold(line[1]) in fold(line[2]) else line[0], kept)
    return " ".join(_CLUTTER.sub("", phrases).split()[:ANSWER_WORDS]).rstrip(" .:،,;؛")


def depends(question: str) -> bool:
    """Whether a question cannot be understood without the one before it.

    Args:
        question: In either language.
    """
    language = detect_language(question)
    return (
        points_back(question)
        or bool(_CONTINUING[language].match(fold(question)))
        or (len(question.split()) <= SHORT[language] and not _names(question, language))
    )


def is_fragment(question: str) -> bool:
    """Whether a question is too short to be about anything, such as "by whom?".

    Args:
        question: In either language.
    """
    language = detect_language(question)
    return len(question.split()) < LEAST_ASKED[language] and not _names(question, language)


def points_back(question: str) -> bool:
    """Whether a word of a question refers to what was said before.

    Args:
        question: In either language.
    """
    language = detect_language(question)
    clause = _CLAUSE.match(question)
    text = clause[0] if clause and len(clause[0].split()) > SHORT[language] else question
    if language == "en" and (noun := _ANTECEDENT.search(text)):
        text = text[: noun.start()] + _OWN.sub("", text[noun.start() :])
    folded = _NOT_POINTING[language].sub("", fold(text))
    if _POINTING[language] & set(folded.split()):
        return True
    if language == "en":
        return bool(_THAT.search(folded))
    return any(map(_may_end_in_pronoun, text.split()[:PRONOUN_AMONG]))


def _names(question: str, language: Language) -> bool:
    """Whether it is an English question, rather than a phrase, with a name."""
    first = fold(question).split()[:1]
    return language == "en" and bool(_ASKING.intersection(first) and _NAME.search(question))


def _may_end_in_pronoun(word: str) -> bool:
    folded = fold(word)
    return bool(_SUFFIXED.fullmatch(folded)) and not (
        _FEMININE.fullmatch(word.rstrip("؟?.,،!")) or _ROOT.fullmatch(folded)
    )
