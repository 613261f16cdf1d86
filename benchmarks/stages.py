"""Where the CPU time of one seal and one open goes: `python benchmarks/stages.py [--rounds 300]`.

A 640x480 RGB frame, one thread (`workers=0`). Kernels, network, hashes, cipher, key wrapping and signature are timed
each where they are called; what is left is Python between them, copies and fresh memory. What it costs to read the
clock around them is measured first and left out. Shares of the medians.
"""

from __future__ import annotations

import hashlib
import hmac
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import sealframe as sf
from frame import rgb_frame
from sealframe import _core
from sealframe.envelope import content
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic
from sealframe.models import ModelSet
from turns import rounds_of_command_line

ROUNDS, WARM_UP = 300, 20
KERNELS = ("area_mean", "unblock", "window_cosine", "row_sums", "block_means")
spent: Counter[str] = Counter()
calls: Counter[str] = Counter()


def timed(function: Callable[..., Any], part: str) -> Callable[..., Any]:
    """The function, its CPU time counted for a part."""

    def counted(*arguments: Any, **options: Any) -> Any:
        start = time.process_time_ns()
        try:
            return function(*arguments, **options)
        finally:
            spent[part] += time.process_time_ns() - start
            calls[part] += 1

    return counted


def timed_cipher(cipher: Any) -> Any:
    """A chunked cipher whose time is counted."""

    class Timed:
        def __init__(self, *arguments: Any) -> None:
            one = timed(cipher, "cipher")(*arguments)
            self.update_into, self.finalize = timed(one.update_into, "cipher"), timed(one.finalize, "cipher")

    return Timed


def cost_of_timing() -> float:
    """Nanoseconds that a timed call adds beside what its part is charged."""
    nothing, nothing_timed = (lambda: None), timed(lambda: None, "nothing")

    def median(function: Callable[[], object]) -> float:
        rounds = []
        for _ in range(2000):
            spent.clear()
            start = time.process_time_ns()
            function()
            rounds.append(time.process_time_ns() - start - spent["nothing"])
        return statistics.median(rounds)

    return median(nothing_timed) - median(nothing)


def time_the_parts() -> None:
    """Put a clock around every primitive."""
    owners: list[tuple[Any, str, str]] = [
        *((_core, kernel, "kernels") for kernel in KERNELS),
        (ModelSet, "run", "network"),
        (hashlib, "sha256", "SHA-256, HMAC"),
        (hmac, "digest", "SHA-256, HMAC"),
        (ServerPublic, "wrap", "key wrapping"),
        (ServerKey, "unwrap", "key wrapping"),
        (DeviceKey, "sign", "signature"),
        (DevicePublic, "verify", "signature"),
    ]
    for owner, name, part in owners:
        setattr(owner, name, timed(getattr(owner, name), part))
    content.Cobblestone256Encryptor = timed_cipher(content.Cobblestone256Encryptor)  # type: ignore[misc]
    content.Cobblestone256Decryptor = timed_cipher(content.Cobblestone256Decryptor)  # type: ignore[misc]


def shares(step: Callable[[], object], cost: float, timed_rounds: int) -> dict[str, float]:
    """Each part's share of the CPU time of a step, by medians; `cost` is that of timing one call."""
    rounds: dict[str, list[float]] = defaultdict(list)
    for turn in range(timed_rounds + WARM_UP):
        spent.clear()
        calls.clear()
        start = time.process_time_ns()
        step()
        whole = time.process_time_ns() - start
        if turn >= WARM_UP:
            for part, nanoseconds in spent.items():
                rounds[part].append(nanoseconds)
            rounds["everything else"].append(whole - spent.total() - cost * calls.total())
    medians = {part: statistics.median(times) for part, times in rounds.items()}
    return {part: median / sum(medians.values()) for part, median in medians.items()}


def main() -> None:
    """Measure and print."""
    timed_rounds, frame = rounds_of_command_line(__doc__, ROUNDS), rgb_frame()
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(), workers=0)
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive(), workers=0)
    envelope, sealed, opened = sealer.seal(frame), bytearray(1 << 20), bytearray(1 << 20)
    cost = cost_of_timing()
    time_the_parts()
    steps = {
        "seal": lambda: sealer.seal(frame),
        "seal_into": lambda: sealer.seal_into(sealed, frame),
        "open": lambda: opener.open(envelope),
        "open_into": lambda: opener.open_into(opened, envelope),
    }
    tables = {name: shares(step, cost, timed_rounds) for name, step in steps.items()}
    parts = ["kernels", "network", "SHA-256, HMAC", "cipher", "key wrapping", "signature", "everything else"]
    print(f"| part | {' | '.join(tables)} |\n| --- |{' --- |' * len(tables)}")
    for part in parts:
        print(f"| {part} | {' | '.join(f'{100 * table[part]:.1f} %' for table in tables.values())} |")


if __name__ == "__main__":
    main()
