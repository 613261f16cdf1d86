"""The envelope: what opens, and what each altered byte gets (M19-M23, A18, A20-A33, A45, A47).

Covers A21, A22, A23, A24, A25, A26, A27, A28, A29, A30, A31, A32, A34, M20, M21, M22.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

from sealframe.capture_context import DEFAULT_RULE, SpliceRule, rules_by_magic
from sealframe.envelope import (
    MAX_START_BYTES,
    Policy,
    SignedStart,
    check_start,
    inspect,
    reader,
    schedule,
    unseal_envelope,
)
from sealframe.envelope.buffers import BufferPool
from sealframe.envelope.layout import (
    FIXED_BYTES,
    content_bytes,
    is_content_length,
    plaintext_bytes,
    split_envelope,
)
from sealframe.envelope.payload_digest import payload_hasher
from sealframe.envelope.writer import EnvelopeWriter
from sealframe.errors import (
    BadSignature,
    CannotOpen,
    FactorMismatch,
    KeyNotValid,
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    SealframeError,
    StaleCapture,
    UnknownKey,
    UnsupportedEnvelope,
)
from sealframe.keys import SIGN_NAMES, DeviceKey, DevicePublic, ServerKey, SharedKey, Suite, Validity
from sealframe.security_factor import SecurityFactor
from tests.sealing import (
    ANY_SUITE,
    FACTOR,
    NOW,
    context_of,
    cut,
    factor_of,
    join,
    now_s,
    resign,
    seal,
    unseal,
    with_header,
)

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def device() -> DeviceKey:
    return DeviceKey.generate("POS-0001")


@pytest.fixture(scope="module")
def server() -> ServerKey:
    """X25519: the envelopes are small, so that every byte can be tried."""
    return ServerKey.generate(Suite.X25519)


@pytest.fixture(scope="module")
def envelope(device: DeviceKey, server: ServerKey) -> bytes:
    return seal(device, server.public)


@pytest.mark.parametrize("sign", SIGN_NAMES)
@pytest.mark.parametrize("suite", [Suite.X_WING, Suite.X25519])
def test_m21_m22_every_suite_and_signature_opens(suite: int, sign: str) -> None:
    device, server = DeviceKey.generate("POS-0001", sign), ServerKey.generate(suite)
    unsealed = unseal(seal(device, server.public, b"picture", b"pay 5"), server, device.public)
    assert (unsealed.payload, unsealed.data) == (b"picture", b"pay 5")
    assert unsealed.context == context_of(device)
    assert unsealed.signer == device.public
    assert unsealed.security_factor == factor_of(device, b"picture", b"pay 5")


def test_m20_a_shared_key_seals_and_opens(device: DeviceKey) -> None:
    shared = SharedKey.generate()
    envelope = seal(device, shared)
    assert unseal(envelope, shared, device.public).payload == b"payload"
    with pytest.raises(UnknownKey):
        unseal(envelope, SharedKey.generate(), device.public)


@pytest.mark.parametrize("length", [0, 1, 15_000, 16_383, 16_384, 16_385, 40_000])
def test_every_length_round_trips(device: DeviceKey, server: ServerKey, length: int) -> None:
    payload = bytes(range(256)) * (length // 256) + bytes(length % 256)
    assert unseal(seal(device, server.public, payload), server, device.public).payload == payload


def test_the_start_of_an_envelope_is_checked_before_its_content(device: DeviceKey, server: ServerKey) -> None:
    envelope, other = (seal(device, server.public, bytes(40_000)) for _ in range(2))
    end = len(envelope) - split_envelope(envelope).header.content_len
    for length in (end, end + 1, MAX_START_BYTES, len(envelope)):
        start = begin(envelope[:length], device, server)
        assert start.signer == device.public
        assert unseal(envelope, server, device.public, start=start).payload == bytes(40_000)
    with pytest.raises(MalformedEnvelope, match="differs from the header"):
        unseal(other, server, device.public, start=start)
    for wrong in (envelope[: end - 1], envelope[:-1], envelope + b"\0"):
        with pytest.raises(MalformedEnvelope):
            unseal(wrong, server, device.public, start=start)
    for length in (0, 1, FIXED_BYTES, end - 1):
        with pytest.raises(MalformedEnvelope):
            begin(envelope[:length], device, server)
    with pytest.raises(UnknownKey):
        begin(envelope[:end], DeviceKey.generate("POS-0001"), server)
    with pytest.raises(UnknownKey):
        begin(envelope[:end], device, ServerKey.generate(Suite.X25519))


def test_a_checked_start_excuses_nothing_else(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    """Every flipped bit of the envelope, after its unflipped start was checked."""
    start = begin(envelope, device, server)
    for position in range(len(envelope)):
        altered = bytearray(envelope)
        altered[position] ^= 1 << position % 8
        with pytest.raises(SealframeError):
            unseal(bytes(altered), server, device.public, start=start)


def test_a_flipped_bit_of_the_start_is_found_without_the_content(
    device: DeviceKey, server: ServerKey, envelope: bytes
) -> None:
    end = len(envelope) - split_envelope(envelope).header.content_len
    for position in range(end):
        altered = bytearray(envelope[:end])
        altered[position] ^= 1 << position % 8
        with pytest.raises(SealframeError):
            begin(bytes(altered), device, server)


def test_the_longest_start_is_as_long_as_said() -> None:
    servers = [ServerKey.generate() for _ in range(16)]
    device = DeviceKey.generate("POS-0001", "ed25519+ml-dsa-65")
    envelope = seal(device, [server.public for server in servers])
    assert len(envelope) - split_envelope(envelope).header.content_len == MAX_START_BYTES


def begin(start: bytes, device: DeviceKey, server: ServerKey) -> SignedStart:
    return check_start(start, server, {device.key_id: device.public}, ANY_SUITE, clock=now_s)


def test_content_lengths_are_inverse_and_skip_what_cannot_be() -> None:
    lengths = [content_bytes(length) for length in range(40_000)]
    assert [plaintext_bytes(length) for length in lengths] == list(range(40_000))


@pytest.mark.parametrize("count", [1, 2, 16])
def test_each_of_several_recipients_opens(device: DeviceKey, count: int) -> None:
    servers = [ServerKey.generate(Suite.X25519) for _ in range(count)]
    envelope = seal(device, [server.public for server in servers])
    assert all(unseal(envelope, server, device.public).data == b"data" for server in servers)


def test_a_server_that_changes_its_key_opens_with_old_and_new(device: DeviceKey) -> None:
    old, new = ServerKey.generate(), ServerKey.generate()
    for server in (old, new):
        assert unseal(seal(device, server.public), [new, old], device.public).payload == b"payload"


def test_write_into_fills_the_start_of_a_buffer(device: DeviceKey, server: ServerKey) -> None:
    writer, factor = EnvelopeWriter(server.public, device, clock=now_s), factor_of(device, bytes(40_000), b"d")
    buffer = bytearray(b"\xaa" * 50_000)
    length = writer.write_into(buffer, 1, factor, b"d", bytes(40_000))
    assert unseal(buffer[:length], server, device.public).payload == bytes(40_000)
    assert set(buffer[length:]) == {0xAA}
    with pytest.raises(ValueError, match=f"{length} bytes"):
        writer.write_into(bytearray(length - 1), 1, factor, b"d", bytes(40_000))


def test_buffers_that_cannot_be_written_to_are_refused(device: DeviceKey, server: ServerKey) -> None:
    writer, payload = EnvelopeWriter(server.public, device, clock=now_s), bytearray(1000)
    factor = factor_of(device, bytes(payload), b"")
    whole = bytearray(10_000)
    for wrong in (bytes(10_000), memoryview(whole).toreadonly(), memoryview(whole)[::2]):
        with pytest.raises(TypeError):
            writer.write_into(wrong, 1, factor, b"", payload)
    whole[5000:6000] = payload
    with pytest.raises(ValueError, match="overlaps"):
        writer.write_into(whole, 1, factor, b"", memoryview(whole)[5000:6000])
    start, end = memoryview(whole)[:5000], memoryview(whole)[5000:6000]
    length = writer.write_into(start, 1, factor, b"", end)
    assert unseal(start[:length], server, device.public).payload == payload


def test_an_empty_payload_shares_memory_with_nothing(device: DeviceKey, server: ServerKey) -> None:
    out = bytearray(5_000)
    writer = EnvelopeWriter(server.public, device, clock=now_s)
    length = writer.write_into(out, 1, factor_of(device, b"", b""), b"", memoryview(out)[:0])
    assert unseal(out[:length], server, device.public).payload == b""
    with pytest.raises(ValueError, match="too small"):
        writer.write_into(bytearray(), 1, factor_of(device, b"", b""), b"", b"")


@pytest.mark.parametrize("size", [0, 1, 16_000, 40_000])
def test_open_into_hands_out_a_view_of_the_buffer(device: DeviceKey, server: ServerKey, size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    envelope, devices = seal(device, server.public, payload, b"d"), {device.key_id: device.public}
    out = bytearray(b"\xaa" * len(envelope))
    unsealed = unseal_envelope(envelope, server, devices, ANY_SUITE, clock=now_s, out=out)
    assert isinstance(unsealed.payload, memoryview)
    assert unsealed.payload.readonly
    assert bytes(unsealed.payload) == payload
    needed = plaintext_bytes(unsealed.header.content_len)
    assert set(out[needed:]) <= {0xAA}
    assert unseal_envelope(envelope, server, devices, ANY_SUITE, clock=now_s, out=bytearray(needed)).payload == payload
    with pytest.raises(ValueError, match=f"at least {needed} bytes"):
        unseal_envelope(envelope, server, devices, ANY_SUITE, clock=now_s, out=bytearray(needed - 1))
    for wrong in (envelope, memoryview(out).toreadonly()):
        with pytest.raises(TypeError):
            unseal_envelope(envelope, server, devices, ANY_SUITE, clock=now_s, out=wrong)
    shared = bytearray(envelope)
    array = memoryview(np.frombuffer(shared, np.uint8))
    for source, target in ((shared, shared), (shared, array), (array, shared)):
        with pytest.raises(ValueError, match="overlaps"):
            unseal_envelope(source, server, devices, ANY_SUITE, clock=now_s, out=target)
    assert shared == envelope


def test_open_into_leaves_nothing_of_an_envelope_that_fails(device: DeviceKey, server: ServerKey) -> None:
    """Whatever step refuses: altered last chunk, false digest, false context."""
    altered = bytearray(seal(device, server.public, bytes(range(256)) * 200))
    altered[-1] ^= 1
    foreign = factor_of(device, b"CANARY", b"data", context=context_of(device, device_info="POS-0002").encode())
    false = [
        bytes(altered),
        seal(device, server.public, b"CANARY", factor=factor_of(device, b"other", b"data")),
        seal(device, server.public, b"CANARY", factor=foreign),
    ]
    for envelope in false:
        out = bytearray(b"\xaa" * 60_000)
        with pytest.raises(SealframeError):
            unseal_envelope(envelope, server, {device.key_id: device.public}, ANY_SUITE, clock=now_s, out=out)
        assert not any(out)


def test_views_and_bytearrays_open_like_bytes(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    for form in (bytearray(envelope), memoryview(envelope)):
        assert unseal(form, server, device.public).payload == b"payload"


def test_each_check_is_told_when_it_has_passed(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    told: list[str] = []
    policy = Policy(suites=frozenset({Suite.X25519}))
    unseal_envelope(envelope, server, {device.key_id: device.public}, policy, clock=now_s, on_check=told.append)
    assert told == ["framing", "policy", "keys", "signature", "decryption", "commitment", "context"]


def test_the_most_data_that_fits_round_trips(device: DeviceKey, server: ServerKey) -> None:
    assert unseal(seal(device, server.public, data=bytes(65_536)), server, device.public).data == bytes(65_536)


def test_inspect_shows_public_facts_alone(envelope: bytes, device: DeviceKey, server: ServerKey) -> None:
    facts = inspect(envelope)
    assert facts["suite"] == "x25519"
    assert facts["sign"] == "ed25519"
    assert facts["mode"] == "message"
    assert facts["recipients"] == [server.key_id.hex()]
    assert facts["signer"] == device.key_id.hex()
    assert facts["header_bytes"] + facts["signature_bytes"] + facts["content_bytes"] == len(envelope)


def test_two_sealings_of_the_same_share_no_field(device: DeviceKey, server: ServerKey) -> None:
    first, second = cut(seal(device, server.public)), cut(seal(device, server.public))
    assert first.header.message_id != second.header.message_id
    assert first.header.factor_tag != second.header.factor_tag
    assert first.blocks[0][16:] != second.blocks[0][16:]
    assert bytes(first.content) != bytes(second.content)


# What a faulty or dishonest device seals


def test_a18_digests_of_other_content_are_refused(device: DeviceKey, server: ServerKey) -> None:
    for factor in (factor_of(device, b"other", b"data"), factor_of(device, b"payload", b"other")):
        with pytest.raises(FactorMismatch):
            unseal(seal(device, server.public, factor=factor), server, device.public)


@pytest.mark.parametrize("context", [b"SF1|POS-0001", b"\xff", b"ZZ9|POS-0001|1|17900000|1|00|1x1"])
def test_a34_a_context_that_is_not_canonical_is_refused(device: DeviceKey, server: ServerKey, context: bytes) -> None:
    factor = factor_of(device, b"payload", b"data", context=context)
    with pytest.raises(MalformedEnvelope):
        unseal(seal(device, server.public, factor=factor), server, device.public)


@pytest.mark.parametrize("changes", [{"device_info": "POS-0002"}, {"sign_version": 2}])
@pytest.mark.parametrize("rule", [DEFAULT_RULE, SpliceRule("OWN", DEFAULT_RULE.template)], ids=["default", "own"])
def test_a_capture_of_another_device_is_refused(
    device: DeviceKey, server: ServerKey, changes: dict[str, object], rule: SpliceRule
) -> None:
    context = context_of(device, **changes, splice_rule=rule).encode()
    factor = factor_of(device, b"payload", b"data", context=context)
    rules = rules_by_magic([rule])
    with pytest.raises(PolicyError, match="names a device that did not sign"):
        unseal(seal(device, server.public, factor=factor), server, device.public, splice_rules=rules)


def with_content(device: DeviceKey, server: ServerKey, plaintext: bytes) -> bytes:
    """An envelope signed and wrapped as it should be, around this content."""
    factor = plaintext[4 : 4 + struct.unpack_from(">I", plaintext)[0]] if len(plaintext) >= 4 else b""
    key = bytes(32)
    template = cut(seal(device, server.public)).header
    fields = {name: getattr(template, name) for name in type(template).__dataclass_fields__}
    fields.update(content_len=content_bytes(len(plaintext)), factor_tag=schedule.factor_tag(key, factor))
    header = type(template)(**fields)
    header_hash = schedule.header_hash(header.fixed(), header.recipients)
    block = server.key_id + server.public.wrap(key, schedule.wrap_info(header_hash, server.key_id))
    encryptor = Cobblestone256Encryptor(key, schedule.content_context(header_hash))
    return resign(device, header.fixed(), [block], encryptor.update(plaintext) + encryptor.finalize())


def test_content_built_by_hand_opens(device: DeviceKey, server: ServerKey) -> None:
    factor = factor_of(device, b"p", b"d").encode()
    plaintext = struct.pack(">I", len(factor)) + factor + struct.pack(">I", 1) + b"d" + b"p"
    assert unseal(with_content(device, server, plaintext), server, device.public).payload == b"p"


def test_a24_lengths_inside_the_content_that_exceed_it_are_refused(device: DeviceKey, server: ServerKey) -> None:
    factor = factor_of(device, b"p", b"d").encode()
    honest = struct.pack(">I", len(factor)) + factor
    for plaintext in (b"", b"\0\0\0", b"\xff\xff\xff\xff", honest, honest + b"\0\0\0", honest + b"\0\0\0\2d"):
        with pytest.raises(MalformedEnvelope):
            unseal(with_content(device, server, plaintext), server, device.public)


def test_data_beyond_64_kib_is_neither_sealed_nor_opened(device: DeviceKey, server: ServerKey) -> None:
    data = bytes(65_537)
    with pytest.raises(LimitExceeded):
        seal(device, server.public, data=data)
    factor = factor_of(device, b"", data).encode()
    plaintext = struct.pack(">I", len(factor)) + factor + struct.pack(">I", len(data)) + data
    with pytest.raises(MalformedEnvelope):
        unseal(with_content(device, server, plaintext), server, device.public)


def test_a_security_factor_that_is_not_canonical_is_refused(device: DeviceKey, server: ServerKey) -> None:
    factor = factor_of(device, b"p", b"d").encode() + b"\0"
    plaintext = struct.pack(">I", len(factor)) + factor + struct.pack(">I", 1) + b"d" + b"p"
    with pytest.raises(MalformedEnvelope):
        unseal(with_content(device, server, plaintext), server, device.public)


# What others do to an envelope


@pytest.mark.parametrize("start", [b"", b"\x89", b"\x89SLF", b"\x89SLF\1\1\1", b"SEAL" * 100, b"\xff\xd8\xff" * 50])
def test_a20_what_is_no_envelope_is_malformed(server: ServerKey, device: DeviceKey, start: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        unseal(start, server, device.public)


def test_a21_truncation_at_every_length_is_malformed(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    for length in range(len(envelope)):
        with pytest.raises(MalformedEnvelope):
            unseal(envelope[:length], server, device.public)


def expected_after_flip(offset: int, envelope: bytes) -> tuple[type[SealframeError], ...]:
    parts = cut(envelope)
    signature_end = parts.header.header_len + len(parts.signature)
    borders: list[tuple[int, tuple[type[SealframeError], ...]]] = [
        (4, (MalformedEnvelope,)),  # magic
        (5, (UnsupportedEnvelope,)),  # version
        (6, (UnsupportedEnvelope, MalformedEnvelope)),  # suite: undefined, or another block length
        (7, (UnsupportedEnvelope, MalformedEnvelope, PolicyError)),  # signature version: also of the same length
        (8, (UnsupportedEnvelope, PolicyError)),  # mode
        (10, (MalformedEnvelope,)),  # recipients
        (12, (BadSignature,)),  # profile
        (24, (MalformedEnvelope,)),  # lengths
        (40, (UnknownKey,)),  # signer
        (88, (BadSignature,)),  # message id, factor tag
        (104, (UnknownKey,)),  # recipient
        (signature_end, (BadSignature,)),  # encapsulation, wrapped key, signature
        (len(envelope), (CannotOpen,)),  # content
    ]
    return next(classes for end, classes in borders if offset < end)


def test_a22_every_flipped_bit_gets_its_error(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    for offset, bit in itertools.product(range(len(envelope)), range(8)):
        altered = bytearray(envelope)
        altered[offset] ^= 1 << bit
        with pytest.raises(SealframeError) as caught:
            unseal(altered, server, device.public)
        assert caught.type in expected_after_flip(offset, envelope), (offset, bit)


def test_a23_trailing_bytes_and_joined_envelopes_are_malformed(
    device: DeviceKey, server: ServerKey, envelope: bytes
) -> None:
    for longer in (envelope + b"\0", envelope + envelope, envelope + seal(device, server.public)):
        with pytest.raises(MalformedEnvelope):
            unseal(longer, server, device.public)


@pytest.mark.parametrize(
    ("offset", "form", "values"),
    [
        (8, ">H", [0, 2, 16, 17, 65_535]),
        (12, ">I", [0, 87, 88, 2**31, 2**32 - 1]),
        (16, ">Q", [0, 55, 71, 2**32, 2**63, 2**64 - 1]),
    ],
)
def test_a24_lengths_beyond_the_file_are_malformed(
    device: DeviceKey, server: ServerKey, envelope: bytes, offset: int, form: str, values: list[int]
) -> None:
    for value in values:
        altered = bytearray(envelope)
        struct.pack_into(form, altered, offset, value)
        with pytest.raises(MalformedEnvelope):
            unseal(altered, server, device.public)


def test_a24_a_content_length_that_no_plaintext_has_is_malformed(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, server.public))
    short = content_bytes(16_384) - 1
    with pytest.raises(MalformedEnvelope):
        unseal(resign(device, with_header(parts, content_len=short), parts.blocks, bytes(short)), server, device.public)


def test_a24_an_envelope_beyond_the_size_cap_is_malformed(
    device: DeviceKey, server: ServerKey, envelope: bytes
) -> None:
    capped = Policy(suites=frozenset({Suite.X25519}), max_bytes=len(envelope))
    assert unseal(envelope, server, device.public, policy=capped).payload == b"payload"
    with pytest.raises(MalformedEnvelope, match="larger"):
        unseal(envelope, server, device.public, policy=replace(capped, max_bytes=len(envelope) - 1))


@pytest.mark.parametrize(("field", "named"), [(4, "version 99"), (5, "suite 99"), (6, "signature 99"), (7, "mode 99")])
def test_a25_unknown_versions_suites_signatures_and_modes_are_unsupported(
    device: DeviceKey, server: ServerKey, envelope: bytes, field: int, named: str
) -> None:
    altered = bytearray(envelope)
    altered[field] = 99
    for told in (altered, altered[:8]):
        with pytest.raises(UnsupportedEnvelope, match=named):
            unseal(told, server, device.public)
    with pytest.raises(MalformedEnvelope, match="not a sealframe envelope"):
        unseal(altered[:7], server, device.public)


def test_the_shortest_content_is_one_of_nothing() -> None:
    assert [length for length in range(100) if is_content_length(length)] == list(range(72, 100))


def test_a25_a_suite_rewritten_in_transit_is_refused(device: DeviceKey) -> None:
    server = ServerKey.generate(Suite.X_WING)
    altered = bytearray(seal(device, server.public))
    altered[5] = Suite.X25519
    with pytest.raises(MalformedEnvelope):
        unseal(altered, server, device.public)


def test_a25_a_recipient_id_under_another_suite_is_refused(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, SharedKey.generate()))
    block = server.key_id + parts.blocks[0][16:]
    with pytest.raises(PolicyError):
        unseal(resign(device, parts.fixed, [block], parts.content), server, device.public)


def test_a26_parts_exchanged_between_two_envelopes_are_refused(device: DeviceKey, server: ServerKey) -> None:
    """Every choice of fixed fields, block, signature and content from two envelopes of equal shape."""
    pair = [cut(seal(device, server.public)) for _ in range(2)]
    pieces = [
        (one.header.message_id, one.header.factor_tag, one.blocks, one.signature, bytes(one.content)) for one in pair
    ]
    opened = 0
    for choice in itertools.product((0, 1), repeat=5):
        message_id, tag, blocks, signature, content = (pieces[which][part] for part, which in enumerate(choice))
        envelope = join(with_header(pair[0], message_id=message_id, factor_tag=tag), blocks, signature, content)
        if len(set(choice)) == 1:
            opened += unseal(envelope, server, device.public).payload == b"payload"
            continue
        with pytest.raises((BadSignature, CannotOpen)):
            unseal(envelope, server, device.public)
    assert opened == 2


def test_a26_parts_exchanged_and_signed_again_by_the_same_device_are_refused(
    device: DeviceKey, server: ServerKey
) -> None:
    first, second = (cut(seal(device, server.public)) for _ in range(2))
    for fixed, blocks, content in (
        (first.fixed, first.blocks, second.content),
        (first.fixed, second.blocks, first.content),
        (second.fixed, first.blocks, first.content),
        (first.fixed, second.blocks, second.content),
    ):
        with pytest.raises(CannotOpen):
            unseal(resign(device, fixed, blocks, content), server, device.public)


def test_a27_an_unsigned_envelope_is_unsupported(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    parts = cut(envelope)
    fixed = bytearray(parts.fixed)
    fixed[6] = 0
    with pytest.raises(UnsupportedEnvelope):
        unseal(join(bytes(fixed), parts.blocks, b"", parts.content), server, device.public)


def test_a27_strip_and_sign_again_by_another_device_fails(
    device: DeviceKey, server: ServerKey, envelope: bytes
) -> None:
    thief = DeviceKey.generate("POS-0666")
    parts = cut(envelope)
    stolen = resign(thief, with_header(parts, signer=thief.key_id), parts.blocks, parts.content)
    with pytest.raises(CannotOpen):
        unseal(stolen, server, device.public, thief.public)


def test_a27_recipients_added_doubled_unsorted_or_too_many_are_refused(device: DeviceKey) -> None:
    servers = sorted((ServerKey.generate(Suite.X25519) for _ in range(3)), key=lambda server: server.key_id)
    parts = cut(seal(device, [servers[0].public, servers[1].public]))
    first, second = parts.blocks
    third = servers[2].key_id + second[16:]
    three = with_header(parts, recipients=tuple(server.key_id for server in servers))
    with pytest.raises(BadSignature):
        unseal(join(three, [first, second, third], parts.signature, parts.content), servers[0], device.public)
    with pytest.raises(CannotOpen):
        unseal(resign(device, three, [first, second, third], parts.content), servers[0], device.public)
    for blocks in ([second, first], [first, first]):
        with pytest.raises(MalformedEnvelope):
            unseal(resign(device, parts.fixed, blocks, parts.content), servers[0], device.public)
    seventeen = [bytes([number]) * 16 + first[16:] for number in range(17)]
    fixed = with_header(parts, recipients=tuple(block[:16] for block in seventeen))
    with pytest.raises(MalformedEnvelope):
        unseal(resign(device, fixed, seventeen, parts.content), servers[0], device.public)


def test_a27_a_writer_refuses_what_a_reader_would(device: DeviceKey, server: ServerKey) -> None:
    crowd = [ServerKey.generate(Suite.X25519).public for _ in range(17)]
    for recipients, error in (
        ([], LimitExceeded),
        (crowd, LimitExceeded),
        ([server.public] * 2, PolicyError),
        ([server.public, SharedKey.generate()], PolicyError),
    ):
        with pytest.raises(error):
            EnvelopeWriter(recipients, device)


def test_a28_a_low_order_share_or_an_altered_encapsulation_cannot_open(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, server.public))
    for share in (bytes(32), b"\1" + bytes(31)):
        block = parts.blocks[0][:16] + share + parts.blocks[0][48:]
        with pytest.raises(CannotOpen):
            unseal(resign(device, parts.fixed, [block], parts.content), server, device.public)
    x_wing = ServerKey.generate(Suite.X_WING)
    parts = cut(seal(device, x_wing.public))
    for offset in (16, 1000, 1104, 1136):
        altered = bytearray(parts.blocks[0])
        altered[offset] ^= 1
        with pytest.raises(CannotOpen):
            unseal(resign(device, parts.fixed, [bytes(altered)], parts.content), x_wing, device.public)


def test_a28_a_wrapped_key_of_another_length_is_malformed(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, server.public))
    for block in (parts.blocks[0][:-1], parts.blocks[0] + b"\0"):
        with pytest.raises(MalformedEnvelope):
            unseal(resign(device, parts.fixed, [block], parts.content), server, device.public)


def test_a29_chunks_swapped_doubled_dropped_or_cut_cannot_open(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, server.public, bytes(60_000)))
    content, chunk = bytes(parts.content), 16_384 + 16
    head, chunks = content[:56], [content[start : start + chunk] for start in range(56, len(content), chunk)]
    first, second, third, last = chunks
    for arranged in (
        [second, first, third, last],
        [first, second, second, third, last],
        [first, third, last],
        [first, second, third],
        [first, second, third[:-1], last],
        [last],
        [first, second, third, last[:16]],
        [first, second, third, bytes(16)],
    ):
        altered = head + b"".join(arranged)
        fixed = with_header(parts, content_len=len(altered))
        with pytest.raises((CannotOpen, MalformedEnvelope)):
            unseal(resign(device, fixed, parts.blocks, altered), server, device.public)
        if len(altered) == len(content):
            with pytest.raises(CannotOpen):
                unseal(join(parts.fixed, parts.blocks, parts.signature, altered), server, device.public)


def test_a29_a_flipped_commitment_cannot_open(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    parts = cut(envelope)
    for offset in (0, 23, 24, 55):
        altered = bytearray(parts.content)
        altered[offset] ^= 1
        with pytest.raises(CannotOpen):
            unseal(join(parts.fixed, parts.blocks, parts.signature, altered), server, device.public)


def test_a30_a_content_opens_under_one_key_only(device: DeviceKey) -> None:
    """A dishonest device wraps a second key for the second recipient; the commitment admits only the first."""
    servers = sorted((ServerKey.generate(Suite.X25519) for _ in range(2)), key=lambda server: server.key_id)
    parts = cut(seal(device, [server.public for server in servers]))
    header_hash = schedule.header_hash(parts.fixed, parts.header.recipients)
    info = schedule.wrap_info(header_hash, servers[1].key_id)
    blocks = [parts.blocks[0], servers[1].key_id + servers[1].public.wrap(bytes(32), info)]
    envelope = resign(device, parts.fixed, blocks, parts.content)
    assert unseal(envelope, servers[0], device.public).payload == b"payload"
    with pytest.raises(CannotOpen):
        unseal(envelope, servers[1], device.public)


def test_a31_a_co_recipient_cannot_put_another_picture_under_the_signature(device: DeviceKey) -> None:
    victim, forger = (ServerKey.generate(Suite.X25519) for _ in range(2))
    parts = cut(seal(device, [victim.public, forger.public], b"picture one"))
    header_hash = schedule.header_hash(parts.fixed, parts.header.recipients)
    content_key = reader.unwrap_content_key(parts, forger, header_hash)
    decryptor = Cobblestone256Decryptor(content_key, schedule.content_context(header_hash))
    content = decryptor.update(parts.content) + decryptor.finalize()
    factor = SecurityFactor(
        FACTOR, context_of(device).encode(), hashlib.sha256(b"data").digest(), hashlib.sha256(b"picture two").digest()
    ).encode()
    forged_factor = struct.pack(">I", len(factor)) + factor + struct.pack(">I", 4) + b"data" + b"picture two"
    for plaintext in (content.replace(b"picture one", b"picture two"), forged_factor):
        encryptor = Cobblestone256Encryptor(content_key, schedule.content_context(header_hash))
        forged = encryptor.update(plaintext) + encryptor.finalize()
        with pytest.raises(FactorMismatch):
            unseal(join(parts.fixed, parts.blocks, parts.signature, forged), victim, device.public)


def test_a32_a_second_spelling_of_a_signature_is_refused(server: ServerKey) -> None:
    for sign, rewritten in (
        ("ed25519", lambda s: s[:32] + (int.from_bytes(s[32:], "little") + ED25519_ORDER).to_bytes(32, "little")),
        ("ecdsa-p256", lambda s: s[:32] + (P256_ORDER - int.from_bytes(s[32:], "big")).to_bytes(32, "big")),
    ):
        device = DeviceKey.generate("POS-0001", sign)
        parts = cut(seal(device, server.public))
        unseal(join(parts.fixed, parts.blocks, parts.signature, parts.content), server, device.public)
        with pytest.raises(BadSignature):
            unseal(join(parts.fixed, parts.blocks, rewritten(parts.signature), parts.content), server, device.public)


def test_a33_a_signature_by_half_of_a_hybrid_is_refused(server: ServerKey) -> None:
    device = DeviceKey.generate("POS-0001", "ed25519+ml-dsa-65")
    parts = cut(seal(device, server.public))
    for offset in (0, 63, 64, 3372):
        altered = bytearray(parts.signature)
        altered[offset] ^= 1
        with pytest.raises(BadSignature):
            unseal(join(parts.fixed, parts.blocks, bytes(altered), parts.content), server, device.public)


def test_a33_a_key_registered_for_another_signature_is_refused(device: DeviceKey, server: ServerKey) -> None:
    ecdsa = DeviceKey.generate("POS-0001", "ecdsa-p256")
    parts = cut(seal(ecdsa, server.public))
    with pytest.raises(PolicyError):
        unseal(
            join(with_header(parts, sign_version=1), parts.blocks, parts.signature, parts.content), server, ecdsa.public
        )


def test_a33_unknown_keys_are_named_as_such(device: DeviceKey, server: ServerKey, envelope: bytes) -> None:
    with pytest.raises(UnknownKey):
        unseal(envelope, server, DeviceKey.generate("POS-0001").public)
    with pytest.raises(UnknownKey):
        unseal(envelope, ServerKey.generate(Suite.X25519), device.public)


def test_a33_another_key_under_the_same_id_is_a_bad_signature(
    device: DeviceKey, server: ServerKey, envelope: bytes
) -> None:
    other = DeviceKey.generate("POS-0001").public
    with pytest.raises(BadSignature):
        unseal_envelope(envelope, server, {device.key_id: other}, Policy(suites=frozenset({Suite.X25519})))


@pytest.mark.parametrize(
    ("validity", "counts"),
    [
        (Validity(not_before=NOW), True),
        (Validity(not_after=NOW), True),
        (Validity(not_before=NOW + 1), False),
        (Validity(not_after=NOW - 1), False),
        (Validity(revoked=True), False),
    ],
)
def test_a33_keys_count_in_their_time_and_until_revoked(
    device: DeviceKey, server: ServerKey, envelope: bytes, validity: Validity, counts: bool
) -> None:
    record = DevicePublic("POS-0001", 1, device.public.key, validity)
    timed_device = DeviceKey.generate("POS-0001", validity=validity)
    timed_server = ServerKey.generate(Suite.X25519, validity=validity)
    if counts:
        unseal(envelope, server, record)
        seal(timed_device, timed_server.public)
        return
    with pytest.raises(KeyNotValid):
        unseal(envelope, server, record)
    with pytest.raises(KeyNotValid):
        seal(timed_device, server.public)
    with pytest.raises(KeyNotValid):
        seal(device, timed_server.public)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(suites=frozenset({Suite.X25519}), sign_versions=frozenset({2})),
        Policy(suites=frozenset({Suite.X25519}), profiles=frozenset({2})),
    ],
)
def test_what_a_policy_does_not_name_is_refused(
    device: DeviceKey, server: ServerKey, envelope: bytes, policy: Policy
) -> None:
    with pytest.raises(PolicyError):
        unseal(envelope, server, device.public, policy=policy)


def test_a_session_opening_is_no_message(device: DeviceKey, server: ServerKey) -> None:
    writer = EnvelopeWriter(server.public, device, clock=now_s)
    opening, _ = writer.open_session(1, factor_of(device, b"", b""), b"", b"")
    with pytest.raises(PolicyError, match="opens a session"):
        unseal(opening, server, device.public)


def test_a47_inside_decryption_there_is_one_text(device: DeviceKey, server: ServerKey) -> None:
    parts = cut(seal(device, server.public))
    wrapped = bytearray(parts.blocks[0])
    wrapped[-1] ^= 1
    broken = [resign(device, parts.fixed, [bytes(wrapped)], parts.content)]
    for offset in (0, 30, 60, len(parts.content) - 1):
        content = bytearray(parts.content)
        content[offset] ^= 1
        broken.append(join(parts.fixed, parts.blocks, parts.signature, content))
    texts = set()
    for envelope in broken:
        with pytest.raises(CannotOpen) as caught:
            unseal(envelope, server, device.public)
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_a45_what_was_unsealed_is_not_printed(device: DeviceKey, server: ServerKey) -> None:
    unsealed = unseal(seal(device, server.public, b"CANARY-PIXELS", b"CANARY-DATA"), server, device.public)
    assert "CANARY" not in repr(unsealed)


def test_the_buffer_pool_keeps_two_buffers_of_moderate_size() -> None:
    pool = BufferPool()
    with pool.borrow(10) as first, pool.borrow(20) as second, pool.borrow(30) as third:
        assert [len(view) for view in (first, second, third)] == [10, 20, 30]
        assert len({id(view.obj) for view in (first, second, third)}) == 3
    assert len(pool._free) == 2
    largest = 14_913_081  # with an eighth more, 16 MiB
    with pool.borrow(largest + 1):
        pass
    assert all(len(buffer) < 40 for buffer in pool._free)
    with pool.borrow(largest):
        pass
    assert len(pool._free[-1]) == 1 << 24


def test_the_buffer_pool_serves_sizes_that_vary_a_little_from_one_buffer() -> None:
    pool, sources = BufferPool(), set()
    for size in (800, 900, 1, 850):
        with pool.borrow(size) as view:
            assert len(view) == size
            sources.add(id(view.obj))
    assert len(sources) == 1


def raising(error: BaseException) -> Callable[..., object]:
    def raises(*_: object) -> object:
        raise error

    return raises


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("size", [10, 100_000])
def test_an_error_of_the_payloads_digest_comes_before_those_of_other_checks(workers: int, size: int) -> None:
    hasher, payload, required = payload_hasher(workers), bytes(size), []
    assert hasher.check_beside(payload, required.append, lambda: "found") == "found"
    with pytest.raises(StaleCapture):
        hasher.check_beside(payload, required.append, raising(StaleCapture()))
    assert required == [hashlib.sha256(payload).digest()] * 2
    for checks in (lambda: "found", raising(StaleCapture())):
        with pytest.raises(FactorMismatch):
            hasher.check_beside(payload, raising(FactorMismatch()), checks)


def test_in_line_nothing_is_checked_before_the_digest_and_an_interrupt_waits_for_none() -> None:
    checked: list[str] = []
    with pytest.raises(FactorMismatch):
        payload_hasher(0).check_beside(b"p", raising(FactorMismatch()), lambda: checked.append("c"))
    assert checked == []
    with pytest.raises(KeyboardInterrupt):
        payload_hasher(1).check_beside(bytes(100_000), raising(FactorMismatch()), raising(KeyboardInterrupt()))
