"""Words, noun phrases and mentions of Arabic, by closed word classes, the article ال and endings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.conversation.followup import Mention, Role, plain_answer
from rag.language.quantities import MONTH_STARTS
from rag.language.text import ascii_digits, closed, fold

ADVERBS = closed("متي اين كيف لماذا لم")

WH = ADVERBS | closed("من ما ماذا كم هل اي ايه مم عم بم مما بماذا لمن بكم ماهو ماهي")

STEMS = {
    "في": "في", "من": "من", "عن": "عن", "علي": "على", "الي": "إلى", "مع": "مع", "عند": "عند", "لدي": "لدى",
    "بين": "بين", "ضد": "ضد", "حول": "حول", "نحو": "نحو", "تجاه": "تجاه", "داخل": "داخل", "خارج": "خارج",
    "قرب": "قرب", "امام": "أمام", "وراء": "وراء", "تحت": "تحت", "فوق": "فوق", "عبر": "عبر",
    "بسبب": "بسبب", "ب": "بـ", "ل": "لـ",
}  # fmt: skip
"""Prepositions, folded, as they are written before a name."""

TIME = closed("بعد قبل منذ خلال حتي اثناء")

PREPOSITIONS = frozenset(STEMS) | TIME | closed("رغم وفق دون خلف")

PLACE = closed("في من الي داخل خارج قرب عند")

UNITS = closed(
    "عام سنه شهر يوم اسبوع عامي سنتي صيف شتاء ربيع خريف مطلع اوائل اواخر منتصف بدايه نهايه ذروه فتره وقت "
    "عهد زمن مرحله"
)
"""Nouns that begin an expression of time."""

SUFFIXES = ("هما", "هم", "هن", "ها", "ه")

ATTACHED = {f"{stem}{suffix}": (written, suffix) for stem, written in STEMS.items() for suffix in SUFFIXES}
"""فيها, عليه, منهم: preposition and pronoun, folded."""

SEPARATE = closed("هو هي هم هما هن")

NOW = closed("الان اليوم حاليا ايضا غدا")

RELATIVE = closed(
    "اللتي اللي بما كما فيما حيث عندما الذي التي الذين اللذان اللذين اللتان اللتين اللواتي اللاتي"
)

POINTING = closed("هذا هذه ذلك تلك هؤلاء هذان هاتان هناك هنا")

_DENIALS = closed("لا لم ليس ليست لن غير")

ENDS = PREPOSITIONS | UNITS | SEPARATE | NOW | RELATIVE | POINTING | frozenset(ATTACHED)
"""Words that end a noun phrase."""

_WORD = re.compile(r"[^\W_]+(?:[\u064b-\u0652\u0640]*[^\W_]*)*")

_MARKS = re.compile(r"[\u064b-\u0652\u0640]")

YEAR = re.compile(r"(?:1[5-9]|20)\d\d")

_LONGEST_ANSWER = 6
"""Words of an answer that is a name or a phrase, not a sentence."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question."""

    text: str
    """As written."""
    bare: str
    """Without vowel signs."""
    low: str
    """Folded."""
    start: int
    """First character."""
    end: int
    """One past the last."""
    stop: bool
    """A comma or another sign stands before it."""

    @property
    def definite(self) -> bool:
        """Has the article."""
        return self.low.startswith("ال") and len(self.low) > 4 and not self.eighth

    @property
    def eighth(self) -> bool:
        """A verb whose first letters look like the article: التقى, التُقطت."""
        ending = self.bare.endswith("ت") and not self.bare.endswith("ات")
        return self.low.startswith("الت") and (ending or len(self.low) == 5)

    @property
    def joined(self) -> bool:
        """لل or بال: a preposition is written in one word with the article."""
        return self.low.startswith(("لل", "بال")) and len(self.low) > 5

    @property
    def adjectival(self) -> bool:
        """Looks like an adjective behind a definite noun: الأمريكية, المشترك."""
        return self.definite and (
            self.low.endswith(("ي", "يه", "يون", "يين", "يتين")) or self.low.startswith("الم")
        )

    @property
    def dated(self) -> bool:
        """A year or a month."""
        return bool(YEAR.fullmatch(ascii_digits(self.text))) or self.low in MONTH_STARTS

    @property
    def clean(self) -> str:
        """Without the و of "and" before a word that is known with it off."""
        return self.low[1:] if self.low[:1] in "وف" and self.low[1:] in WH | PREPOSITIONS else self.low


def words_of(text: str) -> list[Word]:
    """The words of a text."""
    found = []
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()].strip()
        word = match.group()
        found.append(Word(word, _MARKS.sub("", word), fold(word), match.start(), match.end(), bool(between)))
        end = match.end()
    return found


def is_feminine(words: Sequence[Word]) -> bool | None:
    """Grammatical gender of a noun phrase; None where neither its noun nor an adjective shows it."""
    if words[0].bare.endswith(("ة", "ات")):
        return True
    if len(words) > 1 and words[-1].adjectival and words[-2].definite:
        return words[-1].bare.endswith("ة")
    return None


def phrase_end(words: Sequence[Word], at: int) -> int:
    """One past the noun phrase that starts here: nouns up to a definite one, and its adjectives."""
    end = at
    while end < len(words) and not (words[end].stop and end > at):
        word = words[end]
        if word.low in ENDS or word.clean in WH or word.joined:
            break
        if word.dated or word.text.isdigit():
            while end < len(words) and (words[end].dated or words[end].text.isdigit() or end == at):
                end += 1
            if end < len(words) and words[end - 1].low in ("كانون", "تشرين"):
                end += 1  # the second word of the month
                end += end < len(words) and words[end].dated
            break
        end += 1
        if word.definite:
            while end < len(words) and words[end].adjectival and not words[end].stop:
                end += 1
            break
        if end - at == 4:
            break
    return max(end, min(at + 1, len(words)))


