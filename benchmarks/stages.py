"""Where the CPU time of one seal and one open goes: `python benchmarks/stages.py`.

A 640x480 RGB frame, one thread (`workers=0`). Kernels, network, hashes, cipher, key wrapping and signature are timed
each where they are called; what is left is Python between them, copies and fresh memory. Shares of the medians.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

import sealframe as sf
from sealframe import _core
from sealframe.envelope import content
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic
from sealframe.models import ModelSet

ROUNDS, WARM_UP = 300, 20
KERNELS = ("area_mean", "unblock", "window_cosine", "row_sums", "block_means")
spent: dict[str, int] = defaultdict(int)


def timed(owner: Any, name: str, part: str) -> None:
    """Count the CPU time of this function for a part."""
    function = getattr(owner, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        start = time.process_time_ns()
        try:
            return function(*arguments, **options)
        finally:
            spent[part] += time.process_time_ns() - start

    setattr(owner, name, counted)


def timed_cipher(cipher: Any) -> Any:
    """A chunked cipher whose time is counted."""

    class Timed:
        def __init__(self, *arguments: Any) -> None:
            start = time.process_time_ns()
            self._cipher = cipher(*arguments)
            spent["cipher"] += time.process_time_ns() - start

        def __getattr__(self, name: str) -> Any:
            start = time.process_time_ns()
            method = getattr(self._cipher, name)

            def counted(*arguments: Any) -> Any:
                try:
                    return method(*arguments)
                finally:
                    spent["cipher"] += time.process_time_ns() - start

            return counted

    return Timed


def time_the_parts() -> None:
    """Put a clock around every primitive."""
    for kernel in KERNELS:
        timed(_core, kernel, "kernels")
    timed(ModelSet, "run", "network")
    timed(hashlib, "sha256", "SHA-256")
    content.Cobblestone256Encryptor = timed_cipher(content.Cobblestone256Encryptor)  # type: ignore[misc]
    content.Cobblestone256Decryptor = timed_cipher(content.Cobblestone256Decryptor)  # type: ignore[misc]
    timed(ServerPublic, "wrap", "key wrapping")
    timed(ServerKey, "unwrap", "key wrapping")
    timed(DeviceKey, "sign", "signature")
    timed(DevicePublic, "verify", "signature")


def shares(step: Callable[[], object]) -> dict[str, float]:
    """Each part's share of the CPU time of a step, by medians."""
    rounds: dict[str, list[int]] = defaultdict(list)
    for turn in range(ROUNDS + WARM_UP):
        spent.clear()
        start = time.process_time_ns()
        step()
        whole = time.process_time_ns() - start
        if turn >= WARM_UP:
            for part, nanoseconds in spent.items():
                rounds[part].append(nanoseconds)
            rounds["everything else"].append(whole - sum(spent.values()))
    medians = {part: statistics.median(times) for part, times in rounds.items()}
    return {part: median / sum(medians.values()) for part, median in medians.items()}


def main() -> None:
    """Measure and print."""
    y, x = np.mgrid[:480, :640]
    noise = np.random.default_rng(1).normal(0, 8, (480, 640, 3))
    frame = ((128 + 80 * np.sin(x / 31) * np.cos(y / 23))[..., None] + noise).clip(0, 255).astype(np.uint8)
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter(), workers=0)
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive(), workers=0)
    envelope, sealed, opened = sealer.seal(frame), bytearray(1 << 20), bytearray(1 << 20)
    time_the_parts()
    steps = {
        "seal": lambda: sealer.seal(frame),
        "seal_into": lambda: sealer.seal_into(sealed, frame),
        "open": lambda: opener.open(envelope),
        "open_into": lambda: opener.open_into(opened, envelope),
    }
    tables = {name: shares(step) for name, step in steps.items()}
    parts = ["kernels", "network", "SHA-256", "cipher", "key wrapping", "signature", "everything else"]
    print(f"| part | {' | '.join(tables)} |\n| --- |{' --- |' * len(tables)}")
    for part in parts:
        print(f"| {part} | {' | '.join(f'{100 * table[part]:.1f} %' for table in tables.values())} |")


if __name__ == "__main__":
    main()
