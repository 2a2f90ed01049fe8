"""The words of a sentence for look-ups, and the light morphology of both languages.

Arabic joins particles, the article and pronouns to a word; ``unprefixed`` and ``unsuffixed`` list the
possible forms without them. The right one is the form that a table contains; it is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.language.terms import stem
from rag.language.text import decimal_points, fold, grouped_by_points
from rag.language.word_classes import closed
from rag.records import Language

LEAST = 3
"""Fewest letters of an Arabic word after stripping."""

MARKS = "\u064b-\u0652\u0670\u0640"
"""Vowel signs and tatweel, as a character class of a regular expression."""
_WORD = re.compile(
    rf"\d+(?:[.,٫٬]\d+|،\d{{1,3}}(?!\d))*|[%٪$€£¥₪]|(?:(?<![^\W\d])[A-Za-z]\.){{2,}}|[^\W\d_]+(?:[{MARKS}]+[^\W\d_]*)*"
    rf"(?:['’ʿʾʻʼ‘`](?:[^\W\d_]|[{MARKS}])+)*"
)
"""A number, a sign, an abbreviation with points, or a word with apostrophes and vowel signs in it; hyphens
separate words, and so does a change from letters to digits (و300)."""
_APOSTROPHES = re.compile("['’ʿʾʻʼ‘`]")
_POSSESSIVE = re.compile("['’]s$")
_ARABIC = re.compile(r"[\u0621-\u064a\u0671-\u06d3]")


def folded(words: str) -> frozenset[str]:
    """A closed word class of Arabic words as written, folded.

    Args:
        words: The members, separated by spaces or lines.
    """
    return frozenset(map(fold, words.split()))


ARABIC_STOP = folded(
    """
في من على إلى الى عن أن إن ان التي الذي الذين اللذين اللذان اللتان اللتين اللواتي اللاتي هذا هذه
ذلك تلك هؤلاء كان كانت كانوا يكون تكون ما لا لم لن قد لقد كما هو هي هم هن هما أنا نحن أنت مع كل أو
أي ثم حتى إذا لكن ولكن بل به بها بهم له لها لهم لهما لنا لي لك فيه فيها فيهم منه منها منهم عنه
عنها عنهم عليه عليها عليهم إليه إليها إليهم وهو وهي وهم وفي ومن وعلى وإلى وعن وأن وإن وقد وكان
وكانت ولم ولا بأن لأن كأن فإن أنه أنها أنهم إنه إنها إنهم وأنه وأنها بأنه بأنها لأنه لأنها أيضا
غير هناك هنا عند عندما حيث بعض بعد قبل بين خلال منذ نحو لدى دون وما ولن كانا ذات فقد مما فيما عما
بما لما إذ إما إلا سوف تم وتم يتم إياه حين بينما ضمن عبر حول كذلك كونه كونها هذان هذين مثل بدون
لكل بكل ولو لو فلا بهذا لهذا بهذه لهذه بذلك لتلك بتلك والذي والتي كنا كنت يكن تكن لديه لديها لديهم
لدينا معه معها معهم بنا بنحو لنحو هل بعدما قبيل بعيد تجاه إزاء حسب وفق وفقا كي لكي ليس ليست ليسوا
كونهم إياها لذلك لذا لدي فإنه فإنها يكونوا
"""
)
"""Folded function words that the model knows; a hint for each would only lengthen the prompt."""

ENGLISH_STOP = closed(
    "a an the of in on at to for from by with and or but nor so as is are was were be been being am do "
    "does did has have had will would can could may might must shall should not no it its he his him "
    "she her they their them we our us you your i my me this that these those there here who whom whose "
    "which what when where why how if then than into over under about after before between during while "
    "also very more most much many some any each such only own same other up down out off again once "
    "too just both all al im its dont hes thats "
)
"""English function words, without apostrophes."""

_JOINED = ("و", "ف", "ب", "ل", "ك", "وب", "ول", "وك", "فب", "فل")
_PREFIXES = (
    *((particle, "") for particle in _JOINED),
    ("لل", "ال"), ("ولل", "ال"), ("فلل", "ال"), ("لل", ""), ("ولل", ""), ("فلل", ""),
    *((f"{particle}ال", "") for particle in ("", *_JOINED)),
    ("س", ""), ("وس", ""), ("فس", ""),
)  # fmt: skip
"""Attached particles, folded, and their replacement: للولايات is ل and الولايات."""

_NO_ARTICLES = ("أل", "إل", "آل")
HAMZAS = "أإآ"
"""Alefs that are written with a hamza or a madda."""

_PRONOUNS = ("ه", "ها", "هم", "هن", "هما", "نا", "ك", "كم", "ي", "ني")
_SUFFIXES = (
    *((pronoun, ("", "ه")) for pronoun in _PRONOUNS),
    *((f"ت{pronoun}", ("ه",)) for pronoun in _PRONOUNS),
    ("ا", ("", "ه")), ("ات", ("ه", "")), ("اتها", ("ه", "ات")), ("اتهم", ("ه", "ات")), ("اته", ("ه", "ات")),
    ("ين", ("", "ه")), ("ون", ("",)), ("ان", ("", "ه")), ("تين", ("ه", "")), ("تان", ("ه", "")),
    ("وا", ("",)),
    ("ت", ("", "ه")), ("يه", ("ي", "ه", "")), ("ه", ("",)), ("و", ("",)), ("تا", ("ه",)), ("يا", ("ي",)),
)  # fmt: skip
"""Folded endings, and the endings of the dictionary form that they may replace."""

_SEATED = ("اي", "او")
"""Folded endings that are اء without the pronoun: the seat of the hamza becomes a letter in folding."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or sign of a sentence."""

    text: str
    """As in the sentence."""
    key: str
    """Folded; of an English word without its ``'s`` and without apostrophes and points."""
    start: int
    end: int