def mentions(question: str, answer: str) -> tuple[Mention, ...]:
    """What an Arabic question and its answer speak of.

    Args:
        question: As it stands alone.
        answer: What was answered.
    """
    words = words_of(question)
    kind, noun, at = asked_for(words)
    told = plain_answer(answer)
    if kind in ("من", "ما") and at + 1 < len(words) and words[at].low in SEPARATE:
        named = words[at + 1].definite or at + 2 == len(words)  # who is X; not: which is the largest X
        answered = () if named else tuple(_answered("من", noun, told))
        return (*answered, *_phrases(words, at + 1, "asked"))
    named_so = kind == "ما" and at < len(words) and words[at].low == "اسم"
    found = tuple(_answered("من" if named_so else kind, noun, told))
    # Behind a question word stands the verb; behind ما and كم a noun, of which something is asked.
    if at == len(words) or words[at].definite or words[at].low in PREPOSITIONS or is_counted(noun):
        return (*found, *_phrases(words, at, "subject"))
    spoken = tuple(_phrases(words, at + 1, "subject"))
    if spoken and spoken[0].role == "subject" and kind not in ("ما", "من"):
        # A verb before its subject shows the gender that the noun may not: بدأت الحرب.
        gender = spoken[0].feminine if spoken[0].feminine is not None else verb_gender(words[at]) or None
        spoken = (dataclasses.replace(spoken[0], feminine=gender), *spoken[1:])
    if kind == "كم" and len(spoken) > 1 and spoken[1].role == "part":
        # كم بلغت تكلفة المكتبة asks for the cost, and speaks of the library.
        spoken = (dataclasses.replace(spoken[1], role="subject"), *spoken[2:])
    return (*found, *spoken)


def is_counted(noun: Sequence[Word]) -> bool:
    """Whether the noun that is asked for is "number", which no verb follows."""
    return bool(noun) and noun[0].low == "عدد"


def asked_for(words: Sequence[Word]) -> tuple[str, list[Word], int]:
    """The question word, the noun that it asks for (أي قاعدة), and where the rest begins."""
    at = 0
    if words and words[0].clean in PREPOSITIONS - {"من"} and len(words) > 1 and words[1].low in WH:
        at = 1
    if at == len(words) or words[at].clean not in WH:
        return "", [], 0
    kind = words[at].clean
    if kind in ("اي", "ايه", "كم"):
        indefinite = at + 1 < len(words) and not words[at + 1].definite
        verb = kind == "كم" and indefinite and not words[at + 1].bare.endswith(("ا", "ة", "د"))
        end = at + 1 + (indefinite and not verb and words[at + 1].low not in PREPOSITIONS)
        return kind, list(words[at + 1 : end]), end
    return kind, [], at + 1


def _answered(kind: str, noun: Sequence[Word], answer: str) -> Iterator[Mention]:
    words = words_of(answer)
    if kind not in ("من", "اي", "ايه", "اين") or not 0 < len(words) <= _LONGEST_ANSWER:
        return
    if words[0].low in _DENIALS or not any(c.isalpha() for c in answer):
        return
    dual = bool(noun) and noun[0].bare.endswith(("ين", "ان"))
    joined = any(word.low.startswith("و") and at for at, word in enumerate(words))
    text = f"{noun[0].text} {answer}" if noun and not dual and noun[0].low not in words[0].low else answer
    if noun and (len(words) > 2 or joined):
        text = answer
    gender = noun[0].bare.endswith("ة") if noun and not dual else is_feminine(words)
    if kind == "اين":
        place = words[0].low in PREPOSITIONS and len(words) > 1
        yield Mention(
            answer[words[1].start :] if place else answer,
            "place",
            preposition=words[0].text if place else "في",
        )
    else:
        person = True if kind == "من" else None
        yield Mention(text, "asked", plural=dual or joined, feminine=gender, person=person)


def _phrases(words: Sequence[Word], at: int, role: Role) -> Iterator[Mention]:
    """The noun phrases from here on, and the phrases inside them."""
    preposition = ""
    while at < len(words):
        word = words[at]
        if word.low in PREPOSITIONS or word.low in UNITS or word.clean in WH:
            preposition = word.text if word.low in PREPOSITIONS else preposition
            at += 1
            continue
        end = phrase_end(words, at)
        own = words[at:end]
        dated = any(w.dated or w.text.isdigit() for w in own)
        if not dated and own[0].low not in ENDS:
            place = fold(preposition) in PLACE
            kind: Role = "place" if place else "object" if preposition else role
            for start in range(len(own)):
                if start and (own[start].adjectival or own[start - 1].definite):
                    break
                part = own[start:]
                if not (part[-1].definite or preposition or role in ("asked", "subject")):
                    continue
                yield Mention(
                    " ".join(w.text for w in part),
                    kind if not start else "part",
                    plural=_is_plural(part),
                    feminine=is_feminine(part),
                    preposition=preposition if place else "",
                )
            role = "object"
        at, preposition = end, ""


def _is_plural(words: Sequence[Word]) -> bool:
    """Whether a phrase is a plural of persons: its noun shows it, or its adjective."""
    named = words[0].definite and words[0].bare.endswith(("ون", "ين"))
    return named or (words[-1].definite and words[-1].bare.endswith(("يين", "يون")))


def verb_gender(word: Word) -> bool | None:
    """Whether a verb has a feminine subject; None for تأسس, which may be either tense and either gender."""
    if word.bare.endswith("ت"):
        return True
    return None if word.bare.startswith(("ت", "ست")) else False
