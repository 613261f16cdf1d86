"""What is counted, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """Counters of one server process, in a registry of their own."""

    def __init__(self, arriving_bodies: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self.answers = Counter(
            "sealframe_answers",
            "Answers by code, and whether each was a repeated answer.",
            ["code", "stored"],
            registry=self._registry,
        )
        self.refusals = Counter(
            "sealframe_transport_errors",
            "Requests without a signed answer, by HTTP status.",
            ["status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "sealframe_answer_seconds",
            "Seconds from the last byte received to the answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.stages = Counter(
            "sealframe_stage_seconds",
            "Seconds that answered requests spent in each stage, including waits for a thread and for the commit.",
            ["stage"],
            registry=self._registry,
        )
        self.in_flight = Gauge("sealframe_in_flight", "Envelopes that are being answered now.", registry=self._registry)
        arriving = Gauge(
            "sealframe_bodies_arriving", "Request bodies that are being received now.", registry=self._registry
        )
        arriving.set_function(arriving_bodies)

    def text(self) -> bytes:
        """The page for Prometheus."""
        return generate_latest(self._registry)
