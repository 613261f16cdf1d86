"""Time of one seal or open, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

StageCallback: TypeAlias = Callable[[str], None]
"""Called at the end of every stage with the stage's name."""


def no_callback(stage: str) -> None:
    """Ignore a stage: the default of every `on_stage`.

    Parameters
    ----------
    stage : str
        Name of the stage that ended.

    Examples
    --------
    >>> from sealframe.trace import no_callback
    >>> no_callback("image")
    """


class StageTimes:
    """Adds up the wall time of every stage; give it as `on_stage`.

    The first stage counts from the moment the object is made, each later one from the call before.

    Attributes
    ----------
    nanoseconds : dict of str to int
        Time spent by stage, in nanoseconds.

    Examples
    --------
    >>> import numpy as np
    >>> import sealframe as sf
    >>> device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    >>> sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    >>> times = sf.StageTimes()
    >>> envelope = sealer.seal(np.zeros((480, 640, 3), np.uint8), on_stage=times)
    >>> list(times.nanoseconds)
    ['image', 'features', 'derivation', 'similarity', 'image factor', 'security factor', 'envelope']
    """

    def __init__(self) -> None:
        self.nanoseconds: dict[str, int] = {}
        self._last = time.perf_counter_ns()

    def restart(self) -> None:
        """Leave out the time since the last call."""
        self._last = time.perf_counter_ns()

    def __call__(self, stage: str) -> None:
        """Count the time since the last call for a stage.

        Parameters
        ----------
        stage : str
            Name of the stage that ended.
        """
        now = time.perf_counter_ns()
        self.nanoseconds[stage] = self.nanoseconds.get(stage, 0) + now - self._last
        self._last = now

    def shares(self) -> dict[str, float]:
        """Return each stage's share of the whole.

        Returns
        -------
        dict of str to float
            0..1 by stage; the sum is 1 unless no time was counted.
        """
        total = sum(self.nanoseconds.values()) or 1
        return {stage: spent / total for stage, spent in self.nanoseconds.items()}