def words_of(sentence: str) -> list[Word]:
    """The words of a sentence in either language, in order."""
    grouped = frozenset(grouped_by_points(sentence))

    def key(match: re.Match[str]) -> str:
        word = match.group()
        return word_key(word.replace(".", "") if match.span() in grouped else word)

    words = (Word(m.group(), key(m), m.start(), m.end()) for m in _WORD.finditer(sentence))
    return [word for word in words if word.key]


@lru_cache(maxsize=200_000)
def word_key(word: str) -> str:
    """A word, number or sign as tables have it: ``Sana'a's`` is sanaa, ``U.S.`` us, ``٢٬٥٠٠`` 2500, ٪ %."""
    if len(word) == 1 and word in "%٪$€£¥₪":
        return "%" if word == "٪" else word
    if word[0].isdigit():
        return fold(decimal_points(word))
    return fold(_APOSTROPHES.sub("", _POSSESSIVE.sub("", word))).replace(".", "").replace(" ", "")


def keys_of(text: str) -> tuple[str, ...]:
    """The keys of all words of a text."""
    if text.replace(" ", "").isalpha():  # as most names and meanings are; three times as fast
        return tuple(map(word_key, text.split()))
    return tuple(word.key for word in words_of(text))


def is_arabic_word(word: str) -> bool:
    """Whether a word has an Arabic letter."""
    return bool(_ARABIC.search(word))


def is_stop(key: str, language: Language) -> bool:
    """Whether a folded word is a function word; an Arabic one also after "and"."""
    if language == "en":
        return key in ENGLISH_STOP
    return key in ARABIC_STOP or (key[:1] in ("و", "ف") and key[1:] in ARABIC_STOP)


@lru_cache(maxsize=200_000)
def unprefixed(word: str) -> tuple[str, ...]:
    """A folded Arabic word, and its forms without attached particles, least stripped first."""
    forms = [word]
    for prefix, instead in _PREFIXES:
        least = LEAST - len(instead) if not prefix.endswith("ال") else LEAST - 1  # الدم, blood
        if word.startswith(prefix) and len(word) - len(prefix) >= least:
            forms.append(instead + word[len(prefix) :])
    return tuple(dict.fromkeys(forms))


