"""Which texts share words with a question: BM25 over stemmed terms, Arabic and English.

Words that a reader takes for one become one term: spellings (folding), inflections (two kinds of stem for an
Arabic word, as each misses what the other finds), months of either Arabic family and of English, numbers in
any script. bm25s scores; its own types stay in this module.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.language.names import arabic_key, joined, latin_keys
from rag.language.quantities import MONTH_STARTS, MONTH_WORDS, doubtful_months
from rag.language.text import fold, is_arabic, numbers

VERSION = 3
"""Goes up when the same text would give other terms: an index made before then is refused."""

TERMS = f"light10+snowball+names:{VERSION}"
"""Names how texts are taken apart: an index made otherwise is made anew at its next update."""

K1, B = 1.2, 0.75
"""Robertson's usual values (Robertson and Zaragoza 2009); 0.6 to 1.6 and 0.4 to 0.9 gained nothing on the
development sets (docs/decisions.md)."""

_WORD = re.compile(r"[^\W_]+(?:\.\d+)*")

_PREFIXES = ("وال", "فال", "بال", "كال", "ولل", "لل", "ال")
_SUFFIXES = ("ها", "ات", "ون", "ين", "يه", "يا", "ان", "ه", "ي", "ا")
"""Of light10 (Larkey, Ballesteros, Connell 2007), folded; and يا and ا of countries, so that سوريا meets
سورية and فرنسا meets الفرنسي."""

_LEAST = 3
"""Letters that a light stem keeps."""

NAME = "~"
"""Begins a term that is the key of a name across scripts."""

_ABOUT = "about.json"


def terms(text: str) -> list[str]:
    """The terms of a text, in order; a word may give several.

    Args:
        text: A passage or a question, as written.
    """
    words = _WORD.findall(fold(text))
    found: list[str] = []
    for at, word in enumerate(words):
        found += _terms_of(word)
        found += _terms_of_two(word, words[at + 1]) if at + 1 < len(words) else ()
        if start := _month_start(word):
            month = MONTH_WORDS.get(start) or MONTH_WORDS.get(" ".join([start, *words[at + 1 : at + 2]]))
            found += [f"month {month}"] if month else []
    found += [f"month {month}" for month in sorted(doubtful_months(text))]
    # A multiplied number stands as its value too: 2.5 ألف and 2500 meet.
    plain = set(words)
    return found + [number for number in numbers(text) if number not in plain]


def arabic_keys(text: str) -> set[str]:
    """The keys (``rag.language.names``) of the Arabic words of a text."""
    return {term[len(NAME) :] for term in terms(text) if term.startswith(NAME)}


@lru_cache(maxsize=200_000)  # the words of a language: a text repeats few
def _terms_of(word: str) -> tuple[str, ...]:
    if not is_arabic(word[0]):
        return (_stemmers().english.stemWord(word),)
    stems = [*_light(word), _stemmers().arabic.stemWord(word)]
    keys = [f"{NAME}{key}" for reading in _readings(word) if (key := arabic_key(reading))]
    return tuple(dict.fromkeys([*stems, *keys]))


def _terms_of_two(word: str, following: str) -> tuple[str, ...]:
    """The keys of a name that is two words in Arabic letters and one in Latin ones."""
    if not is_arabic(following[0]):
        return ()
    # Short words (عز, نصر) are read without a particle too: the second word tells that they are a name's.
    readings = dict.fromkeys([*_readings(word), *([word[1:]] if word[0] in "وبلف" else [])])
    names = (name for reading in readings for name in joined(reading, following))
    return tuple(f"{NAME}{key}" for name in names if (key := arabic_key(name)))


@lru_cache(maxsize=200_000)
def _month_start(word: str) -> str:
    """The word without attached particles if a month's name begins so (بسبتمبر, وتشرين), else empty."""
    for cut in range(min(3, len(word))):
        if word[cut:] in MONTH_STARTS and set(word[:cut]) <= set("وفبكل"):
            return word[cut:]
    return ""


def _light(word: str) -> list[str]:
    return [_without_suffix(reading) for reading in _readings(word)]


