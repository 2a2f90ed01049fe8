"""Seconds by stage of an answer."""

from __future__ import annotations

import time


class Clock:
    """Seconds by stage: ``first_token`` and ``total`` from the question, the others from the last mark."""

    def __init__(self) -> None:
        """Start now."""
        self._start = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        """A stage ends now; one that comes again adds to itself."""
        now = time.perf_counter()
        self._stages[stage] = self._stages.get(stage, 0.0) + now - self._last
        self._last = now

    def mark_once(self, stage: str) -> None:
        """Something happens for the first time; later calls change nothing."""
        self._stages.setdefault(stage, time.perf_counter() - self._start)

    def finish(self) -> dict[str, float]:
        """The seconds of all stages; the answer is complete now."""
        self._stages["total"] = time.perf_counter() - self._start
        return self._stages
