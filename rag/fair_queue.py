"""Whose turn it is to be answered: a few at a time, and each client in turn, however many questions it sends.

It lives in the server's event loop: its methods are called from there only, and need no lock.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque

from rag.errors import Busy

SHARE = 2
"""One client may take one in so many of the places, so that others find room."""

FIRST_GUESS = 20.0
"""Seconds that an answer is thought to take before one was seen."""

LONGEST_RETRY = 600
"""Seconds; after ten minutes it is worth a try in any case."""


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
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._answering = 0
        self._seconds = FIRST_GUESS

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    async def join(self, client: str) -> None:
        """Wait for the turn; ``leave`` ends it.

        Args:
            client: Who asks.

        Raises:
            Busy: Too many wait, or too many of this client's.
        """
        if self._answering < self._at_once:
            self._answering += 1
            return
        own = len(self._waiting.get(client, ()))
        if self.waiting >= self._places or own >= max(1, self._places // SHARE):
            ahead = self._seconds * (self.waiting + 1) / self._at_once
            seconds = min(max(1, math.ceil(ahead)), LONGEST_RETRY)
            raise Busy(
                f"{self.waiting} questions wait already. Ask again in about {seconds} s.", seconds=seconds
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._next()  # the turn came in the very moment in which the client left
            else:
                self._forget(client, place)
            raise

    def leave(self, seconds: float) -> None:
        """End the turn: the next client has it.

        Args:
            seconds: How long the answer took.
        """
        self._seconds += (seconds - self._seconds) / 4  # the last few count most
        self._next()

    def _next(self) -> None:
        while self._waiting:
            client, places = next(iter(self._waiting.items()))
            place = places.popleft()
            if places:
                self._waiting.move_to_end(client)
            else:
                del self._waiting[client]
            if not place.done():
                place.set_result(None)
                return
        self._answering -= 1

    def _forget(self, client: str, place: asyncio.Future[None]) -> None:
        places = self._waiting.get(client)
        if places is not None and place in places:
            places.remove(place)
            if not places:
                del self._waiting[client]
