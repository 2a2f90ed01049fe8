"""Planning an update: what changed, which vectors are there already, and which segments are merged.

Contents, Ledger → compared → Update → groups_of, chosen_items, known_rows → build.fill
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexMissing, IndexUnusable
from rag.index import bm25, duplicates
from rag.index.build import Item, Origin
from rag.index.layout import Contents, Damaged, Part, check_compatible
from rag.index.segments.ledger import Ledger
from rag.index.segments.segment import Record, Segment
from rag.models.embedding.embedder import Embedder
from rag.records import Article

FAN = 8
"""Segments of about one size that are merged into one of the next size: a text is copied once for each factor
of eight that the index has grown by, and an index of 20,000 articles has at most 30 segments."""

MOST_DEAD = 1 / 3
"""Share of a segment's articles that may have been replaced or removed before the others are copied."""

REGROUP_SHARE = 0.1
"""Share of changed articles from which the near-duplicates of all are searched for again."""


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be changed in an index."""

    old: Ledger | None
    """The current generation, even if it cannot be searched; None if there is none."""
    before: Ledger | None
    """The same if its vectors can be used again."""
    fresh: dict[str, Record]
    """Articles that have to be written, by id."""
    kept: frozenset[str]
    """Ids of the articles that stay where they are."""
    gone: dict[str, Record | None]
    """The articles before that are not among them; None for one that is damaged."""
    moved: dict[str, str] = field(default_factory=dict)
    """The former id of each article whose file was renamed or moved, by its id now."""

    def has_terms(self, terms: str) -> bool:
        """Whether the lexical index before has these terms."""
        return self.before is not None and self.before.manifest.terms == terms

    @property
    def removed(self) -> list[str]:
        """Ids of the articles that are no longer there."""
        return sorted(self.gone.keys() - self.fresh.keys() - set(self.moved.values()))


def compared(index: Path, contents: Contents, embedder: Embedder, ledger: Ledger | None = None) -> Update:
    """What has to be done so that an index contains ``contents``.

    Raises:
        IndexUnusable: An article that is to be kept is not there, or damaged.
    """
    old = before = None
    with contextlib.suppress(IndexMissing, IndexUnusable, Damaged):
        old = ledger or Ledger(index)
    with contextlib.suppress(IndexUnusable):  # another embedder or chunker
        if old:
            check_compatible(index, old.manifest, embedder.identity, contents.chunker)
        before = old
    places = (
        {i: place for i, place in before.places.items() if place.segment in before.sound} if before else {}
    )
    kept = set(contents.keep)
    if not places.keys() >= kept:
        raise IndexUnusable(
            f"The index {index.name!r} was damaged meanwhile; nothing was changed. Try again."
        )
    fresh = {}
    for article in contents.articles:
        record = Record(article, tuple(contents.lines[article.id]))
        place = places.get(article.id)
        if place and place.fingerprint == record.fingerprint:
            kept.add(article.id)
        else:
            fresh[article.id] = record
    gone = {i: old.record(i) for i in sorted(old.places.keys() - kept)} if old else {}
    return Update(old, before, fresh, frozenset(kept), gone, _moved(gone, fresh))


def _moved(gone: dict[str, Record | None], fresh: dict[str, Record]) -> dict[str, str]:
    """The former id of each article whose file was renamed or moved, by its id now.

    Its text was that of an article that is gone or has another text now; that one can have moved to one place
    only.
    """
    old = {article_id: record.article.text for article_id, record in gone.items() if record}
    texts = {article_id: record.article.text for article_id, record in fresh.items()}
    free: dict[str, list[str]] = {}
    for article_id in sorted(old, reverse=True):
        if texts.get(article_id) != old[article_id]:
            free.setdefault(old[article_id], []).append(article_id)
    placed = (i for i in sorted(texts) if i not in old or old[i] != texts[i])
    return {i: free[texts[i]].pop() for i in placed if free.get(texts[i])}


def groups_of(update: Update, contents: Contents) -> dict[str, str]:
    """The group of each article that is not named after it."""
    before, ids = update.before, sorted(update.kept.union(update.fresh))
    known = contents.groups
    if known is None:
        known = before.manifest.groups if before else {}
        if len(update.fresh) + len(update.gone) > REGROUP_SHARE * len(ids) or before is None:
            known = duplicates.groups(_article(update, i) for i in ids)
        elif update.fresh or update.gone:
            places = before.places
            new_sketches = dict(zip(update.fresh, duplicates.sketches(_texts(update)), strict=True))
            gone = {i: before.sketches([i])[0] for i in update.gone if places[i].segment in before.sound}
            changed = {i: gone.get(i) for i in {*update.gone, *update.fresh}}
            if gone or _resemble(before, list(new_sketches.values())):
                at = {article_id: row for row, article_id in enumerate(ids)}
                of_all = np.empty((len(ids), duplicates.PERMUTATIONS), np.uint32)
                kept = list(update.kept)
                of_all[[at[i] for i in kept]] = before.sketches(kept)
                for i, sketch in new_sketches.items():
                    of_all[at[i]] = sketch
                known = duplicates.regroup(known, ids, of_all, changed, lambda i: _article(update, i).text)
    return {i: group for i, group in known.items() if group != i and (i in update.kept or i in update.fresh)}


def _texts(update: Update) -> list[str]:
    return [record.article.text for record in update.fresh.values()]


def _resemble(before: Ledger, new: list[NDArray[np.uint32]]) -> bool:
    """Whether any of some new articles is like another, or like one of those before: few are."""
    if any(len(duplicates.alike(np.stack(new), sketch)) > 1 for sketch in new):
        return True
    segments = map(before.all_sketches, range(len(before.manifest.segments)))
    return any(len(duplicates.alike(segment, sketch)) for segment in segments for sketch in new)


def _article(update: Update, article_id: str) -> Article:
    if record := update.fresh.get(article_id):
        return record.article
    if update.before is None:
        raise KeyError(article_id)
    return update.before.article(article_id)


def chosen_items(index: Path, update: Update) -> tuple[list[Part], list[Item]]:
    """The segments that stay, and the articles of the new one: the new ones, and those of merged segments."""
    items = [Item(record) for record in update.fresh.values()]
    before = update.before
    if before is None:
        return [], sorted(items, key=_id)
    stay = _without(before, update.gone)
    live = {at: part.articles - len(part.dead) for at, part in stay.items()}
    chosen = {
        at
        for at, part in stay.items()
        if not update.has_terms(bm25.TERMS) or len(part.dead) > MOST_DEAD * part.articles
    }
    while size := len(items) + sum(live[at] for at in chosen):
        alike = [at for at in stay.keys() - chosen if _tier(live[at]) <= _tier(size)]
        if len(alike) < FAN - 1:
            break
        chosen.update(alike)
    for at in chosen:
        part = before.manifest.segments[at]
        with contextlib.suppress(Damaged):  # it stays, and whoever opens the index reports it
            segment = Segment(index / part.folder, part, before.manifest)
            dead = set(stay.pop(at).dead)
            records = enumerate(segment.records)
            items += [Item(record, (segment, place)) for place, record in records if place not in dead]
    return list(stay.values()), sorted(items, key=_id)


def _without(before: Ledger, gone: Collection[str]) -> dict[int, Part]:
    """The sound segments that contain any other article, by place; those articles are marked as dead."""
    dead = {at: set(part.dead) for at, part in enumerate(before.manifest.segments)}
    for article_id in gone:
        dead[before.places[article_id].segment].add(before.places[article_id].place)
    stay = {}
    for at in sorted(before.sound):
        part = before.manifest.segments[at]
        places = sorted(dead[at])
        if len(places) > len(part.dead):
            first = before.segment(at).chunk_of
            chunks = int(sum(first[place + 1] - first[place] for place in places))
            part = dataclasses.replace(part, dead=places, dead_chunks=chunks)
        if len(places) < part.articles:
            stay[at] = part
    return stay


def _tier(articles: int) -> int:
    return int(math.log(max(1, articles), FAN) + 1e-9)


def _id(item: Item) -> str:
    return item.record.article.id


def known_rows(update: Update) -> dict[str, list[Origin]]:
    """By text the chunks of articles that are gone or have changed, as a renamed file has another id."""
    known: dict[str, list[Origin]] = {}
    before = update.before
    for article_id, record in update.gone.items():
        if before is None or record is None or before.places[article_id].segment not in before.sound:
            continue
        place = before.places[article_id]
        segment = before.segment(place.segment)
        for row in range(int(segment.chunk_of[place.place]), int(segment.chunk_of[place.place + 1])):
            _, start, end, *_ = segment.table[row].item()
            known.setdefault(record.article.text[start:end], []).append((segment, row))
    return known
