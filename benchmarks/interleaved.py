"""Seal a 640x480 frame in turn with each contender: `python benchmarks/interleaved.py [--rounds 200]`.

Prints how many times faster than the strong plain implementation, by medians of wall time and of process CPU time.
Taking turns spoils each other's caches and shares the machine's drift, so the ratios are lower and steadier than
those of `report.py`, which runs each contender alone.
"""

from __future__ import annotations

from functools import partial

import sealframe as sf
from float_generator import float_generator
from frame import rgb_frame
from plain import PlainSealer
from turns import rounds_of_command_line, time_in_turns

ROUNDS, WARM_UP = 200, 10
PLAIN = "strong plain implementation"


def sealer(workers: int) -> sf.Sealer:
    """A sealer that hashes on its worker, or in line."""
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    return sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(), workers=workers)


def main() -> None:
    """Measure and print."""
    rounds, frame = rounds_of_command_line(__doc__, ROUNDS), rgb_frame()
    contenders = {
        PLAIN: PlainSealer(float_generator()).seal,
        "sealframe, hashing on its worker": sealer(1).seal,
        "sealframe, one thread (workers=0)": sealer(0).seal,
    }
    spent = time_in_turns({name: partial(seal, frame) for name, seal in contenders.items()}, rounds, warm_up=WARM_UP)
    for name, seconds in spent.items():
        print(f"wall {name:36}{spent[PLAIN].wall / seconds.wall:.2f}")
    for name, seconds in spent.items():
        print(f"CPU  {name:36}{spent[PLAIN].cpu / seconds.cpu:.2f}")


if __name__ == "__main__":
    main()
