"""Hints for an Arabic sentence, in English."""

from __future__ import annotations

import re

from rag.language.names import likeness
from rag.language.translation.gazetteer import NATIONALITY, PEOPLE
from rag.language.translation.reader import MOST_MEANINGS, Found, Hint, Kind, Reader, Tables, usual_forms
from rag.language.translation.transliteration import likeness_to_names, spellings_of
from rag.language.translation.values import value_at
from rag.language.translation.words import (
    LEAST,
    TANWIN,
    Word,
    begins_with_and,
    folded,
    has_article,
    is_arabic_word,
    is_noun,
    is_stop,
    longest,
    name_readings,
    plural,
    readings,
    unbroken,
    unprefixed,
)
from rag.language.word_classes import ARTICLE

SAME_NAME = 0.65
"""Least similarity of sounds for a word in Latin letters to be the spelling of an Arabic one before it."""
_APART = re.compile(r"\s[–—-]\s|[<:؛;.]\s?")
"""Separators of clauses: a Latin spelling behind one does not belong to a word before it."""
_NEAR_LATIN = 8
"""How many words before a Latin spelling may be its Arabic form."""
_LONGEST_PHRASE = 4

LEAST_NAME, LEAST_NAME_BEFORE_PART, LEAST_NAME_BY_CONTEXT = 1.0, -1.0, -4.0
"""Least ``likeness_to_names``, in nats, for an unknown word to be transliterated as a name; lower before a
part of a person's name, and lowest after a title, a given name or a word such as "town"."""

LEAST_NAME_BY_LETTERS = 3.0
"""The same for a word whose meaning is guessed from a word of the same stem (دافيت: warm, or Davit)."""
_NO_NAME = re.compile("^.[إأآؤئ]|[اكيى]$|[\u064b-\u0652]")
"""Such words that may have a pronoun, a shortened ending, or a particle (كأن, as if)."""

_INFLECTED = re.compile(
    r"^(?:[يتن]\w+(?:ون|ين|وا)|(?:وس|س|و)?[يت]ست\w+|\w+(?<!س)تان|\w+(?:وا|هم|هما|تها|تهم|اتها|اتهم|ناها))$"
)
"""Folded words whose form shows that they are not names: plural verbs, words with pronouns."""

_SURELY_ORDINARY = re.compile(r"^(?:و|ال)|(?:ه|ها|ة|هم|تي|تا|تين|ان)$")
"""Beginnings and ends of words as written that keep their guessed meaning even beside a name."""

_TITLES = folded(
    """
السيد السيدة الدكتور الدكتورة العقيد العميد اللواء الرائد النقيب المقدم الملازم الفريق الجنرال
السفير السفيرة الشيخ القاضي القاضية المهندس المهندسة الأستاذ الأستاذة البروفيسور النائب النائبة
الأمير الأميرة الملك الرئيس الرئيسة الوزير الوزيرة الحاج الكاتب الممثل الممثلة المخرج المخرجة
الصحفي الصحفية الصحافي الصحافية المحامي المحامية اللاعب المدرب الكابتن الحاخام البابا القس المطران
الإمام الناشط الناشطة الخبير المحلل الباحث الباحثة المتحدث المتحدثة المدعو
"""
)
"""Folded words before a person's name."""

_PLACES = folded(
    """
مدينة بلدة قرية محافظة ولاية منطقة إقليم مقاطعة حي شارع ميناء مطار نهر جزيرة جبل شركة مجموعة مؤسسة
بنك فندق نادي فريق صحيفة قناة وكالة مجلة موقع جامعة مستشفى حزب حركة جماعة ضاحية ناحية قضاء مديرية
وادي بحيرة مضيق خليج مصرف منصة سفينة
"""
)
"""Folded words before the name of a place or an organisation."""

