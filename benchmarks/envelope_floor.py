"""The least that a message of a 640x480 frame costs: `python benchmarks/envelope_floor.py` (needs PyNaCl).

Each primitive that docs/FORMAT.md demands is timed by itself, in a loop, with its code and buffers in the caches, and
called no oftener than the format asks: below their sum no implementation of the format comes on this machine with
these primitives. Left out are five HMAC and six SHA-256 of at most some thousand bytes, and everything that is no
primitive.

SealedBox returns fresh memory, whose cost the C library decides: it is timed once as a process finds it, and once
after something large was freed, from when on glibc keeps such memory (MALLOC_TRIM_THRESHOLD_ does the same).

"beside the networks" is wall time of `seal_into` and `open_into` with their workers, less that of two image factors:
what sealing adds on a computer with a second core that is free. Units are one AES-256-GCM encryption and decryption
of the frame into buffers.
"""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time
from collections.abc import Callable

import numpy as np
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric import ed25519

import sealframe as sf
from test_bench_envelope import (
    HPKE,
    PAYLOADS,
    aes_gcm_into,
    hpke_x_wing_key,
    primitives_alone,
    pynacl_sealed_box,
    sealframe_into,
)

TURNS = 60
FRAME = PAYLOADS["640x480 raw"]
PEER, UNIT = "PyNaCl SealedBox", "AES-256-GCM into buffers"
ENOUGH_TO_KEEP = 30_000_000
"""Bytes; below the 32 MiB up to which glibc follows what is freed."""


def primitives() -> dict[str, Callable[[], object]]:
    """What sealing and opening call, one pass each."""
    public, private = hpke_x_wing_key()
    key, digest, signing = secrets.token_bytes(32), bytes(32), ed25519.Ed25519PrivateKey.generate()
    wrapped, signature, verifying = HPKE.encrypt(key, public), signing.sign(digest), signing.public_key()
    sealed, opened = bytearray(len(FRAME) + len(FRAME) // 512 + 128), bytearray(len(FRAME))

    def encrypt() -> int:
        encryptor = Cobblestone256Encryptor(key, b"")
        end = encryptor.update_into(FRAME, sealed)
        last = encryptor.finalize()
        sealed[end : end + len(last)] = last
        return end + len(last)

    whole = memoryview(sealed)[: encrypt()]

    def decrypt() -> bytes:
        decryptor = Cobblestone256Decryptor(key, b"")
        decryptor.update_into(whole, opened)
        return decryptor.finalize()

    return {
        "seal: SHA-256 of the frame": lambda: hashlib.sha256(FRAME).digest(),
        "seal: X-Wing, the content key wrapped": lambda: HPKE.encrypt(key, public),
        "seal: Ed25519, signed": lambda: signing.sign(digest),
        "seal: AES-256-GCM in chunks": encrypt,
        "open: Ed25519, verified": lambda: verifying.verify(signature, digest),
        "open: X-Wing, unwrapped": lambda: HPKE.decrypt(wrapped, private),
        "open: AES-256-GCM in chunks": decrypt,
        "open: SHA-256 of the frame": lambda: hashlib.sha256(opened).digest(),
    }


def medians(steps: dict[str, Callable[[], object]], now: Callable[[], int]) -> dict[str, float]:
    """Nanoseconds of each step. They take turns, and each runs twice before it is timed."""
    rounds: dict[str, list[int]] = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            step()
            step()
            start = now()
            step()
            rounds[name].append(now() - start)
    return {name: statistics.median(spent) for name, spent in rounds.items()}


def beside_the_networks() -> float:
    """Wall time that sealing and opening add to two image factors."""
    frame = np.frombuffer(FRAME, np.uint8).reshape(480, 640, 3)
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    envelope, sealed, opened = sealer.seal(frame), bytearray(1 << 20), bytearray(1 << 20)
    steps: dict[str, Callable[[], object]] = {
        "seal": lambda: sealer.seal_into(sealed, frame),
        "open": lambda: opener.open_into(opened, envelope),
        "factor": lambda: sf.image_factor(frame),
    }
    spent = medians(steps, time.perf_counter_ns)
    return spent["seal"] + spent["open"] - 2 * spent["factor"]


def main() -> None:
    """Measure and print a Markdown table."""
    alike = {PEER: pynacl_sealed_box(FRAME), UNIT: aes_gcm_into(FRAME)}
    fresh = medians(alike, time.process_time_ns)
    bytes(ENOUGH_TO_KEEP)
    parts = primitives()
    whole = {
        "these primitives, one after the other": primitives_alone(FRAME),
        "sealframe, into buffers": sealframe_into(FRAME),
    }
    spent = medians(parts | whole | alike, time.process_time_ns)
    unit = spent[UNIT]
    floor = sum(spent[name] for name in parts)
    hashes = sum(spent[name] for name in parts if "SHA-256" in name)
    rows = {
        **{name: spent[name] for name in parts},
        "the least that a message costs": floor,
        "the least, wall, beside the networks": floor - hashes,
        **{name: spent[name] for name in whole},
        "sealframe, wall, beside the networks": beside_the_networks(),
        f"{PEER}, memory kept": spent[PEER],
        f"{PEER}, memory as a process finds it": fresh[PEER] * unit / fresh[UNIT],
        UNIT: unit,
    }
    print("| 640x480 raw | ms | units |\n| --- | --- | --- |")
    for name, nanoseconds in rows.items():
        print(f"| {name} | {nanoseconds / 1e6:.3f} | {nanoseconds / unit:.1f} |")


if __name__ == "__main__":
    main()
