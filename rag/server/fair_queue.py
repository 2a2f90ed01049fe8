"""The queue of a server: few questions are answered at a time, and clients take turns.

A client that sends many questions delays its own, not those of others. Page and API share one queue. Its
methods may be called from any thread.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import Busy

SHARE = 2
"""One client may take at most 1/SHARE of the waiting places, so that others find room."""

FIRST_GUESS = 20.0
"""Assumed duration of an answer in seconds, until the first one has been measured."""

LONGEST_RETRY = 600
"""Longest ``Retry-After`` in seconds: after ten minutes it is worth trying in any case."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A question's place in the queue."""

    client: str
    """Who asks."""
    called: Callable[[Place], None]
    """Called when it is this question's turn."""


class FairQueue:
    """Waiting questions; each client's next question is placed behind those of all other clients."""

    def __init__(self, places: int, at_once: int = 1) -> None:
        """Create an empty queue.

        Args:
            places: How many questions may wait, beside those that are being answered.
            at_once: How many are answered at the same time.
        """
        self._places = places
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, deque[Place]] = OrderedDict()
        self._answering: set[Place] = set()
        self._seconds = FIRST_GUESS

    @property
    def waiting(self) -> int:
        """How many questions are waiting."""
        with self._lock:
            return self._count()

    @property
    def answering(self) -> int:
        """How many questions are being answered."""
        with self._lock:
            return len(self._answering)

    def enter(self, client: str, called: Callable[[Place], None]) -> Place:
        """Join the queue. ``withdraw`` gives a waiting place up, ``leave`` ends the turn.

        Args:
            client: Who asks.
            called: Called when it is the question's turn, in any thread, possibly before this method returns.

        Raises:
            Busy: Too many questions are waiting, or too many of this client's.
        """
        place = Place(client, called)
        with self._lock:
            if len(self._answering) >= self._at_once:
                self._check(client)
                self._waiting.setdefault(client, deque()).append(place)
                return place
            self._answering.add(place)
        called(place)
        return place

    def leave(self, place: Place, seconds: float | None = None) -> None:
        """End a turn and call the next question.

        Args:
            place: The place whose turn ends.
            seconds: How long the answer took; None if there was no answer.
        """
        with self._lock:
            self._answering.remove(place)
            if seconds is not None:
                self._seconds += (seconds - self._seconds) / 4  # recent answers count most
            following = self._next()
        if following is not None:
            following.called(following)

    def withdraw(self, place: Place) -> bool:
        """Give up a waiting place; returns False if it no longer waits."""
        with self._lock:
            places = self._waiting.get(place.client, deque())
            if place not in places:
                return False
            places.remove(place)
            if not places:
                del self._waiting[place.client]
            return True

    def ahead(self, place: Place) -> int:
        """How many questions will be answered before this one if nobody leaves; 0 if it no longer waits."""
        with self._lock:
            rounds = itertools.zip_longest(*self._waiting.values())  # one question of each client per round
            order = [one for turn in rounds for one in turn if one is not None]
            return order.index(place) + len(self._answering) if place in order else 0

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _check(self, client: str) -> None:
        waiting, of_client = self._count(), len(self._waiting.get(client, ()))
        if waiting >= self._places or of_client >= max(1, self._places // SHARE):
            ahead = self._seconds * (waiting + 1) / self._at_once
            seconds = min(max(1, math.ceil(ahead)), LONGEST_RETRY)
            count = "1 question is" if waiting == 1 else f"{waiting} questions are"
            raise Busy(f"{count} already waiting. Try again in about {seconds} s.", seconds=seconds)

    def _next(self) -> Place | None:
        """The place whose turn it is now."""
        if not self._waiting:
            return None
        client, places = next(iter(self._waiting.items()))
        place = places.popleft()
        if places:
            self._waiting.move_to_end(client)
        else:
            del self._waiting[client]
        self._answering.add(place)
        return place
