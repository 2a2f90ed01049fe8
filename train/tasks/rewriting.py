"""Rewriting examples: a conversation and a follow-up become a question that stands alone.

Follow-ups are made from questions that stand alone: a name that the conversation has becomes a pronoun, a
question is repeated for another place, person or year ("And in Syria?"), or another question word is put to
it ("And where?"). A quarter of the follow-ups stand alone already and are to be repeated.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.language.translation.gazetteer import gazetteer
from train import reading as lessons
from train.tasks.examples import Example, Split, rewriting, seeded
from train.tasks.sources import Topic

_SPAN = re.compile(
    r"(?<![.?!] )(?<!^)\b[A-Z][\w'’.-]*\w(?: (?:of |the |de |al-|bin |and the )?[A-Z][\w'’.-]*\w)*"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PREPOSITIONS = {
    "في": ("فيه", "فيها"), "من": ("منه", "منها"), "عن": ("عنه", "عنها"), "على": ("عليه", "عليها"),
    "إلى": ("إليه", "إليها"), "مع": ("معه", "معها"), "بعد": ("بعده", "بعدها"), "قبل": ("قبله", "قبلها"),
    "ضد": ("ضده", "ضدها"), "لدى": ("لديه", "لديها"), "حول": ("حوله", "حولها"),
}  # fmt: skip
_ASKING = {"متى", "أين", "ماذا", "لماذا", "كيف"}
_SWAPPED = {"en": ("When", "Where", "Why", "How"), "ar": ("متى", "أين", "لماذا", "كيف")}
_AUXILIARY = {"did", "was", "were", "does", "do", "is", "are", "will", "has", "have", "had", "can", "could"}
_ABOUT = {
    "en": ("What about {}?", "And {}?", "How about {}?", "and {}?", "And what about {}?"),
    "ar": ("وماذا عن {}؟", "ماذا عن {}؟", "و{}؟", "وماذا بشأن {}؟"),
}
_WITHIN = {"en": ("And in {}?", "What about in {}?", "In {}?"), "ar": ("وفي {}؟", "وماذا عن {}؟", "في {}؟")}
_ENDINGS = re.compile(r"[?؟.!]+$")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that stands alone and its answer, in one language."""

    question: str
    answer: str
    person: str = ""
    """The answer where it is a person's name."""


@dataclass(slots=True)
class Names:
    """Names by kind, in both languages."""

    rows: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    kind_of: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Names:
        """From the tables of names that ship with the package."""
        names = cls()
        for name in gazetteer().names:
            names.rows[name.kind].append((name.english[0], name.arabic[0]))
            for form in (*name.english, *name.arabic):
                if len(form) > 2:
                    names.kind_of.setdefault(form, name.kind)
        return names

    def other(self, kind: str, language: str, rng: random.Random) -> str:
        """Some name of a kind."""
        row = rng.choice(self.rows[kind][:400])
        return row[0] if language == "en" else row[1]


def conversations(
    topics: Sequence[Topic], sets: Sequence[lessons.Material], split: Split
) -> list[list[Turn]]:
    """Questions that belong together, by language."""
    found = []
    by_file: dict[str, list[Topic]] = defaultdict(list)
    for topic in topics:
        if topic.split == split:
            by_file[topic.name if topic.source == "news" else topic.name.split(":")[0]].append(topic)
    for group in by_file.values():
        for language in ("en", "ar"):
            for topic in group:
                turns = []
                for item in topic.asked:
                    phrase = item.answer[language][0] if len(item.answer[language]) == 1 else ""
                    person = phrase if item.kind == "person" else ""
                    whole = seeded("turn", item.id).random() < 0.6
                    answer = item.sentence[language] if whole or not phrase else phrase
                    turns.append(Turn(item.question[language], answer, person))
                found.append(turns)
    part = "train" if split == "train" else "test"
    for own in sets:
        for document, facts in own.facts.items():
            for language in ("en", "ar"):
                if own.parts[document] == part and own.name != "xquad-dev-en":
                    turns = [
                        Turn(f.questions[language], f.answers[language])
                        for f in facts
                        if language in f.questions
                    ]
                    found.append(turns)
    return [turns for turns in found if turns]


