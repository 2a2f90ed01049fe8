"""Words of two scripts made comparable: folding that can point back, numbers, language.

Text is folded to be compared, never to be shown: ``Folded`` maps every folded character to the
original one, so that a match found in folded text can be quoted from the article to the letter.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from rag.language.sentences import sentences
from rag.records import Language

__all__ = [
    "Folded",
    "ascii_digits",
    "detect_language",
    "fold",
    "fold_with_map",
    "is_arabic",
    "numbers",
    "sentences",
]

_DIGITS = {start + value: str(value) for start in (0x0660, 0x06F0) for value in range(10)}

_SAME = str.maketrans(
    {
        **dict.fromkeys("ٱٲٳ", "ا"),  # alefs without a decomposition; أ إ آ lose their mark in NFKD
        **dict.fromkeys("ىیېے", "ي"),
        **dict.fromkeys("ةەہۃھ", "ه"),
        "ک": "ك",
        "٬": ",",
        "،": ",",
        "٫": ".",
        # Tatweel, the high hamza of Kazakh presentation forms, and the half rings and turned commas
        # that transliterations write for hamza and ayn (ʿAyn al-Asad).
        **dict.fromkeys("ـٴʻʼʽʾʿ", None),
    }
)

_THOUSANDS = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:,\d{3})+(?!\d)", re.ASCII)
"""Groups of exactly three: ``2,500`` is a number, ``2003،2011`` and ``2500,900`` are lists."""

_POINT = re.compile(r"(?<=\d)\.(?=\d)", re.ASCII)

_PUNCTUATION = re.compile(r",|(?<!\d)\.|\.(?!\d)", re.ASCII)
"""Commas and full stops that are no part of a number, once thousands separators are gone."""


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text that remembers where each of its characters came from."""

    text: str
    """The folded text."""
    offsets: tuple[int, ...]
    """For each folded character the original character it came from, then ``len(original)``. All the
    characters that one ligature folds to (ﻻ, ﷺ) carry that ligature's offset."""
    ends: tuple[int, ...]
    """For each folded character one past its original, diacritics and tatweel after it included."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original half-open range that ``text[start:end]`` came from.

        A range that begins or ends inside a ligature is widened to the whole of it; punctuation that
        folding trimmed from the end is not part of the range.

        Raises:
            ValueError: The range does not lie in the folded text.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"[{start}, {end}) does not lie in a folded text of {len(self.text)} characters")
        if start == end:
            return self.offsets[start], self.offsets[start]
        return self.offsets[start], self.ends[end - 1]


def fold(text: str) -> str:
    """``text`` reduced to what comparison should see: lower-case letters, digits and single spaces.

    NFKC, case, diacritics, tatweel and invisible characters dropped; أ إ آ ٱ become ا, ى becomes ي, ة
    becomes ه, hamza on a seat leaves the seat, but a lone ء stays (ماء must not become ما); all decimal
    digits ASCII; ``2,500`` and ``٢٬٥٠٠`` become ``2500``, ``2.5`` and ``٢٫٥`` stay ``2.5``; anything else
    that is no letter or digit becomes a space. Folding twice changes nothing.
    """
    # The same as fold_with_map(text).text, five times as fast: this runs over every text of an index.
    folded = _THOUSANDS.sub(lambda match: match.group().replace(",", ""), text.translate(_FOLDS))
    return " ".join(_PUNCTUATION.sub(" ", folded).split())


def fold_with_map(text: str) -> Folded:
    """``fold(text)`` with the original offset of every folded character."""
    chars: list[str] = []
    offsets: list[int] = []
    ends: list[int] = []
    for offset, char in enumerate(text):
        folded = _fold_char(char)
        for part in folded:
            chars.append(part)
            offsets.append(offset)
            ends.append(offset + 1)
        # A mark belongs to the letter before it; an invisible control (bidi, zero width) to nothing.
        if not folded and ends and ends[-1] == offset and unicodedata.category(char) in ("Mn", "Me", "Lm"):
            ends[-1] = offset + 1
    drop, keep = _number_signs("".join(chars))
    kept: list[int] = []
    for index, char in enumerate(chars):
        if index in drop:
            continue
        if char in ",." and index not in keep:
            chars[index] = char = " "
        if char != " " or (kept and chars[kept[-1]] != " "):
            kept.append(index)
    if kept and chars[kept[-1]] == " ":
        kept.pop()
    return Folded(
        text="".join(chars[index] for index in kept),
        offsets=(*(offsets[index] for index in kept), len(text)),
        ends=tuple(ends[index] for index in kept),
    )


def _number_signs(text: str) -> tuple[set[int], set[int]]:
    """Where thousands separators stand, which go, and decimal points, which stay."""
    drop = {
        index
        for match in _THOUSANDS.finditer(text)
        for index in range(match.start(), match.end())
        if text[index] == ","
    }
    return drop, {match.start() for match in _POINT.finditer(text)}


@functools.lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    """What one character folds to: letters, digits, ``,``, ``.``, a space, or nothing.

    Decomposing (NFKD) and then dropping the marks gives the same as NFKC and then dropping them, and needs
    no neighbour: each character can be folded alone, and composed and decomposed spellings meet.
    """
    # Case folding and decomposition can call for each other again (İ, ẞ, ϔ); two or three rounds settle.
    text = char
    while (done := _fold_once(text)) != text:
        text = done
    return text


def _fold_once(text: str) -> str:
    # U+FE70 and its like decompose to a space and a vowel sign: inside a word there is no space meant.
    if "\ufe70" <= text <= "\ufe7f" or "\ufc5e" <= text <= "\ufc63":
        return ""
    out = []
    for char in unicodedata.normalize("NFKD", text).translate(_SAME).casefold():
        category = unicodedata.category(char)
        if category in ("Mn", "Me", "Cf"):
            continue
        if category == "Nd":
            out.append(str(unicodedata.decimal(char)))
        elif category[0] in "LNM" or char in ",.":
            out.append(char)
        elif not out or out[-1] != " ":
            out.append(" ")
    return "".join(out)


class _Folds(dict[int, str]):
    """Code point → what it folds to, as ``str.translate`` asks for it."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_char(chr(code))
        return folded


