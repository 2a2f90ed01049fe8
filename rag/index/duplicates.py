"""Near-duplicates: one agency story in five outlets is shown once, with all its outlets.

``groups`` finds the articles that publish the same story. ``collapse`` removes from a ranked list the
passages that repeat a better one, and lists the other outlets on that one. Both prefer showing a text twice
to hiding a disagreement: texts with different numbers, months, weekdays or negations are never duplicates.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import heapq
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.language.calendar_words import WEEKDAYS
from rag.language.quantities import claimed, held
from rag.language.text import fold, numbers, sentences
from rag.records import Article, Passage, Reprint

if TYPE_CHECKING:
    from rensa import RMinHash

SHINGLE = 3
"""Words in a shingle. Shorter ones are shared by all news on a subject; of longer ones an edited word changes
more."""

SAME = 0.6
"""Least Jaccard similarity of the shingles of two versions of one story. On synthetic copies
(docs/research/results.md) versions with other spellings, headlines, credits and order have at least 0.77; a
follow-up that quotes half of the story has at most 0.45 in 19 of 20 cases, and texts on other subjects have
at most 0.13."""

PERMUTATIONS = 128
"""Length of a MinHash signature: its estimate of a Jaccard similarity near 0.6 is off by 0.03 (1 sigma)."""

BANDS = 32
"""Bands of the signature, of 4 rows each: a pair of similarity 0.6 is missed 12 times in 1,000, one of 0.7
twice in 10,000; texts on other subjects (below 0.1) are compared 3 times in 1,000."""

SLACK = 0.15
"""Candidates whose estimate is further below ``SAME`` than this are not compared exactly: four sigmas."""

CANDIDATES = 5
"""Best candidates that are compared exactly, so that 20,000 bulletins of one form do not take 20,000²
comparisons."""

PAIRED = 0.6
"""Least share of the shorter sentence's words that two versions of one sentence have in common."""

PAIRED_WORDS = 4
"""Fewest words, without numbers, of a sentence that is paired with another: bylines always differ in their
dates."""

EDITED = 0.7
"""Least Jaccard similarity between the words of a sentence and those of its lightly edited copy."""

ALIKE = 0.7
"""Least ``difflib`` ratio of two spellings of one word: that of الأمريكية and الأميركية is 0.8."""

COVERED = 0.8
"""Least share of a passage's characters that better passages must contain for it to be left out."""

_NEGATIONS = frozenset(
    fold(
        "not no never without cannot nor neither denied denies deny t "  # "didn't" folds to "didn t"
        "لا لم لن ليس ليست ليسوا ولا ولم ولن وليس وليست فلا فلم فلن غير عدم بدون دون نفى نفت ينفي تنفي نفي"
    ).split()
)
"""Words that negate a sentence, folded."""

_DATELINE = re.compile(r"\A(?:[^\s()]+\s+){1,5}\((?:[^\s()\d]+ ?){1,3}\)\s*[-–—:]\s*")
"""A dateline such as ``BAGHDAD, Sept 6 (Reuters) -``, which outlets add, change and remove."""

