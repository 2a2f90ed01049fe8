"""Words, noun phrases and mentions of English, by closed word classes and capital letters alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.conversation.followup import CLOSING, Mention, Role, plain_answer
from rag.language.quantities import MONTH_WORDS
from rag.language.text import closed

WH = closed("who whom whose what which when where why how")

ADVERBS = closed("when where why how")

BE = closed("is are was were isn't aren't wasn't weren't")

_DO = closed("do does did don't doesn't didn't")

AUXILIARIES = (
    BE
    | _DO
    | closed("am be been being has have had can could will would shall should may might must cannot")
    | closed("hasn't haven't hadn't can't couldn't won't wouldn't shouldn't")
)

PLACE = closed("in at from to into near inside outside across towards toward around")

_TIME = closed("after before since during until till by")

PREPOSITIONS = (
    PLACE
    | _TIME
    | closed("on of with for about against between among over under within without through per than like as")
    | closed("behind despite via")
)

_CONJUNCTIONS = closed("and or but nor so if because while though although that whether")

DETERMINERS = closed("the a an this that these those some any all each every no both")

HE = closed("he him his himself she her hers herself")

IT = closed("it its itself")

THEY = closed("they them their theirs themselves these those")

POSSESSIVE = closed("his its their")

PRONOUNS = HE | IT | THEY | closed("i you we me us my your our this that there here")

REQUESTS = closed("tell give list describe explain summarize summarise show name compare define please")

_WEEKDAYS = closed("monday tuesday wednesday thursday friday saturday sunday")

_OTHERS = closed("yes no according exactly precisely else now then today not only also still yet")

_FUNCTION = WH | AUXILIARIES | PREPOSITIONS | _CONJUNCTIONS | DETERMINERS | PRONOUNS | REQUESTS | _OTHERS

_STOPS = WH | AUXILIARIES | PREPOSITIONS | _CONJUNCTIONS | _OTHERS
"""Words that end a noun phrase."""

_SEVERAL = _DO | closed("are were aren't weren't have")
"""Behind "who" they ask for several, or for whom something was done to."""

_LONGEST_WHOEVER = 12
"""Words of a question that can stand in a later one as "the one who …"."""

_WORD = re.compile(r"\w+(?:[-’'.]\w+)*[’']?")

YEAR = re.compile(r"(?:1[5-9]|20)\d\d")

IS_PLURAL = re.compile(r"[^s]s$|^(?:people|men|women|children)$")

_DEMONYM = re.compile(r"(?:ian|can|ish|ese|[a-z]qi|eli|eni|ani|udi)s?$")
"""How English makes adjectives of countries; only asked of a capitalised word before a common noun."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question."""

    text: str
    """As written."""
    start: int
    """First character."""
    end: int
    """One past the last."""
    stop: bool
    """A comma or another sign stands before it."""
    first: bool
    """Begins the sentence."""

    @property
    def low(self) -> str:
        """In small letters."""
        return self.text.lower().replace("’", "'")

    @property
    def dated(self) -> bool:
        """A year, a month or a day of the week."""
        return bool(YEAR.fullmatch(self.text)) or self.low in _WEEKDAYS or self.monthly

    @property
    def monthly(self) -> bool:
        """A month."""
        doubtful = self.text in ("May", "March") and not self.first
        return doubtful or (self.text[0].isupper() and self.low in MONTH_WORDS)

    @property
    def named(self) -> bool:
        """Has a capital that the beginning of a sentence does not explain."""
        capital = self.text[0].isupper() or bool(re.match(r"[a-z]{2,3}-[A-Z]", self.text))
        return (
            capital
            and not self.dated
            and self.low not in ("i",)
            and (not self.first or self.low not in _FUNCTION)
        )

    @property
    def content(self) -> bool:
        """No function word and no date."""
        return self.low not in _FUNCTION and not self.dated


def words_of(text: str) -> list[Word]:
    """The words of a text."""
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()].strip()
        found.append(Word(match.group(), match.start(), match.end(), bool(between), not found))
        end = match.end()
    return found


def name_end(words: Sequence[Word], at: int) -> int:
    """One past the run of capitalised words that starts here."""
    end = at
    while end < len(words) and _goes_on(words, at, end):
        end += 1
        if is_possessive(words[end - 1]):
            break
    return end


