"""Seal a 640x480 frame in turn with each contender: `python benchmarks/interleaved.py`.

Prints how many times faster than the strong plain implementation, by medians of wall time and of process CPU time.
Taking turns spoils each other's caches and shares the machine's drift, so the ratios are lower and steadier than
those of `report.py`, which runs each contender alone.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

import sealframe as sf
from float_generator import float_generator
from plain import PlainSealer

ROUNDS, WARM_UP = 200, 10
PLAIN = "strong plain implementation"


def sealer(workers: int) -> sf.Sealer:
    """A sealer that hashes on its worker, or in line."""
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    return sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(), workers=workers)


def main() -> None:
    """Measure and print."""
    y, x = np.mgrid[:480, :640]
    noise = np.random.default_rng(1).normal(0, 8, (480, 640, 3))
    frame = ((128 + 80 * np.sin(x / 31) * np.cos(y / 23))[..., None] + noise).clip(0, 255).astype(np.uint8)
    contenders = {
        PLAIN: PlainSealer(float_generator()).seal,
        "sealframe, hashing on its worker": sealer(1).seal,
        "sealframe, one thread (workers=0)": sealer(0).seal,
    }
    clocks = {"wall": time.perf_counter, "CPU": time.process_time}
    spent: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in contenders} for clock in clocks}
    for turn in range(ROUNDS + WARM_UP):
        for name, seal in contenders.items():
            before = {clock: now() for clock, now in clocks.items()}
            seal(frame)
            for clock, now in clocks.items():
                if turn >= WARM_UP:
                    spent[clock][name].append(now() - before[clock])
    for clock, times in spent.items():
        for name in contenders:
            print(f"{clock:5}{name:36}{statistics.median(times[PLAIN]) / statistics.median(times[name]):.2f}")


if __name__ == "__main__":
    main()