_TOKEN = re.compile(r"\d+(?:[.,٫٬]\d+)*|[^\W\d]+")
"""A number or a word: ``و900`` is two tokens, and so is ``207/208``."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    raw: str
    folded: str
    words: frozenset[str]
    """Its folded words, without numbers."""


def groups(articles: Iterable[Article]) -> dict[str, str]:
    """Group the articles that publish the same story; the result depends only on their ids and texts.

    An article joins the story of another if the Jaccard similarity of their word shingles is at least
    ``SAME`` and no sentence of one contradicts its counterpart in the other by a number, a month or a
    negation. It is compared with the first article of each story only, so that a chain of small changes does
    not join different stories.

    Returns:
        For each article's id the smallest id of its group; that is its own if it is the only one.
    """
    import rensa

    index = rensa.RMinHashLSH(threshold=SAME, num_perm=PERMUTATIONS, num_bands=BANDS)
    first: list[tuple[Article, rensa.RMinHash]] = []
    group_of: dict[str, str] = {}
    for article in sorted(articles, key=lambda article: article.id):
        sketch = _sketch(article.text)
        near = [(sketch.jaccard(first[at][1]), at) for at in index.query(sketch)]
        story = _story(
            article.text, [(estimate, first[at][0].id, first[at][0].text) for estimate, at in near]
        )
        group_of[article.id] = story or article.id
        if story is None:
            index.insert(len(first), sketch)
            first.append((article, sketch))
    return group_of


def regroup(
    group_of: Mapping[str, str],
    ids: Sequence[str],
    sketches_: NDArray[np.uint32],
    changed: Mapping[str, NDArray[np.uint32] | None],
    text: Callable[[str], str],
) -> dict[str, str]:
    """What ``groups`` returns after some articles changed, without looking at all the others again.

    The articles that precede an article decide on its story. So the first ones of stories are followed in
    the order of ids: only where one appears, changes or disappears are later articles like it compared again.

    Args:
        group_of: The groups before, by article id.
        ids: The articles that there are now, sorted.
        sketches_: Their ``sketches``.
        changed: The new, changed and removed articles: the sketch of what each was before, None for a new
            one.
        text: Returns an article's text by its id.
    """
    place_of = {article_id: at for at, article_id in enumerate(ids)}
    now = {article_id: group_of.get(article_id, article_id) for article_id in ids}
    is_first = np.array([group == article_id for article_id, group in now.items()], bool)
    waiting, seen = sorted(changed), set(changed)

    while waiting:
        article_id = heapq.heappop(waiting)
        was_first = (
            group_of.get(article_id, article_id) == article_id and changed.get(article_id, True) is not None
        )
        old = changed.get(article_id)
        at = place_of.get(article_id)
        affected = [alike(sketches_, old)] if was_first and old is not None else []
        if at is not None:
            close = alike(sketches_, sketches_[at])
            earlier = [row for row in close if row < at and is_first[row]]
            estimates = (sketches_[earlier] == sketches_[at]).mean(axis=1)
            candidates = [
                (float(e), ids[row], text(ids[row])) for e, row in zip(estimates, earlier, strict=True)
            ]
            story = _story(text(article_id), candidates)
            now[article_id], is_first[at] = story or article_id, story is None
            if was_first != is_first[at] or (article_id in changed and is_first[at]):
                affected.append(close)
        for other in (ids[row] for rows in affected for row in rows):
            if other > article_id and other not in seen:
                seen.add(other)
                heapq.heappush(waiting, other)
    return now


def alike(sketches_: NDArray[np.uint32], sketch: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The rows of the signatures that may belong to versions of the story that ``sketch`` belongs to."""
    pairs = sketches_.view(np.uint64) == sketch.view(np.uint64)  # a band has four rows: two pairs
    rows = np.flatnonzero((pairs[:, 0::2] & pairs[:, 1::2]).any(axis=1))
    alike_rows: NDArray[np.int64] = rows[(sketches_[rows] == sketch).mean(axis=1) >= SAME - SLACK]
    return alike_rows


def sketches(texts: Sequence[str]) -> NDArray[np.uint32]:
    """The MinHash signatures of texts, shape (texts, ``PERMUTATIONS``)."""
    signatures = np.empty((len(texts), PERMUTATIONS), np.uint32)
    for at, text in enumerate(texts):
        signatures[at] = _sketch(text).digest()
    return signatures


def _sketch(text: str) -> RMinHash:
    import rensa

    sketch = rensa.RMinHash(num_perm=PERMUTATIONS, seed=1)
    sketch.update(list(_shingles(text)))
    return sketch


