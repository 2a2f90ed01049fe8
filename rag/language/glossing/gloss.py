"""An Arabic sentence word for word in English, from tables alone, its nouns in English order.

The packaged model reads English far better than Arabic, so its prompts contain glosses when it answers in
English, and readers see them too. The meanings of words come from lexicon, names, numbers and dates
(``hints``); those of function words and attached particles are in this file. No model takes part.

    وقال وزير الدفاع إن الطائرات ستصل في 3 مايو.
    and said defence minister that aircraft will arrive in 3 May.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.language.glossing.joined import separated
from rag.language.glossing.word_order import WILL, Gloss, in_english_order
from rag.language.text import fold
from rag.language.translation.arabic import ArabicReader
from rag.language.translation.lexicon import infinitive
from rag.language.translation.reader import Hint, Tables, shipped, shown
from rag.language.translation.words import LEAST, Word, begins_with_and, has_article, is_arabic_word, is_stop
from rag.language.word_classes import ARTICLE, closed

MEANINGS = 2
"""Most meanings of a word."""
_ALIKE = 4
"""First letters that two meanings share if the second adds nothing: ``include/includes``."""
_SPACES = re.compile(r"\s+")
_MARKS = str.maketrans("،؛؟٫٬", ",;?.,")

_PARTICLES = {"و": "and", "ف": "so", "ب": "by", "ل": "for", "ك": "as"}
"""Particles that are written with the next word."""

_FUNCTION_WORDS = """
في=in من=from على=on إلى=to عن=about أن=that التي=which الذي=who الذين=who اللذين=who
اللذان=who اللتين=which اللتان=which اللواتي=who اللاتي=who هذا=this هذه=this ذلك=that تلك=that هذان=these
هذين=these هؤلاء=these كان=was كانت=was كانوا=were كانا=were يكون=is تكون=is يكونوا=are يكن=was تكن=was
كنا=we_were كنت=I_was ما=what لا=not لم=did_not لن=will_not قد= لقد= كما=also هو=he هي=she هم=they هن=they
هما=they أنا=I نحن=we أنت=you مع=with كل=every أو=or أي=any ثم=then حتى=until إذا=if لكن=but ولكن=but
بل=but_rather به=with_it بها=with_it بهم=with_them له=to_him لها=to_her لهم=to_them لهما=to_them لنا=to_us
لي=to_me لك=to_you بنا=with_us فيه=in_it فيها=in_it فيهم=in_them منه=from_him منها=from_it منهم=from_them
عنه=about_him عنها=about_it عنهم=about_them عليه=on_him عليها=on_it عليهم=on_them إليه=to_him إليها=to_it
إليهم=to_them لأن=because فإن=then بأن=that أنه=that_he أنها=that_it أنهم=that_they
بأنه=that_he بأنها=that_it لأنه=because_he لأنها=because_it لأنهم=because_they
فإنه=then_he فإنها=then_it أيضا=also غير=not هناك=there هنا=here عند=at عندما=when حيث=where بعض=some
بعد=after بعدما=after قبل=before قبيل=shortly_before بعيد=shortly_after بين=between خلال=during منذ=since
نحو=about بنحو=by_about لنحو=for_about لدى=at دون=without بدون=without مما=which فيما=while عما=about_what
بما=including لما=when إذ=as إما=either إلا=except سوف=will تم=was_done يتم=is_done حين=when بينما=while
ضمن=within عبر=through حول=about كذلك=also كونه=being كونها=being كونهم=being مثل=such_as لكل=for_every
بكل=with_every لو=if بهذا=with_this بهذه=with_this لهذا=for_this لهذه=for_this بذلك=with_that
لتلك=for_that بتلك=with_that لديه=he_has لديها=it_has لديهم=they_have لدينا=we_have معه=with_him
معها=with_it معهم=with_them هل=whether تجاه=towards إزاء=towards حسب=according_to وفق=according_to
وفقا=according_to كي=in_order_to لكي=in_order_to ليس=is_not ليست=is_not ليسوا=are_not لذلك=therefore
لذا=therefore ذات=of إياه=him إياها=her
"""


def by_folded(pairs: str) -> dict[str, str]:
    """English equivalents by folded Arabic words.

    Args:
        pairs: ``word=equivalent``, separated by spaces or lines; an underscore represents a space.

    Raises:
        ValueError: Two words are the same once folded, so that one would hide the other.
    """
    english_by_arabic: dict[str, str] = {}
    for arabic, _, english in (pair.partition("=") for pair in pairs.split()):
        if fold(arabic) in english_by_arabic:
            raise ValueError(f"{arabic} has two equivalents when it is folded; remove one of them")
        english_by_arabic[fold(arabic)] = english.replace("_", " ")
    return english_by_arabic


_ENGLISH = by_folded(_FUNCTION_WORDS)
_AS_WRITTEN = {"لدي": "I have"}
"""Function words that folding would turn into others: لدى, at."""

_FUTURE = re.compile(rf"س[يتن]\w{{{LEAST},}}")
"""A word that may be a folded verb with the future particle: سيغادر, will leave; but سيادة, sovereignty."""
_MAY = re.compile("[وف]?قد")
_PRESENT = re.compile("ي|(?:[تن]كون(?:وا)?|لا)$")
"""The beginning of a folded verb in the present, or its negation, before which قد is "may"; before the past
it has no equivalent. Most verbs that begin with ت or ن may be either."""

_LOST = "فقد"
"""Folded: "so" and قد before a past verb; "lost" before anything else and behind "and"."""
_AFTER_LOST = closed("حوالي نحو زهاء قرابه اكثر ما جميع كل معظم بعض احد احدهم احدي ثلث")
"""Folded words before which it is "lost", as it is before numbers and words with the article."""

_BARE = re.compile("(?:^|[/ ])(?:will|may|(?:did|does|will) not)$|^does not/")
"""The end of a meaning after which an English verb has no ending."""


def gloss(sentence: str, tables: Tables | None = None) -> str:
    """The meanings of an Arabic sentence's words, in their order except for adjectives (``word_order``).

    Args:
        sentence: One sentence in Arabic.
        tables: Lexicon and names; by default those for the packaged model.
    """
    tables = tables or shipped()
    glosser = _Glosser(separated(sentence, tables), tables)
    return _SPACES.sub(" ", "".join([*in_english_order([*glosser.glosses()]), glosser.end])).strip()


def meanings(sentence: str) -> Iterator[tuple[int, int, str]]:
    """The words and phrases of an Arabic sentence with their meanings, as readers are shown them.

    Args:
        sentence: As for ``gloss``.

    Yields:
        The half-open range of characters, and the meanings.
    """
    tables = shown()
    spaced = separated(sentence, tables)
    places, at = [], 0  # offset in the sentence of each character of ``spaced``
    for char in spaced:
        places.append(at)
        at += at < len(sentence) and char == sentence[at]
    places.append(len(sentence))
    for word_gloss in _Glosser(spaced, tables).glosses():
        start, end = places[word_gloss.span[0]], places[word_gloss.span[1] - 1] + 1
        if (text := f"{word_gloss.particles}{word_gloss.text}".strip()) and text != sentence[start:end]:
            yield start, end, text


class _Glosser:
    """Reads a sentence as for hints, and glosses every word."""

    def __init__(self, sentence: str, tables: Tables) -> None:
        self._reader = ArabicReader(sentence, tables)
        self._sentence, self._tables = sentence, tables
        self._end = 0
        """The end of the last glossed word in the sentence."""

    def glosses(self) -> Iterator[Gloss]:
        """The gloss of each word, in the order of the sentence."""
        words, at, text = self._reader.words, 0, ""
        while at < len(words):
            hint, used = self._reader.at(at)
            before = self._sentence[self._end : words[at].start].translate(_MARKS)
            end = self._end = hint.start + len(hint.source) if hint else words[at + used - 1].end
            if hint:
                known = hint.targets[:1] if hint.kind == "value" or hint.spelled else hint.targets
                key = "" if hint.kind == "value" else words[at + used - 1].key
                particles = self._particles(words, at, used, hint)
                if particles == f"{_PARTICLES['ل']} " and text.endswith(" to"):  # وفقا ل
                    particles = ""
                if (particles.endswith(WILL) or _BARE.search(text)) and " not" not in known[0]:
                    known, key = tuple(map(infinitive, known)), ""  # a verb, which keeps its place
                text = "/".join(_different(known))
                yield Gloss(before, particles, text, key, hint.kind == "name", (words[at].start, end))
            else:
                text = self._without_hint(words, at, self._sentence[words[at].start : end])
                yield Gloss(before, "", text, span=(words[at].start, end))
            at += used

    @property
    def end(self) -> str:
        """The text after the last word."""
        return self._sentence[self._end :].translate(_MARKS)

    def _without_hint(self, words: list[Word], at: int, written: str) -> str:
        word = words[at]
        if not is_arabic_word(word.text):
            grouped_by_points = "." in word.text and word.key.isdigit()
            return f"{int(word.key):,}" if grouped_by_points else written
        if len(word.key) == 1 and word.key in _PARTICLES:  # و20
            return f"{_PARTICLES[word.key]} "
        if word.key == ARTICLE:  # الـ100
            return ""
        if is_stop(word.key, "ar"):
            if self._is_lost(words, at):
                return f"{'and ' if word.key != _LOST else ''}lost"
            if _MAY.fullmatch(word.key) and at + 1 < len(words) and _PRESENT.match(words[at + 1].key):
                return f"{_and_before(word.key)}may"
            known = _AS_WRITTEN.get(word.text) or _ENGLISH.get(word.key)
            return known or f"{_and_before(word.key)}{_ENGLISH.get(word.key[1:], '')}"
        return written

    def _is_lost(self, words: list[Word], at: int) -> bool:
        """Whether فقد is the verb: before a number or a noun, and behind "and"."""
        key = words[at].key
        if key != _LOST or at + 1 == len(words):
            return key == f"و{_LOST}"
        following = words[at + 1]
        if following.key in _AFTER_LOST or following.key[0].isdigit() or self._reader.value(at + 1):
            return True
        return has_article(following)

    def _particles(self, words: list[Word], at: int, used: int, hint: Hint) -> str:
        """The meanings of particles attached to a word that has a hint: ``and for ``; empty if uncertain."""
        key = words[at].key
        if is_stop(key, "ar"):
            return _and_before(key)
        if hint.spelled:
            return f"{_PARTICLES[key[0]]} " if begins_with_and(words[at]) else ""
        if self._is_whole(words, at, used, hint):
            return ""
        particles = []
        if key[0] in "وف" and (len(key) > LEAST or (used > 1 and hint.kind == "name")):
            particles.append(_PARTICLES[key[0]])
            key = key[1:]
        particles += ["will"] if hint.kind != "name" and self._is_future(key) else self._preposition(key)
        return "".join(f"{particle} " for particle in particles)

    def _is_future(self, key: str) -> bool:
        verb = self._tables.lexicon.entry(key[1:])
        return bool(_FUTURE.fullmatch(key) and verb.meanings and not verb.guessed)

    def _preposition(self, key: str) -> list[str]:
        """The preposition attached to a folded word without "and"; a list of one or none."""
        rest = key[1:]
        if len(key) <= LEAST:
            return []
        attached = key.startswith("لل") or (key[0] in "بلك" and rest.startswith("ال"))
        attached = attached or (key[0] in "بل" and self._tables.lexicon.entry(rest).exact)
        return [_PARTICLES[key[0]]] if attached else []

    def _is_whole(self, words: list[Word], at: int, used: int, hint: Hint) -> bool:
        if hint.kind != "name":
            if used > 1:
                return bool(self._tables.lexicon.phrase(tuple(word.key for word in words[at : at + used])))
            return self._tables.lexicon.entry(words[at].text).exact
        match = self._tables.gazetteer.match(words, at, "ar")
        return bool(match and match.bare) or bool(self._tables.gazetteer.part(words[at].key, "ar"))


def _and_before(key: str) -> str:
    """The English of "and" or "so" before a folded function word; empty if there is neither."""
    return f"{_PARTICLES[key[0]]} " if key[0] in "وف" and key[1:] in _ENGLISH else ""


def _words(meaning: str) -> frozenset[str]:
    """Its words regardless of order: "defence ministry" is the same as "Ministry of Defence"."""
    return frozenset(meaning.lower().split()) - {"of", "the"}


def _different(meanings: tuple[str, ...]) -> list[str]:
    meanings_kept: list[str] = []
    for meaning in meanings:
        duplicate = (_words(known) == _words(meaning) for known in meanings_kept)
        if not any(duplicate) and all(
            meaning[:_ALIKE].lower() != known[:_ALIKE].lower() for known in meanings_kept
        ):
            meanings_kept.append(meaning)
    return meanings_kept[:MEANINGS]
