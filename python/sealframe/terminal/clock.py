"""The server's time, learnt from signed answers alone (A63), and the counter, which may skip but never repeat (A41)."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealframe.capture_context import CounterFile


class CorrectedClock:
    """Unix seconds of this computer, shifted as a signed answer asked for."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._shift = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return self._clock() + self._shift

    def set_to(self, server_time_ms: int) -> None:
        """Go on from the server's time. Only for the answer to a request just sent, its signature checked."""
        self._shift = server_time_ms / 1000 - self._clock()


class NotedCounter:
    """A counter file that remembers the number it gave last, for the journal."""

    def __init__(self, file: CounterFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.last = 0

    def next(self) -> int:
        """The next capture number."""
        with self._lock:
            self.last = self._file.next()
            return self.last

    def skip_past(self, server_time_ms: int) -> None:
        """After a restored backup: go on beyond every number used before.

        Fewer than a thousand captures a second since 1970 were made, so the time in milliseconds is beyond them.
        """
        self._file.advance_past(server_time_ms)
