"""What the current generation contains, as far as an update has to know it: no vector and no article is read.

    manifest.json → places.json of each segment → the fingerprint of every article, and where it is

An update compares fingerprints; it reads and checks the articles alone that are replaced or removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.index.duplicates import PERMUTATIONS
from rag.index.layout import (
    ARTICLES,
    PLACES,
    Damaged,
    Manifest,
    Part,
    read_current,
    read_manifest,
)
from rag.index.segments.segment import Record, Segment, compare
from rag.records import Article

CHECKED = ".checked"
"""File with size and times of each file of each segment when its digest was last compared. It is removed by
whoever finds damage, so that the next update compares every digest."""


class Place(NamedTuple):
    """Where an article is."""

    segment: int
    """Its segment, as a place in ``Manifest.segments``."""
    place: int
    """Its place in the segment."""
    fingerprint: str
    """The sha256 of its line in articles.jsonl."""
    offset: int
    """First byte of the line."""
    size: int
    """Bytes of the line, without its end."""


class Ledger:
    """The articles of a generation, by id.

    Args:
        index: The folder of the index.

    Raises:
        IndexMissing: There is no generation.
        IndexUnusable: It has another format.
        Damaged: The manifest or a list of articles has changed since it was written.
    """

    def __init__(self, index: Path) -> None:
        self.index = index
        current = read_current(index)
        self.current = current or b""
        self.name, self.manifest = read_manifest(index, current)
        self.places: dict[str, Place] = {}
        self.damage: list[OSError | Damaged] = []
        """What is wrong with the segments that are not ``sound``."""
        for at, part in enumerate(self.manifest.segments):
            dead = set(part.dead)
            for place, (article_id, fingerprint, offset, size) in enumerate(self.listed(part)):
                if place not in dead:
                    self.places[article_id] = Place(at, place, fingerprint, offset, size)

    def listed(self, part: Part) -> list[tuple[str, str, int, int]]:
        """The lines of places.json of a segment, also for articles that are no longer there."""
        try:
            data = (self.index / part.folder / PLACES).read_bytes()
        except OSError as error:
            raise Damaged(f"{part.folder} cannot be read ({error})") from error
        if hashlib.sha256(data).hexdigest() != part.files[PLACES]:
            raise Damaged(f"{part.folder}/{PLACES} has changed on disk")
        listed: list[tuple[str, str, int, int]] = json.loads(data)
        return listed

    @cached_property
    def sound(self) -> frozenset[int]:
        """The segments of which no file is missing or has changed, as places in ``Manifest.segments``.

        A file whose size and times are those of the last comparison is not read again.
        """
        known = read_checked(self.index)
        usable, now = set(), {}
        for at, part in enumerate(self.manifest.segments):
            paths = {file: self.index / part.folder / file for file in part.files}
            try:
                states = {file: _state(path) for file, path in paths.items()}
                if known.get(part.folder) != states:
                    compare(part.folder, part, paths)
            except (OSError, Damaged) as error:
                self.damage.append(error)
                continue
            now[part.folder] = states
            usable.add(at)
        if now != known:
            write_checked(self.index, now)
        return frozenset(usable)

    def record(self, article_id: str) -> Record | None:
        """An article; None if it is damaged."""
        place = self.places[article_id]
        try:
            with (self.index / self.manifest.segments[place.segment].folder / ARTICLES).open("rb") as file:
                file.seek(place.offset)
                line = file.read(place.size)
        except OSError:
            return None
        return Record.from_json(line) if hashlib.sha256(line).hexdigest() == place.fingerprint else None

    def article(self, article_id: str) -> Article:
        """An article.

        Raises:
            Damaged: It has changed since it was written.
        """
        if record := self.record(article_id):
            return record.article
        raise Damaged(f"the article {article_id!r} has changed on disk")

    def segment(self, at: int) -> Segment:
        """A segment, opened without a check: only its ``intact`` rows may be used.

        Raises:
            Damaged: It cannot be read.
        """
        if at not in self._opened:
            part = self.manifest.segments[at]
            self._opened[at] = Segment(self.index / part.folder, part, self.manifest, check=False)
        return self._opened[at]

    @cached_property
    def _opened(self) -> dict[int, Segment]:
        return {}

    def sketches(self, article_ids: list[str]) -> NDArray[np.uint32]:
        """The MinHash signatures of some articles, shape (articles, permutations)."""
        places = [self.places[article_id] for article_id in article_ids]
        segment_of = np.array([place.segment for place in places], np.intp)
        local = np.array([place.place for place in places], np.intp)
        signatures = np.empty((len(places), PERMUTATIONS), np.uint32)
        for at in set(segment_of.tolist()):
            here = segment_of == at
            signatures[here] = self.all_sketches(at)[local[here]]
        return signatures

    def all_sketches(self, at: int) -> NDArray[np.uint32]:
        """The signatures of all articles of a segment, also of those that are no longer there."""
        part = self.manifest.segments[at]
        path = self.index / part.folder / "sketches.npy"
        try:
            signatures: NDArray[np.uint32] = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            if signatures.shape != (part.articles, PERMUTATIONS):
                raise ValueError(f"it has the size {signatures.shape}")
            return signatures
        except (OSError, ValueError) as error:
            raise Damaged(f"{part.folder}/{path.name} cannot be read ({error})") from error


def read_checked(index: Path) -> dict[str, dict[str, list[int]]]:
    """What ``write_checked`` has written; empty if it cannot be read."""
    try:
        return dict(json.loads((index / CHECKED).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def add_checked(index: Path, manifest: Manifest) -> None:
    """Record the state of the last segment of a generation, whose digests have just been compared."""
    known = read_checked(index)
    states = {part.folder: known[part.folder] for part in manifest.segments if part.folder in known}
    with contextlib.suppress(OSError, IndexError):
        last = manifest.segments[-1]
        states[last.folder] = {file: _state(index / last.folder / file) for file in last.files}
    write_checked(index, states)


def write_checked(index: Path, states: dict[str, dict[str, list[int]]]) -> None:
    """Record the state of each segment's files; without the record they are only compared once more."""
    with contextlib.suppress(OSError):
        new = index / f"{CHECKED}.{os.getpid()}"
        try:
            new.write_text(json.dumps(states), encoding="utf-8")
            new.replace(index / CHECKED)
        finally:
            new.unlink(missing_ok=True)


def forget_checked(index: Path) -> None:
    """Make the next update compare every digest."""
    with contextlib.suppress(OSError):
        (index / CHECKED).unlink(missing_ok=True)


def _state(path: Path) -> list[int]:
    status = path.stat()
    # Whoever changes a file can set back its time of modification, but not that of its last change of state.
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
