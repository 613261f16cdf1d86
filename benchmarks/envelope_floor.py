"""The least that a message of a 640x480 frame costs: `python benchmarks/envelope_floor.py [--rounds 60]`.

Each primitive that docs/FORMAT.md demands is timed by itself, in a loop, with its code and buffers in the caches, and
called no oftener than the format asks. No implementation of the format with these primitives takes less than their sum
on this computer. Left out are five HMAC and six SHA-256 of at most some thousand bytes, and everything that is no
primitive. Needs PyNaCl.

SealedBox returns fresh memory, whose cost the C library decides. It is timed once as a process finds it, and once after
something large was freed, from when on glibc keeps such memory (MALLOC_TRIM_THRESHOLD_ does the same).

"beside the networks" is wall time of `seal_into` and `open_into` with their workers, less that of two image factors:
what sealing adds on a computer with a second core that is free. Units are one AES-256-GCM encryption and decryption
of the frame into buffers.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.asymmetric import ed25519

import sealframe as sf
from frame import rgb_frame
from test_bench_envelope import PAYLOADS, aes_gcm_into, primitives_alone, pynacl_sealed_box, sealframe_into
from turns import Seconds, rounds_of_command_line, time_in_turns
from xwing import X_WING, generate_key

ROUNDS, REHEARSALS = 60, 2
FRAME = PAYLOADS["640x480 raw"]
PEER, UNIT = "PyNaCl SealedBox", "AES-256-GCM into buffers"
ENOUGH_TO_KEEP = 30_000_000
"""Bytes; below the 32 MiB up to which glibc follows what is freed."""


def primitives() -> dict[str, Callable[[], object]]:
    """What sealing and opening call, one pass each."""
    private = generate_key()
    public = private.public_key()
    key, digest, signing = secrets.token_bytes(32), bytes(32), ed25519.Ed25519PrivateKey.generate()
    wrapped, signature, verifying = X_WING.encrypt(key, public), signing.sign(digest), signing.public_key()
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
        "seal: X-Wing, the content key wrapped": lambda: X_WING.encrypt(key, public),
        "seal: Ed25519, signed": lambda: signing.sign(digest),
        "seal: AES-256-GCM in chunks": encrypt,
        "open: Ed25519, verified": lambda: verifying.verify(signature, digest),
        "open: X-Wing, unwrapped": lambda: X_WING.decrypt(wrapped, private),
        "open: AES-256-GCM in chunks": decrypt,
        "open: SHA-256 of the frame": lambda: hashlib.sha256(opened).digest(),
    }


def time_steps(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Medians of each step, which has run twice just before it is timed."""
    return time_in_turns(steps, rounds, warm_up=0, rehearsals=REHEARSALS)


def beside_the_networks(rounds: int) -> float:
    """Wall seconds that sealing and opening add to two image factors."""
    frame = rgb_frame()
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter())
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Archive())
    envelope, sealed, opened = sealer.seal(frame), bytearray(1 << 20), bytearray(1 << 20)
    steps: dict[str, Callable[[], object]] = {
        "seal": lambda: sealer.seal_into(sealed, frame),
        "open": lambda: opener.open_into(opened, envelope),
        "factor": lambda: sf.image_factor(frame),
    }
    wall = {name: seconds.wall for name, seconds in time_steps(steps, rounds).items()}
    return wall["seal"] + wall["open"] - 2 * wall["factor"]


def main() -> None:
    """Measure and print a Markdown table."""
    rounds = rounds_of_command_line(__doc__, ROUNDS)
    alike = {PEER: pynacl_sealed_box(FRAME), UNIT: aes_gcm_into(FRAME)}
    fresh = time_steps(alike, rounds)
    bytes(ENOUGH_TO_KEEP)
    parts = primitives()
    whole = {
        "these primitives, one after the other": primitives_alone(FRAME),
        "sealframe, into buffers": sealframe_into(FRAME),
    }
    spent = {name: seconds.cpu for name, seconds in time_steps(parts | whole | alike, rounds).items()}
    unit = spent[UNIT]
    floor = sum(spent[name] for name in parts)
    hashes = sum(spent[name] for name in parts if "SHA-256" in name)
    rows = {
        **{name: spent[name] for name in parts},
        "the least that a message costs": floor,
        "the least, wall, beside the networks": floor - hashes,
        **{name: spent[name] for name in whole},
        "sealframe, wall, beside the networks": beside_the_networks(rounds),
        f"{PEER}, memory kept": spent[PEER],
        f"{PEER}, memory as a process finds it": fresh[PEER].cpu * unit / fresh[UNIT].cpu,
        UNIT: unit,
    }
    print("| 640x480 raw | ms | units |\n| --- | --- | --- |")
    for name, seconds in rows.items():
        print(f"| {name} | {1000 * seconds:.3f} | {seconds / unit:.1f} |")


if __name__ == "__main__":
    main()