_NEGATIONS = {
    "لم": ("did not",),
    "لن": ("will not",),
    "لا": ("does not", "not", "no"),
    "ليس": ("is not", "not"),
    "ليست": ("is not", "not"),
    "ليسوا": ("are not",),
}
"""Function words with a hint: without it the model overlooks them and translates the opposite."""
_SHADDA = "ّ"
"""The sign of a doubled letter, which no negation has: لمّ, gathered."""

_AFTER_NAMES = {"الدين": "al-Din", "لي": "Lee"}
"""Words that are parts of people's names only after another part, with their spelling: علاء الدين."""
_SERVANT = "عبد"
"""Folded first word of names such as عبد الأمير, whose second is an attribute of God."""
_RISKY_ALONE = frozenset(
    ["media", "organisation", "company", "base", "operation", "team", "event", "work", "product", "building"]
)
"""Kinds of names that are treated as ordinary words unless something shows that the name is meant."""
_QUOTES = '«»"“”'
_ARTICLE = (ARTICLE, f"{ARTICLE}ـ")
"""The article alone, as before a number (الـ21); folded it is the same as آل, a family."""
_LETTER_NAMES = """
A=إيه ايه أيه أي, B=بي, C=سي, D=دي, E=إي, F=إف أف اف, G=جي, H=إتش أتش اتش, I=آي اي, J=جيه جاي, K=كيه كي,
L=إل أل, M=إم أم ام, N=إن أن ان, O=أو او, Q=كيو, R=آر أر ار, S=إس أس اس, T=تي, U=يو, V=في, W=دبليو,
X=إكس أكس اكس, Y=واي, Z=زد زي
"""
_LETTERS = {
    name: letter
    for letter, _, names in (line.strip().partition("=") for line in _LETTER_NAMES.split(","))
    for name in names.split()
}
"""English letters by their Arabic names, as in إم إس إن بي سي."""
_ORDINARY_LETTERS = frozenset(["أي", "اي", "في", "إن", "أن", "ان", "أو", "او", "أم", "ام", "أس", "أل"])
"""Names of letters that are also ordinary words, and so neither begin nor end an abbreviation: في, in."""
_LEAST_LETTERS = 3

_OWNED = re.compile(r"\w{3}(?:ه|ها|هم|هما|نا)$")
"""A word as written that ends with a pronoun: نظيره, his counterpart; not مدينة."""

_YEAR_WORDS = frozenset(["عام", "العام", "سنه"])
_YEAR = re.compile(r"[1-9]\d{2,3}")


