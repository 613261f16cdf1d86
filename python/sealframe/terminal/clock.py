"""The server's time, learnt from signed answers alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


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
