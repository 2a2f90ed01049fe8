"""The metrics of a server, in the text format of Prometheus."""

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
"""Upper bounds of the histogram of answers in seconds: from an answer in the cache to the time limit."""

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "sanad_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self.answers = Counter("sanad_answers", "Questions answered", ["outcome"], registry=registry)
        self.failures = Counter("sanad_failures", "Questions that failed", ["error"], registry=registry)
        self.left = Counter("sanad_left", "Questions whose client left or stopped them", registry=registry)
        self.seconds = Histogram(
            "sanad_answer_seconds",
            "Seconds per answer by stage",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )

    def gauge(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Add a value that is read at every request for the metrics.

        Args:
            name: Its name, without ``sanad_``.
            description: What it measures.
            value: Returns the current value.
        """
        Gauge(f"sanad_{name}", description, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
