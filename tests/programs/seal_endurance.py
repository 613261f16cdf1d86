"""Seals and opens many times in one process: `python -m tests.programs.seal_endurance [ROUNDS]`, 100,000 by default.

Prints rounds, resident memory and open descriptors; both must stay where they are after the first thousand.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import NamedTuple

import sealframe as sf
from tests.support import synthetic_frame


class State(NamedTuple):
    """What the process holds after so many rounds."""

    rounds: int
    resident_kb: int
    descriptors: int


def state(rounds: int) -> State:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return State(rounds, pages * resource.getpagesize() // 1024, len(list(Path("/proc/self/fd").iterdir())))


def run(rounds: int, every: int, *, side: int = 48, show: bool = False) -> list[State]:
    """Seal each time and open each tenth time, by every way there is; the state after every so many rounds."""
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    frame, sealed, opened = synthetic_frame(side, side), bytearray(1 << 16), bytearray(1 << 16)
    states = [state(0)]
    for number in range(1, rounds + 1):
        envelope = sealer.seal(frame)
        if number % 10 == 0:
            opener.open(envelope)
            opener.open_into(opened, memoryview(sealed)[: sealer.seal_into(sealed, frame)])
        if number % 1000 == 1:
            stream = sf.SealSession(sealer, frame)
            sf.OpenSession(opener, stream.opening).open(stream.seal(frame))
        if number % every == 0:
            states.append(state(number))
            if show:
                print(*states[-1], flush=True)
    return states


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    run(wanted, max(1, wanted // 20), show=True)
