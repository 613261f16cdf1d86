"""Where the time of a capture goes, from the frame in memory to the server's signed answer, stage by stage."""

from __future__ import annotations

import time
from collections import deque
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 1000
QUALITY, ENCODE, JOURNAL, SENT, ANSWER = "quality", "JPEG", "journal", "sent", "answer"


class Latency:
    """A mark, as `Sealer.seal` takes one, that keeps the stages of the newest captures apart."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """`clock` gives nanoseconds; `time.thread_time_ns` counts the controller's processor time alone."""
        self._clock = clock
        self._captures: deque[dict[str, int]] = deque(maxlen=_KEPT)
        self._now: dict[str, int] = {}
        self._last = self._clock()

    def begin(self) -> None:
        """A frame is in memory."""
        self._now = {}
        self._last = self._clock()

    def __call__(self, stage: str) -> None:
        """The stage that ends now. What is sent a second time, or without a frame, is left out."""
        now = self._clock()
        if stage not in self._now:
            self._now[stage] = now - self._last
            if stage == SENT and QUALITY in self._now:
                self._captures.append(self._now)
        self._last = now

    def milliseconds(self) -> dict[str, float]:
        """The median of every stage over the newest captures, in their order; empty without captures."""
        stages = list(dict.fromkeys(stage for capture in self._captures for stage in capture))
        return {
            stage: median(capture[stage] for capture in self._captures if stage in capture) / 1e6 for stage in stages
        }

    @property
    def captures(self) -> int:
        """How many captures these medians are of."""
        return len(self._captures)