class ArabicReader(Reader):
    """Reads the hints of an Arabic sentence, and follows a person's name from part to part."""

    language = "ar"

    def __init__(self, sentence: str, tables: Tables) -> None:
        super().__init__(sentence, tables)
        self._spellings = _spellings_beside(self.words, sentence)
        self._person = -1
        """Index of the word after the last part of a person's name."""
        self._dual = -1
        """Index of the word after a dual, which may be its adjective."""

    def at(self, at: int) -> Found:
        """The hint at a word, if any, and how many words it takes."""
        if at in self._spellings:
            self._person = at + 1
            return self.hint(at, 1, [self._spellings[at]], "name"), 1
        if second := self._second(at):
            self._person = at + 1
            return self.hint(at, 1, [second], "name"), 1
        name, phrase = self._name(at), self._phrase(at)
        if name and phrase and phrase[1] > name[1]:
            name = None
        letters = self._letters(at)
        if letters and (not name or name[1] < letters[1]):
            return letters
        known = name or self.value(at) or phrase
        return known or self._nationality(at) or self._part(at) or self._word(at)

    def _before(self, at: int) -> str:
        """The folded word before a word; empty if punctuation is between them."""
        if at == 0 or self.sentence[self.words[at - 1].end : self.words[at].start].strip():
            return ""
        return self.words[at - 1].key

    def _is_title(self, before: str) -> bool:
        return before in _TITLES or before[1:] in _TITLES

    def _quoted(self, at: int, used: int = 1) -> bool:
        start, end = self.words[at].start, self.words[at + used - 1].end
        return self.sentence[max(start - 1, 0) : start] in (*_QUOTES,) and self.sentence[end : end + 1] in (
            *_QUOTES,
        )

    def _name(self, at: int) -> Found | None:
        match = self.gazetteer.match(self.words, at, "ar")
        # Most titles of works are ordinary words, or begin with another name.
        while match and all(name.kind == "work" for name in match.names) and not self._quoted(at, match.used):
            match = self.gazetteer.match(self.words, at, "ar", match.used - 1) if match.used > 1 else None
        if not match or (match.used == 1 and TANWIN in self.words[at].text):
            return None
        targets = usual_forms(match, self.words[at].text, "en")
        if match.used > 1:
            return self.hint(at, match.used, targets, "name"), match.used
        word = self.words[at]
        if is_stop(word.key, "ar") or value_at(self.words, at, self.sentence, "ar"):
            return None
        entry = self.lexicon.entry(word.text)
        if not entry.meanings or entry.is_name or (entry.guessed and match.bare):
            others = () if entry.guessed else entry.meanings[:1]
            return self.hint(at, 1, [*targets, *others][:MOST_MEANINGS], "name"), 1
        if not match.bare or (match.names[0].kind in _RISKY_ALONE and not self._quoted(at)):
            return None
        return self.hint(at, 1, [*entry.meanings[: MOST_MEANINGS - 1], targets[0]], "word"), 1

    def _letters(self, at: int) -> Found | None:
        """An abbreviation that is written as it is pronounced; بي is B or P."""
        letters: list[str] = []
        if self.words[at].text in _ORDINARY_LETTERS:
            return None
        for word in self.words[at : at + unbroken(self.words, at, 8)]:
            bare = word.text[1:] if not letters and word.text not in _LETTERS else word.text
            if bare not in _LETTERS:
                break
            letters.append(_LETTERS[bare])
        while letters and self.words[at + len(letters) - 1].text in _ORDINARY_LETTERS:
            letters.pop()
        if len(letters) < _LEAST_LETTERS:
            return None
        text = "".join(letters)
        return self.hint(at, len(letters), [text, text.replace("B", "P")], "name"), len(letters)

    def _phrase(self, at: int) -> Found | None:
        for size in longest(self.words, at, _LONGEST_PHRASE):
            rest = tuple(word.key for word in self.words[at + 1 : at + size])
            for first in (*unprefixed(self.words[at].key), _without_and(self.words[at].key)):
                if targets := self.lexicon.phrase((first, *rest)):
                    return self.hint(at, size, targets, "word"), size
        return None

    def _nationality(self, at: int) -> Found | None:
        """A nationality between a noun and a person's name, not a surname: نظيره التركي هاكان فيدان."""
        if self._person == at or not has_article(self.words[at]) or not self._begins_person(at + 1):
            return None
        if not (self.words[at].key.startswith("و") or self._is_noun(at - 1)):
            return None
        match, entry = self.gazetteer.match(self.words, at, "ar", 1), self.lexicon.entry(self.words[at].text)
        if not match or not self._spelling(at)[0] or (entry.meanings and entry.meanings[0].islower()):
            return None  # no surname, or an ordinary adjective: المالي, financial
        names = [name.english[0] for name in match.names if name.kind == NATIONALITY]
        return (self.hint(at, 1, names, "word"), 1) if names else None

    def _begins_person(self, at: int) -> bool:
        """Whether a person's name certainly begins at a word."""
        if at >= len(self.words) or not self._before(at):
            return False
        match = self.gazetteer.match(self.words, at, "ar")
        if match and match.used > 1 and all(name.kind == PEOPLE for name in match.names):
            return True
        return self._is_part(at) or (bool(self._spelling(at)[0]) and self._is_part(at + 1))

    def _is_noun(self, at: int) -> bool:
        """Whether the word before another is a definite noun, with the article or a pronoun."""
        if at < 0 or not self._before(at + 1):
            return False
        entry = self.lexicon.entry(self.words[at].text)
        owned = _OWNED.search(self.words[at].text) and entry.meanings and not entry.is_name
        return has_article(self.words[at]) or (bool(owned) and is_noun(entry.meanings[0]))

    def _part(self, at: int) -> Found | None:
        """A part of a person's name: beside another part or a title, or a word with no other meaning."""
        word = self.words[at]
        if TANWIN in word.text or (
            is_stop(word.key, "ar") and not (self._person == at and word.text == "علي")
        ):
            return None
        spelling, bare = self._spelling(at)
        entry = self.lexicon.entry(word.text)
        if entry.exact and entry.is_name and not bare:  # بالين is not ب and Allen
            return None
        after_person = self._person == at and bool(self._before(at))
        attached = not entry.exact and not word.key.startswith("ال")
        ordinary = bool(entry.meanings) and not entry.is_name and not (bare and (entry.guessed or attached))
        if (
            spelling
            and ordinary
            and not (after_person or self._is_title(self._before(at)) or self._is_part(at + 1))
        ):
            return None
        if not spelling:
            if not ordinary or not self._is_person(at, after_person):
                return None
            spelling = spellings_of(word.key)[0]
        self._person = at + 1
        if (
            ordinary and word.key.startswith("ال") and not word.key.endswith("ي")
        ):  # الأكبر: Akbar, or the elder
            return self.hint(at, 1, [*entry.meanings[:2], spelling], "word"), 1
        return self.hint(at, 1, [spelling, *entry.meanings[:2]], "name"), 1

    def _second(self, at: int) -> str:
        """The spelling of a word that is a name only after another part of a name; empty for other words."""
        word, before = self.words[at], self._before(at)
        if self._person != at or not before:
            return ""
        if before == _SERVANT and len(word.key) > LEAST + 1 and word.key.startswith("ال"):
            known = self._spelling(at)[0]  # الأمير is Prince elsewhere
            return known if likeness(known, word.key) >= SAME_NAME else spellings_of(word.key)[0]
        return _AFTER_NAMES.get(word.text, "")

    def _is_person(self, at: int, after_person: bool) -> bool:
        """Whether an ordinary word that is in no list of people's names is one here: السفير هلال المعمري."""
        key = self.words[at].key
        if after_person:
            known = self.gazetteer.match(self.words, at, "ar")
            return not known and key.startswith("ال") and key.endswith("ي") and len(key) > LEAST + 2
        return self._is_title(self._before(at)) and not key.startswith("ال") and likeness_to_names(key) > 0

    def _spelling(self, at: int) -> tuple[str, bool]:
        """The usual spelling of a part of people's names, and whether it has no attached particle."""
        word = self.words[at]
        for form in name_readings(word.text, word.key)[:4]:
            if form == word.key[1:] and word.key[0] == "ك":  # كفين is Kven, not "like Fien"
                continue
            if len(form) >= LEAST and (spelling := self.gazetteer.part(form, "ar")):
                return spelling, form in (word.key, word.key.removeprefix("ال"))
        return "", False

    def _is_part(self, at: int) -> bool:
        """Whether a word is a part of people's names and nothing else."""
        if at >= len(self.words) or not self._before(at):
            return False
        known, spelling = self.gazetteer.match(self.words, at, "ar"), self._spelling(at)[0]
        if known and not spelling and all(name.kind != PEOPLE for name in known.names):  # شرقي سوريا
            return False
        entry = self.lexicon.entry(self.words[at].text)
        return entry.is_name or (bool(spelling) and (not entry.meanings or entry.guessed))

    def _word(self, at: int) -> Found:
        word = self.words[at]
        if (negation := _NEGATIONS.get(_without_and(word.key))) and _SHADDA not in word.text:
            return self.hint(at, 1, negation, "word"), 1
        if not is_arabic_word(word.text) or is_stop(word.key, "ar") or len(word.key) < 2:
            return None, 1
        if word.text in _ARTICLE:
            return None, 1
        after = self.words[at + 1].key if at + 1 < len(self.words) else ""
        if _YEAR.fullmatch(after) and _YEAR_WORDS & {*unprefixed(word.key)}:
            return self.hint(at, 1, ["year"], "word"), 1
        if self._is_last(at):
            return self.hint(at, 1, ["last"], "word"), 1
        entry = self.lexicon.entry(word.text)
        beside = (self._person == at and bool(self._before(at))) or self._is_part(at + 1)
        loose = entry.guessed and not entry.is_name and not _SURELY_ORDINARY.search(word.text)
        if loose and (beside or _is_name_by_letters(word)) and (name := self._unknown(at)):
            if not beside:
                self._person = -1  # by its letters alone it begins no person's name
            return name, 1
        if not entry.meanings:
            return self._unknown(at), 1
        kind: Kind = "name" if entry.is_name else "word"
        meanings = list(entry.meanings[:MOST_MEANINGS])
        if entry.is_name:
            self._person = at + 1
        elif entry.is_dual:
            if self._dual != at:
                meanings = [f"two {plural(m)}" if is_noun(m) else m for m in meanings[:2]]
            self._dual = at + 1
        return self.hint(at, 1, meanings, kind), 1

    def _is_last(self, at: int) -> bool:
        """Whether آخر is "last": before a noun it is, behind one it is "another"."""
        if self.words[at].text != "آخر" or at + 1 == len(self.words) or not self._before(at + 1):
            return False
        before, after = self._before(at), self.words[at + 1].key
        begins = not before or is_stop(before, "ar")
        return begins and is_arabic_word(after) and not is_stop(after, "ar")

    def _unknown(self, at: int) -> Hint | None:
        """The transliteration of a word that is in no table, if it is likely to be a name."""
        key = self.words[at].key
        if len(key) < LEAST or _INFLECTED.match(key) or TANWIN in self.words[at].text:
            return None
        before = self._before(at)
        expected = self._person == at or self._quoted(at) or self._is_title(before)
        expected |= any(form in _PLACES for form in unprefixed(before)) if before else False
        article = readings(self.words[at].text, key) == unprefixed(key)
        whole = key[1:] if begins_with_and(self.words[at]) else key
        forms = [form for form in unprefixed(whole) if len(form) >= LEAST and not form.startswith("ال")]
        bare = max(forms or [whole], key=likeness_to_names) if len(key) > LEAST + 1 and article else whole
        before_part = LEAST_NAME_BEFORE_PART if self._is_part(at + 1) else LEAST_NAME
        if likeness_to_names(bare) < (LEAST_NAME_BY_CONTEXT if expected else before_part):
            return None
        self._person = at + 1
        return self.hint(at, 1, spellings_of(bare, article=article), "name", spelled=True)