_ARTICLE = re.compile(r"[وف]?(?:[بك]?ال|لل)\w\w")
_VERB = re.compile(
    "[وف]?(?:الت(?:زم|حق|قط|مس|هم|بس|ف)(?:ت|وا|ا|تا|نا)?|التق(?:ي|ت|وا|يا|تا|ينا))(?:ه|ها|هم)?"
)
"""Folded past verbs whose first letters are not the article: التقى, met."""


def has_article(word: Word) -> bool:
    """Whether an Arabic word has the article, also behind a particle: بالقاعدة; not التقى, إلى or ألمانيا."""
    if word.text[0] in HAMZAS or not _ARTICLE.match(word.key):
        return False
    return not _VERB.fullmatch(word.key)


def begins_with_and(word: Word) -> bool:
    """Whether a word that is in no table probably begins with "and", judging by its letters.

    A hamza on alef begins a word (وأوكلاند), and the و of a name is mostly before the letter of a vowel: of
    51 words of PUD and FLORES dev eight have one, all before ا, ي or و. There are exceptions: ونكلر, Winkler.
    """
    if len(word.text) > LEAST and word.text[0] in "وف" and word.text[1] in HAMZAS:
        return True
    return word.key[0] == "و" and (word.key[1] not in "ايو" or has_article(word))


TANWIN = "ً"
"""An ending of adverbs and indefinite nouns, which hardly any name is written with."""


def name_readings(text: str, key: str) -> tuple[str, ...]:
    """``readings`` of a word that may be a name, which has no future particle: سيغال is not س and يغال."""
    future = {key[len(prefix) :] for prefix in ("س", "وس", "فس") if key.startswith(prefix)}
    return tuple(form for form in readings(text, key) if form not in future)


def readings(text: str, key: str) -> tuple[str, ...]:
    """``unprefixed`` of a word as written: a first alef with a hamza is not the article (إلدون, آلان).

    Args:
        text: As written.
        key: Folded.
    """
    forms = unprefixed(key)
    return tuple(form for form in forms if f"ال{form}" != key) if text[:2] in _NO_ARTICLES else forms


def unsuffixed(word: str) -> list[str]:
    """Possible forms of a folded Arabic word without pronouns and endings, and its feminine form."""
    forms = []
    for suffix, instead in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= LEAST - 1:
            left = word[: -len(suffix)]
            forms += [left + form for form in instead]
            if left.endswith(_SEATED):  # زملائه, of زملاء
                forms.append(f"{left[:-1]}ء")
    return list(dict.fromkeys(forms))


def stems_of(text: str, language: Language) -> frozenset[str]:
    """The stems of the words of a text that are not function words."""
    return frozenset(stem(key, language) for key in keys_of(text) if not is_stop(key, language))


def longest(words: Sequence[Word], at: int, most: int) -> range:
    """Lengths to try for a phrase that begins at a word, the longest first; none crosses punctuation."""
    return range(unbroken(words, at, most), 0, -1)


def unbroken(words: Sequence[Word], at: int, most: int) -> int:
    """How many words from ``at`` on have only a space, a hyphen or a slash between them."""
    size = 1
    while size < most and at + size < len(words) and words[at + size].start - words[at + size - 1].end <= 1:
        size += 1
    return size


def is_noun(meaning: str) -> bool:
    """Whether an English meaning may be a noun in the singular, by its ending."""
    return meaning.isalpha() and not meaning.endswith(("ed", "al", "ive", "ous", "ing", "ern", "ic"))


def plural(meaning: str) -> str:
    """The plural of a regular English noun."""
    if meaning.endswith(("ss", "us", "x", "ch", "sh")):
        return f"{meaning}es"
    if meaning.endswith(("s", "people", "men", "children", "aircraft")):
        return meaning
    if meaning.endswith("y") and meaning[-2:-1] not in "aeiou":
        return f"{meaning[:-1]}ies"
    return f"{meaning}s"
