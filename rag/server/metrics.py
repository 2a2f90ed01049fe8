"""What a server counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320)
"""Upper bounds of the histogram of answers, in seconds: a question that is remembered to one given up."""

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "sanad_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self.answers = Counter("sanad_answers", "Questions answered", ["outcome"], registry=registry)
        self.failures = Counter("sanad_failures", "Questions that failed", ["error"], registry=registry)
        self.left = Counter("sanad_left", "Questions whose client left", registry=registry)
        self.seconds = Histogram(
            "sanad_answer_seconds",
            "Time of an answer by stage",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )

    def gauge(self, name: str, told: str, value: Callable[[], float]) -> None:
        """Add a value that is read whenever it is asked for.

        Args:
            name: Its name, without ``sanad_``.
            told: What it is.
            value: Gives it.
        """
        Gauge(f"sanad_{name}", told, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
