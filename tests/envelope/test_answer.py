"""Answers: signed, bound to one envelope, sealed where possible (A42, A45, A63)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealframe.envelope import AnswerKey, EnvelopeWriter, write_clear_answer
from sealframe.errors import (
    BadSignature,
    CannotOpen,
    KeyFileError,
    LimitExceeded,
    MalformedEnvelope,
    PolicyError,
    SealframeError,
    UnknownKey,
    UnsupportedEnvelope,
)
from sealframe.keys import SIGN_NAMES, DeviceKey, ServerKey, SharedKey, Suite
from sealframe.keys.key_file import record_block
from tests.sealing import factor_of, now_s, seal, unseal

BODY = b'{"result": "paid"}'


@pytest.fixture(scope="module")
def device() -> DeviceKey:
    return DeviceKey.generate("POS-0001")


@pytest.fixture(scope="module")
def server() -> ServerKey:
    return ServerKey.generate(Suite.X25519)


@pytest.fixture(scope="module")
def request_(device: DeviceKey, server: ServerKey) -> tuple[bytes, AnswerKey]:
    writer = EnvelopeWriter(server.public, device, clock=now_s)
    return writer.write_request(1, factor_of(device, b"payload", b"data"), b"data", b"payload")


@pytest.mark.parametrize("sign", SIGN_NAMES)
def test_the_server_answers_and_the_device_reads(device: DeviceKey, sign: str) -> None:
    server = ServerKey.generate(Suite.X25519, sign)
    writer = EnvelopeWriter(server.public, device, clock=now_s)
    envelope, answer_key = writer.write_request(1, factor_of(device, b"p", b"d"), b"d", b"p")
    answer = unseal(envelope, server, device.public).answer_key.write(server, BODY)
    assert answer_key.read(answer, server.public) == (BODY, True)
    assert BODY not in answer


def test_a_server_that_cannot_open_answers_in_the_clear(device: DeviceKey, request_: tuple[bytes, AnswerKey]) -> None:
    envelope, answer_key = request_
    server = ServerKey.generate()
    answer = write_clear_answer(server, envelope, b"rejected")
    assert answer_key.read(answer, [ServerKey.generate().public, server.public]) == (b"rejected", False)
    with pytest.raises(MalformedEnvelope):
        write_clear_answer(server, b"nothing", b"rejected")


def test_a42_the_same_request_may_be_answered_again(
    device: DeviceKey, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    envelope, answer_key = request_
    for _ in range(2):
        answer = unseal(envelope, server, device.public).answer_key.write(server, BODY)
        assert answer_key.read(answer, server.public).body == BODY


def test_a63_the_answer_to_another_request_is_refused(
    device: DeviceKey, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    other = seal(device, server.public)
    for answer in (
        unseal(other, server, device.public).answer_key.write(server, BODY),
        write_clear_answer(server, other, BODY),
    ):
        with pytest.raises(PolicyError, match="another request"):
            request_[1].read(answer, server.public)


def test_a63_every_altered_bit_and_truncation_is_refused(
    device: DeviceKey, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    envelope, answer_key = request_
    for answer in (
        unseal(envelope, server, device.public).answer_key.write(server, BODY),
        write_clear_answer(server, envelope, BODY),
    ):
        altered = [bytes(answer[:length]) for length in range(len(answer))] + [answer + b"\0"]
        for offset in range(len(answer) * 8):
            flipped = bytearray(answer)
            flipped[offset // 8] ^= 1 << offset % 8
            altered.append(bytes(flipped))
        for wrong in altered:
            with pytest.raises(SealframeError):
                answer_key.read(wrong, server.public)


def test_a63_an_unsigned_or_foreign_answer_is_none(
    device: DeviceKey, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    envelope, answer_key = request_
    stranger = ServerKey.generate(Suite.X25519)
    with pytest.raises(UnknownKey):
        answer_key.read(write_clear_answer(stranger, envelope, BODY), server.public)
    answer = bytearray(write_clear_answer(server, envelope, BODY))
    unsigned = bytearray(answer)
    unsigned[6] = 0
    with pytest.raises(UnsupportedEnvelope):
        answer_key.read(unsigned, server.public)
    renamed = bytearray(answer)
    renamed[6] = 5
    with pytest.raises(PolicyError):
        answer_key.read(renamed, server.public)
    assert answer[:8] == b"\x89SLA\1\0\1\0"
    reserved = bytearray(answer)
    reserved[7] = 1
    for wrong, error in (
        (b"HTTP/1.1 200 OK", MalformedEnvelope),
        (bytes(reserved), MalformedEnvelope),
        (bytes(answer[:56]) + bytes(63), MalformedEnvelope),
        (bytes(answer[:56]) + bytes(65_537 + 64), MalformedEnvelope),
        (bytes(answer[:-1]), BadSignature),
    ):
        with pytest.raises(error):
            answer_key.read(wrong, server.public)


def test_only_those_who_could_open_the_envelope_read_the_answer(
    device: DeviceKey, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    envelope, answer_key = request_
    answer = unseal(envelope, server, device.public).answer_key.write(server, BODY)
    with pytest.raises(CannotOpen):
        AnswerKey(answer_key.envelope_id, bytes(32)).read(answer, server.public)


def test_a_holder_of_a_shared_key_answers_with_its_server_key(device: DeviceKey, server: ServerKey) -> None:
    shared = SharedKey.generate()
    writer = EnvelopeWriter(shared, device, clock=now_s)
    envelope, answer_key = writer.write_request(1, factor_of(device, b"p", b"d"), b"d", b"p")
    answer = unseal(envelope, shared, device.public).answer_key.write(server, BODY)
    assert answer_key.read(answer, server.public).body == BODY


def test_answers_have_a_limit(server: ServerKey, request_: tuple[bytes, AnswerKey]) -> None:
    longest = request_[1].write(server, bytes(65_536))
    assert request_[1].read(longest, server.public).body == bytes(65_536)
    with pytest.raises(LimitExceeded):
        request_[1].write(server, bytes(65_537))


def test_the_answer_key_waits_in_a_private_file(
    tmp_path: Path, server: ServerKey, request_: tuple[bytes, AnswerKey]
) -> None:
    path, answer_key = tmp_path / "pending", request_[1]
    answer_key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert AnswerKey.load(path).read(answer_key.write(server, BODY), server.public).body == BODY
    with pytest.raises(KeyFileError):
        answer_key.save(path)
    text = path.read_text()
    nameless = record_block("SEALFRAME ANSWER", {}).pem() + text[text.index("-----BEGIN SEALFRAME ANSWER SECRET") :]
    for damaged in (text + text, text.replace("ANSWER SECRET", "OTHER SECRET"), nameless):
        path.write_text(damaged)
        with pytest.raises(KeyFileError):
            AnswerKey.load(path)
    for wrong in (AnswerKey(b"short", bytes(32)), AnswerKey(bytes(32), b"short")):
        wrong.save(path, overwrite=True)
        with pytest.raises(KeyFileError):
            AnswerKey.load(path)


def test_the_answer_key_waits_in_a_journal(server: ServerKey, request_: tuple[bytes, AnswerKey]) -> None:
    kept = request_[1].to_bytes()
    assert AnswerKey.from_bytes(kept).read(request_[1].write(server, BODY), server.public).body == BODY
    for wrong in (b"", kept[:-1], kept + b"\0"):
        with pytest.raises(ValueError, match="64 bytes"):
            AnswerKey.from_bytes(wrong)


def test_a45_an_answer_key_does_not_show_its_key(request_: tuple[bytes, AnswerKey]) -> None:
    answer_key = request_[1]
    assert answer_key.envelope_id.hex() in repr(answer_key)
    assert answer_key._key.hex() not in repr(answer_key)