def examples(
    found: Sequence[list[Turn]], names: Names, source: str, split: Split, most: int
) -> Iterator[Example]:
    """Examples of conversations.

    Args:
        found: What ``conversations`` returned.
        names: For other names.
        source: Named in the examples.
        split: Training or validation.
        most: Examples of one conversation at most.
    """
    for number, turns in enumerate(found):
        rng = seeded("rewrite", source, split, number)
        stranger = found[rng.randrange(len(found))]
        while _arabic(stranger[0].question) != _arabic(turns[0].question):
            stranger = found[rng.randrange(len(found))]
        made: list[Example] = []
        for at, turn in enumerate(turns):
            for history, question, standalone, kind in _made(turns, at, turn, stranger, names, rng):
                if question != standalone or kind == "same":
                    made.append(
                        rewriting(
                            [(t.question, t.answer) for t in history],
                            question,
                            standalone,
                            source=source,
                            kind=kind,
                            split=split,
                        )
                    )
        rng.shuffle(made)
        yield from made[:most]


Made = tuple[list[Turn], str, str, str]


def _made(
    turns: list[Turn], at: int, turn: Turn, stranger: list[Turn], names: Names, rng: random.Random
) -> Iterator[Made]:
    language = "ar" if _arabic(turn.question) else "en"
    others = [t for n, t in enumerate(turns) if n != at]
    rng.shuffle(others)
    before = [rng.choice(stranger)] if rng.random() < 0.35 else []
    pronoun = _pronoun_english if language == "en" else _pronoun_arabic
    for other in others:
        follow = pronoun(turn.question, f"{other.question} {other.answer}", names, other.person, rng)
        if follow:
            yield [*before, other], follow, turn.question, "pronoun"
            break
    swapped = _other_name(turn.question, language, names, rng) or _other_year(turn.question, language, rng)
    if swapped and rng.random() < 0.8:
        yield [*before, turn], *swapped, "about"
    word = _other_word(turn.question, language, rng)
    if word and rng.random() < 0.6:
        yield [*before, turn], *word, "word"
    if rng.random() < 0.25:
        history = [rng.choice(others if others and rng.random() < 0.5 else stranger)]
        before = [t for t in before if t.question != history[0].question]
        if history[0].question != turn.question:
            yield [*before, *history], turn.question, turn.question, "same"


def _pronoun_english(question: str, told: str, names: Names, person: str, rng: random.Random) -> str:
    for span in sorted((m[0] for m in _SPAN.finditer(question)), key=len, reverse=True):
        name = re.sub(r"['’]s$", "", span)
        if len(name) < 4 or not re.search(rf"\b{re.escape(name)}\b", told) or question.count(name) > 1:
            continue
        kind = "person" if name == person else names.kind_of.get(name, "")
        if not kind and _YEAR.search(name):
            continue
        subject, own, place = _english_words(kind, name, rng)
        for pattern, instead in (
            (rf"\bthe {re.escape(name)}['’]s\b", own),
            (rf"\b{re.escape(name)}['’]s\b", own),
            (rf"\b(?:in|at) (?:the )?{re.escape(name)}\b", "there" if place else ""),
            (
                rf"\b(?:by|to|for|with|about|against|of|from|on|that) (?:the )?{re.escape(name)}(?=\W*$)",
                "OBJECT",
            ),
            (rf"\bthe {re.escape(name)}\b", subject),
            (rf"\b{re.escape(name)}\b", subject),
        ):
            if instead and re.search(pattern, question):
                if instead == "OBJECT":
                    obj = {"he": "him", "she": "her", "they": "them"}.get(subject, subject)
                    return re.sub(pattern, lambda m: f"{m[0].split()[0]} {obj}", question, count=1)  # noqa: B023
                return re.sub(pattern, instead, question, count=1)
    return ""


def _english_words(kind: str, name: str, rng: random.Random) -> tuple[str, str, bool]:
    if kind == "person" or (not kind and len(name.split()) == 2 and rng.random() < 0.5):
        she = rng.random() < 0.25
        return ("she", "her", False) if she else ("he", "his", False)
    if kind in ("armed_group", "media", "title") and rng.random() < 0.5:
        return "they", "their", False
    return "it", "its", kind == "place"


