"""A capture's number, drawn before the capture is sealed, so that the disk can take it down meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealframe.capture_context import CounterFile


class DrawnCounter:
    """The counter of a terminal's sealer, for one thread: what was drawn is what the next capture gets."""

    def __init__(self, counter: CounterFile) -> None:
        self._counter = counter
        self._drawn: int | None = None

    def draw(self) -> int:
        """The number of the next capture. Raises as `CounterFile.next` does."""
        self._drawn = self._counter.next()
        return self._drawn

    def next(self) -> int:
        """What was drawn, once; without that, the next number."""
        drawn, self._drawn = self._drawn, None
        return self._counter.next() if drawn is None else drawn

    def advance_past(self, counter: int) -> None:
        """Skip to the number after `counter`."""
        self._counter.advance_past(counter)