def _story(text: str, firsts: Iterable[tuple[float, str, str]]) -> str | None:
    """The first article of the story that a text is a version of.

    Args:
        text: The text.
        firsts: Articles that may be it: estimated similarity, id and text.

    Returns:
        Its id; None if the text is the first version of its story.
    """
    near = sorted((-estimate, name, other) for estimate, name, other in firsts if estimate >= SAME - SLACK)
    shingles = _shingles(text)
    close = sorted(
        (-_jaccard(shingles, _shingles(other)), name, other) for _, name, other in near[:CANDIDATES]
    )
    stories = ((name, other) for distance, name, other in close if -distance >= SAME)
    return next((name for name, other in stories if not _contradictory(text, other)), None)


def reprints(articles: Iterable[Article], group_of: Mapping[str, str]) -> dict[str, tuple[Article, ...]]:
    """For each article whose group in ``groups`` has several members, the others, in the order given."""
    together: dict[str, list[Article]] = {}
    for article in articles:
        together.setdefault(group_of[article.id], []).append(article)
    return {
        one.id: tuple(other for other in group if other.id != one.id)
        for group in together.values()
        if len(group) > 1
        for one in group
    }


def collapse(passages: Iterable[Passage], others: Mapping[str, Sequence[Article]]) -> tuple[Passage, ...]:
    """Remove the passages that only repeat better ones from a list, best first; ``others`` are ``reprints``.

    A passage is left out if better passages of the same story contain at least ``COVERED`` of it, none of
    them contradicts it, and it contains no number or month that they lack.

    Returns:
        The passages that were kept, in their order, with ranks from 1. The ``also`` of each lists the other
        articles that contain it, whether or not they were in the list.
    """
    kept: list[Passage] = []
    left_out: dict[int, set[str]] = {}
    for passage in passages:
        story = {article.id for article in others.get(passage.chunk.article_id, ())}
        at = [i for i, better in enumerate(kept) if better.chunk.article_id in story]
        if at and _repeats(passage.text, [kept[i].text for i in at]):
            mine = _sentences(passage.text).keys()
            best = max(at, key=lambda i: len(mine & _sentences(kept[i].text).keys()))
            left_out.setdefault(best, set()).add(passage.chunk.article_id)
        else:
            kept.append(passage)
    return tuple(
        dataclasses.replace(
            passage,
            rank=at + 1,
            also=tuple(
                _reprint(article)
                for article in others.get(passage.chunk.article_id, ())
                if article.id in left_out.get(at, ()) or _repeats(passage.text, [article.text])
            ),
        )
        for at, passage in enumerate(kept)
    )


def holding(sentence: str, others: Iterable[Article]) -> tuple[Reprint, ...]:
    """Those of ``others`` that contain a sentence word for word, apart from spelling variants of letters."""
    wanted = fold(sentence)
    return tuple(_reprint(article) for article in others if wanted and f" {wanted} " in _folded(article.text))


def _reprint(article: Article) -> Reprint:
    return Reprint(article.id, article.outlet, article.published)