def _readings(word: str) -> list[str]:
    """The word without article and particles, where those can be told."""
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= _LEAST:
            return [word[len(prefix) :]]
    # Whether the first letter is a particle (وبغداد) or the name's own (بغداد, لبنان, وزير) cannot be told
    # from the word: both readings are kept, or a name would miss itself behind a particle.
    readings = [word]
    if (word[0] == "و" and len(word) > _LEAST) or (word[0] in "بلف" and len(word) > _LEAST + 1):
        readings.append(word[1:])
    return readings


def _without_suffix(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _LEAST:
            return word[: -len(suffix)]
    return word


class _Stemmers(threading.local):
    """A stemmer of PyStemmer must not be used by two threads at once."""

    def __init__(self) -> None:
        import Stemmer

        self.arabic = Stemmer.Stemmer("arabic", 0)  # _terms_of has the cache
        self.english = Stemmer.Stemmer("english", 0)


@lru_cache(maxsize=1)
def _stemmers() -> _Stemmers:
    return _Stemmers()


class Lexicon:
    """BM25 over texts, open for search. Safe to use from several threads."""

    def __init__(self, scorer: Any, count: int) -> None:
        """Wrap an index.

        Args:
            scorer: The bm25s index; None where no text holds a term.
            count: Texts.
        """
        self._scorer = scorer
        self.count = count

    def scores(self, question: str) -> NDArray[np.float32]:
        """The BM25 score of every text for a question, shape (texts,); 0 where no term is shared."""
        ids = sorted(self._known(question).values())
        if not ids:
            return np.zeros(self.count, np.float32)
        scores: NDArray[np.float32] = self._scorer.get_scores_from_ids(ids)
        return scores

    def overlaps(self, question: str, sentences: Sequence[str]) -> NDArray[np.float32]:
        """What share of a question's terms, by rarity, each of some sentences holds, shape (sentences,).

        Args:
            question: As asked.
            sentences: As written.

        Returns:
            0 to 1: the inverse document frequencies of the shared terms over those of all that stand
            anywhere in the index.
        """
        known = self._known(question)
        if not known:
            return np.zeros(len(sentences), np.float32)
        starts = self._scorer.scores["indptr"]
        counts = {term: int(starts[at + 1] - starts[at]) for term, at in known.items()}
        rarity = {term: float(np.log1p((self.count - n + 0.5) / (n + 0.5))) for term, n in counts.items()}
        total = sum(rarity.values())
        held = (rarity.keys() & set(terms(sentence)) for sentence in sentences)
        return np.array([sum(rarity[term] for term in own) / total for own in held], np.float32)

    def _known(self, question: str) -> dict[str, int]:
        """The question's terms that stand in some text, with their places."""
        vocabulary = self._scorer.vocab_dict if self._scorer else {}
        names = (f"{NAME}{key}" for keys in latin_keys(question) for key in sorted(keys))
        asked = [*terms(question), *names]
        return {term: vocabulary[term] for term in asked if term in vocabulary}


def write(folder: Path, texts: Iterable[str]) -> None:
    """Index texts and write the index into an empty folder.

    Args:
        folder: Where to.
        texts: In row order.
    """
    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)] for text in texts]
    if vocabulary:
        scorer = _scorer()
        scorer.index((rows, vocabulary), show_progress=False)
        scorer.save(folder, show_progress=False)
    about = {"version": VERSION, "texts": len(rows), "terms": len(vocabulary)}
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def load(folder: Path) -> Lexicon:
    """Open an index that ``write`` made. The caller has made sure that its files are undamaged.

    Args:
        folder: Where it is.

    Raises:
        ValueError: It was written by another version.
    """
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    if about["version"] != VERSION:
        raise ValueError(f"the lexical index has version {about['version']}, not {VERSION}")
    scorer = _scorer().load(folder, mmap=True) if about["terms"] else None
    return Lexicon(scorer, about["texts"])


def _scorer() -> Any:
    import bm25s

    return bm25s.BM25(k1=K1, b=B, method="lucene")
