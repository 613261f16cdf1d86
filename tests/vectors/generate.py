"""Makes the test vectors: `python generate.py FOLDER` writes keys.json and VERDICT--NAME.seal files.

Every refused envelope has one fault. Random parts differ from run to run; names and verdicts do not.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.cobblestone import Cobblestone256Encryptor

from sealframe.envelope import EnvelopeWriter, schedule
from sealframe.envelope.layout import Header, Mode, block_bytes, content_bytes
from sealframe.keys import (
    ALWAYS,
    SIGN_NAMES,
    DeviceKey,
    DevicePublic,
    ServerKey,
    SharedKey,
    SignVersion,
    Suite,
    Validity,
)
from sealframe.keys.recipient import RecipientKey, suite_name
from sealframe.keys.signing import SigningKey
from sealframe.security_factor import SecurityFactor
from tests.sealing import FACTOR, NOW, context_of, cut, factor_of, join, now_s, resign, seal, with_header

Vectors = Iterator[tuple[str, str, bytes]]

SEEDS = {
    "x-wing": (Suite.X_WING, bytes(range(32))),
    "x25519": (Suite.X25519, bytes(range(32, 64))),
    "x25519-second": (Suite.X25519, bytes(range(64, 96))),
}
SHARED = {
    "shared-key": (bytes(range(96, 128)), bytes(range(16))),
    "shared-key-second": (bytes(32), bytes(range(16, 32))),
}
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class World:
    """Who takes part: recipients that can open, devices that are known, and their records."""

    def __init__(self) -> None:
        self.signing = SigningKey.generate("ed25519")
        self.recipients: dict[str, Any] = {
            name: ServerKey(RecipientKey.from_seed(suite, seed), self.signing) for name, (suite, seed) in SEEDS.items()
        }
        self.recipients |= {name: SharedKey(*pair) for name, pair in SHARED.items()}
        self.devices = {sign: DeviceKey.generate("POS-0001", sign) for sign in SIGN_NAMES}
        self.device = self.devices["ed25519"]
        self.records = {device.key_id: device.public for device in self.devices.values()}

    def to(self, name: str) -> Any:
        recipient = self.recipients[name]
        return recipient if isinstance(recipient, SharedKey) else recipient.public

    def named(self, device_info: str, validity: Validity = ALWAYS) -> DeviceKey:
        """A known device of this name, which may no longer count."""
        device = DeviceKey.generate(device_info)
        self.records[device.key_id] = replace(device.public, validity=validity)
        return device

    def keys(self) -> dict[str, Any]:
        """Everything a reader needs, as JSON values."""
        secrets = {name: seed for name, (_, seed) in SEEDS.items()} | {name: pair[0] for name, pair in SHARED.items()}
        return {
            "now": NOW,
            "recipients": {
                key.key_id.hex(): {"suite": int(key.suite), "secret": secrets[name].hex()}
                for name, key in self.recipients.items()
            },
            "devices": {key_id.hex(): device_json(record) for key_id, record in self.records.items()},
        }


def device_json(record: DevicePublic) -> dict[str, Any]:
    return {
        "device_info": record.device_info,
        "sign_version": int(record.sign_version),
        "key": record.key.hex(),
        "not_before": record.validity.not_before,
        "not_after": record.validity.not_after,
        "revoked": record.validity.revoked,
    }


def all_vectors(world: World) -> Vectors:
    """(verdict, name, envelope) of every vector."""
    for family in (
        good_algorithms,
        good_recipients,
        good_sizes,
        good_contexts,
        bad_framing,
        bad_numbers,
        bad_policy,
        bad_keys,
        bad_signatures,
        bad_ciphertexts,
        bad_factors,
        bad_contexts,
        bad_contents,
    ):
        yield from family(world)


def good_algorithms(world: World) -> Vectors:
    for suite in ("x-wing", "x25519", "shared-key"):
        for sign, device in world.devices.items():
            yield "opens", f"{suite}-{sign}", seal(device, world.to(suite))


def good_recipients(world: World) -> Vectors:
    for suite in (Suite.X_WING, Suite.X25519):
        for count in (2, 3, 16):
            others = [ServerKey.generate(suite).public for _ in range(count - 1)]
            yield (
                "opens",
                f"{suite_name(suite)}-{count}-recipients",
                seal(world.device, [world.to(suite_name(suite)), *others]),
            )
    for count in (2, 3, 16):
        shared = [world.to("shared-key"), *(SharedKey.generate() for _ in range(count - 1))]
        yield "opens", f"shared-key-{count}-recipients", seal(world.device, shared)
    yield "opens", "x25519-both-recipients-known", seal(world.device, [world.to("x25519"), world.to("x25519-second")])


def good_sizes(world: World) -> Vectors:
    around = 4 + len(factor_of(world.device, b"", b"").encode()) + 4
    for length in (0, 1, 2, 16_383 - around, 16_384 - around, 16_385 - around, 32_768 - around, 33_000):
        yield "opens", f"payload-{length}", seal(world.device, world.to("x25519"), b"\xa5" * length, b"")
    for length in (0, 1, 65_536):
        yield "opens", f"data-{length}", seal(world.device, world.to("x25519"), b"payload", b"\x5a" * length)
    for length in (1, 65_536):
        base = factor_of(world.device, b"payload", b"data")
        factor = replace(base, image_factor=bytes(length))
        yield "opens", f"image-factor-{length}", seal(world.device, world.to("x25519"), factor=factor)
    for profile in (0, 2, 65_535):
        writer = EnvelopeWriter(world.to("x25519"), world.device, clock=now_s)
        factor = factor_of(world.device, b"payload", b"data")
        yield "opens", f"factor-profile-{profile}", writer.write(profile, factor, b"data", b"payload")


def good_contexts(world: World) -> Vectors:
    names = {
        "separator": "a|b",
        "newline": "line\nbreak",
        "nul": "\0",
        "percent": "%2F",
        "umlaut": "Kasse süd",
        "longest": "x" * 96,
        "longest-escaped": "|" * 96,
        "emoji": "\N{CAMERA}",
    }
    for name, device_info in names.items():
        yield "opens", f"device-info-{name}", seal(world.named(device_info), world.to("x25519"))
    for name, changes in {
        "counter-zero": {"counter": 0},
        "counter-largest": {"counter": 2**64 - 1},
        "timestamp-first": {"timestamp": 10**12},
        "timestamp-last": {"timestamp": 10**13 - 1},
        "size-smallest": {"width": 1, "height": 1},
        "size-largest": {"width": 2**32 - 1, "height": 2**32 - 1},
        "random-zero": {"random": bytes(16)},
    }.items():
        yield "opens", f"context-{name}", with_context(world, context_of(world.device, **changes).encode())


def bad_framing(world: World) -> Vectors:
    envelope = seal(world.device, world.to("x25519"))
    parts = cut(envelope)
    borders = [0, 1, 3, 4, 7, 8, 11, 15, 23, 24, 39, 40, 55, 56, 87, 88, 103, 104, 135, 136, 183, 184, 247, 248]
    for length in [*borders, 271, 272, 303, 304, len(envelope) - 17, len(envelope) - 16, len(envelope) - 1]:
        # Cut before it says what it is, an envelope is malformed all the same.
        yield "MalformedEnvelope", f"cut-at-{length}", envelope[:length]
    yield "MalformedEnvelope", "one-byte-more", envelope + b"\0"
    yield "MalformedEnvelope", "two-joined", envelope + envelope
    for offset in range(4):
        yield "MalformedEnvelope", f"magic-byte-{offset}", flipped(envelope, offset)
    for name, offset, form, values in (
        ("recipients", 8, ">H", (0, 2, 16, 17, 65_535)),
        ("header-length", 12, ">I", (0, 88, parts.header.header_len - 1, parts.header.header_len + 1, 2**32 - 1)),
        ("content-length", 16, ">Q", (0, 72, len(parts.content) - 1, len(parts.content) + 1, 2**63, 2**64 - 1)),
    ):
        for value in values:
            altered = bytearray(envelope)
            struct.pack_into(form, altered, offset, value)
            yield "MalformedEnvelope", f"{name}-{value}", bytes(altered)
    for length in (55, 56, 71, content_bytes(16_384) - 1, content_bytes(16_384) - 16):
        fixed = with_header(parts, content_len=length)
        yield "MalformedEnvelope", f"content-of-{length}", resign(world.device, fixed, parts.blocks, bytes(length))
    two = cut(seal(world.device, [world.to("x25519"), world.to("x25519-second")]))
    first, second = two.blocks
    yield "MalformedEnvelope", "recipients-descending", resign(world.device, two.fixed, [second, first], two.content)
    yield "MalformedEnvelope", "recipient-twice", resign(world.device, two.fixed, [first, first], two.content)
    many = [bytes([number]) * 16 + first[16:] for number in range(17)]
    fixed = with_header(two, recipients=tuple(block[:16] for block in many))
    yield "MalformedEnvelope", "seventeen-recipients", resign(world.device, fixed, many, two.content)
    for name, block in (("short", first[:-1]), ("long", first + b"\0")):
        yield "MalformedEnvelope", f"wrapped-key-{name}", resign(world.device, parts.fixed, [block], parts.content)
    yield "MalformedEnvelope", "suite-1-rewritten-to-2", rewritten(seal(world.device, world.to("x-wing")), 5, 2)
    yield "MalformedEnvelope", "suite-2-rewritten-to-1", rewritten(envelope, 5, 1)
    yield (
        "MalformedEnvelope",
        "signature-2-rewritten-to-1",
        rewritten(seal(world.devices["ml-dsa-44"], world.to("x25519")), 6, 1),
    )
    yield "MalformedEnvelope", "picture", b"\x89PNG\r\n\x1a\n" + bytes(500)


def bad_numbers(world: World) -> Vectors:
    envelope = seal(world.device, world.to("x25519"))
    for name, offset, values in (
        ("version", 4, (0, 2, 255)),
        ("suite", 5, (0, 3, 15, 17, 255)),
        ("signature", 6, (0, 6, 255)),
        ("mode", 7, (2, 3, 255)),
    ):
        for value in values:
            yield "UnsupportedEnvelope", f"{name}-{value}", rewritten(envelope, offset, value)


def bad_policy(world: World) -> Vectors:
    opening, _ = EnvelopeWriter(world.to("x25519"), world.device, clock=now_s).open_session(
        1, factor_of(world.device, b"payload", b"data"), b"data", b"payload"
    )
    yield "PolicyError", "session-opening", opening
    for name, validity in (
        ("revoked", Validity(revoked=True)),
        ("expired", Validity(not_after=NOW - 1)),
        ("not-yet-valid", Validity(not_before=NOW + 1)),
    ):
        yield "PolicyError", f"device-{name}", seal(world.named(f"POS-{name}", validity), world.to("x25519"))
    renamed = rewritten(seal(world.device, world.to("x25519")), 6, SignVersion.ECDSA_P256)
    yield "PolicyError", "signature-1-rewritten-to-5", renamed
    shared = cut(seal(world.device, SharedKey.generate()))
    block = world.recipients["x25519"].key_id + shared.blocks[0][16:]
    yield "PolicyError", "recipient-id-under-another-suite", resign(world.device, shared.fixed, [block], shared.content)
    for name, changes in (("device", {"device_info": "POS-0002"}), ("signature", {"sign_version": 2})):
        context = context_of(world.device, **changes).encode()
        yield "PolicyError", f"context-of-another-{name}", with_context(world, context)


def bad_keys(world: World) -> Vectors:
    envelope = seal(world.device, world.to("x25519"))
    yield "UnknownKey", "stranger-signed", seal(DeviceKey.generate("POS-0001"), world.to("x25519"))
    yield "UnknownKey", "sealed-to-a-stranger", seal(world.device, ServerKey.generate(Suite.X25519).public)
    yield "UnknownKey", "sealed-to-an-unknown-shared-key", seal(world.device, SharedKey.generate())
    yield "UnknownKey", "signer-id-flipped", flipped(envelope, 24)
    yield "UnknownKey", "recipient-id-flipped", flipped(envelope, 88)


def bad_signatures(world: World) -> Vectors:
    for sign, device in world.devices.items():
        envelope = seal(device, world.to("x25519"))
        parts = cut(envelope)
        start, end = parts.header.header_len, parts.header.header_len + len(parts.signature)
        for name, offset in (("first", start), ("middle", (start + end) // 2), ("last", end - 1)):
            yield "BadSignature", f"{sign}-{name}-byte-flipped", flipped(envelope, offset)
        zeros = bytes(len(parts.signature))
        yield "BadSignature", f"{sign}-all-zero", join(parts.fixed, parts.blocks, zeros, parts.content)
    envelope = seal(world.device, world.to("x25519"))
    for name, offset in (
        ("factor-profile", 11),
        ("message-id", 40),
        ("factor-tag", 56),
        ("encapsulation", 104),
        ("wrapped-key", 136),
    ):
        yield "BadSignature", f"{name}-flipped", flipped(envelope, offset)
    hybrid = cut(seal(world.devices["ed25519+ml-dsa-65"], world.to("x25519")))
    other = cut(seal(world.devices["ed25519+ml-dsa-65"], world.to("x25519")))
    for name, signature in (
        ("classic", other.signature[:64] + hybrid.signature[64:]),
        ("lattice", hybrid.signature[:64] + other.signature[64:]),
    ):
        foreign = join(hybrid.fixed, hybrid.blocks, signature, hybrid.content)
        yield "BadSignature", f"hybrid-with-foreign-{name}-half", foreign
    parts = cut(envelope)
    s = int.from_bytes(parts.signature[32:], "little") + ED25519_ORDER
    yield (
        "BadSignature",
        "ed25519-s-not-reduced",
        join(parts.fixed, parts.blocks, parts.signature[:32] + s.to_bytes(32, "little"), parts.content),
    )
    parts = cut(seal(world.devices["ecdsa-p256"], world.to("x25519")))
    s = P256_ORDER - int.from_bytes(parts.signature[32:], "big")
    yield (
        "BadSignature",
        "ecdsa-larger-s",
        join(parts.fixed, parts.blocks, parts.signature[:32] + s.to_bytes(32, "big"), parts.content),
    )
    mine, theirs = cut(seal(world.device, world.to("x25519"))), cut(seal(world.device, world.to("x25519")))
    yield "BadSignature", "signature-of-another", join(mine.fixed, mine.blocks, theirs.signature, mine.content)
    yield "BadSignature", "block-of-another", join(mine.fixed, theirs.blocks, mine.signature, mine.content)
    two = cut(seal(world.device, [world.to("x25519"), world.to("x25519-second")]))
    third = b"\xff" * 16 + two.blocks[0][16:]
    fixed = with_header(two, recipients=(*two.header.recipients, third[:16]))
    yield "BadSignature", "recipient-added", join(fixed, [*two.blocks, third], two.signature, two.content)


def bad_ciphertexts(world: World) -> Vectors:
    device = world.device
    for suite in ("x-wing", "x25519", "shared-key"):
        parts = cut(seal(device, world.to(suite)))
        for name, offset in (("salt", 0), ("commitment", 24), ("chunk", 56), ("tag", len(parts.content) - 1)):
            content = flipped(bytes(parts.content), offset)
            yield "CannotOpen", f"{suite}-{name}-flipped", join(parts.fixed, parts.blocks, parts.signature, content)
        wrapped = block_bytes(parts.header.suite) - 48
        for offset in sorted({16, max(16, wrapped - 1), wrapped, wrapped + 47}):
            block = flipped(parts.blocks[0], offset)
            yield (
                "CannotOpen",
                f"{suite}-block-byte-{offset}-flipped",
                resign(device, parts.fixed, [block], parts.content),
            )
    parts = cut(seal(device, world.to("x25519")))
    for name, share in (("zero", bytes(32)), ("one", b"\1" + bytes(31))):
        block = parts.blocks[0][:16] + share + parts.blocks[0][48:]
        yield "CannotOpen", f"low-order-share-{name}", resign(device, parts.fixed, [block], parts.content)
    other = cut(seal(device, world.to("x25519")))
    yield "CannotOpen", "content-of-another", join(parts.fixed, parts.blocks, parts.signature, other.content)
    yield "CannotOpen", "content-of-another-signed-again", resign(device, parts.fixed, parts.blocks, other.content)
    yield "CannotOpen", "block-of-another-signed-again", resign(device, parts.fixed, other.blocks, parts.content)
    thief = world.named("POS-thief")
    stolen = resign(thief, with_header(parts, signer=thief.key_id), parts.blocks, parts.content)
    yield "CannotOpen", "stripped-and-signed-by-another-device", stolen
    for name, changes in (("profile", {"profile": 2}), ("message-id", {"message_id": bytes(16)})):
        yield (
            "CannotOpen",
            f"{name}-changed-and-signed-again",
            resign(device, with_header(parts, **changes), parts.blocks, parts.content),
        )
    large = cut(seal(device, world.to("x25519"), bytes(36_000)))
    content = bytes(large.content)
    head, first, second, last = content[:56], content[56:16_456], content[16_456:32_856], content[32_856:]
    for name, chunks in (
        ("swapped", (second, first, last)),
        ("doubled", (first, first, last)),
        ("dropped", (first, last)),
        ("repeated", (first, second, second, last)),
        ("last-alone", (last,)),
        ("last-cut", (first, second, last[:-1])),
        ("last-empty", (first, second, bytes(16))),
    ):
        altered = head + b"".join(chunks)
        fixed = with_header(large, content_len=len(altered))
        yield "CannotOpen", f"chunks-{name}", resign(device, fixed, large.blocks, altered)


def bad_factors(world: World) -> Vectors:
    device, to = world.device, world.to("x25519")
    honest = factor_of(device, b"payload", b"data")
    yield "FactorMismatch", "digest-of-other-data", seal(device, to, factor=replace(honest, data_digest=bytes(32)))
    yield (
        "FactorMismatch",
        "digest-of-other-payload",
        seal(device, to, factor=replace(honest, payload_digest=bytes(32))),
    )
    swapped = replace(honest, data_digest=honest.payload_digest, payload_digest=honest.data_digest)
    yield "FactorMismatch", "digests-exchanged", seal(device, to, factor=swapped)
    plaintext = plaintext_of(honest, b"data", b"payload")
    forged = plaintext_of(factor_of(device, b"forgery", b"data"), b"data", b"forgery")
    yield (
        "FactorMismatch",
        "payload-forged-by-a-co-recipient",
        with_plaintext(world, plaintext[:-7] + b"forgery", honest),
    )
    yield "FactorMismatch", "factor-forged-by-a-co-recipient", with_plaintext(world, forged, honest)
    for name, part in (("image-factor", 4), ("context", 4 + 4 + len(FACTOR) + 4 + 30)):
        yield "FactorMismatch", f"{name}-off-by-one", with_plaintext(world, flipped(plaintext, part + 4), honest)


def bad_contexts(world: World) -> Vectors:
    line = context_of(world.device).encode()
    for name, old, new in (
        ("empty-device", b"POS-0001", b""),
        ("raw-separator", b"POS-0001", b"POS|0001"),
        ("newline", b"POS-0001", b"POS\n0001"),
        ("nul", b"POS-0001", b"POS\x000001"),
        ("lower-case-escape", b"POS-0001", b"POS%2f0001"),
        ("needless-escape", b"POS-0001", b"%50OS-0001"),
        ("broken-escape", b"POS-0001", b"POS-0001%2"),
        ("escape-that-is-no-utf8", b"POS-0001", b"POS%FF"),
        ("device-of-97", b"POS-0001", b"x" * 97),
        ("device-of-97-escaped", b"POS-0001", b"%7C" * 97),
        ("plus", b"|1|", b"|+1|"),
        ("minus", b"|1|", b"|-1|"),
        ("leading-zero", b"|1|", b"|01|"),
        ("underscore", b"|1|1790", b"|1_0|1790"),
        ("space", b"|1|1790", b"| 1|1790"),
        ("signature-zero", b"|1|1790", b"|0|1790"),
        ("signature-256", b"|1|1790", b"|256|1790"),
        ("signature-missing", b"|1|1790", b"||1790"),
        ("other-digits", b"|1|1790", "|\N{ARABIC-INDIC DIGIT ONE}|1790".encode()),
        ("twelve-digit-time", b"1790000000000", b"179000000000"),
        ("fourteen-digit-time", b"1790000000000", b"17900000000000"),
        ("time-with-leading-zero", b"1790000000000", b"0790000000000"),
        ("counter-too-large", b"|1|0001", b"|18446744073709551616|0001"),
        ("capital-random", b"0a0b", b"0A0B"),
        ("short-random", b"0e0f", b"0e0"),
        ("long-random", b"0e0f", b"0e0f0"),
        ("zero-width", b"640x480", b"0x480"),
        ("zero-height", b"640x480", b"640x0"),
        ("width-too-large", b"640x480", b"4294967296x480"),
        ("missing-height", b"640x480", b"640x"),
        ("capital-cross", b"640x480", b"640X480"),
        ("trailing-newline", b"640x480", b"640x480\n"),
        ("trailing-nul", b"640x480", b"640x480\0"),
        ("one-field-more", b"640x480", b"640x480|1"),
        ("unknown-magic", b"SF1|", b"SF2|"),
        ("lower-case-magic", b"SF1|", b"sf1|"),
        ("no-magic", b"SF1|", b""),
        ("too-long", b"SF1|", b"SF1|" + b"x" * 1024),
    ):
        altered = line.replace(old, new, 1)
        assert altered != line, name
        yield "MalformedEnvelope", f"context-{name}", with_context(world, altered)


def bad_contents(world: World) -> Vectors:
    honest = factor_of(world.device, b"payload", b"data")
    factor = honest.encode()
    sized = struct.pack(">I", len(factor)) + factor
    for name, plaintext in (
        ("empty", b""),
        ("three-bytes", b"\0\0\0"),
        ("factor-beyond-the-end", b"\xff\xff\xff\xff" + factor),
        ("no-data-length", sized),
        ("half-a-data-length", sized + b"\0\0"),
        ("data-beyond-the-end", sized + b"\0\0\0\5data"),
    ):
        yield "MalformedEnvelope", f"content-{name}", with_plaintext(world, plaintext, honest)
    too_long = b"\x5a" * 65_537
    factor_of_long = factor_of(world.device, b"", too_long)
    yield (
        "MalformedEnvelope",
        "data-65537",
        with_plaintext(world, plaintext_of(factor_of_long, too_long, b""), factor_of_long),
    )
    context = honest.capture_context
    digests = honest.data_digest + honest.payload_digest
    for name, raw in (
        ("empty", b""),
        ("without-digests", factor[:-64]),
        ("cut", factor[:-1]),
        ("one-byte-more", factor + b"\0"),
        ("no-image-factor", b"\0\0\0\0" + factor[4 + len(FACTOR) :]),
        ("no-context", factor[: 4 + len(FACTOR)] + b"\0\0\0\0" + digests),
        ("context-beyond-the-end", factor[: 4 + len(FACTOR)] + b"\xff\xff\xff\xff" + context + digests),
        ("image-factor-65537", struct.pack(">I", 65_537) + bytes(65_537) + factor[4 + len(FACTOR) :]),
    ):
        plaintext = struct.pack(">I", len(raw)) + raw + b"\0\0\0\4datapayload"
        yield "MalformedEnvelope", f"security-factor-{name}", with_plaintext(world, plaintext, raw)


def with_context(world: World, context: bytes) -> bytes:
    factor = factor_of(world.device, b"payload", b"data", context=context)
    return seal(world.device, world.to("x25519"), factor=factor)


def plaintext_of(factor: SecurityFactor, data: bytes, payload: bytes) -> bytes:
    encoded = factor.encode()
    return struct.pack(">I", len(encoded)) + encoded + struct.pack(">I", len(data)) + data + payload


def with_plaintext(world: World, plaintext: bytes, factor: SecurityFactor | bytes) -> bytes:
    """Signed, wrapped and encrypted as it should be, around any plaintext; `factor` is what the tag commits to."""
    key = bytes(range(32))
    server: ServerKey = world.recipients["x25519"]
    committed = factor if isinstance(factor, bytes) else factor.encode()
    header = Header(
        suite=Suite.X25519,
        sign_version=SignVersion.ED25519,
        mode=Mode.MESSAGE,
        profile=1,
        content_len=content_bytes(len(plaintext)),
        signer=world.device.key_id,
        message_id=bytes(range(16)),
        factor_tag=schedule.factor_tag(key, committed),
        recipients=(server.key_id,),
    )
    header_hash = schedule.header_hash(header.fixed(), header.recipients)
    block = server.key_id + server.public.wrap(key, schedule.wrap_info(header_hash, server.key_id))
    encryptor = Cobblestone256Encryptor(key, schedule.content_context(header_hash))
    return resign(world.device, header.fixed(), [block], encryptor.update(plaintext) + encryptor.finalize())


def flipped(raw: bytes, offset: int) -> bytes:
    return raw[:offset] + bytes([raw[offset] ^ 1]) + raw[offset + 1 :]


def rewritten(raw: bytes, offset: int, value: int) -> bytes:
    return raw[:offset] + bytes([value]) + raw[offset + 1 :]


def write_vectors(folder: Path) -> None:
    """Write keys.json and every vector; the names must be new."""
    world = World()
    vectors = list(all_vectors(world))
    folder.mkdir(parents=True, exist_ok=True)
    for verdict, name, envelope in vectors:
        with (folder / f"{verdict}--{name}.seal").open("xb") as file:
            file.write(envelope)
    (folder / "keys.json").write_text(json.dumps(world.keys(), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    write_vectors(Path(sys.argv[1]))
