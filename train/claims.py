"""Claims with cited sentences, right ones and ones corrupted in a known way, to which the verifier is fitted.

They are made from question sets whose text exists in both languages. A right claim is a phrase or a whole
sentence that the cited sentence states, in its language or in the other. A corrupted one differs from it by
one change.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.answering.support import Relation, relation
from rag.language.quantities import MONTH_WORDS
from rag.language.text import fold
from train.altered import DIGITS, Change, other_number
from train.reading import Fact, Material

Corruption = Literal["", "number", "name", "negated", "moved", "invented"]

FORMS = ("phrase", "quoted", "statement", "sentence")

LONGEST = 300
"""Characters of a sentence that serves as a claim."""

_NEGATED = re.compile(r"\b(is|was|were|are|has|had|have|can|could|will|would|may|did|does)\b(?! not)")
_NAME = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A claim, the sentence that it cites, and its corruption."""

    text: str
    words: str
    """What it quotes of its source, if anything."""
    source: str
    """The cited sentence."""
    corruption: Corruption
    """Empty where the claim is right."""
    pair: str
    """Languages of claim and source."""
    form: str
    """One of ``FORMS``."""
    cluster: str
    """The document."""
    part: str
    """Of train/reading.py: train, dev or test."""
    question: str = field(default="", compare=False)
    """What it answers, in its language."""

    @property
    def relation(self) -> Relation:
        """Of claim and source."""
        return relation(self.text, self.words, [self.source])


def drawn(items: Sequence[Labelled], count: int) -> list[Labelled]:
    """A random sample of at most ``count`` of each relation, balanced over forms and corruptions."""
    groups: dict[Relation, dict[tuple[str, str], list[Labelled]]] = {}
    for item in items:
        groups.setdefault(item.relation, {}).setdefault((item.form, item.corruption), []).append(item)
    rng = random.Random(0)
    chosen: list[Labelled] = []
    for own in groups.values():
        # Right claims of each form as many as its corrupted ones.
        for (form, corruption), pool in sorted(own.items()):
            kinds = sum(f == form and bool(c) for f, c in own)
            share = count / len({f for f, _ in own}) / 2 / (kinds if corruption else 1)
            chosen += rng.sample(pool, min(len(pool), round(share)))
    return chosen


def labelled(sets: Sequence[Material], seed: int = 0) -> list[Labelled]:
    """All right claims, and every possible corruption of each.

    Args:
        sets: The same facts over text in two languages are recognised by their ids.
        seed: Of the changes.
    """
    rng = random.Random(seed)
    told: dict[str, dict[str, str]] = {}
    for own in sets:
        for fact in _facts(own):
            told.setdefault(fact.stem, {})[own.language] = own.sentences[fact.sentences[0]]
    made = []
    for own in sets:
        pools = {language: _names(own, language) for language in ("en", "ar")}
        for fact in _facts(own):
            source = own.sentences[fact.sentences[0]]
            for right in _right(own, fact, source, told.get(fact.stem, {})):
                made.append(right)
                # A value that is in the source, in either language, would not be a corruption.
                pool = pools[right.pair[:2]].items()
                names = [name for name, here in pool if not here or fold(here) not in fold(source)]
                made += _corrupted(right, own, fact, names, rng)
    return list(dict.fromkeys(made))


def _facts(own: Material) -> Iterator[Fact]:
    for facts in own.facts.values():
        yield from (fact for fact in facts if len(fact.sentences) == 1)


def _right(own: Material, fact: Fact, source: str, told: dict[str, str]) -> Iterator[Labelled]:
    here = fact.answers.get(own.language, "")
    cluster, part = f"{own.name} {fact.document}", own.parts[fact.document]
    for language, phrase in fact.answers.items():
        pair = f"{language}-{own.language}"
        asked = fact.questions.get(language, "")
        yield Labelled(phrase, "", source, "", pair, "phrase", cluster, part, asked)
        if language != own.language and here and here in source:
            yield Labelled(phrase, here, source, "", pair, "quoted", cluster, part, asked)
    # What a model says in a sentence of its own: the question's words, and the answer among them.
    for language, phrase in fact.answers.items():
        text = f"{fact.questions[language].rstrip(' ؟?')} {phrase}"
        pair = f"{language}-{own.language}"
        yield Labelled(text, "", source, "", pair, "statement", cluster, part, fact.questions[language])
    for language, sentence in told.items():
        if len(sentence) <= LONGEST and language != own.language:
            yield Labelled(sentence, "", source, "", f"{language}-{own.language}", "sentence", cluster, part)
    if own.language in told and len(source) <= LONGEST:
        shorter = _shortened(source)
        yield Labelled(shorter, "", source, "", f"{own.language}-{own.language}", "sentence", cluster, part)


