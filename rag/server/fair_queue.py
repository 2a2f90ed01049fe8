"""Whose turn it is to be answered: few at a time, and each client in turn, however many questions it sends.

Page and API of a server stand in the same line. Its methods may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import Busy

SHARE = 2
"""One client may take one in so many of the places, so that others find room."""

FIRST_GUESS = 20.0
"""Seconds that an answer is thought to take before one was seen."""

LONGEST_RETRY = 600
"""Seconds; after ten minutes it is worth a try in any case."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a question stands."""

    client: str
    """Who asks."""
    called: Callable[[Place], None]
    """Told when it is its turn."""


class FairQueue:
    """Questions that wait; a client's next one stands behind all other clients."""

    def __init__(self, places: int, at_once: int = 1) -> None:
        """Nobody waits yet.

        Args:
            places: How many may wait beside those that are answered.
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
        """How many wait."""
        with self._lock:
            return self._count()

    def enter(self, client: str, called: Callable[[Place], None]) -> Place:
        """Take a place. Until its turn ``withdraw`` gives it up; from then on ``leave`` must.

        Args:
            client: Who asks.
            called: Told when it is its turn, which may be before this comes back; in any thread.

        Raises:
            Busy: Too many wait, or too many of this client's.
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
        """End a turn: the next one is called.

        Args:
            place: Whose turn it was.
            seconds: How long the answer took; None where there was none.
        """
        with self._lock:
            self._answering.remove(place)
            if seconds is not None:
                self._seconds += (seconds - self._seconds) / 4  # the last few count most
            following = self._next()
        if following is not None:
            following.called(following)

    def withdraw(self, place: Place) -> bool:
        """Give up a place; false where it waits no more, as it has been called or has left."""
        with self._lock:
            places = self._waiting.get(place.client, deque())
            if place not in places:
                return False
            places.remove(place)
            if not places:
                del self._waiting[place.client]
            return True

    def ahead(self, place: Place) -> int:
        """How many are answered before this one, if nobody leaves; 0 when it waits no more."""
        with self._lock:
            lines = itertools.zip_longest(*self._waiting.values())  # one of each client, then another of each
            order = [one for turn in lines for one in turn if one is not None]
            return order.index(place) + len(self._answering) if place in order else 0

    async def join(self, client: str) -> Place:
        """Wait for the turn, in an event loop; ``leave`` ends it.

        Args:
            client: Who asks.

        Raises:
            Busy: Too many wait, or too many of this client's.
        """
        loop = asyncio.get_running_loop()
        turn = asyncio.Event()

        def called(_: Place) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                loop.call_soon_threadsafe(turn.set)

        place = self.enter(client, called)
        try:
            await turn.wait()
        except asyncio.CancelledError:
            if not self.withdraw(place):  # it was called in the very moment in which the client left
                self.leave(place)
            raise
        return place

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _check(self, client: str) -> None:
        waiting, own = self._count(), len(self._waiting.get(client, ()))
        if waiting >= self._places or own >= max(1, self._places // SHARE):
            ahead = self._seconds * (waiting + 1) / self._at_once
            seconds = min(max(1, math.ceil(ahead)), LONGEST_RETRY)
            raise Busy(f"{waiting} questions wait already. Ask again in about {seconds} s.", seconds=seconds)

    def _next(self) -> Place | None:
        """Whose turn it is now."""
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
