"""Makes the vectors of what follows a message: `python generate_replies.py FOLDER` writes answers/ and frames/SUITE/.

answers/ holds a request and answers to it, each folder in frames/ an opening and frames that could follow it first.
Every refused one has one fault. Random parts differ from run to run; names and verdicts do not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.cobblestone import Cobblestone256Encryptor

from sealframe.envelope import AnswerKey, EnvelopeWriter, SessionWriter, answer, schedule, session
from sealframe.envelope.layout import MAGIC, VERSION, Mode, content_bytes
from sealframe.keys import SIGN_NAMES, ServerKey, Suite
from sealframe.security_factor import SecurityFactor
from tests.sealing import context_of, factor_of, frame_factor_of, now_s
from tests.vectors.generate import World, flipped, plaintext_of, rewritten

Vectors = Iterator[tuple[str, str, bytes]]
SUITES = ("x-wing", "x25519", "shared-key")


# Answers


class Request:
    """A message, what reads its answers, and the servers that may give them."""

    def __init__(self, world: World) -> None:
        factor = factor_of(world.device, b"payload", b"data")
        writer = EnvelopeWriter(world.to("x25519"), world.device, clock=now_s)
        self.envelope, self.key = writer.write_request(1, factor, b"data", b"payload")
        self.servers = {sign: ServerKey.generate(Suite.X25519, sign) for sign in SIGN_NAMES}

    def keys(self, world: World) -> dict[str, Any]:
        publics = [server.public for server in self.servers.values()]
        servers = {
            public.signing_key_id.hex(): {"sign_version": int(public.sign_version), "key": public.signing_key.hex()}
            for public in publics
        }
        return {**world.keys(), "servers": servers}


def answers(world: World, request: Request) -> Vectors:
    server = request.servers["ed25519"]
    for sign, signer in request.servers.items():
        yield "opens", f"encrypted-{sign}", request.key.write(signer, b"paid")
        yield "opens", f"clear-{sign}", clear(signer, request, b"refused")
    for length in (0, 1, 16_319, 16_320, 16_321, 65_536):
        yield "opens", f"body-{length}", request.key.write(server, b"\xa5" * length)
        yield "opens", f"clear-body-{length}", clear(server, request, b"\xa5" * length)
    yield from bad_answer_headers(request, server)
    yield from bad_answer_contents(request, server)


def bad_answer_headers(request: Request, server: ServerKey) -> Vectors:
    honest, stranger = request.key.write(server, b"paid"), ServerKey.generate(Suite.X25519)
    for length in (0, 4, 55):
        yield "MalformedEnvelope", f"cut-at-{length}", honest[:length]
    yield "MalformedEnvelope", "magic", rewritten(honest, 3, 0x46)
    for name, offset, values in (("version", 4, (0, 2)), ("form", 5, (2, 255)), ("signature", 6, (0, 6))):
        for value in values:
            yield "UnsupportedEnvelope", f"{name}-{value}", rewritten(honest, offset, value)
    yield "MalformedEnvelope", "zero-byte", rewritten(honest, 7, 1)
    yield "PolicyError", "envelope-id-flipped", flipped(honest, 8)
    yield "PolicyError", "to-another-request", AnswerKey(bytes(32), request.key._key).write(server, b"paid")
    yield "UnknownKey", "signer-id-flipped", flipped(honest, 40)
    yield "UnknownKey", "stranger", request.key.write(stranger, b"paid")
    yield "PolicyError", "signature-1-rewritten-to-5", rewritten(honest, 6, 5)


def bad_answer_contents(request: Request, server: ServerKey) -> Vectors:
    honest, open_ = request.key.write(server, b"paid"), clear(server, request, b"refused")
    for name, offset in (("salt", 56), ("commitment", 80), ("chunk", 112), ("tag", len(honest) - 1)):
        yield "CannotOpen", f"{name}-flipped", flipped(honest, offset)
    for length in (56, 57, 111, 112, 127, 128, len(honest) - 1):
        yield "CannotOpen", f"content-cut-at-{length}", honest[:length]
    yield "CannotOpen", "one-byte-more", honest + b"\0"
    yield "CannotOpen", "clear-called-encrypted", rewritten(open_, 5, 1)
    yield "CannotOpen", "under-another-key", AnswerKey(request.key.envelope_id, bytes(32)).write(server, b"paid")
    for length in (56, 119):
        yield "MalformedEnvelope", f"clear-cut-at-{length}", open_[:length]
    yield "MalformedEnvelope", "clear-body-65537", open_[:56] + bytes(65_537) + open_[-64:]
    yield "MalformedEnvelope", "encrypted-without-signature", encrypted(request, honest[:56], b"paid")
    for name, offset in (("body", 56), ("signature", len(open_) - 1)):
        yield "BadSignature", f"clear-{name}-flipped", flipped(open_, offset)
    yield "BadSignature", "clear-one-byte-more", open_ + b"\0"
    yield "BadSignature", "encrypted-unsigned", encrypted(request, honest[:56], b"paid" + bytes(64))
    yield "BadSignature", "encrypted-called-clear", rewritten(honest, 5, 0)


def clear(server: ServerKey, request: Request, body: bytes) -> bytes:
    return answer.write_clear_answer(server, request.envelope, body)


def encrypted(request: Request, header: bytes, plaintext: bytes) -> bytes:
    encryptor = Cobblestone256Encryptor(request.key._key, schedule.answer_context(header))
    return header + encryptor.update(plaintext) + encryptor.finalize()


# Frames


class Stream:
    """An opening under one suite, and frames that follow it."""

    def __init__(self, world: World, suite: str) -> None:
        self.device = world.device
        writer = EnvelopeWriter(world.to(suite), world.device, clock=now_s)
        factor = factor_of(world.device, b"first", b"")
        self.opening, frames = writer.open_session(1, factor, b"", b"first")
        self.secret = frames._session

    def frame(self, payload: bytes = b"frame", data: bytes = b"data", *, factor: SecurityFactor | None = None) -> bytes:
        """The first frame; with another `factor` one that only a faulty sender makes."""
        factor = frame_factor_of(self.device, data) if factor is None else factor
        return self.around(plaintext_of(factor, data, payload), factor.encode())

    def around(self, plaintext: bytes, committed: bytes, sequence: int = 0) -> bytes:
        """A frame with this plaintext, under a tag for `committed`."""
        tag = schedule.factor_tag(self.secret.key, committed)
        length = content_bytes(len(plaintext))
        header = session._HEADER.pack(
            MAGIC, VERSION, self.secret.suite, 0, Mode.SESSION_FRAME, self.secret.key_id, sequence, length, tag
        )
        encryptor = Cobblestone256Encryptor(self.secret.key, schedule.frame_context(header))
        return header + encryptor.update(plaintext) + encryptor.finalize()


def good_frames(stream: Stream) -> Vectors:
    yield "opens", "first", SessionWriter(stream.secret).write(frame_factor_of(stream.device, b"d"), b"d", b"frame")
    for length in (0, 1, 16_383, 16_384, 33_000):
        yield "opens", f"payload-{length}", stream.frame(b"\xa5" * length)
    for length in (0, 65_536):
        yield "opens", f"data-{length}", stream.frame(data=b"\x5a" * length)


def bad_frames(stream: Stream) -> Vectors:
    factor = frame_factor_of(stream.device, b"data")
    plaintext = plaintext_of(factor, b"data", b"frame")
    honest, second = (stream.around(plaintext, factor.encode(), sequence) for sequence in (0, 1))
    for length in (0, 3, 71, 72, 143, len(honest) - 1):
        yield "MalformedEnvelope", f"cut-at-{length}", honest[:length]
    yield "MalformedEnvelope", "one-byte-more", honest + b"\0"
    yield "MalformedEnvelope", "two-joined", honest + second
    yield "MalformedEnvelope", "magic", rewritten(honest, 3, 0x41)
    for name, offset, values in (("version", 4, (0, 2)), ("mode", 7, (0, 1, 3))):
        for value in values:
            yield "UnsupportedEnvelope", f"{name}-{value}", rewritten(honest, offset, value)
    yield "MalformedEnvelope", "zero-byte", rewritten(honest, 6, 1)
    yield "MalformedEnvelope", "content-length", flipped(honest, 39)
    yield "UnknownKey", "suite", rewritten(honest, 5, 3)
    yield "UnknownKey", "session-id-flipped", flipped(honest, 8)
    for sequence, verdict in ((1, "ReplayedCapture"), (2**20 - 1, "ReplayedCapture"), (2**20, "PolicyError")):
        yield verdict, f"sequence-{sequence}", stream.around(plaintext, factor.encode(), sequence)
    for name, offset in (("tag", 40), ("salt", 72), ("commitment", 96), ("chunk", 128), ("end", len(honest) - 1)):
        yield "CannotOpen", f"{name}-flipped", flipped(honest, offset)
    yield "CannotOpen", "content-of-another", honest[:72] + second[72:]
    yield from bad_frame_contents(stream, factor, plaintext)


def bad_frame_contents(stream: Stream, factor: SecurityFactor, plaintext: bytes) -> Vectors:
    device = stream.device
    yield "FactorMismatch", "tag-of-another", stream.around(plaintext, factor.encode()[::-1])
    yield "FactorMismatch", "digest-of-other-data", stream.frame(factor=replace(factor, data_digest=bytes(32)))
    yield "MalformedEnvelope", "with-payload-digest", stream.frame(factor=factor_of(device, b"frame", b"data"))
    yield "MalformedEnvelope", "empty-content", stream.around(b"", b"")
    yield "MalformedEnvelope", "data-beyond-the-end", stream.around(plaintext[:-6], factor.encode())
    context = context_of(device).encode().replace(b"640x480", b"640x0480")
    yield "MalformedEnvelope", "context-leading-zero", stream.frame(factor=replace(factor, capture_context=context))
    for name, changes in (("device", {"device_info": "POS-0002"}), ("signature", {"sign_version": 2})):
        context = context_of(device, **changes).encode()
        yield "PolicyError", f"context-of-another-{name}", stream.frame(factor=replace(factor, capture_context=context))


# Files


def write(folder: Path, vectors: Vectors, ending: str, first: tuple[str, bytes], keys: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, whole in (
        (first[0], first[1]),
        *((f"{verdict}--{name}.{ending}", raw) for verdict, name, raw in vectors),
    ):
        with (folder / name).open("xb") as file:
            file.write(whole)
    (folder / "keys.json").write_text(json.dumps(keys, indent=1, sort_keys=True) + "\n")


def write_replies(folder: Path) -> None:
    """Write answers/ and frames/SUITE/; the names must be new."""
    world = World()
    request = Request(world)
    keys = request.keys(world)
    write(folder / "answers", answers(world, request), "answer", ("request.seal", request.envelope), keys)
    for suite in SUITES:
        stream = Stream(world, suite)
        family = (*good_frames(stream), *(bad_frames(stream) if suite == "x25519" else ()))
        write(folder / "frames" / suite, iter(family), "frame", ("opening.seal", stream.opening), world.keys())


if __name__ == "__main__":
    write_replies(Path(sys.argv[1]))