def _goes_on(words: Sequence[Word], at: int, end: int) -> bool:
    """Whether a name that starts at ``at`` holds the word at ``end``, a name or a number (Tower 22)."""
    number = end > at and words[end].text.isdigit() and not words[end].dated
    return (words[end].named or number) and (end == at or not words[end].stop)


def is_possessive(word: Word) -> bool:
    """Whether a word ends in 's or an apostrophe."""
    return bool(re.search(r"['’]s?$", word.text))


def without_s(text: str) -> str:
    """A name without its possessive ending."""
    return re.sub(r"['’]s?$", "", text)


def phrase_end(words: Sequence[Word], at: int) -> int:
    """One past the noun phrase that starts here: a name, a date, or up to three common words."""
    end = at
    while end < len(words) and words[end].low in DETERMINERS:
        end += 1
    common = 0
    while end < len(words) and not (words[end].stop and end > at) and words[end].low not in _STOPS:
        word = words[end]
        if word.low in PRONOUNS:
            break
        if word.named:
            stop = name_end(words, end)
            end = stop
            if not is_modifier(words, stop - 1):
                break
        elif word.dated or word.text.isdigit():
            end += 1
            while end < len(words) and (words[end].dated or words[end].text.isdigit()):
                end += 1
            break
        else:
            end += 1
            common += 1
            if common == 3:
                break
    return end


def is_modifier(words: Sequence[Word], at: int) -> bool:
    """Whether a name is an adjective: American troops, US forces, Iran's forces."""
    word = words[at]
    behind = words[at + 1] if at + 1 < len(words) else None
    if behind is None or behind.stop or behind.named or not behind.content:
        return False
    attributive = word.text.replace(".", "").isupper() and len(word.text) <= 4
    return is_possessive(word) or attributive or bool(_DEMONYM.search(word.low))


def mentions(question: str, answer: str) -> tuple[Mention, ...]:
    """What an English question and its answer speak of.

    Args:
        question: As it stands alone.
        answer: What was answered.
    """
    words = words_of(question)
    answer = plain_answer(answer)
    kind, noun = asked_for(words)
    found = _answered(kind, noun, answer)
    found += _named(words, "subject", whole=False)
    if kind == "who" and len(words) > 2 and words[1].low in BE and words[2].named:
        # "Who is X?" is about X, whatever the answer says of it.
        end = name_end(words, 2)
        text = without_s(question[words[2].start : words[end - 1].end])
        found = [Mention(text, "asked", person=True), *(m for m in found if m.role != "asked")]
    if described := _description(question, words, noun):
        found.append(described)
    if kind == "who" and not any(m.role == "asked" for m in found) and (whoever := _whoever(question, words)):
        found.insert(0, whoever)
    return (*found, *_things(question, words), *_plurals(question, words))


def asked_for(words: Sequence[Word]) -> tuple[str, tuple[int, int]]:
    """The question word, and the words of the noun that it asks for (which base, how many troops)."""
    at = 0
    while at < len(words) and words[at].low in (PREPOSITIONS | frozenset(["and", "but"])):
        at += 1
    if at == len(words) or words[at].low not in WH:
        return "", (0, 0)
    kind = words[at].low
    start = at + 1
    if kind == "how" and start < len(words) and words[start].low in ("many", "much"):
        kind, start = "how many", start + 1
    elif kind not in ("which", "what", "whose"):
        return kind, (0, 0)
    end = start
    while end < len(words) and words[end].low not in _STOPS and not words[end].stop and end - start < 4:
        end += 1
        if kind == "how many" and not words[end - 1].named and IS_PLURAL.search(words[end - 1].low):
            break  # the verb follows: how many ferries sail
    if kind == "what" and end > start:
        kind = "which"
    return kind, (start, end)


def _answered(kind: str, noun: tuple[int, int], answer: str) -> list[Mention]:
    if not answer or kind in ("", "when", "how many"):
        return []
    names = _named(words_of(answer), "told", whole=True)
    if kind == "where":
        places = [m for m in names if m.role != "part"]
        return [Mention(m.text, "place", preposition=m.preposition or "in") for m in places[:1]]
    if kind in ("who", "whom", "whose", "which"):
        person = True if kind != "which" else None
        told = [m for m in names if m.role in ("told", "place")]
        if not told:
            return []
        several = kind == "which" and len(told) > 1
        text = " and ".join(m.text for m in told) if several else told[0].text
        return [Mention(text, "asked", plural=several, person=person)]
    role: Role = "asked" if kind == "what" and [m.text for m in names] == [answer] else "told"
    return [Mention(m.text, role) for m in names if m.role == "told"]