_FOLDS = _Folds()


def ascii_digits(text: str) -> str:
    """``text`` with Arabic-Indic and Persian digits as ASCII ones; its length does not change."""
    return text.translate(_DIGITS)


_POWERS = {
    3: "k thousand thousands الف الفا الاف الافا",
    6: "mn million millions مليون مليونا ملايين",
    9: "bn billion billions مليار مليارا مليارات بليون بليونا بلايين",
    12: "tn trillion trillions تريليون تريليونا تريليونات ترليون",
}
"""Words that multiply, folded, by their power of ten. No lone "m": it is as often metres."""

_POWER_OF = {word: power for power, words in _POWERS.items() for word in words.split()}

_NUMBER = re.compile(
    rf"(?P<number>\d+(?:\.\d+)*)(?: ?(?P<word>{'|'.join(sorted(_POWER_OF, key=len, reverse=True))})(?!\w))?",
    re.UNICODE,
)


def numbers(text: str) -> list[str]:
    """The numbers written in digits, in order, each in one canonical spelling.

    ``2.5 ألف``, ``2,500``, ``٢٥٠٠`` and ``2.5k`` are all ``2500``; ``3 آلاف و500`` is ``3500``; ``5%`` is
    ``5``; ``20.9.2024`` is three numbers. A point is a decimal point even in ``2.500``. Numbers in words
    are not read.
    """
    folded = fold(text)
    found: list[str] = []
    last_end, last_power = -1, 0
    for match in _NUMBER.finditer(folded):
        digits, power = match["number"], _POWER_OF.get(match["word"], 0)
        parts = [digits] if digits.count(".") < 2 else digits.split(".")
        values = [_canonical(part, power) for part in parts]
        joined = last_power > 0 and folded[last_end : match.start()] in (" و", " و ")
        if joined and len(values) == 1 and _fits_under(found[-1], values[0], last_power):
            found[-1] = str(int(found[-1]) + int(values[0]))
        else:
            found.extend(values)
        last_end, last_power = match.end(), power
    return found