def _pronoun_arabic(question: str, told: str, names: Names, person: str, rng: random.Random) -> str:
    words = question.split()
    candidates = [person] if person and person in question else []
    for size in (4, 3, 2, 1):
        for start in range(1, len(words) - size + 1):
            phrase = " ".join(words[start : start + size]).rstrip("؟?،")
            if phrase in names.kind_of or (phrase[:1] in "لبوف" and phrase[1:] in names.kind_of):
                candidates.append(phrase if phrase in names.kind_of else phrase[1:])
    for name in candidates:
        if len(name) < 4 or name not in told or question.count(name) > 1:
            continue
        kind = "person" if name == person else names.kind_of.get(name, "")
        feminine = kind in ("place", "organisation", "company") or bool(
            re.search(r"\bت\w+ $", question[: question.index(name)])
        )
        made = _without(question, name, int(feminine), place=kind == "place")
        if made:
            return made
    return ""


def _without(question: str, name: str, gender: int, *, place: bool) -> str:
    before, _, after = question.partition(name)
    after_word = after[:1]
    if after_word and after_word not in " ؟?،":
        return ""
    if before.endswith(("ل", "ب")) and (len(before) < 2 or before[-2] == " "):
        pronoun = ("ه", "ها")[gender]
        return f"{before}{pronoun}{after}"
    if not before.endswith(" "):
        return ""
    previous = before.split()[-1] if before.split() else ""
    head = before.rstrip()[: -len(previous)] if previous else ""
    if place and previous == "في":
        return f"{head}هناك{after}"
    if previous in _PREPOSITIONS:
        return f"{head}{_PREPOSITIONS[previous][gender]}{after}"
    earlier = before.split()[:-1]
    if earlier and earlier[-1] in _ASKING and not previous.startswith("ال"):  # the verb's subject
        return f"{before.rstrip()}{after}"
    if (
        previous
        and not previous.startswith("ال")
        and previous not in _ASKING
        and len(previous) > 2
        and len(earlier) > 1
    ):
        joined = previous[:-1] + "ت" if previous.endswith("ة") else previous
        if re.fullmatch(r"[\u0621-\u064a]+[^\Wهايو]", joined) and not re.match(r"[يتنأ]", previous):
            return f"{head}{joined}{('ه', 'ها')[gender]}{after}"
    return ""


def _other_name(question: str, language: str, names: Names, rng: random.Random) -> tuple[str, str] | None:
    """A follow-up on another name of the same kind, and what it means."""
    words = question.split()
    for size in (4, 3, 2, 1):
        for start in range(1, len(words) - size + 1):
            phrase = _ENDINGS.sub("", " ".join(words[start : start + size])).rstrip(",،")
            kind = names.kind_of.get(phrase, "")
            if kind not in ("person", "place", "organisation", "company", "armed_group") or len(phrase) < 3:
                continue
            if language == "en" and not phrase[0].isupper():
                continue
            new = names.other(kind, language, rng)
            if new == phrase or new in question or question.count(phrase) != 1:
                continue
            within = words[start - 1] in ("in", "في")
            forms = (_WITHIN if within else _ABOUT)[language]
            return rng.choice(forms).format(new), question.replace(phrase, new)
    return None


def _other_year(question: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    years = _YEAR.findall(question)
    if len(years) != 1:
        return None
    new = str(int(years[0]) + rng.choice((-3, -2, -1, 1, 2, 3, 5)))
    forms = _WITHIN[language] if language == "en" else ("وفي عام {}؟", "وماذا عن عام {}؟", "وفي {}؟")
    return rng.choice(forms).format(new), question.replace(years[0], new)


def _other_word(question: str, language: str, rng: random.Random) -> tuple[str, str] | None:
    """A follow-up that is another question word alone."""
    first, _, rest = question.partition(" ")
    if first not in _SWAPPED[language] or not rest:
        return None
    if language == "en" and rest.split()[0] not in _AUXILIARY:
        return None
    if first in ("How", "كيف") and language == "ar":
        return None
    new = rng.choice([w for w in _SWAPPED[language] if w not in (first, "How", "كيف")])
    forms = ("And {}?", "{}?", "and {}?") if language == "en" else ("و{}؟", "{}؟")
    shown = rng.choice(forms)
    lower = new.lower() if language == "en" and not shown.startswith("{") else new
    return shown.format(lower), f"{new} {rest}"


def _arabic(text: str) -> bool:
    return bool(re.search(r"[\u0621-\u064a]", text))
