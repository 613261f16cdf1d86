"""Coverage-guided fuzzing with atheris: whatever the bytes, a typed error or a result, never anything else.

    python -m tests.programs.fuzz_envelope -runs=1000000        (needs `pip install atheris`)

The first byte of an input chooses the entrance, the rest goes in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sealframe.capture_context import CaptureContext
from sealframe.envelope import AnswerKey, EnvelopeWriter, Policy, SessionReader, content, inspect, schedule
from sealframe.errors import SealframeError
from sealframe.keys import DeviceKey, DevicePublic, ServerKey, Suite
from sealframe.security_factor import SecurityFactor
from tests.sealing import factor_of, frame_factor_of, now_s, resign, seal, unseal

DEVICE = DeviceKey.generate("POS-0001")
SERVER = ServerKey.generate(Suite.X25519)
HONEST = seal(DEVICE, SERVER.public)
WRITER = EnvelopeWriter(SERVER.public, DEVICE, clock=now_s)
OPENING, FRAMES = WRITER.open_session(1, factor_of(DEVICE, b"p", b"d"), b"d", b"p")
READER = SessionReader(
    unseal(OPENING, SERVER, DEVICE.public, policy=Policy(suites=frozenset(Suite), modes=frozenset({0, 1})))
)
ANSWER_KEY = AnswerKey(bytes(32), bytes(32))
FOLDER = TemporaryDirectory()


def overlaid(raw: bytes) -> bytes:
    """The honest envelope with some of its bytes replaced: a position, then what goes there."""
    position = int.from_bytes(raw[:2], "big") % len(HONEST)
    return HONEST[:position] + raw[2:] + HONEST[position + len(raw) - 2 :]


def signed_again(raw: bytes) -> None:
    """Beyond the signature, as only the device itself could get."""
    end = len(HONEST) - int.from_bytes(HONEST[16:24], "big")
    fixed, blocks = overlaid(raw)[:88], overlaid(raw)[88:184]
    unseal(resign(DEVICE, fixed, [blocks], HONEST[end:]), SERVER, DEVICE.public)


def plaintext(raw: bytes) -> None:
    """Beyond decryption, under a tag that fits."""
    factor = raw[4 : 4 + int.from_bytes(raw[:4], "big")]
    seal = content.Seal(bytes(32), b"", schedule.factor_tag(bytes(32), factor))
    content._check(memoryview(raw), seal, payload_digest=raw[-1:] != b"f")


def key_file(raw: bytes) -> None:
    path = Path(FOLDER.name, "a.pub")
    path.write_bytes(raw)
    DevicePublic.load(path)


ENTRANCES: list[Callable[[bytes], object]] = [
    inspect,
    lambda raw: unseal(raw, SERVER, DEVICE.public),
    lambda raw: unseal(overlaid(raw), SERVER, DEVICE.public),
    signed_again,
    plaintext,
    SecurityFactor.decode,
    CaptureContext.decode,
    lambda raw: ANSWER_KEY.read(raw, SERVER.public),
    READER.verify,
    key_file,
]


def one_input(raw: bytes) -> None:
    """What atheris calls."""
    if raw:
        with suppress(SealframeError):
            ENTRANCES[raw[0] % len(ENTRANCES)](raw[1:])


def main() -> None:
    """Seed the corpus with what is honest, and run."""
    import atheris

    corpus = Path(FOLDER.name, "corpus")
    corpus.mkdir()
    factor = factor_of(DEVICE, b"p", b"d")
    seeds = [HONEST, HONEST, b"\0\0", b"\0\0", factor.encode(), factor.encode(), factor.capture_context]
    seeds += [ANSWER_KEY.write(SERVER, b"ok"), FRAMES.write(frame_factor_of(DEVICE, b"d"), b"d", b"p")]
    DEVICE.public.save(Path(FOLDER.name, "seed.pub"))
    seeds.append(Path(FOLDER.name, "seed.pub").read_bytes())
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(bytes([number]) + seed)
    atheris.instrument_all()
    atheris.Setup([*sys.argv, str(corpus), "-max_len=4096"], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