def _fits_under(high: str, low: str, power: int) -> bool:
    """Whether ``low`` can be the remainder of ``high``, which was written as so many 10**power."""
    whole = low.isdigit() and high.isdigit()
    return whole and len(low) <= power and high.endswith("0" * power)


def _canonical(digits: str, power: int) -> str:
    # Every multiplier is a power of ten, so the point is moved in the text: exact at any length.
    whole, _, fraction = digits.partition(".")
    fraction = fraction.ljust(power, "0")
    whole, fraction = whole + fraction[:power], fraction[power:].rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def is_arabic(text: str) -> bool:
    """Whether most of the letters of a text, a word or a letter are Arabic ones."""
    letters = [char for char in text if char.isalpha()]
    return 2 * sum("\u0600" <= char <= "\u06ff" for char in letters) > len(letters)


_ASKING_WORDS: dict[Language, str] = {
    "en": "who whom whose what when where why which how is are was were do does did has have had can could "
    "will would should tell give list describe explain summarize summarise show name compare define",
    "ar": "من متي كم هل ما ماذا لماذا لم اين كيف اي ايه ايهما مما مم بكم بماذا لمن اذكر اشرح لخص اخبرني "
    "حدثني عرف قارن صف عدد اعط اعطني",
}
_ASKING = {word: language for language, words in _ASKING_WORDS.items() for word in words.split()}
"""Words that open a question or a request, folded."""

_QUESTION_WORDS = 30
"""Up to so many words a text is judged as a question, beyond as an article."""

_WORD = re.compile(r"\w+")

_ARABIC_WORD = re.compile(r"(?<!\w)\d*[\u0600-\u06ff]")
_OTHER_WORD = re.compile(r"(?<!\w)\d*[^\W\d_\u0600-\u06ff]")


def detect_language(text: str) -> Language:
    """The language of a question or an article, Arabic or English.

    Articles, and any text of over 30 words, go by the script that most words are written in. In a short
    text a name in the other script can outweigh the question around it ("when do forces leave قاعدة عين
    الأسد الجوية في الأنبار?"), so the first word that asks decides: when, how many, tell / متى, كم, هل,
    اذكر. Without one, the words are counted, then the letters. "WHO" in capitals is a name. A text
    without letters is "en".
    """
    if len(text.split()) > 2 * _QUESTION_WORDS:
        # The same as below for what is surely no question, ten times as fast: it runs over every article.
        plain = fold(text)
        return "ar" if len(_ARABIC_WORD.findall(plain)) > len(_OTHER_WORD.findall(plain)) else "en"
    folded = fold_with_map(text)
    words: dict[Language, int] = {"ar": 0, "en": 0}
    letters: dict[Language, int] = {"ar": 0, "en": 0}
    asking: Language | None = None
    shouted = text.isupper()  # "WHO LEFT?": all in capitals tells no names apart
    for match in _WORD.finditer(folded.text):
        word = match.group()
        arabic = sum("\u0600" <= char <= "\u06ff" for char in word)
        other = sum(char.isalpha() for char in word) - arabic
        if not arabic and not other:
            continue
        language: Language = "ar" if arabic >= other else "en"
        words[language] += 1
        letters["ar"] += arabic
        letters["en"] += other
        if asking is None:
            start, end = folded.span(*match.span())
            if shouted or not (len(word) > 1 and text[start:end].isupper()):
                asking = _ASKING.get(word) or (_ASKING.get(word[1:]) if word[0] in "وف" else None)
    if asking and sum(words.values()) <= _QUESTION_WORDS:
        return asking
    return "ar" if (words["ar"], letters["ar"]) > (words["en"], letters["en"]) else "en"


def closed(words: str) -> frozenset[str]:
    """A closed word class.

    Args:
        words: Its members, with spaces between them.
    """
    return frozenset(words.split())
