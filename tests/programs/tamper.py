"""Everything that can be done to small envelopes, one thing at a time: `python -m tests.programs.tamper [EVERY]`.

Each single-bit flip and each truncation of a message in every suite and signature, of a session frame and of an
answer; each choice of parts from two messages. With EVERY only each so-manyth case. Prints what was opened and what
ended in an untyped error; there must be none of either.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from sealframe.envelope import EnvelopeWriter, SessionReader
from sealframe.envelope.answer import AnswerKey
from sealframe.errors import SealframeError
from sealframe.keys import SIGN_NAMES, DeviceKey, ServerKey, SharedKey, Suite
from tests.sealing import ANY_SUITE, factor_of, frame_factor_of, now_s, seal, unseal

_FIELDS = (4, 5, 6, 7, 8, 10, 12, 16, 24, 40, 56, 88)
"""Where the fields of the fixed header end (docs/FORMAT.md)."""


class Target(NamedTuple):
    """Honest bytes, and what reads them."""

    name: str
    honest: bytes
    read: Callable[[bytes], object]


class Case(NamedTuple):
    """Bytes that nobody honest made, and what reads them."""

    name: str
    altered: bytes
    read: Callable[[bytes], object]


def messages() -> Iterator[Target]:
    """One message for each suite under each signature."""
    recipients: list[Any] = [ServerKey.generate(Suite.X_WING), ServerKey.generate(Suite.X25519), SharedKey.generate()]
    for key in recipients:
        for sign in SIGN_NAMES:
            yield _message(DeviceKey.generate("POS-0001", sign), key)


def replies() -> Iterator[Target]:
    """A session frame and an answer."""
    device, server = DeviceKey.generate("POS-0001"), ServerKey.generate(Suite.X25519)
    writer = EnvelopeWriter(server.public, device, clock=now_s)
    opening, frames = writer.open_session(1, factor_of(device, b"p", b"d"), b"d", b"p")
    policy = ANY_SUITE.__class__(suites=frozenset(Suite), modes=frozenset({1}))
    reader = SessionReader(unseal(opening, server, device.public, policy=policy))
    yield Target("session frame", frames.write(frame_factor_of(device, b"d"), b"d", b"p"), reader.verify)
    answer_key = AnswerKey(bytes(32), bytes(32))
    yield Target("answer", answer_key.write(server, b"paid"), lambda raw: answer_key.read(raw, server.public))


def flips_and_cuts(every: int) -> Iterator[Case]:
    """Each bit, and each length."""
    for target in (*messages(), *replies()):
        for position in range(0, 8 * len(target.honest), every):
            altered = bytearray(target.honest)
            altered[position >> 3] ^= 1 << (position & 7)
            yield Case(f"{target.name}, bit {position}", bytes(altered), target.read)
        for length in range(0, len(target.honest), every):
            yield Case(f"{target.name}, cut to {length}", target.honest[:length], target.read)


def mixtures(every: int) -> Iterator[Case]:
    """Each choice of parts from two messages of one device to one recipient.

    The parts are the header's fields, key id, encapsulation, wrapped key, signature, salt, commitment and chunks.
    """
    device = DeviceKey.generate("POS-0001")
    for key, block in ((ServerKey.generate(Suite.X25519), (16, 32, 48)), (SharedKey.generate(), (16, 48))):
        pair = [_message(device, key, payload) for payload in (b"payload A", b"payload B")]
        borders = [0, *_FIELDS]
        for length in (*block, 64, 24, 32):
            borders.append(borders[-1] + length)
        borders.append(len(pair[0].honest))
        for choice in range(1, 2 ** (len(borders) - 1) - 1, every):
            pieces = [
                pair[choice >> place & 1].honest[start:end] for place, (start, end) in enumerate(pairwise(borders))
            ]
            altered = b"".join(pieces)
            if altered not in (pair[0].honest, pair[1].honest):
                yield Case(f"{pair[0].name}, parts {choice:b}", altered, pair[0].read)


def run(every: int = 1) -> tuple[Counter[str], list[str]]:
    """How many cases ended how, and a line for each that should not have ended so."""
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    for cases in (flips_and_cuts(every), mixtures(every)):
        for case in cases:
            try:
                case.read(case.altered)
                end = "opened"
            except SealframeError as error:
                end = type(error).__name__
            except Exception as error:
                end = f"untyped {type(error).__name__}"
            ends[end] += 1
            if end == "opened" or end.startswith("untyped"):
                wrong.append(f"{case.name}: {end}")
    return ends, wrong


def _message(device: DeviceKey, key: Any, payload: bytes = b"payload") -> Target:
    name = f"suite {int(key.suite)}, signature {int(device.public.sign_version)}"
    honest = seal(device, key if isinstance(key, SharedKey) else key.public, payload)
    return Target(name, honest, lambda raw: unseal(raw, key, device.public))


def main() -> int:
    """Run and print; exit code 1 when something was opened or ended untyped."""
    ends, wrong = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(*wrong[:20], sep="\n")
    print(
        f"{sum(ends.values())} cases, {len(wrong)} wrong:",
        ", ".join(f"{end} {count}" for end, count in ends.most_common()),
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