def _is_name_by_letters(word: Word) -> bool:
    """Whether a word whose meaning is guessed from its stem is a name, by its letters alone."""
    return not _NO_NAME.search(word.text) and likeness_to_names(word.key) >= LEAST_NAME_BY_LETTERS


def _without_and(key: str) -> str:
    """A folded function word without و or ف before it: ولم is و and لم."""
    bare = key[1:]
    return bare if key[0] in "وف" and is_stop(key, "ar") and is_stop(bare, "ar") else key


def _spellings_beside(words: list[Word], sentence: str) -> dict[int, str]:
    """The Latin spellings that a sentence contains of its Arabic words, by their index: كوريلا (Kurilla)."""
    spellings: dict[int, str] = {}
    for at, word in enumerate(words):
        if not word.text[0].isupper() or is_arabic_word(word.text):
            continue
        best, likest = -1, SAME_NAME
        for index in range(max(at - _NEAR_LATIN, 0), at):
            if _APART.search(sentence[words[index].end : word.start]):  # another clause, or injected text
                continue
            if is_arabic_word(words[index].text) and index not in spellings:
                alike = likeness(word.text, words[index].key)
                if alike >= likest and not is_stop(words[index].key, "ar"):
                    best, likest = index, alike
        if best >= 0:
            spellings[best] = word.text
    return spellings