def _named(words: Sequence[Word], role: Role, *, whole: bool) -> list[Mention]:
    """The names among words, each with its role.

    Args:
        words: Of a question or an answer.
        role: Of a name that no preposition of place stands before; ``subject`` where a question's words are
            given, of which only the one behind the auxiliary is.
        whole: Whether they are an answer's: its first word has a capital in any case.
    """
    found: list[Mention] = []
    at = 0
    while at < len(words):
        if not words[at].named:
            at += 1
            continue
        end = name_end(words, at)
        behind = words[end].low if end < len(words) else ""
        if whole and at == 0 and end == 1 and behind and behind not in AUXILIARIES:
            at = end
            continue
        before = at - 1
        while before >= 0 and words[before].low in DETERMINERS:
            before -= 1
        preposition = words[before].low if before >= 0 else ""
        text = without_s(" ".join(word.text for word in words[at:end]))
        own: Role = role
        if is_modifier(words, end - 1):
            own = "part"
        elif preposition in PLACE:
            own = "place"
        elif role == "subject" and preposition and preposition not in AUXILIARIES:
            own = "object"
        found.append(Mention(text, own, preposition=preposition if own == "place" else ""))
        at = end
    return found


def _description(question: str, words: Sequence[Word], noun: tuple[int, int]) -> Mention | None:
    """Of "which minister was to visit Washington?": the minister that was to visit Washington."""
    start, end = noun
    if not start or end >= len(words) or start == end or words[start - 1].low not in ("which", "what"):
        return None
    verb, behind = words[end].low, words[end + 1].low if end + 1 < len(words) else ""
    passive = behind == "to" or behind.endswith(("ed", "en", "ing")) or behind in PREPOSITIONS
    if verb not in BE or not passive:
        return None
    text = question[words[start].start :].rstrip(" ?.!")
    cut = words[end].start - words[start].start
    return Mention(f"the {text[:cut]}that {text[cut:]}", "asked", name=False)


def _whoever(question: str, words: Sequence[Word]) -> Mention | None:
    """Of "who heads the committee?", whose answer gave no name: the one who heads the committee."""
    if not 2 < len(words) <= _LONGEST_WHOEVER or words[0].low != "who" or words[1].low in _SEVERAL:
        return None
    text = question[words[1].start :].rstrip(CLOSING)
    return Mention(f"the one who {text}", "asked", name=False, person=True)


def _things(question: str, words: Sequence[Word]) -> list[Mention]:
    """Common nouns with the article: the ferry to Marsa."""
    found = []
    for at, word in enumerate(words[:-1]):
        if word.low != "the" or words[at + 1].named:
            continue
        end = at + 1
        while end < len(words) and words[end].content and not words[end].named and not words[end].stop:
            end += 1
        before = words[at - 1].low if at else ""
        # The last of several common words is the verb where "did" has taken its ending: did the ferry sink.
        end -= before in AUXILIARIES - BE and end - at > 2
        end = min(end, at + 3)
        if end == at + 1 or IS_PLURAL.search(words[end - 1].low):
            continue
        role: Role = "subject" if before in AUXILIARIES else "place" if before in PLACE else "object"
        text = question[word.start : words[end - 1].end]
        found.append(Mention(text, role, name=False, preposition=before if role == "place" else ""))
    return found


def _plurals(question: str, words: Sequence[Word]) -> list[Mention]:
    """Common nouns in the plural: how many troops, the troops in Erbil."""
    found = []
    for at, word in enumerate(words):
        bare = word.low in AUXILIARIES and at + 1 < len(words) and bool(IS_PLURAL.search(words[at + 1].low))
        if word.low not in ("many", "which", "what", "the") and not bare:
            continue
        end = at + 1
        while end < len(words) and words[end].low not in _STOPS and not words[end].stop and end - at < 5:
            if words[end].content and not words[end].named and IS_PLURAL.search(words[end].low):
                stop = end + 1
                text = question[words[at + 1].start : words[end].end]
                if stop < len(words) and words[stop].low in PLACE and not words[stop].stop:
                    text = question[words[at + 1].start : words[phrase_end(words, stop + 1) - 1].end]
                found.append(Mention(f"the {text}", "object", plural=True, name=False))
                break
            end += 1
    return found