def _shingles(text: str) -> frozenset[str]:
    """Runs of ``SHINGLE`` folded words; a shorter text is one run."""
    words = fold(text).split()
    runs = (words[at:] for at in range(SHINGLE)) if len(words) >= SHINGLE else ([word] for word in words)
    return frozenset(map(" ".join, zip(*runs, strict=False)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def _contradictory(one: str, other: str) -> bool:
    """Whether a sentence that the other text lacks contradicts its nearest counterpart there."""
    first, second = _sentences(one), _sentences(other)
    alone = [sentence for folded, sentence in first.items() if folded not in second]
    rest = [sentence for folded, sentence in second.items() if folded not in first]
    pairs = ((sentence, _counterpart(sentence, rest)) for sentence in alone)
    return any(near is not None and _contradict(sentence, near) for sentence, near in pairs)


def _counterpart(sentence: _Sentence, candidates: Iterable[_Sentence]) -> _Sentence | None:
    near = max(candidates, key=lambda candidate: _overlap(sentence, candidate), default=None)
    return near if near is not None and _overlap(sentence, near) >= PAIRED else None


@functools.lru_cache(maxsize=256)  # an answer compares a few texts with each other many times
def _sentences(text: str) -> dict[str, _Sentence]:
    """The sentences of a text by their folded form."""
    parsed = {}
    for start, end in sentences(text):
        raw = _DATELINE.sub("", text[start:end], count=1)
        folded = fold(raw)
        words = frozenset(word for word in folded.split() if not any(map(str.isdecimal, word)))
        parsed[folded] = _Sentence(raw, folded, words)
    return parsed


@functools.lru_cache(maxsize=256)
def _folded(text: str) -> str:
    return f" {fold(text)} "


@functools.lru_cache(maxsize=1024)
def _claims(text: str) -> frozenset[str]:
    return frozenset(claimed(text))


def _overlap(one: _Sentence, other: _Sentence) -> float:
    shorter = min(len(one.words), len(other.words))
    return len(one.words & other.words) / shorter if shorter >= PAIRED_WORDS else 0.0


def _contradict(one: _Sentence, other: _Sentence) -> bool:
    """Whether only one is negated, or one has another value in the same place; either may say more."""
    if _negations(one) != _negations(other):
        return True
    mine, theirs = _TOKEN.findall(one.raw), _TOKEN.findall(other.raw)
    matcher = difflib.SequenceMatcher(None, [*map(fold, mine)], [*map(fold, theirs)], autojunk=False)
    return any(
        what == "replace" and _differ(" ".join(mine[start:end]), " ".join(theirs[other_start:other_end]))
        for what, start, end, other_start, other_end in matcher.get_opcodes()
    )


def _differ(one: str, other: str) -> bool:
    """Whether two pieces of text in the same place of two sentences have different values."""
    digits, others = numbers(one), numbers(other)
    if len(digits) == len(others) and digits != others:
        return True
    if (days := _weekdays(one)) and (other_days := _weekdays(other)) and days != other_days:
        return True
    # Subsets, as تسعمائة has the value 900 among the several that it can be read as.
    values, other_values = held(one), held(other)
    return bool(values and other_values) and not (values <= other_values or other_values <= values)


def _negations(sentence: _Sentence) -> int:
    return sum(word in _NEGATIONS for word in sentence.folded.split())


def _repeats(text: str, sources: Sequence[str]) -> bool:
    """Whether sources contain ``COVERED`` of a text, contradict none of it and lack none of its values."""
    mine = _sentences(text)
    room = (1 - COVERED) * sum(map(len, mine))
    for folded, sentence in mine.items():
        if any(f" {folded} " in _folded(source) for source in sources):
            continue
        theirs = (s for source in sources for other, s in _sentences(source).items() if other not in mine)
        near = _counterpart(sentence, theirs)
        if near is not None and _edited(sentence, near):
            continue
        # One replaced word in an otherwise equal sentence may be a name or a verdict. A sentence that is
        # freely reworded, as headlines are, is compared by its values alone.
        if near is not None and (
            _jaccard(sentence.words, near.words) >= EDITED or _contradict(sentence, near)
        ):
            return False
        room -= len(folded)
        if room < 0 or not _claims(sentence.raw) <= frozenset().union(*map(_claims, sources)):
            return False
    return any(mine)


def _edited(one: _Sentence, other: _Sentence) -> bool:
    """Whether two sentences differ only in spelling, or because one leaves words out."""
    if numbers(one.raw) != numbers(other.raw) or held(one.raw) != held(other.raw):
        return False
    if _weekdays(one.raw) != _weekdays(other.raw):
        return False
    if _negations(one) != _negations(other) or _jaccard(one.words, other.words) < EDITED:
        return False
    fewer, more = sorted((one.words - other.words, other.words - one.words), key=len)
    return all(any(_alike(word, candidate) for candidate in more) for word in fewer)


def _weekdays(text: str) -> set[int]:
    return {WEEKDAYS[word] for word in map(fold, _TOKEN.findall(text)) if word in WEEKDAYS}


def _alike(one: str, other: str) -> bool:
    return difflib.SequenceMatcher(None, one, other).ratio() >= ALIKE
