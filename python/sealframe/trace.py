"""Where the time of one seal or open goes, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

StageCallback: TypeAlias = Callable[[str], None]
"""Called at the end of every stage with the stage's name."""


def no_callback(stage: str) -> None:
    """The mark of those who do not ask."""


class StageTimes:
    """A mark that adds up nanoseconds of wall time per stage since it was made or last called."""

    def __init__(self) -> None:
        self.nanoseconds: dict[str, int] = {}
        self._last = time.perf_counter_ns()

    def restart(self) -> None:
        """Leave out the time since the last call."""
        self._last = time.perf_counter_ns()

    def __call__(self, stage: str) -> None:
        """Count the time since the last call for this stage."""
        now = time.perf_counter_ns()
        self.nanoseconds[stage] = self.nanoseconds.get(stage, 0) + now - self._last
        self._last = now

    def shares(self) -> dict[str, float]:
        """Each stage's share of the whole, 0..1."""
        total = sum(self.nanoseconds.values()) or 1
        return {stage: spent / total for stage, spent in self.nanoseconds.items()}