def _shortened(sentence: str) -> str:
    """The sentence up to its last comma, as a model that copies a sentence may leave out its end."""
    head, comma, tail = max(
        (sentence.rpartition(mark) for mark in (", ", "، ")), key=lambda parts: len(parts[0])
    )
    return f"{head}." if comma and len(head) > len(tail) else sentence


def _corrupted(
    right: Labelled, own: Material, fact: Fact, names: list[str], rng: random.Random
) -> Iterator[Labelled]:
    text = right.text
    if numbers := DIGITS.findall(text):
        old = rng.choice(numbers)
        new = other_number(old, rng)
        if new not in DIGITS.findall(fold(right.source)):
            change = Change(old, new)
            yield replace(right, text=change(text), corruption="number")
            if right.words and change(right.words) != right.words:
                yield replace(right, text=change(text), words=change(right.words), corruption="number")
    elif any(fold(word) in MONTH_WORDS for word in text.split()):
        change_ = Change.between(text, [text], rng)
        if change_:
            yield replace(right, text=change_(text), corruption="number")
    if (swapped := _renamed(right, names, rng)) and right.form != "statement":
        yield replace(right, text=swapped, corruption="name")
    if right.form in ("sentence", "statement") and (denied := _negated(text, right.pair[:2])):
        yield replace(right, text=denied, corruption="negated")
    others = [own.sentences[i] for i in fact.ranked[:4]]
    others = [o for o in others if not any(fold(a) in fold(o) for a in fact.answers.values())]
    if others:
        yield replace(right, source=rng.choice(others), corruption="moved")
    if right.form == "statement":
        yield from _of_question(right, fact, names, rng)
        return
    far = [o for o in names if not set(fold(o).split()) & set(fold(f"{text} {right.source}").split())]
    if right.form != "sentence" and far:
        yield replace(right, text=rng.choice(far), corruption="invented")
    elif right.form == "sentence":
        i = rng.randrange(len(own.sentences))
        if right.pair[:2] == right.pair[3:] and own.sentences[i] != right.source:
            yield replace(right, text=own.sentences[i], corruption="invented")


def _of_question(right: Labelled, fact: Fact, names: list[str], rng: random.Random) -> Iterator[Labelled]:
    """The question's words with a wrong answer."""
    question = fact.questions[right.pair[:2]].rstrip(" ؟?")
    far = [o for o in names if not set(fold(o).split()) & set(fold(f"{right.text} {right.source}").split())]
    if far:
        yield replace(right, text=f"{question} {rng.choice(far)}", corruption="invented")


def _names(own: Material, language: str) -> dict[str, str]:
    """Short answers of a corpus in a language, to replace others, with their words in its text."""
    found = {}
    for fact in _facts(own):
        told, english = fact.answers.get(language, ""), fact.answers.get("en", "")
        if 0 < len(told.split()) <= 4 and not DIGITS.search(told) and (not english or english[0].isupper()):
            found[told] = fact.answers.get(own.language, "")
    return dict(sorted(found.items()))


def _renamed(right: Labelled, names: list[str], rng: random.Random) -> str:
    """The claim with one of its names, or the last word of one, replaced by another; empty without names."""
    english = right.pair[:2] == "en"
    words = list(_NAME.finditer(right.text))
    if english:
        words = [w for w in words if w[0][0].isupper() and (w.start() or right.form != "sentence")]
    elif right.form == "sentence":
        words = [w for w in words if any(w[0] in name.split() for name in names)]
    others = [name.split()[-1] for name in names]
    if english:
        others = [other for other in others if other[0].isupper()]
    if not words or not others:
        return ""
    old, new = words[-1], rng.choice(others)
    if fold(new) in fold(f"{right.text} {right.source} {right.words}"):
        return ""
    return right.text[: old.start()] + new + right.text[old.end() :]


def _negated(text: str, language: str) -> str:
    if language == "ar":
        return f"لم {text}"
    match = _NEGATED.search(text)
    return f"{text[: match.end()]} not{text[match.end() :]}" if match else ""
