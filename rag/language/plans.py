"""Whether a sentence reports something as planned or as done: ستغادر and غادرت, "will leave" and "has left".

A plan in one article and its outcome in another answer the same question, and neither is the whole answer.
Only grammar is read: future forms, words of planning and completion, past forms. Which action they belong to
is recognised by the consonants of an Arabic word and the stem of an English one, and by a table of common
news events, in which "leave", "withdraw" and انسحاب are the same.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache

from rag.language.quantities import years
from rag.language.terms import terms
from rag.language.text import fold, is_arabic

LEAST = 3
"""Fewest consonants that identify an Arabic word: many unrelated words share two."""

REACH = 3
"""How many words after one of planning or completion may be the action: "تخطط للإعلان عن سحب"."""

_PLANNING = re.compile(
    r"[وفبل]?(?:ال)?(?:خطه|خطط|خططها|خططه|مقرر|متوقع|مرتقب|اتفاق|اتفاقا|اتفق|اتفقت|اتفقا|اتفقتا|قرر|قررت|قررا|"
    r"[يت]عتزم|[يت]نوي|[يت]ريد|[يت]طلب|طلب|طلبت|وافق|وافقت|[يت]وافق|[يت]امل|[يت]خطط|[يت]دعو|دعا|دعت|مطالب|مطالبه|"
    r"بحلول|سوف)"
)
_COMPLETING = re.compile(
    r"[وف]?(?:اتم|اتمت|اتموا|اكمل|اكملت|اكملوا|استكمل|استكملت|انهي|انهت|انتهي|انتهت|اكتمل|اكتملت|تم|تمت|جري|جرت)"
)
"""Whole words, folded: أ is ا, ى is ي and ة is ه."""

_FUTURE = re.compile(r"[وف]?س[يتنا]\w{3,}")
_ASKS_AHEAD = re.compile(
    r"^\W*[Ww]ill\b|(?<!\bthe )(?<!\bof )(?<!\bfree )(?<!['’]s )\bwill\b|\bshall\b|\b[Ww]on['’]t\b"
    r"|^(?!.*\b(?:was|were)\b).*\bgoing to (?!(?:the|a|an|[A-Z]\w*)\b)"
)
_ASKS_AHEAD_ARABIC = re.compile(
    r"\bسوف\b|\b[وف]?(?:متي|هل)\s+(?!سيطر|سيار|سياس|سيناء|سيناريو|سيد[هات]?\b|سيول\b|ستيف|سنغافور|سنوات|سنه\b)س[يتن]\w{2,}"
)
"""Folded: a future verb behind "when" or "whether". Elsewhere many names begin with the same letters;
the listed words do so even there."""
_PAST = re.compile(
    r"[وف]?(?:ا(?:\w{3}|ن\w{3}|\wت\w{2,3}|ست\w{3,4})|\wا\w\w)(?:ت|وا|تا|ا)?|\w{3,4}(?:ت|وا|تا)"
)
"""Past forms that cannot be nouns: the derived forms (اكمل, انسحب, اجتمع, استقبل, غادر), and others with an
ending (رحلت)."""

_NO_VERB = re.compile(r"(?:[وفبل]?ال|لل|[مين]\w).*|.*ا\w(?:ه|ها|هم|ا)?")
"""Words with an article, with the first letter of participles or present forms, or with the alef of a verbal
noun (انسحاب)."""

_ENGLISH_PLANNED = re.compile(
    r"\b(?:will|would|shall|(?:going|plans?|planned|planning|agreed|due|set|scheduled|expected|intends?|wants?|"
    r"vowed|promised|about|are|is) to)\s+"
    r"(?:\w+ly\s+|soon\s+|also\s+|be\s+|have\s+|start\s+|begin\s+|complete\s+)*(\w+)"
    r"|\b(?:plans?|agreement|deal|decision|timetable|schedule)\s+(?:for|on)\s+(?:(?:the|a|its|their)\s+)?(\w+)"
)
_ENGLISH_DONE = re.compile(
    r"\b(?:has|have|had|was|were)\s+(?:\w+ly\s+|already\s+|now\s+|all\s+|since\s+|been\s+)*(\w+)"
    r"|\b(?:completed|finished|concluded)\s+(?:(?:the|a|its|their|his|her)\s+)?(\w+)"
    r"|\b(\w+ed|left|withdrew|went|came|took|sent|fell|fled|flew|struck|shut|met|paid|sold|won|lost)\b"
)
_IRREGULAR = {
    "left": "leave", "withdrew": "withdraw", "withdrawn": "withdraw", "went": "go", "gone": "go",
    "came": "come", "took": "take", "taken": "take", "sent": "send", "fell": "fall", "fallen": "fall",
    "fled": "flee", "flew": "fly", "flown": "fly", "struck": "strike", "met": "meet", "paid": "pay",
    "sold": "sell", "won": "win", "lost": "lose", "built": "build", "held": "hold", "given": "give",
    "broken": "break", "risen": "rise", "driven": "drive",
}  # fmt: skip
"""Verbs of the news whose past form has another stem."""

_VAGUE = frozenset(
    {"be", "have", "do", "make", "begin", "start", "continu", "say", "said", "not", "ad", "announc"}
)
"""Stems that do not identify an event."""


_HAPPENINGS = (
    "leave leaving withdraw withdrawal depart departure exit evacuate vacate pullout غدر سحب خرج رحل جلء",
    "return عود رجع",
    "arrive arrival وصل",
    "open reopen inaugurate فتح",
    "close closure shut غلق",
    "sign signature وقع توقع",
    "attack strike bomb shell raid هجم قصف ضرب",
    "release free فرج",
    "arrest detain capture عقل عتقل",
    "resign resignation ستقل",
    "elect election vote نخب نتخب",
    "deploy deployment نشر نتشر",
    "build construct construction شيد",
    "transfer handover سلم تسلم",
    "launch طلق دشن",
    "cut reduce reduction خفض قلص",
    "raise increase رفع",
    "approve ratify ratification صدق",
    "halt stop cease suspend وقف علق",
    "dissolve disband",
    "invade invasion غزو جتح",
    "kill assassinate قتل غتل",
)
"""Common news events in both languages, one a row: words that a question and two articles may use for the
same event. Arabic words are given as ``_consonants`` returns them."""


@lru_cache(maxsize=1)
def _happenings() -> dict[str, str]:
    """The first word of its row for the key of each word."""
    return {
        word if is_arabic(word[0]) else terms(word)[0]: row.split()[0]
        for row in _HAPPENINGS
        for word in row.split()
    }


@dataclass(frozen=True, slots=True)
class Events:
    """The events that a sentence reports."""

    planned: frozenset[str]
    """Events reported as planned, by the table's names or the words' keys."""
    done: frozenset[str]
    """Events reported as done."""
    years: frozenset[int]
    """Years that it names."""


@lru_cache(maxsize=256)  # one question compares a sentence with some thirty others, in both directions
def events(sentence: str) -> Events:
    """The events that a sentence reports as planned and as done.

    Args:
        sentence: In Arabic or English, as written.
    """
    folded = fold(sentence)
    planned, done = _arabic(re.findall(r"[^\W_]+", folded))
    planned |= _english(_ENGLISH_PLANNED, folded)
    done |= _english(_ENGLISH_DONE, _ENGLISH_PLANNED.sub(" ", folded))  # "is to be closed"
    planned, done = _named(planned), _named(done)
    # "was to leave", "has agreed to leave": the sentence reports the plan.
    return Events(frozenset(planned - done), frozenset(done - planned), frozenset(years(folded)))


def asked(question: str) -> frozenset[str]:
    """What a question may ask about: the names and keys of its words.

    Args:
        question: In Arabic or English.
    """
    keys: set[str] = set()
    for word in re.findall(r"[^\W_]+", fold(question)):
        if is_arabic(word[0]):
            keys |= {_consonants(word), _consonants(re.sub(r"^[وف]?س?[يتنا]", "", word))}
        else:
            keys.add(terms(_IRREGULAR.get(word, word))[0])
    return frozenset(_named(keys) - _VAGUE)


def asks_about_future(question: str) -> bool:
    """Whether the verb of a question asks about the future: "when will …", متى ست….

    In English any question with "will" counts.

    Args:
        question: In Arabic or English.
    """
    return bool(_ASKS_AHEAD.search(question) or _ASKS_AHEAD_ARABIC.search(fold(question)))


def fulfils(deed: str, plan: str, about: Set[str]) -> bool:
    """Whether the first sentence reports as done what the second reports as planned.

    Something done before the year of the plan, or in a year while the plan names none, was probably something
    else.

    Args:
        deed: A sentence.
        plan: Another sentence.
        about: The events that matter: ``asked(question)``.
    """
    done, planned = events(deed), events(plan)
    if done.years and not (planned.years and max(done.years) >= min(planned.years)):
        return False
    return bool(done.done & planned.planned & about)


def _named(keys: Set[str]) -> set[str]:
    return {_happenings().get(key, key) for key in keys if len(key) >= LEAST}


def _arabic(words: list[str]) -> tuple[set[str], set[str]]:
    planned: set[str] = set()
    done: set[str] = set()
    for at, word in enumerate(words):
        if not is_arabic(word[0]):
            continue
        if _FUTURE.fullmatch(word):
            planned.add(_consonants(re.sub(r"^[وف]?س[يتنا]", "", word)))
        actions = [action for action in words[at + 1 : at + 1 + REACH] if is_arabic(action[0])]
        if _PLANNING.fullmatch(word):
            planned.update(_consonants(action) for action in actions)
            planned.update(_consonants(action[1:]) for action in actions if action[0] in "يتن")
        elif _COMPLETING.fullmatch(word):
            done.update(_consonants(action) for action in actions)
        if _PAST.fullmatch(word) and not _NO_VERB.fullmatch(word):
            done.add(_consonants(word))
    return planned, done


def _consonants(word: str) -> str:
    """A word without its articles, endings, weak letters and the letters of derived forms."""
    bare = re.sub(r"^(?:[وف]?(?:بال|كال|ال|لل))", "", word)
    if bare == word and len(word) > 4 and word[0] in "وفبل":
        bare = word[1:]
    if len(bare) > 3:
        bare = re.sub(r"(?:هما|ها|هم|وا|تا|ات|ون|ين|ان|ه|ت|ي|ا)$", "", bare)
    if len(bare) > 4:
        bare = re.sub(r"^(?:است|ست|م)", "", bare)
    bare = re.sub("[اويء]", "", bare)
    return bare[1:] if len(bare) > LEAST and bare[0] == "ن" else bare


def _english(pattern: re.Pattern[str], folded: str) -> set[str]:
    verbs = {word for match in pattern.finditer(folded) for word in match.groups() if word}
    keys = {terms(_IRREGULAR.get(word, word))[0] for word in verbs if not is_arabic(word[0])}
    return keys - _VAGUE
